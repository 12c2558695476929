"""Order: sorting, and reading elements at positions along an axis.

Sorting is a gather whose positions the values choose; at ties the elements keep their order. The positions are
piecewise constant, so all orders of derivative are those of the gather.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tape_ad._cases import Case, Domain
from tape_ad._core import DOORS, own
from tape_ad._errors import ArgumentError
from tape_ad._rules import DISTINCT, REAL, Expansion, composite, expansion, piecewise_constant, primitive
from tape_ad._stacked import over_axes, repeated
from tape_ad._typing import Array, ArrayLike, Namespace, Shape
from tape_ad.ops.joining import as_array

_plain: Namespace = np  # whatever the namespace, the value is NumPy's own
_POSITIONS = Domain("-1, 0 or 1", lambda z: np.asarray(np.rint(np.tanh(z)), dtype=int))


def _one_axis_or_flat(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the axis as a non-negative integer, or None for the flattened array."""
    axis = params.get("axis", -1)
    found = None if axis is None else int(normalize_axis_index(axis, np.ndim(operands[0])))
    return {**params, "axis": found}


# --- sort and partition ---------------------------------------------------------------------------------------------
def _flat_positions(along: Any, shape: Shape, axis: int) -> Any:
    """Return positions along an axis as positions in the flattened array; batch axes may stand in front."""
    starts = np.arange(math.prod(shape)).reshape(shape).take([0], axis)
    return starts + along * math.prod(shape[axis + 1 :])


def _ranks_each(compute: Any, operands: Any, leads: Any, params: Any) -> Any:
    x, out = repeated(operands, leads)
    k, axis = max(leads), params["axis"]
    if axis is None:
        x, out, axis = x.reshape(*x.shape[:k], -1), out.reshape(*out.shape[:k], -1), 0
    return _matched(x, out, axis + k, x.shape[k:], axis)


def _matched(x: Any, out: Any, along: int, shape: Shape, axis: int) -> Any:
    order = np.argsort(x, axis=along, kind="stable")
    ranks = np.argsort(np.argsort(out, axis=along, kind="stable"), axis=along, kind="stable")
    return _flat_positions(np.take_along_axis(order, ranks, axis=along), shape, axis)


@piecewise_constant(batched=_ranks_each, domain=(DISTINCT, DISTINCT), cases=(Case(((4,), (4,)), {"axis": 0}),))
def ranked_positions(xp: Namespace, x: ArrayLike, out: ArrayLike, /, *, axis: int | None) -> Array:
    """Return where in the flattened ``x`` each element of ``out`` came from, which has the same elements along ``axis``.

    The smallest comes from the smallest, and so on; of equal elements the first from the first.
    """
    x, out = np.asarray(x), np.asarray(out)
    if axis is None:
        x, axis = x.reshape(-1), 0
    return _matched(x, out, axis, x.shape, axis)


def _sorted_positions(xp: Namespace, x: Array, out: Array, axis: int | None, descending: bool) -> Any:
    """Return `ranked_positions`, which of an array in ascending order are what one stable sort of the positions gives."""
    if descending or type(x) is not np.ndarray:
        return xp.ranked_positions(x, out, axis=axis)
    if axis is None or x.ndim == 1:
        return np.argsort(x, axis=axis, kind="stable")
    return _flat_positions(np.argsort(x, axis=axis, kind="stable"), x.shape, axis)


def _sort_vjp(
    xp: Namespace, ct: Array, out: Array, x: Array, axis: int | None, descending: bool = False, stable: Any = True
) -> Array:
    positions = _sorted_positions(xp, x, out, axis, descending)
    if type(x) is type(ct) is np.ndarray:  # each position once: no sums
        spread = np.empty(x.size, ct.dtype)
        spread[positions] = ct
        return spread.reshape(x.shape)
    return xp.place_add(ct, positions, shape=np.shape(x))


def _ordered_vjp(xp: Namespace, ct: Array, out: Array, x: Array, axis: int | None, **params: Any) -> Array:
    return xp.place_add(ct, xp.ranked_positions(x, out, axis=axis), shape=np.shape(x))


def _ordered_jvp(xp: Namespace, tangents: Any, out: Array, x: Array, axis: int | None, **params: Any) -> Array:
    return xp.gather(tangents[0], xp.ranked_positions(x, out, axis=axis))


def _sort_arguments(
    a: Any, axis: int | None = -1, kind: str | None = None, order: Any = None, *, stable: bool | None = None
) -> tuple[Any, ...]:
    if order is not None:
        msg = "np.sort(…, order=…) is about named fields, and a tensor has none. Leave order out."
        raise ArgumentError(msg)
    if kind is not None and stable is not None:
        msg = "np.sort: kind and stable say the same thing. Leave one out."
        raise ArgumentError(msg)
    return (a,), {"axis": axis, "stable": bool(stable) if kind is None else kind}


@primitive(
    vjps=(_sort_vjp,), jvp=_ordered_jvp, batched=over_axes, canonical=_one_axis_or_flat, domain=(DISTINCT,),
    adapt={np.sort: _sort_arguments},
    cases=(
        Case(((4,),)), Case(((2, 3),)), Case(((2, 3),), {"axis": 0}), Case(((2, 3, 2),), {"axis": -2, "stable": True}),
        Case(((2, 3),), {"axis": None}), Case(((0, 2),)), Case(((),), {"axis": None}),
    ),
)  # fmt: skip
def sort(
    xp: Namespace, x: ArrayLike, /, *, axis: int | None = -1, descending: bool = False, stable: bool | str = True
) -> Array:
    """Return the elements in order along an axis, or those of the flattened array for None; NaN come last.

    At ties the derivative goes by position: the first of equal results belongs to the first of equal elements.
    ``stable`` may also be the name of one of NumPy's algorithms.
    """
    kind: Any = stable if isinstance(stable, str) else "stable" if stable else "quicksort"
    if not descending:
        return _plain.sort(x, axis=axis, kind=kind)
    if axis is None:
        x, axis = _plain.ravel(x), 0
    return _plain.flip(_plain.sort(_plain.flip(x, axis=axis), axis=axis, kind=kind), axis=axis)


def _partition_arguments(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None
) -> tuple[Any, ...]:
    if order is not None or kind != "introselect":
        msg = "np.partition on a tensor takes neither kind nor order. Leave them out."
        raise ArgumentError(msg)
    return (a,), {"kth": kth, "axis": axis}


def _partition_params(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    kth = params["kth"]
    plain = kth if type(kth) is int else own(kth, what="kth")
    return _one_axis_or_flat(operands, {**params, "kth": plain})


@primitive(
    vjps=(_ordered_vjp,), jvp=_ordered_jvp, batched=over_axes, canonical=_partition_params, domain=(DISTINCT,), operands=1,
    adapt={np.partition: _partition_arguments},
    cases=(
        Case(((5,),), {"kth": 2}), Case(((3, 4),), {"kth": (1, -1), "axis": 0}), Case(((3, 4),), {"kth": 0}),
        Case(((2, 3),), {"kth": 3, "axis": None}),
    ),
)  # fmt: skip
def partition(xp: Namespace, x: ArrayLike, /, kth: Any, *, axis: int | None = -1) -> Array:
    """Return the elements along an axis so that the ``kth`` stands where sorting would put it, smaller ones before it."""
    return _plain.partition(x, kth, axis=axis)


# --- reading at positions -------------------------------------------------------------------------------------------
def _read(x: Any, positions: Any, leads: Any) -> Any:
    """Return the elements of the flattened examples of ``x`` at positions that have all the batch axes in front."""
    if not leads[0]:
        return np.take(x.reshape(-1), positions)
    k = leads[0]
    lengths = np.broadcast_shapes(x.shape[:k], positions.shape[:k])
    flat = np.broadcast_to(x.reshape(*x.shape[:k], -1), (*lengths, math.prod(x.shape[k:])))
    full = np.broadcast_to(positions, lengths + positions.shape[k:])
    return np.take_along_axis(flat, full.reshape(*lengths, -1), axis=-1).reshape(full.shape)


def _take_each(compute: Any, operands: Any, leads: Any, params: Any) -> Any:
    (x, indices), (k, other), axis = operands, leads, params["axis"]
    if not other:
        if axis is None:
            return compute(x.reshape(*x.shape[:k], -1), indices, axis=k)
        return compute(x, indices, axis=axis + k)
    shape = np.shape(x)[k:]
    places = np.arange(math.prod(shape)).reshape(shape)
    start = 0 if axis is None else axis
    positions = np.take(places, indices, axis=axis)
    return _read(np.asarray(x), np.moveaxis(positions, range(start, start + other), range(other)), leads)


def _take_expression(xp: Namespace, x: Array, indices: Array, axis: int | None) -> Array:
    places = np.arange(np.size(x)).reshape(np.shape(x))
    return xp.gather(x, xp.elements_at(places, indices, axis=axis))


def _take_axis(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    return _one_axis_or_flat(operands, {"axis": None, **params})


@composite(
    expression=_take_expression, batched=_take_each, canonical=_take_axis, domain=(REAL, _POSITIONS),
    cases=(
        Case(((4,), (3,))), Case(((2, 3), (2, 2))), Case(((2, 3), (3,)), {"axis": 1}), Case(((2, 3, 2), (2, 2)), {"axis": 1}),
        Case(((2, 3), ()), {"axis": -1}), Case(((2, 3), (0,)), {"axis": 0}),
    ),
)  # fmt: skip
def elements_at(xp: Namespace, x: ArrayLike, indices: ArrayLike, /, *, axis: int | None = None) -> Array:
    """Return the elements at some positions along an axis, or of the flattened array."""
    return np.take(x, indices, axis=axis)  # type: ignore[arg-type]  # indices are integers


@expansion()
def take(xp: Namespace, x: ArrayLike, indices: ArrayLike, /, *, axis: int | None = None) -> Array:
    """Return the elements at some positions along an axis, or of the flattened array; repeated ones add up backwards."""
    return xp.elements_at(x, indices, axis=axis)


def _numpys_take(
    xp: Namespace, a: ArrayLike, indices: Any, axis: int | None = None, out: None = None, mode: str = "raise"
) -> Array:
    """Return `take` by NumPy's signature; ``mode`` brings the positions into the axis beforehand."""
    if mode not in {"raise", "wrap", "clip"}:
        msg = f"np.take: mode is 'raise', 'wrap' or 'clip', not {mode!r}."
        raise ArgumentError(msg)
    if mode != "raise":
        n = np.size(a) if axis is None else np.shape(a)[axis]
        given = np.asarray(indices) if isinstance(indices, (list, tuple, int)) else indices
        indices = np.remainder(given, n) if mode == "wrap" else np.clip(given, 0, n - 1)
    return xp.elements_at(a, indices, axis=axis)


DOORS[np.take] = Expansion("take", _numpys_take), None


def _along_each(compute: Any, operands: Any, leads: Any, params: Any) -> Any:
    (x, indices), (k, other), axis = operands, leads, params["axis"]
    if not other:
        shape, lengths = np.shape(x)[k:], x.shape[:k]
        indices = np.broadcast_to(indices, lengths + np.shape(indices))
    else:
        shape = np.shape(x)[k:]
    j = max(leads)
    flat = axis is None
    places = np.arange(math.prod(shape))
    places = places if flat else places.reshape(shape)
    wide = places.reshape((1,) * j + places.shape)
    wide = np.broadcast_to(wide, indices.shape[:j] + places.shape)
    return _read(np.asarray(x), np.take_along_axis(wide, indices, axis=(0 if flat else axis) + j), leads)


def _along_expression(xp: Namespace, x: Array, indices: Array, axis: int | None) -> Array:
    places = np.arange(np.size(x)).reshape(np.shape(x))
    return xp.gather(x, xp.take_along_axis(places, indices, axis=axis))


@composite(
    np.take_along_axis, expression=_along_expression, batched=_along_each, canonical=_one_axis_or_flat, domain=(REAL, _POSITIONS),
    cases=(
        Case(((4,), (3,))), Case(((2, 3), (2, 2))), Case(((2, 3), (4, 3)), {"axis": 0}), Case(((2, 3), (1, 2)), {"axis": -1}),
        Case(((2, 3), (4,)), {"axis": None}), Case(((3, 2, 2), (3, 1, 2)), {"axis": 1}),
    ),
)  # fmt: skip
def take_along_axis(xp: Namespace, x: ArrayLike, indices: ArrayLike, /, *, axis: int | None = -1) -> Array:
    """Return the elements at positions along an axis that differ from line to line, as argsort gives them."""
    return _plain.take_along_axis(x, indices, axis=axis)


@expansion(np.compress)
def compress(xp: Namespace, condition: ArrayLike, a: ArrayLike, axis: int | None = None, out: None = None) -> Array:
    """Return the parts along an axis, or the elements of the flattened array, where a condition in one axis is true."""
    if np.ndim(condition) != 1:
        msg = "condition must be a 1-d array"
        raise ValueError(msg)
    return xp.elements_at(a, np.flatnonzero(condition), axis=axis)


@expansion(np.extract)
def extract(xp: Namespace, condition: ArrayLike, arr: ArrayLike) -> Array:
    """Return the elements where a condition is true, in one axis."""
    return xp.elements_at(xp.ravel(arr), np.flatnonzero(condition))


@expansion(np.sort_complex)
def sort_complex(xp: Namespace, a: ArrayLike) -> Array:
    """Return the elements in order along the last axis, by their real parts first, as complex numbers."""
    x = xp.sort(as_array(xp, a), axis=-1, stable=False)
    if x.dtype.kind == "c":
        return x
    return xp.astype(x, np.dtype({"g": "G", **dict.fromkeys("bhBH", "F")}.get(x.dtype.char, "D")))
