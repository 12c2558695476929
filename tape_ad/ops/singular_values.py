"""The singular value decomposition, of stacks of matrices of any shape.

What is open to choice, and what then has a derivative: `tape_ad.ops.gauges`. The formulas: Townsend, "Differentiating the
singular value decomposition", 2016, written so that a repeated value stands only where the choice matters.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tape_ad._batched import everywhere
from tape_ad._cases import Case, Domain
from tape_ad._core import TABLE
from tape_ad._rules import composite, expansion, primitive
from tape_ad._typing import Array, ArrayLike, Namespace
from tape_ad.ops.gauges import (
    FULL_RANK,
    HERMITIAN,
    LINALG,
    SYMMETRIC,
    Values,
    adjoint,
    averaged,
    check_phase,
    check_ties,
    conj,
    guarded,
    largest,
    off_diagonal,
    or_nan,
    plain,
    plus_diagonal,
    reads_vectors,
    refuse,
    split_evenly,
    stacked,
    tolerance,
    undefined_vectors,
    values_of,
)

_plain: Namespace = np  # whatever the namespace, the value is NumPy's own
_REAL = Domain(
    "real and of full rank", lambda z: z
)  # the phase of complex vectors is open: cases read what does not depend on it


class _Singular(NamedTuple):
    """The singular values and vectors of a rule, in the notation ``x = u @ diag(s) @ v^H``; ``more_…`` complete the vectors."""

    u: Array
    s: Array
    v: Array
    more_u: Array
    more_v: Array
    values: Values
    inverse_sums: Array
    inverse: Array


def _singular(xp: Namespace, out: Any) -> _Singular:
    u, s, vh = out
    k = s.shape[-1]
    values = values_of(xp, s)
    if values.tied is not None:
        u, s, vh = guarded(xp, u, s, vh)
        values = values._replace(inverse_gaps=values_of(xp, s).inverse_gaps)
    v = adjoint(xp, vh)
    sums = s[..., None, :] + s[..., :, None]
    if everywhere(np.logical_not(values.zero)):
        inverse_sums = 1 / sums
    else:
        both = values.zero[..., None, :] & values.zero[..., :, None]
        inverse_sums = xp.where(both, 0, 1 / xp.where(both, 1, sums))
    inverse = xp.where(values.zero, 0, 1 / xp.where(values.zero, 1, s))
    return _Singular(u[..., :k], s, v[..., :k], u[..., k:], v[..., k:], values, inverse_sums, inverse)


def _outside(xp: Namespace, g: Array, vectors: Array, more: Array) -> Array | None:
    """Return the part of the cotangent of some vectors that turns them out of their span; None where that is everything."""
    k = vectors.shape[-1]
    if vectors.shape[-2] == k:
        return None
    g, g_more = g[..., :k], g[..., k:]
    if not g_more.shape[-1]:
        return g - xp.matmul(vectors, xp.matmul(adjoint(xp, vectors), g))
    return xp.matmul(more, xp.matmul(adjoint(xp, more), g) - xp.matmul(adjoint(xp, g_more), vectors))


def _check_singular(p: _Singular, gu: Array, gs: Array, gv: Array, mu: Array, mv: Array, outside: Any) -> None:
    """Refuse functions of what LAPACK chose, or that cannot be told from such."""
    name = "np.linalg.svd"
    zero, tied = p.values.zero, p.values.tied
    chosen = mu.dtype.kind == "c" or tied is not None or p.more_u.shape[-1] or p.more_v.shape[-1]
    if not chosen and everywhere(np.logical_not(zero)):
        return  # but for signs, which stay as they are
    both, apart = plain(mu + mv), plain(mu - mv)
    check_phase(name, both)
    size = largest(plain(mu)) + largest(plain(mv))
    reads = reads_vectors(gu, gv)
    if tied is not None:
        check_ties(name, tied, np.where(zero, 0, plain(gs)), both, reads)
    if not everywhere(np.logical_not(zero)):
        among = zero[..., None, :] & zero[..., :, None]
        seen = apart if apart.dtype.kind == "c" else off_diagonal(apart)
        if not everywhere((np.abs(seen) <= tolerance(size.dtype, size)) | np.logical_not(among)):
            refuse(name, "the singular vectors that belong to the value 0")
        for part in [part for part in outside if part is not None]:
            length = np.abs(plain(part))
            if not everywhere(
                (length <= tolerance(size.dtype, size + largest(length))) | np.logical_not(zero[..., None, :])
            ):
                refuse(name, "the singular vectors that belong to the value 0")
        read_at_zero = zero[..., None, :] & reads & (plain(gs)[..., None, :] != 0)
        if not everywhere(np.logical_not(read_at_zero)):
            refuse(name, "the singular vectors that belong to the value 0")
    for more, g in ((p.more_u, gu), (p.more_v, gv)):
        if more.shape[-1]:
            seen = np.matmul(np.conjugate(plain(more).mT), plain(g)[..., p.s.shape[-1] :])
            if not everywhere(np.abs(seen - np.conjugate(seen.mT)) <= tolerance(seen.dtype, largest(plain(g)))):
                refuse(name, "the basis of the vectors that complete those of the singular values")


def _svd_vjp(xp: Namespace, ct: Any, out: Any, x: Array, full_matrices: bool = True, hermitian: bool = False) -> Array:
    if not out[1].shape[-1]:
        return xp.zeros_like(x)
    p = _singular(xp, out)
    k = p.s.shape[-1]
    gu, gs, gv = conj(xp, ct[0]), ct[1], ct[2].mT
    mu, mv = xp.matmul(adjoint(xp, p.u), gu[..., :k]), xp.matmul(adjoint(xp, p.v), gv[..., :k])
    outside = _outside(xp, gu, p.u, p.more_u), _outside(xp, gv, p.v, p.more_v)
    _check_singular(p, gu, gs, gv, mu, mv, outside)
    gs = xp.where(p.values.zero, 0, gs)
    if p.values.tied is not None:
        gs = split_evenly(xp, p.values.tied, gs)
    turned = p.values.inverse_gaps * (mu + mv)
    sheared = p.inverse_sums * (mu - mv)
    both = turned + sheared
    inner = plus_diagonal(xp, 0.5 * (both + adjoint(xp, turned - sheared)), gs)
    scale = p.inverse[..., None, :]
    left = xp.matmul(p.u, inner)
    left = left if outside[0] is None else left + outside[0] * scale
    g = xp.matmul(left, adjoint(xp, p.v))
    g = g if outside[1] is None else g + xp.matmul(p.u, adjoint(xp, outside[1] * scale))
    return conj(xp, averaged(xp, g) if hermitian else g)


def _svd_jvp(
    xp: Namespace, tangents: Any, out: Any, x: Array, full_matrices: bool = True, hermitian: bool = False
) -> Any:
    if not out[1].shape[-1]:
        return tuple([xp.zeros_like(part) for part in out])
    p = _singular(xp, out)
    dx = averaged(xp, tangents[0]) if hermitian else tangents[0]
    right = xp.matmul(dx, p.v)
    left = xp.matmul(adjoint(xp, dx), p.u)
    inner = xp.matmul(adjoint(xp, p.u), right)
    dual = adjoint(xp, inner)
    turned, sheared = p.values.inverse_gaps * (inner + dual), p.inverse_sums * (inner - dual)
    scale = p.inverse[..., None, :]
    du = _moved(xp, p.u, p.more_u, 0.5 * (turned + sheared), right, scale)
    dv = _moved(xp, p.v, p.more_v, 0.5 * (turned - sheared), left, scale)
    ds = xp.where(p.values.zero, 0, xp.real(xp.linalg.diagonal(inner)))
    undefined = _undefined_singular(p, inner, right, left)
    if p.values.tied is not None:
        ds = split_evenly(xp, p.values.tied, ds)
    if undefined is not None:
        du, dv = ((_or_nan_leading(xp, undefined, d)) for d in (du, dv))
    return du, ds, adjoint(xp, dv)


def _moved(xp: Namespace, vectors: Array, more: Array, turn: Array, image: Array, scale: Array) -> Array:
    """Return the tangent of vectors: turned within their span, and out of it."""
    if not more.shape[-1]:
        outside = image - xp.matmul(vectors, xp.matmul(adjoint(xp, vectors), image))
        return xp.matmul(vectors, turn) + outside * scale
    across = xp.matmul(adjoint(xp, more), image) * scale
    d_more = -xp.matmul(vectors, adjoint(xp, across))
    return xp.concat([xp.matmul(vectors, turn) + xp.matmul(more, across), d_more], axis=-1)


def _undefined_singular(p: _Singular, inner: Array, right: Array, left: Array) -> Array | None:
    """Say which pairs of vectors have no derivative along a direction: of tied values that it mixes, or of a zero that it moves."""
    tied, zero = p.values.tied, p.values.zero
    if tied is None and everywhere(np.logical_not(zero)):
        return None
    inner, right, left = plain(inner), plain(right), plain(left)
    moved = np.maximum(np.max(np.abs(right), axis=-2), np.max(np.abs(left), axis=-2))
    undefined = zero & (moved > tolerance(inner.dtype, np.max(moved, axis=-1, keepdims=True)))
    return undefined if tied is None else undefined | undefined_vectors(tied, inner + np.conjugate(inner.mT))


def _or_nan_leading(xp: Namespace, undefined: Array, columns: Array) -> Array:
    """Write nan into the columns without a derivative, and into those that complete them if there are any."""
    k, width = undefined.shape[-1], columns.shape[-1]
    if width > k:
        completing = np.any(undefined, axis=-1)[..., None] & np.ones(width - k, bool)
        undefined = np.concatenate([undefined, completing], axis=-1)
    return or_nan(xp, undefined, columns)


def _svd_arguments(
    a: Any, full_matrices: Any = True, compute_uv: Any = True, hermitian: Any = False
) -> tuple[Any, ...]:
    if not compute_uv:
        return "svdvals_hermitian" if hermitian else "svdvals", (a,), {}
    return (a,), {"full_matrices": full_matrices, "hermitian": hermitian}


def _svd_params(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    canonical = {} if params.get("full_matrices", True) else {"full_matrices": False}
    return {**canonical, "hermitian": True} if params.get("hermitian") else canonical


_THIN = {"full_matrices": False}


def _bent(u: Any, s: Any, vh: Any) -> Any:
    """Return the matrix with a function of its singular values for these: whatever the phase of its vectors, it is the same."""
    return (u * np.tanh(s)[..., None, :]) @ vh


@primitive(
    vjps=(_svd_vjp,), jvp=_svd_jvp, batched=stacked, multiple=True, canonical=_svd_params, name="svd", operands=1,
    adapt={np.linalg.svd: _svd_arguments}, domain=(_REAL,),
    cases=(
        Case(((3, 3),)), Case(((4, 2),), _THIN), Case(((2, 4),), _THIN), Case(((2, 3, 2),), _THIN), Case(((0, 2),), _THIN),
        Case(((3, 3),), {"hermitian": True}, (SYMMETRIC,)),
        Case(((3, 3),), {}, (FULL_RANK,), _bent), Case(((2, 3),), _THIN, (FULL_RANK,), _bent), Case(((2, 3, 2),), _THIN, (FULL_RANK,), _bent),
        Case(((3, 3),), {"hermitian": True}, (HERMITIAN,), _bent),
    ),
)  # fmt: skip
def _svd(xp: Namespace, x: ArrayLike, /, full_matrices: bool = True, hermitian: bool = False) -> Array:
    """Return the singular value decomposition; with ``hermitian`` by eigenvalues, for Hermitian matrices."""
    return xp.linalg.svd(x, full_matrices=full_matrices, hermitian=hermitian)


@expansion()
def svd(xp: Namespace, x: ArrayLike, /, *, full_matrices: bool = True) -> Any:
    """Return ``U``, the singular values, descending, and ``Vh`` with ``U @ diag(S) @ Vh = x``, as a named tuple.

    With ``full_matrices`` U and Vh are square; the basis of the vectors that complete them is LAPACK's choice: forward mode gives
    the one that moves least, reverse mode takes functions of their span only. The common phase of a complex pair of vectors is
    LAPACK's choice too. At repeated and zero singular values see `tape_ad.ops.gauges`.

    Raises:
        NotDifferentiableError: in reverse mode, where the function depends on what LAPACK chose.
    """
    return TABLE["svd"](x) if full_matrices else TABLE["svd"](x, full_matrices=False)


@composite(
    np.linalg.svdvals, expression=lambda xp, x: xp.linalg.svd(x, full_matrices=False)[1], batched=stacked, domain=(FULL_RANK,),
    cases=(Case(((3, 3),)), Case(((4, 2),)), Case(((2, 4),)), Case(((2, 3, 2),)), Case(((0, 2),))),
)  # fmt: skip
def svdvals(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the singular values, descending; the derivative is split evenly among equal ones, and 0 for those that are 0."""
    return xp.linalg.svdvals(x)


@composite(
    expression=lambda xp, x: xp.linalg.svd(averaged(xp, x), full_matrices=False)[1], batched=stacked, domain=(HERMITIAN,),
    cases=(Case(((3, 3),)), Case(((2, 2, 2),))),
)  # fmt: skip
def svdvals_hermitian(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the singular values of Hermitian matrices, by eigenvalues."""
    return _plain.linalg.svd(x, compute_uv=False, hermitian=True)


vars(LINALG).update(svd=svd, svdvals=svdvals)
