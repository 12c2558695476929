"""The pages of the documentation: their code runs and prints what they say, and the names that they promise exist."""

import doctest
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tape_ad
from tape_ad import (
    elementwise_grad,
    ggnvp,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linear_transpose,
    linearize,
    testing,
    tree,
    value_and_grad,
    vhp,
    vjp,
    vmap,
)
from tape_ad._core import TABLE

PAGES = sorted((Path(__file__).parent.parent / "docs").glob("*.md"))
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
X = np.array([1.0, 2.0])


def blocks(page: Path) -> list[tuple[int, str]]:
    """Return a page's Python code blocks, each with the number of its first line."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, match.start(1)), match[1]) for match in found]


def rows(page: Path) -> list[list[str]]:
    """Return the cells of a page's tables."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_pages_code_runs_as_one_program_and_prints_what_it_says(page: Path) -> None:
    before, names, said = set(TABLE), dict[str, Any](), list[str]()
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=OPTIONS)
    try:
        for line, block in blocks(page):
            if ">>>" not in block:
                exec(compile(block, str(page), "exec"), names)  # noqa: S102 - running the page is the point
                continue
            test = parser.get_doctest(block, names, page.stem, str(page), line)
            runner.run(test, out=said.append, clear_globs=False)
            names = test.globs
    finally:
        for name in set(TABLE) - before:  # ops that the page declares
            del TABLE[name]

    assert [] == said


def test_the_one_line_examples_of_the_table_of_transforms_run() -> None:
    page = next(page for page in PAGES if page.stem == "transforms")
    names = {**vars(tape_ad), "np": np, "x": X, "v": np.array([1.0, 0.0]), "energy": lambda x: np.sum(x**3)}
    lines = [found[1] for row in rows(page) if (found := re.fullmatch(r"`(.+\(.+)`", row[-1]))]
    for line in lines:
        eval(line, names)  # noqa: S307 - running the page is the point

    assert len(lines) >= 14


def test_every_function_that_the_tables_promise_exists() -> None:
    page = next(page for page in PAGES if page.stem == "coming_from")
    spaces: dict[str, Any] = {"tree": tree, "testing": testing}
    ours = [code for row in rows(page) if len(row) == 3 for code in re.findall(r"`([^`]+)`", row[1])]
    promised = {name for code in ours for name in re.findall(r"(?<![\w.])((?:tree|testing)\.\w+|\w+)\(", code)}
    missing = {
        name
        for name in promised
        if not (hasattr(spaces[name.split(".")[0]], name.split(".")[1]) if "." in name else hasattr(tape_ad, name))
    }

    assert len(promised) > 25
    assert set() == missing


# --- the spellings of others are answered ---------------------------------------------------------------------------
def _energy(x: Any) -> Any:
    return np.sum(x**2)


CALLS: dict[str, Callable[..., Any]] = {
    "grad": lambda **how: grad(_energy, **how),
    "value_and_grad": lambda **how: value_and_grad(_energy, **how),
    "elementwise_grad": lambda **how: elementwise_grad(np.tanh, **how),
    "jacobian": lambda **how: jacobian(_energy, **how),
    "jacfwd": lambda **how: jacfwd(_energy, **how),
    "jacrev": lambda **how: jacrev(_energy, **how),
    "hessian": lambda **how: hessian(_energy, **how),
    "hvp": lambda **how: hvp(_energy, (X,), (X,), **how),
    "vhp": lambda **how: vhp(_energy, (X,), (X,), **how),
    "ggnvp": lambda **how: ggnvp(_energy, (X,), (X,), **how),
    "vjp": lambda **how: vjp(_energy, X, **how),
    "jvp": lambda **how: jvp(_energy, (X,), (X,), **how),
    "linearize": lambda **how: linearize(_energy, X, **how),
    "linear_transpose": lambda **how: linear_transpose(_energy, X, **how),
    "vmap": lambda **how: vmap(_energy, **how),
}
THEIRS = {
    "argnum": "argnums",
    "argnames": "argnums, which takes names too",
    "in_dims": "in_axes",
    "out_dims": "out_axes",
    "create_graph": "can always be differentiated again",
    "retain_graph": "a tape can be asked any number of times",
    "allow_unused": "an argument that is ignored has gradient zero",
    "allow_int": "x.astype(float)",
    "vectorize": "all directions go in one pass",
}


@pytest.mark.parametrize("what", CALLS)
@pytest.mark.parametrize("theirs", THEIRS)
def test_a_keyword_of_another_library_is_answered_with_ours(what: str, theirs: str) -> None:
    with pytest.raises(TypeError, match=rf"^{what}\(\) has no keyword '{theirs}'\. .*{re.escape(THEIRS[theirs])}"):
        CALLS[what](**{theirs: 0})


@pytest.mark.parametrize("what", CALLS)
def test_a_keyword_of_nobody_is_refused_by_name(what: str) -> None:
    """By the transform, or where it hands keywords on by the function."""
    with pytest.raises(TypeError, match=r"^\w+\(\) (has no|got an unexpected) keyword.* 'colour'"):
        CALLS[what](colour="red")


@pytest.mark.parametrize("rule", [tape_ad.custom_vjp, tape_ad.custom_jvp])
def test_a_rule_that_was_declared_by_mutation_is_answered(rule: Callable[..., Any]) -> None:
    """In JAX, ``f.defvjp(fwd, bwd)`` changes ``f``."""
    f = rule(np.exp)

    with pytest.raises(tape_ad.NoRuleError, match=r"Values do not change here: f = custom_"):
        f(1.0)
