"""What a picture of a tape shows, as plain data: its nodes, and the steps of a forward and a backward pass.

The steps are taken down while the engine's own backward pass runs. Nothing here knows how a picture looks. The records
are named tuples, which cost an import of the package half of what other frozen classes do.
"""

import linecache
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from tape_ad._batched import Batched
from tape_ad._core import SHARED, Pack, Tensor, Update
from tape_ad._data import show
from tape_ad._errors import ArgumentError
from tape_ad._propagate import Counts, kind_of, plain, sweep

DRAWN = 500
"""The most tensors and constants that a picture shows."""
SHOWN = 16
"""Arrays of up to this many elements are shown in full."""


class Glance(NamedTuple):
    """What is shown of an array: all elements where they are few, else the least, the mean and the greatest.

    Attributes:
        dtype: The name of the dtype.
        shape: The shape.
        values: The elements, in the order of ``ravel``; None where there are more than 16.
        low: The least element; of complex numbers, the least absolute value. None where ``values`` says it all.
        mean: The mean of the same.
        high: The greatest of the same.
        parts: Of a call with several results: what is shown of each, None where there is nothing.

    >>> print(Glance.of(np.array([1.0, 2.5])))
    [1, 2.5]
    >>> print(Glance.of(np.linspace(0.0, 1.0, 101)))
    float64[101] with min 0, mean 0.5, max 1
    """

    dtype: str
    shape: tuple[int, ...]
    values: tuple[Any, ...] | None
    low: float | None = None
    mean: float | None = None
    high: float | None = None
    parts: tuple[Any, ...] = ()

    @classmethod
    def of(cls, data: Any) -> "Glance":
        """Look at the data of a tensor, or at a cotangent of it."""
        if isinstance(data, (Pack, tuple)):
            return cls("", (), None, parts=tuple([None if part is None else cls.of(part) for part in data]))
        array = np.asarray(data.array if type(data) is Batched else data)
        dtype, shape = str(array.dtype), array.shape
        if array.size <= SHOWN:
            return cls(dtype, shape, tuple(array.ravel().tolist()))
        size = np.abs(array) if array.dtype.kind == "c" else array
        with np.errstate(all="ignore"):
            low, mean, high = (float(x) for x in (size.min(), size.mean(dtype=float), size.max()))
        return cls(dtype, shape, None, low, mean, high)

    def __str__(self) -> str:
        if self.parts:
            return f"({', '.join('nothing' if part is None else str(part) for part in self.parts)})"
        if self.values is not None:
            array = np.array(self.values, dtype=self.dtype).reshape(self.shape)
            text = np.array2string(array, separator=", ", formatter=_FORMATTER, max_line_width=10**6)
            return " ".join(text.split())
        kind = f"{self.dtype}[{', '.join(map(str, self.shape))}]"
        what = f"min {self.low:.6g}, mean {self.mean:.6g}, max {self.high:.6g}"
        return f"{kind} with {'absolute values: ' if self.dtype.startswith('complex') else ''}{what}"

    def brief(self, length: int) -> str:
        """Return at most ``length`` characters of it: the whole, or the mean."""
        text = str(self)
        if len(text) <= length or self.parts:
            return clip(text, length)
        if self.values:
            with np.errstate(all="ignore"):
                mean = np.mean(np.abs(self.values) if self.dtype.startswith("complex") else self.values)
            return clip(f"mean {mean:.3g}", length)
        return clip(f"mean {self.mean:.3g}", length)


_FORMATTER: Any = {
    "float_kind": lambda x: f"{x:.6g}",
    "complex_kind": lambda z: f"{z:.6g}",
}


def listing(outputs: Sequence[Tensor], tensors: Sequence[Tensor], counts: Counts, shown: Iterable[Tensor]) -> list[str]:
    """Return a table of the tensors ``shown``, with a line of titles, as text."""
    numbers = {t: i for i, t in enumerate(tensors)}
    rows = [("", "operation", "inputs", "value", "children", "made at")]
    for t in shown:
        # A tensor of the tape's boundary is a leaf too: what it was made from is not on the tape.
        is_leaf = t.creation_op is None or (t.creators and not any(c in numbers for c in t.creators))
        name = "leaf" if is_leaf else str(t.creation_op)
        inputs = "" if is_leaf else ", ".join(f"%{numbers[c]}" if c in numbers else _brief(c) for c in t.creators)
        mark = " (output)" if any(t is out for out in outputs) else ""
        rows.append((f"%{numbers[t]}", name, inputs, kind_of(t), f"{counts[t]}{mark}", t.made_at or ""))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _brief(t: Tensor) -> str:
    """Return a constant input as a listing shows it: a short value itself, else its kind."""
    return f"{t.data}" if t.ndim == 0 else f"const {kind_of(t)}"


class Node(NamedTuple):
    """What is drawn of one tensor.

    Attributes:
        number: Its place on the tape, as the listing counts; None for a constant, which is drawn once per use.
        kind: Whether it is a leaf, a constant, a result, or a result that is an output.
        name: The name that the caller gave it, or "".
        call: The operation with its parameters; "leaf" or a constant's value where there is none.
        value: dtype and shape.
        children: How many uses lead to the outputs.
        inputs: The places of its operands among the nodes.
        made_at: The place in the user's code, or "".
        source: The line that stands there, or "".
    """

    number: int | None
    kind: Literal["leaf", "constant", "result", "output"]
    name: str
    call: str
    value: str
    children: int
    inputs: tuple[int, ...]
    made_at: str
    source: str

    @property
    def label(self) -> str:
        """The number, the name and the operation: ``%3 d = add``."""
        named = f"{self.name} = {self.call}" if self.name and self.kind in {"result", "output"} else self.name
        return (named or self.call) if self.number is None else f"%{self.number} {named or self.call}"


def size_of(tensors: Iterable[Tensor], leaves: Collection[Tensor]) -> int:
    """Return how many nodes a picture of the tensors has."""
    return sum([1 if t in leaves else 1 + len({c for c in t.creators if not c.autograd}) for t in tensors])


def nodes_of(
    outputs: Sequence[Tensor],
    tensors: Sequence[Tensor],
    counts: Counts,
    leaves: Collection[Tensor],
    names: Mapping[str, Any],
    what: str,
) -> tuple[Node, ...]:
    """Return a tape's tensors as nodes, each after its operands; a constant stands right before the call that takes it.

    Raises:
        ArgumentError: if these are too many for ``what``, the method that shows them.
    """
    starts = set(leaves)
    count = size_of(tensors, starts)
    if count > DRAWN:
        msg = (
            f"{what}() shows up to {DRAWN} tensors, constants among them, but here are {count:,}. Print the tape for a "
            "listing, or take a part of it: Tape.of(output, boundary=[tensor, ...])."
        )
        raise ArgumentError(msg)
    called = {t: name for name, t in names.items() if isinstance(t, Tensor)}
    places: dict[Tensor, int] = {}
    ends = set(outputs)
    nodes: list[Node] = []
    for number, t in enumerate(tensors):
        constants: dict[Tensor, int] = {}
        for c in () if t in starts else t.creators:
            if not c.autograd and c not in constants:
                constants[c] = len(nodes)
                nodes.append(Node(None, "constant", called.get(c, ""), _call(c), kind_of(c), 0, (), *_origin(c)))
        inputs = () if t in starts else tuple([constants[c] if c in constants else places[c] for c in t.creators])
        places[t] = len(nodes)
        kind: Any = "leaf" if t in starts else "output" if t in ends else "result"
        call = str(t.creation_op) if t.creation_op is not None and t.creators else "leaf"
        nodes.append(Node(number, kind, called.get(t, ""), call, kind_of(t), counts[t], inputs, *_origin(t)))
    return tuple(nodes)


def _call(c: Tensor) -> str:
    """Return how a constant is labelled: by the call that made it, by its value, or as what it is."""
    if c.creation_op is not None and c.creation_op.op is not SHARED:
        return str(c.creation_op)
    return str(Glance.of(c.data)) if c.ndim == 0 else "constant"


def _origin(t: Tensor) -> tuple[str, str]:
    """Return the place in the user's code where a tensor was made and the line that stands there."""
    if not t.made_at:
        return "", ""
    path, _, line = t.made_at.rpartition(":")
    return t.made_at, linecache.getline(path, int(line)).strip() if line.isdigit() else ""


class Step(NamedTuple):
    """One step of a forward and a backward pass.

    Attributes:
        kind: ``"value"``: a tensor gets its value. ``"seed"``: an output hears its seed. ``"message"``: a tensor hears from a
            child, which is a tensor that was made from it.
        node: The number of the tensor, as the listing counts.
        label: Its label.
        value: The value, the seed or the message; None for a message without content, because the child does not
            depend on that operand.
        at: Where a message holds some elements only: their index, or the number of the result.
        sender: The number of the child; None where nobody sends.
        sender_label: Its label, or "".
        operand: Which operand of the child the tensor is, from 0.
        total: The gradient so far; None where nothing came yet.
        heard: From how many children the tensor has heard by now; a seed counts as one.
        due: From how many it will hear.
        leaf: Whether it is a leaf, which hands nothing on.
    """

    kind: Literal["value", "seed", "message"]
    node: int
    label: str
    value: Glance | None
    at: str = ""
    sender: int | None = None
    sender_label: str = ""
    operand: int = 0
    total: Glance | None = None
    heard: int = 0
    due: int = 0
    leaf: bool = False

    @property
    def complete(self) -> bool:
        """Whether the tensor has heard from all its children, and so hands its gradient on."""
        return self.kind != "value" and self.heard == self.due

    @property
    def progress(self) -> str:
        """How much was heard: ``children heard 1 of 2``."""
        return f"{'seed' if self.kind == 'seed' and self.due == 1 else 'children'} heard {self.heard} of {self.due}"

    def __str__(self) -> str:
        if self.kind == "value":
            return f"{self.label} has the value {self.value}."
        what = f"the seed {self.value}" if self.kind == "seed" else f"{'nothing' if self.value is None else self.value}"
        source = f" from {self.sender_label}" if self.sender_label else ""
        where = f" at {self.at}" if self.at else ""
        progress = f"{self.progress[:1].upper()}{self.progress[1:]}"
        if not self.complete:
            so_far = "nothing" if self.total is None else self.total
            end = f"{progress}, gradient so far {so_far}. It waits."
        else:
            total = "" if self.heard == 1 and self.total == self.value else f", gradient {self.total}"
            end = f"{progress}{total}. Complete: {'a leaf keeps it' if self.leaf else 'it hands on'}."
        return f"{self.label} hears {what}{where}{source}. {end}"


class Steps(tuple[Step, ...]):
    """The steps of a forward and a backward pass, in the order in which they are taken. Printed, one line each."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join([f"{number}. {step}" for number, step in enumerate(self, 1)])


def steps_of(
    outputs: Sequence[Tensor],
    seeds: Sequence[Any],
    tensors: Sequence[Tensor],
    counts: Counts,
    stops: frozenset[Tensor],
    nodes: Iterable[Node],
) -> Steps:
    """Run the backward pass, and return each value and each message as a step."""
    numbers = {t: number for number, t in enumerate(tensors)}
    rows = [node for node in nodes if node.number is not None]
    steps = [
        Step("value", i, row.label, Glance.of(t.data)) for i, (t, row) in enumerate(zip(tensors, rows, strict=True))
    ]
    due = dict(counts)
    for out in outputs:
        if out in due:
            due[out] += 1
    heard = dict.fromkeys(numbers, 0)

    def observe(
        sender: Tensor | None, operand: int, receiver: Tensor, message: Any, total: Any, complete: bool
    ) -> None:
        heard[receiver] += 1
        at = ""
        if type(message) is Update:
            at = f"result {message.index}" if type(receiver.data) is Pack else f"[{_written(message.index)}]"
            message = message.value
        child = None if sender is None else numbers[sender]
        steps.append(
            Step(
                "seed" if child is None else "message",
                numbers[receiver],
                rows[numbers[receiver]].label,
                None if message is None else Glance.of(plain(message)),
                at,
                child,
                "" if child is None else rows[child].label,
                operand,
                None if total is None else Glance.of(plain(total)),
                heard[receiver],
                due[receiver],
                rows[numbers[receiver]].kind == "leaf",
            )
        )

    sweep(outputs, seeds, counts, None, False, stops, observe)
    return Steps(steps)


def _written(index: Any) -> str:
    """Return an index as a reader would write it between brackets."""
    parts = index if isinstance(index, tuple) else (index,)
    return ", ".join([_written_part(part) for part in parts])


def _written_part(part: Any) -> str:
    if isinstance(part, slice):
        bounds = (part.start, part.stop) if part.step is None else (part.start, part.stop, part.step)
        return ":".join(["" if bound is None else str(bound) for bound in bounds])
    return "..." if part is Ellipsis else " ".join(show(part).split())


def clip(text: str, length: int) -> str:
    """Return a text of at most ``length`` characters, its end left out where it is longer."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
