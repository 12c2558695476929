"""Is a recorded function linear? Read off its operations, not tried at points."""

from collections.abc import Iterable, Sequence
from typing import Any

from tape_ad._batched import everywhere
from tape_ad._core import TENSORS, Tensor
from tape_ad._errors import NotLinearError

_PRODUCTS = frozenset({"multiply", "einsum"})
_LINEAR_IN = {"divide": 0, "solve": 1}
"""The operand in which an op is linear that is not linear in the other."""


def check_linear(outputs: Iterable[Any], arguments: Sequence[Tensor], what: str) -> None:
    """Raise the error for the first operation that makes results not linear in some tensors; ``what`` begins its message."""
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
            msg = f"{what} needs a linear function, but {named.creation_op} at {named.made_at} is not linear in its arguments."
            raise NotLinearError(msg)
    for value in values:
        if type(value) is Tensor and value in dependent and not value.autograd:
            msg = f"{what} needs a linear function, but {value.creation_op} at {value.made_at} is piecewise constant."
            raise NotLinearError(msg)
        if not (type(value) is Tensor and value.autograd and value in dependent) and not everywhere(value == 0):
            msg = f"{what} needs a linear function, but it has a result that is a constant other than zero."
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
    if op.kind == "bilinear" or op.name in _PRODUCTS:
        return len(places) == 1
    if op.name in _LINEAR_IN:
        return list(places) == [_LINEAR_IN[op.name]]
    if op.expression is None or call.params.get("closed"):
        return op.name == "unpack"
    # A composite is linear if its expression is.
    leaves = [Tensor(c.data, autograd=True) if i in places else c.data for i, c in enumerate(t.creators)]
    result = op.expression(
        TENSORS, leaves if op.variadic else leaves[0], *([] if op.variadic else leaves[1:]), **call.params
    )
    try:
        check_linear(result if isinstance(result, (tuple, list)) else [result], [leaves[i] for i in places], op.name)
    except NotLinearError:
        return False
    return True
