"""What may leave a call of a transform: tensors where they depend on something outside, else the caller's own arrays.

Which tensors belong to an enclosing call is read off the graph, where leaves of transforms carry the age of their call.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from attrs import field, frozen

from tape_ad import _tree
from tape_ad._batched import Batched
from tape_ad._core import Tensor, constant
from tape_ad._errors import ArgumentError, NotScalarError, StructureError
from tape_ad._tape import Tape
from tape_ad.ops.creation import argument
from tape_ad.transforms._call import BARE, Recording
from tape_ad.transforms._functions import name_of

_NUMERIC = (Tensor, np.ndarray, np.generic, bool, int, float, complex)
_ndarray = np.ndarray


def split_aux(recording: Recording) -> tuple[Any, Any]:
    """Return the two things that a function with ``has_aux`` returned."""
    result = recording.result
    if not isinstance(result, tuple) or len(result) != 2:
        msg = (
            f"{recording.what}({name_of(recording.fun)}, has_aux=True) needs a function that returns (value, aux), but it "
            f"returned {describe(result)}."
        )
        raise NotScalarError(msg)
    return result


def describe(value: Any) -> str:
    """Return what a function returned, as messages say it."""
    if isinstance(value, (np.ndarray, Tensor)):
        return f"shape {value.shape}"
    if value is None:
        return "None"
    return f"a {type(value).__name__}" + (f" of {len(value)}" if isinstance(value, (tuple, list)) else "")


@frozen(eq=False)
class Outputs:
    """What a recorded function returned, taken apart.

    Attributes:
        values: The leaves of the nest, tensors or constants.
        structure: The nest.
        tracked: The positions of those that depend on something tracked.
        tape: What led to these; None where there are none.
        outside: Whether they depend on something tracked outside the call.
    """

    values: list[Any]
    structure: _tree.Structure
    tracked: list[int]
    tape: Tape | None
    outside: bool = field(default=False)


def outputs_of(recording: Recording, value: Any) -> Outputs:
    """Take apart what a recorded function returned; refuse what is not numeric."""
    values, structure = _tree.flatten(value)
    for i, x in enumerate(values):
        if not isinstance(x, _NUMERIC):
            path = _tree.paths(structure, "result")[i]
            msg = (
                f"{recording.what}() needs a function that returns numbers and arrays, but the {path} of "
                f"{name_of(recording.fun)}() is of type {type(x).__name__}. Return it with has_aux=True, as (value, aux)."
            )
            raise ArgumentError(msg)
    tracked = [i for i, x in enumerate(values) if type(x) is Tensor and x.autograd]
    if not tracked:
        return Outputs(values, structure, tracked, None)
    tape = Tape.of(*[values[i] for i in tracked], boundary=recording.flat)
    return Outputs(values, structure, tracked, tape, reaches_outside(tape, recording.flat, recording.serial))


def matching(given: Any, structure: _tree.Structure, what: str, root: Callable[[], str]) -> list[Any]:
    """Return the leaves of a nest that must have a given structure; ``root()`` is how a message names the nest."""
    if structure is _tree.LEAF and type(given) in BARE:
        return [given]
    leaves, own_structure = _tree.flatten(_tree.aligned(given, structure))
    if own_structure != structure:
        difference = _tree.mismatch(structure, own_structure, root())
        msg = f"The {what} must be built like what it belongs to, but differs at {difference}."
        raise StructureError(msg)
    return leaves


def reaches_outside(tape: Tape, own: Sequence[Tensor], serial: int) -> bool:
    """Say whether the tape depends on a tensor that is tracked outside the call of that age."""
    if len(tape.leaves) == 1 and own and tape.leaves[0] is own[0]:
        return bool(own[0].creators)
    mine = set(own)
    return any(leaf.creators if leaf in mine else _is_outside(leaf, serial) for leaf in tape.leaves)


def closed_over(outputs: Sequence[Tensor], own: Sequence[Tensor], serial: int) -> list[Tensor]:
    """Return what is tracked outside the call of that age, as near to the outputs as can be told.

    These are the leaves that the user made, and the arguments of older calls; what was computed from them before the call
    cannot be told from what was computed within it.
    """
    seen, found, stack = {*own, *outputs}, [], [t for t in outputs if t not in set(own)]
    while stack:
        t = stack.pop()
        call = t.creation_op
        older = call is not None and call.op is argument and call.params["serial"] < serial
        if older or not t.creators:
            if _is_outside(t, serial):
                found.append(t)
            continue
        fresh = [c for c in t.creators if c.autograd and c not in seen]
        seen.update(fresh)
        stack.extend(fresh)
    return found


def _is_outside(leaf: Tensor, serial: int) -> bool:
    """Say whether a leaf is one that the user made, or of an older call.

    A younger one belongs to an inner call that has ended, and is a constant by now.
    """
    call = leaf.creation_op
    return call is None or call.op is not argument or call.params["serial"] < serial


def depends_outside(value: Tensor, own: Sequence[Tensor], serial: int) -> bool:
    """Say whether a tensor depends on one that is tracked outside the call, without a tape: most often the first leaf that is met answers."""
    mine = set(own)
    seen = {value}
    stack = [value]
    while stack:
        t = stack.pop()
        if t.creation_op is None or not t.creators:
            if t not in mine and _is_outside(t, serial):
                return True
            continue
        for c in t.creators:
            if c.autograd and c not in seen:
                seen.add(c)
                stack.append(c)
    return False


def settle(value: Any, serial: int, own: Sequence[Tensor] = ()) -> Any:
    """Return a result as a tensor where it depends on something outside the call, else as the caller's own array."""
    if type(value) is not Tensor:
        # A read-only array may be our view of an argument.
        return value.copy() if isinstance(value, np.ndarray) and not value.flags.writeable else value
    return value if value.autograd and depends_outside(value, own, serial) else plain(value)


def plain(value: Any) -> Any:
    """Return a result as the caller's own array or scalar; inside `vmap`, as a constant tensor."""
    data = value.data if type(value) is Tensor else value
    if type(data) is Batched:
        return constant(data)
    return data.copy() if isinstance(data, np.ndarray) else data


def _holders(base: Any) -> int:
    """Return how many refer to an array; Python's own references in passing count too."""
    return sys.getrefcount(base)


def _lone_view() -> int:
    """Return what `_holders` says of an array that only one view refers to, asked for it as `release` does."""
    view = np.empty(2).reshape(2, 1)
    base = view.base
    return _holders(base)


_ALONE = _lone_view()


def release(gradient: Any, leaf: Tensor, serial: int, seen: set[int], own: Sequence[Tensor] = ()) -> Any:
    """Return a gradient as the caller's own: writable, and sharing memory with nothing; zeros if there is none."""
    if gradient is None:
        return np.zeros(leaf.shape, leaf.dtype) if leaf.shape else leaf.dtype.type(0)
    if type(gradient) is Tensor:
        return settle(gradient, serial, own)
    if type(gradient) is Batched:
        return constant(gradient)
    if type(gradient) is _ndarray:
        if not gradient.shape and not isinstance(leaf.data, np.ndarray):
            return gradient[()]  # a scalar's gradient is a scalar
        if not gradient.flags.writeable or id(gradient) in seen:
            return gradient.copy()
        base = gradient.base
        if base is not None and (
            type(base) is not _ndarray or base.nbytes > gradient.nbytes or _holders(base) > _ALONE
        ):
            return gradient.copy()
        seen.add(id(gradient))
    return gradient
