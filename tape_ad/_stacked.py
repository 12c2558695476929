"""How an op acts on examples stacked along leading batch axes: what ops name in ``batched=``.

A rule gets ``compute`` (the op on plain arrays), operands of which the i-th has ``leads[i]`` batch axes in front (all of
them, perhaps of length one, or none), and the parameters for one example.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Compute = Callable[..., Any]
Leads = Sequence[int]


def pointwise(compute: Compute, operands: Sequence[Any], leads: Leads, params: Any) -> Any:
    """Act on each element by itself: pad the axes of one example, and broadcasting does the rest."""
    rank = max([np.ndim(x) - k for x, k in zip(operands, leads, strict=True)])
    aligned = [
        x.reshape(*x.shape[:k], *(1,) * (rank - x.ndim + k), *x.shape[k:]) if k and x.ndim - k < rank else x
        for x, k in zip(operands, leads, strict=True)
    ]
    return compute(*aligned, **params)


def itself(compute: Compute, operands: Sequence[Any], leads: Leads, params: Any) -> Any:
    """Mark an op whose own code takes batched data; it is called as it is."""
    raise NotImplementedError


def over_axes(compute: Compute, operands: Sequence[Any], leads: Leads, params: Any) -> Any:
    """Act along ``axis``, which moves behind the batch axes; None means the elements of one example in one axis."""
    (x,), (k,) = operands, leads
    axis = params["axis"]
    if axis is not None:
        moved = tuple([i + k for i in axis]) if isinstance(axis, tuple) else axis + k
        return compute(x, **{**params, "axis": moved})
    result = compute(x.reshape(*x.shape[:k], -1), **{**params, "axis": k})
    keeps = params.get("keepdims", False)
    return result.reshape(*x.shape[:k], *(1,) * (x.ndim - k)) if keeps else result


def joined(compute: Compute, operands: Sequence[Any], leads: Leads, params: Any) -> Any:
    """Join operands along ``axis``, each repeated for the examples that it is the same for."""
    k = max(leads)
    arrays = repeated(operands, leads)
    if any(many_small(x.shape, k) for x in arrays):
        return leading(compute([trailing(x, k) for x in arrays], **params), k)
    return compute(arrays, **{**params, "axis": params["axis"] + k})


def repeated(operands: Sequence[Any], leads: Leads) -> list[Any]:
    """Return the operands, each with all the batch axes at their full lengths."""
    lengths = batch_lengths(operands, leads)
    return [np.broadcast_to(x, lengths + np.shape(x)[k:]) for x, k in zip(operands, leads, strict=True)]


_SMALL = 64


def many_small(shape: tuple[int, ...], k: int) -> bool:
    """Say whether examples are so many and small that they are kept element by element: the first elements of all first.

    NumPy's loops keep the order of memory, so that their innermost one then runs over the examples, not over the few
    elements of one.
    """
    size = math.prod(shape[k:])
    return 0 < size <= _SMALL and math.prod(shape[:k]) >= 16 * size


def trailing(array: Any, k: int) -> Any:
    """Return a view with the k batch axes last, in reverse order: the first, that of the outermost call, is innermost."""
    return array.transpose(*range(k, array.ndim), *reversed(range(k)))


def leading(array: Any, k: int) -> Any:
    """Undo `trailing`."""
    n = array.ndim
    return array.transpose(*reversed(range(n - k, n)), *range(n - k))


def batch_lengths(operands: Sequence[Any], leads: Leads) -> tuple[int, ...]:
    """Return the lengths of the batch axes."""
    return np.broadcast_shapes(*[x.shape[:k] for x, k in zip(operands, leads, strict=True) if k])
