"""The methods that a NumPy array has, for tensors: each is NumPy's function of the same name, by the same door."""

import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, NoReturn, Self, SupportsIndex, TypedDict, Unpack

import numpy as np

from tape_ad._errors import MutationError
from tape_ad._typing import ArrayLike, Axis, DType, Operand

_getframe = sys._getframe  # noqa: SLF001 - the only way to a caller's position that costs less than a microsecond


class Masked(TypedDict, total=False):
    """A keyword of every reduction: which elements count."""

    where: ArrayLike


class Reduction(Masked, total=False):
    """The rarer keywords of sums, products and extremes."""

    initial: ArrayLike


class Moment(Masked, total=False):
    """The rarer keywords of variances and standard deviations."""

    correction: float
    mean: ArrayLike


class ArrayMethods:
    """What `Tensor` shares with NumPy's arrays beside the operators. Abstract: it holds no data."""

    __slots__ = ()

    def _call(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], frame: FrameType
    ) -> Self:
        raise NotImplementedError

    def sum(
        self,
        axis: Axis = None,
        dtype: DType = None,
        out: None = None,
        keepdims: bool = False,
        **options: Unpack[Reduction],
    ) -> Self:
        """Return `numpy.sum` of the tensor."""
        return self._call(np.sum, (self, axis, dtype, out, keepdims), options, _getframe(1))

    def prod(
        self,
        axis: Axis = None,
        dtype: DType = None,
        out: None = None,
        keepdims: bool = False,
        **options: Unpack[Reduction],
    ) -> Self:
        """Return `numpy.prod` of the tensor."""
        return self._call(np.prod, (self, axis, dtype, out, keepdims), options, _getframe(1))

    def mean(
        self,
        axis: Axis = None,
        dtype: DType = None,
        out: None = None,
        keepdims: bool = False,
        **options: Unpack[Masked],
    ) -> Self:
        """Return `numpy.mean` of the tensor."""
        return self._call(np.mean, (self, axis, dtype, out, keepdims), options, _getframe(1))

    def var(
        self,
        axis: Axis = None,
        dtype: DType = None,
        out: None = None,
        ddof: float = 0,
        keepdims: bool = False,
        **options: Unpack[Moment],
    ) -> Self:
        """Return `numpy.var` of the tensor."""
        return self._call(np.var, (self, axis, dtype, out, ddof, keepdims), options, _getframe(1))

    def std(
        self,
        axis: Axis = None,
        dtype: DType = None,
        out: None = None,
        ddof: float = 0,
        keepdims: bool = False,
        **options: Unpack[Moment],
    ) -> Self:
        """Return `numpy.std` of the tensor."""
        return self._call(np.std, (self, axis, dtype, out, ddof, keepdims), options, _getframe(1))

    def max(self, axis: Axis = None, out: None = None, keepdims: bool = False, **options: Unpack[Reduction]) -> Self:
        """Return `numpy.max` of the tensor."""
        return self._call(np.max, (self, axis, out, keepdims), options, _getframe(1))

    def min(self, axis: Axis = None, out: None = None, keepdims: bool = False, **options: Unpack[Reduction]) -> Self:
        """Return `numpy.min` of the tensor."""
        return self._call(np.min, (self, axis, out, keepdims), options, _getframe(1))

    def argmax(self, axis: int | None = None, out: None = None, *, keepdims: bool = False) -> Self:
        """Return `numpy.argmax` of the tensor."""
        return self._call(np.argmax, (self, axis, out), {"keepdims": keepdims}, _getframe(1))

    def argmin(self, axis: int | None = None, out: None = None, *, keepdims: bool = False) -> Self:
        """Return `numpy.argmin` of the tensor."""
        return self._call(np.argmin, (self, axis, out), {"keepdims": keepdims}, _getframe(1))

    def any(self, axis: Axis = None, out: None = None, keepdims: bool = False, **options: Unpack[Masked]) -> Self:
        """Return `numpy.any` of the tensor."""
        return self._call(np.any, (self, axis, out, keepdims), options, _getframe(1))

    def all(self, axis: Axis = None, out: None = None, keepdims: bool = False, **options: Unpack[Masked]) -> Self:
        """Return `numpy.all` of the tensor."""
        return self._call(np.all, (self, axis, out, keepdims), options, _getframe(1))

    def cumsum(self, axis: int | None = None, dtype: DType = None, out: None = None) -> Self:
        """Return `numpy.cumsum` of the tensor."""
        return self._call(np.cumsum, (self, axis, dtype, out), {}, _getframe(1))

    def cumprod(self, axis: int | None = None, dtype: DType = None, out: None = None) -> Self:
        """Return `numpy.cumprod` of the tensor."""
        return self._call(np.cumprod, (self, axis, dtype, out), {}, _getframe(1))

    def take(self, indices: ArrayLike, axis: int | None = None, out: None = None, mode: str = "raise") -> Self:
        """Return `numpy.take` of the tensor."""
        return self._call(np.take, (self, indices, axis, out, mode), {}, _getframe(1))

    def compress(self, condition: ArrayLike, axis: int | None = None, out: None = None) -> Self:
        """Return `numpy.compress` of the tensor."""
        return self._call(np.compress, (condition, self, axis, out), {}, _getframe(1))

    def choose(self, choices: Sequence[Any], out: None = None, mode: str = "raise") -> Self:
        """Return `numpy.choose` of the tensor, which holds the numbers of the choices."""
        return self._call(np.choose, (self, choices, out, mode), {}, _getframe(1))

    def argsort(
        self, axis: int | None = -1, kind: str | None = None, order: None = None, *, stable: bool | None = None
    ) -> Any:
        """Return `numpy.argsort` of the tensor, a plain array."""
        return self._call(
            np.argsort, (self,), {"axis": axis, "kind": kind, "order": order, "stable": stable}, _getframe(1)
        )

    def argpartition(self, kth: ArrayLike, axis: int | None = -1, kind: str = "introselect") -> Any:
        """Return `numpy.argpartition` of the tensor, a plain array."""
        return self._call(np.argpartition, (self, kth), {"axis": axis, "kind": kind}, _getframe(1))

    def searchsorted(self, v: ArrayLike, side: str = "left", sorter: ArrayLike | None = None) -> Any:
        """Return `numpy.searchsorted` of the tensor, a plain array."""
        return self._call(np.searchsorted, (self, v), {"side": side, "sorter": sorter}, _getframe(1))

    def sort(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002 - NumPy's signature
        """Refuse what sorts an array in place.

        Raises:
            MutationError: always.
        """
        msg = "t.sort() changes an array, and a tensor never changes. Write t = np.sort(t)."
        raise MutationError(msg)

    def partition(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002 - NumPy's signature
        """Refuse what partitions an array in place.

        Raises:
            MutationError: always.
        """
        msg = "t.partition(k) changes an array, and a tensor never changes. Write t = np.partition(t, k)."
        raise MutationError(msg)

    def clip(self, min: ArrayLike | None = None, max: ArrayLike | None = None, out: None = None) -> Self:
        """Return `numpy.clip` of the tensor."""
        return self._call(np.clip, (self, min, max), {"out": out}, _getframe(1))

    def reshape(self, *shape: SupportsIndex | Sequence[SupportsIndex], order: str = "C") -> Self:
        """Return `numpy.reshape` of the tensor; the shape as one tuple or as several integers."""
        return self._call(np.reshape, (self, shape[0] if len(shape) == 1 else shape), {"order": order}, _getframe(1))

    def ravel(self, order: str = "C") -> Self:
        """Return `numpy.ravel` of the tensor."""
        return self._call(np.ravel, (self, order), {}, _getframe(1))

    def flatten(self, order: str = "C") -> Self:
        """Return `numpy.ravel` of the tensor."""
        return self._call(np.ravel, (self, order), {}, _getframe(1))

    def transpose(self, *axes: SupportsIndex | Sequence[SupportsIndex] | None) -> Self:
        """Return `numpy.transpose` of the tensor; the axes as one tuple or as several integers."""
        order = (axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes) if axes else None
        return self._call(np.transpose, (self, order), {}, _getframe(1))

    @property
    def T(self) -> Self:
        """The tensor with its axes in reverse order."""
        return self._call(np.transpose, (self,), {}, _getframe(1))

    @property
    def mT(self) -> Self:
        """The tensor with its last two axes exchanged."""
        return self._call(np.swapaxes, (self, -1, -2), {}, _getframe(1))

    def swapaxes(self, axis1: int, axis2: int) -> Self:
        """Return `numpy.swapaxes` of the tensor."""
        return self._call(np.swapaxes, (self, axis1, axis2), {}, _getframe(1))

    def squeeze(self, axis: Axis = None) -> Self:
        """Return `numpy.squeeze` of the tensor."""
        return self._call(np.squeeze, (self, axis), {}, _getframe(1))

    def repeat(self, repeats: ArrayLike, axis: int | None = None) -> Self:
        """Return `numpy.repeat` of the tensor."""
        return self._call(np.repeat, (self, repeats, axis), {}, _getframe(1))

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Self:
        """Return the diagonal over two axes."""
        return self._call(np.diagonal, (self, offset, axis1, axis2), {}, _getframe(1))

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: DType = None, out: None = None) -> Self:
        """Return the sum of the diagonal over two axes."""
        return self._call(np.trace, (self, offset, axis1, axis2, dtype, out), {}, _getframe(1))

    def dot(self, other: Operand) -> Self:
        """Return `numpy.dot` of the tensor and another."""
        return self._call(np.dot, (self, other), {}, _getframe(1))

    def round(self, decimals: int = 0, out: None = None) -> Self:
        """Return `numpy.round` of the tensor."""
        return self._call(np.round, (self, decimals, out), {}, _getframe(1))

    def nonzero(self) -> Any:
        """Return the indices of the elements that are not zero, an array for each axis."""
        return self._call(np.nonzero, (self,), {}, _getframe(1))

    @property
    def real(self) -> Self:
        """The real part."""
        return self._call(np.real, (self,), {}, _getframe(1))

    @property
    def imag(self) -> Self:
        """The imaginary part."""
        return self._call(np.imag, (self,), {}, _getframe(1))

    def conj(self) -> Self:
        """Return the complex conjugate."""
        return self._call(np.conjugate, (self,), {}, _getframe(1))

    conjugate = conj

    def copy(self, order: str = "K") -> Self:  # noqa: ARG002 - NumPy's signature
        """Return the tensor itself: a value that never changes needs no copy."""
        return self
