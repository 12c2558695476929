# pyright: strict
"""The program that docs/how_to/typing_your_code.md shows; what stands between its markers is printed there."""

# start: program
from collections.abc import Callable
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
from attrs import frozen

from tape_ad import Tape, Tensor, grad, hessian, jacobian, value_and_grad, vmap
from tape_ad.transforms import Gradient

Array = npt.NDArray[np.float64]


@frozen
class Params:
    w: Array
    b: float


def loss(params: Params, x: Array, y: Array) -> float:
    total: float = np.sum((x @ params.w + params.b - y) ** 2)
    return total


PARAMS, X, Y = Params(np.zeros(2), 0.0), np.ones((3, 2)), np.ones(3)


def accepted_program() -> None:
    gradient = grad(loss)(PARAMS, X, Y)
    assert_type(gradient, Params)
    value, gradient = value_and_grad(loss)(PARAMS, X, Y)
    assert_type(value, float)
    assert_type(grad(loss, argnums=1)(PARAMS, X, Y), Array)
    assert_type(grad(loss, argnums=(0, 1))(PARAMS, X, Y), tuple[Params, Array])


# end: program


# start: calls
def rejected_calls() -> None:
    grad(loss)(PARAMS, X)  # E: mypy[call-arg] pyright[reportCallIssue]
    grad(loss)(X, X, Y)  # E: mypy[arg-type] pyright[reportArgumentType]
    grad(loss)(PARAMS, X, z=Y)  # E: mypy[call-arg] pyright[reportCallIssue]
    grad(loss).argnums = 1  # E: mypy[misc] pyright[reportAttributeAccessIssue]


# end: calls


# start: results
def residuals(params: Params, x: Array, y: Array) -> Array:
    return x @ params.w + params.b - y


def loss_and_residuals(params: Params, x: Array, y: Array) -> tuple[float, Array]:
    return loss(params, x, y), residuals(params, x, y)


def rejected_results() -> None:
    grad(residuals)  # E: mypy[arg-type] pyright[reportArgumentType]
    hessian(residuals)  # E: mypy[arg-type] pyright[reportArgumentType]
    grad(loss_and_residuals)  # E: mypy[arg-type] pyright[reportArgumentType]


# end: results


# start: mean
def mean_loss(params: Params, x: Array, y: Array) -> np.floating[Any]:
    return np.mean(residuals(params, x, y) ** 2)


def accepted_means() -> None:
    assert_type(grad(mean_loss)(PARAMS, X, Y), Params)
    gradient: Array = grad(mean_loss, argnums=1)(PARAMS, X, Y)  # to mypy it is Any
    assert_type(gradient, Array)


# end: mean


# start: any
def accepted_where_the_type_is_not_known() -> None:
    assert_type(jacobian(residuals)(PARAMS, X, Y), Any)
    assert_type(grad(loss, "params")(PARAMS, X, Y), Any)
    gradient: Params = grad(loss, "params")(PARAMS, X, Y)
    assert_type(gradient, Params)


# end: any


# start: wrapper
def descend(fun: Callable[[Params, Array, Array], float], params: Params, steps: int) -> Params:
    slope: Gradient[[Params, Array, Array], Params] = grad(fun)
    for _ in range(steps):
        g = slope(params, X, Y)
        params = Params(params.w - 0.1 * g.w, params.b - 0.1 * g.b)
    return params


def accepted_a_function_that_differentiates() -> None:
    assert_type(descend(loss, PARAMS, 3), Params)


# end: wrapper


# start: examples
def loss_of_one(params: Params, row: Array, target: float) -> float:
    square: float = np.sum((row @ params.w + params.b - target) ** 2)
    return square


def accepted_examples() -> None:
    per_example = vmap(grad(loss_of_one), in_axes=(None, 0, 0))
    assert_type(per_example(PARAMS, X, Y), Params)


# end: examples


# start: tensors
def accepted_tensors() -> None:
    t = Tensor([1.0, 2.0], autograd=True)
    assert_type(t * 2.0, Tensor)
    assert_type((t * 2.0).sum(), Tensor)
    assert_type(Tape.of((t * t).sum()).backward()[t], Any)


def rejected_tensors() -> None:
    t = Tensor([1.0, 2.0], autograd=True)
    t.data = np.zeros(2)  # E: mypy[misc] pyright[reportAttributeAccessIssue]
    t.sum(axes=0)  # E: mypy[call-arg] pyright[reportCallIssue]
    Tensor([1.0], requires_grad=True)  # E: mypy[call-arg] pyright[reportCallIssue]
    Tape.of(np.ones(2))  # E: mypy[arg-type] pyright[reportArgumentType]


# end: tensors
