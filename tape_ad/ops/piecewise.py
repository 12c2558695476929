"""Element by element, with the derivative zero by definition: rounding, comparisons, tests, logic, bits and integers."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tape_ad._cases import Case, Domain
from tape_ad._core import Instead
from tape_ad._rules import AWAY_FROM_INTEGERS, BOOLEAN, INTEGER, NONZERO, NOT_ALL_FINITE, STEEP, piecewise_constant
from tape_ad._stacked import pointwise
from tape_ad._typing import Array, ArrayLike, Namespace

_SHAPES = (((5,),), ((2, 3),), ((),), ((0,),))


# --- signs and rounding ---------------------------------------------------------------------------------------------
def _real_only(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """The sign of a complex number, ``x / |x|``, is not piecewise constant: it is another op."""
    if np.iscomplexobj(operands[0]):
        raise Instead("complex_sign")
    return params


@piecewise_constant(np.sign, domain=(Domain("away from zero, and real", NONZERO.draw),), canonical=_real_only)
def sign(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return -1, 0 or 1 according to the sign; of complex numbers ``x / |x|``, which has a derivative."""
    return xp.sign(x)


@piecewise_constant(np.floor, domain=(AWAY_FROM_INTEGERS,))
def floor(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the largest integer that is not greater."""
    return xp.floor(x)


@piecewise_constant(np.ceil, domain=(AWAY_FROM_INTEGERS,))
def ceil(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the smallest integer that is not smaller."""
    return xp.ceil(x)


@piecewise_constant(np.trunc, domain=(AWAY_FROM_INTEGERS,))
def trunc(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the integer part."""
    return xp.trunc(x)


@piecewise_constant(np.rint, domain=(AWAY_FROM_INTEGERS,))
def rint(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the nearest integer."""
    return xp.rint(x)


def _round_arguments(a: Any, decimals: Any = 0, out: None = None) -> tuple[Any, ...]:
    decimals = operator.index(decimals)
    return ("round_to", (a,), {"decimals": decimals}) if decimals else ((a,), {})


@piecewise_constant(
    adapt={np.round: _round_arguments, np.around: _round_arguments}, batched=pointwise, domain=(AWAY_FROM_INTEGERS,)
)
def round(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the nearest integer, and the even one if two are equally near."""
    return xp.round(x)


@piecewise_constant(
    batched=pointwise, operands=1, domain=(STEEP,),
    cases=(*[Case(shapes, {"decimals": 1}) for shapes in _SHAPES], Case(((3,),), {"decimals": -1})),
)  # fmt: skip
def round_to(xp: Namespace, x: ArrayLike, /, *, decimals: int) -> Array:
    """Return the nearest number of so many decimals."""
    return xp.round(x, decimals=decimals)


@piecewise_constant(np.fix, batched=pointwise, domain=(AWAY_FROM_INTEGERS,))
def fix(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the integer part."""
    return xp.fix(x)


@piecewise_constant(np.spacing)
def spacing(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the distance to the next number away from zero."""
    return xp.spacing(x)


# --- comparisons ----------------------------------------------------------------------------------------------------
@piecewise_constant(np.equal)
def equal(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return whether ``x1 == x2``."""
    return xp.equal(x1, x2)


@piecewise_constant(np.not_equal)
def not_equal(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return whether ``x1 != x2``."""
    return xp.not_equal(x1, x2)


@piecewise_constant(np.less)
def less(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return whether ``x1 < x2``."""
    return xp.less(x1, x2)


@piecewise_constant(np.less_equal)
def less_equal(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return whether ``x1 <= x2``."""
    return xp.less_equal(x1, x2)


@piecewise_constant(np.greater)
def greater(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return whether ``x1 > x2``."""
    return xp.greater(x1, x2)


@piecewise_constant(np.greater_equal)
def greater_equal(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return whether ``x1 >= x2``."""
    return xp.greater_equal(x1, x2)


# --- tests ----------------------------------------------------------------------------------------------------------
@piecewise_constant(np.isfinite)
def isfinite(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return whether each element is neither infinite nor NaN."""
    return xp.isfinite(x)


@piecewise_constant(np.isinf)
def isinf(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return whether each element is infinite."""
    return xp.isinf(x)


@piecewise_constant(np.isnan)
def isnan(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return whether each element is NaN."""
    return xp.isnan(x)


@piecewise_constant(np.signbit)
def signbit(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return whether the sign bit is set."""
    return xp.signbit(x)


@piecewise_constant(np.isposinf, batched=pointwise, domain=(NOT_ALL_FINITE,))
def isposinf(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return whether each element is positive infinity."""
    return xp.isposinf(x)


@piecewise_constant(np.isneginf, batched=pointwise, domain=(NOT_ALL_FINITE,))
def isneginf(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return whether each element is negative infinity."""
    return xp.isneginf(x)


# --- logic ----------------------------------------------------------------------------------------------------------
@piecewise_constant(np.logical_and)
def logical_and(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return whether both are true."""
    return xp.logical_and(x1, x2)


@piecewise_constant(np.logical_or)
def logical_or(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return whether at least one is true."""
    return xp.logical_or(x1, x2)


@piecewise_constant(np.logical_xor)
def logical_xor(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return whether exactly one is true."""
    return xp.logical_xor(x1, x2)


@piecewise_constant(np.logical_not)
def logical_not(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return whether each element is false."""
    return xp.logical_not(x)


# --- bits and integers ----------------------------------------------------------------------------------------------
@piecewise_constant(np.bitwise_and, domain=(INTEGER, INTEGER))
def bitwise_and(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1 & x2`` of integers or booleans."""
    return xp.bitwise_and(x1, x2)


@piecewise_constant(np.bitwise_or, domain=(INTEGER, INTEGER))
def bitwise_or(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1 | x2`` of integers or booleans."""
    return xp.bitwise_or(x1, x2)


@piecewise_constant(np.bitwise_xor, domain=(INTEGER, INTEGER))
def bitwise_xor(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1 ^ x2`` of integers or booleans."""
    return xp.bitwise_xor(x1, x2)


@piecewise_constant(np.invert, domain=(INTEGER,))
def bitwise_invert(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return ``~x`` of integers or booleans."""
    return xp.invert(x)


@piecewise_constant(np.left_shift, domain=(INTEGER, BOOLEAN))
def bitwise_left_shift(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1 << x2`` of integers."""
    return xp.left_shift(x1, x2)


@piecewise_constant(np.right_shift, domain=(INTEGER, BOOLEAN))
def bitwise_right_shift(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1 >> x2`` of integers."""
    return xp.right_shift(x1, x2)


@piecewise_constant(np.bitwise_count, domain=(INTEGER,))
def bitwise_count(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the number of ones in the absolute value of each integer."""
    return xp.bitwise_count(x)


@piecewise_constant(np.gcd, domain=(INTEGER, INTEGER))
def gcd(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the greatest common divisor of integers."""
    return xp.gcd(x1, x2)


@piecewise_constant(np.lcm, domain=(INTEGER, INTEGER))
def lcm(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the lowest common multiple of integers."""
    return xp.lcm(x1, x2)
