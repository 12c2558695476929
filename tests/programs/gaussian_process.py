"""The marginal likelihood of a Gaussian process with a squared exponential kernel, as a function of its hyperparameters.

Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), Algorithm 2.1, page 19.
"""

import numpy as np

from tests.programs._types import Arguments, Floats


def kernel(x: Floats, log_scales: Floats, log_amplitude: Floats) -> Floats:
    scaled = x / np.exp(log_scales)
    squares = np.sum(scaled**2, axis=1)
    distances = squares[:, None] + squares[None, :] - 2 * scaled @ scaled.T
    covariance: Floats = np.exp(2 * log_amplitude) * np.exp(-0.5 * distances)
    return covariance


def value(log_scales: Floats, log_amplitude: Floats, log_noise: Floats, x: Floats, y: Floats) -> np.float64:
    n = len(y)
    K = kernel(x, log_scales, log_amplitude) + np.exp(2 * log_noise) * np.eye(n)
    L = np.linalg.cholesky(K)
    alpha = np.linalg.solve(L.T, np.linalg.solve(L, y))
    likelihood: np.float64 = -0.5 * y @ alpha - np.sum(np.log(np.diag(L))) - 0.5 * n * np.log(2 * np.pi)
    return likelihood


def arguments(rng: np.random.Generator) -> Arguments:
    x = rng.uniform(-2, 2, (40, 2))
    y = np.sin(2 * x[:, 0]) * x[:, 1] + 0.1 * rng.standard_normal(40)
    return (np.array([-0.3, 0.2]), np.array(0.1), np.array(-1.5)), (x, y)
