"""A million tensors deep at the default recursion limit, and many threads at once."""

import gc
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import numpy as np
import pytest

import tape_ad
from tape_ad import Tape, Tensor
from tape_ad._tape import Gradients

DEPTH = 1_000_000
grad: Any = tape_ad.grad  # the types of transforms are tested in tests/typing
value_and_grad: Any = tape_ad.value_and_grad


@attrs.frozen(eq=False)
class Deep:
    """A chain of a million steps, its gradient, and how long each part took."""

    leaf: Tensor
    end: Tensor
    gradients: Gradients
    seconds: float


def chain(start: Any, one: Any, depth: int) -> Any:
    t = start
    for _ in range(depth):
        t = t + one
    return t


@pytest.fixture(scope="module")
def deep() -> Deep:
    start = time.process_time()  # not the clock, which other programs delay
    leaf = Tensor(1.0, autograd=True)
    end = chain(leaf, 1.0, DEPTH)
    gradients = Tape.of(end).backward()
    return Deep(leaf, end, gradients, time.process_time() - start)


def test_a_million_steps_forward_and_backward_at_the_default_recursion_limit(deep: Deep) -> None:
    assert sys.getrecursionlimit() < DEPTH / 100
    assert (1.0 + DEPTH, 1.0) == (deep.end.data, deep.gradients[deep.leaf])
    assert deep.seconds < 20  # about two on an idle machine


def test_a_million_steps_in_forward_mode_and_in_order(deep: Deep) -> None:
    tape = deep.gradients.tape

    assert (2.0,) == tape.pushforward({deep.leaf: 2.0})
    assert DEPTH + 1 == len(tape) == len(tape.tensors)
    assert (deep.leaf, deep.end) == (tape.tensors[0], tape.tensors[-1])


def test_a_tensor_halfway_may_be_asked_for(deep: Deep) -> None:
    middle = deep.gradients.tape.tensors[DEPTH // 2]

    assert 1.0 == deep.gradients[middle] == Tape.of(deep.end).backward(wrt=middle)[middle]


def test_why_a_gradient_is_missing_is_found_without_recursion(deep: Deep) -> None:
    with pytest.raises(tape_ad.NotOnTapeError):
        deep.gradients[Tensor(1.0, autograd=True)]
    stopped = tape_ad.stop_gradient(deep.end) * Tensor(1.0, autograd=True)
    with pytest.raises(tape_ad.PiecewiseConstantError, match="stop_gradient"):
        stopped.backward()[deep.leaf]


def test_freeing_a_million_steps_needs_no_recursion_and_no_collector() -> None:
    one = Tensor(1.0)
    before = sys.getrefcount(one)
    gc.disable()
    try:
        end = chain(Tensor(1.0, autograd=True), one, DEPTH)
        during = sys.getrefcount(one)
        del end
        after = sys.getrefcount(one)
    finally:
        gc.enable()

    assert (DEPTH, 0) == (during - before, after - before)


def test_a_recorded_backward_pass_of_a_deep_chain_can_be_differentiated_and_freed() -> None:
    depth = 100_000
    x = Tensor(1.0, autograd=True)
    t = x
    for _ in range(depth):
        t = t * x
    slope = Tape.of(t).backward(differentiable=True)[x]

    assert (depth + 1.0, depth * (depth + 1.0)) == (slope.data, slope.backward()[x])


def test_a_deep_function_and_a_deep_nest_of_branches_through_grad() -> None:
    def f(x: Any) -> Any:
        left, right = x, x
        for _ in range(50_000):
            left, right = left + right * 0.5, right * 0.999
        return left + right

    def by_hand() -> float:
        left, right = 1.0, 1.0
        for _ in range(50_000):
            left, right = left + right * 0.5, right * 0.999
        return left + right

    assert pytest.approx(by_hand(), rel=1e-10) == grad(f)(3.0)


# --- threads ----------------------------------------------------------------------------------------------------------
def _at_once(work: Any, count: int) -> list[Any]:
    """Return what several threads return that start together."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        barrier.wait(timeout=30)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_threads_record_at_once_over_shared_leaves() -> None:
    x = Tensor(np.linspace(0.0, 1.0, 20), autograd=True)

    def work(number: int) -> Any:
        y: Any = x
        for _ in range(100):
            y = np.sin(y) + x * (number + 1)
        return y.sum().backward()[x].tobytes()

    assert [work(i) for i in range(6)] == _at_once(work, 6)


def test_threads_ask_one_tape_at_once_for_the_first_time() -> None:
    """What a tape finds out once and keeps (its order) may be found out by several threads together."""
    x = Tensor(np.ones(4), autograd=True)
    y: Any = x
    for _ in range(300):
        y = y * x + x
    for _ in range(5):
        tape = Tape.of(y.sum())
        answers = _at_once(
            lambda _, tape=tape: (list(tape.backward()), tape.tensors, tape.pushforward({x: np.ones(4)})), 4
        )

        assert all(answers[0] == answer for answer in answers)


def test_nested_transforms_in_threads_do_not_see_each_other() -> None:
    def outer(x: Any) -> Any:
        return x * grad(lambda y: x * y * y)(x)

    def work(number: int) -> list[float]:
        return [float(grad(outer)(float(number + i))) for i in range(60)]

    assert [[6.0 * (n + i) ** 2 for i in range(60)] for n in range(6)] == _at_once(work, 6)


def test_a_transform_started_in_a_thread_within_a_transform_sees_the_outer_one() -> None:
    """Nothing is kept per thread: what is outside is read off the tape."""

    def outer(x: Any) -> Any:
        (inner,) = _at_once(lambda _: grad(lambda y: x * y**3)(x), 1)
        return inner

    assert 9 * 4.0 == grad(outer)(2.0)


def test_the_collectors_threshold_is_put_back_after_transforms_in_threads_and_after_errors() -> None:
    before = gc.get_threshold()

    def work(number: int) -> None:
        for _ in range(50):
            grad(lambda x: x * x)(1.0)
        with pytest.raises(ZeroDivisionError):
            grad(lambda x: x * (1 // 0))(1.0)

    _at_once(work, 4)

    assert before == gc.get_threshold()
