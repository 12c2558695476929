"""NumPy's own random numbers, for programs that import it from here."""

from numpy.random import *  # noqa: F403 - all of it is NumPy's
