"""Ranges, grids of boxes, sets and roots: NumPy's value, bit for bit, and its derivative."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy  # noqa: ICN001 - `np` is the same without its stubs, below
import pytest
from hypothesis import given, strategies as st

import tape_ad
from tape_ad import ArgumentError, BatchedValueError, NotDifferentiableError, Tensor, grad, jacobian, vmap
from tape_ad._core import DOORS
from tape_ad.testing import check_grads
from tests.test_manipulation_ops import bits, data, parts, total

np: Any = numpy  # its stubs know neither tensors nor the calls that are to be refused
RNG = np.random.default_rng(11)
X = RNG.standard_normal((2, 3))
Y = RNG.standard_normal((2, 3))
POINTS = np.array([[0.1, 0.9], [0.35, 0.5], [2.0, 0.2], [1.0, 1.0], [0.5, 0.0], [0.2, 0.6]])
EDGES = np.array([0.0, 0.4, 0.6, 1.0])
SQUARE = np.eye(3) * 2

# A use of a NumPy function: of two arrays of shape (2, 3), in NumPy's own spelling.
Use = Callable[[Any, Any], Any]
USES: dict[Callable[..., Any], list[Use]] = {
    np.linspace: [
        np.linspace, lambda x, y: np.linspace(x[0, 0], 2.0, 5), lambda x, y: np.linspace(x, y[0], 4, False, axis=1), lambda x, y: np.linspace(1, y, 3, retstep=True),
        lambda x, y: np.linspace(x[0], y[:, :1], 4, endpoint=False, retstep=True, axis=-1), lambda x, y: np.linspace(start=x, stop=y, num=1), lambda x, y: np.linspace(x, y, 0),
        lambda x, y: np.linspace(x, y, 3, dtype=np.complex128), lambda x, y: np.linspace(x, x, 3, device="cpu"), lambda x, y: np.linspace(x, y, 2, dtype=np.float32),
    ],
    np.logspace: [
        lambda x, y: np.logspace(x[0, 0], y[0, 0], 4), lambda x, y: np.logspace(x, y[0], 3, endpoint=False, base=2.0, axis=-1), lambda x, y: np.logspace(0.5, y, num=3, base=3),
        lambda x, y: np.logspace(x[0], 2.0, 3, base=y * y + 1.5), lambda x, y: np.logspace(x, 1.0, 3, base=y[0] * y[0] + 0.5, axis=1), lambda x, y: np.logspace(0, 2, 3, base=y[0, 0] * y[0, 0] + 1),
        lambda x, y: np.logspace(x, y, 2, dtype=np.complex128),
    ],
    np.geomspace: [
        lambda x, y: np.geomspace(x * x + 1, y * y + 1, 4), lambda x, y: np.geomspace(x[0] * x[0] + 1, 5, 3, endpoint=False, axis=-1), lambda x, y: np.geomspace(-2.0, -y * y - 1, 3, axis=1),
        lambda x, y: np.geomspace(1j * x * x + 1, y * y + 1, num=4), lambda x, y: np.geomspace(-x * x - 1, y * y + 1, 3, dtype=np.complex128), lambda x, y: np.geomspace(x * x + 1, 2, 1),
    ],
    np.histogramdd: [
        lambda x, y: np.histogramdd(POINTS, 2, weights=x.reshape(-1))[0], lambda x, y: np.histogramdd(POINTS.T.tolist(), [2, EDGES], weights=x.ravel())[0],
        lambda x, y: np.histogramdd([*POINTS.T], (3, 2), [(0, 1), (0.1, 0.9)], weights=x.ravel())[0], lambda x, y: np.histogramdd(POINTS, [EDGES, EDGES], density=True, weights=x.ravel() ** 2 + 1)[0],
        lambda x, y: np.histogramdd(POINTS[:, 0], 3, None, False, y.ravel())[0], lambda x, y: np.histogramdd(np.hstack([POINTS, POINTS[:, ::-1]]), 2, density=True, weights=x.ravel() ** 2 + 1)[0],
    ],
    np.histogram2d: [
        lambda x, y: np.histogram2d(*POINTS.T, 2, weights=x.ravel())[0], lambda x, y: np.histogram2d(*POINTS.T, EDGES, weights=x.ravel())[0], lambda x, y: np.histogram2d(*POINTS.T, [3, EDGES], weights=y.ravel())[0],
        lambda x, y: np.histogram2d(POINTS[:, 0], POINTS[:, 1], [EDGES, 2], [[0, 1], [0, 1]], density=True, weights=y.ravel() ** 2)[0], lambda x, y: np.histogram2d(*POINTS.T, [0.0, 0.4, 1.0], weights=y.ravel())[0],
    ],
    np.unique: [
        lambda x, y: np.unique(x), lambda x, y: np.unique(np.stack([x, y, x])), lambda x, y: np.unique(x[0]), lambda x, y: np.unique(np.stack([x, y, x]), return_index=True, return_inverse=True, return_counts=True),
        lambda x, y: np.unique(np.stack([x, y, x]), axis=0), lambda x, y: np.unique(np.stack([x, y, x], axis=-1), False, True, axis=-1), lambda x, y: np.unique(x[0], axis=0, return_counts=True), lambda x, y: np.unique(x, equal_nan=False),
    ],
    np.unique_all: [lambda x, y: np.unique_all(np.stack([x, y, x]))],
    np.unique_counts: [lambda x, y: np.unique_counts(np.stack([x, y, y]))],
    np.unique_inverse: [lambda x, y: np.unique_inverse(np.stack([x, y, x]))],
    np.unique_values: [lambda x, y: np.unique_values(np.stack([x, y, x])), lambda x, y: np.unique_values(np.round(x))],
    np.union1d: [lambda x, y: np.union1d(x, y[0]), lambda x, y: np.union1d(x, x), lambda x, y: np.union1d(x, [7.0, 8.0])],
    np.intersect1d: [
        lambda x, y: np.intersect1d(x, np.append(y, x[0])), lambda x, y: np.intersect1d(np.append(y, x[0]), x, return_indices=True), lambda x, y: np.intersect1d(x[0], x, assume_unique=True),
        lambda x, y: np.intersect1d(x, x[1], True, True), lambda x, y: np.intersect1d(x[[0, 0]], y, assume_unique=True), np.intersect1d,
    ],
    np.setdiff1d: [lambda x, y: np.setdiff1d(np.stack([x, y, x]), x[0]), lambda x, y: np.setdiff1d(x, x[0], assume_unique=True), lambda x, y: np.setdiff1d(x, x)],
    np.setxor1d: [lambda x, y: np.setxor1d(np.append(x, y), x[0]), lambda x, y: np.setxor1d(x, x[0], assume_unique=True), lambda x, y: np.setxor1d(x[[0, 0]], y, True), lambda x, y: np.setxor1d(x[:0], y[:0])],
    np.sort_complex: [lambda x, y: np.sort_complex(x), lambda x, y: np.sort_complex(x + 1j * y), lambda x, y: np.sort_complex(a=y[0])],
    np.poly: [lambda x, y: np.poly(x[0]), lambda x, y: np.poly(x[0, :1]), lambda x, y: np.poly(x[0] + 1j * y[0]), lambda x, y: np.poly(x[:, :2]), lambda x, y: np.poly(x[:, :2] + 1j * y[:, :2]), lambda x, y: np.poly(np.append(x[0] + 1j * y[0], x[0] - 1j * y[0]))],
    np.polydiv: [lambda x, y: np.polydiv(x.ravel(), y[0] + 2), lambda x, y: np.polydiv(x[0], y.ravel() + 1), lambda x, y: np.polydiv([1, 2, 3], y[0, :2] + 2), lambda x, y: np.polydiv(x[0], 2), lambda x, y: np.polydiv(x[0] + 1j * y[0], v=y[1, :2] + 3)],
    np.roots: [lambda x, y: np.roots(np.append(x[0], y[0])), lambda x, y: np.roots(x[0, :2]), lambda x, y: np.roots(np.append(x[0], 0.0)), lambda x, y: np.roots(np.append(0.0, x[0])), lambda x, y: np.roots(x[0] + 1j * y[0]), lambda x, y: np.roots(x[0, :1]) + 0 * x[0, 0]],
}  # fmt: skip
ALL_USES = [(function, use) for function, uses in USES.items() for use in uses]
every_use = pytest.mark.parametrize(
    ("function", "use"), ALL_USES, ids=[f"{f.__name__}-{i}" for f, uses in USES.items() for i in range(len(uses))]
)
STANDARDS = {np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values}
"""What has tensors in place of plain arrays under our own name, as the Array API standard says."""
ANOTHER_LENGTH_EACH = {f for f in USES if "unique" in f.__name__ or f.__name__.endswith("1d")}
"""What refuses to be batched, since the examples would differ in length."""


# --- values and derivatives -----------------------------------------------------------------------------------------
@every_use
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.int64])
@pytest.mark.filterwarnings("ignore")
def test_the_value_is_numpys_bit_for_bit(function: Callable[..., Any], use: Use, dtype: Any) -> None:
    x, y = ((8 * a).astype(dtype) for a in (X, Y))
    x[0, 2] = y[1, 2] = -0.0
    y[0, 1] = x[1, 1] = 0
    if dtype is np.complex128:
        x, y = x + 1j * y, y - 2j * x
    try:
        expected = use(x, y)
    except (TypeError, ValueError, np.linalg.LinAlgError) as error:
        with pytest.raises(type(error)):
            use(Tensor(x), Tensor(y))
        return

    assert bits(expected) == bits(use(Tensor(x), Tensor(y)))


@every_use
def test_both_modes_agree_with_central_differences_to_second_order(function: Callable[..., Any], use: Use) -> None:
    if any(np.asarray(part).dtype == np.float32 for part in parts(use(X, Y))):
        return  # too coarse for central differences; the value's test and the batch's see it

    check_grads(lambda x, y: total(use(x + 0 * y, y + 0.1 * x)), (X, Y), order=2)


@every_use
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_a_batch_is_the_stack_of_its_examples(function: Callable[..., Any], use: Use) -> None:
    xs, ys = np.stack([X, Y + 0.01, X - 1]), np.stack([Y, X + 2, Y])
    if function in ANOTHER_LENGTH_EACH:
        for axes in ((0, 0), (0, None), (None, 0)):
            with pytest.raises(BatchedValueError, match=rf"np\.{function.__name__} has a result of another length"):
                vmap(lambda x, y: total(use(np.append(x, y), np.append(x, y))), in_axes=axes)(
                    *[z if axis == 0 else z[0] for z, axis in zip((xs, ys), axes, strict=True)]
                )
        return

    def slope(x: Any, y: Any) -> Any:
        return grad(lambda x, y: total(use(x, y)) + np.sum(x * 0) + np.sum(y * 0), argnums=(0, 1))(x, y)

    for axes, pairs in (((0, 0), list(zip(xs, ys, strict=True))), ((0, None), [(x, Y) for x in xs])):
        second = ys if axes[1] == 0 else Y
        expected = [slope(x, y) for x, y in pairs]
        actual = vmap(slope, in_axes=axes)(xs, second)
        values = [np.asarray(data(total(use(Tensor(x), Tensor(y))))) for x, y in pairs]

        np.testing.assert_allclose(
            np.stack(values), vmap(lambda x, y: total(use(x, y)), in_axes=axes)(xs, second), rtol=1e-12
        )
        for i in range(2):
            np.testing.assert_allclose(np.stack([e[i] for e in expected]), actual[i], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("function", USES, ids=lambda f: f.__name__)
def test_the_door_takes_numpys_parameters_by_numpys_names(function: Callable[..., Any]) -> None:
    record: Any = DOORS[function][0]
    body = getattr(record, "body", None) or record.forward
    expected = [p.name for p in inspect.signature(function).parameters.values()]
    later = {"sorted"} if function is np.unique else set()  # NumPy has it since 2.3

    assert (
        expected
        == [p.name for p in inspect.signature(body).parameters.values() if p.name in expected or p.name not in later][
            1:
        ]
    )


@pytest.mark.parametrize("function", USES, ids=lambda f: f.__name__)
def test_the_public_name_is_the_door_or_the_array_api_standards_function(function: Callable[..., Any]) -> None:
    ours = getattr(tape_ad, function.__name__)

    assert ours is DOORS[function][0] or function in {np.linspace, *STANDARDS}


def test_the_standards_linspace_has_numpys_bits() -> None:
    a, b = 0.1, 0.7
    for options in ({}, {"endpoint": False}, {"dtype": np.float32}):
        for start, stop in ((a, b), (Tensor(a), b), (a, Tensor(b, autograd=True))):
            assert bits(np.linspace(a, b, 7, **options)) == bits(tape_ad.linspace(start, stop, 7, **options))
    check_grads(lambda a, b: total(tape_ad.linspace(a, b, 4)), (0.5, -1.5), order=2)


# --- ranges ---------------------------------------------------------------------------------------------------------
def test_a_range_of_integers_is_constant() -> None:
    line = np.linspace(Tensor(0.3, autograd=True), 9.0, 4, dtype=int)

    assert not line.autograd
    assert bits(np.linspace(0.3, 9.0, 4, dtype=int)) == bits(line)


@given(st.integers(0, 6), st.booleans(), st.integers(0, 2), st.sampled_from([np.float64, np.float32]))
def test_linspace_is_start_and_stop_in_shares_that_add_up_to_one(
    num: int, endpoint: bool, axis: int, dtype: Any
) -> None:
    start, stop = X.astype(dtype), Y[:1].astype(dtype)
    line, pull = tape_ad.vjp(lambda a, b: np.linspace(a, b, num, endpoint, axis=axis), start, stop)
    to_start, to_stop = pull(np.ones_like(line))

    assert bits(np.linspace(start, stop, num, endpoint, axis=axis)) == bits(line)
    np.testing.assert_allclose(num * np.ones((2, 3)), to_start + np.full((2, 3), to_stop / 2), rtol=1e-5)


def test_a_python_number_stays_weak_in_a_range() -> None:
    t = Tensor(np.float32([1.0, 2.0]), autograd=True)

    for line, expected in (
        (np.linspace(0.0, t, 3), np.linspace(0.0, t.data, 3)),
        (np.linspace(np.float64(0.0), t, 3), np.linspace(np.float64(0.0), t.data, 3)),
        (np.logspace(t, 2, 3, base=2.0), np.logspace(t.data, 2, 3, base=2.0)),
        (np.geomspace(t, 2.0, 3), np.geomspace(t.data, 2.0, 3)),
    ):
        assert bits(expected) == bits(line)


@pytest.mark.parametrize(
    "call",
    [lambda t: np.linspace(t, 1.0, -1), lambda t: np.linspace(t, 1.0, 2, axis=3), lambda t: np.geomspace(t - t, 1.0), lambda t: np.linspace(t, 1.0, 2.5), lambda t: np.logspace(t, 1.0, -2)],
)  # fmt: skip
def test_where_numpy_refuses_a_range_so_do_we(call: Callable[[Any], Any]) -> None:
    with pytest.raises((ValueError, TypeError)) as expected:
        call(np.float64(0.5))

    with pytest.raises(expected.type):
        call(Tensor(0.5, autograd=True))


def test_another_device_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"^np\.linspace\(\): there is no device 'gpu'"):
        np.linspace(Tensor(0.0), 1.0, 3, device="gpu")


# --- boxes ----------------------------------------------------------------------------------------------------------
def test_histograms_return_numpys_edges_and_without_weights_its_counts() -> None:
    t = Tensor(POINTS, autograd=True)
    weights = Tensor(X.ravel(), autograd=True)

    for actual, expected in (
        (np.histogramdd(t, 3), np.histogramdd(POINTS, 3)),
        (np.histogramdd(t, 3, weights=weights), np.histogramdd(POINTS, 3, weights=X.ravel())),
        (np.histogramdd([t[:, 0], POINTS[:, 1]], [EDGES, 2]), np.histogramdd(POINTS, [EDGES, 2])),
    ):
        assert bits(expected[0]) == bits(actual[0])
        assert [bits(e) for e in expected[1]] == [bits(e) for e in actual[1]]
    for bins in (3, [2, 4], EDGES, EDGES.tolist(), [EDGES, 3], [EDGES, EDGES[:3]], np.array([2, 3]), Tensor(EDGES)):
        for w in (None, X.ravel()):
            wanted = np.histogram2d(*POINTS.T, data(bins), weights=w)

            assert bits(wanted) == bits(np.histogram2d(t[:, 0], t[:, 1], bins, weights=w))


def test_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="same length"):
        np.histogramdd(Tensor(POINTS), 2, weights=[1.0, 2.0])
    with pytest.raises(ValueError, match="same length"):
        np.histogram2d(Tensor(POINTS[:, 0]), POINTS[1:, 1])
    with pytest.raises(TypeError, match=r"np\.histogramdd takes real weights"):
        np.histogramdd(POINTS, 2, weights=Tensor(X.ravel() * 1j))
    with pytest.raises(ArgumentError, match="same for all examples"):
        vmap(lambda p: np.histogramdd(p, 2, weights=X.ravel())[0])(np.stack([POINTS, POINTS]))


# --- sets -----------------------------------------------------------------------------------------------------------
NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 2.0, -3.5, numpy.nan, numpy.inf])
few = hnp.arrays(np.float64, st.integers(0, 12), elements=NUMBERS)


@given(few, few, st.sampled_from([np.float64, np.float32, np.complex128]), st.booleans())
def test_sets_with_zeros_of_both_signs_and_nan_are_numpys_bit_for_bit(x: Any, y: Any, dtype: Any, unique: bool) -> None:
    x, y = x.astype(dtype), y.astype(dtype)
    calls: list[Callable[[Any, Any], Any]] = [
        lambda x, y: np.unique(x), lambda x, y: np.unique(x, equal_nan=False), lambda x, y: np.unique(x, return_counts=True), lambda x, y: np.unique_all(x),
        lambda x, y: np.unique_values(x), lambda x, y: np.unique(np.reshape(np.append(x, x), (2, -1)), axis=0), np.union1d,
        lambda x, y: np.intersect1d(x, y, assume_unique=unique), lambda x, y: np.setdiff1d(x, y, unique), lambda x, y: np.setxor1d(x, y, unique),
        lambda x, y: np.intersect1d(x, y, unique, return_indices=True),
    ]  # fmt: skip

    for call in calls:
        assert bits(call(x, y)) == bits(call(Tensor(x), Tensor(y)))


@pytest.mark.skipif("sorted" not in inspect.signature(np.unique).parameters, reason="NumPy has sorted= since 2.3")
def test_distinct_elements_out_of_order_are_numpys() -> None:
    x = RNG.integers(0, 9, 40).astype(float)
    t = Tensor(x, autograd=True)

    assert bits(np.unique(x, sorted=False)) == bits(np.unique(t, sorted=False))
    check_grads(lambda x: total(np.unique(x, sorted=False)), (RNG.standard_normal(9),), order=1)


def test_of_equal_elements_the_first_one_carries_the_derivative() -> None:
    x, y = np.array([2.0, 1.0, 2.0, 1.0]), np.array([1.0, 5.0])

    def sums(f: Callable[..., Any]) -> list[Any]:
        return [
            g.tolist() for g in grad(lambda x, y: np.sum(f(x, y)) + 0 * np.sum(x) + 0 * np.sum(y), argnums=(0, 1))(x, y)
        ]

    assert [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0]] == sums(lambda x, y: np.unique(x))
    assert [[1.0, 1.0, 0.0, 0.0], [0.0, 1.0]] == sums(np.union1d)
    assert [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0]] == sums(np.intersect1d)
    assert [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0]] == sums(np.setdiff1d)
    assert [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0]] == sums(np.setxor1d)


def test_positions_inverse_and_counts_are_plain_integers_and_the_tuple_is_numpys() -> None:
    found = np.unique_all(Tensor(X, autograd=True))

    assert isinstance(found, type(np.unique_all(X)))
    assert found.values.autograd
    assert [np.ndarray] * 3 == [type(part) for part in found[1:]]


def test_a_set_of_what_all_examples_share_may_be_taken_inside_vmap() -> None:
    expected = np.stack([np.sum(x * np.unique(Y)) for x in X[:, :1]])

    np.testing.assert_allclose(expected, vmap(lambda x: np.sum(x * np.unique(Tensor(Y))))(X[:, :1]))


def test_single_precision_is_sorted_into_double_precision_complex_numbers_as_numpy_does() -> None:
    for code in "bhBHilfdgFDG":
        x = (8 * np.abs(X)).astype(code)
        expected, actual = np.sort_complex(x), np.sort_complex(Tensor(x)).data

        assert expected.dtype == actual.dtype
        np.testing.assert_array_equal(expected, actual)  # long doubles are padded with bytes that mean nothing


# --- roots ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "p",
    [np.poly([1.0, 1.0]), np.poly([1.0, 1.0, 1.0]), np.poly([-2.0, 0.3, 0.3]), [1.0, 0.0, 0.0], np.poly([2.0, 2.0 + 1e-8]), np.poly([1j, 1j, 2.0])],
)  # fmt: skip
def test_the_derivative_of_a_multiple_root_is_refused_and_its_value_is_not(p: Any) -> None:
    x = np.asarray(p)

    assert bits(np.roots(x)) == bits(np.roots(Tensor(x, autograd=True)))
    with pytest.raises(NotDifferentiableError, match=r"np.roots: roots are multiple .* -p\[1\] / p\[0\]"):
        grad(lambda p: np.sum(np.abs(np.roots(p)) ** 2))(x)
    with pytest.raises(NotDifferentiableError, match=r"np\.roots"):
        tape_ad.jvp(np.roots, (x,), (np.ones_like(x),))


def test_roots_that_are_hard_but_apart_have_derivatives() -> None:
    """Of Wilkinson's polynomial of degree ten: a root moves by minus the change of the polynomial over its slope."""
    zeros = np.arange(10.0, 0.0, -1.0)
    p = np.poly(zeros)
    slopes = np.array([np.prod([r - s for s in zeros if s != r]) for r in zeros])
    expected = -np.vander(zeros, 11) / slopes[:, None]
    found = np.roots(p)

    np.testing.assert_allclose(expected[np.argsort(zeros)], jacobian(np.roots)(p)[np.argsort(found)], rtol=1e-6)


def test_roots_and_their_polynomial_undo_each_other() -> None:
    zeros = np.array([3.0, -1.0, 0.5])

    def there_and_back(r: Any) -> Any:
        return np.sort(np.roots(np.poly(r)))

    np.testing.assert_allclose(np.sort(zeros), there_and_back(zeros))
    np.testing.assert_allclose(np.eye(3)[np.argsort(zeros)], jacobian(there_and_back)(zeros), atol=1e-12)


def test_polynomials_with_fewer_roots_do_not_fit_in_a_batch() -> None:
    with pytest.raises(BatchedValueError, match=r"np\.roots: .* fewer roots"):
        vmap(np.roots)(np.array([[1.0, 2.0, -3.0], [0.0, 2.0, 3.0]]))


def test_the_characteristic_polynomial_is_differentiable_at_repeated_eigenvalues() -> None:
    check_grads(lambda x: total(np.poly(x)), (SQUARE,), order=2)
    check_grads(lambda x: total(np.poly(x)), (np.ones((4, 4)),), order=2)


def test_a_polynomial_is_real_where_its_roots_are_conjugates() -> None:
    roots = np.array([1 + 2j, 3.0, 1 - 2j])
    t = Tensor(roots, autograd=True)

    assert bits(np.poly(roots)) == bits(np.poly(t))
    assert np.poly(np.diag(t)).dtype == np.poly(np.diag(roots)).dtype == np.float64
    assert np.complex128 == np.poly(Tensor(roots + 1j)).dtype
    assert np.float64 == vmap(np.poly)(np.stack([roots, roots[::-1]])).dtype
    assert np.complex128 == vmap(np.poly)(np.stack([roots, roots + 1j])).dtype
    assert np.poly(Tensor(np.zeros(0))) == 1.0


def test_what_is_no_polynomial_is_refused() -> None:
    with pytest.raises(BatchedValueError, match="remainders of some examples have lower degree"):
        vmap(np.polydiv, in_axes=(0, None))(
            np.array([[1.0, 3.0, 2.0], [1.0, 2.0, 1.0], [1.0, 0.0, 2.0]]), np.array([1.0, 0.0, 1.0])
        )
    for call in (np.poly, np.roots):
        with pytest.raises(ValueError, match="1"):
            call(Tensor(X))


def test_a_poly1d_is_divided_as_its_coefficients() -> None:
    p, x = np.poly1d([1.0, 2.0, 0.5]), np.array([3.0, 1.0])
    expected = [part.coeffs.tolist() for part in np.polydiv(p, x)]

    assert expected == [part.data.tolist() for part in np.polydiv(p, Tensor(x, autograd=True))]
    assert expected == [part.data.tolist() for part in np.polydiv(np.poly1d(Tensor(p.coeffs)), Tensor(x))]


def test_the_remainder_loses_the_zeros_in_front_that_numpy_takes_off() -> None:
    product = np.polymul([1.0, 2.0, 3.0], [1.0, -1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quotient, rest = np.polydiv(Tensor(product, autograd=True), np.array([1.0, -1.0]))

    assert bits(np.polydiv(product, np.array([1.0, -1.0]))) == bits((quotient, rest))
    assert (1,) == rest.shape
