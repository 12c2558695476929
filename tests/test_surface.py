"""Every function of NumPy's is decided on, does what was decided, and none of them loses a gradient in silence.

A NumPy release with a function that nobody has decided on fails here. The laws of `tape_ad.testing` are tried on every function
through NumPy's door: what a test here asserts is what the conformance page prints.
"""

import functools
import itertools
import json
import operator
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy  # noqa: ICN001 - `np` is the same without its stubs, below
import pytest
from attrs import evolve

import tape_ad
from tape_ad import ConversionError, NoRuleError, TapeError, Tensor
from tape_ad._core import DOORS, TABLE, Op
from tape_ad._decisions import GIVEN_UP, MUTATING, REFUSED, WITHOUT_TENSORS
from tape_ad._numpy import QUERIES
from tape_ad._rules import REAL
from tape_ad.testing import __main__ as command
from tape_ad.testing._arguments import Sample, samples, takes
from tape_ad.testing._calls import call_laws
from tape_ad.testing._conformance import COLUMNS, Measured, measure, tried
from tape_ad.testing._report import FORMATS
from tape_ad.testing._surface import Row, rows
from tests.mutate import mutants

np: Any = numpy  # its stubs know neither tensors nor the calls that are to be refused
ROWS = rows()
BY_NAME = {name: row for row in ROWS for name in row.names}
RULES = ("elementwise", "linear", "bilinear", "primitive", "composite", "expansion", "offered")
"""Decisions for functions whose results have derivatives."""
every_row = pytest.mark.parametrize("row", ROWS, ids=str)


# --- what was decided -----------------------------------------------------------------------------------------------
def test_every_function_of_numpys_is_decided_on() -> None:
    assert [] == [row.name for row in ROWS if row.decision == "undecided"]


def test_a_function_that_numpy_brings_is_undecided_until_somebody_decides(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def brand_new(x: Any) -> Any:
        return x

    dispatched = functools.update_wrapper(type(np.sum)(lambda x: (x,), brand_new), brand_new)
    monkeypatch.setattr(np, "brand_new", dispatched, raising=False)
    monkeypatch.setattr(np.linalg, "without_dispatch", lambda x: x, raising=False)

    found = {name: row.decision for row in rows() for name in row.names}

    assert {"np.brand_new": "undecided", "np.linalg.without_dispatch": "undecided"} == {
        name: decision for name, decision in found.items() if name not in BY_NAME
    }
    assert command.main(["conformance", "np.brand_new"]) == 1
    assert "Nobody has decided on np.brand_new." in capsys.readouterr().err


def test_no_function_is_decided_on_twice() -> None:
    listed = [*MUTATING, *REFUSED, *GIVEN_UP]
    listed += [f"np.{name}" for names in WITHOUT_TENSORS.values() for name in names.split()]
    answered = {name for name, row in BY_NAME.items() if row.function in DOORS or row.function in QUERIES}

    assert len(set(listed)) == len(listed)
    assert set() == answered & set(listed)
    assert set() == QUERIES & set(DOORS)


def test_both_doors_are_there_where_the_standard_has_the_function() -> None:
    public = {f"np.{name}" for name in tape_ad.__all__} | {
        f"np.{part}.{name}" for part in ("linalg", "fft") for name in getattr(tape_ad, part).__all__
    }

    for name in public & set(BY_NAME):
        assert "tape_ad" + name.removeprefix("np") in BY_NAME[name].doors


# --- every function is called ---------------------------------------------------------------------------------------
def takes_complex_numbers(row: Row) -> bool:
    anywhere = [Sample(*s.fill([evolve(place, domain=REAL) for place in s.places])) for s in samples(row.function)]
    return any(takes(row.function, sample, np.complex128) for sample in anywhere if sample.places)


@every_row
def test_a_function_obeys_the_laws_that_its_decision_promises(row: Row) -> None:
    (found,) = measure([row])
    signs = {column: str(found.cells[column]) for column in COLUMNS}

    assert [] == found.failures
    if row.decision in RULES:
        complex_numbers = ("complex",) if takes_complex_numbers(row) else ()
        promised = ("value", "vjp", "jvp", "second order", "float32", *complex_numbers)

        assert dict.fromkeys(promised, "✓") == {column: signs[column] for column in promised}
    elif row.decision in ("piecewise_constant", "query", "creation"):
        assert ("✓", "–", "–", "–") == (signs["value"], signs["vjp"], signs["jvp"], signs["second order"])
    else:
        assert {"–"} == set(signs.values())


@every_row
def test_arguments_are_found_for_every_function_that_answers(row: Row) -> None:
    """By the names of its parameters; of an op by its cases, where NumPy asks for arrays of a special form."""
    if row.decision in ("refused", "no tensor", "given up"):
        return

    assert samples(row.function) or (isinstance(row.behind, Op) and row.behind.cases)


# --- no gradient is lost in silence ---------------------------------------------------------------------------------
SHAPES = ((), (1,), (3,), (2, 2), (2, 3, 2))
ALONE: Mapping[str, Callable[[Any], tuple[Any, ...]]] = {
    "t": lambda t: (t,),
    "[t, t]": lambda t: ([t, t],),
    "[1.5, t]": lambda t: ([1.5, t],),
}
TOGETHER: Mapping[str, Callable[[Any], tuple[Any, ...]]] = {
    "t, t": lambda t: (t, t),
    "t, 1": lambda t: (t, 1),
    "t, t, t": lambda t: (t, t, t),
}
CHANGES_NUMPY = {"info", "printoptions", "set_printoptions", "setbufsize", "seterr", "seterrcall", "show_config", "show_runtime", "test"}  # fmt: skip
"""What would change NumPy's settings, print, or run NumPy's own tests."""
TAKES_ANYTHING = {"np.base_repr", "np.bmat", "np.issubdtype", "np.promote_types"}
"""Functions without tensors that answer all the same: from int(t), from the dtype, and None for what they do not know."""

COUNTS_IN_FLOATS = {"np.histogram2d", "np.histogramdd"}
"""Functions whose plain answers are counts, and so piecewise constant, though NumPy gives them as floating-point numbers."""


def parts(value: Any) -> Iterator[Any]:
    """Yield the leaves of tuples and lists."""
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from parts(part)
    else:
        yield value


def what_is_wrong(row: Row, part: Any) -> str:
    """Return why a part of an answer may not stand, or nothing."""
    if isinstance(part, Tensor):
        call = part.creation_op
        # One column of powers, or of a grid of one point, does not depend on the numbers.
        without = part.dtype.kind in "biu" or (call is not None and not call.op.tracks) or row.name == "np.vander"
        return "" if part.autograd or without else f"an untracked result of {call}"
    if getattr(part, "dtype", None) == np.dtype(object):
        return "an array of objects"
    plain = row.decision == "query" or row.name in TAKES_ANYTHING | COUNTS_IN_FLOATS
    return "" if plain or np.result_type(part).kind in "biu" else f"plain numbers, {part!r}"


def is_ours(error: BaseException | None) -> bool:
    """Say whether an error, or what NumPy made it from, is one of this library's."""
    while error is not None:
        if isinstance(error, TapeError):
            return True
        error = error.__cause__ or error.__context__
    return False


def outcome(function: Any, arguments: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    """Return what a call gives, or the error that it raises."""
    try:
        return function(*arguments), None
    except Exception as error:  # noqa: BLE001 - which it is, the tests ask
        return None, error


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", [row for row in ROWS if row.name.rpartition(".")[2] not in CHANGES_NUMPY], ids=str)
def test_a_tracked_tensor_gives_a_tracked_result_a_plain_answer_of_a_query_or_an_error_of_ours(row: Row) -> None:
    """Where NumPy refuses the numbers themselves, any error will do."""
    rng = np.random.default_rng(2)
    for shape, dtype in itertools.product(SHAPES, (np.float64, np.complex128)):
        x = np.asarray(rng.standard_normal(shape), dtype=dtype)
        for form, arguments in {**ALONE, **TOGETHER}.items():
            where = f"{row.name}({form}) of shape {shape} and dtype {x.dtype}"
            result, error = outcome(row.function, arguments(Tensor(x, autograd=True)))
            if error is None:
                wrong = [problem for part in parts(result) if (problem := what_is_wrong(row, part))]

                assert wrong == [], where
            elif not is_ours(error) and form in ALONE and row.decision in RULES:
                assert outcome(row.function, arguments(x))[1] is not None, f"{where}: {error!r}"


METHODS: Mapping[str, Callable[[Any, Any], Any]] = {
    "reduce": lambda f, x: f.reduce(x),
    "accumulate": lambda f, x: f.accumulate(x),
    "outer": lambda f, x: f.outer(x, x),
    "reduceat": lambda f, x: f.reduceat(x, [0, 1]),
    "at": lambda f, x: f.at(x, [0, 1], x[:2]) if f.nin == 2 else f.at(x, [0, 1]),
}
ALL_UFUNCS = [row.function for row in ROWS if row.reach == "ufunc"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ufunc", ALL_UFUNCS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_of_a_ufunc_gives_numpys_value_or_is_refused_by_name(ufunc: Any, method: str) -> None:
    call, op = METHODS[method], TABLE[DOORS[ufunc][0].__name__] if ufunc in DOORS else None
    for x in (np.array([0.3, 0.6, 0.9]), np.array([6, 2, 3])):
        # On processors with AVX-512 NumPy's own reduction of these two leaves out elements; see tape_ad/ops/folds.py.
        forgetful = method == "reduce" and ufunc in {np.power, np.arctan2}
        expected, refused = outcome((lambda f, x: f.accumulate(x)[-1]) if forgetful else call, (ufunc, x.copy()))
        actual, error = outcome(call, (ufunc, Tensor(x, autograd=x.dtype.kind == "f")))
        if error is not None:
            assert refused is not None or (is_ours(error) and f"np.{ufunc.__name__}.{method}" in str(error))
        else:
            for a, e in zip(parts(actual), parts(expected), strict=True):
                assert isinstance(a, Tensor)
                assert (np.asarray(e).dtype, np.shape(e), np.asarray(e).tobytes()) == (a.dtype, a.shape, np.asarray(a.data).tobytes())  # fmt: skip
                if method == "outer":
                    assert a.autograd == (x.dtype.kind == a.dtype.kind == "f" and op is not None and op.tracks)


OTHERS: Mapping[str, Callable[[Any], Any]] = {
    "np.r_[t, 1]": lambda t: np.r_[t, 1.0], "np.c_[t, t]": lambda t: np.c_[t, t], "np.mgrid": lambda t: np.mgrid[0 : t[0] : 0.5],
    "np.ogrid": lambda t: np.ogrid[0 : t[0] : 0.5], "np.matrix": np.matrix, "np.vectorize": np.vectorize(lambda a: a * 2),
    "np.broadcast": lambda t: np.broadcast(t, t), "np.ndenumerate": lambda t: list(np.ndenumerate(t)), "np.float64": lambda t: np.float64(t[0]),
    "np.float32": np.float32, "np.complex128": lambda t: np.complex128(t[0]), "np.ma.array": np.ma.array,
    "np.rec": lambda t: np.rec.fromarrays([t, t]), "objects": lambda t: np.array([t, t], dtype=object), "an index": lambda t: np.arange(3)[t[0]],
    "np.polynomial": np.polynomial.Polynomial, "np.frompyfunc": np.frompyfunc(lambda a: a * 2, 1, 1), "np.emath": np.emath.sqrt,
    "np.strings": np.strings.str_len, "np.kaiser": lambda t: np.kaiser(3, t[0]),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("what", OTHERS)
def test_numpys_classes_and_other_namespaces_refuse_a_tracked_tensor(what: str) -> None:
    with pytest.raises((ConversionError, NoRuleError), match=r"t\.data"):
        OTHERS[what](Tensor([1.0, 2.0], autograd=True))


# --- the laws notice ------------------------------------------------------------------------------------------------
def lost(x: Any) -> Any:
    """Return the square, without its derivative."""
    return tape_ad.stop_gradient(x) ** 2


def doubled(x: Any) -> Any:
    return np.square(x) * (2 if isinstance(x, Tensor) else 1)


@pytest.mark.parametrize(("door", "column"), [(lost, "vjp"), (doubled, "value")], ids=["lost", "doubled"])
def test_a_call_that_gives_something_else_than_numpy_or_no_derivative_is_noticed(door: Any, column: Any) -> None:
    square = BY_NAME["np.square"]
    row = evolve(square, decision="offered", doors={"tape_ad.numpy.square": door})
    cells = tried(itertools.chain.from_iterable([call_laws(row, sample) for sample in samples(np.square)]))

    assert cells[column].failures
    assert "tape_ad.numpy.square" in cells[column].failures[0] or "np.square" in cells[column].failures[0]


def test_a_broken_rule_is_a_cross_on_the_page_and_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    (mutant,) = [m for m in mutants([TABLE["tanh"]]) if m.field == "partials"]
    with mutant.alive():
        code = command.main(["conformance", "np.tanh", "np.cos"])
    said = capsys.readouterr().out

    assert code == 1
    assert re.search(r"^np\.tanh +elementwise +✓ +✗ +✗ +✗ ", said, re.MULTILINE)
    assert re.search(r"^np\.cos +elementwise +✓ +✓ +✓ +✓ ", said, re.MULTILINE)
    assert "np.tanh: jvp: AssertionError: tanh((3,)): forward mode, operand 0, element" in said


# --- the page -------------------------------------------------------------------------------------------------------
CHOSEN = ("np.sin", "np.put", "np.array", "np.floor", "np.linalg.inv", "np.fft.fft")


@pytest.fixture(scope="module")
def found() -> list[Measured]:
    return list(measure([BY_NAME[name] for name in CHOSEN]))


def test_the_page_is_a_table_in_text(found: list[Measured]) -> None:
    lines = FORMATS["text"](found).splitlines()
    marks = {line.split()[0]: re.findall("[✓✗–]", line)[: len(COLUMNS)] for line in lines if line.startswith(CHOSEN)}

    assert {m.row.name: list(map(str, m.cells.values())) for m in found} == marks
    assert "value:        ✓ 5, – 1" in lines


def test_the_page_is_a_table_for_each_namespace_in_markdown(found: list[Measured]) -> None:
    page = FORMATS["markdown"](found)

    assert ["numpy", "numpy.linalg", "numpy.fft"] == re.findall(r"^## `(.+)`$", page, re.MULTILINE)
    assert "| `np.sin` | elementwise | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ |  |" in page
    assert "| `np.put` | mutating | – | – | – | – | – | – | – | write t = t.ravel().at[i].set(v)" in page
    assert len({line.count("|") - 2 * line.count("\\|") for line in page.splitlines() if line.startswith("| `")}) == 1


def test_the_page_is_everything_in_json(found: list[Measured]) -> None:
    page = json.loads(FORMATS["json"](found))

    assert list(CHOSEN) == [function["name"] for function in page["functions"]]
    assert page["totals"]["vjp"] == {"✓": 4, "–": 2}
    assert page["totals"]["reach"] == {"function": 3, "ufunc": 2, "none": 1}
    assert sum(page["totals"]["kind"].values()) == len(CHOSEN)
    assert page["functions"][0]["doors"] == ["tape_ad.sin"]
    assert set(page["columns"]) == set(COLUMNS)


@pytest.mark.parametrize(
    "arguments", [[], ["conformity"], ["conformance", "np.no_such"], ["conformance", "--format", "pdf"]]
)
def test_a_command_that_is_none_prints_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)

    assert caught.value.code == 2
    assert "usage: python -m tape_ad.testing" in capsys.readouterr().err


def test_the_command_runs_where_only_numpy_and_attrs_are() -> None:
    banned = "import sys; sys.modules.update(dict.fromkeys(['pytest', 'hypothesis', 'scipy'])); "
    run = "import runpy; sys.argv[1:] = ['conformance', 'np.sin', 'np.linalg.inv']; runpy.run_module('tape_ad.testing', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", banned + run], capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter

    assert done.returncode == 0, done.stderr
    assert operator.contains(done.stdout, "np.linalg.inv")
