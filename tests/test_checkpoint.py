"""`checkpoint`: the same derivatives in less memory, and a word where the second run is not the first."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tape_ad import (
    RecomputationError,
    Tape,
    Tensor,
    checkpoint,
    grad,
    hessian,
    jacobian,
    jvp,
    linearize,
    value_and_grad,
    vmap,
)

W = np.random.default_rng(0).normal(size=(3, 3))
X = np.array([0.3, -0.7, 1.2])


def segment(x: Any, w: Any) -> Any:
    return np.tanh(x @ w), {"sum": np.sum(x)}


def with_arguments(wrap: Callable[..., Any]) -> Callable[..., Any]:
    def loss(w: Any) -> Any:
        x: Any = X
        for _ in range(3):
            x, extra = wrap(segment)(x, w)
            x = x + extra["sum"]
        return np.sum(x)

    return loss


def with_closures(wrap: Callable[..., Any]) -> Callable[..., Any]:
    def loss(w: Any) -> Any:
        x: Any = X
        scaled = w * 0.5
        for _ in range(3):
            x = wrap(lambda x: np.tanh(x @ w) + x @ scaled)(x)
        return np.sum(x)

    return loss


def nested(wrap: Callable[..., Any]) -> Callable[..., Any]:
    inner = wrap(lambda x, w: np.sin(x @ w))

    def loss(w: Any) -> Any:
        return np.sum(wrap(lambda x: inner(inner(x, w), w) * w[0])(X))

    return loss


PROGRAMS = pytest.mark.parametrize("program", [with_arguments, with_closures, nested])


def plainly(fun: Any) -> Any:
    return fun


@PROGRAMS
@pytest.mark.parametrize(
    "transform",
    [
        lambda f: f, grad, value_and_grad, hessian, jacobian, lambda f: jacobian(grad(f), mode="rev"),
        lambda f: lambda w: jvp(f, (w,), (np.ones((3, 3)),)), lambda f: lambda w: linearize(grad(f), w)[1](W),
        lambda f: lambda w: vmap(grad(f))(np.stack([w, 2 * w])),
        lambda f: grad(lambda w: np.mean(vmap(f)(np.stack([w, 2 * w])))),
    ],
)  # fmt: skip
def test_every_derivative_is_that_of_the_function_itself(program: Any, transform: Callable[..., Any]) -> None:
    expected, actual = transform(program(plainly))(W), transform(program(checkpoint))(W)

    for e, a in zip(expected, actual, strict=True) if isinstance(expected, tuple) else [(expected, actual)]:
        np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-14)


def test_a_chain_of_segments_needs_the_memory_of_one_segment_and_of_the_arguments() -> None:
    segments, steps, n = 100, 10, 10_000

    def one(x: Any) -> Any:
        for _ in range(steps):
            x = np.sin(x) * 1.01
        return x

    def chain(f: Callable[..., Any]) -> Callable[..., Any]:
        def loss(x: Any) -> Any:
            for _ in range(segments):
                x = f(x)
            return np.sum(x)

        return loss

    def peak(f: Callable[..., Any]) -> tuple[Any, float]:
        tracemalloc.start()
        gradient = grad(chain(f))(np.ones(n))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return gradient, used / (8 * n)

    expected, plain = peak(one)
    actual, checkpointed = peak(checkpoint(one))

    np.testing.assert_array_equal(actual, expected)
    assert plain > segments * steps * 2
    assert checkpointed < segments + 4 * steps + 20


def test_another_path_the_second_time_is_named() -> None:
    calls: list[None] = []

    def wavering(x: Any) -> Any:
        calls.append(None)
        return np.sin(x) if len(calls) % 2 else np.cos(x)

    def growing(x: Any) -> Any:
        calls.append(None)
        for _ in calls:
            x = x * 2.0
        return x

    with pytest.raises(
        RecomputationError, match=r"checkpoint\(wavering\).*cos at .*test_checkpoint.py:\d+, where it was sin at"
    ):
        grad(checkpoint(wavering))(1.0)
    with pytest.raises(RecomputationError, match=r"checkpoint\(growing\).*multiply at .*, where it was nothing more"):
        grad(checkpoint(growing))(1.0)


def test_other_values_the_second_time_are_noticed() -> None:
    rng = np.random.default_rng(0)

    with pytest.raises(RecomputationError, match=r"gave other values.*draw random numbers before"):
        grad(checkpoint(lambda x: x * rng.normal()))(1.0)


def test_without_anything_tracked_it_is_the_function() -> None:
    assert checkpoint(np.sin)(0.5) == np.sin(0.5)
    assert type(checkpoint(np.sin)(0.5)) is np.float64


def test_a_segment_is_one_node_of_the_tape() -> None:
    x = Tensor(X, autograd=True)

    listing = str(Tape.of(checkpoint(lambda x: np.sum(np.sin(np.sin(x))))(x)))

    assert "recompute(fun=<lambda>)" in listing
    assert "sin" not in listing


def test_segments_within_segments_have_second_derivatives() -> None:
    def outer(x: Any) -> Any:
        return checkpoint(lambda y: y * y * x)(2.0) * x

    assert grad(grad(checkpoint(outer)))(3.0) == 8.0


def test_what_does_not_vary_is_returned_as_it_is() -> None:
    out = checkpoint(lambda x: (x * 2.0, 3, "ok", True, None))(Tensor(1.0, autograd=True))

    assert out[1:] == (3, "ok", True, None)
    assert [type(v) for v in out[1:4]] == [int, str, bool]
