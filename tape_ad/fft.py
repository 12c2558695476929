"""Fourier transforms: the extension ``fft`` of the Array API standard. NumPy's own spellings work on tensors too.

>>> import numpy as np
>>> from tape_ad import fft, grad
>>> grad(lambda x: np.sum(abs(fft.rfft(x)) ** 2))(np.array([1.0, 2.0, 3.0]))
array([ 9., 12., 15.])
"""

from tape_ad.ops.fft import (
    fft as fft,
    fftfreq as fftfreq,
    fftn as fftn,
    fftshift as fftshift,
    hfft as hfft,
    ifft as ifft,
    ifftn as ifftn,
    ifftshift as ifftshift,
    ihfft as ihfft,
    irfft as irfft,
    irfftn as irfftn,
    rfft as rfft,
    rfftfreq as rfftfreq,
    rfftn as rfftn,
)

__all__ = [
    "fft",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfftn",
    "rfft",
    "rfftfreq",
    "rfftn",
]
