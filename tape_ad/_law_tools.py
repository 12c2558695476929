"""What the laws of `tape_ad.testing` share: numbers to try, and comparisons that name the worst element."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from attrs import frozen

from tape_ad._core import Tensor

Arrays: TypeAlias = tuple[Any, ...]
"""The operands of one call."""
CLOSE = 1e-5
"""How far, relative to the numbers, a derivative may be from a central difference."""
EXACT = 1e-10
"""How far, relative to the terms, two sums may be apart that are equal but for rounding."""
Column: TypeAlias = Literal["value", "vjp", "jvp", "second order", "batching", "float32", "complex"]
"""What a law is about: the columns of the conformance page."""


@frozen
class Law:
    """One law about one function at one point: what it is about, and what raises an AssertionError where it is broken."""

    column: Column
    check: Callable[[], None]
    counts: bool = True
    """False for the law that there is nothing to differentiate: where it holds, the column does not apply."""


# --- numbers --------------------------------------------------------------------------------------------------------
def random_like(like: Any, rng: np.random.Generator) -> Any:
    """Return an array of normal numbers, of the shape and dtype of another."""
    like = np.asarray(like)
    z = rng.standard_normal(like.shape)
    return write_protected(
        np.array(z + 1j * rng.standard_normal(like.shape) if like.dtype.kind == "c" else z, dtype=like.dtype)
    )


def write_protected(array: Any) -> Any:
    """Return an array that nobody can write into any more."""
    array.setflags(write=False)
    return array


def data_of(value: Any) -> Any:
    """Return the data of a tensor, and anything else as it is."""
    return value.data if isinstance(value, Tensor) else value


def listed(vary: Sequence[int]) -> str:
    """Return the numbers of operands as messages write them."""
    return " and ".join(map(str, vary))


# --- comparisons ----------------------------------------------------------------------------------------------------
def pair(ct: Any, tangent: Any) -> float:
    """Return the real part of the sum of the products: a cotangent applied to a tangent."""
    return float(np.sum(np.asarray(ct) * np.asarray(tangent)).real)


def holds(condition: bool, message: str) -> None:
    """Raise an error with the message unless the condition is true."""
    if not condition:
        raise AssertionError(f"{message}.")


def close(actual: Any, expected: Any, where: str, *, relative: float = CLOSE) -> None:
    """Compare a derivative with what it should be, element by element, and name the worst."""
    actual, expected = np.asarray(data_of(actual)), np.asarray(expected)
    holds(actual.shape == expected.shape, f"{where} has shape {actual.shape}, where {expected.shape} is due")
    if not actual.size:
        return
    distance = np.abs(actual - expected)
    allowed = relative * (np.abs(expected) + 0.1)
    wrong = ~(distance <= allowed)
    if wrong.any():
        worst = np.unravel_index(np.argmax(np.where(np.isnan(distance), np.inf, distance / allowed)), distance.shape)
        element = tuple(int(i) for i in worst)
        raise AssertionError(
            f"{where}, element {element}: the rule gives {actual[worst]}, central differences {expected[worst]}."
        )


def same_sum(left: Sequence[Any], right: Sequence[Any], where: str) -> None:
    """Compare two sums of products, relative to their terms; each list alternates between the two factors."""
    sums = []
    size = 1.0
    for side in (left, right):
        pairs = list(zip(side[::2], side[1::2], strict=True))
        sums.append(sum(pair(a, b) for a, b in pairs))
        size += sum(float(np.sum(np.abs(np.asarray(a) * np.asarray(b)))) for a, b in pairs)
    if not abs(sums[0] - sums[1]) <= EXACT * size:
        raise AssertionError(f"{where}: {sums[0]} and {sums[1]}.")


def same_bits(actual: Any, expected: Any, where: str) -> None:
    """Compare dtype, shape and every bit."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    holds(actual.dtype == expected.dtype, f"{where}: it has dtype {actual.dtype}, where {expected.dtype} is due")
    holds(actual.shape == expected.shape, f"{where}: it has shape {actual.shape}, where {expected.shape} is due")
    if actual.tobytes() != expected.tobytes():
        for element in np.ndindex(actual.shape):
            if actual[element].tobytes() != expected[element].tobytes():
                raise AssertionError(
                    f"{where}, element {element}: {actual[element]!r} is not {expected[element]!r}, bit for bit."
                )
