"""Whole random programs over the op table: every way to differentiate them gives the same answer."""

from typing import Any

import numpy as np
from hypothesis import given, strategies as st

from tape_ad import Tape, Tensor
from tests.strategies import Program, point_of, programs

STEP = 1e-5
seeds = st.integers(0, 2**32 - 1)


def record(program: Program, inputs: list[Any]) -> tuple[list[Tensor], Tensor]:
    leaves = [Tensor(x, autograd=True) for x in inputs]
    return leaves, program(*leaves)


def gradients(program: Program, inputs: list[Any]) -> list[Any]:
    leaves, loss = record(program, inputs)
    found = Tape.of(loss).backward()
    return [found[leaf] for leaf in leaves]


def direction(inputs: list[Any], seed: int) -> list[Any]:
    rng = np.random.default_rng(seed + 1000)
    return [np.array(rng.standard_normal(x.shape)) for x in inputs]


def moved(inputs: list[Any], along: list[Any], step: float) -> list[Any]:
    return [x + step * v for x, v in zip(inputs, along, strict=True)]


def inner(left: list[Any], right: list[Any]) -> float:
    return float(sum(np.sum(a * b) for a, b in zip(left, right, strict=True)))


def is_close(actual: float, expected: float, size: float, relative: float) -> bool:
    """Compare relative to the terms that were added up."""
    return abs(actual - expected) <= relative * (1.0 + size)


@given(programs(), seeds)
def test_the_value_of_a_program_is_the_same_bits_on_tensors_and_on_arrays(program: Program, seed: int) -> None:
    inputs = point_of(program, seed)
    _, loss = record(program, inputs)

    assert float(program(*inputs)).hex() == float(loss.data).hex()


@given(programs(), seeds)
def test_the_gradient_agrees_with_central_differences(program: Program, seed: int) -> None:
    inputs = point_of(program, seed)
    along = direction(inputs, seed)
    found = gradients(program, inputs)
    expected = (program(*moved(inputs, along, STEP)) - program(*moved(inputs, along, -STEP))) / (2 * STEP)
    size = sum(float(np.sum(np.abs(g * v))) for g, v in zip(found, along, strict=True))

    assert is_close(inner(found, along), float(expected), size, 1e-6), (inner(found, along), expected)


@given(programs(), seeds)
def test_forward_mode_and_reverse_mode_agree(program: Program, seed: int) -> None:
    inputs = point_of(program, seed)
    along = direction(inputs, seed)
    leaves, loss = record(program, inputs)
    (tangent,) = Tape.of(loss).pushforward(dict(zip(leaves, along, strict=True)))
    found = gradients(program, inputs)
    size = sum(float(np.sum(np.abs(g * v))) for g, v in zip(found, along, strict=True))

    assert is_close(inner(found, along), float(tangent), size, 1e-9), (inner(found, along), tangent)


@given(programs(), seeds)
def test_a_differentiable_backward_pass_gives_the_same_bits(program: Program, seed: int) -> None:
    inputs = point_of(program, seed)
    leaves, loss = record(program, inputs)
    recorded = Tape.of(loss).backward(differentiable=True)
    expected = [g.tobytes() for g in gradients(program, inputs)]
    actual = [np.asarray(getattr(recorded[leaf], "data", recorded[leaf])).tobytes() for leaf in leaves]

    assert expected == actual


@given(programs(), seeds)
def test_a_program_that_runs_twice_gives_the_same_bits(program: Program, seed: int) -> None:
    inputs = point_of(program, seed)
    first = [g.tobytes() for g in gradients(program, inputs)]
    second = [g.tobytes() for g in gradients(program, inputs)]

    assert first == second


@given(programs(), seeds)
def test_a_tape_that_is_asked_twice_answers_with_the_same_bits(program: Program, seed: int) -> None:
    inputs = point_of(program, seed)
    leaves, loss = record(program, inputs)
    tape = Tape.of(loss)
    first, second = tape.backward(), tape.backward()

    assert [first[leaf].tobytes() for leaf in leaves] == [second[leaf].tobytes() for leaf in leaves]


@given(programs(max_steps=5), seeds)
def test_the_gradient_of_a_gradient_agrees_with_central_differences(program: Program, seed: int) -> None:
    inputs = point_of(program, seed)
    along = direction(inputs, seed)
    leaves, loss = record(program, inputs)
    recorded = Tape.of(loss).backward(differentiable=True)
    slope = Tensor(0.0)
    for leaf, v in zip(leaves, along, strict=True):
        slope = slope + np.sum(recorded[leaf] * v)
    second = Tape.of(slope).backward()
    found = [second[leaf] for leaf in leaves]
    up, down = (inner(gradients(program, moved(inputs, along, h)), along) for h in (STEP, -STEP))
    expected = (up - down) / (2 * STEP)
    size = sum(float(np.sum(np.abs(g * v))) for g, v in zip(found, along, strict=True))

    assert is_close(inner(found, along), expected, size, 1e-5), (inner(found, along), expected)
