"""What cannot be done without losing a gradient is refused by class, and the message says what, where and the way out."""

import inspect
import math
import operator
import re
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

import tape_ad
from tape_ad import Tensor, grad
from tape_ad._core import DOORS, TENSORS
from tape_ad._errors import (
    ArgumentError,
    ConversionError,
    IntegerGradientError,
    MutationError,
    NoRuleError,
    TapeError,
    UnsupportedDataError,
)
from tape_ad._numpy import QUERIES
from tape_ad._rules import Expansion

Call: TypeAlias = Callable[..., Any]
wrong: Any = np
"""NumPy, called as a type checker would not let it be called."""

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.fixture
def t() -> Tensor:
    return Tensor(X, autograd=True)


def room(*shape: int) -> npt.NDArray[np.float64]:
    return np.zeros(shape)


# --- out= -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("np.add", lambda t: np.add(t, 1, out=room(2, 3))),
        ("np.add", lambda t: np.add(t, 1, room(2, 3))),
        ("np.add", lambda t: np.add(1, t, out=(room(2, 3),))),
        ("np.sin", lambda t: np.sin(t, out=room(2, 3))),
        ("np.sin", lambda t: np.sin(t, room(2, 3))),
        ("np.matmul", lambda t: np.matmul(t, X.T, out=room(2, 2))),
        ("np.add.reduce", lambda t: np.add.reduce(t, out=room(3))),
        ("np.add.accumulate", lambda t: np.add.accumulate(t, out=room(2, 3))),
        ("np.multiply.outer", lambda t: np.multiply.outer(t, X, out=room(2, 3, 2, 3))),
        ("np.sum", lambda t: np.sum(t, out=room())),
        ("np.sum", lambda t: np.sum(t, 0, None, room(3))),
        ("np.sum", lambda t: t.sum(out=room())),
        ("np.sum", lambda t: t.sum(0, None, room(3))),
        ("np.prod", lambda t: t.prod(0, out=room(3))),
        ("np.mean", lambda t: t.mean(out=room())),
        ("np.var", lambda t: np.var(t, out=room())),
        ("np.std", lambda t: t.std(out=room())),
        ("np.max", lambda t: t.max(0, room(3))),
        ("np.min", lambda t: np.min(t, 0, room(3))),
        ("np.any", lambda t: t.any(out=np.zeros((), bool))),
        ("np.all", lambda t: np.all(t, None, np.zeros((), bool))),
        ("np.argmax", lambda t: t.argmax(out=np.zeros((), int))),
        ("np.argmin", lambda t: np.argmin(t, 0, np.zeros(3, int))),
        ("np.cumsum", lambda t: np.cumsum(t, 0, None, room(2, 3))),
        ("np.clip", lambda t: np.clip(t, 0, 1, room(2, 3))),
        ("np.clip", lambda t: t.clip(0, 1, out=room(2, 3))),
        ("np.dot", lambda t: np.dot(t, X.T, room(2, 2))),
        ("np.einsum", lambda t: np.einsum("ij->ji", t, out=room(3, 2))),
        ("np.concatenate", lambda t: np.concatenate([t, X], out=room(4, 3))),
        ("np.concatenate", lambda t: np.concatenate([t, X], 0, room(4, 3))),
        ("np.stack", lambda t: np.stack([t, X], out=room(2, 2, 3))),
    ],
)
def test_out_is_refused_by_the_name_of_the_function_and_the_remedy_is_to_use_the_result(
    name: str, call: Call, t: Any
) -> None:
    expected = f"{name} was asked to write a tensor's result into an array, where its gradient would be lost. Write result = {name}(…), without out=."

    with pytest.raises(MutationError) as caught:
        call(t)
    assert expected == str(caught.value)


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda t: np.add(t, 1, out=t), "t = np.add(t, …)"),
        (lambda t: np.add(X, 1, out=t), "t = np.add(…)"),
        (lambda t: np.sum(X, axis=0, out=t), "t = np.sum(…)"),
        (lambda t: np.cumsum(t, out=t), "t = np.cumsum(…)"),
    ],
)
def test_a_tensor_as_target_is_refused_because_it_never_changes(call: Call, remedy: str, t: Any) -> None:
    with pytest.raises(MutationError, match=re.escape(f"into a tensor, which never changes. Write {remedy}")):
        call(t)


def test_out_of_none_is_no_target(t: Any) -> None:
    expected = X.sum(axis=0)

    for out in (
        np.sum(t, axis=0, out=None),
        t.sum(0, None, None),
        np.add.reduce(t, out=None),
        np.add.reduce(t, 0, None, None),
    ):
        np.testing.assert_array_equal(expected, out.data)
    np.testing.assert_array_equal(X + 1, np.add(t, 1, out=None).data)


# --- writing in place -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("index", "shown"), [(0, "0"), ((0, 1), "(0, 1)"), (slice(1, 2), "slice(1, 2, None)"), (np.array([0]), "i")]
)
def test_writing_to_an_element_is_refused_with_the_functional_spelling(index: Any, shown: str, t: Any) -> None:
    with pytest.raises(MutationError, match=re.escape(f"t[{shown}] = v: a tensor never changes") + ".*tape_ad.where"):
        t[index] = 1.0


def test_adding_a_tensor_into_an_array_is_refused_with_the_statement_that_works(t: Any) -> None:
    array = np.ones((2, 3))
    with pytest.raises(MutationError, match=re.escape("Write array = np.add(array, t), without out=")):
        array += t
    with pytest.raises(MutationError, match=re.escape("Write array = np.multiply(array, t)")):
        array *= t

    np.testing.assert_array_equal(np.ones((2, 3)), array)
    np.testing.assert_array_equal(1 + X, np.add(array, t).data)


def test_adding_to_a_name_rebinds_it_and_leaves_the_old_value(t: Any) -> None:
    total: Any = 0.0
    old = t
    for row in t:
        total += row.sum()
    t *= 2.0

    assert X.sum() == total.data
    np.testing.assert_array_equal(np.ones((2, 3)), total.backward()[old])
    np.testing.assert_array_equal(X, old.data)
    np.testing.assert_array_equal(2 * X, t.data)


def test_assigning_a_tracked_tensor_into_an_array_is_refused(t: Any) -> None:
    array = np.zeros((2, 3))
    for index in (0, slice(None), (0, slice(1, 2)), [0], array == 0):
        with pytest.raises(ConversionError, match=r"tracked tensor.*stop_gradient.*tape_ad\.stack or tape_ad\.concat"):
            array[index] = t[:1, :1].reshape(-1) if isinstance(index, np.ndarray) else t[:1, :1]
    # NumPy turns what an element's conversion raises into an error of its own; ours is its cause.
    with pytest.raises(ValueError, match="setting an array element") as caught:
        array[0, 0] = t[0, 0]

    assert isinstance(caught.value.__cause__, ConversionError)
    np.testing.assert_array_equal(np.zeros((2, 3)), array)


@pytest.mark.parametrize(
    ("name", "call", "remedy"),
    [
        ("np.copyto", lambda t: np.copyto(room(2, 3), t), "array = np.where(mask, t, array)"),
        ("np.copyto", lambda t: np.copyto(t, X), "array = np.where(mask, t, array)"),
        ("np.put", lambda t: np.put(t, [0], 1.0), "t = t.ravel().at[i].set(v).reshape(t.shape)"),
        ("np.place", lambda t: np.place(t, X > 1, [1.0]), "t = t.at[mask].set(v)"),
        ("np.putmask", lambda t: np.putmask(t, X > 1, 1.0), "t = tape_ad.where(mask, v, t)"),
        (
            "np.put_along_axis",
            lambda t: np.put_along_axis(t, np.array([[0]]), 1.0, 0),
            "t = t.at[i, np.arange(n)].set(v)",
        ),
        ("np.fill_diagonal", lambda t: np.fill_diagonal(t, 1.0), "t = t.at[np.diag_indices(n)].set(v)"),
        ("np.add.at", lambda t: np.add.at(t, [0], 1.0), "t = t.at[i].add(v)"),
        (
            "np.add.at",
            lambda t: np.add.at(room(3), [0], t[0, 0]),
            "array = tape_ad.at(array)[i].add(v)",
        ),
        ("np.negative.at", lambda t: np.negative.at(t, [0]), "t = t.at[i].apply(np.negative)"),
    ],
)
def test_a_function_that_writes_is_refused_by_name_with_the_functional_form(
    name: str, call: Call, remedy: str, t: Any
) -> None:
    with pytest.raises(MutationError, match=f"^{re.escape(name)} changes .*{re.escape(f'Write {remedy}.')}"):
        call(t)


def test_an_array_filled_with_a_tensor_is_refused_with_broadcasting(t: Any) -> None:
    with pytest.raises(MutationError, match=r"broadcast_to\(t, "):
        np.full_like(X, t[0, 0])


def test_the_remedies_for_writing_are_code_that_runs_and_gives_what_was_meant(t: Any) -> None:
    mask = np.eye(2, 3, dtype=bool)
    scope = {"np": np, "tape_ad": tape_ad, "t": t, "array": np.zeros((2, 3)), "mask": mask, "v": 7.0, "n": 2}

    def run(remedy: str, **names: Any) -> Any:
        return eval(remedy, {**scope, **names}).data  # noqa: S307 - the remedies are this library's own text

    np.testing.assert_array_equal(np.where(mask, X, 0.0), run("np.where(mask, t, array)"))
    np.testing.assert_array_equal(np.where(mask, 7.0, X), run("tape_ad.where(mask, v, t)"))
    np.testing.assert_array_equal(np.where(mask, X + 7.0, X), run("t.at[i].add(v)", i=mask))
    np.testing.assert_array_equal(np.where(mask, -X, X), run("t.at[i].apply(np.negative)", i=mask))
    np.testing.assert_array_equal(np.where(mask, 7.0, 0.0), run("tape_ad.at(array)[i].add(v)", i=mask))
    np.testing.assert_array_equal(np.array([X[0], [7.0, 7.0, 7.0]]), run("t.at[i, np.arange(n)].set(v)", i=1, n=3))
    diagonal = run("t.at[np.diag_indices(n)].set(v)", t=t[:, :2])
    np.testing.assert_array_equal(np.where(np.eye(2, dtype=bool), 7.0, X[:, :2]), diagonal)
    np.testing.assert_array_equal(np.stack([X[0], X[1]]), run("tape_ad.stack([t[0], t[1]])"))
    np.testing.assert_array_equal(np.concatenate([X, X]), run("tape_ad.concat([t, t])"))
    np.testing.assert_array_equal(np.array([[1.0, 7.0]]), run("tape_ad.numpy.array([[t[0, 0], v]])"))


# --- conversion -----------------------------------------------------------------------------------------------------
CONVERSIONS: tuple[tuple[str, Call], ...] = (
    ("float(t)", float),
    ("complex(t)", complex),
    ("float(t)", math.sin),
    ("np.asarray(t)", np.asarray),
    ("np.asarray(t)", np.array),
    ("np.asarray(t)", lambda t: np.array([t, t])),
    ("np.asarray(t)", lambda t: np.array([[t, 1.0]])),
    ("np.asarray(t)", lambda t: np.sum([t, t])),
    ("np.asarray(t)", lambda t: np.add([t, t], 1.0)),
    ("t.item()", operator.methodcaller("item")),
    ("t.tolist()", operator.methodcaller("tolist")),
)


@pytest.mark.parametrize(("spelling", "convert"), CONVERSIONS)
def test_a_tracked_tensor_does_not_become_a_number_and_an_untracked_one_does(
    spelling: str, convert: Call, t: Any
) -> None:
    tracked, untracked = t[0, 1], Tensor(2.0)
    plain = convert(2.0) if "." not in spelling or spelling.startswith("np") else 2.0

    with pytest.raises(ConversionError) as caught:
        convert(tracked)
    for words in (
        spelling,
        "shape ()",
        "made by getitem(index=(0, 1))",
        f"{__file__}:",
        "t.data",
        "tape_ad.stop_gradient(t)",
        "tape_ad.stack",
    ):
        assert words in str(caught.value)
    np.testing.assert_array_equal(plain, convert(untracked))
    np.testing.assert_array_equal(plain, convert(tape_ad.stop_gradient(tracked)))


def test_branching_and_counting_on_a_tracked_value_is_allowed(t: Any) -> None:
    assert (True, 4, 2) == (bool(t[0, 0] > 0), int(t[1, 0]), len(t))
    with pytest.raises(ValueError, match="ambiguous"):
        bool(t)


# --- data that is no number -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (["a", "b"], "dtype <U1"),
        ("text", "dtype <U4"),
        ([None], "dtype object"),
        (None, "dtype object"),
        ({}, "dtype object"),
        (np.array([1, "a"], object), "dtype object"),
        (np.array(["2020-01-01"], "M8[D]"), "dtype datetime64"),
        (np.datetime64("2020-01-01"), "dtype datetime64"),
        (np.zeros(2, "f8,i4"), "dtype"),
        ([[1], [1, 2]], "one shape"),
        ([X, X[:, :1]], "one shape"),
        (np.ma.array([1.0], mask=[True]), "plain arrays, not MaskedArray"),
        (np.ones((1, 1)).view(np.matrix), "plain arrays, not matrix"),
    ],
    ids=lambda v: type(v).__name__,
)
def test_a_tensor_holds_numbers_only_and_says_what_it_was_given(data: Any, words: str, t: Any) -> None:
    with pytest.raises(UnsupportedDataError, match=words) as caught:
        Tensor(data)

    assert str(caught.value).startswith("Tensor()")
    assert isinstance(caught.value, TypeError)
    if isinstance(data, (np.ndarray, list)):
        with pytest.raises(UnsupportedDataError, match=words):
            t * data


@pytest.mark.parametrize(
    "other", [np.ma.array([1.0, 2.0, 3.0]), np.ones((1, 3)).view(np.matrix)], ids=["masked", "matrix"]
)
@pytest.mark.parametrize(
    "call",
    [
        lambda t, o: t * o,
        np.add,
        lambda t, o: np.where(True, t, o),
        lambda t, o: np.concatenate([t, o]),
    ],
    ids=["*", "add", "where", "concatenate"],
)
def test_masked_arrays_and_matrices_are_refused_by_name(other: Any, call: Call, t: Any) -> None:
    with pytest.raises(TypeError, match=type(other).__name__):
        call(t, other)


@pytest.mark.parametrize("data", [[1, 2], 3, True, np.array([1, 2], np.uint8), [True]], ids=repr)
def test_integers_and_booleans_are_not_tracked_and_the_remedy_converts(data: Any) -> None:
    with pytest.raises(
        IntegerGradientError, match=re.escape("Tensor(np.asarray(data, dtype=float), autograd=True)")
    ) as caught:
        Tensor(data, autograd=True)

    assert str(np.asarray(data).dtype) in str(caught.value)
    assert Tensor(np.asarray(data, dtype=float), autograd=True).autograd


def test_a_function_of_the_math_module_is_answered_with_numpys(t: Any) -> None:
    with pytest.raises(ConversionError, match=r"For math\.sin and its like write np\.sin\."):
        math.sin(t[0, 1])


def test_an_argument_of_a_transform_is_called_an_argument() -> None:
    """And not by the serial number of the call, which says nothing to its reader and differs from run to run."""
    with pytest.raises(ConversionError, match=r"\(made by argument at .+:\d+\)"):
        grad(float)(1.0)


# --- functions without a rule ---------------------------------------------------------------------------------------
def test_a_function_without_a_rule_is_named_whether_tracked_or_not_and_not_as_numpys_if_it_is_not(t: Any) -> None:
    twice = np.frompyfunc(lambda x: 2 * x, 1, 1)
    for x in (t, Tensor(X)):
        with pytest.raises(NoRuleError, match=rf"^{re.escape(twice.__name__)} has no derivative here yet") as caught:
            twice(x)

        assert "call it on t.data" in str(caught.value)


def test_a_function_without_a_rule_points_to_those_that_begin_alike(t: Any) -> None:
    def isnanometre(x: float) -> bool:
        return x < 1e-8

    with pytest.raises(NoRuleError, match=r"The nearest that has one: np\.isnan"):
        np.frompyfunc(isnanometre, 1, 1)(t)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (np.isnat, "np.isnat is about dates, which have no derivative and which no tensor holds. Write np.isnan(t)"),
        (lambda t: np.save("never written", t), "np.save writes values into a file, .*. Write np.save(file, t.data)."),
        (
            lambda t: np.ones(3, like=t),
            "np.ones(…, like=t) would make an array of no tensor, .* tape_ad.asarray(np.ones(…))",
        ),
    ],
    ids=["isnat", "save", "like"],
)
def test_a_function_that_takes_no_tensor_says_why_and_what_to_write(call: Call, words: str, t: Any) -> None:
    with pytest.raises(NoRuleError, match="^" + re.escape(words).replace(r"\.\*", ".*")):
        call(t)


def _public_functions() -> list[tuple[str, Call]]:
    """Return NumPy's functions that dispatch and whose first argument is an array, those with a rule left out."""
    found = []
    for module, prefix in ((np, "np"), (np.linalg, "np.linalg"), (np.fft, "np.fft")):
        for name in sorted(vars(module)):
            function = getattr(module, name)
            dispatches = isinstance(function, np.ufunc) or type(function).__name__ == "_ArrayFunctionDispatcher"
            if not dispatches or name.startswith("_") or function is np.copy:  # a copy is the tensor itself
                continue
            if function not in DOORS and function not in QUERIES:
                found.append((f"{prefix}.{name}", function))
    return found


@pytest.mark.parametrize(("name", "function"), _public_functions(), ids=lambda v: v if isinstance(v, str) else "")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_numpy_function_that_nobody_decided_on_refuses_a_tensor(name: str, function: Call, t: Any) -> None:
    """It raises one of this library's errors, or NumPy's own for a wrong call; it never returns."""
    raised = []
    for count in (1, 2, 3):
        try:
            function(*[t] * count)
        except TapeError as error:
            raised.append(error)
        except (TypeError, ValueError):
            continue  # too few or too many arguments for this one
        else:
            pytest.fail(f"{name} answered a tracked tensor")

    assert all(isinstance(e, (NoRuleError, MutationError, ConversionError, ArgumentError)) for e in raised)


# --- arguments ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: wrong.sum(t, axes=0), r"sum\(\) got an unexpected keyword argument 'axes'"),
        (lambda t: t.sum(axes=0), r"np\.sum.*unexpected keyword argument 'axes'"),
        (lambda t: t.mean(bias=1), r"np\.mean.*unexpected keyword argument 'bias'"),
        (lambda t: t.var(weights=1), r"np\.var.*unexpected keyword argument 'weights'"),
        (lambda t: t.any(initial=True), r"np\.any.*unexpected keyword argument 'initial'"),
        (lambda t: t.sum(0, None, None, False, extra=1), r"np\.sum.*extra"),
        (
            lambda t: np.clip(t, 0, 1, dtype=float),
            r"np\.clip\(…, dtype=…\) is not supported on a tensor\. Leave dtype out\.",
        ),
        (
            lambda t: np.clip(t, 0, 1, dtype="f4"),
            r"np\.clip\(…, dtype=…\) is not supported on a tensor\. Leave dtype out\.",
        ),
        (
            lambda t: np.einsum("ij", t, dtype="f4"),
            r"np\.einsum\(…, dtype=…\) is not supported on a tensor\. Leave dtype out\.",
        ),
        (lambda t: np.einsum("ij", t, order="F"), r"np\.einsum\(…, order=…\) is not supported"),
        (
            lambda t: np.matmul(t, X.T, axes=[(0, 1)] * 3),
            r"np\.matmul\(axes=…\) is not supported on a tensor\. Leave axes out\.",
        ),
        (lambda t: np.add(t, 1, signature="dd->d"), r"np\.add\(signature=…\) is not supported"),
        (lambda t: wrong.any(t, initial=True), r"any.*initial"),
        (lambda t: wrong.add(t, 1, foo=2), r"add\(\) got an unexpected keyword argument 'foo'"),
        (lambda t: TENSORS.sum(t, axes=0), r"^sum\(x.*unexpected keyword argument 'axes'"),
        (lambda t: TENSORS.sin(t, t), r"^sin\(x.*too many positional"),
        (lambda t: TENSORS.concat(3.0), r"concat\(\) takes a list or tuple"),
        (lambda t: TENSORS.stack({t}), r"stack\(\) takes a list or tuple of arrays, but got set"),
        (lambda t: np.einsum("ij,jk", t), r"names 2 operands, but got 1"),
        (lambda t: np.einsum("ijk", t), r"'ijk' does not fit an operand of shape \(2, 3\)"),
    ],
)
def test_a_wrong_argument_is_named_with_the_function_that_the_user_wrote(call: Call, words: str, t: Any) -> None:
    with pytest.raises(TypeError, match=words) as caught:
        call(t)

    for private in ("adapt", "_arguments", "<locals>", "<lambda>"):
        assert private not in str(caught.value)


def _needs_no_arguments(function: Call) -> bool:
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("bad", [{"no_such_argument": 1}, {}], ids=["an unknown one", "none at all"])
def test_every_door_names_numpys_function_when_the_arguments_do_not_fit(bad: dict[str, Any], t: Any) -> None:
    for function in [f for f in DOORS if not isinstance(f, np.ufunc)]:
        if not bad and _needs_no_arguments(function):
            continue
        with pytest.raises(
            ArgumentError, match=rf"^np\.(linalg\.|fft\.|lib\.stride_tricks\.)?{function.__name__}\b"
        ) as caught:
            t._call(function, (), bad, sys._getframe())

        assert "lambda" not in str(caught.value)


def test_every_function_written_out_names_itself_when_the_arguments_do_not_fit() -> None:
    for expansion in {op for op, _ in DOORS.values() if isinstance(op, Expansion)}:
        with pytest.raises(ArgumentError, match=rf"^{expansion.name}\("):
            expansion(no_such_argument=1)


def test_a_door_that_lacks_one_of_numpys_parameters_says_so(monkeypatch: Any, t: Any) -> None:
    monkeypatch.setitem(DOORS, np.ptp, (Expansion("ptp", lambda xp, a: xp.max(a) - xp.min(a)), None))

    assert 5.0 == np.ptp(t).data
    with pytest.raises(ArgumentError, match=r"^np\.ptp\(…, axis=…\) is not supported on a tensor\. Leave axis out\."):
        np.ptp(t, axis=0)


def test_an_error_of_a_function_that_was_handed_in_is_left_as_it_is(t: Any) -> None:
    def sine(x: Any) -> Any:
        raise TypeError("mine")

    for call in (np.apply_along_axis, tape_ad.apply_along_axis):
        with pytest.raises(TypeError, match=r"^mine$"):
            call(sine, 0, t)


# --- never an object array ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "call",
    [
        lambda t: X * t, lambda t: X == t, lambda t: np.array([1, 2, 3]) == t, lambda t: np.float64(2) * t, lambda t: np.int8(2) - t,
        lambda t: np.stack([t, X]), lambda t: np.stack([X, t]), lambda t: np.concatenate([X, t, X.tolist()]), lambda t: np.where(X > 1, t, 0),
        lambda t: np.where(t > 1, X, 0), lambda t: X @ t.T, lambda t: np.dot(X.T, t), lambda t: [1.0, 2.0, 3.0] * t, lambda t: t * [1.0, 2.0, 3.0],
        lambda t: X < t, lambda t: X**t, lambda t: np.float32(1) > t, lambda t: np.maximum(X, t), lambda t: np.bool_(True) | (t > 1),
        lambda t: np.linspace(0, 1, 3) * t, lambda t: (1, 2, 3) - t, lambda t: np.add.outer(X, t), lambda t: np.multiply(t, [1, 2, 3]),
    ],
)  # fmt: skip
def test_tensors_among_arrays_and_scalars_give_a_tensor_of_numbers(call: Call, t: Any) -> None:
    out, expected = call(t), call(X)

    assert isinstance(out, Tensor)
    assert expected.dtype == out.dtype
    np.testing.assert_array_equal(expected, out.data)


@pytest.mark.parametrize(
    "call",
    [
        lambda t: [t, t] * X,
        lambda t: X * [t, t],
        lambda t: np.array([t, 1.0], object),
        lambda t: t * [t, t],
        wrong.vectorize(float),
    ],
)
def test_lists_of_tracked_tensors_never_become_arrays(call: Call, t: Any) -> None:
    with pytest.raises(TapeError):
        call(t)


# --- others first ---------------------------------------------------------------------------------------------------
class Claims:
    """An object of another library that answers NumPy's functions, and operators, itself."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> str:
        return f"claimed {ufunc.__name__}"

    def __array_function__(self, function: Call, types: Any, args: Any, kwargs: Any) -> str:
        return f"claimed {function.__name__}"

    def __radd__(self, other: Any) -> str:
        return "claimed radd"

    def __rmatmul__(self, other: Any) -> str:
        return "claimed rmatmul"


class Modest:
    """An object of another library that knows nothing of NumPy, and answers operators."""

    def __rmul__(self, other: Any) -> str:
        return "modest rmul"

    def __gt__(self, other: Any) -> bool:
        return True


def test_an_object_with_a_claim_of_its_own_decides(t: Any) -> None:
    other: Any = Claims()

    assert ("claimed radd", "claimed rmatmul") == (t + other, t @ other)
    assert "claimed add" == np.add(t, other) == np.add(other, t) == np.add(t, other, where=True)
    assert "claimed concatenate" == np.concatenate([t, other])
    assert "claimed outer" == np.outer(t, other)


def test_an_unknown_object_gets_the_operator_and_else_a_type_error(t: Any) -> None:
    other: Any = Modest()

    assert "modest rmul" == t * other
    assert (t < other) is True
    calls: tuple[Call, ...] = (lambda: t - other, lambda: np.subtract(t, other), lambda: other - t)
    for call in calls:
        with pytest.raises(TypeError):
            call()
    assert (t == object()) is False
    assert (t != object()) is True


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("grad", r"g = out\.backward\(\), then g\[t\]"),
        ("requires_grad", r"Tensor\(x, autograd=True\)"),
        ("numpy", r"t\.data"),
        ("is_leaf", r"t\.creators"),
    ],
)
def test_an_attribute_of_another_librarys_tensor_is_answered_with_ours(t: Any, name: str, ours: str) -> None:
    with pytest.raises(AttributeError, match=rf"Tensor has no attribute '{name}'\..*{ours}"):
        getattr(t, name)

    assert not hasattr(t, name)
