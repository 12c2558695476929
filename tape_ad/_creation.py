"""Arrays made of nothing, or of what is no array yet: the Array API standard's creation functions. All are constants.

>>> import tape_ad
>>> tape_ad.arange(3)
Tensor([0, 1, 2])
>>> tape_ad.full((2,), 0.5)
Tensor([0.5, 0.5])
"""

import sys
from typing import Any

import numpy as np

from tape_ad._core import TENSORS, Tensor, constant, own, record
from tape_ad._data import check_device, check_dtype, exposed
from tape_ad._errors import ArgumentError
from tape_ad._typing import ArrayLike, DType, Shape
from tape_ad.ops.joining import build, holds_traced, traced

_getframe = sys._getframe  # noqa: SLF001 - the only way to a caller's position that costs less than a microsecond


def _fresh(data: Any) -> Tensor:
    """Return an array that nobody else has as a constant, made where the caller's caller is."""
    check_dtype(data.dtype, "a tensor")
    return record(data, (), None, False, _getframe(2))


# --- from values ----------------------------------------------------------------------------------------------------
def asarray(
    obj: Any, /, *, dtype: DType = None, device: str | None = None, copy: bool | None = None
) -> Tensor:  # fmt: skip
    """Return a number, an array or nested sequences of these as a tensor; a tensor itself, tracked or not.

    Sequences may hold tensors, which keep their gradients. A copy of a tensor is the tensor, for neither can change.

    Raises:
        ValueError: for ``copy=False``, where the memory cannot be shared: of a list, of another dtype, or because
            somebody could still write to it.
    """
    check_device(device, "asarray()")
    if holds_traced(obj):
        if copy is False and not traced(obj):
            raise ValueError(_NO_COPY)
        tensor = obj if isinstance(obj, Tensor) else build(TENSORS, obj)
        if dtype is None or tensor.dtype == np.dtype(dtype):
            return tensor
        if copy is False:
            raise ValueError(_NO_COPY)
        return TENSORS.astype(tensor, dtype)  # type: ignore[no-any-return]  # likewise
    if isinstance(obj, (bool, int, float, complex, list, tuple)):
        if copy is False:
            raise ValueError(_NO_COPY)
        return _fresh(np.array(own(obj, what="asarray()"), dtype=dtype))
    data = np.asarray(obj, dtype=dtype, copy=copy or None)
    if copy is False and (exposed(data) or data is not obj):
        raise ValueError(_NO_COPY)
    return record(own(data, what="asarray()"), (), None, False, _getframe(1))


_NO_COPY = "asarray(…, copy=False): this cannot be shared without a copy; a tensor shares only read-only arrays. Leave copy out."


def from_dlpack(x: Any, /, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """Return another library's array as a constant. Memory that somebody could still write to is copied.

    Raises:
        ValueError: for ``copy=False`` where that is so.
    """
    check_device(device, "from_dlpack()")
    options: Any = {} if copy is None else {"copy": copy}
    data = np.from_dlpack(x, **options)
    if copy is False and exposed(data):
        msg = "from_dlpack(x, copy=False): x could still be written to, and a tensor never changes. Leave copy out."
        raise ValueError(msg)
    return record(own(data, what="from_dlpack()"), (), None, False, _getframe(1))


def arange(
    start: Any, /, stop: Any = None, step: Any = 1, *, dtype: DType = None, device: str | None = None
) -> Tensor:  # fmt: skip
    """Return the numbers from ``start`` up to, but without, ``stop``; from zero up to the only one given."""
    check_device(device, "arange()")
    given: list[Any] = [0, start] if stop is None else [start, stop]
    ends: list[Any] = [own(value, what="arange()") for value in (*given, step)]
    return _fresh(np.arange(*ends, dtype=dtype))


# --- of a shape -----------------------------------------------------------------------------------------------------
def zeros(shape: int | Shape, *, dtype: DType = None, device: str | None = None) -> Tensor:
    """Return an array of zeros."""
    check_device(device, "zeros()")
    return _fresh(np.zeros(shape, float if dtype is None else dtype))


def ones(shape: int | Shape, *, dtype: DType = None, device: str | None = None) -> Tensor:
    """Return an array of ones."""
    check_device(device, "ones()")
    return _fresh(np.ones(shape, float if dtype is None else dtype))


def empty(shape: int | Shape, *, dtype: DType = None, device: str | None = None) -> Tensor:
    """Return an array of some values: of zeros, for nobody could fill it in later."""
    check_device(device, "empty()")
    return _fresh(np.zeros(shape, float if dtype is None else dtype))


def full(shape: int | Shape, fill_value: Any, *, dtype: DType = None, device: str | None = None) -> Tensor:
    """Return an array filled with one value, which may be a tensor and then keeps its gradient."""
    check_device(device, "full()")
    if traced(fill_value):
        value = fill_value if dtype is None else TENSORS.astype(fill_value, dtype)
        return TENSORS.broadcast_to(value, shape)  # type: ignore[no-any-return]  # the tensor namespace makes tensors
    return _fresh(np.full(shape, fill_value, dtype))


def eye(
    n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: DType = None, device: str | None = None
) -> Tensor:  # fmt: skip
    """Return the matrix with ones on its k-th diagonal and zeros elsewhere."""
    check_device(device, "eye()")
    return _fresh(np.eye(n_rows, n_cols, k, float if dtype is None else dtype))


# --- like another ---------------------------------------------------------------------------------------------------
def zeros_like(x: ArrayLike, /, *, dtype: DType = None, device: str | None = None) -> Tensor:
    """Return an array of zeros with the shape and dtype of another."""
    check_device(device, "zeros_like()")
    return _fresh(np.zeros(np.shape(x), _dtype_like(x, dtype)))


def ones_like(x: ArrayLike, /, *, dtype: DType = None, device: str | None = None) -> Tensor:
    """Return an array of ones with the shape and dtype of another."""
    check_device(device, "ones_like()")
    return _fresh(np.ones(np.shape(x), _dtype_like(x, dtype)))


def empty_like(x: ArrayLike, /, *, dtype: DType = None, device: str | None = None) -> Tensor:
    """Return an array of some values, that is of zeros, with the shape and dtype of another."""
    check_device(device, "empty_like()")
    return _fresh(np.zeros(np.shape(x), _dtype_like(x, dtype)))


def full_like(x: ArrayLike, /, fill_value: Any, *, dtype: DType = None, device: str | None = None) -> Tensor:
    """Return an array with the shape and dtype of another, filled with one value, which may be a tensor.

    Raises:
        ArgumentError: for a tensor that the dtype cannot hold, since its gradient would be lost.
    """
    check_device(device, "full_like()")
    to = _dtype_like(x, dtype)
    if not traced(fill_value):
        return _fresh(np.full(np.shape(x), fill_value, to))
    if dtype is None and fill_value.dtype.kind in "fc" and to.kind not in "fc":
        msg = f"full_like(x, t) has the dtype of x, {to}, which cannot hold t, {fill_value.dtype}. Write full(x.shape, t)."
        raise ArgumentError(msg)
    return full(np.shape(x), fill_value, dtype=to)


def _dtype_like(x: Any, dtype: Any) -> np.dtype[Any]:
    return np.dtype(dtype) if dtype is not None else constant(x).dtype if np.isscalar(x) else np.result_type(x)
