"""The cost of carrying one cloud of weighted points onto another, by 50 rounds of Sinkhorn's scaling.

Cuturi, "Sinkhorn distances: lightspeed computation of optimal transport" (NIPS 2013), Algorithm 1.
"""

import numpy as np

from tests.programs._types import Arguments, Floats

REGULARIZATION = 0.5
ROUNDS = 50


def value(x: Floats, y: Floats, logits: Floats) -> np.float64:
    a = np.exp(logits) / np.sum(np.exp(logits))
    b = np.full(len(y), 1 / len(y))
    cost = np.sum((x[:, None] - y[None, :]) ** 2, axis=-1)
    K = np.exp(-cost / REGULARIZATION)
    u = np.ones(len(x))
    for _ in range(ROUNDS):
        v = b / (K.T @ u)
        u = a / (K @ v)
    plan = u[:, None] * K * v
    total: np.float64 = np.sum(plan * cost)
    return total


def arguments(rng: np.random.Generator) -> Arguments:
    return (rng.standard_normal((20, 2)), rng.standard_normal((25, 2)) + 0.5, 0.3 * rng.standard_normal(20)), ()
