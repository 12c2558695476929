"""Sorting and statistics: what the generated laws cannot say, because they keep away from kinks, jumps and special values."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, strategies as st

import tape_ad
from tape_ad import ArgumentError, BatchedValueError, MutationError, Tensor, grad, jvp, vmap
from tape_ad._cases import Case
from tape_ad._core import TABLE
from tape_ad._rules import DISTINCT
from tape_ad.testing import check_case, check_grads
from tests.strategies import arrays

METHODS = (
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull",
    "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
)  # fmt: skip
QUANTILES: tuple[tuple[Callable[..., Any], float], ...] = ((np.quantile, 1), (np.percentile, 100))
rng = np.random.default_rng(7)
X, Y = rng.standard_normal((2, 3, 4))
NAN = np.where(np.arange(12).reshape(3, 4) % 5 == 1, np.nan, X)


def leaf(x: Any) -> Any:
    return Tensor(np.asarray(x, dtype=float), autograd=True)


def gradient(f: Callable[[Any], Any], x: Any) -> Any:
    """Return the gradient as a list."""
    return np.asarray(grad(f)(x)).tolist()


def bits(value: Any) -> tuple[Any, ...]:
    """Return dtype, shape and bytes, of each result where there are several."""
    if isinstance(value, tuple):
        return tuple(bits(part) for part in value)
    array = np.asarray(value.data if isinstance(value, Tensor) else value)
    return array.dtype, array.shape, array.tobytes()


def by_loop(f: Callable[[Any], Any], examples: Any) -> Any:
    return np.stack([f(x) for x in examples])


# --- values ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", METHODS)
@given(x=arrays(st.tuples(st.integers(1, 6), st.integers(1, 3))), q=st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_a_quantile_has_numpys_bits_by_every_method(method: str, x: Any, q: list[float]) -> None:
    for axis, keepdims in ((0, False), (None, True), ((0, 1), False)):
        for function, scale in QUANTILES:
            given_q = np.array(q) * scale
            expected = function(x, given_q, axis=axis, method=method, keepdims=keepdims)

            assert bits(expected) == bits(function(leaf(x), given_q, axis=axis, method=method, keepdims=keepdims))
            assert bits(function(x, q[0] * scale)) == bits(function(leaf(x), q[0] * scale))


@pytest.mark.parametrize("method", METHODS)
def test_many_quantiles_at_once_are_those_of_each_by_every_method(method: Any) -> None:
    """The batched value comes from the expression that the derivative comes from: so that is tried against NumPy too."""
    examples = rng.standard_normal((4, 5))
    examples[1, 2] = examples[1, 0]  # a tie

    def quantile(x: Any, q: Any) -> Any:
        return np.quantile(x, q, method=method)

    for q in np.linspace(0, 1, 11):
        actual = vmap(quantile, in_axes=(0, None))(examples, q)

        assert np.stack([quantile(x, q) for x in examples]) == pytest.approx(actual, abs=1e-12)


CALLS: dict[str, Callable[[Any], Any]] = {
    "sort flat": lambda x: np.sort(x, None), "sort by name": lambda x: np.sort(x, axis=0, kind="heapsort"),
    "partition": lambda x: np.partition(x, [1, 2], axis=1), "take wraps": lambda x: np.take(x, [1, 5, -1], axis=1, mode="wrap"),
    "take clips": lambda x: np.take(x, [1, 99, -1], mode="clip"), "choose of rows": lambda x: np.choose([0, 2, 1, 0], x),
    "select without default": lambda x: np.select([x > 0.2, x < -0.3], [x**2, 3 * x]),
    "weighted quantile": lambda x: np.quantile(x, 0.3, axis=1, weights=np.arange(1, 5), method="inverted_cdf"),
    "average returned": lambda x: np.average(x, axis=1, weights=x * x + 1, returned=True),
    "average of weights along an axis": lambda x: np.average(x, axis=1, weights=x[0] ** 2 + 1, returned=True, keepdims=True),
    "plain average returned": lambda x: np.average(x, axis=0, returned=True)[0], "diff of order 2": lambda x: np.diff(x, 2, 0, prepend=x, append=1.5),
    "gradient": np.gradient, "gradient of steps": lambda x: np.gradient(x, 2.0, 3.0, edge_order=2),
    "gradient of even coordinates": lambda x: np.gradient(x, np.arange(4.0), axis=1), "gradient of uneven ones": lambda x: np.gradient(x, [0.0, 1.0, 1.5, 4.0], axis=1, edge_order=2),
    "trapezoid": lambda x: np.trapezoid(x, [0.0, 1.0, 1.5, 4.0]), "trapezoid of a step": lambda x: np.trapezoid(x, dx=0.3, axis=0),
    "interp": lambda x: np.interp(x, [-1.0, 0.1, 2.0], [1.0, 5.0, 2.0], left=9.0), "periodic interp": lambda x: np.interp(x, [0.1, 0.4, 0.9], [1.0, 5.0, 2.0], period=1.3),
    "complex interp": lambda x: np.interp(x, [-1.0, 0.1, 2.0], [1j, 5.0, 2.0 + 1j]), "correlate": lambda x: np.correlate(x[0, :3], x[1], "same"),
    "cov of all": lambda x: np.cov(x, x * x, rowvar=False, bias=True), "cov with weights": lambda x: np.cov(x, fweights=[1, 2, 3, 1], aweights=x[0] ** 2),
    "cov of one": lambda x: np.cov(x[0]), "complex cov": lambda x: np.cov(x * (1 + 1j) + x[::-1] * 2j), "corrcoef": np.corrcoef,
    "histogram": lambda x: np.histogram([0.0, 0.5, 2.0, 2.2], 3, weights=x[0]), "histogram of density": lambda x: np.histogram([0.0, 0.5, 2.0], [0.0, 0.4, 3.0], density=True, weights=x[0, :3] ** 2),
    "polyint": lambda x: np.polyint(x[0], 2, k=x[1, :2]), "polymul": lambda x: np.polymul(x[0], x[1]), "interp by keywords": lambda x: np.interp(x, fp=[1.0, 5.0], xp=[-1.0, 0.1]),
    "polyfit of columns": lambda x: np.polyfit([0.0, 0.5, 2.0], x, 1, w=x[:, 0] ** 2), "vander": lambda x: np.vander(x[0]),
    "running products": lambda x: np.multiply.accumulate(x, axis=1), "running maxima": lambda x: np.maximum.accumulate(x, axis=1), "running minima": np.minimum.accumulate,
    "method take": lambda x: x.take([1, 2], axis=1), "method cumprod": lambda x: x.cumprod(0), "method compress": lambda x: x.compress([True, False, True], axis=0),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_call_has_numpys_bits_and_right_derivatives_and_may_be_batched(name: str) -> None:
    f = CALLS[name]

    assert bits(f(X)) == bits(f(leaf(X)))
    check_grads(f, (X,), order=2)

    def loss(x: Any) -> Any:
        parts = f(x)
        return sum(np.sum(np.abs(np.sin(part)) ** 2) for part in (parts if isinstance(parts, tuple) else (parts,)))

    examples = np.stack([X, Y, X * Y])
    assert by_loop(grad(loss), examples) == pytest.approx(vmap(grad(loss))(examples), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("axis", [0, 1, None])
def test_sorting_in_descending_order_obeys_the_laws(axis: int | None) -> None:
    op = evolve(TABLE["sort"], numpy={})

    check_case(op, Case(((2, 3),), {"axis": axis, "descending": True}, (DISTINCT,)))


# --- ties and kinks -------------------------------------------------------------------------------------------------
def test_sorting_keeps_the_order_of_equal_elements() -> None:
    x = [2.0, 1.0, 2.0, 1.0]

    assert grad(lambda x: np.sort(x)[0])(np.array(x)).tolist() == [0.0, 1.0, 0.0, 0.0]
    assert grad(lambda x: np.sort(x)[3])(np.array(x)).tolist() == [0.0, 0.0, 1.0, 0.0]
    assert grad(lambda x: tape_ad.sort(x, descending=True)[0])(np.array(x)).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert grad(lambda x: np.median(x[:3]))(np.array(x)).tolist() == [1.0, 0.0, 0.0, 0.0]


def test_a_partition_hands_each_cotangent_to_the_element_that_it_came_from() -> None:
    x = rng.permutation(200.0 * np.arange(50))

    actual = grad(lambda x: np.sum(np.partition(x, 20) * np.arange(50.0)))(x)

    places = np.argsort(np.argsort(np.partition(x, 20)))
    expected = np.empty(50)
    expected[np.argsort(x)[places]] = np.arange(50.0)
    assert expected.tolist() == actual.tolist()


def test_the_slope_in_q_is_at_an_element_the_mean_of_both_sides_and_at_an_end_that_of_the_inner_one() -> None:
    slope = grad(lambda q: np.quantile(np.array([1.0, 2.0, 4.0]), q))

    assert [2.0, 3.0, 4.0] == [slope(0.0), slope(0.5), slope(1.0)]


@pytest.mark.parametrize("method", ["hazen", "weibull", "linear", "median_unbiased", "interpolated_inverted_cdf"])
def test_quantiles_have_derivatives_in_data_and_q_together(method: Any) -> None:
    check_grads(lambda x, q: np.quantile(x, q, axis=1, method=method), (X, np.array([0.23, 0.55])), order=2)


def test_extremes_share_ties_evenly() -> None:
    x = np.array([3.0, np.nan, 3.0, 1.0])

    assert gradient(np.nanmax, x) == [0.5, 0.0, 0.5, 0.0]
    assert gradient(np.ptp, np.array([3.0, 3.0, 1.0])) == [0.5, 0.5, -1.0]
    assert grad(lambda x: np.maximum.accumulate(x)[1])(np.array([3.0, 3.0, 1.0])).tolist() == [0.5, 0.5, 0.0]
    assert grad(lambda x: np.quantile(x, 0.1, weights=[1, 1, 1], method="inverted_cdf"))(np.array([1.0, 1.0, 4.0])).tolist() == [0.5, 0.5, 0.0]  # fmt: skip


def test_interp_has_the_mean_slope_at_a_knot_and_none_outside() -> None:
    knots, values = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 5.0])
    slope = vmap(grad(lambda x: np.interp(x, knots, values)))

    assert slope(np.array([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0])).tolist() == [0.0, 0.5, 1.0, 2.5, 4.0, 2.0, 0.0]


def test_interp_hands_what_lies_outside_to_the_outer_values() -> None:
    x, knots = np.array([-1.0, 0.5, 3.0]), np.array([0.0, 1.0, 2.0])
    outer = grad(lambda left, right: np.sum(tape_ad.interp(x, knots, np.ones(3), left, right)), argnums=(0, 1))

    assert [1.0, 1.0] == [float(g) for g in outer(7.0, 8.0)]
    assert grad(lambda f: np.sum(np.interp(x, knots, f)))(np.ones(3)).tolist() == [1.5, 0.5, 1.0]


def test_the_coordinates_of_a_gradient_have_derivatives_also_where_they_are_even() -> None:
    """NumPy takes the short way through even coordinates; the derivative is that of the general formula."""
    check_grads(lambda f, x: np.gradient(f, x, axis=1, edge_order=2), (X, np.arange(4.0)), order=1)


# --- special values -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("x", [[0.0, 2.0, 3.0], [2.0, 0.0, 3.0], [0.0, 0.0, 3.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
def test_running_products_are_exact_at_zeros(x: list[float]) -> None:
    """Against the definition: the product of all but one, for each result."""
    expected = [[np.prod([v for k, v in enumerate(x[: i + 1]) if k != j]) if j <= i else 0.0 for j in range(3)] for i in range(3)]  # fmt: skip

    functions: tuple[Callable[[Any], Any], ...] = (np.cumprod, np.multiply.accumulate, tape_ad.cumulative_prod)
    for f in functions:
        rows = [grad(lambda x, f=f, i=i: f(x)[i])(np.array(x)).tolist() for i in range(3)]
        columns = [jvp(f, (np.array(x),), (np.eye(3)[j],))[1].tolist() for j in range(3)]

        assert expected == rows == [list(row) for row in zip(*columns, strict=True)]


NAN_CALLS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda x: np.nansum(x, axis=0), "sum under a mask": lambda x: np.nansum(x, where=Y > 0, initial=2.0), "prod": np.nanprod,
    "mean": lambda x: np.nanmean(x, axis=1), "var": lambda x: np.nanvar(x, ddof=1), "std": lambda x: np.nanstd(x, axis=1, correction=1),
    "max": lambda x: np.nanmax(x, axis=0, keepdims=True), "min": lambda x: np.nanmin(x, axis=1, initial=0.1), "cumsum": lambda x: np.nancumsum(x, axis=1),
    "cumprod": np.nancumprod, "median": lambda x: np.nanmedian(x, axis=0), "quantile": lambda x: np.nanquantile(x, [0.2, 0.5], axis=1),
    "percentile": lambda x: np.nanpercentile(x, 30, axis=1, method="hazen"),
}  # fmt: skip


@pytest.mark.parametrize("name", NAN_CALLS)
def test_nan_are_left_out_and_have_the_derivative_zero(name: str) -> None:
    f, missing = NAN_CALLS[name], np.isnan(NAN)
    slopes = grad(lambda x: np.sum(np.sin(f(x))))(NAN)

    assert bits(f(NAN)) == bits(f(leaf(NAN)))
    assert not slopes[missing].any()
    check_grads(lambda x: f(np.where(missing, np.nan, x)), (np.where(missing, 0, NAN),), order=2)
    assert by_loop(grad(lambda x: np.sum(np.sin(f(x)))), (NAN, NAN[::-1])) == pytest.approx(
        vmap(grad(lambda x: np.sum(np.sin(f(x)))))(np.stack([NAN, NAN[::-1]])), abs=1e-12
    )


@pytest.mark.parametrize("function", [np.nanmean, np.nanmax, np.nanmin, np.nanmedian, np.nanvar, np.nanstd])
def test_a_slice_of_nan_warns_as_numpy_does_and_its_backward_pass_does_not(function: Callable[..., Any]) -> None:
    x = leaf([[np.nan, np.nan], [1.0, 2.0]])
    with pytest.warns(RuntimeWarning) as expected:
        function(x.data, axis=1)
    with pytest.warns(RuntimeWarning) as caught:
        out = function(x, axis=1)
    slopes = out.backward(np.ones(2))[x]

    assert [str(w.message) for w in expected] == [str(w.message) for w in caught]
    assert not slopes[0].any()


def test_single_precision_is_numpys() -> None:
    x = X.astype(np.float32)
    calls: tuple[Callable[[Any], Any], ...] = (
        np.cov, lambda x: np.interp(x, x[0], x[1]), lambda x: np.vander(x[0]), lambda x: np.polyfit(x[0], x[1], 1),
        lambda x: np.bincount([0, 1, 1, 0], x[0]), lambda x: np.quantile(x, 0.3, axis=0), lambda x: np.gradient(x, np.arange(4.0), axis=1),
        lambda x: np.trapezoid(x, dx=0.5), lambda x: np.average(x, axis=0, weights=x * x), lambda x: np.histogram([0.0, 1.0, 2.0, 2.0], 2, weights=x[0] ** 2, density=True)[0],
    )  # fmt: skip

    for f in calls:
        t = Tensor(x, autograd=True)
        out = f(t)

        assert bits(f(x)) == bits(out)
        assert out.backward(np.ones(out.shape, out.dtype))[t].dtype == np.float32


@given(m=st.integers(1, 5), n=st.integers(1, 5), mode=st.sampled_from(["full", "same", "valid"]))
def test_convolution_and_correlation_are_right_for_all_lengths(m: int, n: int, mode: Any) -> None:
    x, y = np.random.default_rng(m * 7 + n).standard_normal((2, 5))
    z = x + 1j * y
    for f in (np.convolve, np.correlate):
        check_grads(lambda a, b, f=f: f(a, b, mode), (x[:m], y[:n]), order=2)
        check_grads(lambda a, b, f=f: f(a, b, mode), (z[:m], z[::-1][:n]), order=1)
        expected = np.stack([f(a[:m], y[:n], mode) for a in (x, y)])

        assert expected == pytest.approx(vmap(lambda a, f=f: f(a, y[:n], mode))(np.stack([x, y])[:, :m]), abs=1e-12)


def test_imaginary_parts_are_never_dropped() -> None:
    z = Tensor(X[0] + 1j * X[1], autograd=True)

    with pytest.raises(TypeError, match="real points"):
        np.interp(z, [0.0, 1.0], [2.0, 3.0])
    with pytest.raises(TypeError, match="real weights"):
        np.bincount([0, 1, 1, 2], z)


# --- what is constant, and what is refused --------------------------------------------------------------------------
def test_queries_about_order_are_plain_answers() -> None:
    x = leaf(X)
    queries: tuple[Callable[[Any], Any], ...] = (
        lambda x: np.argpartition(x, 1), lambda x: np.lexsort((x[0], x[1])), np.nanargmax, np.nanargmin, lambda x: np.isin(x, [1.0]),
        lambda x: np.histogram(x, 3)[0], lambda x: x.argsort(), lambda x: x[0].searchsorted(0.5),
    )  # fmt: skip

    for query in queries:
        assert isinstance(query(x), (np.ndarray, np.integer))
        assert bits(query(X)) == bits(query(x))


def test_what_changes_its_argument_is_refused_with_the_functional_spelling() -> None:
    x = leaf(X)

    with pytest.raises(MutationError, match=r"t = np\.sort\(t\)"):
        x.sort()
    with pytest.raises(MutationError, match=r"t = np\.partition\(t, k\)"):
        x.partition(1)
    for f, out in itertools.product((np.median, np.cumprod, np.nansum), (np.zeros(()),)):
        with pytest.raises(MutationError, match="out="):
            f(x, out=out)
    with pytest.raises(ArgumentError, match="full and cov"):
        np.polyfit([0.0, 1.0], x[0, :2], 1, full=True)


def test_a_product_of_polynomials_drops_zeros_in_front_and_refuses_to_where_examples_may_differ() -> None:
    def product(x: Any) -> Any:
        return np.polymul(np.concatenate([np.zeros(2), x]), x)

    assert bits(product(X[0])) == bits(product(leaf(X[0])))
    check_grads(product, (X[0],), order=2)
    with pytest.raises(BatchedValueError):
        vmap(product)(X)


def test_lengths_that_would_differ_from_example_to_example_are_refused() -> None:
    with pytest.raises(ArgumentError, match="in_axes=None"):
        vmap(lambda x: np.bincount(x, minlength=3))(np.array([[0, 1], [2, 2]]))


def test_the_caller_keeps_a_raw_array_that_a_quantile_may_overwrite() -> None:
    x = X.copy()
    np.quantile(x, leaf(0.3), overwrite_input=True)

    assert X.tolist() == x.tolist()
