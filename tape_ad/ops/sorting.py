"""Order and choice: sorting, reading at positions, choosing by conditions, medians and quantiles.

Sorting is a gather whose positions the values choose; at ties the elements keep their order. The positions are
piecewise constant, so all orders of derivative are those of the gather.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Concatenate

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tape_ad._cases import Case, Domain
from tape_ad._core import DOORS, Op, own
from tape_ad._errors import ArgumentError
from tape_ad._rules import BOOLEAN, DISTINCT, REAL, Expansion, composite, expansion, piecewise_constant, primitive
from tape_ad._stacked import batch_lengths, over_axes, repeated
from tape_ad._typing import Array, ArrayLike, Axis, Namespace, P, Shape

_NO_VALUE = np._NoValue  # noqa: SLF001 - NumPy's mark for "not given" has no public name
_plain: Namespace = np  # whatever the namespace, the value is NumPy's own
_POSITIONS = Domain("-1, 0 or 1", lambda z: np.asarray(np.rint(np.tanh(z)), dtype=int))
_CHOICES = Domain("0 or 1", lambda z: np.asarray(z > 0, dtype=int))
_FRACTION = Domain("between 0 and 1", lambda z: 0.5 + 0.49 * np.tanh(z))
_PERCENT = Domain("between 0 and 100", lambda z: 50 + 49 * np.tanh(z))
_SOME_NAN = Domain(
    "every third NaN, the others distinct",
    lambda z: np.where(np.arange(z.size).reshape(z.shape) % 3 == 1, np.nan, DISTINCT.draw(z)),
)


def _one_axis_or_flat(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the axis as a non-negative integer, or None for the flattened array."""
    axis = params.get("axis", -1)
    found = None if axis is None else int(normalize_axis_index(axis, np.ndim(operands[0])))
    return {**params, "axis": found}


# --- sort and partition ---------------------------------------------------------------------------------------------
def _flat_positions(along: Any, shape: Shape, axis: int) -> Any:
    """Return positions along an axis as positions in the flattened array; batch axes may stand in front."""
    starts = np.arange(math.prod(shape)).reshape(shape).take([0], axis)
    return starts + along * math.prod(shape[axis + 1 :])


def _ranks_each(compute: Any, operands: Any, leads: Any, params: Any) -> Any:
    x, out = repeated(operands, leads)
    k, axis = max(leads), params["axis"]
    if axis is None:
        x, out, axis = x.reshape(*x.shape[:k], -1), out.reshape(*out.shape[:k], -1), 0
    return _matched(x, out, axis + k, x.shape[k:], axis)


def _matched(x: Any, out: Any, along: int, shape: Shape, axis: int) -> Any:
    order = np.argsort(x, axis=along, kind="stable")
    ranks = np.argsort(np.argsort(out, axis=along, kind="stable"), axis=along, kind="stable")
    return _flat_positions(np.take_along_axis(order, ranks, axis=along), shape, axis)


@piecewise_constant(batched=_ranks_each, domain=(DISTINCT, DISTINCT), cases=(Case(((4,), (4,)), {"axis": 0}),))
def ranked_positions(xp: Namespace, x: ArrayLike, out: ArrayLike, /, *, axis: int | None) -> Array:
    """Return where in the flattened ``x`` each element of ``out`` came from, which has the same elements along ``axis``.

    The smallest comes from the smallest, and so on; of equal elements the first from the first.
    """
    x, out = np.asarray(x), np.asarray(out)
    if axis is None:
        x, axis = x.reshape(-1), 0
    return _matched(x, out, axis, x.shape, axis)


def _ordered_vjp(xp: Namespace, ct: Array, out: Array, x: Array, axis: int | None, **params: Any) -> Array:
    return xp.place_add(ct, xp.ranked_positions(x, out, axis=axis), shape=np.shape(x))


def _ordered_jvp(xp: Namespace, tangents: Any, out: Array, x: Array, axis: int | None, **params: Any) -> Array:
    return xp.gather(tangents[0], xp.ranked_positions(x, out, axis=axis))


def _sort_arguments(
    a: Any, axis: int | None = -1, kind: str | None = None, order: Any = None, *, stable: bool | None = None
) -> tuple[Any, ...]:
    if order is not None:
        msg = "np.sort(…, order=…) is about named fields, and a tensor has none. Leave order out."
        raise ArgumentError(msg)
    if kind is not None and stable is not None:
        msg = "np.sort: kind and stable say the same thing. Leave one out."
        raise ArgumentError(msg)
    return (a,), {"axis": axis, "stable": bool(stable) if kind is None else kind}


@primitive(
    vjps=(_ordered_vjp,), jvp=_ordered_jvp, batched=over_axes, canonical=_one_axis_or_flat, domain=(DISTINCT,),
    adapt={np.sort: _sort_arguments},
    cases=(
        Case(((4,),)), Case(((2, 3),)), Case(((2, 3),), {"axis": 0}), Case(((2, 3, 2),), {"axis": -2, "stable": True}),
        Case(((2, 3),), {"axis": None}), Case(((0, 2),)), Case(((),), {"axis": None}),
    ),
)  # fmt: skip
def sort(
    xp: Namespace, x: ArrayLike, /, *, axis: int | None = -1, descending: bool = False, stable: bool | str = True
) -> Array:
    """Return the elements in order along an axis, or those of the flattened array for None; NaN come last.

    At ties the derivative goes by position: the first of equal results belongs to the first of equal elements.
    ``stable`` may also be the name of one of NumPy's algorithms.
    """
    kind: Any = stable if isinstance(stable, str) else "stable" if stable else "quicksort"
    if not descending:
        return _plain.sort(x, axis=axis, kind=kind)
    if axis is None:
        x, axis = _plain.ravel(x), 0
    return _plain.flip(_plain.sort(_plain.flip(x, axis=axis), axis=axis, kind=kind), axis=axis)


def _partition_arguments(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None
) -> tuple[Any, ...]:
    if order is not None or kind != "introselect":
        msg = "np.partition on a tensor takes neither kind nor order. Leave them out."
        raise ArgumentError(msg)
    return (a,), {"kth": kth, "axis": axis}


def _partition_params(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    kth = params["kth"]
    plain = kth if type(kth) is int else own(kth, what="kth")
    return _one_axis_or_flat(operands, {**params, "kth": plain})


@primitive(
    vjps=(_ordered_vjp,), jvp=_ordered_jvp, batched=over_axes, canonical=_partition_params, domain=(DISTINCT,), operands=1,
    adapt={np.partition: _partition_arguments},
    cases=(
        Case(((5,),), {"kth": 2}), Case(((3, 4),), {"kth": (1, -1), "axis": 0}), Case(((3, 4),), {"kth": 0}),
        Case(((2, 3),), {"kth": 3, "axis": None}),
    ),
)  # fmt: skip
def partition(xp: Namespace, x: ArrayLike, /, kth: Any, *, axis: int | None = -1) -> Array:
    """Return the elements along an axis so that the ``kth`` stands where sorting would put it, smaller ones before it."""
    return _plain.partition(x, kth, axis=axis)


# --- reading at positions -------------------------------------------------------------------------------------------
def _read(x: Any, positions: Any, leads: Any) -> Any:
    """Return the elements of the flattened examples of ``x`` at positions that have all the batch axes in front."""
    if not leads[0]:
        return np.take(x.reshape(-1), positions)
    k = leads[0]
    lengths = np.broadcast_shapes(x.shape[:k], positions.shape[:k])
    flat = np.broadcast_to(x.reshape(*x.shape[:k], -1), (*lengths, math.prod(x.shape[k:])))
    full = np.broadcast_to(positions, lengths + positions.shape[k:])
    return np.take_along_axis(flat, full.reshape(*lengths, -1), axis=-1).reshape(full.shape)


def _take_each(compute: Any, operands: Any, leads: Any, params: Any) -> Any:
    (x, indices), (k, other), axis = operands, leads, params["axis"]
    if not other:
        if axis is None:
            return compute(x.reshape(*x.shape[:k], -1), indices, axis=k)
        return compute(x, indices, axis=axis + k)
    shape = np.shape(x)[k:]
    places = np.arange(math.prod(shape)).reshape(shape)
    start = 0 if axis is None else axis
    positions = np.take(places, indices, axis=axis)
    return _read(np.asarray(x), np.moveaxis(positions, range(start, start + other), range(other)), leads)


def _take_expression(xp: Namespace, x: Array, indices: Array, axis: int | None) -> Array:
    places = np.arange(np.size(x)).reshape(np.shape(x))
    return xp.gather(x, xp.elements_at(places, indices, axis=axis))


def _take_axis(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    return _one_axis_or_flat(operands, {"axis": None, **params})


@composite(
    expression=_take_expression, batched=_take_each, canonical=_take_axis, domain=(REAL, _POSITIONS),
    cases=(
        Case(((4,), (3,))), Case(((2, 3), (2, 2))), Case(((2, 3), (3,)), {"axis": 1}), Case(((2, 3, 2), (2, 2)), {"axis": 1}),
        Case(((2, 3), ()), {"axis": -1}), Case(((2, 3), (0,)), {"axis": 0}),
    ),
)  # fmt: skip
def elements_at(xp: Namespace, x: ArrayLike, indices: ArrayLike, /, *, axis: int | None = None) -> Array:
    """Return the elements at some positions along an axis, or of the flattened array."""
    return np.take(x, indices, axis=axis)  # type: ignore[arg-type]  # indices are integers


@expansion()
def take(xp: Namespace, x: ArrayLike, indices: ArrayLike, /, *, axis: int | None = None) -> Array:
    """Return the elements at some positions along an axis, or of the flattened array; repeated ones add up backwards."""
    return xp.elements_at(x, indices, axis=axis)


def _numpys_take(
    xp: Namespace, a: ArrayLike, indices: Any, axis: int | None = None, out: None = None, mode: str = "raise"
) -> Array:
    """Return `take` by NumPy's signature; ``mode`` brings the positions into the axis beforehand."""
    if mode not in {"raise", "wrap", "clip"}:
        msg = f"np.take: mode is 'raise', 'wrap' or 'clip', not {mode!r}."
        raise ArgumentError(msg)
    if mode != "raise":
        n = np.size(a) if axis is None else np.shape(a)[axis]
        given = np.asarray(indices) if isinstance(indices, (list, tuple, int)) else indices
        indices = np.remainder(given, n) if mode == "wrap" else np.clip(given, 0, n - 1)
    return xp.elements_at(a, indices, axis=axis)


DOORS[np.take] = Expansion("take", _numpys_take), None


def _along_each(compute: Any, operands: Any, leads: Any, params: Any) -> Any:
    (x, indices), (k, other), axis = operands, leads, params["axis"]
    if not other:
        shape, lengths = np.shape(x)[k:], x.shape[:k]
        indices = np.broadcast_to(indices, lengths + np.shape(indices))
    else:
        shape = np.shape(x)[k:]
    j = max(leads)
    flat = axis is None
    places = np.arange(math.prod(shape))
    places = places if flat else places.reshape(shape)
    wide = places.reshape((1,) * j + places.shape)
    wide = np.broadcast_to(wide, indices.shape[:j] + places.shape)
    return _read(np.asarray(x), np.take_along_axis(wide, indices, axis=(0 if flat else axis) + j), leads)


def _along_expression(xp: Namespace, x: Array, indices: Array, axis: int | None) -> Array:
    places = np.arange(np.size(x)).reshape(np.shape(x))
    return xp.gather(x, xp.take_along_axis(places, indices, axis=axis))


@composite(
    np.take_along_axis, expression=_along_expression, batched=_along_each, canonical=_one_axis_or_flat, domain=(REAL, _POSITIONS),
    cases=(
        Case(((4,), (3,))), Case(((2, 3), (2, 2))), Case(((2, 3), (4, 3)), {"axis": 0}), Case(((2, 3), (1, 2)), {"axis": -1}),
        Case(((2, 3), (4,)), {"axis": None}), Case(((3, 2, 2), (3, 1, 2)), {"axis": 1}),
    ),
)  # fmt: skip
def take_along_axis(xp: Namespace, x: ArrayLike, indices: ArrayLike, /, *, axis: int | None = -1) -> Array:
    """Return the elements at positions along an axis that differ from line to line, as argsort gives them."""
    return _plain.take_along_axis(x, indices, axis=axis)


@expansion(np.compress)
def compress(xp: Namespace, condition: ArrayLike, a: ArrayLike, axis: int | None = None, out: None = None) -> Array:
    """Return the parts along an axis, or the elements of the flattened array, where a condition in one axis is true."""
    if np.ndim(condition) != 1:
        msg = "condition must be a 1-d array"
        raise ValueError(msg)
    return xp.elements_at(a, np.flatnonzero(condition), axis=axis)


@expansion(np.extract)
def extract(xp: Namespace, condition: ArrayLike, arr: ArrayLike) -> Array:
    """Return the elements where a condition is true, in one axis."""
    return xp.elements_at(xp.ravel(arr), np.flatnonzero(condition))


# --- choosing between arrays ----------------------------------------------------------------------------------------
def _choose_expression(xp: Namespace, arrays: Any, mode: str = "raise") -> Array:
    index, choices = arrays[0], arrays[1:]
    if mode == "wrap":
        index = xp.remainder(index, len(choices))
    elif mode == "clip":
        index = xp.minimum(xp.maximum(index, 0), len(choices) - 1)
    chosen = choices[-1]
    for i, choice in enumerate(choices[:-1]):
        chosen = xp.where(index == i, choice, chosen)
    return chosen


@composite(
    expression=_choose_expression, variadic=True,
    cases=(
        Case(((3,), (3,), (3,)), {}, (_CHOICES, REAL, REAL)), Case(((2, 3), (3,), (), (2, 1)), {}, (_CHOICES, REAL, REAL, REAL)),
        Case(((3,), (3,), (3,)), {"mode": "wrap"}, (_POSITIONS, REAL, REAL)),
        Case(((3,), (3,), (2, 3)), {"mode": "clip"}, (_POSITIONS, REAL, REAL)),
    ),
)  # fmt: skip
def choose_between(xp: Namespace, arrays: Any, /, *, mode: str = "raise") -> Array:
    """Return ``arrays[1:][i]`` element by element, where ``i`` is the first of the arrays."""
    return _plain.choose(arrays[0], list(arrays[1:]), mode=mode)


@expansion(np.choose)
def choose(xp: Namespace, a: ArrayLike, choices: Any, out: None = None, mode: str = "raise") -> Array:
    """Return, element by element, the choice of that number; all are broadcast together."""
    return xp.choose_between([a, *choices], mode=mode)


def _select_expression(xp: Namespace, arrays: Any) -> Array:
    n = len(arrays) // 2
    chosen = arrays[-1]
    for condition, choice in zip(arrays[n - 1 :: -1], arrays[2 * n - 1 : n - 1 : -1], strict=True):
        chosen = xp.where(condition, choice, chosen)
    return chosen


@composite(
    expression=_select_expression, variadic=True,
    cases=(
        Case(((3,), (3,), (3,), (3,), ()), {}, (BOOLEAN, BOOLEAN, REAL, REAL, REAL)),
        Case(((3,), (2, 3), (2, 1)), {}, (BOOLEAN, REAL, REAL)),
    ),
)  # fmt: skip
def select_between(xp: Namespace, arrays: Any, /) -> Array:
    """Return the choice of the first true condition; the arrays are conditions, as many choices, and the default."""
    n = len(arrays) // 2
    return np.select(list(arrays[:n]), list(arrays[n:-1]), arrays[-1])


@expansion(np.select)
def select(xp: Namespace, condlist: Any, choicelist: Any, default: ArrayLike = 0) -> Array:
    """Return, element by element, the choice of the first true condition, or the default where there is none."""
    if len(condlist) != len(choicelist) or not len(condlist):
        msg = "list of cases must be same length as list of conditions, and not empty"
        raise ValueError(msg)
    return xp.select_between([*condlist, *choicelist, default])


# --- medians and quantiles ------------------------------------------------------------------------------------------
def _reduced_axes(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the axes as a sorted tuple, or None for the flattened array."""
    axis = params.get("axis")
    if axis is not None:
        axis = tuple(sorted(normalize_axis_tuple(axis, np.ndim(operands[0]))))
    return {**params, "axis": axis}


def _in_lines(xp: Namespace, x: Array, axis: tuple[int, ...] | None) -> tuple[Array, Shape]:
    """Return the array with the reduced axes joined into the last one, and the shape that keeps them with length one."""
    shape = np.shape(x)
    gone = tuple(range(len(shape))) if axis is None else axis
    rest = tuple(i for i in range(len(shape)) if i not in gone)
    moved = xp.transpose(x, (*rest, *gone)) if rest + gone != tuple(range(len(shape))) else x
    lines = xp.reshape(moved, (*[shape[i] for i in rest], math.prod(shape[i] for i in gone)))
    return lines, tuple(1 if i in gone else n for i, n in enumerate(shape))


def _without_slopes(xp: Namespace, x: Array) -> Array:
    """Return the array with its NaN constant: a line of nothing else has the result NaN and the derivative 0."""
    return xp.where(xp.isnan(x), np.nan, x)


def _counted(xp: Namespace, lines: Array, nan: bool) -> Any:
    """Return how many elements each line has, NaN left out where asked; at least one."""
    if not nan:
        return max(np.shape(lines)[-1], 1)
    return xp.maximum(xp.sum(~xp.isnan(lines), axis=-1, keepdims=True), 1)


def _median_expression(
    xp: Namespace, x: Array, axis: tuple[int, ...] | None, keepdims: bool = False, *, nan: bool = False
) -> Array:
    lines, kept = _in_lines(xp, _without_slopes(xp, x) if nan else x, axis)
    ordered = xp.sort(lines, axis=-1)
    n = _counted(xp, lines, nan)
    if nan:
        middle = xp.take_along_axis(ordered, (n - 1) // 2, axis=-1) + xp.take_along_axis(ordered, n // 2, axis=-1)
    else:
        middle = ordered[..., (n - 1) // 2] + ordered[..., n // 2]
    return xp.reshape(middle * 0.5, kept if keepdims else np.shape(lines)[:-1])


def _median_arguments(
    a: Any, axis: Axis = None, out: None = None, overwrite_input: bool = False, keepdims: Any = _NO_VALUE
) -> tuple[Any, ...]:
    params = {"axis": axis}
    return (a,), {**params, "keepdims": True} if keepdims is not _NO_VALUE and keepdims else params


_MEDIANS = (
    Case(((5,),)), Case(((4,),)), Case(((2, 5),), {"axis": 1}), Case(((4, 2),), {"axis": 0, "keepdims": True}),
    Case(((2, 3, 2),), {"axis": (0, -1)}), Case(((2, 3),), {"keepdims": True}),
)  # fmt: skip


@composite(
    expression=_median_expression, canonical=_reduced_axes, domain=(DISTINCT,), adapt={np.median: _median_arguments}, cases=_MEDIANS
)  # fmt: skip
def median(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the middle element along the axes, the mean of the middle two of an even number; ties go by position."""
    return _plain.median(x, axis=axis, keepdims=keepdims)


@composite(
    expression=functools.partial(_median_expression, nan=True), canonical=_reduced_axes, domain=(_SOME_NAN,),
    adapt={np.nanmedian: _median_arguments}, cases=_MEDIANS,
)  # fmt: skip
def nanmedian(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the median of the elements that are not NaN."""
    return _plain.nanmedian(x, axis=axis, keepdims=keepdims)


_Index = Callable[[Namespace, Any, Any], Any]
_SPACED: dict[str, tuple[float, float]] = {
    "interpolated_inverted_cdf": (0.0, 1.0), "hazen": (0.5, 0.5), "weibull": (0.0, 0.0), "linear": (1.0, 1.0),
    "median_unbiased": (1 / 3.0, 1 / 3.0), "normal_unbiased": (3 / 8.0, 3 / 8.0),
}  # fmt: skip
"""The continuous methods, with the alpha and beta of Hyndman and Fan (1996)."""


def _spaced(n: Any, q: Any, method: str) -> Any:
    """Return the position of a quantile among ``n`` sorted elements, a real number; rounded as NumPy rounds it."""
    if method == "linear":
        return (n - 1) * q
    alpha, beta = _SPACED[method]
    return n * q + (alpha + q * (1 - alpha - beta)) - 1


def _neighbours(xp: Namespace, n: Any, q: Any, method: str) -> tuple[Any, Any, Any]:
    """Return for each quantile the positions of two sorted elements and the share of the second."""
    if method in _SPACED:
        v = _spaced(n, q, method)
        low = xp.floor(v)
        inside = (v >= 0) & (v < n - 1)
        return low, low + 1, xp.where(inside, v - low, 0.0)
    if method == "averaged_inverted_cdf":
        v = n * q - 1
        low = xp.floor(v)
        return low, low + 1, xp.where(v == low, 0.5, 1.0)
    if method in {"inverted_cdf", "closest_observation"}:
        v = n * q - (1 if method == "inverted_cdf" else 1.5)
        low = xp.floor(v)
        stays = (v == low) if method == "inverted_cdf" else (v == low) & (low % 2 == 1)
        low = xp.where(stays, low, low + 1)
        return low, low, 0.0
    v = (n - 1) * q
    low, high = xp.floor(v), xp.ceil(v)
    if method == "nearest":
        low = high = xp.rint(v)
    pairs = {"lower": (low, low), "higher": (high, high), "nearest": (low, low), "midpoint": (low, high)}
    return *pairs[method], 0.5


def _quantile_expression(
    xp: Namespace, x: Array, q: Array, axis: Any, method: str = "linear", keepdims: bool = False, *, scale: float = 1,
    nan: bool = False,
) -> Array:  # fmt: skip
    lines, kept = _in_lines(xp, _without_slopes(xp, x) if nan else x, axis)
    ordered, n = xp.sort(lines, axis=-1), _counted(xp, lines, nan)
    most = max(np.shape(lines)[-1] - 1, 0)
    rank = len(np.shape(lines))
    shape = np.shape(q)
    q = xp.reshape(q, (1,) * (rank - 1) + (-1,)) / scale
    fixed = xp.stop_gradient(q)
    low, high, share = _neighbours(xp, n, fixed, method)

    def at(position: Any) -> Array:
        """Return the sorted elements at positions that are the same for all lines, or not."""
        inside = xp.maximum(xp.minimum(position, xp.minimum(n - 1, most)), 0).astype(np.intp)
        return xp.take_along_axis(ordered, inside, axis=-1)

    below, above = at(low), at(high)
    result = below + (above - below) * share
    if method in _SPACED and getattr(q, "autograd", False):
        # What it adds is zero, with the slope in q: at an element the mean of both sides, at 0 and 1 that of the inner one.
        v = _spaced(n, q, method)
        w = xp.stop_gradient(v)
        left = xp.where(fixed <= 0, xp.floor(w), xp.ceil(w) - 1)
        right = xp.where(fixed >= 1, xp.ceil(w) - 1, xp.floor(w))
        slope = (at(left + 1) - at(left) + at(right + 1) - at(right)) * 0.5
        result = result + slope * (v - w)
    first = xp.moveaxis(result, -1, 0)
    return xp.reshape(first, shape + (kept if keepdims else np.shape(lines)[:-1]))


def _quantile_arguments(name: str) -> Callable[..., Any]:
    """Return what adapts NumPy's signature; weights go to the op `weighted_quantile`."""

    def adapt(
        a: Any, q: Any, axis: Axis = None, out: None = None, overwrite_input: bool = False, method: str = "linear",
        keepdims: Any = False, *, weights: Any = None,
    ) -> tuple[Any, ...]:  # fmt: skip
        params: dict[str, Any] = {"axis": axis, "method": method}
        if keepdims is not _NO_VALUE and keepdims:
            params["keepdims"] = True
        if weights is None:
            return (a, q), params
        return "weighted_quantile", (a, q, weights), {**params, "function": name}

    return adapt


_METHODS = ("linear", *(name for name in _SPACED if name != "linear"), "inverted_cdf", "averaged_inverted_cdf",
    "closest_observation", "lower", "higher", "midpoint", "nearest")  # fmt: skip
_QUANTILES = (
    *[Case(((5,), (3,)), {"method": method}) for method in _METHODS],
    Case(((2, 4), ()), {"axis": 1}), Case(((2, 4), (3,)), {"axis": 0, "keepdims": True}),
    Case(((2, 3, 2), (2,)), {"axis": (0, -1), "method": "hazen"}), Case(((4,), ())), Case(((3, 2), (2, 2)), {"axis": 0}),
)  # fmt: skip


def _quantile(
    function: Callable[..., Any], domain: tuple[Domain, ...], **options: Any
) -> Callable[[Callable[Concatenate[Namespace, P], Array]], Op[P]]:
    """Return the decorator of one of the four: they differ in the scale of ``q`` and in what NaN means."""
    return composite(
        expression=functools.partial(_quantile_expression, **options), canonical=_reduced_axes, domain=domain,
        adapt={function: _quantile_arguments(function.__name__)}, cases=_QUANTILES,
    )  # fmt: skip


@_quantile(np.quantile, (DISTINCT, _FRACTION))
def quantile(
    xp: Namespace, x: ArrayLike, q: ArrayLike, /, *, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Return the quantiles ``q``, between 0 and 1, along the axes, by any of NumPy's methods.

    It has derivatives in both operands. In ``q`` it is that of the straight line between two elements, at an element the
    mean of both sides; zero for the methods that choose elements. The axes of ``q`` come first in the result.
    """
    return _plain.quantile(x, q, axis=axis, method=method, keepdims=keepdims)


@_quantile(np.percentile, (DISTINCT, _PERCENT), scale=100)
def percentile(
    xp: Namespace, x: ArrayLike, q: ArrayLike, /, *, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Return the percentiles ``q``, between 0 and 100, along the axes; as `quantile` otherwise."""
    return _plain.percentile(x, q, axis=axis, method=method, keepdims=keepdims)


@_quantile(np.nanquantile, (_SOME_NAN, _FRACTION), nan=True)
def nanquantile(
    xp: Namespace, x: ArrayLike, q: ArrayLike, /, *, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Return the quantiles of the elements that are not NaN; as `quantile` otherwise."""
    return _plain.nanquantile(x, q, axis=axis, method=method, keepdims=keepdims)


@_quantile(np.nanpercentile, (_SOME_NAN, _PERCENT), nan=True, scale=100)
def nanpercentile(
    xp: Namespace, x: ArrayLike, q: ArrayLike, /, *, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Return the percentiles of the elements that are not NaN; as `quantile` otherwise."""
    return _plain.nanpercentile(x, q, axis=axis, method=method, keepdims=keepdims)


def _weighted_expression(
    xp: Namespace, x: Array, q: Array, weights: Array, axis: Any, function: str, method: str = "inverted_cdf",
    keepdims: bool = False,
) -> Array:  # fmt: skip
    constants = [xp.stop_gradient(a) for a in (x, q, weights)]
    out = xp.weighted_quantile(*constants, axis=axis, function=function, method=method, keepdims=True)
    chosen = constants[0] == out
    gone = tuple(range(-len(np.shape(x)), 0)) if axis is None else tuple(i - len(np.shape(x)) for i in axis)
    count = xp.maximum(xp.sum(chosen, axis=gone, keepdims=keepdims), 1)
    return xp.sum(xp.where(chosen, x, 0), axis=gone, keepdims=keepdims) / count


def _weighted_each(compute: Any, operands: Any, leads: Any, params: Any) -> Any:
    full = repeated(operands, leads)
    lengths = batch_lengths(operands, leads)
    found = [compute(*[a[place] for a in full], **params) for place in np.ndindex(*lengths)]
    return np.stack(found).reshape(lengths + np.shape(found[0]))


@composite(
    expression=_weighted_expression, batched=_weighted_each, canonical=_reduced_axes, domain=(DISTINCT, _FRACTION, Domain("positive", lambda z: 1 + z * z)),
    cases=(
        Case(((5,), (3,), (5,)), {"function": "quantile"}), Case(((2, 4), (), (4,)), {"function": "quantile", "axis": 1, "keepdims": True}),
        Case(((3, 2), (2,), (3, 2)), {"function": "nanpercentile", "axis": 0}),
    ),
)  # fmt: skip
def weighted_quantile(
    xp: Namespace, x: ArrayLike, q: ArrayLike, weights: ArrayLike, /, *, function: str, axis: Axis = None,
    method: str = "inverted_cdf", keepdims: bool = False,
) -> Array:  # fmt: skip
    """Return a quantile of weighted elements, by a NumPy function: one of the elements, constant in ``q`` and the weights.

    Where several elements equal it, the derivative is split evenly.
    """
    return getattr(np, function)(x, q, axis=axis, method=method, keepdims=keepdims, weights=weights)
