"""Element by element, the rarer ones: signs, scalings, remainders, special functions, phases."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tape_ad._batched import Batched, everywhere
from tape_ad._cases import Case, Domain
from tape_ad._core import constant, own
from tape_ad._errors import MutationError
from tape_ad._rules import (
    ABOVE_ONE,
    AWAY_FROM_INTEGERS,
    BINARY_CASES,
    INTEGER,
    NONZERO,
    NOT_ALL_FINITE,
    POSITIVE,
    REAL,
    STEEP,
    UNARY_CASES,
    WITH_ZEROS,
    composite,
    elementwise,
    expansion,
    linear,
    primitive,
)
from tape_ad._stacked import over_axes, pointwise
from tape_ad._typing import Array, ArrayLike, Namespace

_POSITIVE_INTEGER = Domain("positive integers", lambda z: 1 + np.asarray(np.rint(np.abs(2 * z)), dtype=int))

_LARGE = Domain("up to some tens", lambda z: 12 * z)
_TINY = Domain("near zero", lambda z: 0.02 * z, complex=True)
_SHAPES = (((5,),), ((2, 3),), ((),), ((0,),))


# --- signs ----------------------------------------------------------------------------------------------------------
@elementwise(np.fabs, partials=(lambda xp, out, x: xp.sign(x),), domain=(NONZERO,))
def fabs(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the absolute value of real numbers; its derivative at 0 is 0."""
    return xp.fabs(x)


@elementwise(
    np.copysign, partials=(lambda xp, out, x, y: xp.sign(x) * xp.copysign(1.0, y), None), domain=(NONZERO, NONZERO)
)
def copysign(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1`` with the sign of ``x2``; its derivative at ``x1 = 0`` is 0."""
    return xp.copysign(x1, x2)


@elementwise(
    np.heaviside, partials=(None, lambda xp, out, x, y: x == 0), domain=(WITH_ZEROS, REAL),
    cases=(*BINARY_CASES, Case(((4, 5), (5,)))),
)  # fmt: skip
def heaviside(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return 0 where ``x1`` is negative, 1 where it is positive, and ``x2`` where it is 0."""
    return xp.heaviside(x1, x2)


@composite(
    batched=pointwise, expression=lambda xp, x: x / xp.where(xp.abs(x) == 0, math.inf, xp.abs(x)), domain=(NONZERO,),
    cases=UNARY_CASES,
)  # fmt: skip
def complex_sign(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return ``x / |x|``, and 0 for 0, where its derivative is 0 too: the sign of complex numbers."""
    return np.sign(x)


@composite(
    batched=pointwise, operands=1, adapt={np.angle: lambda z, deg=False: ((z,), {"deg": builtins.bool(deg)})}, domain=(NONZERO,),
    expression=lambda xp, x, deg=False: xp.atan2(xp.imag(x), xp.real(x)) * (180 / math.pi if deg else 1.0),
    cases=(*UNARY_CASES, Case(((2, 2),), {"deg": True})),
)  # fmt: skip
def angle(xp: Namespace, x: ArrayLike, /, *, deg: bool = False) -> Array:
    """Return the angle of complex numbers in radians, or in degrees; of real ones 0 or π, with the derivative 0."""
    return xp.angle(x, deg=deg)


# --- scalings, powers, logarithms -----------------------------------------------------------------------------------
@linear(np.deg2rad, np.radians, transposes=(lambda xp, ct, out, x: ct * (math.pi / 180),))
def deg2rad(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return angles given in degrees in radians."""
    return xp.deg2rad(x)


@linear(np.rad2deg, np.degrees, transposes=(lambda xp, ct, out, x: ct * (180 / math.pi),))
def rad2deg(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return angles given in radians in degrees."""
    return xp.rad2deg(x)


@elementwise(np.ldexp, partials=(lambda xp, out, x, n: xp.ldexp(xp.ones_like(x), n), None), domain=(REAL, INTEGER))
def ldexp(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1 * 2**x2`` for integers ``x2``."""
    return xp.ldexp(x1, x2)


def _float_power_expression(xp: Namespace, x: Array, y: Array) -> Array:
    wide = np.result_type(x.dtype, y.dtype, np.float64)
    return xp.pow(xp.astype(x, wide), xp.astype(y, wide))


@composite(
    np.float_power, expression=_float_power_expression,
    cases=tuple(  # an integer takes part in each, for the result of single precision is double
        Case(case.shapes, {}, domains) for case in BINARY_CASES for domains in ((POSITIVE, INTEGER), (_POSITIVE_INTEGER, REAL))
    ),
)  # fmt: skip
def float_power(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1 ** x2`` in double precision at least, also of integers; its derivatives are those of `pow`."""
    return xp.float_power(x1, x2)


def _share(xp: Namespace, out: Array, x: Array, y: Array) -> Array:
    """The share of ``2**x`` in ``2**out``; a half each where both are the same infinity."""
    if everywhere(xp.isfinite(out)):
        return xp.exp2(x - out)
    infinite = xp.isinf(x)
    finite = xp.exp2(xp.where(infinite, 0, x) - xp.where(infinite, 0, out))
    return xp.where(infinite, (x == out) * (1 - 0.5 * (x == y)), finite)


@elementwise(np.logaddexp2, partials=(_share, lambda xp, out, x, y: _share(xp, out, y, x)))
def logaddexp2(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``log2(2**x1 + 2**x2)`` without overflow."""
    return xp.logaddexp2(x1, x2)


# --- remainders and parts -------------------------------------------------------------------------------------------
@elementwise(
    # The quotient as what is missing to x: x / y itself may have been rounded up to the next integer.
    np.fmod, partials=(lambda xp, out, x, y: 1.0, lambda xp, out, x, y: -xp.rint((x - out) / y)),
    domain=(AWAY_FROM_INTEGERS, ABOVE_ONE),
)  # fmt: skip
def fmod(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the remainder of a division that rounds towards zero: it has the sign of the dividend."""
    return xp.fmod(x1, x2)


def _divmod_divisor(xp: Namespace, ct: Any, out: Any, x: Array, y: Array) -> Array:
    return -ct[1] * xp.stop_gradient(out[0])


def _divmod_jvp(xp: Namespace, tangents: Any, out: Any, x: Array, y: Array) -> tuple[Any, Any]:
    dx, dy = tangents
    moved = None if dy is None else -dy * xp.stop_gradient(out[0])
    return None, dx if moved is None else moved if dx is None else dx + moved


@primitive(
    np.divmod, vjps=(lambda xp, ct, out, x, y: ct[1], _divmod_divisor), jvp=_divmod_jvp, multiple=True,
    domain=(AWAY_FROM_INTEGERS, ABOVE_ONE),
)  # fmt: skip
def divmod(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> tuple[Array, Array]:
    """Return ``x1 // x2``, whose derivative is zero by definition, and ``x1 % x2``."""
    return xp.divmod(x1, x2)  # type: ignore[no-any-return]  # NumPy's gives a tuple


@primitive(
    np.modf, vjps=(lambda xp, ct, out, x: ct[0],), jvp=lambda xp, tangents, out, x: (tangents[0], None), multiple=True,
    domain=(AWAY_FROM_INTEGERS,),
)  # fmt: skip
def modf(xp: Namespace, x: ArrayLike, /) -> tuple[Array, Array]:
    """Return the fractional part and the integer part, whose derivative is zero by definition; both have the sign of ``x``."""
    return xp.modf(x)  # type: ignore[no-any-return]  # NumPy's gives a tuple


@primitive(
    np.frexp, vjps=(lambda xp, ct, out, x: xp.ldexp(ct[0], -out[1]),), multiple=True,
    jvp=lambda xp, tangents, out, x: (xp.ldexp(tangents[0], -out[1]), None),
)  # fmt: skip
def frexp(xp: Namespace, x: ArrayLike, /) -> tuple[Array, Array]:
    """Return a mantissa of [½, 1) and an integer exponent, a constant, such that ``x = mantissa * 2**exponent``."""
    return xp.frexp(x)  # type: ignore[no-any-return]  # NumPy's gives a tuple


@elementwise(np.nextafter, partials=(lambda xp, out, x, y: 1.0, None))
def nextafter(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the next number after ``x1`` towards ``x2``; it moves with ``x1``."""
    return xp.nextafter(x1, x2)


# --- special functions ----------------------------------------------------------------------------------------------
_SINC_TERMS = [(-1) ** j * (j + 1) / math.factorial(2 * j + 3) for j in range(12)]


def _sinc_series(x: Array) -> Array:
    """Return the derivative within 1/π of 0."""
    u = (math.pi * x) * (math.pi * x)
    series: Any = _SINC_TERMS[-1] * u + _SINC_TERMS[-2]
    for term in reversed(_SINC_TERMS[:-2]):
        if type(series) is np.ndarray:
            series *= u
            series += term
        else:
            series = series * u + term
    return -2 * math.pi**2 * x * series


def _sinc_slope(xp: Namespace, out: Array, x: Array) -> Array:
    """``(cos(πx) - sinc(x)) / x``, and within 1/π of 0, where that loses digits, its series; 0 at 0."""
    near = xp.abs(x) < 1 / math.pi
    if type(x) is np.ndarray and x.ndim:
        far = np.where(near, 1, x)
        slope = (np.cos(math.pi * far) - out) / far
        slope[near] = _sinc_series(x[near])
        return slope
    far = xp.where(near, 1, x)
    return xp.where(near, _sinc_series(xp.where(near, x, 0)), (xp.cos(math.pi * far) - out) / far)


@elementwise(
    np.sinc, partials=(_sinc_slope,),
    cases=(*UNARY_CASES, Case(((4,),), {}, (_TINY,)), Case(((9,),), {}, (WITH_ZEROS,))),
)  # fmt: skip
def sinc(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return ``sin(πx) / (πx)``, and 1 for 0. Its derivatives of any order are exact near 0 and at 0."""
    return xp.sinc(x)


def _ratio(xp: Namespace, x: Array, order: int) -> Array:
    # NumPy has no such function, and short rules of ops run in NumPy's own namespace.
    return getattr(xp, "bessel_ratio", bessel_ratio.compute)(x, order=order)


def _ratio_vjp(xp: Namespace, ct: Array, out: Array, x: Array, order: int) -> Array:
    return ct * x * _ratio(xp, x, order + 1)


def _ratio_jvp(xp: Namespace, tangents: Any, out: Array, x: Array, order: int) -> Array:
    return tangents[0] * x * _ratio(xp, x, order + 1)


@primitive(
    vjps=(_ratio_vjp,), jvp=_ratio_jvp, operands=1, batched=pointwise,
    cases=(*[Case(shapes, {"order": 1}) for shapes in _SHAPES], Case(((3,),), {"order": 2}), Case(((4,),), {"order": 0}, (_TINY,))),
)  # fmt: skip
def bessel_ratio(xp: Namespace, x: ArrayLike, /, *, order: int) -> Array:
    """Return the modified Bessel function of an integer order divided by ``x**order``: even, and smooth at 0.

    It is the power series, whose terms are all positive, added up until it stands; the derivative of the ratio of one
    order is ``x`` times that of the next (DLMF 10.25.2 and 10.29.4).
    """
    quarter = np.square(x) / 4
    term = np.ones_like(quarter) / (2**order * math.factorial(order))
    total, k = term, 0
    with np.errstate(all="ignore"):
        while np.any(np.abs(term) > np.abs(total) * np.finfo(total.dtype).eps / 4):
            k += 1
            term = term * quarter / (k * (k + order))
            total = total + term
    return total


@elementwise(
    np.i0, partials=(lambda xp, out, x: x * _ratio(xp, x, 1),),
    cases=(*UNARY_CASES, Case(((6,),), {}, (_LARGE,)), Case(((6,),), {}, (WITH_ZEROS,))),
)  # fmt: skip
def i0(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the modified Bessel function of the first kind, of order 0; its derivative is that of order 1."""
    return xp.i0(x)


# --- replacing and unwinding ----------------------------------------------------------------------------------------
def _nan_to_num_arguments(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> tuple[Any, dict[str, Any]]:
    if not copy:
        msg = "np.nan_to_num(t, copy=False) asks for t to be changed, and a tensor never changes. Write t = np.nan_to_num(t)."
        raise MutationError(msg)
    return (x,), {"nan": nan, "posinf": posinf, "neginf": neginf}


def _replacements(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Refuse replacements that carry a gradient: it would be lost."""
    return {
        key: value if value is None else own(value, what=f"np.nan_to_num(…, {key}=t)") for key, value in params.items()
    }


def _kept_where_finite(xp: Namespace, x: Array, **params: Any) -> Array:
    if not np.iscomplexobj(x):
        return xp.where(xp.isfinite(x), x, 0)
    real, imag = xp.real(x), xp.imag(x)
    return xp.where(xp.isfinite(real), real, 0) + 1j * xp.where(xp.isfinite(imag), imag, 0)


@composite(
    adapt={np.nan_to_num: _nan_to_num_arguments}, expression=_kept_where_finite, canonical=_replacements, batched=pointwise,
    operands=1, domain=(NOT_ALL_FINITE,),
    cases=(*UNARY_CASES, Case(((4, 5),)), Case(((9,),), {"nan": 2.0, "posinf": 3.0, "neginf": -1.5})),
)  # fmt: skip
def nan_to_num(
    xp: Namespace, x: ArrayLike, /, *, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Array:  # fmt: skip
    """Return ``x`` with numbers in place of NaN and infinities: 0 and the largest, or those given. They are constants."""
    return xp.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


@expansion(np.real_if_close)
def real_if_close(xp: Namespace, a: ArrayLike, tol: float = 100) -> Array:
    """Return the real part if all imaginary parts are close to 0, else ``a`` itself.

    ``tol`` counts the distances between 1 and the next number, or is the bound itself if it is at most 1. Inside
    `vmap` the imaginary parts are dropped only if they are close to 0 in all examples.
    """
    x: Any = a if type(a) is Batched else constant(a)
    if not np.iscomplexobj(x):
        return x
    bound = float(np.finfo(x.dtype).eps) * tol if tol > 1 else tol
    return xp.real(x) if everywhere(xp.abs(xp.imag(x)) < bound) else x


def _unwrap_arguments(
    p: Any, discont: Any = None, axis: Any = -1, *, period: Any = 2 * math.pi
) -> tuple[Any, dict[str, Any]]:
    return (p,), {"discont": discont, "axis": axis, "period": period}


def _unwrap_params(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    axis = int(normalize_axis_index(params.get("axis", -1), np.ndim(operands[0])))
    discont, period = params.get("discont"), params.get("period", 2 * math.pi)
    return {
        "discont": discont if discont is None else own(discont, what="np.unwrap(…, discont=t)"),
        "axis": axis,
        "period": own(period, what="np.unwrap(…, period=t)"),
    }


@composite(
    adapt={np.unwrap: _unwrap_arguments}, expression=lambda xp, x, **params: xp.positive(x), canonical=_unwrap_params, batched=over_axes,
    operands=1, domain=(STEEP,),
    cases=(
        Case(((6,),)), Case(((2, 5),)), Case(((5, 2),), {"axis": 0}), Case(((6,),), {"period": 4.0}), Case(((6,),), {"discont": 5.0}),
        Case(((3, 0),)), Case(((1,),)),
    ),
)  # fmt: skip
def unwrap(
    xp: Namespace, x: ArrayLike, /, *, discont: Any = None, axis: int = -1, period: Any = 2 * math.pi
) -> Array:  # fmt: skip
    """Return phases without jumps: whole periods, which are constants, are added where neighbours along the axis differ by more than half of one."""
    return xp.unwrap(x, discont, axis, period=period)
