"""Reverse and forward mode, each as a value: `vjp`, `jvp`, `linearize`, `linear_transpose`."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, ParamSpec, TypeVar, overload

import numpy as np
from attrs import field, frozen

from tape_ad import _tree
from tape_ad._core import Tensor
from tape_ad._errors import ArgumentError, NotLinearError, SeedError
from tape_ad._propagate import fit_seed
from tape_ad._tape import Tape
from tape_ad.transforms._call import (
    Outputs,
    Recording,
    Transform,
    call_recorded,
    caller,
    check_watched,
    function,
    matching,
    name_of,
    outputs_of,
    parameter,
    plain,
    rarer_collection,
    refuse_keywords,
    release,
    serials,
    settle,
    split_aux,
)

P = ParamSpec("P")
R = TypeVar("R")
Aux = TypeVar("Aux")


def is_tracked(values: Sequence[Any]) -> bool:
    """Say whether any of some values is a tracked tensor."""
    return True in [type(x) is Tensor and x.autograd for x in values]


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
    given = matching(cotangent, outputs.structure, "cotangent", "cotangent")
    if called.watched:
        check_watched(called.watched)
    serial, flat = next(serials), called.flat
    differentiable = outputs.outside or is_tracked(given)
    seeds = []
    for i, (value, ct) in enumerate(zip(outputs.values, given, strict=True)):
        if i in outputs.tracked:
            seeds.append(fit_seed(ct, value, "cotangent", differentiable))
        elif np.shape(ct.data if type(ct) is Tensor else ct) != np.shape(value):
            path = _tree.paths(outputs.structure, "cotangent")[i]
            msg = f"The {path} has shape {np.shape(ct)}, but what it belongs to has shape {np.shape(value)}. Broadcast it first."
            raise SeedError(msg)
    found = outputs.tape.cotangents(flat, seeds, differentiable=differentiable) if outputs.tape is not None else {}
    seen: set[int] = set()
    return tuple(
        [
            _tree.unflatten(structure, [release(found.get(leaf), leaf, serial, seen, flat) for leaf in leaves])
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


def settled(outputs: Outputs, serial: int) -> Any:
    """Return what a recorded function returned as the caller gets it."""
    return _tree.unflatten(outputs.structure, [settle(x, serial) for x in outputs.values])


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
    _check_pairs(fun, primals, tangents)
    with rarer_collection:
        called = call_recorded(function(fun), "jvp", range(len(primals)), primals, {}, caller(1))
        value, aux = split_aux(called) if has_aux else (called.result, None)
        outputs = outputs_of(called, value)
        out, tangent = settled(outputs, called.serial), push_forward(called, outputs, tangents)
    if has_aux:
        return out, tangent, _tree.transform(lambda x: settle(x, called.serial), aux)
    return out, tangent


def _check_pairs(fun: Any, primals: Any, tangents: Any) -> None:
    for what, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            msg = f"jvp({name_of(fun)}, primals, tangents) takes {what} as a tuple, one per argument, but got {type(given).__name__}. Write (x,)."
            raise ArgumentError(msg)
    if len(primals) != len(tangents):
        msg = f"jvp({name_of(fun)}, primals, tangents) got {len(primals)} primals, but {len(tangents)} tangents."
        raise ArgumentError(msg)


def push_forward(called: Recording, outputs: Outputs, tangents: Sequence[Any]) -> Any:
    """Return the tangent of the result for tangents of all differentiated arguments."""
    if called.watched:
        check_watched(called.watched)
    serial, flat = next(serials), called.flat
    given: list[Any] = []
    for place, structure, tangent in zip(called.places, called.structures, tangents, strict=True):
        given += matching(tangent, structure, "tangent", parameter(called.fun, place))
    differentiable = outputs.outside or is_tracked(given)
    known = {leaf: fit_seed(d, leaf, "tangent", differentiable) for leaf, d in zip(flat, given, strict=True)}
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
            msg = f"{self!r} takes {len(self._called.leaves)} tangents, but got {len(tangents) + len(kwargs)}."
            raise ArgumentError(msg)
        with rarer_collection:
            return push_forward(self._called, self._outputs, tangents)  # type: ignore[no-any-return]  # built like the value

    def __repr__(self) -> str:
        return f"Linearized(fun={name_of(self._called.fun)})"


def linearize(fun: Callable[P, R], /, *primals: P.args, **kwargs: P.kwargs) -> tuple[R, Linearized[P, R]]:
    """Return the value of ``fun`` and its derivative at the primals, a linear function of the direction.

    ``linearized(*tangents)`` is the tangent that `jvp` returns, without computing ``fun`` again: for many directions at
    one point.

    >>> value, linearized = linearize(np.square, 3.0)
    >>> linearized(1.0), linearized(10.0)
    (np.float64(6.0), np.float64(60.0))
    """
    refuse_keywords("linearize", kwargs)
    with rarer_collection:
        called = call_recorded(function(fun), "linearize", range(len(primals)), primals, {}, caller(1))
        outputs = outputs_of(called, called.result)
        return settled(outputs, called.serial), Linearized(called, outputs)


# --- transposition --------------------------------------------------------------------------------------------------
@frozen(repr=False)
class LinearTranspose(Transform, Generic[P, R]):
    """The transpose of a linear function, as a function; see `linear_transpose`."""

    fun: Callable[P, R] = field(converter=function)
    primals: tuple[Any, ...]

    def __call__(self, cotangent: R, /) -> tuple[Any, ...]:
        """Return the transpose of the function, applied to an array of the shape of its result."""
        with rarer_collection:
            called = call_recorded(self.fun, "linear_transpose", range(len(self.primals)), self.primals, {}, caller(1))
            outputs = outputs_of(called, called.result)
            if outputs.tape is not None:
                check_linear(outputs.tape, self.fun)
            return pull_back(called, outputs, cotangent)

    def __repr__(self) -> str:
        return f"LinearTranspose(fun={name_of(self.fun)})"


def linear_transpose(fun: Callable[P, R], /, *primals: P.args, **kwargs: P.kwargs) -> LinearTranspose[P, R]:
    """Return the transpose of a linear function: ``<ct, fun(x)> = <transpose(ct), x>`` for all x.

    Args:
        fun: A function that is linear in all its arguments together.
        primals: Arguments of the shapes and dtypes that it takes; their values do not matter.
        kwargs: None; the error for another library's keyword names ours.

    Raises:
        NotLinearError: when called, if ``fun`` is not linear; it names the operation and its line.

    >>> transpose = linear_transpose(np.cumsum, np.zeros(3))
    >>> transpose(np.array([1.0, 0.0, 2.0]))
    (array([3., 2., 2.]),)
    """
    refuse_keywords("linear_transpose", kwargs)
    return LinearTranspose(fun, primals)


_PRODUCTS = frozenset({"multiply", "matmul", "dot", "tensordot", "einsum"})


def check_linear(tape: Tape, fun: Callable[..., Any]) -> None:
    """Raise the error for the first operation of a tape that is not linear in what is tracked."""
    leaves = set(tape.leaves)
    for t in tape.tensors:
        call = t.creation_op
        if call is None or t in leaves:
            continue
        tracked = [i for i, c in enumerate(t.creators) if c.autograd]
        name, rules = call.op.name, call.op.vjps
        if call.op.kind == "linear":
            offsets = [
                c for i, c in enumerate(t.creators)
                if i not in tracked and (call.op.variadic or rules[i] is not None) and np.any(np.asarray(c.data) != 0)
            ]  # fmt: skip
            holds = not offsets
        elif name in _PRODUCTS:
            holds = len(tracked) == 1
        elif name == "divide":
            holds = tracked == [0]
        elif name == "masked_reduction":
            holds = call.params["function"] in ("sum", "mean") and not call.params.get("initial")
        else:
            holds = name in ("tile", "repeat")
        if not holds:
            msg = f"linear_transpose({name_of(fun)}) needs a linear function, but {call} at {t.made_at} is not linear in its arguments."
            raise NotLinearError(msg)
