"""The operations, one module per chapter of the Array API standard; forward, rule, NumPy names and cases stand together."""

from tape_ad.ops import (
    batching,
    creation,
    diagonals,
    elementwise,
    fft,
    indexing,
    joining,
    linalg,
    manipulation,
    padding,
    reductions,
    sorting,
    special,
    statistics,
    updates,
)

__all__ = [
    "batching",
    "creation",
    "diagonals",
    "elementwise",
    "fft",
    "indexing",
    "joining",
    "linalg",
    "manipulation",
    "padding",
    "reductions",
    "sorting",
    "special",
    "statistics",
    "updates",
]
