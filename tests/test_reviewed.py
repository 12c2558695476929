"""Corner points that a reviewer's programs once got wrong."""

import math
from collections import defaultdict
from typing import Any

import attrs
import numpy as real_numpy  # noqa: ICN001 - `np` is the same without its stubs, which know no tensors
import pytest

from tape_ad import ConversionError, Tensor, UnsupportedDataError, grad, vmap
from tape_ad.testing import check_grads

np: Any = real_numpy


def test_arctan2_neither_overflows_nor_counts_in_integers() -> None:
    expected = 100 / (9.0 + 100.0**2)

    assert expected == pytest.approx(grad(lambda x: np.arctan2(x, np.array([100], np.int8)).sum())(np.array([3.0]))[0])
    assert 0.5e-200 == pytest.approx(grad(np.arctan2)(1e200, 1e200))


def test_the_mixed_second_derivative_of_a_power_is_right_at_exponent_zero() -> None:
    assert 0.5 == grad(lambda y: grad(lambda x: x**y)(2.0))(0.0)
    assert 0.5 == grad(lambda y: grad(lambda x: (x**y).sum())(np.array([2.0]))[0])(np.array([0.0]))[0]


def test_rules_of_python_numbers_follow_numpys_arithmetic() -> None:
    with np.errstate(divide="ignore"):
        assert math.inf == grad(np.log)(0.0)
    assert math.inf == grad(lambda x: np.power(x, 0.5))(0.0)


@pytest.mark.parametrize("values", [[1.0, 1.0, 2.0], [3.0, 3.0, 3.0]])
def test_a_masked_standard_deviation_of_equal_elements_has_slope_zero(values: list[float]) -> None:
    mask = np.array([True, True, False])

    assert [0.0, 0.0, 0.0] == grad(lambda x: np.std(x, where=mask))(np.array(values)).tolist()


def test_products_whose_value_overflows_still_have_their_gradient() -> None:
    with np.errstate(over="ignore"):
        assert [1e200, 1e200] == grad(np.prod)(np.array([1e200, 1e200])).tolist()
    assert [1e-200, 1e-200, 0.0] == grad(np.prod)(np.array([1e-200, 1e-200, 1.0])).tolist()


def test_logaddexp_with_an_infinite_operand_gives_it_the_whole_share() -> None:
    assert (1.0, 0.0) == grad(np.logaddexp, (0, 1))(math.inf, 0.0)
    assert (0.0, 1.0) == grad(np.logaddexp, (0, 1))(-math.inf, 0.0)


def test_a_half_precision_mean_of_many_elements_has_a_gradient() -> None:
    assert np.all(grad(np.mean)(np.ones(100_000, np.float16)) > 0)


@pytest.mark.parametrize("dtype", [object, "S", "U5", "datetime64[s]"])
def test_no_tensor_is_cast_to_what_it_cannot_hold(dtype: Any) -> None:
    with pytest.raises(UnsupportedDataError, match="astype"):
        Tensor(np.ones(2)).astype(dtype)


def test_einsum_orders_integer_labels_as_numpy_does() -> None:
    x = np.arange(6.0).reshape(2, 3)

    np.testing.assert_array_equal(np.einsum(x, [0, 26]), np.einsum(Tensor(x), [0, 26]).data)


def test_a_float_index_is_an_index_error_too() -> None:
    with pytest.raises(IndexError, match="float64"):
        Tensor(np.ones(3))[1.0]
    with pytest.raises(IndexError):
        Tensor(np.ones(3))[np.zeros(0)]


def test_a_python_scalar_reads_by_index_like_numpys() -> None:
    assert 1.0 == grad(lambda x: x[()])(2.0)
    assert isinstance(grad(np.sum)(2.0), np.float64)


def test_containers_that_are_not_differentiated_keep_what_the_function_puts_in_them() -> None:
    log: list[Any] = [np.ones(2)]
    cache: defaultdict[str, int] = defaultdict(int)

    def f(w: Any, log: list[Any], cache: defaultdict[str, int]) -> Any:
        log.append(1)
        cache["calls"] += 1
        return (w * w).sum()

    grad(f)(np.ones(2), log, cache)

    assert (2, 1) == (len(log), cache["calls"])


@attrs.frozen
class Converted:
    w: Any = attrs.field(converter=real_numpy.asarray)
    n: int = attrs.field(default=5, init=False)


def test_records_with_converters_and_computed_fields_are_differentiated_as_they_are() -> None:
    found = grad(lambda p: (p.w * p.n).sum())(Converted([1.0, 2.0]))

    assert (Converted, [5.0, 5.0], 5) == (type(found), found.w.tolist(), found.n)


def test_a_tracked_initial_value_is_refused_with_the_remedy() -> None:
    with pytest.raises(ConversionError, match="Combine the two afterwards"):
        np.sum(Tensor([1.0, 2.0], autograd=True), initial=Tensor(1.0, autograd=True))


def test_a_copy_of_a_value_that_never_changes_is_the_value() -> None:
    t = Tensor([1.0], autograd=True)

    assert t is t.copy() is np.copy(t)


@pytest.mark.parametrize("function", [np.var, np.std, np.nanvar, np.nanstd])
def test_a_moment_takes_the_mean_that_is_known(function: Any) -> None:
    x, mean = np.array([[1.0, 2.0, 4.0], [3.0, 5.0, 8.0]]), np.array([[2.0], [5.5]])
    mask = np.array([True, False, True])
    expected = function(x, axis=1, mean=mean, correction=1)

    np.testing.assert_array_equal(function(Tensor(x), axis=1, mean=Tensor(mean), correction=1).data, expected)
    check_grads(lambda x, mean: function(x, axis=1, mean=mean, correction=1), (x, mean), order=2)
    check_grads(lambda x, mean: function(x, axis=1, mean=mean, where=mask), (x, mean), order=2)


@pytest.mark.parametrize("function", [np.var, np.std, np.median, np.nanvar, np.nanmedian])
def test_moments_and_medians_of_nothing_have_a_gradient_of_nothing(function: Any) -> None:
    with pytest.warns(RuntimeWarning):
        assert (0, 3) == grad(lambda x: function(x, axis=0).sum())(np.zeros((0, 3))).shape


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_variance_with_no_degree_of_freedom_is_no_error_of_pythons() -> None:
    assert not np.isfinite(grad(lambda x: np.var(x, ddof=3))(np.array([1.0, 2.0]))).any()


def test_a_quotient_by_pythons_zero_has_numpys_infinite_slope() -> None:
    with np.errstate(divide="ignore"):
        assert [math.inf] == grad(lambda x: (x / 0).sum())(np.ones(1)).tolist()


def test_a_mask_of_a_ufunc_is_for_all_examples_of_a_batch() -> None:
    x, mask = np.array([[1.0, -2.0], [3.0, 4.0]]), np.array([True, False])
    slopes = vmap(grad(lambda row: np.sqrt(row, where=mask).sum()))(x)

    np.testing.assert_array_equal(slopes, [[0.5, 0], [0.5 / np.sqrt(3.0), 0]])


def test_scalars_of_numpys_stay_scalars() -> None:
    x = np.array([[1.0, 2.0]])

    assert isinstance(np.average(Tensor(x), weights=x, returned=True)[1].data, np.float64)
    assert 6.0 == grad(lambda t: np.kron(t, t))(3.0)


def test_a_tensor_rounds_and_says_where_it_is_not_zero_like_an_array() -> None:
    t = Tensor([0.0, 1.26], autograd=True)

    assert [0.0, 1.3] == t.round(1).data.tolist()
    assert [[1]] == [list(i) for i in t.nonzero()]
    with pytest.raises(AttributeError, match="ravel"):
        getattr(t, "flat")  # noqa: B009 - which the type checker knows too
