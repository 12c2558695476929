"""The workloads of second order and of many examples: Hessians, products with them, batched Jacobians and gradients.

Each is a comparison: what one contestant needs, as a multiple of what each of its rivals needs in the same run.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen

import tape_ad
from tests.benchmarks.timing import BASELINE, Contestant, Workload
from tests.benchmarks.workloads import HIPS, TORCH, anp, autograd, torch

LOOP = "tape_ad, a loop of grad"

VARIABLES = 100
EXAMPLES = 500
ROWS = 30_000
REGULARISATION = 1e-3


@frozen
class Comparison:
    """A workload whose first contestant is measured against the others.

    Attributes:
        workload: The contestants; the first is the one that is judged.
        rivals: For each unit of the table, such as ``x torch``: how the labels of that rival begin, and the multiple of
            its time to stay at or below. Of several contestants of one rival the fastest counts.
    """

    workload: Workload
    rivals: Mapping[str, tuple[str, float]]

    def ratios(self, seconds: Mapping[str, float]) -> list[tuple[str, float, float]]:
        """Return unit, value and target for each rival that took part."""
        own = seconds[self.workload.contestants[0].label]
        found = []
        for unit, (prefix, target) in self.rivals.items():
            times = [time for label, time in seconds.items() if label.startswith(prefix)]
            if times:
                found.append((unit, own / min(times), target))
        return found


# --- two functions of one vector ------------------------------------------------------------------------------------
def rosenbrock(xp: Any, x: Any) -> Any:
    """Return the Rosenbrock function, in any namespace."""
    return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def logistic(xp: Any, zero: Any, features: Any, labels: Any, w: Any) -> Any:
    """Return the mean logistic loss with an L2 penalty, in any namespace."""
    return xp.mean(xp.logaddexp(zero, -labels * (features @ w))) + 0.5 * REGULARISATION * (w @ w)


@frozen
class Scalar:
    """A scalar function of one vector as each contestant writes it; None for who is not installed."""

    name: str
    point: Any
    plain: Callable[[Any], Any]
    hips: Callable[[Any], Any] | None
    torch: Callable[[Any], Any] | None


def rosenbrock_of(n: int) -> Scalar:
    """Return the Rosenbrock function of n variables."""
    return Scalar(
        f"Rosenbrock, n = {n}",
        np.random.default_rng(3).uniform(0.5, 1.5, n),
        lambda x: rosenbrock(np, x),
        None if anp is None else lambda x: rosenbrock(anp, x),
        None if torch is None else lambda x: rosenbrock(torch, x),
    )


def logistic_of(d: int, rows: int) -> Scalar:
    """Return the loss of a logistic regression with d weights."""
    rng = np.random.default_rng(4)
    features, labels = rng.normal(size=(rows, d)), rng.choice([-1.0, 1.0], rows)
    with_torch = None
    if torch is not None:
        given = torch.zeros((), dtype=torch.float64), torch.tensor(features), torch.tensor(labels)

        def with_torch(w: Any) -> Any:
            return logistic(torch, *given, w)

    return Scalar(
        f"logistic regression, d = {d}",
        rng.normal(0, 0.1, d),
        lambda w: logistic(np, 0.0, features, labels, w),
        None if anp is None else lambda w: logistic(anp, 0.0, features, labels, w),
        with_torch,
    )


def hvp_comparison(f: Scalar) -> Comparison:
    """Return one product of the Hessian with a vector."""
    v = np.random.default_rng(5).normal(size=f.point.shape)
    contestants = [Contestant("tape_ad hvp of np", lambda: [tape_ad.hvp(f.plain, (f.point,), (v,))])]
    if f.hips is not None:
        hips = autograd.hessian_vector_product(f.hips)
        contestants.append(Contestant(HIPS, lambda: [hips(f.point, v)]))
    if f.torch is not None:
        fun = f.torch

        def functional() -> Sequence[Any]:
            x, direction = torch.tensor(f.point), torch.tensor(v)
            return [torch.autograd.functional.hvp(fun, x, direction)[1].numpy()]

        def double_backward() -> Sequence[Any]:
            x, direction = torch.tensor(f.point, requires_grad=True), torch.tensor(v)
            (gradient,) = torch.autograd.grad(fun(x), x, create_graph=True)
            return [torch.autograd.grad(gradient, x, direction)[0].numpy()]

        contestants.append(Contestant(f"{TORCH} functional.hvp", functional))
        contestants.append(Contestant(f"{TORCH} double backward", double_backward))
    workload = Workload(f"hvp, {f.name}", tuple(contestants), 40)
    return Comparison(workload, {"x torch": (TORCH, 0.8), "x HIPS": (HIPS, 0.4)})


def hessian_comparison(f: Scalar) -> Comparison:
    """Return the whole Hessian."""
    ours = tape_ad.hessian(f.plain)
    contestants = [Contestant("tape_ad hessian of np", lambda: [ours(f.point)])]
    if f.hips is not None:
        hips = autograd.hessian(f.hips)
        contestants.append(Contestant(HIPS, lambda: [hips(f.point)]))
    if f.torch is not None:
        fun = f.torch

        def one_by_one() -> Sequence[Any]:
            return [torch.autograd.functional.hessian(fun, torch.tensor(f.point)).numpy()]

        def vectorized() -> Sequence[Any]:
            return [torch.autograd.functional.hessian(fun, torch.tensor(f.point), vectorize=True).numpy()]

        contestants.append(Contestant(f"{TORCH} functional.hessian", one_by_one))
        contestants.append(Contestant(f"{TORCH} functional.hessian, vectorize", vectorized))
    workload = Workload(f"Hessian, {f.name}", tuple(contestants), 15, 0.01)
    return Comparison(workload, {"x torch": (TORCH, 1 / 2), "x HIPS": (HIPS, 1 / 10)})


# --- bundle adjustment ----------------------------------------------------------------------------------------------
def residual(p: Any, seen: Any) -> Any:
    """Return by how much a camera with depth misses one point: two pixels and the depth, times a weight.

    The 15 inputs are rotation vector (3), translation (3), focal length, two coefficients of radial distortion, principal
    point (2), the point (3) and the weight. The rotation is by Rodrigues' formula.
    """
    rotation, translation, focal, principal, point, weight = p[0:3], p[3:6], p[6], p[9:11], p[11:14], p[14]
    angle = np.sqrt(np.sum(rotation * rotation))
    axis = rotation / angle
    cos, sin = np.cos(angle), np.sin(angle)
    cross = np.stack(
        [
            axis[1] * point[2] - axis[2] * point[1],
            axis[2] * point[0] - axis[0] * point[2],
            axis[0] * point[1] - axis[1] * point[0],
        ]
    )
    q = point * cos + cross * sin + axis * np.sum(axis * point) * (1.0 - cos) + translation
    u = q[0:2] / q[2]
    square = np.sum(u * u)
    pixel = focal * (1.0 + square * (p[7] + p[8] * square)) * u + principal
    return weight * (np.stack([pixel[0], pixel[1], q[2]]) - seen)


def residual_jacobian_by_hand(p: Any, seen: Any) -> Any:
    """Return the Jacobians of all rows, of shape (rows, 3, 15), by the chain rule."""
    rotation, translation, point, weight = p[:, 0:3], p[:, 3:6], p[:, 11:14], p[:, 14]
    focal, k1, k2 = p[:, 6], p[:, 7], p[:, 8]
    angle = np.sqrt(np.einsum("ri,ri->r", rotation, rotation))
    axis = rotation / angle[:, None]
    cos, sin = np.cos(angle), np.sin(angle)
    versine = 1.0 - cos
    ax, ay, az = axis.T
    px, py, pz = point.T
    cross = np.stack([ay * pz - az * py, az * px - ax * pz, ax * py - ay * px], axis=1)
    along = np.einsum("ri,ri->r", axis, point)
    q = point * cos[:, None] + cross * sin[:, None] + axis * (along * versine)[:, None] + translation

    # The rotated point in the point: the rotation matrix, cos I + sin [axis]x + versine axis axis'.
    matrix = (versine[:, None] * axis)[:, :, None] * axis[:, None, :]
    sx, sy, sz = (sin[:, None] * axis).T
    matrix[:, 0, 0] += cos
    matrix[:, 1, 1] += cos
    matrix[:, 2, 2] += cos
    matrix[:, 0, 1] -= sz
    matrix[:, 0, 2] += sy
    matrix[:, 1, 0] += sz
    matrix[:, 1, 2] -= sx
    matrix[:, 2, 0] -= sy
    matrix[:, 2, 1] += sx

    # In the axis: versine (along I + axis point') - sin [point]x; then in the rotation vector, by axis = rotation / angle.
    in_axis = (versine[:, None] * axis)[:, :, None] * point[:, None, :]
    diagonal = versine * along
    tx, ty, tz = (sin[:, None] * point).T
    in_axis[:, 0, 0] += diagonal
    in_axis[:, 1, 1] += diagonal
    in_axis[:, 2, 2] += diagonal
    in_axis[:, 0, 1] += tz
    in_axis[:, 0, 2] -= ty
    in_axis[:, 1, 0] -= tz
    in_axis[:, 1, 2] += tx
    in_axis[:, 2, 0] += ty
    in_axis[:, 2, 1] -= tx
    in_angle = cross * cos[:, None] - point * sin[:, None] + axis * (sin * along)[:, None]
    radial = np.einsum("rij,rj->ri", in_axis, axis)
    in_rotation = in_axis / angle[:, None, None]
    in_rotation += (in_angle - radial / angle[:, None])[:, :, None] * axis[:, None, :]

    # The residuals in the rotated point.
    inverse = 1.0 / q[:, 2]
    u = q[:, 0:2] * inverse[:, None]
    square = np.einsum("ri,ri->r", u, u)
    distortion = 1.0 + square * (k1 + k2 * square)
    in_q = np.zeros((len(p), 3, 3))
    scale = weight * focal
    in_u = (2.0 * scale * (k1 + 2.0 * k2 * square))[:, None, None] * u[:, :, None] * u[:, None, :]
    in_u[:, 0, 0] += scale * distortion
    in_u[:, 1, 1] += scale * distortion
    in_q[:, :2, :2] = in_u * inverse[:, None, None]
    in_q[:, :2, 2] = -np.einsum("rij,rj->ri", in_q[:, :2, :2], u)
    in_q[:, 2, 2] = weight

    jacobian = np.zeros((len(p), 3, 15))
    jacobian[:, :, 0:3] = in_q @ in_rotation
    jacobian[:, :, 3:6] = in_q
    jacobian[:, :2, 6] = (weight * distortion)[:, None] * u
    jacobian[:, :2, 7] = (scale * square)[:, None] * u
    jacobian[:, :2, 8] = (scale * square * square)[:, None] * u
    jacobian[:, 0, 9] = weight
    jacobian[:, 1, 10] = weight
    jacobian[:, :, 11:14] = in_q @ matrix
    jacobian[:, :2, 14] = (focal * distortion)[:, None] * u + p[:, 9:11] - seen[:, :2]
    jacobian[:, 2, 14] = q[:, 2] - seen[:, 2]
    return jacobian


def jacobian_comparison(rows: int) -> Comparison:
    """Return the Jacobians of many residuals of 15 inputs and 3 outputs."""
    rng = np.random.default_rng(6)
    p = np.concatenate(
        [
            rng.normal(0, 0.5, (rows, 3)), rng.normal(0, 0.2, (rows, 3)), rng.uniform(0.8, 1.2, (rows, 1)),
            rng.normal(0, 0.1, (rows, 2)), rng.normal(0, 0.1, (rows, 2)), rng.uniform(-1, 1, (rows, 2)),
            rng.uniform(4, 6, (rows, 1)), rng.uniform(0.5, 2, (rows, 1)),
        ],
        axis=1,
    )  # fmt: skip
    seen = rng.normal(size=(rows, 3))
    ours = tape_ad.vmap(tape_ad.jacobian(residual))
    contestants = (
        Contestant("tape_ad vmap(jacobian)", lambda: [ours(p, seen)]),
        Contestant(BASELINE, lambda: [residual_jacobian_by_hand(p, seen)]),
    )
    workload = Workload(f"Jacobian 3 x 15, {rows:,} rows", contestants, 8, 0.0)
    return Comparison(workload, {"x NumPy": (BASELINE, 1.5)})


# --- gradients of many examples -------------------------------------------------------------------------------------
def loss_of_one(params: Any, x: Any, onehot: Any) -> Any:
    """Return the cross-entropy of a two-layer tanh network for one example."""
    w1, b1, w2, b2 = params
    z = np.tanh(x @ w1 + b1) @ w2 + b2
    return np.log(np.sum(np.exp(z))) - np.sum(onehot * z)


def examples_comparison(examples: int, inputs: int = 64, hidden: int = 32, classes: int = 10) -> Comparison:
    """Return the gradient of each example by itself, in all four parameters, together or in a loop."""
    rng = np.random.default_rng(7)
    params = (
        rng.normal(0, 0.1, (inputs, hidden)), rng.normal(0, 0.1, hidden),
        rng.normal(0, 0.1, (hidden, classes)), rng.normal(0, 0.1, classes),
    )  # fmt: skip
    x, onehot = rng.normal(size=(examples, inputs)), np.eye(classes)[rng.integers(0, classes, examples)]
    each = tape_ad.grad(loss_of_one)
    together = tape_ad.vmap(each, in_axes=(None, 0, 0))

    def loop() -> Sequence[Any]:
        # Left as lists: stacking them would be at the loop's expense.
        return list(zip(*[each(params, row, target) for row, target in zip(x, onehot, strict=True)], strict=True))

    contestants = (
        Contestant("tape_ad vmap(grad)", lambda: together(params, x, onehot)),
        Contestant(LOOP, loop),
    )
    # Several in a row: the first after the loop finds its memory out of the processor's cache.
    workload = Workload(f"gradients of {examples:,} examples", contestants, 8, 0.03)
    return Comparison(workload, {"x loop": (LOOP, 1 / 20)})


# --- memory ---------------------------------------------------------------------------------------------------------
def checkpoint_bytes(links: int) -> float:
    """Return the peak of memory of a chain whose links are recomputed, as a multiple of the plain chain's.

    It is a placeholder that nothing lists: there is no ``tape_ad.checkpoint`` yet.
    """
    msg = f"tape_ad.checkpoint does not exist yet, so a chain of {links} links has nothing to be compared with."
    raise NotImplementedError(msg)


def all_comparisons() -> Sequence[Callable[[], Comparison]]:
    """Return what makes each comparison, so that only one holds its arrays at a time."""
    return (
        lambda: hvp_comparison(rosenbrock_of(VARIABLES)),
        lambda: hvp_comparison(logistic_of(VARIABLES, EXAMPLES)),
        lambda: hessian_comparison(logistic_of(VARIABLES, EXAMPLES)),
        lambda: jacobian_comparison(ROWS),
        lambda: examples_comparison(1_000),
    )
