"""The methods of ufuncs: ``reduce``, ``accumulate``, ``reduceat`` and ``outer`` of every ufunc of two operands that has an op."""

from collections.abc import Callable
from typing import Any

import numpy  # noqa: ICN001 - `np` is the same without its stubs, below
import pytest
from hypothesis import given, strategies as st

from tape_ad import ConversionError, NoRuleError, PiecewiseConstantError, Tensor, grad, jacobian, jvp, vmap
from tape_ad._core import DOORS
from tape_ad._errors import ArgumentError, BatchedValueError
from tape_ad.testing import check_grads
from tests.test_manipulation_ops import bits, data, total

np: Any = numpy  # its stubs know no tensors
RNG = np.random.default_rng(5)
X = RNG.random((3, 4)) + 0.6  # positive, away from one another and from integers
UFUNCS = sorted(
    {f for f in DOORS if isinstance(f, np.ufunc) and f.nin == 2 and f.nout == 1 and not f.signature}, key=str
)
OPS: dict[Any, Any] = {f: DOORS[f][0] for f in UFUNCS}
SMOOTH = [f for f in UFUNCS if OPS[f].tracks and f is not np.ldexp]  # ldexp takes integers second
FORGETFUL = {np.power, np.arctan2}
"""What NumPy's own reduce gets wrong on processors with AVX-512; see tape_ad/ops/folds.py."""

every_ufunc = pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda f: f.__name__)
every_smooth = pytest.mark.parametrize("ufunc", SMOOTH, ids=lambda f: f.__name__)


def folded(ufunc: Any, parts: Any) -> Any:
    """Return what the ufunc makes of some parts, one after the other."""
    value, *rest = parts
    for part in rest:
        value = ufunc(value, part)
    return value


CALLS: dict[str, Callable[..., Any]] = {
    "reduce": lambda u, x: u.reduce(x), "reduce along the last": lambda u, x: u.reduce(x, -1), "reduce and keep": lambda u, x: u.reduce(x, axis=1, keepdims=True),
    "reduce from": lambda u, x: u.reduce(x, axis=0, initial=1.25), "reduce from and keep": lambda u, x: u.reduce(x, 1, None, None, True, 0.75),
    "reduce some": lambda u, x: u.reduce(x, axis=0, initial=0.7, where=np.array([True, False, True])[:, None]),
    "reduce one": lambda u, x: u.reduce(x[:1]), "reduce none": lambda u, x: u.reduce(x[:0], axis=0), "reduce no axis": lambda u, x: u.reduce(x, axis=()),
    "reduce a line": lambda u, x: u.reduce(x[0], axis=None), "reduce all": lambda u, x: u.reduce(x, axis=None), "reduce to single": lambda u, x: u.reduce(x, dtype=np.float32),
    "reduce unset": lambda u, x: u.reduce(x, initial=None), "reduce a number": lambda u, x: u.reduce(x[0, 0]), "reduce a number and keep": lambda u, x: u.reduce(x[0, 0], axis=-1, keepdims=True),
    "accumulate": lambda u, x: u.accumulate(x), "accumulate along the last": lambda u, x: u.accumulate(x, axis=-1), "accumulate none": lambda u, x: u.accumulate(x[:0]),
    "accumulate a line": lambda u, x: u.accumulate(x[1], None), "accumulate in single": lambda u, x: u.accumulate(x, 1, np.float32), "accumulate both": lambda u, x: u.accumulate(x, axis=(0, 1)),
    "accumulate a number": lambda u, x: u.accumulate(x[0, 0]),
    "reduceat": lambda u, x: u.reduceat(x, [0, 2]), "reduceat back and forth": lambda u, x: u.reduceat(x, [0, 3, 1, 2], axis=1), "reduceat nowhere": lambda u, x: u.reduceat(x, np.array([], int), axis=-1),
    "reduceat in single": lambda u, x: u.reduceat(x, (1,), 0, np.float32), "reduceat outside": lambda u, x: u.reduceat(x, [5]), "reduceat a number": lambda u, x: u.reduceat(x[0, 0], [0]),
    "outer": lambda u, x: u.outer(x[0], x[:, 0]), "outer with a number": lambda u, x: u.outer(2.0, x[0]),
}  # fmt: skip
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


# --- values ---------------------------------------------------------------------------------------------------------
@every_ufunc
@every_call
@pytest.mark.filterwarnings("ignore")
def test_the_value_is_numpys_bit_for_bit_or_its_error(ufunc: Any, call: Any) -> None:
    for dtype in (np.float64, np.float32, np.complex128, np.int64, np.bool_):
        x = (3 * X - 3).astype(dtype)
        if dtype is np.complex128:
            x = x + 1j * x[::-1]
        try:
            expected = call(ufunc, x)
        except (TypeError, ValueError, IndexError) as error:
            # Where indices and dtypes are both wrong, either may be told.
            with pytest.raises((IndexError, TypeError) if isinstance(error, IndexError) else type(error)):
                call(ufunc, Tensor(x))
            continue

        found = call(ufunc, Tensor(x))

        assert isinstance(found, Tensor)
        if ufunc in FORGETFUL and found.dtype in (np.float64, np.float32):
            assert (np.asarray(expected).dtype, np.shape(expected)) == (found.dtype, found.shape)
        else:
            assert bits(expected) == bits(found)


@pytest.mark.parametrize("ufunc", sorted(FORGETFUL, key=str), ids=lambda f: f.__name__)
def test_what_numpy_may_reduce_wrongly_is_reduced_step_by_step(ufunc: Any) -> None:
    t, start = Tensor(X, autograd=True), np.full((3, 1), 1.25)
    some = np.array([True, False, True, True])
    pairs = [
        (X.T, ufunc.reduce(t, axis=1)), (X, ufunc.reduce(t)), (np.hstack([start, X]).T, ufunc.reduce(t, axis=1, initial=1.25)),
        (np.hstack([start, X[:, some]]).T, ufunc.reduce(t, axis=1, initial=1.25, where=some)),
        (X[:, 2:].T, ufunc.reduceat(t, [0, 2], axis=1)[:, 1]), (X.T, ufunc.reduce(t, axis=1, keepdims=True)[:, 0]),
    ]  # fmt: skip

    for lines, found in pairs:
        assert bits(ufunc.accumulate(lines)[-1]) == bits(found)
        np.testing.assert_allclose(folded(ufunc, lines), found.data, rtol=1e-14)
    assert type(ufunc.reduce(X[0])) is type(ufunc.reduce(t[0]).data)


@given(st.integers(1, 40), st.sampled_from([np.hypot, np.logaddexp2, np.subtract, np.divide, np.fmod]), st.data())
def test_parts_of_any_lengths_are_numpys(n: int, ufunc: Any, draw: Any) -> None:
    x = np.linspace(0.5, 2.0, n)
    indices = draw.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=12))
    ends = [*indices[1:], n]

    def written_out(x: Any) -> Any:
        return np.stack([folded(ufunc, x[i : max(i + 1, j)]) for i, j in zip(indices, ends, strict=True)])

    assert bits(ufunc.reduceat(x, indices)) == bits(ufunc.reduceat(Tensor(x), indices))
    np.testing.assert_allclose(
        jacobian(written_out)(x), jacobian(lambda x: ufunc.reduceat(x, indices))(x), rtol=1e-9, atol=1e-12
    )


# --- derivatives ----------------------------------------------------------------------------------------------------
@every_smooth
@every_call
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_both_modes_agree_with_central_differences_to_second_order(ufunc: Any, call: Any) -> None:
    try:
        value = np.asarray(call(ufunc, X))
    except (TypeError, ValueError, IndexError):
        return
    if value.dtype == np.float32 or not np.isfinite(value).all():
        return  # too coarse for central differences, or the identity -inf

    check_grads(lambda x: total(call(ufunc, Tensor(x) if not isinstance(x, Tensor) else x)), (X,), order=2)


@every_smooth
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_every_method_has_the_derivative_of_the_steps_written_out(ufunc: Any) -> None:
    x = X[:, 0] * np.array([1.0, -1.0, 1.0]) if ufunc in {np.hypot, np.copysign, np.subtract, np.fmax} else X[:, 0]

    def running(x: Any) -> Any:
        return np.stack([folded(ufunc, x[: i + 1]) for i in range(3)])

    expected = jacobian(running)(x)

    np.testing.assert_allclose(expected, jacobian(ufunc.accumulate)(x), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(expected[-1], grad(ufunc.reduce)(x), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(expected[1], grad(lambda x: ufunc.reduceat(x, [0, 2])[0])(x), rtol=1e-10, atol=1e-14)


@every_smooth
@every_call
@pytest.mark.filterwarnings("ignore")
def test_a_batch_is_the_stack_of_its_examples(ufunc: Any, call: Any) -> None:
    xs = np.stack([X, X[::-1] + 0.1, X * 0.9])
    try:
        expected = [np.asarray(data(call(ufunc, Tensor(x)))) for x in xs]
    except (TypeError, ValueError, IndexError):
        return

    np.testing.assert_allclose(np.stack(expected), vmap(lambda x: call(ufunc, x))(xs), rtol=1e-6)
    slopes = [grad(lambda x: total(call(ufunc, x)) + 0 * np.sum(x))(x) for x in xs]
    np.testing.assert_allclose(
        np.stack(slopes), vmap(grad(lambda x: total(call(ufunc, x)) + 0 * np.sum(x)))(xs), rtol=1e-5, atol=1e-12
    )


@pytest.mark.parametrize("ufunc", [np.hypot, np.divide, np.power], ids=lambda f: f.__name__)
def test_each_example_may_have_a_mask_of_its_own(ufunc: Any) -> None:
    masks = np.array([[True, False, True], [False, False, False], [True, True, True]])

    def chosen(x: Any, mask: Any) -> Any:
        return ufunc.reduce(x, axis=0, initial=1.5, where=mask)

    for axes, xs in ((0, X[:, :3]), (None, X[0, :3])):
        examples = xs if axes == 0 else np.stack([xs] * 3)
        expected = [chosen(Tensor(x), m).data for x, m in zip(examples, masks, strict=True)]
        slopes = [grad(chosen)(x, m) for x, m in zip(examples, masks, strict=True)]

        np.testing.assert_allclose(expected, vmap(chosen, in_axes=(axes, 0))(xs, masks), rtol=1e-13)
        np.testing.assert_allclose(slopes, vmap(grad(chosen), in_axes=(axes, 0))(xs, masks), rtol=1e-13)


def test_many_equal_extremes_share_the_derivative_evenly() -> None:
    x = np.array([1.0, 3.0, np.nan, 3.0, 3.0])

    assert [0.0, 1 / 3, 0.0, 1 / 3, 1 / 3] == grad(np.fmax.reduce)(x).tolist()
    assert [1.0, 0.0, 0.0, 0.0, 0.0] == grad(np.fmin.reduce)(x).tolist()
    assert [0.5, 0.5] == grad(lambda x: np.maximum.reduceat(x, [0])[0])(np.ones(2)).tolist()


def test_what_is_not_finite_stays_in_its_part_and_behind_its_mask() -> None:
    x = np.array([np.nan, 1.0, 2.0, 4.0, np.inf, 0.0])
    mask = np.isfinite(x) & (x > 0)
    with np.errstate(all="ignore"):
        parts, tangent = jvp(lambda x: np.divide.reduceat(x, [0, 2, 4]), (x,), (np.ones(6),))
        gradient = grad(lambda x: np.divide.reduceat(x, [0, 2, 4])[1])(x)

    assert (0.5, 0.125) == (parts[1], tangent[1])
    assert [0.25, -0.125] == gradient[2:4].tolist()
    assert [0.0, -0.125, -0.0625, -0.03125, 0.0, 0.0] == grad(lambda x: np.divide.reduce(x, initial=1.0, where=mask))(
        x
    ).tolist()


def test_products_of_parts_are_differentiated_exactly_where_elements_are_zero() -> None:
    x = np.array([0.0, 2.0, 0.0, 5.0, 0.0, 0.0])

    assert [2.0, 0.0, 5.0, 0.0, 0.0, 0.0] == grad(lambda x: np.sum(np.multiply.reduceat(x, [0, 2, 4])))(x).tolist()


def test_a_long_line_is_differentiated_in_few_steps() -> None:
    x = np.full(20_000, 1.0)

    np.testing.assert_allclose(np.full(20_000, 20_000**-0.5), grad(np.hypot.reduce)(x), rtol=1e-9)


# --- constants and refusals -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("ufunc", [np.floor_divide, np.logical_xor, np.equal], ids=lambda f: f.__name__)
def test_what_is_piecewise_constant_is_no_gradient_and_says_so(ufunc: Any) -> None:
    t = Tensor([9.0, 2.0, 2.0], autograd=True)
    found = ufunc.accumulate(t) if ufunc is not np.equal else ufunc.outer(t, t)

    assert not found.autograd
    with pytest.raises(PiecewiseConstantError):
        np.sum(found * 1.0).backward()[t]


def test_a_tracked_initial_value_is_refused_with_the_way_out() -> None:
    t = Tensor(X, autograd=True)

    with pytest.raises(ConversionError, match=r"np\.hypot\.reduce\(…, initial=t\).*np\.concatenate"):
        np.hypot.reduce(t, initial=t[0, 0])
    assert bits(np.hypot.reduce(X, initial=np.float64(2.0))) == bits(
        np.hypot.reduce(t, initial=Tensor(np.float64(2.0)))
    )


def test_indices_differ_from_no_example_to_another() -> None:
    with pytest.raises(BatchedValueError, match="in_axes=None"):
        vmap(np.hypot.reduceat, in_axes=(None, 0))(X[0], np.array([[0, 2], [1, 2]]))
    expected = np.hypot.reduceat(X[0], [0, 2])
    assert bits(expected) == bits(np.hypot.reduceat(Tensor(X[0]), Tensor([0, 2])))


def test_a_method_that_a_ufunc_does_not_have_is_numpys_error() -> None:
    t = Tensor(X[:3, :3], autograd=True)

    for call in (np.sin.reduce, np.divmod.reduce, np.matmul.reduce, np.matmul.accumulate, lambda t: np.matmul.outer(t, t), lambda t: np.vecdot.outer(t, t)):  # fmt: skip
        with pytest.raises((RuntimeError, ValueError, TypeError)) as expected:
            call(t.data)
        with pytest.raises(expected.type, match=str(expected.value)[:20]):
            call(t)


def test_a_scalar_has_no_running_values() -> None:
    for method in ("accumulate", "reduceat"):
        with pytest.raises(ArgumentError, match=rf"cannot {method} on a scalar"):
            getattr(np.hypot, method)(Tensor(1.0), *([[0]] if method == "reduceat" else []))


def test_a_ufunc_without_an_op_is_refused_by_name() -> None:
    mine = np.frompyfunc(lambda x, y: x, 2, 1)

    with pytest.raises(NoRuleError, match=r"\.reduce has no derivative here yet"):
        mine.reduce(Tensor(X))


def test_a_listing_names_the_ufunc() -> None:
    assert "fold(ufunc=hypot, axis=0)" == str(np.hypot.reduce(Tensor(X)).creation_op)
