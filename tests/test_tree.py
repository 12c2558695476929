"""Nests: what is a container, what is a leaf, and that taking apart and putting together are inverses."""

import collections
import dataclasses
import functools
import pickle
import types
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st

import tape_ad.tree
from tape_ad import ArgumentError, StructureError, Tape, Tensor, UnsupportedDataError, _tree as tree, grad, vjp, vmap
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


class Ordered:
    """A class that nobody here knows before it is registered; it has an order of its own and forgets nothing."""

    def __init__(self, parts: Mapping[str, Any], note: str) -> None:
        self.parts, self.note = dict(parts), note

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ordered) and (self.parts, self.note) == (other.parts, other.note)

    def __getattr__(self, name: str) -> Any:
        return vars(self)["parts"][name]

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # as Python does for a class with __eq__


class Special(Ordered):
    """A subclass, which is not registered."""


tree.register(Ordered, lambda made: made.parts, lambda like, parts: Ordered(parts, like.note))


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
        st.builds(Ordered, st.dictionaries(st.sampled_from("pqr"), inner, max_size=3), st.just("kept")),
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


# --- what records compute -------------------------------------------------------------------------------------------
@dataclasses.dataclass
class Squared:
    w: Any
    n: Any = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.n = np.sum(self.w**2)


@attrs.frozen
class SquaredAttrs:
    _w: Any = attrs.field(kw_only=True)
    n: Any = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "n", np.sum(self._w**2))


@attrs.frozen
class SquaredDefault:
    w: Any
    n: Any = attrs.field(init=False)

    @n.default
    def _square(self) -> Any:
        return np.sum(self.w**2)


def _init_squared(w: Any) -> Any:
    return SquaredAttrs(w=w)


@pytest.mark.parametrize("made", [Squared, _init_squared, SquaredDefault])
def test_fields_that_the_constructor_computes_are_computed_from_the_new_leaves(made: Any) -> None:
    found: Any = grad(lambda p: p.n)(made(np.array([1.0, 2.0])))

    assert [2.0, 4.0] == tree.flatten(found)[0][0].tolist()
    assert 5.0 == found.n  # of a gradient, as they were in the argument


@dataclasses.dataclass
class Scaled:
    w: Any
    by: dataclasses.InitVar[float] = 2.0
    n: Any = dataclasses.field(init=False, default=0.0)

    def __post_init__(self, by: float) -> None:
        self.n = by


@dataclasses.dataclass(init=False)
class OwnConstructor:
    w: Any
    n: Any = dataclasses.field(init=False, default=0.0)

    def __init__(self, *values: float) -> None:
        self.w, self.n = np.array(values), len(values)

    def __post_init__(self) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(("record", "n"), [(Scaled(np.ones(2), 3.0), 3.0), (OwnConstructor(1.0, 2.0), 2)])
def test_records_that_their_fields_do_not_suffice_to_construct_are_copied(record: Any, n: float) -> None:
    found = grad(lambda p: np.sum(p.w) * p.n)(record)

    assert ([n, n], n) == (found.w.tolist(), found.n)


@dataclasses.dataclass
class Cached:
    w: Any

    @functools.cached_property
    def n(self) -> Any:
        return np.sum(self.w**2)


@attrs.frozen(slots=False)
class CachedAttrs:
    w: Any
    n = Cached.n


@attrs.frozen
class CachedSlots:
    w: Any

    @functools.cached_property
    def n(self) -> Any:
        return np.sum(self.w**2)


class CachedBelow(Cached):
    """A subclass, whose cached property stands in the class above."""


@pytest.mark.parametrize("kind", [Cached, CachedAttrs, CachedSlots, CachedBelow])
def test_a_cached_property_is_not_taken_along(kind: Any) -> None:
    record = kind(np.array([1.0, 2.0]))

    assert 5.0 == record.n
    assert [2.0, 4.0] == grad(lambda p: p.n)(record).w.tolist()
    assert kind is CachedSlots or "n" in vars(record)


@attrs.frozen(slots=False, cache_hash=True)
class CachedHash:
    w: Any


def test_a_cached_hash_is_not_taken_along() -> None:
    record = CachedHash(1.0)
    hash(record)

    assert hash(CachedHash(2.0)) == hash(tree.transform(lambda x: 2 * x, record))


# --- users' containers ----------------------------------------------------------------------------------------------
def test_a_registered_class_is_differentiated_part_by_part() -> None:
    given_parts = Ordered({"p": np.ones(2), "q": [3.0]}, "note")
    found = grad(lambda o: np.sum(o.p) * o.q[0] ** 2)(given_parts)

    assert (Ordered, "note", [9.0, 9.0], [12.0]) == (type(found), found.note, found.p.tolist(), found.q)


def test_subclasses_of_a_registered_class_stay_what_they_were() -> None:
    special = Special({"p": 1.0}, "")

    assert special is tree.flatten(special)[0][0]


def test_what_a_user_registers_goes_before_what_is_built_in() -> None:
    class Reversed(list[Any]):
        pass

    class Plain(dict[str, Any]):
        pass

    @attrs.frozen
    class Half:
        left: Any
        right: Any

    tree.register(Reversed, lambda r: {"last": r[-1]}, lambda like, parts: Reversed([*like[:-1], parts["last"]]))
    tree.register(Plain, dict, lambda like, parts: Plain(parts))
    tree.register(Half, lambda h: {"left": h.left}, lambda like, parts: Half(parts["left"], like.right))
    nest = [Reversed([1, 2]), Plain(k=3), Half(4, 5)]
    flat, structure = tree.flatten(nest)

    assert ([2, 3, 4], ["p[0].last", "p[1].k", "p[2].left"]) == (flat, tree.paths(structure, "p"))
    assert [[1, 20], {"k": 30}, Half(40, 5)] == tree.transform(lambda x: 10 * x, nest)


@pytest.mark.parametrize(
    "kind", [tuple, list, dict, np.ndarray, Tensor, int, float, complex, type(None), Tape, np.float64], ids=str
)
def test_a_built_in_container_or_leaf_cannot_be_registered(kind: type) -> None:
    with pytest.raises(ArgumentError, match=f"cannot change what {kind.__name__} is"):
        tape_ad.tree.register(kind, vars, lambda like, parts: like)


def test_only_classes_can_be_registered_and_only_once() -> None:
    with pytest.raises(ArgumentError, match="takes a class, but got 3"):
        tape_ad.tree.register(3, vars, lambda like, parts: like)  # type: ignore[arg-type]  # the mistake
    with pytest.raises(ArgumentError, match="Ordered is registered already"):
        tape_ad.tree.register(Ordered, vars, lambda like, parts: like)


def test_functions_of_a_registered_class_that_return_something_else_are_refused() -> None:
    class Line:
        pass

    class Dot:
        pass

    tree.register(Line, lambda line: [1], lambda like, parts: like)  # type: ignore[arg-type,return-value]  # the mistake
    tree.register(Dot, lambda dot: {"x": 1}, lambda like, parts: parts)
    with pytest.raises(ArgumentError, match="The to_parts of Line returned list"):
        tree.flatten(Line())
    with pytest.raises(ArgumentError, match=r"The from_parts of Dot returned dict\. Return a new Dot"):
        tree.transform(lambda x: x, Dot())


# --- two structures -------------------------------------------------------------------------------------------------
@given(nests, nests)
def test_two_structures_differ_somewhere_or_are_equal(one: Any, other: Any) -> None:
    first, second = tree.flatten(one)[1], tree.flatten(other)[1]

    assert (first == second) == (tree.mismatch(first, second, "p") is None)
    assert tree.mismatch(first, first, "p") is None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((1, 2), [1, 2], "p: tuple of 2 here, list of 2 there"),
        ([1, 2], [1], "p: list of 2 here, list of 1 there"),
        (1, [1], "p: a leaf here, list of 1 there"),
        ({"k": None}, {"k": 1}, "p['k']: None here, a leaf there"),
        ({"k": 1}, {"l": 1}, "p: dict of 'k' here, dict of 'l' there"),
        (Pair(0, [Changeable(1)]), Pair(0, [1]), "p.right[0]: Changeable of 1 here, a leaf there"),
        pytest.param(
            Ordered({"q": ()}, ""),
            Ordered({"q": []}, ""),
            "p.q: tuple of 0 here, list of 0 there",
            id="a registered class",
        ),
        (
            types.SimpleNamespace(),
            Point({"layers": [0, 1, (2, 3)]}, y=0),
            "p: a leaf here, Point of 2 there",
        ),
        (
            Changeable([0, 1, Layer((2, 3), 4)]),
            Changeable([0, 1, Layer([2, 3], 4)]),
            "p.parts[2].w: tuple of 2 here, list of 2 there",
        ),
    ],
    ids=str,
)
def test_the_first_place_where_structures_differ_is_named(one: Any, other: Any, expected: str) -> None:
    assert expected == tree.mismatch(tree.flatten(one)[1], tree.flatten(other)[1], "p")


def test_a_map_over_trees_of_different_structures_is_refused_by_place() -> None:
    with pytest.raises(StructureError, match=r"differ at tree\[1\]: tuple of 1 here, list of 1 there"):
        tape_ad.tree.map(lambda *x: sum(x), [1, (2,)], [1, (2,)], [1, [2]])


@given(nests)
def test_the_public_functions_agree_with_each_other(nest: Any) -> None:
    flat, structure = tape_ad.tree.flatten(nest)

    assert (flat, structure) == (tape_ad.tree.leaves(nest), tape_ad.tree.structure(nest))
    assert nest == tape_ad.tree.unflatten(structure, flat) == tape_ad.tree.map(lambda x, y: x, nest, nest)


def test_no_constructor_sees_a_gradient() -> None:
    """A gradient has the fields of its record, which need not be values that the constructor would take."""

    @dataclasses.dataclass
    class Positive:
        w: Any
        n: int = dataclasses.field(init=False)

        def __post_init__(self) -> None:
            self.w = np.maximum(self.w, 0.0)
            self.n = len(self.w)

    @dataclasses.dataclass
    class Checked:
        scale: Any
        half: Any = dataclasses.field(init=False)

        def __post_init__(self) -> None:
            if self.scale <= 0:
                raise ValueError(self.scale)
            self.half = self.scale / 2

    assert grad(lambda p: -np.sum(p.w))(Positive(np.ones(2))).w.tolist() == [-1.0, -1.0]
    assert grad(lambda p: -p.half)(Checked(2.0)).scale == -0.5


def test_the_order_of_a_dicts_keys_does_not_matter() -> None:
    _, pullback = vjp(lambda x: {"a": x, "b": 2 * x}, 1.0)

    assert pullback({"b": 10.0, "a": 1.0}) == (21.0,)
    assert tape_ad.tree.map(lambda p, g: p - g, {"a": 3.0, "b": 4.0}, {"b": 1.0, "a": 2.0}) == {"a": 1.0, "b": 3.0}


# --- one vector -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "nest",
    [
        Point(np.ones((2, 3)), y=2.0),
        {"w": [np.float32(1.5), np.arange(3)], "b": (None, np.array(2j))},
        np.arange(4.0),
        1.5,
        (),
        [np.ones((0, 2)), 1.0],
    ],
)
def test_unravelling_what_was_ravelled_gives_the_nest_again(nest: Any) -> None:
    vector, unravel = tape_ad.tree.ravel(nest)
    again = unravel(vector)

    assert (vector.size,) == vector.shape
    assert tape_ad.tree.structure(nest) == tape_ad.tree.structure(again)
    for before, after in zip(tape_ad.tree.leaves(nest), tape_ad.tree.leaves(again), strict=True):
        assert np.result_type(before) == after.dtype
        np.testing.assert_array_equal(np.asarray(before), after)


def test_both_ways_to_a_vector_are_differentiated() -> None:
    nest = {"w": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": 5.0}
    weights = np.arange(1.0, 6.0)
    vector, unravel = tape_ad.tree.ravel(nest)
    there = grad(lambda nest: tape_ad.tree.ravel(nest)[0] @ weights)(nest)
    back = grad(lambda v: np.sum(unravel(v)["w"] ** 2) * unravel(v)["b"])(vector)

    np.testing.assert_array_equal([[1.0, 2.0], [3.0, 4.0]], there["w"])
    assert there["b"] == 5.0
    np.testing.assert_array_equal([10.0, 20.0, 30.0, 40.0, 30.0], back)


def test_many_vectors_are_unravelled_at_once() -> None:
    _, unravel = tape_ad.tree.ravel((np.ones((2, 2)), 1.0))
    vectors = np.arange(15.0).reshape(3, 5)
    w, b = vmap(unravel)(vectors)

    np.testing.assert_array_equal(vectors[:, :4].reshape(3, 2, 2), w)
    np.testing.assert_array_equal(vectors[:, 4], b)


def test_what_unravels_is_a_value() -> None:
    one, other = (tape_ad.tree.ravel({"w": np.full(2, value)})[1] for value in (1.0, 2.0))

    assert one == other
    assert hash(one) == hash(other)
    assert one == pickle.loads(pickle.dumps(one))  # noqa: S301 - our own bytes


def test_a_vector_of_another_length_and_a_leaf_that_is_no_number_are_refused() -> None:
    _, unravel = tape_ad.tree.ravel((1.0, 2.0))

    with pytest.raises(StructureError, match=r"^unravel\(\) takes a vector of shape \(2,\), but got shape \(3,\)\.$"):
        unravel(np.ones(3))
    with pytest.raises(UnsupportedDataError, match=r"^ravel\(\): tree\['name'\] holds numbers"):
        tape_ad.tree.ravel({"w": 1.0, "name": "x"})
