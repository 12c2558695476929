"""Gradients of large arrays against the work that they cannot do without: products, factorizations, Fourier transforms.

Products: the pullback against the two products that it consists of, and the whole gradient against three. Factorizations: the
whole gradient against the formula for it, written in NumPy. Fourier transforms: the pullback against one transform.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from attrs import frozen

import tape_ad
from tests.benchmarks.second_order import Comparison
from tests.benchmarks.surface import cholesky_gradient, cholesky_gradient_by_inverse, eigh_gradient, svd_gradient
from tests.benchmarks.timing import BASELINE, Contestant, Workload

PULLBACK, GRADIENT = "tape_ad pullback of np", "tape_ad grad of np"
PRODUCTS, FACTORIZATION, TRANSFORM = 1.15, 1.2, 1.15
SIDE = 200
POINTS = 1 << 20


@frozen
class Product:
    """A product of two arrays, and the two products that are its transposes.

    Attributes:
        name: What is multiplied.
        of: The product.
        left: ``left(ct, y)``, the cotangent of the first operand.
        right: ``right(ct, x)``, that of the second.
        x: The first operand.
        y: The second.
        whole: Whether to compare the whole gradient too; NumPy's plain einsum takes longer than both its transposes.
    """

    name: str
    of: Callable[[Any, Any], Any]
    left: Callable[[Any, Any], Any]
    right: Callable[[Any, Any], Any]
    x: Any
    y: Any
    whole: bool = True


def _products() -> Sequence[Product]:
    rng = np.random.default_rng(8)

    def draw(*shape: int) -> Any:
        return rng.normal(size=shape)

    return (
        Product("matmul, 400 x 400", np.matmul, lambda g, y: g @ y.T, lambda g, x: x.T @ g, draw(400, 400), draw(400, 400)),
        Product("matmul, 16 of 200 x 200", np.matmul, lambda g, y: g @ y.mT, lambda g, x: x.mT @ g, draw(16, 200, 200), draw(16, 200, 200)),
        Product(
            "tensordot, (400, 20, 20) by (20, 20, 400)", np.tensordot,
            lambda g, y: (g @ y.reshape(400, 400).T).reshape(400, 20, 20), lambda g, x: (x.reshape(400, 400).T @ g).reshape(20, 20, 400),
            draw(400, 20, 20), draw(20, 20, 400),
        ),
        Product("einsum ij,jk->ik, 300 x 300", lambda x, y: np.einsum("ij,jk->ik", x, y), lambda g, y: g @ y.T, lambda g, x: x.T @ g, draw(300, 300), draw(300, 300), whole=False),
        Product("einsum bij,bjk->bik, 16 of 200 x 200", lambda x, y: np.einsum("bij,bjk->bik", x, y), lambda g, y: g @ y.mT, lambda g, x: x.mT @ g, draw(16, 200, 200), draw(16, 200, 200), whole=False),
        Product(
            "einsum ijk,jkl->il", lambda x, y: np.einsum("ijk,jkl->il", x, y),
            lambda g, y: (g @ y.reshape(400, 400).T).reshape(400, 20, 20), lambda g, x: (x.reshape(400, 400).T @ g).reshape(20, 20, 400),
            draw(400, 20, 20), draw(20, 20, 400), whole=False,
        ),
    )  # fmt: skip


def pullback_comparison(p: Product) -> Comparison:
    """Return the pullback of a product against the two products that it needs."""
    value, pullback = tape_ad.vjp(p.of, p.x, p.y)
    ct = np.random.default_rng(9).normal(size=value.shape)
    contestants = (
        Contestant(PULLBACK, lambda: pullback(ct)),
        Contestant(BASELINE, lambda: [p.left(ct, p.y), p.right(ct, p.x)]),
    )
    workload = Workload(f"pullback of {p.name}", contestants, 30, 0.02)
    return Comparison(workload, {"x two products": (BASELINE, PRODUCTS)})


def product_comparison(p: Product) -> Comparison:
    """Return the gradient of the sum of a product, in both operands, against the product and its two transposes."""
    ours = tape_ad.grad(lambda x, y: np.sum(p.of(x, y)), (0, 1))

    def by_hand() -> Sequence[Any]:
        out = p.of(p.x, p.y)
        _ = np.sum(out)
        ones = np.ones_like(out)
        return [p.left(ones, p.y), p.right(ones, p.x)]

    contestants = (Contestant(GRADIENT, lambda: ours(p.x, p.y)), Contestant(BASELINE, by_hand))
    return Comparison(Workload(f"gradient of {p.name}", contestants, 30, 0.02), {"x NumPy": (BASELINE, PRODUCTS)})


# --- factorizations -------------------------------------------------------------------------------------------------
def _formula_comparison(name: str, f: Callable[[Any], Any], x: Any, *formulas: Callable[[], Any]) -> Comparison:
    """Return a gradient in one matrix against formulas for it; the quickest counts."""
    ours = tape_ad.grad(f)
    rivals = [
        Contestant(f"{BASELINE}{f', way {i}' if i else ''}", lambda formula=formula: [formula()])  # type: ignore[misc]  # bound at once
        for i, formula in enumerate(formulas)
    ]
    workload = Workload(
        f"gradient of {name}, {SIDE} x {SIDE}", (Contestant(GRADIENT, lambda: [ours(x)]), *rivals), 15, 0.02
    )
    return Comparison(workload, {"x NumPy": (BASELINE, FACTORIZATION)})


# The sums have no weights: a large array that the function only reads is watched for changes, which is not at issue here.
def cholesky_comparison() -> Comparison:
    """Return the gradient of the sum of cubes of the Cholesky factor."""
    a = np.random.default_rng(10).normal(size=(SIDE, SIDE))
    x = a @ a.T / SIDE + np.eye(SIDE)

    def by(gradient: Callable[[Any, Any], Any]) -> Any:
        factor = np.linalg.cholesky(x)
        squares = factor * factor
        _ = np.sum(squares * factor)
        return gradient(factor, 3.0 * squares)

    def f(x: Any) -> Any:
        factor = np.linalg.cholesky(x)
        return np.sum(factor * factor * factor)

    return _formula_comparison(
        "cholesky", f, x, lambda: by(cholesky_gradient), lambda: by(cholesky_gradient_by_inverse)
    )


def solve_comparison() -> Comparison:
    """Return the gradient of the sum of squares of the solution, in the matrix."""
    rng = np.random.default_rng(11)
    x, b = rng.normal(size=(SIDE, SIDE)), rng.normal(size=(SIDE, SIDE))

    def by_solving() -> Any:
        out = np.linalg.solve(x, b)
        _ = np.sum(out * out)
        return -np.linalg.solve(x.T, 2.0 * out) @ out.T

    return _formula_comparison("solve", lambda x: np.sum(np.square(np.linalg.solve(x, b))), x, by_solving)


def eigh_comparison() -> Comparison:
    """Return the gradient of the sum of squared eigenvalues and cubed eigenvectors."""
    a = np.random.default_rng(12).normal(size=(SIDE, SIDE))

    def f(x: Any) -> Any:
        w, v = np.linalg.eigh(x)
        return np.sum(w * w) + np.sum(v * v * v)

    def by_hand() -> Any:
        w, v = np.linalg.eigh(x)
        squares = v * v
        _ = np.sum(w * w) + np.sum(squares * v)
        return eigh_gradient(w, v, 2.0 * w, 3.0 * squares)

    x = a + a.T
    return _formula_comparison("eigh", f, x, by_hand)


def svd_comparison() -> Comparison:
    """Return the gradient of the sum of squared singular values and cubed vectors."""
    x = np.random.default_rng(13).normal(size=(SIDE, SIDE))

    def f(x: Any) -> Any:
        u, s, vh = np.linalg.svd(x)
        return np.sum(s * s) + np.sum(u * u * u) + np.sum(vh * vh * vh)

    def by_hand() -> Any:
        u, s, vh = np.linalg.svd(x)
        left, right = u * u, vh * vh
        _ = np.sum(s * s) + np.sum(left * u) + np.sum(right * vh)
        return svd_gradient(u, s, vh, 3.0 * left, 2.0 * s, 3.0 * right)

    return _formula_comparison("svd", f, x, by_hand)


# --- Fourier transforms ---------------------------------------------------------------------------------------------
def fft_comparison(name: str, ours: Callable[[Any], Any], by_hand: Callable[[Any], Any], x: Any) -> Comparison:
    """Return the pullback of a Fourier transform against one transform."""
    value, pullback = tape_ad.vjp(ours, x)
    ct = value.conj()
    contestants = (Contestant(PULLBACK, lambda: pullback(ct)), Contestant(BASELINE, lambda: [by_hand(ct)]))
    workload = Workload(f"pullback of {name}, {POINTS:,} points", contestants, 15, 0.0)
    return Comparison(workload, {"x one transform": (BASELINE, TRANSFORM)})


def _halved(ct: Any) -> Any:
    """Return what the transpose of ``rfft`` transforms back, written over its copy."""
    half = np.conj(ct)
    half[1:-1] *= 0.5
    return half


def all_at_size() -> Sequence[Callable[[], Comparison]]:
    """Return what makes each comparison, so that only one holds its arrays at a time."""
    real = np.random.default_rng(14).normal(size=POINTS)
    return (
        *[lambda p=p: pullback_comparison(p) for p in _products()],
        *[lambda p=p: product_comparison(p) for p in _products() if p.whole],
        cholesky_comparison,
        solve_comparison,
        eigh_comparison,
        svd_comparison,
        lambda: fft_comparison("fft", np.fft.fft, np.fft.fft, real + 1j * real[::-1]),
        lambda: fft_comparison("fft of real numbers", np.fft.fft, lambda ct: np.fft.fft(ct).real, real),
        lambda: fft_comparison("rfft", np.fft.rfft, lambda ct: np.fft.irfft(_halved(ct), POINTS, norm="forward"), real),
    )
