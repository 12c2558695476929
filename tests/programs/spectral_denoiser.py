"""The error of a denoiser that weighs each frequency of a signal by a gain between 0 and 1, and keeps what it returns smooth.

Press et al., Numerical Recipes (3rd edition, 2007), section 13.3: optimal (Wiener) filtering with the FFT.
"""

import numpy as np

from tests.programs._types import Arguments, Floats


def value(logits: Floats, noisy: Floats, clean: Floats) -> np.float64:
    spectrum = np.fft.rfft(noisy)
    gains = 1 / (1 + np.exp(-logits))
    denoised = np.fft.irfft(gains * spectrum, n=noisy.shape[-1])
    error = np.mean((denoised - clean) ** 2)
    power = np.abs(np.fft.rfft(denoised)) ** 2 / noisy.shape[-1]
    roughness = np.mean(np.fft.rfftfreq(noisy.shape[-1]) ** 2 * power)
    total: np.float64 = error + 0.1 * roughness
    return total


def arguments(rng: np.random.Generator) -> Arguments:
    t = np.linspace(0, 1, 256, endpoint=False)
    clean = np.sin(2 * np.pi * 3 * t) + 0.5 * np.sign(np.sin(2 * np.pi * 5 * t))
    noisy = clean + 0.3 * rng.standard_normal(256)
    return (rng.standard_normal(129), noisy), (clean,)
