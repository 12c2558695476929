"""The data of tensors: who owns a buffer, what may be in it, how to tell that it changed, how it is shown."""

from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from tape_ad._errors import ArgumentError, TapeError, UnsupportedDataError

COPY_LIMIT = 65_536
"""Bytes up to which a writable operand is copied; larger ones are shared and watched by a fingerprint."""

FOREIGN: dict[type, Callable[..., Any]] = {}
"""Data that is not NumPy's, by type: ``run(op, operands, params)``, how an op is computed on it."""

_ROW = 512  # words
_BLOCK = 128  # rows: half a megabyte, which the processor's cache keeps for the second sum

_ndarray = np.ndarray
FLOAT = np.dtype(float)
_SCALARS = frozenset({bool, int, float, complex, np.float64, np.float32, np.int64, np.bool_, np.complex128})


def own_data(data: Any, what: str) -> Any:
    """Return numeric data that nobody else can change: a read-only array, or a scalar.

    Raises:
        UnsupportedDataError: for data that is not numeric.
    """
    kind = type(data)
    if kind in _SCALARS or kind in FOREIGN:
        return data
    if kind is not _ndarray:
        if isinstance(data, np.generic):
            check_dtype(data.dtype, what)
            return data
        if isinstance(data, (np.ma.MaskedArray, np.matrix)):
            msg = f"{what} takes plain arrays, not {kind.__name__}. Use .filled() or np.asarray() first."
            raise UnsupportedDataError(msg)
        if isinstance(data, Iterator):
            msg = f"{what} takes arrays and numbers, not a {kind.__name__}; use Python's sum or np.stack."
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
    return private_copy(data) if exposed(data) else data


def private_copy(array: Any) -> Any:
    """Return a read-only copy that nobody else can change, with the same steps in memory.

    NumPy's loops may round otherwise over elements that lie apart, so a copy that moved them together would change bits.
    Only where the elements lie far apart are they moved.
    """
    copy = array.copy(order="K")
    if copy.strides != array.strides and array.size:
        low, high = byte_bounds(array)
        whole = array
        while getattr(whole, "base", None) is not None:
            whole = whole.base
        if type(whole) is _ndarray and whole.flags.forc and high - low <= 4 * array.nbytes + _ROW:
            memory = whole.reshape(-1, order="A").view(np.uint8)
            first = byte_bounds(whole)[0]
            memory = memory[low - first : high - first].copy()
            memory.setflags(write=False)
            start = array.__array_interface__["data"][0] - low
            return np.ndarray(array.shape, array.dtype, memory, start, array.strides)
    copy.setflags(write=False)
    return copy


def exposed(array: Any) -> bool:
    """Say whether somebody may still write to an array: it, or an array that it is a view of, is writable."""
    if type(array) is _ndarray and array.flags.writeable:
        return True
    while array is not None:
        if isinstance(array, _ndarray) and array.flags.writeable:
            return True
        array = getattr(array, "base", None)  # of as_strided's holders too, which are no arrays
    return False


def check_dtype(dtype: np.dtype[Any], what: str) -> None:
    if dtype.kind not in "biufc":
        msg = f"{what} holds numbers (boolean, integer, real or complex), but this data has dtype {dtype}."
        raise UnsupportedDataError(msg)


def check_device(device: Any, what: str) -> None:
    """Refuse every device but the one that there is.

    Raises:
        ArgumentError: for anything but None and "cpu".
    """
    if device not in (None, "cpu"):
        msg = f'{what}: there is no device {device!r} here; all arrays are NumPy\'s. Leave device out, or say "cpu".'
        raise ArgumentError(msg)


def fingerprint(array: Any) -> int:
    """Return a value that changes when an array is written to: a hash of sums over all its 64-bit words.

    The words stand in rows of 512. Those of each column are added up, and those of each row, and what does not fill a
    row is taken as it is. So a change of one element or of two (a swap, a pair of flipped signs) always shows, since
    some sum holds only one of the words that changed. Where an element is several words, such as a complex number,
    each row has a sum for its first words, one for its second, and so on.
    """
    raw = array.ravel(order="K").view(np.uint8)
    parts = max(1, array.itemsize // 8)
    whole = raw.size // (8 * _ROW)
    rows = raw[: 8 * _ROW * whole].view(np.uint64).reshape(whole, _ROW)
    columns = np.zeros(_ROW, np.uint64)
    sums = [raw[8 * _ROW * whole :].tobytes()]
    for start in range(0, whole, _BLOCK):
        block = rows[start : start + _BLOCK]
        columns += np.add.reduce(block, axis=0)
        sums += [np.add.reduce(block[:, part::parts], axis=1).tobytes() for part in range(parts)]
    return hash(b"".join([*sums, columns.tobytes()]))


def glance(array: Any) -> tuple[int, bytes, bytes]:
    """Return what a `fingerprint` costs too much for: the sum of all words, and some of them.

    Any one change shows; two that cancel in the sum, such as a swap, show only where they meet a sample.
    """
    raw = array.ravel(order="K").view(np.uint8)
    whole = raw.size // 8 * 8
    words = raw[:whole].view(np.uint64)
    return int(np.add.reduce(words)), words[:: max(1, words.size // 64)].tobytes(), raw[whole:].tobytes()


def show(value: Any) -> str:
    """Return a parameter as a reader would write it: an axis tuple of one is an int, an array one line."""
    if isinstance(value, np.ndarray):
        return np.array2string(value, threshold=6, separator=", ").replace("\n", "")
    if isinstance(value, tuple) and len(value) == 1 and isinstance(value[0], int):
        return repr(value[0])
    if type(value) is tuple:
        return f"({', '.join(map(show, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, np.dtype):
        return str(value)
    return value.__name__ if isinstance(value, (FunctionType, np.ufunc)) else repr(value)


def data_repr(data: Any) -> str:
    if type(data) is not _ndarray:
        return repr(data.item()) if type(data) is np.float64 else repr(data)
    text = np.array2string(data, separator=", ", prefix="Tensor(")
    return text if data.dtype in (np.float64, np.int64, np.bool_, np.complex128) else f"{text}, dtype={data.dtype}"
