"""What a ufunc's methods compute: ``reduce``, ``accumulate`` and ``reduceat``, for every ufunc of two operands with an op.

All are steps ``running[i] = ufunc(running[i - 1], x[i])`` along an axis. The op of the ufunc has the slopes of every step, by
the running value and by the element; they are worked out for all steps at once. What a change of one element does to the later
running values is then a linear recurrence, which is solved by doubling steps (Blelloch, "Prefix Sums and Their Applications",
1990, section 1.4): no division, so it is exact where slopes are zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tape_ad._batched import Batched
from tape_ad._cases import Case, Domain
from tape_ad._core import ARRAYS, DOORS, TABLE, own
from tape_ad._errors import BatchedValueError
from tape_ad._rules import BOOLEAN, DISTINCT, NONZERO, POSITIVE, composite, piecewise_constant, primitive
from tape_ad._stacked import over_axes, repeated
from tape_ad._typing import Array, ArrayLike, Axis, DType, Namespace
from tape_ad.ops.axes import axes_or_only
from tape_ad.ops.joining import plain

_NO_VALUE = np._NoValue  # noqa: SLF001 - NumPy's mark for "not given" has no public name
_EVERYWHERE = Domain("true", lambda z: np.asarray(True))
_EXTREMES = {np.fmax: ("max", -np.inf), np.fmin: ("min", np.inf)}
_FORGETFUL = {np.power, np.arctan2}
"""What NumPy, since 1.24, reduces wrongly where the processor has AVX-512: all but the first element and the last of a line may be
left out. Its ``accumulate`` is right, so the value is the last of that; on other processors it has the same bits."""
_SAME_RULES = {"float_power": "pow"}  # where the operands are in double precision, as here


# --- the slopes of the steps ----------------------------------------------------------------------------------------
def _partials(xp: Namespace, ufunc: np.ufunc, out: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Return the derivatives of each element of ``ufunc(x, y)`` by the elements of ``x`` and ``y``."""
    name = DOORS[ufunc][0].__name__
    op, ones, found = TABLE[_SAME_RULES.get(name, name)], xp.ones_like(out), []
    for rule in op.rules:
        if rule is None:
            found.append(xp.zeros_like(out))
        else:
            found.append(ones * rule(xp, out, x, y) if op.partials else rule(xp, ones, out, x, y))
    return found[0], found[1]


def _slopes(
    xp: Namespace, out: Array, x: Array, where: Array, ufunc: np.ufunc, axis: int, starts: Any
) -> tuple[Array, Array, Any]:
    """Return the slopes of each running value by the one before and by its element, and where it starts afresh."""
    head, rank, n = (slice(None),) * axis, len(np.shape(x)), np.shape(x)[axis]
    begins = np.zeros(n, dtype=bool)
    begins[[0, *([] if starts is None else starts)]] = True
    later, earlier = (*head, slice(1, None)), (*head, slice(None, -1))
    now, before, element = out[later], out[earlier], x[later]
    afresh = _along(begins[1:], rank - axis)
    steps = ~afresh if np.ndim(where) == 0 else ~afresh & where[later]
    if starts is not None or np.ndim(where):
        # Where no step is taken, the rules see ones, and meet no value that they were spared.
        now = xp.where(steps, now, ufunc(*np.ones(2, out.dtype)))
        before, element = xp.where(steps, before, 1), xp.where(steps, element, 1)
    by_running, by_element = _partials(xp, ufunc, now, before, element)
    first = xp.ones_like(x[(*head, slice(None, 1))])
    by_running = xp.concatenate([first, xp.where(steps, by_running, 1)], axis=axis)
    return by_running, xp.concatenate([first, xp.where(steps, by_element, afresh)], axis=axis), begins


def _along(line: Any, rank: int) -> Any:
    return line.reshape(-1, *(1,) * (rank - 1))


def _recurrence(xp: Namespace, factors: Array, terms: Array, axis: int, begins: Any) -> Array:
    """Return ``y`` with ``y[i] = factors[i] * y[i - 1] + terms[i]`` along an axis, and ``y[i] = terms[i]`` where it begins.

    What lies behind a beginning is left out, not multiplied by zero, so that nothing infinite gets across.
    """
    head, rank, step = (slice(None),) * axis, len(np.shape(terms)), 1
    while not begins.all():
        later, first, earlier = (*head, slice(step, None)), (*head, slice(None, step)), (*head, slice(None, -step))
        done = _along(begins[step:], rank - axis)
        reach = xp.where(done, 0, factors[later])
        terms = xp.concatenate([terms[first], terms[later] + reach * xp.where(done, 0, terms[earlier])], axis=axis)
        factors = xp.concatenate([factors[first], reach * xp.where(done, 0, factors[earlier])], axis=axis)
        begins = np.concatenate([begins[:step], begins[step:] | begins[:-step]])
        step *= 2
    return terms


# --- running values -------------------------------------------------------------------------------------------------
def _running_vjp(
    xp: Namespace, ct: Array, out: Array, x: Array, where: Array, ufunc: np.ufunc, axis: int, starts: Any = None
) -> Array:
    if not np.shape(x)[axis]:
        return xp.zeros_like(x)
    factors, slopes, begins = _slopes(xp, out, x, where, ufunc, axis, starts)
    # Backwards, each gets what the next has got, times that one's factor.
    shifted = xp.roll(factors, -1, axis=axis)
    ended = np.roll(begins, -1)
    back = _recurrence(xp, xp.flip(shifted, axis=axis), xp.flip(ct, axis=axis), axis, ended[::-1])
    return slopes * xp.flip(back, axis=axis)


def _running_jvp(
    xp: Namespace, tangents: Any, out: Array, x: Array, where: Array, ufunc: np.ufunc, axis: int, starts: Any = None
) -> Array:
    if not np.shape(x)[axis]:
        return xp.zeros_like(out)
    factors, slopes, begins = _slopes(xp, out, x, where, ufunc, axis, starts)
    return _recurrence(xp, factors, slopes * tangents[0], axis, begins)


def _one_axis(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the axis as a non-negative integer."""
    return {**params, "axis": int(normalize_axis_index(params["axis"], np.ndim(operands[0])))}


def _with_mask(compute: Any, operands: Any, leads: Any, params: Any) -> Any:
    """Act along the axes of an operand that has been broadcast with its mask, unless all is to be taken."""
    (x, where), (k, other) = operands, leads
    shape = np.shape(x)[k:]
    if np.ndim(where) == other and np.all(where):
        x, where = repeated((x, where), leads)[0], True
    else:
        where = np.reshape(
            where, (*np.shape(where)[:other], *(1,) * (len(shape) - np.ndim(where) + other), *np.shape(where)[other:])
        )
        where = np.broadcast_to(where, where.shape[:other] + shape)
        x, where = repeated((x, where), leads)
    axis, k = params["axis"], max(leads)
    moved = tuple([i + k for i in axis]) if isinstance(axis, tuple) else axis + k
    return compute(x, where, **{**params, "axis": moved})


@primitive(
    vjps=(_running_vjp, None), jvp=_running_jvp, batched=_with_mask, canonical=_one_axis, operands=2,
    domain=(POSITIVE, _EVERYWHERE),
    cases=(
        Case(((4,), ()), {"ufunc": np.divide, "axis": 0}), Case(((2, 5), ()), {"ufunc": np.power, "axis": -1}),
        Case(((3, 2), ()), {"ufunc": np.hypot, "axis": 0}, (DISTINCT,)), Case(((6,), ()), {"ufunc": np.maximum, "axis": 0}, (DISTINCT,)),
        Case(((3,), ()), {"ufunc": np.copysign, "axis": 0}, (NONZERO,)), Case(((3,), ()), {"ufunc": np.logaddexp2, "axis": 0}),
        Case(((2, 7), ()), {"ufunc": np.subtract, "axis": 1, "starts": (0, 2, 3)}), Case(((0,), ()), {"ufunc": np.hypot, "axis": 0}),
        Case(((2, 4), ()), {"ufunc": np.arctan2, "axis": 1}),
        Case(((5, 2), (5, 2)), {"ufunc": np.divide, "axis": 0}, (POSITIVE, BOOLEAN)),
    ),
)  # fmt: skip
def running(
    xp: Namespace, x: ArrayLike, where: ArrayLike, /, *, ufunc: np.ufunc, axis: int,
    starts: tuple[int, ...] | None = None,
) -> Array:  # fmt: skip
    """Return what a ufunc makes of each element and the value before it, along an axis: ``ufunc.accumulate``.

    The value starts afresh at the positions ``starts``; where ``where``, of the shape of ``x``, is false it stays as it is.
    """
    if np.ndim(where):
        lines, chosen = np.moveaxis(np.asarray(x), axis, 0), np.moveaxis(np.asarray(where), axis, 0)
        found = np.array(lines)
        for i in range(1, len(lines)):
            found[i] = found[i - 1]
            ufunc(found[i - 1], lines[i], out=found[i, ...], where=chosen[i])
        return np.moveaxis(found, 0, axis)
    if not starts or np.shape(x)[axis] == 0:
        return ufunc.accumulate(x, axis=axis)
    parts = np.split(np.asarray(x), starts[1:], axis=axis)
    return np.concatenate([ufunc.accumulate(part, axis=axis) for part in parts], axis=axis)


# --- reduce ---------------------------------------------------------------------------------------------------------
def _fold_expression(
    xp: Namespace, x: Array, where: Array, ufunc: np.ufunc, axis: Any, initial: Any = _NO_VALUE, keepdims: bool = False
) -> Array:
    """Write a reduction as the last of the running values, behind the initial one."""
    masked = np.ndim(where) > 0
    if not axis and np.ndim(x) and initial is _NO_VALUE and not masked:
        return x
    if ufunc in _EXTREMES and initial is _NO_VALUE and not masked:
        function, least = _EXTREMES[ufunc]  # of many equal ones each has the same share
        return getattr(xp, function)(xp.where(xp.isnan(x), least, x), axis=axis, keepdims=keepdims)
    shape = np.shape(x)
    rest = tuple([i for i in range(len(shape)) if i not in axis])
    kept = tuple([1 if i in axis else n for i, n in enumerate(shape)])
    lines = tuple([shape[i] for i in rest])

    def in_lines(a: Array) -> Array:
        return xp.reshape(xp.permute_dims(a, rest + axis), (*lines, int(np.prod([shape[i] for i in axis], dtype=int))))

    values, chosen = in_lines(x), in_lines(xp.broadcast_to(where, shape)) if masked else where
    first = ufunc.identity if initial is _NO_VALUE else initial
    if first is not None:
        values = xp.concatenate([np.full((*lines, 1), first, x.dtype), values], axis=-1)
        chosen = xp.concatenate([np.ones((*lines, 1), bool), chosen], axis=-1) if masked else chosen
    folded = xp.running(values, chosen, ufunc=ufunc, axis=-1)[..., -1]
    return xp.reshape(folded, kept if keepdims else lines)


@composite(
    expression=_fold_expression, batched=_with_mask, canonical=axes_or_only, operands=2, domain=(POSITIVE, _EVERYWHERE),
    cases=(
        Case(((4,), ()), {"ufunc": np.divide, "axis": 0}), Case(((2, 3), ()), {"ufunc": np.fmod, "axis": -1, "keepdims": True}),
        Case(((2, 3, 2), ()), {"ufunc": np.hypot, "axis": (0, 2)}, (NONZERO,)), Case(((2, 3), ()), {"ufunc": np.logaddexp2, "axis": None}),
        Case(((3,), ()), {"ufunc": np.subtract, "axis": 0, "initial": 1.5}), Case(((2, 4), ()), {"ufunc": np.fmax, "axis": 1}, (DISTINCT,)),
        Case(((0, 2), ()), {"ufunc": np.hypot, "axis": 0}), Case(((3, 2), (3, 2)), {"ufunc": np.divide, "axis": 0, "initial": 2.0}, (POSITIVE, BOOLEAN)),
        Case(((3, 4), (4,)), {"ufunc": np.hypot, "axis": 1, "keepdims": True}, (NONZERO, BOOLEAN)),
    ),
)  # fmt: skip
def fold(
    xp: Namespace, x: ArrayLike, where: ArrayLike, /, *, ufunc: np.ufunc, axis: Axis, initial: Any = _NO_VALUE,
    keepdims: bool = False,
) -> Array:  # fmt: skip
    """Return ``ufunc.reduce`` of an array, or of the elements where ``where`` is true."""
    mask: Any = np.asarray(where) if np.ndim(where) or not where else True
    found = ufunc.reduce(x, axis=axis, initial=initial, where=mask, keepdims=keepdims)
    return _fold_expression(ARRAYS, x, mask, ufunc, axis, initial, keepdims)[()] if ufunc in _FORGETFUL else found


# --- reduceat -------------------------------------------------------------------------------------------------------
def _positions(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    indices = plain(params["indices"])
    if type(indices) is Batched:
        msg = "reduceat inside vmap takes the same indices for all examples. Pass them with in_axes=None."
        raise BatchedValueError(msg)
    return {**_one_axis(operands, params), "indices": own(indices, what="reduceat()")}


def _fold_at_expression(xp: Namespace, x: Array, ufunc: np.ufunc, indices: Any, axis: int) -> Array:
    begins = np.asarray(indices, dtype=np.intp)
    ends = np.append(begins[1:], np.shape(x)[axis])
    lengths = np.where(ends > begins, ends - begins, 1)  # of an empty part there is the one element
    starts = np.cumsum(lengths) - lengths
    taken = np.arange(np.sum(lengths)) + np.repeat(begins - starts, lengths)
    parts = xp.elements_at(x, taken, axis=axis)
    folded = xp.running(parts, True, ufunc=ufunc, axis=axis, starts=tuple(starts.tolist()))
    return xp.elements_at(folded, starts + lengths - 1, axis=axis)


@composite(
    expression=_fold_at_expression, batched=over_axes, canonical=_positions, operands=1, domain=(POSITIVE,),
    cases=(
        Case(((5,),), {"ufunc": np.divide, "indices": [0, 2], "axis": 0}), Case(((2, 5),), {"ufunc": np.add, "indices": [0, 4, 1, 2], "axis": -1}),
        Case(((4, 2),), {"ufunc": np.logaddexp, "indices": [1, 0], "axis": 0}), Case(((3,),), {"ufunc": np.fmod, "indices": [2], "axis": 0}),
    ),
)  # fmt: skip
def fold_at(xp: Namespace, x: ArrayLike, /, *, ufunc: np.ufunc, indices: ArrayLike, axis: int) -> Array:
    """Return ``ufunc.reduceat``: the reductions of the parts of an axis that begin at ``indices``."""
    found = ufunc.reduceat(x, indices, axis=axis)  # type: ignore[arg-type]  # indices are integers
    return _fold_at_expression(ARRAYS, x, ufunc, indices, axis) if ufunc in _FORGETFUL else found


# --- without a derivative -------------------------------------------------------------------------------------------
@piecewise_constant(
    operands=1,
    cases=(
        Case(((4,),), {"ufunc": np.floor_divide, "method": "reduce", "axis": 0}),
        Case(((2, 4),), {"ufunc": np.floor_divide, "method": "accumulate", "axis": 1}),
        Case(((2, 4),), {"ufunc": np.logical_xor, "method": "reduceat", "axis": 1, "indices": [0, 2]}),
        Case(((2, 4),), {"ufunc": np.logical_xor, "method": "reduce", "axis": None, "keepdims": True}),
    ),
)  # fmt: skip
def fold_without_slope(
    xp: Namespace, x: ArrayLike, /, *, ufunc: np.ufunc, method: str, axis: Axis = 0, indices: Any = None, dtype: DType = None,
    keepdims: bool = False, initial: Any = _NO_VALUE, where: Any = True,
) -> Array:  # fmt: skip
    """Return what a method of a ufunc gives whose own result is piecewise constant."""
    if method == "reduceat":
        return ufunc.reduceat(x, indices, axis=axis, dtype=dtype)  # type: ignore[arg-type]  # one axis here
    if method == "accumulate":
        return ufunc.accumulate(x, axis=axis, dtype=dtype)  # type: ignore[arg-type]  # one axis here
    return ufunc.reduce(x, axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)
