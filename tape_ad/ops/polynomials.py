"""Polynomials given by their coefficients, the highest power first."""

from __future__ import annotations

from typing import Any

import numpy as np

from tape_ad._batched import everywhere
from tape_ad._cases import Case, Domain
from tape_ad._errors import ArgumentError
from tape_ad._rules import NEVER_COMPLEX, WEIGHTS, composite, expansion
from tape_ad._typing import Array, ArrayLike, DType, Namespace
from tape_ad.ops.differences import as_operand

_plain: Namespace = np  # whatever the namespace, the value is NumPy's own


# --- values, derivatives, arithmetic --------------------------------------------------------------------------------
@expansion(np.polyval)
def polyval(xp: Namespace, p: ArrayLike, x: ArrayLike) -> Array:
    """Return the value at ``x`` of the polynomial with coefficients ``p``, the highest power first."""
    coefficients, at = as_operand(xp, p), as_operand(xp, x)
    value: Any = np.zeros(at.shape, at.dtype)
    for i in range(np.shape(coefficients)[0]):
        value = value * at + coefficients[i]
    return value


@expansion(np.polyder)
def polyder(xp: Namespace, p: ArrayLike, m: int = 1) -> Array:
    """Return the coefficients of the derivative of a polynomial, of order ``m``."""
    y = as_operand(xp, p)
    if m < 0:
        msg = "Order of derivative must be positive (see polyint)"
        raise ValueError(msg)
    for _ in range(int(m)):
        y = y[:-1] * np.arange(np.shape(y)[0] - 1, 0, -1)
    return y


@expansion(np.polyint)
def polyint(xp: Namespace, p: ArrayLike, m: int = 1, k: Any = None) -> Array:
    """Return the coefficients of the integral of a polynomial, of order ``m``, with constants ``k``."""
    m = int(m)
    if m < 0:
        msg = "Order of integral must be positive (see polyder)"
        raise ValueError(msg)
    constants = np.zeros(m) if k is None else xp.reshape(k, -1)
    if np.shape(constants)[0] == 1 and m > 1:
        constants = constants[0] * np.ones(m)
    if np.shape(constants)[0] < m:
        msg = "k must be a scalar or a rank-1 array of length 1 or >m."
        raise ValueError(msg)
    y = as_operand(xp, p)
    for i in range(m):
        y = xp.concatenate((y / np.arange(np.shape(y)[0], 0, -1), constants[i : i + 1]))
    return y


def _same_degree(xp: Namespace, a1: Any, a2: Any) -> tuple[Any, Any]:
    """Return two polynomials with zeros in front of the shorter; of several each, in columns, as NumPy takes them."""
    a1, a2 = (xp.reshape(a, -1) if np.ndim(a) == 0 else as_operand(xp, a) for a in (a1, a2))
    more = np.shape(a2)[0] - np.shape(a1)[0]
    if more > 0:
        return xp.concatenate((np.zeros(more, a1.dtype), a1)), a2
    return a1, xp.concatenate((np.zeros(-more, a2.dtype), a2)) if more else a2


@expansion(np.polyadd)
def polyadd(xp: Namespace, a1: ArrayLike, a2: ArrayLike) -> Array:
    """Return the sum of two polynomials, given by their coefficients."""
    return xp.add(*_same_degree(xp, a1, a2))


@expansion(np.polysub)
def polysub(xp: Namespace, a1: ArrayLike, a2: ArrayLike) -> Array:
    """Return the difference of two polynomials, given by their coefficients."""
    return xp.subtract(*_same_degree(xp, a1, a2))


def _trimmed(xp: Namespace, a: ArrayLike) -> Any:
    """Return coefficients without zeros in front, as NumPy's polynomials have them; one zero is left of zeros only."""
    p = xp.reshape(a, -1)
    while np.shape(p)[0] > 1 and not everywhere(p[0] != 0) and bool(p[0] == 0):
        p = p[1:]
    return p


@expansion(np.polymul)
def polymul(xp: Namespace, a1: ArrayLike, a2: ArrayLike) -> Array:
    """Return the product of two polynomials, given by their coefficients."""
    return xp.convolve(_trimmed(xp, a1), _trimmed(xp, a2), mode="full")


# --- from points ----------------------------------------------------------------------------------------------------
@expansion(np.vander)
def vander(xp: Namespace, x: ArrayLike, N: int | None = None, increasing: bool = False) -> Array:
    """Return the powers of each element in a row, down from ``N - 1``, or up from 0."""
    values = as_operand(xp, x)
    if values.ndim != 1:
        msg = "x must be a one-dimensional array or sequence."
        raise ValueError(msg)
    count = np.shape(values)[0] if N is None else N
    dtype = np.promote_types(values.dtype, int)
    values = xp.astype(values, dtype)
    n = np.shape(values)[0]
    if not count:
        return np.zeros((n, 0), dtype)
    # NumPy multiplies up along the rows, which rounds complex numbers otherwise than products of whole columns.
    powers = xp.cumprod(xp.broadcast_to(xp.reshape(values, (n, 1)), (n, count - 1)), axis=1)
    rows = xp.concatenate((np.ones((n, 1), dtype), powers), axis=1)
    return rows if increasing else xp.flip(rows, axis=1)


def _polyfit_expression(xp: Namespace, arrays: Any, deg: int, rcond: Any = None, dtype: DType = None) -> Array:
    """Solve the least-squares problem by modified Gram-Schmidt (Golub and Van Loan, 5.2.8), the right side carried along."""
    x, y, *weights = arrays
    columns = [xp.ones_like(x)]
    for _ in range(deg):
        columns.append(columns[-1] * x)
    columns, rest = columns[::-1], xp.reshape(y, (np.shape(y)[0], -1))
    if weights:
        columns, rest = [c * weights[0] for c in columns], rest * xp.reshape(weights[0], (-1, 1))
    rows: list[Any] = []
    for j in range(deg + 1):
        norm = xp.sqrt(xp.sum(xp.real(xp.conj(columns[j]) * columns[j])))
        q = columns[j] / norm
        above = [xp.sum(xp.conj(q) * c) for c in columns[j + 1 :]]
        columns[j + 1 :] = [c - r * q for c, r in zip(columns[j + 1 :], above, strict=True)]
        share = xp.sum(xp.reshape(xp.conj(q), (-1, 1)) * rest, axis=0)
        rest = rest - xp.reshape(q, (-1, 1)) * share
        rows.append((norm, above, share))
    found: list[Any] = []
    for norm, above, share in reversed(rows):
        known = share
        for r, c in zip(above, found, strict=True):
            known = known - r * c
        found.insert(0, known / norm)
    return xp.reshape(xp.stack(found), (deg + 1, *np.shape(y)[1:]))


_ABOUT_ONE = Domain("apart from each other", lambda z: np.arange(z.size) * 0.7 - 1 + 0.1 * np.tanh(z))


@composite(
    expression=_polyfit_expression, variadic=True,
    cases=(
        Case(((5,), (5,)), {"deg": 2, "dtype": "float64"}, (_ABOUT_ONE, NEVER_COMPLEX)), Case(((4,), (4, 2)), {"deg": 1, "dtype": "float64"}, (_ABOUT_ONE, NEVER_COMPLEX)),
        Case(((5,), (5,), (5,)), {"deg": 2, "dtype": "float64"}, (_ABOUT_ONE, NEVER_COMPLEX, WEIGHTS)), Case(((3,), (3,)), {"deg": 0, "dtype": "float64"}, (_ABOUT_ONE, NEVER_COMPLEX)),
        Case(((5,), (5, 2), (5,)), {"deg": 1, "dtype": "float64"}, (_ABOUT_ONE, NEVER_COMPLEX, WEIGHTS)),
    ),
)  # fmt: skip
def fitted_polynomial(xp: Namespace, arrays: Any, /, *, deg: int, rcond: Any = None, dtype: DType = None) -> Array:
    """Return the coefficients of the polynomial that fits best: points, values, and weights if there are three."""
    found = _plain.polyfit(arrays[0], arrays[1], deg, rcond=rcond, w=arrays[2] if len(arrays) > 2 else None)
    return found if dtype is None else found.astype(dtype)


@expansion(np.polyfit)
def polyfit(
    xp: Namespace, x: ArrayLike, y: ArrayLike, deg: int, rcond: float | None = None, full: bool = False,
    w: ArrayLike | None = None, cov: bool | str = False,
) -> Array:  # fmt: skip
    """Return the coefficients of the polynomial of degree ``deg`` that fits best, in the sense of least squares.

    It has derivatives in points, values and weights, where the points determine the polynomial.
    """
    if full or cov:
        msg = "np.polyfit on a tensor returns the coefficients only. Leave full and cov out."
        raise ArgumentError(msg)
    return xp.fitted_polynomial([x, y] if w is None else [x, y, w], deg=int(deg), rcond=rcond)
