"""`stop_gradient`: values as constants."""

import sys
from typing import TypeVar

from tape_ad import _tree
from tape_ad._core import TABLE, Tensor, apply

T = TypeVar("T")
_getframe = sys._getframe  # noqa: SLF001 - the only way to a caller's position that costs less than a microsecond


def stop_gradient(x: T, /) -> T:
    """Return a value, or a nest of values, as a constant: its derivative is zero by definition.

    Tensors become constant tensors, which still know what they were made from, so that a missing gradient can say why.
    Everything else is returned as it is.

    >>> from tape_ad import grad
    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    np.float64(3.0)
    >>> grad(lambda p: p["w"] * stop_gradient(p)["w"])({"w": 3.0})
    {'w': np.float64(3.0)}
    """
    frame = _getframe(1)

    def stopped(leaf: object) -> object:
        return apply(TABLE["stop_gradient"], (leaf,), {}, frame) if type(leaf) is Tensor else leaf

    if type(x) is Tensor:
        return stopped(x)  # type: ignore[return-value]  # a tensor, as x is
    return _tree.transform(stopped, x)  # type: ignore[no-any-return]  # built like x
