"""Equations and what follows from them: solve, inverses, determinants, least squares, powers. All take stacks of matrices."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from tape_ad._batched import everywhere
from tape_ad._cases import Case, Domain
from tape_ad._core import TABLE
from tape_ad._errors import ArgumentError, NotDifferentiableError
from tape_ad._rules import composite, expansion, piecewise_constant, primitive
from tape_ad._stacked import pointwise
from tape_ad._typing import Array, ArrayLike, Namespace
from tape_ad.ops.gauges import FULL_RANK, HERMITIAN, LINALG, adjoint, conj, plain, stacked, times

_plain: Namespace = np  # whatever the namespace, the value is NumPy's own
REGULAR = Domain("invertible", lambda z: z + 3 * np.eye(*z.shape[-2:]), complex=True)
_SQUARE = (Case(((3, 3),)), Case(((2, 2, 2),)), Case(((1, 1),)), Case(((0, 0),)))


# --- inv ------------------------------------------------------------------------------------------------------------
def _inv_vjp(xp: Namespace, ct: Array, out: Array, x: Array) -> Array:
    return -times(xp, out.mT, ct, out.mT)


def _inv_jvp(xp: Namespace, tangents: Any, out: Array, x: Array) -> Array:
    return -times(xp, out, tangents[0], out)


@primitive(np.linalg.inv, vjps=(_inv_vjp,), jvp=_inv_jvp, batched=stacked, domain=(REGULAR,), cases=_SQUARE)
def inv(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the inverses of square matrices."""
    return xp.linalg.inv(x)


# --- solve ----------------------------------------------------------------------------------------------------------
def _solve_right(xp: Namespace, ct: Array, out: Array, x1: Array, x2: Array) -> Array:
    if np.ndim(x2) == 1:
        return xp.linalg.solve(x1.mT, ct[..., None])[..., 0]
    return xp.linalg.solve(x1.mT, ct)


def _solve_left(xp: Namespace, ct: Array, out: Array, x1: Array, x2: Array) -> Array:
    moved = _solve_right(xp, ct, out, x1, x2)
    if np.ndim(x2) == 1:
        return -moved[..., :, None] * out[..., None, :]
    return -xp.matmul(moved, out.mT)


def _solve_jvp(xp: Namespace, tangents: Any, out: Array, x1: Array, x2: Array) -> Array:
    dx1, dx2 = tangents
    columns = out[..., None] if np.ndim(x2) == 1 else out
    right = 0 if dx2 is None else dx2[..., None] if np.ndim(x2) == 1 else dx2
    moved = xp.linalg.solve(x1, right if dx1 is None else right - xp.matmul(dx1, columns))
    return moved[..., 0] if np.ndim(x2) == 1 else moved


def _solve_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    """Write a vector as a matrix, so that batch axes are not taken for its columns."""
    (x, y), (_, m) = operands, leads
    if np.ndim(y) - m == 1:
        return pointwise(compute, (x, y[..., None]), leads, {})[..., 0]
    return pointwise(compute, operands, leads, {})


@primitive(
    np.linalg.solve, vjps=(_solve_left, _solve_right), jvp=_solve_jvp, batched=_solve_each, domain=(REGULAR,),
    cases=(
        Case(((3, 3), (3,))), Case(((3, 3), (3, 2))), Case(((2, 2, 2), (2,))), Case(((2, 2, 2), (2, 2, 3))), Case(((2, 2), (3, 2, 1))),
        Case(((2, 1, 2, 2), (3, 2, 2))), Case(((0, 0), (0,))),
    ),
)  # fmt: skip
def solve(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the solution of ``x1 @ x = x2``; a 1-d ``x2`` is one vector, any other a stack of matrices, as NumPy has it."""
    return xp.linalg.solve(x1, x2)


# --- determinants ---------------------------------------------------------------------------------------------------
_MINORS_UP_TO = 16  # beyond, the minors of one matrix take more memory than a decomposition


def _inverse_if_far_from_singular(x: Array) -> Array | None:
    """Return the inverses, or None where a condition number, in the Euclidean norm, is a million or more."""
    try:
        inverse = np.linalg.inv(x)
    except np.linalg.LinAlgError:
        return None
    if type(inverse) is np.ndarray and inverse.ndim == 2:
        return inverse if np.vdot(x, x).real * np.vdot(inverse, inverse).real < 1e12 else None
    size, of_inverse = (np.linalg.norm(a, axis=(-2, -1)) for a in (x, inverse))
    return inverse if everywhere(size * of_inverse < 1e6) else None


def _cofactors(xp: Namespace, out: Array, x: Array) -> Array:
    """Return the derivative of the determinant: ``det(x) inv(x)^T``, and exactly so where ``x`` is singular."""
    n = x.shape[-1]
    inverse = _inverse_if_far_from_singular(plain(x)) if n else None
    if inverse is not None:
        return out[..., None, None] * (inverse if type(x) is np.ndarray else xp.linalg.inv(x)).mT
    if n > _MINORS_UP_TO:
        u, s, vh = xp.linalg.svd(x)
        others = xp.prod(xp.where(np.eye(n, dtype=bool), 1, s[..., None, :]), axis=-1)
        sign = xp.linalg.det(u) * xp.linalg.det(vh)
        return sign[..., None, None] * times(xp, conj(xp, u) * others[..., None, :], conj(xp, vh))
    rest = np.array([[j for j in range(n) if j != i] for i in range(n)], dtype=int).reshape(n, max(n - 1, 0))
    minors = x[..., rest[:, None, :, None], rest[None, :, None, :]]
    signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
    return xp.linalg.det(minors) * signs


def _det_vjp(xp: Namespace, ct: Array, out: Array, x: Array) -> Array:
    return ct[..., None, None] * _cofactors(xp, out, x)


def _det_jvp(xp: Namespace, tangents: Any, out: Array, x: Array) -> Array:
    return xp.sum(_cofactors(xp, out, x) * tangents[0], axis=(-2, -1))


_SINGULAR = Domain("of rank n - 1", lambda z: z - z.sum(axis=-1, keepdims=True) / z.shape[-1])


@primitive(
    np.linalg.det, vjps=(_det_vjp,), jvp=_det_jvp, batched=stacked, domain=(REGULAR,),
    cases=(*_SQUARE, Case(((3, 3),), domains=(_SINGULAR,)), Case(((2, 2, 2),), domains=(_SINGULAR,))),
)  # fmt: skip
def det(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the determinants of square matrices; the derivative is exact where they are singular too (by cofactors)."""
    return xp.linalg.det(x)


def _slogdet_vjp(xp: Namespace, ct: Any, out: Any, x: Array) -> Array:
    (sign, _), (g_sign, g_log) = out, ct
    if x.dtype.kind == "c":
        g_log = g_log + 1j * xp.imag(g_sign * sign)
    return g_log[..., None, None] * xp.linalg.inv(x).mT


def _slogdet_jvp(xp: Namespace, tangents: Any, out: Any, x: Array) -> Any:
    sign = out[0]
    change = xp.sum(xp.linalg.inv(x).mT * tangents[0], axis=(-2, -1))
    if x.dtype.kind == "c":
        return sign * (1j * xp.imag(change)), xp.real(change)
    return xp.zeros_like(sign), change


@primitive(
    np.linalg.slogdet,
    vjps=(_slogdet_vjp,),
    jvp=_slogdet_jvp,
    batched=stacked,
    multiple=True,
    domain=(REGULAR,),
    cases=_SQUARE,
)
def slogdet(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return sign and logarithm of the absolute value of the determinants, as a named tuple; a real sign is constant.

    Raises:
        numpy.linalg.LinAlgError: by a derivative at a singular matrix, where the logarithm has none.
    """
    return xp.linalg.slogdet(x)


# --- pseudo-inverses ------------------------------------------------------------------------------------------------
def _check_cut(out: Array, x: Array) -> None:
    """Refuse a cutoff that has removed more than rounding errors: the rule is for matrices of constant rank."""
    x, out = plain(x), plain(out)
    if not x.size:
        return
    left = np.max(np.abs(x - times(np, x, out, x)), axis=(-2, -1))
    allowed = np.finfo(x.dtype).eps ** 0.5 * np.max(np.abs(x), axis=(-2, -1))
    if not everywhere(left <= allowed):
        msg = (
            "np.linalg.pinv: the tolerance cuts off singular values that are more than rounding errors, and for that there is no rule "
            "here. Leave rcond and rtol out, or cut the values yourself with np.linalg.svd and np.where."
        )
        raise NotDifferentiableError(msg)


def _pinv_vjp(xp: Namespace, ct: Array, out: Array, x: Array, rtol: Any = None, hermitian: bool = False) -> Array:
    _check_cut(out, x)
    direct = -times(xp, out.mT, ct, out.mT)
    dual = adjoint(xp, out)
    turned = ct.mT
    left = times(xp, turned, out, dual)
    left = left - times(xp, x, out, left)
    right = times(xp, dual, out, turned)
    right = right - times(xp, right, out, x)
    g = direct + conj(xp, left + right)
    return (g + adjoint(xp, g)) * 0.5 if hermitian else g


def _pinv_jvp(xp: Namespace, tangents: Any, out: Array, x: Array, rtol: Any = None, hermitian: bool = False) -> Array:
    _check_cut(out, x)
    dx = (tangents[0] + adjoint(xp, tangents[0])) * 0.5 if hermitian else tangents[0]
    dual, back = adjoint(xp, out), adjoint(xp, dx)
    left = times(xp, out, dual, back)
    right = times(xp, back, dual, out)
    return left - times(xp, left, x, out) + right - times(xp, out, x, right) - times(xp, out, dx, out)


def _pinv_arguments(a: Any, rcond: Any = None, hermitian: Any = False, *, rtol: Any = np._NoValue) -> tuple[Any, ...]:  # noqa: SLF001 - NumPy's mark for "not given" has no public name
    if rcond is not None and rtol is not np._NoValue:  # noqa: SLF001 - likewise
        msg = "np.linalg.pinv: rcond and rtol are two names of one number. Leave one out."
        raise ArgumentError(msg)
    chosen = rcond if rtol is np._NoValue else _default_tolerance(a) if rtol is None else rtol  # noqa: SLF001 - likewise
    return (a,), {"rtol": chosen, "hermitian": hermitian}


def _default_tolerance(x: Any) -> Any:
    """Return what NumPy takes for ``rtol=None``, which is not what it takes for nothing given."""
    dtype = np.result_type(x)
    return max(np.shape(x)[-2:]) * np.finfo(dtype if dtype.kind in "fc" else float).eps


def _pinv_params(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None and value is not False}


_LOW_RANK = Domain("of rank 1", lambda z: z[..., :, :1] * z[..., :1, :], complex=True)


@primitive(
    vjps=(_pinv_vjp,), jvp=_pinv_jvp, batched=stacked, canonical=_pinv_params, name="pinv", operands=1, adapt={np.linalg.pinv: _pinv_arguments}, domain=(FULL_RANK,),
    cases=(
        Case(((3, 3),), domains=(REGULAR,)), Case(((4, 2),)), Case(((2, 4),)), Case(((2, 3, 2),)), Case(((4, 2),), {"rtol": 1e-9}), Case(((0, 2),)),
        Case(((3, 3),), {"hermitian": True}, (HERMITIAN,)),
    ),
)  # fmt: skip
def _pinv(xp: Namespace, x: ArrayLike, /, rtol: Any = None, hermitian: bool = False) -> Array:
    """Return the pseudo-inverses, without singular values below ``rtol`` times the largest."""
    return _plain.linalg.pinv(x, rtol, hermitian)


@expansion()
def pinv(xp: Namespace, x: ArrayLike, /, *, rtol: ArrayLike | None = None) -> Any:
    """Return the Moore-Penrose pseudo-inverses of matrices, treating singular values up to ``rtol`` times the largest as 0.

    The derivative is that along matrices of the same rank (Golub and Pereyra, SIAM J. Numer. Anal. 10(2), 1973). If ``rtol`` is
    left out it is the larger dimension times eps, as the standard says; ``np.linalg.pinv(t)`` has NumPy's default.

    Raises:
        NotDifferentiableError: where ``rtol`` cuts off more than rounding errors.
    """
    return TABLE["pinv"](x, rtol=_default_tolerance(x) if rtol is None else rtol)


def _rank_arguments(A: Any, tol: Any = None, hermitian: Any = False, *, rtol: Any = None) -> tuple[Any, ...]:
    return (A,), {"tol": tol, "hermitian": hermitian, "rtol": rtol}


def _rank_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    """Find the ranks of stacked matrices; a vector of NumPy's, whose rank is whether it has anything but zeros, by itself."""
    (x,), (k,) = operands, leads
    return compute(x, **params) if x.ndim - k >= 2 else np.any(x != 0, axis=tuple(range(k, x.ndim))).astype(int)


@piecewise_constant(
    name="matrix_rank", operands=1, batched=_rank_each, canonical=_pinv_params, adapt={np.linalg.matrix_rank: _rank_arguments},
    cases=(
        Case(((3, 3),)), Case(((4, 2),), {"rtol": 1e-3}), Case(((2, 3, 2),)), Case(((3, 3),), {"tol": 0.1}), Case(((3, 3),), {"hermitian": True}, (HERMITIAN,)),
        Case(((3, 3),), domains=(_LOW_RANK,)), Case(((3,),)),
    ),
)  # fmt: skip
def _matrix_rank(xp: Namespace, x: ArrayLike, /, tol: Any = None, rtol: Any = None, hermitian: bool = False) -> Array:
    """Return the numbers of singular values above the tolerance."""
    return (
        _plain.linalg.matrix_rank(x, tol, hermitian)
        if rtol is None
        else _plain.linalg.matrix_rank(x, tol, hermitian, rtol=rtol)
    )


@expansion()
def matrix_rank(xp: Namespace, x: ArrayLike, /, *, rtol: ArrayLike | None = None) -> Any:
    """Return the numbers of singular values above ``rtol`` times the largest."""
    return TABLE["matrix_rank"](x, rtol=rtol)


# --- least squares --------------------------------------------------------------------------------------------------
def _lstsq_expression(xp: Namespace, a: Array, b: Array, rcond: float | None = None) -> list[Any]:
    """Write least squares by the pseudo-inverse; the residuals are empty where NumPy's are."""
    m, n = a.shape
    default = np.finfo(a.dtype if a.dtype.kind in "fc" else float).eps
    rtol = max(m, n) * default if rcond is None else default if rcond < 0 else rcond
    s = xp.linalg.svdvals(a)
    seen = plain(s)
    rank = np.sum(seen > rtol * np.max(seen, axis=-1, keepdims=True, initial=0), axis=-1)
    full = everywhere(rank == n)
    if m > n and not full and not everywhere(rank < n):
        msg = "np.linalg.lstsq inside vmap: some examples have full rank and some have not, so their residuals differ in shape."
        raise ArgumentError(msg)
    x = xp.matmul(xp.linalg.pinv(a, rtol=rtol), b)
    off = b - xp.matmul(a, x)
    squares = xp.sum(xp.real(conj(xp, off) * off), axis=0)
    residuals = squares.reshape(-1) if m > n and full else np.zeros(0, s.dtype)
    return [x, residuals, rank, s]


@composite(
    expression=_lstsq_expression, multiple=True, operands=2, adapt={np.linalg.lstsq: lambda a, b, rcond=None: ((a, b), {} if rcond is None else {"rcond": rcond})}, domain=(FULL_RANK,),
    cases=(Case(((4, 2), (4,))), Case(((4, 2), (4, 3))), Case(((2, 4), (2,))), Case(((3, 3), (3, 2)), domains=(REGULAR,)), Case(((4, 2), (4,)), {"rcond": 1e-8})),
)  # fmt: skip
def lstsq(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /, *, rcond: float | None = None) -> Array:
    """Return the shortest solution of least squares, the sums of squared residuals, the rank and the singular values.

    Over- and underdetermined, and of any rank; the derivative is that along matrices of the same rank, as `pinv` has it.
    """
    return _plain.linalg.lstsq(x1, x2, rcond)


# --- powers, products, tensors --------------------------------------------------------------------------------------
def _power_expression(xp: Namespace, x: Array, n: int) -> Array:
    """Multiply by repeated squaring."""
    square = xp.linalg.inv(x) if n < 0 else x
    power, left = None, abs(n)
    while left:
        if left & 1:
            power = square if power is None else xp.matmul(power, square)
        left >>= 1
        square = xp.matmul(square, square) if left else square
    return xp.broadcast_to(np.eye(x.shape[-1], dtype=x.dtype), x.shape) if power is None else power


@composite(
    expression=_power_expression, batched=stacked, name="matrix_power", operands=1, canonical=lambda operands, params: {"n": operator.index(params["n"])},
    adapt={np.linalg.matrix_power: lambda a, n: ((a,), {"n": n})}, domain=(REGULAR,),
    cases=tuple(Case((shape,), {"n": n}) for shape, n in (((3, 3), 2), ((3, 3), 3), ((2, 2, 2), 5), ((2, 2), -1), ((2, 2), -3), ((3, 3), 1), ((2, 2), 0), ((0, 0), 2))),
)  # fmt: skip
def _matrix_power(xp: Namespace, x: ArrayLike, /, n: int) -> Array:
    """Return square matrices to the power of an integer."""
    return xp.linalg.matrix_power(x, n)


@expansion()
def matrix_power(xp: Namespace, x: ArrayLike, n: int, /) -> Any:
    """Return square matrices to the power of an integer: of the inverse if it is negative."""
    return TABLE["matrix_power"](x, n=n)


def _chain_order(lengths: Sequence[int]) -> dict[tuple[int, int], int]:
    """Return where to split each part of a chain of matrices, for the fewest multiplications."""
    n = len(lengths) - 1
    cost = dict.fromkeys([(i, i) for i in range(n)], 0)
    split: dict[tuple[int, int], int] = {}
    for span in range(1, n):
        for i in range(n - span):
            j = i + span
            costs = [cost[i, k] + cost[k + 1, j] + lengths[i] * lengths[k + 1] * lengths[j + 1] for k in range(i, j)]
            best = min(range(len(costs)), key=costs.__getitem__)
            cost[i, j], split[i, j] = costs[best], i + best
    return split


def _multi_dot_expression(xp: Namespace, arrays: Sequence[Array]) -> Array:
    first, last = arrays[0], arrays[-1]
    rows = first.shape[0] if np.ndim(first) == 2 else 1
    lengths = [rows, *[x.shape[0] for x in arrays[1:]], last.shape[1] if np.ndim(last) == 2 else 1]
    split = _chain_order(lengths)

    def product(i: int, j: int) -> Array:
        return arrays[i] if i == j else xp.matmul(product(i, split[i, j]), product(split[i, j] + 1, j))

    return product(0, len(arrays) - 1)


@composite(
    expression=_multi_dot_expression, variadic=True, adapt={np.linalg.multi_dot: lambda arrays, *, out=None: (tuple(arrays), {})},
    cases=(
        Case(((2, 3), (3, 4))), Case(((2, 3), (3, 4), (4, 2))), Case(((3,), (3, 4), (4, 2))), Case(((2, 3), (3, 2), (2, 4), (4,))), Case(((3,), (3, 2), (2,))),
        Case(((4, 1), (1, 5), (5, 2), (2, 3), (3, 1))),
    ),
)  # fmt: skip
def multi_dot(xp: Namespace, arrays: Sequence[ArrayLike], /) -> Array:
    """Return the product of two or more matrices in the order that takes the fewest multiplications."""
    return xp.linalg.multi_dot(arrays)


def _tensorsolve_expression(xp: Namespace, a: Array, b: Array, axes: Any = None) -> Array:
    if axes is not None:
        order = list(range(a.ndim))
        for axis in axes:
            order.remove(axis)
            order.append(axis)
        a = xp.transpose(a, tuple(order))
    shape = a.shape[b.ndim - a.ndim :] if a.ndim > b.ndim else ()
    n = math.prod(shape)
    return xp.linalg.solve(a.reshape(n, n), b.reshape(n)).reshape(shape)


@composite(
    expression=_tensorsolve_expression, operands=2, adapt={np.linalg.tensorsolve: lambda a, b, axes=None: ((a, b), {} if axes is None else {"axes": tuple(axes)})}, domain=(FULL_RANK,),
    cases=(Case(((2, 3, 6), (2, 3))), Case(((6, 2, 3), (6,))), Case(((2, 4, 2), (2, 2)), {"axes": (1,)})),
)  # fmt: skip
def tensorsolve(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /, *, axes: tuple[int, ...] | None = None) -> Array:
    """Return the ``x`` with ``tensordot(x1, x, x.ndim) = x2``, after moving ``axes`` of x1 to its end."""
    return xp.linalg.tensorsolve(x1, x2, axes=axes)


def _tensorinv_expression(xp: Namespace, a: Array, ind: int = 2) -> Array:
    shape = a.shape
    n = math.prod(shape[ind:])
    return xp.linalg.inv(a.reshape(n, n)).reshape((*shape[ind:], *shape[:ind]))


@composite(
    expression=_tensorinv_expression, operands=1, adapt={np.linalg.tensorinv: lambda a, ind=2: ((a,), {"ind": ind})}, domain=(FULL_RANK,),
    cases=(Case(((2, 3, 6),)), Case(((4, 2, 2),), {"ind": 1}), Case(((3, 2, 2, 3),))),
)  # fmt: skip
def tensorinv(xp: Namespace, x: ArrayLike, /, *, ind: int = 2) -> Array:
    """Return the inverse with respect to ``tensordot`` over the first ``ind`` axes."""
    return xp.linalg.tensorinv(x, ind=ind)


# --- condition numbers ----------------------------------------------------------------------------------------------
def _cond_expression(xp: Namespace, x: Array, p: Any = None) -> Array:
    if p is None or p in (2, -2):
        s = xp.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return xp.linalg.matrix_norm(x, ord=p) * xp.linalg.matrix_norm(xp.linalg.inv(x), ord=p)


@composite(
    expression=_cond_expression, batched=stacked, operands=1, canonical=_pinv_params,
    adapt={np.linalg.cond: lambda x, p=None: ((x,), {"p": p})}, domain=(REGULAR,),
    cases=(
        *[Case(((3, 3),), {"p": p}) for p in (None, 2, -2, "fro", "nuc", 1, -1, np.inf, -np.inf)], Case(((2, 3, 2),)), Case(((2, 2, 2),), {"p": "fro"}),
    ),
)  # fmt: skip
def cond(xp: Namespace, x: ArrayLike, /, *, p: Any = None) -> Array:
    """Return the condition numbers: of the largest to the smallest singular value, or in another norm that of ``x`` times that of its inverse."""
    return xp.linalg.cond(x, p)


vars(LINALG).update(
    inv=inv, solve=solve, det=det, slogdet=slogdet, pinv=pinv, matrix_rank=matrix_rank, lstsq=lstsq, matrix_power=matrix_power, multi_dot=multi_dot,
    tensorsolve=tensorsolve, tensorinv=tensorinv, cond=cond,
)  # fmt: skip
