"""Rules of one's own for a function: `custom_vjp` and `custom_jvp`.

A call is one node of the tape, and the rule is ordinary code: it is differentiated itself where a higher order asks for
it. The mode that was not stated is the transpose of the one that was, since both are linear.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, Generic, ParamSpec, TypeVar

import attrs
import numpy as np
from attrs import field, frozen

from tape_ad import _tree
from tape_ad._batched import Batched
from tape_ad._core import TABLE, TENSORS, Call, Op, Pack, Tensor, apply, constant, record
from tape_ad._errors import ArgumentError, ConversionError, NoRuleError, RuleError
from tape_ad._rules import primitive
from tape_ad._tape import Tape
from tape_ad.transforms._call import caller
from tape_ad.transforms._functions import Transform, function, name_of, refuse_keywords, signature_of
from tape_ad.transforms._linear import check_linear

P = ParamSpec("P")
R = TypeVar("R")
_ndarray = np.ndarray


def _rule(value: Any) -> Any:
    return value if value is None else function(value)


@frozen(repr=False)
class CustomVjp(Transform, Generic[P, R]):
    """A function with a reverse rule of its own; see `custom_vjp`."""

    fun: Callable[P, R] = field(converter=function)
    fwd: Callable[..., Any] | None = field(default=None, converter=_rule)
    bwd: Callable[..., Any] | None = field(default=None, converter=_rule)

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> "CustomVjp[P, R]":
        """Return the function with its rule; see `custom_vjp`."""
        return attrs.evolve(self, fwd=fwd, bwd=bwd)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the function's value; where an argument is tracked, by ``fwd``."""
        if self.fwd is None:
            msg = f"{name_of(self.fun)} has no rule yet. Values do not change here: f = custom_vjp(f).defvjp(fwd, bwd)."
            raise NoRuleError(msg)
        arguments = _Arguments.of(self, args, kwargs)
        if not arguments.places:
            return self.fun(*args, **kwargs)
        result = self.fwd(*arguments.detached())
        if not isinstance(result, tuple) or len(result) != 2:
            msg = f"The fwd of {name_of(self.fun)} must return (value, residuals), but it returned {type(result).__name__}."
            raise RuleError(msg)
        value, residuals = result
        return _record(_CALL_WITH_VJP, self, arguments, value, {"residuals": residuals}, caller(1))  # type: ignore[no-any-return]  # what the function returns

    @property
    def __name__(self) -> str:
        return name_of(self.fun)


@frozen(repr=False)
class CustomJvp(Transform, Generic[P, R]):
    """A function with a forward rule of its own; see `custom_jvp`."""

    fun: Callable[P, R] = field(converter=function)
    rule: Callable[..., Any] | None = field(default=None, converter=_rule)

    def defjvp(self, rule: Callable[..., Any]) -> "CustomJvp[P, R]":
        """Return the function with its rule; see `custom_jvp`."""
        return attrs.evolve(self, rule=rule)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the function's value."""
        if self.rule is None:
            msg = f"{name_of(self.fun)} has no rule yet. Values do not change here: f = custom_jvp(f).defjvp(rule)."
            raise NoRuleError(msg)
        arguments = _Arguments.of(self, args, kwargs)
        if not arguments.places:
            return self.fun(*args, **kwargs)
        value = self.fun(*arguments.detached())  # type: ignore[call-arg]  # the arguments, by position
        return _record(_CALL_WITH_JVP, self, arguments, value, {}, caller(1))  # type: ignore[no-any-return]  # what the function returns

    @property
    def __name__(self) -> str:
        return name_of(self.fun)


def custom_vjp(fun: Callable[P, R], **foreign: Any) -> CustomVjp[P, R]:
    """Return a function whose reverse mode follows a rule of its own, given by ``defvjp(fwd, bwd)``.

    ``fwd(*args)`` returns ``(value, residuals)``, with anything as residuals; ``bwd(residuals, cotangent)`` returns a tuple
    with one gradient per argument, each built like its argument, or None for zero. Keyword arguments arrive by position.
    The rule must be linear in the cotangent: forward mode is its transpose. Higher orders differentiate ``fwd`` and ``bwd``.

    What the function depends on must be among its arguments: a tracked tensor that it closes over is refused.

    Args:
        fun: The function; any arguments, also such that are not differentiated.
        foreign: Keywords of other libraries; the error names ours.

    >>> def fwd(x):
    ...     return np.exp(x), np.exp(x)
    >>> def bwd(exp_x, ct):
    ...     return (ct * exp_x,)
    >>> exponential = custom_vjp(np.exp).defvjp(fwd, bwd)
    >>> from tape_ad import grad
    >>> grad(exponential)(0.0), grad(grad(exponential))(0.0)
    (np.float64(1.0), np.float64(1.0))
    """
    refuse_keywords("custom_vjp", foreign)
    return CustomVjp(fun)


def custom_jvp(fun: Callable[P, R], **foreign: Any) -> CustomJvp[P, R]:
    """Return a function whose forward mode follows a rule of its own, given by ``defjvp(rule)``.

    ``rule(primals, tangents)`` returns ``(value, tangent)``; primals and tangents are tuples with one entry per argument.
    The rule must be linear in the tangents: reverse mode is its transpose. Higher orders differentiate the rule.

    Args:
        fun: The function; any arguments, also such that are not differentiated.
        foreign: Keywords of other libraries; the error names ours.

    >>> def rule(primals, tangents):
    ...     (x,), (dx,) = primals, tangents
    ...     return np.sin(x), np.cos(x) * dx
    >>> sine = custom_jvp(np.sin).defjvp(rule)
    >>> from tape_ad import grad
    >>> grad(sine)(0.0), grad(grad(grad(sine)))(0.0)
    (np.float64(1.0), np.float64(-1.0))
    """
    refuse_keywords("custom_jvp", foreign)
    return CustomJvp(fun)


# --- arguments and results ------------------------------------------------------------------------------------------
@frozen(eq=False)
class _Arguments:
    """The arguments of a call, taken apart; ``places`` are the leaves that are tracked tensors."""

    leaves: tuple[Any, ...]
    structure: _tree.Structure
    places: tuple[int, ...]

    @classmethod
    def of(cls, transform: CustomVjp[..., Any] | CustomJvp[..., Any], args: Any, kwargs: Any) -> "_Arguments":
        signature = signature_of(transform.fun)
        if signature is None:
            if kwargs:
                msg = f"The signature of {name_of(transform.fun)} is not known, so its arguments can only be passed by position."
                raise ArgumentError(msg)
        else:
            bound = signature.bind(*args, **kwargs)
            named = tuple(bound.kwargs)
            if inspect.isfunction(transform.fun) or inspect.ismethod(transform.fun):
                bound.apply_defaults()
            if named:
                msg = (
                    f"{name_of(transform.fun)} has a rule of its own, whose arguments go by position, but {', '.join(named)} "
                    "can only be passed by name. Bind it beforehand with functools.partial."
                )
                raise ArgumentError(msg)
            args = bound.args
        leaves, structure = _tree.flatten(tuple(args))
        places = tuple([i for i, x in enumerate(leaves) if type(x) is Tensor and x.autograd])
        return cls(tuple(leaves), structure, places)

    @property
    def operands(self) -> tuple[Tensor, ...]:
        return tuple([self.leaves[i] for i in self.places])

    def filled(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Return the arguments with other values in the tracked places."""
        leaves = list(self.leaves)
        for i, value in zip(self.places, values, strict=True):
            leaves[i] = value
        return _tree.unflatten(self.structure, leaves)  # type: ignore[no-any-return]  # of a tuple

    def detached(self) -> tuple[Any, ...]:
        return self.filled([shown(t.data) for t in self.operands])

    def tangents(self, given: Mapping[int, Any]) -> tuple[Any, ...]:
        """Return tangents for all arguments: zeros where none is given, None for what has none."""
        leaves = [given[i] if i in given else _zeros_like(x) for i, x in enumerate(self.leaves)]
        return _tree.unflatten(self.structure, leaves)  # type: ignore[no-any-return]  # of a tuple


def _zeros_like(x: Any) -> Any:
    if not isinstance(x, (Tensor, Batched, _ndarray, np.generic, int, float, complex)):
        return None
    dtype = np.result_type(x.data if type(x) is Tensor else x)
    return np.zeros(np.shape(x), dtype if dtype.kind in "fc" else float)[()]


def shown(data: Any) -> Any:
    """Return data as a user's rule sees it: an array, or where there are many examples a constant tensor."""
    return constant(data) if type(data) is Batched else data


def hidden(value: Any, fun: Any) -> Any:
    """Return the data of what a user's rule returned; refuse a gradient that would be lost."""
    if type(value) is not Tensor:
        return value if hasattr(value, "dtype") else np.asarray(value)[()]
    if value.autograd:
        msg = (
            f"The rule of {name_of(fun)} depends on a tracked tensor that is none of its arguments (made at {value.made_at}), so its "
            "gradient would be lost. Pass it as an argument."
        )
        raise ConversionError(msg)
    return value.data


def _record(
    op: Op[Any], transform: Any, arguments: _Arguments, value: Any, params: dict[str, Any], frame: FrameType
) -> Any:
    """Return the value of a call as tensors that are results of one node."""
    values, structure = _tree.flatten(value)
    datas = [constant(hidden(v, transform.fun)).data for v in values]
    call = Call(op, {"transform": transform, "arguments": arguments, "structure": structure, **params})
    return unpacked(structure, datas, arguments.operands, call, frame)


def unpacked(
    structure: _tree.Structure, datas: Sequence[Any], operands: tuple[Tensor, ...], call: Call, frame: FrameType
) -> Any:
    """Return a nest of tensors that are results of one node: the node itself where there is only one."""
    if structure is _tree.LEAF:
        return record(datas[0], operands, call, np.result_type(datas[0]).kind in "fc", frame)
    node = record(Pack(datas), operands, call, True, frame)
    parts = [apply(TABLE["unpack"], (node,), {"i": i}, frame) for i in range(len(datas))]
    return _tree.unflatten(structure, parts)


def _nest(structure: _tree.Structure, parts: Any, out: Any) -> Any:
    """Return a cotangent or tangent of the results built like them, zeros where there is none."""
    if structure is _tree.LEAF:
        return parts
    datas = out.data if type(out) is Tensor else out
    return _tree.unflatten(structure, [_zeros_like(d) if p is None else p for p, d in zip(parts, datas, strict=True)])


# --- the reverse rule -----------------------------------------------------------------------------------------------
def _gradients(
    xp: Any, ct: Any, out: Any, operands: Sequence[Any], transform: Any, arguments: _Arguments,
    structure: _tree.Structure, residuals: Any,
) -> list[Any]:  # fmt: skip
    """Return what ``bwd`` says of each tracked operand."""
    if xp is TENSORS:
        _, residuals = transform.fwd(*arguments.filled(operands))
        given = ct
    else:
        given = Pack([p if p is None else shown(p) for p in ct]) if isinstance(ct, Pack) else shown(ct)
    result = transform.bwd(residuals, _nest(structure, given, out))
    count = len(arguments.structure.parts)
    if not isinstance(result, (tuple, list)) or len(result) != count:
        got = f"{len(result)} entries" if isinstance(result, (tuple, list)) else type(result).__name__
        msg = f"The bwd of {name_of(transform.fun)} must return a tuple with one gradient per argument, {count}, but returned {got}."
        raise RuleError(msg)
    leaves: list[Any] = []
    for i, (gradient, part) in enumerate(zip(result, arguments.structure.parts, strict=True)):
        found, built = ([None] * part.size, part) if gradient is None else _tree.flatten(gradient)
        if built != part:
            difference = _tree.mismatch(part, built, f"gradient {i}")
            msg = f"The bwd of {name_of(transform.fun)} must return gradients built like the arguments, but they differ at {difference}."
            raise RuleError(msg)
        leaves += found
    return [leaves[i] for i in arguments.places]


def _checked(gradient: Any, operand: Any, transform: Any) -> Any:
    if gradient is None:
        return None
    if np.shape(gradient) != np.shape(operand):
        msg = (
            f"The rule of {name_of(transform.fun)} returned a gradient of shape {np.shape(gradient)} for an argument of shape "
            f"{np.shape(operand)}. Sum it over the axes that were broadcast."
        )
        raise RuleError(msg)
    return gradient


def _vjp_by_rule(xp: Any, ct: Any, wanted: Any, out: Any, operands: Any, transform: Any, **params: Any) -> list[Any]:
    found = _gradients(xp, ct, out, operands, transform, **params)
    checked = [_checked(g, x, transform) for g, x in zip(found, operands, strict=True)]
    return checked if xp is TENSORS else [g if g is None else hidden(g, transform.fun) for g in checked]


def _jvp_by_transpose(xp: Any, tangents: Any, out: Any, operands: Any, structure: Any, **params: Any) -> Any:
    """Transpose the reverse rule: record it as a function of the cotangent, and pull the tangents back."""
    differentiable = xp is TENSORS
    datas = out.data if differentiable else out
    parts = list(datas) if isinstance(datas, Pack) else [datas]
    cts = [Tensor(_zeros_like(d), autograd=True) if np.result_type(d).kind in "fc" else None for d in parts]
    given: Any = Pack(cts) if isinstance(datas, Pack) else cts[0]
    shown_operands = operands if differentiable else [shown(x) for x in operands]
    residuals = params.pop("residuals")
    if differentiable:
        _, residuals = params["transform"].fwd(*params["arguments"].filled(shown_operands))
    found = _transposed_gradients(given, out, structure, residuals, **params)
    pairs = [(g, d) for g, d in zip(found, tangents, strict=True) if type(g) is Tensor and g.autograd and d is not None]
    leaves = [ct for ct in cts if ct is not None]
    what = f"Forward mode of {name_of(params['transform'].fun)} transposes its bwd (state it by custom_jvp otherwise), which"
    check_linear([g for g in found if g is not None], leaves, what)
    pulled: Mapping[Tensor, Any] = {}
    if pairs:
        tape = Tape.of(*[g for g, _ in pairs], boundary=leaves)
        pulled = tape.cotangents(leaves, [d for _, d in pairs], differentiable=differentiable)
    results = [None if ct is None else pulled.get(ct) for ct in cts]
    return Pack(results) if isinstance(datas, Pack) else results[0]


def _transposed_gradients(
    given: Any, out: Any, structure: Any, residuals: Any, transform: Any, arguments: _Arguments
) -> list[Any]:
    frozen_forward = attrs.evolve(transform, fwd=_Known(residuals))
    return _gradients(TENSORS, given, out, arguments.operands, frozen_forward, arguments, structure, residuals)


@frozen(eq=False)
class _Known:
    """A ``fwd`` whose residuals are there already."""

    residuals: Any

    def __call__(self, *args: Any) -> tuple[None, Any]:  # noqa: ARG002 - what they led to is known
        return None, self.residuals


@primitive(vjps=(_vjp_by_rule,), jvp=_jvp_by_transpose, variadic=True, joint=True, shows=("transform",))
def call_with_vjp(xp: Any, operands: Any, /, *, transform: Any, arguments: Any, structure: Any, residuals: Any) -> Any:
    """Return what a function with a reverse rule of its own returned."""
    raise NotImplementedError


# --- the forward rule -----------------------------------------------------------------------------------------------
def _tangent(
    given: Mapping[int, Any], operands: Sequence[Any], out: Any, transform: Any, arguments: _Arguments,
    structure: _tree.Structure,
) -> list[Any]:  # fmt: skip
    """Return the tangents of the results that the rule gives for tangents of some leaves of the arguments."""
    result = transform.rule(arguments.filled(operands), arguments.tangents(given))
    if not isinstance(result, tuple) or len(result) != 2:
        msg = f"The rule of {name_of(transform.fun)} must return (value, tangent), but it returned {type(result).__name__}."
        raise RuleError(msg)
    leaves, built = _tree.flatten(result[1])
    if built != structure:
        msg = (
            f"The rule of {name_of(transform.fun)} must return a tangent built like the value, but it differs at "
            f"{_tree.mismatch(structure, built, 'tangent')}."
        )
        raise RuleError(msg)
    datas = out.data if type(out) is Tensor else out
    for d, leaf in zip(datas if isinstance(datas, Pack) else [datas], leaves, strict=True):
        if np.shape(leaf) != np.shape(d):
            msg = f"The rule of {name_of(transform.fun)} returned a tangent of shape {np.shape(leaf)} for a value of shape {np.shape(d)}."
            raise RuleError(msg)
    return leaves


def _jvp_by_rule(
    xp: Any, tangents: Any, out: Any, operands: Any, transform: Any, arguments: _Arguments, structure: Any
) -> Any:
    differentiable = xp is TENSORS
    given = {
        i: d if differentiable else shown(d) for i, d in zip(arguments.places, tangents, strict=True) if d is not None
    }
    values = operands if differentiable else [shown(x) for x in operands]
    found = _tangent(given, values, out, transform, arguments, structure)
    if not differentiable:
        found = [hidden(d, transform.fun) for d in found]
    return found[0] if structure is _tree.LEAF else Pack(found)


def _vjp_by_transpose(
    xp: Any, ct: Any, wanted: Any, out: Any, operands: Any, transform: Any, arguments: _Arguments, structure: Any
) -> list[Any]:
    """Transpose the forward rule: record it as a function of the tangents, and pull the cotangent back."""
    differentiable = xp is TENSORS
    leaves = {
        i: Tensor(_zeros_like(x), autograd=True)
        for i, x, want in zip(arguments.places, operands, wanted, strict=True)
        if want
    }
    values = operands if differentiable else [shown(x) for x in operands]
    found = _tangent(leaves, values, out, transform, arguments, structure)
    cts = list(ct) if isinstance(ct, Pack) else [ct]
    pairs = [(d, c) for d, c in zip(found, cts, strict=True) if type(d) is Tensor and d.autograd and c is not None]
    pulled: Mapping[Tensor, Any] = {}
    if pairs:
        inputs = list(leaves.values())
        tape = Tape.of(*[d for d, _ in pairs], boundary=inputs)
        if not differentiable:
            _refuse_outside(tape, inputs, transform)
        pulled = tape.cotangents(inputs, [c for _, c in pairs], differentiable=differentiable)
    return [pulled.get(leaves[i]) if i in leaves else None for i in arguments.places]


def _refuse_outside(tape: Tape, inputs: Sequence[Tensor], transform: Any) -> None:
    for leaf in tape.leaves:
        if not any(leaf is t for t in inputs):
            hidden(leaf, transform.fun)


@primitive(vjps=(_vjp_by_transpose,), jvp=_jvp_by_rule, variadic=True, joint=True, shows=("transform",))
def call_with_jvp(xp: Any, operands: Any, /, *, transform: Any, arguments: Any, structure: Any) -> Any:
    """Return what a function with a forward rule of its own returned."""
    raise NotImplementedError


_CALL_WITH_VJP: Op[Any] = TABLE["call_with_vjp"]
_CALL_WITH_JVP: Op[Any] = TABLE["call_with_jvp"]
