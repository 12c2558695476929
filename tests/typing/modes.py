# pyright: strict
"""What the transforms other than `grad` and `value_and_grad` give and refuse."""

from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
from attrs import frozen

from tape_ad import (
    Tensor,
    checkpoint,
    custom_jvp,
    custom_vjp,
    elementwise_grad,
    ggnvp,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linear_transpose,
    linearize,
    stop_gradient,
    vhp,
    vjp,
    vmap,
)
from tape_ad.testing import check_grads
from tape_ad.transforms import Checkpoint, CustomJvp, CustomVjp, Jacobian, Linearized, LinearTranspose, Pullback

Array = npt.NDArray[np.float64]
X = np.ones(2)
Z = np.ones(2, complex)


@frozen
class Params:
    """Weights as a frozen record of arrays."""

    w: Array
    b: Array


PARAMS = Params(w=np.ones(2), b=np.zeros(2))


def loss(params: Params, x: Array) -> float:
    total: float = np.sum((params.w * x + params.b) ** 2)
    return total


def prediction(params: Params, x: Array) -> Array:
    return params.w * x + params.b


def prediction_and_text(params: Params, x: Array) -> tuple[Array, str]:
    return prediction(params, x), "text"


def both(x: Array) -> tuple[Array, float]:
    total: float = np.sum(x)
    return x * 2, total


def scaled(x: Array, factor: float = 1.0) -> Array:
    return x * factor


def energy_and_text(x: Array) -> tuple[float, str]:
    return energy(x), "text"


def energy(x: Array) -> float:
    total: float = np.sum(x**3)
    return total


def power(z: Any) -> Any:
    return np.sum(z**2)


# --- grad -----------------------------------------------------------------------------------------------------------
def accepted_names_and_other_positions_choose_arguments() -> None:
    assert_type(grad(loss, "x")(PARAMS, X), Any)
    assert_type(grad(loss, argnums=-1)(PARAMS, X), Any)
    assert_type(grad(loss, argnums=("params", "x"))(PARAMS, X), Any)
    assert_type(grad(power, holomorphic=True)(Z), Any)


def accepted_elementwise_gradients_have_the_type_of_the_argument() -> None:
    assert_type(elementwise_grad(scaled)(X), Array)
    assert_type(elementwise_grad(scaled)(X, factor=2.0), Array)
    assert_type(elementwise_grad(scaled, 1)(X, 2.0), Any)


def rejected_wrong_gradients() -> None:
    grad(loss, argnum=0)  # E: mypy[call-overload] pyright[reportCallIssue]
    grad(power, holomorphic="yes")  # E: mypy[call-overload] pyright[reportArgumentType]
    elementwise_grad(scaled)("x")  # E: mypy[arg-type] pyright[reportArgumentType]
    elementwise_grad(scaled)(X, scale=2.0)  # E: mypy[call-arg] pyright[reportCallIssue]
    elementwise_grad(X)  # E: mypy[call-overload] pyright[reportCallIssue, reportArgumentType]


# --- both modes as values -------------------------------------------------------------------------------------------
def accepted_vjp_gives_the_value_and_a_pullback_of_its_type() -> None:
    value, pullback = vjp(prediction, PARAMS, X)
    assert_type(value, Array)
    assert_type(pullback, Pullback[Array])
    assert_type(pullback(X), tuple[Any, ...])
    nested, pull_nested = vjp(both, X)
    assert_type(nested, tuple[Array, float])
    assert_type(pull_nested((X, 1.0)), tuple[Any, ...])
    third = vjp(prediction_and_text, PARAMS, X, has_aux=True)
    assert_type(third, tuple[Array, Pullback[Array], str])


def accepted_jvp_gives_a_value_and_a_tangent_of_one_type() -> None:
    assert_type(jvp(prediction, (PARAMS, X), (PARAMS, X)), tuple[Array, Array])
    assert_type(jvp(both, [X], [X]), tuple[tuple[Array, float], tuple[Array, float]])
    assert_type(jvp(prediction_and_text, (PARAMS, X), (PARAMS, X), has_aux=True), tuple[Array, Array, str])


def accepted_linearized_functions_take_tangents_of_the_arguments_types() -> None:
    value, linearized = linearize(prediction, PARAMS, X)
    assert_type(value, Array)
    named: Linearized[[Params, Array], Array] = linearized
    assert_type(named(PARAMS, X), Array)
    assert_type(linearized(PARAMS, X), Array)


def accepted_transposes_take_cotangents_of_the_results_type() -> None:
    transpose = linear_transpose(scaled, X)
    assert_type(transpose(X), tuple[Any, ...])
    named: LinearTranspose[..., Array] = transpose
    assert_type(named(X), tuple[Any, ...])


def rejected_modes() -> None:
    _, pullback = vjp(prediction, PARAMS, X)
    pullback("x")  # E: mypy[arg-type] pyright[reportArgumentType]
    pullback(X, X)  # E: mypy[call-arg] pyright[reportCallIssue]
    vjp(prediction, PARAMS, X, has_aux=True)  # E: mypy[call-overload] pyright[reportCallIssue, reportArgumentType]
    vjp(X)  # E: mypy[call-overload] pyright[reportArgumentType]
    jvp(prediction, X)  # E: mypy[call-overload] pyright[reportCallIssue]
    jvp(energy, (X,), 1.0)  # E: mypy[call-overload] pyright[reportArgumentType]
    _, linearized = linearize(prediction, PARAMS, X)
    linearized(X, PARAMS)  # E: mypy[arg-type] pyright[reportArgumentType]
    linearize(prediction, X, X)  # E: mypy[arg-type] pyright[reportArgumentType]
    linearize(prediction, PARAMS)  # E: mypy[call-arg] pyright[reportCallIssue]
    linear_transpose(scaled, "x")  # E: mypy[arg-type] pyright[reportArgumentType]
    linear_transpose(scaled, X)("x")  # E: mypy[arg-type] pyright[reportArgumentType]
    wrong: tuple[Array, str] = jvp(scaled, (X,), (X,))  # E: mypy[arg-type] pyright[reportAssignmentType]
    print(wrong)


# --- all derivatives ------------------------------------------------------------------------------------------------
def accepted_jacobians_keep_the_arguments() -> None:
    named: Jacobian[[Params, Array], Any] = jacobian(prediction)
    assert_type(named(PARAMS, X), Any)
    assert_type(jacobian(prediction)(PARAMS, X), Any)
    jacobian(prediction, argnums=(0, 1), mode="rev")(PARAMS, x=X)
    jacobian(prediction_and_text, "x", has_aux=True)(PARAMS, X)
    assert_type(jacfwd(scaled)(X, factor=2.0), Any)
    assert_type(jacrev(scaled, argnums=0)(X), Any)
    assert_type(hessian(energy)(X), Any)
    assert_type(hessian(energy_and_text, has_aux=True)(X), tuple[Any, str])
    assert_type(hessian(loss, argnums=1)(PARAMS, X), Any)


def accepted_products_with_second_derivatives_take_tuples() -> None:
    hvp(energy, (X,), (X,))
    vhp(loss, (PARAMS, X), (PARAMS, X))
    ggnvp(scaled, [X], [X])
    ggnvp(scaled, (X,), (X,), lambda y: np.sum(y**4))


def rejected_derivatives() -> None:
    jacobian(prediction)(X, X)  # E: mypy[arg-type] pyright[reportArgumentType]
    jacobian(prediction)(PARAMS)  # E: mypy[call-arg] pyright[reportCallIssue]
    jacobian(prediction, mode="reverse")  # E: mypy[arg-type] pyright[reportArgumentType]
    jacobian(prediction).mode = "fwd"  # E: mypy[misc] pyright[reportAttributeAccessIssue]
    jacfwd(X)  # E: mypy[arg-type] pyright[reportArgumentType]
    jacrev(scaled)("x")  # E: mypy[arg-type] pyright[reportArgumentType]
    hessian(scaled)  # E: mypy[arg-type] pyright[reportArgumentType]
    hvp(scaled, (X,), (X,))  # E: mypy[arg-type] pyright[reportArgumentType]
    vhp(energy, (X,))  # E: mypy[call-arg] pyright[reportCallIssue]
    ggnvp(scaled, X[0], 3)  # E: mypy[arg-type] pyright[reportArgumentType]


# --- functions like those that they hold ----------------------------------------------------------------------------
def accepted_vmap_keeps_the_type_of_the_result() -> None:
    assert_type(vmap(scaled)(np.ones((3, 2))), Array)
    assert_type(vmap(both, in_axes=1, out_axes=(0, 0))(np.ones((2, 3))), tuple[Array, float])
    assert_type(vmap(grad(loss), in_axes=(None, 0))(PARAMS, np.ones((3, 2))), Params)
    assert_type(vmap.report(scaled, X), tuple[str, ...])


def accepted_checkpoints_are_the_functions_that_they_hold() -> None:
    assert_type(checkpoint(scaled)(X, factor=2.0), Array)
    assert_type(grad(checkpoint(loss))(PARAMS, X), Params)

    @checkpoint
    def block(x: Array) -> Array:
        return np.tanh(x)

    named: Checkpoint[[Array], Array] = block
    assert_type(named(X), Array)


def accepted_rules_of_ones_own_keep_the_signature() -> None:
    def forward(x: Array, factor: float = 1.0) -> tuple[Array, float]:
        return x * factor, factor

    def backward(factor: float, ct: Array) -> tuple[Array, None]:
        return ct * factor, None

    by_vjp: CustomVjp[..., Array] = custom_vjp(scaled).defvjp(forward, backward)
    assert_type(by_vjp(X), Array)
    assert_type(custom_vjp(scaled).defvjp(forward, backward)(X, factor=2.0), Array)

    def rule(primals: tuple[Array, float], tangents: tuple[Array, float]) -> tuple[Array, Array]:
        return primals[0] * primals[1], tangents[0] * primals[1]

    by_jvp: CustomJvp[..., Array] = custom_jvp(scaled).defjvp(rule)
    assert_type(by_jvp(X), Array)
    assert_type(custom_jvp(scaled).defjvp(rule)(X, 2.0), Array)


def accepted_stop_gradient_takes_what_ops_take() -> None:
    assert_type(stop_gradient(Tensor(1.0)), Tensor)
    stop_gradient(X)


def accepted_check_grads_takes_order_and_modes() -> None:
    check_grads(loss, (PARAMS, X))
    check_grads(scaled, [X], 1, ("fwd",))
    check_grads(scaled, (X,), order=2, modes=["fwd", "rev"])


def rejected_functions_of_other_arguments() -> None:
    vmap(X)  # E: mypy[arg-type] pyright[reportArgumentType]
    vmap(scaled).in_axes = 1  # E: mypy[misc] pyright[reportAttributeAccessIssue]
    text: str = vmap(scaled)(X)  # E: mypy[assignment] pyright[reportAssignmentType]
    checkpoint(scaled)("x")  # E: mypy[arg-type] pyright[reportArgumentType]
    checkpoint(scaled)(X, scale=1.0)  # E: mypy[call-arg] pyright[reportCallIssue]
    checkpoint(X)  # E: mypy[arg-type] pyright[reportArgumentType]
    custom_vjp(scaled)("x")  # E: mypy[arg-type] pyright[reportArgumentType]
    custom_vjp(scaled).defvjp(scaled)  # E: mypy[call-arg] pyright[reportCallIssue]
    custom_vjp(scaled).bwd = scaled  # E: mypy[misc] pyright[reportAttributeAccessIssue]
    custom_jvp(scaled).defjvp(X)  # E: mypy[arg-type] pyright[reportArgumentType]
    custom_jvp(scaled)(X, scale=1.0)  # E: mypy[call-arg] pyright[reportCallIssue]
    check_grads(scaled, (X,), order=3)  # E: mypy[arg-type] pyright[reportArgumentType]
    check_grads(scaled, (X,), modes=("all",))  # E: mypy[arg-type] pyright[reportArgumentType]
    check_grads(scaled, 3)  # E: mypy[arg-type] pyright[reportArgumentType]
    print(text)
