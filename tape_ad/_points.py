"""A function at a point, as `check_grads` sees it: a function of the leaves of its arguments, and so is its gradient."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen

from tape_ad import _tree
from tape_ad._core import Tensor
from tape_ad._errors import ArgumentError
from tape_ad._law_tools import CLOSE, data_of
from tape_ad.transforms import jvp, vjp
from tape_ad.transforms._functions import name_of, signature_of

STEP = 1e-5
"""Of the differences, relative to elements larger than one; larger where results have single precision."""

Direction = Mapping[int, Any]
"""By the positions of leaves, which way they move."""


# --- the records ----------------------------------------------------------------------------------------------------
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
class Point:
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
        moved = [widened(x) + t * direction[i] if i in direction else widened(x) for i, x in enumerate(self.leaves)]
        return values_of(self.fun, self.fun(*[_frozen(x) for x in moved]))


@frozen(eq=False)
class Weighed:
    """The sum of the results times cotangents: one number, read from the leaves of the result."""

    cts: tuple[Any, ...]

    def __call__(self, values: Sequence[Any]) -> float:
        return sum(float(np.sum(c * v).real) for c, v in zip(self.cts, values, strict=True) if is_inexact(v))

    @property
    def is_one(self) -> bool:
        """Whether the result is one number, taken as it is."""
        return len(self.cts) == 1 and np.size(self.cts[0]) == 1 and bool(np.all(self.cts[0] == 1))

    def size(self, values: Sequence[Any]) -> float:
        """Return the sum without signs: what rounding is relative to."""
        return sum(float(np.sum(np.abs(c) * np.abs(v))) for c, v in zip(self.cts, values, strict=True))


@frozen(eq=False)
class Single:
    """One element of the result, read from its leaves."""

    leaf: int
    where: tuple[int, ...]

    def __call__(self, values: Sequence[Any]) -> Any:
        return np.asarray(values[self.leaf])[self.where]


@frozen(eq=False)
class Quantity:
    """A number read from the result, as a function of the displacement of the point along a direction."""

    point: Point
    direction: Direction
    read: Callable[[Sequence[Any]], Any]

    def __call__(self, t: float) -> Any:
        return self.read(self.point.at(self.direction, t))


# --- how it is made -------------------------------------------------------------------------------------------------
def point_of(f: Callable[..., Any], args: Sequence[Any]) -> Point:
    leaves, structure = _tree.flatten(tuple(args))
    leaves = [_own(x) for x in leaves]
    names = [
        path for i, part in enumerate(structure.parts) for path in _tree.paths(part, f"argument {i}{_named(f, i)}")
    ]
    vary = tuple([i for i, x in enumerate(leaves) if is_inexact(x)])
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
    result = fun(*[_frozen(widened(x)) for x in point])
    built = _tree.flatten(result)[1]
    values = values_of(f, result)
    if not any(is_inexact(x) for x in values):
        msg = f"check_grads({name_of(f)}, args): there is nothing to differentiate, since {name_of(f)}() returned no floating-point numbers."
        raise ArgumentError(msg)
    eps = eps_of(values)
    tolerance = max(CLOSE, 4 * max(eps, eps_of(point)) ** 0.5)
    return Point(fun, name_of(f), point, paths, built, tuple(_tree.paths(built, "result")), eps, tolerance)


def _named(f: Callable[..., Any], i: int) -> str:
    signature = signature_of(f)
    given = [] if signature is None else list(signature.parameters.values())
    return f" ({given[i].name})" if i < len(given) and given[i].kind <= given[i].POSITIONAL_OR_KEYWORD else ""


def derived(point: Point, modes: Sequence[str], rng: np.random.Generator) -> Point:
    """Return the gradient at the point, in forward mode the tangent, as another function to look at."""
    label = f"{point.label}, second order"
    if "rev" in modes:
        fun: Callable[..., Any] = _Gradient(point.fun, cotangent_of(point, rng))
        names = tuple([f"gradient of {path}" for path in point.paths])
    else:
        fun = _Tangent(point.fun, tuple([drawn_like(x, rng) for x in point.leaves]))
        names = tuple([f"tangent of the {result}" for result in point.results])
    structure = _tree.flatten(fun(*point.leaves))[1]
    return Point(fun, label, point.leaves, point.paths, structure, names, point.eps, point.tolerance)


def check_value(point: Point) -> None:
    """See that the value is finite, and the same for tensors as for arrays, and at every call."""
    first, second = (values_of(point.fun, point.fun(*point.leaves)) for _ in range(2))
    third = values_of(point.fun, vjp(point.fun, *point.leaves)[0])
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
                said = why.format(written(np.asarray(a)[at]), written(np.asarray(other)[at]))
                raise AssertionError(f"{point.label}: {element_of(result, at)}: {said}.")


def _refuse_infinite(x: Any, where: str, hint: str) -> None:
    wrong = ~np.isfinite(x)
    if wrong.any():
        at = _first(wrong)
        raise AssertionError(f"{element_of(where, at)} is {written(np.asarray(x)[at])}: {hint}.")


# --- small tools ----------------------------------------------------------------------------------------------------
def _own(x: Any) -> Any:
    """Return a leaf of the arguments as nobody can change it."""
    x = x.data if isinstance(x, Tensor) else x
    return _frozen(x.copy()) if type(x) is np.ndarray and x.dtype != object else x


def _frozen(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        x.setflags(write=False)
    return x


def is_inexact(x: Any) -> bool:
    """Say whether a leaf holds real or complex floating-point numbers."""
    return isinstance(x, (np.ndarray, np.generic, float, complex)) and np.result_type(x).kind in "fc"


def widened(x: Any) -> Any:
    """Return an array or number in double precision at least."""
    dtype = np.result_type(x, np.float64)
    return x.astype(dtype) if isinstance(x, np.ndarray) else dtype.type(x)


def narrowed(x: Any, like: Any) -> Any:
    """Return numbers in the dtype of others."""
    return np.asarray(x, np.result_type(like))[()]


def zeros_like(x: Any) -> Any:
    """Return zeros of the shape and dtype of an array or number."""
    return np.zeros(np.shape(x), np.result_type(x))[()]


def drawn_like(x: Any, rng: np.random.Generator) -> Any:
    """Return normal numbers of the shape and dtype of another array."""
    dtype, shape = np.result_type(x), np.shape(x)
    z = rng.standard_normal(shape)
    return np.asarray(z + 1j * rng.standard_normal(shape) if dtype.kind == "c" else z).astype(dtype)[()]


def cotangent_of(point: Point, rng: np.random.Generator) -> Any:
    """Return normal numbers built like the result, zeros for what is no floating-point number."""
    values = values_of(point.fun, point.fun(*point.leaves))
    if len(values) == 1 and np.size(values[0]) == 1 and not np.iscomplexobj(values[0]):
        return _tree.unflatten(point.structure, [np.ones_like(values[0])[()]])  # the gradient as everyone knows it
    return _tree.unflatten(point.structure, [drawn_like(v, rng) if is_inexact(v) else zeros_like(v) for v in values])


def values_of(fun: Any, result: Any) -> list[Any]:
    """Return the leaves of a result as arrays."""
    values = [data_of(x) for x in _tree.flatten(result)[0]]
    for x in values:
        if not isinstance(x, (np.ndarray, np.generic, bool, int, float, complex)):
            msg = f"check_grads() needs a function that returns numbers and arrays, but {name_of(fun)}() returned a {type(x).__name__}."
            raise ArgumentError(msg)
    return values


def eps_of(values: Sequence[Any]) -> float:
    """Return the relative rounding error of the coarsest floating-point numbers."""
    return max((float(np.finfo(np.result_type(x)).eps) for x in values if is_inexact(x)), default=0.0)


def _kind(x: Any) -> str:
    return f"has dtype {x.dtype}" if isinstance(x, (np.ndarray, np.generic)) else f"is of type {type(x).__name__}"


def _first(wrong: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in np.argwhere(wrong)[0]) if np.ndim(wrong) else ()


def element_of(path: str, where: tuple[int, ...]) -> str:
    """Return how messages call an element of a leaf."""
    return f"{path}, element {where}" if where else path


def written(x: Any, digits: int = 10) -> str:
    """Return a number as messages write it."""
    z = complex(x)
    return f"{z:.{digits}g}" if np.iscomplexobj(x) else f"{z.real:.{digits}g}"
