"""Is a recorded function linear? Read off its operations, not tried at points."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tape_ad._batched import everywhere
from tape_ad._core import Tensor
from tape_ad._errors import NotLinearError
from tape_ad.transforms._functions import name_of

_PRODUCTS = frozenset({"multiply", "matmul", "dot", "tensordot", "einsum"})


def check_linear(outputs: Iterable[Any], arguments: Sequence[Tensor], fun: Callable[..., Any]) -> None:
    """Raise the error for the first operation that makes a function's results not linear in its arguments."""
    values = list(outputs)
    dependent = set(arguments)
    for t in _all_in_order([v for v in values if type(v) is Tensor], dependent):
        places = [i for i, c in enumerate(t.creators) if c in dependent]
        if not places:
            continue
        dependent.add(t)
        constants = [c for c in t.creators if c in dependent and not c.autograd]
        if constants or (t.autograd and not _is_linear(t, places)):
            named = constants[0] if constants else t
            msg = (
                f"linear_transpose({name_of(fun)}) needs a linear function, but {named.creation_op} at {named.made_at} is not "
                "linear in its arguments."
            )
            raise NotLinearError(msg)
    for value in values:
        if not (type(value) is Tensor and value.autograd and value in dependent) and not everywhere(value == 0):
            msg = f"linear_transpose({name_of(fun)}) needs a linear function, but it has a result that is a constant other than zero."
            raise NotLinearError(msg)


def _all_in_order(outputs: Sequence[Tensor], stops: set[Tensor]) -> list[Tensor]:
    """Return the tensors, tracked or not, each after its creators."""
    done: dict[Tensor, None] = {}
    stack = list(reversed(outputs))
    while stack:
        t = stack[-1]
        waiting = [] if t in stops or t in done else [c for c in t.creators if c not in done]
        if waiting:
            stack.extend(waiting)
        else:
            done[stack.pop()] = None
    return [t for t in done if t not in stops]


def _is_linear(t: Tensor, places: Sequence[int]) -> bool:
    """Say whether the call that made a tensor is linear in the operands at some places, the others being constant."""
    call = t.creation_op
    if call is None:
        return False
    op = call.op
    if op.kind == "linear":
        others = [c for i, c in enumerate(t.creators) if i not in places and (op.variadic or op.vjps[i] is not None)]
        return all(everywhere(c.data == 0) for c in others)
    if op.name in _PRODUCTS:
        return len(places) == 1
    if op.name == "divide":
        return list(places) == [0]
    if op.name == "masked_reduction":
        return call.params["function"] in ("sum", "mean") and not np.any(call.params.get("initial") or 0)
    return op.name in ("tile", "repeat", "unpack")
