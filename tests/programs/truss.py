"""The compliance of a cantilever truss of given volume, as a function of the areas of its bars and of where its joints are.

Bendsoe and Sigmund, Topology Optimization (2nd edition, 2003), section 4.1, with stiffness A'CA as in Strang.
"""

import numpy as np

from tests.programs._types import Arguments, Floats, Integers

YOUNG = 200.0
VOLUME_PRICE = 0.05


def value(areas: Floats, joints: Floats, bars: Integers, load: Floats) -> np.float64:
    start, end = bars.T
    along = joints[end] - joints[start]
    lengths = np.linalg.norm(along, axis=1)
    signs = np.eye(len(joints))[end] - np.eye(len(joints))[start]
    elongation = (signs[:, :, None] * (along / lengths[:, None])[:, None, :]).reshape(len(bars), -1)
    free = elongation[:, 4:]  # the first two joints are fixed to the wall
    K = free.T @ np.diag(YOUNG * areas / lengths) @ free
    displacement = np.linalg.solve(K, load)
    price: np.float64 = load @ displacement + VOLUME_PRICE * np.sum(areas * lengths)
    return price


def arguments(rng: np.random.Generator) -> Arguments:
    joints = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]]) + 0.05 * rng.standard_normal((6, 2))
    bars = np.array([[0, 2], [1, 3], [0, 3], [1, 2], [2, 3], [2, 4], [3, 5], [2, 5], [3, 4], [4, 5]])
    load = np.array([0.0, 0, 0, 0, 0, -1, 0.2, 0])
    return (rng.uniform(0.5, 1.5, 10), joints), (bars, load)
