"""``python -m tape_ad``: the demonstration. Its exit code is 0 if all checks passed, else 1."""

import os
import sys

from tape_ad.demo.main import main

BROKEN_PIPE = 141
"""The exit code of a command whose reader went away: 128 and the number of the signal SIGPIPE."""


def run() -> int:
    """Run the demonstration; end in silence if nobody reads on, as in ``python -m tape_ad | head -3``."""
    try:
        try:
            return main()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more at exit; see the note on SIGPIPE in the documentation of its module `signal`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


if __name__ == "__main__":
    sys.exit(run())
