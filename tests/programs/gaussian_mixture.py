"""The log-likelihood of points under a mixture of Gaussians with diagonal covariances, with logsumexp written by hand.

Bishop, Pattern Recognition and Machine Learning (2006), equation 9.14.
"""

import numpy as np

from tests.programs._types import Arguments, Floats


def logsumexp(x: Floats, axis: int) -> Floats:
    top = np.max(x, axis=axis, keepdims=True)
    total: Floats = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return np.squeeze(total, axis=axis)


def value(logits: Floats, means: Floats, log_scales: Floats, points: Floats) -> np.float64:
    log_weights = logits - logsumexp(logits, axis=0)
    z = (points[:, None, :] - means) / np.exp(log_scales)
    log_densities = -0.5 * np.sum(z**2 + 2 * log_scales + np.log(2 * np.pi), axis=-1)
    return np.sum(logsumexp(log_weights + log_densities, axis=1))


def arguments(rng: np.random.Generator) -> Arguments:
    centres = np.array([[-2.0, 0.0], [2.0, 1.0], [0.0, -2.0]])
    points = centres[rng.integers(3, size=300)] + rng.standard_normal((300, 2)) * [0.5, 0.8]
    return (rng.standard_normal(3), centres + rng.standard_normal((3, 2)), 0.3 * rng.standard_normal((3, 2))), (points,)
