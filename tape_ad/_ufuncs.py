"""NumPy's doors for its ufuncs: a call of one, or of one of its methods, becomes a call of an op, or is refused."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tape_ad._errors import ArgumentError, ConversionError, MutationError
from tape_ad._numpy import Engine, call_function, no_rule, refuse_out, spelling

_REDUCE: Mapping[np.ufunc, Callable[..., Any]] = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
    np.logical_and: np.all, np.logical_or: np.any,
}  # fmt: skip
_TESTS = {np.logical_and, np.logical_or}
"""Whose functions take fewer keywords than the methods."""
_ACCUMULATE: Mapping[np.ufunc, Callable[..., Any]] = {np.add: np.cumsum, np.multiply: np.cumprod}
_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "reduce": ("array", "axis", "dtype", "out", "keepdims", "initial", "where"), "accumulate": ("array", "axis", "dtype", "out"),
    "reduceat": ("array", "indices", "axis", "dtype", "out"),
}  # fmt: skip
"""The signatures of the methods of ufuncs, which NumPy does not tell."""
_WEAK = (int, float, complex)
_METHODS: Mapping[np.ufunc, str] = {
    np.add: "add", np.subtract: "subtract", np.multiply: "multiply", np.divide: "divide", np.power: "power",
    np.minimum: "min", np.maximum: "max",
}  # fmt: skip


def call_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[Any], kwargs: Mapping[str, Any], engine: Engine) -> Any:
    """Answer ``ufunc(*inputs, **kwargs)`` or one of the ufunc's methods, called with a tensor among the inputs.

    Raises:
        MutationError: for ``out=`` and ``ufunc.at``.
        NoRuleError: where there is no rule.
        ArgumentError: for a keyword that a tensor cannot honour.
    """
    name = spelling(ufunc) if method == "__call__" else f"{spelling(ufunc)}.{method}"
    refuse_out(name, kwargs.get("out"), inputs, engine)
    if method == "at":
        raise MutationError(_at_message(ufunc, inputs, engine))
    if ufunc not in engine.doors and method == "__call__" and getattr(np, ufunc.__name__, None) in engine.doors:
        # A method of NumPy's arrays, whose ufunc is private: array.clip(t, t).
        return call_function(getattr(np, ufunc.__name__), inputs, kwargs, engine)
    if ufunc not in engine.doors:
        raise no_rule(name, engine)
    op, adapt = engine.doors[ufunc]
    if method != "__call__" and (
        ufunc.signature is not None or ufunc.nin != 2 or (ufunc.nout != 1 and method != "outer")
    ):
        return getattr(ufunc, method)(*[engine.data(x) for x in inputs], **kwargs)  # which NumPy refuses, and says why
    if method in _ARGUMENTS:
        arguments = {"axis": 0, **dict(zip(_ARGUMENTS[method], inputs, strict=False)), **kwargs}
        arguments.pop("out", None)
        return _method(ufunc, method, arguments, engine)
    if adapt is not None:
        return engine.run(op.name, *adapt(*inputs, **kwargs))
    if method == "outer":
        inputs = _outer_inputs(inputs[0], inputs[1], engine)
    options = {key: value for key, value in kwargs.items() if key not in {"out", "subok"}}
    dtype, casting = options.pop("dtype", None), options.pop("casting", "same_kind")
    where, order = options.pop("where", True), options.pop("order", "K")
    if where is not True and ufunc.signature is not None:
        options["where"] = where
    if options:
        shown = ", ".join(f"{key}=…" for key in options)
        msg = f"{name}({shown}) is not supported on a tensor. Leave {' and '.join(options)} out."
        raise ArgumentError(msg)
    if dtype is not None or casting != "same_kind":
        inputs = _cast_inputs(ufunc, inputs, dtype, casting, engine)
    if where is not True:
        return _where(op, ufunc, inputs, where, engine)
    return engine.run(op.name, inputs, {}, ufunc if order == "K" else functools.partial(ufunc, order=order))


def _outer_inputs(left: Any, right: Any, engine: Engine) -> tuple[Any, Any]:
    """Return the operands shaped so that a broadcasting call gives the outer one; a Python scalar is strong there."""
    reshape = engine.tensors.reshape
    first, second = np.shape(engine.data(left)), np.shape(engine.data(right))
    return reshape(left, first + (1,) * len(second)), reshape(right, second)


def _cast_inputs(ufunc: np.ufunc, inputs: Sequence[Any], dtype: Any, casting: Any, engine: Engine) -> list[Any]:
    """Cast the operands to the types of the loop that NumPy would choose; it refuses what cannot be cast."""
    datas = [engine.data(x) for x in inputs]
    given = [type(x) if type(x) in _WEAK else np.result_type(x) for x in datas]
    signature = (*[None] * ufunc.nin, *[None if dtype is None else np.dtype(dtype)] * ufunc.nout)
    loop = ufunc.resolve_dtypes((*given, *[None] * ufunc.nout), signature=signature, casting=casting)
    cast = engine.tensors.astype
    return [x if own == to else cast(x, to) for x, own, to in zip(inputs, given, loop, strict=False)]


def _where(op: Any, ufunc: np.ufunc, inputs: Sequence[Any], where: Any, engine: Engine) -> Any:
    """Apply the op where the mask is true; elsewhere, where NumPy leaves memory as it was, the result is zero.

    Outside the mask the op sees operands from inside it, so that it meets no value, and no derivative, that the mask
    was there to avoid.
    """
    xp = engine.tensors
    mask, datas = np.asarray(engine.data(where)), [engine.data(x) for x in inputs]
    shape = np.broadcast_shapes(mask.shape, *[np.shape(x) for x in datas])
    chosen = np.broadcast_to(mask, shape)
    if chosen.all():
        return engine.run(op.name, inputs, {}, functools.partial(ufunc, where=mask))
    places = np.argwhere(chosen)
    if not len(places):
        none = [xp.broadcast_to(x, shape)[chosen] if np.ndim(engine.data(x)) else x for x in inputs]
        empty = engine.run(op.name, none, {}, ufunc)
        return _each(empty, lambda part: xp.scatter_add([part], indices=(chosen,), shape=shape))
    place = tuple(int(i) for i in places[0])
    filled = [
        xp.where(chosen, x, np.broadcast_to(x_data, shape)[place]) if np.ndim(x_data) else x
        for x, x_data in zip(inputs, datas, strict=True)
    ]

    def compute(*inside: Any) -> Any:
        out = ufunc(*inside)
        if not all(isinstance(x, (np.ndarray, np.generic, *_WEAK)) for x in inside):  # one for each of many examples
            return out
        # NumPy's loops under a mask may round otherwise than its loops without one.
        return ufunc(*datas, where=mask, out=out)

    out = engine.run(op.name, filled, {}, compute)
    return _each(out, lambda part: xp.where(chosen, part, np.zeros((), part.dtype)))


def _each(result: Any, function: Callable[[Any], Any]) -> Any:
    """Apply a function to a result, or to each of several."""
    return tuple([function(part) for part in result]) if isinstance(result, tuple) else function(result)


# --- reduce, accumulate, reduceat -----------------------------------------------------------------------------------
def _method(ufunc: np.ufunc, method: str, arguments: dict[str, Any], engine: Engine) -> Any:
    """Answer a method that goes along an axis: by NumPy's function that says the same, else by the ops of `tape_ad.ops.folds`."""
    name = f"{spelling(ufunc)}.{method}"
    if method != "reduce":
        arguments["axis"] = _only_axis(name, arguments["axis"], np.ndim(engine.data(arguments["array"])))
        if method == "accumulate" and ufunc in _ACCUMULATE:
            return call_function(_ACCUMULATE[ufunc], (arguments.pop("array"),), arguments, engine)
    elif ufunc in _REDUCE and not (ufunc in _TESTS and arguments.keys() & {"dtype", "initial", "where"}):
        return _reduce(ufunc, arguments, engine)
    x, dtype, where = arguments.pop("array"), arguments.pop("dtype", None), arguments.pop("where", True)
    params = {"ufunc": ufunc, **_with_plain_initial(name, arguments, engine)}
    op, own = engine.doors[ufunc][0], np.result_type(engine.data(x))
    slopes = op.tracks
    if op.tracks:
        given = (None if dtype is None else np.dtype(dtype), None, None)
        # NumPy lets any dtype be asked for here, also one that holds less.
        out, loop, _ = ufunc.resolve_dtypes((None, own, None), signature=given, casting="unsafe", reduction=True)
        slopes = out == loop
        if own.kind in "fc" and not (slopes and (op.rules or ufunc is np.float_power)):
            raise no_rule(name, engine)
    if not slopes:
        plain = {"dtype": dtype, "where": engine.data(where)}
        changed = {key: value for key, value in plain.items() if value is not None and value is not True}
        return engine.run("fold_without_slope", (x,), {**params, "method": method, **changed})
    x = x if own == loop else engine.tensors.astype(x, loop)
    if method == "reduceat":
        return engine.run("fold_at", (x,), params)
    if method == "accumulate":
        return engine.run("running", (x, True), params)
    if ufunc is np.logaddexp and where is True and "initial" not in params:
        return engine.run("log_sum_exp", (x,), {key: value for key, value in params.items() if key != "ufunc"})
    return engine.run("fold", (x, where), params)


def _with_plain_initial(name: str, arguments: dict[str, Any], engine: Engine) -> dict[str, Any]:
    """Return the arguments without a mark for "not given", and with plain data for a tensor.

    Raises:
        ConversionError: for a tracked one.
    """
    initial = arguments.get("initial")
    if getattr(initial, "autograd", False):
        msg = f"{name}(…, initial=t) with a tracked t would lose its gradient. Put it in front of the array by np.concatenate."
        raise ConversionError(msg)
    given = {key: value for key, value in arguments.items() if value is not np._NoValue}  # noqa: SLF001 - it has no public name
    return {**given, "initial": engine.data(initial)} if "initial" in given else given


def _reduce(ufunc: np.ufunc, arguments: dict[str, Any], engine: Engine) -> Any:
    x, dtype = arguments.pop("array"), arguments.pop("dtype", None)
    if dtype is not None and ufunc in {np.add, np.multiply}:
        arguments["dtype"] = dtype
    elif dtype is not None:
        x = engine.tensors.astype(x, dtype)
    return call_function(_REDUCE[ufunc], (x,), arguments, engine)


def _only_axis(name: str, axis: Any, ndim: int) -> Any:
    """Return the one axis along which a method goes, of the array's rank.

    Raises:
        ArgumentError: if there is none, or several.
    """
    if ndim == 0:
        msg = f"cannot {name.rpartition('.')[2]} on a scalar: {name} needs an axis"
        raise ArgumentError(msg)
    axes = tuple(range(ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if len(axes) != 1:
        msg = f"{name} does not allow multiple axes"
        raise ValueError(msg)
    return axes[0]


# --- at -------------------------------------------------------------------------------------------------------------
def _at_message(ufunc: np.ufunc, inputs: Sequence[Any], engine: Engine) -> str:
    """Return why ``ufunc.at`` is refused, with a spelling that gives what it would have written."""
    tensor = bool(inputs) and isinstance(inputs[0], engine.tensor_type)
    target, place = ("t", "t.at[i]") if tensor else ("array", "tape_ad.at(array)[i]")
    if ufunc.nin == 1:
        change = f"apply(np.{ufunc.__name__})"
    elif ufunc in _METHODS:
        change = f"{_METHODS[ufunc]}(v)"
    else:
        change = f"set(np.{ufunc.__name__}({target}[i], v))"
    return (
        f"np.{ufunc.__name__}.at changes its first argument, and values do not change here. "
        f"Write {target} = {place}.{change}."
    )
