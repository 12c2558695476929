"""Reductions that leave NaN out: NumPy's nan family, for data of which some is missing.

The values are NumPy's own; the derivatives are those of one expression in ops that know nothing of NaN.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tape_ad._cases import Case, Domain
from tape_ad._errors import ArgumentError, ConversionError
from tape_ad._rules import BOOLEAN, SOME_NAN, composite
from tape_ad._stacked import batch_lengths, over_axes, pointwise
from tape_ad._typing import Array, ArrayLike, Axis, DType, Namespace
from tape_ad.ops.axes import axes_or_only
from tape_ad.ops.masked import moment_about

_NO_VALUE = np._NoValue  # noqa: SLF001 - NumPy's mark for "not given" has no public name
_plain: Namespace = np  # whatever the namespace, the value is NumPy's own


def _nan_expression(
    xp: Namespace, x: Array, mask: Any = True, *, function: str, axis: tuple[int, ...], dtype: DType = None,
    keepdims: bool = False, initial: Any = None, correction: float = 0,
) -> Array:  # fmt: skip
    """Write a reduction of the elements that are not NaN, and under the mask, in ops without; NaN get the derivative 0."""
    counts = ~xp.isnan(x) & mask
    neutral = {"nanprod": 1, "nanmax": -np.inf, "nanmin": np.inf}.get(function, 0)
    if function in ("nanmax", "nanmin") and initial is not None:
        neutral = initial
    filled = xp.where(counts, x, neutral)
    simple = {"nansum": ("sum", "add"), "nanprod": ("prod", "multiply"), "nanmax": ("max", "maximum"), "nanmin": ("min", "minimum")}  # fmt: skip
    if function in simple:
        reduce, combine = simple[function]
        reduced = getattr(xp, reduce)(filled, axis=axis, keepdims=keepdims)
        return reduced if initial is None else getattr(xp, combine)(reduced, initial)
    n = xp.sum(counts, axis=axis, keepdims=True)
    average = xp.sum(filled, axis=axis, keepdims=True) / xp.maximum(n, 1)
    if function == "nanmean":
        return xp.sum(average, axis=axis, keepdims=keepdims)
    deviation = xp.where(counts, x - average, 0)
    squares = xp.real(deviation * xp.conj(deviation))
    freedom = xp.sum(counts, axis=axis, keepdims=keepdims) - correction
    variance = xp.sum(squares, axis=axis, keepdims=keepdims) / xp.where(freedom <= 0, np.nan, freedom)
    if function == "nanvar":
        return variance
    return xp.where(variance == 0, 0, xp.sqrt(xp.where(variance == 0, 1, variance)))


# --- NumPy's signatures ---------------------------------------------------------------------------------------------
def _nan_arguments(name: str) -> Callable[..., Any]:
    """Return what adapts NumPy's signature: ``where=`` and ``initial=`` go to the op `masked_nan_reduction`."""

    def adapt(
        a: Any, axis: Axis = None, dtype: DType = None, out: None = None, keepdims: Any = _NO_VALUE, initial: Any = _NO_VALUE,
        where: Any = _NO_VALUE,
    ) -> tuple[Any, ...]:  # fmt: skip
        params: dict[str, Any] = {"axis": axis}
        if dtype is not None:
            params["dtype"] = dtype
        if keepdims is not _NO_VALUE and keepdims:
            params["keepdims"] = True
        if getattr(initial, "autograd", False):
            msg = f"np.{name}(…, initial=t) with a tracked t would lose its gradient. Combine the two afterwards."
            raise ConversionError(msg)
        if initial is _NO_VALUE and where is _NO_VALUE:
            return (a,), params
        if initial is not _NO_VALUE:
            params["initial"] = initial
        return "masked_nan_reduction", (a, True if where is _NO_VALUE else where), {**params, "function": name}

    return adapt


def _nan_extreme_arguments(name: str) -> Callable[..., Any]:
    """Return the same for a function without ``dtype=``."""
    reduction = _nan_arguments(name)

    def adapt(
        a: Any, axis: Axis = None, out: None = None, keepdims: Any = _NO_VALUE, initial: Any = _NO_VALUE, where: Any = _NO_VALUE
    ) -> tuple[Any, ...]:  # fmt: skip
        return reduction(a, axis, None, out, keepdims, initial, where)  # type: ignore[no-any-return]  # it returns such a tuple

    return adapt


def _nan_mean_arguments(
    a: Any, axis: Axis = None, dtype: DType = None, out: None = None, keepdims: Any = _NO_VALUE, *, where: Any = _NO_VALUE
) -> tuple[Any, ...]:  # fmt: skip
    return _nan_arguments("nanmean")(a, axis, dtype, out, keepdims, where=where)  # type: ignore[no-any-return]  # it returns such a tuple


def _nan_moment_arguments(name: str) -> Callable[..., Any]:
    """Return the same for a function with ``ddof=`` or ``correction=``."""
    reduction = _nan_arguments(name)

    def adapt(
        a: Any, axis: Axis = None, dtype: DType = None, out: None = None, ddof: float = 0, keepdims: Any = _NO_VALUE, *,
        where: Any = _NO_VALUE, mean: Any = _NO_VALUE, correction: Any = _NO_VALUE,
    ) -> tuple[Any, ...]:  # fmt: skip
        if correction is not _NO_VALUE and ddof != 0:
            msg = f"np.{name}: ddof and correction are two names of one number. Leave one out."
            raise ArgumentError(msg)
        *head, params = reduction(a, axis, dtype, out, keepdims, where=where)
        chosen = ddof if correction is _NO_VALUE else correction
        params = {**params, "correction": chosen} if chosen else params
        return (*head, params) if mean is _NO_VALUE else moment_about(name, head, mean, params)

    return adapt


# --- the ops --------------------------------------------------------------------------------------------------------
_AXES = (
    Case(((4,),)), Case(((2, 3),)), Case(((3, 2),), {"axis": 0}), Case(((2, 3),), {"axis": -1, "keepdims": True}),
    Case(((2, 3, 2),), {"axis": (0, -1)}),
)  # fmt: skip
_MOMENTS = (*_AXES, Case(((5,),), {"correction": 1}))


def _nan_reduction(function: Callable[..., Any], adapt: Any, cases: Any = _AXES) -> Callable[..., Any]:
    """Return the decorator of one of the seven, which share an expression."""
    return composite(
        expression=functools.partial(_nan_expression, function=function.__name__), batched=over_axes, canonical=axes_or_only,
        domain=(SOME_NAN,), adapt={function: adapt}, cases=cases,
    )  # fmt: skip


@_nan_reduction(np.nansum, _nan_arguments("nansum"))
def nansum(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, dtype: DType = None, keepdims: bool = False) -> Array:
    """Return the sum along the axes, NaN counting as zero."""
    return _plain.nansum(x, axis=axis, dtype=dtype, keepdims=keepdims)


@_nan_reduction(np.nanprod, _nan_arguments("nanprod"))
def nanprod(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, dtype: DType = None, keepdims: bool = False) -> Array:
    """Return the product along the axes, NaN counting as one."""
    return _plain.nanprod(x, axis=axis, dtype=dtype, keepdims=keepdims)


@_nan_reduction(np.nanmean, _nan_mean_arguments)
def nanmean(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, dtype: DType = None, keepdims: bool = False) -> Array:
    """Return the average of the elements that are not NaN."""
    return _plain.nanmean(x, axis=axis, dtype=dtype, keepdims=keepdims)


@_nan_reduction(np.nanmax, _nan_extreme_arguments("nanmax"))
def nanmax(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the largest element that is not NaN; at a tie the derivative is split evenly."""
    return _plain.nanmax(x, axis=axis, keepdims=keepdims)


@_nan_reduction(np.nanmin, _nan_extreme_arguments("nanmin"))
def nanmin(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the smallest element that is not NaN; at a tie the derivative is split evenly."""
    return _plain.nanmin(x, axis=axis, keepdims=keepdims)


@_nan_reduction(np.nanvar, _nan_moment_arguments("nanvar"), _MOMENTS)
def nanvar(
    xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, dtype: DType = None, correction: float = 0,
    keepdims: bool = False,
) -> Array:  # fmt: skip
    """Return the variance of the elements that are not NaN."""
    return _plain.nanvar(x, axis=axis, dtype=dtype, ddof=correction, keepdims=keepdims)


@_nan_reduction(np.nanstd, _nan_moment_arguments("nanstd"), _MOMENTS)
def nanstd(
    xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, dtype: DType = None, correction: float = 0,
    keepdims: bool = False,
) -> Array:  # fmt: skip
    """Return the standard deviation of the elements that are not NaN; its derivative is 0 where all are equal."""
    return _plain.nanstd(x, axis=axis, dtype=dtype, ddof=correction, keepdims=keepdims)


def _masked_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    """Act along the axes of an operand that has been broadcast with its mask."""
    (x, mask), k, lengths = operands, max(leads), batch_lengths(operands, leads)
    shape = np.shape(x)[leads[0] :]
    mask = pointwise(np.logical_and, (np.ones(shape, bool), mask), (0, leads[1]), {})
    full = [np.broadcast_to(a, lengths + shape) for a in (x, mask)]
    return compute(*full, **{**params, "axis": tuple(i + k for i in params["axis"])})


@composite(
    expression=_nan_expression, batched=_masked_each, canonical=axes_or_only, domain=(SOME_NAN, BOOLEAN),
    cases=(
        Case(((2, 3), (2, 3)), {"function": "nansum", "axis": 0}), Case(((2, 3), (3,)), {"function": "nansum", "initial": 1.5}),
        Case(((2, 3), (2, 3)), {"function": "nanprod", "axis": 1, "initial": 2.0}), Case(((3,), (3,)), {"function": "nanmax", "initial": 0.1}),
        Case(((2, 3), (2, 1)), {"function": "nanmin", "axis": 0, "initial": 0.1, "keepdims": True}),
        Case(((2, 5), (2, 1)), {"function": "nanmean"}, (SOME_NAN, Domain("true", lambda z: np.full(z.shape, True)))),
        Case(((2, 6), (6,)), {"function": "nanvar", "axis": 1, "correction": 0.5}, (SOME_NAN, Domain("the later", lambda z: np.arange(z.size) > 1))),
        Case(((6,), (6,)), {"function": "nanstd", "keepdims": True}, (SOME_NAN, Domain("the later", lambda z: np.arange(z.size) > 1))),
    ),
)  # fmt: skip
def masked_nan_reduction(
    xp: Namespace, x: ArrayLike, where: ArrayLike, /, *, function: str, axis: Axis = None, initial: Any = None,
    dtype: DType = None, correction: float | None = None, keepdims: bool = False,
) -> Array:  # fmt: skip
    """Return a NumPy reduction that leaves NaN out, with its keywords ``where`` and ``initial``."""
    options = {"initial": initial, "dtype": dtype, "ddof": correction}
    given = {name: value for name, value in options.items() if value is not None}
    return getattr(np, function)(x, axis=axis, where=np.asarray(where), keepdims=keepdims, **given)
