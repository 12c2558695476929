"""Nests: what is a container, what is a leaf, and that taking apart and putting together are inverses."""

import collections
import dataclasses
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tape_ad import StructureError, Tape, Tensor, grad
from tape_ad import _tree as tree
from tape_ad._core import TABLE


class Pair(NamedTuple):
    left: Any
    right: Any


@attrs.frozen
class Layer:
    w: Any
    _bias: Any
    size: int = attrs.field(init=False, default=7)


@attrs.define
class Changeable:
    parts: Any


@dataclasses.dataclass(frozen=True)
class Point:
    x: Any
    y: Any = dataclasses.field(kw_only=True, default=0.0)
    norm: float = dataclasses.field(init=False, default=3.0)


class Shelf(list[Any]):
    """A list of another name."""


leaves = st.floats(allow_nan=False) | st.integers() | st.text(max_size=3) | st.booleans()
keys = st.text(max_size=2) | st.integers()
nests = st.recursive(
    leaves | st.none(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.lists(inner, max_size=3).map(Shelf),
        st.dictionaries(keys, inner, max_size=3),
        st.dictionaries(keys, inner, max_size=3).map(collections.OrderedDict),
        st.builds(Pair, inner, inner),
        st.builds(Layer, inner, inner),
        st.builds(Changeable, inner),
        st.builds(Point, inner, y=inner),
    ),
    max_leaves=12,
)


def kinds(nest: Any) -> Any:
    """Return the classes of all containers, nested as they are."""
    opened = tree._open(nest)
    return (type(nest), opened[0], [kinds(part) for part in opened[1]]) if opened is not None else "leaf"


@given(nests)
def test_putting_together_what_was_taken_apart_gives_an_equal_nest_of_the_same_classes(nest: Any) -> None:
    flat, structure = tree.flatten(nest)
    built = tree.unflatten(structure, flat)

    assert (nest, kinds(nest)) == (built, kinds(built))


@given(nests)
def test_equal_kinds_give_equal_structures_whatever_the_leaves(nest: Any) -> None:
    flat, structure = tree.flatten(nest)
    _, again = tree.flatten(tree.unflatten(structure, [object() for _ in flat]))

    assert (structure, len(flat)) == (again, structure.size)


@given(nests)
def test_a_path_read_by_python_leads_to_its_leaf(nest: Any) -> None:
    """A private attrs field stands there by its name in the constructor."""
    flat, structure = tree.flatten(nest)
    spelled = [path.replace(".bias", "._bias") for path in tree.paths(structure, "root")]
    found = [eval(path, {"root": nest}) for path in spelled]  # noqa: S307 - that the paths are expressions is the law

    assert all(a is b for a, b in zip(flat, found, strict=True))


@given(nests, st.integers(1, 3))
def test_too_many_or_too_few_leaves_are_refused(nest: Any, more: int) -> None:
    flat, structure = tree.flatten(nest)
    with pytest.raises(StructureError, match=f"of {len(flat)} leaves was to be filled with {len(flat) + more}"):
        tree.unflatten(structure, [*flat, *range(more)])
    if flat:
        with pytest.raises(StructureError, match=f"filled with {len(flat) - 1}"):
            tree.unflatten(structure, flat[1:])


def test_leaves_come_from_left_to_right_and_none_holds_nothing() -> None:
    nest = {"b": (1, [2, None]), "a": Pair(3, Point(4, y=5)), "c": Layer(6, Changeable(7))}
    flat, structure = tree.flatten(nest)

    assert [1, 2, 3, 4, 5, 6, 7] == flat
    assert ["p['b'][0]", "p['b'][1][0]", "p['a'].left"] == tree.paths(structure, "p")[:3]


def test_the_function_is_applied_to_each_leaf() -> None:
    assert Pair([2, None], {"k": 4}) == tree.transform(lambda leaf: 2 * leaf, Pair([1, None], {"k": 2}))


@pytest.mark.parametrize(
    "leaf",
    [
        np.ones(2),
        Tensor(1.0),
        TABLE["sum"],
        Tape.of(Tensor(1.0)),
        Tensor(1.0, autograd=True).backward(),
        {1, 2},
        "ab",
        Point,
    ],
    ids=lambda leaf: type(leaf).__name__,
)
def test_arrays_and_this_librarys_own_records_are_leaves(leaf: Any) -> None:
    flat, structure = tree.flatten(leaf)

    assert flat[0] is leaf
    assert structure is tree.LEAF


@pytest.mark.parametrize("made", [collections.OrderedDict, collections.Counter, collections.defaultdict])
def test_subclasses_of_dict_keep_their_class(made: Any) -> None:
    nest = made()
    nest["k"] = 2.0
    built = tree.transform(lambda leaf: leaf + 1, nest)

    assert (made, 3.0) == (type(built), built["k"])


def test_an_op_passed_as_an_argument_arrives_as_itself() -> None:
    op = TABLE["getitem"]
    seen: list[Any] = []

    def f(x: Any, function: Any) -> Any:
        seen.append(function)
        return function(x, 0)

    result: Any = grad(f)(np.ones(2), op)

    assert [1.0, 0.0] == result.tolist()
    assert seen[0] is op
