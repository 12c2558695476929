"""Numbers laid out between two ends: evenly, by equal factors, by powers; and counts in the boxes of a grid."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tape_ad._batched import Batched
from tape_ad._cases import Case, Domain
from tape_ad._data import check_device
from tape_ad._errors import ArgumentError
from tape_ad._rules import POSITIVE, composite, expansion, linear
from tape_ad._stacked import pointwise
from tape_ad._typing import Array, ArrayLike, DType, Namespace
from tape_ad.ops.joining import plain, traced
from tape_ad.ops.statistics import edges_between, plain_range

_plain: Namespace = np  # whatever the namespace, the value is NumPy's own
_ABOVE_ZERO = Domain("positive", lambda z: np.exp(z / 2))
_BELOW_ZERO = Domain("negative", lambda z: -np.exp(z / 2))
_DOUBLE = {"dtype": np.dtype(np.float64)}  # what NumPy's geomspace gives of single precision too


# --- evenly ---------------------------------------------------------------------------------------------------------
def _laid_out(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the number as an integer and the axis as a non-negative one, and leave out a dtype that is not given."""
    num = operator.index(params["num"])
    if num < 0:
        msg = f"Number of samples, {num}, must be non-negative."
        raise ValueError(msg)
    rank = max([np.ndim(x) for x in operands])
    axis = normalize_axis_index(params.get("axis", 0), rank + 1)
    given = {key: value for key, value in params.items() if key != "dtype" or value is not None}
    return {**given, "num": num, "axis": int(axis)}


def _laid_out_each(compute: Any, operands: Any, leads: Any, params: Any) -> Any:
    """Put the new axis behind the batch axes."""
    return pointwise(compute, operands, leads, {**params, "axis": params["axis"] + max(leads)})


def _shares(num: int, endpoint: bool, axis: int, rank: int) -> Any:
    """Return how far each number is from the start, as a share of the way, along an axis of an array of that rank."""
    whole = max(num - 1 if endpoint else num, 1)  # a single number is the start
    return (np.arange(num) / whole).reshape(tuple([num if i == axis else 1 for i in range(rank)]))


def _start_transpose(
    xp: Namespace, ct: Array, out: Array, start: Array, stop: Array, num: int, axis: int, endpoint: bool = True,
    dtype: DType = None,
) -> Array:  # fmt: skip
    return xp.sum(ct * (1 - _shares(num, endpoint, axis, len(ct.shape))), axis=axis)


def _stop_transpose(
    xp: Namespace, ct: Array, out: Array, start: Array, stop: Array, num: int, axis: int, endpoint: bool = True,
    dtype: DType = None,
) -> Array:  # fmt: skip
    return xp.sum(ct * _shares(num, endpoint, axis, len(ct.shape)), axis=axis)


@linear(
    transposes=(_start_transpose, _stop_transpose), batched=_laid_out_each, canonical=_laid_out, operands=2,
    cases=(
        Case(((), ()), {"num": 5}), Case(((2,), (2,)), {"num": 4, "endpoint": False}), Case(((2, 1), (3,)), {"num": 3, "axis": -1}),
        Case(((2,), ()), {"num": 3, "axis": 1}), Case(((), (2, 2)), {"num": 2, "axis": 1}), Case(((), ()), {"num": 1}),
        Case(((2,), (2,)), {"num": 1, "endpoint": False}), Case(((), ()), {"num": 0}), Case(((0,), ()), {"num": 2}),
        Case(((2,), (2,)), {"num": 3, "dtype": np.dtype(np.complex128)}),
    ),
)  # fmt: skip
def evenly_spaced(
    xp: Namespace, start: ArrayLike, stop: ArrayLike, /, *, num: int, endpoint: bool = True, axis: int = 0,
    dtype: DType = None,
) -> Array:  # fmt: skip
    """Return numbers at equal distances from start to stop along a new axis; of an integer dtype, rounded down."""
    return _plain.linspace(start, stop, num, endpoint=endpoint, axis=axis, dtype=dtype)


def _step_expression(xp: Namespace, start: Array, stop: Array, num: int, endpoint: bool = True) -> Array:
    return (stop - start) / (num - 1 if endpoint else num)


@composite(
    expression=_step_expression, batched=pointwise, operands=2,
    cases=(Case(((), ()), {"num": 5}), Case(((2, 1), (3,)), {"num": 3, "endpoint": False})),
)  # fmt: skip
def distance_between(xp: Namespace, start: ArrayLike, stop: ArrayLike, /, *, num: int, endpoint: bool = True) -> Array:
    """Return the distance at which numbers are laid out evenly from start to stop."""
    return _plain.linspace(start, stop, num, endpoint=endpoint, retstep=True)[1]


@expansion(np.linspace)
def linspace(
    xp: Namespace, start: ArrayLike, stop: ArrayLike, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: DType = None, axis: int = 0, *, device: Any = None,
) -> Any:  # fmt: skip
    """Return numbers at equal distances; with ``retstep`` the distance too, NaN where there are no two numbers.

    `tape_ad.linspace` is the same with the signature of the Array API standard.
    """
    check_device(device, "np.linspace()")
    line = xp.evenly_spaced(start, stop, num=num, endpoint=bool(endpoint), dtype=dtype, axis=axis)
    if not retstep:
        return line
    if operator.index(num) <= bool(endpoint):
        return line, np.nan
    return line, xp.distance_between(start, stop, num=operator.index(num), endpoint=bool(endpoint))


# --- by powers and by equal factors ---------------------------------------------------------------------------------
@expansion(np.logspace)
def logspace(
    xp: Namespace, start: ArrayLike, stop: ArrayLike, num: int = 50, endpoint: bool = True, base: ArrayLike = 10.0,
    dtype: DType = None, axis: int = 0,
) -> Array:  # fmt: skip
    """Return ``base`` to the powers that lie at equal distances from start to stop; all three carry derivatives."""
    if np.ndim(base):
        operands = (start, stop, base)
        rank = len(np.broadcast_shapes(*[np.shape(x) for x in operands]))
        # An array as base takes part in where the new axis goes, so all three get the same number of axes.
        start, stop, base = [xp.reshape(x, (1,) * (rank - np.ndim(x)) + np.shape(x)) for x in operands]
        base = xp.expand_dims(base, axis=axis)
    line = xp.evenly_spaced(start, stop, num=num, endpoint=bool(endpoint), axis=axis)
    powers = xp.pow(base, line)
    return powers if dtype is None else xp.astype(powers, dtype)


def _factors_expression(
    xp: Namespace, start: Array, stop: Array, num: int, axis: int, endpoint: bool = True, dtype: DType = None
) -> Array:
    """Write a way from start to stop as powers of their ratio, whose logarithm is the principal one."""
    if dtype is not None and np.dtype(dtype).kind == "c":
        start, stop = [x if np.iscomplexobj(x) else xp.astype(x, dtype) for x in (start, stop)]
    rank = max(np.ndim(start), np.ndim(stop))
    start, stop = [xp.reshape(x, (1,) * (rank - np.ndim(x)) + np.shape(x)) for x in (start, stop)]
    ratio = xp.expand_dims(xp.log(stop / start), axis=axis)
    return xp.expand_dims(start, axis=axis) * xp.exp(_shares(num, endpoint, axis, rank + 1) * ratio)


@composite(
    expression=_factors_expression, batched=_laid_out_each, canonical=_laid_out, operands=2, domain=(_ABOVE_ZERO, _ABOVE_ZERO),
    cases=(
        Case(((), ()), {"num": 5, **_DOUBLE}), Case(((2,), (2,)), {"num": 4, "endpoint": False, **_DOUBLE}), Case(((2, 1), (3,)), {"num": 3, "axis": -1, **_DOUBLE}),
        Case(((2,), ()), {"num": 3, "axis": 1, **_DOUBLE}), Case(((), ()), {"num": 1, **_DOUBLE}), Case(((), ()), {"num": 0, **_DOUBLE}),
        Case(((2,), (2,)), {"num": 3, "dtype": np.dtype(np.complex128)}, (POSITIVE, POSITIVE)),
        Case(((2,), (2,)), {"num": 3, **_DOUBLE}, (_BELOW_ZERO, _BELOW_ZERO)),
        Case(((2,), (2,)), {"num": 3, "dtype": np.dtype(np.complex128)}, (_BELOW_ZERO, _ABOVE_ZERO)),
    ),
)  # fmt: skip
def spaced_by_factors(
    xp: Namespace, start: ArrayLike, stop: ArrayLike, /, *, num: int, endpoint: bool = True, axis: int = 0,
    dtype: DType = None,
) -> Array:  # fmt: skip
    """Return numbers of which each is the one before it times the same factor, from start to stop along a new axis."""
    return _plain.geomspace(start, stop, num, endpoint=endpoint, axis=axis, dtype=dtype)


@expansion(np.geomspace)
def geomspace(
    xp: Namespace, start: ArrayLike, stop: ArrayLike, num: int = 50, endpoint: bool = True, dtype: DType = None,
    axis: int = 0,
) -> Array:  # fmt: skip
    """Return numbers of which each is the one before it times the same factor, from start to stop.

    Raises:
        ValueError: where an end is zero.
    """
    return xp.spaced_by_factors(start, stop, num=num, endpoint=bool(endpoint), dtype=dtype, axis=axis)


# --- counts in boxes ------------------------------------------------------------------------------------------------
def _known(x: Any) -> Any:
    """Return the plain array of something that is a constant here.

    Raises:
        ArgumentError: inside vmap, if it differs from example to example, and with it the edges of the boxes would.
    """
    data = plain(x)
    if type(data) is Batched:
        msg = "Inside vmap the points and edges of a histogram must be the same for all examples. Pass them with in_axes=None."
        raise ArgumentError(msg)
    return np.asarray(data)


def _known_bins(bins: Any) -> Any:
    """Return numbers of bins and edges as plain ones: either for each dimension, or one of them for all."""
    data = plain(bins)
    if not isinstance(data, (list, tuple)):
        return data if np.ndim(data) == 0 else _known(data)
    return [plain(part) if np.ndim(plain(part)) == 0 else _known(part) for part in data]


def _points(sample: Any) -> Any:
    """Return the points in rows; a sequence of arrays has their coordinates."""
    if isinstance(sample, (list, tuple)):
        return np.atleast_2d(np.asarray([_known(part) for part in sample])).T
    data = _known(sample)
    return data if data.ndim == 2 else np.atleast_2d(data).T


def _box_of_each(points: Any, edges: Sequence[Any]) -> tuple[Any, tuple[int, ...]]:
    """Return the number of the box that holds each point, and how many there are in each dimension, with two outside."""
    lengths = tuple([len(e) + 1 for e in edges])
    places = []
    for x, e in zip(points.T, edges, strict=True):
        place = np.searchsorted(e, x, side="right")
        place[x == e[-1]] -= 1  # the last box has both of its edges
        places.append(place)
    return np.ravel_multi_index(tuple(places), lengths), lengths


@expansion(np.histogramdd)
def histogramdd(
    xp: Namespace, sample: Any, bins: Any = 10, range: Any = None, density: bool | None = None,
    weights: ArrayLike | None = None,
) -> Any:  # fmt: skip
    """Return the counts in the boxes of a grid, or the sums of the weights, in which they are linear; and the edges.

    Counts are piecewise constant in the points. Edges, and with them densities, follow the least and the greatest
    coordinate, or the range, where these are tensors.
    """
    points, known = _points(sample), _known_bins(bins)
    d = points.shape[1]
    ranges = [None] * d if range is None else list(range)
    limits = None if range is None else [plain_range(ends) for ends in ranges]
    sums, at = np.histogramdd(points, known, limits)
    if weights is not None:
        numbers, lengths = _box_of_each(points, at)
        if np.shape(weights) != numbers.shape:
            msg = "The weights and list don't have the same length."
            raise ValueError(msg)
        if np.iscomplexobj(weights):
            msg = "np.histogramdd takes real weights. Add up the real and the imaginary parts apart."
            raise TypeError(msg)
        everywhere = xp.place_add(xp.astype(weights, np.float64), numbers, shape=lengths)
        sums = everywhere[(slice(1, -1),) * d]
    each = list(bins) if isinstance(bins, (list, tuple)) or np.ndim(plain(bins)) else [bins] * d
    columns = _columns(xp, sample)
    edges = [edges_between(xp, *parts) for parts in zip(at, columns, each, ranges, strict=True)]
    if not density:
        return sums, edges
    dense = sums
    for i, e in enumerate(edges):
        dense = dense / xp.reshape(e[1:] - e[:-1], [-1 if i == j else 1 for j, _ in enumerate(edges)])
    return dense / sums.sum(), edges


def _columns(xp: Namespace, sample: Any) -> list[Any]:
    """Return the coordinates of the points, each for itself."""
    if isinstance(sample, (list, tuple)):
        return list(sample) if any(np.ndim(x) for x in sample) else [xp.stack(sample)]
    return list(xp.moveaxis(sample, 1, 0)) if np.ndim(sample) == 2 else [sample]


@expansion(np.histogram2d)
def histogram2d(
    xp: Namespace, x: ArrayLike, y: ArrayLike, bins: Any = 10, range: Any = None, density: bool | None = None,
    weights: ArrayLike | None = None,
) -> Any:  # fmt: skip
    """Return the counts in the cells of a grid, or the sums of the weights, in which they are linear; and the edges."""
    if np.shape(x)[:1] != np.shape(y)[:1]:
        msg = "x and y must have the same length."
        raise ValueError(msg)
    known = plain(bins)
    if (isinstance(known, (list, tuple)) or np.ndim(known)) and len(known) not in {1, 2}:  # edges for both
        bins = [bins if traced(bins) else np.asarray(bins)] * 2
    sums, (rows, columns) = histogramdd.body(xp, [x, y], bins, range, density, weights)
    return sums, rows, columns
