"""Shapes: everything that moves, joins, splits or repeats elements without computing with them."""

from __future__ import annotations

import builtins
import math
import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tape_ad._batched import Batched
from tape_ad._cases import Case
from tape_ad._core import TENSORS, constant, own
from tape_ad._data import check_dtype
from tape_ad._rules import UNIT, expansion, linear, unchanged
from tape_ad._stacked import joined, over_axes, pointwise
from tape_ad._typing import Array, ArrayLike, Axis, DType, Namespace, Shape


# --- reshape and friends --------------------------------------------------------------------------------------------
def _reshape_arguments(
    a: Any, shape: Any = None, order: Any = "C", *, newshape: Any = None, copy: Any = None
) -> tuple[Any, ...]:
    params = {"shape": newshape if shape is None else shape}
    return (a,), params if order == "C" else {**params, "order": order}


def _ravel_arguments(a: Any, order: Any = "C") -> tuple[Any, ...]:
    if order == "K":
        a, order = TENSORS.permute_dims(a, _memory_order(_one_example(constant(a).data).strides)), "C"
    return _reshape_arguments(a, -1, order)


def _one_example(data: Any) -> Any:
    """Return an array whose layout in memory is that of the data, or of the first of many examples."""
    return data.array[(0,) * len(data.names)] if type(data) is Batched else np.asarray(data)


def _memory_order(strides: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes from the widest steps in memory to the closest, as NumPy's order K does.

    An axis that takes no steps (a broadcast one) keeps its place, so this is NumPy's insertion sort and no other.
    """
    order: list[int] = []
    for axis in reversed(range(len(strides))):
        place = len(order)
        for i in reversed(range(len(order))):
            if strides[order[i]] and strides[axis]:
                if abs(strides[axis]) >= abs(strides[order[i]]):
                    break
                place = i
        order.insert(place, axis)
    return tuple(reversed(order))


def _full_shape(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the shape as a tuple with the -1 filled in, and the order as C or F."""
    x = operands[0]
    shape = params["shape"]
    if type(shape) is int:
        shape = (shape,)
    else:
        shape = tuple([operator.index(n) for n in shape]) if np.iterable(shape) else (operator.index(shape),)
    order = params.get("order", "C")
    if order == "A":
        order = "F" if _one_example(x).flags.fnc else "C"
    if shape.count(-1) == 1 and (known := -math.prod(shape)):
        shape = tuple([np.size(x) // known if n == -1 else n for n in shape])
    return {"shape": shape} if order == "C" else {"shape": shape, "order": order}


def _reshape_transpose(xp: Namespace, ct: Array, out: Array, x: Array, shape: Shape, order: str = "C") -> Array:
    return xp.reshape(ct, np.shape(x), order=order)


def _reshape_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    """Reshape each example; in Fortran's order with the batch axes at the end, where they vary last."""
    (x,), (k,) = operands, leads
    lengths, shape, order = x.shape[:k], params["shape"], params.get("order", "C")
    if order == "C":
        return compute(x, shape=lengths + shape)
    last = np.moveaxis(x, range(k), range(-k, 0))
    return np.moveaxis(compute(last, shape=shape + lengths, order=order), range(-k, 0), range(k))


@linear(
    transposes=(_reshape_transpose,), batched=_reshape_each, canonical=_full_shape, operands=1,
    adapt={np.reshape: _reshape_arguments, np.ravel: _ravel_arguments},
    cases=(
        Case(((2, 3),), {"shape": (3, 2)}), Case(((2, 3),), {"shape": -1}), Case(((2, 3),), {"shape": (3, -1), "order": "F"}),
        Case(((),), {"shape": (1, 1)}), Case(((1,),), {"shape": ()}), Case(((0, 3),), {"shape": (3, 0)}),
    ),
)  # fmt: skip
def reshape(xp: Namespace, x: ArrayLike, /, shape: int | Shape, *, order: str = "C") -> Array:
    """Return the elements in another shape; one length may be -1 and is worked out."""
    return xp.reshape(x, shape, order=order)


def _permutation(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    x = operands[0]
    ndim = x.ndim if type(x) is np.ndarray else np.ndim(x)
    axes = params.get("axes")
    if axes is None:
        return {"axes": tuple(range(ndim))[::-1]}
    return {"axes": normalize_axis_tuple(axes, ndim)}


def _permute_transpose(xp: Namespace, ct: Array, out: Array, x: Array, axes: tuple[int, ...]) -> Array:
    return xp.transpose(ct, tuple([axes.index(i) for i in range(len(axes))]))


def _swapaxes_arguments(a: Any, axis1: int, axis2: int) -> tuple[Any, ...]:
    ndim = a.ndim if hasattr(a, "ndim") else np.ndim(a)
    first, second = normalize_axis_index(axis1, ndim), normalize_axis_index(axis2, ndim)
    order = list(range(ndim))
    order[first], order[second] = order[second], order[first]
    return (a,), {"axes": tuple(order)}


def _moveaxis_arguments(a: Any, source: Any, destination: Any) -> tuple[Any, ...]:
    ndim = a.ndim if hasattr(a, "ndim") else np.ndim(a)
    sources = normalize_axis_tuple(source, ndim, "source")
    destinations = normalize_axis_tuple(destination, ndim, "destination")
    order = [i for i in range(ndim) if i not in sources]
    for place, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(place, axis)
    return (a,), {"axes": tuple(order)}


def _permute_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (x,), (k,) = operands, leads
    return compute(x, axes=(*range(k), *[i + k for i in params["axes"]]))


@linear(
    transposes=(_permute_transpose,), batched=_permute_each, canonical=_permutation, operands=1,
    adapt={
        np.transpose: lambda a, axes=None: ((a,), {"axes": axes}),
        np.swapaxes: _swapaxes_arguments,
        np.moveaxis: _moveaxis_arguments,
        np.matrix_transpose: lambda x: _swapaxes_arguments(x, -1, -2),
    },
    cases=(
        Case(((2, 3),), {"axes": (1, 0)}), Case(((2, 3, 4),), {"axes": (2, 0, 1)}), Case(((2, 3, 1),), {"axes": (-1, 0, 1)}),
        Case(((3,),), {"axes": (0,)}), Case(((),), {"axes": ()}), Case(((0, 2),), {"axes": (1, 0)}),
    ),
)  # fmt: skip
def permute_dims(xp: Namespace, x: ArrayLike, /, axes: tuple[int, ...] | None = None) -> Array:
    """Return the array with its axes in the given order; reversed if left out."""
    return xp.transpose(x, axes)


@expansion()
def transpose(xp: Namespace, x: ArrayLike, axes: tuple[int, ...] | None = None) -> Array:
    """Return the array with its axes in the given order; reversed if left out."""
    return xp.permute_dims(x, axes)


@expansion()
def swapaxes(xp: Namespace, x: ArrayLike, axis1: int, axis2: int) -> Array:
    """Return the array with two axes exchanged."""
    operands, params = _swapaxes_arguments(x, axis1, axis2)
    return xp.permute_dims(*operands, **params)


@expansion()
def moveaxis(
    xp: Namespace, x: ArrayLike, source: int | tuple[int, ...], destination: int | tuple[int, ...], /
) -> Array:
    """Return the array with some axes moved to other positions."""
    operands, params = _moveaxis_arguments(x, source, destination)
    return xp.permute_dims(*operands, **params)


@expansion()
def ravel(xp: Namespace, x: ArrayLike, order: str = "C") -> Array:
    """Return the elements in one axis."""
    return xp.reshape(x, -1, order=order)


def _new_axes(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    axis = params.get("axis", 0)
    count = len(tuple(axis)) if np.iterable(axis) else 1
    return {"axis": tuple(sorted(normalize_axis_tuple(axis, np.ndim(operands[0]) + count)))}


def _back_to_shape(xp: Namespace, ct: Array, out: Array, x: Array, axis: Any) -> Array:
    return ct.reshape(np.shape(x))


@linear(
    transposes=(_back_to_shape,), batched=over_axes, canonical=_new_axes, operands=1, adapt={np.expand_dims: lambda a, axis: ((a,), {"axis": axis})},
    cases=(Case(((3,),), {"axis": 0}), Case(((2, 3),), {"axis": -1}), Case(((2,),), {"axis": (0, 2)}), Case(((),), {"axis": 0})),
)  # fmt: skip
def expand_dims(xp: Namespace, x: ArrayLike, /, *, axis: int | tuple[int, ...] = 0) -> Array:
    """Return the array with new axes of length one at the given positions of the result."""
    return xp.expand_dims(x, axis=axis)


def _axes_of_one(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    x, axis = operands[0], params.get("axis")
    if axis is None:
        return {"axis": tuple(i for i, n in enumerate(np.shape(x)) if n == 1)}
    if not np.ndim(x) and not isinstance(axis, tuple):
        normalize_axis_index(axis, 1)  # NumPy lets a 0-d array have an axis 0 here
        return {"axis": ()}
    return {"axis": tuple(sorted(normalize_axis_tuple(axis, np.ndim(x))))}


@linear(
    transposes=(_back_to_shape,), batched=over_axes, canonical=_axes_of_one, operands=1, adapt={np.squeeze: lambda a, axis=None: ((a,), {"axis": axis})},
    cases=(Case(((1, 3, 1),)), Case(((1, 3),), {"axis": 0}), Case(((2, 1, 1),), {"axis": (1, -1)}), Case(((1,),))),
)  # fmt: skip
def squeeze(xp: Namespace, x: ArrayLike, /, axis: Axis = None) -> Array:
    """Return the array without axes of length one: those named, or all."""
    return xp.squeeze(x, axis=axis)


def _target_shape(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    shape = params["shape"]
    return {"shape": tuple(operator.index(n) for n in shape) if np.iterable(shape) else (operator.index(shape),)}


def _broadcast_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (x,), (k,) = operands, leads
    lengths, shape = x.shape[:k], params["shape"]
    padded = x.reshape(*lengths, *(1,) * (len(shape) - x.ndim + k), *x.shape[k:]) if x.ndim - k < len(shape) else x
    return compute(padded, shape=lengths + shape)


@linear(
    transposes=(unchanged,), batched=_broadcast_each, canonical=_target_shape, operands=1,
    adapt={np.broadcast_to: lambda array, shape, subok=False: ((array,), {"shape": shape})},
    cases=(
        Case(((3,),), {"shape": (2, 3)}), Case(((2, 1),), {"shape": (2, 3)}), Case(((),), {"shape": (2, 2)}),
        Case(((1,),), {"shape": (0,)}), Case(((2, 3),), {"shape": (2, 3)}),
    ),
)  # fmt: skip
def broadcast_to(xp: Namespace, x: ArrayLike, /, shape: Shape) -> Array:
    """Return the array repeated to a larger shape by the rules of broadcasting."""
    return xp.broadcast_to(x, shape)


# --- joining and splitting ------------------------------------------------------------------------------------------
def _join_axis(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    return {**params, "axis": int(normalize_axis_index(params.get("axis", 0), np.ndim(operands[0])))}


def _concat_transpose(
    xp: Namespace, ct: Array, i: int, out: Array, arrays: Any, axis: int, dtype: DType = None
) -> Array:
    lengths = [np.shape(a)[axis] for a in arrays]
    start = builtins.sum(lengths[:i])
    return ct[(slice(None),) * axis + (slice(start, start + lengths[i]),)]


def _cast_parts(arrays: Any, dtype: Any, casting: Any) -> list[Any]:
    """Cast the parts as NumPy would before joining them; it refuses what ``casting`` forbids."""
    empties = [np.empty(0, constant(a).dtype) for a in arrays]
    to = np.concatenate(empties, dtype=dtype, casting=casting).dtype
    return [a if empty.dtype == to else TENSORS.astype(a, to) for a, empty in zip(arrays, empties, strict=True)]


def _concatenate_arguments(
    arrays: Any, axis: Any = 0, out: None = None, *, dtype: Any = None, casting: str = "same_kind"
) -> tuple[Any, ...]:
    arrays = arrays if casting == "same_kind" else _cast_parts(arrays, dtype, casting)
    params = {} if dtype is None else {"dtype": dtype}
    if axis is None:
        arrays = [a.reshape(-1) if hasattr(a, "reshape") else np.ravel(a) for a in arrays]
        axis = 0
    return arrays, {"axis": axis, **params}


@linear(
    transposes=(_concat_transpose,), batched=joined, canonical=_join_axis, variadic=True,
    adapt={np.concatenate: _concatenate_arguments},
    cases=(
        Case(((3,), (2,))), Case(((2, 3), (2, 1)), {"axis": 1}), Case(((2, 3), (1, 3), (2, 3))), Case(((2, 3),), {"axis": -1}),
        Case(((0, 2), (1, 2))),
    ),
)  # fmt: skip
def concat(xp: Namespace, arrays: tuple[ArrayLike, ...] | list[Any], /, *, axis: int = 0, dtype: DType = None) -> Array:
    """Return the arrays joined along an existing axis."""
    return xp.concatenate(arrays, axis=axis, dtype=dtype)


def _stack_axis(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    return {**params, "axis": int(normalize_axis_index(params.get("axis", 0), np.ndim(operands[0]) + 1))}


def _stack_transpose(
    xp: Namespace, ct: Array, i: int, out: Array, arrays: Any, axis: int, dtype: DType = None
) -> Array:
    return ct[(slice(None),) * axis + (i,)]


def _stack_arguments(
    arrays: Any, axis: int = 0, out: None = None, *, dtype: Any = None, casting: str = "same_kind"
) -> tuple[Any, ...]:
    arrays = arrays if casting == "same_kind" else _cast_parts(arrays, dtype, casting)
    return arrays, {"axis": axis} if dtype is None else {"axis": axis, "dtype": dtype}


@linear(
    transposes=(_stack_transpose,), batched=joined, canonical=_stack_axis, variadic=True, adapt={np.stack: _stack_arguments},
    cases=(Case(((3,), (3,))), Case(((2, 3), (2, 3)), {"axis": 1}), Case(((), (), ())), Case(((2, 3), (2, 3)), {"axis": -1})),
)  # fmt: skip
def stack(xp: Namespace, arrays: tuple[ArrayLike, ...] | list[Any], /, *, axis: int = 0, dtype: DType = None) -> Array:
    """Return the arrays joined along a new axis."""
    return xp.stack(arrays, axis=axis, dtype=dtype)


def _cut(x: Array, points: list[int], axis: int) -> list[Array]:
    head = (slice(None),) * normalize_axis_index(axis, np.ndim(x))
    return [x[(*head, slice(start, stop))] for start, stop in zip([0, *points], [*points, None], strict=True)]


@expansion(np.array_split)
def array_split(xp: Namespace, ary: ArrayLike, indices_or_sections: int | list[int], axis: int = 0) -> list[Any]:
    """Return the array cut into parts of about the same length along an axis, or at the given positions."""
    x = xp.positive(ary) if isinstance(ary, (list, tuple, np.ndarray)) else ary
    if np.iterable(indices_or_sections):
        return _cut(x, [int(i) for i in indices_or_sections], axis)
    sections = operator.index(indices_or_sections)
    if sections < 1:
        msg = "the number of sections must be larger than 0"
        raise ValueError(msg)
    each, extra = divmod(np.shape(x)[axis], sections)
    lengths = [each + 1] * extra + [each] * (sections - extra)
    return _cut(x, [int(n) for n in np.cumsum(lengths)[:-1]], axis)


@expansion(np.split)
def split(xp: Namespace, ary: ArrayLike, indices_or_sections: int | list[int], axis: int = 0) -> list[Any]:
    """Return the array cut into equal parts along an axis, or at the given positions."""
    if not np.iterable(indices_or_sections):
        sections = operator.index(indices_or_sections)
        if sections < 1 or np.shape(ary)[axis] % sections:
            msg = (
                f"an axis of length {np.shape(ary)[axis]} cannot be split into {sections} equal parts; array_split can"
            )
            raise ValueError(msg)
    parts: list[Any] = xp.array_split(ary, indices_or_sections, axis)
    return parts


# --- turning and repeating ------------------------------------------------------------------------------------------
def _all_or_some_axes(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    ndim = np.ndim(operands[0])
    axis = params.get("axis")
    return {"axis": tuple(range(ndim)) if axis is None else tuple(sorted(normalize_axis_tuple(axis, ndim)))}


@linear(
    transposes=(lambda xp, ct, out, x, axis: xp.flip(ct, axis=axis),), batched=over_axes, canonical=_all_or_some_axes, operands=1,
    adapt={
        np.flip: lambda m, axis=None: ((m,), {"axis": axis}),
        np.flipud: lambda m: ((m,), {"axis": 0}),
        np.fliplr: lambda m: ((m,), {"axis": 1}),
    },
    cases=(Case(((3,),)), Case(((2, 3),)), Case(((2, 3),), {"axis": 1}), Case(((2, 3, 2),), {"axis": (0, -1)}), Case(((),))),
)  # fmt: skip
def flip(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None) -> Array:
    """Return the array with the order along the axes reversed; along all of them if None."""
    return xp.flip(x, axis=axis)


def _roll_back(xp: Namespace, ct: Array, out: Array, x: Array, shift: Any, axis: Any = None) -> Array:
    back = tuple(-s for s in shift) if isinstance(shift, tuple) else -shift
    return xp.roll(ct, back, axis=axis)


def _roll_params(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write shift and axis as tuples of one length where there are several."""
    shift, axis = params["shift"], params.get("axis")
    if axis is None:
        return {"shift": tuple(map(int, shift)) if np.iterable(shift) else int(shift)}
    shifts, axes = np.broadcast_arrays(np.atleast_1d(shift), np.atleast_1d(axis))
    ndim = np.ndim(operands[0])
    return {"shift": tuple(map(int, shifts)), "axis": tuple(normalize_axis_index(int(a), ndim) for a in axes)}


def _roll_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (x,), (k,) = operands, leads
    if params.get("axis") is None:
        flat = compute(x.reshape(*x.shape[:k], -1), shift=params["shift"], axis=(k,))
        return flat.reshape(x.shape)
    return compute(x, shift=params["shift"], axis=tuple(i + k for i in params["axis"]))


@linear(
    transposes=(_roll_back,), batched=_roll_each, canonical=_roll_params, operands=1,
    adapt={np.roll: lambda a, shift, axis=None: ((a,), {"shift": shift, "axis": axis})},
    cases=(
        Case(((4,),), {"shift": 1}), Case(((2, 3),), {"shift": 2}), Case(((2, 3),), {"shift": -1, "axis": 1}),
        Case(((2, 3),), {"shift": (1, 2), "axis": (0, 1)}),
    ),
)  # fmt: skip
def roll(xp: Namespace, x: ArrayLike, /, shift: int | tuple[int, ...], *, axis: Axis = None) -> Array:
    """Return the elements moved along the axes, those that fall off re-entering at the other end."""
    return xp.roll(x, shift, axis=axis)


def _tiled(shape: Shape, repetitions: Any) -> tuple[Shape, Shape]:
    """Return the repetitions and the shape, with as many axes each."""
    repeats = tuple(repetitions) if np.iterable(repetitions) else (repetitions,)
    rank = builtins.max(len(repeats), len(shape))
    return (1,) * (rank - len(repeats)) + repeats, (1,) * (rank - len(shape)) + shape


def _tile_transpose(xp: Namespace, ct: Array, out: Array, x: Array, repetitions: Any) -> Array:
    """Add up the copies."""
    repeats, shape = _tiled(np.shape(x), repetitions)
    apart = tuple([int(n) for pair in zip(repeats, shape, strict=True) for n in pair])
    summed = xp.sum(xp.reshape(ct, apart), axis=tuple(range(0, len(apart), 2)))
    return xp.reshape(summed, np.shape(x))


def _tile_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (x,), (k,) = operands, leads
    repeats, shape = _tiled(x.shape[k:], params["repetitions"])
    return compute(x.reshape(x.shape[:k] + shape), repetitions=(1,) * k + repeats)


@linear(
    transposes=(_tile_transpose,), batched=_tile_each, operands=1, adapt={np.tile: lambda A, reps: ((A,), {"repetitions": own(reps)})},
    cases=(
        Case(((3,),), {"repetitions": 2}), Case(((2, 3),), {"repetitions": (2, 1)}), Case(((3,),), {"repetitions": (2, 2)}),
        Case(((2, 1, 2),), {"repetitions": (3,)}), Case(((),), {"repetitions": 3}), Case(((2,),), {"repetitions": 0}),
    ),
)  # fmt: skip
def tile(xp: Namespace, x: ArrayLike, /, repetitions: int | tuple[int, ...]) -> Array:
    """Return the array laid side by side, ``repetitions`` times along each axis."""
    return np.tile(x, repetitions)


def _repeat_transpose(xp: Namespace, ct: Array, out: Array, x: Array, repeats: Any, axis: int | None = None) -> Array:
    """Add up the copies of each element; where they differ in number, by their positions."""
    shape = np.shape(x)
    if np.ndim(repeats) == 0:
        along = (math.prod(shape),) if axis is None else shape
        at = (axis or 0) + 1
        return xp.reshape(xp.sum(xp.reshape(ct, (*along[:at], int(repeats), *along[at:])), axis=at), shape)
    places = np.repeat(np.arange(math.prod(shape)).reshape(shape), repeats, axis)
    return xp.place_add(ct, places, shape=shape)


def _repeat_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (x,), (k,), axis = operands, leads, params["axis"]
    if axis is None:
        x, axis = x.reshape(*x.shape[:k], -1), 0
    return compute(x, repeats=params["repeats"], axis=axis + k)


def _repeat_axis(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    repeats, ndim, axis = np.asarray(params["repeats"]), np.ndim(operands[0]), params.get("axis")
    axis = None if axis is None else int(normalize_axis_index(axis, ndim or 1))
    axis = axis if ndim else None  # a 0-d operand is repeated as if it had one axis
    return {"repeats": int(repeats.reshape(())) if repeats.size == 1 and repeats.ndim < 2 else repeats, "axis": axis}


@linear(
    transposes=(_repeat_transpose,), batched=_repeat_each, operands=1, canonical=_repeat_axis,
    adapt={np.repeat: lambda a, repeats, axis=None: ((a,), {"repeats": own(repeats), "axis": axis})},
    cases=(
        Case(((3,),), {"repeats": 2}), Case(((2, 3),), {"repeats": 2}), Case(((2, 3),), {"repeats": [1, 0, 2], "axis": 1}),
        Case(((2, 3),), {"repeats": 3, "axis": 0}), Case(((),), {"repeats": 2}), Case(((2, 2),), {"repeats": [2, 0, 1, 3]}),
    ),
)  # fmt: skip
def repeat(xp: Namespace, x: ArrayLike, /, repeats: Any, *, axis: int | None = None) -> Array:
    """Return the array with each element repeated, along an axis or of the flattened array."""
    return np.repeat(x, repeats, axis=axis)


def _numeric_dtype(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    dtype = np.dtype(params["dtype"])
    check_dtype(dtype, "astype")
    return {"dtype": dtype}


@linear(
    transposes=(unchanged,), batched=pointwise, operands=1,
    cases=(Case(((3,),), {"dtype": "float64"}, (UNIT,)), Case(((2, 2),), {"dtype": "complex128"})),
    canonical=_numeric_dtype,
    adapt={np.astype: lambda x, dtype, /, *, copy=True, device=None: ((x,), {"dtype": dtype})},
)  # fmt: skip
def astype(xp: Namespace, x: ArrayLike, /, dtype: DType) -> Array:
    """Return the array with another dtype; cast to integers or booleans it is a constant."""
    return (x if hasattr(x, "astype") else np.float64(x)).astype(dtype)  # type: ignore[arg-type]  # only Python scalars have no astype
