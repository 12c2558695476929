"""Gradients: `grad`, `value_and_grad`, `elementwise_grad`.

A transform is a frozen record that holds the function. Called, it makes a fresh leaf per differentiated array, calls
the function, builds the tape and asks it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, Generic, Literal, ParamSpec, TypeVar, overload

import numpy as np
from attrs import field, frozen

from tape_ad import _tree
from tape_ad._core import Tensor
from tape_ad._errors import ArgumentError, NotScalarError
from tape_ad._tape import Tape, gradient_of_scalar
from tape_ad._typing import RealScalar
from tape_ad.transforms._call import Recording, call_recorded, caller, check_watched, rarer_collection
from tape_ad.transforms._functions import (
    Argnums,
    Place,
    Transform,
    function,
    name_of,
    parameter,
    places,
    refuse_keywords,
)
from tape_ad.transforms._results import describe, plain, reaches_outside, release, settle, split_aux

P = ParamSpec("P")
# Bounds of Any, so that a lambda's parameters, whose types nothing tells, take any operation.
A = TypeVar("A", bound=Any)
B = TypeVar("B", bound=Any)
R = TypeVar("R")
Aux = TypeVar("Aux")
Value = TypeVar("Value", bound=RealScalar | Tensor)


@frozen(repr=False)
class Gradient(Transform, Generic[P, R]):
    """The gradient of a function, as a function; see `grad`."""

    fun: Callable[..., Any] = field(converter=function)
    argnums: Place | tuple[Place, ...] = field(default=0, converter=places)
    has_aux: bool = False
    holomorphic: bool = False

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the gradient at the arguments; with ``has_aux`` also what else the function returned."""
        with rarer_collection:
            _, aux, gradients = _differentiate(self, "grad", args, kwargs)
        return (gradients, aux) if self.has_aux else gradients  # type: ignore[return-value]  # R is what the overloads say

    @property
    def __name__(self) -> str:
        return f"grad({name_of(self.fun)})"


@frozen(repr=False)
class ValueAndGradient(Transform, Generic[P, R]):
    """A function's value together with its gradient, as a function; see `value_and_grad`."""

    fun: Callable[..., Any] = field(converter=function)
    argnums: Place | tuple[Place, ...] = field(default=0, converter=places)
    has_aux: bool = False
    holomorphic: bool = False

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return value and gradient at the arguments; with ``has_aux`` ``((value, aux), gradient)``."""
        with rarer_collection:
            value, aux, gradients = _differentiate(self, "value_and_grad", args, kwargs)
        return ((value, aux), gradients) if self.has_aux else (value, gradients)  # type: ignore[return-value]  # R is what the overloads say

    @property
    def __name__(self) -> str:
        return f"value_and_grad({name_of(self.fun)})"


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
    fun: Callable[P, RealScalar | Tensor], argnums: Argnums, has_aux: Literal[False] = False
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
    fun: Callable[P, tuple[RealScalar | Tensor, Aux]], argnums: Argnums, has_aux: Literal[True]
) -> Gradient[P, tuple[Any, Aux]]: ...
@overload
def grad(
    fun: Callable[P, Any], argnums: Argnums = 0, has_aux: bool = False, *, holomorphic: Literal[True]
) -> Gradient[P, Any]: ...
def grad(
    fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, holomorphic: bool = False, **foreign: Any
) -> Gradient[..., Any]:
    """Return a function that computes the gradient of ``fun``, which must return one real scalar.

    The differentiated arguments are arrays, Python scalars (which count as floats), and nests of these in tuples,
    lists, dicts, named tuples, attrs and dataclass records. The gradient has the structure, shapes and dtypes of the
    argument. The result consists of arrays, the caller's own; where it depends on a tensor that is tracked outside the
    call (an enclosing `grad`, or a tensor made with ``autograd=True``) it consists of tensors.

    Args:
        fun: The function; plain NumPy inside is fine.
        argnums: Which argument to differentiate with respect to, by position or by name; a tuple of these gives a tuple.
        has_aux: Whether ``fun`` returns ``(scalar, anything)``; the result is then ``(gradient, anything)``.
        holomorphic: Whether ``fun`` is a holomorphic function of complex numbers, whose result may then be complex: the
            gradient is its complex derivative. Otherwise the gradient with respect to a complex number z is
            ∂f/∂Re z − i ∂f/∂Im z, so a descent step subtracts its conjugate.
        foreign: Keywords of other libraries; the error names ours.

    Raises:
        NotScalarError: when called, if ``fun`` does not return one real scalar.
        IntegerGradientError: when called, if a differentiated array holds integers or booleans.

    >>> grad(lambda x: np.sum(np.sin(x)))(np.array([0.0, np.pi]))
    array([ 1., -1.])
    >>> grad(grad(lambda x: x**3))(2.0)
    np.float64(12.0)
    """
    refuse_keywords("grad", foreign)
    return Gradient(fun, argnums, has_aux, holomorphic)


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
    fun: Callable[P, Value], argnums: Argnums, has_aux: Literal[False] = False
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
    fun: Callable[P, tuple[Value, Aux]], argnums: Argnums, has_aux: Literal[True]
) -> ValueAndGradient[P, tuple[tuple[Value, Aux], Any]]: ...
@overload
def value_and_grad(
    fun: Callable[P, Any], argnums: Argnums = 0, has_aux: bool = False, *, holomorphic: Literal[True]
) -> ValueAndGradient[P, Any]: ...
def value_and_grad(
    fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, holomorphic: bool = False, **foreign: Any
) -> ValueAndGradient[..., Any]:
    """Return a function that computes the value of ``fun`` and its gradient together.

    Arguments and errors are those of `grad`. The result is ``(value, gradient)``, with ``has_aux``
    ``((value, aux), gradient)``.

    >>> value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    refuse_keywords("value_and_grad", foreign)
    return ValueAndGradient(fun, argnums, has_aux, holomorphic)


@frozen(repr=False)
class ElementwiseGradient(Transform, Generic[P, R]):
    """The derivative of a function of each element, as a function; see `elementwise_grad`."""

    fun: Callable[..., Any] = field(converter=function)
    argnums: Place | tuple[Place, ...] = field(default=0, converter=places)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the derivative at each element of the arguments."""
        with rarer_collection:
            _, _, gradients = _differentiate(self, "elementwise_grad", args, kwargs)
        return gradients  # type: ignore[no-any-return]  # R is what the overloads say

    @property
    def __name__(self) -> str:
        return f"elementwise_grad({name_of(self.fun)})"


@overload
def elementwise_grad(fun: np.ufunc, argnums: Argnums = 0) -> ElementwiseGradient[..., Any]: ...
@overload
def elementwise_grad(
    fun: Callable[Concatenate[A, P], Any], argnums: Literal[0] = 0
) -> ElementwiseGradient[Concatenate[A, P], A]: ...
@overload
def elementwise_grad(fun: Callable[P, Any], argnums: Argnums) -> ElementwiseGradient[P, Any]: ...
def elementwise_grad(fun: Callable[..., Any], argnums: Argnums = 0, **foreign: Any) -> ElementwiseGradient[..., Any]:
    """Return the derivative of a function that acts on each element by itself, such as ``np.tanh``.

    It is the gradient of the sum of the results: for a function of arrays in which each element of the result depends on
    its own element of the argument only, that is each one's derivative. The result has the shape of the argument.

    Args:
        fun: The function; it returns an array.
        argnums: Which argument to differentiate with respect to, by position or by name.
        foreign: Keywords of other libraries; the error names ours.

    >>> elementwise_grad(np.sin)(np.array([0.0, np.pi]))
    array([ 1., -1.])
    """
    refuse_keywords("elementwise_grad", foreign)
    return ElementwiseGradient(fun, argnums)


# --- what they share ------------------------------------------------------------------------------------------------
def _differentiate(
    transform: Gradient[..., Any] | ValueAndGradient[..., Any] | ElementwiseGradient[..., Any],
    what: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> tuple[Any, Any, Any]:
    """Return value, auxiliary output and gradients of a call of the transform's function."""
    argnums = transform.argnums
    several = type(argnums) is tuple
    wanted: Any = argnums if several else (argnums,)
    called = call_recorded(transform.fun, what, wanted, args, kwargs, caller(2))
    flat, serial = called.flat, called.serial
    seeds = None
    has_aux = False
    value, aux = called.result, None
    if isinstance(transform, ElementwiseGradient):
        seeds = _ones(value, called.fun)
        if np.iscomplexobj(value) and any(leaf.dtype.kind != "c" for leaf in flat):
            msg = (
                f"elementwise_grad() of a real argument needs a real result, but {name_of(called.fun)}() returned a complex one, "
                "whose derivative no real array holds. Call jvp() with a tangent of ones, or jacobian()."
            )
            raise NotScalarError(msg)
    else:
        has_aux = transform.has_aux
        if has_aux:
            value, aux = split_aux(called)
        if transform.holomorphic:
            _check_complex(called, what)
        if not (type(value) is Tensor and type(value.data) is np.float64):
            check_scalar(value, what, called.fun, holomorphic=transform.holomorphic)
    outside = False
    found: Mapping[Tensor, Any] = {}
    if type(value) is Tensor and value.autograd:
        quickly = gradient_of_scalar(value, flat) if seeds is None and type(value.data) is np.float64 else None
        if quickly is not None:
            found = quickly
        else:
            tape = Tape.of(value, boundary=flat)
            outside = reaches_outside(tape, flat, serial)
            found = tape.cotangents(flat, seeds, differentiable=outside)
    if called.watched:
        check_watched(called.watched)
    seen: set[int] = set()
    gradients = []
    for structure, leaves in zip(called.structures, called.leaves, strict=True):
        if structure is _tree.LEAF:
            gradients.append(release(found.get(leaves[0]), leaves[0], serial, seen))
            continue
        released = [release(found.get(leaf), leaf, serial, seen) for leaf in leaves]
        gradients.append(_tree.unflatten(structure, released, copied=True))
    if has_aux:
        aux = _tree.transform(lambda x: settle(x, serial), aux)
    if not outside:
        value = value.data if type(value) is Tensor and type(value.data) is np.float64 else plain(value)
    return value, aux, tuple(gradients) if several else gradients[0]


def _ones(value: Any, fun: Callable[..., Any]) -> tuple[Any, ...]:
    """Return the seed that adds up all elements."""
    if not isinstance(value, (Tensor, np.ndarray, np.generic, int, float, complex)):
        msg = f"elementwise_grad() needs a function that returns one array, but {name_of(fun)}() returned {describe(value)}."
        raise NotScalarError(msg)
    return (np.ones(value.shape, value.dtype)[()],) if type(value) is Tensor else ()


def _check_complex(called: Recording, what: str) -> None:
    """Refuse real arguments where the derivative of a holomorphic function is asked for."""
    for place, structure, leaves in zip(called.places, called.structures, called.leaves, strict=True):
        for i, leaf in enumerate(leaves):
            if leaf.dtype.kind != "c":
                path = _tree.paths(structure, parameter(called.fun, place))[i]
                msg = (
                    f"{what}({name_of(called.fun)}, holomorphic=True) needs complex arguments, but {path} has dtype {leaf.dtype}. "
                    f"Convert it first: {path} + 0j; or call jacobian({name_of(called.fun)})."
                )
                raise ArgumentError(msg)


def check_scalar(value: Any, what: str, fun: Callable[..., Any], *, holomorphic: bool) -> None:
    """Refuse what is not one real scalar."""
    if type(value) is Tensor and type(value.data) is np.float64:
        return
    number = isinstance(value, (int, float, complex, np.number, np.bool_, np.ndarray, Tensor))
    shape = value.shape if isinstance(value, (Tensor, np.ndarray)) else ()
    if not number or shape != ():
        at = f"\n  made at {value.made_at}" if isinstance(value, Tensor) and value.made_at else ""
        hint = (
            "Pass has_aux=True to return more than the scalar." if isinstance(value, tuple)
            else f"Sum or average it, or call jacobian({name_of(fun)}) for all the derivatives." if number
            else "Return the scalar to differentiate."
        )  # fmt: skip
        msg = f"{what}() needs a function with one scalar result, but {name_of(fun)}() returned {describe(value)}.{at}\n  {hint}"
        raise NotScalarError(msg)
    if np.iscomplexobj(value.data if isinstance(value, Tensor) else value) and not holomorphic:
        msg = (
            f"{what}() needs a real result, but {name_of(fun)}() returned a complex number. Take its real part or its "
            "absolute value; if the function is holomorphic, pass holomorphic=True."
        )
        raise NotScalarError(msg)
