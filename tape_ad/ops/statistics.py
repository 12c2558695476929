"""Statistics and sequences: running products, NaN left out, averages, differences, interpolation, convolution, polynomials.

Where NumPy has one formula the functions are that formula in other ops, with NumPy's bits; where it has its own loop the
value is NumPy's and the derivative that of an equal expression.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tape_ad._batched import everywhere
from tape_ad._cases import Case, Domain
from tape_ad._core import DOORS
from tape_ad._errors import ArgumentError, ConversionError
from tape_ad._rules import BOOLEAN, DISTINCT, REAL, Expansion, bilinear, composite, expansion
from tape_ad._stacked import batch_lengths, over_axes, pointwise
from tape_ad._typing import Array, ArrayLike, Axis, DType, Namespace

_NO_VALUE = np._NoValue  # noqa: SLF001 - NumPy's mark for "not given" has no public name
_plain: Namespace = np  # whatever the namespace, the value is NumPy's own
_WITH_ZEROS = Domain("some of them zero", lambda z: np.where(np.abs(z) < 0.7, 0, z), complex=True)
_SOME_NAN = Domain(
    "every third NaN, the others distinct",
    lambda z: np.where(np.arange(z.size).reshape(z.shape) % 3 == 1, np.nan, DISTINCT.draw(z)),
)
_NOT_COMPLEX = Domain("real, and never complex", lambda z: z)
_GROWING = Domain("growing", lambda z: np.cumsum(0.3 + np.abs(z)) - 1.0)
_WEIGHTS = Domain("positive weights", lambda z: 0.5 + z * z)


def _one_axis_or_flat(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the axis as a non-negative integer, or None for the flattened array; a 0-d operand may have an axis 0."""
    axis = params.get("axis")
    if axis is not None:
        axis = int(normalize_axis_index(axis, max(np.ndim(operands[0]), 1)))
    return {**params, "axis": axis if np.ndim(operands[0]) else None}


def _axes(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the axes as a sorted tuple; None is all of them. A 0-d operand may be reduced along its axis 0 or -1."""
    ndim = np.ndim(operands[0])
    axis = params.get("axis")
    if not ndim and axis is not None and not isinstance(axis, tuple):
        normalize_axis_index(axis, 1)
        return {**params, "axis": ()}
    return {
        **params,
        "axis": tuple(range(ndim)) if axis is None else tuple(sorted(normalize_axis_tuple(axis, ndim))),
    }


# --- running products and extremes ----------------------------------------------------------------------------------
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


_LINES = (
    Case(((4,),)), Case(((2, 3),)), Case(((2, 3),), {"axis": 0}), Case(((2, 5),), {"axis": -1}), Case(((),)), Case(((0,),)),
)  # fmt: skip


@composite(
    np.cumprod, expression=functools.partial(_running, combine="multiply"), batched=over_axes, canonical=_one_axis_or_flat,
    domain=(_WITH_ZEROS,), cases=_LINES,
)  # fmt: skip
def cumprod(xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, dtype: DType = None) -> Array:
    """Return the running products along one axis, or of the flattened array; exact where elements are zero."""
    return _plain.cumprod(x, axis=axis, dtype=dtype)


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
    return _one_axis_or_flat(operands, {**params, "axis": params.get("axis")})


@composite(np.cumulative_sum, expression=_running_sum, batched=over_axes, canonical=_only_axis, cases=_INITIAL)
def cumulative_sum(
    xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, dtype: DType = None, include_initial: bool = False
) -> Array:
    """Return the running sums along an axis, with a zero in front if ``include_initial``."""
    return _plain.cumulative_sum(x, axis=axis, dtype=dtype, include_initial=include_initial)


@composite(
    np.cumulative_prod, expression=functools.partial(_running, combine="multiply"), batched=over_axes, canonical=_only_axis,
    domain=(_WITH_ZEROS,), cases=_INITIAL,
)  # fmt: skip
def cumulative_prod(
    xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, dtype: DType = None, include_initial: bool = False
) -> Array:
    """Return the running products along an axis, with a one in front if ``include_initial``."""
    return _plain.cumulative_prod(x, axis=axis, dtype=dtype, include_initial=include_initial)


@composite(
    expression=functools.partial(_running, combine="maximum"), batched=over_axes, canonical=_one_axis_or_flat,
    domain=(DISTINCT,), cases=(Case(((5,),), {"axis": 0}), Case(((2, 3),), {"axis": 1})),
)  # fmt: skip
def running_maximum(xp: Namespace, x: ArrayLike, /, *, axis: int = 0) -> Array:
    """Return the largest element so far along an axis: ``np.maximum.accumulate``."""
    return np.maximum.accumulate(x, axis=axis)


@composite(
    expression=functools.partial(_running, combine="minimum"), batched=over_axes, canonical=_one_axis_or_flat,
    domain=(DISTINCT,), cases=(Case(((5,),), {"axis": 0}), Case(((2, 3),), {"axis": 1})),
)  # fmt: skip
def running_minimum(xp: Namespace, x: ArrayLike, /, *, axis: int = 0) -> Array:
    """Return the smallest element so far along an axis: ``np.minimum.accumulate``."""
    return np.minimum.accumulate(x, axis=axis)


def _running_without_nan(
    xp: Namespace, x: Array, axis: int | None, dtype: DType = None, *, combine: str, neutral: float
) -> Array:
    filled = xp.where(xp.isnan(x), neutral, x)
    return _running_sum(xp, filled, axis) if combine == "add" else _running(xp, filled, axis, combine=combine)


@composite(
    np.nancumsum, expression=functools.partial(_running_without_nan, combine="add", neutral=0), batched=over_axes,
    canonical=_one_axis_or_flat, domain=(_SOME_NAN,), cases=_LINES,
)  # fmt: skip
def nancumsum(xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, dtype: DType = None) -> Array:
    """Return the running sums, NaN counting as zero."""
    return _plain.nancumsum(x, axis=axis, dtype=dtype)


@composite(
    np.nancumprod, expression=functools.partial(_running_without_nan, combine="multiply", neutral=1), batched=over_axes,
    canonical=_one_axis_or_flat, domain=(_SOME_NAN,), cases=_LINES,
)  # fmt: skip
def nancumprod(xp: Namespace, x: ArrayLike, /, *, axis: int | None = None, dtype: DType = None) -> Array:
    """Return the running products, NaN counting as one."""
    return _plain.nancumprod(x, axis=axis, dtype=dtype)


# --- reductions that leave NaN out ----------------------------------------------------------------------------------
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
        where: Any = _NO_VALUE, correction: Any = _NO_VALUE,
    ) -> tuple[Any, ...]:  # fmt: skip
        if correction is not _NO_VALUE and ddof != 0:
            msg = f"np.{name}: ddof and correction are two names of one number. Leave one out."
            raise ArgumentError(msg)
        *head, params = reduction(a, axis, dtype, out, keepdims, where=where)
        chosen = ddof if correction is _NO_VALUE else correction
        return *head, ({**params, "correction": chosen} if chosen else params)

    return adapt


_NAN_AXES = (
    Case(((4,),)), Case(((2, 3),)), Case(((3, 2),), {"axis": 0}), Case(((2, 3),), {"axis": -1, "keepdims": True}),
    Case(((2, 3, 2),), {"axis": (0, -1)}),
)  # fmt: skip
_NAN_MOMENTS = (*_NAN_AXES, Case(((5,),), {"correction": 1}))


def _nan_reduction(function: Callable[..., Any], adapt: Any, cases: Any = _NAN_AXES) -> Callable[..., Any]:
    """Return the decorator of one of the seven, which share an expression."""
    return composite(
        expression=functools.partial(_nan_expression, function=function.__name__), batched=over_axes, canonical=_axes,
        domain=(_SOME_NAN,), adapt={function: adapt}, cases=cases,
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


@_nan_reduction(np.nanvar, _nan_moment_arguments("nanvar"), _NAN_MOMENTS)
def nanvar(
    xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, dtype: DType = None, correction: float = 0,
    keepdims: bool = False,
) -> Array:  # fmt: skip
    """Return the variance of the elements that are not NaN."""
    return _plain.nanvar(x, axis=axis, dtype=dtype, ddof=correction, keepdims=keepdims)


@_nan_reduction(np.nanstd, _nan_moment_arguments("nanstd"), _NAN_MOMENTS)
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
    expression=_nan_expression, batched=_masked_each, canonical=_axes, domain=(_SOME_NAN, BOOLEAN),
    cases=(
        Case(((2, 3), (2, 3)), {"function": "nansum", "axis": 0}), Case(((2, 3), (3,)), {"function": "nansum", "initial": 1.5}),
        Case(((2, 3), (2, 3)), {"function": "nanprod", "axis": 1, "initial": 2.0}), Case(((3,), (3,)), {"function": "nanmax", "initial": 0.1}),
        Case(((2, 3), (2, 1)), {"function": "nanmin", "axis": 0, "initial": 0.1, "keepdims": True}),
        Case(((2, 5), (2, 1)), {"function": "nanmean"}, (_SOME_NAN, Domain("true", lambda z: np.full(z.shape, True)))),
        Case(((2, 6), (6,)), {"function": "nanvar", "axis": 1, "correction": 0.5}, (_SOME_NAN, Domain("the later", lambda z: np.arange(z.size) > 1))),
        Case(((6,), (6,)), {"function": "nanstd", "keepdims": True}, (_SOME_NAN, Domain("the later", lambda z: np.arange(z.size) > 1))),
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


# --- ranges and averages --------------------------------------------------------------------------------------------
@composite(
    np.ptp, batched=over_axes, canonical=_axes, domain=(DISTINCT,), cases=_NAN_AXES,
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
    expression=_average_expression, domain=(REAL, _WEIGHTS),
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
    return mean, xp.broadcast_to(total, mean.shape)


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
    expression=_cov_expression, variadic=True, domain=(_NOT_COMPLEX,),
    cases=(
        Case(((3, 4),), {"dtype": "float64"}), Case(((4,),), {"dtype": "float64", "ddof": 0}),
        Case(((2, 4), (4,)), {"second": True, "dtype": "float64"}), Case(((4, 2), (4, 1)), {"second": True, "rowvar": False, "dtype": "float64"}),
        Case(((2, 5), (5,)), {"weighted": True, "fweights": np.array([1, 2, 1, 1, 3]), "dtype": "float64"}, (_NOT_COMPLEX, _WEIGHTS)),
        Case(((2, 4), (4,)), {"weighted": True, "ddof": 0, "dtype": "float64"}, (_NOT_COMPLEX, _WEIGHTS)),
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
    expression=_correlation_expression, variadic=True, domain=(_NOT_COMPLEX,),
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


# --- differences and integrals --------------------------------------------------------------------------------------
def _along(ndim: int, axis: int, part: Any) -> tuple[Any, ...]:
    return (slice(None),) * normalize_axis_index(axis, ndim) + (part,)


def _tensor(xp: Namespace, x: Any) -> Any:
    """Return an operand as something with a shape and arithmetic."""
    return x if hasattr(x, "shape") else xp.positive(np.asarray(x))


def _diff(xp: Namespace, x: Any, n: int, axis: int, prepend: Any, append: Any) -> Any:
    if n < 0:
        msg = f"order must be non-negative but got {n!r}"
        raise ValueError(msg)
    if n == 0:
        return x
    x = _tensor(xp, x)
    if not x.ndim:
        msg = "diff requires input that is at least one dimensional"
        raise ValueError(msg)
    axis = normalize_axis_index(axis, x.ndim)
    one = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    parts = [
        xp.broadcast_to(part, one) if np.ndim(part) == 0 and part is not x else part
        for part in (prepend, x, append)
        if part is not None
    ]
    x = xp.concatenate(parts, axis=axis) if len(parts) > 1 else x
    subtract = xp.not_equal if x.dtype == np.bool_ else xp.subtract
    for _ in range(n):
        x = subtract(x[_along(x.ndim, axis, slice(1, None))], x[_along(x.ndim, axis, slice(None, -1))])
    return x


@expansion()
def diff(
    xp: Namespace, x: ArrayLike, /, *, axis: int = -1, n: int = 1, prepend: ArrayLike | None = None,
    append: ArrayLike | None = None,
) -> Array:  # fmt: skip
    """Return the differences of neighbours along an axis, ``n`` times over, with elements put before and behind first."""
    return _diff(xp, x, n, axis, prepend, append)


def _numpys_diff(
    xp: Namespace, a: Any, n: int = 1, axis: int = -1, prepend: Any = _NO_VALUE, append: Any = _NO_VALUE
) -> Any:
    """Return `diff` by NumPy's signature."""
    before, after = (None if part is _NO_VALUE else part for part in (prepend, append))
    return _diff(xp, a, n, axis, before, after)


DOORS[np.diff] = Expansion("diff", _numpys_diff), None


@expansion(np.ediff1d)
def ediff1d(xp: Namespace, ary: ArrayLike, to_end: ArrayLike | None = None, to_begin: ArrayLike | None = None) -> Array:
    """Return the differences of neighbours in the flattened array, with elements put before and behind."""
    x = xp.reshape(ary, -1)
    parts: list[Any] = [x[1:] - x[:-1]]
    for name, part in (("to_begin", to_begin), ("to_end", to_end)):
        if part is None:
            continue
        if not np.can_cast(getattr(part, "dtype", None) or np.asarray(part).dtype, x.dtype, casting="same_kind"):
            msg = f"dtype of `{name}` must be compatible with input `ary` under the `same_kind` rule."
            raise TypeError(msg)
        flat = xp.astype(xp.reshape(part, -1), x.dtype)
        parts = [flat, *parts] if name == "to_begin" else [*parts, flat]
    return xp.concatenate(parts) if len(parts) > 1 else parts[0]


def _gradient_expression(xp: Namespace, f: Array, spacing: Array, axis: int, edge_order: int = 1) -> Array:
    """Write the differences with uneven spacing, of which even spacing is a case; so coordinates have their derivatives."""
    n, ndim = np.shape(f)[axis], np.ndim(f)
    wide = (-1,) + (1,) * (ndim - axis - 1)
    steps = spacing[1:] - spacing[:-1] if np.ndim(spacing) else xp.broadcast_to(spacing, (n - 1,))

    def at(start: int, stop: int | None) -> Array:
        return f[_along(ndim, axis, slice(start, stop))]

    def three(h: Array, k: Array, kind: str) -> tuple[Array, Array, Array]:
        """Return the weights of three neighbours with steps ``h`` and ``k`` for the slope at the first, middle or last."""
        h, k = xp.reshape(h, wide), xp.reshape(k, wide)
        if kind == "middle":
            return -k / (h * (h + k)), (k - h) / (h * k), h / (k * (h + k))
        if kind == "first":
            return -(2.0 * h + k) / (h * (h + k)), (h + k) / (h * k), -h / (k * (h + k))
        return k / (h * (h + k)), -(k + h) / (h * k), (2.0 * k + h) / (k * (h + k))

    parts = []
    if edge_order == 1:
        parts.append((at(1, 2) - at(0, 1)) / xp.reshape(steps[:1], wide))
    else:
        a, b, c = three(steps[:1], steps[1:2], "first")
        parts.append(a * at(0, 1) + b * at(1, 2) + c * at(2, 3))
    if n > 2:
        a, b, c = three(steps[:-1], steps[1:], "middle")
        parts.append(a * at(0, n - 2) + b * at(1, n - 1) + c * at(2, n))
    if edge_order == 1:
        parts.append((at(n - 1, n) - at(n - 2, n - 1)) / xp.reshape(steps[-1:], wide))
    else:
        a, b, c = three(steps[-2:-1], steps[-1:], "last")
        parts.append(a * at(n - 3, n - 2) + b * at(n - 2, n - 1) + c * at(n - 1, n))
    return xp.concatenate(parts, axis=axis)


@composite(
    expression=_gradient_expression, operands=2, domain=(REAL, _GROWING),
    cases=(
        Case(((5,), (5,)), {"axis": 0}), Case(((5,), ()), {"axis": 0}, (REAL, _WEIGHTS)), Case(((3, 4), (4,)), {"axis": 1, "edge_order": 2}),
        Case(((3, 4), ()), {"axis": 0, "edge_order": 2}, (REAL, _WEIGHTS)), Case(((2, 3), ()), {"axis": 0}, (REAL, _WEIGHTS)),
        Case(((4, 2), (4,)), {"axis": 0}),
    ),
)  # fmt: skip
def slopes_along(xp: Namespace, f: ArrayLike, spacing: ArrayLike, /, *, axis: int, edge_order: int = 1) -> Array:
    """Return the slopes of ``f`` along one axis, for one step or the coordinates along it."""
    return _plain.gradient(f, spacing, axis=axis, edge_order=edge_order)


@expansion(np.gradient)
def gradient(xp: Namespace, f: ArrayLike, *varargs: ArrayLike, axis: Axis = None, edge_order: int = 1) -> Any:
    """Return the slopes of ``f`` along each axis, by central differences inside; for one axis an array, else a tuple.

    The spacings carry derivatives too: a step for all axes, or a step or coordinates for each.
    """
    ndim = np.ndim(f)
    chosen: Any = axis
    axes = tuple(range(ndim)) if chosen is None else normalize_axis_tuple(chosen, ndim)
    if not varargs or (len(varargs) == 1 and np.ndim(varargs[0]) == 0):
        spacings: Sequence[Any] = (varargs or (1.0,)) * len(axes)
    elif len(varargs) == len(axes):
        spacings = varargs
    else:
        msg = "invalid number of arguments"
        raise TypeError(msg)
    slopes = tuple([xp.slopes_along(f, h, axis=i, edge_order=edge_order) for i, h in zip(axes, spacings, strict=True)])
    return slopes[0] if len(slopes) == 1 else slopes


@expansion(np.trapezoid)
def trapezoid(xp: Namespace, y: ArrayLike, x: ArrayLike | None = None, dx: ArrayLike = 1.0, axis: int = -1) -> Array:
    """Return the integral along an axis by the trapezoidal rule, for coordinates ``x`` or steps ``dx``."""
    values = _tensor(xp, y)
    d: Any = dx
    if x is not None:
        d = _diff(xp, x, 1, axis if np.ndim(x) != 1 else 0, None, None)
        if np.ndim(x) == 1:
            shape = [1] * values.ndim
            shape[axis] = np.shape(d)[0]
            d = xp.reshape(d, tuple(shape))
    later, earlier = (values[_along(values.ndim, axis, part)] for part in (slice(1, None), slice(None, -1)))
    return xp.sum(d * (later + earlier) / 2.0, axis=axis)


# --- interpolation --------------------------------------------------------------------------------------------------
def _interp_expression(xp: Namespace, x: Array, knots: Array, values: Array, left: Array, right: Array) -> Array:
    """Write the mean of the line to the left and the line to the right of each point: the same but at a knot."""
    n = np.shape(knots)[0]
    outside = (x < knots[0], x > knots[-1])

    def line(j: Any) -> Array:
        if n == 1:
            return values[0] + 0 * x
        inside = xp.clip(j, 0, n - 2)
        start, stop, low, high = (
            xp.elements_at(a, inside + i, axis=None) for a, i in ((knots, 0), (knots, 1), (values, 0), (values, 1))
        )
        slanted = low + (high - low) * ((x - start) / (stop - start))
        return xp.where(j < 0, values[0], xp.where(j >= n - 1, values[-1], slanted))

    inner = 0.5 * (line(np.searchsorted(knots, x, side="left") - 1) + line(np.searchsorted(knots, x, side="right") - 1))
    return xp.where(outside[0], left, xp.where(outside[1], right, inner))


@composite(
    expression=_interp_expression, domain=(Domain("about the knots", lambda z: 1.3 * z), _GROWING, REAL, REAL, REAL),
    cases=(
        Case(((5,), (4,), (4,), (), ())), Case(((2, 3), (3,), (3,), (), ())), Case(((), (4,), (4,), (), ())), Case(((3,), (1,), (1,), (), ())),
    ),
)  # fmt: skip
def interp_between(
    xp: Namespace, x: ArrayLike, knots: ArrayLike, values: ArrayLike, left: ArrayLike, right: ArrayLike, /
) -> Array:
    """Return `interp` with both outer values given, in the precision of its operands."""
    kept = np.result_type(*[a for a in (x, knots, values) if hasattr(a, "dtype")])
    return _plain.interp(x, knots, values, left, right).astype(kept)


@expansion(np.interp)
def interp(
    space: Namespace, /, x: ArrayLike, xp: ArrayLike, fp: ArrayLike, left: ArrayLike | None = None,
    right: ArrayLike | None = None, period: float | None = None,
) -> Array:  # fmt: skip
    """Return values between knots by straight lines.

    It has derivatives in the points (the slope of the line, at a knot the mean of both), in the knots, in their values
    and in the outer ones.
    """
    if np.iscomplexobj(x) or np.iscomplexobj(xp):
        msg = "np.interp takes real points and knots; only the values may be complex."
        raise TypeError(msg)
    wide = np.complex128 if np.iscomplexobj(fp) else np.float64
    points: Any = space.astype(x, np.float64)
    knots, values = space.astype(xp, np.float64), space.astype(fp, wide)
    if period is not None:
        if period == 0:
            msg = "period must be a non-zero value"
            raise ValueError(msg)
        if np.ndim(knots) != 1 or np.ndim(values) != 1:
            msg = "Data points must be 1-D sequences"
            raise ValueError(msg)
        if np.shape(knots) != np.shape(values):
            msg = "fp and xp are not of the same length"
            raise ValueError(msg)
        period = abs(period)
        left = right = None
        points, knots = points % period, knots % period
        order = np.argsort(knots)
        knots, values = space.elements_at(knots, order, axis=None), space.elements_at(values, order, axis=None)
        knots = space.concatenate((knots[-1:] - period, knots, knots[:1] + period))
        values = space.concatenate((values[-1:], values, values[:1]))
    first = values[0] if left is None else space.astype(left, wide)
    last = values[-1] if right is None else space.astype(right, wide)
    return space.interp_between(points, knots, values, first, last)


# --- convolution ----------------------------------------------------------------------------------------------------
def _window(m: int, n: int, mode: str) -> tuple[int, int]:
    """Return where in the full convolution of lengths ``m`` and ``n`` the result of a mode begins, and how long it is."""
    less, more = min(m, n), max(m, n)
    return {"full": (0, m + n - 1), "same": ((less - 1) // 2, more), "valid": (less - 1, more - less + 1)}[mode]


def _mode(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    mode = params.get("mode", "full")
    if mode not in {"full", "same", "valid"}:
        msg = f"mode is 'full', 'same' or 'valid', not {mode!r}."
        raise ValueError(msg)
    return {"mode": mode}


def _convolve_back(xp: Namespace, ct: Array, x: Array, other: Array, mode: str) -> Array:
    """Return the cotangent of one sequence: that of the full convolution, correlated with the other sequence."""
    m, n = np.size(x), np.size(other)
    start, length = _window(m, n, mode)
    if mode != "full":
        zeros = [np.zeros(k, ct.dtype) for k in (start, m + n - 1 - start - length)]
        ct = xp.concatenate([zeros[0], ct, zeros[1]])
    return xp.reshape(xp.convolve(ct, xp.flip(xp.reshape(other, -1)), mode="valid"), np.shape(x))


def _convolve_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    """Add up the longer sequence times each element of the shorter, for all examples at once."""
    x, y = (a[..., None] if a.ndim == k else a for a, k in zip(operands, leads, strict=True))
    m, n = x.shape[-1], y.shape[-1]
    if not m or not n:
        msg = "a sequence to convolve cannot be empty"
        raise ValueError(msg)
    long, short = (x, y) if m >= n else (y, x)
    full = np.zeros((*batch_lengths(operands, leads), m + n - 1), np.result_type(x, y))
    for i in range(short.shape[-1]):
        full[..., i : i + long.shape[-1]] += short[..., i : i + 1] * long
    start, length = _window(m, n, params["mode"])
    return full[..., start : start + length]


_PAIRS = tuple(
    Case(shapes, {"mode": mode})
    for shapes in (((5,), (3,)), ((2,), (5,)), ((4,), (4,)))
    for mode in ("full", "same", "valid")
)


@bilinear(
    np.convolve, batched=_convolve_each, canonical=_mode, cases=(*_PAIRS, Case(((4,), ()), {"mode": "full"})),
    transposes=(
        lambda xp, ct, out, x, y, mode: _convolve_back(xp, ct, x, y, mode),
        lambda xp, ct, out, x, y, mode: _convolve_back(xp, ct, y, x, mode),
    ),
)  # fmt: skip
def convolve(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /, *, mode: str = "full") -> Array:
    """Return the convolution of two sequences: all of it, the middle as long as the longer, or where both overlap."""
    return _plain.convolve(x1, x2, mode)


def _correlate_mode(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    return _mode(operands, {"mode": "valid", **params})


def _correlate_expression(xp: Namespace, a: Array, v: Array, mode: str) -> Array:
    m, n = np.size(a), np.size(v)
    start, length = _window(m, n, mode)
    if n > m:  # NumPy exchanges the sequences and reverses what comes out
        start = m + n - 1 - start - length
    full = xp.convolve(a, xp.conj(xp.flip(v)), mode="full")
    return full[start : start + length]


@composite(np.correlate, expression=_correlate_expression, canonical=_correlate_mode, cases=_PAIRS)
def correlate(xp: Namespace, a: ArrayLike, v: ArrayLike, /, *, mode: str = "valid") -> Array:
    """Return the correlation of two sequences: the sums of products at each shift, the second one conjugated."""
    return _plain.correlate(a, v, mode)


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
    expression=_histogram_expression, operands=1, domain=(_WEIGHTS,),
    cases=(
        Case(((6,),), {"data": _POINTS, "edges": np.linspace(0.0, 1.0, 4), "bins": 3, "range": (0.0, 1.0)}),
        Case(((6,),), {"data": _POINTS, "edges": _UNEVEN, "bins": _UNEVEN, "range": None}),
    ),
)  # fmt: skip
def weighted_histogram(xp: Namespace, weights: ArrayLike, /, *, data: Any, edges: Any, bins: Any, range: Any) -> Array:
    """Return the sums of the weights of the data in each bin."""
    return _plain.histogram(data, bins, range, None, weights)[0]


@expansion(np.histogram)
def histogram(
    xp: Namespace, a: ArrayLike, bins: Any = 10, range: Any = None, density: bool | None = None,
    weights: ArrayLike | None = None,
) -> Any:  # fmt: skip
    """Return the counts in bins, or the sums of the weights, which carry derivatives; and the edges.

    Counts and edges are piecewise constant in the data by definition.
    """
    data = _data(a)
    bins = bins if isinstance(bins, (int, str, np.integer)) else _data(bins)
    if weights is None:
        return np.histogram(data, bins, range, density)
    if np.shape(weights) != data.shape:
        msg = "weights should have the same shape as a."
        raise ValueError(msg)
    edges = np.histogram_bin_edges(data, bins, range, np.ones(data.shape))  # only the shape of weights matters to edges
    flat = {"data": data.reshape(-1), "edges": edges, "bins": bins, "range": range}
    sums = xp.weighted_histogram(xp.reshape(weights, -1), **flat)
    return (sums / np.diff(edges).astype(float) / xp.sum(sums) if density else sums), edges


# --- polynomials ----------------------------------------------------------------------------------------------------
@expansion(np.polyval)
def polyval(xp: Namespace, p: ArrayLike, x: ArrayLike) -> Array:
    """Return the value at ``x`` of the polynomial with coefficients ``p``, the highest power first."""
    coefficients, at = _tensor(xp, p), _tensor(xp, x)
    value: Any = np.zeros(at.shape, at.dtype)
    for i in range(np.shape(coefficients)[0]):
        value = value * at + coefficients[i]
    return value


@expansion(np.polyder)
def polyder(xp: Namespace, p: ArrayLike, m: int = 1) -> Array:
    """Return the coefficients of the derivative of a polynomial, of order ``m``."""
    y = _tensor(xp, p)
    if m < 0:
        msg = "Order of derivative must be positive (see polyint)"
        raise ValueError(msg)
    for _ in range(int(m)):
        y = y[:-1] * np.arange(np.shape(y)[0] - 1, 0, -1)
    return y


@expansion(np.polyint)
def polyint(xp: Namespace, p: ArrayLike, m: int = 1, k: Any = None) -> Array:
    """Return the coefficients of the integral of a polynomial, of order ``m``, with constants ``k``."""
    m = int(m)
    if m < 0:
        msg = "Order of integral must be positive (see polyder)"
        raise ValueError(msg)
    constants = np.zeros(m) if k is None else xp.reshape(k, -1)
    if np.shape(constants)[0] == 1 and m > 1:
        constants = constants[0] * np.ones(m)
    if np.shape(constants)[0] < m:
        msg = "k must be a scalar or a rank-1 array of length 1 or >m."
        raise ValueError(msg)
    y = _tensor(xp, p)
    for i in range(m):
        y = xp.concatenate((y / np.arange(np.shape(y)[0], 0, -1), constants[i : i + 1]))
    return y


def _same_degree(xp: Namespace, a1: Any, a2: Any) -> tuple[Any, Any]:
    """Return two polynomials with zeros in front of the shorter."""
    a1, a2 = (xp.reshape(a, -1) for a in (a1, a2))
    more = np.shape(a2)[0] - np.shape(a1)[0]
    if more > 0:
        return xp.concatenate((np.zeros(more, a1.dtype), a1)), a2
    return a1, xp.concatenate((np.zeros(-more, a2.dtype), a2)) if more else a2


@expansion(np.polyadd)
def polyadd(xp: Namespace, a1: ArrayLike, a2: ArrayLike) -> Array:
    """Return the sum of two polynomials, given by their coefficients."""
    return xp.add(*_same_degree(xp, a1, a2))


@expansion(np.polysub)
def polysub(xp: Namespace, a1: ArrayLike, a2: ArrayLike) -> Array:
    """Return the difference of two polynomials, given by their coefficients."""
    return xp.subtract(*_same_degree(xp, a1, a2))


@expansion(np.vander)
def vander(xp: Namespace, x: ArrayLike, N: int | None = None, increasing: bool = False) -> Array:
    """Return the powers of each element in a row, down from ``N - 1``, or up from 0."""
    values = _tensor(xp, x)
    if values.ndim != 1:
        msg = "x must be a one-dimensional array or sequence."
        raise ValueError(msg)
    count = np.shape(values)[0] if N is None else N
    dtype = np.promote_types(values.dtype, int)
    values = xp.astype(values, dtype)
    powers: list[Any] = [np.ones(np.shape(values), dtype)]
    for _ in range(count - 1):
        powers.append(powers[-1] * values if len(powers) > 1 else values)
    if not count:
        return np.zeros((np.shape(values)[0], 0), dtype)
    return xp.stack(powers if increasing else powers[::-1], axis=1)


def _trimmed(xp: Namespace, a: ArrayLike) -> Any:
    """Return coefficients without zeros in front, as NumPy's polynomials have them; one zero is left of zeros only."""
    p = xp.reshape(a, -1)
    while np.shape(p)[0] > 1 and not everywhere(p[0] != 0) and bool(p[0] == 0):
        p = p[1:]
    return p


@expansion(np.polymul)
def polymul(xp: Namespace, a1: ArrayLike, a2: ArrayLike) -> Array:
    """Return the product of two polynomials, given by their coefficients."""
    return xp.convolve(_trimmed(xp, a1), _trimmed(xp, a2), mode="full")


def _polyfit_expression(xp: Namespace, arrays: Any, deg: int, rcond: Any = None, dtype: DType = None) -> Array:
    """Solve the least-squares problem by modified Gram-Schmidt (Golub and Van Loan, 5.2.8), the right side carried along."""
    x, y, *weights = arrays
    columns = [xp.ones_like(x)]
    for _ in range(deg):
        columns.append(columns[-1] * x)
    columns, rest = columns[::-1], xp.reshape(y, (np.shape(y)[0], -1))
    if weights:
        columns, rest = [c * weights[0] for c in columns], rest * xp.reshape(weights[0], (-1, 1))
    rows: list[Any] = []
    for j in range(deg + 1):
        norm = xp.sqrt(xp.sum(columns[j] * columns[j]))
        q = columns[j] / norm
        above = [xp.sum(q * c) for c in columns[j + 1 :]]
        columns[j + 1 :] = [c - r * q for c, r in zip(columns[j + 1 :], above, strict=True)]
        share = xp.sum(xp.reshape(q, (-1, 1)) * rest, axis=0)
        rest = rest - xp.reshape(q, (-1, 1)) * share
        rows.append((norm, above, share))
    found: list[Any] = []
    for norm, above, share in reversed(rows):
        known = share
        for r, c in zip(above, found, strict=True):
            known = known - r * c
        found.insert(0, known / norm)
    return xp.reshape(xp.stack(found), (deg + 1, *np.shape(y)[1:]))


_ABOUT_ONE = Domain("apart from each other", lambda z: np.arange(z.size) * 0.7 - 1 + 0.1 * np.tanh(z))


@composite(
    expression=_polyfit_expression, variadic=True,
    cases=(
        Case(((5,), (5,)), {"deg": 2, "dtype": "float64"}, (_ABOUT_ONE, _NOT_COMPLEX)), Case(((4,), (4, 2)), {"deg": 1, "dtype": "float64"}, (_ABOUT_ONE, _NOT_COMPLEX)),
        Case(((5,), (5,), (5,)), {"deg": 2, "dtype": "float64"}, (_ABOUT_ONE, _NOT_COMPLEX, _WEIGHTS)), Case(((3,), (3,)), {"deg": 0, "dtype": "float64"}, (_ABOUT_ONE, _NOT_COMPLEX)),
        Case(((5,), (5, 2), (5,)), {"deg": 1, "dtype": "float64"}, (_ABOUT_ONE, _NOT_COMPLEX, _WEIGHTS)),
    ),
)  # fmt: skip
def fitted_polynomial(xp: Namespace, arrays: Any, /, *, deg: int, rcond: Any = None, dtype: DType = None) -> Array:
    """Return the coefficients of the polynomial that fits best: points, values, and weights if there are three."""
    found = _plain.polyfit(arrays[0], arrays[1], deg, rcond=rcond, w=arrays[2] if len(arrays) > 2 else None)
    return found if dtype is None else found.astype(dtype)


@expansion(np.polyfit)
def polyfit(
    xp: Namespace, x: ArrayLike, y: ArrayLike, deg: int, rcond: float | None = None, full: bool = False,
    w: ArrayLike | None = None, cov: bool | str = False,
) -> Array:  # fmt: skip
    """Return the coefficients of the polynomial of degree ``deg`` that fits best, in the sense of least squares.

    It has derivatives in points, values and weights, where the points determine the polynomial.
    """
    if full or cov:
        msg = "np.polyfit on a tensor returns the coefficients only. Leave full and cov out."
        raise ArgumentError(msg)
    return xp.fitted_polynomial([x, y] if w is None else [x, y, w], deg=int(deg), rcond=rcond)
