"""`Tape`, built from outputs, owns the child counts; `Gradients` is what a backward pass over it returns.

The accumulation of gradients lives here and nowhere else. Nothing here recurses over the graph.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from attrs import field, frozen

from tape_ad._core import HOOKS, SHARED, TENSORS, Call, GradientMapping, Op, Tensor, Update, fingerprint, own
from tape_ad._errors import (
    ArgumentError,
    BufferChangedError,
    NotAskedForError,
    NotOnTapeError,
    NotScalarError,
    NotTrackedError,
    PiecewiseConstantError,
    RuleError,
    SeedError,
)

Counts: TypeAlias = dict[Tensor, int]
_ndarray = np.ndarray
_float64 = np.float64
_LAST = (1, -1)
"""What `pending` says of a tensor that waits for one more child: the only one, or the last of several."""


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
        counts: Counts = {}
        leaves: list[Tensor] = []
        shared: list[Tensor] = []
        stack: list[Tensor] = []
        push, pop = stack.append, stack.pop
        stops = frozenset(boundary)
        for out in outputs:
            if type(out) is not Tensor:
                msg = f"Tape.of() takes tensors, but got {type(out).__name__}. Make one: Tensor(data, autograd=True)."
                raise ArgumentError(msg)
            if out.autograd and out not in counts:
                counts[out] = 0
                if out.creation_op is None or not out.creators or (stops and out in stops):
                    leaves.append(out)
                else:
                    push(out)
        while stack:
            for c in pop().creators:
                if c.autograd:
                    if c in counts:
                        counts[c] += 1
                    else:
                        counts[c] = 1
                        if c.creation_op is None or not c.creators or (stops and c in stops):
                            leaves.append(c)
                        else:
                            push(c)
                elif c.creation_op is not None and c.creation_op.op is SHARED:
                    shared.append(c)
        return cls(outputs, counts, tuple(leaves), tuple(shared), stops)

    @property
    def child_counts(self) -> Mapping[Tensor, int]:
        """How many uses of each tracked tensor lead to the outputs; a dead branch does not count."""
        return MappingProxyType(self._counts)

    @functools.cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """The tracked tensors, each after its creators, depth first and left to right."""
        done: dict[Tensor, None] = {}
        stack = [out for out in reversed(self.outputs) if out.autograd]
        while stack:
            t = stack[-1]
            if t in done:
                stack.pop()
                continue
            inner = t.creation_op is not None and t not in self._stops
            waiting = [c for c in t.creators if c.autograd and c not in done] if inner else []
            if waiting:
                stack.extend(reversed(waiting))
            else:
                done[stack.pop()] = None
        return tuple(done)

    def __len__(self) -> int:
        return len(self._counts)

    def __repr__(self) -> str:
        return f"<Tape of {len(self)} tensors, {len(self.leaves)} leaves, {len(self.outputs)} outputs>"

    def __str__(self) -> str:
        numbers = {t: i for i, t in enumerate(self.tensors)}
        rows = [("", "operation", "inputs", "value", "children", "made at")]
        for t, number in numbers.items():
            is_leaf = t.creation_op is None
            name = "leaf" if is_leaf else str(t.creation_op)
            inputs = "" if is_leaf else ", ".join(f"%{numbers[c]}" if c in numbers else _brief(c) for c in t.creators)
            mark = " (output)" if any(t is out for out in self.outputs) else ""
            rows.append((f"%{number}", name, inputs, _kind_of(t), f"{self._counts[t]}{mark}", t.made_at or ""))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join(lines)

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
        seeds = self._seeds(seed)
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
        self, seeds: Sequence[Any], asked: tuple[Tensor, ...] | None, differentiable: bool
    ) -> dict[Tensor, Any]:
        for t in self._shared:
            if fingerprint(t.data) != t.creation_op.params["fingerprint"]:  # type: ignore[union-attr]  # marked as shared by its call
                msg = (
                    f"An array of shape {t.shape} that was used in this computation has been changed in place since, so its "
                    "gradient would be wrong. Pass array.copy(), or make a new array in place of changing it."
                )
                raise BufferChangedError(msg)
        counts, keep = self._counts, None
        if asked is not None:
            keep = set(asked)
            if keep != set(self.leaves):
                counts = self._leading_to(keep)
        with np.errstate(all="ignore"):
            return _sweep(self.outputs, seeds, counts, keep, differentiable)

    def cotangents(self, wrt: Iterable[Tensor], *, differentiable: bool = False) -> Mapping[Tensor, Any]:
        """Return what `backward` finds for ``wrt``, without seed, as arrays that nobody else holds: for transforms."""
        return self._values(self._seeds(None), tuple(wrt), differentiable)

    def _leading_to(self, wrt: set[Tensor]) -> Counts:
        """Count again, only the uses that lie between the outputs and the tensors of ``wrt``."""
        relevant = set()
        for t in self.tensors:
            if t in wrt:
                relevant.add(t)
            elif t.creation_op is not None:
                for c in t.creators:
                    if c in relevant:
                        relevant.add(t)
                        break
        counts = dict.fromkeys(relevant, 0)
        for t in relevant:
            if t.creation_op is not None:
                for c in t.creators:
                    if c in counts:
                        counts[c] += 1
        return counts

    def _seeds(self, seed: Any) -> tuple[Any, ...]:
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
            return tuple(out.dtype.type(1) for out in outputs)
        if len(outputs) > 1 or (isinstance(seed, tuple) and len(seed) == len(outputs)):
            if not isinstance(seed, (tuple, list)) or len(seed) != len(outputs):
                msg = f"A tape of {len(outputs)} outputs takes a tuple of {len(outputs)} seeds."
                raise SeedError(msg)
            given = tuple(seed)
        else:
            given = (seed,)
        return tuple(_fit_seed(s, out, "seed") for s, out in zip(given, outputs, strict=True))

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
            known[t] = _fit_seed(tangent, t, "tangent")
        with np.errstate(all="ignore"):
            for t in self.tensors:
                call = t.creation_op
                if t in known or call is None or not t.creators:
                    continue
                directions = [known.get(c) for c in t.creators]
                if any(d is not None for d in directions):
                    tangent = _guarded(push, t, call, directions, differentiable)
                    if tangent is not None:
                        known[t] = _fit_tangent(tangent, t)
            return tuple(self._tangent_of(out, known, differentiable) for out in self.outputs)

    def _tangent_of(self, out: Tensor, known: Mapping[Tensor, Any], differentiable: bool) -> Any:
        tangent = known.get(out)
        return np.zeros(out.shape, out.dtype)[()] if tangent is None else tangent


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

    def __getitem__(self, tensor: Tensor) -> Any:
        values = self._values
        if tensor in values:
            return values[tensor]
        if not isinstance(tensor, Tensor):
            msg = f"Gradients are asked for by tensor, not by {type(tensor).__name__}: gradients[t]."  # type: ignore[unreachable]  # for callers who run no type checker
            raise NotOnTapeError(msg)
        if self.wrt is None and tensor in self.tape.child_counts:
            return self.tape._values(self._seeds, (tensor,), self._differentiable)[tensor]  # noqa: SLF001 - one module, one subject
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
        rows = [f"{_kind_of(t)}: {np.array2string(np.asarray(_plain(v)), threshold=10)}" for t, v in self.items()]
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
        return float(np.sqrt(sum(np.sum(np.abs(_plain(value)) ** 2) for value in self.values())))


def _sweep(
    outputs: Sequence[Tensor], seeds: Sequence[Any], counts: Counts, keep: set[Tensor] | None, differentiable: bool
) -> dict[Tensor, Any]:
    """Hand cotangents from the outputs to the leaves; a tensor hands on once all its counted children were heard.

    This loop is the hot path. Ops of one or two operands without parameters are served inline on plain arrays, and a
    tensor with a single child is handed on without being stored; everything else goes through `pull` and `hear`.
    """
    # How many children are yet to be heard: negative once one was.
    pending = counts.copy()
    waiting: dict[Tensor, Any] = {}  # the sum so far of tensors that were heard from, but not by all children
    updates: dict[Tensor, list[Update]] = {}  # the same for sparse cotangents
    sums: set[Tensor] = set()  # whose entry in `waiting` is a buffer of our own, safe to add into
    kept: dict[Tensor, Any] = {}
    ready: list[tuple[Tensor, Any]] = []
    push_ready, pop_ready, left = ready.append, ready.pop, pending.get

    def hear(c: Tensor, g: Any) -> None:
        """Add a cotangent to what is there, and hand the tensor on if this was its last child."""
        n = pending[c]
        pending[c] = n = 1 - n if n > 0 else n + 1
        if type(g) is Update:
            updates.setdefault(c, []).append(g)
        elif g is not None:
            if c in sums:
                total = waiting[c]
                total += g
                waiting[c] = total
            elif c in waiting:
                waiting[c] = waiting[c] + g
                sums.add(c)
            else:
                waiting[c] = g
        if n == 0:
            g = waiting.pop(c, None)
            if c in updates:
                sparse = _scatter(updates.pop(c), c, differentiable)
                g = sparse if g is None else g + sparse
            push_ready((c, np.zeros(c.shape, c.dtype)[()] if g is None else g))

    started = [(out, seed) for out, seed in zip(outputs, seeds, strict=True) if out in pending]
    for out, _ in started:
        pending[out] += 1
    for out, seed in started:
        hear(out, seed)
    inner = None if keep is None else {t for t in keep if t.creators}
    t = outputs[0]
    ct: Any = None
    following = False  # whether `t` and `ct` hold the next tensor already
    try:
        while ready or following:
            if following:
                following = False
            else:
                t, ct = pop_ready()
            creators = t.creators
            call = t.creation_op
            if call is None or not creators:
                if keep is None or t in keep:
                    kept[t] = ct
                continue
            if inner and t in inner:
                kept[t] = ct
            op = call.op
            arity = 0 if differentiable else op.quick
            if arity == 2:
                x, y = creators
                left_x, left_y = left(x), left(y)
                data_x, data_y, value = x.data, y.data, t.data
                kind, other = type(data_x), type(data_y)
                # Where neither broadcasting nor promotion can have happened, the shape needs no test.
                if kind is other:
                    alike_x = alike_y = kind is _float64 or (
                        kind is _ndarray and data_x.shape == data_y.shape and data_x.dtype is data_y.dtype
                    )
                else:
                    alike_x = other is float and (kind is _ndarray or kind is _float64)
                    alike_y = kind is float and (other is _ndarray or other is _float64)
                rule_x, rule_y = op.rules
                if left_x is not None:
                    if rule_x is None:
                        g = None
                    else:
                        g = ct * rule_x(np, value, data_x, data_y) if op.partials else rule_x(np, ct, value, data_x, data_y)
                        if not alike_x or g.dtype is not data_x.dtype:
                            g = fit(g, data_x)
                    if left_x == 1 and g is not None:
                        # handed on below, once the other operand has been served
                        following = True
                    else:
                        hear(x, g)
                if left_y is not None:
                    if rule_y is None:
                        h = None
                    else:
                        h = ct * rule_y(np, value, data_x, data_y) if op.partials else rule_y(np, ct, value, data_x, data_y)
                        if not alike_y or h.dtype is not data_y.dtype:
                            h = fit(h, data_y)
                    if left_y in _LAST and following:
                        # The operand served last goes on first, as it would from the stack.
                        push_ready((x, g))
                        following = False
                    if left_y == 1 and h is not None:
                        following = True
                        t, ct = y, h
                        continue
                    hear(y, h)
                if following:
                    t, ct = x, g
            elif arity == 1:
                (x,) = creators
                left_x = left(x)
                if left_x is None:
                    continue
                (rule,) = op.rules
                data_x = x.data
                if rule is None:
                    hear(x, None)
                    continue
                if op.partials:
                    g = ct * rule(np, t.data, data_x)
                    if type(g) is not _float64 and g.dtype is not ct.dtype:
                        g = fit(g, data_x)
                else:
                    g = fit(rule(np, ct, t.data, data_x), data_x)
                if left_x == 1:
                    following = True
                    t, ct = x, g
                else:
                    hear(x, g)
            else:
                wanted = [c in pending for c in creators]
                pulled = pull(op, ct, t, call._params, wanted, differentiable)  # noqa: SLF001 - a read-only view costs more
                for c, g, want in zip(creators, pulled, wanted, strict=True):
                    if want:
                        hear(c, g)
    except Exception as error:
        _note(error, t)
        raise
    return kept


def pull(
    op: Op[Any], ct: Any, t: Tensor, params: Mapping[str, Any], wanted: Sequence[bool], differentiable: bool
) -> list[Any]:
    """Return what each wanted operand of the call that made ``t`` hears of the cotangent ``ct``.

    With ``differentiable`` the rules run in the tensor namespace. This is the one place that calls them, but for the
    short cut in `_sweep`.
    """
    if differentiable:
        xp: Any = TENSORS
        out: Any = t
        operands: list[Any] = list(t.creators)
    else:
        xp, out, operands = np, t.data, [c.data for c in t.creators]
    if op.expression is not None:
        pulled = _pull_composite(op, ct, t, params, wanted, differentiable)
    else:
        pulled = []
        for i, want in enumerate(wanted):
            rule = (op.vjps[0] if op.variadic else (op.partials or op.vjps)[i]) if want else None
            if rule is None:
                g = None
            elif op.partials:
                g = ct * rule(xp, out, *operands)
            elif op.variadic:
                g = rule(xp, ct, i, out, operands, **params)
            else:
                g = rule(xp, ct, out, *operands, **params)
            pulled.append(g)
    return [g if g is None or type(g) is Update else fit(g, c.data) for g, c in zip(pulled, t.creators, strict=True)]


def _expression_tape(
    op: Op[Any], t: Tensor, params: Mapping[str, Any], vary: Sequence[bool], differentiable: bool
) -> tuple[list[Tensor], Any]:
    """Run a composite's expression on fresh leaves for the operands that vary; return the leaves and the result."""
    leaves = [
        (TENSORS.argument(c) if differentiable else Tensor(c.data, (), None, autograd=True)) if varies else c
        for c, varies in zip(t.creators, vary, strict=True)
    ]
    result = op.expression(TENSORS, leaves, **params) if op.variadic else op.expression(TENSORS, *leaves, **params)  # type: ignore[misc]  # callers have tested for it
    return leaves, result


def _pull_composite(
    op: Op[Any], ct: Any, t: Tensor, params: Mapping[str, Any], wanted: Sequence[bool], differentiable: bool
) -> list[Any]:
    leaves, result = _expression_tape(op, t, params, wanted, differentiable)
    asked = [leaf for leaf, want in zip(leaves, wanted, strict=True) if want]
    if not (isinstance(result, Tensor) and result.autograd):
        return [None] * len(leaves)
    inner = Tape.of(result)
    values = inner._values((_fit_seed(ct, result, "cotangent"),), tuple(asked), differentiable)  # noqa: SLF001 - one module, one subject
    return [values.get(leaf) if want else None for leaf, want in zip(leaves, wanted, strict=True)]


def push(t: Tensor, call: Call, tangents: Sequence[Any], differentiable: bool) -> Any:
    """Return the tangent of ``t`` for tangents of its operands (None for those that do not vary)."""
    op, params = call.op, call._params  # noqa: SLF001 - a read-only view costs more than the rule
    xp: Any = TENSORS if differentiable else np
    out: Any = t if differentiable else t.data
    operands: list[Any] = list(t.creators) if differentiable else [c.data for c in t.creators]
    if op.expression is not None:
        return _push_composite(op, t, params, tangents, differentiable)
    if op.jvp is not None:
        return (
            op.jvp(xp, tangents, out, operands, **params)
            if op.variadic
            else op.jvp(xp, tangents, out, *operands, **params)
        )
    run = op if differentiable else op.compute
    if op.kind == "linear":
        if op.variadic:
            return run(
                [xp.zeros_like(x) if d is None else d for x, d in zip(operands, tangents, strict=True)], **params
            )
        moved = [
            x if rule is None else xp.zeros_like(x) if d is None else d
            for x, d, rule in zip(operands, tangents, op.vjps, strict=True)
        ]
        return run(*moved, **params)
    total = None
    for i, d in enumerate(tangents):
        if d is None or (op.partials or op.vjps)[i] is None:
            continue
        if op.partials:
            rule = op.partials[i]
            term = rule(xp, out, *operands) * d
        else:
            term = run(*operands[:i], d, *operands[i + 1 :], **params)
        total = term if total is None else total + term
    return total


def _push_composite(
    op: Op[Any], t: Tensor, params: Mapping[str, Any], tangents: Sequence[Any], differentiable: bool
) -> Any:
    vary = [d is not None for d in tangents]
    leaves, result = _expression_tape(op, t, params, vary, differentiable)
    if not (isinstance(result, Tensor) and result.autograd):
        return None
    inner = Tape.of(result)
    known = {leaf: d for leaf, d in zip(leaves, tangents, strict=True) if d is not None and leaf in inner.child_counts}
    return inner.pushforward(known, differentiable=differentiable)[0]


def _scatter(updates: list[Update], c: Tensor, differentiable: bool) -> Any:
    """Add up the sparse cotangents of one tensor into one buffer."""
    values, indices = [u.value for u in updates], tuple(u.index for u in updates)
    scatter = TENSORS.scatter_add
    run = scatter if differentiable else scatter.compute
    return fit(run(values, indices=indices, shape=c.shape), c.data)


def fit(ct: Any, like: Any) -> Any:
    """Give a cotangent the shape and dtype of the data it belongs to: undo broadcasting, drop imaginary parts, cast."""
    shape = np.shape(like)
    if ct.shape != shape:
        ct = _unbroadcast(ct, shape)
    dtype = like.dtype if hasattr(like, "dtype") else np.result_type(type(like))
    if ct.dtype is not dtype and ct.dtype != dtype and dtype.kind in "fc":
        if ct.dtype.kind == "c" and dtype.kind == "f":
            ct = ct.real
        if ct.dtype != dtype:
            ct = ct.astype(dtype)
    return ct


def _unbroadcast(ct: Any, shape: tuple[int, ...]) -> Any:
    extra = ct.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(i + extra for i, n in enumerate(shape) if n == 1 and ct.shape[i + extra] != 1)
    if extra < 0 or any(n not in (1, ct.shape[i + extra]) for i, n in enumerate(shape)):
        msg = f"A rule returned a cotangent of shape {ct.shape} for an operand of shape {shape}."
        raise RuleError(msg)
    summed = TENSORS.sum(ct, axis=axes) if type(ct) is Tensor else np.add.reduce(ct, axis=axes)
    return summed if summed.shape == shape else summed.reshape(shape)


def _fit_tangent(tangent: Any, t: Tensor) -> Any:
    """Give a tangent the shape and dtype of its tensor: a term may lack the axes that broadcasting added."""
    if np.shape(_plain(tangent)) != t.shape:
        xp: Any = TENSORS if type(tangent) is Tensor else np
        tangent = xp.broadcast_to(tangent, t.shape)
    return tangent if not hasattr(tangent, "dtype") or tangent.dtype == t.dtype else tangent.astype(t.dtype)


def _fit_seed(seed: Any, out: Tensor, what: str) -> Any:
    if type(seed) is not Tensor:
        seed = own(seed, what=f"a {what}")
        if not hasattr(seed, "dtype"):
            seed = (
                out.dtype.type(seed) if not isinstance(seed, complex) or out.dtype.kind == "c" else np.complex128(seed)
            )
    if seed.shape != out.shape:
        msg = f"The {what} has shape {seed.shape}, but the tensor it belongs to has shape {out.shape}. Broadcast it first."
        raise SeedError(msg)
    if seed.dtype != out.dtype:
        if seed.dtype.kind == "c" and out.dtype.kind != "c":
            msg = f"The {what} is complex ({seed.dtype}), but the tensor it belongs to is real ({out.dtype}). Take its real part."
            raise SeedError(msg)
        seed = seed.astype(out.dtype)
    return seed


def _guarded(rule: Any, t: Tensor, *args: Any) -> Any:
    try:
        return rule(t, *args)
    except Exception as error:
        _note(error, t)
        raise


def _note(error: Exception, t: Tensor) -> None:
    if t.creation_op is not None and t.made_at:
        error.add_note(f"while differentiating {t.creation_op} of {_kind_of(t)}, recorded at {t.made_at}")


def _why_missing(
    tape: Tape, tensor: Tensor
) -> NotOnTapeError | NotTrackedError | PiecewiseConstantError | NotAskedForError:
    """Find out why there is no gradient, by walking from the outputs over constants too."""
    label = f"{_kind_of(tensor)} tensor" + (f" made at {tensor.made_at}" if tensor.made_at else "")
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


def _plain(value: Any) -> Any:
    return value.data if type(value) is Tensor else value


def _kind_of(t: Tensor) -> str:
    return f"{t.dtype}[{', '.join(map(str, t.shape))}]"


def _brief(t: Tensor) -> str:
    """Return a constant input as a listing shows it: a short value itself, else its kind."""
    return f"{t.data}" if t.ndim == 0 else f"const {_kind_of(t)}"


def _backward(tensor: Tensor, seed: Any) -> Gradients:
    return Tape.of(tensor).backward(seed)


HOOKS["backward"] = _backward
