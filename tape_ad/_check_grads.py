"""`check_grads`: the derivatives of anyone's function, compared with central differences.

The function is seen as a function of the leaves of its arguments. Its gradient is such a function too, and so the second
order is the first order of that.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np

from tape_ad import _tree
from tape_ad._errors import ArgumentError
from tape_ad._law_tools import EXACT, data_of
from tape_ad._points import (
    Direction,
    Point,
    Quantity,
    Single,
    Weighed,
    check_value,
    cotangent_of,
    derived,
    drawn_like,
    element_of,
    eps_of,
    is_inexact,
    narrowed,
    point_of,
    values_of,
    widened,
    written,
    zeros_like,
)
from tape_ad.transforms import linearize, vjp
from tape_ad.transforms._functions import name_of

OTHER_STEPS = (1e-1, 1e-2, 1e-4, 1e2)
"""What the step is multiplied by in turn before a derivative is called wrong: a point may be near the edge of something."""
EACH = 100
"""How many elements of one array are tried one by one; of a larger array these are drawn, and all are tried together."""


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: Literal[1, 2] = 2,
    modes: Sequence[Literal["fwd", "rev"]] = ("fwd", "rev"),
) -> None:
    """Compare the derivatives of ``f`` at ``args`` with central differences.

    A point right on a kink is fine at first order where the derivative is the symmetric one, as this library's are. Random
    numbers that the check needs are the same in every run.

    Args:
        f: A function that returns an array, or a nest of arrays. It is called with tensors and with plain arrays.
        args: Its arguments, as a tuple; each may be a nest. Their real and complex floating-point numbers are
            differentiated, everything else is constant. Arrays of single precision are widened for the differences.
        order: 2 for the derivatives of the derivatives too.
        modes: "fwd" for forward mode, "rev" for reverse mode; with both, also that one is the other's transpose.

    Raises:
        AssertionError: if a derivative is wrong, naming the argument, the element, both numbers, and whether the function
            has a kink or a jump there; if the value there is not finite, or differs from call to call.
        ArgumentError: if there is nothing to differentiate.

    >>> check_grads(lambda x, y: np.sin(x) @ y, (np.array([1.0, 2.0]), np.array([0.5, -1.0])))
    >>> check_grads(lambda params: {"loss": params["w"] ** 2 * params["b"]}, ({"w": 3.0, "b": np.ones(2)},))
    """
    _check_call(f, args, order, modes)
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):  # what is not finite is told below
        point = point_of(f, args)
        check_value(point)
        _first_order(point, modes, rng)
        if order == 2:
            _first_order(derived(point, modes, rng), modes, rng)


def _check_call(f: Any, args: Any, order: Any, modes: Any) -> None:
    if not callable(f):
        msg = f"check_grads(f, args) takes a function, but got {type(f).__name__}."
        raise ArgumentError(msg)
    call = f"check_grads({name_of(f)}, args)"
    if not isinstance(args, (tuple, list)):
        msg = f"{call} takes args as a tuple, one per argument, but got {type(args).__name__}. Write (x,)."
        raise ArgumentError(msg)
    if order not in (1, 2):
        msg = f"{call}: order is 1 or 2, but got {order!r}."
        raise ArgumentError(msg)
    if isinstance(modes, str) or not modes or not set(modes) <= {"fwd", "rev"}:
        msg = f'{call}: modes is a tuple of "fwd" and "rev", but got {modes!r}.'
        raise ArgumentError(msg)


# --- the laws -------------------------------------------------------------------------------------------------------
def _first_order(point: Point, modes: Sequence[str], rng: np.random.Generator) -> None:
    """Try the modes on each element by itself, on all together, and on each other."""
    ct = cotangent_of(point, rng)
    weighed = Weighed(tuple(_tree.flatten(ct)[0]))
    _, linearized = linearize(point.fun, *point.leaves)
    gradients = [data_of(g) for g in vjp(point.fun, *point.leaves)[1](ct)]

    seeds = "" if weighed.is_one else ", with random cotangents,"

    def tangent(direction: Direction) -> list[Any]:
        given = [narrowed(direction[i], x) if i in direction else zeros_like(x) for i, x in enumerate(point.leaves)]
        return values_of(point.fun, linearized(*given))

    for i, where, direction in _elements(point, rng):
        h = point.step * max(1.0, float(np.abs(np.asarray(point.leaves[i])[where])))
        up, down = point.at(direction, h), point.at(direction, -h)
        path = element_of(point.paths[i], where)
        if "fwd" in modes:
            _compare_tangents(point, path, direction, h, tangent(direction), up, down)
        if "rev" in modes:
            # The gradient is the derivative in the real part less i times that in the imaginary part.
            actual = float(np.sum(gradients[i] * direction[i]).real)
            quantity = Quantity(point, direction, weighed)
            part = ", its imaginary part" if np.iscomplexobj(direction[i]) and np.sum(direction[i]).imag else ""
            expected = (weighed(up) - weighed(down)) / (2 * h)
            _compare(point, f"{path}{part}: reverse mode{seeds}", actual, quantity, h, expected, weighed.size(up))
    along = {i: narrowed(drawn_like(x, rng) * np.maximum(np.abs(x), 1), x) for i, x in enumerate(point.leaves)}
    if any(np.size(x) > EACH for x in point.leaves):
        quantity, h = Quantity(point, along, weighed), point.step
        pushed = weighed(tangent(along))
        pulled = sum(float(np.sum(g * along[i]).real) for i, g in enumerate(gradients))
        for mode, name, actual in (("fwd", "forward mode", pushed), ("rev", "reverse mode", pulled)):
            if mode in modes:
                what = f"all elements of all arguments together: {name}"
                size = weighed.size(point.at(along, h))
                _compare(point, what, actual, quantity, h, (quantity(h) - quantity(-h)) / (2 * h), size)
    if "fwd" in modes and "rev" in modes:
        for i, gradient in enumerate(gradients):
            _check_transposes(point, i, weighed, tangent({i: along[i]}), gradient * along[i])


def _elements(point: Point, rng: np.random.Generator) -> Iterator[tuple[int, tuple[int, ...], Direction]]:
    """Yield every element to try: its leaf, its index, and a direction in which only it moves."""
    for i, x in enumerate(point.leaves):
        wide = widened(x)
        every = list(np.ndindex(np.shape(wide)))
        chosen = every if len(every) <= EACH else [every[k] for k in rng.choice(len(every), EACH, replace=False)]
        for where in chosen:
            for unit in (1, 1j) if np.iscomplexobj(wide) else (1,):
                d = np.zeros(np.shape(wide), np.result_type(wide))
                d[where] = unit
                yield i, where, {i: d[()]}


def _compare_tangents(
    point: Point, path: str, direction: Direction, h: float, tangents: Sequence[Any], up: Any, down: Any
) -> None:
    """Compare forward mode along a direction with the difference, element by element of the result."""
    for k, (actual, above, below) in enumerate(zip(tangents, up, down, strict=True)):
        if not is_inexact(above):
            continue
        expected, size = np.asarray((above - below) / (2 * h)), np.asarray(np.abs(above))
        wrong = ~_agrees(point, actual, expected, h, size)
        for at in map(tuple, np.argwhere(wrong).tolist()):
            what = f"{element_of(point.results[k], at)}, along {path}: forward mode"
            quantity = Quantity(point, direction, Single(k, at))
            _compare(point, what, np.asarray(actual)[at], quantity, h, expected[at], float(size[at]))


def _agrees(point: Point, actual: Any, expected: Any, h: float, size: Any) -> Any:
    """Say where a derivative is near a difference of values of a size, whose rounding makes the difference inexact."""
    allowed = point.tolerance * (np.abs(expected) + 0.1) + 8 * point.eps * size / h
    return (np.abs(actual - expected) <= allowed) & np.isfinite(expected)


def _compare(
    point: Point, what: str, actual: Any, quantity: Callable[[float], Any], h: float, expected: Any, size: float
) -> None:
    """Compare one derivative with a difference, then with those of other steps; say what is there if none agrees.

    Args:
        point: Where this is.
        what: The derivative, as the message calls it.
        actual: Its number.
        quantity: What is differentiated, as a function of the displacement.
        h: The displacement of the first difference.
        expected: The first difference.
        size: How large the numbers are from which the difference is made.
    """
    if _agrees(point, actual, expected, h, size):
        return
    for factor in OTHER_STEPS:
        other = factor * h
        again = (quantity(other) - quantity(-other)) / (2 * other)
        says_much = point.eps * size / other < point.tolerance * (abs(again) + 0.1)
        if says_much and _agrees(point, actual, again, other, size):
            return
    raise AssertionError(
        f"{point.label}: {what} gives {written(actual)}, central differences {written(expected)} (step {h:.3g}). "
        f"{_what_is_there(point, actual, quantity, h)}"
    )


def _what_is_there(point: Point, actual: Any, quantity: Callable[[float], Any], h: float) -> str:
    """Say whether the point sits on a kink, on a jump or at the edge of the domain."""
    here, above, below = quantity(0.0), quantity(h), quantity(-h)
    right, left = (above - here) / h, (here - below) / h
    sides = f"{written(left, 6)} and {written(right, 6)}"
    if not (np.isfinite(left) and np.isfinite(right)):
        return f"The left and the right difference are {sides}: the point sits at the edge of the domain."
    if not np.isfinite(actual):
        return f"The left and the right difference are {sides}: somewhere an infinite slope met a zero."
    # With a smaller step, slopes grow at a jump; their gap shrinks where the function is smooth, and stays at a kink.
    near = h / 8
    above_near, below_near = quantity(near), quantity(-near)
    steepest = max(abs(above_near - here), abs(here - below_near)) / near
    if steepest > 4 * max(abs(left), abs(right)):
        return (
            f"The values beside it are {written(below, 6)} and {written(above, 6)}: the point sits on a jump; at second order, "
            "on a kink of the function."
        )
    gap, gap_near = abs(right - left), abs(above_near - 2 * here + below_near) / near
    if gap <= 100 * point.tolerance * (max(abs(left), abs(right)) + 0.1) or gap_near < gap / 4:
        return (
            f"The left and the right difference agree ({sides}), so there is no kink: a rule is wrong, or a dependence is lost "
            "(stop_gradient, t.data)."
        )
    return (
        f"The left and the right difference are {sides}: the point sits on a kink, where this library gives the symmetric "
        "derivative."
    )


def _check_transposes(point: Point, i: int, weighed: Weighed, tangents: Sequence[Any], products: Any) -> None:
    """The cotangent times the tangent is one number, on either side of the function."""
    forward, reverse = weighed(tangents), float(np.sum(products).real)
    size = 1.0 + weighed.size(tangents) + float(np.sum(np.abs(products)))
    if not abs(forward - reverse) <= max(EXACT, 1000 * max(point.eps, eps_of(point.leaves))) * size:
        raise AssertionError(
            f"{point.label}: {point.paths[i]}: forward and reverse mode are not transposes: a cotangent times the tangent is "
            f"{forward}, the gradient times its direction {reverse}."
        )
