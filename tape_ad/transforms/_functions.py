"""The function that a transform stands for: what it is called, which arguments are meant, what keywords others use."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any, TypeAlias

import attrs

from tape_ad._errors import ArgumentError

Place: TypeAlias = int | str
"""Where an argument stands: its position, or its name if it was passed by keyword."""
Argnums: TypeAlias = int | str | Sequence[int] | Sequence[str]


def name_of(function: Any) -> str:
    """Return what to call a function in a message."""
    return getattr(function, "__name__", None) or repr(function)


_SUSPENDED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def function(value: Any) -> Any:
    """Return a function as it is; refuse what is none, and what gives no value when called."""
    if not callable(value):
        msg = f"A transform takes a function, but got {type(value).__name__}. Write grad(f)(x), not grad(f(x))."
        raise ArgumentError(msg)
    if isinstance(value, Transform):
        return value
    if type(value) is FunctionType and not value.__code__.co_flags & _SUSPENDED and not value.__dict__:
        return value
    inner = value
    while hasattr(inner, "func") and hasattr(inner, "keywords"):
        inner = inner.func
    called = inner if inspect.isroutine(inner) else type(inner).__call__
    if inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called) or inspect.isgeneratorfunction(called):
        kind = "a generator" if inspect.isgeneratorfunction(called) else "async"
        msg = f"A transform takes an ordinary function, but {name_of(value)} is {kind}. Differentiate the part that computes."
        raise ArgumentError(msg)
    return value


def places(argnums: Any) -> Place | tuple[Place, ...]:
    """Return ``argnums`` in one form: a position or a name, or a tuple of these."""
    msg = f"argnums takes a position, a parameter's name, or a tuple of these, but got {argnums!r}."
    if isinstance(argnums, str):
        return argnums
    if isinstance(argnums, (bool, bytes)):
        raise ArgumentError(msg)
    try:
        if hasattr(argnums, "__index__"):
            return int(argnums.__index__())
        found = tuple([n if isinstance(n, str) else int(n.__index__()) for n in argnums])
    except (AttributeError, TypeError):
        raise ArgumentError(msg) from None
    if not found or len(set(found)) != len(found):
        msg = f"argnums takes different positions or names, at least one, but got {argnums!r}."
        raise ArgumentError(msg)
    return found


class Transform:
    """What the records of transforms share: how they print, and that they stand for a function."""

    __slots__ = ()
    fun: Callable[..., Any]

    def __repr__(self) -> str:
        shown = [f"fun={name_of(self.fun)}"]
        for f in attrs.fields(type(self))[1:]:  # type: ignore[arg-type]  # its subclasses are attrs records
            value = getattr(self, f.name)
            if f.name in ("argnums", "in_axes") or value != f.default:
                shown.append(f"{f.name}={name_of(value) if callable(value) else repr(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """Bind like a function, so that a transform in a class body is a method."""
        return self if instance is None else MethodType(self, instance)  # type: ignore[arg-type]  # every record is called

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.fun)


_OURS = {
    "argnum": "argnums", "wrt": "argnums", "in_axis": "in_axes", "out_axis": "out_axes", "strategy": "mode",
    "grad_outputs": "the argument of the pullback that vjp returns", "argnames": "argnums, which takes names too", "in_dims": "in_axes", "out_dims": "out_axes",
    "hasaux": "has_aux", "aux": "has_aux", "allow_int": "x.astype(float), before the call",
}  # fmt: skip
_NOT_NEEDED = {
    "create_graph": "what a transform returns can always be differentiated again",
    "retain_graph": "a tape can be asked any number of times",
    "allow_unused": "an argument that is ignored has gradient zero",
    "materialize_grads": "an argument that is ignored has gradient zero",
    "vectorize": "all directions go in one pass", "strict": "a function that ignores its argument has derivative zero",
    "chunk_size": "all examples go in one pass", "axis_size": "the arguments tell it",
    "axis_name": "sums over the examples are taken outside", "spmd_axis_name": "there is one machine",
    "randomness": "random numbers are drawn before, and passed as arguments",
    "reduce_axes": "sums over the examples are taken outside", "policy": "only the arguments are kept",
    "use_reentrant": "there is one way", "preserve_rng_state": "random numbers are drawn before, and passed as arguments",
    "static_argnums": "only what argnums names is differentiated", "static_argnames": "only what argnums names is differentiated",
    "prevent_cse": "nothing is compiled", "outer_jacobian_strategy": "it is forward over reverse mode",
    "is_grads_batched": "vmap of a pullback does it", "nondiff_argnums": "an argument that is not tracked is not differentiated", "requires_grad": "autograd=True says so",
}  # fmt: skip


def refuse_keywords(what: str, keywords: Mapping[str, Any]) -> None:
    """Raise the TypeError that says what another library's keyword is called here."""
    for key in keywords:
        ours = f" Here it is {_OURS[key]}." if key in _OURS else ""
        ours = f" It is not needed: {_NOT_NEEDED[key]}." if key in _NOT_NEEDED else ours
        msg = f"{what}() has no keyword {key!r}.{ours}"
        raise ArgumentError(msg)


def _kinds(fun: Callable[..., Any]) -> list[Any]:
    signature = signature_of(fun)
    return [] if signature is None else [p.kind for p in signature.parameters.values()]


def constants_by_name(what: str, fun: Callable[..., Any], keywords: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return keyword arguments for the function; refuse those that only other libraries' transforms know."""
    names = parameters(fun)
    anything = not names or inspect.Parameter.VAR_KEYWORD in _kinds(fun)
    for key in keywords:
        if key not in names:
            if key in _OURS or key in _NOT_NEEDED:
                refuse_keywords(what, {key: keywords[key]})
            if not anything:
                msg = f"{name_of(fun)}() got an unexpected keyword argument {key!r}."
                raise ArgumentError(msg)
    return keywords


def signature_of(fun: Callable[..., Any]) -> inspect.Signature | None:
    """Return a function's signature; None for one that does not tell it, as some of NumPy's."""
    try:
        return inspect.signature(fun)
    except (TypeError, ValueError):
        return None


def parameters(fun: Callable[..., Any]) -> list[str]:
    """Return the names of a function's parameters; none if it does not tell them."""
    signature = signature_of(fun)
    return [] if signature is None else list(signature.parameters)


def parameter(fun: Callable[..., Any], place: Place) -> str:
    """Return what the function calls its argument at a place."""
    if isinstance(place, str):
        return place
    names = parameters(fun)
    return names[place] if place < len(names) else f"argument {place}"
