"""The derivative of an op as a formula: its rule is run on symbols, in a namespace that writes TeX.

A rule that looks at shapes, dtypes or values cannot be shown so.
"""

import inspect
import math
import numbers
import re
from collections.abc import Callable
from typing import Any

from attrs import frozen

from tape_ad._core import Op
from tape_ad._stacked import pointwise


class NotShownError(Exception):
    """A rule asked for what a symbol does not have."""


CONDITION, SUM, PRODUCT, SIGNED, POWER, ATOM = range(6)


@frozen(eq=False)
class Term:
    """A formula in TeX, with how tightly its outermost operation binds.

    ``point`` is True of a condition that holds at single points only, such as ``x == 0``.
    """

    tex: str
    rank: int = ATOM
    point: bool = False

    def within(self, rank: int) -> str:
        """Return the formula for a place that takes what binds at least as tightly; a condition counts as 0 or 1 there."""
        if self.rank == CONDITION:
            return rf"\left[{self.tex}\right]"
        return self.tex if self.rank >= rank else rf"\left({self.tex}\right)"

    def __add__(self, other: Any) -> "Term":
        return Term(f"{self.within(SUM)} + {term(other).within(PRODUCT)}", SUM)

    def __radd__(self, other: Any) -> "Term":
        return term(other).__add__(self)

    def __sub__(self, other: Any) -> "Term":
        return Term(f"{self.within(SUM)} - {term(other).within(PRODUCT)}", SUM)

    def __rsub__(self, other: Any) -> "Term":
        return term(other) - self

    def __mul__(self, other: Any) -> "Term":
        by = term(other)
        if self.tex == "1":
            return by
        if by.tex == "1":
            return self
        if by.rank == ATOM and self.rank != SUM and re.search(rf"(^|[-,] ?){re.escape(by.tex)}$", self.tex):
            return Term(f"{self.tex}^{{2}}", POWER if self.tex == by.tex else self.rank)
        left, right = self.within(PRODUCT), by.within(POWER)
        times = r" \cdot " if right[0].isdigit() else r"\, "
        return Term(left + times + right, SIGNED if self.rank == SIGNED else PRODUCT)

    def __rmul__(self, other: Any) -> "Term":
        return term(other) * self

    def __truediv__(self, other: Any) -> "Term":
        below = term(other)
        if self.rank == SIGNED:
            return Term(rf"-\frac{{{self.tex[1:]}}}{{{below.tex}}}", SIGNED)
        if self.tex == HALF:
            return Term(rf"\frac{{1}}{{{(2 * below).tex}}}", POWER)
        above = self.within(SUM)
        return Term(rf"\frac{{{above}}}{{{below.within(SUM)}}}", POWER)

    def __rtruediv__(self, other: Any) -> "Term":
        return term(other) / self

    def __pow__(self, other: Any) -> "Term":
        return Term(f"{self.within(ATOM)}^{{{term(other).tex}}}", POWER)

    def __rpow__(self, other: Any) -> "Term":
        return term(other) ** self

    def __neg__(self) -> "Term":
        return Term("-" + self.within(PRODUCT), SIGNED)

    def __eq__(self, other: object) -> "Term":  # type: ignore[override]  # a condition, as of arrays
        return Term(f"{self.tex} = {term(other).tex}", CONDITION, point=True)

    def __ne__(self, other: object) -> "Term":  # type: ignore[override]  # a condition, as of arrays
        return Term(rf"{self.tex} \neq {term(other).tex}", CONDITION)

    def __lt__(self, other: Any) -> "Term":
        return Term(f"{self.tex} < {term(other).tex}", CONDITION)

    def __le__(self, other: Any) -> "Term":
        return Term(rf"{self.tex} \leq {term(other).tex}", CONDITION)

    def __gt__(self, other: Any) -> "Term":
        return Term(f"{self.tex} > {term(other).tex}", CONDITION)

    def __ge__(self, other: Any) -> "Term":
        return Term(rf"{self.tex} \geq {term(other).tex}", CONDITION)

    def __and__(self, other: Any) -> "Term":
        other = term(other)
        return Term(rf"{self.tex} \wedge {other.tex}", CONDITION, point=self.point or other.point)

    def __or__(self, other: Any) -> "Term":
        other = term(other)
        return Term(rf"{self.tex} \vee {other.tex}", CONDITION, point=self.point and other.point)

    def __bool__(self) -> bool:
        raise NotShownError

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise NotShownError

    __hash__ = None  # type: ignore[assignment]  # == makes a formula


HALF = r"\tfrac{1}{2}"
CONSTANTS = {math.log(2.0): r"\ln 2", math.log(10.0): r"\ln 10", math.pi: r"\pi", math.pi / 180: r"\frac{\pi}{180}", 180 / math.pi: r"\frac{180}{\pi}", 0.5: HALF, 2 / math.sqrt(math.pi): r"\frac{2}{\sqrt{\pi}}"}  # fmt: skip


def term(value: Any) -> Term:
    """Return a number as a term, and a term as it is."""
    if isinstance(value, Term):
        return value
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise NotShownError
    number = float(value)
    shown = CONSTANTS.get(number) or (str(int(number)) if number.is_integer() else f"{number:g}")
    return Term(shown, SIGNED if number < 0 else ATOM)


NAMED = {
    "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "sinh": r"\sinh", "cosh": r"\cosh", "tanh": r"\tanh", "log": r"\ln",
    "sign": r"\operatorname{sign}", "sinc": r"\operatorname{sinc}", "i0": "I_0",
}  # fmt: skip
INFIX = {"add": "__add__", "subtract": "__sub__", "multiply": "__mul__", "divide": "__truediv__", "power": "__pow__"}


class Symbols:
    """A namespace in which functions write what they are called with."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name in INFIX:
            return lambda x, y: getattr(term(x), INFIX[name])(y)
        if name not in NAMED:
            raise NotShownError(name)
        return lambda x: Term(f"{NAMED[name]} {term(x).within(ATOM)}", POWER)

    def iscomplexobj(self, _: Any) -> bool:
        """Say that operands are real: formulas are those of real operands."""
        return False

    def isfinite(self, _: Any) -> bool:
        """Say that values are finite."""
        return True

    def ndim(self, _: Any) -> int:
        """Say that operands are arrays."""
        return 1

    def real(self, x: Any) -> Any:
        """Return the real part of a real operand."""
        return x

    conj = real

    def sqrt(self, x: Any) -> Term:
        """Write a square root."""
        return Term(rf"\sqrt{{{term(x).tex}}}")

    def exp(self, x: Any) -> Term:
        """Write an exponential."""
        return Term(rf"e^{{{term(x).tex}}}", POWER)

    def square(self, x: Any) -> Term:
        """Write a square."""
        return term(x) ** 2

    def absolute(self, x: Any) -> Term:
        """Write an absolute value."""
        return Term(rf"\lvert {term(x).tex} \rvert")

    abs = absolute

    def reciprocal(self, x: Any) -> Term:
        """Write a reciprocal."""
        return term(1).__truediv__(x)

    def negative(self, x: Any) -> Term:
        """Write a change of sign."""
        return -term(x)

    def floor_divide(self, x: Any, y: Any) -> Term:
        """Write a quotient rounded down."""
        return Term(rf"\left\lfloor \frac{{{term(x).tex}}}{{{term(y).tex}}} \right\rfloor")

    def trunc(self, x: Any) -> Term:
        """Write a number rounded towards zero."""
        return Term(rf"\operatorname{{trunc}}\left({term(x).tex}\right)")

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        """Write cases; what holds at single points only is left to the conventions."""
        if not isinstance(condition, Term):
            raise NotShownError
        if condition.point:
            return y
        return Term(
            rf"\begin{{cases}} {term(x).tex} & {condition.tex} \\ {term(y).tex} & \text{{else}} \end{{cases}}", POWER
        )


def symbol(name: str) -> Term:
    """Return an operand as a symbol: ``x1`` is x with the index 1."""
    head = name.rstrip("0123456789")
    return Term(f"{head}_{name[len(head) :]}" if head != name else name if len(name) == 1 else rf"\mathrm{{{name}}}")


def operands_of(op: Op[Any]) -> list[str]:
    """Return the names of an op's operands."""
    names = list(inspect.signature(op).parameters)
    return [name for name in names if name not in op.params][: op.arity]


LONGEST = 200
"""Of a formula in TeX that helps a reader."""


def formulas(op: Op[Any]) -> list[str]:
    """Return what the rules of an op say, in TeX: a derivative for each operand; none where they cannot be shown."""
    if not (op.kind == "elementwise" or (op.kind in {"linear", "primitive", "composite"} and op.batched is pointwise)):
        return []
    names = operands_of(op)
    xp, xs = Symbols(), [symbol(name) for name in names]
    try:
        if op.partials:
            derivatives = [term(0 if rule is None else rule(xp, Term("y"), *xs)) for rule in op.partials]
            shown = [
                rf"\frac{{\partial y}}{{\partial {x.tex}}} = {alone(d)}" for x, d in zip(xs, derivatives, strict=True)
            ]
        elif op.expression is not None:
            shown = [f"y = {alone(term(op.expression(xp, *xs)))}"]
        else:
            pulled = {
                x: term(rule(xp, Term(r"\bar y"), Term("y"), *xs))
                for x, rule in zip(names, op.vjps, strict=True)
                if rule
            }
            shown = [rf"\bar {symbol(x).tex} = {alone(p)}" for x, p in pulled.items()]
    except (NotShownError, TypeError, AttributeError, ValueError):
        return []
    return shown if max(map(len, shown), default=0) <= LONGEST else []


def alone(formula: Term) -> str:
    """Return a formula that stands for a number by itself."""
    return formula.within(SUM)
