"""Functions of functions: `grad` and `value_and_grad`.

A transform is a frozen record that holds the function. Called, it makes a fresh leaf per differentiated array, calls
the function, builds the tape and asks it. There is no global state: which tensors belong to an enclosing call is read
off the tape, where leaves of transforms carry the serial number of the call that made them.
"""

import gc
import inspect
import itertools
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, Generic, Literal, ParamSpec, TypeVar, overload

import numpy as np
from attrs import field, frozen

from tape_ad import _tree
from tape_ad._core import TABLE, Call, Tensor, own, record
from tape_ad._errors import ArgumentError, IntegerGradientError, NotScalarError
from tape_ad._tape import Tape
from tape_ad._typing import RealScalar

P = ParamSpec("P")
# Bounds of Any, so that a lambda's parameters, whose types nothing tells, take any operation.
A = TypeVar("A", bound=Any)
B = TypeVar("B", bound=Any)
R = TypeVar("R")
Aux = TypeVar("Aux")
Value = TypeVar("Value", bound=RealScalar | Tensor)

_serials = itertools.count(1)
_PYTHON = (int, float, complex)
_ARGUMENT = TABLE["argument"]


def _name(function: Any) -> str:
    return getattr(function, "__name__", None) or repr(function)


def _positions(argnums: Any) -> int | tuple[int, ...]:
    if isinstance(argnums, (bool, str, bytes)):
        msg = f"argnums takes an integer or a tuple of integers, but got {argnums!r}."
        raise ArgumentError(msg)
    try:
        found = argnums.__index__() if hasattr(argnums, "__index__") else tuple(n.__index__() for n in argnums)
    except (AttributeError, TypeError):
        msg = f"argnums takes an integer or a tuple of integers, but got {argnums!r}."
        raise ArgumentError(msg) from None
    if found == () or (isinstance(found, tuple) and len(set(found)) != len(found)):
        msg = f"argnums takes different positions, at least one, but got {argnums!r}."
        raise ArgumentError(msg)
    return found


def _function(function: Any) -> Any:
    if not callable(function):
        msg = f"A transform takes a function, but got {type(function).__name__}. Write grad(f)(x), not grad(f(x))."
        raise ArgumentError(msg)
    if inspect.iscoroutinefunction(function):
        msg = f"A transform takes an ordinary function, but {_name(function)} is async. Differentiate the part that computes."
        raise ArgumentError(msg)
    return function


@frozen(repr=False)
class Gradient(Generic[P, R]):
    """The gradient of a function, as a function; see `grad`."""

    fun: Callable[..., Any] = field(converter=_function)
    argnums: int | tuple[int, ...] = field(default=0, converter=_positions)
    has_aux: bool = False

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the gradient at the arguments; with ``has_aux`` also what else the function returned."""
        with _rarer_collection:
            _, aux, gradients = _differentiate(self, "grad", args, kwargs)
        return (gradients, aux) if self.has_aux else gradients  # type: ignore[return-value]  # R is what the overloads say

    def __repr__(self) -> str:
        return _show(self, "Gradient")

    @property
    def __name__(self) -> str:
        return f"grad({_name(self.fun)})"

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.fun)


@frozen(repr=False)
class ValueAndGradient(Generic[P, R]):
    """A function's value together with its gradient, as a function; see `value_and_grad`."""

    fun: Callable[..., Any] = field(converter=_function)
    argnums: int | tuple[int, ...] = field(default=0, converter=_positions)
    has_aux: bool = False

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return value and gradient at the arguments; with ``has_aux`` ``((value, aux), gradient)``."""
        with _rarer_collection:
            value, aux, gradients = _differentiate(self, "value_and_grad", args, kwargs)
        return ((value, aux), gradients) if self.has_aux else (value, gradients)  # type: ignore[return-value]  # R is what the overloads say

    def __repr__(self) -> str:
        return _show(self, "ValueAndGradient")

    @property
    def __name__(self) -> str:
        return f"value_and_grad({_name(self.fun)})"

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.fun)


def _show(transform: Gradient[..., Any] | ValueAndGradient[..., Any], kind: str) -> str:
    aux = ", has_aux=True" if transform.has_aux else ""
    return f"{kind}(fun={_name(transform.fun)}, argnums={transform.argnums}{aux})"


@overload
def grad(
    fun: Callable[Concatenate[A, P], RealScalar | Tensor], argnums: Literal[0] = 0, has_aux: Literal[False] = False
) -> Gradient[Concatenate[A, P], A]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, B, P], RealScalar | Tensor], argnums: Literal[1], has_aux: Literal[False] = False
) -> Gradient[Concatenate[A, B, P], B]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, B, P], RealScalar | Tensor],
    argnums: tuple[Literal[0], Literal[1]],
    has_aux: Literal[False] = False,
) -> Gradient[Concatenate[A, B, P], tuple[A, B]]: ...
@overload
def grad(
    fun: Callable[P, RealScalar | Tensor], argnums: int | Sequence[int], has_aux: Literal[False] = False
) -> Gradient[P, Any]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, P], tuple[RealScalar | Tensor, Aux]],
    argnums: Literal[0] = 0,
    *,
    has_aux: Literal[True],
) -> Gradient[Concatenate[A, P], tuple[A, Aux]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, B, P], tuple[RealScalar | Tensor, Aux]], argnums: Literal[1], has_aux: Literal[True]
) -> Gradient[Concatenate[A, B, P], tuple[B, Aux]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, B, P], tuple[RealScalar | Tensor, Aux]],
    argnums: tuple[Literal[0], Literal[1]],
    has_aux: Literal[True],
) -> Gradient[Concatenate[A, B, P], tuple[tuple[A, B], Aux]]: ...
@overload
def grad(
    fun: Callable[P, tuple[RealScalar | Tensor, Aux]], argnums: int | Sequence[int], has_aux: Literal[True]
) -> Gradient[P, tuple[Any, Aux]]: ...
def grad(fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Gradient[..., Any]:
    """Return a function that computes the gradient of ``fun``, which must return one real scalar.

    The differentiated arguments are arrays, Python scalars (which count as floats), and nests of these in tuples,
    lists, dicts, named tuples, attrs and dataclass records. The gradient has the structure, shapes and dtypes of the
    argument. The result consists of arrays, the caller's own; where it depends on a tensor that is tracked outside the
    call (an enclosing `grad`, or a tensor made with ``autograd=True``) it consists of tensors.

    Args:
        fun: The function; plain NumPy inside is fine.
        argnums: Which positional argument to differentiate with respect to; a tuple of positions gives a tuple.
        has_aux: Whether ``fun`` returns ``(scalar, anything)``; the result is then ``(gradient, anything)``.

    Raises:
        NotScalarError: when called, if ``fun`` does not return one real scalar.
        IntegerGradientError: when called, if a differentiated array holds integers or booleans.

    >>> grad(lambda x: np.sum(np.sin(x)))(np.array([0.0, np.pi]))
    array([ 1., -1.])
    >>> grad(grad(lambda x: x**3))(2.0)
    np.float64(12.0)
    """
    return Gradient(fun, argnums, has_aux)


@overload
def value_and_grad(
    fun: Callable[Concatenate[A, P], Value], argnums: Literal[0] = 0, has_aux: Literal[False] = False
) -> ValueAndGradient[Concatenate[A, P], tuple[Value, A]]: ...
@overload
def value_and_grad(
    fun: Callable[Concatenate[A, B, P], Value], argnums: Literal[1], has_aux: Literal[False] = False
) -> ValueAndGradient[Concatenate[A, B, P], tuple[Value, B]]: ...
@overload
def value_and_grad(
    fun: Callable[Concatenate[A, B, P], Value], argnums: tuple[Literal[0], Literal[1]], has_aux: Literal[False] = False
) -> ValueAndGradient[Concatenate[A, B, P], tuple[Value, tuple[A, B]]]: ...
@overload
def value_and_grad(
    fun: Callable[P, Value], argnums: int | Sequence[int], has_aux: Literal[False] = False
) -> ValueAndGradient[P, tuple[Value, Any]]: ...
@overload
def value_and_grad(
    fun: Callable[Concatenate[A, P], tuple[Value, Aux]], argnums: Literal[0] = 0, *, has_aux: Literal[True]
) -> ValueAndGradient[Concatenate[A, P], tuple[tuple[Value, Aux], A]]: ...
@overload
def value_and_grad(
    fun: Callable[Concatenate[A, B, P], tuple[Value, Aux]], argnums: Literal[1], has_aux: Literal[True]
) -> ValueAndGradient[Concatenate[A, B, P], tuple[tuple[Value, Aux], B]]: ...
@overload
def value_and_grad(
    fun: Callable[Concatenate[A, B, P], tuple[Value, Aux]],
    argnums: tuple[Literal[0], Literal[1]],
    has_aux: Literal[True],
) -> ValueAndGradient[Concatenate[A, B, P], tuple[tuple[Value, Aux], tuple[A, B]]]: ...
@overload
def value_and_grad(
    fun: Callable[P, tuple[Value, Aux]], argnums: int | Sequence[int], has_aux: Literal[True]
) -> ValueAndGradient[P, tuple[tuple[Value, Aux], Any]]: ...
def value_and_grad(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> ValueAndGradient[..., Any]:
    """Return a function that computes the value of ``fun`` and its gradient together.

    Arguments and errors are those of `grad`. The result is ``(value, gradient)``, with ``has_aux``
    ``((value, aux), gradient)``.

    >>> value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    return ValueAndGradient(fun, argnums, has_aux)


_RARE = 200_000


class _RarerCollection:
    """Let the cyclic garbage collector look less often while a tape is recorded and played.

    A tape has no cycles, but the collector looks at its records again and again: half of the time of a deep tape. The
    first threshold is raised while any transform runs, in any thread, and then put back.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls = 0
        self.before = (0, 0, 0)

    def __enter__(self) -> None:
        with self.lock:
            if self.calls == 0:
                self.before = before = gc.get_threshold()
                if 0 < before[0] < _RARE:
                    gc.set_threshold(_RARE, *before[1:])
            self.calls += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.calls -= 1
            if self.calls == 0 and gc.get_threshold()[0] == _RARE:
                gc.set_threshold(*self.before)


_rarer_collection = _RarerCollection()


def _differentiate(
    transform: Gradient[..., Any] | ValueAndGradient[..., Any],
    what: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> tuple[Any, Any, Any]:
    """Return value, auxiliary output and gradients of a call of the transform's function."""
    fun, argnums = transform.fun, transform.argnums
    wanted = argnums if isinstance(argnums, tuple) else (argnums,)
    args, kwargs, places = _locate(fun, what, wanted, args, kwargs)
    serial = next(_serials)
    frame = sys._getframe(2)  # noqa: SLF001 - the caller's position, for the tape's listing
    call = Call(_ARGUMENT, {"serial": serial})
    own_leaves: list[list[Any]] = []
    structures = []
    passed = [arg if i in places else _view(arg) for i, arg in enumerate(args)]
    for place in places:
        values, structure = _tree.flatten(args[place])
        leaves = [_leaf(value, call, frame) for value in values]
        if any(leaf is None for leaf in leaves):
            _refuse(values, leaves.index(None), what, fun, _tree.paths(structure, _parameter(fun, place)))
        own_leaves.append(leaves)
        structures.append(structure)
        passed[place] = _tree.unflatten(structure, leaves)
    result = fun(*passed, **{key: _view(value) for key, value in kwargs.items()}) if kwargs else fun(*passed)
    value, aux = _split_aux(result, what, fun) if transform.has_aux else (result, None)
    flat = [leaf for leaves in own_leaves for leaf in leaves]
    _check_scalar(value, what, fun)
    outside = False
    found: Mapping[Tensor, Any] = {}
    if isinstance(value, Tensor) and value.autograd:
        tape = Tape.of(value, boundary=flat)
        outside = _reaches_outside(tape, flat, serial)
        found = tape.cotangents(flat, differentiable=outside)
    seen: set[int] = set()
    gradients = [
        _tree.unflatten(structure, [_release(found.get(leaf), leaf, serial, seen) for leaf in leaves])
        for structure, leaves in zip(structures, own_leaves, strict=True)
    ]
    if transform.has_aux:
        aux = _tree.transform(lambda x: _settle(x, serial), aux)
    return value if outside else _plain(value), aux, tuple(gradients) if isinstance(argnums, tuple) else gradients[0]


def _locate(
    fun: Callable[..., Any], what: str, wanted: Sequence[int], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any], list[int]]:
    """Return the arguments with those to differentiate among the positional ones, and their positions."""
    if kwargs and any(n >= len(args) for n in wanted):
        try:
            bound = inspect.signature(fun).bind(*args, **kwargs)
        except (TypeError, ValueError):
            pass
        else:
            args, kwargs = bound.args, bound.kwargs
    for n in wanted:
        if not -len(args) <= n < len(args):
            msg = f"{what}({_name(fun)}, argnums={n}) was called with {len(args)} positional arguments. Positions count from 0."
            raise ArgumentError(msg)
    places = [n % len(args) for n in wanted]
    if len(set(places)) != len(places):
        msg = f"{what}({_name(fun)}, argnums={tuple(wanted)}) names one of {len(args)} positional arguments twice. Name it once."
        raise ArgumentError(msg)
    return args, kwargs, places


def _parameter(fun: Callable[..., Any], place: int) -> str:
    """Return what the function calls its argument at a position."""
    try:
        names = list(inspect.signature(fun).parameters)
    except (TypeError, ValueError):
        names = []
    return names[place] if place < len(names) else f"argument {place}"


def _leaf(value: Any, call: Call, frame: Any) -> Tensor | None:
    """Return a fresh leaf that holds an argument; over a tracked tensor, an identity of it. None if it has no derivative."""
    kind = type(value)
    if kind is Tensor:
        if value.autograd:
            return record(value.data, (value,), call, True, frame)
        value = value.data
        kind = type(value)
    if kind is np.ndarray:
        value = value.view()
    elif kind is int:
        value = float(value)
    elif kind is not float and kind is not complex and not isinstance(value, np.number):
        return None
    return record(value, (), call, True, frame) if kind in _PYTHON or value.dtype.kind in "fc" else None


def _refuse(values: Sequence[Any], place: int, what: str, fun: Callable[..., Any], paths: Sequence[str]) -> None:
    """Raise the error that says why a value cannot be differentiated, and how it is reached."""
    value, where = values[place], paths[place]
    value = value.data if isinstance(value, Tensor) else value
    call = f"{what}({_name(fun)})"
    if isinstance(value, np.ndarray):
        value = own(value, what=f"{call}: {where}")
    if isinstance(value, (bool, np.bool_)):
        msg = f"{call}: {where} is a boolean, which has no derivative. Convert it first: float({where})."
        raise IntegerGradientError(msg)
    if isinstance(value, (np.ndarray, np.generic)):
        msg = f"{call}: {where} has dtype {value.dtype}, which has no derivative. Convert it first: {where}.astype(float)."
        raise IntegerGradientError(msg)
    msg = (
        f"{call}: {where} is of type {type(value).__name__}, which cannot be differentiated. Pass it as another argument, "
        "outside argnums."
    )
    raise ArgumentError(msg)


def _view(value: Any) -> Any:
    """Return an argument in which the function cannot write: an array as a read-only view.

    Containers are handed on as they are, so that a log or a cache in them stays the caller's.
    """
    if type(value) is np.ndarray and value.flags.writeable:
        value = value.view()
        value.setflags(write=False)
    return value


def _split_aux(result: Any, what: str, fun: Callable[..., Any]) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        msg = f"{what}({_name(fun)}, has_aux=True) needs a function that returns (scalar, aux), but it returned {_describe(result)}."
        raise NotScalarError(msg)
    return result


def _check_scalar(value: Any, what: str, fun: Callable[..., Any]) -> None:
    if type(value) is Tensor and type(value.data) is np.float64:
        return
    number = isinstance(value, (int, float, complex, np.number, np.bool_, np.ndarray, Tensor))
    if not number or np.shape(value.data if isinstance(value, Tensor) else value) != ():
        at = f"\n  made at {value.made_at}" if isinstance(value, Tensor) and value.made_at else ""
        hint = (
            "Pass has_aux=True to return more than the scalar." if isinstance(value, tuple)
            else "Sum or average it, or take the gradient of one element." if number
            else "Return the scalar to differentiate."
        )  # fmt: skip
        msg = f"{what}() needs a function with one scalar result, but {_name(fun)}() returned {_describe(value)}.{at}\n  {hint}"
        raise NotScalarError(msg)
    if np.iscomplexobj(value.data if isinstance(value, Tensor) else value):
        msg = f"{what}() needs a real result, but {_name(fun)}() returned a complex number. Take its real part or its absolute value."
        raise NotScalarError(msg)


def _describe(value: Any) -> str:
    if isinstance(value, (np.ndarray, Tensor)):
        return f"shape {value.shape}"
    return (
        "None"
        if value is None
        else f"a {type(value).__name__}" + (f" of {len(value)}" if isinstance(value, (tuple, list)) else "")
    )


def _reaches_outside(tape: Tape, own: Sequence[Tensor], serial: int) -> bool:
    """Say whether the tape depends on a tensor that is tracked outside the call with that serial number.

    Outside is a leaf that the user made, or the leaf of an older call. A younger one belongs to an inner call that has
    ended, and is a constant by now.
    """
    mine = set(own)
    for leaf in tape.leaves:
        if leaf in mine:
            if leaf.creators:
                return True
        elif (
            leaf.creation_op is None
            or leaf.creation_op.op is not _ARGUMENT
            or leaf.creation_op.params["serial"] < serial
        ):
            return True
    return False


def _settle(value: Any, serial: int) -> Any:
    """Return a result as a tensor where it depends on something outside, else as the caller's own array."""
    if not isinstance(value, Tensor):
        # A read-only array may be our view of an argument.
        return value.copy() if isinstance(value, np.ndarray) and not value.flags.writeable else value
    return value if value.autograd and _reaches_outside(Tape.of(value), (), serial) else _plain(value)


def _plain(value: Any) -> Any:
    """Return a result as the caller's own array or scalar."""
    data = value.data if isinstance(value, Tensor) else value
    return data.copy() if isinstance(data, np.ndarray) else data


def _release(gradient: Any, leaf: Tensor, serial: int, seen: set[int]) -> Any:
    """Return a gradient as the caller's own: writable, and sharing memory with nothing; zeros if there is none."""
    if gradient is None:
        return np.zeros(leaf.shape, leaf.dtype) if leaf.shape else leaf.dtype.type(0)
    if type(gradient) is Tensor:
        return _settle(gradient, serial)
    if type(gradient) is np.ndarray:
        if not gradient.shape and not isinstance(leaf.data, np.ndarray):
            return gradient[()]  # a scalar's gradient is a scalar
        if gradient.base is not None or not gradient.flags.writeable or id(gradient) in seen:
            return gradient.copy()
        seen.add(id(gradient))
    return gradient
