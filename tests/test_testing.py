"""`check_grads`: it is content with right derivatives, and says of wrong ones where they are and what is there."""

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from attrs import evolve, frozen
from hypothesis import given, settings, strategies as st

import tape_ad
from tape_ad import ArgumentError, Tensor, custom_jvp, custom_vjp, jacobian, stop_gradient, vmap
from tape_ad._core import TABLE
from tape_ad.testing import check_grads

X = np.array([0.3, -1.2, 2.0])
WRONG = evolve(TABLE["sin"], partials=(lambda xp, out, x: 1.001 * xp.cos(x),))


@frozen
class Layer:
    w: Any
    b: Any


@frozen
class Params:
    layers: tuple[Layer, ...]


PARAMS = Params((Layer(np.arange(6.0).reshape(3, 2) / 10, 1.0),))


def relu_of_a_framework(x: Any) -> Any:
    return np.maximum(x, 0)


RELU: Any = custom_jvp(relu_of_a_framework).defjvp(
    lambda primals, tangents: (np.maximum(primals[0], 0), tangents[0] * (primals[0] > 0))
)


def _message(f: Callable[..., Any], args: Any, error: type[Exception] = AssertionError, **how: Any) -> str:
    with pytest.raises(error) as caught:
        check_grads(f, args, **how)
    return str(caught.value)


# --- content --------------------------------------------------------------------------------------------------------
RIGHT: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "an array": (lambda x: np.sin(x) * x, (X,)),
    "Python's numbers": (lambda x, y: x**y, (2.0, 3.0)),
    "a record of layers": (lambda x, p: np.tanh(p.layers[0].w.T @ x + p.layers[0].b), (X, PARAMS)),
    "a nest for a result": (lambda x: {"a": x**2, "b": (np.sum(x), [x[0]])}, (X,)),
    "constants beside what varies": (
        lambda d, n: d["x"] ** n if d["kind"] == "power" else 0.0,
        ({"x": X, "kind": "power", "none": None, "k": np.arange(3)}, 3),
    ),
    "tensors for arguments": (lambda x, y: np.sum(x * y), (Tensor(X), Tensor(X, autograd=True))),
    "an argument that does not matter": (lambda x, y: x * 2, (X, X)),
    "a result that is an integer beside": (lambda x: (np.argmax(x), np.max(x)), (X,)),
    "a holomorphic function": (lambda z: z**2 * np.exp(z), (np.array([1 + 2j, 0.3 - 1j]),)),
    "functions that are not": (lambda z: (np.conj(z) * z, np.abs(z), np.real(z)), (np.array([1 + 2j, 0.3 - 1j]),)),
    "complex and real": (lambda z, x: z * x, (1 + 2j, X)),
    "single precision": (lambda x: np.sum(np.sin(x) ** 2), (X.astype(np.float32),)),
    "half precision": (lambda x: np.sum(np.sin(x) ** 2), (X.astype(np.float16),)),
    "single precision inside": (lambda x: np.sum(np.sin(np.astype(x, np.float32)) ** 2), (X,)),
    "complex numbers of single precision": (lambda z: z**2, (np.array([1 + 2j], np.complex64),)),
    "an inflection at zero": (lambda x: x**3, (0.0,)),
    "near the edge of a domain": (np.log, (1e-4,)),
    "near a kink": (lambda x: np.abs(x - 1e-6), (0.0,)),
    "a steep slope": (lambda x: np.tanh(1e5 * x), (0.0,)),
    "large numbers": (lambda x: np.sum(x**2), (1e6 * X,)),
    "large values": (lambda x: 1e9 * np.sum(x**2), (X,)),
    "an empty array": (np.sum, (np.ones((0, 3)),)),
    "more elements than are tried one by one": (lambda x: np.sum(x**3), (np.linspace(-1, 1, 500).reshape(20, 25),)),
    "a batch": (vmap(lambda row: row / np.sum(row)), (np.array([[1.0, 2.0], [3.0, 4.0]]),)),
    "a derivative": (jacobian(lambda x: x**3), (X,)),
    "an op": (tape_ad.tanh, (X,)),
    "a function without a signature": (functools.partial(np.multiply, 2.0), (X,)),
}


@pytest.mark.parametrize("what", RIGHT)
@pytest.mark.parametrize("modes", [("fwd", "rev"), ("fwd",), ("rev",)], ids="+".join)
def test_what_is_right_passes_in_both_orders_and_every_mode(what: str, modes: Any) -> None:
    f, args = RIGHT[what]

    check_grads(f, args, modes=modes)


@settings(max_examples=50, deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_smooth_functions_pass_wherever_they_are_tried(x: float, y: float) -> None:
    check_grads(lambda x, y: np.tanh(x) * y + np.sqrt(1 + x * x + y * y), (x, y))


@pytest.mark.parametrize(
    "f", [np.abs, lambda x: np.maximum(x, 0), lambda x: np.clip(x, 0, 1), lambda x: np.maximum(x, -x)]
)
def test_a_kink_of_this_library_is_its_symmetric_derivative(f: Callable[..., Any]) -> None:
    check_grads(f, (np.zeros(2),), order=1)


def test_the_arguments_stay_what_they_were() -> None:
    x, log = X.copy(), [1.0]
    check_grads(lambda x, log: x * log[0], (x, log))

    assert x.flags.writeable
    assert (X.tobytes(), [1.0]) == (x.tobytes(), log)


# --- what is wrong, and where ---------------------------------------------------------------------------------------
def test_the_message_names_argument_path_element_and_both_numbers() -> None:
    def loss(x: Any, params: Params) -> Any:
        return np.sum(WRONG(params.layers[0].w - PARAMS.layers[0].w) @ np.ones(2)) + 0 * np.sum(x)

    forward = _message(loss, (X, PARAMS), modes=("fwd",))
    reverse = _message(loss, (X, PARAMS), modes=("rev",))

    assert (
        "loss: result, along argument 1 (params).layers[0].w, element (0, 0): forward mode gives 1.001, "
        "central differences 1 (step 1e-05). The left and the right difference agree (1 and 1), so there is no kink: a rule is "
        "wrong, or a dependence is lost (stop_gradient, t.data)."
    ) == forward
    assert (
        "loss: argument 1 (params).layers[0].w, element (0, 0): reverse mode gives 1.001, central differences 1 (step 1e-05)."
    ) == reverse[: len(forward)].split(" The left")[0]


@pytest.mark.parametrize("modes", [("fwd",), ("rev",)])
def test_a_wrong_element_is_named_in_nests_of_arguments_and_results(modes: Any) -> None:
    def f(d: Any) -> Any:
        return {"out": np.where(np.arange(4).reshape(2, 2) == 3, WRONG(d["x"][0]), np.sin(d["x"][0]))}

    said = _message(f, ({"x": (np.ones((2, 2)),)},), modes=modes)

    assert "argument 0 (d)['x'][0], element (1, 1)" in said
    assert modes == ("rev",) or "f: result['out'], element (1, 1), along" in said


def test_a_lost_dependence_is_found() -> None:
    assert "gives 3, central differences 6" in _message(lambda x: stop_gradient(x) * x, (3.0,))


def test_the_second_order_is_named_as_such() -> None:
    flat = evolve(TABLE["sin"], partials=(lambda xp, out, x: np.cos(x.data if isinstance(x, Tensor) else x),))

    def f(x: Any) -> Any:
        return flat(x) * x

    check_grads(f, (X,), order=1)
    assert "f, second order: gradient of argument 0 (x), element (0,), along argument 0 (x)" in _message(f, (X,))
    assert "f, second order: tangent of the result, element (0,), along" in _message(f, (X,), modes=("fwd",))


def test_a_rule_that_is_not_linear_is_found() -> None:
    squared: Any = custom_vjp(np.sin).defvjp(lambda x: (np.sin(x), x), lambda x, ct: (np.cos(x) * ct * np.abs(ct),))

    assert "reverse mode, with random cotangents," in _message(squared, (X,), modes=("rev",))


def test_modes_that_are_no_transposes_of_each_other_are_found_where_differences_are_too_coarse() -> None:
    cumsum = TABLE["cumsum"]
    nearly = evolve(cumsum, vjps=(lambda xp, ct, out, x, **params: (1 + 1e-8) * xp.flip(xp.cumsum(xp.flip(ct))),))

    assert "argument 0 (x): forward and reverse mode are not transposes" in _message(nearly, (X,), order=1)


def test_a_wrong_element_among_many_is_found() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.where(np.arange(2000) == 1234, WRONG(x), np.sin(x)))

    assert "f: all elements of all arguments together:" in _message(f, (np.zeros(2000),))


# --- what is there --------------------------------------------------------------------------------------------------
def test_a_point_on_a_kink_is_said_to_be_one() -> None:
    said = _message(RELU, (np.array([1.0, 0.0]),), order=1)

    assert "element (1,): forward mode gives 0, central differences 0.5" in said
    assert said.endswith(
        "The left and the right difference are 0 and 1: the point sits on a kink, where this library gives the symmetric derivative."
    )
    assert "are -1 and 1: the point sits on a kink" in _message(
        custom_jvp(np.abs).defjvp(lambda p, t: (np.abs(p[0]), t[0])), (0.0,), order=1
    )


@pytest.mark.parametrize("modes", [("fwd",), ("rev",)])
def test_a_jump_and_the_edge_of_a_domain_are_told_from_a_kink(modes: Any) -> None:
    jump = _message(lambda x: np.floor(x) * x, (2.0,), modes=modes)
    edge = _message(np.sqrt, (np.array([0.0, 1.0]),), modes=modes)
    second = _message(lambda x: np.abs(x) * 1.0, (0.0,), modes=("rev",))

    assert "The values beside it are 1.99998 and 4.00004: the point sits on a jump" in jump
    assert "element (0,)" in edge
    assert "the point sits at the edge of the domain" in edge
    assert "infinite slope met a zero" in _message(lambda x: np.sqrt(x**4), (0.0,), modes=modes)
    assert "second order" in second
    assert "The values beside it are -1 and 1: the point sits on a jump; at second order, on a kink" in second


# --- what cannot be checked -----------------------------------------------------------------------------------------
def test_values_that_are_not_finite_are_named() -> None:
    assert "<lambda>: result['v'], element (1,) is nan: the value at the point itself" in _message(
        lambda x: {"v": np.log(x)}, (np.array([1.0, -1.0]),)
    )
    assert "result, element (0,) is inf" in _message(lambda x: 1 / (x - x), (X,))
    assert "argument 0 (x)[1], element (2,) is nan: choose a point" in _message(
        lambda x: x[1], ([X, np.array([1.0, 2.0, np.nan])],)
    )


def test_a_function_that_changes_from_call_to_call_is_named() -> None:
    rng = np.random.default_rng(0)
    said = _message(lambda x: {"noise": x * rng.standard_normal()}, (1.0,))

    assert re.search(
        r"result\['noise'\]: called twice, it gave \S+ and \S+\. It must not depend on anything that", said
    )


def test_a_function_that_computes_otherwise_for_tensors_is_named() -> None:
    said = _message(lambda x: x * 2 if isinstance(x, Tensor) else x, (3.0,))

    assert "result: called with arrays it gives 3, with tensors 6." in said


REFUSED: dict[str, tuple[Callable[[], None], str]] = {
    "integers": (
        lambda: check_grads(lambda x, n: x * n, (np.arange(3), 2)),
        r"argument 0 \(x\) has dtype int64, argument 1 \(n\) is of type int\. Convert first: x\.astype\(float\)",
    ),
    "no arguments": (lambda: check_grads(lambda: 1.0, ()), "there is no argument"),
    "integer results": (lambda: check_grads(np.argmax, (X,)), "returned no floating-point numbers"),
    "no result": (lambda: check_grads(lambda x: None, (X,)), "returned no floating-point numbers"),
    "a result of text": (lambda: check_grads(lambda x: "x", (X,)), r"<lambda>\(\) returned a str"),
    "args that are no tuple": (lambda: check_grads(np.sin, X), r"but got ndarray\. Write \(x,\)"),  # type: ignore[arg-type]  # refused
    "no function": (lambda: check_grads(3, (X,)), "takes a function, but got int"),  # type: ignore[arg-type]  # refused
    "an order": (lambda: check_grads(np.sin, (X,), order=3), "order is 1 or 2, but got 3"),  # type: ignore[arg-type]  # refused
    "a mode": (lambda: check_grads(np.sin, (X,), modes="fwd"), "but got 'fwd'"),  # type: ignore[arg-type]  # refused
    "another mode": (lambda: check_grads(np.sin, (X,), modes=("all",)), "all"),  # type: ignore[arg-type]  # refused
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_checked_is_refused_with_a_reason(what: str) -> None:
    call, text = REFUSED[what]

    with pytest.raises(ArgumentError, match=text):
        call()


def test_a_function_cannot_write_into_its_arguments() -> None:
    def writes(x: Any) -> Any:
        x[0] = 1.0
        return x

    with pytest.raises(ValueError, match="read-only"):
        check_grads(writes, (X,))
