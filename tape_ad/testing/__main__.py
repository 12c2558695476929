"""``python -m tape_ad.testing conformance``: measure what holds for every function of NumPy's, and print it.

The exit code is 0 if every law holds that applies, and every function is decided on, else 1.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from tape_ad.testing._conformance import Measured, measure
from tape_ad.testing._report import FORMATS, failures
from tape_ad.testing._surface import rows


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tape_ad.testing", description="The laws of tape_ad, tried.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="conformance")
    page = commands.add_parser("conformance", help="measure what holds for every function of NumPy's, and print it")
    page.add_argument("--format", choices=FORMATS, default="text", help="of what is printed (default: %(default)s)")
    page.add_argument(
        "names", nargs="*", metavar="name", help="such as np.fft or np.sin: what to measure (default: all)"
    )
    chosen = parser.parse_args(arguments)
    found = _measured(chosen.names)
    if not found:
        parser.error(f"NumPy has no public function {' or '.join(chosen.names)}")
    sys.stdout.write(FORMATS[chosen.format](found) + "\n")
    undecided = [m.row.name for m in found if m.row.decision == "undecided"]
    if undecided:
        sys.stderr.write(f"Nobody has decided on {', '.join(undecided)}.\n")
    return int(bool(undecided) or any(failures(found)))


def _measured(names: Sequence[str]) -> list[Measured]:
    """Measure the functions of these names, or of namespaces of these names; show on a terminal how far it is."""
    chosen = [
        row
        for row in rows()
        if not names or any(name == asked or name.startswith(f"{asked}.") for name in row.names for asked in names)
    ]
    found = []
    for m in measure(chosen):
        found.append(m)
        if sys.stderr.isatty():
            sys.stderr.write(
                f"\r{len(found)}/{len(chosen)} {m.row.name:50}" if len(found) < len(chosen) else f"\r{'':60}\r"
            )
    return found


def _run() -> int:
    """Return the exit status of the command."""
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on, as in ``… | head``
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


if __name__ == "__main__":
    sys.exit(_run())
