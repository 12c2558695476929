"""The laws of differentiation, about a function at a point: what is right for any op is right for it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from attrs import frozen

from tape_ad._core import Tensor
from tape_ad._errors import PiecewiseConstantError
from tape_ad._law_tools import (
    Arrays,
    Law,
    close,
    data_of,
    holds,
    listed,
    pair,
    random_like,
    same_bits,
    same_sum,
    write_protected,
)
from tape_ad._tape import Tape

STEP = 1e-5
"""Of the central differences. Their error is about 1e-10, for points and slopes of about 1."""


# --- the point ------------------------------------------------------------------------------------------------------
@frozen
class Point:
    """A function at a point: what the laws of differentiation are about."""

    label: str
    call: Callable[..., Any]
    datas: Arrays
    vary: tuple[int, ...]

    def value(self, datas: Arrays) -> Any:
        """Return the function's value as an array."""
        return data_of(self.call(*datas))

    def record(self, datas: Arrays, vary: Sequence[int]) -> tuple[list[Tensor], Any]:
        """Return fresh tensors, those of ``vary`` tracked, and the function's recorded result."""
        tensors = [Tensor(x, autograd=i in vary) for i, x in enumerate(datas)]
        return tensors, self.call(*tensors)

    def pull(self, datas: Arrays, ct: Any, vary: Sequence[int], *, differentiable: bool = False) -> list[Any]:
        """Return the gradients by reverse mode, zeros where the function ignores an operand."""
        tensors, out = self.record(datas, vary)
        return _gradients(out, ct, [tensors[i] for i in vary], differentiable=differentiable)

    def push(self, tangents: Mapping[int, Any], *, differentiable: bool = False) -> Any:
        """Return the tangent of the result by forward mode."""
        tensors, out = self.record(self.datas, tuple(tangents))
        return _tangent([out], {tensors[i]: d for i, d in tangents.items()}, differentiable=differentiable)[0]


def _gradients(out: Any, ct: Any, inputs: Sequence[Tensor], *, differentiable: bool = False) -> list[Any]:
    """Return the gradients of ``out``, zeros where it does not depend on an input."""
    if not (isinstance(out, Tensor) and out.autograd):
        return [np.zeros(t.shape, t.dtype) for t in inputs]
    tape = Tape.of(out)
    reached = [t for t in inputs if t in tape.child_counts]
    found = tape.backward(ct, wrt=reached, differentiable=differentiable)
    return [found[t] if t in tape.child_counts else np.zeros(t.shape, t.dtype) for t in inputs]


def _tangent(outs: Sequence[Any], tangents: Mapping[Tensor, Any], *, differentiable: bool = False) -> list[Any]:
    """Return the tangents of some results, zeros where they do not depend on what varies."""
    zeros = [np.zeros(np.shape(data_of(out)), np.result_type(data_of(out))) for out in outs]
    tracked = [i for i, out in enumerate(outs) if isinstance(out, Tensor) and out.autograd]
    if not tracked:
        return zeros
    tape = Tape.of(*[outs[i] for i in tracked])
    known = {t: d for t, d in tangents.items() if t in tape.child_counts}
    for i, d in zip(tracked, tape.pushforward(known, differentiable=differentiable), strict=True):
        zeros[i] = d
    return zeros


def difference(point: Point, tangents: Mapping[int, Any]) -> Any:
    """Return the central difference of the function along the tangents."""
    up, down = (
        np.asarray(point.value(tuple(x + h * tangents[i] if i in tangents else x for i, x in enumerate(point.datas))))
        for h in (STEP, -STEP)
    )
    return (up - down) / (2 * STEP)


# --- the laws -------------------------------------------------------------------------------------------------------
def derivative_laws(point: Point, rng: np.random.Generator) -> Iterator[Law]:
    """Yield the laws of both modes and of the second order."""
    yield Law("vjp", partial(_is_tracked, point))
    ct = random_like(point.value(point.datas), rng)
    tangents = {i: random_like(point.datas[i], rng) for i in point.vary}
    given = [(a, a.copy()) for a in (ct, *tangents.values())]
    yield Law("jvp", partial(_tangents_are_differences, point, tangents))
    yield Law("vjp", partial(_gradients_are_differences, point, ct))
    yield Law("vjp", partial(_modes_are_transposes, point, ct, tangents))
    yield Law("second order", partial(_tensors_give_the_same_bits, point, ct, tangents))
    yield Law("vjp", partial(_others_do_not_matter, point, ct))
    yield Law("second order", partial(_second_order, point, ct, tangents, rng))
    yield Law("vjp", partial(_nothing_is_written, point, given))


def _is_tracked(point: Point) -> None:
    _, out = point.record(point.datas, point.vary)
    holds(out.autograd, f"{point.label}: the result of tracked operands is not tracked")


def _nothing_is_written(point: Point, given: Sequence[tuple[Any, Any]]) -> None:
    for a, copy in given:
        same_bits(a, copy, f"{point.label}: a cotangent or tangent was written")


def is_piecewise_constant(point: Point) -> None:
    """The result is not tracked, and asking for a gradient says why there is none."""
    tensors, out = point.record(point.datas, point.vary)
    holds(
        not out.autograd, f"{point.label}: the result should not be tracked, for its derivative is zero by definition"
    )
    for i in point.vary:
        try:
            gradient = Tape.of(out).backward(np.ones(out.shape, out.dtype))[tensors[i]]
        except PiecewiseConstantError:
            continue
        raise AssertionError(
            f"{point.label}: operand {i} has the gradient {gradient}, where an error should say why it has none"
        )


def _tangents_are_differences(point: Point, tangents: Mapping[int, Any]) -> None:
    """Forward mode, for each operand by itself and for all together."""
    for vary in dict.fromkeys([(i,) for i in tangents] + [tuple(tangents)]):
        chosen = {i: tangents[i] for i in vary}
        if chosen:
            close(point.push(chosen), difference(point, chosen), f"{point.label}: forward mode, operand {listed(vary)}")


def _gradients_are_differences(point: Point, ct: Any) -> None:
    """Reverse mode, element by element."""
    for i, gradient in zip(point.vary, point.pull(point.datas, ct, point.vary), strict=True):
        x = point.datas[i]
        where = f"{point.label}: the gradient of operand {i}"
        holds(np.shape(gradient) == x.shape, f"{where} has shape {np.shape(gradient)}, the operand {x.shape}")
        holds(gradient.dtype == x.dtype, f"{where} has dtype {gradient.dtype}, the operand {x.dtype}")
        expected = np.zeros(x.shape, x.dtype)
        for element in np.ndindex(x.shape):
            for direction in (1, 1j) if x.dtype.kind == "c" else (1,):
                tangent = np.zeros(x.shape, x.dtype)
                tangent[element] = direction
                # The gradient is the derivative in the real part less i times that in the imaginary part.
                slope = pair(ct, difference(point, {i: tangent}))
                expected[element] += slope if direction == 1 else -1j * slope
        close(gradient, expected, where)


def _modes_are_transposes(point: Point, ct: Any, tangents: Mapping[int, Any]) -> None:
    """The cotangent times the tangent is one number, on either side of the function."""
    for i, gradient in zip(point.vary, point.pull(point.datas, ct, point.vary), strict=True):
        tangent = point.push({i: tangents[i]})
        same_sum(
            (ct, tangent),
            (gradient, tangents[i]),
            f"{point.label}: operand {i}, forward and reverse mode are not transposes",
        )


def _tensors_give_the_same_bits(point: Point, ct: Any, tangents: Mapping[int, Any]) -> None:
    """A rule computes the same on arrays and in the tensor namespace."""
    plain = point.pull(point.datas, ct, point.vary)
    for i, g, recorded in zip(
        point.vary, plain, point.pull(point.datas, ct, point.vary, differentiable=True), strict=True
    ):
        same_bits(data_of(recorded), g, f"{point.label}: the gradient of operand {i} by a differentiable pass")
    recorded = point.push(tangents, differentiable=True)
    same_bits(data_of(recorded), point.push(tangents), f"{point.label}: the tangent by a differentiable pass")


def _others_do_not_matter(point: Point, ct: Any) -> None:
    """An operand's gradient is the same bits whether or not the others are tracked."""
    for i, gradient in zip(point.vary, point.pull(point.datas, ct, point.vary), strict=True):
        (alone,) = point.pull(point.datas, ct, (i,))
        same_bits(alone, gradient, f"{point.label}: the gradient of operand {i}, with the others constant")


def _second_order(point: Point, ct: Any, tangents: Mapping[int, Any], rng: np.random.Generator) -> None:
    """Differentiate the backward pass itself, in both modes."""
    tensors, out = point.record(point.datas, point.vary)
    if not getattr(out, "autograd", False):
        return
    seed = Tensor(ct, autograd=True)
    inputs = [tensors[i] for i in point.vary]
    gradients = _gradients(out, seed, inputs, differentiable=True)
    d_seed = random_like(ct, rng)
    directions = {**{tensors[i]: d for i, d in tangents.items()}, seed: d_seed}
    actual = _tangent(gradients, directions)

    def moved(step: float) -> list[Any]:
        datas = tuple(x + step * tangents[i] if i in tangents else x for i, x in enumerate(point.datas))
        return point.pull(datas, ct + step * d_seed, point.vary)

    for i, d, up, down in zip(point.vary, actual, moved(STEP), moved(-STEP), strict=True):
        where = f"{point.label}: second order, the change of the gradient of operand {i}"
        close(d, (np.asarray(up) - np.asarray(down)) / (2 * STEP), where)
    weights = [random_like(data_of(g), rng) for g in gradients]
    recorded = [(g, w) for g, w in zip(gradients, weights, strict=True) if isinstance(g, Tensor) and g.autograd]
    if not recorded:
        return
    tape = Tape.of(*[g for g, _ in recorded])
    reached = [t for t in directions if t in tape.child_counts]
    back = tape.backward(tuple(w for _, w in recorded), wrt=reached)
    left = [a for pair in zip(weights, actual, strict=True) for a in pair]
    right = [a for t in reached for a in (back[t], directions[t])]
    same_sum(
        left, right, f"{point.label}: second order, forward and reverse mode over the backward pass are not transposes"
    )


def single_precision(point: Point, *, keeps: bool) -> None:
    """Single precision stays single precision, forwards and backwards, and shapes are kept."""
    datas = narrowed(point.datas)
    small = Point(f"{point.label} in single precision", point.call, datas, point.vary)
    _, out = small.record(datas, small.vary)
    if keeps and all(x.dtype.kind in "fcb" for x in datas):
        holds(
            out.dtype.itemsize == (8 if out.dtype.kind == "c" else 4),
            f"{small.label}: the result has dtype {out.dtype}",
        )
    ct = np.ones(out.shape, out.dtype)
    exact = point.pull(point.datas, np.ones(out.shape, point.value(point.datas).dtype), point.vary)
    for i, g, e in zip(small.vary, small.pull(datas, ct, small.vary), exact, strict=True):
        where = f"{small.label}: the gradient of operand {i}"
        holds(g.dtype == datas[i].dtype, f"{where} has dtype {g.dtype}, the operand {datas[i].dtype}")
        holds(g.shape == datas[i].shape, f"{where} has shape {g.shape}, the operand {datas[i].shape}")
        close(g, e, where, relative=1e-3)
    tangent = small.push({i: np.ones_like(datas[i]) for i in small.vary})
    holds(tangent.dtype == out.dtype, f"{small.label}: the tangent has dtype {tangent.dtype}, the result {out.dtype}")
    holds(tangent.shape == out.shape, f"{small.label}: the tangent has shape {tangent.shape}, the result {out.shape}")


def narrowed(datas: Arrays) -> Arrays:
    """Return the operands in single precision."""
    narrow = {"f": np.float32, "c": np.complex64}
    return tuple(write_protected(x.astype(narrow[x.dtype.kind])) if x.dtype.kind in narrow else x for x in datas)
