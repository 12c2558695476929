"""The tables of docs/how_to/moving_from_*.md: each name exists in the other library, and both sides of a row agree.

A library that is not installed is skipped; the names of ours are then tried all the same.
"""

import importlib
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import frozen

import tape_ad
from tape_ad import Tensor, implicit, testing, tree

FOLDER = Path(__file__).parent.parent / "docs" / "how_to"
LIBRARIES = {"hips_autograd": "autograd", "jax": "jax", "pytorch": "torch", "mygrad": "mygrad"}
NONE = "none"
X, V, Z = np.array([0.7, -1.2]), np.array([0.3, 0.5]), 1 + 2j
A = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]])
U, ROWS = np.array([1.0, -2.0, 0.5]), np.array([[0.7, -1.2], [0.1, 0.4], [2.0, 1.0]])


@frozen
class Row:
    """A row of a table: the library, and the code of its two cells."""

    library: str
    theirs: str
    ours: str

    def __str__(self) -> str:
        return f"{self.library}: {self.theirs}"


def rows() -> Iterator[Row]:
    """Yield the rows of all tables."""
    for library in LIBRARIES:
        for line in (FOLDER / f"moving_from_{library}.md").read_text(encoding="utf-8").splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("| `") else []
            if cells:
                yield Row(library, *cells[:2])


ROWS_OF_TABLES = list(rows())


def spans(cell: str) -> list[str]:
    """Return the code of a cell."""
    return re.findall(r"`([^`]+)`", cell)


def functions(xp: Any, matrix: Any) -> dict[str, Any]:
    """Return the functions that the pages speak of, written for the namespace of a library."""

    def f(x: Any) -> Any:
        return xp.sum(x**3)

    return {
        "f": f,
        "F": lambda x: (matrix @ x**2) * x[0],
        "h": lambda a, b: xp.sum(a * b**2),
        "q": lambda z: z**2,
        "L": lambda x: 3.0 * x,
        "with_aux": lambda x: (f(x), 2.0 * x),
        "np": np,
        "z": Z,
    }


def arguments(as_array: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the arguments of the functions."""
    given: dict[str, Any] = {name: as_array(value) for name, value in {"x": X, "v": V, "u": U, "X": ROWS}.items()}
    return {**given, "params": {"a": given["x"], "b": 1.0}}


def names_here() -> dict[str, Any]:
    """Return what a cell of ours may name."""
    ours = {**vars(tape_ad), "tree": tree, "testing": testing, "implicit": implicit}
    return {**ours, **functions(np, A), **arguments(np.asarray), "t": Tensor(X, autograd=True)}


def names_there(library: str) -> dict[str, Any]:
    """Return what a cell of theirs may name."""
    module: Any = pytest.importorskip(LIBRARIES[library])
    if library == "hips_autograd":
        for name in ("misc.fixed_points", "misc.optimizers", "test_util", "extend", "builtins"):
            importlib.import_module(f"autograd.{name}")
        return {**vars(module), "autograd": module, **functions(module.numpy, A), **arguments(np.asarray)}
    if library == "jax":
        for name in ("test_util", "flatten_util", "tree_util"):
            importlib.import_module(f"jax.{name}")
        module.config.update("jax_enable_x64", val=True)
        return {"jax": module, **functions(module.numpy, A), **arguments(module.numpy.asarray)}
    if library == "pytorch":
        importlib.import_module("torch.utils.checkpoint")
        tracked = module.tensor(X, requires_grad=True)
        return {"torch": module, **functions(module, module.tensor(A)), **arguments(module.tensor), "t": tracked}
    return {"mygrad": module, **functions(module, A), **arguments(np.asarray), "t": module.tensor(X)}


def results(cell: str, names: dict[str, Any]) -> list[Any]:
    """Run the code of a cell; of code that is to be run in turn, return the last."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs
        found = [eval(code, names) for code in spans(cell)]  # noqa: S307 - running the page is the point
    return found[-1:] if ", then " in cell else found


def numbers(value: Any) -> list[Any] | None:
    """Return the arrays of a result, of whichever library; None for what is no result but a function or a record."""
    if isinstance(value, (tape_ad.Gradients, list, tuple, dict)):
        parts = [numbers(v) for v in (value.values() if hasattr(value, "values") else value)]
        return [x for part in parts for x in part or []]
    if hasattr(value, "detach") and not isinstance(value, Tensor):
        value = value.detach().resolve_conj().numpy()
    if isinstance(value, Tensor) or type(value).__module__.startswith("mygrad"):
        value = getattr(value, "data", value)
    if callable(value) or not isinstance(value, (bool, int, float, complex, np.ndarray, np.generic)):
        return [np.asarray(value)] if hasattr(value, "__array__") else None
    return [np.asarray(value)]


@pytest.mark.parametrize("row", ROWS_OF_TABLES, ids=str)
def test_what_a_row_promises_is_there(row: Row) -> None:
    assert row.ours == NONE or results(row.ours, names_here())


@pytest.mark.parametrize("row", ROWS_OF_TABLES, ids=str)
def test_both_sides_of_a_row_agree(row: Row) -> None:
    theirs = results(row.theirs, names_there(row.library))
    if row.ours == NONE:
        assert theirs
        return
    (ours,) = results(row.ours, names_here())
    for other in theirs:
        expected, actual = numbers(other), numbers(ours)
        assert (expected is None) == (actual is None)
        for e, a in zip(expected or [], actual or [], strict=True):
            np.testing.assert_allclose(a, e, rtol=1e-6, atol=1e-12)


DIFFERENCES: list[tuple[str, str, str, Any, Any]] = [
    ("hips_autograd", "grad(lambda x: autograd.numpy.clip(x, 0.0, 1.0))(0.0)", "grad(lambda x: np.clip(x, 0.0, 1.0))(0.0)", 0.0, 0.5),
    ("hips_autograd", "grad(lambda z: autograd.numpy.abs(z) ** 2)(z)", "grad(lambda z: np.abs(z) ** 2)(z)", 2 - 4j, 2 - 4j),
    ("hips_autograd", "grad(autograd.numpy.linalg.norm)(0 * x)", "grad(np.linalg.norm)(0 * x)", np.nan, 0.0),
    ("hips_autograd", "grad(autograd.numpy.std)(x**0)", "grad(np.std)(x**0)", np.nan, 0.0),
    ("jax", "jax.grad(jax.numpy.abs)(0.0)", "grad(np.abs)(0.0)", 1.0, 0.0),
    ("jax", "jax.grad(jax.nn.relu)(0.0)", "grad(lambda x: np.maximum(x, 0))(0.0)", 0.0, 0.5),
    ("jax", "jax.grad(jax.numpy.linalg.norm)(0 * x)", "grad(np.linalg.norm)(0 * x)", np.nan, 0.0),
    ("jax", "jax.grad(lambda z: jax.numpy.abs(z) ** 2)(z)", "grad(lambda z: np.abs(z) ** 2)(z)", 2 - 4j, 2 - 4j),
    ("pytorch", "torch.func.grad(torch.relu)(torch.tensor(0.0))", "grad(lambda x: np.maximum(x, 0))(0.0)", 0.0, 0.5),
    ("pytorch", "torch.func.grad(lambda x: torch.clamp(x, 0.0, 1.0))(torch.tensor(0.0))", "grad(lambda x: np.clip(x, 0.0, 1.0))(0.0)", 1.0, 0.5),
    ("pytorch", "torch.func.grad(lambda z: torch.abs(z) ** 2)(torch.tensor(z))", "grad(lambda z: np.abs(z) ** 2)(z)", 2 + 4j, 2 - 4j),
    ("mygrad", "mygrad.maximum(t - t.data, 0).sum().backward()`, then `t.grad", "grad(lambda x: np.maximum(x, 0))(0.0)", 0.0, 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("library", "theirs", "ours", "slope_there", "slope_here"), DIFFERENCES)
def test_the_pages_say_rightly_what_differs(
    library: str, theirs: str, ours: str, slope_there: Any, slope_here: Any
) -> None:
    (there,) = results(f"`{theirs}`", names_there(library))
    (here,) = results(f"`{ours}`", names_here())

    for slope, found in ((slope_there, numbers(there)), (slope_here, numbers(here))):
        assert found
        np.testing.assert_array_equal(np.full(found[0].shape, slope), found[0])


def test_the_tables_are_read() -> None:
    counts = {library: sum(row.library == library for row in ROWS_OF_TABLES) for library in LIBRARIES}
    compared = sum("(" in row.theirs and row.ours != NONE for row in ROWS_OF_TABLES)

    assert min(counts.values()) >= 12
    assert compared >= 70
