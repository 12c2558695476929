"""Element by element, one of several: the larger or smaller, by a condition, by a number, between bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from tape_ad._cases import Case, Domain
from tape_ad._rules import (
    ABOVE_ONE,
    BINARY_CASES,
    BOOLEAN,
    REAL,
    STEEP,
    UNIT,
    composite,
    elementwise,
    expansion,
    linear,
)
from tape_ad._stacked import pointwise
from tape_ad._typing import Array, ArrayLike, Namespace

_plain: Namespace = np  # whatever the namespace, the value is NumPy's own
_WITH_NANS = Domain("some of them not numbers", lambda z: np.where(np.abs(z) < 0.5, np.nan, z))
_CHOICES = Domain("0 or 1", lambda z: np.asarray(z > 0, dtype=int))
_POSITIONS = Domain("-1, 0 or 1", lambda z: np.asarray(np.rint(np.tanh(z)), dtype=int))


# --- the larger and the smaller -------------------------------------------------------------------------------------
def _larger(xp: Namespace, x: Array, y: Array) -> Array:
    """1 where ``x > y``, a half at a tie, else 0."""
    return 0.5 * ((x > y) * 1.0 + (x >= y))


@elementwise(np.maximum, partials=(lambda xp, out, x, y: _larger(xp, x, y), lambda xp, out, x, y: _larger(xp, y, x)))
def maximum(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the larger of each pair; at a tie the derivative is split evenly."""
    return xp.maximum(x1, x2)


@elementwise(np.minimum, partials=(lambda xp, out, x, y: _larger(xp, y, x), lambda xp, out, x, y: _larger(xp, x, y)))
def minimum(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the smaller of each pair; at a tie the derivative is split evenly."""
    return xp.minimum(x1, x2)


def _wins(xp: Namespace, x: Array, less: Array, less_or_equal: Array) -> Array:
    """1 where ``x`` is chosen: it is not beaten, or the other is NaN; a half at a tie; 0 where it is NaN itself."""
    return 0.5 * (x == x) * (xp.logical_not(less_or_equal) * 1.0 + xp.logical_not(less))  # noqa: PLR0124 - NaN differs from itself


_NAN_CASES = (
    *BINARY_CASES,
    *[Case(((4, 5), (5,)), {}, domains) for domains in ((_WITH_NANS, REAL), (REAL, _WITH_NANS))],
)


@elementwise(
    np.fmax, cases=_NAN_CASES,
    partials=(lambda xp, out, x, y: _wins(xp, x, x < y, x <= y), lambda xp, out, x, y: _wins(xp, y, y < x, y <= x)),
)  # fmt: skip
def fmax(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the larger of each pair, or the one that is not NaN; at a tie the derivative is split evenly."""
    return xp.fmax(x1, x2)


@elementwise(
    np.fmin, cases=_NAN_CASES,
    partials=(lambda xp, out, x, y: _wins(xp, x, x > y, x >= y), lambda xp, out, x, y: _wins(xp, y, y > x, y >= x)),
)  # fmt: skip
def fmin(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the smaller of each pair, or the one that is not NaN; at a tie the derivative is split evenly."""
    return xp.fmin(x1, x2)


# --- between bounds -------------------------------------------------------------------------------------------------
def _clip_arguments(
    a: Any, a_min: Any = None, a_max: Any = None, out: None = None, *, min: Any = None, max: Any = None
) -> tuple[Any, ...]:
    low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
    if low is None and high is None:
        return "positive", (a,), {}
    if low is None:
        return "minimum", (a, high), {}
    if high is None:
        return "maximum", (a, low), {}
    return (a, low, high), {}


def _inside(xp: Namespace, out: Array, x: Array, low: Array, high: Array) -> Array:
    """1 where ``x`` lies between the bounds, a half at one of them, else 0."""
    return 0.5 * (((x > low) & (x < high)) * 1.0 + ((x >= low) & (x <= high) & (low < high)))


@elementwise(
    partials=(
        _inside,
        lambda xp, out, x, low, high: _larger(xp, low, x) * _larger(xp, high, xp.maximum(x, low)),
        lambda xp, out, x, low, high: _larger(xp, xp.maximum(x, low), high),
    ),
    adapt={np.clip: _clip_arguments},
    name="clip_between",
    domain=(REAL, UNIT, ABOVE_ONE),
    cases=(
        Case(((4,), (), ())),
        Case(((2, 3), (3,), (2, 1))),
        Case(((0,), (), ())),
        Case(((6,), (6,), ()), {}, (STEEP, UNIT, ABOVE_ONE)),
    ),
)
def clip_between(xp: Namespace, x: ArrayLike, min: ArrayLike, max: ArrayLike, /) -> Array:
    """Return ``x`` moved between two bounds; at a bound the derivative is a half."""
    if type(x) is np.ndarray:  # what NumPy's comes to
        return x.clip(min, max)
    return xp.clip(x, min, max)


@expansion()
def clip(xp: Namespace, x: ArrayLike, /, min: ArrayLike | None = None, max: ArrayLike | None = None) -> Array:
    """Return ``x`` moved into the interval between two bounds; at a bound the derivative is a half."""
    *other, operands, _ = _clip_arguments(x, min, max)
    return getattr(xp, other[0] if other else "clip_between")(*operands)


# --- by a condition -------------------------------------------------------------------------------------------------
def _where_arguments(condition: Any, x: Any, y: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (condition, x, y), {}


@linear(
    batched=pointwise,
    transposes=(
        None,
        lambda xp, ct, out, condition, x, y: xp.where(condition, ct, 0),
        lambda xp, ct, out, condition, x, y: xp.where(condition, 0, ct),
    ),
    adapt={np.where: _where_arguments},
    domain=(BOOLEAN, REAL, REAL),
    cases=(
        Case(((3,), (3,), (3,))), Case(((2, 3), (3,), ())), Case(((3,), (2, 1), (2, 3))), Case(((), (), ())),
        Case(((0,), (1,), (0,))),
    ),
)  # fmt: skip
def where(xp: Namespace, condition: ArrayLike, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1`` where the condition is true, else ``x2``."""
    return xp.where(condition, x1, x2)


# --- by a number, or the first of several conditions ----------------------------------------------------------------
def _choose_expression(xp: Namespace, arrays: Any, mode: str = "raise") -> Array:
    index, choices = arrays[0], arrays[1:]
    if mode == "wrap":
        index = xp.remainder(index, len(choices))
    elif mode == "clip":
        index = xp.minimum(xp.maximum(index, 0), len(choices) - 1)
    chosen = choices[-1]
    for i, choice in enumerate(choices[:-1]):
        chosen = xp.where(index == i, choice, chosen)
    return chosen


@composite(
    expression=_choose_expression, variadic=True,
    cases=(
        Case(((3,), (3,), (3,)), {}, (_CHOICES, REAL, REAL)), Case(((2, 3), (3,), (), (2, 1)), {}, (_CHOICES, REAL, REAL, REAL)),
        Case(((3,), (3,), (3,)), {"mode": "wrap"}, (_POSITIONS, REAL, REAL)),
        Case(((3,), (3,), (2, 3)), {"mode": "clip"}, (_POSITIONS, REAL, REAL)),
    ),
)  # fmt: skip
def choose_between(xp: Namespace, arrays: Any, /, *, mode: str = "raise") -> Array:
    """Return ``arrays[1:][i]`` element by element, where ``i`` is the first of the arrays."""
    return _plain.choose(arrays[0], list(arrays[1:]), mode=mode)


@expansion(np.choose)
def choose(xp: Namespace, a: ArrayLike, choices: Any, out: None = None, mode: str = "raise") -> Array:
    """Return, element by element, the choice of that number; all are broadcast together."""
    return xp.choose_between([a, *choices], mode=mode)


def _select_expression(xp: Namespace, arrays: Any) -> Array:
    n = len(arrays) // 2
    chosen = arrays[-1]
    for condition, choice in zip(arrays[n - 1 :: -1], arrays[2 * n - 1 : n - 1 : -1], strict=True):
        chosen = xp.where(condition, choice, chosen)
    return chosen


@composite(
    expression=_select_expression, variadic=True,
    cases=(
        Case(((3,), (3,), (3,), (3,), ()), {}, (BOOLEAN, BOOLEAN, REAL, REAL, REAL)),
        Case(((3,), (2, 3), (2, 1)), {}, (BOOLEAN, REAL, REAL)),
    ),
)  # fmt: skip
def select_between(xp: Namespace, arrays: Any, /) -> Array:
    """Return the choice of the first true condition; the arrays are conditions, as many choices, and the default."""
    n = len(arrays) // 2
    return np.select(list(arrays[:n]), list(arrays[n:-1]), arrays[-1])


@expansion(np.select)
def select(xp: Namespace, condlist: Any, choicelist: Any, default: ArrayLike = 0) -> Array:
    """Return, element by element, the choice of the first true condition, or the default where there is none."""
    if len(condlist) != len(choicelist) or not len(condlist):
        msg = "list of cases must be same length as list of conditions, and not empty"
        raise ValueError(msg)
    return xp.select_between([*condlist, *choicelist, default])
