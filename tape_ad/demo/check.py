"""The network's gradient against what needs no derivative at all: central differences of the loss."""

from collections.abc import Iterator

import attrs
import numpy as np
from attrs import evolve, frozen

from tape_ad import value_and_grad
from tape_ad.demo.digits import Digits, Floats, Params, loss

DIRECTIONS = 5
STEP = 1e-5


@frozen
class Comparison:
    """How far gradient and central differences are apart, in one field of `Params`.

    Attributes:
        name: The field.
        shape: The shape of what it holds.
        error: The distance between the slopes by the gradient and those by differences, as a fraction of the latter.
    """

    name: str
    shape: tuple[int, ...]
    error: float


def compare(params: Params, digits: Digits, rng: np.random.Generator) -> Iterator[Comparison]:
    """Yield the comparison for each field: moved along random directions, the others held."""
    _, gradient = value_and_grad(loss)(params, digits.pixels, digits.labels)
    for name in (field.name for field in attrs.fields(Params)):
        value: Floats = getattr(params, name)
        directions = [rng.normal(size=value.shape) for _ in range(DIRECTIONS)]
        by_gradient = np.array([np.sum(getattr(gradient, name) * direction) for direction in directions])
        by_differences = np.array([_slope(params, name, direction, digits) for direction in directions])
        error = np.linalg.norm(by_gradient - by_differences) / np.linalg.norm(by_differences)
        yield Comparison(name, value.shape, float(error))


def _slope(params: Params, name: str, direction: Floats, digits: Digits) -> np.float64:
    ahead, behind = (
        loss(evolve(params, **{name: getattr(params, name) + step * direction}), digits.pixels, digits.labels)
        for step in (STEP, -STEP)
    )
    return (ahead - behind) / (2 * STEP)
