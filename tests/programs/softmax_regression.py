"""The regularized cross entropy of a softmax regression on handwritten digits, over one flat vector as SciPy wants it.

Bishop, Pattern Recognition and Machine Learning (2006), equation 4.108.
"""

from pathlib import Path

import numpy as np

from tests.programs._types import Arguments, Floats, Integers

DIGITS = Path(__file__).parents[2] / "tape_ad" / "demo" / "data" / "digits.csv.gz"
PIXELS, CLASSES = 64, 10
PENALTY = 1e-3


def scores(theta: Floats, pixels: Floats) -> Floats:
    W = theta[: PIXELS * CLASSES].reshape(PIXELS, CLASSES)
    b = theta[PIXELS * CLASSES :]
    return pixels @ W + b


def value(theta: Floats, pixels: Floats, labels: Integers) -> np.float64:
    s = scores(theta, pixels)
    s -= s.max(axis=1, keepdims=True)
    log_probabilities = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    cross_entropy: np.float64 = -log_probabilities[np.arange(len(labels)), labels].mean()
    return cross_entropy + 0.5 * PENALTY * np.sum(theta**2)


def arguments(rng: np.random.Generator) -> Arguments:
    table = np.loadtxt(DIGITS, delimiter=",", dtype=np.int64)
    theta = 0.1 * rng.standard_normal(PIXELS * CLASSES + CLASSES)
    return (theta,), (table[:, :-1] / 16, table[:, -1])
