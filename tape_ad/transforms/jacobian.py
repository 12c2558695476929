"""All derivatives of a function, and products with them: `jacobian`, `hessian`, `hvp` and their kin.

All directions go through the tape in one pass, as one batch.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Literal, ParamSpec, TypeAlias, TypeVar, overload

import numpy as np
from attrs import field, frozen

from tape_ad import _tree
from tape_ad._batched import Batched
from tape_ad._core import ARRAYS, TABLE, TENSORS, Tensor, constant
from tape_ad._errors import ArgumentError
from tape_ad._stacked import leading, many_small, trailing
from tape_ad._tape import Tape
from tape_ad._typing import RealScalar
from tape_ad.transforms._call import Recording, call_recorded, caller, check_watched, rarer_collection, serials
from tape_ad.transforms._functions import Argnums, Place, Transform, function, name_of, places, refuse_keywords
from tape_ad.transforms._results import Outputs, outputs_of, plain, reaches_outside, release, settle, split_aux
from tape_ad.transforms.gradient import Gradient, check_scalar, grad
from tape_ad.transforms.modes import check_pairs, directions_of, is_tracked, linearize, tangents_of, vjp

P = ParamSpec("P")
A = TypeVar("A", bound=Any)
R = TypeVar("R")
Aux = TypeVar("Aux")
Mode: TypeAlias = Literal["auto", "fwd", "rev"]


def _mode(mode: Any) -> Any:
    if mode not in ("auto", "fwd", "rev"):
        msg = f'mode is "auto", "fwd" or "rev", but got {mode!r}.'
        raise ArgumentError(msg)
    return mode


@frozen(repr=False)
class Jacobian(Transform, Generic[P, R]):
    """All derivatives of a function, as a function; see `jacobian`."""

    fun: Callable[..., Any] = field(converter=function)
    argnums: Place | tuple[Place, ...] = field(default=0, converter=places)
    mode: Mode = field(default="auto", converter=_mode)
    has_aux: bool = False
    holomorphic: bool = False

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the derivatives at the arguments; with ``has_aux`` also what else the function returned."""
        with rarer_collection:
            return _all_derivatives(self, args, kwargs)  # type: ignore[no-any-return]  # R is what the overloads say

    @property
    def __name__(self) -> str:
        return f"jacobian({name_of(self.fun)})"


def jacobian(
    fun: Callable[P, Any], argnums: Argnums = 0, *, mode: Mode = "auto", has_aux: bool = False, holomorphic: bool = False,
    **foreign: Any,
) -> Jacobian[P, Any]:  # fmt: skip
    """Return a function that computes all derivatives of ``fun``, in one batched pass.

    For an argument of shape ``s`` and a result of shape ``r`` they have shape ``r + s``. Nests give nests: that of the
    result, and within each of its leaves that of the argument.

    Args:
        fun: The function; it returns an array or a nest of arrays.
        argnums: Which argument to differentiate with respect to, by position or by name; a tuple gives a tuple.
        mode: "fwd" makes a direction of each element of the arguments, "rev" of each element of the result, and "auto"
            takes the fewer.
        has_aux: Whether ``fun`` returns ``(value, anything)``; the result is then ``(derivatives, anything)``.
        holomorphic: Whether ``fun`` is a holomorphic function of complex numbers, which complex results of complex
            arguments need.
        foreign: Keywords of other libraries; the error names ours.

    Raises:
        ArgumentError: when called, for complex arguments and results without ``holomorphic``.

    >>> jacobian(lambda x: np.stack([x[0] * x[1], x[0] + x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [1., 1.]])
    """
    refuse_keywords("jacobian", foreign)
    return Jacobian(fun, argnums, mode, has_aux, holomorphic)


def jacfwd(
    fun: Callable[P, Any], argnums: Argnums = 0, *, has_aux: bool = False, holomorphic: bool = False, **foreign: Any
) -> Jacobian[P, Any]:
    """Return `jacobian` by forward mode: for functions of few arguments.

    >>> jacfwd(lambda t: np.stack([np.cos(t), np.sin(t)]))(0.0)
    array([-0.,  1.])
    """
    refuse_keywords("jacfwd", foreign)
    return Jacobian(fun, argnums, "fwd", has_aux, holomorphic)


def jacrev(
    fun: Callable[P, Any], argnums: Argnums = 0, *, has_aux: bool = False, holomorphic: bool = False, **foreign: Any
) -> Jacobian[P, Any]:
    """Return `jacobian` by reverse mode: for functions with few results.

    >>> jacrev(lambda x: x[:1] * 2)(np.array([1.0, 2.0, 3.0]))
    array([[2., 0., 0.]])
    """
    refuse_keywords("jacrev", foreign)
    return Jacobian(fun, argnums, "rev", has_aux, holomorphic)


def _all_derivatives(transform: Jacobian[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    argnums = transform.argnums
    several = isinstance(argnums, tuple)
    wanted: Any = argnums if several else (argnums,)
    called = call_recorded(transform.fun, "jacobian", wanted, args, kwargs, caller(2))
    value, aux = split_aux(called) if transform.has_aux else (called.result, None)
    outputs = outputs_of(called, value)
    _check_complex(called, outputs, transform.holomorphic)
    if called.watched:
        check_watched(called.watched)
    leaves = called.flat
    rows = sum(x.size if isinstance(x, Tensor) else np.size(x) for x in outputs.values)
    forward = transform.mode == "fwd" or (transform.mode == "auto" and sum(leaf.size for leaf in leaves) < rows)
    table = _by_columns(called, outputs) if forward else _by_rows(called, outputs)
    built = []
    for row in table:
        parts = iter(row)
        nests = [
            _tree.unflatten(structure, [next(parts) for _ in own], copied=True)
            for structure, own in zip(called.structures, called.leaves, strict=True)
        ]
        built.append(tuple(nests) if several else nests[0])
    result = _tree.unflatten(outputs.structure, built)
    if transform.has_aux:
        return result, _tree.transform(lambda x: settle(x, called.serial), aux)
    return result


def _check_complex(called: Recording, outputs: Outputs, holomorphic: bool) -> None:
    complex_in = any(leaf.dtype.kind == "c" for leaf in called.flat)
    complex_out = any(np.iscomplexobj(x) for x in outputs.values)
    if complex_in and complex_out and not holomorphic:
        msg = (
            f"jacobian({name_of(called.fun)}): complex results of complex arguments have one derivative only if the function is "
            "holomorphic. Pass holomorphic=True if it is, or differentiate its real and imaginary parts."
        )
        raise ArgumentError(msg)


def directions(
    sizes: Sequence[tuple[tuple[int, ...], np.dtype[Any]]], factors: Sequence[complex], name: int
) -> list[Any]:
    """Return a batch of unit vectors for arrays taken as one vector, each times the factors in turn."""
    total = sum(math.prod(shape) for shape, _ in sizes)
    found, start = [], 0
    for shape, dtype in sizes:
        n = math.prod(shape)
        block = np.zeros((len(factors), total, n), dtype)
        for k, factor in enumerate(factors):
            block[k, np.arange(start, start + n), np.arange(n)] = factor if dtype.kind == "c" else 1
        if dtype.kind != "c" and len(factors) > 1:
            block[1:] = 0
        found.append(Batched(block.reshape(len(factors) * total, *shape), (name,)))
        start += n
    return found


def _by_rows(called: Recording, outputs: Outputs) -> list[list[Any]]:
    """Return the derivatives of each leaf of the result in each leaf of the arguments, by reverse mode."""
    leaves, tape = called.flat, outputs.tape
    tensors = [outputs.values[i] for i in outputs.tracked]
    # A real argument of a complex result hears of the imaginary part by a second seed.
    twice = any(t.dtype.kind == "c" for t in tensors) and any(leaf.dtype.kind != "c" for leaf in leaves)
    rows = sum(t.size for t in tensors)
    name = next(serials)
    found: Mapping[Tensor, Any] = {}
    if tape is not None:
        seeds = directions([(t.shape, t.dtype) for t in tensors], (1, -1j) if twice else (1,), name)
        if outputs.outside:
            seeds = [constant(seed) for seed in seeds]
        else:
            seeds = [_for_each(seed, t.data) for seed, t in zip(seeds, tensors, strict=True)]
        found = tape.cotangents(leaves, seeds, differentiable=outputs.outside)
    columns = [_column(found.get(leaf), leaf, (rows, *leaf.shape), name, 2 if twice else 1) for leaf in leaves]
    table, start = [], 0
    for i, value in enumerate(outputs.values):
        shape = np.shape(value)
        if i not in outputs.tracked:
            table.append([_released(None, value, leaf, called) for leaf in leaves])
            continue
        stop = start + math.prod(shape)
        parts = [
            column[start:stop].reshape((*shape, *leaf.shape)) for column, leaf in zip(columns, leaves, strict=True)
        ]
        if outputs.outside and not reaches_outside(Tape.of(value, boundary=leaves), leaves, called.serial):
            parts = [plain(part) for part in parts]  # another result does, which shares their column
        table.append([_released(part, value, leaf, called) for part, leaf in zip(parts, leaves, strict=True)])
        start = stop
    return table


def _for_each(seed: Any, data: Any) -> Any:
    """Return a batch of seeds repeated for the examples of the data, where these are many and small."""
    if type(data) is not Batched or not many_small((*data.lengths, *seed.array.shape), len(data.names)):
        return seed
    repeated = np.broadcast_to(seed.array, (*data.lengths, *seed.array.shape))
    k = len(data.names) + len(seed.names)
    return Batched(leading(np.ascontiguousarray(trailing(repeated, k)), k), (*data.names, *seed.names))


def unbatched(value: Any, axis: int, name: int, length: int) -> Any:
    """Return a batch axis as an ordinary one: of a tensor recorded, of an array as an array."""
    if type(value) is Tensor:
        return TENSORS.unbatch(value, axis=axis, name=name, length=length)
    return plain(TABLE["unbatch"].forward(ARRAYS, value, axis=axis, name=name, length=length))


def _column(found: Any, leaf: Tensor, shape: tuple[int, ...], name: int, parts: int) -> Any:
    """Return the derivatives along a batch axis as an array, whose first axis it becomes."""
    if found is None:
        return np.zeros(shape, leaf.dtype)
    length = parts * shape[0]
    array = unbatched(found, 0, name, length)
    if parts == 1:
        return array
    real, imaginary = array[: shape[0]], array[shape[0] :]
    return real if leaf.dtype.kind == "c" else real + 1j * imaginary


def _by_columns(called: Recording, outputs: Outputs) -> list[list[Any]]:
    """Return the same by forward mode."""
    leaves, tape = called.flat, outputs.tape
    tensors = [outputs.values[i] for i in outputs.tracked]
    # The gradient of a real result in a complex argument: the derivative in the real part less i times the other.
    twice = any(leaf.dtype.kind == "c" for leaf in leaves) and any(t.dtype.kind != "c" for t in tensors)
    total = sum(leaf.size for leaf in leaves)
    name = next(serials)
    pushed: list[Any] = []
    if tape is not None:
        seeds = directions([(leaf.shape, leaf.dtype) for leaf in leaves], (1, 1j) if twice else (1,), name)
        if outputs.outside:
            seeds = [constant(seed) for seed in seeds]
        pushed = tape.tangents(dict(zip(leaves, seeds, strict=True)), differentiable=outputs.outside)
    found = dict(zip(outputs.tracked, pushed, strict=True))
    table = []
    for i, value in enumerate(outputs.values):
        tangent = found.get(i)
        if tangent is None:
            table.append([_released(None, value, leaf, called) for leaf in leaves])
            continue
        shape = value.shape
        length = (2 if twice else 1) * total
        array = unbatched(tangent, len(shape), name, length)
        row, start = [], 0
        for leaf in leaves:
            part = array[..., start : start + leaf.size]
            if twice and leaf.dtype.kind == "c" and value.dtype.kind != "c":
                part = part - 1j * array[..., total + start : total + start + leaf.size]
            row.append(_released(part.reshape((*shape, *leaf.shape)), value, leaf, called))
            start += leaf.size
        table.append(row)
    return table


def _released(derivatives: Any, value: Any, leaf: Tensor, called: Recording) -> Any:
    """Return derivatives as the caller's own, with the precision of the argument; zeros if there are none."""
    is_complex = leaf.dtype.kind == "c" or np.iscomplexobj(value)
    dtype = np.result_type(leaf.dtype, np.complex64) if is_complex else leaf.dtype
    if derivatives is None:
        return np.zeros((*np.shape(value), *leaf.shape), dtype)[()]
    if derivatives.dtype.kind == "c" and not is_complex:
        derivatives = derivatives.real
    if derivatives.dtype != dtype:
        derivatives = derivatives.astype(dtype)
    if type(derivatives) is Tensor:
        return settle(derivatives, called.serial)
    return np.array(derivatives)[()]


# --- second order ---------------------------------------------------------------------------------------------------
@overload
def hessian(fun: Callable[P, RealScalar | Tensor], argnums: Argnums = 0) -> Jacobian[P, Any]: ...
@overload
def hessian(
    fun: Callable[P, tuple[RealScalar | Tensor, Aux]], argnums: Argnums = 0, *, has_aux: Literal[True]
) -> Jacobian[P, tuple[Any, Aux]]: ...
@overload
def hessian(
    fun: Callable[P, Any], argnums: Argnums = 0, *, has_aux: bool = False, holomorphic: Literal[True]
) -> Jacobian[P, Any]: ...
def hessian(
    fun: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, holomorphic: bool = False, **foreign: Any
) -> Jacobian[..., Any]:
    """Return a function that computes the second derivatives of ``fun``, which must return one scalar.

    For an argument of shape ``s`` they have shape ``s + s``; nests give nests of nests. It is forward over reverse mode:
    the derivative of the gradient in all directions at once.

    Args:
        fun: The function; it returns one scalar, a real one unless it is holomorphic.
        argnums: Which argument to differentiate with respect to, by position or by name; a tuple gives a tuple of tuples.
        has_aux: Whether ``fun`` returns ``(scalar, anything)``; the result is then ``(derivatives, anything)``.
        holomorphic: Whether ``fun`` is a holomorphic function of complex numbers.
        foreign: Keywords of other libraries; the error names ours.

    Raises:
        NotScalarError: when called, if ``fun`` does not return one scalar.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    refuse_keywords("hessian", foreign)
    gradient: Gradient[..., Any] = Gradient(fun, argnums, has_aux, holomorphic)
    return Jacobian(gradient, argnums, "fwd", has_aux, holomorphic)


def _one_or_all(results: tuple[Any, ...]) -> Any:
    return results[0] if len(results) == 1 else results


def hvp(
    fun: Callable[..., RealScalar | Tensor], primals: Sequence[Any], tangents: Sequence[Any], **foreign: Any
) -> Any:
    """Return the Hessian of ``fun`` at ``primals`` times ``tangents``, without forming the Hessian.

    The result has the shapes of the primals: for one primal it is that array, for several a tuple. Cost: a few evaluations
    of ``fun`` (Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6(1), 1994).

    Raises:
        NotScalarError: if ``fun`` does not return one real scalar.

    >>> hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 0.0]),))
    array([6., 0.])
    """
    refuse_keywords("hvp", foreign)
    _check_tuple("hvp", fun, primals)
    check_pairs("hvp", fun, primals, tangents)
    with rarer_collection:
        # Forward over reverse mode, `jvp` of `grad`, on one set of leaves.
        called = call_recorded(function(fun), "hvp", range(len(primals)), primals, {}, caller(1))
        if called.watched:
            check_watched(called.watched)
        value, flat = called.result, called.flat
        check_scalar(value, "hvp", fun, holomorphic=False)
        given = tangents_of(called, tangents)
        tracked = is_tracked([d for leaves in given for d in leaves])
        products: dict[Tensor, Any] = {}
        if type(value) is Tensor and value.autograd:
            tape = Tape.of(value, boundary=flat)
            further = tracked or reaches_outside(tape, flat, called.serial)
            found = tape.cotangents(flat, differentiable=True)
            slopes = {leaf: g for leaf, g in found.items() if type(g) is Tensor and g.autograd}
            if slopes:
                known = directions_of(called, given, further)
                pushed = Tape.of(*slopes.values(), boundary=flat).tangents(known, differentiable=further, checked=True)
                products = {leaf: d for leaf, d in zip(slopes, pushed, strict=True) if d is not None}
        seen: set[int] = set()
        results = []
        for structure, leaves in zip(called.structures, called.leaves, strict=True):
            released = [release(products.get(leaf), leaf, called.serial, seen, flat) for leaf in leaves]
            results.append(
                released[0] if structure is _tree.LEAF else _tree.unflatten(structure, released, copied=True)
            )
    return _one_or_all(tuple(results))


def vhp(
    fun: Callable[..., RealScalar | Tensor], primals: Sequence[Any], cotangents: Sequence[Any], **foreign: Any
) -> Any:
    """Return ``cotangents`` times the Hessian of ``fun`` at ``primals``: reverse over reverse mode.

    It is what `hvp` returns, by another way, since Hessians are symmetric.

    >>> vhp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 0.0]),))
    array([6., 0.])
    """
    refuse_keywords("vhp", foreign)
    _check_tuple("vhp", fun, primals)
    _check_tuple("vhp", fun, cotangents, "cotangents")
    _, pullback = vjp(grad(fun, tuple(range(len(primals)))), *primals)
    return _one_or_all(pullback(tuple(cotangents)))


def _half_squares(*results: Any) -> Any:
    total = 0.0
    for leaf in _tree.flatten(results)[0]:
        total = total + 0.5 * np.sum(np.real(leaf * np.conj(leaf)))
    return total


def ggnvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any],
    loss: Callable[[Any], RealScalar | Tensor] = _half_squares, **foreign: Any,
) -> Any:  # fmt: skip
    """Return the generalised Gauss-Newton matrix of ``loss(fun(*primals))`` times ``tangents``.

    That is ``Jᵀ H J v``, with J the Jacobian of ``fun`` and H the Hessian of ``loss`` at its result: positive semi-definite
    where the loss is convex (Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent",
    Neural Computation 14(7), 2002). The loss is half the sum of squares if left out. The result is built like that of
    `hvp`.

    >>> ggnvp(lambda x: x**2, (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    array([ 4., 16.])
    """
    refuse_keywords("ggnvp", foreign)
    _check_tuple("ggnvp", fun, primals)
    _check_tuple("ggnvp", fun, tangents, "tangents")
    value, linearized = linearize(fun, *primals)
    curved = hvp(loss, (value,), (linearized(*tangents),))
    _, pullback = vjp(fun, *primals)
    return _one_or_all(pullback(curved))


def _check_tuple(what: str, fun: Any, primals: Any, named: str = "primals") -> None:
    if not isinstance(primals, (tuple, list)):
        msg = f"{what}({name_of(fun)}, …) takes {named} as a tuple, one per argument, but got {type(primals).__name__}. Write (x,)."
        raise ArgumentError(msg)
    if not primals:
        msg = f"{what}({name_of(fun)}, primals, …) needs at least one primal."
        raise ArgumentError(msg)
