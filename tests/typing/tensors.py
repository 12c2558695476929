# pyright: strict
"""What tensors, their operators and methods, tapes and gradients give and refuse."""

from collections.abc import Iterator
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import tape_ad
from tape_ad import Gradients, Op, Tape, Tensor

Array = npt.NDArray[np.float64]

T = Tensor([[1.0, 2.0], [3.0, 4.0]], autograd=True)
ARRAY = np.ones((2, 2))


# --- tensors --------------------------------------------------------------------------------------------------------
def accepted_everything_that_holds_numbers_makes_a_tensor() -> None:
    assert_type(Tensor(1.0), Tensor)
    assert_type(Tensor([1, 2]), Tensor)
    assert_type(Tensor(ARRAY, autograd=True), Tensor)


def accepted_a_tensor_says_what_it_is() -> None:
    assert_type(T.data, Any)
    assert_type(T.shape, tuple[int, ...])
    assert_type(T.ndim, int)
    assert_type(T.dtype, np.dtype[Any])
    assert_type(T.creators, tuple[Tensor, ...])
    assert_type(T.autograd, bool)
    assert_type(T.made_at, str | None)
    assert_type(len(T), int)
    call = (T + 1.0).creation_op
    if call is not None:
        assert_type(call.op, Op[Any])
        assert_type(call.op.name, str)


def rejected_changes_of_a_tensor() -> None:
    T.data = ARRAY  # E: mypy[misc] pyright[reportAttributeAccessIssue]
    T.autograd = False  # E: mypy[misc] pyright[reportAttributeAccessIssue]
    T.grad = T  # E: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    Tensor(1.0, True)  # E: mypy[arg-type] pyright[reportArgumentType]
    Tensor(1.0, requires_grad=True)  # E: mypy[call-arg] pyright[reportCallIssue]


# --- operators ------------------------------------------------------------------------------------------------------
def accepted_operators_give_tensors() -> None:
    assert_type(T + T, Tensor)
    assert_type(T - 1.0, Tensor)
    assert_type(T * ARRAY, Tensor)
    assert_type(T / np.float64(2.0), Tensor)
    assert_type(T**2, Tensor)
    assert_type(T // 2, Tensor)
    assert_type(T % 2, Tensor)
    assert_type(T @ ARRAY, Tensor)
    assert_type(-T, Tensor)
    assert_type(abs(T), Tensor)
    assert_type(T > 0, Tensor)
    assert_type(T == ARRAY, Tensor)
    assert_type(T[0, ::2], Tensor)
    assert_type(divmod(T, 2.0), tuple[Tensor, Tensor])
    assert_type(next(iter(T)), Tensor)


def accepted_reflected_operators_give_tensors() -> None:
    assert_type(1.0 - T, Tensor)
    assert_type(2 * T, Tensor)
    assert_type(2**T, Tensor)
    assert_type(1 / T, Tensor)
    total = 0.0 + T
    total += T
    assert_type(total, Tensor)


def accepted_numpy_on_the_left_needs_no_cast() -> None:
    both: Tensor = T * (ARRAY + T)
    assert_type(both, Tensor)
    right: Any = ARRAY @ T
    scalar: Any = np.float64(2.0) * T
    print(right, scalar)


# --- methods --------------------------------------------------------------------------------------------------------
def accepted_methods_give_tensors() -> None:
    assert_type(T.sum(), Tensor)
    assert_type(T.sum(0), Tensor)
    assert_type(T.sum(axis=(0, 1), keepdims=True), Tensor)
    assert_type(T.sum(where=ARRAY > 0, initial=1.0), Tensor)
    assert_type(T.mean(axis=-1), Tensor)
    assert_type(T.var(ddof=1), Tensor)
    assert_type(T.max(), Tensor)
    assert_type(T.argmax(axis=0), Tensor)
    assert_type(T.reshape(4, 1), Tensor)
    assert_type(T.reshape((4, 1)), Tensor)
    assert_type(T.transpose(1, 0), Tensor)
    assert_type(T.T, Tensor)
    assert_type(T.mT.real.conj(), Tensor)
    assert_type(T.astype(np.float32), Tensor)
    assert_type(T.astype("float32"), Tensor)
    assert_type(T.clip(0, 1).dot(ARRAY), Tensor)
    assert_type(T.detach(), Tensor)
    assert_type(T.detach().tolist(), Any)


def rejected_methods_and_arguments_that_do_not_exist() -> None:
    T.sum(axes=0)  # E: mypy[call-arg] pyright[reportCallIssue]
    T.sum(axis="rows")  # E: mypy[arg-type] pyright[reportArgumentType]
    T.mean(initial=0.0)  # E: mypy[call-arg] pyright[reportCallIssue]
    T.sum(out=ARRAY)  # E: mypy[arg-type] pyright[reportArgumentType]
    T.reshape("wide")  # E: mypy[arg-type] pyright[reportArgumentType]
    T.fill(0.0)  # E: mypy[attr-defined] pyright[reportAttributeAccessIssue, reportUnknownMemberType]


# --- NumPy's functions ----------------------------------------------------------------------------------------------
def accepted_tensors_are_array_like() -> None:
    anything: npt.ArrayLike = T
    np.sum(T)
    np.sin(T)
    np.where(ARRAY > 0, T, 0.0)
    np.concatenate([T, ARRAY])
    print(anything)


# --- tapes and gradients --------------------------------------------------------------------------------------------
def accepted_tapes_are_read() -> None:
    out = (T * T).sum()
    tape = assert_type(Tape.of(out), Tape)
    assert_type(tape.outputs, tuple[Tensor, ...])
    assert_type(tape.tensors, tuple[Tensor, ...])
    assert_type(tape.leaves, tuple[Tensor, ...])
    assert_type(tape.child_counts[T], int)
    assert_type(tape.backward(), Gradients)
    assert_type(tape.backward(wrt=T), Gradients)
    assert_type(tape.backward(2.0, wrt=[T, out]), Gradients)
    assert_type(tape.backward(differentiable=True), Gradients)
    assert_type(tape.pushforward({T: ARRAY}), tuple[Any, ...])


def accepted_gradients_are_mappings_from_tensors() -> None:
    gradients = Tape.of((T * T).sum()).backward()
    assert_type(gradients[T], Any)
    assert_type(iter(gradients), Iterator[Tensor])
    assert_type([t for t, _ in gradients.items()], list[Tensor])
    assert_type(len(gradients), int)
    assert_type(T in gradients, bool)
    assert_type(gradients + gradients, Gradients)
    assert_type(gradients - gradients, Gradients)
    assert_type(2 * gradients, Gradients)
    assert_type(gradients * 2.0, Gradients)
    assert_type(gradients / 2.0, Gradients)
    assert_type(-gradients, Gradients)
    assert_type(gradients.norm(), float)


def accepted_backward_of_a_tensor_gives_the_same_mapping() -> None:
    out = (T * T).sum()
    gradients = out.backward()
    assert_type(gradients[T], Any)
    assert_type([t for t, _ in gradients.items()], list[Tensor])
    assert_type(gradients.norm(), float)
    assert_type(Tape.of(out).backward() + 2 * gradients, Gradients)
    out.backward(1.0)


def rejected_tapes_and_gradients_asked_wrongly() -> None:
    Tape.of(ARRAY)  # E: mypy[arg-type] pyright[reportArgumentType]
    out = T.sum()
    tape = Tape.of(out)
    tape.backward(wrt="x")  # E: mypy[arg-type] pyright[reportArgumentType]
    tape.backward(1.0, T)  # E: mypy[call-arg] pyright[reportCallIssue]
    tape.outputs = ()  # E: mypy[misc] pyright[reportAttributeAccessIssue]
    tape.child_counts[T] = 0  # E: mypy[index] pyright[reportIndexIssue]
    gradients = tape.backward()
    gradients["x"]  # E: mypy[index] pyright[reportArgumentType]
    gradients[T] = 0.0  # E: mypy[index] pyright[reportIndexIssue]
    print(gradients + 1.0)  # E: mypy[operator] pyright[reportOperatorIssue, reportUnknownArgumentType]
    print(gradients * gradients)  # E: mypy[operator] pyright[reportOperatorIssue, reportUnknownArgumentType]
    out.backward(wrt=T)  # E: mypy[call-arg] pyright[reportCallIssue]


# --- ops ------------------------------------------------------------------------------------------------------------
def accepted_ops_keep_the_signature_of_their_forward() -> None:
    assert_type(tape_ad.sin(T), Tensor)
    assert_type(tape_ad.add(T, ARRAY), Tensor)
    assert_type(tape_ad.sum(ARRAY, axis=0, keepdims=True), Tensor)
    assert_type(tape_ad.sum(T, axis=(0, 1), dtype=np.float32), Tensor)
    assert_type(tape_ad.concat([T, ARRAY], axis=1), Tensor)
    assert_type(tape_ad.where(T > 0, T, 0.0), Tensor)
    assert_type(tape_ad.matmul(T, ARRAY), Tensor)
    assert_type(tape_ad.reshape(T, (4,)), Tensor)
    assert_type(tape_ad.sin.name, str)


def rejected_calls_that_do_not_fit_the_signature() -> None:
    tape_ad.sum(T, axes=0)  # E: mypy[call-arg] pyright[reportCallIssue]
    tape_ad.sum(T, 0)  # E: mypy[call-arg] pyright[reportCallIssue]
    tape_ad.sum(T, axis="rows")  # E: mypy[arg-type] pyright[reportArgumentType]
    tape_ad.sin(T, T)  # E: mypy[call-arg] pyright[reportCallIssue]
    tape_ad.sin()  # E: mypy[call-arg] pyright[reportCallIssue]
    tape_ad.sin(x=T)  # E: mypy[call-arg] pyright[reportCallIssue]
    tape_ad.sin.name = "sine"  # E: mypy[misc] pyright[reportAttributeAccessIssue]
