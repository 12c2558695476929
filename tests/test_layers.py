"""Imports point down the list of layers: read from the source, so that nothing has to be run to be judged."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

import tape_ad

LAYERS: tuple[tuple[str, ...], ...] = (
    ("_errors",),
    ("_typing",),
    ("_methods",),
    ("_decisions",),
    ("_numpy",),
    ("_ufuncs",),
    ("_cases",),
    ("_data",),
    ("_stacked",),
    ("_core",),
    ("_batched",),
    ("_rules",),
    ("ops",),
    ("_data_types",),
    ("_propagate",),
    ("_rows",),
    ("_layout",),
    ("_drawing",),
    ("_player",),
    ("_tape",),
    ("_records",),
    ("_tree",),
    ("transforms",),
    ("tree",),
    ("batching",),
    ("_solvers",),
    ("implicit",),
    ("_law_tools",),
    ("_laws", "_points", "_spellings"),
    ("_check_grads",),
    ("linalg", "fft", "numpy", "_creation", "_signatures"),
    ("testing",),
    ("attribute_style",),
    ("__init__",),
    ("demo",),  # the main job and its command use the public package, as a user does
    ("__main__",),
)
RANKS = {name: rank for rank, names in enumerate(LAYERS) for name in names}
RUN_TIME = {"numpy", "attrs", "attr"}

ROOT = Path(tape_ad.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))


@attrs.frozen
class Import:
    """One imported module, by its full name, and the line that imports it."""

    module: str
    line: int


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _layer_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def _is_module(dotted: str) -> bool:
    place = ROOT.parent.joinpath(*dotted.split("."))
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def _imports(tree: ast.AST, package: str) -> Iterator[Import]:
    """Yield every module that is imported anywhere; ``from package import name`` may mean the module of that name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level] if node.level > 1 else package.split(".")
            base = ".".join([*above, *filter(None, [node.module])]) if node.level else (node.module or "")
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(inner if base.startswith("tape_ad") and _is_module(inner) else base, node.lineno)


def _layer_of_module(module: str) -> str:
    """Return the layer of a module of ours; the package itself is its ``__init__``."""
    return module.split(".")[1] if "." in module else "__init__"


def _package_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT.parent).parent.parts)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_has_a_layer_and_imports_only_from_layers_below(path: Path) -> None:
    """Within a layer that is a folder, its modules may import each other."""
    layer = _layer_of(path)
    own = RANKS[layer]
    upward = [
        f"{path.name}:{found.line}: {found.module}"
        for found in _imports(_parse(path), _package_of(path))
        if found.module.split(".")[0] == "tape_ad"
        and _layer_of_module(found.module) != layer
        and RANKS[_layer_of_module(found.module)] >= own
    ]

    assert [] == upward


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_import_hides_in_a_function_or_behind_a_condition(path: Path) -> None:
    """Every import is a statement of the module itself: none in a function, a class, an if (of ``TYPE_CHECKING`` or other) or a try."""
    tree = _parse(path)
    top = {id(node) for node in tree.body}
    hidden = [
        node.lineno for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) and id(node) not in top
    ]

    assert [] == hidden


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_imported_by_a_string(path: Path) -> None:
    """Every import is a statement, which this module sees."""
    names = {node.id for node in ast.walk(_parse(path)) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(_parse(path)) if isinstance(node, ast.Attribute)}

    assert set() == (names | attributes) & {"import_module", "__import__"}


def test_numpy_and_attrs_are_all_that_is_needed_at_run_time() -> None:
    allowed = RUN_TIME | {"tape_ad"} | sys.stdlib_module_names
    foreign = {
        found.module
        for path in SOURCES
        for found in _imports(_parse(path), _package_of(path))
        if found.module.split(".")[0] not in allowed
    }

    assert set() == foreign


def test_ops_and_engine_do_not_know_each_other() -> None:
    """Rules get their namespace as an argument, so ops never import Tensor; the core finds ops in the table."""
    named = {
        alias.name
        for path in SOURCES
        if _layer_of(path) == "ops"
        for node in ast.walk(_parse(path))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert set() == named & {"Tensor", "apply", "Tape", "Gradients"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import tape_ad._core", "_core"),
        ("from tape_ad import _tree", "_tree"),
        ("from tape_ad import grad", "__init__"),
        ("from tape_ad.ops import linalg", "ops"),
        ("from . import _core", "_core"),
        ("from ._errors import TapeError", "_errors"),
        ("def f():\n    from tape_ad.transforms import grad", "transforms"),
    ],
)
def test_the_judge_reads_every_spelling_of_an_import(source: str, expected: str) -> None:
    (found,) = _imports(ast.parse(source), "tape_ad")

    assert expected == _layer_of_module(found.module)
