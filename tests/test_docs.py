"""The pages of the documentation: their code runs and prints what they say, and the names that they promise exist."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tape_ad
from docs.examples import ROOT, check, examples, pages
from tape_ad import (
    _errors,
    elementwise_grad,
    ggnvp,
    grad,
    hessian,
    hvp,
    implicit,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linear_transpose,
    linearize,
    transforms,
    value_and_grad,
    vhp,
    vjp,
    vmap,
)
from tests.test_layers import LAYERS

PAGES = pages()
X = np.array([1.0, 2.0])


def rows(page: Path) -> list[list[str]]:
    """Return the cells of a page's tables."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_pages_code_runs_as_one_program_and_prints_what_it_says(page: Path) -> None:
    assert () == check(page).failures


# --- the checker notices --------------------------------------------------------------------------------------------
def _failures(text: str) -> str:
    return "\n".join(check(Path("page.md"), inspect.cleandoc(text) + "\n").failures)


WRONG = {
    "a comment": ("""
        ```python
        print(1 + 1)  # 3
        ```""", "line 2: expected '3', but it printed '2"),
    "a comment that is not reached": ("""
        ```python
        if False:
            print(1)  # 1
        ```""", "line 3: expected '1', but it printed ''"),
    "output that is stated nowhere": ("""
        ```python
        print("spoken")
        ```""", "line 2: it prints what is stated nowhere:\nspoken"),
    "a fence of output": ("""
        ```python
        print("spoken")
        ```
        ```output
        silent
        ```""", "line 2: expected\nsilent"),
    "a missing exception": ("""
        ```python raises=ValueError
        x = 1
        ```""", "line 2: did not raise ValueError"),
    "another exception, in a tab of a list": ("""
        - one

          ::::{tab-set}
          :::{tab-item} first
          ```python raises=ValueError
          x = 1
          x[0]
          ```
          :::
          ::::
        """, "line 7: raised TypeError"),
    "a doctest": ("""
        ```python
        >>> 1 + 1
        3
        ```""", "Got:\n    2"),
    "a warning": ("""
        ```python
        import warnings
        warnings.warn("careful")
        ```""", "line 3: raised UserWarning"),
    "output of nothing": ("""
        ```output
        2
        ```""", "line 2: a fence of output follows no block of Python"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_the_checker_notices(what: str) -> None:
    page, message = WRONG[what]

    assert message in _failures(page)


RIGHT = """
    ```python
    print("a")  # a
    for i in range(3):
        print(i)  # 0 1 2
    print("not exactly", object())
    ```

    It prints

    ```output
    not exactly <object object at 0x...>
    ```

    ````{note}
    ```python raises=ZeroDivisionError
    1 / 0
    ```
    ````

    ```python needs=a_module_that_nobody_has
    import a_module_that_nobody_has
    ```

    ```{code-block} python
    raise SystemExit
    ```
    """


def test_the_checker_takes_what_is_right_and_counts_it() -> None:
    report = check(Path("page.md"), inspect.cleandoc(RIGHT) + "\n")

    assert (2, 3, ("a_module_that_nobody_has",), ()) == (report.run, report.compared, report.left_out, report.failures)


def test_a_fence_that_is_never_closed_does_not_hide_the_page() -> None:
    assert [2] == [block.line for block in examples("```python\nx = 1\n")]


# --- what the pages promise -----------------------------------------------------------------------------------------
def test_links_between_the_files_that_are_committed_lead_somewhere() -> None:
    """As on a site that shows the repository's files: the README's links too."""
    made = ("reference/api/", "reference/generated/")
    broken = {
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in re.findall(
            r"\]\((?!\w+:)([^)#\s]+)", re.sub(r"(`+).*?\1", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        )
        if not any(part in target for part in made) and not (page.parent / target).exists()
    }

    assert set() == broken


def test_every_error_says_what_it_means_and_one_way_out() -> None:
    """The page of errors is made from these docstrings."""
    kinds = [kind for kind in vars(_errors).values() if inspect.isclass(kind) and issubclass(kind, tape_ad.TapeError)]
    without = {kind.__name__ for kind in kinds if not re.search(r"\S.*Remedy: \S", kind.__doc__ or "", re.DOTALL)}

    assert len(kinds) > 20
    assert set() == without


def test_the_layers_of_the_design_are_those_that_are_judged() -> None:
    told = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", _page("design").read_text(encoding="utf-8"), re.MULTILINE)
    named = [tuple(re.findall(r"\w+", row)) for row in told]

    assert list(LAYERS) == named[: len(LAYERS)]


def _page(stem: str) -> Path:
    (page,) = [page for page in PAGES if page.stem == stem]
    return page


def test_the_one_line_examples_of_the_table_of_transforms_run() -> None:
    page = _page("transforms")
    names = {**vars(tape_ad), "np": np, "x": X, "v": np.array([1.0, 0.0]), "energy": lambda x: np.sum(x**3)}
    lines = [found[1] for row in rows(page) if (found := re.fullmatch(r"`(.+\(.+)`", row[-1]))]
    for line in lines:
        eval(line, names)  # noqa: S307 - running the page is the point

    assert len(lines) >= 20


def test_the_table_of_transforms_names_every_transform() -> None:
    named = {name for row in rows(_page("transforms")) for name in re.findall(r"`([\w.]+)`", row[0])}
    records = {name for name in transforms.__all__ if name[0].islower()}
    solutions = {
        f"implicit.{f.__name__}"
        for f in vars(implicit).values()
        if inspect.isfunction(f) and f.__module__ == implicit.__name__ and not f.__name__.startswith("_")
    }

    assert {*records, *solutions, "vmap", "stop_gradient"} == named


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
