"""NumPy's own linear algebra, for programs that import it from here."""

from numpy.linalg import *  # noqa: F403 - all of it is NumPy's
