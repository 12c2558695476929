"""Along axes: sums, products, extremes, moments, tests."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from tape_ad._batched import everywhere
from tape_ad._cases import Case, Domain
from tape_ad._rules import DISTINCT, NONZERO, REAL, linear, piecewise_constant, primitive
from tape_ad._stacked import over_axes
from tape_ad._typing import Array, ArrayLike, Axis, DType, Namespace, Shape
from tape_ad.ops.axes import axes_of, axes_or_only, one_axis_or_flat
from tape_ad.ops.masked import extreme_arguments, moment_arguments, reduction_arguments

_SMALL = 65_536  # elements below which filling an array is cheaper than making a broadcast view
_plain: Namespace = np  # whatever the namespace, the value is NumPy's own
_AXES = (
    Case(((4,),)), Case(((2, 3),)), Case(((2, 3),), {"axis": 0}), Case(((2, 3),), {"axis": -1, "keepdims": True}),
    Case(((2, 3, 2),), {"axis": (0, -1)}), Case(((2, 3, 2),), {"axis": (2, 1), "keepdims": True}), Case(((),)),
)  # fmt: skip
_WITH_ZEROS = Domain("some of them zero", lambda z: np.where(np.abs(z) < 0.7, 0, z))
_ZEROS = tuple(
    Case((shape,), params, (_WITH_ZEROS,))
    for shape, params in (
        ((5,), {}),
        ((2, 3), {"axis": 0}),
        ((4, 3), {"axis": 1, "keepdims": True}),
        ((2, 3, 2), {"axis": (0, 2)}),
    )
)
_EMPTY = (Case(((0,),)), Case(((0, 2),), {"axis": 0}), Case(((2, 0, 3),), {"axis": (0, 2)}))


def _kept_shape(x: Array, axis: tuple[int, ...]) -> Shape:
    """Return the shape that ``keepdims=True`` gives."""
    return tuple([1 if i in axis else n for i, n in enumerate(x.shape if hasattr(x, "shape") else ())])


def _kept(reduced: Array, x: Array, axis: tuple[int, ...]) -> Array:
    """Return what a reduction returned, or its cotangent, in a shape that broadcasts with the operand."""
    return reduced if type(reduced) is np.float64 else reduced.reshape(_kept_shape(x, axis))


def _count(x: Array, axis: tuple[int, ...]) -> int:
    shape = np.shape(x)
    return math.prod([shape[i] for i in axis])


def _spread(xp: Namespace, ct: Array, x: Array, axis: tuple[int, ...]) -> Array:
    """Repeat a reduction's cotangent along the axes that it removed."""
    if type(ct) is np.float64:
        if type(x) is np.float64:
            return ct
        if type(x) is np.ndarray:
            spread = np.empty(x.shape)
            spread.fill(ct)
            return spread
    if type(x) is np.ndarray and isinstance(ct, (np.ndarray, np.generic)) and x.size <= _SMALL:
        spread = np.empty(np.shape(x), ct.dtype)
        spread[...] = ct.reshape(_kept_shape(x, axis))
        return spread
    kept = _kept_shape(x, axis)
    return xp.broadcast_to(ct if ct.shape == kept else ct.reshape(kept), x.shape)


# --- sums -----------------------------------------------------------------------------------------------------------
def _sum_transpose(
    xp: Namespace, ct: Array, out: Array, x: Array, axis: Any, dtype: DType = None, keepdims: bool = False
) -> Array:
    return _spread(xp, ct, x, axis)


@linear(
    transposes=(_sum_transpose,),
    batched=over_axes,
    canonical=axes_or_only,
    adapt={np.sum: reduction_arguments("sum")},
    cases=_AXES + _EMPTY,
)
def sum(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, dtype: DType = None, keepdims: bool = False) -> Array:
    """Return the sum along the axes; all of them if ``axis`` is None."""
    if type(x) is np.ndarray or type(x) is np.float64:  # what NumPy's sum comes to
        return _plain.add.reduce(x, axis=axis, dtype=dtype, keepdims=keepdims)
    return xp.sum(x, axis=axis, dtype=dtype, keepdims=keepdims)


def _mean_transpose(
    xp: Namespace, ct: Array, out: Array, x: Array, axis: Any, dtype: DType = None, keepdims: bool = False
) -> Array:
    return _spread(xp, ct * (1.0 / builtins.max(_count(x, axis), 1)), x, axis)


@linear(
    transposes=(_mean_transpose,),
    batched=over_axes,
    canonical=axes_of,
    adapt={np.mean: reduction_arguments("mean")},
    cases=_AXES,
)
def mean(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, dtype: DType = None, keepdims: bool = False) -> Array:
    """Return the average along the axes; of all elements if ``axis`` is None."""
    return xp.mean(x, axis=axis, dtype=dtype, keepdims=keepdims)


# --- products -------------------------------------------------------------------------------------------------------
def _before(xp: Namespace, x: Array) -> Array:
    """Return the product of all earlier elements along the last axis, by doubling steps."""
    n = x.shape[-1]
    product = xp.concatenate([xp.ones_like(x[..., :1]), x[..., :-1]], axis=-1)
    step = 1
    while step < n:
        product = xp.concatenate([product[..., :step], product[..., step:] * product[..., :-step]], axis=-1)
        step *= 2
    return product


def _others(xp: Namespace, x: Array, out: Array, axis: tuple[int, ...]) -> Array:
    """Return, for each element, the product of the others: exact where some are zero."""
    shape = np.shape(x)
    if (
        (0 < abs(out) < np.inf) if type(out) is np.float64 else everywhere(xp.isfinite(out) & (out != 0))
    ):  # so no element is zero or infinite
        return _kept(out, x, axis) / x
    if not axis:
        return xp.ones_like(x)
    rest = tuple(i for i in range(len(shape)) if i not in axis)
    order = rest + axis
    flat = xp.transpose(x, order).reshape((*(shape[i] for i in rest), _count(x, axis)))
    product = _before(xp, flat) * xp.flip(_before(xp, xp.flip(flat, axis=-1)), axis=-1)
    return xp.transpose(product.reshape(tuple(shape[i] for i in order)), tuple(int(i) for i in np.argsort(order)))


def _prod_vjp(
    xp: Namespace, ct: Array, out: Array, x: Array, axis: Any, dtype: DType = None, keepdims: bool = False
) -> Array:
    return _kept(ct, x, axis) * _others(xp, x, out, axis)


def _prod_jvp(
    xp: Namespace, tangents: Any, out: Array, x: Array, axis: Any, dtype: DType = None, keepdims: bool = False
) -> Array:
    return xp.sum(_others(xp, x, out, axis) * tangents[0], axis=axis, keepdims=keepdims)


@primitive(
    vjps=(_prod_vjp,),
    jvp=_prod_jvp,
    batched=over_axes,
    canonical=axes_or_only,
    adapt={np.prod: reduction_arguments("prod")},
    domain=(NONZERO,),
    cases=_AXES + _EMPTY + _ZEROS,
)
def prod(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, dtype: DType = None, keepdims: bool = False) -> Array:
    """Return the product along the axes; its derivative is exact where elements are zero."""
    if type(x) is np.ndarray:  # what NumPy's comes to
        return _plain.multiply.reduce(x, axis=axis, dtype=dtype, keepdims=keepdims)
    return xp.prod(x, axis=axis, dtype=dtype, keepdims=keepdims)


# --- extremes -------------------------------------------------------------------------------------------------------
def _extreme_weights(xp: Namespace, out: Array, x: Array, axis: tuple[int, ...]) -> Array:
    """Return each element's share in the extreme: ties split evenly."""
    chosen = x == _kept(out, x, axis)
    return chosen / xp.sum(chosen, axis=axis, keepdims=True)


def _extreme_vjp(xp: Namespace, ct: Array, out: Array, x: Array, axis: Any, keepdims: bool = False) -> Array:
    return _kept(ct, x, axis) * _extreme_weights(xp, out, x, axis)


def _extreme_jvp(xp: Namespace, tangents: Any, out: Array, x: Array, axis: Any, keepdims: bool = False) -> Array:
    return xp.sum(_extreme_weights(xp, out, x, axis) * tangents[0], axis=axis, keepdims=keepdims)


@primitive(
    vjps=(_extreme_vjp,),
    jvp=_extreme_jvp,
    batched=over_axes,
    canonical=axes_or_only,
    adapt={np.max: extreme_arguments("max"), np.amax: extreme_arguments("max")},
    domain=(DISTINCT,),
    cases=_AXES,
)
def max(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the largest element along the axes; at a tie the derivative is split evenly."""
    if type(x) is np.ndarray:  # what NumPy's comes to
        return _plain.maximum.reduce(x, axis=axis, keepdims=keepdims)
    return xp.max(x, axis=axis, keepdims=keepdims)


@primitive(
    vjps=(_extreme_vjp,),
    jvp=_extreme_jvp,
    batched=over_axes,
    canonical=axes_or_only,
    adapt={np.min: extreme_arguments("min"), np.amin: extreme_arguments("min")},
    domain=(DISTINCT,),
    cases=_AXES,
)
def min(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the smallest element along the axes; at a tie the derivative is split evenly."""
    if type(x) is np.ndarray:  # what NumPy's comes to
        return _plain.minimum.reduce(x, axis=axis, keepdims=keepdims)
    return xp.min(x, axis=axis, keepdims=keepdims)


# --- sums of exponentials -------------------------------------------------------------------------------------------
def _exponential_shares(xp: Namespace, out: Array, x: Array, axis: tuple[int, ...]) -> Array:
    """Return each element's share of the sum of exponentials; where that is 0 or infinite, its largest split it evenly."""
    kept = _kept(out, x, axis)
    if everywhere(xp.isfinite(out)):
        return xp.exp(x - kept)
    infinite = xp.isinf(kept)
    finite = xp.exp(xp.where(infinite, 0, x) - xp.where(infinite, 0, kept))
    return xp.where(infinite, _extreme_weights(xp, out, x, axis), finite)


def _log_sum_exp_vjp(xp: Namespace, ct: Array, out: Array, x: Array, axis: Any, keepdims: bool = False) -> Array:
    return _kept(ct, x, axis) * _exponential_shares(xp, out, x, axis)


def _log_sum_exp_jvp(xp: Namespace, tangents: Any, out: Array, x: Array, axis: Any, keepdims: bool = False) -> Array:
    return xp.sum(_exponential_shares(xp, out, x, axis) * tangents[0], axis=axis, keepdims=keepdims)


@primitive(
    vjps=(_log_sum_exp_vjp,),
    jvp=_log_sum_exp_jvp,
    batched=over_axes,
    canonical=axes_or_only,
    domain=(REAL,),
    cases=_AXES,
)
def log_sum_exp(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return ``log(sum(exp(x)))`` along the axes without overflow: what ``np.logaddexp.reduce`` computes."""
    return _plain.logaddexp.reduce(x, axis=axis, keepdims=keepdims)


# --- moments --------------------------------------------------------------------------------------------------------
def _var_slope(xp: Namespace, x: Array, axis: tuple[int, ...], correction: float) -> Array:
    if not _count(x, axis):  # there is nothing to have a slope
        return xp.conj(x)
    deviation = x - xp.mean(x, axis=axis, keepdims=True)
    divisor = _count(x, axis) - correction
    return xp.conj(deviation) * (2.0 / divisor if divisor > 0 else math.inf)  # NumPy divides by 0 from there on


def _var_vjp(
    xp: Namespace,
    ct: Array,
    out: Array,
    x: Array,
    axis: Any,
    dtype: DType = None,
    correction: float = 0,
    keepdims: bool = False,
) -> Array:
    return _kept(ct, x, axis) * _var_slope(xp, x, axis, correction)


def _var_jvp(
    xp: Namespace,
    tangents: Any,
    out: Array,
    x: Array,
    axis: Any,
    dtype: DType = None,
    correction: float = 0,
    keepdims: bool = False,
) -> Array:
    return xp.sum(xp.real(_var_slope(xp, x, axis, correction) * tangents[0]), axis=axis, keepdims=keepdims)


_MOMENTS = (
    *_AXES[:-1],
    Case(((5,),), {"correction": 1}),
    Case(((2, 3),), {"axis": 1, "correction": 1, "keepdims": True}),
)


@primitive(
    vjps=(_var_vjp,),
    jvp=_var_jvp,
    batched=over_axes,
    canonical=axes_of,
    adapt={np.var: moment_arguments("var")},
    cases=_MOMENTS,
)
def var(
    xp: Namespace,
    x: ArrayLike,
    /,
    *,
    axis: Axis = None,
    dtype: DType = None,
    correction: float = 0,
    keepdims: bool = False,
) -> Array:
    """Return the variance along the axes: squared distances from the mean, divided by ``n - correction``."""
    return _plain.var(x, axis=axis, dtype=dtype, ddof=correction, keepdims=keepdims)


def _half_inverse(xp: Namespace, out: Array) -> Array:
    """``1 / (2 std)``, and 0 where the standard deviation is 0: the symmetric derivative at that kink."""
    return xp.where(out == 0, 0, 0.5 / xp.where(out == 0, 1, out))


def _std_vjp(
    xp: Namespace,
    ct: Array,
    out: Array,
    x: Array,
    axis: Any,
    dtype: DType = None,
    correction: float = 0,
    keepdims: bool = False,
) -> Array:
    return _kept(ct * _half_inverse(xp, out), x, axis) * _var_slope(xp, x, axis, correction)


def _std_jvp(
    xp: Namespace,
    tangents: Any,
    out: Array,
    x: Array,
    axis: Any,
    dtype: DType = None,
    correction: float = 0,
    keepdims: bool = False,
) -> Array:
    return _half_inverse(xp, out) * _var_jvp(xp, tangents, out, x, axis, dtype, correction, keepdims)


@primitive(
    vjps=(_std_vjp,),
    jvp=_std_jvp,
    batched=over_axes,
    canonical=axes_of,
    adapt={np.std: moment_arguments("std")},
    domain=(DISTINCT,),
    cases=_MOMENTS,
)
def std(
    xp: Namespace,
    x: ArrayLike,
    /,
    *,
    axis: Axis = None,
    dtype: DType = None,
    correction: float = 0,
    keepdims: bool = False,
) -> Array:
    """Return the standard deviation along the axes; its derivative is 0 where all elements are equal."""
    return _plain.std(x, axis=axis, dtype=dtype, ddof=correction, keepdims=keepdims)


# --- piecewise constant ---------------------------------------------------------------------------------------------
@piecewise_constant(
    np.argmax,
    batched=over_axes,
    canonical=one_axis_or_flat,
    domain=(DISTINCT,),
    cases=(Case(((4,),)), Case(((2, 3),), {"axis": -1})),
)
def argmax(xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return the position of the largest element along an axis, or in the flattened array."""
    return xp.argmax(x, axis=axis, keepdims=keepdims)


@piecewise_constant(
    np.argmin,
    batched=over_axes,
    canonical=one_axis_or_flat,
    domain=(DISTINCT,),
    cases=(Case(((4,),)), Case(((2, 3),), {"axis": 0, "keepdims": True})),
)
def argmin(xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return the position of the smallest element along an axis, or in the flattened array."""
    return xp.argmin(x, axis=axis, keepdims=keepdims)


@piecewise_constant(batched=over_axes, canonical=axes_or_only, adapt={np.any: extreme_arguments("any")}, cases=_AXES)
def any(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return whether any element along the axes is true."""
    return xp.any(x, axis=axis, keepdims=keepdims)


@piecewise_constant(batched=over_axes, canonical=axes_or_only, adapt={np.all: extreme_arguments("all")}, cases=_AXES)
def all(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return whether all elements along the axes are true."""
    return xp.all(x, axis=axis, keepdims=keepdims)
