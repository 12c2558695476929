"""Names for the types in signatures: protocols and aliases, no behaviour."""

from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, SupportsIndex, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., object])

Array: TypeAlias = Any
"""What a forward or a rule computes with: a NumPy array or scalar, a tensor, a batched array."""

ArrayLike: TypeAlias = npt.ArrayLike
"""What an operation accepts: arrays, tensors, Python scalars, nested sequences of these."""

Namespace: TypeAlias = Any
"""The interpreter that a forward and its rules are written against: NumPy, or the tensor namespace."""

Shape: TypeAlias = tuple[int, ...]
Axis: TypeAlias = SupportsIndex | Sequence[SupportsIndex] | None
"""One axis, several, or all of them (None)."""

DType: TypeAlias = npt.DTypeLike | None

Number: TypeAlias = bool | int | float | complex
Operand: TypeAlias = Any
"""The other side of an operator: a tensor, an array, a scalar; anything else answers for itself."""

RealScalar: TypeAlias = float | np.floating[Any]
