"""How a transform calls a function: fresh leaves for what is differentiated, and what may leave the call.

There is no global state. Every call draws a serial number for its leaves, and which tensors belong to an enclosing call
is read off the tape.
"""

import gc
import inspect
import itertools
import pathlib
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from tape_ad import _tree
from tape_ad._batched import Batched
from tape_ad._core import Call, Tensor, own, placed, record
from tape_ad._data import COPY_LIMIT, FLOAT, exposed, glance, private_copy
from tape_ad._errors import (
    ArgumentError,
    BufferChangedError,
    IntegerGradientError,
)
from tape_ad.ops.creation import argument
from tape_ad.transforms._functions import Place, name_of, parameter, parameters

Watched: TypeAlias = list[tuple[Any, Any]]

serials = itertools.count(1)
"""The ages of calls: of two calls under way, the inner one has the larger number."""
_getframe = sys._getframe  # noqa: SLF001 - the caller's position, for the tape's listing
_PYTHON = (int, float, complex)
BARE = frozenset({np.ndarray, np.float64, float, int})
"""Types that need no look into a nest: they are leaves."""
_ndarray = np.ndarray


def caller(depth: int) -> FrameType:
    """Return the frame that many calls up; of a transform that another one called, where the user called the outermost.

    Not beyond a checkpoint, which may run again from elsewhere and compares the places.
    """
    frame = _getframe(depth + 1)
    while frame.f_code.co_filename in _PASSED_ON and frame.f_back is not None:
        frame = frame.f_back
    return frame


_HERE = pathlib.Path(__file__).parent
_PASSED_ON = frozenset(
    [str(_HERE / name) for name in ("_call.py", "gradient.py", "jacobian.py", "modes.py")]
    + [str(_HERE.parent / name) for name in ("batching.py", "implicit.py")]
)


class Recording(NamedTuple):
    """One call of a function on fresh leaves. A named tuple, since every call of a transform makes one.

    Attributes:
        what: The transform, as messages name it.
        fun: The function.
        serial: The age of the call.
        leaves: The fresh leaves of each differentiated argument.
        structures: The nests that they came from.
        paths: How messages name the arguments.
        result: What the function returned.
        watched: Large arrays of the caller, with what a glance at them told.
    """

    what: str
    fun: Callable[..., Any]
    serial: int
    leaves: list[list[Tensor]]
    structures: list[_tree.Structure]
    places: Sequence[Place]
    result: Any
    watched: Watched

    @property
    def flat(self) -> list[Tensor]:
        """All leaves."""
        return self.leaves[0] if len(self.leaves) == 1 else [leaf for leaves in self.leaves for leaf in leaves]


def call_recorded(
    fun: Callable[..., Any],
    what: str,
    wanted: Sequence[Place],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    frame: FrameType,
) -> Recording:
    """Call the function with fresh leaves in place of the wanted arguments."""
    given = range(len(args))
    for n in wanted:
        if kwargs or type(n) is not int or n not in given:
            args, kwargs, wanted = _locate(fun, what, wanted, args, kwargs)
            break
    serial = next(serials)
    call = Call(argument, {"serial": serial})
    watched: Watched = []
    all_leaves: list[list[Tensor]] = []
    structures = []
    passed = list(args)
    if len(args) > len(wanted):
        passed = [arg if i in wanted else guard(arg, watched) for i, arg in enumerate(args)]
    named = {key: arg if key in wanted else guard(arg, watched) for key, arg in kwargs.items()} if kwargs else {}
    for place in wanted:
        arg = args[place] if type(place) is int else kwargs[place]  # type: ignore[index]  # its type tells which
        if type(arg) in BARE:
            values, structure = [arg], _tree.LEAF
        else:
            values, structure = _tree.flatten(arg)
        leaves = [_leaf(value, call, frame, watched) for value in values]
        for at, leaf in enumerate(leaves):
            if leaf is None:
                _refuse(values[at], what, fun, _tree.paths(structure, parameter(fun, place))[at])
        all_leaves.append(leaves)  # type: ignore[arg-type]  # None was refused
        structures.append(structure)
        nest = leaves[0] if structure is _tree.LEAF else _tree.unflatten(structure, leaves)
        if type(place) is int:
            passed[place] = nest
        else:
            named[place] = nest  # type: ignore[index]  # its type tells which
    result = fun(*passed, **named) if named else fun(*passed)
    if type(result) is Tensor and result.code is _OWN_CODE:
        placed(result, passed, frame)  # of a NumPy function, which has no lines of its own
    return Recording(what, fun, serial, all_leaves, structures, wanted, result, watched)


_OWN_CODE = call_recorded.__code__


def _locate(
    fun: Callable[..., Any], what: str, wanted: Sequence[Place], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any], list[Place]]:
    """Return the arguments with every one in its place, and where those to differentiate stand."""
    given = len(args)
    by_name = any(isinstance(n, str) for n in wanted)
    if by_name or any(isinstance(n, int) and n >= len(args) for n in wanted):
        try:
            bound = inspect.signature(fun).bind(*args, **kwargs)
        except (TypeError, ValueError):
            pass
        else:
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
    names = parameters(fun)
    found: list[Place] = []
    for n in wanted:
        if isinstance(n, str):
            if n in kwargs:
                found.append(n)
            elif n in names and names.index(n) < len(args):
                found.append(names.index(n))
            else:
                msg = f"{what}({name_of(fun)}, argnums={n!r}): {name_of(fun)} was called without {n!r}. Its parameters: {', '.join(names)}."
                raise ArgumentError(msg)
        elif -len(args) <= n < len(args):
            found.append(n % len(args))
        else:
            msg = f"{what}({name_of(fun)}, argnums={n}) was called with {given} positional arguments. Positions count from 0."
            raise ArgumentError(msg)
    if len(set(found)) != len(found):
        msg = f"{what}({name_of(fun)}, argnums={tuple(wanted)}) names one of {len(args)} positional arguments twice. Name it once."
        raise ArgumentError(msg)
    return args, kwargs, found


def guard(value: Any, watched: Watched) -> Any:
    """Return an argument in which the function cannot write, and that nobody changes unnoticed meanwhile.

    A small array is copied; a large one is handed on read-only, and looked at again
    afterwards. Containers are handed on as
    they are, so that a log or a cache in them stays the caller's.
    """
    if type(value) is not _ndarray or not exposed(value):
        return value
    if value.nbytes <= COPY_LIMIT:
        return private_copy(value)
    if value.dtype.kind not in "biufc":
        return value
    watched.append((value, glance(value)))
    return np.asarray(memoryview(value).toreadonly())  # type: ignore[arg-type]  # from Python 3.12 on, arrays declare it


def check_watched(watched: Watched) -> None:
    """Raise the error for an argument that was changed since the call began."""
    for array, before in watched:
        if glance(array) != before:
            msg = (
                f"An argument of shape {array.shape} has been changed in place since it was passed, so its gradient would be "
                "wrong. Pass array.copy(), or make a new array in place of changing it."
            )
            raise BufferChangedError(msg)


def _leaf(value: Any, call: Call, frame: FrameType, watched: Watched) -> Tensor | None:
    """Return a fresh leaf that holds an argument; over a tracked tensor, an identity of it. None if it has no derivative."""
    kind = type(value)
    if kind is Tensor:
        if value.autograd:
            return record(value.data, (value,), call, True, frame)
        value = value.data
        kind = type(value)
    if kind is _ndarray and value.dtype is FLOAT and value.nbytes <= COPY_LIMIT and value.flags.forc:
        value = value.copy(order="K") if exposed(value) else value
    elif kind is _ndarray:
        value = guard(value, watched)
    elif kind is int:
        value = float(value)
    elif kind is not float and kind is not complex and kind is not Batched and not isinstance(value, np.number):
        return None
    return record(value, (), call, True, frame) if kind in _PYTHON or value.dtype.kind in "fc" else None


def _refuse(value: Any, what: str, fun: Callable[..., Any], where: str) -> None:
    """Raise the error that says why a value cannot be differentiated, and how it is reached."""
    value = value.data if isinstance(value, Tensor) else value
    call = f"{what}({name_of(fun)})"
    if isinstance(value, np.ndarray):
        value = own(value, what=f"{call}: {where}")
    if isinstance(value, (bool, np.bool_)):
        msg = f"{call}: {where} is a boolean, which has no derivative. Convert it first: float({where})."
        raise IntegerGradientError(msg)
    if isinstance(value, (np.ndarray, np.generic, Batched)):
        msg = f"{call}: {where} has dtype {value.dtype}, which has no derivative. Convert it first: {where}.astype(float)."
        raise IntegerGradientError(msg)
    msg = (
        f"{call}: {where} is of type {type(value).__name__}, which cannot be differentiated. Pass it as another argument, "
        "outside argnums; of a record, tape_ad.tree.register says which fields count."
    )
    raise ArgumentError(msg)


# --- garbage --------------------------------------------------------------------------------------------------------
_RARE = 200_000


class _RarerCollection:
    """Let the cyclic garbage collector look less often while a tape is recorded and played.

    A tape has no cycles, but the collector looks at its records again and again: half of the time of a deep tape. Entering
    asks to be told of collections. The first that begins while any transform runs, in any thread, raises the first threshold;
    when the last transform ends it is put back. So a call too short to meet a collection pays next to nothing.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.before = (0, 0, 0)
        self.raised = False

    def __enter__(self) -> None:
        gc.callbacks.append(self)

    def __exit__(self, *error: object) -> None:
        gc.callbacks.remove(self)
        if self.raised:
            with self.lock:
                self.put_back()

    def __call__(self, _phase: str, _info: Mapping[str, int], /) -> None:
        """Raise the threshold, once; what the collector calls."""
        if not self.raised and self.lock.acquire(blocking=False):
            try:
                self.raise_it()
            finally:
                self.lock.release()

    def raise_it(self) -> None:
        """Raise the threshold, unless it is or no transform runs any more; the lock is held."""
        before = gc.get_threshold()
        if 0 < before[0] < _RARE and self in gc.callbacks:
            gc.set_threshold(_RARE, *before[1:])
            self.before, self.raised = before, True

    def put_back(self) -> None:
        """Put the threshold back, unless another transform still runs; the lock is held."""
        if self.raised and self not in gc.callbacks:
            self.raised = False
            if gc.get_threshold()[0] == _RARE:
                gc.set_threshold(*self.before)


rarer_collection = _RarerCollection()
