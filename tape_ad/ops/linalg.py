"""Products of matrices and tensors."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.lib.array_utils import normalize_axis_tuple

from tape_ad._cases import Case
from tape_ad._core import TABLE
from tape_ad._errors import ArgumentError
from tape_ad._rules import bilinear, expansion, primitive
from tape_ad._stacked import pointwise
from tape_ad._typing import Array, ArrayLike, Namespace, Shape

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"  # to import them from string costs half a millisecond
_MATRIX_CASES = (
    Case(((2, 3), (3, 4))), Case(((3,), (3,))), Case(((2, 3), (3,))), Case(((3,), (3, 2))), Case(((2, 2, 3), (3, 2))),
    Case(((2, 3), (2, 3, 2))), Case(((2, 1, 2, 3), (3, 3, 2))), Case(((3,), (2, 3, 2))), Case(((2, 2, 3), (3,))),
    Case(((0, 3), (3, 2))), Case(((2, 0), (0, 2))),
)  # fmt: skip


# --- matmul ---------------------------------------------------------------------------------------------------------
def _matmul_left(xp: Namespace, ct: Array, out: Array, x: Array, y: Array) -> Array:
    if y.ndim == 1:
        return ct * y if x.ndim == 1 else ct[..., None] * y
    if x.ndim == 1:
        return xp.matmul(y, ct) if ct.ndim == 1 else xp.matmul(y, ct[..., None])[..., 0]
    return xp.matmul(ct, y.mT)


def _matmul_right(xp: Namespace, ct: Array, out: Array, x: Array, y: Array) -> Array:
    if x.ndim == 1:
        return ct * x if y.ndim == 1 else x[:, None] * ct[..., None, :]
    if y.ndim == 1:
        return xp.matmul(ct, x) if ct.ndim == 1 else xp.matmul(x.mT, ct[..., None])[..., 0]
    return xp.matmul(x.mT, ct)


def _matmul_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    """Multiply stacked operands; a matrix that all examples share takes them as rows, in one product."""
    (x, y), (k, m) = operands, leads
    x_ndim, y_ndim = np.ndim(x) - k, np.ndim(y) - m
    if not x_ndim or not y_ndim:
        msg = f"matmul takes arrays with axes, but one example has {x_ndim} on the left and {y_ndim} on the right. Write x * y."
        raise ArgumentError(msg)
    if not m and y_ndim == 1:
        return compute(x, y)
    if not m and y_ndim == 2:
        rows = compute(x.reshape(math.prod(x.shape[:-1]), x.shape[-1]), y)
        return rows.reshape(*x.shape[:-1], y.shape[1])
    if not k and x_ndim <= 2 and y_ndim == 1:
        return compute(y, x.T)
    rows = x[..., None, :] if x_ndim == 1 else x
    columns = y[..., :, None] if y_ndim == 1 else y
    rank = max(np.ndim(rows) - k, np.ndim(columns) - m)
    product = pointwise(compute, [_padded(rows, k, rank), _padded(columns, m, rank)], leads, {})
    drop = tuple(axis for axis, ndim in ((-2, x_ndim), (-1, y_ndim)) if ndim == 1)
    return np.squeeze(product, axis=drop) if drop else product


def _padded(x: Array, lead: int, rank: int) -> Array:
    """Put axes of length one behind the batch axes, so that one example has ``rank`` axes."""
    return x.reshape(*x.shape[:lead], *(1,) * (rank - x.ndim + lead), *x.shape[lead:])


def _matmul_shared(xp: Namespace, i: int, ct: Array, other: Array, operand: Array) -> Array | None:
    """Return the transpose for a matrix that all examples share: the examples become rows of one product."""
    if np.ndim(operand) != 2 or np.ndim(other) > 3:
        return None
    if i == 1:
        rows, cts = (xp.reshape(x, (-1, np.shape(x)[-1])) for x in (other, ct))
        return xp.matmul(rows.mT, cts) if np.size(other) else None
    if np.ndim(other) == 2:
        return xp.matmul(ct.mT, other)
    return xp.tensordot(ct, other, axes=((0, 2), (0, 2)))


@bilinear(
    np.matmul,
    transposes=(_matmul_left, _matmul_right),
    batched=_matmul_each,
    shared=_matmul_shared,
    cases=_MATRIX_CASES,
)
def matmul(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the matrix product; 1-d operands are a row on the left, a column on the right, and leading axes broadcast."""
    return xp.matmul(x1, x2)


# --- tensordot ------------------------------------------------------------------------------------------------------
def _contracted(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Write the axes as two tuples of non-negative integers."""
    x, y = operands
    axes = params.get("axes", 2)
    if np.iterable(axes):
        left, right = axes
    else:
        count = int(axes)
        left, right = tuple(range(-count, 0)), tuple(range(count))
    left = tuple(left) if np.iterable(left) else (left,)
    right = tuple(right) if np.iterable(right) else (right,)
    return {"axes": (_normal(left, np.ndim(x)), _normal(right, np.ndim(y)))}


def _normal(axes: Sequence[int], ndim: int) -> tuple[int, ...]:
    return normalize_axis_tuple(axes, ndim) if axes else ()


def _free(ndim: int, contracted: Sequence[int]) -> tuple[int, ...]:
    return tuple([i for i in range(ndim) if i not in contracted])


def _inverse(order: Sequence[int]) -> tuple[int, ...]:
    return tuple([order.index(i) for i in range(len(order))])


def _tensordot_left(xp: Namespace, ct: Array, out: Array, x: Array, y: Array, axes: Any) -> Array:
    left, right = axes
    free_x, free_y = _free(np.ndim(x), left), _free(np.ndim(y), right)
    shape_x, shape_y = np.shape(x), np.shape(y)
    rows = xp.reshape(ct, (_size(shape_x, free_x), _size(shape_y, free_y)))
    columns = xp.reshape(_permuted(xp, y, (*right, *free_y)), (_size(shape_y, right), _size(shape_y, free_y)))
    product = xp.reshape(xp.matmul(rows, columns.mT), tuple([shape_x[i] for i in (*free_x, *left)]))
    return _permuted(xp, product, _inverse((*free_x, *left)))


def _tensordot_right(xp: Namespace, ct: Array, out: Array, x: Array, y: Array, axes: Any) -> Array:
    left, right = axes
    free_x, free_y = _free(np.ndim(x), left), _free(np.ndim(y), right)
    shape_x, shape_y = np.shape(x), np.shape(y)
    columns = xp.reshape(ct, (_size(shape_x, free_x), _size(shape_y, free_y)))
    rows = xp.reshape(_permuted(xp, x, (*free_x, *left)), (_size(shape_x, free_x), _size(shape_x, left)))
    product = xp.reshape(xp.matmul(rows.mT, columns), tuple([shape_y[i] for i in (*right, *free_y)]))
    return _permuted(xp, product, _inverse((*right, *free_y)))


def _size(shape: Shape, axes: Sequence[int]) -> int:
    return math.prod([shape[i] for i in axes])


def _permuted(xp: Namespace, x: Array, order: Sequence[int]) -> Array:
    return x if list(order) == list(range(len(order))) else xp.transpose(x, order)


def contracted_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    """Contract stacked operands: the axes that one alone has are free ones; with two, as products of matrices."""
    (x, y), (k, m), (left, right) = operands, leads, params["axes"]
    if not m:
        return compute(x, y, axes=(tuple(i + k for i in left), right))
    free_x = [i + k for i in _free(x.ndim - k, left)]
    free_y = [i + m for i in _free(y.ndim - m, right)]
    if not k:
        product = compute(x, y, axes=(left, tuple(i + m for i in right)))
        return np.moveaxis(product, range(len(free_x), len(free_x) + m), range(m))
    rows = np.transpose(x, (*range(k), *free_x, *[i + k for i in left]))
    columns = np.transpose(y, (*range(m), *[i + m for i in right], *free_y))
    shape_x, shape_y = rows.shape[k : k + len(free_x)], columns.shape[m + len(right) :]
    inner = math.prod(rows.shape[k + len(free_x) :])
    rows = rows.reshape(*rows.shape[:k], math.prod(shape_x), inner)
    columns = columns.reshape(*columns.shape[:m], inner, math.prod(shape_y))
    product = np.matmul(rows, columns)
    return product.reshape(*product.shape[:-2], *shape_x, *shape_y)


@bilinear(
    transposes=(_tensordot_left, _tensordot_right), batched=contracted_each, canonical=_contracted, operands=2,
    adapt={np.tensordot: lambda a, b, axes=2: ((a, b), {"axes": axes})},
    cases=(
        Case(((2, 3, 4), (3, 4, 2))), Case(((2, 3), (3, 2)), {"axes": 1}), Case(((2,), (3,)), {"axes": 0}),
        Case(((2, 3, 4), (4, 3, 2)), {"axes": ((1, 2), (1, 0))}), Case(((2, 3, 4), (5, 4, 2)), {"axes": ((-1, 0), (1, 2))}),
        Case(((3,), (3,)), {"axes": 1}), Case(((), (2,)), {"axes": 0}),
    ),
)  # fmt: skip
def tensordot(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /, *, axes: Any = 2) -> Array:
    """Return the sum of products over pairs of axes: the last ``axes`` of x1 with the first of x2, or two named lists."""
    return xp.tensordot(x1, x2, axes=axes)


# --- dot ------------------------------------------------------------------------------------------------------------
def _dot_axes(x: Array, y: Array) -> Any:
    return ((np.ndim(x) - 1,), (max(np.ndim(y) - 2, 0),))


def _dot_left(xp: Namespace, ct: Array, out: Array, x: Array, y: Array) -> Array:
    if not np.ndim(x) or not np.ndim(y):
        return ct * y
    if x.ndim <= 2 and y.ndim <= 2:
        return _matmul_left(xp, ct, out, x, y)
    return _tensordot_left(xp, ct, out, x, y, _dot_axes(x, y))


def _dot_right(xp: Namespace, ct: Array, out: Array, x: Array, y: Array) -> Array:
    if not np.ndim(x) or not np.ndim(y):
        return ct * x
    if x.ndim <= 2 and y.ndim <= 2:
        return _matmul_right(xp, ct, out, x, y)
    return _tensordot_right(xp, ct, out, x, y, _dot_axes(x, y))


def _dot_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (x, y), (k, m) = operands, leads
    x_ndim, y_ndim = np.ndim(x) - k, np.ndim(y) - m
    if not x_ndim or not y_ndim:
        return pointwise(np.multiply, operands, leads, params)
    if x_ndim <= 2 and y_ndim <= 2:
        return _matmul_each(np.matmul, operands, leads, params)
    return contracted_each(np.tensordot, operands, leads, {"axes": ((x_ndim - 1,), (max(y_ndim - 2, 0),))})


@bilinear(
    transposes=(_dot_left, _dot_right), batched=_dot_each, shared=_matmul_shared, adapt={np.dot: lambda a, b, out=None: ((a, b), {})},
    cases=(
        Case(((2, 3), (3, 4))), Case(((3,), (3,))), Case(((2, 3), (3,))), Case(((3,), (3, 2))), Case(((2, 2, 3), (3, 2))),
        Case(((2, 3), (2, 3, 2))), Case(((2, 2, 3), (2, 3, 2))), Case(((), (2, 3))), Case(((3,), ())), Case(((), ())),
        Case(((3,), (2, 3, 2))),
    ),
)  # fmt: skip
def dot(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return NumPy's dot product: over the last axis of x1 and the last but one of x2; a 0-d operand multiplies."""
    return xp.dot(x1, x2)


# --- einsum ---------------------------------------------------------------------------------------------------------
def _explicit(operands: Sequence[Any], params: dict[str, Any]) -> dict[str, Any]:
    """Write the subscripts in full: letters in place of an ellipsis, and an explicit result."""
    subscripts = params["subscripts"]
    ranks = tuple([x.ndim if type(x) is np.ndarray else np.ndim(x) for x in operands])
    try:
        return {**params, "subscripts": _written_out(subscripts, ranks)}
    except _MisfitError as misfit:
        i, term = misfit.args
        msg = f"einsum({subscripts!r}): {term!r} does not fit an operand of shape {np.shape(operands[i])}."
        raise ArgumentError(msg) from None


class _MisfitError(Exception):
    """A term has other than one letter for each axis; its number and text."""


@functools.lru_cache(maxsize=512)
def _written_out(given_subscripts: str, ranks: tuple[int, ...]) -> str:
    """Return the subscripts in full for operands of these ranks."""
    subscripts = given_subscripts.replace(" ", "")
    given, arrow, result = subscripts.partition("->")
    terms = given.split(",")
    if len(terms) != len(ranks):
        msg = f"einsum({given_subscripts!r}) names {len(terms)} operands, but got {len(ranks)}."
        raise ArgumentError(msg)
    unused = [letter for letter in _LETTERS if letter not in subscripts]
    missing = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True)]
    dots = "".join(unused[: max([n for n, term in zip(missing, terms, strict=True) if "..." in term], default=0)])
    written = []
    for i, (term, rank) in enumerate(zip(terms, ranks, strict=True)):
        written.append(term.replace("...", dots[len(dots) - missing[i] :] if missing[i] else ""))
        if len(written[-1]) != rank:
            raise _MisfitError(i, term)
    if arrow:
        result = result.replace("...", dots)
    else:
        letters = "".join(written)
        result = dots + "".join(sorted(c for c in set(letters) - set(dots) if letters.count(c) == 1))
    return f"{','.join(written)}->{result}"


_MANY = 1 << 16  # products: about a tenth of a millisecond, what the search takes


@frozen
class _Pair:
    """How the contraction of two arrays is a stack of matrix products: the axes of each, by what becomes of them.

    Attributes:
        left: Axes of the first array: those that both have and the result too, its own, those summed over.
        right: Axes of the second: the same first, those summed over, its own.
        order: The axes of the product in the order of the result.
    """

    left: tuple[tuple[int, ...], ...]
    right: tuple[tuple[int, ...], ...]
    order: tuple[int, ...]


@functools.lru_cache(maxsize=512)
def _as_matrices(left: str, right: str, result: str) -> _Pair | None:
    """Return how the contraction is products of matrices; None where a letter is summed alone, repeated, or made up."""
    both, either = set(left) & set(right), set(left) | set(right)
    if any(len(set(term)) < len(term) for term in (left, right, result)) or not set(result) <= either:
        return None
    if not either - both <= set(result):
        return None
    stack, summed = [c for c in result if c in both], [c for c in left if c in both and c not in result]
    own_left, own_right = [c for c in left if c not in both], [c for c in right if c not in both]
    of_product = [*stack, *own_left, *own_right]

    def axes(term: str, *groups: list[str]) -> tuple[tuple[int, ...], ...]:
        return tuple([tuple([term.index(c) for c in group]) for group in groups])

    return _Pair(
        axes(left, stack, own_left, summed),
        axes(right, stack, summed, own_right),
        tuple([of_product.index(c) for c in result]),
    )


def _multiplied(xp: Namespace, x: Array, y: Array, pair: _Pair) -> Array:
    """Contract two arrays by products of matrices."""
    if len(pair.left[1]) == len(pair.left[2]) == len(pair.right[2]) == 1 and not pair.left[0]:  # two matrices
        product = xp.matmul(x if pair.left[1] == (0,) else x.mT, y if pair.right[1] == (0,) else y.mT)
        return product if pair.order == (0, 1) else product.mT
    shape_x, shape_y = np.shape(x), np.shape(y)
    stack, own_x, summed = pair.left
    own_y = pair.right[2]
    lengths = tuple([shape_x[i] for i in stack])
    n = _size(shape_x, summed)
    rows = xp.reshape(_permuted(xp, x, (*stack, *own_x, *summed)), (*lengths, _size(shape_x, own_x), n))
    columns = xp.reshape(
        _permuted(xp, y, (*pair.right[0], *pair.right[1], *own_y)), (*lengths, n, _size(shape_y, own_y))
    )
    product = xp.matmul(rows, columns)
    shape = (*lengths, *[shape_x[i] for i in own_x], *[shape_y[i] for i in own_y])
    return _permuted(xp, xp.reshape(product, shape), pair.order)


def _fits(ct: Array, result: str, other: Array, term: str, operand: Array, target: str) -> bool:
    """Say whether every letter has one length: NumPy broadcasts those of length one."""
    known = {**dict(zip(result, np.shape(ct), strict=True)), **dict(zip(target, np.shape(operand), strict=True))}
    pairs = [*zip(result, np.shape(ct), strict=True), *zip(term, np.shape(other), strict=True)]
    return all(known.get(letter, n) == n for letter, n in pairs)


def _einsum_vjp(
    xp: Namespace, ct: Array, i: int, out: Array, operands: Any, subscripts: str, optimize: bool | str = False
) -> Array:
    """Contract the cotangent with the other operands; ones stand in for an index summed alone, eyes for a diagonal."""
    given, _, result = subscripts.partition("->")
    terms = given.split(",")
    if len(terms) == 2:
        other = operands[1 - i]
        pair = _as_matrices(result, terms[1 - i], terms[i])
        if pair is not None and _fits(ct, result, other, terms[1 - i], operands[i], terms[i]):
            return _multiplied(xp, ct, other, pair)
    sizes: dict[str, int] = {}
    for term, x in zip(terms, operands, strict=True):
        for letter, n in zip(term, np.shape(x), strict=True):
            sizes[letter] = max(sizes.get(letter, 1), n) if n else 0
    inputs: list[tuple[str, Any]] = [(result, ct)]
    inputs += [(term, x) for j, (term, x) in enumerate(zip(terms, operands, strict=True)) if j != i]
    unused = [letter for letter in _LETTERS if letter not in sizes]
    target = ""
    for letter in terms[i]:
        if letter in target:
            other = unused.pop(0)
            inputs.append((letter + other, np.eye(sizes[letter], dtype=ct.dtype)))
            target += other
        else:
            target += letter
    # a letter that the others lack, or have with length one only, gets its length from ones
    known = {
        letter for term, x in inputs for letter, n in zip(term, np.shape(x), strict=True) if n == sizes.get(letter, n)
    }
    inputs += [(letter, np.ones(sizes[letter], ct.dtype)) for letter in dict.fromkeys(target) if letter not in known]
    spelled = ",".join(term for term, _ in inputs)
    # NumPy's plain loop runs over all letters at once; a search for a better order pays where these are many.
    reorder = bool(optimize) or (len(inputs) > 1 and math.prod(sizes.values()) > _MANY)
    return xp.einsum(f"{spelled}->{target}", *[x for _, x in inputs], optimize=reorder)


def _einsum_jvp(
    xp: Namespace, tangents: Any, out: Array, operands: Any, subscripts: str, optimize: bool | str = False
) -> Array:
    total = None
    for i, tangent in enumerate(tangents):
        if tangent is not None:
            term = xp.einsum(subscripts, *operands[:i], tangent, *operands[i + 1 :], optimize=optimize)
            total = term if total is None else total + term
    return total


_LABELS = _LETTERS.swapcase()  # NumPy's letters for integer labels, in its order


def _einsum_arguments(*operands: Any, out: None = None, optimize: Any = False) -> tuple[Any, ...]:
    """Read both of NumPy's spellings: a string first, or operands each followed by a list of integers."""
    if len(operands) < 2:
        msg = 'np.einsum needs subscripts and at least one operand: np.einsum("ij->ji", t).'
        raise ArgumentError(msg)
    if isinstance(operands[0], str):
        subscripts, operands = operands[0], operands[1:]
    else:
        arrays, lists = operands[: len(operands) // 2 * 2 : 2], operands[1::2]
        terms = ["".join("..." if n is Ellipsis else _LABELS[n] for n in part) for part in lists]
        subscripts = ",".join(terms)
        if len(operands) % 2:
            subscripts += "->" + "".join("..." if n is Ellipsis else _LABELS[n] for n in operands[-1])
        operands = arrays
    return operands, {"subscripts": subscripts, **({"optimize": optimize} if optimize else {})}


def _einsum_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    """Give the batch axes letters of their own."""
    given, _, result = params["subscripts"].partition("->")
    unused = [letter for letter in _LETTERS if letter not in given]
    letters = "".join(unused[: max(leads)])
    terms = [letters[:k] + term for term, k in zip(given.split(","), leads, strict=True)]
    return compute(operands, **{**params, "subscripts": f"{','.join(terms)}->{letters}{result}"})


@primitive(
    vjps=(_einsum_vjp,), jvp=_einsum_jvp, variadic=True, batched=_einsum_each, canonical=_explicit, adapt={np.einsum: _einsum_arguments}, name="einsum",
    cases=tuple(
        Case(shapes, {"subscripts": subscripts})
        for subscripts, *shapes_list in (
            ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ii", (3, 3)), ("ii->i", (3, 3)), ("ij->ji", (2, 3)),
            ("ij->", (2, 3)), ("ij->j", (2, 3)), ("i,j->ij", (2,), (3,)), ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
            ("...ij,...jk->...ik", (2, 2, 3), (3, 2)), ("i...->...i", (2, 3, 2)), ("i,i,i->", (3,), (3,), (3,)),
            ("ij,ij->i", (2, 3), (2, 1)), ("iij->j", (2, 2, 3)), (",i->i", (), (3,)), ("ij,kl->", (2, 2), (2, 3)),
        )
        for shapes in [tuple(shapes_list)]
    ),
)  # fmt: skip
def _einsum(xp: Namespace, operands: Sequence[Any], /, *, subscripts: str, optimize: Any = False) -> Array:
    """Return Einstein's summation over the letters of ``subscripts``."""
    return xp.einsum(subscripts, *operands, optimize=optimize)


@expansion()
def einsum(xp: Namespace, subscripts: str, /, *operands: ArrayLike, optimize: bool | str = False) -> Array:
    """Return Einstein's summation: ``einsum("ij,jk->ik", a, b)`` is the matrix product.

    Repeated letters within an operand read its diagonal, a letter missing from the result is summed over, and ``...``
    stands for axes that broadcast.
    """
    options = {"optimize": optimize} if optimize else {}
    return TABLE["einsum"](operands, subscripts=subscripts, **options)
