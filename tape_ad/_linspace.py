"""Numbers evenly apart between two others, which may be tensors."""

import sys
from typing import Any

import numpy as np

from tape_ad._core import TENSORS, Tensor, record
from tape_ad._data import check_device
from tape_ad._typing import DType
from tape_ad.ops.joining import traced

_getframe = sys._getframe  # noqa: SLF001 - the only way to a caller's position that costs less than a microsecond


def linspace(
    start: Any, stop: Any, /, num: int, *, dtype: DType = None, device: str | None = None, endpoint: bool = True
) -> Tensor:  # fmt: skip
    """Return ``num`` numbers evenly apart from ``start`` to ``stop``, which is left out without ``endpoint``."""
    check_device(device, "linspace()")
    if not (traced(start) or traced(stop)):
        return record(np.linspace(start, stop, num, endpoint=endpoint, dtype=dtype), (), None, False, _getframe(1))
    share = np.linspace(0.0, 1.0, num, endpoint=endpoint)
    line = TENSORS.add(start, TENSORS.multiply(TENSORS.subtract(stop, start), share))
    return line if dtype is None else TENSORS.astype(line, dtype)  # type: ignore[no-any-return]  # the tensor namespace makes tensors
