"""Timing contestants by turns, so that what else the machine does hits all of them alike."""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen

BASELINE = "hand-written NumPy"
TOLERANCE = 1e-9


@frozen
class Contestant:
    """One way to compute the gradients of a workload.

    Attributes:
        label: What the table calls it.
        run: Computes the gradients from scratch, forward pass included.
        units: The number of units of work in one run, where contestants run different amounts; times are per unit.
        target: The multiple of the baseline's time to stay at or below; None where nothing was promised.
        checked: Whether the gradients must equal the baseline's; false where it runs another amount of work.
    """

    label: str
    run: Callable[[], Sequence[Any]]
    units: int = 1
    target: float | None = None
    checked: bool = True


@frozen
class Workload:
    """A computation that the contestants differentiate; the first of them is the one to compare with."""

    name: str
    contestants: tuple[Contestant, ...]
    rounds: int = 25
    batch_seconds: float = 0.004


class DisagreementError(AssertionError):
    """A contestant's gradients differ from the baseline's, so that its time says nothing."""


def measure(workload: Workload) -> Mapping[str, float]:
    """Return the seconds per unit of each contestant: the least over the rounds, of a batch's mean.

    The least is taken because everything that another process does can only add to it.

    Raises:
        DisagreementError: if the contestants do not compute the same gradients.
    """
    expected = workload.contestants[0].run()
    repeats = {}
    for c in workload.contestants:
        actual = c.run()
        if c.checked:
            check(workload.name, c.label, expected, actual)
        start = time.perf_counter()
        c.run()
        repeats[c.label] = max(1, round(workload.batch_seconds / (time.perf_counter() - start)))
    best = dict.fromkeys(repeats, float("inf"))
    gc.collect()
    for i in range(workload.rounds):
        turn = i % len(workload.contestants)
        for c in workload.contestants[turn:] + workload.contestants[:turn]:
            run, n = c.run, repeats[c.label]
            start = time.perf_counter()
            for _ in range(n):
                run()
            best[c.label] = min(best[c.label], (time.perf_counter() - start) / (n * c.units))
    return best


def check(workload: str, label: str, expected: Sequence[Any], actual: Sequence[Any]) -> None:
    """Compare gradients, relative to the largest element of each."""
    if len(expected) != len(actual):
        msg = f"{workload}: {label} returned {len(actual)} gradients, not {len(expected)}."
        raise DisagreementError(msg)
    for i, (want, got) in enumerate(zip(expected, actual, strict=True)):
        want, got = np.asarray(want), np.asarray(got)  # noqa: PLW2901 - the same values as arrays
        if want.shape != got.shape:
            msg = f"{workload}: gradient {i} of {label} has shape {got.shape}, not {want.shape}."
            raise DisagreementError(msg)
        error = float(np.max(np.abs(want - got)) / max(1e-300, float(np.max(np.abs(want)))))
        if not error <= TOLERANCE:
            msg = f"{workload}: gradient {i} of {label} is off by {error:.1e} of its largest element."
            raise DisagreementError(msg)
