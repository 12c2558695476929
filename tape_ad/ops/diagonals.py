"""Matrices and windows: diagonals, triangles, quarter turns, sliding windows, and functions applied piece by piece."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.lib.stride_tricks import sliding_window_view as _windows

from tape_ad._cases import Case
from tape_ad._errors import ArgumentError
from tape_ad._rules import expansion, linear
from tape_ad._typing import Array, ArrayLike, Axis, Namespace, Shape
from tape_ad.ops.joining import as_array, at_positions, build, plain, positions_in


# --- triangles ------------------------------------------------------------------------------------------------------
def _triangle_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    """Act on the last two axes; NumPy repeats a vector as the rows of a square matrix first."""
    (x,), (k,) = operands, leads
    if x.ndim - k == 1:
        x = np.broadcast_to(x[..., None, :], (*x.shape, x.shape[-1]))
    return compute(x, **params)


_TRIANGLES = (
    Case(((3, 3),)), Case(((2, 4),), {"k": 1}), Case(((4, 2),), {"k": -1}), Case(((2, 2, 3),)), Case(((3,),)), Case(((0, 2),)),
)  # fmt: skip


@linear(
    np.tril, transposes=(lambda xp, ct, out, x, k=0: xp.tril(ct, k=k),), batched=_triangle_each, operands=1, cases=_TRIANGLES
)  # fmt: skip
def tril(xp: Namespace, x: ArrayLike, /, *, k: int = 0) -> Array:
    """Return the elements of matrices on and below the k-th diagonal, zeros above it."""
    return xp.tril(x, k=k)


@linear(
    np.triu, transposes=(lambda xp, ct, out, x, k=0: xp.triu(ct, k=k),), batched=_triangle_each, operands=1, cases=_TRIANGLES
)  # fmt: skip
def triu(xp: Namespace, x: ArrayLike, /, *, k: int = 0) -> Array:
    """Return the elements of matrices on and above the k-th diagonal, zeros below it."""
    return xp.triu(x, k=k)


# --- diagonals ------------------------------------------------------------------------------------------------------
def _along(shape: Shape, k: int) -> slice:
    """Return where the k-th diagonal of a matrix lies in the flattened matrix."""
    rows, columns = shape
    count = builtins.max(builtins.min(rows + builtins.min(k, 0), columns - builtins.max(k, 0)), 0)
    start = k if k >= 0 else -k * columns
    return slice(start, start + count * (columns + 1) - columns, columns + 1) if count else slice(0, 0)


def _diag_transpose(xp: Namespace, ct: Array, out: Array, x: Array, k: int = 0) -> Array:
    if np.ndim(x) == 1:
        return xp.diag(ct, k=k)
    rows, columns = np.shape(x)
    flat = xp.scatter_add([ct], indices=(_along((rows, columns), k),), shape=(rows * columns,))
    return xp.reshape(flat, (rows, columns))


def _diag_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (x,), (lead,) = operands, leads
    k, lengths = params.get("k", 0), x.shape[:lead]
    if x.ndim - lead == 2:
        return np.diagonal(x, k, -2, -1)
    n = x.shape[-1] + builtins.abs(k)
    matrix = np.zeros((*lengths, n * n), x.dtype)
    matrix[..., _along((n, n), k)] = x
    return matrix.reshape(*lengths, n, n)


@linear(
    np.diag, transposes=(_diag_transpose,), batched=_diag_each, operands=1,
    cases=(
        Case(((3,),)), Case(((2,),), {"k": 1}), Case(((2,),), {"k": -2}), Case(((3, 3),)), Case(((2, 4),), {"k": 1}), Case(((4, 2),), {"k": -1}),
        Case(((2, 4),), {"k": -1}), Case(((2, 2),), {"k": 5}), Case(((0,),)), Case(((3, 0),)),
    ),
)  # fmt: skip
def diag(xp: Namespace, x: ArrayLike, /, *, k: int = 0) -> Array:
    """Return the k-th diagonal of a matrix, or the matrix that has a vector there and zeros elsewhere."""
    return xp.diag(x, k=k)


@expansion(np.diagflat)
def diagflat(xp: Namespace, v: ArrayLike, k: int = 0) -> Array:
    """Return the matrix that has the elements of the flattened array on its k-th diagonal."""
    return xp.diag(xp.reshape(v, -1), k=k)


# --- turning --------------------------------------------------------------------------------------------------------
@expansion(np.rot90)
def rot90(xp: Namespace, m: ArrayLike, k: int = 1, axes: Sequence[int] = (0, 1)) -> Array:
    """Return the array turned ``k`` times by 90 degrees, from the first of two axes towards the second."""
    x = as_array(xp, m)
    if len(axes) != 2:
        msg = "len(axes) must be 2."
        raise ValueError(msg)
    first, second = (normalize_axis_index(axis, x.ndim) for axis in axes)
    if first == second:
        msg = "Axes must be different."
        raise ValueError(msg)
    turns = k % 4
    if turns == 2:
        return xp.flip(x, axis=(first, second))
    if turns == 1:
        return xp.swapaxes(xp.flip(x, axis=second), first, second)
    return xp.flip(xp.swapaxes(x, first, second), axis=second) if turns else x


@expansion(np.rollaxis)
def rollaxis(xp: Namespace, a: ArrayLike, axis: int, start: int = 0) -> Array:
    """Return the array with one axis moved back until it stands before the axis ``start``."""
    x = as_array(xp, a)
    axis = normalize_axis_index(axis, x.ndim)
    place = normalize_axis_index(start, x.ndim + 1) if start >= 0 else normalize_axis_index(start, x.ndim)
    return xp.moveaxis(x, axis, place - 1 if axis < place else place)


@expansion(np.copy)
def copy(xp: Namespace, a: ArrayLike, order: str = "K", subok: bool = False) -> Array:
    """Return a tensor itself, for a value that never changes needs no copy; of anything else a constant."""
    return as_array(xp, a)


# --- windows --------------------------------------------------------------------------------------------------------
@expansion(_windows)
def sliding_window_view(
    xp: Namespace, x: ArrayLike, window_shape: int | Shape, axis: Axis = None, *, subok: bool = False, writeable: bool = False
) -> Array:  # fmt: skip
    """Return all windows of a shape that the array holds, along new axes at the end.

    The result is an array of its own, as large as it looks: no view.
    """
    if writeable:
        msg = "sliding_window_view(…, writeable=True) is for writing into the array, and values do not change here. Leave it out."
        raise ArgumentError(msg)
    whole = as_array(xp, x)
    axes: Any = axis  # NumPy's stubs tell None, an axis and several apart
    return at_positions(xp, whole, _windows(positions_in(whole.shape), window_shape, axes))


# --- piece by piece -------------------------------------------------------------------------------------------------
@expansion(np.apply_along_axis)
def apply_along_axis(
    xp: Namespace, /, func1d: Callable[..., Any], axis: int, arr: ArrayLike, *args: Any, **kwargs: Any
) -> Array:
    """Return what a function gives for each 1-D slice along an axis; its results take the place of the axis."""
    x = as_array(xp, arr)
    axis = normalize_axis_index(axis, x.ndim)
    rest = x.shape[:axis] + x.shape[axis + 1 :]
    if 0 in rest:
        msg = "Cannot apply_along_axis when any iteration dimensions are 0"
        raise ValueError(msg)
    slices = xp.moveaxis(x, axis, -1)
    parts = [as_array(xp, build(xp, func1d(slices[place], *args, **kwargs))) for place in np.ndindex(*rest)]
    first = parts[0]
    alike = [part if part.dtype == first.dtype else xp.astype(part, first.dtype) for part in parts]
    whole = xp.reshape(xp.stack([xp.broadcast_to(part, first.shape) for part in alike]), rest + first.shape)
    order = (*range(axis), *range(len(rest), whole.ndim), *range(axis, len(rest)))
    return xp.permute_dims(whole, order)


@expansion(np.apply_over_axes)
def apply_over_axes(xp: Namespace, func: Callable[..., Any], a: ArrayLike, axes: int | Sequence[int]) -> Array:
    """Return what a function of an array and an axis gives, applied along one axis after the other, each kept."""
    x = as_array(xp, a)
    rank = x.ndim
    for axis in np.atleast_1d(axes).tolist():
        place = axis + rank if axis < 0 else axis
        result = func(x, place)
        if np.ndim(result) != x.ndim:
            result = xp.expand_dims(result, axis=place)
        if result.ndim != x.ndim:
            msg = "function is not returning an array of the correct shape"
            raise ValueError(msg)
        x = result
    return x


@expansion(np.piecewise)
def piecewise(xp: Namespace, /, x: ArrayLike, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Array:
    """Return, for each element, what the function of its condition gives: the last condition that is true there.

    Each function sees only the elements of its condition. A number, or a tensor, may stand in place of a function.
    """
    whole = as_array(xp, x)
    given = [plain(part) for part in condlist] if isinstance(condlist, (list, tuple)) else plain(condlist)
    if np.isscalar(given) or (whole.ndim and not isinstance(given[0], (list, np.ndarray))):
        given = [given]
    conditions = np.asarray(given, dtype=bool)
    if len(conditions) == len(funclist) - 1:
        conditions = np.concatenate([conditions, ~np.any(conditions, axis=0, keepdims=True)])
    elif len(conditions) != len(funclist):
        n = len(conditions)
        msg = f"with {n} condition(s), either {n} or {n + 1} functions are expected"
        raise ValueError(msg)
    # The values of all pieces one after the other, behind one zero; and which of them each element is.
    pieces = [as_array(xp, np.zeros(1, whole.dtype))]
    source, found = np.zeros(whole.shape, dtype=np.intp), 1
    for condition, function in zip(conditions, funclist, strict=True):
        shape = source[condition].shape
        count = math.prod(shape)
        if not count:
            continue
        values = as_array(xp, build(xp, function(whole[condition], *args, **kw) if callable(function) else function))
        source[condition] = np.arange(found, found + count).reshape(shape)
        pieces.append(xp.reshape(xp.broadcast_to(xp.astype(values, whole.dtype), shape), -1))
        found += count
    return xp.concat(pieces)[source]
