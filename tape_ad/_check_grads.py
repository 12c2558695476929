"""`check_grads`: the derivatives of anyone's function, compared with central differences.

The function is seen as a function of the leaves of its arguments. Its gradient is such a function too, and so the second
order is the first order of that.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from attrs import frozen

from tape_ad import _tree
from tape_ad._core import Tensor
from tape_ad._errors import ArgumentError
from tape_ad.transforms import jvp, linearize, vjp
from tape_ad.transforms._functions import name_of, signature_of

STEP = 1e-5
"""Of the differences, relative to elements larger than one; larger where results have single precision."""
OTHER_STEPS = (1e-1, 1e-2, 1e-4, 1e2)
"""What the step is multiplied by in turn before a derivative is called wrong: a point may be near the edge of something."""
CLOSE = 1e-5
"""How far, relative to the numbers, a derivative may be from a central difference."""
EXACT = 1e-10
"""How far, relative to the terms, two sums may be apart that are equal but for rounding."""
EACH = 100
"""How many elements of one array are tried one by one; of a larger array these are drawn, and all are tried together."""

Direction = Mapping[int, Any]
"""By the positions of leaves, which way they move."""


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
        point = _point(f, args)
        _check_value(point)
        _first_order(point, modes, rng)
        if order == 2:
            _first_order(_derived(point, modes, rng), modes, rng)


# --- the point ------------------------------------------------------------------------------------------------------
@frozen(eq=False)
class _Filled:
    """A function of arguments, as a function of some of their leaves."""

    fun: Callable[..., Any]
    leaves: tuple[Any, ...]
    structure: _tree.Structure
    places: tuple[int, ...]

    def __call__(self, *values: Any) -> Any:
        leaves = list(self.leaves)
        for i, value in zip(self.places, values, strict=True):
            leaves[i] = value
        return self.fun(*_tree.unflatten(self.structure, leaves))

    @property
    def __name__(self) -> str:
        return name_of(self.fun)


@frozen(eq=False)
class _Gradient:
    """The gradients of a function for a fixed cotangent, as a function of the same leaves."""

    fun: Callable[..., Any]
    ct: Any

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        return vjp(self.fun, *values)[1](self.ct)


@frozen(eq=False)
class _Tangent:
    """The tangent of a function for fixed tangents, as a function of the same leaves."""

    fun: Callable[..., Any]
    tangents: tuple[Any, ...]

    def __call__(self, *values: Any) -> Any:
        return jvp(self.fun, values, self.tangents)[1]


@frozen(eq=False)
class _Point:
    """A function of leaves, at a point.

    Attributes:
        fun: The function.
        label: How messages begin.
        leaves: The point: arrays and numbers.
        paths: How messages call these.
        structure: That of the result.
        results: How messages call its leaves.
        eps: The relative rounding error of the results where the leaves are widened to double precision.
        tolerance: How far, relative to the numbers, a derivative may be from a difference.
    """

    fun: Callable[..., Any]
    label: str
    leaves: tuple[Any, ...]
    paths: tuple[str, ...]
    structure: _tree.Structure
    results: tuple[str, ...]
    eps: float
    tolerance: float

    @property
    def step(self) -> float:
        return max(STEP, float(np.cbrt(self.eps)))

    def at(self, direction: Direction, t: float) -> list[Any]:
        """Return the leaves of the result, ``t`` along a direction."""
        moved = [_wide(x) + t * direction[i] if i in direction else _wide(x) for i, x in enumerate(self.leaves)]
        return _values(self.fun, self.fun(*[_frozen(x) for x in moved]))


@frozen(eq=False)
class _Weighed:
    """The sum of the results times cotangents: one number, read from the leaves of the result."""

    cts: tuple[Any, ...]

    def __call__(self, values: Sequence[Any]) -> float:
        return sum(float(np.sum(c * v).real) for c, v in zip(self.cts, values, strict=True) if _is_inexact(v))

    @property
    def is_one(self) -> bool:
        """Whether the result is one number, taken as it is."""
        return len(self.cts) == 1 and np.size(self.cts[0]) == 1 and bool(np.all(self.cts[0] == 1))

    def size(self, values: Sequence[Any]) -> float:
        """Return the sum without signs: what rounding is relative to."""
        return sum(float(np.sum(np.abs(c) * np.abs(v))) for c, v in zip(self.cts, values, strict=True))


@frozen(eq=False)
class _Single:
    """One element of the result, read from its leaves."""

    leaf: int
    where: tuple[int, ...]

    def __call__(self, values: Sequence[Any]) -> Any:
        return np.asarray(values[self.leaf])[self.where]


@frozen(eq=False)
class _Quantity:
    """A number read from the result, as a function of the displacement of the point along a direction."""

    point: _Point
    direction: Direction
    read: Callable[[Sequence[Any]], Any]

    def __call__(self, t: float) -> Any:
        return self.read(self.point.at(self.direction, t))


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


def _point(f: Callable[..., Any], args: Sequence[Any]) -> _Point:
    leaves, structure = _tree.flatten(tuple(args))
    leaves = [_own(x) for x in leaves]
    names = [
        path for i, part in enumerate(structure.parts) for path in _tree.paths(part, f"argument {i}{_named(f, i)}")
    ]
    vary = tuple([i for i, x in enumerate(leaves) if _is_inexact(x)])
    if not vary:
        held = ", ".join(f"{name} {_kind(x)}" for name, x in zip(names, leaves, strict=True)) or "there is no argument"
        msg = (
            f"check_grads({name_of(f)}, args): there is nothing to differentiate, since no argument holds floating-point numbers: "
            f"{held}. Convert first: x.astype(float), or 2.0 for 2."
        )
        raise ArgumentError(msg)
    fun = _Filled(f, tuple(leaves), structure, vary)
    point = tuple([leaves[i] for i in vary])
    paths = tuple([names[i] for i in vary])
    for path, x in zip(paths, point, strict=True):
        _refuse_infinite(x, f"{name_of(f)}: {path}", "choose a point of finite numbers")
    result = fun(*[_frozen(_wide(x)) for x in point])
    built = _tree.flatten(result)[1]
    values = _values(f, result)
    if not any(_is_inexact(x) for x in values):
        msg = f"check_grads({name_of(f)}, args): there is nothing to differentiate, since {name_of(f)}() returned no floating-point numbers."
        raise ArgumentError(msg)
    eps = _eps(values)
    tolerance = max(CLOSE, 4 * max(eps, _eps(point)) ** 0.5)
    return _Point(fun, name_of(f), point, paths, built, tuple(_tree.paths(built, "result")), eps, tolerance)


def _named(f: Callable[..., Any], i: int) -> str:
    signature = signature_of(f)
    given = [] if signature is None else list(signature.parameters.values())
    return f" ({given[i].name})" if i < len(given) and given[i].kind <= given[i].POSITIONAL_OR_KEYWORD else ""


def _derived(point: _Point, modes: Sequence[str], rng: np.random.Generator) -> _Point:
    """Return the gradient at the point, in forward mode the tangent, as another function to look at."""
    label = f"{point.label}, second order"
    if "rev" in modes:
        fun: Callable[..., Any] = _Gradient(point.fun, _cotangent(point, rng))
        names = tuple([f"gradient of {path}" for path in point.paths])
    else:
        fun = _Tangent(point.fun, tuple([_random(x, rng) for x in point.leaves]))
        names = tuple([f"tangent of the {result}" for result in point.results])
    structure = _tree.flatten(fun(*point.leaves))[1]
    return _Point(fun, label, point.leaves, point.paths, structure, names, point.eps, point.tolerance)


def _check_value(point: _Point) -> None:
    """See that the value is finite, and the same for tensors as for arrays, and at every call."""
    first, second = (_values(point.fun, point.fun(*point.leaves)) for _ in range(2))
    third = _values(point.fun, vjp(point.fun, *point.leaves)[0])
    for result, a, b, c in zip(point.results, first, second, third, strict=True):
        _refuse_infinite(
            a, f"{point.label}: {result}", "the value at the point itself; differentiate where it is finite"
        )
        for other, why in (
            (
                b,
                "called twice, it gave {} and {}. It must not depend on anything that changes, such as a random generator",
            ),
            (c, "called with arrays it gives {}, with tensors {}. It must compute the same for both"),
        ):
            wrong = ~np.isclose(a, other, rtol=0 if other is b else 100 * point.eps, atol=0, equal_nan=True)
            if np.shape(other) != np.shape(a) or wrong.any():
                at = _first(wrong)
                said = why.format(_number(np.asarray(a)[at]), _number(np.asarray(other)[at]))
                raise AssertionError(f"{point.label}: {_element(result, at)}: {said}.")


def _refuse_infinite(x: Any, where: str, hint: str) -> None:
    wrong = ~np.isfinite(x)
    if wrong.any():
        at = _first(wrong)
        raise AssertionError(f"{_element(where, at)} is {_number(np.asarray(x)[at])}: {hint}.")


# --- the laws -------------------------------------------------------------------------------------------------------
def _first_order(point: _Point, modes: Sequence[str], rng: np.random.Generator) -> None:
    """Try the modes on each element by itself, on all together, and on each other."""
    ct = _cotangent(point, rng)
    weighed = _Weighed(tuple(_tree.flatten(ct)[0]))
    _, linearized = linearize(point.fun, *point.leaves)
    gradients = [_plain(g) for g in vjp(point.fun, *point.leaves)[1](ct)]

    seeds = "" if weighed.is_one else ", with random cotangents,"

    def tangent(direction: Direction) -> list[Any]:
        given = [_narrow(direction[i], x) if i in direction else _zeros(x) for i, x in enumerate(point.leaves)]
        return _values(point.fun, linearized(*given))

    for i, where, direction in _elements(point, rng):
        h = point.step * max(1.0, float(np.abs(np.asarray(point.leaves[i])[where])))
        up, down = point.at(direction, h), point.at(direction, -h)
        path = _element(point.paths[i], where)
        if "fwd" in modes:
            _compare_tangents(point, path, direction, h, tangent(direction), up, down)
        if "rev" in modes:
            # The gradient is the derivative in the real part less i times that in the imaginary part.
            actual = float(np.sum(gradients[i] * direction[i]).real)
            quantity = _Quantity(point, direction, weighed)
            part = ", its imaginary part" if np.iscomplexobj(direction[i]) and np.sum(direction[i]).imag else ""
            expected = (weighed(up) - weighed(down)) / (2 * h)
            _compare(point, f"{path}{part}: reverse mode{seeds}", actual, quantity, h, expected, weighed.size(up))
    along = {i: _narrow(_random(x, rng) * np.maximum(np.abs(x), 1), x) for i, x in enumerate(point.leaves)}
    if any(np.size(x) > EACH for x in point.leaves):
        quantity, h = _Quantity(point, along, weighed), point.step
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


def _elements(point: _Point, rng: np.random.Generator) -> Iterator[tuple[int, tuple[int, ...], Direction]]:
    """Yield every element to try: its leaf, its index, and a direction in which only it moves."""
    for i, x in enumerate(point.leaves):
        wide = _wide(x)
        every = list(np.ndindex(np.shape(wide)))
        chosen = every if len(every) <= EACH else [every[k] for k in rng.choice(len(every), EACH, replace=False)]
        for where in chosen:
            for unit in (1, 1j) if np.iscomplexobj(wide) else (1,):
                d = np.zeros(np.shape(wide), np.result_type(wide))
                d[where] = unit
                yield i, where, {i: d[()]}


def _compare_tangents(
    point: _Point, path: str, direction: Direction, h: float, tangents: Sequence[Any], up: Any, down: Any
) -> None:
    """Compare forward mode along a direction with the difference, element by element of the result."""
    for k, (actual, above, below) in enumerate(zip(tangents, up, down, strict=True)):
        if not _is_inexact(above):
            continue
        expected, size = np.asarray((above - below) / (2 * h)), np.asarray(np.abs(above))
        wrong = ~_agrees(point, actual, expected, h, size)
        for at in map(tuple, np.argwhere(wrong).tolist()):
            what = f"{_element(point.results[k], at)}, along {path}: forward mode"
            quantity = _Quantity(point, direction, _Single(k, at))
            _compare(point, what, np.asarray(actual)[at], quantity, h, expected[at], float(size[at]))


def _agrees(point: _Point, actual: Any, expected: Any, h: float, size: Any) -> Any:
    """Say where a derivative is near a difference of values of a size, whose rounding makes the difference inexact."""
    allowed = point.tolerance * (np.abs(expected) + 0.1) + 8 * point.eps * size / h
    return (np.abs(actual - expected) <= allowed) & np.isfinite(expected)


def _compare(
    point: _Point, what: str, actual: Any, quantity: Callable[[float], Any], h: float, expected: Any, size: float
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
        f"{point.label}: {what} gives {_number(actual)}, central differences {_number(expected)} (step {h:.3g}). "
        f"{_what_is_there(point, actual, quantity, h)}"
    )


def _what_is_there(point: _Point, actual: Any, quantity: Callable[[float], Any], h: float) -> str:
    """Say whether the point sits on a kink, on a jump or at the edge of the domain."""
    here, above, below = quantity(0.0), quantity(h), quantity(-h)
    right, left = (above - here) / h, (here - below) / h
    sides = f"{_number(left, 6)} and {_number(right, 6)}"
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
            f"The values beside it are {_number(below, 6)} and {_number(above, 6)}: the point sits on a jump; at second order, "
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


def _check_transposes(point: _Point, i: int, weighed: _Weighed, tangents: Sequence[Any], products: Any) -> None:
    """The cotangent times the tangent is one number, on either side of the function."""
    forward, reverse = weighed(tangents), float(np.sum(products).real)
    size = 1.0 + weighed.size(tangents) + float(np.sum(np.abs(products)))
    if not abs(forward - reverse) <= max(EXACT, 1000 * max(point.eps, _eps(point.leaves))) * size:
        raise AssertionError(
            f"{point.label}: {point.paths[i]}: forward and reverse mode are not transposes: a cotangent times the tangent is "
            f"{forward}, the gradient times its direction {reverse}."
        )


# --- small tools ----------------------------------------------------------------------------------------------------
def _own(x: Any) -> Any:
    """Return a leaf of the arguments as nobody can change it."""
    x = x.data if isinstance(x, Tensor) else x
    return _frozen(x.copy()) if type(x) is np.ndarray and x.dtype != object else x


def _frozen(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        x.setflags(write=False)
    return x


def _is_inexact(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.generic, float, complex)) and np.result_type(x).kind in "fc"


def _wide(x: Any) -> Any:
    """Return an array or number in double precision at least."""
    dtype = np.result_type(x, np.float64)
    return x.astype(dtype) if isinstance(x, np.ndarray) else dtype.type(x)


def _narrow(x: Any, like: Any) -> Any:
    """Return numbers in the dtype of others."""
    return np.asarray(x, np.result_type(like))[()]


def _zeros(x: Any) -> Any:
    return np.zeros(np.shape(x), np.result_type(x))[()]


def _random(x: Any, rng: np.random.Generator) -> Any:
    """Return normal numbers of the shape and dtype of another array."""
    dtype, shape = np.result_type(x), np.shape(x)
    z = rng.standard_normal(shape)
    return np.asarray(z + 1j * rng.standard_normal(shape) if dtype.kind == "c" else z).astype(dtype)[()]


def _cotangent(point: _Point, rng: np.random.Generator) -> Any:
    """Return normal numbers built like the result, zeros for what is no floating-point number."""
    values = _values(point.fun, point.fun(*point.leaves))
    if len(values) == 1 and np.size(values[0]) == 1 and not np.iscomplexobj(values[0]):
        return _tree.unflatten(point.structure, [np.ones_like(values[0])[()]])  # the gradient as everyone knows it
    return _tree.unflatten(point.structure, [_random(v, rng) if _is_inexact(v) else _zeros(v) for v in values])


def _values(fun: Any, result: Any) -> list[Any]:
    """Return the leaves of a result as arrays."""
    values = [_plain(x) for x in _tree.flatten(result)[0]]
    for x in values:
        if not isinstance(x, (np.ndarray, np.generic, bool, int, float, complex)):
            msg = f"check_grads() needs a function that returns numbers and arrays, but {name_of(fun)}() returned a {type(x).__name__}."
            raise ArgumentError(msg)
    return values


def _plain(x: Any) -> Any:
    return x.data if isinstance(x, Tensor) else x


def _eps(values: Sequence[Any]) -> float:
    """Return the relative rounding error of the coarsest floating-point numbers."""
    return max((float(np.finfo(np.result_type(x)).eps) for x in values if _is_inexact(x)), default=0.0)


def _kind(x: Any) -> str:
    return f"has dtype {x.dtype}" if isinstance(x, (np.ndarray, np.generic)) else f"is of type {type(x).__name__}"


def _first(wrong: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in np.argwhere(wrong)[0]) if np.ndim(wrong) else ()


def _element(path: str, where: tuple[int, ...]) -> str:
    return f"{path}, element {where}" if where else path


def _number(x: Any, digits: int = 10) -> str:
    z = complex(x)
    return f"{z:.{digits}g}" if np.iscomplexobj(x) else f"{z.real:.{digits}g}"
