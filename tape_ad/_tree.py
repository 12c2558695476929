"""Nests of containers: take the leaves out, put others in.

Containers are tuples, lists, dicts, named tuples, attrs and dataclass records, and None, which holds nothing.
Everything else is a leaf.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
from attrs import frozen

from tape_ad._core import Tensor
from tape_ad._errors import StructureError


@frozen
class Leaf:
    """The place of a leaf in a structure."""


@frozen
class Branch:
    """A container in a structure: its class, how its parts are called, and their structures."""

    kind: type
    names: tuple[Any, ...]
    parts: tuple["Branch | Leaf", ...]


LEAF = Leaf()


def _open(tree: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]] | None:
    """Return the names and the parts of a container; None for a leaf."""
    kind = type(tree)
    if tree is None:
        return (), ()
    if issubclass(kind, (tuple, list)):
        return getattr(kind, "_fields", tuple(range(len(tree)))), tuple(tree)
    if issubclass(kind, dict):
        return tuple(tree), tuple(tree.values())
    if kind is not Tensor and attrs.has(kind):
        fields = [f for f in attrs.fields(kind) if f.init]
        return tuple(f.alias for f in fields), tuple(getattr(tree, f.name) for f in fields)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = tuple(f.name for f in dataclasses.fields(tree) if f.init)
        return names, tuple(getattr(tree, name) for name in names)
    return None


def flatten(tree: Any) -> tuple[list[Any], Branch | Leaf]:
    """Return the leaves, from left to right, and the structure that they came from."""
    opened = _open(tree)
    if opened is None:
        return [tree], LEAF
    names, parts = opened
    flat = [flatten(part) for part in parts]
    return [leaf for leaves, _ in flat for leaf in leaves], Branch(type(tree), names, tuple(s for _, s in flat))


def unflatten(structure: Branch | Leaf, leaves: Sequence[Any]) -> Any:
    """Return a nest of the given structure that holds the given leaves.

    Raises:
        StructureError: if there are too many or too few leaves.
    """
    supply = iter(leaves)
    try:
        tree = _build(structure, supply)
    except StopIteration:
        msg = f"A structure was to be filled with {len(leaves)} leaves, which are too few."
        raise StructureError(msg) from None
    if next(supply, supply) is not supply:
        msg = f"A structure was to be filled with {len(leaves)} leaves, which are too many."
        raise StructureError(msg)
    return tree


def _build(structure: Branch | Leaf, supply: Iterator[Any]) -> Any:
    if isinstance(structure, Leaf):
        return next(supply)
    parts = []
    for part in structure.parts:  # a loop, because StopIteration must not end a comprehension's generator
        parts.append(_build(part, supply))  # noqa: PERF401 - see above
    kind = structure.kind
    if kind is type(None):
        return None
    if issubclass(kind, (tuple, list)):
        return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
    pairs = zip(structure.names, parts, strict=True)
    return kind(pairs) if issubclass(kind, dict) else kind(**dict(pairs))


def paths(structure: Branch | Leaf, root: str) -> list[str]:
    """Return how each leaf is reached from the root, as Python would write it: ``params.layers[2].w``."""
    if isinstance(structure, Leaf):
        return [root]
    indexed = issubclass(structure.kind, (list, dict)) or structure.names == tuple(range(len(structure.parts)))
    spell: Callable[[Any], str] = (lambda name: f"{root}[{name!r}]") if indexed else (lambda name: f"{root}.{name}")
    pairs = zip(structure.names, structure.parts, strict=True)
    return [path for name, part in pairs for path in paths(part, spell(name))]


def transform(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return the nest with the function applied to each leaf."""
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])
