"""What a deep tape costs in bytes, and what importing the package costs in time: both in processes of their own."""

import os
import statistics
import subprocess
import sys

_BYTES = """
import sys, tracemalloc
from tests.benchmarks import workloads
run, nodes = getattr(workloads, sys.argv[1]), int(sys.argv[2])
run(10)
tracemalloc.start()
run(nodes // 2)
print(tracemalloc.get_traced_memory()[1] / nodes)
"""

_IMPORT = """
import time
import numpy, attrs
start = time.perf_counter()
import tape_ad
print((time.perf_counter() - start) * 1e3)
"""

_BASE = """
import time
start = time.perf_counter()
import numpy, attrs
print((time.perf_counter() - start) * 1e3)
"""


def _printed(program: str, *args: str) -> float:
    """Return the number that a program prints when run by this Python."""
    command = [sys.executable, "-c", program, *args]
    # As installed: with compiled bytecode, which pip leaves behind and some environments forbid to write.
    with_bytecode = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=with_bytecode)  # noqa: S603 - our own program
    return float(done.stdout)


def bytes_per_node(run: str, nodes: int) -> float:
    """Return the peak of traced memory, forward and backward, per node of the function of that name."""
    return _printed(_BYTES, run, str(nodes))


def import_milliseconds(runs: int = 9) -> tuple[float, float]:
    """Return the medians of importing tape_ad after NumPy and attrs, and of importing these two."""
    times = [(_printed(_IMPORT), _printed(_BASE)) for _ in range(runs)]
    return statistics.median(t for t, _ in times), statistics.median(t for _, t in times)
