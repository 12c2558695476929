# pyright: strict
"""What `grad` and `value_and_grad` give and refuse."""

from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
from attrs import frozen

from tape_ad import Tensor, grad, value_and_grad
from tape_ad.transforms import Gradient, ValueAndGradient

Array = npt.NDArray[np.float64]


@frozen
class Params:
    """Weights as a frozen record of arrays."""

    w: Array
    b: Array


@frozen
class Model:
    """A model whose loss is a method."""

    factor: float

    def loss(self, params: Params, x: Array) -> float:
        return loss(params, x) * self.factor

    @staticmethod
    def penalty(params: Params) -> np.floating[Any]:
        return np.sum(params.w * params.w)

    @classmethod
    def scaled(cls, params: Params, factor: float) -> np.floating[Any]:
        return cls.penalty(params) * factor


def loss(params: Params, x: Array) -> float:
    prediction = x @ params.w + params.b
    total: float = np.sum(prediction * prediction)
    return total


def residuals(params: Params, x: Array) -> Array:
    return x @ params.w + params.b


def loss_and_residuals(params: Params, x: Array) -> tuple[float, Array]:
    return loss(params, x), residuals(params, x)


def energy(x: Tensor) -> Tensor:
    return (x * x).sum()


def cube(x: float) -> float:
    return x**3


def scaled_cube(x: float, /, *, factor: float = 1.0) -> float:
    return factor * x**3


PARAMS = Params(w=np.ones(2), b=np.zeros(3))
X = np.ones((3, 2))


# --- grad -----------------------------------------------------------------------------------------------------------
def accepted_the_gradient_of_a_record_is_a_record() -> None:
    gradient = assert_type(grad(loss)(PARAMS, X), Params)
    assert_type(gradient.w, Array)
    assert_type(grad(Model(2.0).loss)(PARAMS, X), Params)
    assert_type(grad(Model.penalty)(PARAMS), Params)
    assert_type(grad(Model.scaled)(PARAMS, 0.5), Params)


def accepted_argnums_choose_the_type() -> None:
    assert_type(grad(loss, 0)(PARAMS, X), Params)
    assert_type(grad(loss, 1)(PARAMS, X), Array)
    assert_type(grad(loss, argnums=1)(PARAMS, X), Array)
    assert_type(grad(loss, argnums=(0, 1))(PARAMS, X), tuple[Params, Array])


def accepted_auxiliary_output_stands_beside_the_gradient() -> None:
    assert_type(grad(loss_and_residuals, has_aux=True)(PARAMS, X), tuple[Params, Array])
    assert_type(grad(loss_and_residuals, argnums=1, has_aux=True)(PARAMS, X), tuple[Array, Array])
    both = grad(loss_and_residuals, argnums=(0, 1), has_aux=True)(PARAMS, X)
    assert_type(both, tuple[tuple[Params, Array], Array])


def accepted_gradients_nest() -> None:
    assert_type(grad(cube)(2.0), float)
    assert_type(grad(grad(cube))(2.0), float)
    assert_type(grad(grad(grad(cube)))(2.0), float)
    assert_type(value_and_grad(grad(cube))(2.0), tuple[float, float])


def accepted_keywords_reach_the_function() -> None:
    assert_type(grad(scaled_cube)(2.0, factor=3.0), float)


def accepted_lambdas_take_what_they_are_given() -> None:
    grad(lambda x: np.sum(x**2))(X)
    value_and_grad(lambda params: np.sum(params.w * params.b[:2]))(PARAMS)
    doubled: Gradient[[float], float] = grad(lambda x: 2.0 * x)
    assert_type(doubled(1.0), float)


def accepted_a_gradient_is_a_function() -> None:
    derivative: Gradient[[float], float] = grad(cube)
    assert_type([derivative(x) for x in (1.0, 2.0)], list[float])
    both: ValueAndGradient[[float], tuple[float, float]] = value_and_grad(cube)
    assert_type(both(1.0), tuple[float, float])
    assert_type(derivative.has_aux, bool)


def accepted_functions_of_tensors_are_differentiated_too() -> None:
    assert_type(grad(energy)(Tensor([1.0, 2.0])), Tensor)


def rejected_wrong_arguments() -> None:
    grad(loss)(PARAMS, "x")  # E: mypy[arg-type] pyright[reportArgumentType]
    grad(loss)(X, X)  # E: mypy[arg-type] pyright[reportArgumentType]
    grad(loss)(PARAMS)  # E: mypy[call-arg] pyright[reportCallIssue]
    grad(loss)(PARAMS, X, X)  # E: mypy[call-arg] pyright[reportCallIssue]
    grad(loss)(PARAMS, y=X)  # E: mypy[call-arg] pyright[reportCallIssue]
    grad(loss, argnums=1.5)  # E: mypy[call-overload] pyright[reportCallIssue, reportArgumentType]
    grad(X)  # E: mypy[call-overload] pyright[reportArgumentType]
    grad(loss).argnums = 1  # E: mypy[misc] pyright[reportAttributeAccessIssue]


def rejected_results_that_are_no_scalar() -> None:
    grad(residuals)  # E: mypy[arg-type] pyright[reportArgumentType]
    grad(residuals, argnums=1)  # E: mypy[arg-type] pyright[reportCallIssue, reportArgumentType]
    value_and_grad(residuals)  # E: mypy[type-var] pyright[reportArgumentType]
    grad(grad(loss))  # E: mypy[arg-type] pyright[reportArgumentType]


def rejected_has_aux_forgotten_or_in_vain() -> None:
    grad(loss_and_residuals)  # E: mypy[arg-type] pyright[reportArgumentType]
    value_and_grad(loss_and_residuals)  # E: mypy[type-var] pyright[reportArgumentType]
    grad(loss, has_aux=True)  # E: mypy[call-overload] pyright[reportCallIssue, reportArgumentType]
    value_and_grad(loss, has_aux=True)  # E: mypy[call-overload] pyright[reportCallIssue, reportArgumentType]


# --- value_and_grad -------------------------------------------------------------------------------------------------
def accepted_value_and_gradient_come_as_a_pair() -> None:
    value, gradient = value_and_grad(loss)(PARAMS, X)
    assert_type(value, float)
    assert_type(gradient, Params)
    assert_type(value_and_grad(loss, 1)(PARAMS, X), tuple[float, Array])
    assert_type(value_and_grad(loss, argnums=(0, 1))(PARAMS, X), tuple[float, tuple[Params, Array]])
    assert_type(value_and_grad(Model.penalty)(PARAMS), tuple[np.floating[Any], Params])
    assert_type(value_and_grad(energy)(Tensor([1.0])), tuple[Tensor, Tensor])


def accepted_auxiliary_output_stands_beside_the_value() -> None:
    (value, aux), gradient = value_and_grad(loss_and_residuals, has_aux=True)(PARAMS, X)
    assert_type(value, float)
    assert_type(aux, Array)
    assert_type(gradient, Params)
    second = value_and_grad(loss_and_residuals, argnums=1, has_aux=True)(PARAMS, X)
    assert_type(second, tuple[tuple[float, Array], Array])
    both = value_and_grad(loss_and_residuals, argnums=(0, 1), has_aux=True)(PARAMS, X)
    assert_type(both, tuple[tuple[float, Array], tuple[Params, Array]])


def rejected_results_taken_for_something_else() -> None:
    gradient: Array = grad(loss)(PARAMS, X)  # E: mypy[assignment] pyright[reportAssignmentType]
    pair: tuple[Params, float] = value_and_grad(loss)(PARAMS, X)  # E: mypy[assignment] pyright[reportAssignmentType]
    print(gradient, pair)
