"""A polynomial and its roots: either from the other, the characteristic polynomial of a matrix, and division."""

from __future__ import annotations

from typing import Any

import numpy as np

from tape_ad._batched import Batched, everywhere
from tape_ad._cases import Case, Domain
from tape_ad._errors import BatchedValueError, NotDifferentiableError
from tape_ad._rules import REAL, expansion, primitive
from tape_ad._stacked import repeated
from tape_ad._typing import Array, ArrayLike, Namespace
from tape_ad.ops.joining import as_array, plain


# --- roots ----------------------------------------------------------------------------------------------------------
def _check_simple(p: Any, roots: Any, slope: Any) -> None:
    """Refuse multiple roots, and such as rounding moves a good part of the way to the next.

    It moves a root by up to eps times the sum of the sizes of all terms, divided by the slope.
    """
    size = 0 * np.abs(roots)
    for c in np.abs(p):
        size = size * np.abs(roots) + c
    apart = np.abs(roots[:, None] - roots[None, :])
    nearest = np.min(np.where(np.eye(len(roots), dtype=bool), np.inf, apart), axis=-1)
    moved = len(p) * np.finfo(roots.dtype).eps * size
    if not everywhere(32 * moved < np.abs(slope) * nearest):
        msg = (
            "np.roots: roots are multiple ones, or nearly so, and there they have no derivative. Differentiate a symmetric function "
            "of them by the coefficients (their sum is -p[1] / p[0]), or make the roots differ a little."
        )
        raise NotDifferentiableError(msg)


def _slopes(xp: Namespace, p: Array, roots: Array) -> tuple[Array, Array]:
    """Return the powers of each root in a row, the highest first, and the derivative of the polynomial at each root."""
    degree = np.shape(p)[0] - 1
    powers = [xp.ones_like(roots)]
    slope: Any = xp.zeros_like(roots)
    for k in range(degree):
        powers.append(powers[-1] * roots)
        slope = slope * roots + p[k] * (degree - k)
    _check_simple(plain(p), plain(roots), plain(slope))
    return xp.stack(powers[::-1], axis=-1), slope


def _roots_vjp(xp: Namespace, ct: Array, out: Array, p: Array) -> Array:
    if not np.shape(out)[0]:
        return xp.zeros_like(p)
    powers, slope = _slopes(xp, p, out)
    return xp.sum(-powers * xp.expand_dims(ct / slope, axis=-1), axis=0)


def _roots_jvp(xp: Namespace, tangents: Any, out: Array, p: Array) -> Array:
    if not np.shape(out)[0]:
        return xp.zeros_like(out)
    powers, slope = _slopes(xp, p, out)
    return xp.sum(-powers * tangents[0], axis=-1) / slope


def _roots_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (p,), (k,) = repeated(operands, leads), leads
    found = [np.roots(q) for q in p.reshape(-1, p.shape[-1])]
    if len({len(roots) for roots in found}) > 1:
        msg = "np.roots: the polynomials of some examples have zeros in front, so fewer roots, and vmap needs one shape for all."
        raise BatchedValueError(msg)
    return np.asarray(found).reshape(*p.shape[:k], -1)


@primitive(
    np.roots, vjps=(_roots_vjp,), jvp=_roots_jvp, batched=_roots_each, domain=(Domain("with simple roots", REAL.draw, complex=True),),
    cases=(
        Case(((4,),)), Case(((2,),)), Case(((6,),)),
        Case(((4,),), {}, (Domain("with real roots", lambda z: np.poly(np.arange(3.0) + 0.1 * np.tanh(z[:3]))),)),
    ),
)  # fmt: skip
def roots(xp: Namespace, p: ArrayLike, /) -> Array:
    """Return the roots of a polynomial with these coefficients, the highest power first.

    By the implicit function theorem a change ``dp`` of the coefficients moves a simple root ``r`` by ``-dp(r) / p'(r)``.

    Raises:
        NotDifferentiableError: where the derivative at a multiple root is asked for.
    """
    return np.roots(p)


# --- from roots -----------------------------------------------------------------------------------------------------
def _adjugates(xp: Namespace, out: Array, x: Array) -> list[Array]:
    """Return the coefficients of the adjugate of ``s I - x`` as a polynomial in ``s``, by Horner's scheme."""
    eye = np.eye(np.shape(x)[-1], dtype=out.dtype)
    found: list[Any] = [eye + 0 * x]
    for k in range(1, np.shape(x)[-1]):
        found.append(xp.matmul(x, found[-1]) + out[..., k, None, None] * eye)
    return found


def _characteristic_vjp(xp: Namespace, ct: Array, out: Array, x: Array) -> Array:
    terms = [-ct[..., k + 1, None, None] * b.mT for k, b in enumerate(_adjugates(xp, out, x))]
    return xp.sum(xp.stack(terms), axis=0)


def _characteristic_jvp(xp: Namespace, tangents: Any, out: Array, x: Array) -> Array:
    moved = [-xp.sum(b.mT * tangents[0], axis=(-2, -1)) for b in _adjugates(xp, out, x)]
    return xp.stack([0 * moved[0], *moved], axis=-1)


def _characteristic_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (x,), (k,) = operands, leads
    found = [compute(one) for one in x.reshape(-1, *x.shape[k:])]
    return np.asarray(found).reshape(*x.shape[:k], -1)


@primitive(
    vjps=(_characteristic_vjp,), jvp=_characteristic_jvp, batched=_characteristic_each,
    cases=(Case(((3, 3),)), Case(((1, 1),)), Case(((2, 2),), {}, (Domain("all alike", lambda z: 0 * z + 0.5, complex=True),)), Case(((4, 4),))),
    domain=(REAL,),
)  # fmt: skip
def characteristic_polynomial(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the coefficients of ``det(s I - x)``, the highest power first; differentiable at repeated eigenvalues too.

    The rule is Jacobi's formula with the adjugate by the method of Faddeev and Leverrier (Gantmacher, The Theory of Matrices,
    chapter IV), which takes the coefficients from the value.
    """
    found = np.poly(x)
    return found.astype(np.result_type(x, found), copy=False)


@expansion(np.poly)
def poly(xp: Namespace, seq_of_zeros: ArrayLike) -> Any:
    """Return the coefficients of the polynomial with these roots, or of the characteristic one of a square matrix.

    They are real where the roots are conjugates of each other, as NumPy tells from the values.
    """
    x = xp.atleast_1d(as_array(xp, seq_of_zeros))
    shape = np.shape(x)
    if len(shape) == 2 and shape[0] == shape[1] != 0:
        found = xp.characteristic_polynomial(x)
    elif len(shape) == 1:
        if not shape[0]:
            return 1.0
        x = xp.astype(x, np.dtype(np.mintypecode(x.dtype.char)))
        one = np.ones(1, x.dtype)
        found = one
        for i in range(shape[0]):
            found = xp.convolve(found, xp.concatenate([one, -x[i : i + 1]]), mode="full")
    else:
        msg = "input must be 1d or non-empty square 2d array."
        raise ValueError(msg)
    return xp.real(found) if found.dtype.kind == "c" and _closed(plain(x)) else found


def _closed(zeros: Any) -> bool:
    """Say whether NumPy takes roots, or those of a matrix, to be conjugates of each other; of examples, in all of them."""
    if type(zeros) is Batched:
        return all(_closed(one) for one in zeros.array.reshape(-1, *zeros.shape))
    return not np.iscomplexobj(np.poly(zeros))


@expansion(np.polydiv)
def polydiv(xp: Namespace, u: ArrayLike, v: ArrayLike) -> tuple[Array, Array]:
    """Return quotient and remainder of two polynomials, the remainder without the zeros in front that NumPy takes off.

    Both are tensors of coefficients, also where a `numpy.poly1d` was given.

    Raises:
        BatchedValueError: inside `vmap`, if the zeros in front differ from example to example.
    """
    given = [x.coeffs if isinstance(x, np.poly1d) else x for x in (u, v)]
    dividend, divisor = [xp.atleast_1d(as_array(xp, x)) + 0.0 for x in given]
    dtype = np.result_type(dividend.dtype, divisor.dtype)
    m, n = np.shape(dividend)[0] - 1, np.shape(divisor)[0] - 1
    scale, rest = 1.0 / divisor[0], xp.astype(dividend, dtype)
    found: list[Any] = []
    for k in range(m - n + 1):
        found.append(scale * rest[k])
        rest = xp.concatenate([rest[:k], rest[k : k + n + 1] - found[-1] * divisor, rest[k + n + 1 :]])
    quotient = xp.stack(found) if found else as_array(xp, np.zeros(1, dtype))
    while np.shape(rest)[0] > 1 and _vanishes(plain(rest[0])):
        rest = rest[1:]
    return quotient, rest


def _vanishes(x: Any) -> bool:
    """Say whether NumPy takes the leading coefficient of a remainder for zero, in all examples or in none."""
    each = np.isclose(x.array if type(x) is Batched else x, 0, rtol=1e-14)
    if each.any() != each.all():
        msg = "np.polydiv: the remainders of some examples have lower degree, and vmap needs one shape for all."
        raise BatchedValueError(msg)
    return bool(each.all())
