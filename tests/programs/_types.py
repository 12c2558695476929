"""The types that the programs' signatures name."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Arguments: TypeAlias = tuple[tuple[Floats, ...], tuple[Any, ...]]
"""The parameters, which are differentiated, and the data, which are not."""
