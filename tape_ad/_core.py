"""The records everything stands on: `Op`, `Call`, `Tensor`, and `apply`, which makes a tensor from a call.

A tensor knows its parents and never its children. Nothing here computes a derivative; that is the tape's work.
"""

import inspect
import operator
import os
import sys
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from types import CodeType, FrameType, MappingProxyType, MethodType, SimpleNamespace
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeAlias, overload

import numpy as np
from attrs import field, frozen

from tape_ad import _numpy, _ufuncs
from tape_ad._cases import Case, Domain
from tape_ad._data import (
    COPY_LIMIT,
    FLOAT,
    FOREIGN,
    check_device,
    check_dtype,
    data_repr,
    exposed,
    fingerprint,
    own_data,
    show,
)
from tape_ad._errors import (
    ArgumentError,
    ConversionError,
    IntegerGradientError,
    MutationError,
)
from tape_ad._methods import ArrayMethods
from tape_ad._typing import Array, DType, Operand, P, Shape

Kind: TypeAlias = Literal["elementwise", "linear", "bilinear", "primitive", "composite", "piecewise_constant"]

# Arrays come and go by the hundred in every pass. Once glibc has seen a block of this size freed, it keeps freed blocks
# for the next array in place of handing each back to the system and fetching it again, zeroed. The block is never touched;
# with other allocators this does nothing.
np.empty(31 << 20, np.uint8)
_ndarray = np.ndarray
_array_function = np.ndarray.__array_function__
_getframe = sys._getframe  # noqa: SLF001 - the only way to a caller's position that costs less than a microsecond


class GradientMapping(Protocol):
    """What a backward pass returns, as `tape_ad.Gradients` is seen from a tensor."""

    def __getitem__(self, tensor: "Tensor", /) -> Any: ...
    def __contains__(self, tensor: object, /) -> bool: ...
    def __iter__(self) -> "Iterator[Tensor]": ...
    def __len__(self) -> int: ...
    def __add__(self, other: Any, /) -> "GradientMapping": ...
    def __sub__(self, other: Any, /) -> "GradientMapping": ...
    def __mul__(self, factor: float, /) -> "GradientMapping": ...
    def __rmul__(self, factor: float, /) -> "GradientMapping": ...
    def __truediv__(self, divisor: float, /) -> "GradientMapping": ...
    def __neg__(self) -> "GradientMapping": ...
    @overload
    def get(self, tensor: "Tensor", /) -> Any: ...
    @overload
    def get(self, tensor: "Tensor", default: Any, /) -> Any: ...

    def keys(self) -> "KeysView[Tensor]":
        """Return the tensors, in tape order."""

    def values(self) -> "ValuesView[Any]":
        """Return the gradients, in tape order."""

    def items(self) -> "ItemsView[Tensor, Any]":
        """Return tensors and gradients, in tape order."""

    def norm(self) -> float:
        """Return the Euclidean norm of all gradients taken as one vector."""


@frozen(eq=False)
class Update:
    """A sparse cotangent: ``value`` belongs at ``index`` of an operand, and everything else is zero."""

    index: Any
    value: Any


class OwnDoc:
    """The docstring of a record that stands for a function is the function's; the class keeps its own."""

    def __init__(self, text: str | None, attribute: str) -> None:
        self.text = text
        self.attribute = attribute

    def __get__(self, instance: object, owner: type | None = None) -> str | None:
        return self.text if instance is None else getattr(instance, self.attribute).__doc__


@frozen(eq=False, repr=False)
class Op(Generic[P]):
    """One operation, declared once: its value, its derivative, its NumPy names and the cases that test it.

    The public function *is* this record. Calling it records the call on a new `Tensor`.

    Attributes:
        name: The public name.
        kind: How its derivative is stated; see `tape_ad.elementwise` and its siblings.
        forward: ``forward(xp, *operands, **params)``, written against a namespace.
        compute: The same on plain arrays: NumPy's own function where there is one.
        arity: The number of array operands; they come first in the signature.
        variadic: True where the operands arrive as one sequence, as in ``concat``.
        partials: Of an elementwise op: ``partial(xp, out, *operands)``, one per operand.
        vjps: Of the other kinds: ``vjp(xp, ct, out, *operands, **params)``, one per operand; None where an operand
            has no derivative. A variadic op has a single ``vjp(xp, ct, i, out, operands, **params)``.
        jvp: ``jvp(xp, tangents, out, *operands, **params)``; None where it follows from the kind.
        expression: Of a composite op: an equal expression in other ops.
        canonical: ``canonical(operands, params)``: the one form of the parameters that rules see.
        batched: ``batched(compute, operands, leads, params)``: the op on arrays of which each has ``leads[i]`` batch axes in
            front; returns one with as many as the most. None where it follows from the expression, or from a loop.
        joint: True where the single vjp of a variadic op serves all operands at once:
            ``vjp(xp, ct, wanted, out, operands, **params)``.
        multiple: True where it returns a tuple. Rules then get and return tuples in place of result, cotangent and tangent.
        shared: Of a bilinear op: ``shared(xp, i, ct, other, operand)``, the transpose for operand ``i``, added up over all examples,
            where these share it; cotangent and the other operand have the examples along their first axis. None where
            that is no quicker than the sum of what the transpose gives.
        shows: The parameters that a listing shows; None for all.
        numpy: NumPy functions that arrive here, each with the function that adapts its arguments, or None.
        domain: Where the operands of test cases are drawn.
        cases: What the generated laws try.
    """

    name: str
    kind: Kind
    forward: Callable[..., Any]
    compute: Callable[..., Any]
    arity: int
    params: tuple[str, ...] = ()
    variadic: bool = False
    partials: tuple[Callable[..., Any] | None, ...] = ()
    vjps: tuple[Callable[..., Any] | None, ...] = ()
    jvp: Callable[..., Any] | None = None
    expression: Callable[..., Any] | None = None
    canonical: Callable[[Sequence[Any], dict[str, Any]], dict[str, Any]] | None = None
    batched: Callable[..., Any] | None = None
    joint: bool = False
    multiple: bool = False
    shared: Callable[..., Any] | None = None
    shows: tuple[str, ...] | None = None
    numpy: Mapping[Callable[..., Any], Callable[..., Any] | None] = field(factory=dict)
    domain: tuple[Domain, ...] = ()
    cases: tuple[Case, ...] = ()
    tracks: bool = True
    simple: bool = field(init=False)
    quick: int = field(init=False)
    served: int = field(init=False)
    own_forward: bool = field(init=False)
    rules: tuple[Callable[..., Any] | None, ...] = field(init=False)
    bare: "Call" = field(init=False)
    defaults: Mapping[str, Any] = field(init=False)
    names: frozenset[str] = field(init=False)
    most: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Fill in what follows from the other fields, and look like the function that was decorated."""
        code = self.forward.__code__
        positional = code.co_varnames[: code.co_argcount]
        given = self.forward.__defaults__ or ()
        defaults = {
            **dict(zip(positional[len(positional) - len(given) :], given, strict=True)),
            **(self.forward.__kwdefaults__ or {}),
        }
        _set(self, "defaults", {name: value for name, value in defaults.items() if name in self.params})
        _set(self, "names", frozenset(self.params))
        _set(self, "most", len(positional) - 1)
        _set(self, "simple", not (self.params or self.variadic or self.canonical or self.multiple))
        # The number of operands where the tape may serve the op inline, in NumPy's own namespace, else 0.
        inline = self.simple and self.expression is None and self.arity <= 2 and self.numpy and self.shared is None
        _set(self, "quick", self.arity if inline else 0)
        # The same in the backward pass, where there may be parameters.
        stated = bool(self.vjps) and not (self.variadic or self.multiple or self.joint)
        served = self.arity if stated and (self.arity == 1 or self.kind == "bilinear") else 0
        _set(self, "served", self.quick or served)
        _set(self, "own_forward", getattr(self.compute, "forward", None) is self.forward)
        _set(self, "rules", self.partials or self.vjps)
        _set(self, "bare", Call(self, {}))

    @property
    def __signature__(self) -> inspect.Signature:
        signature = inspect.signature(self.forward)
        return signature.replace(parameters=list(signature.parameters.values())[1:], return_annotation=Tensor)

    @property
    def __name__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"tape_ad.{self.name}"

    def __reduce__(self) -> tuple[Callable[[str], "Op[Any]"], tuple[str]]:
        return op_named, (self.name,)

    @overload
    def __get__(self, instance: "Call | None", owner: type | None = None) -> "Op[P]": ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Any: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """Bind like a function, so that an op in a class body is a method."""
        return self if instance is None else MethodType(self, instance)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> "Tensor":
        """Compute the value and record the call."""
        if self.simple and len(args) == self.arity and not kwargs:
            creators: tuple[Tensor, ...]
            if self.arity == 1:
                (x,) = args
                if type(x) is not Tensor:
                    x = constant(x)
                data = self.compute(x.data)
                creators = (x,)
                tracked = self.tracks and x.autograd
            elif self.arity == 2:
                x, y = args
                if type(x) is not Tensor:
                    x = constant(x)
                if type(y) is not Tensor:
                    y = constant(y)
                data = self.compute(x.data, y.data)
                creators = (x, y)
                tracked = self.tracks and (x.autograd or y.autograd)
            else:
                creators = tuple([a if type(a) is Tensor else constant(a) for a in args])
                data = self.compute(*[t.data for t in creators])
                tracked = self.tracks and True in [t.autograd for t in creators]
            if type(data) is _ndarray:
                data.setflags(False)  # type: ignore[call-arg]  # by position it is faster; NumPy's stubs say by keyword only
            frame = _getframe(1)
            # The private twin of Tensor: filled by plain assignment, then made a Tensor (see _Blank).
            result: Any = _Blank()
            result.data = data
            result.creators = creators
            result.creation_op = self.bare
            result.autograd = tracked
            result.code = frame.f_code
            result.lasti = frame.f_lasti
            result.__class__ = Tensor
            return result  # type: ignore[no-any-return]  # it is a Tensor by now
        if self.arity <= len(args) <= self.most and kwargs.keys() <= self.names:
            params = dict(zip(self.params, args[self.arity :]))  # noqa: B905 - trailing parameters may be left out
            params.update(kwargs)
            operands = self._variadic_operands(args[0]) if self.variadic else args[: self.arity]
            return apply(self, operands, params, _getframe(1))
        operands, params = self.bind(args, kwargs)
        return apply(self, operands, params, _getframe(1))

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Sequence[Any], dict[str, Any]]:
        """Split a call's arguments into operands and parameters.

        Raises:
            ArgumentError: where they do not fit the signature.
        """
        try:
            bound = inspect.signature(self).bind(*args, **kwargs)
        except TypeError as error:
            bare = [p.replace(annotation=p.empty) for p in self.__signature__.parameters.values()]
            msg = f"{self.name}{inspect.Signature(bare)}: {error}."
            raise ArgumentError(msg) from None
        arguments = list(bound.arguments.items())
        if self.variadic:
            return self._variadic_operands(arguments[0][1]), dict(arguments[1:])
        operands = [value for name, value in arguments if name not in self.params]
        return operands, {name: value for name, value in arguments if name in self.params}

    def _variadic_operands(self, operands: Any) -> Sequence[Any]:
        if isinstance(operands, (Tensor, np.ndarray)):
            return list(operands)
        if isinstance(operands, (list, tuple)):
            return operands
        msg = f"{self.name}() takes a list or tuple of arrays, but got {type(operands).__name__}. Write {self.name}([a, b])."
        raise ArgumentError(msg)


_set = object.__setattr__
type.__setattr__(Op, "__doc__", OwnDoc(Op.__doc__, "forward"))


@frozen(eq=False, repr=False)
class Call:
    """An op with its static parameters. ``str(call)`` is ``"add"``, ``"sum(axis=0)"``."""

    op: Op[Any]
    _params: dict[str, Any] = field(factory=dict)

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters, in the one form that rules see (read-only)."""
        return MappingProxyType(self._params)

    def __str__(self) -> str:
        shown = [
            f"{name}={show(value)}"
            for name, value in self._params.items()
            if not self._is_default(name, value) and (self.op.shows is None or name in self.op.shows)
        ]
        return f"{self.op.name}({', '.join(shown)})" if shown else self.op.name

    __repr__ = __str__

    def _is_default(self, name: str, value: Any) -> bool:
        default = self.op.defaults.get(name, self)
        return value is default or (
            type(value) is type(default) and isinstance(value, (bool, int, str)) and value == default
        )


TABLE: dict[str, Op[Any]] = {}
"""Every op by its name."""
DOORS: dict[Callable[..., Any], tuple[Op[Any] | Callable[..., Any], Callable[..., Any] | None]] = {}
"""Every NumPy function that has an op or an expansion: what it is, and what adapts its arguments."""
ALONE: dict[Callable[..., Any], Op[Any]] = {}
"""Functions that, called with one tensor and nothing else, are their op without parameters: the short way in."""
UFUNCS: dict[np.ufunc, Op[Any]] = {}
"""The ufuncs whose op has no parameters: the short way in."""
HOOKS: dict[str, Callable[..., Any]] = {}
"""What a tensor's method calls in modules that stand below this one; they enter themselves."""
TENSORS = SimpleNamespace()
"""The namespace in which rules and expansions record what they compute."""
ARRAYS = SimpleNamespace(**vars(np))
"""The namespace in which rules compute on arrays: NumPy's functions, and the ops that NumPy lacks."""


class IndexDiffers(Exception):  # noqa: N818 - a signal that no user sees
    """An index was read that differs from example to example."""


class Instead(Exception):  # noqa: N818 - a signal that no user sees
    """Raised by an op's ``canonical``: for these operands, the op of another name with the same parameters is due."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Pack(tuple[Any, ...]):
    """The data of a tensor that stands for several results; the op ``unpack`` reads one of them."""

    __slots__ = ()
    shape = ()
    dtype = FLOAT


def register(op: Op[Any]) -> None:
    """Enter an op into the table, under its own name and those of its NumPy functions.

    Raises:
        ArgumentError: if this library has an op of that name, or for one of the functions; a user's own is replaced.
    """
    if not _is_ours(op):
        taken = [f"the name {op.name!r}"] if op.name in TABLE and _is_ours(TABLE[op.name]) else []
        taken += [f"np.{f.__name__}" for f in op.numpy if f in DOORS and _is_ours(DOORS[f][0])]
        if taken:
            msg = f"{op.name}: {' and '.join(taken)} belongs to an op of tape_ad. Choose another name, and leave its NumPy function out."
            raise ArgumentError(msg)
    TABLE[op.name] = op
    setattr(TENSORS, op.name, op)
    if not hasattr(np, op.name):
        setattr(ARRAYS, op.name, op.compute)
    for function, adapt in op.numpy.items():
        DOORS[function] = op, adapt
        if getattr(adapt, "alone", False):
            ALONE[function] = op
        if isinstance(function, np.ufunc) and op.simple and adapt is None:
            UFUNCS[function] = op
        if not hasattr(TENSORS, function.__name__):
            setattr(TENSORS, function.__name__, op)


def _is_ours(op: Any) -> bool:
    body = op.forward if isinstance(op, Op) else getattr(op, "body", op)
    return (getattr(body, "__module__", None) or "").partition(".")[0] == "tape_ad"


def op_named(name: str) -> Op[Any]:
    """Return the op of that name (what unpickling an op calls)."""
    return TABLE[name]


def own(data: Any, *, what: str = "Tensor()") -> Any:
    """Return numeric data that nobody else can change: a read-only array, or a scalar.

    Raises:
        UnsupportedDataError: for data that is not numeric.
        ConversionError: for a tracked tensor, whose gradient would be lost.
    """
    if type(data) is Tensor:
        _refuse_conversion(data, what)
        return data.data
    return own_data(data, what)


def constant(value: Any) -> "Tensor":
    """Return a raw operand as an untracked tensor.

    A small writable array is copied. A large one is shared, and remembered with a fingerprint that the backward pass
    compares. The same Python float, met again, is the same tensor.
    """
    kind = type(value)
    if kind is float:
        known = _FLOATS.get(value)
        if known is not None:
            return known
    elif kind is Tensor:
        return value  # type: ignore[no-any-return]  # its class was compared
    call = None
    if kind is _ndarray and value.nbytes > COPY_LIMIT and exposed(value):
        check_dtype(value.dtype, "an operation")
        call = Call(SHARED, {"fingerprint": fingerprint(value)})
        value = value.view()
        value.setflags(write=False)
    elif kind is _ndarray and value.flags.forc and (value.dtype is FLOAT or value.dtype.kind in "biufc"):
        value = value.copy("K") if value.flags.writeable or exposed(value) else value
    else:
        value = own(value, what="an operation")
    if kind is _ndarray:
        value.setflags(False)
    result: Any = _Blank()
    result.data = value
    result.creators = ()
    result.creation_op = call
    result.autograd = False
    result.code = None
    result.lasti = 0
    result.__class__ = Tensor
    if kind is float and value != 0.0:  # 0.0 and -0.0 are equal, but not the same
        if len(_FLOATS) >= _FLOATS_LIMIT:
            _FLOATS.clear()
        _FLOATS[value] = result
    return result  # type: ignore[no-any-return]  # it is a Tensor by now


_FLOATS: dict[float, "Tensor"] = {}
_FLOATS_LIMIT = 256


def record(data: Any, creators: tuple["Tensor", ...], call: Call | None, tracked: bool, frame: FrameType) -> "Tensor":
    """Return a tensor with the given fields; its data becomes read-only."""
    if type(data) is _ndarray:
        data.setflags(write=False)
    result: Any = _Blank()
    result.data = data
    result.creators = creators
    result.creation_op = call
    result.autograd = tracked
    result.code = frame.f_code
    result.lasti = frame.f_lasti
    result.__class__ = Tensor
    return result  # type: ignore[no-any-return]  # it is a Tensor by now


def placed(results: Any, arguments: Iterable[Any], frame: FrameType) -> Any:
    """Return what a shorthand for other ops returned, made where the shorthand was called.

    The tensors between its arguments and its results were made in this library's files, which tell a user nothing.
    """
    known = set()
    for x in arguments:
        known.update(
            [y for y in x if type(y) is Tensor] if type(x) in (list, tuple) else [x] if type(x) is Tensor else []
        )
    stack = list(results) if isinstance(results, (list, tuple)) else [results]
    while stack:
        t = stack.pop()
        if type(t) is Tensor and t not in known and t.code is not None and t.code.co_filename.startswith(_PACKAGE):
            known.add(t)
            _set(t, "code", frame.f_code)
            _set(t, "lasti", frame.f_lasti)
            stack.extend(t.creators)
    return results


_PACKAGE = os.path.dirname(__file__) + os.sep  # noqa: PTH120 - code objects name their files by strings


def apply(
    op: Op[Any],
    operands: Sequence[Any],
    params: dict[str, Any],
    frame: FrameType,
    compute: Callable[..., Any] | None = None,
) -> "Tensor":
    """Compute ``op`` on ``operands`` and return the recorded result; of an op with several, a tuple of them.

    ``compute`` is what a door runs in place of the op's own forward, where NumPy's bits depend on the door.
    """
    if len(operands) == 1 and not (op.variadic or op.multiple) and compute is None and type(operands[0]) is Tensor:
        # The shortest way, for a function of one array with parameters.
        (x,) = creators = tuple(operands)
        data = x.data
        if op.canonical is not None:
            try:
                params = op.canonical((data,), params)
            except Instead as other:
                return apply(TABLE[other.name], creators, params, frame)
        data = (
            op.forward(np, data, **params) if op.own_forward and type(data) is _ndarray else op.compute(data, **params)
        )
        if type(data) is _ndarray:
            data.setflags(False)  # type: ignore[call-arg]  # by position it is faster; NumPy's stubs say by keyword only
        result: Any = _Blank()
        result.data = data
        result.creators = creators
        result.creation_op = Call(op, params) if params else op.bare
        result.autograd = (
            op.tracks and x.autograd and (type(data) is np.float64 or getattr(data, "dtype", FLOAT).kind in "fc")
        )
        result.code = frame.f_code
        result.lasti = frame.f_lasti
        result.__class__ = Tensor
        return result  # type: ignore[no-any-return]  # it is a Tensor by now
    creators = tuple([x if type(x) is Tensor else constant(x) for x in operands])
    datas = [t.data for t in creators]
    if op.canonical is not None:
        try:
            params = op.canonical(datas, params)
        except Instead as other:
            return apply(TABLE[other.name], creators, params, frame, compute)
    data = op.compute(datas, **params) if op.variadic else (compute or op.compute)(*datas, **params)
    tracked = False
    if op.tracks:
        for t in creators:
            if t.autograd:
                tracked = getattr(data, "dtype", FLOAT).kind in "fc"
                break
    if op.multiple:
        return _apart(data, creators, Call(op, params), tracked, frame)  # type: ignore[no-any-return]  # rare, and known to its callers
    return record(data, creators, Call(op, params) if params else op.bare, tracked, frame)


def _apart(results: Any, creators: tuple["Tensor", ...], call: Call, tracked: bool, frame: FrameType) -> Any:
    """Return the results of one call, a tuple or named tuple, each as a tensor."""
    for part in results:
        if type(part) is _ndarray:
            part.setflags(write=False)
    node = record(Pack(results), creators, call, tracked, frame)
    parts = [apply(TABLE["unpack"], (node,), {"i": i}, frame) for i in range(len(results))]
    return type(results)(*parts) if hasattr(results, "_fields") else tuple(parts)


class _Binary(Protocol):
    """A binary operator as it is read off a tensor.

    A descriptor, because pyright binds nothing else that an attrs class declares as a variable.
    """

    def __get__(self, instance: "Tensor", owner: type | None = None, /) -> Callable[[Operand], "Tensor"]: ...


def _operator(
    name: str, compute: Callable[[Any, Any], Any], *, reflected: bool = False, tracks: bool = True
) -> _Binary:
    """Return the method of a binary operator. Everything is inline: this is the hot path."""

    def method(self: "Tensor", other: Operand, /) -> "Tensor":
        if type(other) is not Tensor:
            if _answers_for_itself(other):
                return NotImplemented  # type: ignore[no-any-return]  # Python takes it from an operator
            other = constant(other)
        if reflected:
            self, other = other, self
        data = compute(self.data, other.data)
        if type(data) is _ndarray:
            data.setflags(False)  # type: ignore[call-arg]  # by position it is faster; NumPy's stubs say by keyword only
        frame = _getframe(1)
        result: Any = _Blank()
        result.data = data
        result.creators = (self, other)
        result.creation_op = TABLE[name].bare
        result.autograd = tracks and (self.autograd or other.autograd)
        result.code = frame.f_code
        result.lasti = frame.f_lasti
        result.__class__ = Tensor
        return result  # type: ignore[no-any-return]  # it is a Tensor by now

    return method


_OPERANDS = (bool, int, float, complex, np.ndarray, np.generic, list, tuple)
_FAMILIAR = frozenset({bool, int, float, complex, np.ndarray, np.float64, np.float32})


def _answers_for_itself(x: Any) -> bool:
    """Say whether an operand belongs to another library, which then decides what a call with it means."""
    if type(x) in _FAMILIAR or type(x) in FOREIGN:
        return False
    if isinstance(x, np.ndarray):
        return type(x).__array_ufunc__ is not np.ndarray.__array_ufunc__
    return not isinstance(x, _OPERANDS)


_ELSEWHERE = {
    "grad": "Gradients are values: g = out.backward(), then g[t]. tape_ad.attribute_style keeps them as attributes.",
    "requires_grad": "Whether it is tracked is t.autograd: Tensor(x, autograd=True).",
    "requires_grad_": "A tensor never changes: Tensor(t.data, autograd=True).",
    "grad_fn": "The call that made it is t.creation_op.",
    "is_leaf": "A leaf has no creators: not t.creators.",
    "numpy": "Its array is t.data.",
    "cpu": "Its array is t.data.",
    "view": "Write t.reshape(…).",
    "zero_grad": "Nothing accumulates, so there is nothing to reset.",
    "creator": "They are t.creators.",
    "null_grad": "Nothing accumulates, so there is nothing to reset.",
    "block_until_ready": "It is computed already.",
    "flags": "Nobody sees the memory of a tensor: t.data.flags.",
    "fill": "A tensor never changes: np.full_like(t.data, value).",
    "put": "A tensor never changes: t.at[i].set(v).",
    "setfield": "A tensor never changes: t.at[i].set(v).",
    "resize": "A tensor never changes: np.resize(t, shape).",
    "flat": "Write t.ravel(), and t.at[i].set(v) to set elements.",
    **dict.fromkeys(
        ("strides", "base", "ctypes", "setflags"), "Nobody sees the memory of a tensor: it is that of t.data."
    ),
    **dict.fromkeys(
        ("byteswap", "dump", "dumps", "getfield", "tobytes", "tofile"), "Where no gradient is wanted, t.data has it."
    ),
}


class _Blank(ArrayMethods):
    """The twin of `Tensor` with the same slots and no frozen setter.

    Filling one and then giving it the class `Tensor` costs a third of a frozen constructor; CPython allows the switch
    because both classes have the same layout.
    """

    __slots__ = ("autograd", "code", "creation_op", "creators", "data", "lasti")


@frozen(eq=False, repr=False, weakref_slot=False)
class Tensor(ArrayMethods):
    """A value that remembers how it was made: frozen, and never aware of its children.

    ``Tensor([1.0, 2.0], autograd=True)`` is a leaf to differentiate with respect to. Arithmetic, NumPy functions and
    the functions of `tape_ad` make new tensors. A writable array is copied, a read-only one is shared.

    Attributes:
        data: The value: a read-only array or a scalar.
        creators: The tensors it was computed from.
        creation_op: The call that made it; None if the user did.
        autograd: Whether it is tracked, that is, whether it carries a gradient.
        code: The code object in which it was made, with ``lasti`` the position within it.

    Raises:
        UnsupportedDataError: if the data is not numeric.
        IntegerGradientError: if tracked data is not real or complex floating point.

    >>> x = Tensor([1.0, 2.0, 3.0], autograd=True)
    >>> y = (x * x).sum()
    >>> y.backward()[x]
    array([2., 4., 6.])
    """

    data: Any = field(converter=own)
    creators: "tuple[Tensor, ...]" = ()
    creation_op: Call | None = None
    autograd: bool = field(default=False, kw_only=True)
    code: CodeType | None = field(default=None, kw_only=True)
    lasti: int = field(default=0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Refuse to track what has no derivative, and note who made this."""
        if self.code is None:
            frame = _getframe(2)
            _set(self, "code", frame.f_code)
            _set(self, "lasti", frame.f_lasti)
        if self.autograd and self.dtype.kind not in "fc":
            msg = (
                f"Tensor(…, autograd=True) needs real or complex floating-point data, but this has dtype {self.dtype}, "
                "which has no derivative. Convert it first: Tensor(np.asarray(data, dtype=float), autograd=True)."
            )
            raise IntegerGradientError(msg)

    def __repr__(self) -> str:
        parts = [data_repr(self.data)]
        if self.creation_op is not None and self.creation_op.op is not SHARED:
            parts.append(f"creation_op={self.creation_op}")
        if self.autograd:
            parts.append("autograd=True")
        return f"Tensor({', '.join(parts)})"

    def __str__(self) -> str:
        return str(self.data)

    def __format__(self, spec: str) -> str:
        return format(self.data, spec)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.creators:
            msg = f"A tensor made by {self.creation_op} carries its history, which cannot be pickled. Pickle t.data."
            raise ConversionError(msg)
        return _leaf_from_pickle, (self.data, self.autograd)

    def __copy__(self) -> "Tensor":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Tensor":
        return self

    @property
    def made_at(self) -> str | None:
        """Where it was made, as ``file:line``; None where nobody recorded it."""
        if self.code is None:
            return None
        positions = list(self.code.co_positions())[self.lasti // 2]
        return f"{self.code.co_filename}:{positions[0]}"

    # --- what it looks like -------------------------------------------------------------------------------------
    @property
    def shape(self) -> Shape:
        """The shape; ``()`` for a scalar."""
        try:
            return self.data.shape  # type: ignore[no-any-return]  # data is any array
        except AttributeError:
            return ()

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return np.ndim(self.data)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.size(self.data))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype; Python scalars have that of NumPy's default for them."""
        try:
            return self.data.dtype  # type: ignore[no-any-return]  # data is any array
        except AttributeError:
            return np.result_type(type(self.data))

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return len(self.data)

    def __bool__(self) -> bool:
        return bool(self.data)

    def __int__(self) -> int:
        return int(self.data)

    def __index__(self) -> int:
        return operator.index(self.data)

    def __float__(self) -> float:
        _refuse_conversion(self, "float(t)", "For math.sin and its like write np.sin. ")
        return float(self.data)

    def __complex__(self) -> complex:
        _refuse_conversion(self, "complex(t)")
        return complex(self.data)

    def __array__(self, dtype: DType = None, copy: bool | None = None) -> np.ndarray[Any, np.dtype[Any]]:
        _refuse_conversion(self, "np.asarray(t)")
        return np.array(self.data, dtype=dtype, copy=copy)

    def item(self, *args: int) -> Any:
        """Return one element of an untracked tensor as a Python scalar."""
        _refuse_conversion(self, "t.item()")
        return np.asarray(self.data).item(*args)

    def tolist(self) -> Any:
        """Return an untracked tensor as nested lists of Python scalars."""
        _refuse_conversion(self, "t.tolist()")
        return np.asarray(self.data).tolist()

    def __iter__(self) -> "Iterator[Tensor]":
        if self.ndim == 0:
            msg = "iteration over a 0-d tensor"
            raise ArgumentError(msg)
        return iter([self[i] for i in range(len(self.data))])

    def __contains__(self, value: Any) -> bool:
        return (value.data if isinstance(value, Tensor) else value) in self.data

    # --- operators ----------------------------------------------------------------------------------------------

    def __hash__(self) -> int:
        return object.__hash__(self)

    __add__: ClassVar[_Binary] = _operator("add", operator.add)
    __radd__: ClassVar[_Binary] = _operator("add", operator.add, reflected=True)
    __sub__: ClassVar[_Binary] = _operator("subtract", operator.sub)
    __rsub__: ClassVar[_Binary] = _operator("subtract", operator.sub, reflected=True)
    __mul__: ClassVar[_Binary] = _operator("multiply", operator.mul)
    __rmul__: ClassVar[_Binary] = _operator("multiply", operator.mul, reflected=True)
    __truediv__: ClassVar[_Binary] = _operator("divide", operator.truediv)
    __rtruediv__: ClassVar[_Binary] = _operator("divide", operator.truediv, reflected=True)
    __floordiv__: ClassVar[_Binary] = _operator("floor_divide", operator.floordiv, tracks=False)
    __rfloordiv__: ClassVar[_Binary] = _operator("floor_divide", operator.floordiv, reflected=True, tracks=False)
    __mod__: ClassVar[_Binary] = _operator("remainder", operator.mod)
    __rmod__: ClassVar[_Binary] = _operator("remainder", operator.mod, reflected=True)
    __pow__: ClassVar[_Binary] = _operator("pow", operator.pow)
    __rpow__: ClassVar[_Binary] = _operator("pow", operator.pow, reflected=True)
    __matmul__: ClassVar[_Binary] = _operator("matmul", operator.matmul)
    __rmatmul__: ClassVar[_Binary] = _operator("matmul", operator.matmul, reflected=True)
    __eq__: ClassVar[_Binary] = _operator("equal", operator.eq, tracks=False)  # type: ignore[assignment]  # elementwise, as the standard says
    __ne__: ClassVar[_Binary] = _operator("not_equal", operator.ne, tracks=False)  # type: ignore[assignment]  # elementwise
    __lt__: ClassVar[_Binary] = _operator("less", operator.lt, tracks=False)
    __le__: ClassVar[_Binary] = _operator("less_equal", operator.le, tracks=False)
    __gt__: ClassVar[_Binary] = _operator("greater", operator.gt, tracks=False)
    __ge__: ClassVar[_Binary] = _operator("greater_equal", operator.ge, tracks=False)
    __and__: ClassVar[_Binary] = _operator("bitwise_and", operator.and_, tracks=False)
    __rand__: ClassVar[_Binary] = _operator("bitwise_and", operator.and_, reflected=True, tracks=False)
    __or__: ClassVar[_Binary] = _operator("bitwise_or", operator.or_, tracks=False)
    __ror__: ClassVar[_Binary] = _operator("bitwise_or", operator.or_, reflected=True, tracks=False)
    __xor__: ClassVar[_Binary] = _operator("bitwise_xor", operator.xor, tracks=False)
    __rxor__: ClassVar[_Binary] = _operator("bitwise_xor", operator.xor, reflected=True, tracks=False)
    __lshift__: ClassVar[_Binary] = _operator("bitwise_left_shift", operator.lshift, tracks=False)
    __rlshift__: ClassVar[_Binary] = _operator("bitwise_left_shift", operator.lshift, reflected=True, tracks=False)
    __rshift__: ClassVar[_Binary] = _operator("bitwise_right_shift", operator.rshift, tracks=False)
    __rrshift__: ClassVar[_Binary] = _operator("bitwise_right_shift", operator.rshift, reflected=True, tracks=False)

    def __neg__(self) -> "Tensor":
        data = -self.data
        if type(data) is _ndarray:
            data.setflags(False)  # type: ignore[call-arg]  # by position it is faster; NumPy's stubs say by keyword only
        frame = _getframe(1)
        result: Any = _Blank()
        result.data = data
        result.creators = (self,)
        result.creation_op = TABLE["negative"].bare
        result.autograd = self.autograd
        result.code = frame.f_code
        result.lasti = frame.f_lasti
        result.__class__ = Tensor
        return result  # type: ignore[no-any-return]  # it is a Tensor by now

    def __pos__(self) -> "Tensor":
        return apply(TABLE["positive"], (self,), {}, _getframe(1), operator.pos)

    def __abs__(self) -> "Tensor":
        return apply(TABLE["abs"], (self,), {}, _getframe(1), operator.abs)

    def __invert__(self) -> "Tensor":
        return apply(TABLE["bitwise_invert"], (self,), {}, _getframe(1), operator.invert)

    def __divmod__(self, other: Operand) -> "tuple[Tensor, Tensor]":
        return self // other, self % other

    def __rdivmod__(self, other: Operand) -> "tuple[Tensor, Tensor]":
        return other // self, other % self

    def __getitem__(self, index: Any) -> "Tensor":
        if (type(index) is slice or type(index) is int) and type(self.data) is _ndarray:
            # The usual index is in its one form already, and what it reads of a read-only array is read-only.
            frame = _getframe(1)
            result: Any = _Blank()
            result.data = self.data[index]
            result.creators = (self,)
            result.creation_op = Call(TABLE["getitem"], {"index": index})
            result.autograd = self.autograd
            result.code = frame.f_code
            result.lasti = frame.f_lasti
            result.__class__ = Tensor
            return result  # type: ignore[no-any-return]  # it is a Tensor by now
        try:
            return apply(TABLE["getitem"], (self,), {"index": index}, _getframe(1))
        except IndexDiffers:
            return apply(TABLE["gather"], (self, HOOKS["positions_of"](self.shape, index)), {}, _getframe(1))

    @property
    def at(self) -> Any:
        """The way to change some elements: ``t.at[index].set(v)`` is a new tensor, and ``t`` stays as it is.

        Beside ``set`` there are ``add``, ``subtract``, ``multiply``, ``divide``, ``power``, ``min``, ``max``, ``apply`` and ``get``.
        """
        return HOOKS["at"](self)

    def __setitem__(self, index: Any, value: Any) -> None:
        shown = "i" if isinstance(index, (np.ndarray, Tensor)) else show(index)
        msg = (
            f"t[{shown}] = v: a tensor never changes. Make a new value instead: t = t.at[{shown}].set(v), "
            f"tape_ad.where(mask, v, t), or tape_ad.stack of the parts."
        )
        raise MutationError(msg)

    # --- NumPy's doors ------------------------------------------------------------------------------------------
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        op = UFUNCS.get(ufunc)
        if op is not None and method == "__call__" and not kwargs:
            if len(inputs) == 1:
                data = ufunc(self.data)
                creators: tuple[Tensor, ...] = (self,)
                tracked = op.tracks and self.autograd
            else:
                for x in inputs:
                    if type(x) is not Tensor and _answers_for_itself(x):
                        return NotImplemented
                creators = tuple([x if type(x) is Tensor else constant(x) for x in inputs])
                data = ufunc(*[t.data for t in creators])
                tracked = op.tracks and True in [t.autograd for t in creators]
            if type(data) is _ndarray:
                data.setflags(False)  # type: ignore[call-arg]  # by position it is faster; NumPy's stubs say by keyword only
            frame = _getframe(1)
            result: Any = _Blank()
            result.data = data
            result.creators = creators
            result.creation_op = op.bare
            result.autograd = tracked
            result.code = frame.f_code
            result.lasti = frame.f_lasti
            result.__class__ = Tensor
            return result
        if any(type(x) is not Tensor and _answers_for_itself(x) for x in inputs):
            return NotImplemented
        return _ufuncs.call_ufunc(ufunc, method, inputs, kwargs, _Entry(_getframe(1)))

    def __array_function__(
        self, function: Callable[..., Any], types: Sequence[type], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        for t in types:
            if t is not Tensor and t.__array_function__ is not _array_function:  # type: ignore[attr-defined]  # only such types arrive here
                return NotImplemented
        if len(args) == 1 and not kwargs and type(args[0]) is Tensor:
            op = ALONE.get(function)
            if op is not None:
                return apply(op, args, {}, _getframe(1))
        return _numpy.call_function(function, args, kwargs, _Entry(_getframe(1)))

    def _call(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], frame: FrameType
    ) -> Any:
        if isinstance(function, np.ufunc):
            return _ufuncs.call_ufunc(function, "__call__", args, kwargs, _Entry(frame))
        return _numpy.call_function(function, args, kwargs, _Entry(frame))

    # --- the Array API standard -----------------------------------------------------------------------------------
    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """Return the namespace of the functions for tensors: `tape_ad`.

        Raises:
            ArgumentError: for a version of the standard that it does not follow.
        """
        if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
            msg = f"tape_ad follows the Array API standard 2024.12, not {api_version!r}. Leave api_version out."
            raise ArgumentError(msg)
        return HOOKS["namespace"]()

    @property
    def device(self) -> Literal["cpu"]:
        """Where the data is: ``"cpu"``, as all of NumPy's."""
        return "cpu"

    def to_device(self, device: str, /, *, stream: Any = None) -> "Tensor":
        """Return the tensor itself, for there is one device.

        Raises:
            ArgumentError: for any device but "cpu", and for a stream.
        """
        check_device(device, "t.to_device()")
        if stream is not None:
            msg = "t.to_device(): the cpu has no streams. Leave stream out."
            raise ArgumentError(msg)
        return self

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # DLPack's number of the cpu, and which

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """Export the data of an untracked tensor. Who cannot be told that it is read-only gets a copy.

        Raises:
            ConversionError: for a tracked tensor, whose gradient would be lost.
        """
        _refuse_conversion(self, "from_dlpack(t)")
        if copy is None and (max_version is None or max_version[0] < 1):
            copy = True
        data: Any = np.asarray(self.data)
        return data.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def astype(self, dtype: DType, *, copy: bool = True) -> "Tensor":  # noqa: ARG002 - values never change: no copy is told from another
        """Return the tensor with another dtype."""
        return apply(TABLE["astype"], (self,), {"dtype": dtype}, _getframe(1))

    def backward(self, seed: Any = None) -> GradientMapping:
        """Return the gradients of this tensor, weighted by ``seed``, as a fresh read-only mapping.

        ``t.backward()`` is ``Tape.of(t).backward()``: it changes no tensor, and may be called again.

        Args:
            seed: An array of this tensor's shape; may be left out for a scalar.

        Raises:
            NotScalarError: if there is no seed and this is not one scalar.
        """
        return HOOKS["backward"](self, seed)  # type: ignore[no-any-return]  # what _tape has put there

    def detach(self) -> "Tensor":
        """Return the tensor as a constant: the same value, no gradient."""
        return apply(TABLE["stop_gradient"], (self,), {}, _getframe(1))


# By name rather than by a call of Python's: every dictionary of tensors pays for it.
Tensor.__hash__ = object.__hash__  # type: ignore[method-assign]  # the same function, found by C


class _Elsewhere:
    """Another library's spelling of an attribute: there is none of that name, and the error says what ours is.

    A descriptor for each, since a class with ``__getattr__`` reads all its attributes more slowly.
    """

    def __init__(self, name: str, ours: str) -> None:
        self.message = f"Tensor has no attribute {name!r}. {ours}"
        self.name = name

    def __get__(self, tensor: Any, owner: type | None = None) -> Any:
        raise AttributeError(self.message, name=self.name, obj=owner if tensor is None else tensor)


for _name, _ours in _ELSEWHERE.items():
    type.__setattr__(Tensor, _name, _Elsewhere(_name, _ours))  # unseen by type checkers, which know what there is


class _Entry:
    """What `_numpy` needs of the engine to answer one call, made at ``frame``."""

    __slots__ = ("frame",)
    doors = DOORS
    tensors = TENSORS
    tensor_type = Tensor

    def __init__(self, frame: FrameType) -> None:
        self.frame = frame

    @staticmethod
    def data(value: Any) -> Any:
        """Return a tensor's data, and anything else as it is."""
        return value.data if type(value) is Tensor else value

    @staticmethod
    def answer(value: Any) -> Any:
        """Return data that is not NumPy's as constant tensors, and anything else as it is."""
        if isinstance(value, Pack):
            return tuple([constant(part) for part in value])
        return constant(value) if type(value) in FOREIGN else value

    def expand(self, body: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], /) -> Any:
        """Run a function that is written in other ops."""
        return placed(body(TENSORS, *args, **kwargs), (*args, *kwargs.values()), self.frame)

    def run(
        self, name: str, operands: Sequence[Any], params: dict[str, Any], compute: Callable[..., Any] | None = None, /
    ) -> Tensor:
        """Apply the op of that name; ``compute`` replaces its own forward on plain arrays."""
        return apply(TABLE[name], operands, params, self.frame, compute)


def _leaf_from_pickle(data: Any, autograd: bool) -> Tensor:
    return Tensor(data, autograd=autograd)


def _refuse_conversion(tensor: Tensor, spelling: str, hint: str = "") -> None:
    if tensor.autograd:
        made = f" (made by {tensor.creation_op} at {tensor.made_at})" if tensor.creation_op else ""
        msg = (
            f"{spelling} of a tracked tensor of shape {tensor.shape}{made} would lose its gradient. {hint}Where that is meant, "
            "take t.data or tape_ad.stop_gradient(t); to build an array of tensors use tape_ad.numpy.array, tape_ad.stack or tape_ad.concat."
        )
        raise ConversionError(msg)


def _shared_forward(xp: Any, x: Array, /, *, fingerprint: Any = None) -> Array:
    """Mark a large operand whose buffer is shared with the user."""
    return x


SHARED: Op[Any] = Op(
    "shared", "piecewise_constant", _shared_forward, _shared_forward, 1, ("fingerprint",), tracks=False
)
