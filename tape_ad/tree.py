"""Nests of containers, for users: take the leaves out, put others in, do something with each.

Containers are tuples, lists, dicts, named tuples, attrs and dataclass records, None, which holds nothing, and classes
that were made known with `register`. Everything else is a leaf.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tape_ad import _tree
from tape_ad._errors import StructureError
from tape_ad._records import Structure as Structure

T = TypeVar("T")


def flatten(tree: Any, /) -> tuple[list[Any], Structure]:
    """Return the leaves, from left to right, and the structure that they came from.

    >>> numbers, built = flatten({"w": [1.0, 2.0], "b": (3.0, None)})
    >>> numbers
    [1.0, 2.0, 3.0]
    >>> unflatten(built, [4.0, 5.0, 6.0])
    {'w': [4.0, 5.0], 'b': (6.0, None)}
    """
    return _tree.flatten(tree)


def unflatten(structure: Structure, leaves: Sequence[Any], /) -> Any:
    """Return a nest of the given structure that holds the leaves.

    Raises:
        StructureError: if they are too many or too few.

    >>> unflatten(structure((0, [0])), ["a", "b"])
    ('a', ['b'])
    """
    return _tree.unflatten(structure, leaves)


def leaves(tree: Any, /) -> list[Any]:
    """Return the leaves, from left to right.

    >>> leaves({"w": [1.0, 2.0], "b": (3.0, None)})
    [1.0, 2.0, 3.0]
    """
    return _tree.flatten(tree)[0]


def structure(tree: Any, /) -> Structure:
    """Return what is left of a nest without its leaves; equal for nests of the same containers.

    >>> structure([1, (2, 3)]) == structure([4.0, (5.0, 6.0)])
    True
    >>> structure([1, (2, 3)]) == structure([1, [2, 3]])
    False
    """
    return _tree.flatten(tree)[1]


def map(function: Callable[..., Any], tree: T, /, *others: Any) -> T:
    """Return the nest with the function applied to each leaf; of several nests, to the leaves at the same place.

    Raises:
        StructureError: if the nests differ in structure; it names the first place.

    >>> map(lambda p, g: p - 0.5 * g, {"w": 1.0, "b": (2.0,)}, {"w": 4.0, "b": (2.0,)})
    {'w': -1.0, 'b': (1.0,)}
    """
    first, like = _tree.flatten(tree)
    columns = [first]
    for other in others:
        more, theirs = _tree.flatten(_tree.aligned(other, like))
        where = _tree.mismatch(like, theirs, "tree")
        if where is not None:
            msg = f"map() takes trees of one structure, but these differ at {where}."
            raise StructureError(msg)
        columns.append(more)
    result: T = _tree.unflatten(like, [function(*place) for place in zip(*columns, strict=True)])
    return result


def register(
    kind: type[T], to_parts: Callable[[T], Mapping[str, Any]], from_parts: Callable[[T, Mapping[str, Any]], T], /
) -> None:
    """Make a class of containers known, so that its objects are differentiated part by part; once, for good.

    Its subclasses stay what they were.

    Args:
        kind: The class.
        to_parts: Takes an object, returns its parts by name.
        from_parts: Takes such an object and other parts by the same names, returns a new object that holds them.

    Raises:
        ArgumentError: if it is no class, is registered already, or is a built-in container or leaf.

    >>> class Line:
    ...     def __init__(self, slope, offset):
    ...         self.slope, self.offset = slope, offset
    >>> register(Line, vars, lambda like, parts: Line(**parts))
    >>> map(lambda x: 10 * x, Line(1.0, 2.0)).offset
    20.0
    """
    _tree.register(kind, to_parts, from_parts)
