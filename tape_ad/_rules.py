"""The ways to state an op. Each is a decorator that turns a forward into an `Op` and enters it into the table.

Choose the smallest that is true: `elementwise`, `linear`, `bilinear`, `primitive`; `piecewise_constant` where the
derivative is zero by definition, `composite` where an equal expression in other ops exists, `expansion` where a NumPy
function returns several arrays or is only a shorthand.
"""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import Any, Concatenate, Generic

import numpy as np
from attrs import frozen

from tape_ad._cases import Case, Domain
from tape_ad._core import DOORS, TABLE, TENSORS, Kind, Op, OwnDoc, placed, register
from tape_ad._data import FOREIGN
from tape_ad._errors import ArgumentError
from tape_ad._stacked import pointwise
from tape_ad._typing import Array, Namespace, P

_getframe = sys._getframe  # noqa: SLF001 - the only way to a caller's position that costs less than a microsecond

Rule = Callable[..., Any] | None
Forward = Callable[Concatenate[Namespace, P], Array]
Declare = Callable[[Callable[Concatenate[Namespace, P], Array]], Op[P]]
Doors = Sequence[Callable[..., Any]] | Mapping[Callable[..., Any], Callable[..., Any] | None]

REAL = Domain("real", lambda z: z, complex=True)
POSITIVE = Domain("positive", lambda z: np.exp(z / 2), complex=True)
UNIT = Domain("inside (-1, 1)", lambda z: 0.9 * np.tanh(z))
ABOVE_ONE = Domain("above 1", lambda z: 1.1 + np.abs(z))
NONZERO = Domain("away from zero", lambda z: z + 0.3 * z / np.abs(z), complex=True)
AWAY_FROM_INTEGERS = Domain("away from integers", lambda z: np.floor(3 * z) + 0.25 + 0.5 / (1 + z * z))
DISTINCT = Domain("no two alike", lambda z: np.argsort(np.argsort(z, axis=None)).reshape(z.shape) * 0.37 - 0.8)
SOME_NAN = Domain(
    "every third NaN, the others distinct",
    lambda z: np.where(np.arange(z.size).reshape(z.shape) % 3 == 1, np.nan, DISTINCT.draw(z)),
)
WITH_ZEROS = Domain("some of them zero", lambda z: np.where(np.abs(z) < 0.7, 0, z), complex=True)
NOT_ALL_FINITE = Domain(
    "some of them not finite",
    lambda z: np.where(np.abs(z) < 0.4, np.nan, np.where(np.abs(z) > 1.2, np.inf * np.sign(z.real), z)),
    complex=True,
)
STEEP = Domain("with large steps", lambda z: 5 * z)
GROWING = Domain("growing", lambda z: np.cumsum(0.3 + np.abs(z)) - 1.0)
WEIGHTS = Domain("positive weights", lambda z: 0.5 + z * z)
NEVER_COMPLEX = Domain("real, and never complex", lambda z: z)
BOOLEAN = Domain("true or false", lambda z: z > 0)
INTEGER = Domain("small integers", lambda z: np.asarray(np.rint(2 * z), dtype=int))

UNARY_CASES = (Case(((3,),)), Case(((2, 3),)), Case(((),)), Case(((0,),)))
BINARY_CASES = (
    Case(((3,), (3,))), Case(((2, 3), (3,))), Case(((2, 1), (1, 3))), Case(((), (2, 2))), Case(((2,), ())),
    Case(((), ())), Case(((0,), (1,))),
)  # fmt: skip


def _declare(
    kind: Kind,
    doors: Doors,
    *,
    name: str | None = None,
    operands: int | None = None,
    variadic: bool = False,
    domain: Sequence[Domain] = (),
    cases: Sequence[Case] = (),
    **rules: Any,
) -> Callable[[Callable[..., Any]], Op[Any]]:
    """Return the decorator that all public ones share."""

    def decorate(forward: Callable[..., Any]) -> Op[Any]:
        code = forward.__code__
        parameters = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        arity = 1 if variadic else code.co_posonlyargcount - 1 if operands is None else operands
        names = dict.fromkeys(doors) if not isinstance(doors, Mapping) else dict(doors)
        first = next(iter(names), None)
        ufunc = first if isinstance(first, np.ufunc) else None
        if rules.get("batched") is None and (kind == "elementwise" or (ufunc is not None and ufunc.signature is None)):
            rules["batched"] = pointwise
        usual = {1: UNARY_CASES, 2: BINARY_CASES}
        op: Op[Any] = Op(
            name=name or forward.__name__,
            kind=kind,
            forward=forward,
            compute=ufunc or _OnArrays(name or forward.__name__, forward, variadic),
            arity=arity,
            params=parameters[arity:],
            variadic=variadic,
            numpy=names,
            domain=tuple(domain),
            cases=tuple(cases) or (usual.get(arity, ()) if kind == "elementwise" or names else ()),
            **rules,
        )
        register(op)
        return op

    return decorate


@frozen
class _OnArrays:
    """A forward in NumPy's namespace; data that is not NumPy's computes the op its own way."""

    name: str
    forward: Callable[..., Any]
    variadic: bool

    def __call__(self, /, *operands: Any, **params: Any) -> Any:
        for x in operands[0] if self.variadic else operands:
            if type(x) in FOREIGN:
                return FOREIGN[type(x)](TABLE[self.name], operands, params)
        return self.forward(np, *operands, **params)


def unchanged(xp: Namespace, ct: Array, out: Array, *operands: Array, **params: Any) -> Array:
    """Hand the cotangent on: the transpose of an op that only adds, copies or repeats. The backward loop knows it."""
    return ct


def elementwise(
    *doors: Callable[..., Any], partials: Sequence[Rule], domain: Sequence[Domain] = (), cases: Sequence[Case] = (),
    name: str | None = None, adapt: Mapping[Callable[..., Any], Callable[..., Any] | None] | None = None,
) -> Callable[[Callable[Concatenate[Namespace, P], Array]], Op[P]]:  # fmt: skip
    """State an op that acts on each element by itself, holomorphic where it takes complex numbers.

    Args:
        doors: The NumPy functions that arrive here; the first is what computes the value.
        partials: ``partial(xp, out, *operands)`` for each operand: the derivative of each element of the result with
            respect to the matching element of the operand. None where it is zero by definition.
        domain: Where each operand is drawn in tests.
        cases: What the laws try; a selection of shapes if left out.
        name: The op's name, if it is not the function's.
        adapt: NumPy functions with other signatures, as in `linear`.
    """
    given = {**dict.fromkeys(doors), **(adapt or {})}
    return _declare("elementwise", given, partials=tuple(partials), domain=domain, cases=cases, name=name)


def linear(
    *doors: Callable[..., Any], transposes: Sequence[Rule], domain: Sequence[Domain] = (), cases: Sequence[Case] = (),
    canonical: Any = None, operands: int | None = None, variadic: bool = False, name: str | None = None,
    batched: Rule = None, shows: tuple[str, ...] | None = None,
    adapt: Mapping[Callable[..., Any], Callable[..., Any] | None] | None = None,
) -> Callable[[Callable[Concatenate[Namespace, P], Array]], Op[P]]:  # fmt: skip
    """State an op that is linear in all its operands together.

    Its jvp is the op itself. An operand whose transpose is None takes no part in the linearity (a mask, an index).

    Args:
        doors: The NumPy functions that arrive here with a signature of the same names.
        transposes: ``vjp(xp, ct, out, *operands, **params)`` for each operand; of a variadic op a single
            ``vjp(xp, ct, i, out, operands, **params)``.
        domain: Where each operand is drawn in tests.
        cases: What the laws try.
        canonical: ``canonical(operands, params)`` returns the one form of the parameters that rules see.
        operands: How many of the first parameters are array operands; all positional-only ones if left out.
        variadic: Whether the first parameter is a sequence of operands.
        name: The op's name, if it is not the function's.
        batched: ``batched(compute, operands, leads, params)``: the op on stacked examples; see `tape_ad._stacked`. Left
            out, `vmap` calls the op for each example.
        shows: The parameters that a listing of the tape shows; all if left out.
        adapt: NumPy functions with other signatures, each with what turns its arguments into operands and parameters.
    """
    return _declare(
        "linear", {**dict.fromkeys(doors), **(adapt or {})}, vjps=tuple(transposes), domain=domain, cases=cases,
        canonical=canonical, operands=operands, variadic=variadic, name=name, batched=batched, shows=shows,
    )  # fmt: skip


def bilinear(
    *doors: Callable[..., Any], transposes: Sequence[Rule], domain: Sequence[Domain] = (), cases: Sequence[Case] = (),
    canonical: Any = None, operands: int | None = None, name: str | None = None, batched: Rule = None, shared: Rule = None,
    adapt: Mapping[Callable[..., Any], Callable[..., Any] | None] | None = None,
) -> Callable[[Callable[Concatenate[Namespace, P], Array]], Op[P]]:  # fmt: skip
    """State an op that is linear in each operand by itself. The parameters are those of `linear`.

    ``shared(xp, i, ct, other, operand)`` is the transpose for an operand that many examples share, added up over them;
    ``ct`` and ``other`` have the examples along their first axis. It returns None where it knows no quicker way.
    """
    return _declare(
        "bilinear", {**dict.fromkeys(doors), **(adapt or {})}, vjps=tuple(transposes), domain=domain, cases=cases,
        canonical=canonical, operands=operands, name=name, batched=batched, shared=shared,
    )  # fmt: skip


def primitive(
    *doors: Callable[..., Any], vjps: Sequence[Rule], jvp: Callable[..., Any], domain: Sequence[Domain] = (),
    cases: Sequence[Case] = (), canonical: Any = None, operands: int | None = None, variadic: bool = False,
    name: str | None = None, batched: Rule = None, joint: bool = False, multiple: bool = False, shows: tuple[str, ...] | None = None, adapt: Mapping[Callable[..., Any], Callable[..., Any] | None] | None = None,
) -> Callable[[Callable[Concatenate[Namespace, P], Array]], Op[P]]:  # fmt: skip
    """State both modes of an op by hand; the laws prove that they are transposes of each other.

    ``jvp(xp, tangents, out, *operands, **params)`` gets None for an operand that does not vary. The other parameters
    are those of `linear`, with ``vjps`` for ``transposes``. With ``joint`` a variadic op has a single
    ``vjp(xp, ct, wanted, out, operands, **params)``, which returns a list. With ``multiple`` the op returns a tuple, and so
    do the rules for result and tangent.
    """
    return _declare(
        "primitive", {**dict.fromkeys(doors), **(adapt or {})}, vjps=tuple(vjps), jvp=jvp, domain=domain, cases=cases,
        canonical=canonical, operands=operands, variadic=variadic, name=name, batched=batched, joint=joint, multiple=multiple, shows=shows,
    )  # fmt: skip


def composite(
    *doors: Callable[..., Any], expression: Callable[..., Any], domain: Sequence[Domain] = (), cases: Sequence[Case] = (),
    canonical: Any = None, operands: int | None = None, variadic: bool = False, name: str | None = None,
    batched: Rule = None, multiple: bool = False, shows: tuple[str, ...] | None = None, adapt: Mapping[Callable[..., Any], Callable[..., Any] | None] | None = None,
) -> Callable[[Callable[Concatenate[Namespace, P], Array]], Op[P]]:  # fmt: skip
    """State an op by NumPy's own value and an equal ``expression(xp, *operands, **params)`` in other ops.

    The expression runs only when a derivative is asked for. The other parameters are those of `linear`.
    """
    return _declare(
        "composite", {**dict.fromkeys(doors), **(adapt or {})}, expression=expression, domain=domain, cases=cases,
        canonical=canonical, operands=operands, variadic=variadic, name=name, batched=batched, multiple=multiple, shows=shows,
    )  # fmt: skip


def piecewise_constant(
    *doors: Callable[..., Any], domain: Sequence[Domain] = (), cases: Sequence[Case] = (), canonical: Any = None,
    operands: int | None = None, name: str | None = None, batched: Rule = None,
    adapt: Mapping[Callable[..., Any], Callable[..., Any] | None] | None = None,
) -> Callable[[Callable[Concatenate[Namespace, P], Array]], Op[P]]:  # fmt: skip
    """State an op whose derivative is zero by definition. Its result is not tracked, but remembers its creators."""
    return _declare(
        "piecewise_constant", {**dict.fromkeys(doors), **(adapt or {})}, tracks=False, domain=domain, cases=cases,
        canonical=canonical, operands=operands, name=name, batched=batched,
    )  # fmt: skip


@frozen(eq=False, repr=False)
class Expansion(Generic[P]):
    """A function that is a shorthand for other ops, or returns several arrays: a body written in other ops.

    The public function *is* this record; called, it runs ``body(xp, …)`` in the tensor namespace.
    """

    name: str
    body: Callable[..., Any]

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Run the body on tensors.

        Raises:
            ArgumentError: for arguments that do not fit the signature.
        """
        try:
            return placed(self.body(TENSORS, *args, **kwargs), (*args, *kwargs.values()), _getframe(1))
        except TypeError:
            self._bind(args, kwargs)
            raise

    def _bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        try:
            self.__signature__.bind(*args, **kwargs)
        except TypeError as error:
            bare = [p.replace(annotation=p.empty) for p in self.__signature__.parameters.values()]
            msg = f"{self.name}{inspect.Signature(bare)}: {error}."
            raise ArgumentError(msg) from None

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """Bind like a function, so that `help` shows one."""
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"tape_ad.{self.name}"

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        return _expansion_named, (self.name,)

    @property
    def __name__(self) -> str:
        return self.name

    @property
    def __signature__(self) -> inspect.Signature:
        signature = inspect.signature(self.body)
        return signature.replace(parameters=list(signature.parameters.values())[1:])


type.__setattr__(Expansion, "__doc__", OwnDoc(Expansion.__doc__, "body"))


def _expansion_named(name: str) -> Any:
    return getattr(TENSORS, name)


def expansion(
    *doors: Callable[..., Any],
) -> Callable[[Callable[Concatenate[Namespace, P], Any]], Expansion[P]]:
    """State a function as other ops written out; ``doors`` are the NumPy functions of the same signature."""

    def decorate(body: Callable[Concatenate[Namespace, P], Any]) -> Expansion[P]:
        record: Expansion[P] = Expansion(body.__name__, body)
        for function in doors:
            DOORS[function] = record, None
        for name in (body.__name__, *(function.__name__ for function in doors)):
            setattr(TENSORS, name, record)
        return record

    return decorate
