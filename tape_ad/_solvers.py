"""Solvers of equations for vectors of floating-point numbers, one per example: Newton, conjugate gradients, GMRES."""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from attrs import evolve, frozen

from tape_ad._batched import Batched, lead, names_of
from tape_ad._core import Tensor
from tape_ad._errors import ArgumentError, ConvergenceError, StructureError
from tape_ad.transforms import _call

Leaves: TypeAlias = Sequence[Any]
Function: TypeAlias = Callable[..., Any]
DENSE = 200
"""Up to so many unknowns the matrix is formed; beyond, it is only applied."""


@frozen(eq=False)
class Vectors:
    """How a list of arrays lies in vectors: one for each example of the batch axes ``names``."""

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype[Any], ...]
    names: tuple[int, ...]
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, leaves: Leaves, others: Leaves = ()) -> "Vectors":
        """Return how some arrays lie in vectors that have the batch axes of others too."""
        names = names_of([*leaves, *others])
        batched = [x for x in (*leaves, *others) if type(x) is Batched]
        lengths = dict(pair for x in batched for pair in zip(x.names, x.lengths, strict=True))
        shapes, dtypes = tuple([np.shape(x) for x in leaves]), tuple([x.dtype for x in leaves])
        return cls(shapes, dtypes, names, tuple([lengths[name] for name in names]))

    @property
    def size(self) -> int:
        """The number of unknowns of one example."""
        return sum(map(math.prod, self.shapes))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the vectors."""
        return np.result_type(*self.dtypes)

    @property
    def eps(self) -> float:
        """The precision of that dtype."""
        return float(np.finfo(self.dtype).eps)

    def pack(self, leaves: Leaves) -> Any:
        """Return the arrays as vectors, of shape (examples, unknowns)."""
        k, parts = len(self.names), []
        for x, shape in zip(map(number, leaves), self.shapes, strict=True):
            array = lead(x, self.names) if type(x) is Batched else x.reshape((1,) * k + shape)
            parts.append(np.broadcast_to(array, self.lengths + shape).reshape(math.prod(self.lengths), -1))
        return np.concatenate(parts, 1).astype(self.dtype)

    def unpack(self, vectors: Any) -> list[Any]:
        """Return vectors as arrays."""
        sizes = [math.prod(shape) for shape in self.shapes]
        parts = np.split(vectors, np.cumsum(sizes)[:-1], axis=1)
        shaped = [
            p.reshape(self.lengths + s).astype(d) for p, s, d in zip(parts, self.shapes, self.dtypes, strict=True)
        ]
        return [Batched(array, self.names) if self.names else array[()] for array in shaped]

    def matrix(self, apply: Function, *, each: bool = False) -> Any:
        """Return the matrix of a linear function, of shape (examples or 1, unknowns, unknowns), by columns or in a batch."""
        n, name = self.size, next(_call.serials)
        unit = evolve(self, names=(), lengths=())
        if each:
            return np.stack([self.pack(apply(unit.unpack(e[None]))) for e in np.eye(n)], 2)
        columns = apply(evolve(self, names=(name,), lengths=(n,)).unpack(np.eye(n)))
        own = self if any(type(c) is Batched and c.names != (name,) for c in columns) else unit
        wide = evolve(own, names=(*own.names, name), lengths=(*own.lengths, n))
        return wide.pack(columns).reshape(-1, n, n).swapaxes(1, 2)


# --- solvers --------------------------------------------------------------------------------------------------------
@frozen
class LinearMethod:
    """How linear equations are solved; see `linear_solve`."""

    solver: Function | None = None
    symmetric: bool = False
    tol: float | None = None
    max_steps: int | None = None

    def solve(self, apply: Function, b: Any, like: Vectors, what: str, *, each: bool = False) -> Any:
        """Return the vectors x with ``apply(x) == b``; ``each`` says that ``apply`` is the user's, not made for batches."""

        def product(v: Any) -> Any:
            return like.pack(apply(like.unpack(v)))

        if not np.any(b):
            return np.zeros_like(b)
        tol = self.tol or like.eps ** (0.25 if self.solver else 0.75)
        goal, most, how = tol * norm_of(b), self.max_steps or 10 * like.size + 20, "the factored matrix"
        if self.solver is not None:
            how = "the solver (which must use the function it is given: that of a derivative is another)"
            given = self.solver(lambda v: product(np.reshape(v, b.shape)).reshape(-1), b.reshape(-1).copy())
            x, norm = vector(given, b, what), np.zeros(len(b))
        elif like.size <= DENSE:
            matrix = like.matrix(apply, each=each)
            try:
                x = (
                    np.linalg.solve(matrix[0], b.T).T
                    if len(matrix) == 1
                    else np.linalg.solve(matrix, b[:, :, None])[:, :, 0]
                )
            except np.linalg.LinAlgError:
                raise not_found(what, "the matrix is singular") from None
            norm = np.sqrt(np.sum(np.abs(matrix) ** 2, (1, 2)))
        else:
            how = f"{'conjugate gradients' if self.symmetric else 'GMRES'} with at most {most} products"
            x, norm = (_conjugate_gradients if self.symmetric else _gmres)(product, b, goal, most)
        left, rounding = norm_of(b - product(x)), like.eps * norm * norm_of(x)
        # What rounding leaves can be no less; where it is as large as b, the matrix is singular to this precision.
        singular = np.any(rounding > 0.05 * norm_of(b))
        if singular or not np.all(left <= goal + 10 * like.size**0.5 * rounding):
            why = ": the matrix is singular, or nearly" if singular else ""
            raise not_found(what, f"{how} left a residual of {np.max(left):.2g}, of b {np.max(norm_of(b)):.2g}{why}")
        return x


def _conjugate_gradients(product: Function, b: Any, goal: Any, most: int) -> tuple[Any, Any]:
    """Return x and a bound from below of the matrix's norm; each example has its own step lengths."""
    x, r, p, norm = np.zeros_like(b), b, b, np.zeros(len(b))
    square = norm_of(r) ** 2
    for _ in range(most):
        q = product(p)
        curvature = np.sum(np.conj(p) * q, 1).real
        going = (np.sqrt(square) > goal) & (curvature > 0)
        if not going.any():
            break
        norm = np.maximum(norm, np.where(going, curvature / np.maximum(norm_of(p) ** 2, np.finfo(norm.dtype).tiny), 0))
        step = np.where(going, square, 0) / np.where(going, curvature, 1)
        x, r = x + step[:, None] * p, r - step[:, None] * q
        before, square = square, norm_of(r) ** 2
        p = np.where(going[:, None], r + (square / np.where(going, before, 1))[:, None] * p, p)
    return x, norm


def _gmres(product: Function, b: Any, goal: Any, most: int, restart: int = 100) -> tuple[Any, Any]:
    """Return the same without symmetry; all examples are one system of equations."""
    x, r, norm, enough = np.zeros_like(b), b, 0.0, np.min(goal[goal > 0])
    left: list[Any]
    while most > 0 and np.any(norm_of(r) > goal):
        size = np.linalg.norm(r)
        basis, H, left = np.empty((restart + 1, b.size), b.dtype), np.zeros((restart + 1, restart), b.dtype), [1.0]
        basis[0], k = (r / size).reshape(-1), 0
        while k < min(restart, most) and size > enough * np.linalg.norm(left):
            w = product(basis[k].reshape(b.shape)).reshape(-1)
            norm = max(norm, float(np.linalg.norm(w)))
            for _ in range(2):  # once more, for what rounding left
                along = basis[: k + 1].conj() @ w
                w, H[: k + 1, k] = w - along @ basis[: k + 1], H[: k + 1, k] + along
            H[k + 1, k] = length = np.linalg.norm(w)
            if length <= 1e-300 + np.finfo(b.dtype).eps * norm:
                k += 1
                break
            basis[k + 1] = w / length
            left.append(
                -(np.array(left) @ H[: k + 1, k]) / length
            )  # orthogonal to the columns of H: size / |left| is what is left
            k += 1
        e = np.zeros(k + 1, b.dtype)
        e[0] = size
        x = x + (np.linalg.lstsq(H[: k + 1, :k], e)[0] @ basis[:k]).reshape(b.shape)
        r, most = b - product(x), most - k
        if np.linalg.norm(r) > 0.99 * size:
            break
    return x, np.full(len(b), norm)


def newton(evaluate: Function, direction: Function, x: Any, tol: float, max_steps: int, what: str) -> Any:
    """Return where steps along ``direction`` lead, each halved until ``evaluate(x)``, a merit and its gradient, is less."""
    eps, new = np.finfo(x.dtype).eps, evaluate(x)
    for _ in range(max_steps):
        merit, r = new
        if not np.all(np.isfinite(merit)):
            raise not_found(what, f"the function is not finite at x = {x}")
        step, slope = direction(x, r)
        length, scale, t, good = norm_of(step), 1 + norm_of(x), np.full(len(x), 2.0), np.zeros(len(x), bool)
        small, near = length < tol * scale, length <= np.sqrt(eps) * scale
        for _ in range(40):
            t = np.where(good, t, t / 2)
            new = evaluate(x + t[:, None] * step)
            flat = new[0] <= merit + 8 * eps * np.abs(merit)  # to rounding: then the gradient decides
            good = (
                small | (new[0] <= merit + 1e-4 * t * slope) | (flat & (norm_of(new[1]) <= (1 - 1e-4 * t) * norm_of(r)))
            )
            if np.all(good):
                break
        if not np.all(good | near):
            break
        x = x + np.where(good, t, 0)[:, None] * step
        if np.all(small | ~good):  # rounding lets the others come no nearer
            return x
        new = evaluate(x)
    raise not_found(what, f"Newton's method stopped at a residual or gradient of {np.max(norm_of(new[1])):.2g}")


# --- vectors --------------------------------------------------------------------------------------------------------
def norm_of(vectors: Any) -> Any:
    """Return the length of each vector, of very long and very short ones too."""
    size = np.abs(vectors)
    peak = np.max(size, 1, keepdims=True, initial=0)
    peak = np.where(np.isfinite(peak) & (peak > 0), peak, 1)
    return (peak * np.sqrt(np.sum((size / peak) ** 2, 1, keepdims=True)))[:, 0]


def number(value: Any) -> Any:
    """Return the data of an array, a tensor or a number."""
    data = value.data if type(value) is Tensor else value
    return data if type(data) is Batched else np.asarray(data)


def start(value: Any) -> Any:
    """Return where a solver begins, in floating point."""
    data = number(value)
    if data.dtype.kind not in "biufc":
        msg = f"The unknowns are numbers and arrays, but got {type(value).__name__}. Pass it among the other arguments."
        raise ArgumentError(msg)
    return data if data.dtype.kind in "fc" else data.astype(float)


def vector(value: Any, like: Any, what: str) -> Any:
    found = np.asarray(value)
    if found.size != like.size or found.dtype.kind not in "biufc":
        msg = f"The solver of {what} must return x, a vector of {like.size} numbers, but it returned {type(value).__name__}. Return its field x."
        raise StructureError(msg)
    return found.reshape(like.shape).astype(like.dtype)


def not_found(what: str, why: str) -> ConvergenceError:
    return ConvergenceError(f"{what}: {why}. Start elsewhere, raise max_steps or tol, or pass a solver of your own.")
