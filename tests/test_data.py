"""The data of tensors: what a fingerprint sees, what may be in a tensor."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from tape_ad import Tensor, UnsupportedDataError
from tape_ad._data import exposed, fingerprint, glance, private_copy

DTYPES = [
    "float64",
    "float32",
    "float16",
    "longdouble",
    "complex64",
    "complex128",
    "clongdouble",
    "int8",
    "int64",
    "bool",
]
PADDED = "gG"  # their elements have bytes that mean nothing, and that a write fills with anything

LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "C": lambda a: a,
    "Fortran": np.asfortranarray,
    "transposed": lambda a: a.T,
    "permuted": lambda a: a.reshape(2, -1, 10).transpose(1, 0, 2),
    "every other": lambda a: a[::2, 1:],
    "backwards": lambda a: a[::-1, ::-1],
    "one-dimensional": lambda a: a.reshape(-1)[3:],
}


def numbers(dtype: str) -> Any:
    """Return (80, 210) different numbers, as far as the dtype has so many; less than a block and more than a row."""
    counted = np.arange(1, 80 * 210 + 1).reshape(80, 210)
    return (counted % 2 if dtype == "bool" else counted % 127 + 1 if dtype == "int8" else counted).astype(dtype)


def swap(a: Any, i: int, j: int) -> None:
    a.flat[i], a.flat[j] = a.flat[j], a.flat[i]


def negate(a: Any, i: int, j: int) -> None:
    for k in {i, j}:
        a.flat[k] = not a.flat[k] if a.dtype == bool else -a.flat[k]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_a_change_of_one_element_or_of_two_shows_whatever_dtype_and_layout(
    dtype: str, layout: str, data: st.DataObject
) -> None:
    """Two elements are swapped, or both change their sign, or only one does."""
    a = LAYOUTS[layout](numbers(dtype))
    i, j = data.draw(st.integers(0, a.size - 1)), data.draw(st.integers(0, a.size - 1))
    change = data.draw(st.sampled_from([swap, negate]))
    before, values = fingerprint(a), a.copy()
    change(a, i, j)

    assert before != fingerprint(a) or np.array_equal(values, a)
    if a.dtype.char not in PADDED:
        change(a, i, j)

        assert before == fingerprint(a)


@pytest.mark.parametrize("other", [1, 2, 4, 8, 512, 1024, 512 * 128, 512 * 129, 512 * 1000 + 7])
@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128", "clongdouble"])
def test_a_swap_and_a_pair_of_flipped_signs_show_at_any_distance(dtype: str, other: int) -> None:
    """Distances of whole rows and of whole blocks are where a sum of columns alone would miss them."""
    a = np.arange(1.0, 600_001.0).astype(dtype)
    if a.dtype.kind == "c":
        a[:] = a + 1j * a[::-1]  # real and imaginary part add up to the same number everywhere
    before = fingerprint(a)
    for change in (swap, negate):
        change(a, 5, 5 + other)

        assert before != fingerprint(a)
        before = fingerprint(a)

        assert before == fingerprint(a.copy())


def test_swaps_and_sign_flips_that_a_sum_and_samples_miss_show() -> None:
    big, square = np.arange(20_000.0), np.arange(90_300.0).reshape(300, 301)
    before = fingerprint(big), fingerprint(square)
    big[1], big[2] = big[2], big[1]
    square[1, 2:4] *= -1
    after = fingerprint(big), fingerprint(square)

    assert before[0] != after[0]
    assert before[1] != after[1]


def test_a_buffer_at_an_odd_address_has_a_fingerprint() -> None:
    raw = np.zeros(8 * 20_000 + 1, np.uint8)
    a = raw[1:].view(np.float64)
    before = fingerprint(a)
    a[[7, 519]] = 1.0, -1.0

    assert not a.flags.aligned
    assert before != fingerprint(a)


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (511,), (512,), (513,)])
def test_a_small_array_has_a_fingerprint_too(shape: tuple[int, ...]) -> None:
    a = np.ones(shape)
    before = fingerprint(a)
    a[...] = 2

    assert (before != fingerprint(a)) == bool(a.size)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x,
        lambda x: x[:2],
        lambda x: np.broadcast_to(x, (2, 4)),
        lambda x: sliding_window_view(x, 2),
        lambda x: np.diagonal(x.reshape(2, 2)),
        lambda x: sliding_window_view(np.broadcast_to(x, (2, 4)), 2, axis=1).T,
    ],
)
def test_an_array_is_exposed_exactly_if_memory_below_it_can_be_written(view: Callable[[Any], Any]) -> None:
    open_to_all, closed = np.ones(4), np.ones(4)
    closed.setflags(write=False)

    assert exposed(view(open_to_all))
    assert not exposed(view(closed))


@pytest.mark.parametrize(
    ("data", "kind"), [((x for x in [1.0]), "generator"), (map(abs, [1.0]), "map"), (iter([1.0]), "list_iterator")]
)
def test_an_iterator_is_refused_by_name_with_what_to_do(data: Any, kind: str) -> None:
    with pytest.raises(UnsupportedDataError, match=rf"not a {kind}; use Python's sum or np\.stack"):
        Tensor(data)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::2],
        lambda a: a[::-1],
        lambda a: a[1:, ::3],
        lambda a: a.T[::2, 1:],
        lambda a: np.broadcast_to(a[0], (4, a.shape[1])),
        lambda a: a[:, 2],
        lambda a: np.asfortranarray(a)[1::2, ::-1],
        lambda a: a[:0, ::2],
        lambda a: a.astype(np.complex128).imag,
        lambda a: np.lib.stride_tricks.sliding_window_view(a, 2, axis=1),
        lambda a: a[3:4, ::2][:, :1],
        lambda a: a,
    ],
)
def test_a_private_copy_has_the_same_values_and_steps_and_shares_nothing(view: Any) -> None:
    array = view(np.arange(42.0).reshape(6, 7))

    copy = private_copy(array)

    assert array.tolist() == copy.tolist()
    assert (array.shape, array.dtype) == (copy.shape, copy.dtype)
    assert not array.size or array.strides == copy.strides
    assert not np.shares_memory(array, copy)
    assert not exposed(copy)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_glance_sees_any_one_change(dtype: str) -> None:
    array = (np.arange(1001) % 100).astype(dtype)

    for place in (0, 500, 1000):
        before = glance(array)
        array[place] = not array[place]
        assert before != glance(array)
