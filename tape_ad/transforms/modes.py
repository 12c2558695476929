"""Reverse and forward mode, each as a value: `vjp`, `jvp`, `linearize`, `linear_transpose`."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, ParamSpec, TypeVar, overload

import numpy as np
from attrs import field, frozen

from tape_ad import _tree
from tape_ad._core import Tensor
from tape_ad._errors import ArgumentError, SeedError
from tape_ad._propagate import SEEDS, Recorded, fit_seed
from tape_ad.transforms._call import Recording, call_recorded, caller, check_watched, rarer_collection, serials
from tape_ad.transforms._functions import Transform, constants_by_name, function, name_of, parameter, refuse_keywords
from tape_ad.transforms._linear import check_linear
from tape_ad.transforms._results import Outputs, matching, outputs_of, plain, release, settle, split_aux

P = ParamSpec("P")
R = TypeVar("R")
Aux = TypeVar("Aux")


def is_tracked(values: Sequence[Any]) -> bool:
    """Say whether any of some values is a tracked tensor."""
    return True in [type(x) is Tensor and x.autograd for x in values]


def recorded(outputs: Outputs, given: Sequence[Any]) -> Recorded:
    """Say what a pass over a recorded call records: all of it where it depends on something outside the call.

    Else at most how it depends on the seeds: the call has ended, so its own leaves are constants.
    """
    return True if outputs.outside else SEEDS if is_tracked(given) else False


@frozen(eq=False, repr=False)
class Pullback(Generic[R]):
    """What a cotangent of a function's result makes of its arguments; see `vjp`. It may be called any number of times."""

    _called: Recording
    _outputs: Outputs

    def __call__(self, cotangent: R, /) -> tuple[Any, ...]:
        """Return the gradients of the arguments, weighted by a cotangent of the shape of the result."""
        with rarer_collection:
            return pull_back(self._called, self._outputs, cotangent)

    def __repr__(self) -> str:
        return f"Pullback(fun={name_of(self._called.fun)})"


def pull_back(called: Recording, outputs: Outputs, cotangent: Any) -> tuple[Any, ...]:
    """Return what a cotangent of the result makes of each differentiated argument."""
    given = matching(cotangent, outputs.structure, "cotangent", lambda: "cotangent")
    if called.watched:
        check_watched(called.watched)
    serial, flat = next(serials), called.flat
    differentiable = recorded(outputs, given)
    seeds = []
    for i, (value, ct) in enumerate(zip(outputs.values, given, strict=True)):
        if i in outputs.tracked:
            seeds.append(_fitted(ct, value, differentiable, outputs.structure, i, "cotangent"))
        elif np.shape(ct) != np.shape(value):
            path = _tree.paths(outputs.structure, "cotangent")[i]
            msg = f"The {path} has shape {np.shape(ct)}, but what it belongs to has shape {np.shape(value)}. Broadcast it first."
            raise SeedError(msg)
    found = outputs.tape.cotangents(flat, seeds, differentiable=differentiable) if outputs.tape is not None else {}
    seen: set[int] = set()
    return tuple(
        [
            _tree.unflatten(
                structure, [release(found.get(leaf), leaf, serial, seen, flat) for leaf in leaves], copied=True
            )
            for structure, leaves in zip(called.structures, called.leaves, strict=True)
        ]
    )


@overload
def vjp(fun: Callable[..., R], /, *primals: Any, has_aux: Literal[False] = False) -> tuple[R, Pullback[R]]: ...
@overload
def vjp(fun: Callable[..., tuple[R, Aux]], /, *primals: Any, has_aux: Literal[True]) -> tuple[R, Pullback[R], Aux]: ...
def vjp(fun: Callable[..., Any], /, *primals: Any, has_aux: bool = False, **foreign: Any) -> Any:
    """Return the value of ``fun`` and its pullback: reverse mode, with the cotangent given later.

    ``pullback(cotangent)`` returns one gradient per primal, as a tuple. It is a record that may be called again, with
    other cotangents, later, and by other threads.

    Args:
        fun: The function; it may return an array or a nest of arrays.
        primals: Its arguments, all of which are differentiated.
        has_aux: Whether ``fun`` returns ``(value, anything)``; the result is then ``(value, pullback, anything)``.
        foreign: Keywords of other libraries; the error names ours.

    Raises:
        IntegerGradientError: if a primal holds integers or booleans.
        StructureError: by the pullback, if the cotangent is not built like the value.
        SeedError: by the pullback, if its shape or dtype does not fit.

    >>> value, pullback = vjp(np.multiply, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 3., 40.]), array([ 1., 20.]))
    """
    refuse_keywords("vjp", foreign)
    with rarer_collection:
        called = call_recorded(function(fun), "vjp", range(len(primals)), primals, {}, caller(1))
        value, aux = split_aux(called) if has_aux else (called.result, None)
        outputs = outputs_of(called, value)
        out = settled(outputs, called.serial)
    pullback: Pullback[Any] = Pullback(called, outputs)
    if has_aux:
        return out, pullback, _tree.transform(lambda x: settle(x, called.serial), aux)
    return out, pullback


def _fitted(seed: Any, like: Tensor, differentiable: Recorded, structure: _tree.Structure, i: int, root: str) -> Any:
    """Return a seed that fits its tensor; the error for one that does not names its place in the nest."""
    try:
        return fit_seed(seed, like, root, differentiable, passing=True)
    except SeedError:
        if structure is _tree.LEAF:
            raise
    return fit_seed(seed, like, _tree.paths(structure, root)[i], differentiable)


def settled(outputs: Outputs, serial: int) -> Any:
    """Return what a recorded function returned as the caller gets it."""

    def own(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            return x.copy()
        return settle(x, serial) if outputs.outside else plain(x)

    return _tree.unflatten(outputs.structure, [own(x) for x in outputs.values])


# --- forward mode ---------------------------------------------------------------------------------------------------
@overload
def jvp(
    fun: Callable[..., R], primals: Sequence[Any], tangents: Sequence[Any], has_aux: Literal[False] = False
) -> tuple[R, R]: ...
@overload
def jvp(
    fun: Callable[..., tuple[R, Aux]], primals: Sequence[Any], tangents: Sequence[Any], has_aux: Literal[True]
) -> tuple[R, R, Aux]: ...
def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False, **foreign: Any
) -> Any:
    """Return the value of ``fun`` and its directional derivative: forward mode.

    Args:
        fun: The function; it may return an array or a nest of arrays.
        primals: Its arguments, as a tuple or list.
        tangents: The direction: as many, each built and shaped like its primal.
        has_aux: Whether ``fun`` returns ``(value, anything)``; the result is then ``(value, tangent, anything)``.
        foreign: Keywords of other libraries; the error names ours.

    Raises:
        ArgumentError: if primals or tangents are no tuples or lists of the same length.
        StructureError: if a tangent is not built like its primal.
        SeedError: if its shape or dtype does not fit.

    >>> jvp(np.sin, (0.0,), (2.0,))
    (np.float64(0.0), np.float64(2.0))
    """
    refuse_keywords("jvp", foreign)
    check_pairs("jvp", fun, primals, tangents)
    with rarer_collection:
        called = call_recorded(function(fun), "jvp", range(len(primals)), primals, {}, caller(1))
        value, aux = split_aux(called) if has_aux else (called.result, None)
        outputs = outputs_of(called, value)
        out, tangent = settled(outputs, called.serial), push_forward(called, outputs, tangents)
    if has_aux:
        return out, tangent, _tree.transform(lambda x: settle(x, called.serial), aux)
    return out, tangent


def check_pairs(transform: str, fun: Any, primals: Any, tangents: Any) -> None:
    """Refuse primals and tangents that are not two tuples or lists of the same length."""
    for what, given, letter in (("primals", primals, "x"), ("tangents", tangents, "v")):
        if not isinstance(given, (tuple, list)):
            msg = f"{transform}({name_of(fun)}, primals, tangents) takes {what} as a tuple, one per argument, but got {type(given).__name__}. Write ({letter},)."
            raise ArgumentError(msg)
    if len(primals) != len(tangents):
        msg = (
            f"{transform}({name_of(fun)}, primals, tangents) got {len(primals)} primals, but {len(tangents)} tangents."
        )
        raise ArgumentError(msg)


def tangents_of(called: Recording, tangents: Sequence[Any]) -> list[list[Any]]:
    """Return the leaves of each tangent, which must be built like its primal."""
    return [
        matching(tangent, structure, "tangent", functools.partial(parameter, called.fun, place))
        for place, structure, tangent in zip(called.places, called.structures, tangents, strict=True)
    ]


def directions_of(called: Recording, given: Sequence[Sequence[Any]], differentiable: Recorded) -> dict[Tensor, Any]:
    """Return the tangent of each leaf, in its shape and dtype."""
    known = {}
    for place, structure, leaves, ds in zip(called.places, called.structures, called.leaves, given, strict=True):
        if structure is _tree.LEAF:
            known[leaves[0]] = fit_seed(ds[0], leaves[0], "tangent", differentiable)
            continue
        root = f"tangent of {parameter(called.fun, place)}"
        for i, (leaf, d) in enumerate(zip(leaves, ds, strict=True)):
            known[leaf] = _fitted(d, leaf, differentiable, structure, i, root)
    return known


def push_forward(called: Recording, outputs: Outputs, tangents: Sequence[Any]) -> Any:
    """Return the tangent of the result for tangents of all differentiated arguments."""
    if called.watched:
        check_watched(called.watched)
    serial, flat = next(serials), called.flat
    given = tangents_of(called, tangents)
    differentiable = recorded(outputs, [d for leaves in given for d in leaves])
    known = directions_of(called, given, differentiable)
    found: list[Any] = [None] * len(outputs.values)
    if outputs.tape is not None:
        pushed = outputs.tape.tangents(known, differentiable=differentiable)
        for i, d in zip(outputs.tracked, pushed, strict=True):
            found[i] = d
    released = [
        _no_tangent(value) if d is None else settle(d, serial, flat) if type(d) is Tensor else plain(d)
        for value, d in zip(outputs.values, found, strict=True)
    ]
    return _tree.unflatten(outputs.structure, released)


def _no_tangent(value: Any) -> Any:
    """Return the tangent of a result that does not depend on the arguments."""
    data = value.data if type(value) is Tensor else value
    dtype = np.result_type(data) if np.result_type(data).kind in "fc" else np.dtype(float)
    return np.zeros(np.shape(data), dtype)[()] if not np.shape(data) else np.zeros(np.shape(data), dtype)


@frozen(eq=False, repr=False)
class Linearized(Generic[P, R]):
    """The derivative of a function at a point, as a linear function of the direction; see `linearize`."""

    _called: Recording
    _outputs: Outputs

    def __call__(self, *tangents: P.args, **kwargs: P.kwargs) -> R:
        """Return the directional derivative."""
        if len(tangents) != len(self._called.leaves) or kwargs:
            got = f"{len(tangents)}" + (f", and {', '.join(kwargs)} by name" if kwargs else "")
            msg = f"{self!r} takes {len(self._called.leaves)} tangents by position, but got {got}."
            raise ArgumentError(msg)
        with rarer_collection:
            return push_forward(self._called, self._outputs, tangents)  # type: ignore[no-any-return]  # built like the value

    def __repr__(self) -> str:
        return f"Linearized(fun={name_of(self._called.fun)})"


def linearize(fun: Callable[P, R], /, *primals: P.args, **kwargs: P.kwargs) -> tuple[R, Linearized[P, R]]:
    """Return the value of ``fun`` and its derivative at the primals, a linear function of the direction.

    ``linearized(*tangents)`` is the tangent that `jvp` returns, without computing ``fun`` again: for many directions at
    one point. Arguments by keyword are constants.

    >>> value, linearized = linearize(np.square, 3.0)
    >>> linearized(1.0), linearized(10.0)
    (np.float64(6.0), np.float64(60.0))
    """
    named = constants_by_name("linearize", fun, kwargs)
    with rarer_collection:
        called = call_recorded(function(fun), "linearize", range(len(primals)), primals, named, caller(1))
        outputs = outputs_of(called, called.result)
        return settled(outputs, called.serial), Linearized(called, outputs)


# --- transposition --------------------------------------------------------------------------------------------------
def _kinds(primals: Any) -> Any:
    """Return what matters of arguments of a linear function: how they are built, their shapes and dtypes."""
    leaves, structure = _tree.flatten(primals)
    return structure, tuple([(np.shape(x), np.result_type(x.data if type(x) is Tensor else x)) for x in leaves])


@frozen(repr=False)
class LinearTranspose(Transform, Generic[P, R]):
    """The transpose of a linear function, as a function; see `linear_transpose`."""

    fun: Callable[P, R] = field(converter=function)
    primals: tuple[Any, ...] = field(eq=_kinds)

    def __call__(self, cotangent: R, /) -> tuple[Any, ...]:
        """Return the transpose of the function, applied to an array of the shape of its result."""
        with rarer_collection:
            called = call_recorded(self.fun, "linear_transpose", range(len(self.primals)), self.primals, {}, caller(1))
            outputs = outputs_of(called, called.result)
            check_linear(outputs.values, called.flat, f"linear_transpose({name_of(self.fun)})")
            return pull_back(called, outputs, cotangent)

    def __repr__(self) -> str:
        return f"LinearTranspose(fun={name_of(self.fun)})"


def linear_transpose(fun: Callable[P, R], /, *primals: P.args, **kwargs: P.kwargs) -> LinearTranspose[P, R]:
    """Return the transpose of a linear function: ``<ct, fun(x)> = <transpose(ct), x>`` for all x.

    Args:
        fun: A function that is linear in all its arguments together.
        primals: Arguments of the shapes and dtypes that it takes; their values do not matter.
        kwargs: Other arguments of the function, which are constants.

    Raises:
        NotLinearError: when called, if ``fun`` is not linear; it names the operation and its line.

    >>> transpose = linear_transpose(np.cumsum, np.zeros(3))
    >>> transpose(np.array([1.0, 0.0, 2.0]))
    (array([3., 2., 2.]),)
    """
    named = constants_by_name("linear_transpose", fun, kwargs)
    return LinearTranspose(functools.partial(fun, **named) if named else fun, primals)
