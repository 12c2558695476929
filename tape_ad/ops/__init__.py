"""The operations, one module per chapter of the Array API standard; forward, rule, NumPy names and cases stand together."""

from tape_ad.ops import batching, creation, elementwise, indexing, linalg, manipulation, reductions, sorting, statistics

__all__ = [
    "batching",
    "creation",
    "elementwise",
    "indexing",
    "linalg",
    "manipulation",
    "reductions",
    "sorting",
    "statistics",
]
