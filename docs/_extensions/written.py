"""The pages of the reference that are made from the library itself: what is public, the op table, errors, measurements."""

import ast
import collections
import inspect
import json
import operator
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

import tape_ad
from docs._extensions.formulas import formulas
from docs._extensions.public import CHAPTERS, Chapter, contents, signature
from tape_ad import _errors, _typing
from tape_ad._core import DOORS, TABLE, Op
from tape_ad._rules import Expansion

DOCS = Path(__file__).parent.parent
MEASURED = DOCS / "reference" / "benchmarks.json"
CONFORMANCE = ("-m", "tape_ad.testing", "conformance", "--format", "markdown")


def write(folder: Path) -> None:
    """Write all pages into ``folder / "api"`` and all parts of pages into ``folder / "generated"``."""
    placed = contents()
    made = {f"api/{chapter.file}.md": text for chapter, text in chapters(placed)}
    made["generated/chapters.md"] = toctree(placed)
    made["generated/ops.md"] = op_tables(placed)
    made["generated/errors.md"] = errors()
    made["generated/types.md"] = types()
    made["generated/performance.md"] = performance(json.loads(MEASURED.read_text(encoding="utf-8")))
    made["generated/conformance.md"] = conformance()
    for name, text in made.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        if not file.exists() or file.read_text(encoding="utf-8") != text:  # what is unchanged is not built again
            file.write_text(text, encoding="utf-8")
    for stale in set(folder.glob("api/*.md")) - {folder / name for name in made}:
        stale.unlink()


# --- what is public -------------------------------------------------------------------------------------------------
def toctree(placed: Mapping[Chapter, Sequence[str]]) -> str:
    """Return the list of chapters."""
    names = "\n".join(f"api/{chapter.file}" for chapter in placed)
    return f"```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"


def chapters(placed: Mapping[Chapter, Sequence[str]]) -> Iterator[tuple[Chapter, str]]:
    """Yield each chapter with its page. What is public in two modules is described where it comes first."""
    described: dict[int, str] = {}
    for chapter, names in placed.items():
        space = chapter.space.__name__
        lines = [f"# {chapter.title}", "", chapter.about, "", "```{eval-rst}"]
        lines += [".. testsetup::", "", "   import numpy as np", "   import tape_ad", f"   from {space} import *", ""]
        lines += [f".. automodule:: {space}" if chapter.space is not tape_ad else f".. py:currentmodule:: {space}", ""]
        for name in names:
            value = getattr(chapter.space, name)
            lines += entry(f"{space}.{name}", value, described, _main_name(value, name, space, names))
        for full in chapter.beside:
            lines += [f".. autoclass:: {full}", "   :members:", ""]
        yield chapter, "\n".join([*lines, "```", ""])


def _main_name(value: Any, name: str, space: str, names: Sequence[str]) -> str:
    """Return the name under which a value with several is described: its own."""
    own = getattr(value, "__name__", name)
    return f"{space}.{own}" if own in names and getattr(sys.modules[space], own) is value else f"{space}.{name}"


def entry(full: str, value: Any, described: dict[int, str], main: str) -> list[str]:
    """Return the directive that describes a public name."""
    name = full.rpartition(".")[2]
    if inspect.isclass(value):
        if issubclass(value, Exception):
            raise LookupError(f"{full} is an exception; they have a page of their own, made from tape_ad/_errors.py.")
        options = ["   :members:", "   :inherited-members: Mapping"]
        return [f".. autoclass:: {full}{constructor(value)}", *options, ""]
    if not callable(value):
        return [f".. py:data:: {name}", *_value(value), ""]
    first = described.setdefault(id(value), main)
    shown = signature(value) or "(…)"
    if first != full:
        return [f".. py:function:: {name}{shown}", "", f"   The same function as :py:func:`{first}`.", ""]
    return [f".. autofunction:: {full}{shown}", "", *_methods(name, value)]


def _methods(name: str, value: Any) -> list[str]:
    """Return the descriptions of the methods of a record that stands for a function, such as ``vmap.report``."""
    if isinstance(value, Op | Expansion) or inspect.isfunction(value):
        return []
    lines = []
    for method, function in vars(type(value)).items():
        if inspect.isfunction(function) and not method.startswith("_"):
            told = [f"   {line}".rstrip() for line in (inspect.getdoc(function) or "").splitlines()]
            lines += [f".. py:function:: {name}.{method}{signature(getattr(value, method))}", "", *told, ""]
    return lines


def _value(value: Any) -> list[str]:
    if isinstance(value, float | str) or value is None:
        return [f"   :value: {value!r}"]
    return ["", f"   NumPy's ``{value!r}``."]


def constructor(kind: type) -> str:
    """Return the signature of a class: what its docstring explains, without the types, which stand there."""
    told = inspect.getdoc(kind) or ""
    if attrs.has(kind):
        fields: list[Any] = [
            field for field in attrs.fields(kind) if field.init and f"{field.name.lstrip('_')}:" in told
        ]
        order = (
            [f for f in fields if not f.kw_only]
            + [None] * any(f.kw_only for f in fields)
            + [f for f in fields if f.kw_only]
        )
        return f"({', '.join('*' if f is None else f.alias + _default(f) for f in order)})"
    shown = inspect.signature(kind)
    return str(shown.replace(parameters=[p.replace(annotation=p.empty) for p in shown.parameters.values()]))


def _default(field: Any) -> str:
    if field.default is attrs.NOTHING:
        return ""
    made = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]  # attrs' stubs hide that it is a class
    return f"={made!r}"


def types() -> str:
    """Return what the names of types in signatures mean."""
    body = ast.parse(inspect.getsource(_typing)).body
    lines = ["```{eval-rst}", ".. py:currentmodule:: tape_ad", ""]
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            lines += [
                f".. py:type:: {node.target.id}",
                f"   :canonical: {ast.unparse(node.value).replace('npt.', 'numpy.typing.')}",
                "",
            ]
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                lines += [f"   {after.value.value!s}", ""]
    return "\n".join([*lines, "```", ""])


# --- ops ------------------------------------------------------------------------------------------------------------
KINDS = {"piecewise_constant": "piecewise constant"}
CONVENTION = re.compile(r"\b(derivatives?|gradients?|ties?|kinks?|modes?|LAPACK)\b")


def conventions(told: str | None) -> str:
    """Return the sentences of a docstring that speak of derivatives."""
    text = " ".join(re.split(r"\n\s*(?:Args|Raises|>>>)", told or "")[0].split())
    found = [part for part in re.split(r"(?<=[.;:]) (?=[a-zA-Z])", text) if CONVENTION.search(part)]
    return " ".join(part[:1].upper() + part[1:].rstrip(";:.") + "." for part in found)


def op_tables(placed: Mapping[Chapter, Sequence[str]]) -> str:
    """Return a table of ops for each chapter: name, NumPy's names that arrive there, kind, derivative and conventions."""
    homes = {f"{chapter.space.__name__}.{name}": chapter for chapter, names in placed.items() for name in names}
    public = {id(operator.attrgetter(full.removeprefix("tape_ad."))(tape_ad)): full for full in reversed(homes)}
    doors: dict[int, set[str]] = collections.defaultdict(set)
    for function, (record, _) in DOORS.items():
        doors[id(record)].add(f"`{numpy_name(function)}`")
    rows: dict[str, list[str]] = collections.defaultdict(list)
    expansions = {id(record): record for record, _ in DOORS.values() if isinstance(record, Expansion)}
    records: list[Op[Any] | Expansion[Any]] = [*TABLE.values(), *expansions.values()]
    for stated in records:
        full = public.get(id(stated))
        if full is None and isinstance(stated, Op):  # a function of the standard's signature stands in front of it
            full = next((name for name in homes if name == f"tape_ad.{stated.name}"), None)
        shown = [f"${formula}$" for formula in formulas(stated)] if isinstance(stated, Op) else []
        cells = [
            f"{{py:func}}`{stated.name} <{full}>`" if full else f"`{stated.name}`",
            " ".join(sorted(doors[id(stated)])),
            KINDS.get(stated.kind, stated.kind) if isinstance(stated, Op) else "expansion",
            "<br>".join(filter(None, [*shown, conventions(stated.__doc__)])),
        ]
        rows[homes[full].title if full else BENEATH].append("| " + " | ".join(cells) + " |")
    head = ["| op | arrives from | kind | derivative, conventions |", "|---|---|---|---|"]
    titles = [title for title in [*(chapter.title for chapter in CHAPTERS), BENEATH] if rows[title]]
    return "\n".join(
        f"## {title}\n\n{ABOUT_BENEATH if title == BENEATH else ''}" + "\n".join([*head, *sorted(rows[title])]) + "\n"
        for title in titles
    )


BENEATH = "Beneath the others"
ABOUT_BENEATH = "These have no public name: other functions are written in them, and listings of a tape show them.\n\n"


def numpy_name(function: Callable[..., Any]) -> str:
    """Return what a program calls a NumPy function."""
    module = (getattr(function, "__module__", None) or "numpy").replace("numpy.lib", "numpy")
    space = next((s for s in ("linalg", "fft") if module == f"numpy.{s}"), None)
    shown = f"{space}." if space else ""
    if module.startswith("numpy.") and not space:
        shown = "" if hasattr(sys.modules["numpy"], function.__name__) else module.removeprefix("numpy.") + "."
    return f"np.{shown}{function.__name__}"


# --- errors ---------------------------------------------------------------------------------------------------------
def error_classes() -> list[type[Exception]]:
    """Return the exceptions that are raised on purpose, in the order of their module."""
    return [kind for kind in vars(_errors).values() if inspect.isclass(kind) and issubclass(kind, _errors.TapeError)]


def errors() -> str:
    """Return each exception with what it means, the way out, and what it is caught as."""
    lines = ["```{eval-rst}", ".. py:currentmodule:: tape_ad", ""]
    for kind in error_classes():
        meaning, _, remedy = (inspect.getdoc(kind) or "").partition("Remedy:")
        caught = ", ".join(
            f":py:exc:`{base.__name__}`" if issubclass(base, _errors.TapeError) else f"``{base.__name__}``"
            for base in kind.__bases__
        )
        lines += [f".. py:exception:: {kind.__name__}", ""]
        lines += [f"   {line}".rstrip() for line in meaning.strip().splitlines()] + [""]
        if remedy:
            lines += [f"   :Remedy: {' '.join(remedy.split())}"]
        lines += [f"   :Caught as: {caught}", ""]
    return "\n".join([*lines, "```", ""])


# --- measurements ---------------------------------------------------------------------------------------------------
def performance(measured: Mapping[str, Any]) -> str:
    """Return the tables of what ``python -m tests.benchmarks --json`` has written."""
    rows = measured["rows"]
    packages = ", ".join(f"{name} {version}" for name, version in measured["versions"].items())
    ratios = [row for row in rows if row["unit"].startswith("x ")]
    rivals = collections.Counter(row["workload"] for row in ratios if row["unit"] == "x NumPy")
    programs = [r for r in ratios if rivals[r["workload"]] > 2 and r["unit"] == "x NumPy" and r["value"] != 1.0]
    programs = [row for row in programs if not row["workload"].endswith("per node")]
    alone = [row for row in ratios if rivals[row["workload"]] <= 2 and row["contestant"].startswith("tape_ad")]
    others = [row for row in rows if row["unit"] in UNITS]
    return "\n".join(
        [
            f"Measured on {measured['machine']}, with {packages}.\n",
            "## Programs\n\nThe same gradient, written by hand in NumPy, takes 1.\n",
            _pivot(programs, "contestant"),
            "## Functions and transforms\n",
            "The gradient of one call, or one transform, as a multiple of what the column says: below 1 is faster.\n",
            _pivot(alone, "unit", {unit: unit.removeprefix("x ") for unit in {row["unit"] for row in alone}}),
            "## Memory, depth and import\n",
            "| what | who | |\n|---|---|--:|",
            *(f"| {r['workload']} | {r['contestant']} | {number(r['value'])} {UNITS[r['unit']]} |" for r in others),
            "",
        ]
    )


UNITS = {"us per node": "µs per node", "B per node": "bytes per node", "ms": "ms"}


def _pivot(rows: Sequence[Mapping[str, Any]], column: str, titles: Mapping[str, str] | None = None) -> str:
    """Return a table with a line per workload and a column per value of a field."""
    columns = list(dict.fromkeys(row[column] for row in rows))
    values = {(row["workload"], row[column]): number(row["value"]) for row in rows}
    head = " | ".join((titles or {}).get(name, name) for name in columns)
    lines = [f"| workload | {head} |", "|---|" + "--:|" * len(columns)]
    lines += [
        f"| {_escaped(workload)} | " + " | ".join(values.get((workload, name), "") for name in columns) + " |"
        for workload in dict.fromkeys(row["workload"] for row in rows)
    ]
    return "\n".join(lines) + "\n"


def _escaped(workload: str) -> str:
    """Return the name of a workload as Markdown, in which asterisks and brackets stand for themselves."""
    return re.sub(r"([*\[\]])", r"\\\1", workload)


def number(value: float) -> str:
    """Return three digits of a number."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def conformance() -> str:
    """Return what the command of the conformance report prints.

    Raises:
        RuntimeError: if it fails, with what it says.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(DOCS.parent), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(  # noqa: S603 - the command is ours
        [sys.executable, *CONFORMANCE], capture_output=True, text=True, check=False, env=environment, cwd=DOCS.parent
    )
    if done.returncode or not done.stdout.strip():
        raise RuntimeError(f"python {' '.join(CONFORMANCE)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout
