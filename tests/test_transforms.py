"""`grad` and `value_and_grad`: arguments, results, records, errors, and nesting without confusion."""

import dataclasses
import inspect
import math
import pickle
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st

import tape_ad
from tape_ad import ArgumentError, IntegerGradientError, NotScalarError, Tape, Tensor, UnsupportedDataError
from tests.strategies import Program, point_of, programs

grad: Any = tape_ad.grad  # the types of transforms are tested in tests/typing
value_and_grad: Any = tape_ad.value_and_grad


class Pair(NamedTuple):
    left: Any
    right: Any


@attrs.frozen
class Params:
    w: Any
    _b: Any
    name: Any = None


@dataclasses.dataclass
class Point:
    x: Any
    y: Any = 0.0


def square(x: Any) -> Any:
    return x * x


def weighted(x: Any, y: Any, z: Any = 1.0, *, scale: Any = 1.0) -> Any:
    return np.sum(x * 2) * scale + np.sum(y * 3) + np.sum(z * 5)


def total(nest: Any) -> Any:
    """Return the sum of the squares of all leaves of a nest."""
    return sum((np.sum(leaf * leaf) for leaf in tape_ad._tree.flatten(nest)[0]), start=0.0)


# --- values -----------------------------------------------------------------------------------------------------------
@given(programs(), st.integers(0, 99))
def test_the_gradient_is_that_of_the_tape_bit_for_bit(program: Program, seed: int) -> None:
    points = point_of(program, seed)
    leaves = [Tensor(point, autograd=True) for point in points]
    out = program(*leaves)
    value, gradients = value_and_grad(program, tuple(range(len(points))))(*points)
    tape = Tape.of(out)
    expected = [tape.backward().get(leaf, np.zeros(leaf.shape)) for leaf in leaves]

    assert float(out.data).hex() == float(value).hex()
    assert [np.asarray(g).tobytes() for g in expected] == [np.asarray(g).tobytes() for g in gradients]
    assert [np.asarray(g).tobytes() for g in grad(program, tuple(range(len(points))))(*points)] == [
        np.asarray(g).tobytes() for g in gradients
    ]


@pytest.mark.parametrize(
    "nest",
    [
        3.0, 2, np.float32(3), np.ones(2), np.ones((2, 0)), np.array(2.0), (1.0, np.ones(2)), [1.0, 2.0], [np.ones(1), [2.0, (3.0,)]],
        {"a": 1.0, "b": {"c": np.ones(2)}}, Pair(1.0, np.ones(2)), Params(np.ones(2), 3.0), Point(1.0, np.ones(1)), (None, 1.0, [None]),
        [Params(Pair(1.0, 2.0), {"k": np.ones(2)}), Point([np.ones(1)])], {1: 2.0, (2, 3): 4.0},
    ],
    ids=repr,
)  # fmt: skip
def test_the_gradient_has_the_structure_shapes_and_dtypes_of_the_argument(nest: Any) -> None:
    value, gradient = value_and_grad(total)(nest)
    leaves, structure = tape_ad._tree.flatten(nest)
    slopes, same = tape_ad._tree.flatten(gradient)

    assert structure == same
    assert [np.shape(leaf) for leaf in leaves] == [np.shape(slope) for slope in slopes]
    assert [np.asarray(leaf, None if np.asarray(leaf).dtype.kind == "f" else float).dtype for leaf in leaves] == [
        s.dtype for s in slopes
    ]
    assert all(np.array_equal(2 * np.asarray(leaf), slope) for leaf, slope in zip(leaves, slopes, strict=True))
    assert total(nest) == value


@pytest.mark.parametrize("value", [2.0, 2, np.float64(2)])
def test_a_scalar_argument_gives_a_scalar(value: Any) -> None:
    gradient = grad(square)(value)

    assert (np.float64, 4.0) == (type(gradient), gradient)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
def test_the_gradient_keeps_the_dtype_through_weak_scalars_and_through_wider_arrays(dtype: str) -> None:
    x = np.ones(3, dtype)
    functions: list[Callable[[Any], Any]] = [
        lambda x: np.sum(x * 2.5 + 1),
        lambda x: np.mean(2**x),
        lambda x: (x * np.ones(3, "longdouble")).sum(),
    ]
    for f in functions:
        assert np.dtype(dtype) == grad(f)(x).dtype


def test_python_scalars_stay_weak_in_the_function() -> None:
    seen: list[Any] = []

    def f(s: Any, x: Any) -> Any:
        y = s * x + 1
        seen.extend([y.dtype, (s * 2).data])
        return y.sum()

    value, gradient = value_and_grad(f)(2.0, np.ones(3, "float32"))

    assert [np.float32, 4.0] == seen
    assert (np.float32, float) == (value.dtype, type(seen[1]))
    assert (np.float64, 3.0) == (type(gradient), gradient)


def test_a_complex_argument_has_a_gradient_along_re_and_minus_i_times_along_im() -> None:
    assert 2 - 4j == grad(lambda z: np.abs(z) ** 2)(1 + 2j)
    assert [2 - 4j, -2j] == grad(lambda z: np.sum(np.abs(z) ** 2))(np.array([1 + 2j, 1j])).tolist()


@pytest.mark.parametrize(
    ("x", "zero"),
    [(2.0, 0.0), (np.ones(2), [0.0, 0.0]), (np.float32(1), 0.0), (np.ones(2, "complex64"), [0j, 0j])],
    ids=repr,
)
@pytest.mark.parametrize(
    "f",
    [
        lambda x: 3.0,
        lambda x: np.float64(3.0),
        lambda x: 3,
        lambda x: np.array(3.0),
        lambda x: Tensor(3.0),
        lambda x: np.sum(np.abs(x) > 5) + 3.0,
    ],
)
def test_a_function_that_ignores_its_argument_has_the_gradient_zero(f: Any, x: Any, zero: Any) -> None:
    value, gradient = value_and_grad(f)(x)

    assert (3.0, zero) == (value, gradient.tolist())
    assert (np.asarray(x).dtype, False) == (gradient.dtype, isinstance(value, Tensor))


def test_leaves_that_are_ignored_have_zeros_beside_those_that_are_not() -> None:
    gradient = grad(lambda p: np.sum(p["a"] * 2))({"a": np.ones(2), "b": np.ones(3), "c": (1.0, None)})

    assert ([2.0, 2.0], [0.0, 0.0, 0.0], (0.0, None)) == (gradient["a"].tolist(), gradient["b"].tolist(), gradient["c"])


def test_the_argument_itself_may_be_returned_or_one_of_its_elements() -> None:
    assert 1.0 == grad(lambda x: x)(2.0)
    assert [0.0, 1.0] == grad(lambda x: x[1])(np.ones(2)).tolist()


# --- argnums ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("argnums", "expected"),
    [(0, 2.0), (1, 3.0), (2, 5.0), (-1, 5.0), (-3, 2.0), ((0,), (2.0,)), ((1, 0), (3.0, 2.0)), ([0, 2], (2.0, 5.0)), ((-1, 0), (5.0, 2.0)), (np.int64(1), 3.0)],
    ids=repr,
)  # fmt: skip
def test_argnums_name_positions_in_their_order(argnums: Any, expected: Any) -> None:
    assert expected == grad(weighted, argnums)(1.0, 1.0, 1.0)
    assert expected == value_and_grad(weighted, argnums)(1.0, 1.0, 1.0)[1]
    assert expected == grad(weighted, argnums=argnums)(1.0, 1.0, 1.0, scale=1.0)


def test_an_argument_may_be_passed_by_its_name() -> None:
    assert 3.0 == grad(weighted, 1)(1.0, y=1.0)
    assert (2.0, 5.0) == grad(weighted, (0, 2))(x=1.0, z=2.0, y=1.0)
    assert 4.0 == grad(weighted)(x=1.0, y=1.0, scale=2.0)


@pytest.mark.parametrize("argnums", [1.5, None, True, (), (0, 0), ("a", "a"), b"0", [1.0]], ids=repr)
def test_argnums_that_are_no_positions_are_refused_at_once(argnums: Any) -> None:
    with pytest.raises(ArgumentError, match="argnums takes"):
        grad(square, argnums)


@pytest.mark.parametrize(
    ("argnums", "words"), [(3, "argnums=3.*2 positional"), (-3, "argnums=-3.*2 positional"), ((0, -2), "twice")]
)
def test_positions_that_the_call_does_not_have_are_refused(argnums: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        grad(weighted, argnums)(1.0, 2.0)


def test_a_default_is_differentiated_where_argnums_says_so() -> None:
    def scaled(x: float, factor: float = 2.0) -> float:
        return x * factor

    assert 3.0 == grad(scaled, 1)(3.0)
    assert (2.0, 3.0) == grad(scaled, (0, "factor"))(3.0)


def test_stop_gradient_takes_nests_and_returns_what_is_no_tensor_as_it_is() -> None:
    x = np.array([1.0, 2.0])
    given = {"x": x, "name": "text", "n": 3}
    stopped = tape_ad.stop_gradient(given)

    assert stopped["x"] is x
    assert ("text", 3) == (stopped["name"], stopped["n"])
    found = grad(lambda p: np.sum(p["x"] * tape_ad.stop_gradient(p)["x"]))({"x": x})
    np.testing.assert_array_equal(x, found["x"])


# --- auxiliary results ------------------------------------------------------------------------------------------------
def test_what_else_the_function_returns_comes_back_as_arrays() -> None:
    def f(x: Any) -> Any:
        return np.sum(x * x), {"twice": x * 2, "list": [x[0], 3, "text"], "pair": Pair(np.argmax(x), None)}

    x = np.array([1.0, 3.0])
    gradient, aux = grad(f, has_aux=True)(x)
    (value, again), same = value_and_grad(f, has_aux=True)(x)

    assert (10.0, [2.0, 6.0]) == (value, gradient.tolist())
    assert gradient.tolist() == same.tolist()
    for found in (aux, again):
        assert [2.0, 6.0] == found["twice"].tolist()
        assert [1.0, 3, "text"] == found["list"]
        assert Pair(1, None) == found["pair"]
        assert not any(isinstance(leaf, Tensor) for leaf in tape_ad._tree.flatten(found)[0])


@pytest.mark.parametrize("result", [3.0, (1.0, 2.0, 3.0), [1.0, 2.0], None])
def test_has_aux_needs_a_pair(result: Any) -> None:
    with pytest.raises(NotScalarError, match=r"returns \(value, aux\), but it returned"):
        grad(lambda x: result, has_aux=True)(1.0)


# --- records ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("transform", "kind"), [(grad, "Gradient"), (value_and_grad, "ValueAndGradient")])
def test_a_transform_is_a_record_that_prints_compares_hashes_pickles_and_keeps_the_signature(
    transform: Any, kind: str
) -> None:
    record = transform(weighted, (0, 1))
    back = pickle.loads(pickle.dumps(record))  # noqa: S301 - our own bytes

    assert f"{kind}(fun=weighted, argnums=(0, 1))" == repr(record)
    assert f"{kind}(fun=weighted, argnums=0, has_aux=True)" == repr(transform(weighted, has_aux=True))
    assert record == back == transform(weighted, [0, 1])
    assert hash(record) == hash(back)
    assert record != transform(weighted, 0)
    assert record != transform(square, (0, 1))
    assert inspect.signature(weighted) == inspect.signature(record)
    assert f"{transform.__name__}(weighted)" == record.__name__
    assert record(1.0, 2.0) == back(1.0, 2.0)
    with pytest.raises(AttributeError):
        record.fun = square


def test_transforms_of_transforms_and_of_ops_are_records_too() -> None:
    twice = grad(grad(square))

    assert "Gradient(fun=grad(square), argnums=0)" == repr(twice)
    assert twice == pickle.loads(pickle.dumps(twice))  # noqa: S301 - our own bytes
    assert 2.0 == pickle.loads(pickle.dumps(twice))(3.0)  # noqa: S301 - our own bytes
    assert math.cos(1.0) == grad(np.sin)(1.0) == grad(tape_ad.sin)(1.0)
    assert grad(np.sin) != grad(tape_ad.sin)


def test_a_transform_of_a_method_or_of_an_object_that_can_be_called() -> None:
    class Model:
        factor = 3.0

        def loss(self, x: Any) -> Any:
            return self.factor * x

        def __call__(self, x: Any) -> Any:
            return self.factor * x * x

    assert (3.0, 12.0) == (grad(Model().loss)(2.0), grad(Model())(2.0))


# --- errors -----------------------------------------------------------------------------------------------------------
def test_a_result_that_is_not_scalar_is_refused_with_its_shape_its_line_and_a_remedy() -> None:
    def doubled(x: Any) -> Any:
        return x * 2

    line = inspect.getsourcelines(doubled)[1] + 1
    with pytest.raises(
        NotScalarError,
        match=rf"grad\(\) .*doubled\(\) returned shape \(3,\)(.|\n)*{re.escape(__file__)}:{line}(.|\n)*Sum or average",
    ):
        grad(doubled)(np.ones(3))
    with pytest.raises(NotScalarError, match=r"value_and_grad\(\) .*shape \(1,\)"):
        value_and_grad(doubled)(np.ones(1))


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (lambda x: None, "returned None(.|\n)*Return the scalar"), (lambda x: (x, 1), "a tuple of 2(.|\n)*has_aux=True"), (lambda x: [x], "a list of 1"),
        (lambda x: "a", "a str"), (lambda x: {"loss": x}, "a dict"), (lambda x: np.ones(2), r"shape \(2,\)"), (lambda x: x * 1j, "complex.*real part"),
        (lambda x: 1j, "complex"), (lambda x: (x for _ in "a"), "a generator"),
    ],
)  # fmt: skip
def test_a_result_that_is_not_one_real_number_is_refused(result: Any, words: str) -> None:
    with pytest.raises(NotScalarError, match=words):
        grad(result)(1.0)


@pytest.mark.parametrize(
    ("error", "argument", "words"),
    [
        (IntegerGradientError, np.arange(3), r"x has dtype int64.*x\.astype\(float\)"),
        (IntegerGradientError, np.array([True]), "x has dtype bool"),
        (IntegerGradientError, np.int64(3), "x has dtype int64"),
        (IntegerGradientError, True, "x is a boolean"),
        (IntegerGradientError, {"a": [1.0, np.arange(2)]}, r"x\['a'\]\[1\] has dtype int64"),
        (IntegerGradientError, Params(1.0, (np.True_,)), r"x\._b\[0\] is a boolean"),
        (ArgumentError, "text", "x is of type str.*argnums"),
        (ArgumentError, Params(np.ones(2), 1.0, name="first"), r"x\.name is of type str"),
        pytest.param(
            ArgumentError, [Point(1.0, {3: object()})], r"x\[0\]\.y\[3\] is of type object", id="an object in a nest"
        ),
        (UnsupportedDataError, np.ma.array([1.0], mask=[True]), "x takes plain arrays"),
    ],
    ids=repr,
)
def test_an_argument_without_derivative_is_refused_by_its_path(
    error: type[Exception], argument: Any, words: str
) -> None:
    def f(x: Any) -> Any:
        raise AssertionError

    with pytest.raises(error, match=rf"grad\(f\): {words}"):
        grad(f)(argument)


def test_such_arguments_are_fine_where_they_are_not_differentiated() -> None:
    def f(x: Any, n: Any, name: Any, mask: Any) -> Any:
        return np.sum(x[n] * mask) * len(name)

    assert [4.0, 0.0, 0.0] == grad(f)(np.ones(3), np.array([0, 1]), "four", np.array([True, False])).tolist()


def test_what_is_not_an_ordinary_function_is_refused_at_once() -> None:
    async def later(x: Any) -> Any:
        return x

    with pytest.raises(ArgumentError, match="later is async"):
        grad(later)
    with pytest.raises(ArgumentError, match=r"grad\(f\)\(x\), not grad\(f\(x\)\)"):
        grad(3.0)


def test_an_error_of_the_function_passes_through_unchanged() -> None:
    def f(x: Any) -> Any:
        raise LookupError(x.data)

    with pytest.raises(LookupError, match=r"2\.0"):
        grad(f)(2.0)
    with pytest.raises(TypeError, match="positional argument"):
        grad(square)(1.0, 2.0)


# --- nesting ----------------------------------------------------------------------------------------------------------
def plain(value: Any) -> bool:
    return not isinstance(value, Tensor)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_derivatives_of_any_order_have_their_closed_forms(order: int) -> None:
    x = 0.7
    functions: list[tuple[Callable[[Any], Any], float]] = [
        (lambda x: x**6, math.perm(6, order) * x ** (6 - order)),
        (np.exp, math.exp(x)),
        (np.sin, math.sin(x + order * math.pi / 2)),
        (lambda x: np.exp(-2 * x), (-2) ** order * math.exp(-2 * x)),
        (lambda x: 1 / x, (-1) ** order * math.factorial(order) / x ** (order + 1)),
        (np.log, (-1) ** (order - 1) * math.factorial(order - 1) / x**order),
        (lambda x: np.sum(np.ones(3) * x) ** 4, 81 * math.perm(4, order) * x ** (4 - order)),
    ]
    for f, expected in functions:
        derivative = f
        for _ in range(order):
            derivative = grad(derivative)
        result = derivative(x)

        assert pytest.approx(expected, rel=1e-12) == result
        assert plain(result)


def let(value: Any, body: Callable[[Any], Any]) -> Any:
    """Return the body's result, in which the value has a name."""
    return body(value)


CONFUSING: list[tuple[str, Callable[[Any], Any], Callable[[float], float]]] = [
    ("inner ignores outer", lambda x: x * grad(lambda y: x + y)(x), lambda x: 1.0),
    ("inner ignores outer, raw point", lambda x: x * grad(lambda y: x + y)(1.0), lambda x: 1.0),
    ("product", lambda x: x * grad(lambda y: x * y)(x), lambda x: 2 * x),
    ("product, raw point", lambda x: x * grad(lambda y: x * y)(3.0), lambda x: 2 * x),
    ("power", lambda x: grad(lambda y: x * y**3)(x), lambda x: 9 * x**2),
    ("power, raw point", lambda x: grad(lambda y: x * y**3)(2.0), lambda x: 12.0),
    ("computed point", lambda x: grad(lambda y: y * y * x)(np.sin(x)), lambda x: 2 * math.cos(x) * x + 2 * math.sin(x)),
    ("closed-over value", lambda x: let(np.exp(x), lambda h: grad(lambda y: h * y * y)(x)), lambda x: 2 * math.exp(x) * (1 + x)),
    ("computed point that is closed over", lambda x: let(x * x, lambda h: grad(lambda y: h * y)(h)), lambda x: 2 * x),
    ("closure called inside", lambda x: let(lambda y: x * y, lambda f: grad(lambda z: f(z) * z)(x)), lambda x: 4 * x),
    ("curried", lambda x: grad(let(x, lambda u: lambda v: u * v * v))(x) * x, lambda x: 6 * x**2),
    ("curried twice", lambda x: grad(lambda g: grad(lambda v: g * v * x)(x))(2.0), lambda x: 1.0),
    ("inner constant", lambda x: x * grad(lambda y: 7.0)(x), lambda x: 0.0),
    ("inner result is the outer value", lambda x: grad(lambda y: x)(x) + x, lambda x: 1.0),
    ("three levels", lambda x: grad(lambda y: grad(lambda z: x * y**2 * z**3)(x))(x), lambda x: 24 * x**3),
    ("three levels, raw innermost", lambda x: grad(lambda y: grad(lambda z: x * y**2 * z**3)(2.0))(x), lambda x: 48 * x),
    ("three levels, crossed", lambda x: grad(lambda y: grad(lambda z: x * y + y * z + z * x)(y) * x)(x), lambda x: 1.0),
    ("derivative of a derivative at itself", lambda x: grad(lambda y: grad(lambda z: z**3)(y) * x)(x), lambda x: 12 * x),
    ("siblings", lambda x: grad(lambda y: x * y * y)(x) * grad(lambda z: x + z * z)(x), lambda x: 12 * x**2),
    ("gradient fed to the next", lambda x: let(grad(lambda y: x * y * y)(x), lambda g: grad(lambda y: g * y * x)(1.0)), lambda x: 6 * x**2),
    ("value too", lambda x: value_and_grad(lambda y: x * y)(x)[0] + value_and_grad(lambda y: x * y)(x)[1], lambda x: 2 * x + 1),
    ("aux", lambda x: grad(lambda y: (y * y, x * y), has_aux=True)(x)[1], lambda x: 2 * x),
    ("second argument", lambda x: grad(lambda a, b: a * b * b, 1)(x, x), lambda x: 4 * x),
    ("both arguments", lambda x: sum(grad(lambda a, b: a * b * b, (0, 1))(x, x)), lambda x: 6 * x),
    ("nest", lambda x: grad(lambda p: p["a"] * p["b"] ** 2)({"a": x, "b": x})["b"], lambda x: 4 * x),
    ("stopped", lambda x: grad(lambda y: tape_ad.stop_gradient(x) * y * x)(x), lambda x: x),
    ("branch on a traced value", lambda x: grad(lambda y: x * y if y > 0 else x)(x), lambda x: 1.0),
    ("loop", lambda x: sum(grad(lambda y, k=k: x * y**k)(x) for k in (1, 2, 3)), lambda x: 1 + 4 * x + 9 * x**2),
]  # fmt: skip


@pytest.mark.parametrize(("f", "expected"), [row[1:] for row in CONFUSING], ids=[row[0] for row in CONFUSING])
@pytest.mark.parametrize("x", [0.7, 1.3, 2])
def test_nested_derivatives_are_not_confused(f: Any, expected: Any, x: float) -> None:
    result = grad(f)(x)
    value, same = value_and_grad(f)(x)

    assert pytest.approx(expected(x), rel=1e-12) == result
    assert result == same
    assert plain(result)
    assert plain(value)


SMOOTH = [
    row for row in CONFUSING if row[0] != "stopped"
]  # central differences do not see that a value is held constant


@pytest.mark.parametrize(("f", "expected"), [row[1:] for row in SMOOTH], ids=[row[0] for row in SMOOTH])
def test_nested_derivatives_are_not_confused_one_level_further_in(f: Any, expected: Any) -> None:
    """The derivative of the derivative is that of the closed form, by central differences."""
    x, step = 1.3, 1e-6
    slope = (expected(x + step) - expected(x - step)) / (2 * step)

    assert pytest.approx(slope, rel=1e-7, abs=1e-7) == grad(grad(f))(x)
    assert pytest.approx(slope, rel=1e-7, abs=1e-7) == grad(lambda y: y * grad(grad(f))(x))(3.0)


def test_the_hessian_of_a_function_of_an_array_by_nesting() -> None:
    a = np.array([[2.0, 1.0], [1.0, 3.0]])
    point, direction = np.array([0.5, -1.0]), np.array([1.0, 2.0])

    def f(x: Any) -> Any:
        return x @ a @ x + np.sum(x**3)

    result = grad(lambda x: grad(f)(x) @ direction)(point)

    np.testing.assert_allclose(result, (2 * a + np.diag(6 * point)) @ direction, rtol=1e-14)
    assert plain(result)


@given(programs(max_steps=4), st.integers(0, 99))
def test_a_transform_within_a_transform_changes_no_gradient(program: Program, seed: int) -> None:
    """Euler's rule for s -> f(s x) at s = 1: the inner gradient at x, with the outer argument in its way."""
    points = point_of(program, seed)
    positions = tuple(range(len(points)))
    direct = grad(program, positions)(*points)
    expected = sum(float(np.sum(g * p)) for g, p in zip(direct, points, strict=True))

    def through(s: Any) -> Any:
        return program(*[s * p for p in points])

    assert pytest.approx(expected, rel=1e-9, abs=1e-9) == float(grad(through)(1.0))


# --- tensors from outside ---------------------------------------------------------------------------------------------
def test_a_result_is_a_tensor_exactly_when_it_depends_on_a_tensor_of_the_users() -> None:
    w = Tensor(2.0, autograd=True)
    dependent = grad(lambda x: w * x * x)(3.0)
    value, independent = value_and_grad(lambda x: w + x * x)(3.0)

    assert (12.0, 8.0) == (dependent.data, value.data + independent - 9.0)
    assert 6.0 == dependent.backward()[w]
    assert 1.0 == value.backward()[w]
    assert plain(independent)
    assert plain(grad(lambda x: tape_ad.stop_gradient(w) * x)(3.0))
    assert plain(grad(lambda x: w.data * x)(3.0))
    assert plain(grad(lambda x: Tensor(4.0) * x)(3.0))


def test_an_argument_may_be_a_tensor_and_outer_derivatives_flow_through() -> None:
    w = Tensor([1.0, 2.0], autograd=True)
    gradient = grad(lambda x: np.sum(x**3))(w)

    assert isinstance(gradient, Tensor)
    assert [3.0, 12.0] == gradient.data.tolist()
    assert [6.0, 12.0] == gradient.backward([1.0, 1.0])[w].tolist()
    assert plain(grad(lambda x: np.sum(x**3))(Tensor([1.0, 2.0])))


def test_an_auxiliary_result_that_depends_on_the_outside_stays_a_tensor() -> None:
    w = Tensor(2.0, autograd=True)
    _, aux = grad(lambda x: (x * x, {"mine": x * 3, "outer": w * x}), has_aux=True)(3.0)

    assert plain(aux["mine"])
    assert 3.0 == aux["outer"].backward()[w]


def test_inside_the_outer_function_results_of_independent_inner_calls_are_plain() -> None:
    kinds: list[bool] = []

    def outer(x: Any) -> Any:
        inner = grad(lambda y: y**3)(2.0)
        kinds.append(plain(inner))
        dependent = grad(lambda y: y**3 * x)(2.0)
        kinds.append(plain(dependent))
        return x * inner + dependent

    assert 12.0 + 12.0 == grad(outer)(1.5)
    assert [True, False] == kinds


def test_the_tape_of_an_inner_result_leads_to_the_outer_tensor() -> None:
    w = Tensor(2.0, autograd=True)
    tape = Tape.of(grad(lambda x: w * x * x)(3.0))

    assert w in set(tape.leaves)
    assert "argument" in str(tape)


@pytest.mark.parametrize(
    "outer",
    [
        lambda inner: tape_ad.grad(inner)(2.0),
        lambda inner: tape_ad.jacobian(inner)(2.0),
        lambda inner: tape_ad.vjp(inner, 2.0),
        lambda inner: tape_ad.vmap(inner)(np.ones(2)),
    ],
)
def test_an_argument_of_a_transform_that_another_one_calls_was_made_in_the_users_file(outer: Any) -> None:
    seen: list[Tensor] = []

    def f(x: Any) -> Any:
        seen.append(x)
        return x**3

    outer(grad(f))

    assert all(str(t.made_at).rpartition(":")[0] == __file__ for t in seen)


def test_a_checkpoint_of_nested_transforms_finds_the_same_places_again() -> None:
    assert 48.0 == grad(tape_ad.checkpoint(grad(grad(lambda x: x**4))))(2.0)
