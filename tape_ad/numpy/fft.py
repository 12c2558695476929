"""NumPy's own Fourier transforms, for programs that import it from here."""

from numpy.fft import *  # noqa: F403 - all of it is NumPy's
