"""How far the first principal components of noisy measurements are from what was measured.

Jolliffe, Principal Component Analysis (2nd edition, 2002), section 3.5: the components by singular value decomposition.
"""

import numpy as np

from tests.programs._types import Arguments, Floats

COMPONENTS = 3


def value(X: Floats, clean: Floats) -> np.float64:
    mean = X.mean(axis=0)
    U, s, Vt = np.linalg.svd(X - mean, full_matrices=False)
    restored = (U[:, :COMPONENTS] * s[:COMPONENTS]) @ Vt[:COMPONENTS] + mean
    explained = np.sum(s[:COMPONENTS] ** 2) / np.sum(s**2)
    loss: np.float64 = np.mean((restored - clean) ** 2) - explained
    return loss


def arguments(rng: np.random.Generator) -> Arguments:
    clean = rng.standard_normal((30, COMPONENTS)) * [3, 2, 1] @ rng.standard_normal((COMPONENTS, 8))
    return (clean + 0.3 * rng.standard_normal(clean.shape),), (clean,)
