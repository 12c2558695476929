"""Print the table of the programs: ``python -m tests.programs [NAME ...]``."""

import gc
import sys
import time
from collections.abc import Callable

from tape_ad import NoRuleError
from tests.programs._check import curvature_error, inner, load, names, slope_error

SECONDS = 0.5


def seconds_of(call: Callable[[], object]) -> float:
    """Return the time of the fastest of many calls."""
    gc.collect()
    best, until = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def row(name: str) -> str:
    """Return the line of one program."""
    program = load(name)
    plain = program(*program.parameters)
    try:
        value, gradient = program.value_and_gradient(*program.parameters)
    except NoRuleError as error:
        return f"{name:22}{plain:14.6g}  refused: {str(error).split(',')[0]}"
    direction = program.direction(0)
    slope = slope_error(program, direction, inner(gradient, direction), gradient)
    curvature = curvature_error(program, direction)
    base = seconds_of(lambda: program(*program.parameters))
    times = seconds_of(lambda: program.value_and_gradient(*program.parameters)) / base
    same = "" if value == plain else "  the value is NOT that of NumPy"
    return f"{name:22}{value:14.6g}{slope:12.1e}{curvature:12.1e}{base * 1e3:12.3f}{times:8.1f} x{same}"


def main(chosen: list[str]) -> None:
    """Print one line for each program, or for those that were named."""
    print(f"{'program':22}{'value':>14}{'gradient':>12}{'hvp':>12}{'plain, ms':>12}{'value_and_grad':>16}")
    for name in chosen or names():
        print(row(name), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
