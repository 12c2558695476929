"""The reprojection error of points in the pictures of several cameras: rotation vector, translation, focal length, distortion.

Agarwal et al., "Bundle adjustment in the large" (ECCV 2010), with the rotation by Rodrigues' formula as in SciPy's cookbook.
"""

import numpy as np

from tests.programs._types import Arguments, Floats, Integers


def rotate(points: Floats, rotations: Floats) -> Floats:
    theta = np.linalg.norm(rotations, axis=1)[:, np.newaxis]
    with np.errstate(invalid="ignore"):
        v = np.nan_to_num(rotations / theta)
    dot = np.sum(points * v, axis=1)[:, np.newaxis]
    cos_theta, sin_theta = np.cos(theta), np.sin(theta)
    rotated: Floats = cos_theta * points + sin_theta * np.cross(v, points) + dot * (1 - cos_theta) * v
    return rotated


def project(points: Floats, cameras: Floats) -> Floats:
    moved = rotate(points, cameras[:, :3]) + cameras[:, 3:6]
    flat = -moved[:, :2] / moved[:, 2, np.newaxis]
    f, k1, k2 = cameras[:, 6], cameras[:, 7], cameras[:, 8]
    n = np.sum(flat**2, axis=1)
    r = 1 + k1 * n + k2 * n**2
    pixels: Floats = flat * (r * f)[:, np.newaxis]
    return pixels


def value(cameras: Floats, points: Floats, camera: Integers, point: Integers, seen: Floats) -> np.float64:
    return 0.5 * np.sum((project(points[point], cameras[camera]) - seen) ** 2)


def arguments(rng: np.random.Generator) -> Arguments:
    cameras = np.array([0, 0, 0, 0, 0, -6, 10, 0.1, 0.01]) + 0.1 * rng.standard_normal((5, 9))
    points = rng.standard_normal((30, 3))
    camera, point = (index.ravel() for index in np.indices((5, 30)))
    seen = project(points[point], cameras[camera]) + 0.01 * rng.standard_normal((150, 2))
    noisy = cameras + 0.01 * rng.standard_normal(cameras.shape), points + 0.05 * rng.standard_normal(points.shape)
    return noisy, (camera, point, seen)
