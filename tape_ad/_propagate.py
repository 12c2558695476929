"""Walking a graph and handing derivatives along it: the order, the counts, backward and forward.

The rules of ops are called here and nowhere else, and cotangents are added up here and nowhere else. Nothing recurses
over the graph.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from tape_ad._batched import Batched, names_of
from tape_ad._core import ARRAYS, SHARED, TENSORS, Call, Op, Pack, Tensor, Update, own, record
from tape_ad._errors import RuleError, SeedError
from tape_ad._rules import unchanged

Counts: TypeAlias = dict[Tensor, int]
Names: TypeAlias = tuple[int, ...]
_ndarray = np.ndarray
_getframe = sys._getframe  # noqa: SLF001 - a constant's place is never shown
_float64 = np.float64
_PYTHON = frozenset({bool, int, float, complex})
ALL: Names = (-1,)
"""Stands for the names of all batch axes."""
SEEDS: Final = "seeds"
"""Of ``differentiable``: record how the result depends on seeds or tangents only; what the tape holds is constant."""
Recorded: TypeAlias = bool | Literal["seeds"]
Observer: TypeAlias = Callable[[Tensor | None, int, Tensor, Any, Any, bool], None]
"""``observe(sender, operand, receiver, message, total, complete)``: one message of a backward pass, as it is heard.

The sender is None for a seed. The total is the receiver's sum so far; who keeps it copies it, for it is added to.
"""
_LAST = (1, -1)
"""What `pending` says of a tensor that waits for one more child: the only one, or the last of several."""


def walk(outputs: Iterable[Tensor], stops: frozenset[Tensor]) -> tuple[Counts, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Walk from the outputs to the leaves or ``stops``; return the child counts, the leaves and the shared operands.

    A tensor's count is how many of its uses lead to the outputs.
    """
    counts: Counts = {}
    leaves: list[Tensor] = []
    shared: list[Tensor] = []
    constants: list[Tensor] = []
    stack: list[Tensor] = []
    push_next, pop_next, seen = stack.append, stack.pop, counts.get
    for out in outputs:
        if out.autograd and out not in counts:
            counts[out] = 0
            if out.creation_op is None or not out.creators or (stops and out in stops):
                leaves.append(out)
            else:
                push_next(out)
    while stack:
        for c in pop_next().creators:
            if c.autograd:
                n = seen(c)
                if n is not None:
                    counts[c] = n + 1
                else:
                    counts[c] = 1
                    if c.creation_op is None or not c.creators or (stops and c in stops):
                        leaves.append(c)
                    else:
                        push_next(c)
            elif c.creation_op is not None:
                constants.append(c)
    if not constants:
        return counts, tuple(leaves), ()
    seen_constants = dict.fromkeys(constants)
    constants = list(seen_constants)
    while constants:
        c = constants.pop()
        if c.creation_op is not None and c.creation_op.op is SHARED:
            shared.append(c)
        if type(c.data) is not _ndarray or c.data.base is None:
            continue  # computed anew, it shows nothing of its creators' buffers
        fresh = [x for x in c.creators if not x.autograd and x.creation_op is not None and x not in seen_constants]
        seen_constants.update(dict.fromkeys(fresh))
        constants.extend(fresh)
    return counts, tuple(leaves), tuple(shared)


def in_order(outputs: Sequence[Tensor], stops: frozenset[Tensor]) -> tuple[Tensor, ...]:
    """Return the tracked tensors, each after its creators, depth first and left to right."""
    done: dict[Tensor, None] = {}
    stack = [out for out in reversed(outputs) if out.autograd]
    while stack:
        t = stack[-1]
        if t in done:
            stack.pop()
            continue
        inner = t.creation_op is not None and t not in stops
        waiting = [c for c in t.creators if c.autograd and c not in done] if inner else []
        if waiting:
            stack.extend(reversed(waiting))
        else:
            done[stack.pop()] = None
    return tuple(done)


def in_any_order(outputs: Sequence[Tensor], counts: Counts, stops: frozenset[Tensor]) -> list[Tensor]:
    """Return the tracked tensors, each after its creators, in some order: cheaper than `in_order`."""
    left = counts.copy()
    stack = [out for out in dict.fromkeys(outputs) if out.autograd and not left[out]]
    push_next, pop_next = stack.append, stack.pop
    found = []
    while stack:
        t = pop_next()
        found.append(t)
        if t.creation_op is None or (stops and t in stops):
            continue
        for c in t.creators:
            if c.autograd:
                n = left[c]
                if n == 1:
                    push_next(c)
                left[c] = n - 1
    found.reverse()
    return found


def counts_between(order: Iterable[Tensor], wrt: set[Tensor], stops: frozenset[Tensor] = frozenset()) -> Counts:
    """Count only the uses that lie between the last tensors of ``order`` and the tensors of ``wrt`` or ``stops``."""
    relevant = set()
    for t in order:
        if t in wrt:
            relevant.add(t)
        elif t.creation_op is not None and t not in stops:
            for c in t.creators:
                if c in relevant:
                    relevant.add(t)
                    break
    counts = dict.fromkeys(relevant, 0)
    for t in relevant:
        if t.creation_op is not None and t not in stops:
            for c in t.creators:
                if c in counts:
                    counts[c] += 1
    return counts


def sweep(
    outputs: Sequence[Tensor],
    seeds: Sequence[Any],
    counts: Counts,
    keep: set[Tensor] | None,
    differentiable: Recorded,
    stops: frozenset[Tensor] = frozenset(),
    observe: Observer | None = None,
) -> dict[Tensor, Any]:
    """Hand cotangents from the outputs to the leaves; a tensor hands on once all its counted children were heard.

    This loop is the hot path. Ops of one or two operands without parameters are served inline on plain arrays, and a
    tensor with a single child is handed on without being stored; everything else goes through `pull` and `hear`. While
    it is observed, every message goes that way, in the same order.
    """
    inline = not differentiable and observe is None
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
            if c in sums and type(g) is not Batched:
                total = waiting[c]
                total += g
                waiting[c] = total
            elif c in waiting:
                waiting[c] = total = waiting[c] + g
                if type(total) is not Batched:
                    sums.add(c)
            else:
                waiting[c] = g
        if n == 0:
            g = waiting.pop(c, None)
            if c in updates:
                sparse = _scatter(updates.pop(c), c, differentiable, names)
                g = sparse if g is None else g + sparse
            push_ready((c, _zeros(c.data) if g is None else g))

    t = outputs[0]
    ct: Any = None
    following = False  # whether `t` and `ct` hold the next tensor already
    names: Names = ()
    if inline and len(outputs) == 1 and pending.get(t) == 0 and type(t.data) is type(seeds[0]) is _float64:
        following, ct = True, seeds[0]
    else:
        started = [(out, seed) for out, seed in zip(outputs, seeds, strict=True) if out in pending]
        for out, _ in started:
            pending[out] += 1
        # The batch axes of outputs and seeds: along these, each example has a gradient of its own. What comes from any
        # other batch axis is added up where it reaches an operand without that axis.
        names = names_of([plain(value) for value in (*seeds, *outputs)])
        for out, seed in started:
            hear(out, seed)
            if observe is not None:
                total = _so_far(out, pending, ready, waiting, updates, differentiable, names)
                observe(None, 0, out, seed, total, pending[out] == 0)
    inner = None if keep is None else {t for t in keep if t.creators}
    try:
        while ready or following:
            if following:
                following = False
            else:
                t, ct = pop_ready()
            creators = t.creators
            call = t.creation_op
            if call is None or not creators or (stops and t in stops):
                if keep is None or t in keep:
                    kept[t] = ct
                continue
            if inner and t in inner:
                kept[t] = ct
            op = call.op
            arity = op.served if inline else 0
            if arity == 2 and not (op.shared is not None and type(ct) is Batched):
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
                if not alike_x and kind in _PYTHON and other in _PYTHON:
                    value, data_x, data_y = as_numpy(value), as_numpy(data_x), as_numpy(data_y)
                rule_x, rule_y = op.rules
                if left_x is not None:
                    if rule_x is None:
                        g = None
                    elif rule_x is unchanged and alike_x:
                        g = ct
                    else:
                        g = (
                            ct * rule_x(np, value, data_x, data_y)
                            if op.partials
                            else rule_x(ARRAYS, ct, value, data_x, data_y, **call._params)  # noqa: SLF001 - a read-only view costs more
                        )
                        if not alike_x or g.dtype is not data_x.dtype:
                            g = fit(g, data_x, names)
                    if left_x == 1 and g is not None:
                        # handed on below, once the other operand has been served
                        following = True
                    else:
                        hear(x, g)
                if left_y is not None:
                    if rule_y is None:
                        h = None
                    elif rule_y is unchanged and alike_y:
                        h = ct
                    else:
                        h = (
                            ct * rule_y(np, value, data_x, data_y)
                            if op.partials
                            else rule_y(ARRAYS, ct, value, data_x, data_y, **call._params)  # noqa: SLF001 - likewise
                        )
                        if not alike_y or h.dtype is not data_y.dtype:
                            h = fit(h, data_y, names)
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
                value = t.data
                if type(data_x) in _PYTHON:
                    value, data_x = as_numpy(value), as_numpy(data_x)
                if op.partials:
                    g = ct * rule(np, value, data_x)
                    if type(g) is not _float64 and g.dtype is not ct.dtype:
                        g = fit(g, data_x, names)
                else:
                    g = rule(ARRAYS, ct, value, data_x, **call._params)  # noqa: SLF001 - a read-only view costs more
                    if type(g) is Update:
                        hear(x, g)
                        continue
                    if not (
                        type(g) is type(data_x) is _ndarray and g.shape == data_x.shape and g.dtype is data_x.dtype
                    ):
                        g = fit(g, data_x, names)
                if left_x == 1:
                    following = True
                    t, ct = x, g
                else:
                    hear(x, g)
            else:
                wanted = [c in pending for c in creators]
                pulled = pull(op, ct, t, call._params, wanted, differentiable, names)  # noqa: SLF001 - a read-only view costs more
                for i, (c, g, want) in enumerate(zip(creators, pulled, wanted, strict=True)):
                    if want:
                        if observe is None and g is not None and pending[c] == 1 and type(g) is not Update:
                            push_ready((c, g))
                            continue
                        hear(c, g)
                        if observe is not None:
                            total = _so_far(c, pending, ready, waiting, updates, differentiable, names)
                            observe(t, i, c, g, total, pending[c] == 0)
    except Exception as error:
        _note(error, t)
        raise
    return kept


def _so_far(
    c: Tensor,
    pending: Counts,
    ready: Sequence[tuple[Tensor, Any]],
    waiting: Mapping[Tensor, Any],
    updates: Mapping[Tensor, list[Update]],
    differentiable: Recorded,
    names: Names,
) -> Any:
    """Return the sum of what a tensor has heard, right after it heard a message; None if that was nothing yet."""
    if pending[c] == 0:
        return ready[-1][1]
    total = waiting.get(c)
    if c not in updates:
        return total
    sparse = _scatter(updates[c], c, differentiable, names)
    return sparse if total is None else total + sparse


def pull(
    op: Op[Any],
    ct: Any,
    t: Tensor,
    params: Mapping[str, Any],
    wanted: Sequence[bool],
    differentiable: Recorded,
    names: Names = (),
) -> list[Any]:
    """Return what each wanted operand of the call that made ``t`` hears of the cotangent ``ct``.

    With ``differentiable`` the rules run in the tensor namespace. This is the one place that calls them, but for the
    short cut in `sweep`. Of the batch axes, those of ``names`` are kept for every operand.
    """
    if differentiable and op.kind == "linear" and _is_known(ct) and type(t.data) is not Pack:
        # The transpose of a linear op reads no values of operands, so of a constant it is one: nothing to record.
        found = pull(op, plain(ct), t, params, wanted, False, names)
        return [_known(g) for g in found]
    if differentiable is True and op.quick:
        return _pull_recorded(op, ct, t, wanted, names)
    xp, out, operands = _interpreted(t, differentiable)
    if op.multiple and op.expression is None:
        ct = tuple([_zeros(part) if g is None else g for g, part in zip(ct, t.data, strict=True)])
    if op.expression is not None:
        pulled = _pull_composite(op, ct, t, params, wanted, differentiable)
    elif op.joint:
        pulled = op.vjps[0](xp, ct, wanted, out, operands, **params)  # type: ignore[misc]  # a joint op has this one
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
                g = _pull_shared(op, xp, ct, i, operands, names) if op.shared is not None else None
                g = rule(xp, ct, out, *operands, **params) if g is None else g
            pulled.append(g)
    fitted = []
    for g, c in zip(pulled, t.creators, strict=True):
        data = c.data
        exact = type(g) is type(data) is _ndarray and g.shape == data.shape and g.dtype is data.dtype
        fitted.append(g if exact or g is None or type(g) is Update else fit(g, data, names))
    return fitted


def _pull_shared(op: Op[Any], xp: Any, ct: Any, i: int, operands: Sequence[Any], names: Names) -> Any:
    """Return the cotangent of an operand that all examples share, added up over them in one product; None if there is none."""
    given, other = plain(ct), plain(operands[1 - i])
    if type(given) is not Batched or type(other) is not Batched:
        return None
    own = names_of([plain(operands[i])])
    extra = [name for name in given.names if name in other.names and name not in own and name not in names]
    if len(extra) != 1:
        return None
    (name,) = extra
    length = given.lengths[given.names.index(name)]
    ct, moved = (xp.unbatch(value, axis=0, name=name, length=length) for value in (ct, operands[1 - i]))
    return op.shared(xp, i, ct, moved, operands[i])  # type: ignore[misc]  # the caller has tested for it


def _pull_recorded(op: Op[Any], ct: Any, t: Tensor, wanted: Sequence[bool], names: Names) -> list[Any]:
    """Do the same for an op of one or two operands without parameters, whose rules run in the tensor namespace."""
    creators = t.creators
    pulled: list[Any] = []
    for c, rule, want in zip(creators, op.rules, wanted, strict=True):
        if not want or rule is None:
            pulled.append(None)
            continue
        if rule is unchanged:
            g = ct
        else:
            g = ct * rule(TENSORS, t, *creators) if op.partials else rule(TENSORS, ct, t, *creators)
        found, data = plain(g), c.data
        if not (type(found) is type(data) is _ndarray and found.shape == data.shape and found.dtype is data.dtype):
            g = fit(g, data, names)
        pulled.append(g)
    return pulled


def _is_known(ct: Any) -> bool:
    return type(ct) is not Tensor or not (ct.autograd or ct.creators or ct.creation_op)


def _known(g: Any) -> Any:
    if g is None or type(g) is Tensor:
        return g
    if type(g) is Update:
        return Update(g.index, _known(g.value))
    return record(g, (), None, False, _getframe(1))


def _interpreted(t: Tensor, differentiable: Recorded) -> tuple[Any, Any, list[Any]]:
    """Return the namespace in which the rules of the call that made ``t`` run, its result and its operands in it."""
    multiple = t.creation_op is not None and t.creation_op.op.multiple
    held: list[Any] = list(t.creators)
    if differentiable == SEEDS:
        t, held = _held(t), [_held(c) for c in t.creators]
    if differentiable:
        several = multiple
        out: Any = tuple([TENSORS.unpack(t, i=i) for i in range(len(t.data))]) if several else t
        return TENSORS, out, held
    operands = [c.data for c in t.creators]
    for x in operands:
        if type(x) not in _PYTHON:
            return ARRAYS, t.data, operands
    return ARRAYS, as_numpy(t.data), [as_numpy(x) for x in operands]


def _held(t: Tensor) -> Tensor:
    """Return a tensor as a constant."""
    return TENSORS.stop_gradient(t) if t.autograd else t


def _run_expression(
    op: Op[Any], t: Tensor, params: Mapping[str, Any], vary: Sequence[bool], differentiable: Recorded
) -> tuple[list[Tensor], list[Any]]:
    """Run a composite's expression on fresh leaves for the operands that vary; return the leaves and the results.

    The last operands may be tensors that the expression closes over; these are passed as they are.
    """
    own = len(t.creators) - params.get("closed", 0)
    leaves = [
        (TENSORS.argument(c, serial=0) if differentiable is True else record(c.data, (), None, True, _getframe(1)))
        if varies and i < own
        else c
        for i, (c, varies) in enumerate(zip(t.creators, vary, strict=True))
    ]
    result = op.expression(TENSORS, leaves, **params) if op.variadic else op.expression(TENSORS, *leaves, **params)  # type: ignore[misc]  # callers have tested for it
    return leaves, list(result) if type(t.data) is Pack else [result]


def _pull_composite(
    op: Op[Any], ct: Any, t: Tensor, params: Mapping[str, Any], wanted: Sequence[bool], differentiable: Recorded
) -> list[Any]:
    leaves, results = _run_expression(op, t, params, wanted, differentiable)
    cts = list(ct) if type(t.data) is Pack else [ct]
    pairs = [
        (result, ct)
        for result, ct in zip(results, cts, strict=True)
        if type(result) is Tensor and result.autograd and ct is not None
    ]
    if not pairs:
        return [None] * len(leaves)
    outs = [result for result, _ in pairs]
    asked = {leaf for leaf, want in zip(leaves, wanted, strict=True) if want}
    stops = frozenset(asked)
    counts, reached, _ = walk(outs, stops)
    if not asked.issuperset(reached):
        counts = counts_between(in_order(outs, stops), asked, stops)
    # Here every batch axis is kept; the caller adds up along those that an operand lacks.
    found = sweep(outs, [fit(ct, out.data, ALL) for out, ct in pairs], counts, asked, differentiable, stops)
    return [found.get(leaf) for leaf in leaves]


def push(t: Tensor, call: Call, tangents: Sequence[Any], differentiable: Recorded) -> Any:
    """Return the tangent of ``t`` for tangents of its operands (None for those that do not vary)."""
    op, params = call.op, call._params  # noqa: SLF001 - a read-only view costs more than the rule
    xp, out, operands = _interpreted(t, differentiable)
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
            term = d * rule(xp, out, *operands)  # type: ignore[misc]  # None was skipped above
        else:
            term = run(*operands[:i], d, *operands[i + 1 :], **params)
        total = term if total is None else total + term
    return total


def _push_composite(
    op: Op[Any], t: Tensor, params: Mapping[str, Any], tangents: Sequence[Any], differentiable: Recorded
) -> Any:
    leaves, results = _run_expression(op, t, params, [d is not None for d in tangents], differentiable)
    tracked = [result for result in results if type(result) is Tensor and result.autograd]
    known = {leaf: d for leaf, d in zip(leaves, tangents, strict=True) if d is not None}
    stops = frozenset(known)
    advance(in_order(tracked, stops), known, differentiable, stops)
    found = [known.get(result) if type(result) is Tensor else None for result in results]
    return Pack(found) if type(t.data) is Pack else found[0]


def advance(
    order: Iterable[Tensor], known: dict[Tensor, Any], differentiable: Recorded, stops: frozenset[Tensor] = frozenset()
) -> None:
    """Add to the ``known`` tangents those of every tensor that depends on them; ``order`` has creators first."""
    get = known.get
    for t in order:
        call = t.creation_op
        if t in known or call is None or not t.creators or t in stops:
            continue
        creators, op = t.creators, call.op
        directions = [get(c) for c in creators]
        try:
            if not differentiable and op.quick and op.jvp is None and (op.partials or op.vjps[0] is unchanged):
                data = t.data
                if len(creators) == 1:
                    (dx,) = directions
                    if dx is None or op.rules[0] is None:
                        continue
                    tangent = dx * op.rules[0](np, data, _numpys(creators[0].data)) if op.partials else op.compute(dx)
                else:
                    x, y = creators
                    dx, dy = directions
                    if dx is None and dy is None:
                        continue
                    if op.partials:
                        rule_x, rule_y = op.rules
                        data_x, data_y = x.data, y.data
                        if type(data_x) in _PYTHON and type(data_y) in _PYTHON:
                            data, data_x, data_y = as_numpy(data), as_numpy(data_x), as_numpy(data_y)
                        tangent = None if dx is None or rule_x is None else dx * rule_x(np, data, data_x, data_y)
                        if dy is not None and rule_y is not None:
                            term = dy * rule_y(np, data, data_x, data_y)
                            tangent = term if tangent is None else tangent + term
                        if tangent is None:
                            continue
                    elif dx is not None and dy is not None:
                        tangent = op.compute(dx, dy)
                    else:
                        # A linear op of two operands is a sum or a difference: a zero is left out.
                        tangent = dx if dy is None else dy if op.rules[1] is unchanged else -dy
                if (
                    type(tangent) is type(data) is _ndarray
                    and tangent.shape == data.shape
                    and tangent.dtype is data.dtype
                ):
                    known[t] = tangent
                else:
                    known[t] = _fit_tangent(tangent, t)
                continue
            if all(d is None for d in directions):
                continue
            tangent = push(t, call, directions, differentiable)
        except Exception as error:
            _note(error, t)
            raise
        if tangent is not None:
            known[t] = _fit_tangent(tangent, t)


def _zeros(data: Any) -> Any:
    """Return the cotangent of a tensor that heard of nothing."""
    if type(data) is Pack:
        return Pack([None] * len(data))
    return np.zeros(np.shape(data), data.dtype if hasattr(data, "dtype") else float)[()]


def _scatter(updates: list[Update], c: Tensor, differentiable: Recorded, names: Names) -> Any:
    """Add up the sparse cotangents of one tensor into one buffer; of a pack, those of each result."""
    if type(c.data) is Pack:
        parts: list[Any] = [None] * len(c.data)
        for u in updates:
            parts[u.index] = u.value if parts[u.index] is None else parts[u.index] + u.value
        return Pack(parts)
    values, indices = [u.value for u in updates], tuple(u.index for u in updates)
    scatter = TENSORS.scatter_add
    run = scatter if differentiable else scatter.compute
    return fit(run(values, indices=indices, shape=c.shape), c.data, names)


def fit(ct: Any, like: Any, names: Names = ()) -> Any:
    """Give a cotangent the shape and dtype of the data it belongs to: undo broadcasting, drop imaginary parts, cast.

    Batch axes that the data lacks are added up, but for those of ``names``.
    """
    shape = like.shape if hasattr(like, "shape") else ()
    data = ct.data if type(ct) is Tensor else ct
    if type(data) is Batched and names is not ALL and data.names != names:
        own = (*names, *like.names) if type(like) is Batched else names
        for name, length in zip(data.names, data.lengths, strict=True):
            if name not in own:
                xp: Any = TENSORS if type(ct) is Tensor else ARRAYS
                ct = xp.sum(xp.unbatch(ct, axis=0, name=name, length=length), axis=0)
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
    summed = (
        TENSORS.sum(ct, axis=axes) if type(ct) is Tensor else np.add.reduce(ct, axis=axes)
    )  # batched data answers it
    return summed if summed.shape == shape else summed.reshape(shape)


def _fit_tangent(tangent: Any, t: Tensor) -> Any:
    """Give a tangent the shape and dtype of its tensor: a term may lack the axes that broadcasting added."""
    if type(t.data) is Pack:
        return Pack(tangent)
    tangent = as_numpy(tangent)  # Python's 1j times NumPy's float64 is Python's complex
    if tangent.shape != t.shape:
        xp: Any = TENSORS if type(tangent) is Tensor else np
        tangent = xp.broadcast_to(tangent, t.shape)
    return tangent if not hasattr(tangent, "dtype") or tangent.dtype == t.dtype else tangent.astype(t.dtype)


def fit_seed(seed: Any, out: Tensor, what: str, differentiable: Recorded, *, passing: bool = False) -> Any:
    """Return a seed or tangent in the dtype of its tensor; with ``passing`` nobody keeps it, so that no copy is made."""
    if type(seed) is Tensor and not differentiable:
        if seed.autograd:
            msg = f"The {what} is tracked, and its gradient would be lost. Pass differentiable=True, or its data."
            raise SeedError(msg)
        seed = seed.data
    if passing and type(seed) is _ndarray and seed.dtype is out.dtype and not differentiable:
        seed = seed.view()
        seed.setflags(write=False)
    elif type(seed) is not Tensor:
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


def _note(error: Exception, t: Tensor) -> None:
    if t.creation_op is not None and t.made_at:
        error.add_note(f"while differentiating {t.creation_op} of {kind_of(t)}, recorded at {t.made_at}")


def as_numpy(value: Any) -> Any:
    """Return a Python number as NumPy's, so that a rule meets inf and nan where Python raises an error."""
    return np.asarray(value)[()] if type(value) in _PYTHON else value


_numpys = as_numpy


def plain(value: Any) -> Any:
    """Return a tensor's data, and anything else as it is."""
    return value.data if type(value) is Tensor else value


def kind_of(t: Tensor) -> str:
    """Return dtype and shape as listings show them."""
    if type(t.data) is Pack:
        return f"({', '.join(f'{part.dtype}{list(part.shape)}' for part in t.data)})"
    return f"{t.dtype}[{', '.join(map(str, t.shape))}]"
