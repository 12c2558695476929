"""The loss of a convolutional layer, rectified and averaged over the image, which tells stripes from each other.

Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), section 2.1.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.programs._types import Arguments, Floats


def value(kernels: Floats, bias: Floats, readout: Floats, images: Floats, labels: Floats) -> np.float64:
    windows = sliding_window_view(images, kernels.shape[1:], axis=(1, 2))
    features = np.einsum("nijkl,fkl->nijf", windows, kernels) + bias
    pooled = np.maximum(features, 0).mean(axis=(1, 2))
    scores = pooled @ readout
    loss: np.float64 = np.mean(np.logaddexp(0, scores) - labels * scores)
    return loss


def arguments(rng: np.random.Generator) -> Arguments:
    i, j = np.indices((10, 10))
    labels = rng.integers(2, size=8).astype(float)
    images = np.where(labels[:, None, None] == 1, np.sin(i), np.sin(j)) + 0.3 * rng.standard_normal((8, 10, 10))
    return (rng.standard_normal((4, 3, 3)), rng.standard_normal(4), rng.standard_normal(4)), (images, labels)
