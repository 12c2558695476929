"""What is decided about each function of NumPy's: read off the tables that answer its calls, and off NumPy's namespaces."""

import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, Literal, TypeAlias

import numpy as np
from attrs import frozen

import tape_ad.numpy as own
from tape_ad._core import DOORS, Kind, Op, Tensor
from tape_ad._decisions import GIVEN_UP, MAKES_ARRAYS, MUTATING, REFUSED, WITHOUT_TENSORS
from tape_ad._numpy import QUERIES
from tape_ad._rules import Expansion

NAMESPACES: Mapping[str, ModuleType] = {"np.": np, "np.linalg.": np.linalg, "np.fft.": np.fft}

Decision: TypeAlias = (
    Kind
    | Literal["expansion", "query", "offered", "creation", "mutating", "refused", "given up", "no tensor", "undecided"]
)
MEANING: Mapping[Decision, str] = {
    "elementwise": "a rule: the derivative of each element",
    "linear": "a rule: its transpose",
    "bilinear": "a rule: a transpose for each operand",
    "primitive": "a rule: both modes are stated",
    "composite": "NumPy's value, and the derivative of an equal expression in other ops",
    "expansion": "written out in other ops",
    "piecewise_constant": "its derivative is zero by definition",
    "query": "a plain answer",
    "offered": "NumPy hands the call to nobody; tape_ad.numpy has the function for tensors",
    "creation": "it takes no tensor, and makes an array of counts, bounds and shapes",
    "mutating": "it would change an argument: refused, with the functional spelling",
    "refused": "refused, with what to write",
    "given up": "given up by NumPy, which names what takes its place",
    "no tensor": "it takes no tensor",
    "undecided": "nobody has decided",
}
"""What each decision says about a function that is handed a tensor."""


@frozen(eq=False)
class Row:
    """A function of NumPy's, and what becomes of a tensor in it.

    Attributes:
        names: How programs spell it; the first is that of the function itself.
        function: The function.
        decision: What is decided; see `MEANING`.
        reach: How NumPy hands over a call on a tensor: as a ufunc, as a function, or not at all.
        behind: The op or expansion that answers, if there is one.
        doors: The public functions of this library of the same name.
        remedy: What to write instead, or why no tensor arrives.
    """

    names: tuple[str, ...]
    function: Callable[..., Any]
    decision: Decision
    reach: Literal["ufunc", "function", "none"]
    behind: Op[Any] | Expansion[Any] | None
    doors: Mapping[str, Callable[..., Any]]
    remedy: str

    @property
    def name(self) -> str:
        return self.names[0]

    def __str__(self) -> str:
        return self.name


def rows() -> list[Row]:
    """Return a row for each function, those of other namespaces that have a door last; aliases are one row."""
    spelled: dict[Callable[..., Any], list[str]] = {}
    for name, function in _public_functions():
        spelled.setdefault(function, []).append(name)
    for function in DOORS:
        if function not in spelled:
            spelled[function] = [f"{function.__module__.replace('numpy', 'np', 1)}.{function.__name__}"]
    return [_row(function, names) for function, names in spelled.items()]


def _public_functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield what NumPy's namespaces hold that is called and is no class."""
    for prefix, namespace in NAMESPACES.items():
        for name in dir(namespace):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # some names warn when they are read
                member = getattr(namespace, name)
            if not name.startswith("_") and callable(member) and not isinstance(member, type):
                yield prefix + name, member


def _row(function: Callable[..., Any], names: list[str]) -> Row:
    called = getattr(function, "__name__", "")
    names = sorted(names, key=lambda name: (name.rpartition(".")[2] != called, name))
    behind: Any = DOORS.get(function, (None, None))[0]
    decision, remedy = _decided(function, names, behind)
    reach: Any = "ufunc" if isinstance(function, np.ufunc) else "function" if dispatches(function) else "none"
    return Row(tuple(names), function, decision, reach, behind, _doors(names, decision), remedy)


def dispatches(function: Callable[..., Any]) -> bool:
    """Say whether NumPy asks its arguments who answers a call."""
    return isinstance(function, np.ufunc) or hasattr(function, "_implementation")


def _decided(function: Callable[..., Any], names: list[str], behind: Any) -> tuple[Decision, str]:
    """Return the decision, with the remedy or the reason."""
    if isinstance(behind, Op):
        return behind.kind, ""
    if behind is not None:
        return "expansion", ""
    if function in QUERIES:
        return "query", ""
    for name in names:
        if name in MUTATING:
            return "mutating", MUTATING[name]
        if name in REFUSED:
            return "refused", REFUSED[name].remedy
        if name in GIVEN_UP:
            return "given up", GIVEN_UP[name]
        for reason, listed in WITHOUT_TENSORS.items():
            if name.removeprefix("np.") in listed.split():
                return ("creation" if reason == MAKES_ARRAYS else "no tensor"), reason
        if not dispatches(function) and name.removeprefix("np.") in own.__all__:
            return "offered", f"tape_ad.numpy.{name.removeprefix('np.')}"
    return "undecided", ""


def _doors(names: list[str], decision: Decision) -> dict[str, Callable[..., Any]]:
    """Return this library's functions of these names: of its Array API namespace, and of `tape_ad.numpy`."""
    standard = Tensor(0.0).__array_namespace__()
    found = {}
    for name in names:
        *parts, last = name.split(".")[1:]
        namespace = standard if not parts else getattr(standard, parts[0], None)
        if last in getattr(namespace, "__all__", ()):
            found[".".join(["tape_ad", *parts, last])] = getattr(namespace, last)
        if decision == "creation" or (not parts and last in own.__all__):  # it has all that makes arrays
            place = ".".join([*parts, last])
            found[f"tape_ad.numpy.{place}"] = operator.attrgetter(place)(own)
    return found
