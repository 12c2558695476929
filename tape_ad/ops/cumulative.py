"""Running sums, products and extremes along an axis, also of the elements that are not NaN.

A running product is made by doubling steps, without division, so its derivative is exact where elements are zero.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tape_ad._cases import Case
from tape_ad._rules import SOME_NAN, WITH_ZEROS, composite, linear
from tape_ad._stacked import over_axes
from tape_ad._typing import Array, ArrayLike, DType, Namespace
from tape_ad.ops.axes import one_axis_or_flat

_plain: Namespace = np  # whatever the namespace, the value is NumPy's own
_LINES = (
    Case(((4,),)), Case(((2, 3),)), Case(((2, 3),), {"axis": 0}), Case(((2, 5),), {"axis": -1}), Case(((),)), Case(((0,),)),
)  # fmt: skip


# --- sums -----------------------------------------------------------------------------------------------------------
def _cumsum_transpose(xp: Namespace, ct: Array, out: Array, x: Array, axis: int | None, dtype: DType = None) -> Array:
    if type(ct) is np.ndarray:
        back = (slice(None),) * (axis or 0) + (slice(None, None, -1),)
        return np.add.accumulate(ct[back], axis=axis or 0)[back].reshape(np.shape(x))
    backwards = xp.flip(xp.cumsum(xp.flip(ct, axis=axis), axis=axis), axis=axis)
    return backwards.reshape(np.shape(x))


@linear(
    np.cumsum, transposes=(_cumsum_transpose,), batched=over_axes, canonical=one_axis_or_flat,
    cases=(Case(((4,),)), Case(((2, 3),)), Case(((2, 3),), {"axis": 0}), Case(((2, 3),), {"axis": -1}), Case(((),)), Case(((0,),))),
)  # fmt: skip
def cumsum(xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, dtype: DType = None) -> Array:
    """Return the running sums along one axis, or of the flattened array."""
    if type(x) is np.ndarray:  # what NumPy's comes to
        return x.cumsum(axis, dtype)
    return xp.cumsum(x, axis=axis, dtype=dtype)


def _running_sum(
    xp: Namespace, x: Array, axis: int | None, dtype: DType = None, include_initial: bool = False
) -> Array:
    if axis is None:
        x, axis = xp.reshape(x, -1), 0
    sums = xp.cumsum(x, axis=axis)
    if include_initial:
        shape = np.shape(x)
        sums = xp.concatenate([np.zeros((*shape[:axis], 1, *shape[axis + 1 :]), sums.dtype), sums], axis=axis)
    return sums


_INITIAL = (
    Case(((4,),)), Case(((4,),), {"include_initial": True}), Case(((2, 3),), {"axis": 0}),
    Case(((2, 5),), {"axis": -1, "include_initial": True}), Case(((0,),), {"include_initial": True}), Case(((),)),
)  # fmt: skip


def _only_axis(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    if params.get("axis") is None and np.ndim(operands[0]) > 1:
        msg = "For arrays which have more than one dimension ``axis`` argument is required."
        raise ValueError(msg)
    return one_axis_or_flat(operands, {**params, "axis": params.get("axis")})


@composite(np.cumulative_sum, expression=_running_sum, batched=over_axes, canonical=_only_axis, cases=_INITIAL)
def cumulative_sum(
    xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, dtype: DType = None, include_initial: bool = False
) -> Array:
    """Return the running sums along an axis, with a zero in front if ``include_initial``."""
    return _plain.cumulative_sum(x, axis=axis, dtype=dtype, include_initial=include_initial)


# --- products -------------------------------------------------------------------------------------------------------
def _running(
    xp: Namespace, x: Array, axis: int | None, dtype: DType = None, include_initial: bool = False, *, combine: str
) -> Array:
    """Combine each element with all before it, by doubling steps: no division, so exact where elements are zero."""
    if axis is None:
        x, axis = xp.reshape(x, -1), 0
    head = (slice(None),) * axis
    n, step = np.shape(x)[axis], 1
    while step < n:
        together = getattr(xp, combine)(x[(*head, slice(step, None))], x[(*head, slice(None, -step))])
        x = xp.concatenate([x[(*head, slice(None, step))], together], axis=axis)
        step *= 2
    if include_initial:
        first = (*np.shape(x)[:axis], 1, *np.shape(x)[axis + 1 :])
        initial = np.full(first, 1 if combine == "multiply" else 0, x.dtype)
        x = xp.concatenate([initial, x], axis=axis)
    return x


@composite(
    np.cumprod, expression=functools.partial(_running, combine="multiply"), batched=over_axes, canonical=one_axis_or_flat,
    domain=(WITH_ZEROS,), cases=_LINES,
)  # fmt: skip
def cumprod(xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, dtype: DType = None) -> Array:
    """Return the running products along one axis, or of the flattened array; exact where elements are zero."""
    return _plain.cumprod(x, axis=axis, dtype=dtype)


@composite(
    np.cumulative_prod, expression=functools.partial(_running, combine="multiply"), batched=over_axes, canonical=_only_axis,
    domain=(WITH_ZEROS,), cases=_INITIAL,
)  # fmt: skip
def cumulative_prod(
    xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, dtype: DType = None, include_initial: bool = False
) -> Array:
    """Return the running products along an axis, with a one in front if ``include_initial``."""
    return _plain.cumulative_prod(x, axis=axis, dtype=dtype, include_initial=include_initial)


# --- of the elements that are not NaN -------------------------------------------------------------------------------
def _running_without_nan(
    xp: Namespace, x: Array, axis: int | None, dtype: DType = None, *, combine: str, neutral: float
) -> Array:
    filled = xp.where(xp.isnan(x), neutral, x)
    return _running_sum(xp, filled, axis) if combine == "add" else _running(xp, filled, axis, combine=combine)


@composite(
    np.nancumsum, expression=functools.partial(_running_without_nan, combine="add", neutral=0), batched=over_axes,
    canonical=one_axis_or_flat, domain=(SOME_NAN,), cases=_LINES,
)  # fmt: skip
def nancumsum(xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, dtype: DType = None) -> Array:
    """Return the running sums, NaN counting as zero."""
    return _plain.nancumsum(x, axis=axis, dtype=dtype)


@composite(
    np.nancumprod, expression=functools.partial(_running_without_nan, combine="multiply", neutral=1), batched=over_axes,
    canonical=one_axis_or_flat, domain=(SOME_NAN,), cases=_LINES,
)  # fmt: skip
def nancumprod(xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, dtype: DType = None) -> Array:
    """Return the running products, NaN counting as one."""
    return _plain.nancumprod(x, axis=axis, dtype=dtype)
