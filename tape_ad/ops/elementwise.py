"""Element by element: arithmetic, exponentials, trigonometry, parts of complex numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tape_ad._batched import everywhere
from tape_ad._rules import (
    ABOVE_ONE,
    AWAY_FROM_INTEGERS,
    NONZERO,
    POSITIVE,
    REAL,
    UNIT,
    elementwise,
    linear,
    piecewise_constant,
    primitive,
    unchanged,
)
from tape_ad._stacked import pointwise
from tape_ad._typing import Array, ArrayLike, Namespace

LOG_2 = math.log(2.0)
LOG_10 = math.log(10.0)
_NUMBERS = (int, float)


# --- arithmetic -----------------------------------------------------------------------------------------------------
@linear(np.add, transposes=(unchanged, unchanged))
def add(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1 + x2``."""
    return xp.add(x1, x2)


@linear(np.subtract, transposes=(unchanged, lambda xp, ct, out, x, y: -ct))
def subtract(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1 - x2``."""
    return xp.subtract(x1, x2)


@elementwise(np.multiply, partials=(lambda xp, out, x, y: y, lambda xp, out, x, y: x))
def multiply(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1 * x2``."""
    return xp.multiply(x1, x2)


def _reciprocal(xp: Namespace, out: Array, x: Array, y: Array) -> Array:
    try:
        return 1.0 / y
    except ZeroDivisionError:  # a Python number, where NumPy has inf
        return xp.divide(1.0, y)


@elementwise(np.divide, partials=(_reciprocal, lambda xp, out, x, y: -out / y), domain=(REAL, NONZERO))
def divide(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1 / x2``."""
    return xp.divide(x1, x2)


def _power_base(xp: Namespace, out: Array, x: Array, y: Array) -> Array:
    """``y x^(y-1)``, and 0 where ``y`` is 0, also at ``x = 0``."""
    n = y if type(y) in _NUMBERS else y.data if not getattr(y, "creators", True) and not y.autograd else None
    if type(n) in _NUMBERS and n:
        return 2 * x if n == 2 else n * x ** (n - 1)
    if xp.ndim(y) == 0 and everywhere(y != 0) and not getattr(y, "autograd", False):
        return y * x ** (y - 1)
    return y * xp.where((x == 0) & (y == 0), 1, x) ** (y - 1)


def _power_exponent(xp: Namespace, out: Array, x: Array, y: Array) -> Array:
    """``x^y log(x)``, and 0 where ``x`` is 0: the limit for every positive ``y``."""
    return out * xp.log(xp.where(x == 0, 1, x))


@elementwise(np.power, partials=(_power_base, _power_exponent), domain=(POSITIVE, REAL))
def pow(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1 ** x2``."""
    return xp.power(x1, x2)


@elementwise(
    np.remainder,
    partials=(lambda xp, out, x, y: 1.0, lambda xp, out, x, y: -xp.floor_divide(x, y)),
    domain=(AWAY_FROM_INTEGERS, ABOVE_ONE),
)
def remainder(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1 % x2``, with the sign of the divisor."""
    return xp.remainder(x1, x2)


@piecewise_constant(np.floor_divide, domain=(AWAY_FROM_INTEGERS, ABOVE_ONE))
def floor_divide(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1 // x2``."""
    return xp.floor_divide(x1, x2)


@linear(np.negative, transposes=(lambda xp, ct, out, x: -ct,))
def negative(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return ``-x``."""
    return xp.negative(x)


@linear(np.positive, transposes=(unchanged,))
def positive(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return ``+x``."""
    return xp.positive(x)


def _abs_slope(xp: Namespace, out: Array, x: Array) -> Array:
    """``sign(x)``, or ``conj(x) / |x|`` for complex ``x``; 0 at 0."""
    if xp.iscomplexobj(x):
        return xp.conj(x) / xp.where(out == 0, 1, out)
    return xp.sign(x)


def _abs_vjp(xp: Namespace, ct: Array, out: Array, x: Array) -> Array:
    return ct * _abs_slope(xp, out, x)


def _abs_jvp(xp: Namespace, tangents: Any, out: Array, x: Array) -> Array:
    return xp.real(_abs_slope(xp, out, x) * tangents[0])


@primitive(np.absolute, vjps=(_abs_vjp,), jvp=_abs_jvp, domain=(NONZERO,))
def abs(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the absolute value; its derivative at 0 is 0."""
    return xp.absolute(x)


@elementwise(np.square, partials=(lambda xp, out, x: 2 * x,))
def square(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return ``x * x``."""
    return xp.square(x)


@elementwise(np.reciprocal, partials=(lambda xp, out, x: -out * out,), domain=(NONZERO,))
def reciprocal(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return ``1 / x``."""
    return xp.reciprocal(x)


@elementwise(np.sqrt, partials=(lambda xp, out, x: 0.5 / out,), domain=(POSITIVE,))
def sqrt(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the square root."""
    return xp.sqrt(x)


@elementwise(np.cbrt, partials=(lambda xp, out, x: 1.0 / (3 * out * out),), domain=(POSITIVE,))
def cbrt(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the real cube root."""
    return xp.cbrt(x)


# --- exponentials and logarithms ------------------------------------------------------------------------------------
@elementwise(np.exp, partials=(lambda xp, out, x: out,))
def exp(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the exponential."""
    return xp.exp(x)


@elementwise(np.expm1, partials=(lambda xp, out, x: out + 1,))
def expm1(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return ``exp(x) - 1``, exact for small ``x``."""
    return xp.expm1(x)


@elementwise(np.exp2, partials=(lambda xp, out, x: out * LOG_2,))
def exp2(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return ``2 ** x``."""
    return xp.exp2(x)


@elementwise(np.log, partials=(lambda xp, out, x: 1.0 / x,), domain=(POSITIVE,))
def log(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the natural logarithm."""
    return xp.log(x)


@elementwise(np.log1p, partials=(lambda xp, out, x: 1.0 / (1 + x),), domain=(POSITIVE,))
def log1p(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return ``log(1 + x)``, exact for small ``x``."""
    return xp.log1p(x)


@elementwise(np.log2, partials=(lambda xp, out, x: 1.0 / (x * LOG_2),), domain=(POSITIVE,))
def log2(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the logarithm to base 2."""
    return xp.log2(x)


@elementwise(np.log10, partials=(lambda xp, out, x: 1.0 / (x * LOG_10),), domain=(POSITIVE,))
def log10(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the logarithm to base 10."""
    return xp.log10(x)


def _share(xp: Namespace, out: Array, x: Array, y: Array) -> Array:
    """The share of ``exp(x)`` in ``exp(out)``; a half each where both are the same infinity."""
    if everywhere(xp.isfinite(out)):
        return xp.exp(x - out)
    infinite = xp.isinf(x)
    finite = xp.exp(xp.where(infinite, 0, x) - xp.where(infinite, 0, out))
    return xp.where(infinite, (x == out) * (1 - 0.5 * (x == y)), finite)


@elementwise(np.logaddexp, partials=(_share, lambda xp, out, x, y: _share(xp, out, y, x)))
def logaddexp(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``log(exp(x1) + exp(x2))`` without overflow."""
    return xp.logaddexp(x1, x2)


# --- trigonometry ---------------------------------------------------------------------------------------------------
@elementwise(np.sin, partials=(lambda xp, out, x: xp.cos(x),))
def sin(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the sine; ``x`` in radians."""
    return xp.sin(x)


@elementwise(np.cos, partials=(lambda xp, out, x: -xp.sin(x),))
def cos(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the cosine; ``x`` in radians."""
    return xp.cos(x)


@elementwise(np.tan, partials=(lambda xp, out, x: 1 + out * out,))
def tan(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the tangent; ``x`` in radians."""
    return xp.tan(x)


@elementwise(np.arcsin, partials=(lambda xp, out, x: 1.0 / xp.sqrt((1 - x) * (1 + x)),), domain=(UNIT,))
def asin(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the inverse sine in radians."""
    return xp.arcsin(x)


@elementwise(np.arccos, partials=(lambda xp, out, x: -1.0 / xp.sqrt((1 - x) * (1 + x)),), domain=(UNIT,))
def acos(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the inverse cosine in radians."""
    return xp.arccos(x)


@elementwise(np.arctan, partials=(lambda xp, out, x: 1.0 / (1 + x * x),))
def atan(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the inverse tangent in radians."""
    return xp.arctan(x)


def _turn(xp: Namespace, x: Array, y: Array) -> Array:
    """``x / (x^2 + y^2)``, 0 at the origin, without overflow and in floating point also for integers."""
    radius = xp.hypot(x, y)
    radius = radius + (radius == 0)
    return x / radius / radius


@elementwise(
    np.arctan2,
    partials=(lambda xp, out, y, x: _turn(xp, x, y), lambda xp, out, y, x: -_turn(xp, y, x)),
    domain=(NONZERO, NONZERO),
)
def atan2(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the angle of the point ``(x2, x1)`` in radians."""
    return xp.arctan2(x1, x2)


@elementwise(np.sinh, partials=(lambda xp, out, x: xp.cosh(x),))
def sinh(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the hyperbolic sine."""
    return xp.sinh(x)


@elementwise(np.cosh, partials=(lambda xp, out, x: xp.sinh(x),))
def cosh(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the hyperbolic cosine."""
    return xp.cosh(x)


@elementwise(np.tanh, partials=(lambda xp, out, x: 1.0 - out * out,))
def tanh(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the hyperbolic tangent."""
    return xp.tanh(x)


@elementwise(np.arcsinh, partials=(lambda xp, out, x: 1.0 / xp.sqrt(1 + x * x),))
def asinh(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the inverse hyperbolic sine."""
    return xp.arcsinh(x)


@elementwise(np.arccosh, partials=(lambda xp, out, x: 1.0 / (xp.sqrt(x - 1) * xp.sqrt(x + 1)),), domain=(ABOVE_ONE,))
def acosh(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the inverse hyperbolic cosine."""
    return xp.arccosh(x)


@elementwise(np.arctanh, partials=(lambda xp, out, x: 1.0 / ((1 - x) * (1 + x)),), domain=(UNIT,))
def atanh(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the inverse hyperbolic tangent."""
    return xp.arctanh(x)


def _hypot_slope(xp: Namespace, out: Array, x: Array) -> Array:
    return x / xp.where(out == 0, 1, out)


@elementwise(
    np.hypot,
    partials=(lambda xp, out, x, y: _hypot_slope(xp, out, x), lambda xp, out, x, y: _hypot_slope(xp, out, y)),
    domain=(NONZERO, NONZERO),
)
def hypot(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``sqrt(x1**2 + x2**2)`` without overflow; its derivative at the origin is 0."""
    return xp.hypot(x1, x2)


# --- complex numbers ------------------------------------------------------------------------------------------------
@linear(np.conjugate, transposes=(lambda xp, ct, out, x: xp.conjugate(ct),))
def conj(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the complex conjugate."""
    return xp.conjugate(x)


@linear(np.real, transposes=(unchanged,), operands=1, batched=pointwise)
def real(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the real part."""
    return xp.real(x)


@linear(np.imag, transposes=(lambda xp, ct, out, x: ct * -1j,), operands=1, batched=pointwise)
def imag(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the imaginary part."""
    return xp.imag(x)
