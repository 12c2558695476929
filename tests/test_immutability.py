"""Nothing that was given, and nothing that was made, is changed by anything."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.lib.stride_tricks import sliding_window_view

import tape_ad
from tape_ad import Tape, Tensor
from tests.strategies import Program, point_of, programs

grad: Any = tape_ad.grad  # the types of transforms are tested in tests/typing
value_and_grad: Any = tape_ad.value_and_grad


@attrs.frozen
class Params:
    w: Any
    b: Any


def picture(value: Any) -> Any:
    """Return all there is to see of a value, as plain Python: identities of tensors, bytes and flags of arrays."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.strides, value.flags.writeable, value.tobytes()
    if isinstance(value, Tensor):
        return (
            id(value),
            picture(value.data),
            [id(c) for c in value.creators],
            id(value.creation_op),
            str(value.creation_op),
            value.autograd,
            value.made_at,
        )
    if isinstance(value, Tape):
        return (
            [picture(t) for t in value.tensors],
            [(id(t), n) for t, n in value.child_counts.items()],
            [id(t) for t in value.leaves],
        )
    if isinstance(value, Mapping):
        return [(picture(k), picture(v)) for k, v in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [picture(v) for v in value]
    if isinstance(value, Params):
        return picture(value.w), picture(value.b)
    return type(value), value


def questions(tape: Tape) -> list[Callable[[], Any]]:
    """Return everything that can be asked of a tape and of what it returns."""
    ones = {t: np.ones(t.shape) for t in tape.leaves}
    return [
        tape.backward,
        lambda: tape.backward(2.0),
        lambda: tape.backward(wrt=tape.tensors),
        lambda: tape.backward(differentiable=True),
        lambda: tape.backward(differentiable=True).norm(),
        lambda: 2 * tape.backward() + tape.backward() / 3,
        lambda: -(tape.backward() - tape.backward()),
        lambda: [tape.backward()[t] for t in tape.tensors],
        lambda: tape.pushforward(ones),
        lambda: tape.pushforward(ones, differentiable=True),
        lambda: (str(tape), repr(tape), repr(tape.backward())),
        lambda: [(repr(t), t.made_at, copy.deepcopy(t)) for t in tape.tensors],
        lambda: Tape.of(*tape.tensors),
        lambda: [t + 1 for t in tape.tensors],
    ]


@given(programs(max_steps=5), st.integers(0, 99))
def test_no_question_changes_a_tape_its_tensors_or_earlier_gradients(program: Program, seed: int) -> None:
    inputs = [np.array(point) for point in point_of(program, seed)]
    leaves = [Tensor(a, autograd=True) for a in inputs]
    tape = Tape.of(program(*leaves))
    gradients = tape.backward(wrt=tape.tensors)
    given_and_made = [inputs, tape, gradients]
    before = picture(given_and_made)
    for question in questions(tape):
        question()

        assert before == picture(given_and_made)


@given(programs(max_steps=5), st.integers(0, 99))
def test_every_value_of_a_program_is_read_only_and_shares_nothing_writable(program: Program, seed: int) -> None:
    inputs = [np.array(point) for point in point_of(program, seed)]
    tape = Tape.of(program(*[Tensor(a, autograd=True) for a in inputs]))
    arrays = [t.data for t in tape.tensors if isinstance(t.data, np.ndarray)]

    assert not any(a.flags.writeable for a in arrays)
    assert not any(np.shares_memory(a, b) for a in arrays for b in inputs)
    assert all(b.flags.writeable for b in inputs)


@given(programs(max_steps=5), st.integers(0, 99))
def test_changing_the_users_arrays_afterwards_changes_no_answer(program: Program, seed: int) -> None:
    inputs = [np.array(point) for point in point_of(program, seed)]
    tape = Tape.of(program(*[Tensor(a, autograd=True) for a in inputs]))
    before = picture(tape.backward())
    for a in inputs:
        a[...] = np.nan

    assert before == picture(tape.backward())


@given(programs(max_steps=5), st.integers(0, 99))
def test_transforms_leave_their_arguments_as_they_were_and_return_what_is_the_callers_own(
    program: Program, seed: int
) -> None:
    """The gradient's arrays are writable, and share memory with no argument, with no other gradient, with no other call."""
    inputs = [np.array(point) for point in point_of(program, seed)]
    before = picture(inputs)
    both = value_and_grad(program, tuple(range(len(inputs))))
    _, first = both(*inputs)
    _, second = both(*inputs)
    everything = [a for a in (*inputs, *first, *second) if isinstance(a, np.ndarray)]

    assert before == picture(inputs)
    assert all(a.flags.writeable for a in everything)
    assert not any(np.shares_memory(a, b) for i, a in enumerate(everything) for b in everything[:i])


SHARING: list[Callable[[Any, Any], Any]] = [
    lambda x, y: (x + y).sum(),
    lambda x, y: (x - y).sum(),
    lambda x, y: (x.reshape(3) + y.T).sum(),
    lambda x, y: np.concatenate([x, y]).sum(),
    lambda x, y: np.stack([x, y, x])[::2].sum(),
    lambda x, y: (x[:] + y[::-1]).sum(),
    lambda x, y: np.broadcast_to(x, (3, 3)).sum() + np.ravel(y).sum(),
    lambda x, y: (np.positive(x) + y).sum() + 0 * y.sum(),
    lambda x, y: np.where(np.array([True, False, True]), x, y).sum(),
    lambda x, y: x.sum() + y.mean(),
    lambda x, y: x[0],
    lambda x, y: 0.0,
]


@pytest.mark.parametrize("f", SHARING)
def test_gradients_that_are_one_array_inside_are_several_outside(f: Any) -> None:
    x, y = np.ones(3), np.arange(3.0)
    gx, gy = grad(f, (0, 1))(x, y)
    expected = gy.copy()
    gx[...] = 77

    np.testing.assert_array_equal(gy, expected)
    gy[...] = 88
    np.testing.assert_array_equal(gx, np.full(3, 77.0))
    assert ([1.0, 1.0, 1.0], [0.0, 1.0, 2.0]) == (x.tolist(), y.tolist())


@pytest.mark.parametrize("f", SHARING)
def test_gradients_of_a_tape_may_share_memory_but_nobody_can_write_to_it(f: Any) -> None:
    x, y = Tensor(np.ones(3), autograd=True), Tensor(np.arange(3.0), autograd=True)
    result = f(x, y)
    if isinstance(result, Tensor):
        assert not any(np.asarray(g).flags.writeable for g in result.backward().values() if isinstance(g, np.ndarray))


def test_the_function_sees_arrays_read_only_and_containers_as_they_are() -> None:
    seen = []

    def f(p: Any, q: Any, *rest: Any, option: Any) -> Any:
        seen.extend([p.w.data, p.b["k"].data, q[0], q[1].w, rest[0], option["o"][0]])
        return p.w.sum()

    arrays = [np.ones(2) * k for k in range(6)]
    grad(f)(
        Params(arrays[0], {"k": arrays[1]}), (arrays[2], Params(arrays[3], None)), arrays[4], option={"o": [arrays[5]]}
    )

    assert [False, False, True, True, False, True] == [a.flags.writeable for a in seen]
    assert all(a.flags.writeable for a in arrays)
    assert [False, False, True, True, False, True] == [
        np.shares_memory(a, b) for a, b in zip(arrays, seen, strict=True)
    ]


def test_writing_into_an_argument_within_the_function_fails_and_changes_nothing() -> None:
    other = np.ones(2)

    def write(x: Any, y: Any) -> Any:
        y[0] = 5
        return (x * y).sum()

    with pytest.raises(ValueError, match="read-only"):
        grad(write)(np.ones(2), other)
    with pytest.raises(tape_ad.MutationError):
        grad(write, 1)(np.ones(2), other)

    assert [1.0, 1.0] == other.tolist()


def test_auxiliary_results_are_the_callers_own_too() -> None:
    x, y = np.ones(3), np.ones(3)

    def f(x: Any, y: Any) -> Any:
        return (x * y).sum(), {"x": x, "y": y, "new": x * 2, "part": (y[:2], x[:2]), "none": None, "text": "t"}

    (_, aux), gradient = value_and_grad(f, has_aux=True)(x, y)
    arrays = [aux["x"], aux["y"], aux["new"], *aux["part"]]

    assert all(type(a) is np.ndarray and a.flags.writeable for a in arrays)
    assert not any(np.shares_memory(a, b) for a in arrays for b in (x, y, gradient))
    assert (None, "t") == (aux["none"], aux["text"])


def test_a_read_only_view_of_a_writable_array_is_copied_by_a_tensor() -> None:
    x = np.ones(3)
    s = Tensor(np.broadcast_to(x, (2, 3)), autograd=True)
    z = np.sum(s * s)
    x[:] = 9

    assert [[1.0] * 3] * 2 == s.data.tolist()
    assert [[2.0] * 3] * 2 == Tape.of(z).backward()[s].tolist()


@pytest.mark.parametrize("view", [np.broadcast_to, lambda x, shape: sliding_window_view(x, x.size)])
def test_a_small_operand_that_is_a_read_only_view_of_a_writable_array_is_copied(view: Any) -> None:
    x, s = np.ones(3), Tensor(np.ones((2, 3)), autograd=True)
    z = np.sum(s * view(x, (1, 3)))
    x[:] = 9

    assert [[1.0] * 3] * 2 == Tape.of(z).backward()[s].tolist()


@pytest.mark.parametrize("view", [np.broadcast_to, lambda x, shape: sliding_window_view(x, x.size)])
def test_a_large_operand_that_is_a_read_only_view_of_a_writable_array_is_watched(view: Any) -> None:
    x, s = np.ones(100_000), Tensor(np.ones((2, 100_000)), autograd=True)
    tape = Tape.of(np.sum(s * view(x, (1, 100_000))))
    tape.backward()
    x[:] = 9
    with pytest.raises(tape_ad.BufferChangedError, match=r"\(1, 100000\)"):
        tape.backward()


def test_an_array_that_nobody_can_write_to_is_shared() -> None:
    x = np.ones(3)
    x.setflags(write=False)

    assert np.shares_memory(x, Tensor(np.broadcast_to(x, (2, 3))).data)


def test_records_of_a_nest_are_rebuilt_and_never_written_to() -> None:
    p = Params(np.ones(2), [np.ones(2), {"k": np.ones(1)}])
    before = picture(p)
    gradient = grad(lambda p: p.w.sum() * p.b[0].sum() + p.b[1]["k"].sum())(p)

    assert before == picture(p)
    assert gradient is not p
    assert gradient.b is not p.b
    assert gradient.b[1] is not p.b[1]


def test_constants_within_a_function_are_safe_from_later_calls() -> None:
    """A Python float met twice is one tensor inside; that it is shared is not seen."""
    x = Tensor([1.0], autograd=True)
    first, second = x * 2.5, x * 2.5

    assert ([2.5], [2.5]) == (first.backward([1.0])[x].tolist(), second.backward([1.0])[x].tolist())
    assert np.signbit((x * -0.0).data[0])
    assert not np.signbit((x * 0.0).data[0])
