"""Print the table of the benchmarks: ``python -m tests.benchmarks [PART …] [--json FILE] [--only TEXT]``."""

import argparse
import gc
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from attrs import asdict, frozen

from tests.benchmarks.at_size import all_at_size
from tests.benchmarks.memory import bytes_per_node, import_milliseconds
from tests.benchmarks.second_order import Comparison, all_comparisons
from tests.benchmarks.surface import FUNCTIONS, medians, rows_of_function, workload_of
from tests.benchmarks.timing import BASELINE, Workload, measure
from tests.benchmarks.workloads import HIPS, LEAVES, PLAIN, all_workloads

BYTES_NODES = 1_000_000
BYTES_TARGET = 300.0
IMPORT_TARGET = 40.0
DEPTH_TARGET = 1 / 15
"""Of HIPS autograd's time per node."""
PARTS = ("programs", "second_order", "surface", "memory")


@frozen
class Row:
    """One line of the table: a value and what it should be at most.

    Attributes:
        workload: What was computed.
        contestant: Who computed it.
        value: The measured value.
        unit: What the value counts: ``x NumPy``, ``x HIPS``, ``us per node``, ``B per node``, ``us``, ``ms``.
        target: What the value should be at most; None where nothing was promised.
    """

    workload: str
    contestant: str
    value: float
    unit: str
    target: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the target was reached; empty where there is none."""
        return "" if self.target is None else "ok" if self.value <= self.target else "MISS"


def rows_of(workload: Workload, seconds: Mapping[str, float]) -> list[Row]:
    """Return the rows of a workload's times: ratios to the hand-written gradient, and to HIPS where that is the target."""
    base = seconds[workload.contestants[0].label]
    rows = [Row(workload.name, c.label, seconds[c.label] / base, "x NumPy", c.target) for c in workload.contestants]
    hips = next((seconds[c.label] for c in workload.contestants if c.label.startswith(HIPS)), None)
    if "deep" in workload.name:
        rows += [Row(workload.name, c.label, seconds[c.label] * 1e6, "us per node") for c in workload.contestants]
    if hips is not None and "deep" in workload.name:
        labels = [c.label for c in workload.contestants if c.label.startswith(LEAVES)]
        rows += [Row(workload.name, label, seconds[label] / hips, "x HIPS", DEPTH_TARGET) for label in labels]
    elif hips is not None and "x[i]" in workload.name:
        rows += [Row(workload.name, label, seconds[label] / hips, "x HIPS", 1.0) for label in (LEAVES, PLAIN)]
    return rows


def rows_against(comparison: Comparison, seconds: Mapping[str, float]) -> list[Row]:
    """Return the rows of a comparison: what each contestant took, and how the first stands to its rivals."""
    name, first = comparison.workload.name, comparison.workload.contestants[0].label
    times = [Row(name, label, time * 1e6, "us") for label, time in seconds.items()]
    return times + [Row(name, first, value, unit, target) for unit, value, target in comparison.ratios(seconds)]


def show(rows: Sequence[Row]) -> None:
    """Print some rows of the table; those of one function in one line."""
    compact = len({(row.workload, row.contestant) for row in rows}) == 1
    for i, row in enumerate(rows):
        shown = f"{row.value:.3g}" if row.value < 100 else f"{row.value:,.0f}"
        target = "" if row.target is None else f"<= {row.target:.3g}"
        name = "" if compact and i else f"{row.workload:50} {row.contestant:37} "
        end = " " if compact and i + 1 < len(rows) else "\n" if compact else "\n\n" if row is rows[-1] else "\n"
        print(f"{name}{shown:>9} {row.unit:15} {target:9} {row.verdict}".rstrip(), end=end, flush=True)


def surface_rows(only: str) -> Iterator[list[Row]]:
    """Measure the functions whose name contains the text, and their median."""
    seconds = {}
    for f in FUNCTIONS:
        if only in f.name:
            seconds[f.name] = measure(workload_of(f))
            yield [Row(f.name, *row) for row in rows_of_function(seconds[f.name])]
    yield [Row(*row) for row in medians(seconds.values())]


def memory_rows(only: str) -> Iterator[list[Row]]:
    """Measure the memory of a deep tape, and the time of the import."""
    if only in "memory of a deep tape":
        name = f"memory of {BYTES_NODES:,} nodes"
        constants = f"{LEAVES.partition(' ')[0]}, the constants Python floats"
        yield [
            Row(name, LEAVES, bytes_per_node("line_with_tape", BYTES_NODES), "B per node", BYTES_TARGET),
            Row(name, constants, bytes_per_node("line_of_constants", BYTES_NODES), "B per node"),
            Row(name, BASELINE, bytes_per_node("line_by_numpy", BYTES_NODES), "B per node"),
        ]
    if only in "import":
        own, base = import_milliseconds()
        yield [
            Row("import", "tape_ad, after numpy and attrs", own, "ms", IMPORT_TARGET),
            Row("import", "numpy, attrs", base, "ms"),
        ]


def measured(parts: Collection[str], only: str) -> Iterator[list[Row]]:
    """Run every workload of the parts whose name contains the text; yield the rows of each."""
    # What the modules of the contestants left on the heap would be traced at everyone's expense.
    gc.collect()
    gc.freeze()
    if "programs" in parts:
        for make in all_workloads():
            workload = make()
            if only in workload.name:
                yield rows_of(workload, measure(workload))
    if "surface" in parts:
        yield from surface_rows(only)
    for part, comparisons in (("surface", all_at_size), ("second_order", all_comparisons)):
        if part in parts:
            for compare in comparisons():
                comparison = compare()
                if only in comparison.workload.name:
                    yield rows_against(comparison, measure(comparison.workload))
    if "memory" in parts:
        yield from memory_rows(only)


def versions() -> dict[str, str]:
    """Return the versions of Python and of every contestant that is installed, and what is missing."""
    found = {"python": platform.python_version()}
    for name in ("numpy", "attrs", "autograd", "torch"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed, skipped"
    return found


def main() -> None:
    """Measure, print, and write the results where asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these of {', '.join(PARTS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results here")
    parser.add_argument("--only", default="", metavar="TEXT", help="only workloads whose name contains the text")
    parser.add_argument("--machine", default="", metavar="TEXT", help="what the results were measured on, in words")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part is called {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    start = time.perf_counter()
    packages = versions()
    print(", ".join(f"{name} {version}" for name, version in packages.items()), end="\n\n")
    rows: list[Row] = []
    for new in measured(options.parts or PARTS, options.only):
        rows += new
        show(new)
    missed = [row for row in rows if row.verdict == "MISS"]
    seconds = time.perf_counter() - start
    judged = sum(row.target is not None for row in rows)
    print(f"{judged - len(missed)} of {judged} targets reached; {seconds:.0f} s")
    if options.json is not None:
        report = {
            "machine": options.machine or f"{os.cpu_count()} cores, {platform.system()} on {platform.machine()}",
            "versions": packages,
            "seconds": round(seconds, 1),
            "rows": [{**asdict(row), "verdict": row.verdict} for row in rows],
        }
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
