"""Statistics: ranges, averages with weights, covariance and correlation, counts and histograms."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tape_ad._cases import Case
from tape_ad._errors import ArgumentError
from tape_ad._rules import DISTINCT, NEVER_COMPLEX, REAL, WEIGHTS, composite, expansion
from tape_ad._stacked import over_axes
from tape_ad._typing import Array, ArrayLike, Axis, DType, Namespace
from tape_ad.ops.axes import axes_or_only
from tape_ad.ops.joining import holds_traced, plain, traced

_NO_VALUE = np._NoValue  # noqa: SLF001 - NumPy's mark for "not given" has no public name
_plain: Namespace = np  # whatever the namespace, the value is NumPy's own
_AXES = (
    Case(((4,),)), Case(((2, 3),)), Case(((3, 2),), {"axis": 0}), Case(((2, 3),), {"axis": -1, "keepdims": True}),
    Case(((2, 3, 2),), {"axis": (0, -1)}),
)  # fmt: skip


# --- ranges and averages --------------------------------------------------------------------------------------------
@composite(
    np.ptp, batched=over_axes, canonical=axes_or_only, domain=(DISTINCT,), cases=_AXES,
    expression=lambda xp, x, axis, keepdims=False: xp.max(x, axis=axis, keepdims=keepdims) - xp.min(x, axis=axis, keepdims=keepdims),
)  # fmt: skip
def ptp(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the largest element less the smallest, along the axes."""
    return _plain.ptp(x, axis=axis, keepdims=keepdims)


def _aligned_weights(xp: Namespace, x: Array, weights: Array, axis: tuple[int, ...] | None) -> Array:
    """Return weights that may have the averaged axes only, in their order, shaped to broadcast with the array."""
    shape = np.shape(x)
    if np.shape(weights) == shape or axis is None:
        return weights
    weights = xp.transpose(weights, tuple(int(i) for i in np.argsort(axis)))
    return xp.reshape(weights, tuple(n if i in axis else 1 for i, n in enumerate(shape)))


def _average_expression(
    xp: Namespace, x: Array, weights: Array, axis: tuple[int, ...] | None = None, keepdims: bool = False
) -> Array:
    weights = xp.broadcast_to(_aligned_weights(xp, x, weights, axis), np.shape(x))
    gone = tuple(range(len(np.shape(x)))) if axis is None else axis
    return xp.sum(x * weights, axis=gone, keepdims=keepdims) / xp.sum(weights, axis=gone, keepdims=keepdims)


@composite(
    expression=_average_expression, domain=(REAL, WEIGHTS),
    cases=(
        Case(((4,), (4,))), Case(((2, 3), (2, 3)), {"axis": (1,), "keepdims": True}), Case(((2, 3), (3,)), {"axis": (1,)}),
        Case(((2, 3, 2), (2, 2)), {"axis": (2, 0)}),
    ),
)  # fmt: skip
def weighted_average(
    xp: Namespace, x: ArrayLike, weights: ArrayLike, /, *, axis: tuple[int, ...] | None = None, keepdims: bool = False
) -> Array:
    """Return the average with weights: the sum of the products, divided by the sum of the weights."""
    return _plain.average(x, axis, weights, keepdims=keepdims)


@expansion(np.average)
def average(
    xp: Namespace, a: ArrayLike, axis: Axis = None, weights: ArrayLike | None = None, returned: bool = False, *,
    keepdims: Any = _NO_VALUE,
) -> Any:  # fmt: skip
    """Return the average along the axes, with weights if given; with ``returned`` also the sum of the weights."""
    keep = {"keepdims": True} if keepdims is not _NO_VALUE and keepdims else {}
    gone: Any = axis
    axes = None if gone is None else normalize_axis_tuple(gone, np.ndim(a), argname="axis")
    if weights is None:
        mean = xp.mean(a, axis=axes, **keep)
        return (mean, np.full(mean.shape, np.size(a) / mean.size, mean.dtype)[()]) if returned else mean
    mean = xp.weighted_average(a, weights, axis=axes, **keep)
    if not returned:
        return mean
    aligned = _aligned_weights(xp, a, weights, axes)
    total = xp.sum(aligned, axis=axes, dtype=mean.dtype, **keep)
    return mean, total if total.shape == mean.shape else xp.broadcast_to(total, mean.shape)


# --- covariance and correlation -------------------------------------------------------------------------------------
def _cov_parts(arrays: Any, second: bool, weighted: bool) -> tuple[Any, Any, Any]:
    return arrays[0], arrays[1] if second else None, arrays[-1] if weighted else None


def _cov_expression(
    xp: Namespace, arrays: Any, second: bool = False, weighted: bool = False, rowvar: bool = True, ddof: int = 1,
    fweights: Any = None, dtype: DType = None,
) -> Array:  # fmt: skip
    def in_rows(m: Array) -> Array:
        m = m if dtype is None else xp.astype(m, dtype)
        m = xp.reshape(m, (1, -1)) if np.ndim(m) < 2 else m
        return xp.transpose(m) if not rowvar and np.shape(m)[0] != 1 else m

    m, y, aweights = _cov_parts(arrays, second, weighted)
    x = in_rows(m) if y is None else xp.concatenate([in_rows(m), in_rows(y)], axis=0)
    w: Any = np.ones(np.shape(x)[1]) if fweights is None else np.asarray(fweights, dtype=float)
    total = xp.sum(w if aweights is None else w * aweights)
    lost = ddof if aweights is None or not ddof else ddof * xp.sum(w * aweights * aweights) / total
    w = w if aweights is None else w * aweights
    centred = x - xp.sum(x * w, axis=1, keepdims=True) / total
    products = xp.matmul(centred * w, xp.conj(xp.transpose(centred))) / (total - lost)
    # NumPy has the first factor conjugated by position: c[i, j] is the mean of x_i conj(x_j).
    return xp.squeeze(products)


@composite(
    expression=_cov_expression, variadic=True, domain=(NEVER_COMPLEX,),
    cases=(
        Case(((3, 4),), {"dtype": "float64"}), Case(((4,),), {"dtype": "float64", "ddof": 0}),
        Case(((2, 4), (4,)), {"second": True, "dtype": "float64"}), Case(((4, 2), (4, 1)), {"second": True, "rowvar": False, "dtype": "float64"}),
        Case(((2, 5), (5,)), {"weighted": True, "fweights": np.array([1, 2, 1, 1, 3]), "dtype": "float64"}, (NEVER_COMPLEX, WEIGHTS)),
        Case(((2, 4), (4,)), {"weighted": True, "ddof": 0, "dtype": "float64"}, (NEVER_COMPLEX, WEIGHTS)),
        Case(((2, 4),), {"fweights": np.array([1, 2, 1, 1]), "dtype": "float64"}),
        Case(((2, 4),), {"dtype": "complex128"}, (REAL,)),
    ),
)  # fmt: skip
def covariance(
    xp: Namespace, arrays: Any, /, *, second: bool = False, weighted: bool = False, rowvar: bool = True, ddof: int = 1,
    fweights: Any = None, dtype: DType = None,
) -> Array:  # fmt: skip
    """Return the covariance matrix of variables: the first array, then one with more of them, then weights."""
    m, y, aweights = _cov_parts(arrays, second, weighted)
    return _plain.cov(m, y, rowvar, ddof=ddof, fweights=fweights, aweights=aweights, dtype=dtype)


@expansion(np.cov)
def cov(
    xp: Namespace, m: ArrayLike, y: ArrayLike | None = None, rowvar: bool = True, bias: bool = False,
    ddof: int | None = None, fweights: ArrayLike | None = None, aweights: ArrayLike | None = None, *, dtype: DType = None,
) -> Array:  # fmt: skip
    """Return the covariance matrix of the variables in the rows; ``aweights`` carry derivatives, ``fweights`` are counts."""
    if ddof is not None and ddof != int(ddof):
        msg = "ddof must be integer"
        raise ValueError(msg)
    arrays = [a for a in (m, y, aweights) if a is not None]
    options: dict[str, Any] = {"ddof": int(not bias) if ddof is None else ddof, "rowvar": bool(rowvar)}
    if fweights is not None:
        options["fweights"] = np.asarray(fweights)
    return xp.covariance(arrays, second=y is not None, weighted=aweights is not None, dtype=dtype, **options)


def _correlation_expression(xp: Namespace, arrays: Any, rowvar: bool = True, dtype: DType = None) -> Array:
    c = _cov_expression(xp, arrays, len(arrays) > 1, rowvar=rowvar)
    if not np.ndim(c):
        return c / c
    deviations = xp.sqrt(xp.real(c[(np.arange(len(c)), np.arange(len(c)))]))
    return c / xp.reshape(deviations, (-1, 1)) / deviations


@composite(
    expression=_correlation_expression, variadic=True, domain=(NEVER_COMPLEX,),
    cases=(
        Case(((3, 4),), {"dtype": "float64"}), Case(((4,),), {"dtype": "float64"}), Case(((2, 4), (4,)), {"dtype": "float64"}),
        Case(((4, 2),), {"rowvar": False, "dtype": "float64"}),
    ),
)  # fmt: skip
def correlation(xp: Namespace, arrays: Any, /, *, rowvar: bool = True, dtype: DType = None) -> Array:
    """Return the correlation coefficients of the variables in one array, or in two."""
    return _plain.corrcoef(arrays[0], arrays[1] if len(arrays) > 1 else None, rowvar, dtype=dtype)


@expansion(np.corrcoef)
def corrcoef(
    xp: Namespace, x: ArrayLike, y: ArrayLike | None = None, rowvar: bool = True, *, dtype: DType = None
) -> Array:
    """Return the correlation coefficients of the variables in the rows."""
    return xp.correlation([x] if y is None else [x, y], rowvar=bool(rowvar), dtype=dtype)


# --- counts with weights --------------------------------------------------------------------------------------------
@expansion(np.bincount)
def bincount(xp: Namespace, x: ArrayLike, /, weights: ArrayLike | None = None, minlength: int = 0) -> Any:
    """Return how often each number occurs, or the sums of the weights where it does, in which it is linear."""
    numbers = _data(x)
    counts = np.bincount(numbers, minlength=minlength)
    if weights is None:
        return counts
    if np.shape(weights) != numbers.shape:
        msg = "The weights and list don't have the same length."
        raise ValueError(msg)
    if np.iscomplexobj(weights):
        msg = "np.bincount takes real weights. Count the real and the imaginary part apart."
        raise TypeError(msg)
    return xp.place_add(xp.astype(weights, np.float64), numbers, shape=counts.shape)


def _data(x: Any) -> Any:
    """Return the plain array of something that is a constant here.

    Raises:
        ArgumentError: inside vmap, if it differs from example to example: each would have a result of another length.
    """
    data = getattr(x, "data", x) if hasattr(x, "creation_op") else x
    if hasattr(data, "names"):
        msg = "Inside vmap the numbers to count must be the same for all examples. Pass them with in_axes=None."
        raise ArgumentError(msg)
    return np.asarray(data)


def _histogram_expression(xp: Namespace, weights: Array, data: Any, edges: Any, bins: Any, range: Any) -> Array:
    place = np.searchsorted(edges, data, side="right") - 1
    last = len(edges) - 2
    place = np.where(data == edges[-1], last, place)
    inside = (place >= 0) & (place <= last)
    return xp.place_add(xp.where(inside, weights, 0), np.where(inside, place, 0), shape=(last + 1,))


_POINTS = np.array([0.1, 0.9, 0.35, 0.5, 2.0, 1.0])
_UNEVEN = np.array([0.0, 0.4, 0.6, 1.0])


@composite(
    expression=_histogram_expression, operands=1, domain=(WEIGHTS,),
    cases=(
        Case(((6,),), {"data": _POINTS, "edges": np.linspace(0.0, 1.0, 4), "bins": 3, "range": (0.0, 1.0)}),
        Case(((6,),), {"data": _POINTS, "edges": _UNEVEN, "bins": _UNEVEN, "range": None}),
    ),
)  # fmt: skip
def weighted_histogram(xp: Namespace, weights: ArrayLike, /, *, data: Any, edges: Any, bins: Any, range: Any) -> Array:
    """Return the sums of the weights of the data in each bin."""
    return _plain.histogram(data, bins, range, None, weights)[0]


def edges_between(xp: Namespace, edges: Any, x: Any, bins: Any, range: Any) -> Any:
    """Return the edges of bins as they depend on what they come from: edges that are given, a range, or the numbers ``x``.

    ``edges`` are the plain ones, which are returned where nothing of that is a tensor.
    """
    if np.ndim(bins):
        return bins if traced(bins) else edges
    if not holds_traced([x, *(() if range is None else range)]) or not np.size(plain(x)):
        return edges
    first, last = (xp.min(x), xp.max(x)) if range is None else range
    if plain(first) == plain(last):
        first, last = first - 0.5, last + 0.5
    return xp.linspace(first, last, len(edges), dtype=edges.dtype)


def plain_range(range: Any) -> Any:
    """Return a range as plain numbers."""
    return None if range is None else tuple([plain(end) for end in range])


@expansion(np.histogram_bin_edges)
def histogram_bin_edges(
    xp: Namespace, a: ArrayLike, bins: Any = 10, range: Any = None, weights: ArrayLike | None = None
) -> Array:
    """Return the edges of the bins: those that are given, else evenly spaced over the range or the numbers.

    How many bins a rule chooses by name is piecewise constant in the numbers.
    """
    data, known = _data(a), bins if isinstance(bins, (int, str, np.integer)) else _data(bins)
    edges = np.histogram_bin_edges(data, known, plain_range(range), None if weights is None else _data(weights))
    return edges_between(xp, edges, a, bins, range)


@expansion(np.histogram)
def histogram(
    xp: Namespace, a: ArrayLike, bins: Any = 10, range: Any = None, density: bool | None = None,
    weights: ArrayLike | None = None,
) -> Any:  # fmt: skip
    """Return the counts in bins, or the sums of the weights, which carry derivatives; and the edges.

    Counts are piecewise constant in the data. Edges, and with them densities, follow the least and the greatest number, or
    the range, where these are tensors.
    """
    data, known, limits = (
        _data(a),
        bins if isinstance(bins, (int, str, np.integer)) else _data(bins),
        plain_range(range),
    )
    if weights is None:
        sums, at = np.histogram(data, known, limits)
    else:
        if np.shape(weights) != data.shape:
            msg = "weights should have the same shape as a."
            raise ValueError(msg)
        at = np.histogram_bin_edges(
            data, known, limits, np.ones(data.shape)
        )  # only the shape of weights matters to edges
        flat = {"data": data.reshape(-1), "edges": at, "bins": known, "range": limits}
        sums = xp.weighted_histogram(xp.reshape(weights, -1), **flat)
    edges = edges_between(xp, at, a, bins, range)
    return (sums / (edges[1:] - edges[:-1]).astype(float) / sums.sum() if density else sums), edges
