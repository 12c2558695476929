"""Factorizations of matrices: Cholesky, QR, eigenvalues and eigenvectors. All take stacks of matrices.

What is open to choice, and what then has a derivative: `tape_ad.ops.gauges`. The formulas: Giles, "Collected matrix derivative
results", 2008; Murray, "Differentiation of the Cholesky decomposition", 2016; Walter and Lehmann, "Algorithmic differentiation
of linear algebra functions", 2011.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from tape_ad._batched import everywhere
from tape_ad._cases import Case, Domain
from tape_ad._core import TABLE, TENSORS
from tape_ad._errors import ArgumentError, NotDifferentiableError
from tape_ad._rules import composite, expansion, piecewise_constant, primitive
from tape_ad._typing import Array, ArrayLike, Namespace
from tape_ad.ops.gauges import (
    FULL_RANK,
    HERMITIAN,
    LINALG,
    SYMMETRIC,
    adjoint,
    averaged,
    check_phase,
    check_ties,
    conj,
    diagonal_matrix,
    guarded,
    hermitian_part,
    largest,
    or_nan,
    plain,
    plus_diagonal,
    reads_vectors,
    refuse,
    split_evenly,
    stacked,
    times,
    tolerance,
    undefined_vectors,
    values_of,
)

_plain: Namespace = np  # whatever the namespace, the value is NumPy's own
_DEFINITE = Domain(
    "positive definite",
    lambda z: z @ np.conjugate(z.mT) + np.eye(z.shape[-1]),
    complex=True,
    project=hermitian_part,
)


_SPREAD = Domain("with real eigenvalues far apart", lambda z: 0.3 * z + np.diag(2.0 * np.arange(z.shape[-1])))
_SPREAD_COMPLEX = Domain("with eigenvalues far apart", _SPREAD.draw, complex=True)


def _exponential(w: Any, v: Any) -> Any:
    """Return the exponential of a matrix, from its eigenvalues and eigenvectors: whatever their phase, it is the same."""
    return (v * np.exp(w)[..., None, :]) @ np.linalg.inv(v)


# --- Cholesky -------------------------------------------------------------------------------------------------------
def _lower_half(xp: Namespace, x: Array) -> Array:
    """Return the lower triangle with half of the diagonal."""
    n = x.shape[-1]
    if type(x) is np.ndarray:
        half = np.tril(x)
        half.reshape(*x.shape[:-2], n * n)[..., :: n + 1] *= 0.5
        return half
    return xp.where(np.tri(n, k=-1, dtype=bool), x, xp.where(np.eye(n, dtype=bool), x * 0.5, 0))


def _cholesky_vjp(xp: Namespace, ct: Array, out: Array, x: Array, upper: bool = False) -> Array:
    factor = adjoint(xp, out) if upper else out
    g = ct.mT if upper else conj(xp, ct)
    inner = _lower_half(xp, xp.matmul(adjoint(xp, factor), g))
    inverse = xp.linalg.inv(factor)  # NumPy has no triangular solve; two general ones take longer
    return conj(xp, averaged(xp, times(xp, adjoint(xp, inverse), inner, inverse)))


def _cholesky_jvp(xp: Namespace, tangents: Any, out: Array, x: Array, upper: bool = False) -> Array:
    factor = adjoint(xp, out) if upper else out
    left = xp.linalg.solve(factor, averaged(xp, tangents[0]))
    moved = xp.matmul(factor, _lower_half(xp, xp.linalg.solve(factor, adjoint(xp, left))))
    return adjoint(xp, moved) if upper else moved


def _triangle(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    return {"upper": True} if params.get("upper") else {}


@primitive(
    np.linalg.cholesky, vjps=(_cholesky_vjp,), jvp=_cholesky_jvp, batched=stacked, canonical=_triangle, domain=(_DEFINITE,),
    cases=(Case(((3, 3),)), Case(((3, 3),), {"upper": True}), Case(((2, 2, 2),)), Case(((2, 2, 2),), {"upper": True}), Case(((1, 1),)), Case(((0, 0),))),
)  # fmt: skip
def cholesky(xp: Namespace, x: ArrayLike, /, *, upper: bool = False) -> Array:
    """Return the lower triangular ``L`` with ``L @ L^H = x``, or with ``upper`` its conjugate transpose.

    ``x`` is Hermitian and positive definite. One triangle of it is read; the gradient is that of the Hermitian part, in
    both triangles (Murray 2016).
    """
    return xp.linalg.cholesky(x, upper=upper)


# --- QR -------------------------------------------------------------------------------------------------------------
def _check_rank(r: Array, k: int) -> None:
    """Refuse dependent columns, where the factors jump."""
    d = np.abs(np.linalg.diagonal(plain(r)[..., :k, :k]))
    if k and not everywhere(d > 8 * k * np.finfo(d.dtype).eps * np.max(d, axis=-1, keepdims=True)):
        msg = (
            "np.linalg.qr: the leading columns are linearly dependent, and there the factors have no derivative. Use "
            "np.linalg.svd or np.linalg.pinv, or leave the dependent columns out."
        )
        raise NotDifferentiableError(msg)


def _upper_part(xp: Namespace, x: Array) -> Array:
    return xp.where(np.tri(x.shape[-2], x.shape[-1], k=-1, dtype=bool), 0, x)


def _turn(xp: Namespace, b: Array) -> Array:
    """Return the change of Q within its own columns: anti-Hermitian, and such that R stays upper triangular with a real diagonal."""
    lower = xp.where(np.tri(b.shape[-1], k=-1, dtype=bool), b, 0)
    turn = lower - adjoint(xp, lower)
    return turn + 1j * diagonal_matrix(xp, xp.imag(xp.linalg.diagonal(b))) if b.dtype.kind == "c" else turn


def _turn_transpose(xp: Namespace, g: Array) -> Array:
    lower = xp.where(np.tri(g.shape[-1], k=-1, dtype=bool), g - adjoint(xp, g), 0)
    return lower + 1j * diagonal_matrix(xp, xp.imag(xp.linalg.diagonal(g))) if g.dtype.kind == "c" else lower


def _qr_vjp(xp: Namespace, ct: Any, out: Any, x: Array, mode: str = "reduced") -> Array:
    (q, r), (m, n) = out, x.shape[-2:]
    k = min(m, n)
    if not k:
        return xp.zeros_like(x)
    _check_rank(r, k)
    gq, gr = conj(xp, ct[0]), _upper_part(xp, conj(xp, ct[1]))
    rest, g_rest = q[..., k:], gq[..., k:]
    q, r, gq, gr = q[..., :k], r[..., :k, :], gq[..., :k], gr[..., :k, :]
    qh = adjoint(xp, q)
    inner = _turn_transpose(xp, xp.matmul(qh, gq) - xp.matmul(gr, adjoint(xp, r)))
    if rest.shape[-1]:
        seen = plain(xp.matmul(adjoint(xp, rest), g_rest))
        if not everywhere(
            np.abs(seen - np.conjugate(seen.mT)) <= tolerance(seen.dtype, largest(plain(gq)) + largest(seen))
        ):
            refuse("np.linalg.qr", "the basis of the columns that complete Q")
        outer = xp.matmul(rest, xp.matmul(adjoint(xp, rest), gq) - xp.matmul(adjoint(xp, g_rest), q))
    else:
        outer = gq - xp.matmul(q, xp.matmul(qh, gq))
    leading = adjoint(xp, xp.linalg.solve(r[..., :k], adjoint(xp, xp.matmul(q, inner) + outer)))
    if n > k:
        leading = xp.concat([leading, xp.zeros_like(x[..., k:])], axis=-1)
    return conj(xp, leading + xp.matmul(q, gr))


def _qr_jvp(xp: Namespace, tangents: Any, out: Any, x: Array, mode: str = "reduced") -> Any:
    (q, r), (dx,), (m, n) = out, tangents, x.shape[-2:]
    k = min(m, n)
    if not k:
        return xp.zeros_like(q), xp.zeros_like(r)
    _check_rank(r, k)
    rest, q, top = q[..., k:], q[..., :k], r[..., :k, :]
    # dx R^-1, by a solve with the transposed matrices
    scaled = xp.linalg.solve(top[..., :k].mT, dx[..., :k].mT).mT
    qh = adjoint(xp, q)
    inner = xp.matmul(qh, scaled)
    turn = _turn(xp, inner)
    dr = _upper_part(xp, xp.matmul(qh, dx) - xp.matmul(turn, top))
    if not rest.shape[-1]:
        return scaled - xp.matmul(q, inner) + xp.matmul(q, turn), dr
    across = xp.matmul(adjoint(xp, rest), scaled)
    d_rest = -xp.matmul(q, adjoint(xp, across))
    dq = xp.concat([xp.matmul(rest, across) + xp.matmul(q, turn), d_rest], axis=-1)
    return dq, xp.concat([dr, xp.zeros_like(r[..., k:, :])], axis=-2)


def _qr_arguments(a: Any, mode: str = "reduced") -> tuple[Any, ...]:
    if mode == "r":
        return "qr_r", (a,), {}
    return (a,), {"mode": mode}


def _qr_mode(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    mode = params.get("mode", "reduced")
    if mode not in ("reduced", "complete"):
        msg = f"qr(…, mode={mode!r}) is not supported on a tensor. Use mode='reduced' or 'complete', or np.linalg.qr(t, mode='r')."
        raise ArgumentError(msg)
    return {"mode": "complete"} if mode == "complete" else {}


@primitive(
    vjps=(_qr_vjp,), jvp=_qr_jvp, batched=stacked, multiple=True, canonical=_qr_mode, adapt={np.linalg.qr: _qr_arguments}, domain=(FULL_RANK,),
    cases=(Case(((4, 3),)), Case(((3, 3),)), Case(((2, 4),)), Case(((2, 3, 2),)), Case(((3, 3),), {"mode": "complete"}), Case(((2, 4),), {"mode": "complete"}), Case(((0, 2),))),
)  # fmt: skip
def qr(xp: Namespace, x: ArrayLike, /, *, mode: Literal["reduced", "complete"] = "reduced") -> Array:
    """Return ``Q`` with orthonormal columns and an upper triangular ``R`` with ``Q @ R = x``, as a named tuple.

    The gauge is LAPACK's: the diagonal of R is real, its signs are constant. The leading columns must be independent. With
    ``mode="complete"`` the columns that complete Q are a basis of LAPACK's choice: forward mode gives the one that moves least,
    reverse mode takes functions of their span only (Walter and Lehmann 2011).

    Raises:
        NotDifferentiableError: where the columns are dependent, or the function depends on the choice.
    """
    return xp.linalg.qr(x, mode=mode)


@composite(
    expression=lambda xp, x: xp.linalg.qr(x)[1], batched=stacked, domain=(FULL_RANK,),
    cases=(Case(((4, 3),)), Case(((2, 4),)), Case(((2, 3, 2),)), Case(((2, 2),))),
)  # fmt: skip
def qr_r(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the upper triangular factor alone: ``np.linalg.qr(x, mode="r")``."""
    return xp.linalg.qr(x, mode="r")


# --- Hermitian eigenvalues ------------------------------------------------------------------------------------------
def _eigh_vjp(xp: Namespace, ct: Any, out: Any, x: Array, UPLO: str = "L") -> Array:
    (w, v), (gw, gv) = out, ct
    if not w.shape[-1]:
        return xp.zeros_like(x)
    gv = conj(xp, gv)
    tied, inverse, _ = values = values_of(xp, w)
    if tied is not None:
        w, v = guarded(xp, w, v)
        inverse = values_of(xp, w).inverse_gaps
    vh = adjoint(xp, v)
    m = xp.matmul(vh, gv)
    check_phase("np.linalg.eigh", m)
    if values.tied is not None:
        check_ties("np.linalg.eigh", values.tied, gw, m, reads_vectors(gv))
        gw = split_evenly(xp, values.tied, gw)
    g = times(xp, v, plus_diagonal(xp, inverse * m, gw), vh)
    return conj(xp, averaged(xp, g))


def _eigh_jvp(xp: Namespace, tangents: Any, out: Any, x: Array, UPLO: str = "L") -> Any:
    w, v = out
    if not w.shape[-1]:
        return xp.zeros_like(w), xp.zeros_like(v)
    tied, inverse, _ = values_of(xp, w)
    if tied is not None:
        w, v = guarded(xp, w, v)
        inverse = values_of(xp, w).inverse_gaps
    direction = times(xp, adjoint(xp, v), averaged(xp, tangents[0]), v)
    dw = xp.real(xp.linalg.diagonal(direction))
    dv = xp.matmul(v, inverse * direction)
    if tied is None:
        return dw, dv
    return split_evenly(xp, tied, dw), or_nan(xp, undefined_vectors(tied, direction), dv)


def _read_triangle(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Leave NumPy's check of the letter to NumPy."""
    uplo = params.get("UPLO", "L")
    return {} if uplo in ("L", "l") else {"UPLO": uplo}


_UPLO = {"UPLO": "U"}


@primitive(
    np.linalg.eigh, vjps=(_eigh_vjp,), jvp=_eigh_jvp, batched=stacked, multiple=True, canonical=_read_triangle, name="eigh",
    operands=1, domain=(SYMMETRIC,),
    cases=(
        Case(((3, 3),)), Case(((3, 3),), _UPLO), Case(((2, 2, 2),)), Case(((1, 1),)), Case(((0, 0),)),
        Case(((3, 3),), {}, (HERMITIAN,), _exponential), Case(((2, 2, 2),), _UPLO, (HERMITIAN,), _exponential),
    ),
)  # fmt: skip
def _eigh(xp: Namespace, x: ArrayLike, /, UPLO: str = "L") -> Array:
    """Return eigenvalues, ascending, and eigenvectors of Hermitian matrices, reading the triangle ``UPLO``."""
    return xp.linalg.eigh(x, UPLO=UPLO)


@expansion()
def eigh(xp: Namespace, x: ArrayLike, /) -> Any:
    """Return the eigenvalues of Hermitian matrices, ascending, and the eigenvectors as columns, as a named tuple.

    One triangle is read; the gradient is that of the Hermitian part, in both triangles. A complex eigenvector is moved
    orthogonally to itself: functions of its phase are refused. At repeated eigenvalues see `tape_ad.ops.gauges`.

    Raises:
        NotDifferentiableError: in reverse mode, where the function depends on what LAPACK chose.
    """
    return TABLE["eigh"](x)


def _eigvalsh_expression(xp: Namespace, x: Array, UPLO: str = "L") -> Array:
    return xp.linalg.eigh(x)[0] if UPLO in ("L", "l") else TABLE["eigh"](x, UPLO=UPLO)[0]


@composite(
    np.linalg.eigvalsh, expression=_eigvalsh_expression, batched=stacked, canonical=_read_triangle, name="eigvalsh", operands=1,
    domain=(HERMITIAN,), cases=(Case(((3, 3),)), Case(((3, 3),), _UPLO), Case(((2, 2, 2),)), Case(((1, 1),)), Case(((0, 0),))),
)  # fmt: skip
def _eigvalsh(xp: Namespace, x: ArrayLike, /, UPLO: str = "L") -> Array:
    """Return the eigenvalues of Hermitian matrices, ascending, reading the triangle ``UPLO``."""
    return xp.linalg.eigvalsh(x, UPLO=UPLO)


@expansion()
def eigvalsh(xp: Namespace, x: ArrayLike, /) -> Any:
    """Return the eigenvalues of Hermitian matrices, ascending; the derivative is split evenly among equal ones."""
    return TABLE["eigvalsh"](x)


# --- general eigenvalues --------------------------------------------------------------------------------------------
def _check_simple(w: Array, v: Array) -> None:
    """Refuse repeated eigenvalues, and matrices so close to one without a basis of eigenvectors that nothing is left of the digits."""
    eps = np.finfo(w.dtype).eps
    smallest = np.linalg.svd(plain(v), full_matrices=False)[1][..., -1]
    tied = values_of(np, plain(w)).tied
    if tied is not None or not everywhere(smallest > np.sqrt(eps) / 8):
        msg = (
            "np.linalg.eig: eigenvalues are repeated, or nearly so, and there they have no derivative by this rule. Use np.linalg.eigh "
            "for Hermitian matrices, np.linalg.trace(np.linalg.matrix_power(x, k)) for sums of powers, or make them differ a little."
        )
        raise NotDifferentiableError(msg)


def _eig_vjp(xp: Namespace, ct: Any, out: Any, x: Array) -> Array:
    (w, v), gw, gv = out, conj(xp, ct[0]), conj(xp, ct[1])
    if not w.shape[-1]:
        return xp.zeros_like(x)
    _check_simple(w, v)
    vh = adjoint(xp, v)
    m = xp.matmul(vh, gv)
    check_phase("np.linalg.eig", m)
    # vectors keep length and phase: what they gain along themselves is taken off
    across = m - xp.matmul(vh, v * xp.linalg.diagonal(m)[..., None, :])
    inner = diagonal_matrix(xp, gw) + conj(xp, values_of(xp, w).inverse_gaps) * across
    return conj(xp, xp.linalg.solve(vh, xp.matmul(inner, vh)))


def _eig_jvp(xp: Namespace, tangents: Any, out: Any, x: Array) -> Any:
    w, v = out
    if not w.shape[-1]:
        return xp.zeros_like(w), xp.zeros_like(v)
    _check_simple(w, v)
    direction = xp.linalg.solve(v, xp.matmul(tangents[0], v))
    dv = xp.matmul(v, values_of(xp, w).inverse_gaps * direction)
    along = xp.sum(conj(xp, v) * dv, axis=-2, keepdims=True)
    return xp.linalg.diagonal(direction), dv - v * along


# From NumPy 2.5 on the result is always complex. Then the laws' cotangents depend on the phase of the vectors, which is free.
_ALWAYS_COMPLEX = np.linalg.eig(np.eye(1))[0].dtype.kind == "c"
_EIG_CASES = (
    Case(((0, 0),)), *(() if _ALWAYS_COMPLEX else (Case(((3, 3),)), Case(((2, 2, 2),)), Case(((1, 1),)))),
    *[Case(shapes, {}, (_SPREAD_COMPLEX,), _exponential) for shapes in (((3, 3),), ((2, 2, 2),), ((1, 1),))],
)  # fmt: skip


@primitive(
    np.linalg.eig, vjps=(_eig_vjp,), jvp=_eig_jvp, batched=stacked, multiple=True, domain=(_SPREAD,), cases=_EIG_CASES
)
def eig(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the eigenvalues of square matrices and the eigenvectors as columns of length one, as a named tuple.

    The eigenvalues must be simple. As NumPy's, the results are real where all eigenvalues are. A vector is moved orthogonally to
    itself: functions of the phase of a complex one are refused.

    Raises:
        NotDifferentiableError: for repeated eigenvalues, and functions of a phase.
    """
    return xp.linalg.eig(x)


@piecewise_constant(
    operands=2, batched=lambda compute, operands, leads, params: _aligned(compute, operands),
    cases=(Case(((3,), (3,))), Case(((2, 3), (2, 3)))),
)  # fmt: skip
def matching(xp: Namespace, x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the matrices of the permutations that bring each value of ``y`` to the place of the nearest in ``x``."""
    distance = np.abs(np.asarray(x)[..., :, None] - np.asarray(y)[..., None, :])
    taken = np.zeros(distance.shape)
    for i in range(distance.shape[-1]):
        nearest = np.argmin(distance[..., i, :], axis=-1)[..., None]
        np.put_along_axis(taken[..., i, :], nearest, 1.0, axis=-1)
        np.put_along_axis(distance, nearest[..., None, :], np.inf, axis=-1)
    return taken


def _aligned(compute: Any, operands: Any) -> Array:
    return compute(*np.broadcast_arrays(*operands))


def _places(xp: Namespace, out: Array, w: Array) -> Array:
    """Return `matching`, which NumPy's own namespace lacks."""
    return xp.matching(out, w) if xp is TENSORS else TABLE["matching"].compute(out, w)


def _eigvals_vjp(xp: Namespace, ct: Array, out: Array, x: Array) -> Array:
    w, v = xp.linalg.eig(x)
    if not w.shape[-1]:
        return xp.zeros_like(x)
    _check_simple(w, v)
    gw = xp.matmul(_places(xp, out, w).mT, conj(xp, ct)[..., None])[..., 0]
    vh = adjoint(xp, v)
    return conj(xp, xp.linalg.solve(vh, xp.matmul(diagonal_matrix(xp, gw), vh)))


def _eigvals_jvp(xp: Namespace, tangents: Any, out: Array, x: Array) -> Array:
    w, v = xp.linalg.eig(x)
    if not w.shape[-1]:
        return xp.zeros_like(out)
    _check_simple(w, v)
    dw = xp.linalg.diagonal(xp.linalg.solve(v, xp.matmul(tangents[0], v)))
    return xp.matmul(_places(xp, out, w), dw[..., None])[..., 0]


@primitive(
    vjps=(_eigvals_vjp,), jvp=_eigvals_jvp, batched=stacked, domain=(_SPREAD,), adapt={np.linalg.eigvals: lambda a: ((a,), {})},
    cases=(Case(((3, 3),)), Case(((2, 2, 2),)), Case(((1, 1),)), Case(((0, 0),))),
)  # fmt: skip
def eigvals(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the eigenvalues of square matrices, which must be simple; real where NumPy's are.

    Raises:
        NotDifferentiableError: for repeated eigenvalues.
    """
    return xp.linalg.eigvals(x)


vars(LINALG).update(cholesky=cholesky, qr=qr, eigh=eigh, eigvalsh=eigvalsh, eig=eig, eigvals=eigvals)
