"""`vmap`: what is computed for many examples together is what a loop would compute and stack."""

import math
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tape_ad
from tape_ad import (
    ArgumentError,
    BatchedValueError,
    BufferChangedError,
    StructureError,
    Tensor,
    UnsupportedDataError,
    hessian,
    jacfwd,
    jacobian,
    jacrev,
    linear_transpose,
)  # fmt: skip
from tape_ad._errors import InvalidIndexError
from tests.test_transform_laws import assert_own, assert_same, normal

grad: Any = tape_ad.grad
vmap: Any = tape_ad.vmap
X, MATRICES, BLOCKS = normal(3, 4), normal(3, 4, 4), normal(3, 2, 3, 4)
I, PAIRS = np.array([2, 0, 1]), np.array([[0, 1], [1, 1], [1, 0]])
MASKS = np.array([[True, False, True, True], [True, True, False, False], [True, False, False, True]])


def loop(f: Callable[..., Any], args: Sequence[Any], in_axes: Sequence[Any], out_axis: int = 0) -> Any:
    """Return what vmap should: the function called for each example, and the results stacked."""
    (length,) = {np.shape(a)[axis] for a, axis in zip(args, in_axes, strict=True) if axis is not None}
    examples = [
        [a if axis is None else np.moveaxis(a, axis, 0)[k] for a, axis in zip(args, in_axes, strict=True)]
        for k in range(length)
    ]
    return np.stack([f(*example) for example in examples], axis=out_axis)


def test_axes_in_a_dict_compare_and_hash() -> None:
    mapped = vmap(energy_of, ({"a": 0, "b": None},))

    assert vmap(energy_of, ({"a": 0, "b": None},)) == mapped
    assert vmap(energy_of, ({"a": 0, "b": 0},)) != mapped
    assert hash(vmap(energy_of, ({"a": 0, "b": None},))) == hash(mapped)


def energy_of(p: Any) -> Any:
    return p["a"] * p["b"]


def check(f: Callable[..., Any], *args: Any, in_axes: Any = None, out_axis: int = 0) -> None:
    """Assert that vmap is loop and stack, in its value and in its gradients."""
    axes = (0,) * len(args) if in_axes is None else in_axes
    mapped = vmap(f, axes, out_axis)
    value = mapped(*args)
    expected = loop(lambda *xs: tape_ad.asarray(f(*xs)).data, args, axes, out_axis)

    assert_same(expected, value)
    assert expected.dtype == value.dtype
    assert_own(value, *args)
    real = tuple(i for i, a in enumerate(args) if np.asarray(a).dtype.kind == "f")
    if real and value.dtype.kind == "f":
        assert_same(
            grad(lambda *xs: np.sum(np.tanh(loop(f, xs, axes, out_axis))), real)(*args),
            grad(lambda *xs: np.sum(np.tanh(mapped(*xs))), real)(*args),
        )


# --- axes -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("first", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("second", [0, 1, -1, None])
@pytest.mark.parametrize("out", [0, 1, -1, -2])
def test_examples_stand_along_any_axis_of_arguments_and_results(first: int, second: int | None, out: int) -> None:
    left = np.moveaxis(MATRICES, 0, first)
    right = X[0] if second is None else np.moveaxis(X, 0, second)

    check(lambda a, b: a @ b, left, right, in_axes=(first, second), out_axis=out)


@pytest.mark.parametrize(
    ("in_axes", "args"),
    [
        (0, ({"a": X, "b": (X, None)},)), ((0,), ([X, X],)), (({"a": 0, "b": None},), ({"a": X, "b": X[0]},)), (({"b": None, "a": 1},), ({"a": X.T, "b": X[0]},)),
        (([1, (0, None)],), ([X.T, (X, X[0])],)), (((0, None), 1), ((X, X[0]), X.T)), ([0, None], (X, X[0])), ((np.int64(1), None), (X.T, X[0])), ((None, 0), (X[0], X)),
    ],
    ids=repr,
)  # fmt: skip
def test_a_nest_of_axes_belongs_to_a_nest_of_arguments(in_axes: Any, args: Any) -> None:
    def total(*nest: Any) -> Any:
        return sum((k + 1) * np.sum(leaf) for k, leaf in enumerate(tape_ad.tree.leaves(nest)))

    at_once = [np.sum(x) if x.ndim == 1 else np.sum(x, axis=x.shape.index(4)) for x in tape_ad.tree.leaves(args)]
    expected = sum((k + 1) * part for k, part in enumerate(at_once)) + np.zeros(3)

    assert_same(expected, vmap(total, in_axes)(*args))


def test_keyword_arguments_are_mapped_over_their_first_axis() -> None:
    assert_same(X * I[:, None], vmap(lambda x, *, k: x * k)(X, k=I))
    assert_same(X + X, vmap(lambda x, d: x + d["a"], 0)(X, d={"a": X}))


def test_a_nest_of_results_has_a_nest_of_axes() -> None:
    result = vmap(lambda x: {"a": x, "b": (x[0], 2.0)}, out_axes={"b": (0, None), "a": 1})(X)

    assert_same({"a": X.T, "b": (X[:, 0], 2.0)}, result)
    assert_own(result, X)


def test_results_that_are_the_same_for_all_examples_are_repeated_or_left_alone() -> None:
    assert_same(np.full((3, 2), 1.5), vmap(lambda x: np.full(2, 1.5))(X))
    assert_same(np.full((2, 3), 1.5), vmap(lambda x: np.full(2, 1.5), out_axes=-1)(X))
    assert_same(2.0, vmap(lambda x: 2.0, out_axes=None)(X))
    assert_same(X[0] * 2, vmap(lambda x, y: y * 2, (0, None), None)(X, X[0]))
    assert_own(vmap(lambda x, y: (y, y * 1, x, x), (0, None))(X, X[0]), X)
    assert_own(vmap(lambda x, y: y, (0, None), None)(X, X), X)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128", "int8", "int64", "bool"])
def test_dtypes_are_those_of_one_example(dtype: str) -> None:
    x = (X * 3).astype(dtype)
    for f in (lambda r: r * 2, lambda r: r + r, np.sum, lambda r: r[::2], lambda r: r * 1.5, np.abs):
        check(f, x)


@pytest.mark.parametrize(
    "f", [lambda x: np.sum(x * x), lambda x: x @ x, lambda x: np.concatenate([x, x]), lambda x: 3.0, lambda x: x[[0, 1]], lambda x: x[:1]]
)  # fmt: skip
def test_no_examples_give_no_results(f: Any) -> None:
    none = np.zeros((0, 2))
    one = np.shape(f(np.zeros(2)))

    assert (0, *one) == vmap(f)(none).shape
    assert (0, 2) == vmap(grad(lambda x: np.sum(f(x)) + 0.0 * x[0]))(none).shape
    assert (0, 2, 2) == vmap(hessian(lambda x: np.sum(f(x)) + 0.0 * x[0]))(none).shape
    assert (0, 2) == grad(lambda x: np.sum(vmap(f)(x)))(none).shape


# --- what stands in a function ----------------------------------------------------------------------------------------
INDEXED: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda x, i: x[i], (X, I)), (lambda x, i: x[i - 3], (X, I)), (lambda a, i: a[:, i], (MATRICES, I)), (lambda a, i: a[..., i], (MATRICES, I)),
    (lambda a, i: a[i, i], (MATRICES, I)), (lambda a, i: a[i, None], (MATRICES, I)), (lambda a, i: a[None, i], (MATRICES, I)), (lambda a, i: a[None, :, i], (MATRICES, I)),
    (lambda a, i: a[i, 1:3], (MATRICES, I)), (lambda a, i: a[::-1, i], (MATRICES, I)), (lambda a, i: a[0, i], (MATRICES, I)), (lambda a, i: a[i, -1], (MATRICES, I)),
    (lambda b, p: b[p, :, p], (BLOCKS, PAIRS)), (lambda b, p: b[p, :, 1], (BLOCKS, PAIRS)), (lambda b, p: b[1, :, p], (BLOCKS, PAIRS)), (lambda b, p: b[:, p], (BLOCKS, PAIRS)),
    (lambda b, p: b[:, p, p], (BLOCKS, PAIRS)), (lambda b, p: b[:, p, [0, 1]], (BLOCKS, PAIRS)), (lambda b, p: b[:, np.array([[0], [1]]), p], (BLOCKS, PAIRS)),
    (lambda b, p: b[0, ..., p], (BLOCKS, PAIRS)), (lambda b, p: b[..., p, 0], (BLOCKS, PAIRS)), (lambda b, p: b[p, None, 0], (BLOCKS, PAIRS)), (lambda b, p: b[1:, p, ::2], (BLOCKS, PAIRS)),
    (lambda b, p: b[np.array([True, True]), p], (BLOCKS, PAIRS)), (lambda b, p: b[p][..., p], (BLOCKS, PAIRS)), (lambda b, p: b[p[:, None], p], (BLOCKS, PAIRS)),
    (lambda x: x[1], (X,)), (lambda x: x[-1:], (X,)), (lambda x: x[...], (X,)), (lambda x: x[()], (X,)), (lambda x: x[None, ..., None], (X,)), (lambda x: x[[0, 2, 0]], (X,)),
    (lambda x: x[np.array([True, False, True, False])], (X,)), (lambda x: np.sum(x[[]]), (X,)), (lambda a: a[[0, 1], :, None], (MATRICES,)), (lambda b: b[[0, 1], :, [1, 2]], (BLOCKS,)),
    (lambda x: sum(v * v for v in x), (X,)), (lambda x: x * len(x) + x.size + x.ndim + x.shape[0], (X,)), (lambda x: x[np.argmax(x)], (X,)), (lambda x: x[np.argsort(x)[0]], (X,)),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(INDEXED)))
def test_every_index_reads_of_each_example_what_it_reads_of_one(number: int) -> None:
    f, args = INDEXED[number]

    check(f, *args)
    if len(args) == 2:
        check(f, args[0], args[1][0], in_axes=(0, None))
        check(lambda i: f(Tensor(args[0][0]), i), args[1])


SHAPES = [
    ((4,), (4,)),
    ((4, 4), (4,)),
    ((4,), (4, 4)),
    ((3, 4), (4, 2)),
    ((2, 3, 4), (4, 2)),
    ((3, 4), (2, 4, 3)),
    ((2, 3, 4), (4,)),
    ((4,), (2, 4, 3)),
]
PRODUCTS: dict[str, Callable[..., Any]] = {
    "matmul": np.matmul, "dot": np.dot, "operator": lambda a, b: a @ b, "outer": lambda a, b: np.tensordot(a, b, 0),
    "tensordot": lambda a, b: np.tensordot(a, b, ((a.ndim - 1,), (max(b.ndim - 2, 0),))),
    "einsum": lambda a, b: np.einsum("...i,ij->...j" if b.ndim == 2 else "...i,i->..." if b.ndim == 1 else "...i,kij->k...j", a, b),
    "lists": lambda a, b: np.einsum(a, [..., 0], b, [0] if b.ndim == 1 else [*range(2, b.ndim), 0, 1], [..., *range(1, b.ndim)]),
}  # fmt: skip


@pytest.mark.parametrize("shapes", SHAPES, ids=repr)
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_of_batched_and_unbatched_operands(name: str, shapes: Any) -> None:
    left, right = normal(3, *shapes[0]), normal(3, *shapes[1], seed=1)
    f = PRODUCTS[name]

    check(f, left, right)
    check(f, left[0], right, in_axes=(None, 0))
    check(f, left, right[0], in_axes=(0, None))


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max", "min", "std", "var"])
def test_reductions_of_batched_values_under_batched_masks(name: str) -> None:
    f = getattr(np, name)
    initial = {"max": {"initial": -9.0}, "min": {"initial": 9.0}}.get(name, {})
    for options in ({}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 1)}, {"keepdims": True}):
        check(lambda a, o=options: f(a, **o), MATRICES)
    check(lambda x, m: f(x, where=m, **initial), X, MASKS)
    check(lambda x, m: f(x, where=m, **initial), X, MASKS[0], in_axes=(0, None))
    check(lambda x, m: f(x, where=m, **initial), X[0], MASKS, in_axes=(None, 0))
    check(lambda a, m: f(a, where=m, axis=1, **initial), MATRICES, MASKS)
    check(lambda a, m: f(a, where=m[:, None], axis=0, **initial), MATRICES, MASKS[:, [0, 0, 0, 0]])


@pytest.mark.parametrize(
    "f",
    [
        lambda a, b: np.concatenate([a, b]), lambda a, b: np.concatenate([b, a, a], axis=1), lambda a, b: np.stack([a, b], axis=1), lambda a, b: np.stack([b, a], axis=-1),
        lambda a, b: np.where(a > b, a, b), lambda a, b: np.where(b > 0, a, 0.0), np.maximum, lambda a, b: np.clip(a, b - 0.1, b + 0.1),
        lambda a, b: a[0] * b + b.T, lambda a, b: np.stack([a[0, 0], b[0, 1], 1.0]),
    ],
)  # fmt: skip
def test_joining_and_choosing_among_batched_and_unbatched_values(f: Any) -> None:
    other = normal(3, 4, 4, seed=1)

    check(f, MATRICES, other)
    check(f, MATRICES, other[0], in_axes=(0, None))
    check(f, MATRICES[0], other, in_axes=(None, 0))


@pytest.mark.parametrize("name", ["argsort", "count_nonzero", "isreal"])
def test_a_query_answers_for_each_example(name: str) -> None:
    check(getattr(np, name), X)


def test_a_query_answers_for_each_example_in_auxiliary_results() -> None:
    check(lambda x: grad(lambda y: (np.sum(y), np.argsort(y)), has_aux=True)(x)[1], X)


# --- nesting ----------------------------------------------------------------------------------------------------------
def test_maps_nest_over_different_axes() -> None:
    block = BLOCKS[0]

    assert_same(np.sum(block**2, axis=-1), vmap(vmap(lambda r: r @ r))(block))
    assert_same(np.sum(block**2, axis=1), vmap(vmap(lambda r: r @ r, -1))(block))
    assert_same(np.sum(block**2, axis=0), vmap(vmap(lambda r: r @ r, 1), 1)(block))
    assert_same(np.sum(block**2, axis=0).T, vmap(vmap(lambda r: r @ r, -1), 1, 1)(block))
    assert_same(np.multiply.outer(X[0], X[1]), vmap(lambda u: vmap(lambda v: u * v)(X[1]))(X[0]))
    assert_same(X @ X.T, vmap(lambda u: vmap(lambda v: u @ v, 1)(X.T))(X))
    assert_same(np.repeat(X[0][:, None], 3, 1), vmap(lambda u: vmap(lambda v: u)(np.arange(3.0)))(X[0]))
    assert_same(X[:, [2, 0]].T, vmap(lambda i: vmap(lambda r: r[i])(X))(np.array([2, 0])))
    assert_same(X, vmap(lambda i: vmap(lambda j: Tensor(X)[i, j])(np.arange(4)))(np.arange(3)))
    assert_same(
        np.stack([[np.concatenate([u, v]) for v in X] for u in MATRICES[0]]),
        vmap(lambda u: vmap(lambda v: np.concatenate([u, v]))(X))(MATRICES[0]),
    )
    assert_same(
        X[0][:, None, None] * X[1][:, None] + X[2], vmap(lambda a: vmap(lambda b: vmap(lambda c: a * b + c)(X[2]))(X[1]))(X[0])
    )  # fmt: skip


@pytest.mark.parametrize("transform", [grad, hessian, lambda f: jacfwd(jacrev(f)), lambda f: jacrev(jacfwd(f)), lambda f: lambda r: tape_ad.jvp(f, (r,), (r,))[1]])  # fmt: skip
def test_transforms_inside_see_one_example_and_values_closed_over(transform: Any) -> None:
    w = normal(4)

    def f(r: Any) -> Any:
        return np.sum(np.sin(r) * r[::-1]) + np.std(r)

    assert_same(np.stack([transform(f)(r) for r in X]), vmap(transform(f))(X))
    assert_same(
        np.stack([transform(lambda q, r=r: f(q * r))(w) for r in X]),
        vmap(lambda r: transform(lambda q: f(q * r))(w))(X),
    )
    assert_same(
        np.stack([transform(lambda q, r=r: f(q) * r[0])(w) for r in X]),
        vmap(lambda r: transform(lambda q: f(q) * r[0])(w))(X),
    )


@pytest.mark.parametrize("transform", [jacobian, jacfwd, jacrev])
def test_transforms_outside_differentiate_through_the_map(transform: Any) -> None:
    def each(x: Any) -> Any:
        return np.stack([np.tanh(r) * r[0] for r in x])

    assert_same(transform(each)(X), transform(vmap(lambda r: np.tanh(r) * r[0]))(X))
    assert_same(
        transform(lambda w: np.stack([np.tanh(w * r) for r in X]))(X[0]),
        transform(lambda w: vmap(lambda r: np.tanh(w * r))(X))(X[0]),
    )
    assert_same(
        transform(lambda w: np.stack([grad(lambda q, r=r: np.sum(np.tanh(w * r * q)))(w) for r in X]))(X[0]),
        transform(lambda w: vmap(lambda r: grad(lambda q: np.sum(np.tanh(w * r * q)))(w))(X))(X[0]),
    )


def test_linear_transpose_inside_and_outside() -> None:
    assert_same(X * X, vmap(lambda r, c: linear_transpose(lambda t: t * r, X[0])(c)[0])(X, X))
    assert_same(X * 2, linear_transpose(vmap(lambda r: r * 2), X)(X)[0])


def test_a_tensor_from_outside_stays_on_the_tape() -> None:
    w, unused = Tensor(X[0], autograd=True), Tensor(1.0, autograd=True)
    found = vmap(lambda r: {"with": r @ w, "without": r * 2})(X)
    mapped = vmap(lambda r: r * r)(Tensor(X, autograd=True))

    assert isinstance(found["with"], Tensor)
    assert isinstance(mapped, Tensor)
    assert_same(X.sum(axis=0), found["with"].backward(np.ones(3))[w])
    assert_same(X * 2, found["without"])
    assert_same(X * 2, vmap(grad(lambda r: np.sum(unused + r * r)))(X))
    assert_same(X * X, vmap(lambda r: r * r)(Tensor(X)))


# --- refusals ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("f", "spelling"),
    [
        (lambda x: x if x > 0 else -x, r"bool\(t\)"), (float, r"float\(t\)"), (int, r"int\(t\)"), (complex, r"complex\(t\)"), (math.sin, r"float\(t\)"),
        (np.asarray, r"np\.asarray\(t\)"), (lambda x: np.array([x, x]), r"np\.asarray\(t\)"), (lambda x: x.tolist(), r"np\.asarray\(t\)"), (lambda x: [1, 2][x > 0], "index of a plain array"),
        (lambda x: X[x > 0], r"np\.asarray"), (lambda x: sum(range(x > 0)), "count"), (lambda x: max(x, 0.0), r"bool\(t\)"),
    ],
)  # fmt: skip
def test_one_value_of_many_examples_is_refused_and_np_where_named(f: Any, spelling: str) -> None:
    with pytest.raises(
        BatchedValueError, match=rf"{spelling}.* inside vmap there is one for each of 3 examples.*np\.where"
    ):
        vmap(f)(X[:, 0])


@pytest.mark.parametrize("index", [lambda r: r > 0, lambda r: r])
def test_an_index_of_batched_masks_or_floats_is_refused(index: Any) -> None:
    with pytest.raises(InvalidIndexError, match=r"must be of integers.*np\.where\(mask, x, 0\)"):
        vmap(lambda r: r[index(r)])(X)


def same(x: Any, y: Any = None) -> Any:
    return x


@pytest.mark.parametrize(
    ("error", "record", "args", "words"),
    [
        (ArgumentError, vmap(same), (X, X[:2]), r"vmap\(same\): the arguments have different numbers of examples: x has 3 along axis 0, y has 2 along axis 0"),
        (ArgumentError, vmap(same, None), (X,), "maps over no argument.*in_axes=0"), (ArgumentError, vmap(same, (None,)), (X,), "maps over no argument"),
        (ArgumentError, vmap(lambda: 1.0), (), "maps over no argument"), (ArgumentError, vmap(same), (1.0,), "x has no axis to map over.*in_axes=None"),
        (ArgumentError, vmap(same), ([1.0, 2.0],), r"x\[0\] has no axis"), (UnsupportedDataError, vmap(same), ("text",), "x holds numbers"), (ArgumentError, vmap(same, 2), (X,), "x has 2 axes, so axis 2 is none of them"),
        (ArgumentError, vmap(same, -3), (X,), "axis -3 is none"), (ArgumentError, vmap(same, (0, 0)), (X,), r"in_axes=\(0, 0\)\) has 2 axes, but was called with 1"),
        (ArgumentError, vmap(same, 0, 5), (X,), "a result, with its axis of examples, has 2 axes, so axis 5"), (ArgumentError, vmap(same, 0, None), (X,), "out_axes is None for a result that differs"),
        (ArgumentError, vmap(lambda x: "text"), (X,), "returns numbers and arrays, but it returned a str"), (StructureError, vmap(same, "a"), (X,), "in_axes of x: axes are an integer, None, or a nest.*'a'"),
        (StructureError, vmap(same, 1.5), (X,), "in_axes of x"), (StructureError, vmap(same, ({"b": 0},)), ({"a": X},), "in_axes of x.*{'b': 0}"), (StructureError, vmap(lambda x: (x, x), 0, (0,)), (X,), r"out_axes.*\(0,\)"),
        (UnsupportedDataError, vmap(same), (np.array([object()]),), "dtype object"),
    ],
)  # fmt: skip
def test_what_cannot_be_mapped_is_refused(error: Any, record: Any, args: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        record(*args)


def test_a_keyword_argument_without_an_axis_is_to_be_bound_beforehand() -> None:
    """No entry of ``in_axes`` belongs to it."""
    with pytest.raises(ArgumentError, match=r"y has no axis to map over\. Bind .* functools\.partial\.$"):
        vmap(same)(X, y=1.0)


@pytest.mark.parametrize("function", [np.nonzero, np.flatnonzero, np.argwhere, lambda x: np.extract(x > 1, x)])
def test_results_of_different_shapes_are_refused(function: Any) -> None:
    with pytest.raises(BatchedValueError, match=r"one shape for all examples, but this function gives \(\d.*np\.where"):
        vmap(function)(np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]))


def test_a_boolean_is_no_axis() -> None:
    with pytest.raises(StructureError):
        vmap(same, True)(X)


def test_masked_arrays_are_refused() -> None:
    with pytest.raises(UnsupportedDataError):
        vmap(same)(np.ma.array([1.0, 2.0], mask=[True, False]))


@pytest.mark.parametrize(("keyword", "ours"), [("in_dims", "in_axes"), ("out_dims", "out_axes"), ("axis_name", "not needed: sums"), ("randomness", "not needed: random"), ("chunk_size", "not needed: all")])  # fmt: skip
def test_keywords_of_other_libraries_are_refused_by_ours(keyword: str, ours: str) -> None:
    with pytest.raises(ArgumentError, match=rf"vmap\(\) has no keyword '{keyword}'\. .*{ours}"):
        vmap(same, **{keyword: 0})


def test_a_large_argument_that_the_function_changes_is_noticed() -> None:
    for axes in (0, None):
        big = np.ones((2, 20_000))

        def f(x: Any, y: Any, big: Any = big) -> Any:
            big[0, 0] += 1
            return x * np.sum(y)

        with pytest.raises(BufferChangedError, match="changed in place"):
            vmap(f, (0, axes))(np.ones(2), big)


# --- the record -------------------------------------------------------------------------------------------------------
def test_a_map_is_a_record() -> None:
    record = vmap(same, (0, None), 1)
    back = pickle.loads(pickle.dumps(record))  # noqa: S301 - our own bytes

    assert "Vmap(fun=same, in_axes=(0, None), out_axes=1)" == repr(record)
    assert "Vmap(fun=same, in_axes=0)" == repr(vmap(same))
    assert "vmap(same)" == vmap(same).__name__
    assert record == back
    assert hash(record) == hash(back)
    assert record != vmap(same)
    assert () == vmap.report(np.sin, X)


def test_a_list_of_axes_is_the_tuple_of_them() -> None:
    assert vmap(same, [0, None]) == vmap(same, (0, None))
    assert hash(vmap(same, [0])) == hash(vmap(same, (0,)))
