"""NumPy's doors: a call of a NumPy function becomes a call of an op, or is refused with the way out.

Nothing here knows the class `Tensor`; the engine hands in what is needed of it.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from attrs import frozen

from tape_ad._errors import ArgumentError, MutationError, NoRuleError


class Run(Protocol):
    """Apply the op of that name; ``compute`` replaces its own forward on plain arrays."""

    def __call__(
        self, name: str, operands: Sequence[Any], params: dict[str, Any], compute: Callable[..., Any] | None = None, /
    ) -> Any: ...


@frozen
class Engine:
    """What a door needs: how to run an op, the NumPy functions that have one, the tensor namespace and class."""

    run: Run
    doors: Mapping[Callable[..., Any], tuple[Any, Callable[..., Any] | None]]
    tensors: Any
    tensor_type: type


QUERIES: frozenset[Callable[..., Any]] = frozenset(
    {
        np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.min_scalar_type, np.common_type,
        np.iscomplexobj, np.isrealobj, np.isscalar, np.iterable,
        np.zeros_like, np.ones_like, np.empty_like, np.full_like,
        np.array_equal, np.array_equiv, np.allclose, np.isclose, np.isreal, np.iscomplex,
        np.array_repr, np.array_str, np.array2string, np.may_share_memory, np.shares_memory,
        np.nonzero, np.flatnonzero, np.argwhere, np.count_nonzero, np.argsort, np.searchsorted, np.digitize,
    }
)  # fmt: skip
"""Functions whose answer has no derivative and is wanted plain: they run on the data."""

_MUTATING: Mapping[Callable[..., Any], str] = {
    np.copyto: "array = np.where(mask, t, array)",
    np.put: "tape_ad.where(mask, v, t)",
    np.put_along_axis: "tape_ad.where(mask, v, t)",
    np.place: "tape_ad.where(mask, v, t)",
    np.putmask: "tape_ad.where(mask, v, t)",
    np.fill_diagonal: "tape_ad.where(np.eye(n, dtype=bool), v, t)",
}

_REDUCE = {
    np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min",
    np.logical_and: "all", np.logical_or: "any",
}  # fmt: skip
_ACCUMULATE = {np.add: "cumsum"}
_ORDINARY: Mapping[str, Any] = {"subok": True, "order": "K", "casting": "same_kind", "where": True, "dtype": None, "out": None}


def call_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[Any], kwargs: Mapping[str, Any], engine: Engine) -> Any:
    """Answer ``ufunc(*inputs, **kwargs)`` or one of the ufunc's methods, called with a tensor among the inputs.

    Raises:
        MutationError: for ``out=`` and ``ufunc.at``.
        NoRuleError: where there is no rule.
    """
    name = ufunc.__name__
    _refuse_out(name, kwargs.get("out"), inputs, engine)
    if method == "at":
        msg = f"np.{name}.at changes its first argument, and a tensor never changes. Write t + tape_ad.where(mask, v, 0.0)."
        raise MutationError(msg)
    if method == "reduce" and ufunc in _REDUCE:
        return _reduce(ufunc, inputs, kwargs, engine)
    if method == "accumulate" and ufunc in _ACCUMULATE:
        return _accumulate(ufunc, inputs, kwargs, engine)
    if ufunc not in engine.doors or method not in {"__call__", "outer"}:
        suffix = "" if method == "__call__" else f".{method}"
        raise _no_rule(f"{name}{suffix}", engine)
    op, adapt = engine.doors[ufunc]
    if adapt is not None:
        return engine.run(op.name, *adapt(*inputs, **kwargs))
    if method == "outer":
        left, right = inputs
        right_ndim = np.ndim(_data(right, engine))
        inputs = (engine.tensors.reshape(left, np.shape(_data(left, engine)) + (1,) * right_ndim), right)
    options = {key: value for key, value in kwargs.items() if not _is_ordinary(key, value)}
    dtype, where = options.pop("dtype", None), options.pop("where", True)
    if options:
        msg = f"np.{name}({', '.join(f'{key}=…' for key in options)}) is not supported on a tensor. Leave {next(iter(options))} out."
        raise ArgumentError(msg)
    if dtype is not None:
        inputs = _cast_inputs(ufunc, inputs, np.dtype(dtype), engine)
    if where is True:
        return engine.run(op.name, inputs, {}, ufunc)
    return _where(op, ufunc, inputs, where, engine)


def _cast_inputs(ufunc: np.ufunc, inputs: Sequence[Any], dtype: np.dtype[Any], engine: Engine) -> list[Any]:
    """Cast the operands as ``ufunc(…, dtype=dtype)`` would; NumPy itself refuses what cannot be cast."""
    ufunc(*[np.zeros((), np.asarray(_data(x, engine)).dtype) + 1 for x in inputs], dtype=dtype)
    return [engine.tensors.astype(x, dtype) if isinstance(x, engine.tensor_type) else np.asarray(x, dtype) for x in inputs]


def _where(op: Any, ufunc: np.ufunc, inputs: Sequence[Any], where: Any, engine: Engine) -> Any:
    """Apply the op where the mask is true; elsewhere, where NumPy leaves memory as it was, the result is zero.

    The chosen elements are gathered, computed and put back, so that no derivative is taken outside the mask.
    """
    xp = engine.tensors
    mask = np.asarray(_data(where, engine))
    shape = np.broadcast_shapes(mask.shape, *[np.shape(_data(x, engine)) for x in inputs])
    chosen = np.broadcast_to(mask, shape)
    gathered = [xp.broadcast_to(x, shape)[chosen] if np.ndim(_data(x, engine)) else x for x in inputs]
    return xp.scatter_add([engine.run(op.name, gathered, {}, ufunc)], indices=(chosen,), shape=shape)


def _reduce(ufunc: np.ufunc, inputs: Sequence[Any], kwargs: Mapping[str, Any], engine: Engine) -> Any:
    names = ("array", "axis", "dtype", "out", "keepdims", "initial", "where")
    arguments = {"axis": 0, **dict(zip(names, inputs, strict=False)), **kwargs}
    _refuse_out(f"{ufunc.__name__}.reduce", arguments.pop("out", None), inputs, engine)
    x = arguments.pop("array")
    function = getattr(np, _REDUCE[ufunc])
    if arguments.get("dtype") is None or function in {np.max, np.min, np.any, np.all}:
        arguments.pop("dtype", None)
    return call_function(function, (x,), arguments, engine)


def _accumulate(ufunc: np.ufunc, inputs: Sequence[Any], kwargs: Mapping[str, Any], engine: Engine) -> Any:
    arguments = {"axis": 0, **dict(zip(("array", "axis", "dtype", "out"), inputs, strict=False)), **kwargs}
    _refuse_out(f"{ufunc.__name__}.accumulate", arguments.pop("out", None), inputs, engine)
    return call_function(getattr(np, _ACCUMULATE[ufunc]), (arguments.pop("array"),), arguments, engine)


def call_function(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], engine: Engine) -> Any:
    """Answer a call of a NumPy function that is not a ufunc.

    Raises:
        MutationError: for ``out=`` and functions that change an argument.
        NoRuleError: where there is no rule.
    """
    name = function.__name__
    if function in _MUTATING:
        msg = f"np.{name} changes its argument, and a tensor never changes. Write {_MUTATING[function]}."
        raise MutationError(msg)
    if function in QUERIES:
        plain = [_plain(x, engine) for x in args]
        return function(*plain, **{key: _plain(value, engine) for key, value in kwargs.items()})
    door = engine.doors.get(function)
    if door is None:
        raise _no_rule(name, engine)
    op, adapt = door
    _refuse_out(name, kwargs.get("out"), args, engine)
    if adapt is not None:
        answer = adapt(*args, **kwargs)
        if len(answer) == 2:
            return engine.run(op.name, *answer)
        other, operands, params = answer
        return engine.run(other, operands, params)
    if not hasattr(op, "params"):
        return op(engine.tensors, *args, **kwargs)
    arguments = _bind(function, args, kwargs, engine)
    names = list(arguments)
    if op.variadic:
        operands = arguments.pop(names[0])
    else:
        operands = [arguments.pop(key) for key in names[: op.arity]]
    for key in arguments:
        if key not in op.params:
            msg = f"np.{name}(…, {key}=…) is not supported on a tensor. Leave {key} out."
            raise ArgumentError(msg)
    return engine.run(op.name, operands, arguments)


@functools.cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def _bind(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], engine: Engine) -> dict[str, Any]:
    """Return the arguments by name, less those left at NumPy's defaults."""
    signature = _signature(function)
    try:
        arguments = signature.bind(*args, **kwargs).arguments
    except TypeError as error:
        msg = f"np.{function.__name__}{signature}: {error}."
        raise ArgumentError(msg) from None
    _refuse_out(function.__name__, arguments.get("out"), args, engine)
    return {
        key: value
        for key, value in arguments.items()
        if not (value is signature.parameters[key].default or value is np._NoValue or key == "out")  # type: ignore[attr-defined]  # noqa: SLF001 - NumPy's mark for "not given" has no public name
    }


def _is_ordinary(key: str, value: Any) -> bool:
    """Say whether a ufunc's keyword has the value that changes nothing."""
    return key == "out" or (key in _ORDINARY and (value is _ORDINARY[key] or (isinstance(value, str) and value == _ORDINARY[key])))


def _refuse_out(name: str, out: Any, inputs: Sequence[Any], engine: Engine) -> None:
    targets = out if isinstance(out, tuple) else (out,)
    for target in targets:
        if target is None:
            continue
        inplace = bool(inputs) and target is inputs[0]
        what = "a tensor, which never changes" if isinstance(target, engine.tensor_type) else "an array, where its gradient would be lost"
        remedy = f"array = np.{name}(array, t)" if inplace else f"result = np.{name}(…) without out="
        msg = f"np.{name} was asked to write a tensor's result into {what}. Write {remedy}."
        raise MutationError(msg)


def _no_rule(name: str, engine: Engine) -> NoRuleError:
    known = sorted({f.__name__ for f in engine.doors})
    near = [candidate for candidate in known if candidate[:3] == name[:3] and len(name) > 2][:3]
    hint = f"The nearest that has one: {', '.join('np.' + n for n in near)}. " if near else ""
    return NoRuleError(
        f"np.{name} has no derivative here yet, so calling it on a tensor would lose the gradient. {hint}"
        f"Where a constant is meant, call it on t.data; else state its rule with tape_ad.primitive."
    )


def _data(x: Any, engine: Engine) -> Any:
    return x.data if isinstance(x, engine.tensor_type) else x


def _plain(x: Any, engine: Engine) -> Any:
    if isinstance(x, (list, tuple)):
        return type(x)(_data(e, engine) for e in x)
    return _data(x, engine)
