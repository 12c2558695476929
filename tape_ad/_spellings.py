"""The ways to write a call of an op: NumPy's functions, methods and operators, with operands of every kind."""

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from attrs import frozen

from tape_ad._core import Op, Tensor
from tape_ad._law_tools import Arrays, data_of

Spelling: TypeAlias = tuple[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]]


# --- what NumPy writes otherwise ------------------------------------------------------------------------------------
_OPERATORS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul, np.divide: operator.truediv,
    np.floor_divide: operator.floordiv, np.remainder: operator.mod, np.power: operator.pow, np.matmul: operator.matmul,
    np.negative: operator.neg, np.positive: operator.pos, np.absolute: operator.abs, np.invert: operator.invert,
    np.equal: operator.eq, np.not_equal: operator.ne, np.less: operator.lt, np.less_equal: operator.le,
    np.greater: operator.gt, np.greater_equal: operator.ge, np.bitwise_and: operator.and_, np.bitwise_or: operator.or_,
    np.bitwise_xor: operator.xor, np.left_shift: operator.lshift, np.right_shift: operator.rshift,
}  # fmt: skip

UFUNCS = {function: ufunc for ufunc, function in _OPERATORS.items()}

_RENAMED = {"repetitions": "reps"}

# How the parameters of an op are written for a NumPy function that does not name them alike; None: it cannot say that.
_WRITTEN: Mapping[Callable[..., Any], Callable[[Arrays, Mapping[str, Any]], tuple[Arrays, dict[str, Any]] | None]] = {
    np.astype: lambda xs, params: ((*xs, params["dtype"]), {}) if not isinstance(xs[0], np.generic) else None,
    np.take_along_axis: lambda xs, params: (xs, {"axis": -1, **params}),  # required before NumPy 2.3
    np.einsum: lambda xs, params: ((params["subscripts"], *xs), {}),
    np.ravel: lambda xs, params: (xs, {key: value for key, value in params.items() if key == "order"}),
    np.swapaxes: lambda xs, params: ((*xs, 0, -1), {}) if np.ndim(xs[0]) else None,
    np.moveaxis: lambda xs, params: ((*xs, params["axes"], tuple(range(np.ndim(xs[0])))), {}),
    np.matrix_transpose: lambda xs, params: (xs, {}) if np.ndim(xs[0]) > 1 else None,
    np.flipud: lambda xs, params: (xs, {}) if np.ndim(xs[0]) > 0 else None,
    np.fliplr: lambda xs, params: (xs, {}) if np.ndim(xs[0]) > 1 else None,
}
OTHER_MEANING = frozenset({np.ravel, np.swapaxes, np.matrix_transpose, np.flipud, np.fliplr})


def _moment(xs: Arrays, params: Mapping[str, Any]) -> Spelling:
    """Write the call of a moment about a mean; NumPy's functions for NaN ask the array alone whether it is a tensor."""
    name = params["function"]
    mean, where = map(data_of, xs[1:]) if "nan" in name else xs[1:]
    given = {key: value for key, value in params.items() if key != "function"}
    return f"np.{name} with mean=", getattr(np, name), xs[:1], {"mean": mean, "where": where, **given}


# Ops that stand behind a spelling which is no NumPy function of the same operands.
_BEHIND: Mapping[str, Callable[[Arrays, Mapping[str, Any]], Spelling | None]] = {
    "getitem": lambda xs, params: (
        "x[index]",
        operator.getitem,
        (np.asarray(xs[0]) if isinstance(xs[0], float) else xs[0], params["index"]),
        {},
    ),
    "masked_reduction": lambda xs, params: (
        f"np.{params['function']} with where=",
        getattr(np, params["function"]),
        xs[:1],
        {"where": xs[1], **{key: value for key, value in params.items() if key != "function"}},
    ),
    "moment_about_mean": _moment,
    "fold": lambda xs, params: _ufunc_method("reduce", xs, params),
    "fold_at": lambda xs, params: _ufunc_method("reduceat", xs, params),
    "fold_without_slope": lambda xs, params: _ufunc_method(params["method"], xs, params),
    "running": lambda xs, params: _ufunc_method("accumulate", xs, params),
}


def _ufunc_method(method: str, xs: Arrays, params: Mapping[str, Any]) -> Spelling | None:
    """Write the call of a ufunc's method; those of some positions, or of starts, have no such spelling."""
    given = {key: value for key, value in params.items() if key not in {"ufunc", "method"}}
    if len(xs) > 1 and (np.ndim(xs[1]) or "initial" in given):
        given["where"] = data_of(xs[1])  # NumPy asks the array alone whether it is a tensor
    if method == "accumulate" and given.keys() & {"where", "starts"}:
        return None
    return f"np.{params['ufunc'].__name__}.{method}", getattr(params["ufunc"], method), xs[:1], given


# --- the calls ------------------------------------------------------------------------------------------------------
def spellings(op: Op[Any], xs: Arrays, params: Mapping[str, Any]) -> Iterator[Spelling]:
    """Yield every way to write the call: how it is called, what to call, its arguments."""
    behind = _BEHIND[op.name](xs, params) if op.name in _BEHIND else None
    if behind is not None:
        yield behind
    named = {_RENAMED.get(key, key): value for key, value in params.items()}
    for function in op.numpy:
        written = _WRITTEN.get(function)
        call = ((list(xs),) if op.variadic else xs, named) if written is None else written(xs, params)
        if call is None:
            continue
        args, kwargs = call
        name = function.__name__
        yield f"np.{name}", function, args, kwargs
        if "correction" in kwargs:
            kwargs = {
                **{key: value for key, value in kwargs.items() if key != "correction"},
                "ddof": kwargs["correction"],
            }
            yield f"np.{name} with ddof=", function, args, kwargs
        mutates = name in {"sort", "partition"}  # the methods of these names change the array
        if not (op.variadic or mutates) and hasattr(np.ndarray, name) and hasattr(Tensor, name) and _is_array(xs[0]):
            yield f"the method {name}", Method(name), args, kwargs
        if function in _OPERATORS:
            yield f"the operator of np.{name}", _OPERATORS[function], args, {}


@frozen
class Method:
    """A method or property, called like a function of the array."""

    name: str

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        member = getattr(x, self.name)
        if not callable(member) or isinstance(member, Tensor):
            return member
        if self.name in {"reshape", "transpose"} and kwargs:
            first, *rest = kwargs
            return member(kwargs[first], **{key: kwargs[key] for key in rest})
        return member(*args, **kwargs)


def _is_array(x: Any) -> bool:
    return isinstance(x, (np.ndarray, Tensor)) and not isinstance(data_of(x), (np.generic, bool, int, float, complex))


# --- the operands ---------------------------------------------------------------------------------------------------
def scalar_forms(datas: Arrays) -> Iterator[Arrays]:
    """Yield the operands as they are, and with 0-d ones as NumPy's and as Python's scalars."""
    yield datas
    if any(x.ndim == 0 for x in datas):
        yield tuple(x[()] if x.ndim == 0 else x for x in datas)
        # Not all of them: Python's scalars alone are weak, and NumPy treats them by other rules in its functions.
        if len(datas) > 1 and any(x.ndim for x in datas):
            yield tuple(x.item() if x.ndim == 0 else x for x in datas)


def tensor_choices(n: int) -> list[tuple[bool, ...]]:
    """Return which operands are tensors: all, each by itself, and all but each."""
    single = [tuple(j == i for j in range(n)) for i in range(n)]
    return list(dict.fromkeys([(True,) * n, *single, *[tuple(not t for t in choice) for choice in single if n > 1]]))
