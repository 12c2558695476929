"""The textbook's graph: a value with two children, whose gradient is therefore a sum of two."""

import os
from collections.abc import Mapping

from tape_ad import Tape, Tensor

CHILDREN = {"a": 1, "b": 2, "c": 1, "d": 1, "e": 1, "f": 0}
"""How many uses of each value lead to f."""

GRADIENTS = {"a": [1.0] * 5, "b": [2.0] * 5, "c": [1.0] * 5, "d": [1.0] * 5, "e": [1.0] * 5, "f": [1.0] * 5}
"""The gradient of f, summed over its elements, with respect to each value."""


def build() -> Mapping[str, Tensor]:
    """Return the values of the graph by name. Nothing here changes a tensor, and no tensor knows its children.

    >>> print(build()["f"])
    [10. 10. 10. 10. 10.]
    """
    a = Tensor([1.0, 2.0, 3.0, 4.0, 5.0], autograd=True)
    b = Tensor([2.0, 2.0, 2.0, 2.0, 2.0], autograd=True)
    c = Tensor([5.0, 4.0, 3.0, 2.0, 1.0], autograd=True)
    d = a + b
    e = b + c
    f = d + e
    return {"a": a, "b": b, "c": c, "d": d, "e": e, "f": f}


def listing(tape: Tape) -> str:
    """Return the tape's listing, with the files of this folder named without the folder so that lines stay short."""
    return str(tape).replace(os.path.dirname(build.__code__.co_filename) + os.sep, "")  # noqa: PTH120 - a prefix of a text, not a place in a file system
