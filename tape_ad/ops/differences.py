"""Functions given by their values along an axis: differences, slopes and integrals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tape_ad._cases import Case
from tape_ad._core import DOORS
from tape_ad._rules import GROWING, REAL, WEIGHTS, Expansion, composite, expansion, linear
from tape_ad._stacked import over_axes
from tape_ad._typing import Array, ArrayLike, Axis, Namespace

_NO_VALUE = np._NoValue  # noqa: SLF001 - NumPy's mark for "not given" has no public name
_plain: Namespace = np  # whatever the namespace, the value is NumPy's own


# --- differences ----------------------------------------------------------------------------------------------------
def _along(ndim: int, axis: int, part: Any) -> tuple[Any, ...]:
    return (slice(None),) * normalize_axis_index(axis, ndim) + (part,)


def as_operand(xp: Namespace, x: Any) -> Any:
    """Return an operand as something with a shape and arithmetic."""
    return x if hasattr(x, "shape") else xp.positive(np.asarray(x))


def _diff(xp: Namespace, x: Any, n: int, axis: int, prepend: Any, append: Any) -> Any:
    if n < 0:
        msg = f"order must be non-negative but got {n!r}"
        raise ValueError(msg)
    if n == 0:
        return x
    x = as_operand(xp, x)
    if not x.ndim:
        msg = "diff requires input that is at least one dimensional"
        raise ValueError(msg)
    axis = normalize_axis_index(axis, x.ndim)
    one = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    parts = [
        xp.broadcast_to(part, one) if np.ndim(part) == 0 and part is not x else part
        for part in (prepend, x, append)
        if part is not None
    ]
    x = xp.concatenate(parts, axis=axis) if len(parts) > 1 else x
    for _ in range(n):
        if x.dtype == np.bool_:
            x = xp.not_equal(x[_along(x.ndim, axis, slice(1, None))], x[_along(x.ndim, axis, slice(None, -1))])
        else:
            x = xp.neighbour_difference(x, axis=axis)
    return x


def _ends(axis: int) -> tuple[tuple[Any, ...], ...]:
    """Return the indices of all but the first along an axis, and of all but the last."""
    head = (slice(None),) * axis
    return (*head, slice(1, None)), (*head, slice(None, -1))


def _difference_transpose(xp: Namespace, ct: Array, out: Array, x: Array, axis: int) -> Array:
    later, earlier = _ends(axis)
    if not np.size(ct):
        return np.zeros(np.shape(x), ct.dtype)
    inner = ct[earlier] - ct[later]
    head = (slice(None),) * axis
    first, last = (*head, slice(None, 1)), (*head, slice(-1, None))
    if type(ct) is np.ndarray:
        spread = np.empty(x.shape, ct.dtype)
        spread[first], spread[last] = -ct[first], ct[last]
        spread[(*head, slice(1, -1))] = inner
        return spread
    return xp.concatenate([-ct[first], inner, ct[last]], axis=axis)


@linear(
    transposes=(_difference_transpose,), batched=over_axes,
    cases=(Case(((4,),), {"axis": 0}), Case(((2, 3),), {"axis": 1}), Case(((3, 2),), {"axis": 0}), Case(((1,),), {"axis": 0}), Case(((2, 2),), {"axis": 0})),
)  # fmt: skip
def neighbour_difference(xp: Namespace, x: ArrayLike, /, *, axis: int) -> Array:
    """Return each element but the first less the one before it, along an axis."""
    later, earlier = _ends(axis)
    whole = np.asarray(x)
    return _plain.subtract(whole[later], whole[earlier])


@expansion()
def diff(
    xp: Namespace, x: ArrayLike, /, *, axis: int = -1, n: int = 1, prepend: ArrayLike | None = None,
    append: ArrayLike | None = None,
) -> Array:  # fmt: skip
    """Return the differences of neighbours along an axis, ``n`` times over, with elements put before and behind first."""
    return _diff(xp, x, n, axis, prepend, append)


def _numpys_diff(
    xp: Namespace, a: Any, n: int = 1, axis: int = -1, prepend: Any = _NO_VALUE, append: Any = _NO_VALUE
) -> Any:
    """Return `diff` by NumPy's signature."""
    before, after = (None if part is _NO_VALUE else part for part in (prepend, append))
    return _diff(xp, a, n, axis, before, after)


DOORS[np.diff] = Expansion("diff", _numpys_diff), None


@expansion(np.ediff1d)
def ediff1d(xp: Namespace, ary: ArrayLike, to_end: ArrayLike | None = None, to_begin: ArrayLike | None = None) -> Array:
    """Return the differences of neighbours in the flattened array, with elements put before and behind."""
    x = xp.reshape(ary, -1)
    parts: list[Any] = [x[1:] - x[:-1]]
    for name, part in (("to_begin", to_begin), ("to_end", to_end)):
        if part is None:
            continue
        if not np.can_cast(getattr(part, "dtype", None) or np.asarray(part).dtype, x.dtype, casting="same_kind"):
            msg = f"dtype of `{name}` must be compatible with input `ary` under the `same_kind` rule."
            raise TypeError(msg)
        flat = xp.astype(xp.reshape(part, -1), x.dtype)
        parts = [flat, *parts] if name == "to_begin" else [*parts, flat]
    return xp.concatenate(parts) if len(parts) > 1 else parts[0]


# --- slopes ---------------------------------------------------------------------------------------------------------
def _gradient_expression(xp: Namespace, f: Array, spacing: Array, axis: int, edge_order: int = 1) -> Array:
    """Write the differences with uneven spacing, of which even spacing is a case; so coordinates have their derivatives."""
    n, ndim = np.shape(f)[axis], np.ndim(f)
    wide = (-1,) + (1,) * (ndim - axis - 1)
    steps = spacing[1:] - spacing[:-1] if np.ndim(spacing) else xp.broadcast_to(spacing, (n - 1,))

    def at(start: int, stop: int | None) -> Array:
        return f[_along(ndim, axis, slice(start, stop))]

    def three(h: Array, k: Array, kind: str) -> tuple[Array, Array, Array]:
        """Return the weights of three neighbours with steps ``h`` and ``k`` for the slope at the first, middle or last."""
        h, k = xp.reshape(h, wide), xp.reshape(k, wide)
        if kind == "middle":
            return -k / (h * (h + k)), (k - h) / (h * k), h / (k * (h + k))
        if kind == "first":
            return -(2.0 * h + k) / (h * (h + k)), (h + k) / (h * k), -h / (k * (h + k))
        return k / (h * (h + k)), -(k + h) / (h * k), (2.0 * k + h) / (k * (h + k))

    parts = []
    if edge_order == 1:
        parts.append((at(1, 2) - at(0, 1)) / xp.reshape(steps[:1], wide))
    else:
        a, b, c = three(steps[:1], steps[1:2], "first")
        parts.append(a * at(0, 1) + b * at(1, 2) + c * at(2, 3))
    if n > 2:
        a, b, c = three(steps[:-1], steps[1:], "middle")
        parts.append(a * at(0, n - 2) + b * at(1, n - 1) + c * at(2, n))
    if edge_order == 1:
        parts.append((at(n - 1, n) - at(n - 2, n - 1)) / xp.reshape(steps[-1:], wide))
    else:
        a, b, c = three(steps[-2:-1], steps[-1:], "last")
        parts.append(a * at(n - 3, n - 2) + b * at(n - 2, n - 1) + c * at(n - 1, n))
    return xp.concatenate(parts, axis=axis)


@composite(
    expression=_gradient_expression, operands=2, domain=(REAL, GROWING),
    cases=(
        Case(((5,), (5,)), {"axis": 0}), Case(((5,), ()), {"axis": 0}, (REAL, WEIGHTS)), Case(((3, 4), (4,)), {"axis": 1, "edge_order": 2}),
        Case(((3, 4), ()), {"axis": 0, "edge_order": 2}, (REAL, WEIGHTS)), Case(((2, 3), ()), {"axis": 0}, (REAL, WEIGHTS)),
        Case(((4, 2), (4,)), {"axis": 0}),
    ),
)  # fmt: skip
def slopes_along(xp: Namespace, f: ArrayLike, spacing: ArrayLike, /, *, axis: int, edge_order: int = 1) -> Array:
    """Return the slopes of ``f`` along one axis, for one step or the coordinates along it."""
    return _plain.gradient(f, spacing, axis=axis, edge_order=edge_order)


@expansion(np.gradient)
def gradient(xp: Namespace, f: ArrayLike, *varargs: ArrayLike, axis: Axis = None, edge_order: int = 1) -> Any:
    """Return the slopes of ``f`` along each axis, by central differences inside; for one axis an array, else a tuple.

    The spacings carry derivatives too: a step for all axes, or a step or coordinates for each.
    """
    ndim = np.ndim(f)
    chosen: Any = axis
    axes = tuple(range(ndim)) if chosen is None else normalize_axis_tuple(chosen, ndim)
    if not varargs or (len(varargs) == 1 and np.ndim(varargs[0]) == 0):
        spacings: Sequence[Any] = (varargs or (1.0,)) * len(axes)
    elif len(varargs) == len(axes):
        spacings = varargs
    else:
        msg = "invalid number of arguments"
        raise TypeError(msg)
    slopes = tuple([xp.slopes_along(f, h, axis=i, edge_order=edge_order) for i, h in zip(axes, spacings, strict=True)])
    return slopes[0] if len(slopes) == 1 else slopes


# --- integrals ------------------------------------------------------------------------------------------------------
@expansion(np.trapezoid)
def trapezoid(xp: Namespace, y: ArrayLike, x: ArrayLike | None = None, dx: ArrayLike = 1.0, axis: int = -1) -> Array:
    """Return the integral along an axis by the trapezoidal rule, for coordinates ``x`` or steps ``dx``."""
    values = as_operand(xp, y)
    d: Any = dx
    if x is not None:
        d = _diff(xp, x, 1, axis if np.ndim(x) != 1 else 0, None, None)
        if np.ndim(x) == 1:
            shape = [1] * values.ndim
            shape[axis] = np.shape(d)[0]
            d = xp.reshape(d, tuple(shape))
    later, earlier = (values[_along(values.ndim, axis, part)] for part in (slice(1, None), slice(None, -1)))
    return xp.sum(d * (later + earlier) / 2.0, axis=axis)
