"""How the parameter ``axis`` is written before a rule sees it: what the ops along axes have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

_ALL = tuple([tuple(range(ndim)) for ndim in range(65)])
"""All axes, by their number: NumPy has 64 at most."""


def axes_of(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the axes as a sorted tuple of non-negative integers."""
    x = operands[0]
    ndim = x.ndim if type(x) is np.ndarray else np.ndim(x)
    axis = params.get("axis")
    if axis is None:
        found = _ALL[ndim]
    elif type(axis) is int and -ndim <= axis < ndim:
        found = (axis % ndim,)
    else:
        found = tuple(sorted(normalize_axis_tuple(axis, ndim)))
    return {**params, "axis": found}


def axes_or_only(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the axes as `axes_of` does; a 0-d operand may be reduced along its axis 0 or -1, as if it had one."""
    axis = params.get("axis")
    if axis is not None and not isinstance(axis, tuple) and not np.ndim(operands[0]):
        normalize_axis_index(axis, 1)
        return {**params, "axis": ()}
    return axes_of(operands, params)


def one_axis_or_flat(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the axis as a non-negative integer, or None for the flattened array; a 0-d operand may have an axis 0."""
    axis = params.get("axis")
    if axis is None:
        return {**params, "axis": None}
    ndim = np.ndim(operands[0])
    if not ndim:
        normalize_axis_index(axis, 1)
        return {**params, "axis": None}
    return {**params, "axis": int(normalize_axis_index(axis, ndim))}
