"""NumPy's names, for programs that build arrays out of traced values: ``import tape_ad.numpy as np``.

NumPy hands a call to us where one of its arguments is a tensor. `numpy.array` of a list of tensors is no such call, nor is
`numpy.full` with a tensor to fill in. These functions are here; every other name is NumPy's own, of `numpy.linalg`,
`numpy.fft` and `numpy.random` too. Without a tensor each gives the plain array that NumPy's function gives.

>>> import tape_ad.numpy as np
>>> from tape_ad import grad
>>> grad(lambda x: np.sum(np.array([[x, 1.0], [2.0, x * x]])))(3.0)
np.float64(7.0)
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from attrs import frozen

from tape_ad._core import TENSORS
from tape_ad._errors import ArgumentError
from tape_ad._typing import ArrayLike, DType, Shape
from tape_ad.ops import diagonals, padding
from tape_ad.ops.joining import build, holds_traced, traced

__all__ = [
    "append", "apply_along_axis", "array", "asanyarray", "asarray", "ascontiguousarray", "asfortranarray", "column_stack",
    "concat", "concatenate", "dstack", "full", "full_like", "hstack", "insert", "kaiser", "pad", "piecewise", "stack", "vstack",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Return what NumPy has under a name that is not defined here."""
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(np, name)


def __dir__() -> list[str]:
    return sorted({*__all__, *dir(np)})


# --- arrays of values -----------------------------------------------------------------------------------------------
def array(object: Any, dtype: DType = None, *, ndmin: int = 0, **options: Any) -> Any:
    """Return `numpy.array` of an object; of nested lists that hold tensors, the tensor that they spell.

    Raises:
        ValueError: where parts side by side have different shapes.

    >>> from tape_ad import Tensor
    >>> array([[Tensor(1.0), 2.0], np.array([3.0, 4.0])]).data
    array([[1., 2.],
           [3., 4.]])
    """
    if not holds_traced(object):
        return np.array(object, dtype=dtype, ndmin=ndmin, **options)
    result = build(TENSORS, object)
    if dtype is not None and result.dtype != np.dtype(dtype):
        result = TENSORS.astype(result, dtype)
    return result if result.ndim >= ndmin else TENSORS.reshape(result, (1,) * (ndmin - result.ndim) + result.shape)


def asarray(a: Any, dtype: DType = None, **options: Any) -> Any:
    """Return `numpy.asarray` of an object; tensors, and lists that hold some, as `array` does."""
    return array(a, dtype) if holds_traced(a) else np.asarray(a, dtype=dtype, **options)


def asanyarray(a: Any, dtype: DType = None, **options: Any) -> Any:
    """Return `numpy.asanyarray` of an object; tensors, and lists that hold some, as `array` does."""
    return array(a, dtype) if holds_traced(a) else np.asanyarray(a, dtype=dtype, **options)


def ascontiguousarray(a: Any, dtype: DType = None, **options: Any) -> Any:
    """Return `numpy.ascontiguousarray` of an object; a tensor, of which nobody sees the memory, with an axis at least."""
    return array(a, dtype, ndmin=1) if holds_traced(a) else np.ascontiguousarray(a, dtype=dtype, **options)


def asfortranarray(a: Any, dtype: DType = None, **options: Any) -> Any:
    """Return `numpy.asfortranarray` of an object; a tensor, of which nobody sees the memory, as `array` does."""
    return array(a, dtype) if holds_traced(a) else np.asfortranarray(a, dtype=dtype, **options)


def full(shape: int | Shape, fill_value: Any, dtype: DType = None, order: Any = "C", **options: Any) -> Any:
    """Return an array filled with one value, which may be a tensor."""
    if not holds_traced(fill_value):
        return np.full(shape, fill_value, dtype, order, **options)
    return TENSORS.broadcast_to(array(fill_value, dtype), shape)


def full_like(
    a: ArrayLike, fill_value: Any, dtype: DType = None, order: Any = "K", subok: bool = True, shape: Any = None, **options: Any
) -> Any:  # fmt: skip
    """Return an array with shape and dtype of another, filled with one value, which may be a tensor.

    Raises:
        ArgumentError: for a tensor that the dtype cannot hold, since its gradient would be lost.
    """
    if not holds_traced(fill_value):
        return np.full_like(a, fill_value, dtype, order, subok, shape, **options)
    value = array(fill_value)
    to = np.dtype(np.result_type(a) if dtype is None else dtype)
    if dtype is None and value.dtype.kind in "fc" and to.kind not in "fc":
        msg = f"np.full_like(a, t) has the dtype of a, {to}, which cannot hold t, {value.dtype}. Write np.full(np.shape(a), t)."
        raise ArgumentError(msg)
    return full(np.shape(a) if shape is None else shape, value, to)


def kaiser(M: int, beta: Any) -> Any:
    """Return `numpy.kaiser`, a window of ``M`` points; its shape ``beta`` may be a tensor."""
    if not holds_traced(beta):
        return np.kaiser(M, beta)
    half, beta = (M - 1) / 2, array(beta, float)  # double precision, as NumPy computes it
    place = (np.arange(M) - half) / (half or 1.0)
    return np.i0(beta * np.sqrt(1 - place**2.0)) / np.i0(beta)  # in NumPy's order, so that the bits are NumPy's


# --- arrays of arrays -----------------------------------------------------------------------------------------------
@frozen
class Joining:
    """A function of NumPy's that joins arrays, where each of them may be a list of tensors."""

    function: Callable[..., Any]

    def __call__(self, arrays: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
        """Return what NumPy's function gives; each part that is a list with tensors becomes one tensor."""
        if isinstance(arrays, (list, tuple)):
            arrays = [
                array(part) if isinstance(part, (list, tuple)) and holds_traced(part) else part for part in arrays
            ]
        return self.function(arrays, *args, **kwargs)


stack: Joining = Joining(np.stack)
concat: Joining = Joining(np.concatenate)
concatenate: Joining = concat
hstack: Joining = Joining(np.hstack)
vstack: Joining = Joining(np.vstack)
dstack: Joining = Joining(np.dstack)
column_stack: Joining = Joining(np.column_stack)


def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """Return `numpy.append`; either may be a list that holds tensors."""
    return np.append(asarray(arr), asarray(values), axis)


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """Return `numpy.insert`; array and values may be lists that hold tensors."""
    return np.insert(asarray(arr), obj, asarray(values) if holds_traced(values) else values, axis)


# --- functions that find tensors where NumPy does not look ----------------------------------------------------------
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """Return `numpy.pad`; tensors may stand in ``constant_values`` and ``end_values`` alone."""
    if holds_traced(array) or any(holds_traced(value) for value in kwargs.values()):
        return padding.pad(asarray(array), pad_width, mode, **kwargs)
    return np.pad(array, pad_width, mode, **kwargs)


def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Any:
    """Return `numpy.piecewise`; the functions may return tensors of a plain array."""
    return _settled(diagonals.piecewise(x, condlist, funclist, *args, **kw), x, condlist, funclist)


def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """Return `numpy.apply_along_axis`; the function may return tensors of a plain array."""
    results: list[Any] = []

    def called(x: Any, *args: Any, **kwargs: Any) -> Any:
        results.append(func1d(x if traced(arr) else x.data, *args, **kwargs))
        return results[-1]

    return _settled(diagonals.apply_along_axis(called, axis, arr, *args, **kwargs), arr, results)


def _settled(result: Any, *given: Any) -> Any:
    """Return a tensor where one was given or is tracked, else its data."""
    return result if result.autograd or holds_traced(given) else result.data
