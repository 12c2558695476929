"""How far a hanging net of masses and springs is from a target after 500 steps of velocity Verlet.

Swope et al., J. Chem. Phys. 76, 637 (1982); the springs obey Hooke's law, with a little friction.
"""

import numpy as np

from tests.programs._types import Arguments, Floats, Integers

DT = 0.01
STEPS = 500
FRICTION = 0.2
GRAVITY = np.array([0.0, -1.0])


def value(stiffness: Floats, length: Floats, x0: Floats, i: Integers, j: Integers, target: Floats) -> np.float64:
    incidence = np.eye(len(x0))[i] - np.eye(len(x0))[j]

    def acceleration(x: Floats, v: Floats) -> Floats:
        stretch = x[i] - x[j]
        distance = np.sqrt(np.sum(stretch**2, axis=1))
        tension = stiffness * (distance - length) / distance
        pull = incidence.T @ (tension[:, None] * stretch)
        free = np.arange(len(x)) > 1  # the first two masses are nailed to the wall
        return np.where(free[:, None], GRAVITY - FRICTION * v - pull, 0.0)

    x, v = x0, np.zeros_like(x0)
    a = acceleration(x, v)
    for _ in range(STEPS):
        x = x + DT * v + 0.5 * DT**2 * a
        following = acceleration(x, v)
        v = v + 0.5 * DT * (a + following)
        a = following
    return np.sum((x - target) ** 2)


def arguments(rng: np.random.Generator) -> Arguments:
    x0 = np.array([[0.0, 0], [1, 0], [0, -1], [1, -1], [0, -2], [1, -2]]) + 0.05 * rng.standard_normal((6, 2))
    i, j = np.array([[0, 2], [1, 3], [2, 3], [0, 3], [2, 4], [3, 5], [4, 5], [2, 5]]).T
    stiffness = 10 + rng.standard_normal(8)
    length = np.linalg.norm(x0[i] - x0[j], axis=1) * rng.uniform(0.9, 1.1, 8)
    return (stiffness, length, x0), (i, j, x0 - np.array([0.2, 0.3]))
