"""Reductions of some elements only: NumPy's keywords ``where`` and ``initial``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tape_ad._cases import Case, Domain
from tape_ad._errors import ArgumentError, ConversionError
from tape_ad._rules import BOOLEAN, DISTINCT, REAL, composite
from tape_ad._stacked import batch_lengths, pointwise
from tape_ad._typing import Array, ArrayLike, Axis, DType, Namespace
from tape_ad.ops.axes import axes_or_only

_NO_VALUE = np._NoValue  # noqa: SLF001 - NumPy's mark for "not given" has no public name


# --- NumPy's signatures ---------------------------------------------------------------------------------------------
def reduction_arguments(name: str) -> Callable[..., Any]:
    """Return what adapts NumPy's signature: ``where=`` and ``initial=`` go to the op `masked_reduction`."""

    def adapt(
        a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = _NO_VALUE, initial: Any = _NO_VALUE,
        where: Any = _NO_VALUE,
    ) -> tuple[Any, ...]:  # fmt: skip
        params: dict[str, Any] = {"axis": axis}
        if initial is where is keepdims is _NO_VALUE and dtype is None:
            return (a,), params
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

    adapt.alone = True  # type: ignore[attr-defined]  # np.sum(t) is the op sum of t, see tape_ad._core.ALONE
    return adapt


def extreme_arguments(name: str) -> Callable[..., Any]:
    """Return the same for a function without ``dtype=``."""
    reduction = reduction_arguments(name)

    def adapt(
        a: Any,
        axis: Any = None,
        out: None = None,
        keepdims: Any = _NO_VALUE,
        initial: Any = _NO_VALUE,
        where: Any = _NO_VALUE,
    ) -> tuple[Any, ...]:
        return reduction(a, axis, None, out, keepdims, initial, where)  # type: ignore[no-any-return]  # it returns such a tuple

    adapt.alone = True  # type: ignore[attr-defined]  # np.sum(t) is the op sum of t, see tape_ad._core.ALONE
    return adapt


def moment_arguments(name: str) -> Callable[..., Any]:
    """Return the same for a function with ``ddof=`` or ``correction=``."""
    reduction = reduction_arguments(name)

    def adapt(
        a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: Any = _NO_VALUE, *,
        where: Any = _NO_VALUE, mean: Any = _NO_VALUE, correction: Any = _NO_VALUE,
    ) -> tuple[Any, ...]:  # fmt: skip
        if correction is not _NO_VALUE and ddof != 0:
            msg = f"np.{name}: ddof and correction are two names of one number. Leave one out."
            raise ArgumentError(msg)
        *head, params = reduction(a, axis, dtype, out, keepdims, _NO_VALUE, where)
        chosen = ddof if correction is _NO_VALUE else correction
        params = {**params, "correction": chosen} if chosen else params
        return (*head, params) if mean is _NO_VALUE else moment_about(name, head, mean, params)

    adapt.alone = True  # type: ignore[attr-defined]  # np.sum(t) is the op sum of t, see tape_ad._core.ALONE
    return adapt


def moment_about(name: str, head: list[Any], mean: Any, params: dict[str, Any]) -> tuple[Any, ...]:
    """Return the call of the op `moment_about_mean` that ``mean=`` asks for."""
    operands = head[-1]
    return "moment_about_mean", (operands[0], mean, *(operands[1:] or (True,))), {**params, "function": name}


# --- the op ---------------------------------------------------------------------------------------------------------
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
    k = max(leads)
    lengths = batch_lengths(operands, leads)
    shape = np.shape(x)[leads[0] :]
    full = np.broadcast_to(x, lengths + shape)
    mask = pointwise(np.logical_and, (np.ones(shape, bool), mask), (0, leads[1]), {})
    return compute(
        full, np.broadcast_to(mask, lengths + shape), **{**params, "axis": tuple(i + k for i in params["axis"])}
    )


@composite(
    expression=_masked_expression, batched=_masked_over_axes, canonical=axes_or_only, domain=(DISTINCT, BOOLEAN),
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


def _about_expression(
    xp: Namespace, x: Array, mean: Array, mask: Array, function: str, axis: Any, correction: float = 0, keepdims: bool = False,
    dtype: DType = None,
) -> Array:  # fmt: skip
    """Write a variance, or its root, about a mean that is given."""
    if "nan" in function:
        mask = xp.logical_and(mask, xp.logical_not(xp.isnan(x)))
    full = xp.broadcast_to(mask, np.shape(x))
    deviation = xp.where(full, x - mean, 0)
    squares = xp.sum(xp.real(deviation * xp.conj(deviation)), axis=axis, keepdims=keepdims)
    variance = squares / (xp.sum(xp.where(full, 1.0, 0.0), axis=axis, keepdims=keepdims) - correction)
    if function.endswith("var"):
        return variance
    return xp.where(variance == 0, 0, xp.sqrt(xp.where(variance == 0, 1, variance)))


_ALL = Domain("true", lambda z: np.full(z.shape, True))
_BUT_ONE = Domain("true but for one", lambda z: np.arange(z.size).reshape(z.shape) != 1)


@composite(
    expression=_about_expression, canonical=axes_or_only, domain=(DISTINCT, REAL, _BUT_ONE),
    cases=(
        Case(((2, 4), (2, 1), ()), {"function": "var", "axis": 1, "correction": 0.5}, (DISTINCT, REAL, _ALL)),
        Case(((2, 3), (1, 1), (3,)), {"function": "std", "keepdims": True}),
        Case(((4, 3), (1, 3), (4, 1)), {"function": "nanvar", "axis": 0}), Case(((4,), (1,), (4,)), {"function": "nanstd"}),
    ),
)  # fmt: skip
def moment_about_mean(
    xp: Namespace, x: ArrayLike, mean: ArrayLike, where: ArrayLike, /, *, function: str, axis: Axis = None, correction: float = 0,
    keepdims: bool = False, dtype: DType = None,
) -> Array:  # fmt: skip
    """Return a variance or a standard deviation about the mean that is given, NumPy's keyword ``mean``."""
    mask = np.asarray(where)
    masked = {} if mask.ndim == 0 and mask else {"where": mask}
    return getattr(np, function)(x, axis=axis, dtype=dtype, ddof=correction, keepdims=keepdims, mean=mean, **masked)
