"""`checkpoint`: forget what a function computed on the way, and compute it again when a derivative is asked for."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np
from attrs import field, frozen

from tape_ad import _tree
from tape_ad._batched import Batched
from tape_ad._core import TABLE, Call, Tensor, record
from tape_ad._errors import RecomputationError
from tape_ad._propagate import in_order
from tape_ad._rules import composite
from tape_ad.ops.creation import argument
from tape_ad.transforms._call import caller, serials
from tape_ad.transforms._functions import Transform, function, name_of, refuse_keywords
from tape_ad.transforms._results import closed_over
from tape_ad.transforms.custom import unpacked

P = ParamSpec("P")
R = TypeVar("R")


@frozen(repr=False)
class Checkpoint(Transform, Generic[P, R]):
    """A function that is computed again for its derivatives; see `checkpoint`."""

    fun: Callable[P, R] = field(converter=function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the function's value, remembering its arguments only."""
        leaves, structure = _tree.flatten((tuple(args), dict(kwargs)))
        places = [i for i, x in enumerate(leaves) if type(x) is Tensor and x.autograd]
        serial, frame = next(serials), caller(1)
        call = Call(argument, {"serial": serial})
        own = [record(leaves[i].data, (), call, True, frame) for i in places]
        result = _run(self.fun, structure, leaves, places, own)
        values, built = _tree.flatten(result)
        tracked = [v for v in values if type(v) is Tensor and v.autograd]
        if not tracked:
            return result  # type: ignore[no-any-return]  # what the function returns
        closed = closed_over(tracked, own, serial)
        if not places and not closed:
            return result  # type: ignore[no-any-return]  # what the function returns
        operands = (*[leaves[i] for i in places], *closed)
        params = {
            "fun": self.fun, "structure": structure, "places": tuple(places), "closed": len(closed),
            "leaves": tuple([None if i in places else x for i, x in enumerate(leaves)]),
            "path": _path(tracked, (*own, *closed)), "outputs": tuple([_data(v) if type(v) is Tensor and v.autograd else None for v in values]),
        }  # fmt: skip
        kept = [type(v) is Tensor and v.autograd for v in values]
        # What does not vary is handed on as it is; in the node a zero stands for it.
        datas = [_data(v) if varies else np.float64(0) for v, varies in zip(values, kept, strict=True)]
        found = _tree.flatten(unpacked(built, datas, operands, Call(TABLE["recompute"], params), frame))[0]
        mixed = [new if varies else v for v, new, varies in zip(values, found, kept, strict=True)]
        return _tree.unflatten(built, mixed)  # type: ignore[no-any-return]  # built like what the function returns

    @property
    def __name__(self) -> str:
        return name_of(self.fun)


def checkpoint(fun: Callable[P, R], **foreign: Any) -> Checkpoint[P, R]:
    """Return a function that keeps only its arguments for a backward pass, and computes itself again there.

    A chain of n checkpointed segments needs the memory of one segment and of n arguments, for the time of one more forward
    pass (Griewank and Walther, "Algorithm 799: revolve", ACM TOMS 26(1), 2000). The function may close over tracked tensors.

    Args:
        fun: The function.
        foreign: Keywords of other libraries; the error names ours.

    Raises:
        RecomputationError: by the backward pass, if the function took another path the second time, or gave other values:
            it must not depend on anything that changes, such as a random generator.

    >>> from tape_ad import grad
    >>> grad(checkpoint(lambda x: np.sin(np.sin(x))))(0.0)
    np.float64(1.0)
    """
    refuse_keywords("checkpoint", foreign)
    return Checkpoint(fun)


def _run(
    fun: Callable[..., Any],
    structure: _tree.Structure,
    leaves: Sequence[Any],
    places: Sequence[int],
    own: Sequence[Any],
) -> Any:
    filled = list(leaves)
    for i, value in zip(places, own, strict=True):
        filled[i] = value
    args, kwargs = _tree.unflatten(structure, filled)
    return fun(*args, **kwargs)


def _data(value: Any) -> Any:
    data = value.data if type(value) is Tensor else value
    return data if hasattr(data, "dtype") else np.asarray(data)[()]


def _path(tracked: Sequence[Tensor], own: Sequence[Tensor]) -> tuple[tuple[str, Any, int], ...]:
    """Return what was computed, each step by its operation and its place in the code."""
    stops = frozenset(own)
    steps = [t for t in in_order(tracked, stops) if t.creation_op is not None and t not in stops]
    return tuple([(str(t.creation_op.op.name), t.code, t.lasti) for t in steps if t.creation_op is not None])


def _same(a: Any, b: Any) -> bool:
    a, b = (x.array if type(x) is Batched else x for x in (a, b))
    return np.array_equal(a, b, equal_nan=np.result_type(a).kind in "fc")


def _recomputed(
    xp: Any, operands: Sequence[Any], fun: Any, structure: Any, places: Any, closed: int, leaves: Any, path: Any,
    outputs: Any,
) -> Any:  # fmt: skip
    """Run the function again and see that it did the same."""
    own = list(operands)[: len(operands) - closed]
    result = _run(fun, structure, leaves, places, own)
    values, built = _tree.flatten(result)
    tracked = [v for v in values if type(v) is Tensor and v.autograd]
    again = _path(tracked, [t for t in operands if type(t) is Tensor])
    for before, now in zip(path, again, strict=False):
        # The interpreter may count an instruction's position otherwise the second time; its line stays.
        if before != now and _step(before) != _step(now):
            raise _other_path(fun, _step(before), _step(now))
    if len(path) != len(again):
        longer = path if len(path) > len(again) else again
        there = _step(longer[min(len(path), len(again))])
        raise _other_path(fun, *((there, "nothing more") if longer is path else ("nothing more", there)))
    if not all(out is None or _same(_data(v), out) for v, out in zip(values, outputs, strict=True)):
        msg = (
            f"checkpoint({name_of(fun)}): computed again, it gave other values. It must not depend on anything that changes: "
            "draw random numbers before, and pass them as arguments."
        )
        raise RecomputationError(msg)
    return values[0] if built is _tree.LEAF else values


def _step(step: tuple[str, Any, int]) -> str:
    name, code, lasti = step
    if code is None:
        return name
    line = list(code.co_positions())[lasti // 2][0]
    return f"{name} at {code.co_filename}:{line}"


def _other_path(fun: Any, before: str, now: str) -> RecomputationError:
    return RecomputationError(
        f"checkpoint({name_of(fun)}): computed again, it took another path: {now}, where it was {before}. It must not depend on "
        "anything that changes; pass as an argument what decides its path."
    )


@composite(expression=_recomputed, variadic=True, shows=("fun",))
def recompute(
    xp: Any, operands: Any, /, *, fun: Any, structure: Any, places: Any, closed: int, leaves: Any, path: Any, outputs: Any,
) -> Any:  # fmt: skip
    """Return what a checkpointed function returned."""
    raise NotImplementedError
