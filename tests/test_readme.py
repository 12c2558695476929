"""The README's code blocks run, in order, as one program."""

import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parent.parent / "README.md"


def blocks() -> list[str]:
    """Return the README's Python code blocks, less their indentation in lists."""
    found = re.findall(r"^( *)```python\n(.*?)^ *```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(indent) for line in body.splitlines()) for indent, body in found]


def test_the_blocks_run_and_print_what_their_comments_say(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for block in blocks():
        exec(compile(block, str(README), "exec"), names)  # noqa: S102 - running the README is the point
    printed = capsys.readouterr().out
    promised = [
        comment.strip()
        for block in blocks()
        for comment in re.findall(r"print\(.*\)\s+# ([\[(].*)$", block, re.MULTILINE)
    ]

    assert len(promised) >= 3
    position = 0
    for line in promised:
        found = printed.find(line, position)
        assert found >= 0, f"{line!r} was not printed"
        position = found + len(line)


def test_the_piecewise_constant_error_names_the_operation(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for block in blocks():
        exec(compile(block, str(README), "exec"), names)  # noqa: S102 - running the README is the point

    assert "only through floor" in capsys.readouterr().out


def test_there_are_two_commands_for_a_fresh_clone() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README.read_text(encoding="utf-8"), re.MULTILINE)

    assert commands == [
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/python -m tape_ad",
        "python3 -m venv .venv && .venv/bin/pip install '.[test]' && .venv/bin/pytest",
    ]
