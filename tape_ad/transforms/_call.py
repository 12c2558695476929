"""How a transform calls a function: fresh leaves for what is differentiated, and what may leave the call.

There is no global state. Every call draws a serial number for its leaves, and which tensors belong to an enclosing call
is read off the tape.
"""

import gc
import inspect
import itertools
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, FunctionType, MethodType
from typing import Any, TypeAlias

import attrs
import numpy as np
from attrs import field, frozen

from tape_ad import _tree
from tape_ad._batched import Batched
from tape_ad._core import Call, Tensor, constant, own, record
from tape_ad._data import COPY_LIMIT, exposed, glance, private_copy
from tape_ad._errors import (
    ArgumentError,
    BufferChangedError,
    IntegerGradientError,
    NotScalarError,
    StructureError,
)
from tape_ad._tape import Tape
from tape_ad.ops.creation import argument

Place: TypeAlias = int | str
"""Where an argument stands: its position, or its name if it was passed by keyword."""
Argnums: TypeAlias = int | str | Sequence[int] | Sequence[str]
Watched: TypeAlias = list[tuple[Any, Any]]

serials = itertools.count(1)
"""The ages of calls: of two calls under way, the inner one has the larger number."""
caller = sys._getframe  # noqa: SLF001 - the caller's position, for the tape's listing
_PYTHON = (int, float, complex)
_BARE = frozenset({np.ndarray, np.float64, float, int})
_NUMERIC = (Tensor, np.ndarray, np.generic, bool, int, float, complex)
_ndarray = np.ndarray


# --- the records ----------------------------------------------------------------------------------------------------
def name_of(function: Any) -> str:
    """Return what to call a function in a message."""
    return getattr(function, "__name__", None) or repr(function)


_SUSPENDED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def function(value: Any) -> Any:
    """Return a function as it is; refuse what is none, and what gives no value when called."""
    if not callable(value):
        msg = f"A transform takes a function, but got {type(value).__name__}. Write grad(f)(x), not grad(f(x))."
        raise ArgumentError(msg)
    if isinstance(value, Transform):
        return value
    if type(value) is FunctionType and not value.__code__.co_flags & _SUSPENDED and not value.__dict__:
        return value
    inner = value
    while hasattr(inner, "func") and hasattr(inner, "keywords"):
        inner = inner.func
    called = inner if inspect.isroutine(inner) else type(inner).__call__
    if inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called) or inspect.isgeneratorfunction(called):
        kind = "a generator" if inspect.isgeneratorfunction(called) else "async"
        msg = f"A transform takes an ordinary function, but {name_of(value)} is {kind}. Differentiate the part that computes."
        raise ArgumentError(msg)
    return value


def places(argnums: Any) -> Place | tuple[Place, ...]:
    """Return ``argnums`` in one form: a position or a name, or a tuple of these."""
    msg = f"argnums takes a position, a parameter's name, or a tuple of these, but got {argnums!r}."
    if isinstance(argnums, str):
        return argnums
    if isinstance(argnums, (bool, bytes)):
        raise ArgumentError(msg)
    try:
        if hasattr(argnums, "__index__"):
            return int(argnums.__index__())
        found = tuple([n if isinstance(n, str) else int(n.__index__()) for n in argnums])
    except (AttributeError, TypeError):
        raise ArgumentError(msg) from None
    if not found or len(set(found)) != len(found):
        msg = f"argnums takes different positions or names, at least one, but got {argnums!r}."
        raise ArgumentError(msg)
    return found


class Transform:
    """What the records of transforms share: how they print, and that they stand for a function."""

    __slots__ = ()
    fun: Callable[..., Any]

    def __repr__(self) -> str:
        shown = [f"fun={name_of(self.fun)}"]
        for f in attrs.fields(type(self))[1:]:  # type: ignore[arg-type]  # its subclasses are attrs records
            value = getattr(self, f.name)
            if f.name in ("argnums", "in_axes") or value != f.default:
                shown.append(f"{f.name}={name_of(value) if callable(value) else repr(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """Bind like a function, so that a transform in a class body is a method."""
        return self if instance is None else MethodType(self, instance)  # type: ignore[arg-type]  # every record is called

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.fun)


_OURS = {
    "argnum": "argnums", "argnames": "argnums, which takes names too", "in_dims": "in_axes", "out_dims": "out_axes",
    "hasaux": "has_aux", "aux": "has_aux", "allow_int": "x.astype(float), before the call",
}  # fmt: skip
_NOT_NEEDED = {
    "create_graph": "what a transform returns can always be differentiated again",
    "retain_graph": "a tape can be asked any number of times",
    "allow_unused": "an argument that is ignored has gradient zero",
    "materialize_grads": "an argument that is ignored has gradient zero",
    "vectorize": "all directions go in one pass", "strict": "a function that ignores its argument has derivative zero",
    "chunk_size": "all examples go in one pass", "axis_size": "the arguments tell it",
    "axis_name": "sums over the examples are taken outside", "spmd_axis_name": "there is one machine",
    "randomness": "random numbers are drawn before, and passed as arguments",
    "reduce_axes": "sums over the examples are taken outside", "policy": "only the arguments are kept",
    "use_reentrant": "there is one way", "preserve_rng_state": "random numbers are drawn before, and passed as arguments",
    "nondiff_argnums": "an argument that is not tracked is not differentiated", "requires_grad": "autograd=True says so",
}  # fmt: skip


def refuse_keywords(what: str, keywords: Mapping[str, Any]) -> None:
    """Raise the TypeError that says what another library's keyword is called here."""
    for key in keywords:
        ours = f" Here it is {_OURS[key]}." if key in _OURS else ""
        ours = f" It is not needed: {_NOT_NEEDED[key]}." if key in _NOT_NEEDED else ours
        msg = f"{what}() has no keyword {key!r}.{ours}"
        raise ArgumentError(msg)


def _kinds(fun: Callable[..., Any]) -> list[Any]:
    signature = signature_of(fun)
    return [] if signature is None else [p.kind for p in signature.parameters.values()]


def constants_by_name(what: str, fun: Callable[..., Any], keywords: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return keyword arguments for the function; refuse those that only other libraries' transforms know."""
    names = _parameters(fun)
    anything = not names or inspect.Parameter.VAR_KEYWORD in _kinds(fun)
    for key in keywords:
        if key not in names:
            if key in _OURS or key in _NOT_NEEDED:
                refuse_keywords(what, {key: keywords[key]})
            if not anything:
                msg = f"{name_of(fun)}() got an unexpected keyword argument {key!r}."
                raise ArgumentError(msg)
    return keywords


# --- a call ---------------------------------------------------------------------------------------------------------
@frozen(eq=False)
class Recording:
    """One call of a function on fresh leaves.

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
        return [leaf for leaves in self.leaves for leaf in leaves]


def call_recorded(
    fun: Callable[..., Any],
    what: str,
    wanted: Sequence[Place],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    frame: FrameType,
) -> Recording:
    """Call the function with fresh leaves in place of the wanted arguments."""
    if kwargs or any(type(n) is not int or not 0 <= n < len(args) for n in wanted):
        args, kwargs, wanted = _locate(fun, what, wanted, args, kwargs)
    serial = next(serials)
    call = Call(argument, {"serial": serial})
    watched: Watched = []
    all_leaves: list[list[Tensor]] = []
    structures = []
    passed = [arg if i in wanted else guard(arg, watched) for i, arg in enumerate(args)]
    named = {key: arg if key in wanted else guard(arg, watched) for key, arg in kwargs.items()} if kwargs else {}
    for place in wanted:
        arg = args[place] if type(place) is int else kwargs[place]  # type: ignore[index]  # its type tells which
        if type(arg) in _BARE:
            values, structure = [arg], _tree.LEAF
        else:
            values, structure = _tree.flatten(arg)
        leaves = [_leaf(value, call, frame, watched) for value in values]
        missing = [i for i, leaf in enumerate(leaves) if leaf is None]
        if missing:
            at = missing[0]
            _refuse(values[at], what, fun, _tree.paths(structure, parameter(fun, place))[at])
        all_leaves.append(leaves)  # type: ignore[arg-type]  # None was refused
        structures.append(structure)
        nest = leaves[0] if structure is _tree.LEAF else _tree.unflatten(structure, leaves)
        if type(place) is int:
            passed[place] = nest
        else:
            named[place] = nest  # type: ignore[index]  # its type tells which
    result = fun(*passed, **named) if named else fun(*passed)
    return Recording(what, fun, serial, all_leaves, structures, wanted, result, watched)


def _locate(
    fun: Callable[..., Any], what: str, wanted: Sequence[Place], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any], list[Place]]:
    """Return the arguments with every one in its place, and where those to differentiate stand."""
    by_name = any(isinstance(n, str) for n in wanted)
    if by_name or any(isinstance(n, int) and n >= len(args) for n in wanted):
        try:
            bound = inspect.signature(fun).bind(*args, **kwargs)
        except (TypeError, ValueError):
            pass
        else:
            if by_name:
                bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
    names = _parameters(fun)
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
            msg = f"{what}({name_of(fun)}, argnums={n}) was called with {len(args)} positional arguments. Positions count from 0."
            raise ArgumentError(msg)
    if len(set(found)) != len(found):
        msg = f"{what}({name_of(fun)}, argnums={tuple(wanted)}) names one of {len(args)} positional arguments twice. Name it once."
        raise ArgumentError(msg)
    return args, kwargs, found


def signature_of(fun: Callable[..., Any]) -> inspect.Signature | None:
    """Return a function's signature; None for one that does not tell it, as some of NumPy's."""
    try:
        return inspect.signature(fun)
    except (TypeError, ValueError):
        return None


def _parameters(fun: Callable[..., Any]) -> list[str]:
    signature = signature_of(fun)
    return [] if signature is None else list(signature.parameters)


def parameter(fun: Callable[..., Any], place: Place) -> str:
    """Return what the function calls its argument at a place."""
    if isinstance(place, str):
        return place
    names = _parameters(fun)
    return names[place] if place < len(names) else f"argument {place}"


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
    if kind is _ndarray:
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
        "outside argnums."
    )
    raise ArgumentError(msg)


# --- what a function returned ---------------------------------------------------------------------------------------
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
    if structure is _tree.LEAF and type(given) in _BARE:
        return [given]
    leaves, own_structure = _tree.flatten(given)
    if own_structure != structure:
        difference = _tree.mismatch(structure, own_structure, root())
        msg = f"The {what} must be built like what it belongs to, but differs at {difference}."
        raise StructureError(msg)
    return leaves


def reaches_outside(tape: Tape, own: Sequence[Tensor], serial: int) -> bool:
    """Say whether the tape depends on a tensor that is tracked outside the call of that age."""
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
        if gradient.base is not None or not gradient.flags.writeable or id(gradient) in seen:
            return gradient.copy()
        seen.add(id(gradient))
    return gradient


# --- garbage --------------------------------------------------------------------------------------------------------
_RARE = 200_000


class _RarerCollection:
    """Let the cyclic garbage collector look less often while a tape is recorded and played.

    A tape has no cycles, but the collector looks at its records again and again: half of the time of a deep tape. The
    first threshold is raised while any transform runs, in any thread, and then put back.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls = 0
        self.before = (0, 0, 0)

    def __enter__(self) -> None:
        with self.lock:
            if self.calls == 0:
                self.before = before = gc.get_threshold()
                if 0 < before[0] < _RARE:
                    gc.set_threshold(_RARE, *before[1:])
            self.calls += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.calls -= 1
            if self.calls == 0 and gc.get_threshold()[0] == _RARE:
                gc.set_threshold(*self.before)


rarer_collection = _RarerCollection()
