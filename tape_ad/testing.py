"""The laws that every op obeys, for anyone's op: `check_op`; and the same for a function: `check_grads`.

A law compares two ways to one number: a rule with a central difference, forward with reverse mode, arrays with tensors,
a tensor with NumPy. What is drawn is fixed by the op's name and the case, so a failure can be repeated.
"""

import inspect
import operator
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from attrs import frozen

from tape_ad._batched import Batched
from tape_ad._cases import Case, Domain
from tape_ad._check_grads import check_grads as check_grads
from tape_ad._core import Op, Tensor
from tape_ad._errors import PiecewiseConstantError
from tape_ad._rules import REAL
from tape_ad._tape import Tape

STEP = 1e-5
"""Of the central differences. Their error is about 1e-10, for points and slopes of about 1."""
CLOSE = 1e-5
"""How far, relative to the numbers, a derivative may be from a central difference."""
EXAMPLES = 3
"""How many examples go in one batch."""
EXACT = 1e-10
"""How far, relative to the terms, two sums may be apart that are equal but for rounding."""

Arrays: TypeAlias = tuple[Any, ...]
Spelling: TypeAlias = tuple[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]]


@frozen
class _Point:
    """A function at a point: what the laws of differentiation are about."""

    label: str
    call: Callable[..., Any]
    datas: Arrays
    vary: tuple[int, ...]

    def value(self, datas: Arrays) -> Any:
        """Return the function's value as an array."""
        return _plain(self.call(*datas))

    def record(self, datas: Arrays, vary: Sequence[int]) -> tuple[list[Tensor], Any]:
        """Return fresh tensors, those of ``vary`` tracked, and the function's recorded result."""
        tensors = [Tensor(x, autograd=i in vary) for i, x in enumerate(datas)]
        return tensors, self.call(*tensors)

    def pull(self, datas: Arrays, ct: Any, vary: Sequence[int], *, differentiable: bool = False) -> list[Any]:
        """Return the gradients by reverse mode, zeros where the function ignores an operand."""
        tensors, out = self.record(datas, vary)
        return _gradients(out, ct, [tensors[i] for i in vary], differentiable=differentiable)

    def push(self, tangents: Mapping[int, Any], *, differentiable: bool = False) -> Any:
        """Return the tangent of the result by forward mode."""
        tensors, out = self.record(self.datas, tuple(tangents))
        return _tangent([out], {tensors[i]: d for i, d in tangents.items()}, differentiable=differentiable)[0]


def check_op(op: Op[Any]) -> None:
    """Try all laws on every case of an op.

    The value is NumPy's bit for bit by every way to call it; both modes agree with central differences and with each
    other; arrays and tensors give the same bits; second derivatives are right; dtypes and shapes are kept; nothing
    given is written; complex numbers obey the same laws where the op takes them.

    Raises:
        AssertionError: naming op, case, operand, element and both numbers.

    >>> import tape_ad
    >>> check_op(tape_ad.tanh)
    """
    check_record(op)
    if not op.cases:
        raise AssertionError(
            f"{op.name}: it has no cases, so nothing is known of it. Give it some: cases=(Case(((3,),)),)."
        )
    for case in op.cases:
        check_case(op, case)


def check_record(op: Op[Any]) -> None:
    """Try the laws about the record itself: a docstring of sentences, and a signature that takes what the op takes.

    Raises:
        AssertionError: naming the op and what is missing.
    """
    first = (op.__doc__ or "").strip().partition("\n")[0]
    _holds(first.endswith((".", ":")), f"{op.name}: its docstring should begin with a sentence, not {first!r}")
    names = tuple(inspect.signature(op).parameters)
    _holds("xp" not in names, f"{op.name}: its signature shows the namespace, {names}")
    missing = [name for name in op.params if name not in names]
    _holds(not missing, f"{op.name}: its signature {names} lacks the parameters {missing}")


def check_case(op: Op[Any], case: Case, *, seed: int = 0) -> None:
    """Try the laws of value and derivative on one case of an op.

    Args:
        op: The op.
        case: Shapes, parameters and domains.
        seed: Chooses other points of the same domains.

    Raises:
        AssertionError: naming op, case, operand, element and both numbers.
    """
    domains = case_domains(op, case)
    rng = np.random.default_rng([zlib.crc32(_label(op, case).encode()), seed])
    datas = _drawn(op, case, rng)
    _check_at(op, case, datas, rng)
    _batched_is_stacked(op, case, [datas, *[_drawn(op, case, rng) for _ in range(EXAMPLES - 1)]], rng)
    floats = [i for i, x in enumerate(datas) if x.dtype.kind == "f"]
    if not floats or not all(domains[i].complex for i in floats):
        return
    # All operands complex, and each by itself: a real operand's gradient is real whatever the others are.
    for chosen in dict.fromkeys([tuple(floats), *[(i,) for i in floats]]):
        mixed = list(datas)
        for i in chosen:
            mixed[i] = _draw(domains[i], case.shapes[i], rng, complex_numbers=True)
        if _takes(op, mixed, case.params):
            _check_at(op, case, tuple(mixed), rng)


# --- the laws of one case -------------------------------------------------------------------------------------------
def _check_at(op: Op[Any], case: Case, datas: Arrays, rng: np.random.Generator) -> None:
    """Try everything at one point, and see that what was given is as it was."""
    label = _label(op, case) + (" of complex numbers" if any(x.dtype.kind == "c" for x in datas) else "")
    before = [x.copy() for x in datas]
    try:
        _value_is_numpys(op, case.params, datas, label)
        floating = tuple(i for i, x in enumerate(datas) if x.dtype.kind in "fc")
        domains = case_domains(op, case)
        for call, out, which in _each_result(op, case.params, datas):
            call = _projected(call, domains)  # noqa: PLW2901 - the same function on the domain
            if not op.tracks:
                _is_piecewise_constant(_Point(label + which, call, datas, floating))
            elif out.dtype.kind in "fc":
                point = _Point(label + which, call, datas, tuple(i for i in floating if _has_rule(op, i)))
                if point.vary:
                    _derivative_laws(point, rng)
                    _single_precision(point, keeps="dtype" not in case.params)
    except AssertionError:
        raise
    except Exception as error:
        error.add_note(f"while trying the laws on {label}")
        raise
    for i, (x, copy) in enumerate(zip(datas, before, strict=True)):
        _same_bits(x, copy, f"{label}: operand {i} was written")


def _derivative_laws(point: _Point, rng: np.random.Generator) -> None:
    _, out = point.record(point.datas, point.vary)
    _holds(out.autograd, f"{point.label}: the result of tracked operands is not tracked")
    ct = _random(out.data, rng)
    tangents = {i: _random(point.datas[i], rng) for i in point.vary}
    given = [(a, a.copy()) for a in (ct, *tangents.values())]
    _tangents_are_differences(point, tangents)
    _gradients_are_differences(point, ct)
    _modes_are_transposes(point, ct, tangents)
    _tensors_give_the_same_bits(point, ct, tangents)
    _others_do_not_matter(point, ct)
    _second_order(point, ct, tangents, rng)
    for a, copy in given:
        _same_bits(a, copy, f"{point.label}: a cotangent or tangent was written")


def _value_is_numpys(op: Op[Any], params: Mapping[str, Any], datas: Arrays, label: str) -> None:
    """By the op, NumPy's functions, methods and operators, with any of the operands a tensor: the bits are NumPy's."""
    for forms in _scalar_forms(datas):
        plain = list(_spellings(op, forms, params))
        for tensors in _tensor_choices(len(forms)):
            operands = tuple(Tensor(x) if t else x for x, t in zip(forms, tensors, strict=True))
            for (how, function, args, kwargs), (_, _, mixed, mixed_kwargs) in zip(
                plain, _spellings(op, operands, params), strict=True
            ):
                if isinstance(function, _Method) and not tensors[0]:
                    continue  # a method of NumPy's own array
                # NumPy's scalars hand a tensor to the ufunc, whose last bit may differ from that of scalar arithmetic.
                handed = isinstance(args[0], np.generic) and not tensors[0]
                expected = (_UFUNCS.get(function, function) if handed else function)(*args, **kwargs)
                actual = function(*mixed, **mixed_kwargs)
                what = f"{label}: {how} with operands {'+'.join('T' if t else type(x).__name__ for x, t in zip(forms, tensors, strict=True))}"
                _same_results(actual, expected, what, tensors=True)
        # The op itself: against NumPy's function where it has one of the same parameters, else against its forward.
        direct = _caller(op, params)(*[Tensor(x) for x in forms])
        _same_results(direct, _caller(op, params)(*forms), f"{label}: on tensors and on arrays")
        if plain and plain[0][1] not in _OTHER_MEANING:
            _, function, args, kwargs = plain[0]
            _same_results(direct, function(*args, **kwargs), f"{label}: called by its own name")


def _same_results(actual: Any, expected: Any, what: str, *, tensors: bool = False) -> None:
    """Compare every bit of one result, or of each of several."""
    several, wanted = _results(actual), _results(expected)
    _holds(len(several) == len(wanted), f"{what} gives {len(several)} results, where {len(wanted)} are due")
    for a, e in zip(several, wanted, strict=True):
        _holds(not tensors or isinstance(a, Tensor), f"{what} gives {type(a).__name__}, not Tensor")
        _same_bits(_plain(a), _plain(e), what)


def _results(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _each_result(
    op: Op[Any], params: Mapping[str, Any], datas: Arrays
) -> Iterator[tuple[Callable[..., Any], Any, str]]:
    """Yield each result of an op as a function of its own, with its value and what messages add to the label."""
    call = _caller(op, params)
    out = call(*datas)
    if not op.multiple:
        yield call, out, ""
        return
    for i, part in enumerate(out):
        yield _Result(call, i), part, f", result {i}"


@frozen
class _Result:
    """One of several results of a function."""

    call: Callable[..., Any]
    i: int

    def __call__(self, *xs: Any) -> Any:
        return self.call(*xs)[self.i]


def _batched_is_stacked(op: Op[Any], case: Case, examples: Sequence[Arrays], rng: np.random.Generator) -> None:
    """Many examples at once give what each gives by itself: value, tangent, and gradient, whichever operands vary."""
    plain = examples[0]
    floating = tuple(i for i, x in enumerate(plain) if x.dtype.kind == "f" and _has_rule(op, i))
    for chosen in _tensor_choices(len(plain)):
        if not any(chosen):
            continue
        cases = [tuple(x if b else p for x, p, b in zip(xs, plain, chosen, strict=True)) for xs in examples]
        at_once = tuple(
            Batched(_frozen(np.stack([xs[i] for xs in cases])), (1,)) if b else plain[i] for i, b in enumerate(chosen)
        )
        for call, _, which in _each_result(op, case.params, plain):
            label = f"{_label(op, case)}{which}, {EXAMPLES} examples of operand {_some([i for i, b in enumerate(chosen) if b])}"
            _one_batch(label, call, at_once, cases, floating if op.tracks else (), rng)


def _one_batch(
    where: str, call: Callable[..., Any], at_once: Arrays, cases: Sequence[Arrays], floating: tuple[int, ...],
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Compare one batch with its examples one by one."""
    out = call(*[Tensor(x) for x in at_once])
    values = [_plain(call(*xs)) for xs in cases]
    _close(np.asarray(_stacked(out.data), dtype=complex), np.stack(values), f"{where}: the value", relative=EXACT)
    if not floating or out.dtype.kind != "f":
        return
    cts, ds = [_random(v, rng) for v in values], [{i: _random(xs[i], rng) for i in floating} for xs in cases]
    point = _Point(where, call, at_once, floating)
    singles = [_Point(where, call, xs, floating) for xs in cases]
    pushed = point.push({i: Batched(np.stack([d[i] for d in ds]), (1,)) for i in floating})
    expected = np.stack([p.push(d) for p, d in zip(singles, ds, strict=True)])
    _close(_stacked(pushed), expected, f"{where}: the tangent", relative=EXACT)
    pulled = point.pull(at_once, Batched(np.stack(cts), (1,)), floating)
    each = [p.pull(p.datas, ct, floating) for p, ct in zip(singles, cts, strict=True)]
    for i, gradient, wanted in zip(floating, pulled, zip(*each, strict=True), strict=True):
        _close(_stacked(gradient), np.stack(wanted), f"{where}: the gradient of operand {i}", relative=EXACT)


def _stacked(value: Any) -> Any:
    """Return the examples of a batch along a first axis; one value stands for all."""
    data = _plain(value)
    return data.array if type(data) is Batched else np.broadcast_to(data, (EXAMPLES, *np.shape(data)))


def _is_piecewise_constant(point: _Point) -> None:
    """The result is not tracked, and asking for a gradient says why there is none."""
    tensors, out = point.record(point.datas, point.vary)
    _holds(
        not out.autograd, f"{point.label}: the result should not be tracked, for its derivative is zero by definition"
    )
    for i in point.vary:
        try:
            gradient = Tape.of(out).backward(np.ones(out.shape, out.dtype))[tensors[i]]
        except PiecewiseConstantError:
            continue
        raise AssertionError(
            f"{point.label}: operand {i} has the gradient {gradient}, where an error should say why it has none"
        )


def _tangents_are_differences(point: _Point, tangents: Mapping[int, Any]) -> None:
    """Forward mode, for each operand by itself and for all together."""
    for vary in dict.fromkeys([(i,) for i in tangents] + [tuple(tangents)]):
        chosen = {i: tangents[i] for i in vary}
        if chosen:
            _close(
                point.push(chosen), _difference(point, chosen), f"{point.label}: forward mode, operand {_some(vary)}"
            )


def _gradients_are_differences(point: _Point, ct: Any) -> None:
    """Reverse mode, element by element."""
    for i, gradient in zip(point.vary, point.pull(point.datas, ct, point.vary), strict=True):
        x = point.datas[i]
        where = f"{point.label}: the gradient of operand {i}"
        _holds(np.shape(gradient) == x.shape, f"{where} has shape {np.shape(gradient)}, the operand {x.shape}")
        _holds(gradient.dtype == x.dtype, f"{where} has dtype {gradient.dtype}, the operand {x.dtype}")
        expected = np.zeros(x.shape, x.dtype)
        for element in np.ndindex(x.shape):
            for direction in (1, 1j) if x.dtype.kind == "c" else (1,):
                tangent = np.zeros(x.shape, x.dtype)
                tangent[element] = direction
                # The gradient is the derivative in the real part less i times that in the imaginary part.
                slope = _pair(ct, _difference(point, {i: tangent}))
                expected[element] += slope if direction == 1 else -1j * slope
        _close(gradient, expected, where)


def _modes_are_transposes(point: _Point, ct: Any, tangents: Mapping[int, Any]) -> None:
    """The cotangent times the tangent is one number, on either side of the function."""
    for i, gradient in zip(point.vary, point.pull(point.datas, ct, point.vary), strict=True):
        tangent = point.push({i: tangents[i]})
        _same_sum(
            (ct, tangent),
            (gradient, tangents[i]),
            f"{point.label}: operand {i}, forward and reverse mode are not transposes",
        )


def _tensors_give_the_same_bits(point: _Point, ct: Any, tangents: Mapping[int, Any]) -> None:
    """A rule computes the same on arrays and in the tensor namespace."""
    plain = point.pull(point.datas, ct, point.vary)
    for i, g, recorded in zip(
        point.vary, plain, point.pull(point.datas, ct, point.vary, differentiable=True), strict=True
    ):
        _same_bits(_plain(recorded), g, f"{point.label}: the gradient of operand {i} by a differentiable pass")
    recorded = point.push(tangents, differentiable=True)
    _same_bits(_plain(recorded), point.push(tangents), f"{point.label}: the tangent by a differentiable pass")


def _others_do_not_matter(point: _Point, ct: Any) -> None:
    """An operand's gradient is the same bits whether or not the others are tracked."""
    for i, gradient in zip(point.vary, point.pull(point.datas, ct, point.vary), strict=True):
        (alone,) = point.pull(point.datas, ct, (i,))
        _same_bits(alone, gradient, f"{point.label}: the gradient of operand {i}, with the others constant")


def _second_order(point: _Point, ct: Any, tangents: Mapping[int, Any], rng: np.random.Generator) -> None:
    """Differentiate the backward pass itself, in both modes."""
    tensors, out = point.record(point.datas, point.vary)
    if not getattr(out, "autograd", False):
        return
    seed = Tensor(ct, autograd=True)
    inputs = [tensors[i] for i in point.vary]
    gradients = _gradients(out, seed, inputs, differentiable=True)
    d_seed = _random(ct, rng)
    directions = {**{tensors[i]: d for i, d in tangents.items()}, seed: d_seed}
    actual = _tangent(gradients, directions)

    def moved(step: float) -> list[Any]:
        datas = tuple(x + step * tangents[i] if i in tangents else x for i, x in enumerate(point.datas))
        return point.pull(datas, ct + step * d_seed, point.vary)

    for i, d, up, down in zip(point.vary, actual, moved(STEP), moved(-STEP), strict=True):
        where = f"{point.label}: second order, the change of the gradient of operand {i}"
        _close(d, (np.asarray(up) - np.asarray(down)) / (2 * STEP), where)
    weights = [_random(_plain(g), rng) for g in gradients]
    recorded = [(g, w) for g, w in zip(gradients, weights, strict=True) if isinstance(g, Tensor) and g.autograd]
    if not recorded:
        return
    tape = Tape.of(*[g for g, _ in recorded])
    reached = [t for t in directions if t in tape.child_counts]
    back = tape.backward(tuple(w for _, w in recorded), wrt=reached)
    left = [a for pair in zip(weights, actual, strict=True) for a in pair]
    right = [a for t in reached for a in (back[t], directions[t])]
    _same_sum(
        left, right, f"{point.label}: second order, forward and reverse mode over the backward pass are not transposes"
    )


def _single_precision(point: _Point, *, keeps: bool) -> None:
    """Single precision stays single precision, forwards and backwards, and shapes are kept."""
    narrow = {"f": np.float32, "c": np.complex64}
    datas = tuple(_frozen(x.astype(narrow[x.dtype.kind])) if x.dtype.kind in narrow else x for x in point.datas)
    small = _Point(f"{point.label} in single precision", point.call, datas, point.vary)
    _, out = small.record(datas, small.vary)
    if keeps and all(x.dtype.kind in "fcb" for x in datas):
        _holds(
            out.dtype.itemsize == (8 if out.dtype.kind == "c" else 4),
            f"{small.label}: the result has dtype {out.dtype}",
        )
    ct = np.ones(out.shape, out.dtype)
    exact = point.pull(point.datas, np.ones(out.shape, point.value(point.datas).dtype), point.vary)
    for i, g, e in zip(small.vary, small.pull(datas, ct, small.vary), exact, strict=True):
        where = f"{small.label}: the gradient of operand {i}"
        _holds(g.dtype == datas[i].dtype, f"{where} has dtype {g.dtype}, the operand {datas[i].dtype}")
        _holds(g.shape == datas[i].shape, f"{where} has shape {g.shape}, the operand {datas[i].shape}")
        _close(g, e, where, relative=1e-3)
    tangent = small.push({i: np.ones_like(datas[i]) for i in small.vary})
    _holds(tangent.dtype == out.dtype, f"{small.label}: the tangent has dtype {tangent.dtype}, the result {out.dtype}")
    _holds(tangent.shape == out.shape, f"{small.label}: the tangent has shape {tangent.shape}, the result {out.shape}")


# --- the ways to spell a call ---------------------------------------------------------------------------------------
_OPERATORS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul, np.divide: operator.truediv,
    np.floor_divide: operator.floordiv, np.remainder: operator.mod, np.power: operator.pow, np.matmul: operator.matmul,
    np.negative: operator.neg, np.positive: operator.pos, np.absolute: operator.abs, np.invert: operator.invert,
    np.equal: operator.eq, np.not_equal: operator.ne, np.less: operator.lt, np.less_equal: operator.le,
    np.greater: operator.gt, np.greater_equal: operator.ge, np.bitwise_and: operator.and_, np.bitwise_or: operator.or_,
    np.bitwise_xor: operator.xor, np.left_shift: operator.lshift, np.right_shift: operator.rshift,
}  # fmt: skip

_UFUNCS = {function: ufunc for ufunc, function in _OPERATORS.items()}

_RENAMED = {"repetitions": "reps"}

# How the parameters of an op are written for a NumPy function that does not name them alike; None: it cannot say that.
_WRITTEN: Mapping[Callable[..., Any], Callable[[Arrays, Mapping[str, Any]], tuple[Arrays, dict[str, Any]] | None]] = {
    np.astype: lambda xs, params: ((*xs, params["dtype"]), {}) if not isinstance(xs[0], np.generic) else None,
    np.einsum: lambda xs, params: ((params["subscripts"], *xs), {}),
    np.ravel: lambda xs, params: (xs, {key: value for key, value in params.items() if key == "order"}),
    np.swapaxes: lambda xs, params: ((*xs, 0, -1), {}) if np.ndim(xs[0]) else None,
    np.moveaxis: lambda xs, params: ((*xs, params["axes"], tuple(range(np.ndim(xs[0])))), {}),
    np.matrix_transpose: lambda xs, params: (xs, {}) if np.ndim(xs[0]) > 1 else None,
    np.flipud: lambda xs, params: (xs, {}) if np.ndim(xs[0]) > 0 else None,
    np.fliplr: lambda xs, params: (xs, {}) if np.ndim(xs[0]) > 1 else None,
}
_OTHER_MEANING = frozenset({np.ravel, np.swapaxes, np.matrix_transpose, np.flipud, np.fliplr})

# Ops that stand behind a spelling which is no NumPy function of the same operands.
_BEHIND: Mapping[str, Callable[[Arrays, Mapping[str, Any]], Spelling]] = {
    "getitem": lambda xs, params: (
        "x[index]",
        operator.getitem,
        (np.asarray(xs[0]) if isinstance(xs[0], float) else xs[0], params["index"]),
        {},
    ),
    "masked_reduction": lambda xs, params: (
        f"np.{params['function']} with where=",
        getattr(np, params["function"]),
        xs[:1],
        {"where": xs[1], **{key: value for key, value in params.items() if key != "function"}},
    ),
}


def _spellings(op: Op[Any], xs: Arrays, params: Mapping[str, Any]) -> Iterator[Spelling]:
    """Yield every way to write the call: how it is called, what to call, its arguments."""
    if op.name in _BEHIND:
        yield _BEHIND[op.name](xs, params)
    named = {_RENAMED.get(key, key): value for key, value in params.items()}
    for function in op.numpy:
        written = _WRITTEN.get(function)
        call = ((list(xs),) if op.variadic else xs, named) if written is None else written(xs, params)
        if call is None:
            continue
        args, kwargs = call
        name = function.__name__
        yield f"np.{name}", function, args, kwargs
        if "correction" in kwargs:
            kwargs = {
                **{key: value for key, value in kwargs.items() if key != "correction"},
                "ddof": kwargs["correction"],
            }
            yield f"np.{name} with ddof=", function, args, kwargs
        mutates = name in {"sort", "partition"}  # the methods of these names change the array
        if not (op.variadic or mutates) and hasattr(np.ndarray, name) and hasattr(Tensor, name) and _is_array(xs[0]):
            yield f"the method {name}", _Method(name), args, kwargs
        if function in _OPERATORS:
            yield f"the operator of np.{name}", _OPERATORS[function], args, {}


@frozen
class _Method:
    """A method or property, called like a function of the array."""

    name: str

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        member = getattr(x, self.name)
        if not callable(member) or isinstance(member, Tensor):
            return member
        if self.name in {"reshape", "transpose"} and kwargs:
            first, *rest = kwargs
            return member(kwargs[first], **{key: kwargs[key] for key in rest})
        return member(*args, **kwargs)


def _is_array(x: Any) -> bool:
    return isinstance(x, (np.ndarray, Tensor)) and not isinstance(_plain(x), (bool, int, float, complex))


def _scalar_forms(datas: Arrays) -> Iterator[Arrays]:
    """Yield the operands as they are, and with 0-d ones as NumPy's and as Python's scalars."""
    yield datas
    if any(x.ndim == 0 for x in datas):
        yield tuple(x[()] if x.ndim == 0 else x for x in datas)
        # Not all of them: Python's scalars alone are weak, and NumPy treats them by other rules in its functions.
        if len(datas) > 1 and any(x.ndim for x in datas):
            yield tuple(x.item() if x.ndim == 0 else x for x in datas)


def _tensor_choices(n: int) -> list[tuple[bool, ...]]:
    """Return which operands are tensors: all, each by itself, and all but each."""
    single = [tuple(j == i for j in range(n)) for i in range(n)]
    return list(dict.fromkeys([(True,) * n, *single, *[tuple(not t for t in choice) for choice in single if n > 1]]))


# --- small tools ----------------------------------------------------------------------------------------------------
def _drawn(op: Op[Any], case: Case, rng: np.random.Generator) -> Arrays:
    """Return operands for a case."""
    domains = case_domains(op, case)
    return tuple(_draw(domain, shape, rng) for domain, shape in zip(domains, case.shapes, strict=True))


def _label(op: Op[Any], case: Case) -> str:
    shapes = ", ".join(map(str, case.shapes))
    params = "".join(f", {name}={value!r}" for name, value in case.params.items())
    return f"{op.name}({shapes}{params})"


def case_domains(op: Op[Any], case: Case) -> list[Domain]:
    """Return where each operand of a case is drawn: by the case, else by the op, else from the real numbers."""
    own = op.domain[:1] * len(case.shapes) if op.variadic else op.domain
    return [next((given[i] for given in (case.domains, own) if i < len(given)), REAL) for i in range(len(case.shapes))]


def doors_tried(op: Op[Any], case: Case) -> set[Callable[..., Any]]:
    """Return the NumPy functions by which `check_case` calls the op in this case."""
    rng = np.random.default_rng(0)
    xs = tuple(_draw(domain, shape, rng) for domain, shape in zip(case_domains(op, case), case.shapes, strict=True))
    return {function for _, function, _, _ in _spellings(op, xs, case.params)}


def _draw(domain: Domain, shape: tuple[int, ...], rng: np.random.Generator, *, complex_numbers: bool = False) -> Any:
    z = np.asarray(rng.standard_normal(shape))
    if complex_numbers:
        z = z + 1j * rng.standard_normal(shape)
    return _frozen(np.array(domain.draw(z)))


def _random(like: Any, rng: np.random.Generator) -> Any:
    """Return an array of normal numbers, of the shape and dtype of another."""
    like = np.asarray(like)
    z = rng.standard_normal(like.shape)
    return _frozen(
        np.array(z + 1j * rng.standard_normal(like.shape) if like.dtype.kind == "c" else z, dtype=like.dtype)
    )


def _frozen(array: Any) -> Any:
    array.setflags(write=False)
    return array


def _caller(op: Op[Any], params: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the op with its parameters, as a function of the operands one by one."""
    if op.variadic:
        return lambda *xs: op(list(xs), **params)
    return lambda *xs: op(*xs, **params)


def _projected(call: Callable[..., Any], domains: Sequence[Domain]) -> Callable[..., Any]:
    """Return a function that brings its arguments back to their domains first, where these say how."""
    if all(domain.project is None for domain in domains):
        return call
    return lambda *xs: call(
        *[x if domain.project is None else domain.project(x) for x, domain in zip(xs, domains, strict=True)]
    )


def _takes(op: Op[Any], datas: Sequence[Any], params: Mapping[str, Any]) -> bool:
    """Say whether the op takes operands of these dtypes: NumPy refuses some kinds with a TypeError."""
    try:
        _caller(op, params)(*datas)
    except TypeError:
        return False
    return True


def _has_rule(op: Op[Any], i: int) -> bool:
    rules = op.partials or op.vjps
    return op.expression is not None or op.variadic or (i < len(rules) and rules[i] is not None)


def _plain(value: Any) -> Any:
    return value.data if isinstance(value, Tensor) else value


def _some(vary: Sequence[int]) -> str:
    return " and ".join(map(str, vary))


def _gradients(out: Any, ct: Any, inputs: Sequence[Tensor], *, differentiable: bool = False) -> list[Any]:
    """Return the gradients of ``out``, zeros where it does not depend on an input."""
    if not (isinstance(out, Tensor) and out.autograd):
        return [np.zeros(t.shape, t.dtype) for t in inputs]
    tape = Tape.of(out)
    reached = [t for t in inputs if t in tape.child_counts]
    found = tape.backward(ct, wrt=reached, differentiable=differentiable)
    return [found[t] if t in tape.child_counts else np.zeros(t.shape, t.dtype) for t in inputs]


def _tangent(outs: Sequence[Any], tangents: Mapping[Tensor, Any], *, differentiable: bool = False) -> list[Any]:
    """Return the tangents of some results, zeros where they do not depend on what varies."""
    zeros = [np.zeros(np.shape(_plain(out)), np.result_type(_plain(out))) for out in outs]
    tracked = [i for i, out in enumerate(outs) if isinstance(out, Tensor) and out.autograd]
    if not tracked:
        return zeros
    tape = Tape.of(*[outs[i] for i in tracked])
    known = {t: d for t, d in tangents.items() if t in tape.child_counts}
    for i, d in zip(tracked, tape.pushforward(known, differentiable=differentiable), strict=True):
        zeros[i] = d
    return zeros


def _difference(point: _Point, tangents: Mapping[int, Any]) -> Any:
    """Return the central difference of the function along the tangents."""
    up, down = (
        np.asarray(point.value(tuple(x + h * tangents[i] if i in tangents else x for i, x in enumerate(point.datas))))
        for h in (STEP, -STEP)
    )
    return (up - down) / (2 * STEP)


def _pair(ct: Any, tangent: Any) -> float:
    return float(np.sum(np.asarray(ct) * np.asarray(tangent)).real)


def _holds(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(f"{message}.")


def _close(actual: Any, expected: Any, where: str, *, relative: float = CLOSE) -> None:
    """Compare a derivative with what it should be, element by element, and name the worst."""
    actual, expected = np.asarray(_plain(actual)), np.asarray(expected)
    _holds(actual.shape == expected.shape, f"{where} has shape {actual.shape}, where {expected.shape} is due")
    if not actual.size:
        return
    distance = np.abs(actual - expected)
    allowed = relative * (np.abs(expected) + 0.1)
    wrong = ~(distance <= allowed)
    if wrong.any():
        worst = np.unravel_index(np.argmax(np.where(np.isnan(distance), np.inf, distance / allowed)), distance.shape)
        element = tuple(int(i) for i in worst)
        raise AssertionError(
            f"{where}, element {element}: the rule gives {actual[worst]}, central differences {expected[worst]}."
        )


def _same_sum(left: Sequence[Any], right: Sequence[Any], where: str) -> None:
    """Compare two sums of products, relative to their terms; each list alternates between the two factors."""
    sums = []
    size = 1.0
    for side in (left, right):
        pairs = list(zip(side[::2], side[1::2], strict=True))
        sums.append(sum(_pair(a, b) for a, b in pairs))
        size += sum(float(np.sum(np.abs(np.asarray(a) * np.asarray(b)))) for a, b in pairs)
    if not abs(sums[0] - sums[1]) <= EXACT * size:
        raise AssertionError(f"{where}: {sums[0]} and {sums[1]}.")


def _same_bits(actual: Any, expected: Any, where: str) -> None:
    """Compare dtype, shape and every bit."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    _holds(actual.dtype == expected.dtype, f"{where}: it has dtype {actual.dtype}, where {expected.dtype} is due")
    _holds(actual.shape == expected.shape, f"{where}: it has shape {actual.shape}, where {expected.shape} is due")
    if actual.tobytes() != expected.tobytes():
        for element in np.ndindex(actual.shape):
            if actual[element].tobytes() != expected[element].tobytes():
                raise AssertionError(
                    f"{where}, element {element}: {actual[element]!r} is not {expected[element]!r}, bit for bit."
                )
