"""The README's commands; its code is run and compared by `tests.test_docs`."""

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_there_are_two_commands_for_a_fresh_clone() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README.read_text(encoding="utf-8"), re.MULTILINE)

    assert commands == [
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/python -m tape_ad",
        "python3 -m venv .venv && .venv/bin/pip install '.[test]' && .venv/bin/pytest",
    ]
