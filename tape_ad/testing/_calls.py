"""The laws of a call through NumPy's doors: for functions that are no op, from the samples of `tape_ad.testing._arguments`."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from attrs import evolve, frozen

from tape_ad import _tree
from tape_ad._batched import Batched
from tape_ad._core import Tensor
from tape_ad._errors import ArgumentError, BatchedValueError, TapeError
from tape_ad._law_tools import Arrays, Law, data_of, holds, listed, random_like, same_bits, write_protected
from tape_ad._laws import Point, derivative_laws, difference, single_precision
from tape_ad._spellings import tensor_choices
from tape_ad.testing._arguments import Sample, takes
from tape_ad.testing._cases import EXAMPLES, batch_is_stacked
from tape_ad.testing._surface import Row

UNSET = (np.empty, np.empty_like)
"""Functions that leave the elements as they are in memory: shape and dtype are all they say."""


# --- calls ----------------------------------------------------------------------------------------------------------
@frozen
class Call:
    """A function with the arguments of a sample, as a function of the arrays in its places.

    Of a result with several leaves it is the one at ``leaf``.
    """

    function: Callable[..., Any]
    sample: Sample
    leaf: int | None = None

    def __call__(self, *xs: Any) -> Any:
        args, kwargs = self.sample.fill(xs)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "numpy.fix is deprecated")  # it is still one of NumPy's functions
            result = self.function(*args, **kwargs)
        return result if self.leaf is None else _tree.flatten(result)[0][self.leaf]


def call_laws(row: Row, sample: Sample, *, dtype: Any = None) -> Iterator[Law]:
    """Yield the laws of a call: its value by every door, both modes, second order, many examples, single precision.

    ``dtype`` is that of the floating-point numbers in it.
    """
    yield from value_laws(row, sample, dtype=dtype)
    rng = np.random.default_rng(len(str(sample)))
    datas = sample.draw(rng, dtype)
    floating = _floating(datas)
    _, door = _doors(row)[0]
    leaves, _ = _tree.flatten(Call(row.function, sample)(*[x.copy() for x in datas]))
    for i, leaf in enumerate(leaves):
        if not isinstance(leaf, (np.ndarray, np.generic)):
            continue
        label = _label(row.name, sample, dtype) + (f", leaf {i} of its result" if len(leaves) > 1 else "")
        point = Point(label, Call(door, sample, i), datas, floating)
        if leaf.dtype.kind in "fc" and floating and row.function not in UNSET:
            yield from _derivatives(point, rng)
        if dtype is None and datas and row.function not in UNSET:
            yield from _batches(point, [datas, *[sample.draw(rng) for _ in range(EXAMPLES - 1)]], rng)


def value_laws(row: Row, sample: Sample, *, dtype: Any = None) -> Iterator[Law]:
    """Yield the laws that a call gives what NumPy gives, by every door, and in single precision too."""
    rng = np.random.default_rng(len(str(sample)))
    datas, numpys = sample.draw(rng, dtype), Call(row.function, sample)
    alone = dtype is None and bool(_floating(datas)) and takes(row.function, sample, np.float32)
    for name, door in _doors(row):
        yield Law("value", partial(_is_numpys, row, _label(name, sample, dtype), Call(door, sample), numpys, datas))
        if alone:
            single = sample.draw(rng, np.float32)
            label = _label(name, sample, np.float32)
            yield Law("float32", partial(_is_numpys, row, label, Call(door, sample), numpys, single))


def complex_laws(row: Row, sample: Sample) -> Iterator[Law]:
    """Yield the laws of a call on complex numbers, where NumPy takes them."""
    if any(place.domain.complex for place in sample.places) and takes(row.function, sample, np.complex128):
        for law in call_laws(row, sample, dtype=np.complex128):
            yield evolve(law, column="complex")


def _doors(row: Row) -> list[tuple[str, Callable[..., Any]]]:
    """Return the functions that take what NumPy's takes, the one that answers a tensor first."""
    doors = [(name, door) for name, door in row.doors.items() if name.startswith("tape_ad.numpy.")]
    return doors if row.decision == "offered" else [(row.name, row.function), *doors]


def _label(name: str, sample: Sample, dtype: Any) -> str:
    return f"{name}({sample})" + ("" if dtype is None else f" of {np.dtype(dtype)}")


def _floating(datas: Arrays) -> tuple[int, ...]:
    return tuple([i for i, x in enumerate(datas) if x.dtype.kind in "fc"])


# --- the laws -------------------------------------------------------------------------------------------------------
def _is_numpys(row: Row, label: str, call: Call, numpys: Call, datas: Arrays) -> None:
    """On tensors the result is NumPy's, leaf by leaf: bits, dtype, shape; a number with a derivative is in a tensor."""
    floating = [x.dtype.kind in "fc" for x in datas]
    expected, structure = _tree.flatten(numpys(*[x.copy() for x in datas]))
    for tracked in (False, True):
        tensors = [Tensor(x, autograd=tracked and f) for x, f in zip(datas, floating, strict=True)]
        actual, built = _tree.flatten(call(*tensors))
        holds(built == structure, f"{label} gives {built}, where NumPy gives {structure}")
        for a, e in zip(actual, expected, strict=True):
            if not isinstance(e, (np.ndarray, np.generic)):
                holds(bool(data_of(a) == e), f"{label} gives {a!r}, where NumPy gives {e!r}")
                continue
            holds(np.asarray(data_of(a)).dtype != object, f"{label} gives an array of objects")
            if row.function in UNSET:
                holds((a.shape, a.dtype) == (e.shape, e.dtype), f"{label} has another shape or dtype than NumPy's")
            else:
                same_bits(data_of(a), e, label)
            plain = row.decision == "query"
            holds(not (plain and isinstance(a, Tensor)), f"{label}: the answer of a query is no plain one")


def _derivatives(point: Point, rng: np.random.Generator) -> Iterator[Law]:
    _, out = point.record(point.datas, point.vary)
    if isinstance(out, Tensor) and out.autograd:
        if _jumps(point, rng):
            return
        yield from derivative_laws(point, rng)
        if point.datas[point.vary[0]].dtype.kind == "f":
            yield Law("float32", partial(single_precision, point, keeps=False))
    else:
        yield Law("vjp", partial(_is_constant, point, rng), counts=False)


def _jumps(point: Point, rng: np.random.Generator) -> bool:
    """Say whether the result is far away a short way off: in another order, for one. There is no derivative then."""
    moved = tuple([x + 1e-12 * random_like(x, rng) if i in point.vary else x for i, x in enumerate(point.datas)])
    return bool(np.any(np.abs(point.value(moved) - point.value(point.datas)) > 1e-6))


def _is_constant(point: Point, rng: np.random.Generator) -> None:
    """A result that is not tracked does not change with the operands."""
    change = difference(point, {i: random_like(point.datas[i], rng) for i in point.vary})
    holds(not np.any(change), f"{point.label}: it depends on its operands, and the result is not tracked")


def _batches(point: Point, examples: Sequence[Arrays], rng: np.random.Generator) -> Iterator[Law]:
    """Yield the laws of a batch, unless the result's shape, or a branch, depends on the values."""
    for chosen in tensor_choices(len(point.datas)):
        if not any(chosen):
            continue
        cases = [tuple(x if b else p for x, p, b in zip(xs, examples[0], chosen, strict=True)) for xs in examples]
        if len({np.shape(data_of(point.call(*xs))) for xs in cases}) > 1:
            return
        at_once = tuple(
            Batched(write_protected(np.stack([xs[i] for xs in cases])), (1,)) if b else examples[0][i]
            for i, b in enumerate(chosen)
        )
        try:
            point.call(*[Tensor(x) for x in at_once])
        except (BatchedValueError, ArgumentError):
            return  # it says what must be the same for all examples
        _, out = point.record(point.datas, point.vary)
        varying = point.vary if getattr(out, "autograd", False) else ()
        label = f"{point.label}, {EXAMPLES} examples of operand {listed([i for i, b in enumerate(chosen) if b])}"
        yield Law("batching", partial(batch_is_stacked, label, point.call, at_once, cases, varying, rng))


def is_refused(row: Row, sample: Sample) -> bool:
    """Say whether the call is one of those that a tensor cannot honour, and says so."""
    try:
        Call(_doors(row)[0][1], sample)(*[Tensor(x) for x in sample.draw(np.random.default_rng(0))])
    except ArgumentError:
        return True
    except TapeError:
        return False
    return False


# --- what is no answer ----------------------------------------------------------------------------------------------
def refusal_laws(row: Row, samples: Sequence[Sample]) -> Iterator[Law]:
    """Yield the law that a function which does not take a tensor says its name and what to write."""
    yield Law("value", partial(_says_what_to_write, row, samples), counts=False)


def _says_what_to_write(row: Row, samples: Sequence[Sample]) -> None:
    t = Tensor([1.0, 2.0], autograd=True)
    calls: list[Callable[[], Any]] = [
        *[lambda form=form: row.function(*form) for form in ((t,), (t, t), ("a name", t), ([[t, t]],))],
        *[lambda s=s: Call(row.function, s)(*[Tensor(x) for x in s.draw(np.random.default_rng(0))]) for s in samples],
    ]
    said = []
    for call in calls:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # some of them warn that they are given up
                call()
        except (TapeError, AttributeError) as error:
            said.append(str(error))
        except Exception:  # noqa: BLE001, S112 - NumPy's own: these are no arguments for this function
            continue
    # Where NumPy asks nobody, the error cannot say which function it was.
    words = (row.name, row.remedy) if row.reach != "none" else ("t.data",)
    found = any(all(word in text for word in words) for text in said)
    holds(found, f"{row.name}: no call is refused in words that hold {' and '.join(words)}, but: {said}")


def creation_laws(row: Row, sample: Sample) -> Iterator[Law]:
    """Yield the laws that this library's functions of the same name, where they take the arguments, make NumPy's array."""
    for name, door in row.doors.items():
        try:
            made = Call(door, sample)()
        except TypeError:  # the standard's signature, which lacks a parameter
            continue
        yield Law("value", partial(_is_same, row, f"{name}({sample})", made, Call(row.function, sample)()))


def _is_same(row: Row, label: str, made: Any, expected: Any) -> None:
    if isinstance(expected, tuple):
        holds(len(made) == len(expected), f"{label} gives {len(made)} parts, NumPy {len(expected)}")
        for a, e in zip(made, expected, strict=True):
            same_bits(data_of(a), e, label)
        return
    if row.function in UNSET:
        holds(made.shape == expected.shape, f"{label} has shape {made.shape}, NumPy's {expected.shape}")
    else:
        same_bits(data_of(made), expected, label)
