"""Discrete Fourier transforms: complex, real and Hermitian, along one axis or several; shifts and frequencies.

All are linear (over the real numbers, where real arrays take part), so each is stated by its transpose, which is a
transform again. The matrix of a transform is symmetric: ``fft`` is its own transpose. A real transform drops the second
half of a Hermitian spectrum, so its transpose counts each remaining coefficient twice but the ends, which have no twin:
zero frequency, and the highest one if the length is even. Padding and cropping to ``n`` are undone by cropping and padding.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tape_ad._cases import Case
from tape_ad._errors import ArgumentError
from tape_ad._rules import expansion, linear
from tape_ad._stacked import over_axes
from tape_ad._typing import Array, ArrayLike, Axis, DType, Namespace

Norm: TypeAlias = Literal["backward", "ortho", "forward"]
"""Which direction is divided by the number of points: the inverse, each by its root, or the forward one."""

_OPPOSITE = {"backward": "forward", "ortho": "ortho", "forward": "backward"}
"""The norm by which the transform in the other direction is scaled alike."""

_ONE_AXIS = (
    Case(((5,),)), Case(((4,),)), Case(((4,),), {"n": 3}), Case(((4,),), {"n": 7}), Case(((3,),), {"n": 8}), Case(((2, 3),), {"axis": 0}),
    Case(((2, 3),), {"n": 4, "norm": "ortho"}), Case(((2, 3, 2),), {"axis": -2, "norm": "forward"}),
    Case(((3,),), {"n": 2}), Case(((3, 2),), {"n": 1}), Case(((0, 3),)),
)  # fmt: skip
_SEVERAL_AXES = (
    Case(((2, 3),)), Case(((3, 4),), {"axes": (0,)}), Case(((2, 3, 4),), {"axes": (2, 0)}), Case(((2, 3, 4),), {"axes": (-1, 1), "norm": "ortho"}),
    Case(((3, 4),), {"s": (4, 3), "axes": (0, 1)}), Case(((3, 2, 3),), {"s": (2, 5), "axes": (2, 0), "norm": "forward"}),
    Case(((3, 3),), {"s": (-1, 4), "axes": (-2, -1)}), Case(((2, 3),), {"s": (3, 4), "axes": (1, 1)}), Case(((2, 3, 2),)), Case(((0, 3),), {"axes": (1,)}),
)  # fmt: skip


# --- parameters -----------------------------------------------------------------------------------------------------
def _from_signal(length: int) -> int:
    """Return how many points are transformed if nothing is said: as many as there are."""
    return length


def _from_half(length: int) -> int:
    """Return the same for half a spectrum: the even number of points that it belongs to."""
    return 2 * (length - 1)


def _one_axis(usual: Callable[[int], int]) -> Callable[[Any, dict[str, Any]], dict[str, Any]]:
    """Return what writes the number of points as an integer, the axis as a non-negative one, and the norm by its name."""

    def canonical(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
        shape, n = np.shape(operands[0]), params.get("n")
        axis = int(normalize_axis_index(params.get("axis", -1), len(shape)))
        n = usual(shape[axis]) if n is None else operator.index(n)
        return {"n": n, "axis": axis, "norm": params.get("norm") or "backward"}

    return canonical


def _several_axes(usual: Callable[[int], int]) -> Callable[[Any, dict[str, Any]], dict[str, Any]]:
    """Return the same for a transform along several axes; ``usual`` is about the last of them."""

    def canonical(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
        shape, s, axes = np.shape(operands[0]), params.get("s"), params.get("axes")
        if axes is None:
            if s is not None:
                _deprecated("`axes` should not be `None` if `s` is not `None`")
            axes = range(-(len(shape) if s is None else len(s)), 0)
        axes = tuple(int(normalize_axis_index(axis, len(shape))) for axis in axes)
        own = [shape[axis] for axis in axes]
        whole = [*own[:-1], *map(usual, own[-1:])]
        if s is not None and len(s) != len(axes):
            msg = f"s gives {len(s)} lengths and axes {len(axes)} axes. Give a length for each axis."
            raise ValueError(msg)
        if s is not None and None in list(s):
            _deprecated("passing an array containing `None` values to `s`")
            if len(set(axes)) < len(axes):
                msg = f"s={s} leaves open what lengths are meant along axes={axes}, one of which is named twice. Give them."
                raise ArgumentError(msg)
        lengths = whole if s is None else [_length(n, *given) for n, *given in zip(s, own, whole, strict=True)]
        return {"s": tuple(lengths), "axes": axes, "norm": params.get("norm") or "backward"}

    return canonical


def _length(n: Any, own: int, usual: int) -> int:
    """Return the number of points along an axis: -1 stands for the length that it has."""
    if n is None:
        return usual
    return own if operator.index(n) == -1 else operator.index(n)


def _deprecated(what: str) -> None:
    warnings.warn(f"{what} is deprecated in NumPy 2.0. Say both for each axis.", DeprecationWarning, stacklevel=7)


def _arguments(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: None = None) -> tuple[Any, dict[str, Any]]:
    return (a,), {"n": n, "axis": axis, "norm": norm}


def _arguments_nd(
    a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: None = None
) -> tuple[Any, dict[str, Any]]:
    return (a,), {"s": s, "axes": axes, "norm": norm}


def _arguments_2d(
    a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: None = None
) -> tuple[Any, dict[str, Any]]:
    return (a,), {"s": s, "axes": axes, "norm": norm}


def _along_axes(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    """Transform stacked examples: the axes stand behind the batch axes."""
    (x,), (k,) = operands, leads
    return compute(x, **{**params, "axes": tuple([axis + k for axis in params["axes"]])})


# --- transposes -----------------------------------------------------------------------------------------------------
def _fitted(xp: Namespace, x: Array, axis: int, length: int) -> Array:
    """Return the array cropped, or padded by zeros, to a length along an axis."""
    shape = np.shape(x)
    if shape[axis] > length:
        return x[(slice(None),) * axis + (slice(length),)]
    if shape[axis] == length:
        return x
    return xp.concatenate([x, np.zeros((*shape[:axis], length - shape[axis], *shape[axis + 1 :]), x.dtype)], axis=axis)


def _counted(x: Array, n: int, axis: int, often: float) -> Array:
    """Return half a spectrum of ``n`` points with each coefficient that has a twin multiplied by ``often``."""
    weights = np.full(np.shape(x)[axis], often, x.dtype.char.lower())
    weights[0] = 1
    if n % 2 == 0:
        weights[n // 2 :] = 1
    return x * weights.reshape(-1, *(1,) * (len(np.shape(x)) - axis - 1))


def _fft_back(xp: Namespace, ct: Array, length: int, n: int, axis: int, norm: str) -> Array:
    return _fitted(xp, xp.fftn(ct, s=(n,), axes=(axis,), norm=norm), axis, length)


def _ifft_back(xp: Namespace, ct: Array, length: int, n: int, axis: int, norm: str) -> Array:
    return _fitted(xp, xp.ifftn(ct, s=(n,), axes=(axis,), norm=norm), axis, length)


def _rfft_back(xp: Namespace, ct: Array, length: int, n: int, axis: int, norm: str) -> Array:
    half = _counted(xp.conjugate(ct), n, axis, 0.5)
    return _fitted(xp, xp.irfftn(half, s=(n,), axes=(axis,), norm=_OPPOSITE[norm]), axis, length)


def _irfft_back(xp: Namespace, ct: Array, length: int, n: int, axis: int, norm: str) -> Array:
    half = xp.conjugate(xp.rfftn(ct, s=(n,), axes=(axis,), norm=_OPPOSITE[norm]))
    return _fitted(xp, _counted(half, n, axis, 2.0), axis, length)


def _hfft_back(xp: Namespace, ct: Array, length: int, n: int, axis: int, norm: str) -> Array:
    return _fitted(xp, _counted(xp.rfftn(ct, s=(n,), axes=(axis,), norm=norm), n, axis, 2.0), axis, length)


def _ihfft_back(xp: Namespace, ct: Array, length: int, n: int, axis: int, norm: str) -> Array:
    half = _counted(ct, n, axis, 0.5)
    return _fitted(xp, xp.irfftn(half, s=(n,), axes=(axis,), norm=norm), axis, length)


def _transpose(back: Callable[..., Array]) -> Callable[..., Array]:
    """Return the transpose of a transform along one axis."""

    def transpose(xp: Namespace, ct: Array, out: Array, x: Array, n: int, axis: int, norm: str) -> Array:
        return back(xp, ct, np.shape(x)[axis], n, axis, norm)

    return transpose


def _transpose_nd(
    back: Callable[..., Array], last: Callable[..., Array], *, last_first: bool = True
) -> Callable[..., Array]:
    """Return the transpose of transforms along one axis after the other: back through them, last done, first undone.

    Args:
        back: The transpose of each of them but the one along the last axis.
        last: The transpose of that one.
        last_first: Whether NumPy begins with it; the order counts where an axis is named twice.
    """

    def transpose(
        xp: Namespace, ct: Array, out: Array, x: Array, s: Sequence[int], axes: Sequence[int], norm: str
    ) -> Array:
        lengths = list(np.shape(x))
        done = []
        steps = list(zip([*[back] * (len(axes) - 1), last], s, axes, strict=True)) if axes else []
        for rule, n, axis in reversed(steps) if last_first else steps:
            done.append((rule, lengths[axis], n, axis))
            lengths[axis] = n // 2 + 1 if rule is _rfft_back else n
        for rule, length, n, axis in reversed(done):
            ct = rule(xp, ct, length, n, axis, norm)
        return ct

    return transpose


# --- along one axis -------------------------------------------------------------------------------------------------
@linear(
    transposes=(_transpose(_fft_back),), batched=over_axes, canonical=_one_axis(_from_signal), adapt={np.fft.fft: _arguments}, cases=_ONE_AXIS
)  # fmt: skip
def fft(xp: Namespace, x: ArrayLike, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Array:
    """Return the discrete Fourier transform along an axis, cropped or padded with zeros to ``n`` points before.

    ``norm`` says which direction is divided by ``n``: "backward" the inverse, "forward" this one, "ortho" each by the
    root of it.
    """
    return xp.fft.fft(x, n=n, axis=axis, norm=norm)


@linear(
    transposes=(_transpose(_ifft_back),), batched=over_axes, canonical=_one_axis(_from_signal), adapt={np.fft.ifft: _arguments}, cases=_ONE_AXIS
)  # fmt: skip
def ifft(xp: Namespace, x: ArrayLike, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Array:
    """Return the inverse of `fft`."""
    return xp.fft.ifft(x, n=n, axis=axis, norm=norm)


@linear(
    transposes=(_transpose(_rfft_back),), batched=over_axes, canonical=_one_axis(_from_signal), adapt={np.fft.rfft: _arguments}, cases=_ONE_AXIS
)  # fmt: skip
def rfft(xp: Namespace, x: ArrayLike, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Array:
    """Return the first ``n // 2 + 1`` coefficients of the Fourier transform of real numbers; the rest mirrors them."""
    return xp.fft.rfft(x, n=n, axis=axis, norm=norm)


_HALVES = tuple([case for case in _ONE_AXIS if "n" in case.params or case.shapes[0][case.params.get("axis", -1)] > 1])


@linear(
    transposes=(_transpose(_irfft_back),), batched=over_axes, canonical=_one_axis(_from_half), adapt={np.fft.irfft: _arguments}, cases=_HALVES
)  # fmt: skip
def irfft(xp: Namespace, x: ArrayLike, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Array:
    """Return the inverse of `rfft`: ``n`` real numbers, by default an even number of them.

    The imaginary parts of the coefficients without a twin are ignored (zero frequency; the highest one if ``n`` is
    even), so their derivatives are zero.
    """
    return xp.fft.irfft(x, n=n, axis=axis, norm=norm)


@linear(
    transposes=(_transpose(_hfft_back),), batched=over_axes, canonical=_one_axis(_from_half), adapt={np.fft.hfft: _arguments}, cases=_HALVES
)  # fmt: skip
def hfft(xp: Namespace, x: ArrayLike, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Array:
    """Return the real Fourier transform of a Hermitian signal, of which ``x`` is the first half."""
    return xp.fft.hfft(x, n=n, axis=axis, norm=norm)


@linear(
    transposes=(_transpose(_ihfft_back),), batched=over_axes, canonical=_one_axis(_from_signal), adapt={np.fft.ihfft: _arguments}, cases=_ONE_AXIS
)  # fmt: skip
def ihfft(xp: Namespace, x: ArrayLike, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Array:
    """Return the inverse of `hfft`: the first ``n // 2 + 1`` elements of a Hermitian signal."""
    return xp.fft.ihfft(x, n=n, axis=axis, norm=norm)


# --- along several axes ---------------------------------------------------------------------------------------------
@linear(
    transposes=(_transpose_nd(_fft_back, _fft_back),), batched=_along_axes, canonical=_several_axes(_from_signal),
    adapt={np.fft.fftn: _arguments_nd, np.fft.fft2: _arguments_2d}, cases=_SEVERAL_AXES,
)  # fmt: skip
def fftn(
    xp: Namespace, x: ArrayLike, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = "backward"
) -> Array:  # fmt: skip
    """Return the Fourier transform along several axes, all if left out, cropped or padded to the lengths ``s`` before."""
    return xp.fft.fftn(x, s=s, axes=axes, norm=norm)


@linear(
    transposes=(_transpose_nd(_ifft_back, _ifft_back),), batched=_along_axes, canonical=_several_axes(_from_signal),
    adapt={np.fft.ifftn: _arguments_nd, np.fft.ifft2: _arguments_2d}, cases=_SEVERAL_AXES,
)  # fmt: skip
def ifftn(
    xp: Namespace, x: ArrayLike, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = "backward"
) -> Array:  # fmt: skip
    """Return the inverse of `fftn`."""
    return xp.fft.ifftn(x, s=s, axes=axes, norm=norm)


@linear(
    transposes=(_transpose_nd(_fft_back, _rfft_back),), batched=_along_axes, canonical=_several_axes(_from_signal),
    adapt={np.fft.rfftn: _arguments_nd, np.fft.rfft2: _arguments_2d}, cases=_SEVERAL_AXES,
)  # fmt: skip
def rfftn(
    xp: Namespace, x: ArrayLike, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = "backward"
) -> Array:  # fmt: skip
    """Return the Fourier transform of real numbers: `rfft` along the last of the axes, `fft` along the others."""
    return xp.fft.rfftn(x, s=s, axes=axes, norm=norm)


@linear(
    transposes=(_transpose_nd(_ifft_back, _irfft_back, last_first=False),), batched=_along_axes, canonical=_several_axes(_from_half),
    adapt={np.fft.irfftn: _arguments_nd, np.fft.irfft2: _arguments_2d}, cases=_SEVERAL_AXES,
)  # fmt: skip
def irfftn(
    xp: Namespace, x: ArrayLike, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = "backward"
) -> Array:  # fmt: skip
    """Return the inverse of `rfftn`: real numbers, by default an even number of them along the last of the axes."""
    return xp.fft.irfftn(x, s=s, axes=axes, norm=norm)


# --- order and frequencies ------------------------------------------------------------------------------------------
def _shifted_axes(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    ndim, axes = np.ndim(operands[0]), params.get("axes")
    if axes is None:
        return {"axes": tuple(range(ndim))}
    return {"axes": normalize_axis_tuple(axes, ndim, allow_duplicate=True)}


_SHIFTS = (
    Case(((5,),)), Case(((4,),)), Case(((2, 3),)), Case(((2, 3),), {"axes": -1}), Case(((3, 2, 5),), {"axes": (2, 0)}),
    Case(((5, 2),), {"axes": (0, 0)}), Case(((0,),)),
)  # fmt: skip


@linear(
    np.fft.fftshift, transposes=(lambda xp, ct, out, x, axes: xp.ifftshift(ct, axes=axes),),
    operands=1, batched=_along_axes, canonical=_shifted_axes, cases=_SHIFTS,
)  # fmt: skip
def fftshift(xp: Namespace, x: ArrayLike, /, *, axes: Axis = None) -> Array:
    """Return a spectrum with zero frequency moved to the middle of each axis."""
    return xp.fft.fftshift(x, axes=axes)


@linear(
    np.fft.ifftshift, transposes=(lambda xp, ct, out, x, axes: xp.fftshift(ct, axes=axes),),
    operands=1, batched=_along_axes, canonical=_shifted_axes, cases=_SHIFTS,
)  # fmt: skip
def ifftshift(xp: Namespace, x: ArrayLike, /, *, axes: Axis = None) -> Array:
    """Return what `fftshift` would have moved: its inverse, also for odd lengths."""
    return xp.fft.ifftshift(x, axes=axes)


def _frequencies(xp: Namespace, numbers: Any, n: int, d: Any, dtype: DType, device: Any) -> Array:
    if device not in (None, "cpu"):
        msg = f"device={device!r}: NumPy computes on the device 'cpu'. Leave device out."
        raise ArgumentError(msg)
    found = xp.multiply(numbers, 1.0 / (n * d))
    return found if dtype is None else xp.astype(found, dtype)


@expansion()
def fftfreq(
    xp: Namespace, n: int, /, *, d: ArrayLike = 1.0, dtype: DType = None, device: Any = None
) -> Array:  # fmt: skip
    """Return the frequencies of the coefficients that `fft` returns of ``n`` samples at the distance ``d``.

    They have a derivative with respect to ``d``.

    >>> from tape_ad import fft
    >>> fft.fftfreq(4, d=0.5)
    Tensor([ 0. ,  0.5, -1. , -0.5], creation_op=multiply)
    """
    n = operator.index(n)
    numbers = np.concatenate([np.arange((n + 1) // 2), np.arange(-(n // 2), 0)])
    return _frequencies(xp, numbers, n, d, dtype, device)


@expansion()
def rfftfreq(
    xp: Namespace, n: int, /, *, d: ArrayLike = 1.0, dtype: DType = None, device: Any = None
) -> Array:  # fmt: skip
    """Return the frequencies of the coefficients that `rfft` returns of ``n`` samples at the distance ``d``."""
    n = operator.index(n)
    return _frequencies(xp, np.arange(n // 2 + 1), n, d, dtype, device)
