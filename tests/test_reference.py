"""What the reference of the documentation is made of: every public name has a place, and formulas say what rules say."""

import inspect
import re

import pytest

import tape_ad
from docs._extensions.formulas import formulas
from docs._extensions.public import contents, pages_of_names, public_names, signature
from docs._extensions.written import conventions, error_classes, errors, op_tables
from tape_ad._core import TABLE


def test_every_public_name_has_one_place_in_the_reference() -> None:
    placed = [f"{chapter.space.__name__}.{name}" for chapter, names in contents().items() for name in names]
    public = {name for name in public_names(tape_ad) if not inspect.ismodule(getattr(tape_ad, name))}
    elsewhere = {kind.__name__ for kind in error_classes()}

    assert len(placed) == len(set(placed)) == len(pages_of_names())
    assert {f"tape_ad.{name}" for name in public - elsewhere} <= set(placed)


def test_every_op_stands_in_the_table_and_every_error_on_its_page() -> None:
    table = set(re.findall(r"^\| (?:\{py:func\})?`(\w+)", op_tables(contents()), re.MULTILINE))
    described = set(re.findall(r"^\.\. py:exception:: (\w+)", errors(), re.MULTILINE))

    assert set() == {op.name for op in TABLE.values() if op.forward.__module__.startswith("tape_ad.")} - table
    assert {kind.__name__ for kind in error_classes()} == described


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tanh", [r"\frac{\partial y}{\partial x} = 1 - y^{2}"]),
        ("reciprocal", [r"\frac{\partial y}{\partial x} = -y^{2}"]),
        ("sqrt", [r"\frac{\partial y}{\partial x} = \frac{1}{2\, y}"]),
        ("acos", [r"\frac{\partial y}{\partial x} = -\frac{1}{\sqrt{\left(1 - x\right)\, \left(1 + x\right)}}"]),
        (
            "divide",
            [r"\frac{\partial y}{\partial x_1} = \frac{1}{x_2}", r"\frac{\partial y}{\partial x_2} = -\frac{y}{x_2}"],
        ),
        ("subtract", [r"\bar x_1 = \bar y", r"\bar x_2 = -\bar y"]),
        ("matmul", []),  # its rule looks at shapes
        ("atan2", []),  # its rule looks at values
    ],
)
def test_a_formula_is_the_rule_run_on_symbols(name: str, said: list[str]) -> None:
    assert said == formulas(TABLE[name])


def test_a_signature_is_shown_as_it_is_written() -> None:
    assert "(x: ArrayLike, /) -> tape_ad.Tensor" == signature(tape_ad.tanh)
    assert "(structure: Structure, leaves: Sequence[Any], /) -> Any" == signature(tape_ad.tree.unflatten)
    assert signature(tape_ad.pi) is None


def test_conventions_are_the_sentences_about_derivatives() -> None:
    assert "Its derivative at 0 is 0." == conventions(tape_ad.abs.__doc__)
    assert "" == conventions(tape_ad.exp.__doc__)
