"""`vjp`, `jvp`, `linearize`, `linear_transpose`: what they take, what they return, what they refuse."""

import functools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tape_ad
from tape_ad import (
    ArgumentError,
    BufferChangedError,
    IntegerGradientError,
    NotLinearError,
    NotScalarError,
    SeedError,
    StructureError,
    Tensor,
    UnsupportedDataError,
    jvp,
    linear_transpose,
    linearize,
    vjp,
)  # fmt: skip
from tests.test_transform_laws import assert_own, assert_same, normal

grad: Any = tape_ad.grad
X, V = normal(3), normal(3, seed=1)


def square(x: Any) -> Any:
    return x * x


def mixed(p: Any) -> Any:
    """Return a nest of results, some of which do not depend on the argument."""
    return {"pair": (p["a"] * p["b"], np.sum(p["a"])), "constant": np.arange(2), "number": 3.0}


POINT = {"a": X, "b": 2.0}


# --- values -----------------------------------------------------------------------------------------------------------
def test_nests_go_in_and_out() -> None:
    tangents = {"a": V, "b": 0.5}
    expected = {"pair": (V * 2 + X * 0.5, np.sum(V)), "constant": np.zeros(2), "number": 0.0}
    ct = {"pair": (V, 2.0), "constant": np.ones(2), "number": 1.0}

    assert_same((mixed(POINT), expected), jvp(mixed, (POINT,), (tangents,)))
    assert_same(expected, linearize(mixed, POINT)[1](tangents))
    assert_same(({"a": 2 * V + 2.0, "b": X @ V},), vjp(mixed, POINT)[1](ct))


def test_several_arguments_have_their_parts_in_a_tuple() -> None:
    _, pullback = vjp(lambda x, y: x * y, X, V)

    assert_same((V, X), pullback(np.ones(3)))
    assert_same(2 * X * V, jvp(lambda x, y: x * y, [X, V], [X, V])[1])


def test_auxiliary_results_come_back_as_arrays() -> None:
    def f(x: Any) -> Any:
        return x * x, {"x": x, "text": "text"}

    value, pullback, aux = vjp(f, X, has_aux=True)
    again, tangent, other = jvp(f, (X,), (V,), has_aux=True)

    assert_same([X * X, X * X, 2 * X * V, X, X], [value, again, tangent, aux["x"], other["x"]])
    assert_same((2 * X * V,), pullback(V))


def test_results_are_the_callers_own() -> None:
    ct = np.ones(3)
    identity: Callable[..., Any] = lambda x: (x, x)  # noqa: E731 - a lambda among the functions that transforms take
    value, pullback = vjp(identity, X)

    assert_own((value, pullback((ct, ct)), jvp(identity, (X,), (V,)), linearize(identity, X)[1](V)), X, V, ct)
    assert_own(vjp(np.add, X, X)[1](ct), X, ct)
    assert_own(linear_transpose(np.add, X, X)(ct), X, ct)


def test_an_array_that_the_function_closes_over_is_returned_as_a_copy() -> None:
    assert_own(vjp(lambda x: V, X)[0], V)
    assert_own(jvp(lambda x: V, (X,), (X,))[0], V)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
def test_dtypes_are_those_of_the_values(dtype: str) -> None:
    x = X.astype(dtype)
    value, pullback = vjp(lambda x: x * 2, x)

    assert [np.dtype(dtype)] * 3 == [
        value.dtype,
        pullback(X.astype(x.dtype))[0].dtype,
        jvp(square, (x,), (x,))[1].dtype,
    ]
    assert np.dtype(dtype) == pullback(np.ones(3, bool))[0].dtype == pullback(np.arange(3))[0].dtype


@pytest.mark.parametrize("f", [lambda x: None, lambda x: 3.0, lambda x: (), lambda x: np.ones((2, 0)), lambda x: x > 0])
def test_functions_that_ignore_their_argument_have_zeros(f: Any) -> None:
    value, pullback = vjp(f, X)

    assert_same((np.zeros(3),), pullback(tape_ad.tree.map(lambda leaf: np.ones(np.shape(leaf)), value)))
    assert_same(tape_ad.tree.map(lambda leaf: np.zeros(np.shape(leaf)), value), jvp(f, (X,), (V,))[1])


def test_small_arguments_are_copied_when_the_call_begins() -> None:
    x = X.copy()
    _, pullback = vjp(square, x)
    _, linearized = linearize(lambda a, b: a * b, x, x)
    x[:] = 99.0

    assert_same((2 * X,), pullback(np.ones(3)))
    assert_same(2 * X, linearized(np.ones(3), np.ones(3)))


@pytest.mark.parametrize(
    "way", [lambda f, x: vjp(f, x)[1](1.0), lambda f, x: jvp(f, (x,), (x,)), lambda f, x: linearize(f, x)[1](x)]
)
def test_large_arguments_that_change_are_noticed(way: Any) -> None:
    big = np.ones(20_000)

    def f(x: Any) -> Any:
        big[0] += 1
        return np.sum(x * x)

    with pytest.raises(BufferChangedError, match="changed in place"):
        way(f, big)
    _, pullback = vjp(lambda x: np.sum(x * x), big)
    assert_same((2 * big,), pullback(1.0))
    big[7] = 5.0
    with pytest.raises(BufferChangedError, match=r"shape \(20000,\)"):
        pullback(1.0)


# --- tensors from outside ---------------------------------------------------------------------------------------------
def test_each_result_is_a_tensor_exactly_where_it_depends_on_the_outside() -> None:
    w = Tensor(X, autograd=True)

    def f(x: Any) -> Any:
        return {"free": x * 3, "bound": w * x, "shifted": w + x}

    value, tangent = jvp(f, (X,), (V,))
    kinds = {"free": False, "bound": True, "shifted": True}

    assert kinds == {key: isinstance(x, Tensor) for key, x in value.items()}
    assert {**kinds, "shifted": False} == {key: isinstance(x, Tensor) for key, x in tangent.items()}
    assert_same(V, tangent["bound"].backward(np.ones(3))[w])
    assert not isinstance(jvp(square, (Tensor(X),), (Tensor(V),))[1], Tensor)


@pytest.mark.parametrize("way", [lambda t: vjp(np.sin, X)[1](t)[0], lambda t: jvp(np.sin, (X,), (t,))[1], lambda t: linearize(np.sin, X)[1](1.0 * t), lambda t: linear_transpose(lambda y: y * np.cos(X), X)(t)[0]])  # fmt: skip
def test_a_tracked_direction_is_differentiated(way: Any) -> None:
    w = Tensor(V, autograd=True)

    assert_same(np.cos(X), way(w).backward(np.ones(3))[w])
    assert_same(np.cos(X), grad(lambda t: np.sum(way(t)))(V))


# --- transposition ----------------------------------------------------------------------------------------------------
LINEAR: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (np.cumsum, (X,)), (np.mean, (X,)), (lambda x: -x[::-1] / 2, (X,)), (lambda x: np.tile(x, 2), (X,)), (lambda x, y: x + 2 * y, (X, V)), (lambda x: np.concatenate([x, np.zeros(2)]), (X,)),
    (lambda x: np.where(V > 0, x, 0.0), (X,)), (lambda x: normal(2, 3) @ x, (X,)), (lambda x: {"a": x[0], "b": x[1:]}, (X,)), (lambda p: p["u"] - p["v"], ({"u": X, "v": V},)),
    (lambda x: np.einsum("i,i->", x, V), (X,)), (lambda x: x[[0, 0, 2]].sum(), (X,)), (grad(lambda y: np.sum(y * y)), (X,)),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(LINEAR)))
def test_the_transpose_satisfies_its_equation(number: int) -> None:
    f, points = LINEAR[number]
    ct = tape_ad.tree.map(lambda leaf: normal(*np.shape(leaf), seed=3), f(*points))
    pairs = zip(tape_ad.tree.leaves(ct), tape_ad.tree.leaves(f(*points)), strict=True)
    back = zip(tape_ad.tree.leaves(linear_transpose(f, *points)(ct)), tape_ad.tree.leaves(points), strict=True)

    assert pytest.approx(sum(np.sum(a * b) for a, b in pairs)) == sum(np.sum(a * b) for a, b in back)


@pytest.mark.parametrize(
    ("f", "op"),
    [
        (np.sin, "sin"), (lambda x: x + 1, "add"), (square, "multiply"), (np.abs, "abs"), (np.max, "max"), (np.std, "std"), (lambda x: 1 / x, "divide"),
        (lambda x: np.concatenate([x, np.ones(2)]), "concat"), (lambda x: np.where([True, False, True], x, 1.0), "where"), (lambda x: x**2, "pow"), (lambda x: x @ x, "matmul"),
    ],
)  # fmt: skip
def test_a_function_that_is_not_linear_is_refused_by_its_operation_and_line(f: Any, op: str) -> None:
    with pytest.raises(NotLinearError, match=rf"needs a linear function, but {op}.* at .*\.py:\d+ is not linear"):
        linear_transpose(f, X)(1.0)


@pytest.mark.parametrize("f", [lambda w: lambda x: x * w, lambda w: lambda x: x * np.sin(w), lambda w: lambda x: jvp(np.sin, (w,), (x,))[1]])  # fmt: skip
def test_a_factor_that_is_tracked_outside_leaves_a_function_linear(f: Any) -> None:
    w = Tensor(X, autograd=True)
    found = linear_transpose(f(w), X)(V)[0]

    assert_same(f(X)(V), found.data)
    assert_same(grad(lambda w: np.sum(f(w)(V)))(X), grad(lambda w: np.sum(linear_transpose(f(w), X)(V)[0]))(X))


def test_a_jvp_is_linear_in_its_tangent() -> None:
    assert_same((np.cos(X) * V,), linear_transpose(lambda t: jvp(np.sin, (X,), (t,))[1], X)(V))


@pytest.mark.parametrize("f", [lambda x: np.ones(3), lambda x: np.where(x > 0, x, 0.0), lambda x: (x, np.ones(2))])
def test_constants_and_conditions_on_the_argument_are_not_linear(f: Any) -> None:
    with pytest.raises(NotLinearError):
        linear_transpose(f, X)(tape_ad.tree.map(lambda leaf: np.ones(np.shape(leaf)), f(X)))


# --- functions and records --------------------------------------------------------------------------------------------
class Model:
    def __call__(self, x: Any) -> Any:
        return 3 * x

    def method(self, x: Any, *, power: float = 1.0) -> Any:
        return 3 * x**power


@pytest.mark.parametrize(("f", "slope"), [(Model(), 3.0), (Model().method, 3.0), (functools.partial(Model().method, power=2.0), 12.0), (lambda x, y=4.0: x * y, 4.0)])  # fmt: skip
def test_whatever_can_be_called_is_differentiated(f: Any, slope: float) -> None:
    assert_same([slope] * 3, [vjp(f, 2.0)[1](1.0)[0], jvp(f, (2.0,), (1.0,))[1], linearize(f, 2.0)[1](1.0)])


def test_the_records_print_what_they_hold() -> None:
    assert "Pullback(fun=square)" == repr(vjp(square, X)[1])
    assert "Linearized(fun=square)" == repr(linearize(square, X)[1])
    assert "LinearTranspose(fun=square)" == repr(linear_transpose(square, X))


def test_a_transpose_is_pickled_and_compares() -> None:
    back = pickle.loads(pickle.dumps(linear_transpose(np.cumsum, X)))  # noqa: S301 - our own bytes

    assert_same(linear_transpose(np.cumsum, X)(V), back(V))
    assert linear_transpose(np.cumsum, 1.0) == linear_transpose(np.cumsum, 1.0)


def test_transposes_over_arrays_compare_and_hash() -> None:
    record = linear_transpose(np.cumsum, X)

    assert isinstance(hash(record), int)
    assert isinstance(record == linear_transpose(np.cumsum, X.copy()), bool)


# --- refusals ---------------------------------------------------------------------------------------------------------
async def later(x: Any) -> Any:
    return x


def each(x: Any) -> Any:
    yield x


TRANSFORMS: dict[str, Callable[[Any, Any], Any]] = {
    "vjp": vjp, "jvp": lambda f, x: jvp(f, (x,), (x,)), "linearize": linearize,
    "linear_transpose": lambda f, x: linear_transpose(f, x)(1.0),
}  # fmt: skip
EVERY = pytest.mark.parametrize("name", TRANSFORMS)


@EVERY
@pytest.mark.parametrize(
    ("error", "f", "x", "words"),
    [
        (ArgumentError, 3, X, r"A transform takes a function, but got int\. Write grad\(f\)\(x\)"), (ArgumentError, later, X, "later is async"), (ArgumentError, each, X, "each is a generator"),
        (IntegerGradientError, square, np.arange(3), r"\(square\): x has dtype int64.*x\.astype\(float\)"), (IntegerGradientError, square, True, "x is a boolean"),
        (IntegerGradientError, square, {"a": [1.0, np.arange(2)]}, r"x\['a'\]\[1\] has dtype int64"), (ArgumentError, square, "text", "x is of type str"),
        (ArgumentError, lambda x: "text", X, r"the result of <lambda>\(\) is of type str.*has_aux=True"), (ArgumentError, lambda x: {"a": [x, object()]}, X, r"result\['a'\]\[1\].*type object"),
    ],
)  # fmt: skip
def test_what_cannot_be_differentiated_is_refused(name: str, error: Any, f: Any, x: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        TRANSFORMS[name](f, x)


@pytest.mark.parametrize(
    ("error", "ct", "words"),
    [
        (StructureError, {"a": (X,)}, r"cotangent must be built like.*cotangent\['a'\]: tuple of 2 here, tuple of 1 there"), (StructureError, {"b": (X, 1.0)}, "dict of 'a' here, dict of 'b' there"),
        (StructureError, None, "dict of 1 here, None there"), (StructureError, X, "cotangent"), (SeedError, {"a": (X[:2], 1.0)}, r"cotangent.* has shape \(2,\).*shape \(3,\)\. Broadcast it first"),
        (SeedError, {"a": (X, X)}, r"shape \(3,\).*shape \(\)"), (SeedError, {"a": (X * 1j, 1.0)}, r"complex \(complex128\).*real \(float64\)\. Take its real part"), (UnsupportedDataError, {"a": (X, "text")}, "cotangent"),
    ],
)  # fmt: skip
def test_a_cotangent_that_does_not_fit_is_refused(error: Any, ct: Any, words: str) -> None:
    _, pullback = vjp(lambda x: {"a": (x, x[0])}, X)
    with pytest.raises(error, match=words):
        pullback(ct)


def test_a_cotangent_of_a_constant_must_fit_too() -> None:
    with pytest.raises(SeedError, match=r"cotangent\['constant'\] has shape \(3,\).*shape \(2,\)"):
        vjp(mixed, POINT)[1]({"pair": (X, 1.0), "constant": X, "number": 1.0})


@pytest.mark.parametrize("push", [lambda f, x, d: jvp(f, (x,), (d,)), lambda f, x, d: linearize(f, x)[1](d)])
@pytest.mark.parametrize(
    ("error", "tangent", "words"),
    [
        (StructureError, {"a": X}, "tangent must be built like.*differs at p: dict of 'a', 'b' here, dict of 'a' there|dict of 2"), (StructureError, X, "differs at p"), (StructureError, {"a": [X], "b": 1.0}, r"p\['a'\]"),
        (SeedError, {"a": X[:2], "b": 1.0}, r"tangent.* has shape \(2,\).*shape \(3,\)"), (SeedError, {"a": X, "b": 1j}, "complex.*Take its real part"), (UnsupportedDataError, {"a": X, "b": "text"}, "tangent"),
    ],
)  # fmt: skip
def test_a_tangent_that_does_not_fit_is_refused(push: Any, error: Any, tangent: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        push(mixed, POINT, tangent)


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda: vjp(lambda x: {"a": (x, 1.0)}, X)[1]({"a": (X[:2], 1.0)}), r"cotangent\['a'\]\[0\]"), (lambda: jvp(mixed, (POINT,), ({"a": X[:2], "b": 1.0},)), r"p\['a'\]"),
        (lambda: jvp(mixed, (POINT,), ({"a": X * 1j, "b": 1.0},)), r"p\['a'\]"),
    ],
)  # fmt: skip
def test_a_leaf_that_does_not_fit_is_named_by_its_path(call: Any, path: str) -> None:
    with pytest.raises(SeedError, match=path):
        call()


@pytest.mark.parametrize(
    ("error", "call", "words"),
    [
        (ArgumentError, lambda: jvp(square, (X,), (X, X)), "got 1 primals, but 2 tangents"), (ArgumentError, lambda: jvp(square, X, (X,)), r"takes primals as a tuple.*ndarray\. Write \(x,\)"),
        (ArgumentError, lambda: jvp(square, (X,), X), "takes tangents as a tuple"), (ArgumentError, lambda: linearize(square, X)[1](*[X, X]), r"Linearized\(fun=square\) takes 1 tangents by position, but got 2"),
        (NotScalarError, lambda: vjp(square, X, has_aux=True), r"vjp\(square, has_aux=True\) needs a function that returns \(value, aux\), but it returned shape \(3,\)"), (NotScalarError, lambda: jvp(square, (X,), (X,), has_aux=True), "needs a function"),
    ],
)  # fmt: skip
def test_calls_that_do_not_fit_are_refused(error: Any, call: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


FOREIGN = [("argnum", "argnums"), ("argnames", "argnums, which takes names too"), ("create_graph", "not needed"), ("allow_unused", "an argument that is ignored has gradient zero"), ("hasaux", "has_aux"), ("in_dims", "in_axes")]  # fmt: skip


@pytest.mark.parametrize(("keyword", "ours"), FOREIGN)
@pytest.mark.parametrize("name", ["grad", "value_and_grad", "elementwise_grad", "jacobian", "jacfwd", "jacrev", "hessian", "vmap", "vjp", "jvp", "linearize", "linear_transpose", "hvp", "vhp", "ggnvp"])  # fmt: skip
def test_keywords_of_other_libraries_are_refused_by_ours(name: str, keyword: str, ours: str) -> None:
    pairs = ((X,), (X,)) if name in {"jvp", "hvp", "vhp", "ggnvp"} else (X,) if name in {"vjp", "linearize", "linear_transpose"} else ()  # fmt: skip
    with pytest.raises(ArgumentError, match=rf"{name}\(\) has no keyword '{keyword}'\. .*{ours}"):
        getattr(tape_ad, name)(square, *pairs, **{keyword: True})


@pytest.mark.parametrize("name", ["grad", "jacobian", "vmap", "jvp"])
def test_unknown_keywords_are_refused(name: str) -> None:
    pairs = ((X,), (X,)) if name == "jvp" else ()
    with pytest.raises(ArgumentError, match=rf"{name}\(\) has no keyword 'colour'\.$"):
        getattr(tape_ad, name)(square, *pairs, colour=1)
