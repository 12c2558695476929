"""Nests of containers: take the leaves out, put others in.

Containers are tuples, lists, dicts, named tuples, attrs and dataclass records, and None, which holds nothing.
Everything else is a leaf, this library's own records too.
"""

import copy
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np
from attrs import field, frozen

from tape_ad._core import Op, Tensor
from tape_ad._errors import StructureError
from tape_ad._tape import Gradients, Tape


@frozen
class Structure:
    """A container without its leaves: its class, how its parts are called, their structures, how many leaves it had."""

    kind: type
    names: tuple[Any, ...]
    parts: tuple["Structure", ...]
    size: int
    like: Any = field(default=None, eq=False, repr=False)


LEAF = Structure(object, (), (), 1)
_LEAVES = frozenset({np.ndarray, Tensor, int, float, complex, np.float64, np.float32})  # those met most, known at once


def _open(tree: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]] | None:
    """Return the names and the parts of a container; None for a leaf."""
    kind = type(tree)
    if kind in _LEAVES or tree is None:
        return None if tree is not None else ((), ())
    if issubclass(kind, (tuple, list)):
        return getattr(kind, "_fields", tuple(range(len(tree)))), tuple(tree)
    if issubclass(kind, dict):
        return tuple(tree), tuple(tree.values())
    if attrs.has(kind) and not issubclass(kind, (Tensor, Op, Tape, Gradients)):
        names = tuple(f.name for f in attrs.fields(kind) if f.init)
    elif dataclasses.is_dataclass(kind):
        names = tuple(f.name for f in dataclasses.fields(kind) if f.init)
    else:
        return None
    return names, tuple(getattr(tree, name) for name in names)


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """Return the leaves, from left to right, and the structure that they came from."""
    opened = _open(tree)
    if opened is None:
        return [tree], LEAF
    flat = [flatten(part) for part in opened[1]]
    found = [leaf for leaves, _ in flat for leaf in leaves]
    return found, Structure(type(tree), opened[0], tuple(structure for _, structure in flat), len(found), tree)


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Any:
    """Return a nest of the given structure that holds the leaves; a StructureError if they are too many or too few."""
    if structure.size != len(leaves):
        raise StructureError(f"A structure of {structure.size} leaves was to be filled with {len(leaves)}.")
    return _build(structure, iter(leaves))


def _build(structure: Structure, supply: Iterator[Any]) -> Any:
    if structure is LEAF:
        return next(supply)
    kind, parts = structure.kind, [_build(part, supply) for part in structure.parts]
    if kind is type(None):
        return None
    if issubclass(kind, (tuple, list)):
        return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
    made = copy.copy(structure.like)  # not by its constructor, which may convert, check or forget
    put: Callable[..., None] = dict.__setitem__ if issubclass(kind, dict) else object.__setattr__
    for name, part in zip(structure.names, parts, strict=True):
        put(made, name, part)
    return made


def paths(structure: Structure, root: str) -> list[str]:
    """Return how each leaf is reached from the root, as Python would write it: ``params.layers[2].w``."""
    if structure is LEAF:
        return [root]
    indexed = issubclass(structure.kind, (list, dict)) or structure.names == tuple(range(len(structure.parts)))
    spell: Callable[[Any], str] = (lambda name: f"{root}[{name!r}]") if indexed else (lambda name: f"{root}.{name}")
    return [
        path for name, part in zip(structure.names, structure.parts, strict=True) for path in paths(part, spell(name))
    ]


def transform(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return the nest with the function applied to each leaf."""
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])
