"""Sphinx's side of the reference: the pages are written before it reads, ops show their rules, names find their targets."""

import builtins
import collections.abc
import sys
import types
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util import logging

from docs._extensions import written
from docs._extensions.formulas import formulas
from docs._extensions.public import pages_of_names
from tape_ad._core import DOORS, Op
from tape_ad._rules import Expansion

LOG = logging.getLogger(__name__)
NUMPY = "https://numpy.org/doc/stable/reference/generated/{}.html"
PYTHON = frozenset({*dir(builtins), *typing.__all__, *collections.abc.__all__, *types.__all__})


def setup(app: Any) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", plain_property, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", describe_op, priority=600)  # after napoleon
    app.connect("missing-reference", find)
    app.connect("env-check-consistency", check_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(app: Any) -> None:
    """Write what is made from the library."""
    written.write(Path(app.srcdir) / "reference")


def plain_property(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep napoleon from taking what precedes a colon in a property's first sentence for its type."""
    if what in {"property", "attribute"} and lines and ":" in lines[0]:
        lines[0] = f": {lines[0]}"


def describe_op(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Add to the description of an op how its derivative is stated, and which NumPy functions arrive there."""
    lines[:] = [line for line in lines if not line.startswith(":param foreign:")]  # it is not in the signature shown
    if not isinstance(obj, Op | Expansion):
        return
    fields = []
    if isinstance(obj, Op):
        shown = ", ".join(f":math:`{formula}`" for formula in formulas(obj))
        kind = written.KINDS.get(obj.kind, obj.kind)
        fields.append(f":Derivative: {kind}{': ' if shown else ''}{shown}")
    doors = sorted({written.numpy_name(f) for f, (record, _) in DOORS.items() if record is obj})
    if doors:
        fields.append(f":NumPy: {', '.join(f'``{door}``' for door in doors)}")
    at = next((i for i, line in enumerate(lines) if line.startswith((">>>", ":"))), len(lines))
    lines[at:at] = ["", *fields, ""] if at == len(lines) or not lines[at].startswith(":") else ["", *fields]


# --- references -----------------------------------------------------------------------------------------------------
def find(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Find what a docstring calls by its bare name; link to NumPy's pages; leave names of Python and of types as text."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"].removeprefix("np.") if node["reftarget"].startswith("np.") else node["reftarget"]
    if node["reftype"] == "class" and target in vars(builtins):
        return contnode  # the type, and not the dtype of that name
    if target != node["reftarget"] or target.startswith("numpy."):
        full = f"numpy.{target.removeprefix('numpy.')}"
        if "typing." in full:
            return contnode
        return nodes.reference("", "", contnode, refuri=NUMPY.format(full), internal=False)
    domain, last = env.domains["py"], target.rpartition(".")[2]
    for full in _candidates(target, last):
        if full in domain.objects:
            return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", full, node, contnode)
    from_library = node.get("refdoc", "").startswith("reference/")
    return contnode if from_library and (last in PYTHON or _is_internal(last, target)) else None


def _candidates(target: str, last: str) -> Iterable[str]:
    yield f"tape_ad.{target}"
    yield f"tape_ad.{last}"
    yield from (f"tape_ad.{space}.{last}" for space in ("tree", "testing", "implicit", "linalg", "fft", "numpy"))


def _is_internal(name: str, target: str) -> bool:
    """Say whether something of that name is written in the library, though not public."""
    ours = [module for full, module in list(sys.modules.items()) if full.partition(".")[0] == "tape_ad"]
    first = target.partition(".")[0]  # of P.args, npt.ArrayLike
    return target in sys.modules or any(name in vars(module) or first in vars(module) for module in ours)


def check_names(app: Any, env: Any) -> None:
    """Warn of each public name that the reference does not describe."""
    described = env.domains["py"].objects
    missing: Sequence[str] = [name for name in pages_of_names() if name not in described]
    missing = [
        *missing,
        *(f"tape_ad.{k.__name__}" for k in written.error_classes() if f"tape_ad.{k.__name__}" not in described),
    ]
    for name in missing:
        LOG.warning("%s is public, but the reference does not describe it", name)
