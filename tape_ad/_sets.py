"""Sets of elements: the Array API standard's ``unique_*`` and ``isin``. Which elements there are is a constant, their values are not."""

import sys
from typing import Any, NamedTuple

import numpy as np

from tape_ad._core import TENSORS, Tensor, constant, record
from tape_ad._typing import ArrayLike

_getframe = sys._getframe  # noqa: SLF001 - the only way to a caller's position that costs less than a microsecond


class UniqueAll(NamedTuple):
    """The distinct elements, where each stands first, which of them each element is, and how often each stands."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """The distinct elements, and how often each stands."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """The distinct elements, and which of them each element is."""

    values: Tensor
    inverse_indices: Tensor


def unique_all(x: ArrayLike, /) -> UniqueAll:
    """Return the distinct elements with all that is known about them; of a tensor, with the gradient of the first of equal ones."""
    found = np.unique_all(constant(x).data)
    rest = [record(part, (), None, False, _getframe(1)) for part in found[1:]]
    return UniqueAll(TENSORS.reshape(x, -1)[found.indices], *rest)


def unique_counts(x: ArrayLike, /) -> UniqueCounts:
    """Return the distinct elements, and how often each stands."""
    found = unique_all(x)
    return UniqueCounts(found.values, found.counts)


def unique_inverse(x: ArrayLike, /) -> UniqueInverse:
    """Return the distinct elements, and which of them each element is."""
    found = unique_all(x)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x: ArrayLike, /) -> Tensor:
    """Return the distinct elements."""
    return unique_all(x).values


def isin(x1: ArrayLike, x2: ArrayLike, /, *, invert: bool = False) -> Tensor:
    """Return which elements of ``x1`` are in ``x2``; with ``invert`` which are not."""
    found: Any = np.isin(constant(x1).data, constant(x2).data, invert=invert)
    return record(found, (), None, False, _getframe(1))
