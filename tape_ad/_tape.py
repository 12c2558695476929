"""`Tape`, built from outputs, owns the child counts; `Gradients` is what a backward pass over it returns.

How cotangents travel is `_propagate`'s business; a tape says what is asked, and of what.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from attrs import field, frozen

from tape_ad._core import HOOKS, GradientMapping, Tensor
from tape_ad._data import fingerprint
from tape_ad._drawing import Drawing, draw, escape
from tape_ad._errors import (
    ArgumentError,
    BufferChangedError,
    NotAskedForError,
    NotOnTapeError,
    NotScalarError,
    NotTrackedError,
    PiecewiseConstantError,
    SeedError,
)
from tape_ad._player import Player, play
from tape_ad._propagate import (
    Counts,
    Recorded,
    advance,
    counts_between,
    fit_seed,
    in_any_order,
    in_order,
    kind_of,
    plain,
    sweep,
    walk,
)
from tape_ad._rows import Node, clip, listing, nodes_of, size_of, steps_of

_ndarray = np.ndarray
_ONE = np.float64(1.0)
_NOWHERE: frozenset[Tensor] = frozenset()
_DRAWN_UNASKED = 100
"""The most that a notebook draws where a tape is the value of a cell."""
_LISTED = 20
"""How many rows of a longer tape's listing a notebook shows from each end."""
_ROW = 200
"""How many characters of each."""


@frozen(eq=False, repr=False, slots=False)
class Tape:
    """The part of a computation that leads to some outputs: an order, child counts, leaves.

    Build one with ``Tape.of(*outputs)``. It is a value: asking it twice gives the same answer.

    Attributes:
        outputs: The tensors it was built from.

    >>> a, b, c = (Tensor([1.0, 2.0], autograd=True) for _ in range(3))
    >>> d, e = a + b, b + c
    >>> tape = Tape.of(d + e)
    >>> tape.child_counts[b]
    2
    >>> tape.backward([1.0, 1.0])[b]
    array([2., 2.])
    """

    outputs: tuple[Tensor, ...]
    _counts: Counts = field(repr=False)
    leaves: tuple[Tensor, ...] = field(repr=False)
    _shared: tuple[Tensor, ...] = field(repr=False)
    _stops: frozenset[Tensor] = field(repr=False)

    @classmethod
    def of(cls, *outputs: Tensor, boundary: Iterable[Tensor] = ()) -> "Tape":
        """Walk from the outputs to the leaves, counting how many uses of each tensor lead to the outputs.

        The tensors of ``boundary`` are taken for leaves: what they were made from is left out.

        Raises:
            ArgumentError: if an output is not a tensor, or there is none.
        """
        if not outputs:
            msg = "Tape.of() needs at least one output: Tape.of(loss)."
            raise ArgumentError(msg)
        for out in outputs:
            if type(out) is not Tensor:
                msg = f"Tape.of() takes tensors, but got {type(out).__name__}. Make one: Tensor(data, autograd=True)."
                raise ArgumentError(msg)
        inner = [t for t in boundary if t.creators]  # the others are leaves anyway
        stops = frozenset(inner) if inner else _NOWHERE
        return cls(outputs, *walk(outputs, stops), stops)

    @property
    def child_counts(self) -> Mapping[Tensor, int]:
        """How many uses of each tracked tensor lead to the outputs; a dead branch does not count."""
        return MappingProxyType(self._counts)

    @functools.cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """The tracked tensors, each after its creators, depth first and left to right."""
        return in_order(self.outputs, self._stops)

    def __len__(self) -> int:
        return len(self._counts)

    def __repr__(self) -> str:
        return f"<Tape of {len(self)} tensors, {len(self.leaves)} leaves, {len(self.outputs)} outputs>"

    def __str__(self) -> str:
        return "\n".join(listing(self.outputs, self.tensors, self._counts, self.tensors))

    def draw(self, names: Mapping[str, Any] = MappingProxyType({})) -> Drawing:
        """Return the tape as a picture: leaves above, outputs below, every operation under its operands.

        Args:
            names: What to call the tensors: ``{"w": w}``. Entries that are no tensors of the tape are ignored, so
                ``locals()`` will do.

        Raises:
            ArgumentError: if there are more than 500 tensors and constants, which no picture makes readable.

        >>> x = Tensor(3.0, autograd=True)
        >>> picture = Tape.of(x * x).draw({"x": x})
        >>> "%0 x" in picture.svg, "multiply" in picture.svg
        (True, True)
        """
        return draw(self._nodes(names, "draw"))

    def play(self, *seed: Any, names: Mapping[str, Any] = MappingProxyType({})) -> Player:
        """Return the forward values and the messages of the backward pass, step by step, and a page that shows them.

        Args:
            seed: As for `backward`, one per output.
            names: As for `draw`.

        Raises:
            ArgumentError: if there are more than 500 tensors and constants.
            NotScalarError: if there is no seed and an output is not one scalar.
            SeedError: if a seed does not fit its output.
            BufferChangedError: if an array used in the computation was changed since.

        >>> x = Tensor(3.0, autograd=True)
        >>> print(Tape.of(x * x).play(names={"x": x}).steps)
        1. %0 x has the value 3.
        2. %1 multiply has the value 9.
        3. %1 multiply hears the seed 1. Seed heard 1 of 1. Complete: it hands on.
        4. %0 x hears 3 from %1 multiply. Children heard 1 of 2, gradient so far 3. It waits.
        5. %0 x hears 3 from %1 multiply. Children heard 2 of 2, gradient 6. Complete: a leaf keeps it.
        """
        nodes = self._nodes(names, "play")
        if seed and len(seed) != len(self.outputs):
            msg = f"play() of a tape of {len(self.outputs)} outputs takes as many seeds, but got {len(seed)}."
            raise SeedError(msg)
        seeds = self._seeds(seed or None, False)
        self._check_buffers()
        with np.errstate(all="ignore"):
            return play(nodes, steps_of(self.outputs, seeds, self.tensors, self._counts, self._stops, nodes))

    def _nodes(self, names: Mapping[str, Any], what: str) -> tuple[Node, ...]:
        return nodes_of(self.outputs, self.tensors, self._counts, self.leaves, names, what)

    def _repr_html_(self) -> str:
        if len(self) <= _DRAWN_UNASKED and size_of(self.tensors, set(self.leaves)) <= 2 * _DRAWN_UNASKED:
            return self.draw()._repr_html_()
        tensors = self.tensors
        ends = (*tensors[:_LISTED], *tensors[max(_LISTED, len(tensors) - _LISTED) :])
        rows = [clip(row, _ROW) for row in listing(self.outputs, tensors, self._counts, ends)]
        if len(ends) < len(tensors):
            rows.insert(_LISTED + 1, f"… {len(tensors) - len(ends):,} more …")
        more = "print(tape) lists all, tape.draw() draws more, Tape.of(output, boundary=[...]) takes a part."
        return f"<p>{escape(f'{self!r}: {more}')}</p>\n<pre>{escape(chr(10).join(rows))}</pre>"

    def backward(
        self, seed: Any = None, *, wrt: Iterable[Tensor] | Tensor | None = None, differentiable: bool = False
    ) -> "Gradients":
        """Return the gradients of the outputs, weighted by ``seed``, as a fresh read-only mapping.

        Args:
            seed: What to multiply the output's derivative by: an array of the output's shape; for several outputs one
                per output. May be left out where every output is one scalar.
            wrt: The tensors to differentiate with respect to; the leaves if left out. Any other recorded tensor may
                still be asked of the result if ``wrt`` is left out, at the cost of another pass.
            differentiable: Record the backward pass too, so that the gradients are tensors.

        Raises:
            NotScalarError: if there is no seed and an output is not one scalar.
            SeedError: if a seed does not fit its output.
            BufferChangedError: if an array used in the computation was changed since.
        """
        seeds = self._seeds(seed, differentiable)
        if isinstance(wrt, Tensor):
            wrt = (wrt,)
        asked = None if wrt is None else tuple(dict.fromkeys(wrt))
        for t in asked or ():
            if not isinstance(t, Tensor):
                msg = f"wrt takes tensors, but got {type(t).__name__}."  # type: ignore[unreachable]  # for callers who run no type checker
                raise ArgumentError(msg)
        values = self._values(seeds, asked, differentiable)
        for value in values.values():
            if type(value) is _ndarray:
                value.setflags(False)  # type: ignore[call-arg]  # by position it is faster; NumPy's stubs say by keyword only
        return Gradients(self, values, seeds, asked, differentiable)

    def _values(
        self, seeds: Sequence[Any], asked: tuple[Tensor, ...] | None, differentiable: Recorded
    ) -> dict[Tensor, Any]:
        self._check_buffers()
        counts, keep = self._counts, None
        leaves = self.leaves
        if asked is not None and not (len(asked) == len(leaves) == 1 and asked[0] is leaves[0]):
            keep = set(asked)
            if keep != set(leaves):
                counts = counts_between(self.tensors, keep, self._stops)
        with np.errstate(all="ignore"):
            return sweep(self.outputs, seeds, counts, keep, differentiable, self._stops)

    def _check_buffers(self) -> None:
        for t in self._shared:
            if fingerprint(t.data) != t.creation_op.params["fingerprint"]:  # type: ignore[union-attr]  # marked as shared by its call
                msg = (
                    f"An array of shape {t.shape} that was used in this computation has been changed in place since, so its "
                    "gradient would be wrong. Pass array.copy(), or make a new array in place of changing it."
                )
                raise BufferChangedError(msg)

    def cotangents(
        self, wrt: Iterable[Tensor], seeds: Sequence[Any] | None = None, *, differentiable: Recorded = False
    ) -> Mapping[Tensor, Any]:
        """Return what `backward` finds for ``wrt``, as arrays that nobody else holds: for transforms."""
        given = self._seeds(None, differentiable) if seeds is None else seeds
        return self._values(given, tuple(wrt), differentiable)

    def tangents(
        self, known: dict[Tensor, Any], *, differentiable: Recorded = False, checked: bool = False
    ) -> list[Any]:
        """Return the tangents of the outputs, None where there is none, adding all others to ``known``: for transforms."""
        if not checked:
            self._check_buffers()
        with np.errstate(all="ignore"):
            advance(in_any_order(self.outputs, self._counts, self._stops), known, differentiable, self._stops)
        return [known.get(out) for out in self.outputs]

    def _seeds(self, seed: Any, differentiable: Recorded) -> tuple[Any, ...]:
        outputs = self.outputs
        if seed is None:
            for out in outputs:
                if out.shape != ():
                    made = f" at {out.made_at}" if out.made_at else ""
                    msg = (
                        f"backward() without a seed needs one scalar, but this output has shape {out.shape} (made by "
                        f"{out.creation_op or 'the user'}{made}). Sum or average it, or pass a seed of that shape: "
                        f"backward(np.ones({out.shape})) adds up all elements."
                    )
                    raise NotScalarError(msg)
            return tuple([_ONE if type(out.data) is np.float64 else out.dtype.type(1) for out in outputs])
        if len(outputs) > 1 or (isinstance(seed, tuple) and len(seed) == len(outputs)):
            if not isinstance(seed, (tuple, list)) or len(seed) != len(outputs):
                msg = f"A tape of {len(outputs)} outputs takes a tuple of {len(outputs)} seeds."
                raise SeedError(msg)
            given = tuple(seed)
        else:
            given = (seed,)
        return tuple(fit_seed(s, out, "seed", differentiable) for s, out in zip(given, outputs, strict=True))

    def pushforward(self, tangents: Mapping[Tensor, Any], *, differentiable: bool = False) -> tuple[Any, ...]:
        """Return the tangent of each output for the given tangents of leaves or other recorded tensors.

        This is forward mode: the directional derivative, at the cost of one pass in the order of the computation.

        Raises:
            SeedError: if a tangent does not fit its tensor.
            NotOnTapeError: if a tangent is given for a tensor that does not lead to the outputs.
        """
        known: dict[Tensor, Any] = {}
        for t, tangent in tangents.items():
            if t not in self._counts:
                raise _why_missing(self, t)
            known[t] = fit_seed(tangent, t, "tangent", differentiable)
        found = self.tangents(known, differentiable=differentiable)
        return tuple(
            np.zeros(out.shape, out.dtype)[()] if d is None else d for out, d in zip(self.outputs, found, strict=True)
        )


@frozen(eq=False, repr=False)
class Gradients(Mapping[Tensor, Any]):
    """A read-only mapping from tensors to gradients, in tape order.

    It iterates over the tensors of ``wrt``, or over the leaves. Every other recorded tensor may be asked for too, by
    ``gradients[t]``, unless ``wrt`` limited the pass. Sums and multiples of gradients are gradients.

    >>> x = Tensor(3.0, autograd=True)
    >>> g = (x * x).backward()
    >>> (2 * g)[x], g.norm()
    (np.float64(12.0), 6.0)
    """

    tape: Tape
    _values: dict[Tensor, Any]
    _seeds: tuple[Any, ...]
    wrt: tuple[Tensor, ...] | None
    _differentiable: bool
    __array_ufunc__: ClassVar[None] = None  # so that a NumPy scalar on the left leaves the multiplication to us

    def __eq__(self, other: object) -> bool:
        return self is other  # a mapping's equality would compare arrays, which have no one answer

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __getitem__(self, tensor: Tensor) -> Any:
        values = self._values
        if tensor in values:
            return values[tensor]
        if not isinstance(tensor, Tensor):
            msg = f"Gradients are asked for by tensor, not by {type(tensor).__name__}: gradients[t]."  # type: ignore[unreachable]  # for callers who run no type checker
            raise NotOnTapeError(msg)
        if self.wrt is None and tensor in self.tape.child_counts:
            value = self.tape._values(self._seeds, (tensor,), self._differentiable)[tensor]  # noqa: SLF001 - one module, one subject
            if type(value) is _ndarray:
                value.setflags(write=False)
            return value
        raise _why_missing(self.tape, tensor)

    def __contains__(self, tensor: object) -> bool:
        return tensor in self._values or (self.wrt is None and tensor in self.tape.child_counts)

    def __iter__(self) -> Iterator[Tensor]:
        if len(self._values) <= 1:
            return iter(self._values)
        return iter([t for t in self.tape.tensors if t in self._values])

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        rows = [f"{kind_of(t)}: {np.array2string(np.asarray(plain(v)), threshold=10)}" for t, v in self.items()]
        return f"Gradients({{{', '.join(rows)}}})"

    def __add__(self, other: GradientMapping) -> "Gradients":
        if not isinstance(other, Gradients):
            return NotImplemented
        values = dict(self._values)
        for t, value in other._values.items():
            values[t] = values[t] + value if t in values else value
        return self._with(values, Tape.of(*self.tape.outputs, *other.tape.outputs))

    def __mul__(self, factor: float) -> "Gradients":
        if isinstance(factor, Gradients):  # type: ignore[unreachable]  # `g * h`, of callers who run no type checker
            return NotImplemented
        return self._with({t: value * factor for t, value in self._values.items()}, self.tape)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> "Gradients":
        return self._with({t: value / divisor for t, value in self._values.items()}, self.tape)

    def __neg__(self) -> "Gradients":
        return self * -1

    def __sub__(self, other: GradientMapping) -> "Gradients":
        if not isinstance(other, Gradients):
            return NotImplemented
        return self + -other

    def _with(self, values: dict[Tensor, Any], tape: Tape) -> "Gradients":
        for value in values.values():
            if type(value) is _ndarray:
                value.setflags(False)  # type: ignore[call-arg]  # by position it is faster; NumPy's stubs say by keyword only
        return Gradients(tape, values, (), tuple(values), self._differentiable)

    def norm(self) -> float:
        """Return the Euclidean norm of all the gradients that this mapping iterates over, taken as one vector."""
        return float(np.sqrt(sum(np.sum(np.abs(plain(value)) ** 2) for value in self.values())))


def _why_missing(
    tape: Tape, tensor: Tensor
) -> NotOnTapeError | NotTrackedError | PiecewiseConstantError | NotAskedForError:
    """Find out why there is no gradient, by walking from the outputs over constants too."""
    label = f"{kind_of(tensor)} tensor" + (f" made at {tensor.made_at}" if tensor.made_at else "")
    if tensor in tape.child_counts:
        return NotAskedForError(
            f"The {label} is on the tape, but the pass was limited to other tensors. Add it to wrt."
        )
    seen: dict[Tensor, Tensor | None] = dict.fromkeys(tape.outputs)  # each with the child that led to it
    stack = list(tape.outputs)
    while stack:
        t = stack.pop()
        if t is tensor:
            break
        for c in t.creators:
            if c not in seen:
                seen[c] = t
                stack.append(c)
    if tensor not in seen:
        return NotOnTapeError(
            f"The {label} does not lead to the outputs of this tape, so nothing is known of its gradient. Use the tensor "
            "itself in the computation, not a copy of its data."
        )
    child: Tensor | None = tensor
    while child is not None and not (not child.autograd and any(c.autograd for c in child.creators)):
        child = seen[child]
    if child is None:
        return NotTrackedError(
            f"The {label} is a constant of this computation. Make it with Tensor(data, autograd=True)."
        )
    where = f" at {child.made_at}" if child.made_at else ""
    return PiecewiseConstantError(
        f"The {label} reaches the outputs only through {child.creation_op}{where}, which is piecewise constant: its derivative "
        "is zero wherever it exists. Replace it by a smooth function, or treat the gradient as zero."
    )


def gradient_of_scalar(value: Tensor, leaves: Sequence[Tensor]) -> Mapping[Tensor, Any] | None:
    """Return the gradient of a float64 scalar in leaves of its own, on which alone it depends; None where a tape must tell.

    The short way of transforms: no tape is built, which nobody would see.
    """
    for leaf in leaves:
        if leaf.creators:
            return None
    counts, reached, shared = walk((value,), _NOWHERE)
    if shared or (reached[0] is not leaves[0] if len(reached) == 1 else not {*leaves}.issuperset(reached)):
        return None
    with np.errstate(all="ignore"):
        return sweep((value,), (_ONE,), counts, None, False, _NOWHERE)


def _backward(tensor: Tensor, seed: Any) -> Gradients:
    return Tape.of(tensor).backward(seed)


HOOKS["backward"] = _backward
