"""Products of vectors, diagonals and norms: the rest of NumPy's linear algebra in other ops."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tape_ad._cases import Case, Domain
from tape_ad._core import DOORS, TABLE, TENSORS, Instead, Update
from tape_ad._errors import ArgumentError
from tape_ad._rules import NONZERO, bilinear, composite, expansion, linear, primitive
from tape_ad._stacked import pointwise
from tape_ad._typing import Array, ArrayLike, DType, Namespace, Shape
from tape_ad.ops.gauges import LINALG, conj, stacked
from tape_ad.ops.linalg import contracted_each, matmul, tensordot
from tape_ad.ops.manipulation import permute_dims

# --- products of vectors --------------------------------------------------------------------------------------------
_plain: Namespace = np  # whatever the namespace, the value is NumPy's own
_PAIRS = (Case(((3,), (3,))), Case(((0,), (0,))))


def _inner_left(xp: Namespace, ct: Array, out: Array, x: Array, y: Array) -> Array:
    if not np.ndim(x) or not np.ndim(y):
        return ct * y
    if y.ndim == 1:
        return ct[..., None] * y if x.ndim > 1 else ct * y
    width = y.shape[-1]
    rows = xp.matmul(xp.reshape(ct, (-1, math.prod(y.shape[:-1]))), xp.reshape(y, (-1, width))) if y.size else 0.0
    return xp.reshape(rows, np.shape(x)) if y.size else np.zeros(np.shape(x), ct.dtype)


def _inner_right(xp: Namespace, ct: Array, out: Array, x: Array, y: Array) -> Array:
    if not np.ndim(x) or not np.ndim(y):
        return ct * x
    return _inner_left(xp, xp.moveaxis(ct, range(x.ndim - 1), range(1 - x.ndim, 0)) if x.ndim > 1 else ct, out, y, x)


def _inner_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (x, y), (k, m) = operands, leads
    x_ndim, y_ndim = np.ndim(x) - k, np.ndim(y) - m
    if not x_ndim or not y_ndim:
        return pointwise(np.multiply, operands, leads, params)
    return contracted_each(np.tensordot, operands, leads, {"axes": ((x_ndim - 1,), (y_ndim - 1,))})


@bilinear(
    np.inner, transposes=(_inner_left, _inner_right), batched=_inner_each,
    cases=(*_PAIRS, Case(((2, 3), (3,))), Case(((2, 3), (4, 3))), Case(((3,), (2, 2, 3))), Case(((2, 4, 3), (5, 3))), Case(((), (3,))), Case(((2,), ())), Case(((0, 2), (3, 2)))),
)  # fmt: skip
def inner(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the sums of products over the last axes of both operands, for all pairs of their other indices."""
    return xp.inner(x1, x2)


def _outer_left(xp: Namespace, ct: Array, out: Array, x: Array, y: Array) -> Array:
    return xp.reshape(xp.matmul(ct, xp.reshape(y, -1)), np.shape(x))


def _outer_right(xp: Namespace, ct: Array, out: Array, x: Array, y: Array) -> Array:
    return xp.reshape(xp.matmul(xp.reshape(x, -1), ct), np.shape(y))


def _outer_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (x, y), (k, m) = operands, leads
    return np.reshape(x, (*x.shape[:k], -1, 1)) * np.reshape(y, (*y.shape[:m], 1, -1))


def _vectors(x1: Any, x2: Any, /) -> tuple[Any, ...]:
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        msg = f"Input arrays must be one-dimensional, but they are {np.ndim(x1)=} and {np.ndim(x2)=}."
        raise ValueError(msg)
    return (x1, x2), {}


@bilinear(
    transposes=(_outer_left, _outer_right), batched=_outer_each, adapt={np.outer: lambda a, b, out=None: ((a, b), {}), np.linalg.outer: _vectors},
    cases=(Case(((3,), (2,))), Case(((0,), (2,)))),
)  # fmt: skip
def outer(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the matrix of the products of all pairs of elements; operands with other than one axis are flattened."""
    return xp.outer(x1, x2)


def _vdot_expression(xp: Namespace, x: Array, y: Array) -> Array:
    return xp.dot(xp.conj(xp.reshape(x, -1)), xp.reshape(y, -1))


@composite(
    np.vdot, expression=_vdot_expression, cases=(*_PAIRS, Case(((2, 3), (2, 3))), Case(((2, 3), (6,))), Case(((), ())))
)
def vdot(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the dot product of the flattened operands, the first of them conjugated."""
    return xp.vdot(x1, x2)


def _core_axes(name: str, options: dict[str, Any]) -> None:
    """Refuse the keywords of a generalized ufunc that a tensor cannot honour."""
    left = [key for key, value in options.items() if value is not None and key not in ("out", "subok", "order")]
    if left:
        msg = f"np.{name}({', '.join(f'{key}=…' for key in left)}) is not supported on a tensor. Leave {' and '.join(left)} out."
        raise ArgumentError(msg)


def _vecdot_arguments(
    x1: Any, x2: Any, /, out: Any = None, *, axis: Any = -1, keepdims: bool = False, **options: Any
) -> Any:
    _core_axes("vecdot", options)
    params = {"axis": operator.index(axis)}
    return (x1, x2), {**params, "keepdims": True} if keepdims else params


def _vecdot_expression(xp: Namespace, x: Array, y: Array, axis: int = -1, keepdims: bool = False) -> Array:
    x, y = (xp.moveaxis(operand, axis, -1) for operand in (x, y))
    product = xp.sum(xp.conj(x) * y, axis=-1)
    return xp.expand_dims(product, axis=axis) if keepdims else product


@composite(
    expression=_vecdot_expression, operands=2, name="vecdot", adapt={np.vecdot: _vecdot_arguments},
    cases=(*_PAIRS, Case(((2, 3), (3,))), Case(((2, 3), (3, 2, 1)), {"axis": -2}), Case(((3, 2), (3, 2)), {"axis": 0}), Case(((3, 2), (3, 2)), {"axis": 0, "keepdims": True})),
)  # fmt: skip
def _vecdot(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /, axis: int = -1, keepdims: bool = False) -> Array:
    """Return the dot products of vectors along an axis, the first operand conjugated."""
    return _plain.vecdot(x1, x2, axis=axis, keepdims=keepdims)


@expansion(np.linalg.vecdot)
def vecdot(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /, *, axis: int = -1) -> Any:
    """Return the dot products of vectors along an axis, the first operand conjugated; other axes broadcast."""
    return TABLE["vecdot"](x1, x2, axis=operator.index(axis))


@composite(
    np.matvec, expression=lambda xp, x, y: xp.matmul(x, y[..., None])[..., 0],
    cases=(Case(((2, 3), (3,))), Case(((2, 2, 3), (3,))), Case(((2, 3), (4, 3))), Case(((2, 1, 2, 3), (3, 3)))),
)  # fmt: skip
def matvec(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the products of matrices with vectors, which lie along the last axis; other axes broadcast."""
    return xp.matvec(x1, x2)


@composite(
    np.vecmat, expression=lambda xp, x, y: xp.matmul(conj(xp, x)[..., None, :], y)[..., 0, :],
    cases=(Case(((2,), (2, 3))), Case(((2,), (2, 2, 3))), Case(((4, 2), (2, 3))), Case(((3, 2), (2, 1, 2, 3)))),
)  # fmt: skip
def vecmat(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the products of vectors, conjugated, with matrices; other axes broadcast."""
    return xp.vecmat(x1, x2)


def _interleaved(left: Shape, right: Shape) -> tuple[Shape, Shape, Shape]:
    """Return the shapes by which operands, and their product, have the axes of the one between those of the other."""
    rank = builtins.max(len(left), len(right))
    left, right = (1,) * (rank - len(left)) + left, (1,) * (rank - len(right)) + right
    pairs = list(zip(left, right, strict=True))
    apart = tuple([n for m, _ in pairs for n in (m, 1)]), tuple([n for _, m in pairs for n in (1, m)])
    return *apart, tuple([n for pair in pairs for n in pair])


def _kron_blocks(xp: Namespace, ct: Array, x: Array, y: Array) -> Array:
    """Return the cotangent with a row for each element of ``x`` and a column for each of ``y``."""
    whole = _interleaved(np.shape(x), np.shape(y))[2]
    order = (*range(0, len(whole), 2), *range(1, len(whole), 2))
    return xp.reshape(xp.transpose(xp.reshape(ct, whole), order), (int(np.size(x)), int(np.size(y))))


def _kron_left(xp: Namespace, ct: Array, out: Array, x: Array, y: Array) -> Array:
    return xp.reshape(xp.matmul(_kron_blocks(xp, ct, x, y), xp.reshape(y, -1)), np.shape(x))


def _kron_right(xp: Namespace, ct: Array, out: Array, x: Array, y: Array) -> Array:
    return xp.reshape(xp.matmul(xp.reshape(x, -1), _kron_blocks(xp, ct, x, y)), np.shape(y))


def _kron_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (x, y), (k, m) = operands, leads
    left, right, whole = _interleaved(np.shape(x)[k:], np.shape(y)[m:])
    product = np.reshape(x, np.shape(x)[:k] + left) * np.reshape(y, np.shape(y)[:m] + right)
    lengths = product.shape[: product.ndim - len(whole)]
    return product.reshape((*lengths, *[whole[i] * whole[i + 1] for i in range(0, len(whole), 2)]))


@bilinear(
    np.kron, transposes=(_kron_left, _kron_right), batched=_kron_each,
    cases=(Case(((2, 3), (3, 2))), Case(((2,), (3,))), Case(((2, 2), (3,))), Case(((3,), (2, 2, 2))), Case(((), (2, 2))), Case(((2,), ())), Case(((), ())), Case(((0,), (2,)))),
)  # fmt: skip
def kron(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the Kronecker product: each element of the first operand times the whole second."""
    if type(x1) is np.ndarray and type(x2) is np.ndarray:  # what NumPy's comes to
        return _kron_each(_plain.kron, (x1, x2), (0, 0), {})
    return xp.kron(x1, x2)


# --- cross product --------------------------------------------------------------------------------------------------
def _components(vectors: Array) -> list[Any]:
    """Return the components of vectors along the last axis, None for the third of vectors in the plane."""
    found = [vectors[..., i] for i in range(vectors.shape[-1])]
    return found if len(found) == 3 else [*found, None]


def _cross_expression(xp: Namespace, x: Array, y: Array, axis: int = -1) -> Array:
    x, y = (xp.moveaxis(operand, axis, -1) for operand in (x, y))
    x0, x1, x2 = _components(x)
    y0, y1, y2 = _components(y)
    last = x0 * y1 - x1 * y0
    if x2 is None and y2 is None:
        return last
    first = x1 * y2 if x2 is None else -(x2 * y1) if y2 is None else x1 * y2 - x2 * y1
    second = -(x0 * y2) if x2 is None else x2 * y0 if y2 is None else x2 * y0 - x0 * y2
    return xp.moveaxis(xp.stack([first, second, last], axis=-1), -1, axis)


def _cross_arguments(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> tuple[Any, ...]:
    """Move the vectors to the axis that they are to have in the result, where the axes differ."""
    if axis is not None:
        return (a, b), {"axis": axis}
    if axisa == axisb == axisc:
        return (a, b), {"axis": axisc}
    rank = max(np.ndim(a), np.ndim(b))
    planar = np.shape(a)[axisa] == np.shape(b)[axisb] == 2
    to = -1 if planar else normalize_axis_index(axisc, rank) - rank
    return tuple(_vectors_at(x, axis, to, rank) for x, axis in ((a, axisa), (b, axisb))), {"axis": to}


def _vectors_at(x: Any, axis: int, to: int, rank: int) -> Any:
    """Move an axis to the position ``to``, counted from the end of ``rank`` axes."""
    x = TENSORS.moveaxis(x, axis, -1)
    shape = np.shape(x)
    return TENSORS.moveaxis(TENSORS.reshape(x, (*(1,) * (rank - len(shape)), *shape)), -1, to)


def _spatial(x1: Any, x2: Any, /, *, axis: int = -1) -> tuple[Any, ...]:
    lengths = np.shape(x1)[axis], np.shape(x2)[axis]
    if lengths != (3, 3):
        msg = f"Both input arrays must be (arrays of) 3-dimensional vectors, but they are {lengths[0]} and {lengths[1]} dimensional instead."
        raise ValueError(msg)
    return (x1, x2), {"axis": axis}


def _negative_axis(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    axis = operator.index(params.get("axis", -1))
    return {} if axis == -1 else {"axis": axis}


@composite(
    expression=_cross_expression, operands=2, canonical=_negative_axis, adapt={np.cross: _cross_arguments, np.linalg.cross: _spatial},
    cases=(Case(((3,), (3,))), Case(((2, 3), (3,))), Case(((3, 2), (3, 2)), {"axis": 0}), Case(((2, 3, 2), (2, 3, 2)), {"axis": -2})),
)  # fmt: skip
def cross(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /, *, axis: int = -1) -> Array:
    """Return the cross products of three-dimensional vectors, which lie along an axis."""
    return xp.cross(x1, x2, axis=axis)


# --- diagonals ------------------------------------------------------------------------------------------------------
def _places(shape: Sequence[int], offset: int) -> tuple[Any, ...]:
    """Return the index of a diagonal of the last two axes."""
    m, n = shape[-2:]
    length = max(min(m + min(offset, 0), n - max(offset, 0)), 0)
    steps = np.arange(length)
    return (..., steps - min(offset, 0), steps + max(offset, 0))


def _with_diagonal(ct: Array, shape: Shape, offset: int) -> Array:
    """Return zeros with the cotangent on a diagonal of the last two axes."""
    m, n = shape[-2:]
    length = builtins.max(builtins.min(m + builtins.min(offset, 0), n - builtins.max(offset, 0)), 0)
    start = offset if offset >= 0 else -offset * n
    spread = np.zeros((*shape[:-2], m * n), ct.dtype)
    spread[..., start : start + length * (n + 1) : n + 1] = ct if type(ct) is np.float64 else ct[..., :length]
    return spread.reshape(shape)


def _on_diagonal(xp: Namespace, ct: Array, out: Array, x: Array, offset: int = 0) -> Any:
    if type(ct) is np.ndarray:
        return _with_diagonal(ct, np.shape(x), offset)
    return Update(_places(np.shape(x), offset), ct)


def _offset(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the offset as an integer, and leave it out where it is 0."""
    canonical = {key: value for key, value in params.items() if key != "offset" and value is not None}
    offset = operator.index(params.get("offset", 0))
    return {**canonical, "offset": offset} if offset else canonical


def _diagonal_arguments(a: Any, offset: Any = 0, axis1: int = 0, axis2: int = 1, **params: Any) -> tuple[Any, ...]:
    """Move two axes to the end, in their order; in the other order the diagonal ``k`` above is the one ``k`` below."""
    ndim = a.ndim if hasattr(a, "ndim") else np.ndim(a)
    if ndim == 2 and axis1 == 0 and axis2 == 1:
        return (a,), {"offset": offset, **params}
    first, second = normalize_axis_tuple((axis1, axis2), ndim, "axis1 or axis2")
    offset = operator.index(offset) if first < second else -operator.index(offset)
    order = (*[i for i in range(ndim) if i not in (first, second)], min(first, second), max(first, second))
    return (a if order == tuple(range(ndim)) else TENSORS.permute_dims(a, order),), {"offset": offset, **params}


_DIAGONALS = (
    Case(((3, 3),)), Case(((2, 3),)), Case(((3, 2),), {"offset": 1}), Case(((3, 3),), {"offset": -1}), Case(((2, 3, 3),), {"offset": 1}), Case(((2, 2),), {"offset": 5}),
)  # fmt: skip


@linear(
    np.linalg.diagonal, transposes=(_on_diagonal,), batched=stacked, canonical=_offset, operands=1,
    adapt={np.diagonal: lambda a, offset=0, axis1=0, axis2=1: _diagonal_arguments(a, offset, axis1, axis2)}, cases=_DIAGONALS,
)  # fmt: skip
def diagonal(xp: Namespace, x: ArrayLike, /, *, offset: int = 0) -> Array:
    """Return the diagonals of matrices, or those ``offset`` above them."""
    if type(x) is np.ndarray:  # what NumPy's comes to
        return x.diagonal(offset, -2, -1).copy()
    return np.linalg.diagonal(x, offset=offset).copy()


def _trace_transpose(xp: Namespace, ct: Array, out: Array, x: Array, offset: int = 0, dtype: DType = None) -> Array:
    if type(ct) is np.float64:
        return _with_diagonal(ct, np.shape(x), offset)
    m, n = np.shape(x)[-2:]
    return ct[..., None, None] * np.eye(m, n, offset, dtype=ct.dtype)


@linear(
    np.linalg.trace, transposes=(_trace_transpose,), batched=stacked, canonical=_offset, operands=1,
    adapt={np.trace: lambda a, offset=0, axis1=0, axis2=1, dtype=None, out=None: _diagonal_arguments(a, offset, axis1, axis2, dtype=dtype)}, cases=_DIAGONALS,
)  # fmt: skip
def trace(xp: Namespace, x: ArrayLike, /, *, offset: int = 0, dtype: DType = None) -> Array:
    """Return the sums of the diagonals of matrices, or of those ``offset`` above them."""
    if type(x) is np.ndarray:  # what NumPy's comes to
        return x.trace(offset, -2, -1, dtype)
    return np.linalg.trace(x, offset=offset, dtype=dtype)


# --- norms ----------------------------------------------------------------------------------------------------------
def _root(xp: Namespace, x: Array, exponent: float) -> Array:
    """Return ``x`` to an exponent, with derivative 0 where ``x`` is 0: the symmetric derivative of a norm there."""
    return xp.where(x == 0, 0, xp.where(x == 0, 1, x) ** exponent)


def _euclidean(xp: Namespace, x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    return _root(xp, xp.sum(xp.real(conj(xp, x) * x), axis=axes, keepdims=keepdims), 0.5)


def _of_vectors(xp: Namespace, x: Array, order: Any, axes: tuple[int, ...], keepdims: bool) -> Array:
    if order is None or order == 2:
        return _euclidean(xp, x, axes, keepdims)
    size = xp.abs(x)
    if order in (np.inf, -np.inf):
        if not np.size(x):
            return xp.sum(size, axis=axes, keepdims=keepdims)
        return (xp.max if order > 0 else xp.min)(size, axis=axes, keepdims=keepdims)
    if order == 0:
        return xp.sum(xp.where(x != 0, 1.0, 0.0), axis=axes, keepdims=keepdims)
    if order == 1:
        return xp.sum(size, axis=axes, keepdims=keepdims)
    total = xp.sum(_root(xp, size, order), axis=axes, keepdims=keepdims)
    if order < 0:  # one zero among the elements makes the norm 0, whatever the others are
        total = xp.where(xp.any(x == 0, axis=axes, keepdims=keepdims), 0, total)
    return _root(xp, total, 1.0 / order)


def _of_matrices(xp: Namespace, x: Array, order: Any, axes: tuple[int, ...], keepdims: bool) -> Array:
    if order is None or order in ("fro", "f"):
        return _euclidean(xp, x, axes, keepdims)
    x = xp.moveaxis(x, axes, (-2, -1))
    if order in ("nuc", 2, -2):
        s = xp.linalg.svdvals(x)
        norm = (xp.sum if order == "nuc" else xp.max if order == 2 else xp.min)(s, axis=-1)
    else:
        sums = xp.sum(xp.abs(x), axis=-2 if order in (1, -1) else -1)
        norm = (xp.max if order > 0 else xp.min)(sums, axis=-1)
    return xp.expand_dims(norm, axis=tuple(sorted(axes))) if keepdims else norm


def _norm_params(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is at its default, and write the axis as NumPy takes it: None, an integer or a tuple of integers."""
    axis = params.get("axis")
    if axis is not None:
        ndim = np.ndim(operands[0])
        several = isinstance(axis, tuple)
        axis = normalize_axis_tuple(axis, ndim) if several else int(normalize_axis_index(operator.index(axis), ndim))
    canonical = {"ord": params.get("ord"), "axis": axis}
    kept = {key: value for key, value in canonical.items() if value is not None}
    return {**kept, "keepdims": True} if params.get("keepdims") else kept


def _norm_expression(xp: Namespace, x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    axes = tuple(range(np.ndim(x))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if axis is None and ord is None:
        return _euclidean(xp, x, axes, keepdims)
    return (_of_vectors if len(axes) == 1 else _of_matrices)(xp, x, ord, axes, keepdims)


_APART = Domain("away from zero and from each other", NONZERO.draw, complex=True)
_VECTOR_ORDERS = (None, 2, 1, np.inf, -np.inf, 3, 0.5, -1, 2.5)
_MATRIX_ORDERS = ("fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf)


def _axes_of_norm(x: Array, axis: Any) -> tuple[int, ...]:
    return tuple(range(np.ndim(x))) if axis is None else axis if isinstance(axis, tuple) else (axis,)


def _per_length(xp: Namespace, ct: Any, out: Array) -> Array:
    """Return ``ct / out``, and 0 where a norm is 0: its symmetric derivative there."""
    if type(out) is np.float64:
        return ct / out if out != 0 else ct * 0.0
    return xp.where(out == 0, 0, ct / xp.where(out == 0, 1, out))


def _length_vjp(
    xp: Namespace, ct: Array, out: Array, x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False
) -> Array:
    scale = _per_length(xp, ct, out)
    if not keepdims and type(scale) is not np.float64:
        scale = xp.expand_dims(scale, axis=_axes_of_norm(x, axis))
    return conj(xp, x) * scale


def _length_jvp(
    xp: Namespace, tangents: Any, out: Array, x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False
) -> Array:
    change = xp.sum(xp.real(conj(xp, x) * tangents[0]), axis=_axes_of_norm(x, axis), keepdims=keepdims)
    return _per_length(xp, change, out)


@primitive(
    vjps=(_length_vjp,), jvp=_length_jvp, operands=1, canonical=_norm_params, domain=(_APART,),
    cases=(
        Case(((4,),)), Case(((2, 3),)), Case(((2, 2, 3),), {"keepdims": True}), Case(((4,),), {"ord": 2}), Case(((0,),)),
        Case(((2, 3),), {"axis": -1, "ord": 2}), Case(((2, 3, 2),), {"axis": (0, -1), "ord": "fro"}), Case(((3, 2),), {"axis": 0, "keepdims": True}),
    ),
)  # fmt: skip
def euclidean_norm(xp: Namespace, x: ArrayLike, /, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    """Return the root of the sum of squares along the axes, as NumPy's `norm` computes it; the derivative is 0 where that is 0."""
    return _plain.linalg.norm(x, ord=ord, axis=axis, keepdims=keepdims)


def _norm_arguments(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> tuple[Any, ...]:
    params = {"ord": ord, "axis": axis, "keepdims": keepdims}
    return ("euclidean_norm", (x,), params) if ord is None else ((x,), params)


def _norm_kind(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Leave Euclidean norms to `euclidean_norm`."""
    order, axes = params.get("ord"), _axes_of_norm(operands[0], params.get("axis"))
    if order is None or (len(axes) == 1 and order == 2) or (len(axes) == 2 and order in ("fro", "f")):
        raise Instead("euclidean_norm")
    return _norm_params(operands, params)


@composite(
    expression=_norm_expression, operands=1, canonical=_norm_kind, adapt={np.linalg.norm: _norm_arguments}, domain=(_APART,),
    cases=(
        Case(((),)), Case(((2, 3),)), Case(((2, 2, 3),), {"keepdims": True}), Case(((0,),)),
        *[Case(((4,),), {"ord": order}) for order in _VECTOR_ORDERS],
        *[Case(((3, 2),), {"ord": order}) for order in _MATRIX_ORDERS],
        *[Case(((2, 3),), {"ord": order, "axis": 0}) for order in (None, 1, np.inf, 3)],
        *[Case(((3, 2, 4),), {"ord": order, "axis": (2, 0), "keepdims": True}) for order in ("fro", "nuc", 2, -1, np.inf)],
        Case(((2, 3),), {"axis": -1, "keepdims": True}), Case(((2, 3, 2),), {"axis": (0, -1)}), Case(((2, 3, 2),), {"ord": 1, "axis": (1, 2)}),
    ),
)  # fmt: skip
def norm(xp: Namespace, x: ArrayLike, /, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    """Return NumPy's norm of a vector or matrix, or of those along axes: every ``ord``.

    The derivative is 0 where the norm is 0. Where several elements or singular values are the largest it is split evenly.
    """
    return xp.linalg.norm(x, ord=ord, axis=axis, keepdims=keepdims)


def _vector_norm_expression(xp: Namespace, x: Array, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Array:
    axes = tuple(range(np.ndim(x))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return _of_vectors(xp, x, ord, axes, keepdims)


@composite(
    np.linalg.vector_norm, expression=_vector_norm_expression, operands=1, canonical=_norm_params, domain=(_APART,),
    cases=(
        *[Case(((4,),), {"ord": order}) for order in _VECTOR_ORDERS[1:]], Case(((2, 3),)), Case(((2, 3),), {"ord": 3, "keepdims": True}), Case(((),)),
        Case(((2, 3, 2),), {"axis": (2, 0), "keepdims": True}), Case(((2, 3),), {"axis": -1, "ord": 1}), Case(((2, 3, 2),), {"axis": (0, 1), "ord": np.inf}),
        Case(((0,),)),
    ),
)  # fmt: skip
def vector_norm(
    xp: Namespace, x: ArrayLike, /, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, ord: float = 2
) -> Array:
    """Return the norm of the elements along the axes, all of them if ``axis`` is None, taken as a vector.

    The derivative is 0 where the norm is 0. Where several elements are the largest it is split evenly.
    """
    return xp.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)


def _matrix_norm_expression(xp: Namespace, x: Array, keepdims: bool = False, ord: Any = "fro") -> Array:
    ndim = np.ndim(x)
    return _of_matrices(xp, x, ord, (ndim - 2, ndim - 1), keepdims)


@composite(
    np.linalg.matrix_norm, expression=_matrix_norm_expression, operands=1, canonical=_norm_params, domain=(_APART,),
    cases=(*[Case(((3, 2),), {"ord": order}) for order in _MATRIX_ORDERS], Case(((2, 2, 3),), {"keepdims": True}), Case(((2, 2, 3),), {"ord": "nuc", "keepdims": True})),
)  # fmt: skip
def matrix_norm(xp: Namespace, x: ArrayLike, /, *, keepdims: bool = False, ord: Any = "fro") -> Array:
    """Return the norms of matrices: of their elements (fro), of their singular values (nuc, 2, -2), of sums (1, -1, inf, -inf).

    The derivative is 0 where the norm is 0. Where several singular values or sums are the largest it is split evenly.
    """
    return xp.linalg.matrix_norm(x, keepdims=keepdims, ord=ord)


# --- NumPy's other names --------------------------------------------------------------------------------------------
@expansion()
def matrix_transpose(xp: Namespace, x: ArrayLike, /) -> Any:
    """Return the matrices with their last two axes exchanged."""
    operands, params = DOORS[np.matrix_transpose][1](x)  # type: ignore[misc]  # this door has an adapter
    return xp.permute_dims(*operands, **params)


DOORS[np.linalg.matmul] = matmul, lambda x1, x2, /: ((x1, x2), {})
DOORS[np.linalg.tensordot] = tensordot, lambda x1, x2, /, *, axes=2: ((x1, x2), {"axes": axes})
DOORS[np.linalg.matrix_transpose] = permute_dims, DOORS[np.matrix_transpose][1]

vars(LINALG).update(
    matmul=matmul, tensordot=tensordot, matrix_transpose=matrix_transpose, outer=outer, vecdot=vecdot, cross=cross, diagonal=diagonal, trace=trace,
    norm=norm, vector_norm=vector_norm, matrix_norm=matrix_norm,
)  # fmt: skip
