"""Reading by index, and its transpose: adding sparse cotangents into one buffer."""

from __future__ import annotations

from typing import Any

import numpy as np

from tape_ad._cases import Case
from tape_ad._core import IndexDiffers, Update, own
from tape_ad._data import FOREIGN
from tape_ad._errors import InvalidIndexError
from tape_ad._rules import linear
from tape_ad._stacked import batch_lengths, leading, many_small, repeated, trailing
from tape_ad._typing import Array, ArrayLike, Namespace, Shape

_BASIC = (int, slice, type(None), type(Ellipsis), np.integer)


def plain_index(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write an index in constants: tensors by their data, lists and arrays as arrays that nobody can change."""
    index = params["index"]
    if type(index) is int or type(index) is slice:
        return params
    if isinstance(index, tuple):
        return {"index": tuple([_plain_part(part) for part in index])}
    return {"index": _plain_part(index)}


def _plain_part(part: Any) -> Any:
    if isinstance(part, (bool, np.bool_)) or not isinstance(part, _BASIC):
        if isinstance(part, slice):
            return part
        owned = own(part, what="an index")
        if type(owned) in FOREIGN:
            raise IndexDiffers
        array = np.asarray(owned)
        if array.size == 0 and array.dtype == np.float64 and isinstance(part, (list, tuple)):
            array = array.astype(np.intp)
        if array.dtype.kind not in "biu":
            msg = f"An index must be made of integers or booleans, not {array.dtype}. Round it: i.astype(int)."
            raise InvalidIndexError(msg)
        return array
    return part


def may_repeat(index: Any) -> bool:
    """Say whether an index can name one element twice: only integer arrays can."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, np.ndarray) and part.dtype != np.bool_ for part in parts)


def _getitem_transpose(xp: Namespace, ct: Array, out: Array, x: Array, index: Any) -> Update:
    return Update(index, ct)


def lifted(index: Any, lead: int) -> tuple[Any, ...]:
    """Return the index that reads each example."""
    return (slice(None),) * lead + (index if isinstance(index, tuple) else (index,))


def _followed(index: Any, k: int) -> Any:
    """Return the index that reads each example where the batch axes are last."""
    parts = index if isinstance(index, tuple) else (index,)
    return (*parts, *(slice(None),) * k) if any(part is Ellipsis for part in parts) else index


def axes_put_first(index: Any) -> int:
    """Return how many axes of the result NumPy puts before all others, as it does where arrays are apart in an index."""
    parts = index if isinstance(index, tuple) else (index,)
    chosen = [i for i, part in enumerate(parts) if not isinstance(part, (slice, type(None), type(Ellipsis)))]
    arrays = [parts[i] for i in chosen if isinstance(parts[i], (np.ndarray, bool, np.bool_))]
    if not arrays or chosen[-1] - chosen[0] == len(chosen) - 1:
        return 0
    shapes = [np.shape(a) if np.asarray(a).dtype != np.bool_ else (int(np.count_nonzero(a)),) for a in arrays]
    return len(np.broadcast_shapes(*shapes))


def _read_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (x,), (k,) = operands, leads
    index = params["index"]
    first = axes_put_first(index)
    read = compute(x, index=lifted(index, k))
    return np.moveaxis(read, range(first, first + k), range(k)) if first else read


@linear(
    transposes=(_getitem_transpose,), batched=_read_each, canonical=plain_index, operands=1,
    cases=(
        Case(((4,),), {"index": 1}), Case(((4,),), {"index": -1}), Case(((2, 3),), {"index": (slice(None), 1)}),
        Case(((5,),), {"index": slice(None, None, -2)}), Case(((2, 3),), {"index": (Ellipsis, None)}), Case(((2, 3),), {"index": ()}),
        Case(((4,),), {"index": [0, 2, 0]}), Case(((2, 3),), {"index": ([0, 1, 1], [2, 0, 0])}),
        Case(((2, 3),), {"index": np.array([[True, False, True], [False, True, True]])}), Case(((3,),), {"index": [True, False, True]}),
        Case(((2, 3, 4),), {"index": ([0, 1], slice(None), [1, 1])}), Case(((2, 3, 4),), {"index": (0, [0, 0], slice(1, 3))}),
        Case(((3,),), {"index": []}), Case(((),), {"index": ()}), Case(((),), {"index": None}), Case(((2, 2),), {"index": [[0, 1], [1, 1]]}),
        Case(((0, 2),), {"index": slice(None)}), Case(((3,),), {"index": True}),
    ),
)  # fmt: skip
def getitem(xp: Namespace, x: ArrayLike, /, index: Any) -> Array:
    """Return ``x[index]``; every form of index that NumPy reads."""
    return (x if hasattr(x, "__getitem__") else np.asarray(x))[index]


def _scatter_vjp(
    xp: Namespace, ct: Array, i: int, out: Array, values: Any, indices: tuple[Any, ...], shape: Shape
) -> Array:
    return ct[indices[i]]


def _scatter_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    k = max(leads)
    lengths = batch_lengths(operands, leads)
    if many_small((*lengths, *params["shape"]), k):
        behind = tuple(_followed(index, k) for index in params["indices"])
        values = [trailing(value, k) for value in repeated(operands, leads)]
        return leading(compute(values, indices=behind, shape=tuple(params["shape"]) + lengths[::-1]), k)
    moved = []
    for value, index in zip(repeated(operands, leads), params["indices"], strict=True):
        first = axes_put_first(index)
        moved.append(np.moveaxis(value, range(k), range(first, first + k)) if first else value)
    indices = tuple(lifted(index, k) for index in params["indices"])
    return compute(moved, indices=indices, shape=lengths + tuple(params["shape"]))


@linear(
    transposes=(_scatter_vjp,), variadic=True, batched=_scatter_each,
    cases=(
        Case(((), ()), {"indices": (1, -1), "shape": (4,)}), Case(((3,),), {"indices": (np.array([0, 0, 2]),), "shape": (4,)}),
        Case(((2,), (2, 3)), {"indices": ((slice(None), 1), ()), "shape": (2, 3)}),
    ),
)  # fmt: skip
def scatter_add(
    xp: Namespace, values: list[Any] | tuple[Any, ...], /, *, indices: tuple[Any, ...], shape: Shape
) -> Array:
    """Return zeros of ``shape`` with each of the values added at its index: the transpose of reading by index."""
    buffer = np.zeros(shape, np.result_type(*values))
    for i, (value, index) in enumerate(zip(values, indices, strict=True)):
        if may_repeat(index):
            np.add.at(buffer, index, value)
        elif i:
            buffer[index] += value
        else:
            buffer[index] = value  # 0.0 + -0.0 would lose the sign
    return buffer if buffer.ndim else buffer[()]
