"""NumPy's functions one by one: the gradient of ``sum(f(x))`` through plain NumPy, by hand, and by HIPS autograd.

A vector has 1,000 elements, a matrix 32 x 32. Each function is written once, in any namespace; HIPS autograd gets its own.
Values and gradients are compared before anything is timed, those of another weighted sum too: the gradient of the plain sum
of a function that only moves elements is ones, whatever it does.
"""

import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen

import tape_ad
from tests.benchmarks.timing import BASELINE, Contestant, Workload, check
from tests.benchmarks.workloads import HIPS, anp, autograd

PLAIN = "tape_ad grad of np"
SLOWEST_TO_HIPS = 1.0
MEDIAN_TO_HIPS = 0.65

Answer = tuple[Any, Any]
"""A value and its gradient."""


@frozen
class Function:
    """One row of the table.

    Attributes:
        name: What is differentiated.
        of: The function, ``of(xp, x)``; its result is summed.
        x: The point.
        by_hand: ``by_hand(x)``, the value of the sum and its gradient; None where it is long to write.
        hips: Whether HIPS autograd has a rule for it.
    """

    name: str
    of: Callable[[Any, Any], Any]
    x: Any
    by_hand: Callable[[Any], Answer] | None = None
    hips: bool = True


_rng = np.random.default_rng(0)
_N, _M = 1_000, 32
X = _rng.normal(size=_N)
POSITIVE = _rng.uniform(0.5, 2.0, _N)
Y = _rng.normal(size=_N)
EXPONENT = _rng.uniform(-2.0, 2.0, _N)
MASK = X > 0
PLACES = _rng.integers(0, _N, _N)
A = _rng.normal(size=(_M, _M))
B = _rng.normal(size=(_M, _M))
ROW = _rng.uniform(0.5, 1.5, _M)
COLUMN = _rng.uniform(0.5, 1.5, (_M, 1))
REGULAR = A + 8.0 * np.eye(_M)
DEFINITE = A @ A.T / _M + np.eye(_M)
GRID = np.linspace(-4.0, 4.0, 50)
HEIGHTS = np.sin(GRID)
KERNEL = _rng.normal(size=9)


# --- by hand, where it takes more than a line -----------------------------------------------------------------------
def _max(x: Any) -> Answer:
    value = np.max(x)
    chosen = x == value
    return value, chosen / np.sum(chosen)


def _std(x: Any) -> Answer:
    deviation = x - np.mean(x)
    value = np.sqrt(np.mean(deviation * deviation))
    return value, deviation / (value * x.size)


def _var(x: Any) -> Answer:
    deviation = x - np.mean(x)
    return np.mean(deviation * deviation), deviation * (2.0 / x.size)


def _log_sum_exp(xp: Any, x: Any) -> Any:
    top = xp.max(x)
    return top + xp.log(xp.sum(xp.exp(x - top)))


def _log_sum_exp_by_hand(x: Any) -> Answer:
    top = np.max(x)
    shares = np.exp(x - top)
    total = np.sum(shares)
    return top + np.log(total), shares / total


def _norm(x: Any) -> Answer:
    value = np.linalg.norm(x)
    return value, x / value


def _placed(x: Any, index: Any) -> Any:
    gradient = np.zeros_like(x)
    gradient[index] = 1.0
    return gradient


def _at_places(x: Any) -> Answer:
    gradient = np.zeros_like(x)
    np.add.at(gradient, PLACES, 1.0)
    return np.sum(x[PLACES]), gradient


def _cumprod(x: Any) -> Answer:
    products = np.cumprod(x)
    return np.sum(products), np.cumsum(products[::-1])[::-1] / x


def _diff(x: Any) -> Answer:
    gradient = np.zeros_like(x)
    gradient[0], gradient[-1] = -1.0, 1.0
    return np.sum(np.diff(x)), gradient


def _sorted(x: Any) -> Answer:
    order = np.argsort(x)
    gradient = np.empty_like(x)
    gradient[order] = 1.0
    return np.sum(x[order]), gradient


def _interp(x: Any) -> Answer:
    slopes = np.diff(HEIGHTS) / np.diff(GRID)
    place = np.searchsorted(GRID, x, side="right") - 1
    inside = (place >= 0) & (place < slopes.size)
    return np.sum(np.interp(x, GRID, HEIGHTS)), np.where(inside, slopes[np.clip(place, 0, slopes.size - 1)], 0.0)


def _solve(a: Any) -> Answer:
    out = np.linalg.solve(a, B)
    return np.sum(out), -np.linalg.solve(a.T, np.ones_like(out)) @ out.T


def _inv(a: Any) -> Answer:
    out = np.linalg.inv(a)
    return np.sum(out), -np.outer(out.sum(axis=0), out.sum(axis=1))


def _det(a: Any) -> Answer:
    out = np.linalg.det(a)
    return out, out * np.linalg.inv(a).T


def _half_lower(x: Any) -> Any:
    half = np.tril(x)
    half.flat[:: len(x) + 1] *= 0.5
    return half


def cholesky_gradient(factor: Any, ct: Any) -> Any:
    """Return the gradient of a Cholesky factor in its matrix (Murray 2016)."""
    inner = np.linalg.solve(factor.T, _half_lower(factor.T @ ct))
    outer = np.linalg.solve(factor.T, inner.T)
    return (outer + outer.T) * 0.5


def cholesky_gradient_by_inverse(factor: Any, ct: Any) -> Any:
    """Return the same with the factor's inverse in place of two solutions."""
    inverse = np.linalg.inv(factor)
    outer = inverse.T @ _half_lower(factor.T @ ct) @ inverse
    return (outer + outer.T) * 0.5


def eigh_gradient(w: Any, v: Any, gw: Any, gv: Any) -> Any:
    """Return the gradient of eigenvalues and eigenvectors in a symmetric matrix (Giles 2008)."""
    gaps = w - w[:, None]
    np.fill_diagonal(gaps, np.inf)
    inner = (v.T @ gv) / gaps
    inner.flat[:: len(w) + 1] = gw
    g = v @ inner @ v.T
    return (g + g.T) * 0.5


def svd_gradient(u: Any, s: Any, vh: Any, gu: Any, gs: Any, gvh: Any) -> Any:
    """Return the gradient of the singular value decomposition of a square matrix (Townsend 2016)."""
    squares = s * s
    gaps = squares - squares[:, None]
    np.fill_diagonal(gaps, np.inf)
    mu, mv = (u.T @ gu) / gaps, (vh @ gvh.T) / gaps
    inner = (mu + mu.T) * s + s[:, None] * (mv + mv.T)
    inner.flat[:: len(s) + 1] = gs
    return u @ inner @ vh


def _cholesky(a: Any) -> Answer:
    factor = np.linalg.cholesky(a)
    return np.sum(factor), cholesky_gradient(factor, np.ones_like(factor))


def _eigh(a: Any) -> Answer:
    w, v = np.linalg.eigh(a)
    return np.sum(w * w) + np.sum(v**4), eigh_gradient(w, v, 2.0 * w, 4.0 * v**3)


def _svd(a: Any) -> Answer:
    u, s, vh = np.linalg.svd(a)
    return np.sum(s * s) + np.sum(u**4), svd_gradient(u, s, vh, 4.0 * u**3, 2.0 * s, np.zeros_like(vh))


def _fft(x: Any) -> Answer:
    spectrum = np.fft.fft(x)
    size = np.abs(spectrum)
    return np.sum(size), np.fft.fft(np.conj(spectrum) / size).real


def _rfft(x: Any) -> Answer:
    spectrum = np.fft.rfft(x)
    size = np.abs(spectrum)
    half = spectrum / size
    half[1:-1] *= 0.5
    return np.sum(size), np.fft.irfft(half, x.size, norm="forward")


def _convolve(x: Any) -> Answer:
    out = np.convolve(x, KERNEL)
    return np.sum(out), np.correlate(np.ones_like(out), KERNEL, "valid")


# Written so that only what LAPACK does not choose takes part; of a symmetric matrix HIPS autograd reads one triangle.
def _eigh_of(xp: Any, x: Any) -> Any:
    w, v = xp.linalg.eigh((x + x.T) * 0.5)
    return xp.sum(w * w) + xp.sum(v**4)


def _svd_of(xp: Any, x: Any) -> Any:
    u, s, _ = xp.linalg.svd(x, full_matrices=False)
    return xp.sum(s * s) + xp.sum(u**4)


FUNCTIONS: Sequence[Function] = (
    # one operand, element by element
    Function("sin", lambda xp, x: xp.sin(x), X, lambda x: (np.sum(np.sin(x)), np.cos(x))),
    Function("exp", lambda xp, x: xp.exp(x), X, lambda x: (np.sum(g := np.exp(x)), g)),
    Function("log", lambda xp, x: xp.log(x), POSITIVE, lambda x: (np.sum(np.log(x)), 1.0 / x)),
    Function("sqrt", lambda xp, x: xp.sqrt(x), POSITIVE, lambda x: (np.sum(r := np.sqrt(x)), 0.5 / r)),
    Function("tanh", lambda xp, x: xp.tanh(x), X, lambda x: (np.sum(t := np.tanh(x)), 1.0 - t * t)),
    Function("arctan", lambda xp, x: xp.arctan(x), X, lambda x: (np.sum(np.arctan(x)), 1.0 / (1.0 + x * x))),
    Function("log1p", lambda xp, x: xp.log1p(x), POSITIVE, lambda x: (np.sum(np.log1p(x)), 1.0 / (1.0 + x))),
    Function("square", lambda xp, x: xp.square(x), X, lambda x: (np.sum(np.square(x)), 2.0 * x)),
    Function("abs", lambda xp, x: xp.abs(x), X, lambda x: (np.sum(np.abs(x)), np.sign(x))),
    Function("negative", lambda xp, x: -x, X, lambda x: (np.sum(-x), -np.ones_like(x))),
    Function("reciprocal", lambda xp, x: xp.reciprocal(x), POSITIVE, lambda x: (np.sum(r := 1.0 / x), -r * r)),
    Function("sinc", lambda xp, x: xp.sinc(x), X),
    Function("x ** 3", lambda xp, x: x**3, X, lambda x: (np.sum(x**3), 3.0 * x**2)),
    Function("clip", lambda xp, x: xp.clip(x, -1.0, 1.0), X, lambda x: (np.sum(np.clip(x, -1.0, 1.0)), 1.0 * ((x > -1.0) & (x < 1.0)))),
    # two operands, with broadcasting
    Function("add", lambda xp, x: x + Y, X, lambda x: (np.sum(x + Y), np.ones_like(x))),
    Function("subtract, rows from a matrix", lambda xp, x: x - A, ROW, lambda x: (np.sum(x - A), np.full(x.shape, float(len(A))))),
    Function("multiply", lambda xp, x: x * Y, X, lambda x: (np.sum(x * Y), Y.copy())),
    Function("multiply, a column by a row", lambda xp, x: x * ROW, COLUMN, lambda x: (np.sum(x * ROW), np.full(x.shape, np.sum(ROW)))),
    Function("divide", lambda xp, x: Y / x, POSITIVE, lambda x: (np.sum(q := Y / x), -q / x)),
    Function("power", lambda xp, x: x**EXPONENT, POSITIVE, lambda x: (np.sum(x**EXPONENT), EXPONENT * x ** (EXPONENT - 1.0))),
    Function("power, of the exponent", lambda xp, x: POSITIVE**x, EXPONENT, lambda x: (np.sum(p := POSITIVE**x), p * np.log(POSITIVE))),
    Function("maximum", lambda xp, x: xp.maximum(x, Y), X, lambda x: (np.sum(np.maximum(x, Y)), 1.0 * (x > Y))),
    Function("minimum, with a number", lambda xp, x: xp.minimum(x, 0.5), X, lambda x: (np.sum(np.minimum(x, 0.5)), 1.0 * (x < 0.5))),
    Function("arctan2", lambda xp, x: xp.arctan2(x, Y), X, lambda x: (np.sum(np.arctan2(x, Y)), Y / (x * x + Y * Y))),
    Function("logaddexp", lambda xp, x: xp.logaddexp(x, Y), X, lambda x: (np.sum(out := np.logaddexp(x, Y)), np.exp(x - out))),
    Function("where", lambda xp, x: xp.where(MASK, x, Y), X, lambda x: (np.sum(np.where(MASK, x, Y)), np.where(MASK, 1.0, 0.0))),
    # along axes
    Function("sum", lambda xp, x: xp.sum(x), X, lambda x: (np.sum(x), np.ones_like(x))),
    Function("sum, axis 0", lambda xp, x: xp.sum(x, axis=0), A, lambda x: (np.sum(np.sum(x, axis=0)), np.ones_like(x))),
    Function("mean, axis 1", lambda xp, x: xp.mean(x, axis=1), A, lambda x: (np.sum(np.mean(x, axis=1)), np.full(x.shape, 1.0 / x.shape[1]))),
    Function("var", lambda xp, x: xp.var(x), X, _var),
    Function("std", lambda xp, x: xp.std(x), X, _std),
    Function("prod", lambda xp, x: xp.prod(x), POSITIVE, lambda x: (p := np.prod(x), p / x)),
    Function("max", lambda xp, x: xp.max(x), X, _max),
    Function("min, axis 0", lambda xp, x: xp.min(x, axis=0), A),
    Function("log-sum-exp", _log_sum_exp, X, _log_sum_exp_by_hand),
    Function("linalg.norm", lambda xp, x: xp.linalg.norm(x), X, _norm),
    Function("cumsum", lambda xp, x: xp.cumsum(x), X, lambda x: (np.sum(np.cumsum(x)), np.arange(float(x.size), 0.0, -1.0))),
    Function("cumprod", lambda xp, x: xp.cumprod(x), POSITIVE, _cumprod, hips=False),
    Function("sort", lambda xp, x: xp.sort(x), X, _sorted),
    Function("median", lambda xp, x: xp.median(x), X, hips=False),
    Function("diff", lambda xp, x: xp.diff(x), X, _diff),
    Function("interp", lambda xp, x: xp.interp(x, GRID, HEIGHTS), X, _interp, hips=False),
    Function("convolve", lambda xp, x: xp.convolve(x, KERNEL), X, _convolve, hips=False),
    Function("trapezoid", lambda xp, x: xp.trapezoid(x), X, hips=False),
    # elements and shapes
    Function("x[10:-10]", lambda xp, x: x[10:-10], X, lambda x: (np.sum(x[10:-10]), _placed(x, slice(10, -10)))),
    Function("x[:, 3]", lambda xp, x: x[:, 3], A, lambda x: (np.sum(x[:, 3]), _placed(x, (slice(None), 3)))),
    Function("x[integers]", lambda xp, x: x[PLACES], X, _at_places),
    Function("x[mask]", lambda xp, x: x[MASK], X, lambda x: (np.sum(x[MASK]), _placed(x, MASK))),
    Function("concatenate", lambda xp, x: xp.concatenate([x, Y]), X, lambda x: (np.sum(np.concatenate([x, Y])), np.ones_like(x))),
    Function("stack", lambda xp, x: xp.stack([x, Y, x]), X, lambda x: (np.sum(np.stack([x, Y, x])), np.full(x.shape, 2.0))),
    Function("split", lambda xp, x: xp.split(x, 4)[1], X, lambda x: (np.sum(np.split(x, 4)[1]), _placed(x, slice(250, 500)))),
    Function("reshape", lambda xp, x: xp.reshape(x, (40, 25)), X, lambda x: (np.sum(np.reshape(x, (40, 25))), np.ones_like(x))),
    Function("transpose", lambda xp, x: xp.transpose(x), A, lambda x: (np.sum(np.transpose(x)), np.ones_like(x))),
    Function("roll", lambda xp, x: xp.roll(x, 3), X, lambda x: (np.sum(np.roll(x, 3)), np.roll(np.ones_like(x), -3))),
    Function("pad", lambda xp, x: xp.pad(x, 2, mode="constant"), X, lambda x: (np.sum(np.pad(x, 2)), np.ones_like(x))),
    Function("tile", lambda xp, x: xp.tile(x, 3), X, lambda x: (np.sum(np.tile(x, 3)), np.ones(3 * x.size).reshape(3, -1).sum(axis=0))),
    Function("repeat", lambda xp, x: xp.repeat(x, 3), X, lambda x: (np.sum(np.repeat(x, 3)), np.ones(3 * x.size).reshape(-1, 3).sum(axis=1))),
    Function("triu", lambda xp, x: xp.triu(x), A, lambda x: (np.sum(np.triu(x)), np.triu(np.ones_like(x)))),
    Function("diagonal", lambda xp, x: xp.diagonal(x, 0, -1, -2), A, lambda x: (np.sum(np.diagonal(x)), np.eye(len(x)))),
    Function("trace", lambda xp, x: xp.trace(x), A, lambda x: (np.trace(x), np.eye(len(x)))),
    # products
    Function("dot, of vectors", lambda xp, x: xp.dot(x, Y), X, lambda x: (np.dot(x, Y), Y.copy())),
    Function("matmul", lambda xp, x: xp.matmul(x, B), A, lambda x: (np.sum(x @ B), np.ones_like(x) @ B.T)),
    Function("x @ x", lambda xp, x: x @ x, A, lambda x: (np.sum(x @ x), (ones := np.ones_like(x)) @ x.T + x.T @ ones)),
    Function("einsum", lambda xp, x: xp.einsum("ij,jk->ik", x, B), A, lambda x: (np.sum(np.einsum("ij,jk->ik", x, B)), np.einsum("ik,jk->ij", np.ones_like(x), B))),
    Function("tensordot", lambda xp, x: xp.tensordot(x, B, axes=1), A, lambda x: (np.sum(np.tensordot(x, B, axes=1)), np.ones_like(x) @ B.T)),
    Function("inner", lambda xp, x: xp.inner(x, B), A, lambda x: (np.sum(np.inner(x, B)), np.ones_like(x) @ B)),
    Function("outer", lambda xp, x: xp.outer(x, ROW), ROW, lambda x: (np.sum(np.outer(x, ROW)), np.ones((x.size, ROW.size)) @ ROW)),
    Function("kron", lambda xp, x: xp.kron(x, B[:4, :4]), A[:8, :8], lambda x: (np.sum(np.kron(x, B[:4, :4])), np.full(x.shape, np.sum(B[:4, :4])))),
    # linear algebra
    Function("linalg.solve", lambda xp, x: xp.linalg.solve(x, B), REGULAR, _solve),
    Function("linalg.inv", lambda xp, x: xp.linalg.inv(x), REGULAR, _inv),
    Function("linalg.det", lambda xp, x: xp.linalg.det(x), REGULAR, _det),
    Function("linalg.slogdet", lambda xp, x: xp.linalg.slogdet(x)[1], REGULAR, lambda x: (np.linalg.slogdet(x)[1], np.linalg.inv(x).T)),
    Function("linalg.cholesky", lambda xp, x: xp.linalg.cholesky(x), DEFINITE, _cholesky),
    Function("linalg.eigh", _eigh_of, DEFINITE, _eigh),
    Function("linalg.svd", _svd_of, REGULAR, _svd),
    # Fourier transforms
    Function("abs of fft.fft", lambda xp, x: xp.abs(xp.fft.fft(x)), X, _fft),
    Function("abs of fft.rfft", lambda xp, x: xp.abs(xp.fft.rfft(x)), X, _rfft),
    Function("fft.irfft", lambda xp, x: xp.fft.irfft(x * (1.0 + 1.0j)), X),
)  # fmt: skip
"""The table."""


def _weighted(f: Function, xp: Any) -> Callable[[Any], Any]:
    """Return the function as a sum with weights, which tells apart what moves elements in different ways."""
    shape = np.shape(f.of(np, f.x))
    weights = np.random.default_rng(1).normal(size=shape) if shape else 1.0
    return lambda x: xp.sum(f.of(xp, x) * weights)


def workload_of(f: Function) -> Workload:
    """Return what computes the gradient of one function, after comparing values and gradients.

    Raises:
        DisagreementError: where they differ.
    """
    ours = tape_ad.grad(lambda x: np.sum(f.of(np, x)))
    contestants = [Contestant(PLAIN, lambda: [ours(f.x)])]
    value = np.sum(f.of(np, f.x))
    check(f.name, PLAIN, [value], [tape_ad.value_and_grad(ours.fun)(f.x)[0]])
    if f.by_hand is not None:
        by_hand = f.by_hand
        contestants.append(Contestant(BASELINE, lambda: [by_hand(f.x)[1]]))
        check(f.name, BASELINE, [value], [by_hand(f.x)[0]])
    if f.hips and autograd is not None:
        hips = autograd.grad(lambda x: anp.sum(f.of(anp, x)))
        contestants.append(Contestant(HIPS, lambda: [hips(f.x)]))
        theirs = autograd.value_and_grad(_weighted(f, anp))(f.x)
        check(f"{f.name}, weighted", PLAIN, theirs, tape_ad.value_and_grad(_weighted(f, np))(f.x))
    return Workload(f.name, tuple(contestants), 30, 0.002)


def rows_of_function(seconds: Mapping[str, float]) -> list[tuple[str, float, str, float | None]]:
    """Return contestant, value, unit and target: the time, and its ratio to each who took part."""
    own = seconds[PLAIN]
    rows: list[tuple[str, float, str, float | None]] = [(PLAIN, own * 1e6, "us", None)]
    if BASELINE in seconds:
        rows.append((PLAIN, own / seconds[BASELINE], "x NumPy", None))
    if HIPS in seconds:
        rows.append((PLAIN, own / seconds[HIPS], "x HIPS", SLOWEST_TO_HIPS))
    return rows


def medians(seconds: Collection[Mapping[str, float]]) -> list[tuple[str, str, float, str, float | None]]:
    """Return the same for all functions together, with the name of the row in front."""
    rows: list[tuple[str, str, float, str, float | None]] = []
    for rival, unit, target in ((BASELINE, "x NumPy", None), (HIPS, "x HIPS", MEDIAN_TO_HIPS)):
        ratios = [times[PLAIN] / times[rival] for times in seconds if rival in times]
        if ratios:
            rows.append((f"median of {len(ratios)} functions", PLAIN, statistics.median(ratios), unit, target))
    return rows
