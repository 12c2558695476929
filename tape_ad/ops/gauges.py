"""What the factorizations share: the tensor namespace's ``linalg``, and rules for what LAPACK chooses.

What a factorization leaves open, LAPACK chooses: the phase of a complex eigenvector, the basis of the space that belongs to
a repeated eigenvalue. A derivative exists for what does not depend on the choice. So

- functions of eigenvalues or singular values alone have a derivative everywhere, exact where they are symmetric in the
  repeated ones; where they are not (the largest of several equal ones), the derivative is split evenly among the equal;
- a singular value of zero is a kink like that of `abs`, and its derivative is 0;
- through vectors, reverse mode raises `NotDifferentiableError` where the function depends on the choice, or may: at a repeated
  value it cannot tell ``V @ diag(f(w)) @ V.mT``, which is smooth, from what is not. Forward mode gives nan for vectors that have
  no derivative. Simple values beside the repeated ones are not affected. A function on which the vectors have no influence at the
  point (``V @ diag(w) @ V.mT`` at the zero matrix) looks like one of the values alone, and is taken for one;
- second derivatives at repeated values raise `NotDifferentiableError`: the rules are exact to first order there.

Values count as equal within rounding: 8 n eps times the largest. In the rules ``G`` is the conjugate of a cotangent, for which the
formulas read as in the literature, with conjugate transposes.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

import numpy as np

from tape_ad._batched import everywhere
from tape_ad._cases import Domain
from tape_ad._core import TENSORS, constant
from tape_ad._errors import NotDifferentiableError
from tape_ad._rules import primitive
from tape_ad._typing import Array, ArrayLike, Namespace

LINALG = TENSORS.linalg = SimpleNamespace()
"""The tensor namespace's counterpart of ``np.linalg``, so that a rule may write ``xp.linalg.inv``."""


def hermitian_part(x: Array) -> Array:
    """Return the average of a matrix and its conjugate transpose."""
    return (x + np.conjugate(x.mT)) / 2


HERMITIAN = Domain("Hermitian", hermitian_part, complex=True, project=hermitian_part)
FULL_RANK = Domain("of full rank", lambda z: z, complex=True)
# Of complex matrices the vectors have a phase that no law about all elements can know; cases read what does not depend on it.
SYMMETRIC = Domain("symmetric", hermitian_part, project=hermitian_part)


def stacked(compute: Any, operands: Any, leads: Any, params: Any) -> Any:
    """Act on the last two axes of the one operand; all others, batch axes too, are the stack."""
    return compute(*operands, **params)


def conj(xp: Namespace, x: Array) -> Array:
    """Return the conjugate; a real array as it is."""
    return xp.conj(x) if x.dtype.kind == "c" else x


def adjoint(xp: Namespace, x: Array) -> Array:
    """Return the conjugate transposes of the matrices."""
    return conj(xp, x.mT)


def times(xp: Namespace, *factors: Array) -> Array:
    """Return the product of matrices, from the left to the right."""
    product = factors[0]
    for factor in factors[1:]:
        product = xp.matmul(product, factor)
    return product


def averaged(xp: Namespace, x: Array) -> Array:
    """Return the Hermitian part, written in the rule's namespace."""
    return (x + adjoint(xp, x)) * 0.5


def plus_diagonal(xp: Namespace, m: Array, d: Array) -> Array:
    """Return matrices that have zeros on the diagonal with these diagonals instead; arrays are written to."""
    if type(m) is not np.ndarray or type(d) is not np.ndarray or not m.flags.c_contiguous:
        return diagonal_matrix(xp, d) + m
    n = d.shape[-1]
    m.reshape(*m.shape[:-2], n * n)[..., :: n + 1] += d
    return m


def diagonal_matrix(xp: Namespace, d: Array) -> Array:
    """Return square matrices with these diagonals."""
    return xp.where(np.eye(d.shape[-1], dtype=bool), d[..., None], 0)


def plain(x: Array) -> Array:
    """Return the data of what a rule computes with, to look at."""
    return constant(x).data if hasattr(x, "creators") else x


# --- what LAPACK chose ----------------------------------------------------------------------------------------------
def _refuse_once_more(xp: Namespace, *_: Any, **__: Any) -> NoReturn:
    msg = (
        "Second derivatives of a factorization with repeated eigenvalues or singular values are not defined by its rules. Use "
        "a formula without the factorization (np.linalg.slogdet, inv, matrix_power), or make the values differ a little."
    )
    raise NotDifferentiableError(msg)


@primitive(vjps=(_refuse_once_more,), jvp=_refuse_once_more, batched=stacked)
def exact_once(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the factor of a matrix with repeated values, to use in a rule: deriving it once more is refused."""
    return x


def guarded(xp: Namespace, *factors: Array) -> tuple[Array, ...]:
    """Mark factors that a rule uses at repeated values; only a recorded rule could be derived again."""
    return tuple([xp.exact_once(x) for x in factors]) if xp is TENSORS else factors


def off_diagonal(m: Array) -> Array:
    """Return the matrices with zeros on the diagonal."""
    return np.where(np.eye(m.shape[-1], dtype=bool), 0, m)


def tolerance(dtype: Any, size: Array) -> Array:
    """Return what counts as zero beside numbers of this size; a thousand eps do in any case, where all else has cancelled."""
    eps = np.finfo(dtype).eps
    return np.sqrt(eps) * size + 1000 * eps


def largest(m: Array) -> Array:
    """Return the largest absolute value of each matrix, as a matrix of one element."""
    return np.max(np.abs(m), axis=(-2, -1), keepdims=True)


def refuse(function: str, what: str) -> NoReturn:
    """Raise the error for a function that depends on what LAPACK chose."""
    msg = (
        f"{function}: the function depends on {what}, which LAPACK chooses freely, or cannot be told from one that does; it has no "
        "derivative by this rule. Use eigenvalues or singular values alone, or projectors and absolute values in place of vectors; "
        "or make repeated values differ a little."
    )
    raise NotDifferentiableError(msg)


class Values(NamedTuple):
    """Eigenvalues or singular values, as rules need them.

    ``inverse_gaps[i, j]`` is ``1 / (value j - value i)``, and 0 where these are tied. ``tied`` says where, and is None if
    no two values are. ``zero`` says which are 0, of singular values.
    """

    tied: Array | None
    inverse_gaps: Array
    zero: Array


def values_of(xp: Namespace, w: Array) -> Values:
    """Return the values of each matrix with what tells which of them are equal."""
    n = w.shape[-1]
    found = plain(w)
    allowed = 8 * n * np.finfo(found.dtype).eps * np.max(np.abs(found), axis=-1, keepdims=True)
    if type(w) is np.ndarray and w.dtype.kind == "f" and np.all(np.diff(np.sort(w, axis=-1), axis=-1) > allowed):
        gaps = w[..., None, :] - w[..., :, None]
        gaps.reshape(*w.shape[:-1], n * n)[..., :: n + 1] = np.inf
        return Values(None, 1 / gaps, np.abs(w) <= allowed)
    close = np.abs(found[..., None, :] - found[..., :, None]) <= allowed[..., None]
    safe = close | np.eye(n, dtype=bool)
    gaps = w[..., None, :] - w[..., :, None]
    inverse = xp.where(safe, 0, 1 / xp.where(safe, 1, gaps))
    apart = everywhere(np.logical_not(off_diagonal(close)))
    return Values(None if apart else close, inverse, np.abs(found) <= allowed)


def split_evenly(xp: Namespace, tied: Array, g: Array) -> Array:
    """Return the average of each value over those that are tied with it."""
    return xp.sum(xp.where(tied, g[..., None, :], 0), axis=-1) / np.sum(tied, axis=-1)


def check_ties(function: str, tied: Array, gw: Array, m: Array, read: Array) -> None:
    """Refuse a function of the vectors of tied values; ``read`` says for each matrix whether any vector matters."""
    gw, m = plain(gw), plain(m)
    repeated = tied & (np.sum(tied, axis=-1) > 1)[..., None]
    inside = np.where(repeated, np.abs(m), 0)
    if not everywhere(inside <= tolerance(m.dtype, largest(m))):
        refuse(function, "the eigenvectors that belong to a repeated value")
    unequal = np.where(tied, np.abs(gw[..., None, :] - gw[..., :, None]), 0)
    allowed = tolerance(gw.dtype, np.max(np.abs(gw), axis=-1, keepdims=True))[..., None]
    if not everywhere((unequal <= allowed) | np.logical_not(read)):
        refuse(function, "the eigenvectors that belong to a repeated value")


def reads_vectors(*gs: Array) -> Array:
    """Say for each matrix of a stack whether its vectors take part in the function at all."""
    return np.any(np.stack([np.any(plain(g) != 0, axis=(-2, -1)) for g in gs]), axis=0)[..., None, None]


def check_phase(function: str, m: Array) -> None:
    """Refuse a function that changes when a complex vector is multiplied by a phase."""
    if m.dtype.kind == "c":
        m = plain(m)
        turning = np.abs(np.imag(np.linalg.diagonal(m)))[..., None]
        if not everywhere(turning <= tolerance(m.dtype, largest(m))):
            refuse(function, "the phase of a complex vector")


def undefined_vectors(tied: Array, w: Array) -> Array:
    """Say which vectors have no derivative along a direction: those it mixes with others of the same value.

    ``w`` is the direction in the basis of the vectors. Where it is a multiple of the identity, nothing is mixed.
    """
    w = plain(w)
    d = np.linalg.diagonal(w)
    mixed = np.abs(off_diagonal(w)) + np.abs(d[..., None, :] - d[..., :, None])
    return np.any(tied & (mixed > tolerance(w.dtype, largest(w))), axis=-2)


def or_nan(xp: Namespace, undefined: Array, columns: Array) -> Array:
    """Return the tangent of vectors with nan in the columns that have none."""
    return columns if everywhere(np.logical_not(undefined)) else xp.where(undefined[..., None, :], np.nan, columns)
