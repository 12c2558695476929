"""NumPy's doors: a call of a NumPy function becomes a call of an op, or is refused with the way out. `_ufuncs` has the ufuncs.

Nothing here knows the class `Tensor`; the engine hands in what is needed of it.
"""

import functools
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from tape_ad._decisions import GIVEN_UP, MUTATING, REFUSED
from tape_ad._errors import ArgumentError, ConversionError, MutationError, NoRuleError


class Engine(Protocol):
    """What a door needs: how to run an op, the NumPy functions that have one, the tensor namespace and class."""

    @property
    def doors(self) -> Mapping[Callable[..., Any], tuple[Any, Callable[..., Any] | None]]: ...
    @property
    def tensors(self) -> Any: ...
    @property
    def tensor_type(self) -> Any: ...
    def data(self, value: Any, /) -> Any:
        """Return what shape, dtype and plain answers are read off."""

    def answer(self, value: Any, /) -> Any:
        """Return a plain answer as the caller gets it."""

    def expand(self, body: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], /) -> Any:
        """Run a function that is written in other ops: ``body(xp, *args, **kwargs)``."""

    def run(
        self, name: str, operands: Sequence[Any], params: dict[str, Any], compute: Callable[..., Any] | None = None, /
    ) -> Any:
        """Apply the op of that name; ``compute`` replaces its own forward on plain arrays."""


QUERIES: frozenset[Callable[..., Any]] = frozenset(
    {
        np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.min_scalar_type, np.common_type,
        np.iscomplexobj, np.isrealobj, np.isscalar, np.iterable,
        np.zeros_like, np.ones_like, np.empty_like, np.full_like,
        np.array_equal, np.array_equiv, np.allclose, np.isclose, np.isreal, np.iscomplex,
        np.array_repr, np.array_str, np.array2string, np.may_share_memory, np.shares_memory,
        np.diag_indices_from, np.tril_indices_from, np.triu_indices_from, np.unravel_index, np.ravel_multi_index,
        np.nonzero, np.flatnonzero, np.argwhere, np.count_nonzero, np.argsort, np.searchsorted, np.digitize,
        np.argpartition, np.lexsort, np.nanargmax, np.nanargmin, np.isin,
        np.packbits, np.unpackbits, np.einsum_path,
    }
)  # fmt: skip
"""Functions whose answer has no derivative and is wanted plain: they run on the data."""


def call_function(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], engine: Engine) -> Any:
    """Answer a call of a NumPy function that is not a ufunc.

    Raises:
        MutationError: for ``out=`` and functions that change an argument.
        NoRuleError: where there is no rule.
        ArgumentError: for arguments that do not fit, or that a tensor cannot honour.
    """
    if function is np.where and len(args) == 1 and not kwargs:
        function = np.nonzero
    door = engine.doors.get(function)
    if door is None:
        return _without_rule(function, args, kwargs, engine)
    op, adapt = door
    out = args[place] if len(args) > 1 and (place := _place_of_out(function)) < len(args) else kwargs.get("out")
    if out is not None:
        refuse_out(spelling(function), out, args, engine)
    if adapt is not None:
        if kwargs and not kwargs.keys() <= _names(function, adapt):
            raise _misfit(function, adapt, args, kwargs)
        try:
            answer = adapt(*args, **kwargs)
        except TypeError:
            _bind(function, args, kwargs)  # where the call does not fit NumPy's signature, this says so
            raise
        if len(answer) == 2:
            return engine.run(op.name, *answer)
        other, operands, params = answer
        return engine.run(other, operands, params)
    if not hasattr(op, "params"):
        try:
            return engine.expand(op.body, args, kwargs)
        except TypeError:
            _bind(function, args, kwargs)
            if _open_ended(op) or kwargs.keys() <= _names(function, op):
                raise
            raise _misfit(function, op, args, kwargs) from None
    arguments = _bind(function, args, kwargs)
    names = list(arguments)
    operands = [arguments.pop(key) for key in names[: op.arity]]
    if op.variadic:
        (operands,) = operands
    for key in arguments:
        if key not in op.params:
            raise _unsupported(function, [key])
    return engine.run(op.name, operands, arguments)


def _without_rule(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], engine: Engine) -> Any:
    """Answer a query from the data; refuse everything else."""
    if function is np.full_like and any(
        isinstance(x, engine.tensor_type) and x.autograd for x in (*args[1:2], kwargs.get("fill_value"))
    ):
        msg = "np.full_like(a, t) with a tracked t would lose its gradient. Write tape_ad.broadcast_to(t, np.shape(a))."
        raise ConversionError(msg)
    if function in QUERIES:
        plain = [_plain(x, engine) for x in args]
        return engine.answer(function(*plain, **{key: _plain(value, engine) for key, value in kwargs.items()}))
    name = spelling(function)
    if name in MUTATING:
        msg = f"{name} changes its argument, and a tensor never changes. Write {MUTATING[name]}."
        if function is np.copyto:
            msg += " np.full(shape, t) and np.full_like(a, t) arrive here too: write np.broadcast_to(t, shape), or tape_ad.numpy.full."
        raise MutationError(msg)
    if not hasattr(function, "_implementation"):
        # NumPy asks about what does not dispatch only where an array "like" a tensor is wanted.
        msg = f"{name}(…, like=t) would make an array of no tensor, which is a plain one. Leave like out, or write tape_ad.asarray({name}(…))."
        raise NoRuleError(msg)
    raise no_rule(name, engine)


def _misfit(
    function: Callable[..., Any], adapt: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> ArgumentError:
    """Return the error for keywords that NumPy's function does not have, or that its adapter does not take."""
    _bind(function, args, kwargs)
    return _unsupported(function, sorted(kwargs.keys() - _names(function, adapt)))


@functools.cache
def _open_ended(function: Callable[..., Any]) -> bool:
    """Say whether a function takes any keyword."""
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())


@functools.cache
def _names(function: Callable[..., Any], adapt: Callable[..., Any]) -> frozenset[str]:
    """Return the keywords that both NumPy's function and its adapter take."""
    numpys, ours = _signature(function).parameters, inspect.signature(adapt).parameters
    any_keyword = any(p.kind is p.VAR_KEYWORD for p in numpys.values())
    return frozenset(ours if any_keyword else numpys.keys() & ours.keys())


def _unsupported(function: Callable[..., Any], keys: Sequence[str]) -> ArgumentError:
    shown = ", ".join(f"{key}=…" for key in keys)
    return ArgumentError(
        f"{spelling(function)}(…, {shown}) is not supported on a tensor. Leave {' and '.join(keys)} out."
    )


def spelling(function: Callable[..., Any]) -> str:
    """Return how a program spells a NumPy function: ``np.linalg.inv``; of somebody else's ufunc its bare name."""
    if isinstance(function, np.ufunc) and not hasattr(np, function.__name__):
        return function.__name__
    module = getattr(function, "__module__", None) or "numpy"
    return (
        f"np{module.removeprefix('numpy')}.{function.__name__}"
        if module.startswith("numpy") and "._" not in module
        else f"np.{function.__name__}"
    )


@functools.cache
def _place_of_out(function: Callable[..., Any]) -> int:
    """Return the position of the parameter ``out``, or a number that no call reaches."""
    try:
        parameters = list(_signature(function).parameters.values())
    except ValueError:
        return sys.maxsize
    places = [i for i, p in enumerate(parameters) if p.name == "out" and p.kind is p.POSITIONAL_OR_KEYWORD]
    variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return places[0] if places and not variadic else sys.maxsize


@functools.cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """Return a function's signature; those that NumPy's compiled functions tell since 2.4 are written here for earlier ones."""
    try:
        return inspect.signature(function)
    except ValueError:
        if function.__name__ not in _COMPILED:
            raise
        return inspect.signature(_COMPILED[function.__name__])


_COMPILED: Mapping[str, Callable[..., Any]] = {
    "bincount": lambda x, /, weights=None, minlength=0: None,
    "concatenate": lambda arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind": None,
    "dot": lambda a, b, out=None: None,
    "inner": lambda a, b, /: None,
    "vdot": lambda a, b, /: None,
    "where": lambda condition, x=None, y=None, /: None,
}


@functools.cache
def _plainly(function: Callable[..., Any]) -> tuple[tuple[str, ...], int, Mapping[str, Any]] | None:
    """Return the parameters' names, how many have no default, and the defaults; None for a signature with ``*`` or ``/``."""
    parameters = _signature(function).parameters
    if any(p.kind is not p.POSITIONAL_OR_KEYWORD for p in parameters.values()):
        return None
    defaults = {name: p.default for name, p in parameters.items() if p.default is not p.empty}
    return tuple(parameters), len(parameters) - len(defaults), defaults


def _bind(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments by name, less those left at NumPy's defaults."""
    plainly = _plainly(function)
    if plainly is not None:
        names, required, defaults = plainly
        if required <= len(args) <= len(names) and kwargs.keys() <= set(names[len(args) :]):
            given = {**dict(zip(names, args)), **kwargs}  # noqa: B905 - trailing parameters may be left out
            no_value = np._NoValue  # noqa: SLF001 - NumPy's mark for "not given" has no public name
            return {
                name: value
                for name, value in given.items()
                if not (value is no_value or name == "out" or (name in defaults and value is defaults[name]))
            }
    signature = _signature(function)
    try:
        arguments = signature.bind(*args, **kwargs).arguments
    except TypeError as error:
        msg = f"{spelling(function)}{signature}: {error}."
        raise ArgumentError(msg) from None
    return {
        key: value
        for key, value in arguments.items()
        if not (value is signature.parameters[key].default or value is np._NoValue or key == "out")  # noqa: SLF001 - NumPy's mark for "not given" has no public name
    }


def refuse_out(name: str, out: Any, inputs: Sequence[Any], engine: Engine) -> None:
    """Refuse to write a result into something, and name the spelling without it."""
    for target in out if isinstance(out, tuple) else (out,):
        if target is None:
            continue
        inplace = len(inputs) == 2 and target is inputs[0]
        if isinstance(target, engine.tensor_type):
            what, remedy = "a tensor, which never changes", f"t = {name}(t, …)" if inplace else f"t = {name}(…)"
        else:
            what = "an array, where its gradient would be lost"
            remedy = f"array = {name}(array, t)" if inplace else f"result = {name}(…)"
        msg = f"{name} was asked to write a tensor's result into {what}. Write {remedy}, without out=."
        raise MutationError(msg)


def no_rule(name: str, engine: Engine) -> NoRuleError:
    """Return the error for a function without a rule; it names what was decided, else those that begin alike."""
    if name in REFUSED:
        return NoRuleError(f"{name} {REFUSED[name].reason}. Write {REFUSED[name].remedy}.")
    stem = name.removeprefix("np.").removeprefix("linalg.").removeprefix("fft.").partition(".")[0]
    alike = {spelling(f) for f in engine.doors if len(stem) > 3 and f.__name__[:4] == stem[:4]}
    near = [GIVEN_UP[name]] if name in GIVEN_UP else sorted(alike - {name})[:3]
    hint = f"The nearest that has one: {', '.join(near)}. " if near else ""
    return NoRuleError(
        f"{name} has no derivative here yet, so calling it on a tensor would lose the gradient. {hint}"
        f"Where a constant is meant, call it on t.data; else state its rule with tape_ad.primitive."
    )


def _data(x: Any, engine: Engine) -> Any:
    return engine.data(x)


def _plain(x: Any, engine: Engine) -> Any:
    if isinstance(x, (list, tuple)):
        return type(x)(_data(e, engine) for e in x)
    return _data(x, engine)
