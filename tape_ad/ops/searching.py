"""Where elements stand: the positions that sort an array, places in a sorted one, and how many elements are not zero.

Positions and counts are piecewise constant. NumPy's functions of these names give plain arrays of a tensor; these give
tensors, which remember what they were computed from.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tape_ad._cases import Case, Domain
from tape_ad._core import constant, own
from tape_ad._rules import DISTINCT, INTEGER, REAL, piecewise_constant
from tape_ad._stacked import over_axes
from tape_ad._typing import Array, ArrayLike, Axis, Namespace

_SORTED = Domain("sorted", lambda z: np.sort(z, axis=-1))


def _one_axis(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    return {**params, "axis": int(normalize_axis_index(params.get("axis", -1), np.ndim(operands[0])))}


@piecewise_constant(
    batched=over_axes, canonical=_one_axis, domain=(DISTINCT,),
    cases=(
        Case(((4,),)), Case(((2, 3),), {"axis": 0}), Case(((2, 3, 2),), {"axis": -2, "descending": True}),
        Case(((2, 3),), {"stable": False}), Case(((7,),), {"descending": True}, (INTEGER,)), Case(((0, 2),), {"axis": 0}),
    ),
)  # fmt: skip
def argsort(xp: Namespace, x: ArrayLike, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """Return the positions that put the elements along an axis in order; of equal ones the first is first.

    >>> argsort([0.3, 0.1, 0.2])
    Tensor([1, 2, 0], creation_op=argsort(axis=0))
    """
    kind: Any = "stable" if stable else "quicksort"
    if not descending:
        return np.argsort(x, axis=axis, kind=kind)
    last = np.shape(x)[axis] - 1
    # Turned around twice, so that the first of equal elements stays first.
    return last - np.flip(np.argsort(np.flip(x, axis=axis), axis=axis, kind=kind), axis=axis)


def _axes_or_all(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    axis = params.get("axis")
    return {**params, "axis": axis if axis is None else tuple(sorted(normalize_axis_tuple(axis, np.ndim(operands[0]))))}


@piecewise_constant(
    batched=over_axes, canonical=_axes_or_all, domain=(INTEGER,),
    cases=(
        Case(((3,),)), Case(((2, 3),), {"axis": 0}), Case(((2, 3, 2),), {"axis": (0, -1), "keepdims": True}), Case(((),)),
        Case(((2, 3),), {"keepdims": True}, (REAL,)), Case(((0, 2),), {"axis": 0}),
    ),
)  # fmt: skip
def count_nonzero(xp: Namespace, x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return how many elements along the axes are not zero."""
    return np.sum(np.not_equal(x, 0), axis=axis, keepdims=keepdims, dtype=np.intp)


def _plain_sorter(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the sorter, which is an index and no operand, as an array."""
    sorter = params.get("sorter")
    given = {key: value for key, value in params.items() if key != "sorter"}
    return given if sorter is None else {**given, "sorter": own(constant(sorter), what="searchsorted()")}


@piecewise_constant(
    canonical=_plain_sorter, operands=2, domain=(_SORTED, REAL),
    cases=(
        Case(((4,), (3,))), Case(((4,), (2, 3)), {"side": "right"}), Case(((3,), (2,)), {"sorter": [0, 1, 2]}), Case(((3,), ())),
        Case(((0,), (2,))),
    ),
)  # fmt: skip
def searchsorted(
    xp: Namespace, x1: ArrayLike, x2: ArrayLike, /, *, side: str = "left", sorter: ArrayLike | None = None
) -> Array:
    """Return the places in the sorted ``x1`` before which the elements of ``x2`` would stand; with "right", after equal ones.

    ``sorter`` holds the positions that sort ``x1``, where it is not sorted.
    """
    where: Any = side
    return np.searchsorted(x1, x2, side=where, sorter=sorter)  # type: ignore[arg-type]  # positions are integers
