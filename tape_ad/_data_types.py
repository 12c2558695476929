"""The Array API standard's data types: their names, what converts and compares them, its constants, what the namespace can do.

>>> import tape_ad
>>> tape_ad.finfo(tape_ad.float32).bits
32
>>> tape_ad.result_type(tape_ad.int8, tape_ad.uint8)
dtype('int16')
"""

import sys
from typing import Any

import numpy as np
from attrs import frozen

from tape_ad._core import TABLE, Tensor, apply
from tape_ad._data import check_device
from tape_ad._errors import ArgumentError
from tape_ad._typing import ArrayLike, DType

_getframe = sys._getframe  # noqa: SLF001 - the only way to a caller's position that costs less than a microsecond

api_version: str = "2024.12"
"""The version of the standard that this namespace follows."""

bool: np.dtype[np.bool_] = np.dtype("bool")
int8: np.dtype[np.int8] = np.dtype("int8")
int16: np.dtype[np.int16] = np.dtype("int16")
int32: np.dtype[np.int32] = np.dtype("int32")
int64: np.dtype[np.int64] = np.dtype("int64")
uint8: np.dtype[np.uint8] = np.dtype("uint8")
uint16: np.dtype[np.uint16] = np.dtype("uint16")
uint32: np.dtype[np.uint32] = np.dtype("uint32")
uint64: np.dtype[np.uint64] = np.dtype("uint64")
float32: np.dtype[np.float32] = np.dtype("float32")
float64: np.dtype[np.float64] = np.dtype("float64")
complex64: np.dtype[np.complex64] = np.dtype("complex64")
complex128: np.dtype[np.complex128] = np.dtype("complex128")

e: float = np.e
inf: float = np.inf
nan: float = np.nan
newaxis: None = None
pi: float = np.pi

_DTYPES = {
    t.name: t
    for t in (
        bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64, complex64, complex128
    )
}  # fmt: skip


@frozen
class FloatInfo:
    """The limits of a floating-point dtype, or of the parts of a complex one, as Python numbers."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: np.dtype[Any]


@frozen
class IntInfo:
    """The limits of an integer dtype, as Python numbers."""

    bits: int
    max: int
    min: int
    dtype: np.dtype[Any]


def finfo(type: DType | ArrayLike, /) -> FloatInfo:
    """Return the limits of a floating-point dtype, given as one or by an array that has it.

    Raises:
        ArgumentError: for any other dtype.
    """
    dtype = _dtype_of(type)
    if dtype.kind not in "fc":
        msg = f"finfo() is about floating point, but got {dtype}. For integers there is iinfo()."
        raise ArgumentError(msg)
    found = np.finfo(dtype)
    return FloatInfo(
        found.bits, float(found.eps), float(found.max), float(found.min), float(found.smallest_normal), found.dtype
    )


def iinfo(type: DType | ArrayLike, /) -> IntInfo:
    """Return the limits of an integer dtype, given as one or by an array that has it.

    Raises:
        ArgumentError: for any other dtype.
    """
    dtype = _dtype_of(type)
    if dtype.kind not in "iu":
        msg = f"iinfo() is about integers, but got {dtype}. For floating point there is finfo()."
        raise ArgumentError(msg)
    found = np.iinfo(dtype)
    return IntInfo(found.bits, int(found.max), int(found.min), found.dtype)


def isdtype(dtype: DType, kind: Any) -> Any:
    """Return whether a dtype is of a kind, such as ``"real floating"``, or of one of several."""
    return np.isdtype(np.dtype(dtype), kind)


def can_cast(from_: DType | ArrayLike, to: DType, /) -> Any:
    """Return whether a dtype, or that of an array, becomes another without losing what it can hold."""
    return np.can_cast(_dtype_of(from_), np.dtype(to))


def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """Return the dtype that an operation on the given arrays, dtypes and Python scalars would have."""
    return np.result_type(*arrays_and_dtypes)


def astype(x: ArrayLike, dtype: DType, /, *, copy: Any = True, device: str | None = None) -> Tensor:
    """Return the array with another dtype; cast to integers or booleans it is a constant."""
    check_device(device, "astype()")
    return apply(TABLE["astype"], (x,), {"dtype": dtype}, _getframe(1))


def _dtype_of(type: Any) -> np.dtype[Any]:
    """Return a dtype; of an array, the one that it has."""
    dtype: np.dtype[Any] = type.dtype if hasattr(type, "__array_function__") else np.dtype(type)
    return dtype


@frozen
class NamespaceInfo:
    """What the namespace can do, on which devices and with which dtypes."""

    def capabilities(self) -> dict[str, Any]:
        """Return what depends on the library: masks as indices, shapes that depend on values, the number of axes."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """Return the device where arrays are made."""
        return "cpu"

    def devices(self) -> list[str]:
        """Return all devices."""
        return ["cpu"]

    def default_dtypes(self, *, device: str | None = None) -> dict[str, np.dtype[Any]]:
        """Return the dtypes of arrays for which none was asked."""
        check_device(device, "default_dtypes()")
        index = np.dtype(np.intp)
        return {"real floating": float64, "complex floating": complex128, "integral": index, "indexing": index}

    def dtypes(
        self, *, device: str | None = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, np.dtype[Any]]:
        """Return all dtypes by their names, or those of one kind or several."""
        check_device(device, "dtypes()")
        return {name: dtype for name, dtype in _DTYPES.items() if kind is None or np.isdtype(dtype, kind)}


def array_namespace_info() -> NamespaceInfo:
    """Return what the namespace can do, as the standard's inspection API asks for it."""
    return NamespaceInfo()
