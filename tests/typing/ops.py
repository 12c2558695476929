# pyright: strict
"""Ops that a user declares, and the functions written with them."""

from collections.abc import Callable
from typing import Any, assert_type

import numpy as np
from numpy.typing import ArrayLike

import tape_ad
from tape_ad import Case, Op, Tensor, grad


def _squash_partial(xp: Any, out: Any, x: Any) -> Any:
    return 1.0 - out * out


@tape_ad.elementwise(partials=(_squash_partial,), name="squashed")
def squash(xp: Any, x: ArrayLike, /) -> Any:
    """Return the hyperbolic tangent."""
    return xp.tanh(x)


def _total_transpose(xp: Any, ct: Any, out: Any, x: Any, *, weight: float) -> Any:
    return xp.broadcast_to(ct * weight, np.shape(x))


@tape_ad.linear(transposes=(_total_transpose,), cases=(Case(((3,),), {"weight": 2.0}),), name="weighted_total")
def weighted_total(xp: Any, x: ArrayLike, /, *, weight: float = 1.0) -> Any:
    """Return the sum of the elements times the weight."""
    return xp.sum(x) * weight


X = Tensor([1.0, 2.0], autograd=True)


def accepted_an_op_of_a_user_keeps_its_signature() -> None:
    assert_type(squash(X), Tensor)
    assert_type(squash(0.5), Tensor)
    assert_type(weighted_total(X, weight=3.0), Tensor)
    named: Op[Any] = squash
    function: Callable[[ArrayLike], Tensor] = squash
    assert_type(named.name, str)
    assert_type(function(X), Tensor)


def accepted_an_op_is_differentiated_like_any_function() -> None:
    def loss(x: Tensor) -> Tensor:
        return weighted_total(squash(x), weight=2.0)

    assert_type(grad(loss)(X), Tensor)


def rejected_calls_that_do_not_fit_the_users_signature() -> None:
    squash(X, X)  # E: mypy[call-arg] pyright[reportCallIssue]
    squash(x=X)  # E: mypy[call-arg] pyright[reportCallIssue]
    weighted_total(X, 3.0)  # E: mypy[call-arg] pyright[reportCallIssue]
    weighted_total(X, weight="heavy")  # E: mypy[arg-type] pyright[reportArgumentType]
    weighted_total(X, wait=3.0)  # E: mypy[call-arg] pyright[reportCallIssue]


def rejected_declarations_that_lack_a_rule() -> None:
    tape_ad.elementwise(np.tanh)  # E: mypy[call-arg] pyright[reportCallIssue]
    tape_ad.primitive(vjps=())  # E: mypy[call-arg] pyright[reportCallIssue]
    tape_ad.elementwise(partials=(1.0,))  # E: mypy[arg-type] pyright[reportArgumentType]
