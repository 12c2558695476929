"""`jacobian` and its kin: all derivatives at once, by either mode, of nests, of complex numbers, of nothing."""

import functools
import pickle
from typing import Any

import numpy as np
import pytest

import tape_ad
from tape_ad import (
    ArgumentError,
    BufferChangedError,
    IntegerGradientError,
    NotScalarError,
    Tensor,
    hessian,
    jacfwd,
    jacobian,
    jacrev,
)  # fmt: skip
from tests.test_transform_laws import assert_own, assert_same, central, jacobian_of, leaves, normal

ggnvp: Any = tape_ad.ggnvp
hvp: Any = tape_ad.hvp
vhp: Any = tape_ad.vhp
MODES = pytest.mark.parametrize("transform", [jacobian, jacfwd, jacrev])
X, WEIGHTS = normal(3), normal(2, 3)
Z = X + 1j * normal(3, seed=1)


def affine(w: Any, x: Any, *, scale: Any = 2.0) -> Any:
    return scale * (w @ x)


def square(x: Any) -> Any:
    return x * x


# --- values -----------------------------------------------------------------------------------------------------------
@MODES
@pytest.mark.parametrize(
    ("shape", "f"),
    [
        ((), square), ((), lambda x: np.stack([x, x**3])), ((3,), lambda x: np.sum(np.sin(x))), ((3,), lambda x: np.tanh(WEIGHTS @ x)),
        ((2, 3), lambda x: np.sin(x).T), ((2, 3), lambda x: x[0] * x[1]), ((2, 3), np.prod), ((3,), lambda x: x[None, :] * x[:, None]), ((1,), lambda x: x[0] * x),
        ((3,), lambda x: np.exp(1j * x) * x[0]), ((3,), lambda x: np.cumsum(x)[::-1] + np.std(x)),
    ],
)  # fmt: skip
def test_the_derivatives_are_the_central_differences(transform: Any, shape: tuple[int, ...], f: Any) -> None:
    x = normal(*shape)

    assert_same(jacobian_of(f, x), transform(f)(x if shape else float(x)), 1e-6)
    assert_own(transform(f)(x), x)


@MODES
def test_nests_give_nests(transform: Any) -> None:
    def f(p: Any) -> Any:
        return {"sum": np.sum(p["a"]) * p["b"][0], "pair": (p["a"] * 2, [p["b"][1]])}

    found = transform(f)({"a": X, "b": (2.0, normal(2))})

    assert_same({"a": np.full(3, 2.0), "b": (np.sum(X), np.zeros(2))}, found["sum"])
    assert_same({"a": 2 * np.eye(3), "b": (np.zeros(3), np.zeros((3, 2)))}, found["pair"][0])
    assert_same({"a": np.zeros((2, 3)), "b": (np.zeros(2), np.eye(2))}, found["pair"][1][0])
    assert_own(found)


@MODES
@pytest.mark.parametrize(
    ("argnums", "pick"), [(0, 0), (1, 1), (-1, 1), ("x", 1), ("w", 0), ((0, 1), (0, 1)), (("x", "w"), (1, 0)), ("scale", 2), ((1, "scale"), (1, 2))]
)  # fmt: skip
def test_argnums_are_positions_and_names(transform: Any, argnums: Any, pick: Any) -> None:
    by_w = 2 * np.stack([np.stack([X, 0 * X]), np.stack([0 * X, X])])
    everything = (by_w, 2 * WEIGHTS, WEIGHTS @ X)
    expected = tuple(everything[i] for i in pick) if isinstance(pick, tuple) else everything[pick]

    assert_same(expected, transform(affine, argnums)(WEIGHTS, X, scale=2.0))


@MODES
@pytest.mark.parametrize("f", [lambda x: 3.0, lambda x: np.ones((2, 2)), lambda x: np.arange(2), lambda x: x > 0, np.argmax, lambda x: {"a": (1.0, None)}])  # fmt: skip
def test_results_that_ignore_the_argument_have_zeros(transform: Any, f: Any) -> None:
    expected = [np.zeros((*np.shape(leaf), 3)) for leaf in leaves(f(X))]

    assert_same(expected, leaves(transform(f)(X)))


@MODES
def test_empty_arrays_have_empty_derivatives(transform: Any) -> None:
    assert (0, 0) == transform(square)(np.zeros(0)).shape
    assert (2, 0) == transform(lambda x: np.ones(2) * np.sum(x))(np.zeros(0)).shape
    assert (0, 3) == transform(lambda x: x[:0])(X).shape
    assert (0, 0) == hessian(lambda x: np.sum(x * x))(np.zeros(0)).shape
    assert_same((np.zeros((3, 0)), np.eye(3)), transform(lambda p: p[1] + np.sum(p[0]))((np.zeros(0), X)))


@MODES
def test_an_auxiliary_result_comes_back_as_arrays(transform: Any) -> None:
    table, aux = transform(lambda x: (x * 2, {"x": x, "text": "text"}), has_aux=True)(X)

    assert_same(2 * np.eye(3), table)
    assert "text" == aux["text"]
    assert_same(X, aux["x"])
    with pytest.raises(NotScalarError, match=r"has_aux=True\) needs a function that returns \(value, aux\)"):
        transform(square, has_aux=True)(X)


# --- dtypes -----------------------------------------------------------------------------------------------------------
@MODES
def test_float32_is_kept(transform: Any) -> None:
    x = X.astype("float32")
    for f in (square, lambda x: 2.5 * x, np.sum, lambda x: x * np.float32(2)):
        assert np.float32 == transform(f)(x).dtype


@pytest.mark.parametrize("f", [lambda x: x * np.ones(3), lambda x: np.ones(3)])
def test_both_modes_have_one_dtype_where_argument_and_result_differ(f: Any) -> None:
    x = X.astype("float32")

    assert jacrev(f)(x).dtype == jacfwd(f)(x).dtype == np.float32


def test_a_real_result_beside_a_complex_one_has_real_derivatives() -> None:
    for transform in (jacfwd, jacrev):
        assert [np.float64, np.complex128] == [d.dtype for d in transform(lambda x: (x * 2, x * 1j))(X)]


@MODES
def test_a_scalar_of_a_scalar_has_a_scalar_derivative(transform: Any) -> None:
    assert np.float64 is type(transform(square)(3.0))


# --- complex numbers --------------------------------------------------------------------------------------------------
@MODES
@pytest.mark.parametrize(
    "f", [lambda z: np.abs(z) ** 2, np.real, lambda z: np.imag(z * z), lambda z: np.stack([np.real(z[0] * z[1]), np.imag(z[2] * np.conj(z[0]))])]
)  # fmt: skip
def test_a_real_result_of_complex_arguments_has_the_slope_along_re_less_i_times_that_along_im(
    transform: Any, f: Any
) -> None:
    along_re = jacobian_of(lambda a: f(a + 1j * Z.imag), Z.real)
    along_im = jacobian_of(lambda a: f(Z.real + 1j * a), Z.imag)

    assert_same(along_re - 1j * along_im, transform(f)(Z), 1e-6)


@MODES
def test_a_holomorphic_function_has_complex_derivatives_if_it_is_said_to_be_one(transform: Any) -> None:
    def f(z: Any) -> Any:
        return np.exp(z) * z[0]

    expected = np.stack([central(f, [Z], [unit]) for unit in np.eye(3)], axis=1)

    assert_same(expected, transform(f, holomorphic=True)(Z), 1e-6)
    assert_same(1j * expected, np.stack([central(f, [Z], [1j * unit]) for unit in np.eye(3)], axis=1), 1e-6)
    with pytest.raises(ArgumentError, match=r"jacobian\(f\).*Pass holomorphic=True"):
        transform(f)(Z)


@MODES
def test_real_and_complex_arguments_and_results_may_be_mixed(transform: Any) -> None:
    found = transform(lambda p: np.abs(p[0]) * p[1])((Z, X))

    assert_same((np.diag(np.conj(Z) / np.abs(Z) * X), np.diag(np.abs(Z))), found)


# --- tensors from outside ---------------------------------------------------------------------------------------------
@MODES
def test_a_result_is_a_tensor_where_it_depends_on_a_tensor_of_the_users(transform: Any) -> None:
    w = Tensor(X, autograd=True)
    dependent = transform(lambda x: np.sin(x) * w)(X)

    assert isinstance(dependent, Tensor)
    assert_same(np.cos(X), dependent.backward(np.ones((3, 3)))[w])
    assert isinstance(transform(lambda x: x**3)(w), Tensor)
    assert_same(np.diag(3 * X**2), transform(lambda x: w + x**3)(X))
    assert_same(np.diag(3 * X**2), transform(lambda x: x**3)(Tensor(X)))


@pytest.mark.parametrize("transform", [jacfwd, jacrev])  # fmt: skip
def test_each_part_is_a_tensor_only_where_it_depends_on_the_outside_itself(transform: Any) -> None:
    w = Tensor(X, autograd=True)
    found = transform(lambda x: {"free": x * 3, "bound": w * x})(X)

    assert isinstance(found["bound"], Tensor)
    assert_same(3 * np.eye(3), found["free"])


# --- second order -----------------------------------------------------------------------------------------------------
def test_the_hessian_of_nests_is_a_nest_of_nests() -> None:
    found = hessian(lambda p: np.sum(p["a"] ** 2) * p["b"])({"a": X, "b": 2.0})

    assert_same({"a": {"a": 4 * np.eye(3), "b": 2 * X}, "b": {"a": 2 * X, "b": 0.0}}, found)


def test_the_hessian_hands_on_what_else_the_function_returns() -> None:
    found, aux = hessian(lambda x: (np.sum(x**3), {"mean": np.mean(x)}), has_aux=True)(X)

    assert_same(np.diag(6 * X), found)
    assert {"mean": np.mean(X)} == aux


def test_the_hessian_of_a_holomorphic_function_is_its_second_derivative() -> None:
    z = X + 1j
    found = hessian(lambda z: z[0] ** 2 * z[1], holomorphic=True)(z)
    expected = np.zeros((X.size, X.size), complex)
    expected[0, 0], expected[0, 1], expected[1, 0] = 2 * z[1], 2 * z[0], 2 * z[0]

    assert_same(expected, found)


def test_the_hessian_takes_argnums() -> None:
    def f(w: Any, x: Any) -> Any:
        return np.sum((w @ x) ** 2)

    both = hessian(f, (0, 1))(WEIGHTS, X)

    assert_same(2 * WEIGHTS.T @ WEIGHTS, hessian(f, 1)(WEIGHTS, X))
    assert_same(hessian(f, "x")(WEIGHTS, x=X), both[1][1])
    assert_same(np.moveaxis(both[1][0], 0, -1), both[0][1])


@pytest.mark.parametrize("product", [hvp, vhp])
def test_products_have_the_shape_of_their_primals(product: Any) -> None:
    f = lambda x, y: np.sum(x**2) * y["k"]  # noqa: E731 - a lambda among the functions that transforms take
    found = product(f, (X, {"k": 3.0}), (X, {"k": 1.0}))

    assert_same((6 * X + 2 * X, {"k": 2 * np.sum(X * X)}), found)
    assert_same(6 * X * X, product(lambda x: np.sum(x**3), (X,), (X,)))
    assert_own(product(lambda x: np.sum(x**3), (X,), (X,)), X)


# --- functions and records --------------------------------------------------------------------------------------------
class Model:
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, x: Any) -> Any:
        return self.factor * x

    def method(self, x: Any, *, power: Any = 1.0) -> Any:
        return self.factor * x**power

    slope = jacobian(lambda self, x: self.factor * x, 1)
    gradient = tape_ad.grad(lambda self, x: self.factor * x, 1)
    mapped = tape_ad.vmap(lambda self, x: self.factor * x, (None, 0))


@MODES
def test_whatever_can_be_called_has_a_jacobian(transform: Any) -> None:
    model = Model(3.0)

    assert_same(3 * np.eye(3), transform(model)(X))
    assert_same(3 * np.eye(3), transform(model.method)(X))
    assert_same(np.diag(6 * X), transform(functools.partial(model.method, power=2.0))(X))
    assert_same(3 * 2.0**2 * np.log(2.0), transform(model.method, "power")(2.0, power=2.0))
    assert_same(3 * 2.0 * np.log(2.0), transform(model.method, "power")(2.0))


def test_a_transform_in_a_class_body_is_a_method() -> None:
    model = Model(3.0)

    assert_same(3.0, model.slope(1.0))
    assert_same(3.0, model.gradient(1.0))
    assert_same(3 * X, model.mapped(X))
    assert "Jacobian(fun=<lambda>, argnums=1)" == repr(Model.slope)


@pytest.mark.parametrize(
    ("record", "text", "name"),
    [
        (jacobian(square), "Jacobian(fun=square, argnums=0)", "jacobian(square)"), (jacfwd(square, (0,)), "Jacobian(fun=square, argnums=(0,), mode='fwd')", "jacobian(square)"),
        (jacrev(square, "x", has_aux=True, holomorphic=True), "Jacobian(fun=square, argnums='x', mode='rev', has_aux=True, holomorphic=True)", "jacobian(square)"),
        (hessian(square), "Jacobian(fun=grad(square), argnums=0, mode='fwd')", "jacobian(grad(square))"),
        (tape_ad.elementwise_grad(square), "ElementwiseGradient(fun=square, argnums=0)", "elementwise_grad(square)"),
    ],
)  # fmt: skip
def test_a_transform_is_a_record(record: Any, text: str, name: str) -> None:
    back = pickle.loads(pickle.dumps(record))  # noqa: S301 - our own bytes

    assert text == repr(record)
    assert name == record.__name__
    assert record == back
    assert hash(record) == hash(back)
    assert record != jacobian(affine)
    with pytest.raises(AttributeError):
        record.fun = affine


# --- refusals ---------------------------------------------------------------------------------------------------------
def test_modes_are_three() -> None:
    wrong: Any = "up"
    with pytest.raises(ArgumentError, match=r'mode is "auto", "fwd" or "rev", but got \'up\''):
        jacobian(square, mode=wrong)


@MODES
@pytest.mark.parametrize(
    ("error", "f", "argument", "words"),
    [
        (IntegerGradientError, square, np.arange(3), r"jacobian\(square\): x has dtype int64.*x\.astype\(float\)"), (IntegerGradientError, square, {"a": [1.0, np.arange(2)]}, r"x\['a'\]\[1\] has dtype int64"),
        (ArgumentError, square, "text", "x is of type str"), (ArgumentError, lambda x: "text", 1.0, r"the result of <lambda>\(\) is of type str.*has_aux=True"), (ArgumentError, lambda x: {"a": (x, "text")}, 1.0, r"result\['a'\]\[1\]"),
    ],
)  # fmt: skip
def test_what_has_no_derivative_is_refused_by_its_path(
    transform: Any, error: Any, f: Any, argument: Any, words: str
) -> None:
    with pytest.raises(error, match=words):
        transform(f)(argument)


@MODES
def test_a_large_argument_that_the_function_changes_is_noticed(transform: Any) -> None:
    big = np.ones(20_000)

    def f(x: Any, y: Any) -> Any:
        big[0] += 1
        return x * np.sum(y)

    with pytest.raises(BufferChangedError, match=r"argument of shape \(20000,\) has been changed in place"):
        transform(f)(1.0, big)


@pytest.mark.parametrize(
    ("error", "call", "words"),
    [
        (ArgumentError, lambda: hvp(np.sum, X, X), r"hvp\(sum, …\) takes primals as a tuple.*ndarray. Write \(x,\)"), (ArgumentError, lambda: vhp(np.sum, X, X), r"vhp\(sum, …\) takes"),
        (ArgumentError, lambda: ggnvp(np.sum, X, X), r"ggnvp\(sum, …\) takes"), (ArgumentError, lambda: hvp(np.sum, (X,), (X, X)), "1 primals, but 2 tangents"), (ArgumentError, lambda: hvp(np.sum, (X,), X), "takes tangents as a tuple"),
        (NotScalarError, lambda: hvp(square, (X,), (X,)), r"one scalar result, but square\(\) returned shape \(3,\)"), (NotScalarError, lambda: vhp(square, (X,), (X,)), "one scalar"), (NotScalarError, lambda: hessian(square)(X), "one scalar"),
        (NotScalarError, lambda: ggnvp(square, (X,), (X,), square), "one scalar"), (ArgumentError, lambda: hvp(np.sum, (), ()), "at least one primal"),
        (NotScalarError, lambda: tape_ad.elementwise_grad(lambda x: (x, x))(X), r"returns one array, but <lambda>\(\) returned a tuple of 2"), (NotScalarError, lambda: tape_ad.elementwise_grad(lambda x: None)(X), "returned None"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(error: Any, call: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_real_argument_of_a_holomorphic_function_is_refused_by_its_path() -> None:
    with pytest.raises(ArgumentError, match=r"p\['a'\] has dtype float64.*p\['a'\] \+ 0j"):
        tape_ad.grad(lambda p: p["z"] * p["a"], holomorphic=True)({"z": 1 + 1j, "a": 2.0})
    with pytest.raises(NotScalarError, match=r"returned a complex one.*jacobian"):
        tape_ad.elementwise_grad(lambda x: np.exp(1j * x))(X)
