"""Between the elements of a sequence, and sequences moved across each other: interpolation, convolution, correlation."""

from __future__ import annotations

from typing import Any

import numpy as np

from tape_ad._cases import Case, Domain
from tape_ad._rules import GROWING, REAL, bilinear, composite, expansion
from tape_ad._stacked import batch_lengths
from tape_ad._typing import Array, ArrayLike, Namespace

_plain: Namespace = np  # whatever the namespace, the value is NumPy's own


# --- interpolation --------------------------------------------------------------------------------------------------
def _interp_expression(xp: Namespace, x: Array, knots: Array, values: Array, left: Array, right: Array) -> Array:
    """Write the mean of the line to the left and the line to the right of each point: the same but at a knot."""
    n = np.shape(knots)[0]
    outside = (x < knots[0], x > knots[-1])

    def line(j: Any) -> Array:
        if n == 1:
            return values[0] + 0 * x
        inside = xp.clip(j, 0, n - 2)
        start, stop, low, high = (
            xp.elements_at(a, inside + i, axis=None) for a, i in ((knots, 0), (knots, 1), (values, 0), (values, 1))
        )
        slanted = low + (high - low) * ((x - start) / (stop - start))
        return xp.where(j < 0, values[0], xp.where(j >= n - 1, values[-1], slanted))

    inner = 0.5 * (line(np.searchsorted(knots, x, side="left") - 1) + line(np.searchsorted(knots, x, side="right") - 1))
    return xp.where(outside[0], left, xp.where(outside[1], right, inner))


@composite(
    expression=_interp_expression, domain=(Domain("about the knots", lambda z: 1.3 * z), GROWING, REAL, REAL, REAL),
    cases=(
        Case(((5,), (4,), (4,), (), ())), Case(((2, 3), (3,), (3,), (), ())), Case(((), (4,), (4,), (), ())), Case(((3,), (1,), (1,), (), ())),
    ),
)  # fmt: skip
def interp_between(
    xp: Namespace, x: ArrayLike, knots: ArrayLike, values: ArrayLike, left: ArrayLike, right: ArrayLike, /
) -> Array:
    """Return `interp` with both outer values given, in the precision of its operands."""
    kept = np.result_type(*[a for a in (x, knots, values) if hasattr(a, "dtype")])
    return _plain.interp(x, knots, values, left, right).astype(kept)


@expansion(np.interp)
def interp(
    space: Namespace, /, x: ArrayLike, xp: ArrayLike, fp: ArrayLike, left: ArrayLike | None = None,
    right: ArrayLike | None = None, period: float | None = None,
) -> Array:  # fmt: skip
    """Return values between knots by straight lines.

    It has derivatives in the points (the slope of the line, at a knot the mean of both), in the knots, in their values
    and in the outer ones.
    """
    if np.iscomplexobj(x) or np.iscomplexobj(xp):
        msg = "np.interp takes real points and knots; only the values may be complex."
        raise TypeError(msg)
    wide = np.complex128 if np.iscomplexobj(fp) else np.float64
    points: Any = space.astype(x, np.float64)
    knots, values = space.astype(xp, np.float64), space.astype(fp, wide)
    if period is not None:
        if period == 0:
            msg = "period must be a non-zero value"
            raise ValueError(msg)
        if np.ndim(knots) != 1 or np.ndim(values) != 1:
            msg = "Data points must be 1-D sequences"
            raise ValueError(msg)
        if np.shape(knots) != np.shape(values):
            msg = "fp and xp are not of the same length"
            raise ValueError(msg)
        period = abs(period)
        left = right = None
        points, knots = points % period, knots % period
        order = np.argsort(knots)
        knots, values = space.elements_at(knots, order, axis=None), space.elements_at(values, order, axis=None)
        knots = space.concatenate((knots[-1:] - period, knots, knots[:1] + period))
        values = space.concatenate((values[-1:], values, values[:1]))
    first = values[0] if left is None else space.astype(left, wide)
    last = values[-1] if right is None else space.astype(right, wide)
    return space.interp_between(points, knots, values, first, last)


# --- convolution ----------------------------------------------------------------------------------------------------
def _window(m: int, n: int, mode: str) -> tuple[int, int]:
    """Return where in the full convolution of lengths ``m`` and ``n`` the result of a mode begins, and how long it is."""
    less, more = min(m, n), max(m, n)
    return {"full": (0, m + n - 1), "same": ((less - 1) // 2, more), "valid": (less - 1, more - less + 1)}[mode]


def _mode(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    mode = params.get("mode", "full")
    if mode not in {"full", "same", "valid"}:
        msg = f"mode is 'full', 'same' or 'valid', not {mode!r}."
        raise ValueError(msg)
    return {"mode": mode}


def _convolve_back(xp: Namespace, ct: Array, x: Array, other: Array, mode: str) -> Array:
    """Return the cotangent of one sequence: that of the full convolution, correlated with the other sequence."""
    m, n = np.size(x), np.size(other)
    start, length = _window(m, n, mode)
    if mode != "full":
        zeros = [np.zeros(k, ct.dtype) for k in (start, m + n - 1 - start - length)]
        ct = xp.concatenate([zeros[0], ct, zeros[1]])
    return xp.reshape(xp.convolve(ct, xp.flip(xp.reshape(other, -1)), mode="valid"), np.shape(x))


def _convolve_each(compute: Any, operands: Any, leads: Any, params: Any) -> Array:
    """Add up the longer sequence times each element of the shorter, for all examples at once."""
    x, y = (a[..., None] if a.ndim == k else a for a, k in zip(operands, leads, strict=True))
    m, n = x.shape[-1], y.shape[-1]
    if not m or not n:
        msg = "a sequence to convolve cannot be empty"
        raise ValueError(msg)
    long, short = (x, y) if m >= n else (y, x)
    full = np.zeros((*batch_lengths(operands, leads), m + n - 1), np.result_type(x, y))
    for i in range(short.shape[-1]):
        full[..., i : i + long.shape[-1]] += short[..., i : i + 1] * long
    start, length = _window(m, n, params["mode"])
    return full[..., start : start + length]


_PAIRS = tuple(
    Case(shapes, {"mode": mode})
    for shapes in (((5,), (3,)), ((2,), (5,)), ((4,), (4,)))
    for mode in ("full", "same", "valid")
)


@bilinear(
    np.convolve, batched=_convolve_each, canonical=_mode, cases=(*_PAIRS, Case(((4,), ()), {"mode": "full"})),
    transposes=(
        lambda xp, ct, out, x, y, mode: _convolve_back(xp, ct, x, y, mode),
        lambda xp, ct, out, x, y, mode: _convolve_back(xp, ct, y, x, mode),
    ),
)  # fmt: skip
def convolve(xp: Namespace, x1: ArrayLike, x2: ArrayLike, /, *, mode: str = "full") -> Array:
    """Return the convolution of two sequences: all of it, the middle as long as the longer, or where both overlap."""
    return _plain.convolve(x1, x2, mode)


def _correlate_mode(operands: Any, params: dict[str, Any]) -> dict[str, Any]:
    return _mode(operands, {"mode": "valid", **params})


def _correlate_expression(xp: Namespace, a: Array, v: Array, mode: str) -> Array:
    m, n = np.size(a), np.size(v)
    start, length = _window(m, n, mode)
    if n > m:  # NumPy exchanges the sequences and reverses what comes out
        start = m + n - 1 - start - length
    full = xp.convolve(a, xp.conj(xp.flip(v)), mode="full")
    return full[start : start + length]


@composite(np.correlate, expression=_correlate_expression, canonical=_correlate_mode, cases=_PAIRS)
def correlate(xp: Namespace, a: ArrayLike, v: ArrayLike, /, *, mode: str = "valid") -> Array:
    """Return the correlation of two sequences: the sums of products at each shift, the second one conjugated."""
    return _plain.correlate(a, v, mode)
