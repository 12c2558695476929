"""The rarer elementwise functions: several results, kinks, accuracy, doors, refusals."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tape_ad
from tape_ad import PiecewiseConstantError, Tape, Tensor, grad, hessian, vmap
from tape_ad.testing import check_grads

X = np.array([0.3, -1.7, 2.2, -5.4])
Y = np.array([1.2, -0.7, 0.87, 2.1])  # no quotient with X is near an integer, where remainders jump
SEVERAL: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "modf": (np.modf, (X,)),
    "frexp": (np.frexp, (X,)),
    "divmod": (np.divmod, (X, Y)),
}
SINC: Any = np.sinc  # NumPy's stubs have these of arrays
I0: Any = np.i0
EDGES = np.array([0.0, -0.0, 1.0, -2.0, np.inf, -np.inf, np.nan, 5e-324, 1e300, 0.7])


def shown(x: Any) -> Any:
    """Return type, dtype, shape and bits of each result; NaN has one form."""
    if isinstance(x, tuple):
        return [shown(part) for part in x]
    data = x.data if isinstance(x, Tensor) else x
    return type(data), np.asarray(data).dtype, np.shape(data), np.nan_to_num(np.asarray(data), nan=-7.5).tobytes()


def derivatives(f: Callable[[Any], Any], x: float, count: int) -> list[float]:
    """Return the first derivatives of a function of one number."""
    found = []
    for _ in range(count):
        f = grad(f)
        found.append(float(f(x)))
    return found


# --- several results ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_functions_with_two_results_give_numpys_bits_through_every_door(name: str) -> None:
    numpys, operands = SEVERAL[name]
    ours = getattr(tape_ad, name)
    points: list[tuple[Any, ...]] = [
        operands,
        tuple(x.astype(np.float32) for x in operands),
        tuple(x[0] for x in operands),
    ]
    points += [tuple(np.ones((0, 2)) for _ in operands), tuple(float(x[1]) for x in operands)]
    points += [(EDGES[:, None], EDGES) if len(operands) == 2 else (EDGES,)]
    for xs in points:
        expected = shown(numpys(*xs))

        assert expected == shown(numpys(*[Tensor(x, autograd=True) for x in xs]))
        assert expected == shown(ours(*[Tensor(x, autograd=True) for x in xs]))
        assert expected == shown(numpys(Tensor(xs[0], autograd=True), *xs[1:]))


@pytest.mark.parametrize(("name", "i"), [("modf", 0), ("modf", 1), ("frexp", 0), ("divmod", 0), ("divmod", 1)])
def test_each_of_two_results_has_the_right_derivatives_in_both_modes(name: str, i: int) -> None:
    f, operands = SEVERAL[name]

    check_grads(lambda *xs: f(*xs)[i], operands, order=2)
    check_grads(lambda *xs: np.sum(f(*xs)[i] * np.exp(xs[0])), operands, order=2)
    if len(operands) == 2:
        check_grads(lambda x: f(x, Y)[i], (X,), order=2)
        check_grads(lambda y: f(X[:, None], y)[i], (Y,), order=2)


@pytest.mark.parametrize("name", SEVERAL)
def test_both_results_together_have_the_derivative_of_their_sum(name: str) -> None:
    f, operands = SEVERAL[name]

    check_grads(lambda *xs: f(*xs)[0] * 1.5 + f(*xs)[1] * xs[0], operands, order=2)


@pytest.mark.parametrize("name", SEVERAL)
def test_gradients_of_two_results_at_many_points_are_those_of_a_loop(name: str) -> None:
    f, operands = SEVERAL[name]

    def gradients(*xs: Any) -> Any:
        return grad(lambda *xs: np.sum(f(*xs)[0] * xs[-1] + f(*xs)[1] * xs[0]), tuple(range(len(xs))))(*xs)

    stacked = [np.stack([x, x[::-1] * 1.3]) for x in operands]
    expected = [np.stack(parts) for parts in zip(*[gradients(*xs) for xs in zip(*stacked, strict=True)], strict=True)]

    for wanted, actual in zip(expected, vmap(gradients)(*stacked), strict=True):
        assert wanted == pytest.approx(actual, rel=1e-13)


def test_masks_and_dtypes_reach_each_of_two_results() -> None:
    mask = np.array([True, False, True, True])
    t = Tensor(X, autograd=True)
    for actual, expected in zip(np.divmod(t, Y, where=mask), np.divmod(X, Y), strict=True):
        assert np.where(mask, expected, 0).tolist() == actual.data.tolist()
    single = np.modf(t, dtype=np.float32)

    assert shown(np.modf(X, dtype=np.float32)) == shown(single)
    assert [1.0] * 4 == np.sum(single[0]).backward()[t].tolist()
    assert mask.tolist() == (np.sum(np.modf(t, where=mask)[0]).backward()[t] != 0).tolist()
    assert [0.0] * 4 == np.modf(t, where=False)[0].data.tolist()


def test_mantissa_and_exponent_put_together_are_the_identity() -> None:
    assert np.ones(4).tolist() == grad(lambda x: np.sum(np.ldexp(*np.frexp(x))))(X).tolist()


def test_the_exponent_is_an_integer_and_carries_no_derivative() -> None:
    t = Tensor(X, autograd=True)
    exponent: Any = np.frexp(t)[1]

    assert (np.dtype(np.int32), False) == (exponent.dtype, exponent.autograd)


# --- kinks and corners ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (np.fabs, 0.0, 0.0), (lambda x: np.copysign(x, 2.0), 0.0, 0.0), (lambda x: np.copysign(x, -0.0), 3.0, -1.0),
        (lambda x: np.copysign(x, -0.0), -3.0, 1.0), (lambda x: np.copysign(2.0, x), 3.0, 0.0),
        (lambda x: np.fmax(x, 2.0), 2.0, 0.5), (lambda x: np.fmin(2.0, x), 2.0, 0.5), (lambda x: np.fmax(x, np.nan), 2.0, 1.0),
        (lambda x: np.fmin(np.nan, x), 2.0, 1.0), (lambda x: np.fmax(x, 1.0), np.nan, 0.0), (lambda x: np.fmin(1.0, x), np.nan, 0.0),
        (lambda x: np.heaviside(x, 0.3), 0.0, 0.0), (lambda h: np.heaviside(0.0, h), 0.3, 1.0), (lambda h: np.heaviside(2.0, h), 0.3, 0.0),
        (lambda x: np.logaddexp2(x, np.inf), np.inf, 0.5), (lambda x: np.logaddexp2(x, -np.inf), -np.inf, 0.5),
        (lambda x: np.logaddexp2(x, -np.inf), 1.0, 1.0), (lambda x: np.logaddexp2(1.0, x), -np.inf, 0.0), (lambda x: np.logaddexp2(1.0, x), np.inf, 1.0),
        (lambda x: np.logaddexp(x, np.inf), np.inf, 0.5), (lambda x: np.logaddexp(x, -np.inf), -np.inf, 0.5), (lambda x: np.arctan2(0.0, x), 0.0, 0.0),
        (np.angle, 0.0, 0.0), (np.angle, -2.0, 0.0), (np.angle, 0j, 0.0), (lambda z: np.real(np.sign(z)), 0j, 0.0),
        (np.nan_to_num, np.nan, 0.0), (np.nan_to_num, -np.inf, 0.0), (np.nan_to_num, 2.0, 1.0),
        (lambda x: np.nextafter(x, 5.0), 1.0, 1.0), (lambda x: np.nextafter(5.0, x), 1.0, 0.0),
        (lambda x: np.fmod(x, 3.0), -7.0, 1.0), (lambda y: np.fmod(-7.0, y), 3.0, 2.0), (lambda x: np.fmod(2.0, x), np.inf, 0.0),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_at_kinks_and_infinities_the_derivative_is_the_one_agreed_on(f: Any, x: Any, expected: float) -> None:
    assert expected == grad(f)(x)


def test_the_divisor_of_fmod_has_the_quotient_that_was_taken_also_where_the_quotient_rounds_up() -> None:
    below = np.nextafter(3 * 0.1, 0)  # divided by 0.1 it rounds to 3, but only two tenths were taken off
    x = next(v for v in (below, *[np.nextafter(k * 0.1, 0) for k in range(3, 60)]) if np.trunc(v / 0.1) * 0.1 > v)

    assert -np.rint((x - np.fmod(x, 0.1)) / 0.1) == grad(lambda y: np.fmod(x, y))(0.1)
    assert -np.trunc(x / 0.1) != grad(lambda y: np.fmod(x, y))(0.1)


# --- special functions ----------------------------------------------------------------------------------------------
def test_sinc_has_its_derivatives_of_any_order_at_zero() -> None:
    p = math.pi

    assert [0.0, -(p**2) / 3, 0.0, p**4 / 5, 0.0, -(p**6) / 7] == pytest.approx(derivatives(np.sinc, 0.0, 6), rel=1e-13)


@pytest.mark.parametrize("x", [1e-300, 1e-8, 1e-4, 0.01, 0.1, 0.3, 0.32, -0.25])
def test_near_zero_the_slope_of_sinc_keeps_all_digits(x: float) -> None:
    u = (math.pi * x) ** 2
    terms = [(-1) ** k * 2 * k * u ** (k - 1) * math.pi**2 * x / math.factorial(2 * k + 1) for k in range(1, 25)]

    assert math.fsum(terms) == pytest.approx(grad(SINC)(x), rel=3e-15)


def test_the_slope_of_sinc_has_no_step_where_the_series_ends() -> None:
    for edge in (1 / math.pi, -1 / math.pi):
        sides = [derivatives(np.sinc, edge * factor, 4) for factor in (1 - 1e-9, 1 + 1e-9)]

        assert sides[0] == pytest.approx(sides[1], rel=1e-7)


def test_i0_has_its_derivatives_of_any_order_at_zero() -> None:
    assert [0.0, 1 / 2, 0.0, 3 / 8, 0.0, 5 / 16] == pytest.approx(derivatives(np.i0, 0.0, 6), rel=1e-14)


@pytest.mark.parametrize("x", [-1e-6, 0.5, 3.0, -7.9, 8.1, 40.0, 300.0, 700.0])
def test_the_slope_of_i0_is_the_integral_that_defines_i1(x: float) -> None:
    """I1(x) is the mean of exp(x cos θ) sin(θ)² x over the half circle (DLMF 10.32.2); the trapezoidal rule is exact for it."""
    angles = (np.arange(400) + 0.5) * np.pi / 400
    scaled = np.mean(np.exp(x * np.cos(angles) - abs(x)) * np.sin(angles) ** 2) * x

    assert scaled == pytest.approx(grad(I0)(x) * np.exp(-abs(x)), rel=1e-12)


def test_the_slope_of_i0_overflows_where_it_must_and_stays_in_its_precision() -> None:
    with np.errstate(over="ignore"):
        assert [np.inf, -np.inf] == [grad(I0)(800.0), grad(I0)(-800.0)]
    narrow = grad(lambda x: np.sum(np.i0(x)))(np.array([0.5, 20.0], np.float32))

    assert np.float32 == narrow.dtype
    assert grad(lambda x: np.sum(np.i0(x)))(np.array([0.5, 20.0])) == pytest.approx(narrow, rel=1e-5)


# --- powers, signs, angles ------------------------------------------------------------------------------------------
def test_float_power_of_single_precision_is_double_and_its_gradient_single() -> None:
    x, y = np.array([0.5, 2.0], np.float32), np.array([3.0, -1.5], np.float32)
    out = np.float_power(Tensor(x, autograd=True), y)
    gx, gy = grad(lambda x, y: np.sum(np.float_power(x, y)), (0, 1))(x, y)
    expected = grad(lambda x, y: np.sum(x**y), (0, 1))(x.astype(float), y.astype(float))

    assert (np.dtype(float), np.dtype(np.float32), np.dtype(np.float32)) == (out.dtype, gx.dtype, gy.dtype)
    assert expected[0] == pytest.approx(gx, rel=1e-6)
    assert expected[1] == pytest.approx(gy, rel=1e-6)
    check_grads(np.float_power, (X**2, Y), order=2)
    check_grads(np.float_power, (X + 1j, Y), order=2)
    check_grads(lambda y: np.float_power(3, y), (Y,), order=2)


def test_the_sign_of_complex_numbers_has_a_derivative_and_that_of_real_ones_has_none() -> None:
    z = np.array([1 + 2j, -0.5j, 3.0])

    assert (
        shown(np.sign(z)) == shown(np.sign(Tensor(z, autograd=True))) == shown(tape_ad.sign(Tensor(z, autograd=True)))
    )
    check_grads(np.sign, (z,), order=2)
    check_grads(lambda z: np.sign(z, where=[True, False, True], out=None)[[0, 2]], (z,), order=2)
    check_grads(lambda x: np.imag(np.sign(x * (1 + 1j), dtype=complex)) * x, (X,), order=2)
    t = Tensor(X, autograd=True)
    with pytest.raises(PiecewiseConstantError, match="sign"):
        Tape.of(np.sum(np.sign(t) * Tensor(Y, autograd=True))).backward()[t]


def test_signs_of_many_complex_numbers_at_once_have_the_derivatives_of_a_loop() -> None:
    def gradient(z: Any) -> Any:
        return grad(lambda z: np.real(np.sign(z) * (1 + 2j)))(z)

    z = np.array([1 + 2j, -0.5j, 3.0])

    assert [gradient(v) for v in z] == pytest.approx(vmap(gradient)(z))


def test_the_angle_turns_with_a_phase_and_not_with_a_length() -> None:
    z = np.array([1 + 2j, -3 - 0.5j, -1j])
    turned = grad(lambda a: np.sum(np.angle(z * np.exp(1j * a))))(0.0)
    longer = grad(lambda r: np.sum(np.angle(z * r, deg=True)))(1.5)

    assert [3.0, 0.0] == pytest.approx([turned, longer], abs=1e-12)


# --- replacing, rounding, unwinding ---------------------------------------------------------------------------------
def test_what_is_put_in_the_place_of_nan_is_a_constant_and_carries_no_gradient() -> None:
    t = Tensor([np.nan, 1.0], autograd=True)
    for keyword in ("nan", "posinf", "neginf"):
        replace: Any = np.nan_to_num
        with pytest.raises(tape_ad.ConversionError, match=rf"np\.nan_to_num.*{keyword}=t"):
            replace(t, **{keyword: Tensor(1.0, autograd=True)})
    with pytest.raises(tape_ad.MutationError, match="a tensor never changes"):
        np.nan_to_num(t, copy=False)

    assert shown(np.nan_to_num(EDGES, True, 3.0, 4.0, -5.0)) == shown(
        np.nan_to_num(Tensor(EDGES), True, 3.0, 4.0, -5.0)
    )


@pytest.mark.parametrize("tol", [100, 1e6, 1e-3])
def test_the_real_part_is_taken_if_all_imaginary_parts_are_close_to_zero(tol: float) -> None:
    for z in (X + 1e-20j, X + 1e-12j, X + 1j, X, np.array([], complex), np.complex64(2 + 1e-9j), 3.0):
        actual = np.real_if_close(Tensor(z), tol=tol)

        assert shown(np.asarray(np.real_if_close(z, tol=tol))) == shown(np.asarray(actual.data))
    check_grads(lambda x, y: np.real_if_close(x + 1j * y), (X, Y), order=2)
    check_grads(lambda x: np.real_if_close(x * (1 + 0j)) ** 2, (X,), order=2)


def test_at_many_points_imaginary_parts_are_dropped_only_where_all_are_close_to_zero() -> None:
    drop = vmap(np.real_if_close)

    assert (np.dtype(float), np.dtype(complex)) == (drop(X + 0j).dtype, drop(X * 1j).dtype)


@given(
    size=st.integers(1, 8), seed=st.integers(0, 99), discont=st.none() | st.sampled_from((0.5, 3.0, 5.0)),
    period=st.sampled_from((2 * math.pi, 4.0, 1, 3)), axis=st.sampled_from((0, 1, -1)), kind=st.sampled_from(("f8", "f4", "i8")),
)  # fmt: skip
def test_unwrapped_phases_are_numpys_bits_with_every_keyword(
    size: int, seed: int, discont: Any, period: Any, axis: int, kind: str
) -> None:
    x = (np.random.default_rng(seed).standard_normal((3, size)) * 6).astype(kind)
    t = Tensor(x, autograd=kind != "i8")
    expected = shown(np.unwrap(x, discont, axis, period=period))

    assert expected == shown(np.unwrap(t, discont, axis, period=period))
    assert expected == shown(tape_ad.unwrap(t, discont=discont, axis=axis, period=period))


def test_a_period_that_carries_a_gradient_is_refused() -> None:
    period: Any = Tensor(6.0, autograd=True)
    with pytest.raises(tape_ad.ConversionError, match="period=t"):
        np.unwrap(Tensor(X, autograd=True), period=period)


@pytest.mark.parametrize("function", [np.round, np.around])
def test_rounding_gives_numpys_bits_at_any_number_of_decimals_and_is_constant(function: Any) -> None:
    for x in (X * 100, (X * 100).astype(np.float32), X * (30 + 70j), np.arange(40), np.float64(2.675)):
        for args in ((), (0,), (1,), (-1,), (np.int64(2),)):
            t = Tensor(x, autograd=x.dtype.kind in "fc")

            assert shown(function(x, *args)) == shown(function(t, *args))
            assert function(t, *args).autograd is False
    assert shown(function(X, decimals=1)) == shown(function(Tensor(X, autograd=True), decimals=1))


def test_dates_have_no_place_in_tensors() -> None:
    with pytest.raises(tape_ad.NoRuleError, match=r"np\.isnat"):
        np.isnat(Tensor(X))


# --- second order ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.logaddexp2(x[0], x[1]) * np.sinc(x[2]), lambda x: np.i0(x[0] * x[1]) + np.fmod(x[2], 2.0) ** 2,
        lambda x: np.angle(x[0] + 1j * x[1] * x[2]), lambda x: np.float_power(x[0] ** 2, x[1]) * np.copysign(x[2], x[0]),
        lambda x: np.real(np.sign(x[0] + 1j * x[1]) ** 3) * x[2],
    ],
)  # fmt: skip
def test_hessians_of_mixtures_are_symmetric_and_right(f: Any) -> None:
    x = np.array([0.4, -0.8, 1.3])
    h = hessian(f)(x)

    assert h.T == pytest.approx(h, rel=1e-9, abs=1e-12)
    check_grads(f, (x,), order=2)
