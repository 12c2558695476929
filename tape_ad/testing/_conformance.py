"""The conformance page: what holds for every function of NumPy's, measured by the laws and never typed by hand."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

from attrs import evolve, frozen

from tape_ad._core import Op
from tape_ad._law_tools import Column, Law
from tape_ad._rules import REAL
from tape_ad.testing._arguments import Sample, samples
from tape_ad.testing._calls import (
    call_laws,
    complex_laws,
    creation_laws,
    is_refused,
    refusal_laws,
    value_laws,
)
from tape_ad.testing._cases import case_laws
from tape_ad.testing._surface import Row

COLUMNS: tuple[Column, ...] = get_args(Column)
HOLDS, FAILS, NOTHING = "✓", "✗", "–"
LEGEND: Mapping[Column, str] = {
    "value": "NumPy's value, dtype and shape, bit for bit. – where the call is refused, as it should be, or no tensor arrives.",
    "vjp": "Reverse mode agrees with central differences and with forward mode. – where the derivative is zero by definition, or the answer holds no floating-point number.",
    "jvp": "Forward mode agrees with central differences. – as for vjp.",
    "second order": "The derivative of the backward pass, in both modes, agrees with central differences. – as for vjp.",
    "batching": "Many examples at once give what each gives by itself, value and derivatives. – where the answer is no array, or a batch is refused: the shape of the result, or a branch, depends on the values.",
    "float32": "Single precision in, NumPy's bits in single precision and derivatives of single precision out. – where it takes no floating-point numbers.",
    "complex": "The same laws on complex numbers. – where NumPy refuses these.",
}
"""What a tick says, and where a column does not apply."""


# --- measuring ------------------------------------------------------------------------------------------------------
@frozen
class Cell:
    """What became of the laws of one column: how many held, and what the others said."""

    held: int = 0
    failures: tuple[str, ...] = ()

    def __str__(self) -> str:
        return FAILS if self.failures else HOLDS if self.held else NOTHING

    def __add__(self, other: "Cell") -> "Cell":
        return Cell(self.held + other.held, self.failures + other.failures)


Cells = Mapping[Column, Cell]


@frozen
class Measured:
    """A function of NumPy's with what was measured of it.

    Attributes:
        row: The function, and what is decided about it.
        cells: What became of the laws, by column.
        without: Optional parameters that are refused on a tensor.
    """

    row: Row
    cells: Cells
    without: tuple[str, ...] = ()

    @property
    def failures(self) -> list[str]:
        """What the broken laws said."""
        return [f"{column}: {failure}" for column, cell in self.cells.items() for failure in cell.failures]


def measure(chosen: Iterable[Row]) -> Iterator[Measured]:
    """Yield what the laws say of each function; no call of NumPy's that writes a file or changes a setting is made."""
    ops: dict[str, Cells] = {}
    for row in chosen:
        proposed = [] if row.decision in ("no tensor", "refused", "given up") else samples(row.function)
        refused = [sample for sample in proposed if sample.kwargs and is_refused(row, sample)]
        kept = [sample for sample in proposed if sample not in refused]
        without = tuple(dict.fromkeys(name for sample in refused for name in sample.kwargs))
        yield Measured(row, _cells_of(row, kept, ops), without)


def _cells_of(row: Row, proposed: Sequence[Sample], ops: dict[str, Cells]) -> Cells:
    """Return the cells of a row; what the ops' own cases gave is kept in ``ops``, for functions that share one."""
    op = row.behind
    if not isinstance(op, Op):
        return tried(_laws_of(row, proposed))
    if op.name not in ops:
        ops[op.name] = tried(itertools.chain.from_iterable([case_laws(op, case) for case in op.cases]))
    called = tried(itertools.chain.from_iterable([value_laws(row, sample) for sample in proposed]))
    cells = {column: ops[op.name][column] + called[column] for column in COLUMNS}
    if not cells["complex"].held:  # the op's cases are real, and NumPy may take complex numbers all the same
        anywhere = [Sample(*s.fill([evolve(place, domain=REAL) for place in s.places])) for s in proposed]
        cells["complex"] += tried(itertools.chain.from_iterable([complex_laws(row, s) for s in anywhere]))["complex"]
    return cells


def _laws_of(row: Row, proposed: Sequence[Sample]) -> Iterator[Law]:
    """Yield the laws of a function that is no op."""
    if row.decision in ("mutating", "refused"):
        yield from refusal_laws(row, proposed)
    elif row.decision == "creation":
        for sample in proposed:
            yield from creation_laws(row, sample)
    else:
        for sample in proposed:
            yield from call_laws(row, sample)
            yield from complex_laws(row, sample)


def tried(laws: Iterator[Law]) -> Cells:
    """Check each law, and return what became of them by what they are about."""
    cells: dict[Column, Cell] = dict.fromkeys(COLUMNS, Cell())
    column: Column = "value"
    while True:
        try:
            law = next(laws)
            column = law.column
            law.check()
        except StopIteration:
            return cells
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in a law is what the page is to show
            cells[column] += Cell(failures=(f"{type(error).__name__}: {error}",))
        else:
            cells[column] += Cell(held=int(law.counts))
