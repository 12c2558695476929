"""Nests of containers, for users: take the leaves out, put others in, do something with each.

Containers are tuples, lists, dicts, named tuples, attrs and dataclass records, None, which holds nothing, and classes
that were made known with `register`. Everything else is a leaf.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from attrs import field, frozen

from tape_ad import _tree
from tape_ad._data import check_dtype
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


@frozen
class Unravel:
    """What makes a nest of a vector again; see `ravel`."""

    structure: Structure
    shapes: tuple[tuple[int, ...], ...] = field(repr=False)
    dtypes: tuple[np.dtype[Any], ...] = field(repr=False)

    def __call__(self, vector: Any, /) -> Any:
        """Return the nest whose numbers are those of the vector, in the shapes and dtypes that were taken apart.

        Raises:
            StructureError: if they are too many or too few.
        """
        stops = [0, *itertools.accumulate([math.prod(shape) for shape in self.shapes])]
        if np.shape(vector) != (stops[-1],):
            msg = f"unravel() takes a vector of shape ({stops[-1]},), but got shape {np.shape(vector)}."
            raise StructureError(msg)
        parts = [
            vector[start:stop].reshape(shape) if shape else vector[start]
            for start, stop, shape in zip(stops[:-1], stops[1:], self.shapes, strict=True)
        ]
        return _tree.unflatten(self.structure, [_cast(p, dtype) for p, dtype in zip(parts, self.dtypes, strict=True)])


def _cast(part: Any, dtype: np.dtype[Any]) -> Any:
    if part.dtype == dtype:
        return part
    return (part.real if part.dtype.kind == "c" and dtype.kind != "c" else part).astype(dtype)


def ravel(tree: Any, /) -> tuple[Any, Unravel]:
    """Return all numbers of a nest as one vector, as optimizers want it, and the function that makes the nest again.

    The vector is an array, or a tensor where a leaf is one; both ways are differentiated. Its dtype is the one to which NumPy
    promotes those of the leaves.

    Raises:
        UnsupportedDataError: if a leaf is not numeric.

    >>> vector, unravel = ravel({"w": np.ones((2, 2)), "b": 3.0})
    >>> vector
    array([1., 1., 1., 1., 3.])
    >>> unravel(2 * vector)
    {'w': array([[2., 2.],
           [2., 2.]]), 'b': np.float64(6.0)}
    """
    leaves, like = _tree.flatten(tree)
    dtypes = tuple([x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype for x in leaves])
    for dtype, path in zip(dtypes, _tree.paths(like, "tree"), strict=True):
        check_dtype(dtype, f"ravel(): {path}")
    vector = np.concatenate([np.ravel(x) for x in leaves]) if leaves else np.zeros(0)
    return vector, Unravel(like, tuple([np.shape(x) for x in leaves]), dtypes)


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
