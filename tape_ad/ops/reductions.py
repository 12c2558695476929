"""Along axes: sums, products, extremes, moments, running sums, tests."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tape_ad._batched import everywhere
from tape_ad._cases import Case, Domain
from tape_ad._errors import ArgumentError, ConversionError
from tape_ad._rules import BOOLEAN, DISTINCT, NONZERO, composite, linear, piecewise_constant, primitive
from tape_ad._stacked import batch_lengths, over_axes, pointwise
from tape_ad._typing import Array, ArrayLike, Axis, DType, Namespace, Shape

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


def _axes(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the axes as a sorted tuple of non-negative integers."""
    ndim = np.ndim(operands[0])
    axis = params.get("axis")
    if axis is None:
        found = tuple(range(ndim))
    elif type(axis) is int and -ndim <= axis < ndim:
        found = (axis % ndim,)
    else:
        found = tuple(sorted(normalize_axis_tuple(axis, ndim)))
    return {**params, "axis": found}


def _axes_or_only(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the axes as `_axes` does; a 0-d operand may be reduced along its axis 0 or -1, as if it had one."""
    axis = params.get("axis")
    if not np.ndim(operands[0]) and not isinstance(axis, tuple) and axis is not None:
        normalize_axis_index(axis, 1)
        return {**params, "axis": ()}
    return _axes(operands, params)


def _kept_shape(x: Array, axis: tuple[int, ...]) -> Shape:
    """Return the shape that ``keepdims=True`` gives."""
    return tuple([1 if i in axis else n for i, n in enumerate(x.shape if hasattr(x, "shape") else ())])


def _count(x: Array, axis: tuple[int, ...]) -> int:
    shape = np.shape(x)
    return functools.reduce(lambda product, i: product * shape[i], axis, 1)


def _spread(xp: Namespace, ct: Array, x: Array, axis: tuple[int, ...]) -> Array:
    """Repeat a reduction's cotangent along the axes that it removed."""
    if type(x) is np.ndarray and isinstance(ct, (np.ndarray, np.generic)) and x.size <= _SMALL:
        spread = np.empty(np.shape(x), ct.dtype)
        spread[...] = ct.reshape(_kept_shape(x, axis))
        return spread
    kept = _kept_shape(x, axis)
    return xp.broadcast_to(ct if ct.shape == kept else ct.reshape(kept), x.shape)


_NO_VALUE = np._NoValue  # noqa: SLF001 - NumPy's mark for "not given" has no public name


def _reduction(name: str) -> Callable[..., Any]:
    """Return what adapts NumPy's signature: ``where=`` and ``initial=`` go to the op `masked_reduction`."""

    def adapt(
        a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = _NO_VALUE, initial: Any = _NO_VALUE,
        where: Any = _NO_VALUE,
    ) -> tuple[Any, ...]:  # fmt: skip
        params: dict[str, Any] = {"axis": axis}
        if dtype is not None:
            params["dtype"] = dtype
        if keepdims is not _NO_VALUE and keepdims:
            params["keepdims"] = True
        if getattr(initial, "autograd", False):
            msg = f"np.{name}(…, initial=t) with a tracked t would lose its gradient. Combine the two afterwards: np.sum(x) + t."
            raise ConversionError(msg)
        if (initial is _NO_VALUE or initial is None) and (where is _NO_VALUE or where is True):
            return (a,), params
        if initial is not _NO_VALUE and initial is not None:
            params["initial"] = initial
        return "masked_reduction", (a, True if where is _NO_VALUE else where), {**params, "function": name}

    return adapt


def _extreme(name: str) -> Callable[..., Any]:
    """Return the same for a function without ``dtype=``."""
    reduction = _reduction(name)

    def adapt(
        a: Any,
        axis: Any = None,
        out: None = None,
        keepdims: Any = _NO_VALUE,
        initial: Any = _NO_VALUE,
        where: Any = _NO_VALUE,
    ) -> tuple[Any, ...]:
        return reduction(a, axis, None, out, keepdims, initial, where)  # type: ignore[no-any-return]  # it returns such a tuple

    return adapt


def _moment(name: str) -> Callable[..., Any]:
    """Return the same for a function with ``ddof=`` or ``correction=``."""
    reduction = _reduction(name)

    def adapt(
        a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: Any = _NO_VALUE, *,
        where: Any = _NO_VALUE, correction: Any = _NO_VALUE,
    ) -> tuple[Any, ...]:  # fmt: skip
        if correction is not _NO_VALUE and ddof != 0:
            msg = f"np.{name}: ddof and correction are two names of one number. Leave one out."
            raise ArgumentError(msg)
        *head, params = reduction(a, axis, dtype, out, keepdims, _NO_VALUE, where)
        chosen = ddof if correction is _NO_VALUE else correction
        return *head, ({**params, "correction": chosen} if chosen else params)

    return adapt


# --- sums -----------------------------------------------------------------------------------------------------------
def _sum_transpose(
    xp: Namespace, ct: Array, out: Array, x: Array, axis: Any, dtype: DType = None, keepdims: bool = False
) -> Array:
    return _spread(xp, ct, x, axis)


@linear(
    transposes=(_sum_transpose,),
    batched=over_axes,
    canonical=_axes_or_only,
    adapt={np.sum: _reduction("sum")},
    cases=_AXES + _EMPTY,
)
def sum(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, dtype: DType = None, keepdims: bool = False) -> Array:
    """Return the sum along the axes; all of them if ``axis`` is None."""
    return xp.sum(x, axis=axis, dtype=dtype, keepdims=keepdims)


def _mean_transpose(
    xp: Namespace, ct: Array, out: Array, x: Array, axis: Any, dtype: DType = None, keepdims: bool = False
) -> Array:
    return _spread(xp, ct * (1.0 / builtins.max(_count(x, axis), 1)), x, axis)


@linear(
    transposes=(_mean_transpose,), batched=over_axes, canonical=_axes, adapt={np.mean: _reduction("mean")}, cases=_AXES
)
def mean(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, dtype: DType = None, keepdims: bool = False) -> Array:
    """Return the average along the axes; of all elements if ``axis`` is None."""
    return xp.mean(x, axis=axis, dtype=dtype, keepdims=keepdims)


def _one_axis_or_flat(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    axis = params.get("axis")
    if axis is None:
        return {**params, "axis": None}
    if not np.ndim(operands[0]):
        normalize_axis_index(axis, 1)
        return {**params, "axis": None}
    return {**params, "axis": int(normalize_axis_index(axis, np.ndim(operands[0])))}


def _cumsum_transpose(xp: Namespace, ct: Array, out: Array, x: Array, axis: int | None, dtype: DType = None) -> Array:
    backwards = xp.flip(xp.cumsum(xp.flip(ct, axis=axis), axis=axis), axis=axis)
    return backwards.reshape(np.shape(x))


@linear(
    np.cumsum, transposes=(_cumsum_transpose,), batched=over_axes, canonical=_one_axis_or_flat,
    cases=(Case(((4,),)), Case(((2, 3),)), Case(((2, 3),), {"axis": 0}), Case(((2, 3),), {"axis": -1}), Case(((),)), Case(((0,),))),
)  # fmt: skip
def cumsum(xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, dtype: DType = None) -> Array:
    """Return the running sums along one axis, or of the flattened array."""
    return xp.cumsum(x, axis=axis, dtype=dtype)


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
    if everywhere(xp.isfinite(x) & (x != 0)) and everywhere(xp.isfinite(out) & (out != 0)):
        return out.reshape(_kept_shape(x, axis)) / x
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
    return ct.reshape(_kept_shape(x, axis)) * _others(xp, x, out, axis)


def _prod_jvp(
    xp: Namespace, tangents: Any, out: Array, x: Array, axis: Any, dtype: DType = None, keepdims: bool = False
) -> Array:
    return xp.sum(_others(xp, x, out, axis) * tangents[0], axis=axis, keepdims=keepdims)


@primitive(
    vjps=(_prod_vjp,),
    jvp=_prod_jvp,
    batched=over_axes,
    canonical=_axes_or_only,
    adapt={np.prod: _reduction("prod")},
    domain=(NONZERO,),
    cases=_AXES + _EMPTY + _ZEROS,
)
def prod(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, dtype: DType = None, keepdims: bool = False) -> Array:
    """Return the product along the axes; its derivative is exact where elements are zero."""
    return xp.prod(x, axis=axis, dtype=dtype, keepdims=keepdims)


# --- extremes -------------------------------------------------------------------------------------------------------
def _extreme_weights(xp: Namespace, out: Array, x: Array, axis: tuple[int, ...]) -> Array:
    """Return each element's share in the extreme: ties split evenly."""
    chosen = x == out.reshape(_kept_shape(x, axis))
    return chosen / xp.sum(chosen, axis=axis, keepdims=True)


def _extreme_vjp(xp: Namespace, ct: Array, out: Array, x: Array, axis: Any, keepdims: bool = False) -> Array:
    return ct.reshape(_kept_shape(x, axis)) * _extreme_weights(xp, out, x, axis)


def _extreme_jvp(xp: Namespace, tangents: Any, out: Array, x: Array, axis: Any, keepdims: bool = False) -> Array:
    return xp.sum(_extreme_weights(xp, out, x, axis) * tangents[0], axis=axis, keepdims=keepdims)


@primitive(
    vjps=(_extreme_vjp,),
    jvp=_extreme_jvp,
    batched=over_axes,
    canonical=_axes_or_only,
    adapt={np.max: _extreme("max")},
    domain=(DISTINCT,),
    cases=_AXES,
)
def max(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the largest element along the axes; at a tie the derivative is split evenly."""
    return xp.max(x, axis=axis, keepdims=keepdims)


@primitive(
    vjps=(_extreme_vjp,),
    jvp=_extreme_jvp,
    batched=over_axes,
    canonical=_axes_or_only,
    adapt={np.min: _extreme("min")},
    domain=(DISTINCT,),
    cases=_AXES,
)
def min(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the smallest element along the axes; at a tie the derivative is split evenly."""
    return xp.min(x, axis=axis, keepdims=keepdims)


# --- moments --------------------------------------------------------------------------------------------------------
def _var_slope(xp: Namespace, x: Array, axis: tuple[int, ...], correction: float) -> Array:
    deviation = x - xp.mean(x, axis=axis, keepdims=True)
    return xp.conj(deviation) * (2.0 / (_count(x, axis) - correction))


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
    return ct.reshape(_kept_shape(x, axis)) * _var_slope(xp, x, axis, correction)


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
    vjps=(_var_vjp,), jvp=_var_jvp, batched=over_axes, canonical=_axes, adapt={np.var: _moment("var")}, cases=_MOMENTS
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
    return (ct * _half_inverse(xp, out)).reshape(_kept_shape(x, axis)) * _var_slope(xp, x, axis, correction)


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
    canonical=_axes,
    adapt={np.std: _moment("std")},
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


# --- where= and initial= --------------------------------------------------------------------------------------------
_NEUTRAL = {"sum": 0, "prod": 1, "max": -np.inf, "min": np.inf}
_COMBINE = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}


def _masked_expression(
    xp: Namespace, x: Array, mask: Array, function: str, axis: Any, initial: Any = None, **params: Any
) -> Array:
    """Write a reduction with a mask and an initial value in ops without."""
    params.pop("dtype", None)  # the engine casts what this gives
    if function in _NEUTRAL:
        neutral = initial if function in ("max", "min") and initial is not None else _NEUTRAL[function]
        reduced = getattr(xp, function)(xp.where(mask, x, neutral), axis=axis, **params)
        return reduced if initial is None else getattr(xp, _COMBINE[function])(reduced, initial)
    keepdims = params.get("keepdims", False)
    correction = params.get("correction", 0)
    full = xp.broadcast_to(mask, np.shape(x))
    weights = xp.where(full, 1.0, 0.0)
    count = xp.sum(weights, axis=axis, keepdims=True)
    average = xp.sum(xp.where(full, x, 0), axis=axis, keepdims=True) / count
    if function == "mean":
        return xp.sum(average, axis=axis, keepdims=keepdims)
    deviation = xp.where(full, x - average, 0)
    squares = xp.real(deviation * xp.conj(deviation))
    variance = xp.sum(squares, axis=axis, keepdims=keepdims) / (
        xp.sum(weights, axis=axis, keepdims=keepdims) - correction
    )
    if function == "var":
        return variance
    return xp.where(variance == 0, 0, xp.sqrt(xp.where(variance == 0, 1, variance)))


def _masked_over_axes(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    """Act along the axes of an operand that has been broadcast with its mask."""
    x, mask = operands
    k = builtins.max(leads)
    lengths = batch_lengths(operands, leads)
    shape = np.shape(x)[leads[0] :]
    full = np.broadcast_to(x, lengths + shape)
    mask = pointwise(np.logical_and, (np.ones(shape, bool), mask), (0, leads[1]), {})
    return compute(
        full, np.broadcast_to(mask, lengths + shape), **{**params, "axis": tuple(i + k for i in params["axis"])}
    )


@composite(
    expression=_masked_expression, batched=_masked_over_axes, canonical=_axes_or_only, domain=(DISTINCT, BOOLEAN),
    cases=(
        Case(((2, 3), (2, 3)), {"function": "sum", "axis": 0}), Case(((2, 3), (3,)), {"function": "sum", "initial": 1.5}),
        Case(((2, 3), (2, 3)), {"function": "prod", "axis": 1}), Case(((3,), (3,)), {"function": "max", "initial": 0.1}),
        Case(((2, 3), (2, 1)), {"function": "min", "axis": 0, "initial": 0.1, "keepdims": True}),
        Case(((2, 4), (2, 4)), {"function": "mean"}), Case(((2, 4), (4,)), {"function": "var", "axis": 1, "correction": 0.5}),
        Case(((2, 4), (2, 4)), {"function": "std", "keepdims": True}),
    ),
)  # fmt: skip
def masked_reduction(
    xp: Namespace, x: ArrayLike, where: ArrayLike, /, *, function: str, axis: Axis = None, initial: Any = None,
    dtype: DType = None, correction: float | None = None, keepdims: bool = False,
) -> Array:  # fmt: skip
    """Return a NumPy reduction with its keywords ``where`` and ``initial``."""
    options = {"initial": initial, "dtype": dtype, "ddof": correction}
    given = {name: value for name, value in options.items() if value is not None}
    return getattr(np, function)(x, axis=axis, where=np.asarray(where), keepdims=keepdims, **given)


# --- piecewise constant ---------------------------------------------------------------------------------------------
@piecewise_constant(
    np.argmax,
    batched=over_axes,
    canonical=_one_axis_or_flat,
    domain=(DISTINCT,),
    cases=(Case(((4,),)), Case(((2, 3),), {"axis": -1})),
)
def argmax(xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return the position of the largest element along an axis, or in the flattened array."""
    return xp.argmax(x, axis=axis, keepdims=keepdims)


@piecewise_constant(
    np.argmin,
    batched=over_axes,
    canonical=_one_axis_or_flat,
    domain=(DISTINCT,),
    cases=(Case(((4,),)), Case(((2, 3),), {"axis": 0, "keepdims": True})),
)
def argmin(xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return the position of the smallest element along an axis, or in the flattened array."""
    return xp.argmin(x, axis=axis, keepdims=keepdims)


@piecewise_constant(batched=over_axes, canonical=_axes_or_only, adapt={np.any: _extreme("any")}, cases=_AXES)
def any(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return whether any element along the axes is true."""
    return xp.any(x, axis=axis, keepdims=keepdims)


@piecewise_constant(batched=over_axes, canonical=_axes_or_only, adapt={np.all: _extreme("all")}, cases=_AXES)
def all(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return whether all elements along the axes are true."""
    return xp.all(x, axis=axis, keepdims=keepdims)
