"""A program with its arguments, and how far each derivative of it is from central differences."""

import functools
import importlib
import math
import pkgutil
import zlib
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from attrs import frozen

import tests.programs
from tape_ad import hvp, value_and_grad
from tests.programs._types import Floats

STEP = 1e-4
"""Of central differences of the fourth order: what they cut off is about its fourth power."""

Values: TypeAlias = tuple[Floats, ...]


@frozen(eq=False)
class Program:
    """One module of this folder, at one point.

    Attributes:
        name: The module's name.
        value: The function that the module defines.
        parameters: What is differentiated.
        data: What is not.
    """

    name: str
    value: Callable[..., Any]
    parameters: Values
    data: tuple[Any, ...]

    def __call__(self, *parameters: Any) -> Any:
        """Return the value at those parameters."""
        return self.value(*parameters, *self.data)

    def value_and_gradient(self, *parameters: Any) -> tuple[Any, Values]:
        """Return the value with the gradient for each parameter."""
        return value_and_grad(self.value, tuple(range(len(parameters))))(*parameters, *self.data)

    def gradient(self, *parameters: Any) -> Values:
        """Return the gradient for each parameter."""
        return self.value_and_gradient(*parameters)[1]

    def direction(self, seed: int) -> Values:
        """Return a random direction in the space of the parameters."""
        rng = np.random.default_rng([seed, zlib.crc32(self.name.encode())])
        return tuple(np.asarray(rng.standard_normal(p.shape)) for p in self.parameters)

    def along(self, direction: Values, step: float) -> Values:
        """Return the parameters, moved."""
        return tuple(p + step * v for p, v in zip(self.parameters, direction, strict=True))


def names() -> list[str]:
    """Return the names of all programs."""
    return [m.name for m in pkgutil.iter_modules(tests.programs.__path__) if not m.name.startswith("_")]


@functools.cache
def load(name: str) -> Program:
    """Return the program of that name, at the same point in each run."""
    module = importlib.import_module(f"tests.programs.{name}")
    parameters, data = module.arguments(np.random.default_rng(zlib.crc32(name.encode())))
    return Program(name, module.value, parameters, data)


def inner(left: Sequence[Floats], right: Sequence[Floats]) -> float:
    """Return the sum of the products of what stands at the same place."""
    return math.fsum(float(np.sum(a * b)) for a, b in zip(left, right, strict=True))


def flat(values: Sequence[Floats]) -> Floats:
    """Return all numbers as one vector."""
    return np.concatenate([np.ravel(v) for v in values])


def central(function: Callable[[float], Any]) -> Any:
    """Return the derivative at 0 by central differences of the fourth order (Fornberg, Math. Comp. 51, 1988, Table 1)."""
    near = function(STEP) - function(-STEP)
    far = function(2 * STEP) - function(-2 * STEP)
    return (8 * near - far) / (12 * STEP)


def slope_error(program: Program, direction: Values, slope: float, gradient: Values) -> float:
    """Return how far a slope is from central differences, relative to the terms that were added up to it."""
    expected = float(central(lambda step: program(*program.along(direction, step))))
    size = float(np.sum(np.abs(flat(gradient) * flat(direction))))
    return abs(slope - expected) / size


def curvature_error(program: Program, direction: Values) -> float:
    """Return how far a Hessian-vector product is from central differences of the gradient, relative to its largest entry."""
    actual = flat(hvp(program, program.parameters, direction))
    expected = central(lambda step: flat(program.gradient(*program.along(direction, step))))
    return float(np.max(np.abs(actual - expected)) / np.max(np.abs(expected)))
