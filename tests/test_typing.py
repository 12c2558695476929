"""Type checkers see what the library means: snippets with the diagnostics that mypy and pyright must give.

The files of ``tests/typing`` are programs as users write them. A line that a checker must refuse says so:
``# E: mypy[code] pyright[rule, rule]``. Each checker runs once, over all of them, and must find these diagnostics and
no others. Functions called ``accepted_…`` are also run, so that what the checkers accept is known to work.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SNIPPETS = sorted(
    path for path in (ROOT / "tests" / "typing").glob("*.py") if path.name not in {"__init__.py", "conftest.py"}
)
PRAGMA = re.compile(r"# E: (?P<checkers>.+)$")
CHECKER = re.compile(r"(?P<name>mypy|pyright)\[(?P<codes>[^\]]+)\]")

Diagnostics = set[tuple[str, int, str]]
"""A file's name, a line counted from 1, and the checker's name for what is wrong."""


def _expected(checker: str) -> Diagnostics:
    return {
        (path.name, number, code.strip())
        for path in SNIPPETS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (pragma := PRAGMA.search(line))
        for found in CHECKER.finditer(pragma["checkers"])
        if found["name"] == checker
        for code in found["codes"].split(",")
    }


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a checker with this Python's environment, wherever the tests were started from."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    return subprocess.run(  # noqa: S603 - the checkers that the test environment installed
        [sys.executable, "-m", *command, *map(str, SNIPPETS)],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def _require(checker: str) -> None:
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed; it comes with the extra `test`")


def test_mypy_finds_the_expected_errors_and_no_others() -> None:
    _require("mypy")
    done = _run("mypy", "--config-file", "mypy.ini", "--output", "json", "--no-error-summary")
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    # Mypy also tells of errors in the package itself, which are another check's subject.
    errors = [e for e in found if e["severity"] == "error" and ROOT / e["file"] in SNIPPETS]

    assert _expected("mypy") == {(Path(e["file"]).name, e["line"], e["code"]) for e in errors}


def test_pyright_finds_the_expected_errors_and_no_others() -> None:
    _require("pyright")
    done = _run("pyright", "--outputjson", "--pythonpath", sys.executable)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    found = json.loads(done.stdout)["generalDiagnostics"]

    assert _expected("pyright") == {(Path(d["file"]).name, d["range"]["start"]["line"] + 1, d["rule"]) for d in found}


def test_every_snippet_has_lines_that_must_be_refused_and_both_checkers_refuse_the_same_ones() -> None:
    lines = {checker: {(file, line) for file, line, _ in _expected(checker)} for checker in ("mypy", "pyright")}

    assert lines["mypy"] == lines["pyright"]
    assert {path.name for path in SNIPPETS} == {file for file, _ in lines["mypy"]}


RUN_ACCEPTED = """
import importlib, sys
snippet = importlib.import_module("tests.typing." + sys.argv[1])
accepted = {name: value for name, value in vars(snippet).items() if name.startswith("accepted_")}
for function in accepted.values():
    function()
print(*accepted)
"""


@pytest.mark.parametrize("snippet", [path.stem for path in SNIPPETS])
def test_what_the_checkers_accept_runs(snippet: str) -> None:
    # In a Python of its own, because a snippet may declare ops, which enter the table for good.
    done = subprocess.run(  # noqa: S603 - this Python and the program above
        [sys.executable, "-W", "error", "-c", RUN_ACCEPTED, snippet],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "accepted_" in done.stdout
