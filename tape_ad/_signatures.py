"""The Array API standard's signatures, for ops that take more than the standard names: what NumPy's functions need.

``numpy.mean(t, dtype=…)`` arrives at the op; ``tape_ad.mean`` has the standard's parameters, and no others.
"""

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tape_ad._core import TABLE, TENSORS, Tensor, apply, constant, own, record
from tape_ad._data import check_device
from tape_ad._typing import ArrayLike, Axis, DType, Shape

_getframe = sys._getframe  # noqa: SLF001 - the only way to a caller's position that costs less than a microsecond


# --- numbers between two others -------------------------------------------------------------------------------------
def linspace(
    start: Any, stop: Any, /, num: int, *, dtype: DType = None, device: str | None = None, endpoint: bool = True
) -> Tensor:  # fmt: skip
    """Return ``num`` numbers evenly apart from ``start`` to ``stop``, which is left out without ``endpoint``."""
    check_device(device, "linspace()")
    params = {"num": num, "endpoint": bool(endpoint), "dtype": dtype}
    return apply(TABLE["evenly_spaced"], (start, stop), params, _getframe(1))


# --- shapes ---------------------------------------------------------------------------------------------------------
def reshape(x: ArrayLike, /, shape: int | Shape, *, copy: bool | None = None) -> Tensor:
    """Return the elements in another shape; one length may be -1 and is worked out.

    Raises:
        ValueError: for ``copy=False``, where the elements would have to be moved in memory.
    """
    if copy is False:
        np.reshape(constant(x).data, shape, copy=False)
    return apply(TABLE["reshape"], (x,), {"shape": shape}, _getframe(1))


def permute_dims(x: ArrayLike, /, axes: tuple[int, ...]) -> Tensor:
    """Return the array with its axes in the given order."""
    return apply(TABLE["permute_dims"], (x,), {"axes": axes}, _getframe(1))


def expand_dims(x: ArrayLike, /, axis: int | tuple[int, ...]) -> Tensor:
    """Return the array with new axes of length one at the given positions of the result."""
    return apply(TABLE["expand_dims"], (x,), {"axis": axis}, _getframe(1))


def squeeze(x: ArrayLike, /, axis: int | tuple[int, ...]) -> Tensor:
    """Return the array without the named axes, which are of length one."""
    return apply(TABLE["squeeze"], (x,), {"axis": axis}, _getframe(1))


def concat(arrays: Sequence[ArrayLike], /, *, axis: int | None = 0) -> Tensor:
    """Return the arrays joined along an existing axis; each flattened first if ``axis`` is None."""
    parts: list[Any] = list(arrays)
    if axis is None:
        parts, axis = [TENSORS.reshape(part, -1) for part in parts], 0
    return apply(TABLE["concat"], parts, {"axis": axis}, _getframe(1))


def stack(arrays: Sequence[ArrayLike], /, *, axis: int = 0) -> Tensor:
    """Return the arrays joined along a new axis."""
    return apply(TABLE["stack"], list(arrays), {"axis": axis}, _getframe(1))


def repeat(x: ArrayLike, repeats: int | ArrayLike, /, *, axis: int | None = None) -> Tensor:
    """Return the array with each element repeated, along an axis or of the flattened array."""
    return apply(TABLE["repeat"], (x,), {"repeats": own(repeats, what="repeat()"), "axis": axis}, _getframe(1))


def tile(x: ArrayLike, repetitions: int | tuple[int, ...], /) -> Tensor:
    """Return the array laid side by side, ``repetitions`` times along each axis."""
    return apply(TABLE["tile"], (x,), {"repetitions": repetitions}, _getframe(1))


# --- statistics -----------------------------------------------------------------------------------------------------
def mean(x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the mean of the elements along the axes."""
    return apply(TABLE["mean"], (x,), {"axis": axis, "keepdims": keepdims}, _getframe(1))


def std(x: ArrayLike, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """Return the standard deviation along the axes; ``correction`` is taken from the number of elements."""
    return apply(TABLE["std"], (x,), _spread(axis, correction, keepdims), _getframe(1))


def var(x: ArrayLike, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """Return the variance along the axes; ``correction`` is taken from the number of elements."""
    return apply(TABLE["var"], (x,), _spread(axis, correction, keepdims), _getframe(1))


def _spread(axis: Axis, correction: float, keepdims: bool) -> dict[str, Any]:
    params = {"axis": axis, "keepdims": keepdims}
    return {**params, "correction": correction} if correction else params


# --- searching ------------------------------------------------------------------------------------------------------
def nonzero(x: ArrayLike, /) -> tuple[Tensor, ...]:
    """Return, for each axis, where the elements stand that are not zero, as constants."""
    data = constant(x).data
    return tuple([record(places, (), None, False, _getframe(1)) for places in np.nonzero(data)])


# --- sets -----------------------------------------------------------------------------------------------------------
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
    """Return the distinct elements with all that is known about them; of equal ones the first carries the gradient."""
    values, *known = TENSORS.unique_all(x)
    return UniqueAll(values, *[record(part, (), None, False, _getframe(1)) for part in known])


def unique_counts(x: ArrayLike, /) -> UniqueCounts:
    """Return the distinct elements, and how often each stands."""
    values, counts = TENSORS.unique_counts(x)
    return UniqueCounts(values, record(counts, (), None, False, _getframe(1)))


def unique_inverse(x: ArrayLike, /) -> UniqueInverse:
    """Return the distinct elements, and which of them each element is."""
    values, inverse = TENSORS.unique_inverse(x)
    return UniqueInverse(values, record(inverse, (), None, False, _getframe(1)))


def unique_values(x: ArrayLike, /) -> Tensor:
    """Return the distinct elements, in NumPy's order."""
    return TENSORS.unique_values(x)  # type: ignore[no-any-return]  # the tensor namespace makes tensors
