"""Medians and quantiles, by sorting: what NumPy chooses or interpolates between sorted elements carries the derivative."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Concatenate

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tape_ad._cases import Case, Domain
from tape_ad._core import Op
from tape_ad._rules import DISTINCT, SOME_NAN, composite
from tape_ad._stacked import batch_lengths, repeated
from tape_ad._typing import Array, ArrayLike, Axis, Namespace, P, Shape

_NO_VALUE = np._NoValue  # noqa: SLF001 - NumPy's mark for "not given" has no public name
_plain: Namespace = np  # whatever the namespace, the value is NumPy's own
_FRACTION = Domain("between 0 and 1", lambda z: 0.5 + 0.49 * np.tanh(z))
_PERCENT = Domain("between 0 and 100", lambda z: 50 + 49 * np.tanh(z))


# --- the lines that are reduced -------------------------------------------------------------------------------------
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


# --- medians --------------------------------------------------------------------------------------------------------
def _median_expression(
    xp: Namespace, x: Array, axis: tuple[int, ...] | None, keepdims: bool = False, *, nan: bool = False
) -> Array:
    lines, kept = _in_lines(xp, _without_slopes(xp, x) if nan else x, axis)
    if not np.shape(lines)[-1]:  # NaN, whatever the elements
        return xp.sum(lines, axis=-1).reshape(kept if keepdims else np.shape(lines)[:-1]) + np.nan
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
    expression=functools.partial(_median_expression, nan=True), canonical=_reduced_axes, domain=(SOME_NAN,),
    adapt={np.nanmedian: _median_arguments}, cases=_MEDIANS,
)  # fmt: skip
def nanmedian(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the median of the elements that are not NaN."""
    return _plain.nanmedian(x, axis=axis, keepdims=keepdims)


# --- quantiles ------------------------------------------------------------------------------------------------------
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


@_quantile(np.nanquantile, (SOME_NAN, _FRACTION), nan=True)
def nanquantile(
    xp: Namespace, x: ArrayLike, q: ArrayLike, /, *, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Return the quantiles of the elements that are not NaN; as `quantile` otherwise."""
    return _plain.nanquantile(x, q, axis=axis, method=method, keepdims=keepdims)


@_quantile(np.nanpercentile, (SOME_NAN, _PERCENT), nan=True, scale=100)
def nanpercentile(
    xp: Namespace, x: ArrayLike, q: ArrayLike, /, *, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Return the percentiles of the elements that are not NaN; as `quantile` otherwise."""
    return _plain.nanpercentile(x, q, axis=axis, method=method, keepdims=keepdims)


# --- with weights ---------------------------------------------------------------------------------------------------
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
