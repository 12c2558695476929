"""What Hypothesis draws: shapes, arrays, and whole random programs over the op table.

A program takes any case of any differentiable op as a step and feeds it with what earlier steps made, used as often as
it comes. Numbers are drawn from normal distributions by a seed: exact ties, where derivatives jump, have no place in a
comparison with central differences; `test_every_op` has a law for them.
"""

import functools
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from attrs import frozen
from hypothesis import strategies as st

import tape_ad  # noqa: F401 - fills the table
from tape_ad._cases import Case
from tape_ad._core import TABLE, Op
from tape_ad.testing import case_domains

Shape: TypeAlias = tuple[int, ...]

# How any real number becomes a point of a domain, smoothly and without growing; domains that are missing here have no
# such map (integers, masks, points kept apart), and ops over them are no step of a program.
_INTO: Mapping[str, Callable[[Any], Any]] = {
    "real": lambda z: 2 * np.tanh(z / 2),
    "positive": lambda z: np.exp(np.tanh(z)),
    "inside (-1, 1)": lambda z: 0.9 * np.tanh(z),
    "above 1": lambda z: 2.3 + np.tanh(z),
    "away from zero": lambda z: np.exp(np.tanh(z)),
    "some of them zero": lambda z: 2 * np.tanh(z / 2),
    "true or false": lambda z: z > 0.123,
}

shapes: st.SearchStrategy[Shape] = st.lists(st.integers(0, 4), max_size=3).map(tuple)
"""Shapes of up to three axes, lengths zero and one among them."""


def arrays(shape: st.SearchStrategy[Shape] = shapes, dtype: str = "float64") -> st.SearchStrategy[Any]:
    """Return read-only arrays of normal numbers."""
    return st.builds(_normal, shape, st.integers(0, 2**32 - 1), st.just(dtype))


@st.composite
def broadcastable(draw: st.DrawFn, count: int) -> tuple[Shape, ...]:
    """Return shapes that broadcast with each other: each drops leading axes of one shape, and has ones in it."""
    whole = draw(shapes)
    found = []
    for _ in range(count):
        tail = whole[draw(st.integers(0, len(whole))) :]
        found.append(tuple(n if draw(st.booleans()) else 1 for n in tail))
    return tuple(found)


@frozen
class Step:
    """An op with the parameters of one of its cases, and the numbers of the values it takes."""

    op: Op[Any]
    case: Case
    sources: tuple[int, ...]


@frozen
class Program:
    """A function of several arrays that returns one scalar: steps that each add a value to a pool."""

    shapes: tuple[Shape, ...]
    steps: tuple[Step, ...]

    def __call__(self, *inputs: Any) -> Any:
        """Run it on arrays or tensors; every value of the pool counts in the result."""
        pool = list(inputs)
        for step in self.steps:
            pool.append(_run(step, pool))
        total: Any = 0.0
        for number, value in enumerate(pool):
            total = total + np.sum(np.tanh(value) * _weights(number, np.shape(value)))
        return total


@functools.cache
def usable_steps() -> list[tuple[Op[Any], Case]]:
    """Return every op and case that a program can have as a step."""
    return [
        (op, case)
        for op in TABLE.values()
        if op.tracks and not op.multiple and op.forward.__module__.startswith("tape_ad.")
        for case in op.cases
        if _is_usable(op, case)
    ]


@st.composite
def programs(draw: st.DrawFn, max_steps: int = 8) -> Program:
    """Return random programs over several inputs, in which values are used any number of times."""
    usable = usable_steps()
    inputs = tuple(draw(st.lists(shapes.filter(math.prod), min_size=1, max_size=3)))
    steps: list[Step] = []
    for _ in range(draw(st.integers(1, max_steps))):
        op, case = draw(st.sampled_from(usable))
        pick = st.integers(0, len(inputs) + len(steps) - 1)
        steps.append(Step(op, case, tuple(draw(pick) for _ in case.shapes)))
    return Program(inputs, tuple(steps))


def point_of(program: Program, seed: int) -> list[Any]:
    """Return inputs for a program: normal numbers."""
    return [_normal(shape, seed + i) for i, shape in enumerate(program.shapes)]


def _run(step: Step, pool: Sequence[Any]) -> Any:
    domains = case_domains(step.op, step.case)
    operands = [
        _INTO[domain.name](_fill(pool[source], shape))
        for source, shape, domain in zip(step.sources, step.case.shapes, domains, strict=True)
    ]
    result = _call(step.op, step.case, operands)
    # A step on plain arrays gives a constant tensor: its data, so that the next step is plain again.
    value = result if result.autograd else result.data
    return np.real(value) + np.imag(value) if value.dtype.kind == "c" else value


def _fill(value: Any, shape: Shape) -> Any:
    """Return the value in another shape, its elements repeated or left out as needed."""
    if np.shape(value) == shape:
        return value
    wanted = math.prod(shape)
    return np.reshape(np.reshape(value, -1)[np.arange(wanted) % np.size(value)], shape)


def _is_usable(op: Op[Any], case: Case) -> bool:
    """Say whether a program can hold it: no element missing, and a map into each domain."""
    domains = case_domains(op, case)
    if not all(math.prod(shape) for shape in case.shapes) or any(domain.name not in _INTO for domain in domains):
        return False
    operands = [_INTO[domain.name](np.ones(shape)) for shape, domain in zip(case.shapes, domains, strict=True)]
    result = _call(op, case, operands)
    return result.size > 0 and result.dtype.kind in "fc"


def _call(op: Op[Any], case: Case, operands: Sequence[Any]) -> Any:
    return op(operands, **case.params) if op.variadic else op(*operands, **case.params)


def _normal(shape: Shape, seed: int, dtype: str = "float64") -> Any:
    array = np.array(np.random.default_rng(seed).standard_normal(shape), dtype=dtype)
    array.setflags(write=False)
    return array


def _weights(number: int, shape: Shape) -> Any:
    return np.random.default_rng(zlib.crc32(f"{number} {shape}".encode())).uniform(0.5, 1.5, shape)
