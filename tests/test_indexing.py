"""Every index that NumPy reads gives NumPy's value, and its gradient is the dense scatter that `np.add.at` does."""

import operator
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from tape_ad import Tensor
from tape_ad._errors import ArgumentError, ConversionError, UnsupportedDataError

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def array_of(shape: tuple[int, ...]) -> Any:
    """Return distinct numbers in the given shape."""
    return np.random.default_rng(7).standard_normal(shape)


@st.composite
def mixed_indices(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    """Draw a tuple of ints, slices, None, an ellipsis, integer arrays or lists and boolean arrays, in any order."""
    assume(all(shape))
    together = draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
    parts: list[Any] = []
    axis = 0
    while axis < len(shape) and draw(st.integers(0, 4)):
        n = shape[axis]
        kind = draw(st.sampled_from(["int", "numpy int", "slice", "None", "integers", "list", "mask", "wide mask"]))
        axis += 1
        if kind == "int":
            parts.append(draw(st.integers(-n, n - 1)))
        elif kind == "numpy int":
            parts.append(np.int32(draw(st.integers(-n, n - 1))))
        elif kind == "slice":
            parts.append(draw(st.slices(n)))
        elif kind == "None":
            parts.append(None)
            axis -= 1
        elif kind == "integers":
            parts.append(
                draw(
                    hnp.arrays(
                        np.intp, draw(st.sampled_from([together, together[1:], ()])), elements=st.integers(-n, n - 1)
                    )
                )
            )
        elif kind == "list":
            parts.append(draw(hnp.arrays(np.intp, together, elements=st.integers(-n, n - 1))).tolist())
        elif kind == "mask":
            parts.append(draw(hnp.arrays(bool, (n,))))
        elif axis < len(shape):
            parts.append(draw(hnp.arrays(bool, (n, shape[axis]))))
            axis += 1
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), Ellipsis)
    return tuple(parts)


def check(x: Any, index: Any, tensor_index: Any = None) -> None:
    """Compare value and gradient of one index with NumPy's; both refuse what one refuses."""
    t = Tensor(x, autograd=True)
    given_index = index if tensor_index is None else tensor_index
    try:
        expected = x[index]
    except (IndexError, ValueError):
        with pytest.raises((IndexError, ValueError)):
            t[given_index]
        return
    out = t[given_index]
    seed = np.random.default_rng(3).standard_normal(np.shape(expected))
    scattered = np.zeros_like(x)
    np.add.at(scattered, index, seed)

    assert (type(expected), expected.shape, expected.dtype) == (type(out.data), out.shape, out.dtype)
    np.testing.assert_array_equal(expected, out.data)
    np.testing.assert_array_equal(scattered, out.backward(seed)[t])


@given(st.data())
def test_basic_indexing_is_numpys(data: st.DataObject) -> None:
    shape = data.draw(SHAPES)

    check(array_of(shape), data.draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True)))


@given(st.data())
def test_indexing_by_integer_arrays_adds_up_what_is_repeated(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(max_dims=3, max_side=4))

    check(
        array_of(shape),
        data.draw(
            hnp.integer_array_indices(
                shape, result_shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
            )
        ),
    )


@given(st.data())
def test_indexing_by_a_boolean_array_of_any_rank_is_numpys(data: st.DataObject) -> None:
    shape = data.draw(SHAPES)
    mask = data.draw(hnp.arrays(bool, shape[: data.draw(st.integers(0, len(shape)))]))

    check(array_of(shape), mask)
    check(array_of(shape), mask, Tensor(mask))
    check(array_of(shape), (Ellipsis, mask) if mask.ndim == len(shape) else (mask, Ellipsis))


@given(st.data())
def test_mixed_indexing_places_its_axes_as_numpy_does(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(max_dims=4, max_side=4))

    check(array_of(shape), data.draw(mixed_indices(shape)))


@given(st.data())
def test_a_tensor_as_index_reads_as_its_data(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(max_dims=3, max_side=4))
    index = data.draw(mixed_indices(shape))
    tensors = tuple(Tensor(part) if isinstance(part, (np.ndarray, np.integer)) else part for part in index)

    check(array_of(shape), index, tensors)


@given(st.data())
def test_two_indexings_one_after_the_other_scatter_back_one_after_the_other(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(max_dims=3, max_side=4))
    x = array_of(shape)
    t = Tensor(x, autograd=True)
    first = data.draw(mixed_indices(shape))
    try:
        second: Any = data.draw(hnp.basic_indices(x[first].shape))
    except IndexError:
        assume(False)
    out = t[first][second]
    inner, outer = np.zeros(np.shape(x[first])), np.zeros(shape)
    np.add.at(inner, second, np.ones(out.shape))
    np.add.at(outer, first, inner)

    np.testing.assert_array_equal(outer, out.backward(np.ones(out.shape))[t])


@pytest.mark.parametrize(
    "index",
    [
        [], [[]], [0, 0, 0], [True, False, True], True, False, np.True_, None, (), ..., np.int8(1), np.array(2), -1,
        (None, 1, None), ([], slice(None)), ([0, 2], ..., [1, 1]), (0, [1, 2], slice(None)), (slice(None), 0, [1]),
        ([[0], [1]], [0, 2]), (np.zeros((0, 3), int),), slice(None, None, -1), slice(5, 1, -2), (slice(None), np.array([True, False, False])),
        (np.array([[True, False, True]] * 3),), (True, 0), (0, True, [0, 1]), np.array([-1, 2], np.int8), np.uint8(2), range(2), (range(2), 1),
        3, (0, 0, 0), [7], (..., ...), [True, False],
    ],
    ids=repr,
)  # fmt: skip
def test_the_rare_spellings_of_an_index_are_numpys(index: Any) -> None:
    check(array_of((3, 3)), index)


@pytest.mark.parametrize("x", [np.float64(2.5), np.array(2.5)], ids=["scalar", "0-d"])
@pytest.mark.parametrize("index", [(), ..., None, True, False, (None, ...), np.array(True)], ids=repr)
def test_a_0d_tensor_can_be_indexed_as_numpys(x: Any, index: Any) -> None:
    t = Tensor(x, autograd=True)
    expected, actual = x[index], t[index]

    assert (type(expected), np.shape(expected)) == (type(actual.data), actual.shape)
    np.testing.assert_array_equal(np.ones(()) * np.size(expected), actual.sum().backward()[t])


@pytest.mark.parametrize("dtype", ["f4", "f2", "c16", "c8"])
def test_the_gradient_of_an_index_keeps_the_dtype(dtype: str) -> None:
    t = Tensor(np.arange(4).astype(dtype), autograd=True)
    out = t[[1, 1, 3]]

    assert np.dtype(dtype) == out.dtype == out.backward(np.ones(3, dtype))[t].dtype


def test_integer_and_boolean_tensors_are_indexed_as_constants() -> None:
    for x in (np.arange(5), np.arange(5) > 2):
        t = Tensor(x)

        np.testing.assert_array_equal(x[[0, 3]], t[[0, 3]].data)
        assert not t[[0, 3]].autograd


def test_an_index_array_that_is_changed_afterwards_changes_nothing() -> None:
    t = Tensor([1.0, 2.0, 3.0], autograd=True)
    index = np.array([0, 0, 2])
    out = t[index]
    index[:] = 1

    np.testing.assert_array_equal(np.array([2.0, 0.0, 1.0]), out.sum().backward()[t])


@pytest.mark.parametrize("index", [1.0, [0.5, 1.0], Tensor(1.5), np.array([1.0])], ids=repr)
def test_an_index_of_floats_is_refused_with_the_conversion(index: Any) -> None:
    with pytest.raises(ArgumentError, match=r"integers or booleans, not float64.*i\.astype\(int\)"):
        Tensor([1.0, 2.0])[index]


def test_a_tracked_index_is_refused_because_its_gradient_would_be_lost() -> None:
    with pytest.raises(ConversionError, match=r"an index of a tracked tensor.*stop_gradient"):
        Tensor([1.0, 2.0])[Tensor(1.5, autograd=True)]


@pytest.mark.parametrize("index", ["a", ("a", 0), [None, 1]], ids=repr)
def test_an_index_that_is_no_number_is_refused_by_its_dtype(index: Any) -> None:
    with pytest.raises(UnsupportedDataError, match="an index holds numbers"):
        Tensor([1.0, 2.0])[index]


# --- what else reads elements ---------------------------------------------------------------------------------------
def test_iteration_and_unpacking_give_the_rows_with_their_gradients() -> None:
    t = Tensor(np.arange(6.0).reshape(3, 2), autograd=True)
    first, *_, (a, b) = t

    assert len(list(t)) == len(t) == 3
    np.testing.assert_array_equal(np.array([0.0, 1.0]), first.data)
    np.testing.assert_array_equal(np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 4.0]]), (a * b).backward()[t])
    np.testing.assert_array_equal(np.full((3, 2), 1.0), sum(t, start=Tensor(0.0)).sum().backward()[t])


def test_zip_enumerate_reversed_and_map_work_as_on_an_array() -> None:
    x = np.array([1.0, 2.0, 3.0])
    t = Tensor(x, autograd=True)

    assert list(reversed(x.tolist())) == [float(e.data) for e in reversed(t)]
    assert [(i, e) for i, e in enumerate(x.tolist())] == [(i, float(e.data)) for i, e in enumerate(t)]
    assert x.sum() == sum(e.data for e in map(operator.pos, t))


def test_in_asks_the_values_and_len_and_iteration_refuse_0d() -> None:
    t = Tensor([1.0, 2.0], autograd=True)

    assert 2.0 in t
    assert Tensor(1.0) in t
    assert 3.0 not in t
    with pytest.raises(TypeError):
        len(t[0])
    with pytest.raises(ArgumentError, match="0-d"):
        iter(t[0])


@given(length=st.integers(-4, 4))
def test_an_untracked_integer_tensor_is_an_index_of_lists_and_ranges(length: int) -> None:
    values = list(range(9))

    assert values[length] == values[Tensor(length)]
    assert range(abs(length)) == range(Tensor(np.int64(abs(length))))
