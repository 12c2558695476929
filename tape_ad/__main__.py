"""``python -m tape_ad``: the demonstration. Its exit code is 0 if all checks passed, else 1."""

import sys

from tape_ad.demo.main import main

if __name__ == "__main__":
    sys.exit(main())
