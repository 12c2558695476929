"""Arrays as sets: their distinct elements, unions and differences; and numbers as the roots of a polynomial.

Distinct elements are read from the array at positions that the values choose, so they carry derivatives as `take` does. Of
equal elements it is the first that is read, in two arrays that of the first array. Positions, inverses and counts are plain
integers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tape_ad._batched import Batched, everywhere
from tape_ad._cases import Case, Domain
from tape_ad._errors import ArgumentError, BatchedValueError, NotDifferentiableError
from tape_ad._rules import REAL, expansion, primitive
from tape_ad._stacked import repeated
from tape_ad._typing import Array, ArrayLike, Namespace
from tape_ad.ops.joining import as_array, plain

_plain: Namespace = np  # whatever the namespace, the value is NumPy's own


# --- tools ----------------------------------------------------------------------------------------------------------
def _known(name: str, x: Any) -> Any:
    """Return the plain array of an operand.

    Raises:
        BatchedValueError: inside vmap, where each example would have a result of another length.
    """
    data = plain(x)
    if type(data) is Batched:
        msg = f"np.{name} has a result of another length for each example, and vmap needs one shape for all."
        raise BatchedValueError(msg)
    return np.asarray(data)


def _bytes(rows: Any) -> Any:
    """Return the bytes of each row."""
    rows = np.ascontiguousarray(rows)
    return rows.reshape(len(rows), math.prod(rows.shape[1:])).view(np.uint8)


def _same_bits(items: Any, chosen: Any, positions: Any) -> Any:
    """Return positions of the rows of ``items`` that are ``chosen`` bit for bit, where the given ones are but equal.

    Zeros of both signs are equal, and so are complex NaN of any kind; of these NumPy may keep another than the first.
    """
    if not chosen.size:
        return positions
    wanted = _bytes(chosen)
    different = np.flatnonzero((_bytes(items[positions]) != wanted).any(axis=1))
    if not len(different):
        return positions
    first: dict[bytes, int] = {}
    for i, row in enumerate(_bytes(items)):
        first.setdefault(row.tobytes(), i)
    found = np.array(positions)
    for j in different:
        found[j] = first.get(wanted[j].tobytes(), found[j])
    return found


def _read(xp: Namespace, x: Array, values: Any, positions: Any) -> Array:
    """Return the elements of ``x`` in one axis that NumPy has found to be ``values``."""
    flat = xp.reshape(x, -1)
    return xp.elements_at(flat, _same_bits(plain(flat), values, positions), axis=0)


def _first_positions(data: Any, values: Any, **options: Any) -> Any:
    """Return where in a flat array each of its distinct values occurs first; they may be in any order."""
    _, first = np.unique(data, return_index=True, **options)
    found = np.empty(len(values), dtype=np.intp)
    found[np.argsort(values, kind="stable")] = first
    return found


# --- the distinct elements ------------------------------------------------------------------------------------------
@expansion(np.unique)
def unique(
    xp: Namespace, ar: ArrayLike, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None, *, equal_nan: bool = True, sorted: bool = True,
) -> Any:  # fmt: skip
    """Return the distinct elements in order, or the distinct parts along an axis; on request plain arrays about them.

    Raises:
        BatchedValueError: inside `vmap`, where the examples would differ in shape.
    """
    x, data = as_array(xp, ar), _known("unique", ar)
    options: dict[str, Any] = {"axis": axis, "equal_nan": equal_nan}
    wanted = {"return_index": return_index, "return_inverse": return_inverse, "return_counts": return_counts}
    found = _plain.unique(data, **wanted, **options, **({} if sorted else {"sorted": False}))
    numpys, *about = found if isinstance(found, tuple) else (found,)
    if axis is None or data.ndim == 1:
        values = _read(xp, x, numpys, _first_positions(data.reshape(-1), numpys, equal_nan=equal_nan))
    else:
        _, first = np.unique(data, return_index=True, **options)
        rows, chosen = [np.moveaxis(a, axis, 0) for a in (data, numpys)]
        values = xp.elements_at(x, _same_bits(rows, chosen, first), axis=axis)
    return (values, *about) if about else values


@expansion(np.unique_values)
def unique_values(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the distinct elements; no two NaN are alike."""
    data = _known("unique_values", x)
    found = np.unique_values(data)
    return _read(xp, as_array(xp, x), found, _first_positions(data.reshape(-1), found, equal_nan=False))


def _all_about(xp: Namespace, name: str, x: ArrayLike) -> Any:
    """Return the named tuple of one of NumPy's functions, with the values read from ``x``."""
    data = _known(name, x)
    found = getattr(np, name)(data)
    first = _first_positions(data.reshape(-1), found.values, equal_nan=False)
    return found._replace(values=_read(xp, as_array(xp, x), found.values, first))


@expansion(np.unique_all)
def unique_all(xp: Namespace, x: ArrayLike, /) -> Any:
    """Return the distinct elements, where each occurs first, which of them each element is, and how often they occur."""
    return _all_about(xp, "unique_all", x)


@expansion(np.unique_counts)
def unique_counts(xp: Namespace, x: ArrayLike, /) -> Any:
    """Return the distinct elements, and how often each occurs."""
    return _all_about(xp, "unique_counts", x)


@expansion(np.unique_inverse)
def unique_inverse(xp: Namespace, x: ArrayLike, /) -> Any:
    """Return the distinct elements, and which of them each element is."""
    return _all_about(xp, "unique_inverse", x)


# --- two sets -------------------------------------------------------------------------------------------------------
def _both(xp: Namespace, first: Any, second: Any) -> Array:
    """Return the elements of two arrays in one axis."""
    return xp.concatenate([xp.reshape(as_array(xp, x), -1) for x in (first, second)])


@expansion(np.union1d)
def union1d(xp: Namespace, ar1: ArrayLike, ar2: ArrayLike) -> Array:
    """Return the distinct elements of two arrays together, in order."""
    values = np.union1d(_known("union1d", ar1), _known("union1d", ar2))
    both = _both(xp, ar1, ar2)
    return _read(xp, both, values, _first_positions(plain(both), values))


@expansion(np.intersect1d)
def intersect1d(
    xp: Namespace, ar1: ArrayLike, ar2: ArrayLike, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """Return the distinct elements that both arrays have, in order; on request the plain positions in each array."""
    given = _known("intersect1d", ar1), _known("intersect1d", ar2)
    found: Any = np.intersect1d(*given, assume_unique, return_indices=True)
    numpys = found[0] if return_indices else np.intersect1d(*given, assume_unique)
    # Where elements that are assumed to differ do not, NumPy's positions go on into the second array.
    values = _read(xp, _both(xp, ar1, ar2), numpys, found[1])
    return (values, *found[1:]) if return_indices else values


@expansion(np.setdiff1d)
def setdiff1d(xp: Namespace, ar1: ArrayLike, ar2: ArrayLike, assume_unique: bool = False) -> Array:
    """Return the distinct elements of the first array that the second does not have, in order."""
    first, second = _known("setdiff1d", ar1), _known("setdiff1d", ar2)
    values = np.setdiff1d(first, second, assume_unique)
    if assume_unique:
        positions = np.flatnonzero(np.isin(first.reshape(-1), second, assume_unique=True, invert=True))
    else:
        distinct, at = np.unique(first, return_index=True)
        positions = at[np.isin(distinct, np.unique(second), assume_unique=True, invert=True)]
    return _read(xp, as_array(xp, ar1), values, positions)


@expansion(np.setxor1d)
def setxor1d(xp: Namespace, ar1: ArrayLike, ar2: ArrayLike, assume_unique: bool = False) -> Array:
    """Return the distinct elements that one of two arrays has and the other has not, in order."""
    given = [_known("setxor1d", x) for x in (ar1, ar2)]
    values = _plain.setxor1d(*given, assume_unique)
    starts = (0, given[0].size)
    if assume_unique:
        kept = [np.arange(x.size) + start for x, start in zip(given, starts, strict=True)]
    else:
        kept = [np.unique(x, return_index=True)[1] + start for x, start in zip(given, starts, strict=True)]
    both, places = _both(xp, ar1, ar2), np.concatenate(kept)
    ordered = places[np.argsort(plain(both)[places], kind="stable")]
    elements = plain(both)[ordered]
    steps = np.concatenate(([True], elements[1:] != elements[:-1], [True]))
    return _read(xp, both, values, ordered[steps[1:] & steps[:-1]] if len(ordered) else ordered)


@expansion(np.sort_complex)
def sort_complex(xp: Namespace, a: ArrayLike) -> Array:
    """Return the elements in order along the last axis, by their real parts first, as complex numbers."""
    x = xp.sort(as_array(xp, a), axis=-1, stable=False)
    if x.dtype.kind == "c":
        return x
    return xp.astype(x, np.dtype({"g": "G", **dict.fromkeys("bhBH", "F")}.get(x.dtype.char, "D")))


# --- roots ----------------------------------------------------------------------------------------------------------
def _check_simple(p: Any, roots: Any, slope: Any) -> None:
    """Refuse multiple roots, and such as rounding moves a good part of the way to the next.

    It moves a root by up to eps times the sum of the sizes of all terms, divided by the slope.
    """
    size = 0 * np.abs(roots)
    for c in np.abs(p):
        size = size * np.abs(roots) + c
    apart = np.abs(roots[:, None] - roots[None, :])
    nearest = np.min(np.where(np.eye(len(roots), dtype=bool), np.inf, apart), axis=-1)
    moved = len(p) * np.finfo(roots.dtype).eps * size
    if not everywhere(32 * moved < np.abs(slope) * nearest):
        msg = (
            "np.roots: roots are multiple ones, or nearly so, and there they have no derivative. Differentiate a symmetric function "
            "of them by the coefficients (their sum is -p[1] / p[0]), or make the roots differ a little."
        )
        raise NotDifferentiableError(msg)


def _slopes(xp: Namespace, p: Array, roots: Array) -> tuple[Array, Array]:
    """Return the powers of each root in a row, the highest first, and the derivative of the polynomial at each root."""
    degree = np.shape(p)[0] - 1
    powers = [xp.ones_like(roots)]
    slope: Any = xp.zeros_like(roots)
    for k in range(degree):
        powers.append(powers[-1] * roots)
        slope = slope * roots + p[k] * (degree - k)
    _check_simple(plain(p), plain(roots), plain(slope))
    return xp.stack(powers[::-1], axis=-1), slope


def _roots_vjp(xp: Namespace, ct: Array, out: Array, p: Array) -> Array:
    if not np.shape(out)[0]:
        return xp.zeros_like(p)
    powers, slope = _slopes(xp, p, out)
    return xp.sum(-powers * xp.expand_dims(ct / slope, axis=-1), axis=0)


def _roots_jvp(xp: Namespace, tangents: Any, out: Array, p: Array) -> Array:
    if not np.shape(out)[0]:
        return xp.zeros_like(out)
    powers, slope = _slopes(xp, p, out)
    return xp.sum(-powers * tangents[0], axis=-1) / slope


def _roots_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (p,), (k,) = repeated(operands, leads), leads
    found = [np.roots(q) for q in p.reshape(-1, p.shape[-1])]
    if len({len(roots) for roots in found}) > 1:
        msg = "np.roots: the polynomials of some examples have zeros in front, so fewer roots, and vmap needs one shape for all."
        raise BatchedValueError(msg)
    return np.asarray(found).reshape(*p.shape[:k], -1)


@primitive(
    np.roots, vjps=(_roots_vjp,), jvp=_roots_jvp, batched=_roots_each,
    cases=(
        Case(((4,),)), Case(((2,),)), Case(((6,),)),
        Case(((4,),), {}, (Domain("with real roots", lambda z: np.poly(np.arange(3.0) + 0.1 * np.tanh(z[:3]))),)),
    ),
)  # fmt: skip
def roots(xp: Namespace, p: ArrayLike, /) -> Array:
    """Return the roots of a polynomial with these coefficients, the highest power first.

    By the implicit function theorem a change ``dp`` of the coefficients moves a simple root ``r`` by ``-dp(r) / p'(r)``.

    Raises:
        NotDifferentiableError: where the derivative at a multiple root is asked for.
    """
    return np.roots(p)


# --- from roots -----------------------------------------------------------------------------------------------------
def _adjugates(xp: Namespace, out: Array, x: Array) -> list[Array]:
    """Return the coefficients of the adjugate of ``s I - x`` as a polynomial in ``s``, by Horner's scheme."""
    eye = np.eye(np.shape(x)[-1], dtype=out.dtype)
    found: list[Any] = [eye + 0 * x]
    for k in range(1, np.shape(x)[-1]):
        found.append(xp.matmul(x, found[-1]) + out[..., k, None, None] * eye)
    return found


def _characteristic_vjp(xp: Namespace, ct: Array, out: Array, x: Array) -> Array:
    terms = [-ct[..., k + 1, None, None] * b.mT for k, b in enumerate(_adjugates(xp, out, x))]
    return xp.sum(xp.stack(terms), axis=0)


def _characteristic_jvp(xp: Namespace, tangents: Any, out: Array, x: Array) -> Array:
    moved = [-xp.sum(b.mT * tangents[0], axis=(-2, -1)) for b in _adjugates(xp, out, x)]
    return xp.stack([0 * moved[0], *moved], axis=-1)


def _characteristic_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    (x,), (k,) = operands, leads
    found = [compute(one) for one in x.reshape(-1, *x.shape[k:])]
    return np.asarray(found).reshape(*x.shape[:k], -1)


@primitive(
    vjps=(_characteristic_vjp,), jvp=_characteristic_jvp, batched=_characteristic_each,
    cases=(Case(((3, 3),)), Case(((1, 1),)), Case(((2, 2),), {}, (Domain("all alike", lambda z: 0 * z + 0.5, complex=True),)), Case(((4, 4),))),
    domain=(REAL,),
)  # fmt: skip
def characteristic_polynomial(xp: Namespace, x: ArrayLike, /) -> Array:
    """Return the coefficients of ``det(s I - x)``, the highest power first; differentiable at repeated eigenvalues too.

    The rule is Jacobi's formula with the adjugate by the method of Faddeev and Leverrier (Gantmacher, The Theory of Matrices,
    chapter IV), which takes the coefficients from the value.
    """
    found = np.poly(x)
    return found.astype(np.result_type(x, found), copy=False)


@expansion(np.poly)
def poly(xp: Namespace, seq_of_zeros: ArrayLike) -> Any:
    """Return the coefficients of the polynomial with these roots, or of the characteristic one of a square matrix.

    They are real where the roots are conjugates of each other, as NumPy tells from the values.
    """
    x = xp.atleast_1d(as_array(xp, seq_of_zeros))
    shape = np.shape(x)
    if len(shape) == 2 and shape[0] == shape[1] != 0:
        found = xp.characteristic_polynomial(x)
    elif len(shape) == 1:
        if not shape[0]:
            return 1.0
        x = xp.astype(x, np.dtype(np.mintypecode(x.dtype.char)))
        one = np.ones(1, x.dtype)
        found = one
        for i in range(shape[0]):
            found = xp.convolve(found, xp.concatenate([one, -x[i : i + 1]]), mode="full")
    else:
        msg = "input must be 1d or non-empty square 2d array."
        raise ValueError(msg)
    return xp.real(found) if found.dtype.kind == "c" and _closed(plain(x)) else found


def _closed(zeros: Any) -> bool:
    """Say whether NumPy takes roots, or those of a matrix, to be conjugates of each other; of examples, in all of them."""
    if type(zeros) is Batched:
        return all(_closed(one) for one in zeros.array.reshape(-1, *zeros.shape))
    return not np.iscomplexobj(np.poly(zeros))


@expansion(np.polydiv)
def polydiv(xp: Namespace, u: ArrayLike, v: ArrayLike) -> tuple[Array, Array]:
    """Return quotient and remainder of two polynomials, the remainder without the zeros in front that NumPy takes off.

    Raises:
        ArgumentError: for an `numpy.poly1d`, which holds no tensor.
        BatchedValueError: inside `vmap`, if the zeros in front differ from example to example.
    """
    if isinstance(u, np.poly1d) or isinstance(v, np.poly1d):
        msg = "np.polydiv of a poly1d and a tensor: a poly1d holds no tensor. Pass its coefficients, p.coeffs."
        raise ArgumentError(msg)
    dividend, divisor = [xp.atleast_1d(as_array(xp, x)) + 0.0 for x in (u, v)]
    dtype = np.result_type(dividend.dtype, divisor.dtype)
    m, n = np.shape(dividend)[0] - 1, np.shape(divisor)[0] - 1
    scale, rest = 1.0 / divisor[0], xp.astype(dividend, dtype)
    found: list[Any] = []
    for k in range(m - n + 1):
        found.append(scale * rest[k])
        rest = xp.concatenate([rest[:k], rest[k : k + n + 1] - found[-1] * divisor, rest[k + n + 1 :]])
    quotient = xp.stack(found) if found else np.zeros(1, dtype)
    while np.shape(rest)[0] > 1 and _vanishes(plain(rest[0])):
        rest = rest[1:]
    return quotient, rest


def _vanishes(x: Any) -> bool:
    """Say whether NumPy takes the leading coefficient of a remainder for zero, in all examples or in none."""
    each = np.isclose(x.array if type(x) is Batched else x, 0, rtol=1e-14)
    if each.any() != each.all():
        msg = "np.polydiv: the remainders of some examples have lower degree, and vmap needs one shape for all."
        raise BatchedValueError(msg)
    return bool(each.all())
