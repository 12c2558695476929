"""What nests are made of: the kinds of containers beside Python's own, and the structure that is left without leaves.

Kinds are attrs and dataclass records, and classes that a user registered. `_tree` takes nests apart and puts them
together with what stands here.
"""

import copy
import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
from attrs import field, frozen

from tape_ad._batched import Batched
from tape_ad._core import Op, Tensor
from tape_ad._errors import ArgumentError
from tape_ad._tape import Gradients, Tape

LEAVES = frozenset({np.ndarray, Tensor, int, float, complex, np.float64, np.float32})
"""The classes of most leaves, known at once."""

_OURS = (Tensor, Op, Tape, Gradients, Batched)
_BUILT_IN = LEAVES | {tuple, list, dict, type(None), *_OURS}
_CACHED_HASH = "_attrs_cached_hash"  # where attrs keeps a hash; None before the first


@frozen
class Kind:
    """A class of containers: ``take(nest)`` gives its parts by name, ``make(like, parts)`` another one of that class."""

    take: Callable[[Any], Any]
    make: Callable[[Any, Mapping[str, Any]], Any]
    copy: Callable[[Any, Mapping[str, Any]], Any] | None = None


REGISTERED: dict[type, Kind] = {}
"""What users have registered; see `register`."""


def register(
    kind: Any, to_parts: Callable[[Any], Mapping[str, Any]], from_parts: Callable[[Any, Mapping[str, Any]], Any]
) -> None:
    """Make a class of containers known; see `tape_ad.tree.register`."""
    if not isinstance(kind, type):
        msg = f"register() takes a class, but got {kind!r}. Register type(x), not x."
        raise ArgumentError(msg)
    if kind in _BUILT_IN:
        msg = f"register() cannot change what {kind.__name__} is. Register a class of your own."
        raise ArgumentError(msg)
    found = Kind(to_parts, from_parts)
    if REGISTERED.setdefault(kind, found) is not found:
        msg = f"register(): {kind.__name__} is registered already. Register each class once, where it is defined."
        raise ArgumentError(msg)


def take(kind: Kind, nest: Any) -> Mapping[str, Any]:
    """Return the parts of a container by name; an ArgumentError if the user's function does not."""
    parts: Any = kind.take(nest)
    if not isinstance(parts, Mapping):
        msg = f"The to_parts of {type(nest).__name__} returned {type(parts).__name__}. Return a dict of parts by name."
        raise ArgumentError(msg)
    return parts


def make(kind: Kind, like: Any, parts: Mapping[str, Any], *, copied: bool = False) -> Any:
    """Return a new container of the class of ``like``; an ArgumentError if the user's function does not.

    ``copied`` is for parts that are no values of such a container, such as gradients: no constructor sees them.
    """
    made = (kind.copy or kind.make)(like, parts) if copied else kind.make(like, parts)
    if type(made) is not type(like):
        name = type(like).__name__
        msg = f"The from_parts of {name} returned {type(made).__name__}. Return a new {name}."
        raise ArgumentError(msg)
    return made


def kind_of(kind: type) -> Kind | None:
    """Return how objects of a class are taken apart and made: as registered, or as records; None if they are neither.

    Subclasses of the built-in containers are no records, unless they are registered.
    """
    return REGISTERED.get(kind) or _record(kind)


@functools.lru_cache(maxsize=1024)
def _record(kind: type) -> Kind | None:
    if issubclass(kind, (tuple, list, dict)):
        return None
    if attrs.has(kind) and not issubclass(kind, _OURS):
        given = {f.name: f.alias for f in attrs.fields(kind) if f.init}
        hook = hasattr(kind, "__attrs_post_init__")
        computed = any(hook or getattr(f.default, "takes_self", False) for f in attrs.fields(kind) if not f.init)
    elif dataclasses.is_dataclass(kind):
        given = {f.name: f.name for f in dataclasses.fields(kind) if f.init}
        computed = hasattr(kind, "__post_init__") and not all(f.init for f in dataclasses.fields(kind))
    else:
        return None
    names = tuple(given)
    if computed and set(inspect.signature(kind).parameters) == set(given.values()):  # no InitVar, no other constructor
        return Kind(_Take(names), _Construct(given), _Copy(()))
    cached = {n for base in kind.__mro__ for n, v in vars(base).items() if isinstance(v, functools.cached_property)}
    return Kind(_Take(names), _Copy(tuple(cached)))


@frozen
class _Take:
    """Take the fields that the constructor takes."""

    names: tuple[str, ...]

    def __call__(self, record: Any) -> Mapping[str, Any]:
        return {name: getattr(record, name) for name in self.names}


@frozen
class _Construct:
    """Make a record by its constructor, since that computes fields from others; parameters by the field's name.

    What was given stays as it is, also where the constructor would convert it.
    """

    parameters: Mapping[str, str]

    def __call__(self, like: Any, parts: Mapping[str, Any]) -> Any:
        made = type(like)(**{self.parameters[name]: part for name, part in parts.items()})
        for name, part in parts.items():
            object.__setattr__(made, name, part)
        return made


@frozen
class _Copy:
    """Make a record by copying, since its constructor may convert, check or forget; not what was computed from it and kept."""

    cached: tuple[str, ...]

    def __call__(self, like: Any, parts: Mapping[str, Any]) -> Any:
        made = copy.copy(like)
        kept = getattr(made, "__dict__", {})
        for name in self.cached:
            kept.pop(name, None)
        if _CACHED_HASH in kept:
            kept[_CACHED_HASH] = None
        for name, part in parts.items():
            object.__setattr__(made, name, part)
        return made


@frozen
class Structure:
    """A container without its leaves: its class, how its parts are called, their structures, how many leaves it had."""

    kind: type
    names: tuple[Any, ...]
    parts: tuple["Structure", ...]
    size: int
    like: Any = field(default=None, eq=False, repr=False)


LEAF = Structure(object, (), (), 1)


def spell(structure: Structure, name: Any, root: str) -> str:
    """Return how a part is reached, as Python would write it."""
    by_index = kind_of(structure.kind) is None and (isinstance(name, int) or issubclass(structure.kind, dict))
    return f"{root}[{name!r}]" if by_index else f"{root}.{name}"


def mismatch(first: Structure, second: Structure, root: str) -> str | None:
    """Return where two structures first differ, and how: ``params.w: tuple of 2 here, list of 2 there``; else None."""
    if (first.kind, first.names) != (second.kind, second.names):
        return f"{root}: {_describe(first, second)} here, {_describe(second, first)} there"
    pairs = zip(first.names, first.parts, second.parts, strict=True)
    found = (mismatch(here, there, spell(first, name, root)) for name, here, there in pairs)
    return next((where for where in found if where is not None), None)


def _describe(structure: Structure, other: Structure) -> str:
    if structure is LEAF or structure.kind is type(None):
        return "a leaf" if structure is LEAF else "None"
    names, kind = structure.names, structure.kind
    same = kind is other.kind and len(names) == len(other.names)
    return f"{kind.__qualname__} of {', '.join(map(repr, names)) if same else len(names)}"
