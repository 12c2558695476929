"""Nests of containers: take the leaves out, put others in.

Containers are tuples, lists, dicts, named tuples, attrs and dataclass records, classes that a user registered, and
None, which holds nothing. Everything else is a leaf, this library's own records too.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tape_ad._errors import StructureError
from tape_ad._records import (
    LEAF as LEAF,
    LEAVES,
    Structure as Structure,
    kind_of,
    make,
    mismatch as mismatch,
    register as register,
    spell,
    take,
)


def _open(tree: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]] | None:
    """Return the names and the parts of a container; None for a leaf."""
    kind = type(tree)
    if kind in LEAVES:
        return None
    if tree is None:
        return (), ()
    known = kind_of(kind)
    if known is not None or issubclass(kind, dict):
        parts = tree if known is None else take(known, tree)
        return tuple(parts), tuple(parts.values())
    if issubclass(kind, (tuple, list)):
        return getattr(kind, "_fields", tuple(range(len(tree)))), tuple(tree)
    return None


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """Return the leaves, from left to right, and the structure that they came from."""
    opened = _open(tree)
    if opened is None:
        return [tree], LEAF
    flat = [flatten(part) for part in opened[1]]
    found = [leaf for leaves, _ in flat for leaf in leaves]
    return found, Structure(type(tree), opened[0], tuple(structure for _, structure in flat), len(found), tree)


def unflatten(structure: Structure, leaves: Sequence[Any], *, copied: bool = False) -> Any:
    """Return a nest of the given structure that holds the leaves; a StructureError if they are too many or too few.

    With ``copied`` records are copies, whose constructors do not see what is filled in: for gradients.
    """
    if structure.size != len(leaves):
        raise StructureError(f"A structure of {structure.size} leaves was to be filled with {len(leaves)}.")
    return _build(structure, iter(leaves), copied)


def _build(structure: Structure, supply: Iterator[Any], copied: bool) -> Any:
    if structure is LEAF:
        return next(supply)
    kind, parts = structure.kind, [_build(part, supply, copied) for part in structure.parts]
    if kind is type(None):
        return None
    known = kind_of(kind)
    if known is not None:
        return make(known, structure.like, dict(zip(structure.names, parts, strict=True)), copied=copied)
    if issubclass(kind, (tuple, list)):
        return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
    made = copy.copy(structure.like)
    dict.update(made, zip(structure.names, parts, strict=True))  # a Counter's own update would add
    return made


def aligned(tree: Any, structure: Structure) -> Any:
    """Return a nest with the keys of its dicts in the order of a structure, where they are the same keys."""
    kind: Any = type(tree)
    if structure is LEAF or kind is not structure.kind:
        return tree
    parts = dict(zip(structure.names, structure.parts, strict=True))
    if kind is dict and tree.keys() == parts.keys():
        return {name: aligned(tree[name], part) for name, part in parts.items()}
    if kind in (tuple, list) and len(tree) == len(parts):
        return kind([aligned(x, part) for x, part in zip(tree, structure.parts, strict=True)])
    return tree


def paths(structure: Structure, root: str) -> list[str]:
    """Return how each leaf is reached from the root, as Python would write it: ``params.layers[2].w``."""
    if structure is LEAF:
        return [root]
    named = zip(structure.names, structure.parts, strict=True)
    return [path for name, part in named for path in paths(part, spell(structure, name, root))]


def transform(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return the nest with the function applied to each leaf."""
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])
