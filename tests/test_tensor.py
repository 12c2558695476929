"""`Tensor`: a frozen value that knows its parents, and nothing else."""

import copy
import gc
import inspect
import operator
import pickle
import sys
from fractions import Fraction
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st

import tape_ad
from tape_ad import ConversionError, IntegerGradientError, MutationError, Tensor, UnsupportedDataError
from tests.strategies import arrays

NUMBERS = ["bool", "int8", "uint64", "float16", "float32", "float64", "longdouble", "complex64", "complex128"]


def line() -> int:
    """Return the line of the caller."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


# --- frozen -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [field.name for field in attrs.fields(Tensor)] + ["grad", "shape", "anything"])
@pytest.mark.parametrize("make", [lambda: Tensor([1.0]), lambda: Tensor([1.0]) + 1], ids=["made", "recorded"])
def test_no_attribute_can_be_set_or_deleted(name: str, make: Any) -> None:
    t = make()
    with pytest.raises(AttributeError):
        setattr(t, name, None)
    with pytest.raises(AttributeError):
        delattr(t, name)


def test_a_tensor_has_no_dict_and_no_field_for_children() -> None:
    names = {field.name for field in attrs.fields(Tensor)}

    assert {"data", "creators", "creation_op", "autograd", "code", "lasti"} == names
    assert not hasattr(Tensor([1.0]), "__dict__")


def test_a_recorded_tensor_is_no_other_class_than_a_made_one() -> None:
    results: list[Any] = [Tensor([1.0]), Tensor([1.0]) * 2, np.sin(Tensor([1.0])), Tensor([1.0]).sum()]

    assert [Tensor] * 4 == [type(t) for t in results]


@given(arrays())
def test_data_is_read_only_and_equal_to_what_was_given(a: Any) -> None:
    t = Tensor(a)

    assert (a.shape, a.dtype, a.tobytes()) == (t.shape, t.dtype, t.data.tobytes())
    assert not t.data.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        t.data[...] = 0


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_writable_array_is_copied_in_its_memory_order(order: Any) -> None:
    a = np.array([[1.0, 2.0], [3.0, 4.0]], order=order)
    t = Tensor(a)
    a[0, 0] = 99

    assert t.data[0, 0] == 1.0
    assert (a.flags.c_contiguous, a.flags.f_contiguous) == (t.data.flags.c_contiguous, t.data.flags.f_contiguous)
    assert a.flags.writeable


def test_a_read_only_array_is_shared() -> None:
    a = np.ones(3)
    a.setflags(write=False)

    assert a is Tensor(a).data


@pytest.mark.parametrize(
    "value", [2, 2.5, 1j, True, np.float32(2), np.int8(3), np.complex64(1), np.float16(1), np.longdouble(2)]
)
def test_a_scalar_stays_the_scalar_it_is(value: Any) -> None:
    data = Tensor(value).data

    assert (type(value), value) == (type(data), data)


@pytest.mark.parametrize(
    "value", [[1, 2], (1.0, 2.0), [[1, 2.5], [3, 4]], [], range(3), [True, False], [1j, 2], [np.float32(1)]]
)
def test_sequences_become_the_array_that_numpy_makes_of_them(value: Any) -> None:
    expected, data = np.array(value), Tensor(value).data

    assert (expected.dtype, expected.shape, expected.tolist()) == (data.dtype, data.shape, data.tolist())


@pytest.mark.parametrize("dtype", NUMBERS)
def test_every_numeric_dtype_is_held(dtype: str) -> None:
    t = Tensor(np.ones((2, 3), dtype))

    assert (np.dtype(dtype), (2, 3), 2, 6) == (t.dtype, t.shape, t.ndim, t.size)
    assert (np.dtype(dtype).itemsize, 6 * np.dtype(dtype).itemsize) == (t.itemsize, t.nbytes)


@pytest.mark.parametrize(
    "value",
    [
        None, "1.0", b"1", pytest.param(object(), id="object()"), Fraction(1, 2), ["a"], [1, None], [[1], [1, 2]], {"a": 1}, {1.0}, np.array([1, "a"], object),
        np.array(["a"]), np.str_("a"), np.datetime64("2020"), np.array([np.timedelta64(1, "s")]), np.zeros(2, [("a", float)]),
        np.ma.array([1.0, 2.0], mask=[False, True]), np.ones((1, 1)).view(np.matrix), [1, [2, 3]], [np.ones(2), np.ones(3)],
        pytest.param(iter([1]), id="iter([1])"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_not_numeric_is_refused_as_data_and_as_operand(value: Any) -> None:
    with pytest.raises(UnsupportedDataError):
        Tensor(value)
    with pytest.raises(TypeError):
        tape_ad.add(Tensor([1.0, 2.0]), value)


@pytest.mark.parametrize("value", [3, True, [1, 2], np.arange(3), np.bool_(False), np.int64(3)])
def test_integers_and_booleans_cannot_be_tracked_and_the_error_names_the_dtype(value: Any) -> None:
    dtype = np.asarray(value).dtype
    with pytest.raises(IntegerGradientError, match=rf"dtype {dtype}.*dtype=float"):
        Tensor(value, autograd=True)

    assert not Tensor(value).autograd


@pytest.mark.parametrize("value", [1.0, 1j, [1.0], np.float32(1), np.ones(2, "complex64"), np.ones(0)])
def test_floating_point_data_real_and_complex_can_be_tracked(value: Any) -> None:
    assert Tensor(value, autograd=True).autograd


def test_the_values_of_tracking_are_keyword_only() -> None:
    signature = inspect.signature(Tensor)

    assert ["data", "creators", "creation_op"] == [
        p.name for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD
    ]


# --- what it remembers ------------------------------------------------------------------------------------------------
def test_creators_and_the_call_are_remembered() -> None:
    x = Tensor([1.0, 2.0], autograd=True)
    y = tape_ad.sum(x * 3, axis=0)
    (product,) = y.creators

    assert ("sum(axis=0)", "multiply") == (str(y.creation_op), str(product.creation_op))
    assert product.creators[0] is x
    assert (3, False) == (product.creators[1].data, product.creators[1].autograd)
    assert ((), None) == (x.creators, x.creation_op)


@pytest.mark.parametrize(
    ("tracked", "build"),
    [
        (True, lambda t, c: t + c), (True, lambda t, c: c * t), (True, lambda t, c: np.sin(t)), (False, lambda t, c: c + c),
        (False, lambda t, c: t > c), (False, lambda t, c: np.floor(t)), (False, lambda t, c: t.argmax()), (False, lambda t, c: t.detach()),
        (False, lambda t, c: np.sin(c)), (True, lambda t, c: t[0]), (True, lambda t, c: np.where(t > c, t, c)), (False, lambda t, c: t // c),
    ],
)  # fmt: skip
def test_a_result_is_tracked_when_an_operand_is_and_the_op_has_a_derivative(tracked: bool, build: Any) -> None:
    result = build(Tensor([1.0, 2.0], autograd=True), Tensor([1.5, 0.5]))

    assert tracked is result.autograd
    assert result.creators


@pytest.mark.parametrize(
    "build",
    [
        lambda x: x + 1, lambda x: 1 + x, lambda x: -x, lambda x: +x, lambda x: x @ x, lambda x: x[0], lambda x: x.sum(),
        lambda x: np.sin(x) + 0, lambda x: np.sum(x, axis=0), lambda x: tape_ad.sin(x) + 0, lambda x: tape_ad.sum(x, axis=0), lambda x: x.T,
        lambda x: np.add(x, 1), lambda x: x.astype("float32"), lambda x: x > 0, lambda x: np.concatenate([x, x]), lambda x: np.ones(2) * x,
        lambda x: x.reshape(2, 1), lambda x: x.mean(), lambda x: np.add.reduce(x, axis=0), lambda x: x.detach(),
    ],
)  # fmt: skip
def test_every_door_remembers_the_line_that_made_the_tensor(build: Any) -> None:
    t = build(Tensor([1.0, 2.0], autograd=True))
    code = build.__code__
    file, _, number = t.made_at.rpartition(":")

    assert (code.co_filename, code.co_firstlineno) == (file, int(number))


def test_a_call_over_several_lines_is_placed_where_it_stands_and_a_leaf_too() -> None:
    x = Tensor([1.0, 2.0])
    here = line() - 1
    y = (
        x
        + x
        + tape_ad.sin(  # two lines above this one's call
            x
        )
    )  # fmt: skip

    assert f"{__file__}:{here}" == x.made_at
    assert f"{__file__}:{here + 5}" == y.creators[1].made_at


def test_constants_that_the_engine_made_have_no_place() -> None:
    y = Tensor([1.0]) + np.ones(1)

    assert y.creators[1].made_at is None


# --- identity, copies, pickles ----------------------------------------------------------------------------------------
def test_equality_is_elementwise_and_the_hash_is_the_identity() -> None:
    x, same = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    equal: Any = x == same

    assert [True, True] == equal.data.tolist()
    assert {x: 1, same: 2} == {x: 1, same: 2}
    assert 2 == len({x, same})
    assert object.__hash__(x) == hash(x)


def test_a_copy_of_a_value_that_never_changes_is_itself() -> None:
    y = Tensor([1.0], autograd=True) * 2

    assert y is copy.copy(y)
    assert y is copy.deepcopy(y)
    assert y is copy.deepcopy([y])[0]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "data", [[1.0, 2.0], 2.5, np.ones((2, 3), "float32"), 1j, np.ones((3, 2), order="F")], ids=repr
)
def test_a_leaf_comes_back_from_a_pickle_as_it_was(protocol: int, data: Any) -> None:
    t = Tensor(data, autograd=True)
    back = pickle.loads(pickle.dumps(t, protocol))  # noqa: S301 - our own bytes

    assert (t.autograd, t.dtype, type(t.data)) == (back.autograd, back.dtype, type(back.data))
    assert np.array_equal(t.data, back.data)
    assert type(t.data) is not np.ndarray or not back.data.flags.writeable


def test_a_tensor_with_a_history_is_not_pickled_and_the_error_says_what_to_pickle() -> None:
    with pytest.raises(ConversionError, match=r"multiply.*Pickle t\.data"):
        pickle.dumps(Tensor([1.0], autograd=True) * 2)


def test_nothing_refers_forward_so_a_dropped_result_is_freed_without_the_collector() -> None:
    x = Tensor(np.ones(3), autograd=True)
    before = sys.getrefcount(x)
    gc.disable()
    try:
        y = ((x * 2) + x).sum()
        y.backward()
        del y
    finally:
        gc.enable()

    assert before == sys.getrefcount(x)


# --- how it looks -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("expected", "make"),
    [
        ("Tensor([1., 2.])", lambda: Tensor([1.0, 2.0])),
        ("Tensor(2.5, autograd=True)", lambda: Tensor(2.5, autograd=True)),
        ("Tensor([2., 4.], creation_op=multiply, autograd=True)", lambda: Tensor([1.0, 2.0], autograd=True) * 2),
        ("Tensor([1., 2.], dtype=float32)", lambda: Tensor(np.array([1, 2], "float32"))),
        ("Tensor([1, 2])", lambda: Tensor([1, 2])),
        ("Tensor(3.0, creation_op=sum(axis=0))", lambda: Tensor([1.0, 2.0]).sum()),
    ],
)
def test_repr_shows_data_operation_and_tracking(expected: str, make: Any) -> None:
    assert expected == repr(make())


def test_str_and_format_are_those_of_the_data() -> None:
    assert ("[1. 2.]", "2.50") == (str(Tensor([1.0, 2.0])), f"{Tensor(2.5, autograd=True):.2f}")


# --- Python's protocols -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "convert",
    [float, complex, np.asarray, np.array, lambda t: t.item(), lambda t: t.tolist(), lambda t: np.array([t, t])],
)
def test_a_tracked_tensor_is_not_turned_into_a_number_and_an_untracked_one_is(convert: Any) -> None:
    with pytest.raises(ConversionError, match=r"t\.data.*stop_gradient"):
        convert(Tensor(2.0, autograd=True))
    with pytest.raises(ConversionError, match=r"multiply at .*test_tensor\.py:\d+"):
        convert(Tensor(2.0, autograd=True) * 3)

    assert np.array_equal(convert(2.0 if convert in {float, complex} else np.float64(2.0)), convert(Tensor(2.0)))


def test_questions_of_python_programs_are_answered_from_the_value() -> None:
    x = Tensor([3.0, 0.0], autograd=True)

    assert (True, False, 3, 2) == (bool(x[0]), bool(x[1]), int(x[0]), len(x))
    assert (True, False) == (3.0 in x, 7.0 in x)
    assert [3.0, 0.0] == [element.data for element in x]
    assert 30 == [10, 20, 30][Tensor(2)]


@pytest.mark.parametrize("name", ["setitem", "iadd"])
def test_writing_into_a_tensor_is_refused_with_the_functional_spelling(name: str) -> None:
    x = Tensor([1.0, 2.0], autograd=True)
    array = np.zeros(2)
    with pytest.raises(MutationError, match=r"tape_ad\.where"):
        x[0] = 1.0
    with pytest.raises(MutationError, match=r"array = np\.add"):
        array += x

    assert [0.0, 0.0] == array.tolist()


def test_augmented_assignment_rebinds_the_name_and_leaves_the_value() -> None:
    x = old = Tensor([1.0, 2.0], autograd=True)
    x += 1.0

    assert ([1.0, 2.0], [2.0, 3.0]) == (old.data.tolist(), x.data.tolist())


@pytest.mark.parametrize(
    "name", ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lt", "le", "gt", "ge", "eq", "ne"]
)
@given(seed=st.integers(0, 99))
def test_operators_with_arrays_on_either_side_give_numpys_bits(name: str, seed: int) -> None:
    run = getattr(operator, name)
    a, b = np.random.default_rng(seed).uniform(0.5, 3.0, (2, 3, 3))
    expected = run(a, b)

    for result in (run(Tensor(a), b), run(a, Tensor(b)), run(Tensor(a), Tensor(b))):
        assert (expected.dtype, expected.tobytes()) == (result.data.dtype, result.data.tobytes())


@pytest.mark.parametrize("name", ["and_", "or_", "xor", "lshift", "rshift"])
def test_bitwise_operators_work_on_integers_on_either_side(name: str) -> None:
    run = getattr(operator, name)
    a, b = np.array([5, 6, 7]), np.array([1, 2, 3])

    assert [run(a, b).tolist()] * 3 == [
        r.data.tolist() for r in (run(Tensor(a), b), run(a, Tensor(b)), run(Tensor(a), Tensor(b)))
    ]


def test_something_else_on_the_other_side_may_answer_for_itself() -> None:
    class Other:
        def __radd__(self, other: Any) -> str:
            return "answered"

        def __array_ufunc__(self, *args: Any, **kwargs: Any) -> str:
            return "answered"

    assert "answered" == Tensor([1.0]) + Other()
    assert "answered" == np.add(Tensor([1.0]), Other())  # type: ignore[call-overload]  # not an array


@pytest.mark.parametrize(
    ("scalar", "array"),
    [(2.0, "float32"), (2, "float32"), (2, "float64"), (1j, "complex64"), (True, "int8"), (3, "int8")],
)
def test_python_scalars_are_weak_as_operands_and_as_tensors(scalar: Any, array: str) -> None:
    a = np.ones(2, array)
    expected = (a * scalar).dtype

    assert {expected} == {
        (Tensor(a) * scalar).dtype,
        (scalar * Tensor(a)).dtype,
        (Tensor(a) * Tensor(scalar)).dtype,
        (a * Tensor(scalar)).dtype,
    }


def test_what_a_shorthand_for_other_ops_makes_is_made_where_it_was_called() -> None:
    x: Any = Tensor([1.0, 2.0, 4.0], autograd=True)
    by_door: Any
    several: Any
    by_door, by_name, several = np.trapezoid(x), tape_ad.vander(x), np.split(x, 3)
    here = line() - 1
    places = {t.made_at for t in tape_ad.Tape.of(by_door, by_name, *several).tensors if t is not x}

    assert {f"{__file__}:{here}"} == places


def test_what_a_numpy_function_makes_is_made_where_the_transform_was_called() -> None:
    sine: Any = tape_ad.grad(np.sin)
    with pytest.raises(tape_ad.NotScalarError) as caught:
        sine(np.ones(2))
    here = line() - 1

    assert f"made at {__file__}:{here}" in str(caught.value)
