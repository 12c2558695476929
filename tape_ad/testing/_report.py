"""The conformance page as text, as Markdown, and as JSON."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tape_ad._decisions import MAKES_ARRAYS, WITHOUT_TENSORS
from tape_ad.testing._conformance import COLUMNS, LEGEND, Measured
from tape_ad.testing._surface import MEANING, NAMESPACES

OWN = ("tape_ad", "tape_ad.linalg", "tape_ad.fft", "tape_ad.numpy")
"""The namespaces of this library that have functions of NumPy's names."""
SHORT = {"second order": "2nd", "batching": "batch", "complex": "cplx"}


def totals(found: Sequence[Measured]) -> dict[str, dict[str, int]]:
    """Return how many functions there are by kind, by how NumPy hands them over, by namespace of this library, and by cell."""
    return {
        "kind": dict(Counter(_kind(m) for m in found).most_common()),
        "reach": dict(Counter(m.row.reach for m in found).most_common()),
        "door": {own: sum(any(door.rpartition(".")[0] == own for door in m.row.doors) for m in found) for own in OWN},
        **{column: dict(Counter(str(m.cells[column]) for m in found).most_common()) for column in COLUMNS},
    }


def failures(found: Sequence[Measured]) -> Iterator[str]:
    """Yield a line for each broken law."""
    for m in found:
        yield from (f"{m.row.name}: {failure}" for failure in m.failures)


# --- text -----------------------------------------------------------------------------------------------------------
def as_text(found: Sequence[Measured]) -> str:
    """Return a table for a terminal, the totals, and what the signs say."""
    shown = [m for m in found if m.row.decision != "no tensor"]
    name = max([len("function"), *(len(_name(m)) for m in shown)]) + 2
    kind = max([len("kind"), *(len(_kind(m)) for m in shown)]) + 2
    heads = [SHORT.get(column, column) for column in COLUMNS]
    lines = [f"NumPy {np.__version__}", "", f"{'function':{name}}{'kind':{kind}}{'  '.join(heads)}"]
    for m in shown:
        marks = "  ".join(f"{m.cells[c]!s:^{len(head)}}" for c, head in zip(COLUMNS, heads, strict=True))
        lines.append(f"{_name(m):{name}}{_kind(m):{kind}}{marks}  {_note(m)}".rstrip())
    lines += ["", *_sums(found), "", *_words(str)]
    return "\n".join([*lines, *_failed(found)])


def _name(m: Measured) -> str:
    return m.row.name


def _kind(m: Measured) -> str:
    return m.row.decision.replace("_", " ")


def _note(m: Measured) -> str:
    """Return what to write in place of what is refused."""
    if m.row.decision in ("mutating", "refused", "given up"):
        return f"write {m.row.remedy}"
    if m.row.decision == "offered":
        return m.row.remedy
    return f"without {', '.join(f'{name}=' for name in m.without)}" if m.without else ""


def _sums(found: Sequence[Measured]) -> Iterator[str]:
    for what, counts in totals(found).items():
        yield f"{what + ':':14}" + ", ".join(f"{key} {count}" for key, count in counts.items())


def _words(code: Callable[[str], str]) -> Iterator[str]:
    """Yield what the columns and the kinds say, and which functions take no tensor."""
    yield from (f"{column}: {text}" for column, text in LEGEND.items())
    yield ""
    yield from (f"{kind.replace('_', ' ')}: {text}." for kind, text in MEANING.items() if kind != "undecided")
    yield ""
    for reason, names in WITHOUT_TENSORS.items():
        if reason == MAKES_ARRAYS:
            continue  # these have rows
        yield f"{reason}: {', '.join(code(f'np.{name}') for name in names.split())}."


def _failed(found: Sequence[Measured]) -> list[str]:
    said = list(failures(found))
    return ["", f"{len(said)} laws are broken:", *said] if said else []


# --- Markdown -------------------------------------------------------------------------------------------------------
def as_markdown(found: Sequence[Measured]) -> str:
    """Return a table for each namespace, the totals, and what the signs say."""
    parts = []
    by_length = sorted(NAMESPACES, key=len, reverse=True)
    homes = [next((p for p in by_length if m.row.name.startswith(p)), "np.") for m in found]
    for prefix, namespace in NAMESPACES.items():
        lines = [
            f"| function | kind | {' | '.join(COLUMNS)} | |",
            f"|---|---|{':-:|' * len(COLUMNS)}---|",
            *[
                _markdown_row(m)
                for m, home in zip(found, homes, strict=True)
                if home == prefix and m.row.decision != "no tensor"
            ],
        ]
        if len(lines) > 2:
            parts.append("\n".join([f"## `{namespace.__name__}`", "", *lines]))
    counted = [
        "| | |",
        "|---|---|",
        *[f"| {line.partition(':')[0]} | {line.partition(':')[2].strip()} |" for line in _sums(found)],
    ]
    words = "\n".join(f"- {line}" if line else "" for line in _words(lambda name: f"`{name}`"))
    return "\n\n".join(
        [
            f"Measured with NumPy {np.__version__}.",
            *parts,
            "\n".join(["## Totals", "", *counted]),
            "## What it says",
            words,
        ]
    )


def _markdown_row(m: Measured) -> str:
    names = "<br>".join(f"`{name}`" for name in m.row.names)
    note = _note(m).replace("|", "\\|")
    cells = " | ".join(str(m.cells[column]) for column in COLUMNS)
    return f"| {names} | {_kind(m)} | {cells} | {note} |"


# --- JSON -----------------------------------------------------------------------------------------------------------
def as_json(found: Sequence[Measured]) -> str:
    """Return everything that was measured, for programs."""
    page = {
        "numpy": np.__version__,
        "columns": dict(LEGEND),
        "kinds": dict(MEANING),
        "totals": totals(found),
        "functions": [_as_record(m) for m in found],
    }
    return json.dumps(page, indent=1, ensure_ascii=False)


def _as_record(m: Measured) -> dict[str, Any]:
    row = m.row
    return {
        "name": row.name,
        "aliases": row.names[1:],
        "kind": row.decision,
        "reach": row.reach,
        "doors": list(row.doors),
        "remedy": row.remedy,
        "without": m.without,
        "cells": {column: str(cell) for column, cell in m.cells.items()},
        "failures": m.failures,
    }


FORMATS: Mapping[str, Callable[[Sequence[Measured]], str]] = {"text": as_text, "markdown": as_markdown, "json": as_json}
