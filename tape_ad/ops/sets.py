"""Arrays as sets: their distinct elements, unions, differences, and which elements are in one.

Distinct elements are read from the array at positions that the values choose, so they carry derivatives as `take` does. Of
equal elements it is the first that is read, in two arrays that of the first array. Positions, inverses and counts are plain
integers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tape_ad._batched import Batched
from tape_ad._cases import Case
from tape_ad._errors import BatchedValueError
from tape_ad._rules import INTEGER, expansion, piecewise_constant
from tape_ad._typing import Array, ArrayLike, Namespace
from tape_ad.ops.joining import as_array, plain

_plain: Namespace = np  # whatever the namespace, the value is NumPy's own


# --- tools ----------------------------------------------------------------------------------------------------------
def _known(name: str, x: Any) -> Any:
    """Return the plain array of an operand.

    Raises:
        BatchedValueError: inside vmap, where each example would have a result of another length.
    """
    data = plain(x)
    if type(data) is Batched:
        msg = f"np.{name} has a result of another length for each example, and vmap needs one shape for all."
        raise BatchedValueError(msg)
    return np.asarray(data)


def _bytes(rows: Any) -> Any:
    """Return the bytes of each row."""
    rows = np.ascontiguousarray(rows)
    return rows.reshape(len(rows), math.prod(rows.shape[1:])).view(np.uint8)


def _same_bits(items: Any, chosen: Any, positions: Any) -> Any:
    """Return positions of the rows of ``items`` that are ``chosen`` bit for bit, where the given ones are but equal.

    Zeros of both signs are equal, and so are complex NaN of any kind; of these NumPy may keep another than the first.
    """
    if not chosen.size:
        return positions
    wanted = _bytes(chosen)
    different = np.flatnonzero((_bytes(items[positions]) != wanted).any(axis=1))
    if not len(different):
        return positions
    first: dict[bytes, int] = {}
    for i, row in enumerate(_bytes(items)):
        first.setdefault(row.tobytes(), i)
    found = np.array(positions)
    for j in different:
        found[j] = first.get(wanted[j].tobytes(), found[j])
    return found


def _read(xp: Namespace, x: Array, values: Any, positions: Any) -> Array:
    """Return the elements of ``x`` in one axis that NumPy has found to be ``values``."""
    flat = xp.reshape(x, -1)
    return xp.elements_at(flat, _same_bits(plain(flat), values, positions), axis=0)


def _first_positions(data: Any, values: Any, **options: Any) -> Any:
    """Return where in a flat array each of its distinct values occurs first; they may be in any order."""
    _, first = np.unique(data, return_index=True, **options)
    found = np.empty(len(values), dtype=np.intp)
    found[np.argsort(values, kind="stable")] = first
    return found


# --- the distinct elements ------------------------------------------------------------------------------------------
@expansion(np.unique)
def unique(
    xp: Namespace, ar: ArrayLike, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None, *, equal_nan: bool = True, sorted: bool = True,
) -> Any:  # fmt: skip
    """Return the distinct elements in order, or the distinct parts along an axis; on request plain arrays about them.

    Raises:
        BatchedValueError: inside `vmap`, where the examples would differ in shape.
    """
    x, data = as_array(xp, ar), _known("unique", ar)
    options: dict[str, Any] = {"axis": axis, "equal_nan": equal_nan}
    wanted = {"return_index": return_index, "return_inverse": return_inverse, "return_counts": return_counts}
    found = _plain.unique(data, **wanted, **options, **({} if sorted else {"sorted": False}))
    numpys, *about = found if isinstance(found, tuple) else (found,)
    if axis is None or data.ndim == 1:
        values = _read(xp, x, numpys, _first_positions(data.reshape(-1), numpys, equal_nan=equal_nan))
    else:
        _, first = np.unique(data, return_index=True, **options)
        rows, chosen = [np.moveaxis(a, axis, 0) for a in (data, numpys)]
        values = xp.elements_at(x, _same_bits(rows, chosen, first), axis=axis)
    return (values, *about) if about else values


@expansion(np.unique_values)
def unique_values(xp: Namespace, x: ArrayLike) -> Array:
    """Return the distinct elements; no two NaN are alike."""
    data = _known("unique_values", x)
    found = np.unique_values(data)
    return _read(xp, as_array(xp, x), found, _first_positions(data.reshape(-1), found, equal_nan=False))


def _all_about(xp: Namespace, name: str, x: ArrayLike) -> Any:
    """Return the named tuple of one of NumPy's functions, with the values read from ``x``."""
    data = _known(name, x)
    found = getattr(np, name)(data)
    first = _first_positions(data.reshape(-1), found.values, equal_nan=False)
    return found._replace(values=_read(xp, as_array(xp, x), found.values, first))


@expansion(np.unique_all)
def unique_all(xp: Namespace, x: ArrayLike) -> Any:
    """Return the distinct elements, where each occurs first, which of them each element is, and how often they occur."""
    return _all_about(xp, "unique_all", x)


@expansion(np.unique_counts)
def unique_counts(xp: Namespace, x: ArrayLike) -> Any:
    """Return the distinct elements, and how often each occurs."""
    return _all_about(xp, "unique_counts", x)


@expansion(np.unique_inverse)
def unique_inverse(xp: Namespace, x: ArrayLike) -> Any:
    """Return the distinct elements, and which of them each element is."""
    return _all_about(xp, "unique_inverse", x)


# --- two sets -------------------------------------------------------------------------------------------------------
def _both(xp: Namespace, first: Any, second: Any) -> Array:
    """Return the elements of two arrays in one axis."""
    return xp.concatenate([xp.reshape(as_array(xp, x), -1) for x in (first, second)])


@expansion(np.union1d)
def union1d(xp: Namespace, ar1: ArrayLike, ar2: ArrayLike) -> Array:
    """Return the distinct elements of two arrays together, in order."""
    values = np.union1d(_known("union1d", ar1), _known("union1d", ar2))
    both = _both(xp, ar1, ar2)
    return _read(xp, both, values, _first_positions(plain(both), values))


@expansion(np.intersect1d)
def intersect1d(
    xp: Namespace, ar1: ArrayLike, ar2: ArrayLike, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """Return the distinct elements that both arrays have, in order; on request the plain positions in each array."""
    given = _known("intersect1d", ar1), _known("intersect1d", ar2)
    found: Any = np.intersect1d(*given, assume_unique, return_indices=True)
    numpys = found[0] if return_indices else np.intersect1d(*given, assume_unique)
    # Where elements that are assumed to differ do not, NumPy's positions go on into the second array.
    values = _read(xp, _both(xp, ar1, ar2), numpys, found[1])
    return (values, *found[1:]) if return_indices else values


@expansion(np.setdiff1d)
def setdiff1d(xp: Namespace, ar1: ArrayLike, ar2: ArrayLike, assume_unique: bool = False) -> Array:
    """Return the distinct elements of the first array that the second does not have, in order."""
    first, second = _known("setdiff1d", ar1), _known("setdiff1d", ar2)
    values = np.setdiff1d(first, second, assume_unique)
    if assume_unique:
        positions = np.flatnonzero(np.isin(first.reshape(-1), second, assume_unique=True, invert=True))
    else:
        distinct, at = np.unique(first, return_index=True)
        positions = at[np.isin(distinct, np.unique(second), assume_unique=True, invert=True)]
    return _read(xp, as_array(xp, ar1), values, positions)


@expansion(np.setxor1d)
def setxor1d(xp: Namespace, ar1: ArrayLike, ar2: ArrayLike, assume_unique: bool = False) -> Array:
    """Return the distinct elements that one of two arrays has and the other has not, in order."""
    given = [_known("setxor1d", x) for x in (ar1, ar2)]
    values = _plain.setxor1d(*given, assume_unique)
    starts = (0, given[0].size)
    if assume_unique:
        kept = [np.arange(x.size) + start for x, start in zip(given, starts, strict=True)]
    else:
        kept = [np.unique(x, return_index=True)[1] + start for x, start in zip(given, starts, strict=True)]
    both, places = _both(xp, ar1, ar2), np.concatenate(kept)
    ordered = places[np.argsort(plain(both)[places], kind="stable")]
    elements = plain(both)[ordered]
    steps = np.concatenate(([True], elements[1:] != elements[:-1], [True]))
    return _read(xp, both, values, ordered[steps[1:] & steps[:-1]] if len(ordered) else ordered)


@piecewise_constant(
    operands=2, domain=(INTEGER, INTEGER),
    cases=(Case(((4,), (3,))), Case(((2, 3), (2, 2)), {"invert": True}), Case(((), (3,))), Case(((3,), ())), Case(((0,), (2,)))),
)  # fmt: skip
def isin(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /, *, invert: bool = False) -> Array:
    """Return which elements of ``x1`` are in ``x2``; with ``invert`` which are not."""
    return np.isin(x1, x2, invert=invert)
