"""Fourier transforms: what the generated laws cannot say of them."""

import inspect
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tape_ad
from tape_ad import Tensor, grad, jacobian, vmap
from tape_ad._cases import Case
from tape_ad._core import TABLE
from tape_ad.testing import check_case, check_grads

NORMS = ("backward", "ortho", "forward")
ONE_AXIS = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
SEVERAL_AXES = ("fftn", "ifftn", "rfftn", "irfftn")
TWO_AXES = ("fft2", "ifft2", "rfft2", "irfft2")
REAL_INPUT = frozenset({"rfft", "ihfft", "rfftn", "rfft2"})
STANDARD = {
    **dict.fromkeys(ONE_AXIS, "(x, /, *, n=None, axis=-1, norm='backward')"),
    **dict.fromkeys(SEVERAL_AXES, "(x, /, *, s=None, axes=None, norm='backward')"),
    **dict.fromkeys(("fftshift", "ifftshift"), "(x, /, *, axes=None)"),
    **dict.fromkeys(("fftfreq", "rfftfreq"), "(n, /, *, d=1.0, dtype=None, device=None)"),
}


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def complex_normal(*shape: int, seed: int = 0) -> Any:
    return normal(*shape, seed=seed) + 1j * normal(*shape, seed=seed + 1)


def bits(x: Any) -> Any:
    """Return dtype, shape and bits of an array, or of a tensor's data."""
    array = np.asarray(x.data if isinstance(x, Tensor) else x)
    return array.dtype, array.shape, array.tobytes()


def outcome(call: Callable[[], Any]) -> Any:
    """Return the bits that a call gives, or the kind of its error."""
    try:
        return bits(call())
    except (ValueError, IndexError, TypeError) as error:
        return ValueError if isinstance(error, (ValueError, IndexError)) else TypeError


@st.composite
def calls_along_one_axis(draw: st.DrawFn) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Draw a shape with no axis of length one or less, the points, an axis and a norm."""
    shape = tuple(draw(st.lists(st.integers(2, 7), min_size=1, max_size=3)))
    params: dict[str, Any] = {
        "axis": draw(st.integers(-len(shape), len(shape) - 1)),
        "norm": draw(st.sampled_from(NORMS)),
    }
    n = draw(st.none() | st.integers(1, 9))
    return shape, params if n is None else {**params, "n": n}


@st.composite
def calls_along_several_axes(draw: st.DrawFn) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Draw the same with lengths and axes, which may be named twice."""
    shape = tuple(draw(st.lists(st.integers(2, 5), min_size=2, max_size=3)))
    axes = tuple(draw(st.lists(st.integers(-len(shape), len(shape) - 1), min_size=1, max_size=3)))
    params: dict[str, Any] = {"axes": axes, "norm": draw(st.sampled_from(NORMS))}
    if draw(st.booleans()):
        params["s"] = tuple(draw(st.integers(1, 6)) for _ in axes)
    return shape, params


# --- values ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ONE_AXIS)
@given(st.data())
def test_along_one_axis_every_call_gives_numpys_bits_or_error(name: str, data: st.DataObject) -> None:
    x = data.draw(
        st.sampled_from(
            (
                normal(5),
                complex_normal(4, 3),
                normal(2, 0),
                np.arange(6.0, dtype=np.float32),
                np.arange(4),
                np.float64(2),
            )
        )
    )
    args = data.draw(
        st.tuples(st.none() | st.integers(-1, 7), st.integers(-3, 2), st.sampled_from((None, *NORMS, "?")))
    )
    given_ = args[: data.draw(st.integers(0, 3))]
    function, ours = getattr(np.fft, name), getattr(tape_ad.fft, name)
    tensor = Tensor(x, autograd=x.dtype.kind in "fc")
    expected = outcome(lambda: function(x, *given_))
    named = dict(zip(("n", "axis", "norm"), given_, strict=False))

    assert expected == outcome(lambda: function(tensor, *given_))
    assert expected == outcome(lambda: function(a=tensor, **named))
    assert expected == outcome(lambda: ours(tensor, **named))


@pytest.mark.parametrize("name", SEVERAL_AXES + TWO_AXES)
@given(st.data())
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_along_several_axes_every_call_gives_numpys_bits_or_error(name: str, data: st.DataObject) -> None:
    x = data.draw(
        st.sampled_from(
            (normal(3, 4), complex_normal(2, 3, 4), normal(5), np.float64(2), normal(3, 2).astype(np.float32))
        )
    )
    lengths = st.none() | st.lists(st.integers(-1, 5) | st.none(), max_size=3).map(tuple)
    args = data.draw(
        st.tuples(lengths, st.none() | st.lists(st.integers(-3, 2), max_size=3), st.sampled_from((None, *NORMS)))
    )
    given_ = args[: data.draw(st.integers(0, 3))]
    function = getattr(np.fft, name)
    if (
        args[0]
        and None in args[0]
        and args[1]
        and len({axis % x.ndim if x.ndim else 0 for axis in args[1]}) < len(args[1])
    ):
        return  # refused, see below

    assert outcome(lambda: function(x, *given_)) == outcome(lambda: function(Tensor(x, autograd=True), *given_))


def test_lengths_without_axes_warn_as_in_numpy_where_the_call_stands() -> None:
    x = normal(3, 4)
    for function in (np.fft.fftn, np.fft.irfftn):
        with pytest.warns(DeprecationWarning, match="`axes` should not be `None`") as caught:
            actual = function(Tensor(x, autograd=True), s=(2, 5))

        assert __file__ == caught[0].filename
        with pytest.warns(DeprecationWarning, match="`axes` should not be `None`"):
            expected = function(x, s=(2, 5))

        assert bits(expected) == bits(actual)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_open_lengths_along_an_axis_that_is_named_twice_are_refused() -> None:
    function: Any = np.fft.fftn  # NumPy's stubs do not know the deprecated call
    with pytest.raises(tape_ad.ArgumentError, match="named twice"):
        function(Tensor(normal(3, 4), autograd=True), s=(None, 2), axes=(0, 0))


@pytest.mark.parametrize("name", STANDARD)
def test_the_namespace_has_the_signatures_of_the_array_api_standard(name: str) -> None:
    signature = inspect.signature(getattr(tape_ad.fft, name))
    bare = signature.replace(
        parameters=[p.replace(annotation=p.empty) for p in signature.parameters.values()],
        return_annotation=signature.empty,
    )

    assert STANDARD[name] == str(bare)


def test_the_namespace_has_the_functions_of_the_standard_and_no_others() -> None:
    assert sorted(STANDARD) == tape_ad.fft.__all__


def test_a_target_to_write_into_is_refused() -> None:
    with pytest.raises(tape_ad.MutationError, match=r"np\.fft\.fft was asked to write"):
        np.fft.fft(Tensor(normal(4), autograd=True), out=np.empty(4, complex))


# --- derivatives, whatever the lengths ------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ONE_AXIS)
@settings(max_examples=25)
@given(call=calls_along_one_axis(), seed=st.integers(0, 2**32 - 1))
def test_along_one_axis_the_laws_hold_whatever_length_points_and_norm(name: str, call: Any, seed: int) -> None:
    shape, params = call

    check_case(TABLE[name], Case((shape,), params), seed=seed)


@pytest.mark.parametrize("name", SEVERAL_AXES)
@settings(max_examples=25)
@given(call=calls_along_several_axes(), seed=st.integers(0, 2**32 - 1))
def test_along_several_axes_the_laws_hold_whatever_lengths_axes_and_norm(name: str, call: Any, seed: int) -> None:
    shape, params = call

    check_case(TABLE[name], Case((shape,), params), seed=seed)


@pytest.mark.parametrize(("name", "norm", "n"), list(itertools.product(ONE_AXIS, NORMS, (4, 5))))
def test_the_gradient_is_the_matrix_of_the_transform_written_out(name: str, norm: str, n: int) -> None:
    """Each row of the matrix is the transform of a unit vector; the gradient is its product with the weights."""
    half = n // 2 + 1
    length, many = (half if name in {"irfft", "hfft"} else n), (half if name in {"rfft", "ihfft"} else n)
    function = getattr(tape_ad.fft, name)
    real_output = name in {"irfft", "hfft"}
    w = normal(many) if real_output else complex_normal(many)

    def loss(x: Any) -> Any:
        return np.real(np.sum(w * function(x, n=n, norm=norm)))

    def entry(k: int, unit: complex) -> complex:
        e = np.zeros(length, float if name in REAL_INPUT else complex)
        e[k] = unit
        return complex(np.sum(w * getattr(np.fft, name)(e, n, norm=norm)).real)

    x = normal(length) if name in REAL_INPUT else complex_normal(length)
    if name in REAL_INPUT:
        expected: Any = [entry(k, 1).real for k in range(length)]
    else:
        expected = [entry(k, 1) - 1j * entry(k, 1j) for k in range(length)]

    assert expected == pytest.approx(grad(loss)(x), abs=1e-12)


@pytest.mark.parametrize(("name", "n"), list(itertools.product(("fft", "ifft"), (3, 4, 6, 9))))
def test_the_gradient_of_a_weighted_spectrum_is_the_transform_of_the_weights(name: str, n: int) -> None:
    """Of complex numbers, by the convention of this library, it is not conjugated."""
    z, w = complex_normal(6), complex_normal(n, seed=5)
    function = getattr(np.fft, name)
    gradient = grad(lambda z: np.real(np.sum(w * function(z, n))))(z)
    expected = np.zeros(6, complex)
    expected[:n] = function(w)[:6]

    assert expected == pytest.approx(gradient, abs=1e-12)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "ihfft", "fftn", "ifftn", "rfftn", "fft2", "rfft2"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_gradient_of_real_numbers_is_real_and_of_their_precision(name: str, dtype: Any) -> None:
    x = normal(3, 4).astype(dtype)
    gradient = grad(lambda x: np.sum(np.abs(getattr(np.fft, name)(x)) ** 2))(x)

    assert (np.dtype(dtype), x.shape) == (gradient.dtype, gradient.shape)


@pytest.mark.parametrize(("name", "n"), list(itertools.product(("irfft", "hfft"), (2, 3, 6, 7))))
def test_imaginary_parts_of_coefficients_without_a_twin_are_ignored(name: str, n: int) -> None:
    """NumPy does not look at them, so their derivatives are zero; those of all others are not."""
    z, w = complex_normal(n // 2 + 1), normal(n, seed=3)
    gradient = grad(lambda z: np.sum(w * getattr(np.fft, name)(z, n)))(z)
    alone = [0] if n % 2 else [0, n // 2]
    others = [k for k in range(n // 2 + 1) if k not in alone]

    assert [0.0] * len(alone) == gradient[alone].imag.tolist()
    assert [] == [k for k in others if abs(gradient[k].imag) < 1e-6]


@pytest.mark.parametrize("name", ONE_AXIS)
def test_elements_cropped_away_have_the_gradient_zero(name: str) -> None:
    n = 3
    read = n // 2 + 1 if name in {"irfft", "hfft"} else n
    x = normal(6)
    gradient = grad(lambda x: np.sum(np.abs(getattr(np.fft, name)(x, n)) ** 3))(x)

    assert [True] * read + [False] * (6 - read) == (gradient != 0).tolist()


# --- theorems -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["fft", "ifft", "fftn", "fft2", "ifftn"])
def test_parseval_the_energy_of_an_orthonormal_spectrum_has_the_gradient_of_the_signals(name: str) -> None:
    function = getattr(np.fft, name)
    for x in (normal(3, 4), complex_normal(3, 4), complex_normal(4, 5)):
        gradient = grad(lambda x: np.sum(np.abs(function(x, norm="ortho")) ** 2))(x)

        assert 2 * np.conj(x) == pytest.approx(gradient, abs=1e-12)


@pytest.mark.parametrize(("norm", "n"), list(itertools.product(NORMS, (5, 6))))
def test_round_trips_have_the_identity_as_jacobian(norm: Any, n: int) -> None:
    x = normal(n)
    trips: list[Callable[[Any], Any]] = [
        lambda x: np.fft.irfft(np.fft.rfft(x, norm=norm), n, norm=norm),
        lambda x: np.fft.hfft(np.fft.ihfft(x, norm=norm), n, norm=norm),
        lambda x: np.real(np.fft.ifft(np.fft.fft(x, norm=norm), norm=norm)),
        lambda x: np.fft.irfftn(np.fft.rfftn(x[:, None] * np.ones(3), norm=norm), (n, 3), (0, 1), norm=norm)[:, 1],
        lambda x: np.fft.ifftshift(np.fft.fftshift(x)),
    ]
    for trip in trips:
        assert x == pytest.approx(np.asarray(trip(x)), abs=1e-12)
        assert np.eye(n) == pytest.approx(jacobian(trip)(x), abs=1e-12)


def test_the_hermitian_transforms_are_the_real_ones_of_conjugates_with_the_norm_exchanged() -> None:
    z, x, w = complex_normal(4), normal(6), normal(6)
    pairs: list[tuple[Callable[[Any], Any], Callable[[Any], Any], Any]] = [
        (lambda z: np.sum(w * np.fft.hfft(z)), lambda z: np.sum(w * np.fft.irfft(np.conj(z), norm="forward")), z),
        (lambda x: np.sum(np.abs(np.fft.ihfft(x) - w[:4]) ** 2), lambda x: np.sum(np.abs(np.conj(np.fft.rfft(x, norm="forward")) - w[:4]) ** 2), x),
    ]  # fmt: skip
    for hermitian, real, point in pairs:
        assert grad(real)(point) == pytest.approx(grad(hermitian)(point), abs=1e-12)


@pytest.mark.parametrize("name", TWO_AXES)
def test_two_axes_are_the_last_two_of_several(name: str) -> None:
    x = normal(2, 3, 4)
    several = getattr(np.fft, name.replace("2", "n"))
    gradients = [
        grad(lambda x, f=f: np.sum(np.abs(f(x)) ** 3))(x)
        for f in (getattr(np.fft, name), lambda x: several(x, axes=(-2, -1)))
    ]

    assert gradients[1].tolist() == gradients[0].tolist()


def test_convolution_by_spectra_has_the_derivatives_of_convolution() -> None:
    x, y = normal(5), normal(3, seed=7)

    def by_spectra(x: Any, y: Any) -> Any:
        return np.fft.irfft(np.fft.rfft(x, 7) * np.fft.rfft(y, 7), 7)

    columns = [np.convolve(unit, y) for unit in np.eye(5)]

    assert np.convolve(x, y) == pytest.approx(by_spectra(x, y), abs=1e-12)
    assert np.transpose(columns) == pytest.approx(jacobian(by_spectra)(x, y), abs=1e-12)
    check_grads(by_spectra, (x, y), order=2)


@pytest.mark.parametrize("name", [*ONE_AXIS, *SEVERAL_AXES, *TWO_AXES])
def test_the_energy_of_a_spectrum_has_right_second_derivatives(name: str) -> None:
    x = normal(3, 4) if name in REAL_INPUT else complex_normal(3, 4)

    check_grads(lambda x: np.sum(np.abs(getattr(np.fft, name)(x)) ** 4), (x,), order=2)


# --- batching -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [*ONE_AXIS, *SEVERAL_AXES, *TWO_AXES, "fftshift", "ifftshift"])
def test_many_gradients_at_once_are_those_of_a_loop(name: str) -> None:
    keywords: list[dict[str, Any]] = [{}]
    if name in ONE_AXIS:
        keywords = [{"axis": 0}, {"axis": -1, "n": 5}]
    elif name in SEVERAL_AXES:
        keywords = [{"axes": (0,)}, {"axes": (-1, 0), "s": (3, 5)}]
    x = normal(3, 4, 5)
    for kwargs, axis in itertools.product(keywords, (0, 1, 2)):

        def gradient(x: Any, kwargs: Any = kwargs) -> Any:
            return grad(lambda x: np.sum(np.abs(getattr(np.fft, name)(x, **kwargs) - 0.5) ** 3))(x)

        expected = np.stack([gradient(part) for part in np.moveaxis(x, axis, 0)])

        assert expected == pytest.approx(vmap(gradient, in_axes=axis)(x), rel=1e-12)


# --- shifts and frequencies -----------------------------------------------------------------------------------------
@given(st.data())
def test_shifts_give_numpys_bits_and_undo_each_other(data: st.DataObject) -> None:
    x = normal(*data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=3)))
    one = st.integers(-x.ndim, x.ndim - 1)
    axes = data.draw(st.none() | one | st.lists(one, max_size=3).map(tuple))
    t = Tensor(x, autograd=True)

    assert bits(np.fft.fftshift(x, axes)) == bits(np.fft.fftshift(t, axes)) == bits(tape_ad.fft.fftshift(t, axes=axes))
    assert bits(np.fft.ifftshift(x, axes)) == bits(np.fft.ifftshift(t, axes=axes))
    assert bits(x) == bits(np.fft.ifftshift(np.fft.fftshift(t, axes), axes))


@given(n=st.integers(1, 20), d=st.floats(0.01, 10.0))
def test_frequencies_are_numpys_bits(n: int, d: float) -> None:
    assert bits(np.fft.fftfreq(n, d)) == bits(tape_ad.fft.fftfreq(n, d=d))
    assert bits(np.fft.rfftfreq(n, d)) == bits(tape_ad.fft.rfftfreq(n, d=d))
    assert bits(np.fft.fftfreq(n, d).astype("f4")) == bits(tape_ad.fft.fftfreq(n, d=d, dtype=np.float32))


@pytest.mark.parametrize("function", [tape_ad.fft.fftfreq, tape_ad.fft.rfftfreq, np.fft.fftfreq, np.fft.rfftfreq])
def test_frequencies_have_a_derivative_with_respect_to_the_distance_of_samples(function: Any) -> None:
    assert -1 / (5 * 0.3**2) == pytest.approx(grad(lambda d: function(5, d=d)[1])(0.3))
    check_grads(lambda d: function(6, d=d) ** 2, (0.7,), order=2)


def test_frequencies_on_another_device_are_refused_and_on_this_one_not() -> None:
    expected = np.fft.fftfreq(3).tolist()

    assert expected == tape_ad.fft.fftfreq(3, device="cpu").tolist()
    with pytest.raises(tape_ad.ArgumentError, match="Leave device out"):
        tape_ad.fft.rfftfreq(3, device="gpu")


def test_a_spectral_derivative_has_the_derivative_of_the_matrix_it_stands_for() -> None:
    """All of them in one program: transform, multiply by frequencies, transform back."""
    n = 9
    x = 2 * math.pi * np.arange(n) / n

    def slope(y: Any) -> Any:
        frequencies = np.fft.fftshift(np.fft.ifftshift(np.fft.fftfreq(n, 1 / n)))
        return np.real(np.fft.ifft(1j * frequencies * np.fft.fft(y)))

    assert np.cos(x) == pytest.approx(slope(np.sin(x)), abs=1e-12)
    assert -np.sin(x) == pytest.approx(jacobian(slope)(np.sin(x)) @ np.cos(x), abs=1e-12)
