"""The laws of one case of an op: its value by every spelling, both modes, second order, many examples, dtypes."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from attrs import evolve, frozen

from tape_ad._batched import Batched
from tape_ad._cases import Case, Domain
from tape_ad._core import Op, Tensor
from tape_ad._law_tools import (
    EXACT,
    Arrays,
    Law,
    close,
    data_of,
    holds,
    listed,
    random_like,
    same_bits,
    write_protected,
)
from tape_ad._laws import Point, derivative_laws, is_piecewise_constant, narrowed, single_precision
from tape_ad._rules import REAL
from tape_ad._spellings import OTHER_MEANING, UFUNCS, Method, scalar_forms, spellings, tensor_choices

EXAMPLES = 3
"""How many examples go in one batch."""


def case_laws(op: Op[Any], case: Case, *, seed: int = 0) -> Iterator[Law]:
    """Yield the laws of value and derivative on one case of an op, each to be checked before the next is asked for.

    ``seed`` chooses other points of the same domains.
    """
    domains = case_domains(op, case)
    rng = np.random.default_rng([zlib.crc32(label_of(op, case).encode()), seed])
    datas = _drawn(op, case, rng)
    yield from _laws_at(op, case, datas, rng)
    yield from _batches(op, case, [datas, *[_drawn(op, case, rng) for _ in range(EXAMPLES - 1)]], rng)
    floats = [i for i, x in enumerate(datas) if x.dtype.kind == "f"]
    if not floats or not all(domains[i].complex for i in floats):
        return
    # All operands complex, and each by itself: a real operand's gradient is real whatever the others are.
    for chosen in dict.fromkeys([tuple(floats), *[(i,) for i in floats]]):
        mixed = list(datas)
        for i in chosen:
            mixed[i] = _draw(domains[i], case.shapes[i], rng, complex_numbers=True)
        if _takes(op, mixed, case.params):
            for law in _laws_at(op, case, tuple(mixed), rng):
                yield evolve(law, column="complex")


def _laws_at(op: Op[Any], case: Case, datas: Arrays, rng: np.random.Generator) -> Iterator[Law]:
    """Yield the laws at one point, the last of them that what was given is as it was."""
    label = label_of(op, case) + (" of complex numbers" if any(x.dtype.kind == "c" for x in datas) else "")
    before = [x.copy() for x in datas]
    yield Law("value", partial(_value_is_numpys, op, case.params, datas, label))
    floating = tuple(i for i, x in enumerate(datas) if x.dtype.kind in "fc")
    if floating:
        yield Law(
            "float32", partial(_value_is_numpys, op, case.params, narrowed(datas), f"{label} in single precision")
        )
    domains = case_domains(op, case)
    for call, out, which in _each_result(op, case, datas):
        call = _projected(call, domains)  # noqa: PLW2901 - the same function on the domain
        if not op.tracks:
            constant = Point(label + which, call, datas, floating)
            yield Law("vjp", partial(is_piecewise_constant, constant), counts=False)
        elif out.dtype.kind in "fc":
            point = Point(label + which, call, datas, tuple(i for i in floating if _has_rule(op, i)))
            if point.vary:
                yield from derivative_laws(point, rng)
                yield Law("float32", partial(single_precision, point, keeps="dtype" not in case.params))
    yield Law("value", partial(_nothing_is_written, label, datas, before))


def _nothing_is_written(label: str, datas: Arrays, before: Sequence[Any]) -> None:
    for i, (x, copy) in enumerate(zip(datas, before, strict=True)):
        same_bits(x, copy, f"{label}: operand {i} was written")


def _value_is_numpys(op: Op[Any], params: Mapping[str, Any], datas: Arrays, label: str) -> None:
    """By the op, NumPy's functions, methods and operators, with any of the operands a tensor: the bits are NumPy's."""
    for forms in scalar_forms(datas):
        plain = list(spellings(op, forms, params))
        for tensors in tensor_choices(len(forms)):
            operands = tuple(Tensor(x) if t else x for x, t in zip(forms, tensors, strict=True))
            for (how, function, args, kwargs), (_, _, mixed, mixed_kwargs) in zip(
                plain, spellings(op, operands, params), strict=True
            ):
                if not tensors[0] and (isinstance(function, Method) or _is_plain((mixed, mixed_kwargs))):
                    continue  # a method of NumPy's own array, or a call of NumPy's without a tensor
                # NumPy's scalars hand a tensor to the ufunc, whose last bit may differ from that of scalar arithmetic.
                handed = isinstance(args[0], np.generic) and not tensors[0]
                expected = (UFUNCS.get(function, function) if handed else function)(*args, **kwargs)
                actual = function(*mixed, **mixed_kwargs)
                what = f"{label}: {how} with operands {'+'.join('T' if t else type(x).__name__ for x, t in zip(forms, tensors, strict=True))}"
                _same_results(actual, expected, what, tensors=True)
        # The op itself: against NumPy's function where it has one of the same parameters, else against its forward.
        direct = _caller(op, params)(*[Tensor(x) for x in forms])
        _same_results(direct, _caller(op, params)(*forms), f"{label}: on tensors and on arrays")
        if plain and plain[0][1] not in OTHER_MEANING:
            _, function, args, kwargs = plain[0]
            _same_results(direct, function(*args, **kwargs), f"{label}: called by its own name")


def _is_plain(nested: Any) -> bool:
    """Say whether there is no tensor in tuples, lists and dictionaries."""
    if isinstance(nested, (tuple, list)):
        return all(_is_plain(part) for part in nested)
    return _is_plain(list(nested.values())) if isinstance(nested, dict) else not isinstance(nested, Tensor)


def _same_results(actual: Any, expected: Any, what: str, *, tensors: bool = False) -> None:
    """Compare every bit of one result, or of each of several."""
    several, wanted = _results(actual), _results(expected)
    holds(len(several) == len(wanted), f"{what} gives {len(several)} results, where {len(wanted)} are due")
    for a, e in zip(several, wanted, strict=True):
        holds(not tensors or isinstance(a, Tensor), f"{what} gives {type(a).__name__}, not Tensor")
        same_bits(data_of(a), data_of(e), what)


def _results(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _each_result(op: Op[Any], case: Case, datas: Arrays) -> Iterator[tuple[Callable[..., Any], Any, str]]:
    """Yield each result of an op as a function of its own, with its value and what messages add to the label."""
    call = _caller(op, case.params)
    out = call(*datas)
    if case.reads is not None:
        yield _Read(call, case.reads), case.reads(*_results(out)), ", what is read of its results"
    elif not op.multiple:
        yield call, out, ""
    else:
        for i, part in enumerate(out):
            yield _Result(call, i), part, f", result {i}"


@frozen
class _Read:
    """What a case reads of several results of a function."""

    call: Callable[..., Any]
    reads: Callable[..., Any]

    def __call__(self, *xs: Any) -> Any:
        return self.reads(*self.call(*xs))


@frozen
class _Result:
    """One of several results of a function."""

    call: Callable[..., Any]
    i: int

    def __call__(self, *xs: Any) -> Any:
        return self.call(*xs)[self.i]


def _batches(op: Op[Any], case: Case, examples: Sequence[Arrays], rng: np.random.Generator) -> Iterator[Law]:
    """Yield the laws that many examples at once give what each gives by itself, whichever operands vary."""
    plain = examples[0]
    floating = tuple(i for i, x in enumerate(plain) if x.dtype.kind == "f" and _has_rule(op, i))
    for chosen in tensor_choices(len(plain)):
        if not any(chosen):
            continue
        cases = [tuple(x if b else p for x, p, b in zip(xs, plain, chosen, strict=True)) for xs in examples]
        at_once = tuple(
            Batched(write_protected(np.stack([xs[i] for xs in cases])), (1,)) if b else plain[i]
            for i, b in enumerate(chosen)
        )
        for call, _, which in _each_result(op, case, plain):
            label = f"{label_of(op, case)}{which}, {EXAMPLES} examples of operand {listed([i for i, b in enumerate(chosen) if b])}"
            varying = floating if op.tracks else ()
            yield Law("batching", partial(batch_is_stacked, label, call, at_once, cases, varying, rng))


def batch_is_stacked(
    where: str, call: Callable[..., Any], at_once: Arrays, cases: Sequence[Arrays], floating: tuple[int, ...],
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Value, tangent and gradient of one batch are those of its examples, one by one."""
    out = call(*[Tensor(x) for x in at_once])
    values = [data_of(call(*xs)) for xs in cases]
    close(np.asarray(_stacked(out), dtype=complex), np.stack(values), f"{where}: the value", relative=EXACT)
    if not floating or out.dtype.kind != "f":
        return
    cts, ds = [random_like(v, rng) for v in values], [{i: random_like(xs[i], rng) for i in floating} for xs in cases]
    point = Point(where, call, at_once, floating)
    singles = [Point(where, call, xs, floating) for xs in cases]
    pushed = point.push({i: Batched(np.stack([d[i] for d in ds]), (1,)) for i in floating})
    expected = np.stack([p.push(d) for p, d in zip(singles, ds, strict=True)])
    close(_stacked(pushed), expected, f"{where}: the tangent", relative=EXACT)
    pulled = point.pull(at_once, Batched(np.stack(cts), (1,)), floating)
    each = [p.pull(p.datas, ct, floating) for p, ct in zip(singles, cts, strict=True)]
    for i, gradient, wanted in zip(floating, pulled, zip(*each, strict=True), strict=True):
        close(_stacked(gradient), np.stack(wanted), f"{where}: the gradient of operand {i}", relative=EXACT)


def _stacked(value: Any) -> Any:
    """Return the examples of a batch along a first axis; one value stands for all."""
    data = data_of(value)
    return data.array if type(data) is Batched else np.broadcast_to(data, (EXAMPLES, *np.shape(data)))


# --- small tools ----------------------------------------------------------------------------------------------------
def _drawn(op: Op[Any], case: Case, rng: np.random.Generator) -> Arrays:
    """Return operands for a case."""
    domains = case_domains(op, case)
    return tuple(_draw(domain, shape, rng) for domain, shape in zip(domains, case.shapes, strict=True))


def label_of(op: Op[Any], case: Case) -> str:
    """Return how messages call a case of an op."""
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
    return {function for _, function, _, _ in spellings(op, xs, case.params)}


def _draw(domain: Domain, shape: tuple[int, ...], rng: np.random.Generator, *, complex_numbers: bool = False) -> Any:
    z = np.asarray(rng.standard_normal(shape))
    if complex_numbers:
        z = z + 1j * rng.standard_normal(shape)
    return write_protected(np.array(domain.draw(z)))


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
