"""Leaves and constants: where a gradient begins and where it ends."""

from __future__ import annotations

import numpy as np

from tape_ad._core import TENSORS
from tape_ad._rules import UNARY_CASES, linear, piecewise_constant, unchanged
from tape_ad._stacked import pointwise
from tape_ad._typing import Array, ArrayLike, Namespace


@linear(transposes=(unchanged,), batched=pointwise, cases=UNARY_CASES, shows=())
def argument(xp: Namespace, x: ArrayLike, /, *, serial: int = 0) -> Array:
    """Return an argument of a transform as it is; ``serial`` tells which call of a transform made it."""
    return x


@piecewise_constant(batched=pointwise, cases=UNARY_CASES)
def stop_gradient(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return ``x`` as a constant: its derivative is zero by definition."""
    return x


# What rules ask about a value needs no derivative; NumPy's functions answer from the data.
vars(TENSORS).update(
    {f.__name__: f for f in (np.ndim, np.shape, np.size, np.iscomplexobj, np.zeros_like, np.ones_like, np.result_type)}
)
