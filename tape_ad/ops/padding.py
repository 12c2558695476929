"""Padding: every mode of `numpy.pad`, the value NumPy's own, the derivative by the same steps written out."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from tape_ad._cases import Case
from tape_ad._core import own
from tape_ad._errors import ArgumentError
from tape_ad._rules import DISTINCT, NEVER_COMPLEX, REAL, composite, expansion, linear
from tape_ad._stacked import batch_lengths
from tape_ad._typing import Array, ArrayLike, Namespace, Shape
from tape_ad.ops.joining import as_array, at_positions, build, positions_in

_STATISTICS = ("maximum", "minimum", "mean", "median")
_KEYWORD = {
    "constant": "constant_values", "linear_ramp": "end_values", "reflect": "reflect_type", "symmetric": "reflect_type",
    "edge": None, "wrap": None, **dict.fromkeys(_STATISTICS, "stat_length"),
}  # fmt: skip


def _pairs(given: Any, ndim: int, what: str) -> tuple[tuple[int, int], ...]:
    """Return two counts for each axis, for what NumPy takes in their place: one, a pair, a pair per axis, a mapping."""
    if isinstance(given, dict):
        pairs = [(0, 0)] * ndim
        for axis, width in given.items():
            pairs[axis] = width if isinstance(width, tuple) else (width, width)
        given = pairs
    if type(given) is int and given >= 0:
        return ((given, given),) * ndim
    counts = np.asarray(own(given, what=what))
    if counts.dtype.kind not in "iu" and counts.size:
        msg = f"`{what}` must be of integral type."
        raise TypeError(msg)
    if counts.size and counts.min() < 0:
        msg = f"`{what}` can't contain negative values"
        raise ValueError(msg)
    return tuple([(int(before), int(after)) for before, after in np.broadcast_to(counts, (ndim, 2))])


def _part(x: Array, axis: int, start: int | None, stop: int | None, step: int | None = None) -> Array:
    return x[(slice(None),) * axis + (slice(start, stop, step),)]


def _ramps(xp: Namespace, x: Array, values: Array, axis: int, widths: Any, **options: Any) -> list[Array]:
    ends = xp.broadcast_to(values, (x.ndim, 2))
    ramps = []
    for i, (width, edge) in enumerate(zip(widths, (_part(x, axis, 0, 1), _part(x, axis, -1, None)), strict=True)):
        end = xp.reshape(ends[axis : axis + 1, i], (1,) * x.ndim)
        steps = (np.arange(width) / builtins.max(width, 1)).reshape(*(1,) * axis, -1, *(1,) * (x.ndim - 1 - axis))
        ramp = end + (edge - end) * (steps if i == 0 else np.flip(steps))
        ramps.append((xp.floor(ramp) if x.dtype.kind in "iu" else ramp).astype(x.dtype))
    return ramps


def _middle(xp: Namespace, x: Array, axis: int) -> Array:
    """Return the median along an axis, which it keeps: the mean of the one or two elements in the middle."""
    order, n = np.argsort(x, axis=axis), x.shape[axis]
    lines = _part(positions_in(x.shape), axis, 0, 1)
    step = math.prod(x.shape[axis + 1 :])
    low, high = (xp.gather(x, _part(order, axis, m, m + 1) * step + lines) for m in ((n - 1) // 2, n // 2))
    return low if n % 2 else (low + high) / 2


def _statistics(
    xp: Namespace, x: Array, values: Array, axis: int, widths: Any, mode: str, stat_length: Any = None, **options: Any
) -> list[Array]:
    n, results = x.shape[axis], []
    for i, width in enumerate(widths):
        length = n if stat_length is None else builtins.min(stat_length[axis][i], n)
        near = _part(x, axis, 0, length) if i == 0 else _part(x, axis, n - length, None)
        if mode == "median":
            statistic = _middle(xp, near, axis)
        else:
            function = {"maximum": xp.max, "minimum": xp.min, "mean": xp.mean}[mode]
            statistic = function(near, axis=axis, keepdims=True)
        if x.dtype.kind in "iu":
            statistic = xp.rint(statistic)
        results.append(xp.broadcast_to(statistic.astype(x.dtype), (*x.shape[:axis], width, *x.shape[axis + 1 :])))
    return results


def _odd_reflections(xp: Namespace, x: Array, values: Array, axis: int, widths: Any, mode: str, **options: Any) -> Any:
    """Return the array reflected in its ends, again and again where it is too short, each time about the new ends."""
    n, symmetric, (left, right) = x.shape[axis], int(mode == "symmetric"), widths
    if n == 1:
        return [_part(x, axis, 0, 1)] * left, [_part(x, axis, 0, 1)] * right
    whole = x
    while left or right:
        length = whole.shape[axis]
        most = length // n * n if symmetric else (length - 1) // (n - 1) * (n - 1)
        parts = [whole]
        if left:
            count = builtins.min(most, left)
            chunk = xp.flip(_part(whole, axis, 1 - symmetric, count + 1 - symmetric), axis=axis)
            parts.insert(0, 2 * _part(whole, axis, 0, 1) - chunk)
            left -= count
        if right:
            count = builtins.min(most, right)
            stop = length - 1 + symmetric
            chunk = xp.flip(_part(whole, axis, stop - count, stop), axis=axis)
            parts.append(2 * _part(whole, axis, length - 1, None) - chunk)
            right -= count
        whole = xp.concat(parts, axis=axis)
    start = widths[0]
    return [_part(whole, axis, 0, start)], [_part(whole, axis, start + n, None)]


def _pad_expression(xp: Namespace, x: Array, values: Array, pad_width: Any, mode: str, **options: Any) -> Array:
    """Pad one axis after the other, each with what it has by then, as NumPy does."""
    if not x.size:
        return x
    sides: dict[str, Any] = {
        "linear_ramp": _ramps,
        "reflect": _odd_reflections,
        "symmetric": _odd_reflections,
    }
    for axis, widths in enumerate(pad_width):
        if any(widths):
            before, after = sides.get(mode, _statistics)(xp, x, values, axis, widths, mode=mode, **options)
            parts = [*before, x, *after] if isinstance(before, list) else [before, x, after]
            x = xp.concat(parts, axis=axis)
    return x


def _inside(shape: Shape, pad_width: Any, axes: Any) -> tuple[Any, ...]:
    """Return the index of what was there before padding along some axes, and of everything along the others."""
    sizes = zip(shape, pad_width, strict=True)
    return tuple([slice(w[0], w[0] + n) if i in axes else slice(None) for i, (n, w) in enumerate(sizes)])


def _sides(shape: Shape, pad_width: Any) -> list[tuple[int, int, tuple[Any, ...]]]:
    """Return axis, side and place of what each of the values fills: an axis is padded at its full width in those before."""
    found = []
    for axis, (width, n) in enumerate(zip(pad_width, shape, strict=True)):
        place = list(_inside(shape, pad_width, range(axis + 1, len(shape))))
        for side, part in enumerate((slice(0, width[0]), slice(width[0] + n, width[0] + n + width[1]))):
            place[axis] = part
            found.append((axis, side, tuple(place)))
    return found


def _padded_transpose(xp: Namespace, ct: Array, out: Array, x: Array, values: Array, pad_width: Any) -> Array:
    return ct[_inside(np.shape(x), pad_width, range(len(pad_width)))]


def _values_transpose(xp: Namespace, ct: Array, out: Array, x: Array, values: Array, pad_width: Any) -> Array:
    sums = [xp.sum(ct[place]) for _, _, place in _sides(np.shape(x), pad_width)]
    return xp.reshape(xp.stack(sums), (len(pad_width), 2)) if sums else np.zeros((0, 2), ct.dtype)


def _pad_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    """Pad stacked examples, then fill in what each has of its own."""
    (x, values), (k, m), pad_width = operands, leads, params["pad_width"]
    lengths, shape = batch_lengths(operands, leads), np.shape(x)[k:]
    full = np.broadcast_to(x, lengths + shape)
    padded = np.pad(full, ((0, 0),) * len(lengths) + pad_width)
    ends = np.broadcast_to(
        values.reshape(*values.shape[:m], *(1,) * (2 - values.ndim + m), *values.shape[m:]) if m else values,
        (*(lengths if m else ()), len(shape), 2),
    )
    for axis, side, place in _sides(shape, pad_width):
        fill = ends[..., axis, side]
        padded[(..., *place)] = fill.reshape(*fill.shape, *(1,) * len(shape)) if m else fill
    return padded


@linear(
    transposes=(_padded_transpose, _values_transpose), operands=2, batched=_pad_each, domain=(REAL, NEVER_COMPLEX),
    cases=(
        Case(((3,), ()), {"pad_width": ((2, 1),)}), Case(((2, 3), (2, 2)), {"pad_width": ((1, 0), (2, 1))}), Case(((2, 3), (2,)), {"pad_width": ((1, 0), (2, 1))}),
        Case(((0, 2), (2,)), {"pad_width": ((1, 1), (0, 1))}), Case(((2, 1, 2), (3, 2)), {"pad_width": ((1, 1), (0, 2), (1, 0))}),
    ),
)  # fmt: skip
def padded(xp: Namespace, x: ArrayLike, values: ArrayLike, /, *, pad_width: Any) -> Array:
    """Return the array with ``values`` at both ends of its axes, two for each axis."""
    return np.pad(x, pad_width or 0, constant_values=values)


@composite(
    expression=_pad_expression, operands=2, domain=(DISTINCT,),
    cases=(
        Case(((3,), ()), {"pad_width": ((2, 3),), "mode": "linear_ramp"}),
        Case(((2, 3), (2, 2)), {"pad_width": ((1, 2), (2, 0)), "mode": "linear_ramp"}), Case(((4,), ()), {"pad_width": ((1, 2),), "mode": "mean"}),
        Case(((2, 4), ()), {"pad_width": ((1, 1), (2, 1)), "mode": "mean", "stat_length": ((1, 2), (3, 2))}),
        Case(((2, 3), ()), {"pad_width": ((0, 1), (2, 1)), "mode": "maximum"}), Case(((2, 3), ()), {"pad_width": ((1, 1), (0, 2)), "mode": "minimum", "stat_length": ((2, 1), (2, 2))}),
        Case(((5,), ()), {"pad_width": ((1, 2),), "mode": "median"}), Case(((2, 4), ()), {"pad_width": ((1, 0), (2, 1)), "mode": "median", "stat_length": ((2, 2), (2, 3))}),
        Case(((3,), ()), {"pad_width": ((2, 1),), "mode": "reflect", "reflect_type": "odd"}),
        Case(((3, 2), ()), {"pad_width": ((7, 5), (0, 4)), "mode": "reflect", "reflect_type": "odd"}),
        Case(((3, 1), ()), {"pad_width": ((7, 8), (1, 2)), "mode": "symmetric", "reflect_type": "odd"}),
    ),
)  # fmt: skip
def pad_with(
    xp: Namespace, x: ArrayLike, values: ArrayLike, /, *, pad_width: Any, mode: str, stat_length: Any = None,
    reflect_type: Any = None,
) -> Array:  # fmt: skip
    """Return the array padded with what `pad` computes from it, or with ``values``, two for each axis."""
    given = {"linear_ramp": values, "reflect": reflect_type, "symmetric": reflect_type}
    keyword = _KEYWORD[mode]
    option = given.get(mode, stat_length)
    return np.pad(x, pad_width or 0, mode, **({} if keyword is None or option is None else {keyword: option}))  # type: ignore[call-overload]  # NumPy's stubs tell the modes apart


@expansion(np.pad)
def pad(xp: Namespace, /, array: ArrayLike, pad_width: Any, mode: str = "constant", **kwargs: Any) -> Array:
    """Return the array with more elements at both ends of its axes; every mode of `numpy.pad` but ``"empty"``.

    ``constant_values`` and ``end_values`` carry derivatives. The maximum and minimum split theirs evenly between ties.

    Raises:
        ArgumentError: for a function as mode, which NumPy calls to write into an array, and for ``"empty"``.
    """
    if callable(mode) or mode == "empty":
        msg = (
            f"np.pad(…, mode={'a function' if callable(mode) else repr(mode)}) leaves elements to be written in place, "
            "and values do not change here. Join the parts: np.concatenate([before, t, after])."
        )
        raise ArgumentError(msg)
    if mode not in _KEYWORD:
        msg = f"mode '{mode}' is not supported"
        raise ValueError(msg)
    if kwargs.keys() - {_KEYWORD[mode]}:
        msg = f"unsupported keyword arguments for mode '{mode}': {set(kwargs) - {_KEYWORD[mode]}}"
        raise ValueError(msg)
    x = as_array(xp, array)
    widths = _pairs(pad_width, x.ndim, "pad_width")
    option = next(iter(kwargs.values()), None)
    if mode == "constant":
        return xp.padded(x, 0 if option is None else build(xp, option), pad_width=widths)
    if mode == "linear_ramp":
        return xp.pad_with(x, 0 if option is None else build(xp, option), pad_width=widths, mode=mode)
    if mode in _STATISTICS:
        lengths = {} if option is None else {"stat_length": _pairs(option, x.ndim, "stat_length")}
        return xp.pad_with(x, 0, pad_width=widths, mode=mode, **lengths)
    if option == "odd":
        return xp.pad_with(x, 0, pad_width=widths, mode=mode, reflect_type="odd")
    return at_positions(xp, x, np.pad(positions_in(x.shape), widths or 0, mode, **kwargs))  # type: ignore[call-overload]  # NumPy's stubs tell the modes apart
