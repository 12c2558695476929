"""Into and out of batches, reading at positions that differ from example to example, and results in packs."""

from __future__ import annotations

import bisect
import math
from typing import Any

import numpy as np

from tape_ad._batched import Batched, lead, names_of
from tape_ad._cases import Case
from tape_ad._core import HOOKS, Update
from tape_ad._errors import InvalidIndexError
from tape_ad._rules import INTEGER, REAL, linear, primitive
from tape_ad._stacked import batch_lengths, itself, leading, many_small, repeated, trailing
from tape_ad._typing import Array, ArrayLike, Namespace, Shape


# --- batch axes -----------------------------------------------------------------------------------------------------
def _plain(x: Any) -> Any:
    """Return the data of a tensor, and anything else as it is."""
    return x.data if hasattr(x, "creation_op") else x


def _batch_vjp(xp: Namespace, ct: Array, out: Array, x: Array, axis: int, name: int) -> Array:
    return xp.unbatch(ct, axis=axis, name=name, length=np.shape(x)[axis])


@linear(transposes=(_batch_vjp,), batched=itself, operands=1, shows=("axis",))
def batch(xp: Namespace, x: ArrayLike, /, *, axis: int, name: int) -> Array:
    """Return the array with one of its axes made the batch axis of that name."""
    array, names = (x.array, x.names) if type(x) is Batched else (np.asarray(x), ())
    place = bisect.bisect(names, name)
    array, k = np.moveaxis(array, len(names) + axis, place), len(names) + 1
    if many_small(array.shape, k):
        array = leading(np.ascontiguousarray(trailing(array, k)), k)
    return Batched(array, (*names[:place], name, *names[place:]))


def _unbatch_vjp(xp: Namespace, ct: Array, out: Array, x: Array, axis: int, name: int, length: int) -> Array:
    if name in names_of([_plain(x)]):
        return xp.batch(ct, axis=axis, name=name)
    return xp.sum(ct, axis=axis)


@linear(
    transposes=(_unbatch_vjp,), batched=itself, operands=1, shows=("axis",),
    cases=(Case(((3,),), {"axis": 0, "name": 0, "length": 2}), Case(((2, 3),), {"axis": 1, "name": 0, "length": 2})),
)  # fmt: skip
def unbatch(xp: Namespace, x: ArrayLike, /, *, axis: int, name: int, length: int) -> Array:
    """Return the array with the batch axis of that name made an ordinary one; repeated along it where it has none."""
    array, names = (x.array, x.names) if type(x) is Batched else (np.asarray(x), ())
    if name in names:
        place = names.index(name)
        names = names[:place] + names[place + 1 :]
        array = np.moveaxis(array, place, len(names) + axis)
    else:
        wide = np.expand_dims(array, len(names) + axis)
        shape = list(wide.shape)
        shape[len(names) + axis] = length
        array = np.broadcast_to(wide, shape)
    return Batched(array, names) if names else array


# --- positions ------------------------------------------------------------------------------------------------------
def in_one_array(positions: Any, lengths: Shape, size: int) -> Any:
    """Return positions within each example as positions within all of them, one after the other."""
    offsets = np.arange(math.prod(lengths)) * size
    return positions % size + offsets.reshape(*lengths, *(1,) * (positions.ndim - len(lengths)))


def _gather_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    x, positions = operands
    if not leads[0]:
        return compute(x, positions)
    x, positions = repeated(operands, leads)
    lengths = batch_lengths(operands, leads)
    return compute(x, in_one_array(positions, lengths, math.prod(x.shape[len(lengths) :])))


@linear(
    transposes=(lambda xp, ct, out, x, positions: xp.place_add(ct, positions, shape=np.shape(x)), None),
    batched=_gather_each, domain=(REAL, INTEGER), cases=(Case(((5,), (4,))), Case(((2, 3), (2, 2))), Case(((5,), ()))),
)  # fmt: skip
def gather(xp: Namespace, x: ArrayLike, positions: ArrayLike, /) -> Array:
    """Return the elements of the flattened array at the positions, which are counted round and round."""
    return np.take(np.reshape(x, -1), np.asarray(positions), mode="wrap")


def _place_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    values, positions = repeated(operands, leads)
    lengths, shape = batch_lengths(operands, leads), tuple(params["shape"])
    return compute(values, in_one_array(positions, lengths, math.prod(shape)), shape=lengths + shape)


def _place_vjp(xp: Namespace, ct: Array, out: Array, values: Array, positions: Array, shape: Shape) -> Array:
    return xp.gather(ct, positions)


@linear(
    transposes=(_place_vjp, None), batched=_place_each, operands=2, domain=(REAL, INTEGER),
    cases=(Case(((4,), (4,)), {"shape": (2, 3)}), Case(((), ()), {"shape": (3,)})),
)  # fmt: skip
def place_add(xp: Namespace, values: ArrayLike, positions: ArrayLike, /, *, shape: Shape) -> Array:
    """Return zeros with each value added at its position in the flattened array: the transpose of `gather`."""
    flat = np.zeros(math.prod(shape), np.asarray(values).dtype)
    np.add.at(flat, np.asarray(positions) % flat.size, values)
    return flat.reshape(shape)


def positions_of(shape: Shape, index: Any) -> Batched:
    """Return which elements an index reads that differs from example to example."""
    parts = [_constant(part) for part in (index if isinstance(index, tuple) else (index,))]
    names = names_of(parts)
    k = len(names)
    if any(type(part) is Batched and part.dtype.kind not in "iu" for part in parts):
        msg = "Inside vmap an index that differs from example to example must be of integers. Choose with np.where(mask, x, 0)."
        raise InvalidIndexError(msg)
    rank = max(np.ndim(part) for part in parts if isinstance(part, (Batched, np.ndarray)))
    plain = [_padded(lead(part, names), k, rank) if type(part) is Batched else part for part in parts]
    read = np.arange(math.prod(shape)).reshape(shape)[tuple(plain)]
    # NumPy puts the axes of arrays where the first of them stands, and first of all where they are apart.
    chosen = [i for i, part in enumerate(parts) if not isinstance(part, (slice, type(None), type(Ellipsis)))]
    together = chosen[-1] - chosen[0] == len(chosen) - 1
    rest = len(shape) - sum(_taken(part) for part in parts)
    before = sum(rest if part is Ellipsis else 1 for part in parts[: chosen[0]]) if together else 0
    return Batched(np.moveaxis(read, range(before, before + k), range(k)), names)


def _constant(part: Any) -> Any:
    part = _plain(part)
    return np.asarray(part) if isinstance(part, (list, tuple)) else part


def _taken(part: Any) -> int:
    """Return how many axes of the array a part of an index reads."""
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if isinstance(part, np.ndarray) and part.dtype == np.bool_ else 1


def _padded(array: Any, k: int, rank: int) -> Any:
    return array.reshape(*array.shape[:k], *(1,) * (rank - array.ndim + k), *array.shape[k:])


# --- packs ----------------------------------------------------------------------------------------------------------
def _unpack_vjp(xp: Namespace, ct: Array, out: Array, x: Any, i: int) -> Update:
    return Update(i, ct)


def _unpack_jvp(xp: Namespace, tangents: Any, out: Array, x: Any, i: int) -> Any:
    return tangents[0][i]


@primitive(vjps=(_unpack_vjp,), jvp=_unpack_jvp, operands=1, batched=itself)
def unpack(xp: Namespace, x: Any, /, *, i: int) -> Array:
    """Return one of several results of an op."""
    return x[i]


HOOKS["positions_of"] = positions_of
