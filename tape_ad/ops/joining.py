"""Building arrays out of others: joining, cutting, inserting, deleting, padding, and raising to a common shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tape_ad._batched import Batched
from tape_ad._core import DOORS, own
from tape_ad._errors import BatchedValueError
from tape_ad._rules import Expansion, expansion
from tape_ad._typing import Array, ArrayLike, DType, Namespace, Shape


# --- tools ----------------------------------------------------------------------------------------------------------
def as_array(xp: Namespace, x: Any) -> Array:
    """Return a tensor or batched array as it is, and anything else as a constant of the namespace."""
    return x if traced(x) else xp.stop_gradient(np.asarray(x))


def plain(x: Any) -> Any:
    """Return the data of a tensor, and anything else as it is."""
    return x.data if hasattr(x, "creation_op") else x


def traced(x: Any) -> bool:
    """Say whether a value is a tensor or batched array: NumPy hands calls on it to us."""
    return hasattr(x, "__array_function__") and not isinstance(x, np.ndarray)


def holds_traced(nested: Any) -> bool:
    """Say whether lists and tuples, however deep, hold a tensor or batched array."""
    if isinstance(nested, (list, tuple)):
        return any(holds_traced(part) for part in nested)
    return traced(nested)


def build(xp: Namespace, nested: Any) -> Array:
    """Return the array that nested lists of numbers, arrays and tensors spell, as `numpy.array` reads them.

    Raises:
        ValueError: where parts side by side have different shapes.
    """
    if not holds_traced(nested):
        return as_array(xp, nested)
    shape: tuple[int, ...] = ()
    parts = [nested]
    while all(isinstance(part, (list, tuple)) for part in parts):
        lengths = {len(part) for part in parts}
        if len(lengths) > 1:
            msg = f"nested lists of lengths {' and '.join(map(str, sorted(lengths)))} stand side by side: no array has that shape"
            raise ValueError(msg)
        shape += (lengths.pop(),)
        parts = [inner for part in parts for inner in part]
    parts = [build(xp, part) if isinstance(part, (list, tuple)) else part for part in parts]
    return xp.reshape(xp.stack(parts), shape + np.shape(parts[0])) if shape else parts[0]


def positions_in(shape: Shape) -> Any:
    """Return, for each element of an array of that shape, its place in the flattened array."""
    return np.arange(math.prod(shape)).reshape(shape)


def at_positions(xp: Namespace, x: Any, positions: Any) -> Array:
    """Return the elements of the flattened array at the positions, which are plain integers."""
    return xp.reshape(x, -1)[positions]


# --- joining --------------------------------------------------------------------------------------------------------
def _join(xp: Namespace, parts: list[Any], axis: int, dtype: DType = None, casting: Any = "same_kind") -> Array:
    if casting != "same_kind":
        empties = [np.empty(0, part.dtype) for part in parts]
        to = np.concatenate(empties, dtype=dtype, casting=casting).dtype
        parts = [part if part.dtype == to else xp.astype(part, to) for part in parts]
    return xp.concat(parts, axis=axis) if dtype is None else xp.concat(parts, axis=axis, dtype=dtype)


@expansion(np.hstack)
def hstack(xp: Namespace, tup: Any, *, dtype: DType = None, casting: str = "same_kind") -> Array:
    """Return the arrays side by side: joined along the second axis, 1-D ones along their only one."""
    parts = [xp.atleast_1d(as_array(xp, part)) for part in tup]
    return _join(xp, parts, 0 if parts and parts[0].ndim == 1 else 1, dtype, casting)


@expansion(np.vstack)
def vstack(xp: Namespace, tup: Any, *, dtype: DType = None, casting: str = "same_kind") -> Array:
    """Return the arrays one above the other: joined along the first axis, 1-D ones as rows."""
    return _join(xp, [xp.atleast_2d(as_array(xp, part)) for part in tup], 0, dtype, casting)


@expansion(np.dstack)
def dstack(xp: Namespace, tup: Any) -> Array:
    """Return the arrays one behind the other: joined along the third axis."""
    return _join(xp, [xp.atleast_3d(as_array(xp, part)) for part in tup], 2)


@expansion(np.column_stack)
def column_stack(xp: Namespace, tup: Any) -> Array:
    """Return the arrays side by side, 1-D ones as columns."""
    parts = [as_array(xp, part) for part in tup]
    return _join(xp, [xp.reshape(part, (-1, 1)) if part.ndim < 2 else part for part in parts], 1)


@expansion(np.append)
def append(xp: Namespace, arr: ArrayLike, values: ArrayLike, axis: int | None = None) -> Array:
    """Return the array with values after its last along an axis; both flattened if ``axis`` is None."""
    parts = [as_array(xp, arr), as_array(xp, values)]
    return _join(xp, parts, axis) if axis is not None else _join(xp, [xp.reshape(part, -1) for part in parts], 0)


def _depth(nested: Any) -> int:
    """Return how deep lists of blocks are nested, the same everywhere."""
    if isinstance(nested, tuple):
        msg = "np.block: lists arrange blocks, and a tuple is neither a list nor an array. Write [[a, b], [c, d]]."
        raise TypeError(msg)
    if not isinstance(nested, list):
        return 0
    depths = {_depth(part) for part in nested}
    if len(depths) != 1:
        what = f"depths {' and '.join(map(str, sorted(depths)))} stand side by side" if depths else "a list is empty"
        msg = f"np.block: blocks are arranged by lists of one depth, but {what}"
        raise ValueError(msg)
    return 1 + depths.pop()


def _blocks(nested: Any) -> list[Any]:
    return [leaf for part in nested for leaf in _blocks(part)] if isinstance(nested, list) else [nested]


def _assembled(xp: Namespace, nested: Any, depth: int, rank: int, dtype: Any) -> Array:
    if isinstance(nested, list):
        return _join(xp, [_assembled(xp, part, depth - 1, rank, dtype) for part in nested], -depth)
    block = xp.reshape(nested, (1,) * (rank - np.ndim(nested)) + np.shape(nested))
    return block if block.dtype == dtype else xp.astype(block, dtype)


@expansion(np.block)
def block(xp: Namespace, arrays: Any) -> Array:
    """Return the array that nested lists of blocks lay out: the innermost lists go along the last axis."""
    depth, leaves = _depth(arrays), [as_array(xp, leaf) for leaf in _blocks(arrays)]
    dtype = np.result_type(*[leaf.dtype for leaf in leaves])
    return _assembled(xp, arrays, depth, max(depth, *[leaf.ndim for leaf in leaves], 0), dtype)


# --- cutting --------------------------------------------------------------------------------------------------------
def _cut_along(xp: Namespace, ary: Any, indices_or_sections: Any, axis: int, least: int, name: str) -> list[Any]:
    if np.ndim(ary) < least:
        msg = f"{name} only works on arrays of {least} or more dimensions"
        raise ValueError(msg)
    parts: list[Any] = xp.split(ary, indices_or_sections, axis)
    return parts


@expansion(np.hsplit)
def hsplit(xp: Namespace, ary: ArrayLike, indices_or_sections: int | list[int]) -> list[Any]:
    """Return the array cut along its second axis, a 1-D one along its only one."""
    return _cut_along(xp, ary, indices_or_sections, 1 if np.ndim(ary) > 1 else 0, 1, "hsplit")


@expansion(np.vsplit)
def vsplit(xp: Namespace, ary: ArrayLike, indices_or_sections: int | list[int]) -> list[Any]:
    """Return the array cut along its first axis."""
    return _cut_along(xp, ary, indices_or_sections, 0, 2, "vsplit")


@expansion(np.dsplit)
def dsplit(xp: Namespace, ary: ArrayLike, indices_or_sections: int | list[int]) -> list[Any]:
    """Return the array cut along its third axis."""
    return _cut_along(xp, ary, indices_or_sections, 2, 3, "dsplit")


@expansion(np.unstack)
def unstack(xp: Namespace, x: ArrayLike, /, *, axis: int = 0) -> tuple[Any, ...]:
    """Return the slices of the array along an axis, as a tuple of arrays that lack it."""
    whole = as_array(xp, x)
    if not whole.ndim:
        msg = "Input array must be at least 1-d."
        raise ValueError(msg)
    head = (slice(None),) * normalize_axis_index(axis, whole.ndim)
    return tuple([whole[(*head, i)] for i in range(whole.shape[len(head)])])


# --- inserting and deleting -----------------------------------------------------------------------------------------
def _plain_obj(obj: Any) -> Any:
    """Return what insert and delete are told to act on, which is an index and no tensor."""
    return obj if isinstance(obj, (int, slice)) else own(obj, what="an index") if traced(obj) else obj


@expansion(np.insert)
def insert(xp: Namespace, arr: ArrayLike, obj: Any, values: ArrayLike, axis: int | None = None) -> Array:
    """Return the array with values before the given places along an axis; of the flattened array if None."""
    x, added = as_array(xp, arr), as_array(xp, values)
    new = x.size + positions_in(added.shape)
    places = np.insert(positions_in(x.shape), _plain_obj(obj), new, axis)
    return xp.concat([xp.reshape(x, -1), xp.reshape(xp.astype(added, x.dtype), -1)])[places]


@expansion(np.delete)
def delete(xp: Namespace, arr: ArrayLike, obj: Any, axis: int | None = None) -> Array:
    """Return the array without the given places along an axis; of the flattened array if None."""
    x = as_array(xp, arr)
    if axis is None:
        x, axis = xp.reshape(x, -1), 0
    head = (slice(None),) * normalize_axis_index(axis, x.ndim)
    kept = np.delete(np.arange(x.shape[len(head)]), _plain_obj(obj))
    return x[(*head, kept)]


@expansion(np.trim_zeros)
def trim_zeros(xp: Namespace, filt: ArrayLike, trim: str = "fb", axis: int | tuple[int, ...] | None = None) -> Array:
    """Return the array without the zeros at its front, its back or both; which are there is a constant.

    Raises:
        BatchedValueError: inside `vmap`, where the examples would differ in shape.
    """
    x = as_array(xp, filt)
    data = plain(x)
    if type(data) is Batched:
        msg = "np.trim_zeros has a result of another shape for each example, and vmap needs one shape for all."
        raise BatchedValueError(msg)
    sides = trim.lower()
    if sides not in {"fb", "bf", "f", "b"}:
        msg = f"unexpected character(s) in `trim`: {sides!r}"
        raise ValueError(msg)
    axes = range(x.ndim) if axis is None else normalize_axis_tuple(axis, x.ndim, "axis")
    found = np.argwhere(data)
    first, last = (found.min(0), found.max(0) + 1) if found.size else ((0,) * x.ndim, (0,) * x.ndim)
    # Where all are zero, nothing is left whichever side is asked for.
    front, back = "f" in sides or not found.size, "b" in sides or not found.size
    kept = [
        slice(int(start) if front else None, int(stop) if back else None)
        for start, stop in zip(first, last, strict=True)
    ]
    return x[tuple([part if i in axes else slice(None) for i, part in enumerate(kept)])]


@expansion(np.resize)
def resize(xp: Namespace, a: ArrayLike, new_shape: int | Shape) -> Array:
    """Return the elements in another shape, begun again from the first where they run out."""
    x = as_array(xp, a)
    places = np.resize(positions_in(x.shape), new_shape)
    return at_positions(xp, x, places) if x.size else as_array(xp, np.zeros(places.shape, x.dtype))


# --- a common shape -------------------------------------------------------------------------------------------------
def _raised(xp: Namespace, arys: Any, rank: int) -> Any:
    results = []
    for ary in arys:
        x = as_array(xp, ary)
        shape = x.shape
        if rank == 3 and len(shape) in (1, 2):
            shape = (1, *shape, 1)[len(shape) - 1 :]
        results.append(x if x.ndim >= rank else xp.reshape(x, (1,) * (rank - len(shape)) + shape))
    return results[0] if len(results) == 1 else tuple(results)


@expansion(np.atleast_1d)
def atleast_1d(xp: Namespace, *arys: ArrayLike) -> Any:
    """Return each array with at least one axis; several as a tuple."""
    return _raised(xp, arys, 1)


@expansion(np.atleast_2d)
def atleast_2d(xp: Namespace, *arys: ArrayLike) -> Any:
    """Return each array with at least two axes, a 1-D one as a row; several as a tuple."""
    return _raised(xp, arys, 2)


@expansion(np.atleast_3d)
def atleast_3d(xp: Namespace, *arys: ArrayLike) -> Any:
    """Return each array with at least three axes, a matrix of shape (m, n) as (m, n, 1); several as a tuple."""
    return _raised(xp, arys, 3)


def _broadcast_arrays(xp: Namespace, *args: ArrayLike, subok: bool = False) -> tuple[Any, ...]:
    arrays = [as_array(xp, x) for x in args]
    shape = np.broadcast_shapes(*[x.shape for x in arrays])
    return tuple([x if x.shape == shape else xp.broadcast_to(x, shape) for x in arrays])


def _meshgrid(
    xp: Namespace, *xi: ArrayLike, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Any, ...]:
    if indexing not in {"xy", "ij"}:
        msg = "Valid values for `indexing` are 'xy' and 'ij'."
        raise ValueError(msg)
    n = len(xi)
    axes = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    lines = [xp.reshape(as_array(xp, x), (*(1,) * i, -1, *(1,) * (n - 1 - i))) for x, i in zip(xi, axes, strict=True)]
    return tuple(lines) if sparse else _broadcast_arrays(xp, *lines)


@expansion()
def broadcast_arrays(xp: Namespace, *arrays: ArrayLike) -> list[Any]:
    """Return the arrays, each repeated to the shape that they have in common."""
    return list(_broadcast_arrays(xp, *arrays))


@expansion()
def meshgrid(xp: Namespace, *arrays: ArrayLike, indexing: str = "xy") -> list[Any]:
    """Return the coordinates of all points of a grid, given those along each axis."""
    return list(_meshgrid(xp, *arrays, indexing=indexing))


# NumPy returns tuples and has more keywords; the standard's functions of these names return lists.
DOORS[np.broadcast_arrays] = Expansion("broadcast_arrays", _broadcast_arrays), None
DOORS[np.meshgrid] = Expansion("meshgrid", _meshgrid), None


@expansion(np.ix_)
def ix_(xp: Namespace, *args: ArrayLike) -> tuple[Any, ...]:
    """Return 1-D arrays in shapes that broadcast to a grid; a mask as the places where it is true."""
    results = []
    for i, sequence in enumerate(args):
        x = as_array(xp, sequence)
        if x.ndim != 1:
            msg = "Cross index must be 1 dimensional"
            raise ValueError(msg)
        if not traced(sequence) and not x.size:
            x = xp.astype(x, np.intp)  # an empty list has no integers by which NumPy could tell
        if x.dtype == np.bool_:
            x = as_array(xp, np.flatnonzero(plain(x)))
        results.append(xp.reshape(x, (*(1,) * i, -1 if x.size else 0, *(1,) * (len(args) - 1 - i))))
    return tuple(results)
