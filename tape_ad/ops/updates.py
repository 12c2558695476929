"""Changing some elements: ``t.at[index].set(v)`` and its siblings return a new tensor and leave ``t`` as it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import frozen

from tape_ad._cases import Case
from tape_ad._core import HOOKS, TENSORS, IndexDiffers, constant
from tape_ad._errors import ArgumentError, MutationError
from tape_ad._rules import INTEGER, REAL, linear, unchanged
from tape_ad._stacked import batch_lengths
from tape_ad._typing import Array, ArrayLike, Namespace, Shape
from tape_ad.ops.batching import in_one_array
from tape_ad.ops.indexing import axes_put_first, lifted, may_repeat, plain_index
from tape_ad.ops.joining import positions_in


# --- at an index that is the same for all examples ------------------------------------------------------------------
def _write_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    """Write into each example: the values get the axes of what the index reads, batch axes where NumPy has them."""
    (x, v), index, k = operands, params["index"], max(leads)
    lengths = batch_lengths(operands, leads)
    shape = np.shape(x)[leads[0] :]
    target = np.shape(np.broadcast_to(0, shape)[index])
    own = np.shape(v)[leads[1] :]
    if leads[1]:
        v = v.reshape(*v.shape[: leads[1]], *(1,) * (len(target) - len(own)), *own)
    values = np.broadcast_to(v, lengths + target)
    first = axes_put_first(index)
    if first:
        values = np.moveaxis(values, range(k), range(first, first + k))
    return compute(np.broadcast_to(x, lengths + shape), values, index=lifted(index, k))


def _last_to_write(shape: Shape, index: Any) -> Any:
    """Return, for each value written at an index, whether no later one overwrites it."""
    places = positions_in(shape)[index]
    order = positions_in(np.shape(places))
    last = np.empty(math.prod(shape), dtype=np.intp)
    last[np.ravel(places)] = np.ravel(order)
    return last[places] == order


def _clear(xp: Namespace, ct: Array, out: Array, x: Array, v: Array, index: Any) -> Array:
    return xp.set_at(ct, 0.0, index=index)


def _written(xp: Namespace, ct: Array, out: Array, x: Array, v: Array, index: Any) -> Array:
    read = ct[index]
    return read * _last_to_write(np.shape(x), index) if may_repeat(index) else read


_INDEX_CASES = (
    Case(((4,), ()), {"index": 1}), Case(((2, 3), (2,)), {"index": (slice(None), -1)}), Case(((5,), (3,)), {"index": slice(None, None, -2)}),
    Case(((4,), (3,)), {"index": [0, 2, 0]}), Case(((4,), ()), {"index": [1, 1]}), Case(((2, 3), (3,)), {"index": ([0, 1, 0], [2, 0, 2])}),
    Case(((2, 3, 2), (2, 3)), {"index": ([0, 1], slice(None), [1, 1])}), Case(((2, 3), (4,)), {"index": np.array([[True, False, True], [False, True, True]])}),
    Case(((2, 3), (1, 3)), {"index": Ellipsis}), Case(((2, 3), (2, 1, 1)), {"index": (slice(None), None, [0, 2])}), Case(((3,), (0,)), {"index": []}),
    Case(((), ()), {"index": ()}), Case(((0, 2), (2,)), {"index": slice(None)}),
)  # fmt: skip


@linear(transposes=(_clear, _written), batched=_write_each, canonical=plain_index, operands=2, cases=_INDEX_CASES)
def set_at(xp: Namespace, x: ArrayLike, v: ArrayLike, /, index: Any) -> Array:
    """Return the array with the values at the index; where an index is repeated, the last value stays."""
    new = np.array(x, dtype=np.result_type(x, v))
    if may_repeat(index):
        places = positions_in(new.shape)[index]
        flat = new.reshape(-1)
        flat[places.ravel()] = np.broadcast_to(v, places.shape).ravel()
        return flat.reshape(new.shape)
    new[index] = v
    return new if new.ndim else new[()]


@linear(
    transposes=(unchanged, lambda xp, ct, out, x, v, index: ct[index]), batched=_write_each, canonical=plain_index, operands=2,
    cases=_INDEX_CASES,
)  # fmt: skip
def add_at(xp: Namespace, x: ArrayLike, v: ArrayLike, /, index: Any) -> Array:
    """Return the array with the values added at the index, where it is repeated one after the other."""
    new = np.array(x, dtype=np.result_type(x, v))
    if may_repeat(index):
        np.add.at(new, index, v)
    else:
        new[index] += v
    return new if new.ndim else new[()]


# --- at positions that differ from example to example ---------------------------------------------------------------
def _set_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    x, values, positions = operands
    lengths = batch_lengths(operands, leads)
    shape, target = np.shape(x)[leads[0] :], np.shape(positions)[leads[2] :]
    if leads[1]:
        own = np.shape(values)[leads[1] :]
        values = values.reshape(*values.shape[: leads[1]], *(1,) * (len(target) - len(own)), *own)
    places = in_one_array(np.broadcast_to(positions, lengths + target), lengths, math.prod(shape))
    return compute(np.broadcast_to(x, lengths + shape), np.broadcast_to(values, lengths + target), places)


def _clear_positions(xp: Namespace, ct: Array, out: Array, x: Array, values: Array, positions: Array) -> Array:
    return xp.set_positions(ct, 0.0, positions)


def _read_positions(xp: Namespace, ct: Array, out: Array, x: Array, values: Array, positions: Array) -> Array:
    order = positions_in(np.shape(positions))
    last = xp.gather(xp.set_positions(np.zeros(np.shape(x), dtype=np.intp), order, positions), positions)
    return xp.gather(ct, positions) * (last == order)


@linear(
    transposes=(_clear_positions, _read_positions, None), batched=_set_each, operands=3, domain=(REAL, REAL, INTEGER),
    cases=(Case(((5,), (4,), (4,))), Case(((2, 3), (), (2, 2))), Case(((5,), (), ()))),
)  # fmt: skip
def set_positions(xp: Namespace, x: ArrayLike, values: ArrayLike, positions: ArrayLike, /) -> Array:
    """Return the array with values at positions of the flattened array, counted round and round; the last one stays."""
    flat = np.array(x, dtype=np.result_type(x, values)).reshape(-1)
    places = np.asarray(positions) % max(flat.size, 1)
    flat[places.ravel()] = np.broadcast_to(values, places.shape).ravel()
    return flat.reshape(np.shape(x))


# --- the spelling ---------------------------------------------------------------------------------------------------
_KINDS = "biufc"


@frozen(eq=False)
class At:
    """What stands behind ``t.at``: ``t.at[index]`` names the elements to be changed."""

    tensor: Any

    def __getitem__(self, index: Any) -> AtIndex:
        return AtIndex(self.tensor, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        msg = "t.at[i] = v: a tensor never changes. Write t = t.at[i].set(v)."
        raise MutationError(msg)


@frozen(eq=False)
class AtIndex:
    """Elements of a tensor, by an index of any form that NumPy reads: each method returns a new tensor.

    The result keeps the tensor's dtype. Where an index is repeated, `set` leaves the last value, and the others act one
    after the other, as NumPy's ``ufunc.at`` does. Both the tensor and the values carry derivatives.

    >>> import numpy as np
    >>> import tape_ad
    >>> t = tape_ad.Tensor([1.0, 2.0, 3.0])
    >>> At(t)[0].set(5.0)
    Tensor([5., 2., 3.], creation_op=set_at(index=0))
    >>> At(t)[np.array([1, 1])].add(t[:2]).data
    array([1., 5., 3.])
    """

    tensor: Any
    index: Any

    def get(self) -> Any:
        """Return the elements: ``t[index]``."""
        return self.tensor[self.index]

    def set(self, values: ArrayLike, /) -> Any:
        """Return the tensor with the values in their place."""
        values = self._fitting(values)
        try:
            return TENSORS.set_at(self.tensor, values, index=self.index)
        except IndexDiffers:
            return TENSORS.set_positions(self.tensor, values, self._positions())

    def add(self, values: ArrayLike, /) -> Any:
        """Return the tensor with the values added to them."""
        values = self._fitting(values)
        try:
            return TENSORS.add_at(self.tensor, values, index=self.index)
        except IndexDiffers:
            positions = self._positions()
            spread = TENSORS.broadcast_to(values, np.shape(positions))
            return self.tensor + TENSORS.place_add(spread, positions, shape=self.tensor.shape)

    def subtract(self, values: ArrayLike, /) -> Any:
        """Return the tensor with the values subtracted from them."""
        return self.add(TENSORS.negative(values))

    def multiply(self, values: ArrayLike, /) -> Any:
        """Return the tensor with them multiplied by the values."""
        return self._changed(TENSORS.multiply, values)

    def divide(self, values: ArrayLike, /) -> Any:
        """Return the tensor with them divided by the values."""
        return self._changed(TENSORS.divide, values)

    def power(self, values: ArrayLike, /) -> Any:
        """Return the tensor with them raised to the values."""
        return self._changed(TENSORS.pow, values)

    def min(self, values: ArrayLike, /) -> Any:
        """Return the tensor with the smaller of them and the values; a tie shares the derivative."""
        return self._changed(TENSORS.minimum, values)

    def max(self, values: ArrayLike, /) -> Any:
        """Return the tensor with the larger of them and the values; a tie shares the derivative."""
        return self._changed(TENSORS.maximum, values)

    def apply(self, function: Callable[[Any], Any], /) -> Any:
        """Return the tensor with what an elementwise function makes of them; once more for each time an index is repeated."""
        return self._changed(function)

    def _positions(self) -> Any:
        return HOOKS["positions_of"](self.tensor.shape, self.index)

    def _fitting(self, values: Any) -> Any:
        """Refuse values that the tensor's dtype cannot hold: cast to integers, they would lose their derivative."""
        values = constant(values)
        mine, theirs = self.tensor.dtype, values.dtype
        if _KINDS.index(theirs.kind) > _KINDS.index(mine.kind) and {mine.kind, theirs.kind} != {"i", "u"}:
            msg = f"t.at[…] keeps the dtype of t, {mine}, which cannot hold values of {theirs}. Convert first: t.astype({theirs})."
            raise ArgumentError(msg)
        return TENSORS.astype(values, mine) if hasattr(values.data, "dtype") and theirs != mine else values

    def _changed(self, function: Callable[..., Any], *values: Any) -> Any:
        """Return the tensor with some elements replaced by a function of them and the values.

        Elements that the index names twice are changed in rounds, in each of which it names every element once.
        """
        values = tuple([self._fitting(v) for v in values])
        try:
            index = plain_index((self.tensor,), {"index": self.index})["index"]
        except IndexDiffers:
            return self._changed_by_example(function, values)
        if not may_repeat(index):
            return self.set(function(self.get(), *values))
        places = positions_in(self.tensor.shape)[index]
        flat = TENSORS.reshape(self.tensor, -1)
        spread = [TENSORS.reshape(TENSORS.broadcast_to(v, places.shape), -1) for v in values]
        for chosen in _rounds(places.ravel()):
            part = AtIndex(flat, places.ravel()[chosen])
            flat = part.set(function(part.get(), *[v[chosen] for v in spread]))
        return TENSORS.reshape(flat, self.tensor.shape)

    def _changed_by_example(self, function: Callable[..., Any], values: tuple[Any, ...]) -> Any:
        """Change one element after the other, where each example of a `vmap` has an index of its own."""
        positions = self._positions()
        target = np.shape(positions)
        places = TENSORS.reshape(constant(positions), -1)
        flat = TENSORS.reshape(self.tensor, -1)
        spread = [TENSORS.reshape(TENSORS.broadcast_to(v, target), -1) for v in values]
        for i in range(math.prod(target)):
            part = AtIndex(flat, places[i])
            flat = part.set(function(part.get(), *[v[i] for v in spread]))
        return TENSORS.reshape(flat, self.tensor.shape)


def _rounds(places: Any) -> list[Any]:
    """Return selections of a list of places: the first time each occurs, the second, and so on."""
    if not places.size:
        return []
    order = np.argsort(places, kind="stable")
    groups = places[order]
    starts = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))
    turn = np.empty(places.size, dtype=np.intp)
    turn[order] = np.arange(places.size) - np.repeat(starts, np.diff([*starts, places.size]))
    return [np.flatnonzero(turn == k) for k in range(int(turn.max()) + 1)]


def at(x: ArrayLike, /) -> At:
    """Return what ``t.at`` is for a tensor, for any array: ``at(x)[index].set(v)`` is a new tensor, and ``x`` stays.

    >>> import numpy as np
    >>> at(np.zeros(3))[1:].set([4.0, 5.0]).data
    array([0., 4., 5.])
    """
    return At(constant(x))


HOOKS["at"] = at
