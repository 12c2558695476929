"""The data of tensors: who owns a buffer, what may be in it, how to tell that it changed, how it is shown."""

from typing import Any

import numpy as np

from tape_ad._errors import TapeError, UnsupportedDataError

COPY_LIMIT = 65_536
"""Bytes up to which a writable operand is copied; larger ones are shared and watched by a fingerprint."""

_ndarray = np.ndarray
FLOAT = np.dtype(float)
_SCALARS = frozenset({bool, int, float, complex, np.float64, np.float32, np.int64, np.bool_, np.complex128})


def own_data(data: Any, what: str) -> Any:
    """Return numeric data that nobody else can change: a read-only array, or a scalar.

    Raises:
        UnsupportedDataError: for data that is not numeric.
    """
    kind = type(data)
    if kind in _SCALARS:
        return data
    if kind is not _ndarray:
        if isinstance(data, np.generic):
            check_dtype(data.dtype, what)
            return data
        if isinstance(data, (np.ma.MaskedArray, np.matrix)):
            msg = f"{what} takes plain arrays, not {kind.__name__}. Use .filled() or np.asarray() first."
            raise UnsupportedDataError(msg)
        try:
            data = np.array(data)
        except TapeError:
            raise
        except (TypeError, ValueError) as error:
            msg = f"{what} takes numbers and arrays of one shape: {error}."
            raise UnsupportedDataError(msg) from None
        check_dtype(data.dtype, what)
        data.setflags(write=False)
        return data
    check_dtype(data.dtype, what)
    if data.flags.writeable:
        data = data.copy(order="K")
        data.setflags(write=False)
    return data


def check_dtype(dtype: np.dtype[Any], what: str) -> None:
    if dtype.kind not in "biufc":
        msg = f"{what} holds numbers (boolean, integer, real or complex), but this data has dtype {dtype}."
        raise UnsupportedDataError(msg)


def fingerprint(array: Any) -> tuple[int, bytes]:
    """Return a value that changes when an array is written to: a sum of its words and a thousand samples."""
    flat = array.reshape(-1) if array.flags.forc else np.ravel(array)
    raw = flat.view(np.uint8)
    words = raw.view(np.uint64) if raw.size % 8 == 0 and flat.flags.aligned else raw
    samples = flat[:: max(1, flat.size // 1000)]
    return int(np.add.reduce(words, dtype=np.uint64)), samples.tobytes()


def show(value: Any) -> str:
    """Return a parameter as a reader would write it: an axis tuple of one is an int, an array one line."""
    if isinstance(value, np.ndarray):
        return np.array2string(value, threshold=6, separator=", ").replace("\n", "")
    if isinstance(value, tuple) and len(value) == 1 and isinstance(value[0], int):
        return repr(value[0])
    if isinstance(value, np.dtype):
        return str(value)
    return repr(value)


def data_repr(data: Any) -> str:
    if type(data) is not _ndarray:
        return repr(data.item()) if type(data) is np.float64 else repr(data)
    text = np.array2string(data, separator=", ", prefix="Tensor(")
    return text if data.dtype in (np.float64, np.int64, np.bool_, np.complex128) else f"{text}, dtype={data.dtype}"
