"""Find the examples in Markdown pages, run them, and compare what they print: ``python -m docs.examples [PAGE …]``.

A fence ```` ```python ```` is run; all of a page are one program, top to bottom. What a block prints must be stated:

- a line ``print(…)  # text`` prints that text (line breaks count as spaces);
- the next fence, ```` ```output ````, holds exactly what the block prints (what its comments state may be left out; text with
  a line of more than 100 characters may be wrapped);
- a block of ``>>>`` lines is compared as doctest does.

``...`` stands for anything, such as an address or a time. In the information after ``python``, ``raises=Name`` says that
the block ends with that exception, and ``needs=module`` that it is left out where the module is not installed.
A fence with a directive (```` ```{code-block} ````, ```` ```{code-cell} ````) is not run here.

The program is called ``example.py``, with the lines that a reader gets who copies all blocks of the page into one file.
"""

import ast
import contextlib
import doctest
import importlib.util
import io
import linecache
import re
import sys
import tempfile
import time
import tokenize
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import numpy as np
from attrs import field, frozen

from tape_ad._core import DOORS, TABLE, UFUNCS

ROOT = Path(__file__).parent.parent
PROGRAM = "example"
FILE = f"{PROGRAM}.py"
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
CONTAINERS = frozenset(
    {
        "admonition", "attention", "card", "caution", "danger", "dropdown", "error", "grid", "grid-item", "grid-item-card",
        "hint", "important", "note", "seealso", "tab-item", "tab-set", "tip", "warning",
    }
)  # fmt: skip
"""Directives whose content is Markdown; the content of any other is its own."""


@frozen
class Fence:
    """A fence of a page: the number of its first line within, what stands behind its first ticks, and what it holds."""

    line: int
    info: str
    body: str


@frozen
class Example:
    """A block of a page to be run."""

    line: int
    code: str
    options: dict[str, str]
    output: str | None


@frozen
class Report:
    """What became of the examples of a page.

    Attributes:
        page: The page.
        run: How many blocks were run.
        compared: How many statements of what they print were compared.
        left_out: The modules that blocks need and that are not installed, one entry per block.
        failures: What did not hold, with the line.
    """

    page: Path
    run: int = 0
    compared: int = 0
    left_out: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


def pages() -> list[Path]:
    """Return the README and all pages of the documentation that are written by hand."""
    made = {"_build", "api", "generated"}
    found = sorted(page for page in (ROOT / "docs").rglob("*.md") if not made & set(page.parts))
    return [ROOT / "README.md", *found]


# --- reading --------------------------------------------------------------------------------------------------------
_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<ticks>`{3,}|~{3,}|:{3,})[ \t]*(?P<info>.*?)[ \t]*$")


def fences(text: str) -> Iterator[Fence]:
    """Yield the fences of a page, those within tabs, notes and lists too, less their indentation."""
    open_containers: list[str] = []
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        start = _FENCE.match(line)
        if start is None:
            continue
        ticks, info, indent = start["ticks"], start["info"], start["indent"]
        if not info:
            if open_containers and ticks.startswith(open_containers[-1]):
                open_containers.pop()
                continue
            if ticks[0] == ":":
                continue
        directive = re.match(r"\{([\w:-]+)\}", info)
        if directive and directive[1] in CONTAINERS:
            open_containers.append(ticks)
            continue
        body = []
        for _, inner in lines:
            end = _FENCE.match(inner)
            if end and not end["info"] and end["ticks"].startswith(ticks):
                break
            body.append(inner.removeprefix(indent))
        yield Fence(number + 1, info, "\n".join(body) + "\n" if body else "")


def examples(text: str) -> list[Example]:
    """Return the blocks of a page that are to be run, each with what it is said to print."""
    found: list[Example] = []
    before: Fence | None = None
    for fence in fences(text):
        name, *options = fence.info.split()
        if name == "python":
            found.append(Example(fence.line, fence.body, dict(o.partition("=")[::2] for o in options), None))
        elif name == "output":
            if before is None or before.info.split()[0] != "python":
                msg = f"line {fence.line}: a fence of output follows no block of Python"
                raise ValueError(msg)
            last = found.pop()
            found.append(Example(last.line, last.code, last.options, fence.body))
        before = fence
    return found


@frozen
class Stated:
    """A ``print`` whose line says what it prints: its first and last line, and the text."""

    first: int
    last: int
    text: str


def stated(code: str) -> list[Stated]:
    """Return what the comments behind the prints of a block say."""
    comments = {
        token.start[0]: token.string.lstrip("#").strip()
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type == tokenize.COMMENT
    }
    calls = [
        node
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "print"
    ]
    ends = [(call.lineno, call.end_lineno or call.lineno) for call in sorted(calls, key=lambda call: call.lineno)]
    return [Stated(first, last, comments[last]) for first, last in ends if comments.get(last)]


# --- running --------------------------------------------------------------------------------------------------------
class Recorder(io.TextIOBase):
    """What takes the place of standard output: it notes the line of the program that each piece comes from."""

    def __init__(self) -> None:
        self.pieces: list[tuple[int, str]] = []

    def write(self, text: str) -> int:
        """Note a piece of output."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != FILE:
            frame = frame.f_back
        self.pieces.append((frame.f_lineno if frame else 0, text))
        return len(text)

    def of(self, lines: Callable[[int], bool]) -> str:
        """Return what the lines printed that fulfil a condition."""
        return "".join(text for line, text in self.pieces if lines(line))


LONG = 100


def same(want: str, got: str, *, spaces: bool) -> bool:
    """Compare as doctest does: ``...`` stands for anything. With ``spaces``, any white space equals any other."""
    if not spaces:
        want, got = ("\n".join(line.rstrip() for line in text.strip("\n").splitlines()) + "\n" for text in (want, got))
    wrapped = spaces or max(map(len, got.splitlines()), default=0) > LONG
    return doctest.OutputChecker().check_output(want, got, OPTIONS if wrapped else doctest.ELLIPSIS)


@frozen
class Program:
    """The blocks of a page on their way to become one program."""

    module: ModuleType = field(factory=lambda: ModuleType(PROGRAM))
    lines: list[str] = field(factory=list)

    def add(self, example: Example) -> int:
        """Append a block, and return how many lines precede it in the program."""
        offset = len(self.lines)
        self.lines.extend([*example.code.splitlines(), ""])
        text = [line + "\n" for line in self.lines]
        linecache.cache[FILE] = (sum(map(len, text)), None, text, FILE)
        return offset

    def run(self, example: Example) -> tuple[int, list[str], bool]:
        """Run a block; return how much was compared, what did not hold, and whether the next may be run."""
        offset = self.add(example)
        if re.search(r"^>>> ", example.code, re.MULTILINE):
            return self._doctest(example)
        recorder, raised = Recorder(), None
        tree = ast.increment_lineno(ast.parse(example.code), offset)
        with contextlib.redirect_stdout(recorder):
            try:
                exec(compile(tree, FILE, "exec"), vars(self.module))  # noqa: S102 - running it is the point
            except Exception as error:  # noqa: BLE001 - whatever it is, it is compared or reported
                raised = error
        return self._judge(example, offset, recorder, raised)

    def _judge(
        self, example: Example, offset: int, recorder: Recorder, raised: Exception | None
    ) -> tuple[int, list[str], bool]:
        failures, compared = [], 0
        expected = example.options.get("raises")
        if raised is not None and expected not in {kind.__name__ for kind in type(raised).__mro__}:
            last = traceback.extract_tb(raised.__traceback__)
            where = next((f.lineno for f in reversed(last) if f.filename == FILE and f.lineno), offset + 1)
            told = "".join(traceback.format_exception(raised))
            return 0, [f"line {example.line + where - offset - 1}: raised {type(raised).__name__}\n{told}"], False
        if expected and raised is None:
            failures.append(f"line {example.line}: did not raise {expected}")
        commented = stated(example.code)
        for s in commented:
            compared += 1
            first, last_line = s.first + offset, s.last + offset
            got = recorder.of(lambda line, first=first, last=last_line: first <= line <= last)  # type: ignore[misc]  # mypy loses lambdas with defaults
            if not same(s.text + "\n", got, spaces=True):
                failures.append(f"line {example.line + s.first - 1}: expected {s.text!r}, but it printed {got!r}")
        covered = {n + offset for s in commented for n in range(s.first, s.last + 1)}
        rest, everything = recorder.of(lambda line: line not in covered), recorder.of(lambda _: True)
        if raised is not None:
            message = "".join(traceback.format_exception_only(raised)).rpartition(f"{type(raised).__name__}: ")
            rest, everything = (text + "".join(message[1:]) for text in (rest, everything))
        if example.output is not None:
            compared += 1
            if not any(same(example.output, got, spaces=False) for got in (everything, rest)):
                failures.append(
                    f"line {example.line}: expected\n{example.output}\nbut it printed\n{rest if commented else everything}"
                )
        elif rest.strip() and raised is None:
            failures.append(f"line {example.line}: it prints what is stated nowhere:\n{rest}")
        return compared, failures, True

    def _doctest(self, example: Example) -> tuple[int, list[str], bool]:
        test = doctest.DocTestParser().get_doctest(example.code, vars(self.module), PROGRAM, FILE, example.line - 1)
        said: list[str] = []
        doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=said.append, clear_globs=False)
        vars(self.module).update(test.globs)
        return sum(bool(step.want) for step in test.examples), said, True


@contextlib.contextmanager
def _as_it_was() -> Iterator[None]:
    """Leave no trace of a page: the ops that it states, what it prints like, what it writes to files."""
    registries: tuple[dict[Any, Any], ...] = (TABLE, DOORS, UFUNCS)
    kept = [(registry, dict(registry)) for registry in registries]
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        np.printoptions(),
        np.errstate(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error")
        try:
            yield
        finally:
            for registry, before in kept:
                registry.clear()
                registry.update(before)
            sys.modules.pop(PROGRAM, None)
            linecache.cache.pop(FILE, None)


def installed(module: str) -> bool:
    """Say whether a module can be imported."""
    return importlib.util.find_spec(module) is not None


def check(page: Path, text: str | None = None) -> Report:
    """Run the examples of a page and compare what they print."""
    try:
        blocks = examples(page.read_text(encoding="utf-8") if text is None else text)
    except ValueError as error:
        return Report(page, failures=(str(error),))
    program, run, compared = Program(), 0, 0
    failures: list[str] = []
    missing: list[str] = []
    with _as_it_was():
        sys.modules[PROGRAM] = program.module
        for block in blocks:
            needed = [name for name in block.options.get("needs", "").split(",") if name and not installed(name)]
            if needed:
                missing.extend(needed[:1])
                program.add(block)
                continue
            try:
                count, wrong, goes_on = program.run(block)
            except SyntaxError as error:
                count, wrong, goes_on = 0, [f"line {block.line + (error.lineno or 1) - 1}: {error}"], False
            run, compared = run + 1, compared + count
            failures.extend(wrong)
            if not goes_on:
                break
    return Report(page, run, compared, tuple(missing), tuple(failures))


def main(arguments: Sequence[str] = ()) -> int:
    """Check the pages that are named, or all; print what does not hold, then how much was run and compared."""
    start = time.perf_counter()
    reports = [check(page) for page in ([Path(a).resolve() for a in arguments] or pages())]
    for report in reports:
        for failure in report.failures:
            print(f"{_shown(report.page)}: {failure}")
    wrong = sum(len(report.failures) for report in reports)
    left_out: list[Any] = sorted({name for report in reports for name in report.left_out})
    print(
        f"{sum(r.run for r in reports)} examples on {len(reports)} pages run, {sum(r.compared for r in reports)} statements of "
        f"what they print compared, {wrong} wrong, in {time.perf_counter() - start:.1f} s"
        + (f"; left out where not installed: {', '.join(left_out)}" if left_out else "")
    )
    return 1 if wrong else 0


def _shown(page: Path) -> str:
    return str(page.relative_to(ROOT)) if page.is_relative_to(ROOT) else str(page)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
