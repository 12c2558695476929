"""`Gradients`: a read-only mapping with an algebra, that says why something is missing."""

import inspect
import math
import pickle
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tape_ad
from tape_ad import (
    MissingGradientError,
    NotAskedForError,
    NotOnTapeError,
    NotTrackedError,
    PiecewiseConstantError,
    Tape,
    Tensor,
)
from tests.strategies import Program, point_of, programs


def tracked(data: Any) -> Tensor:
    return Tensor(data, autograd=True)


@pytest.fixture
def x() -> Tensor:
    return tracked([1.0, 2.0])


@pytest.fixture
def y() -> Tensor:
    return tracked([3.0, 4.0])


# --- a mapping --------------------------------------------------------------------------------------------------------
@given(programs(), st.integers(0, 99))
def test_it_is_a_mapping_from_the_leaves_in_the_order_of_the_tape(program: Program, seed: int) -> None:
    leaves = [tracked(point) for point in point_of(program, seed)]
    tape = Tape.of(program(*leaves))
    gradients: Any = tape.backward()
    starts = set(tape.leaves)

    assert isinstance(gradients, Mapping)
    assert [t for t in tape.tensors if t in starts] == list(gradients) == list(gradients.keys())
    assert len(gradients) == len(list(gradients.values())) == len(gradients.items())
    assert all(t in gradients and value is gradients.get(t) for t, value in gradients.items())


@given(programs(), st.integers(0, 99))
def test_a_gradient_has_the_shape_and_dtype_of_its_tensor(program: Program, seed: int) -> None:
    leaves = [tracked(point) for point in point_of(program, seed)]
    tape = Tape.of(program(*leaves))
    gradients = tape.backward()

    for t in tape.tensors:
        assert (t.shape, t.dtype) == (np.shape(gradients[t]), gradients[t].dtype)


def test_no_item_can_be_set_or_deleted_and_no_field_either(x: Tensor) -> None:
    gradients: Any = (x * x).sum().backward()
    with pytest.raises(TypeError):
        gradients[x] = 1
    with pytest.raises(TypeError):
        del gradients[x]
    with pytest.raises(AttributeError):
        gradients.tape = None


def test_no_gradient_can_be_written_to_neither_of_a_leaf_nor_of_a_value_on_the_way(x: Tensor) -> None:
    h = x * x
    tape = Tape.of((h * x).sum())
    for gradients in (
        tape.backward(),
        tape.backward(wrt=[x, h]),
        2 * tape.backward(wrt=[x, h]),
        tape.backward() + tape.backward(),
    ):
        for t in [x, h] if gradients.wrt is None or h in set(gradients.wrt) else [x]:
            with pytest.raises(ValueError, match="read-only"):
                gradients[t][0] = 9

    assert [3.0, 12.0] == tape.backward()[x].tolist()


def test_each_call_gives_a_fresh_mapping(x: Tensor) -> None:
    tape = Tape.of((x * x).sum())

    assert tape.backward() is not tape.backward()
    assert tape.backward()[x] is not tape.backward()[x]


def test_get_gives_the_default_where_there_is_no_gradient(x: Tensor, y: Tensor) -> None:
    h = x * x
    gradients = h.sum().backward()

    assert (None, "none", True) == (gradients.get(y), gradients.get(y, "none"), gradients.get(x) is gradients[x])
    assert [1.0, 1.0] == gradients.get(h).tolist()
    assert (True, True, False, False, False) == tuple(key in gradients for key in (x, h, y, 3, "x"))


def test_printing_shows_each_gradient_beside_the_kind_of_its_tensor(x: Tensor) -> None:
    u = tracked(np.float32(2))

    assert "Gradients({float64[2]: [2. 2.], float32[]: 3.})" == repr((x * u).sum().backward())
    assert "Gradients({})" == repr(Tape.of(Tensor(1.0)).backward())
    assert len(repr((tracked(np.ones(10_000)) * 2).sum().backward())) < 100


# --- algebra ----------------------------------------------------------------------------------------------------------
def test_sums_differences_and_multiples_are_taken_tensor_by_tensor(x: Tensor, y: Tensor) -> None:
    g, h = (x * x * y).sum().backward(), (x * 3).sum().backward()
    gx, gy, hx = g[x], g[y], h[x]
    expected: list[tuple[Any, Any, Any]] = [
        (g + h, gx + hx, gy), (h + g, gx + hx, gy), (g - h, gx - hx, gy), (h - g, hx - gx, -gy), (2 * g, 2 * gx, 2 * gy), (g * 2, 2 * gx, 2 * gy),
        (g / 4, gx / 4, gy / 4), (-g, -gx, -gy), (g * np.float64(2), 2 * gx, 2 * gy), (np.float64(2) * g, 2 * gx, 2 * gy),
        (0.5 * (g + h) - g / 2, hx / 2, 0 * gy),
    ]  # fmt: skip
    for result, of_x, of_y in expected:
        assert (of_x.tolist(), of_y.tolist()) == (result[x].tolist(), result[y].tolist())
        assert {x, y} == set(result)

    assert (gx.tolist(), hx.tolist()) == (g[x].tolist(), h[x].tolist())


def test_the_gradient_of_a_sum_is_the_sum_of_the_gradients(x: Tensor, y: Tensor) -> None:
    f, g = (np.sin(x) * y).sum(), (x * x).sum()
    together = (f + g).backward()
    added = f.backward() + g.backward()

    assert all(np.allclose(together[t], added[t], rtol=1e-15) for t in together)


def test_items_of_a_sum_stand_in_the_order_of_a_tape_of_both(x: Tensor, y: Tensor) -> None:
    f, g = (y * 2).sum(), (x * y).sum()
    starts = set(Tape.of(f, g).leaves)
    order = [t for t in Tape.of(f, g).tensors if t in starts]

    assert order == list(f.backward() + g.backward())


def test_the_norm_is_that_of_all_gradients_as_one_vector(x: Tensor) -> None:
    z = tracked([3 + 4j])
    f = (x * 2).sum() + np.real(z * (3 - 4j)).sum()

    assert pytest.approx(math.sqrt(4 + 4 + 25)) == f.backward().norm()
    assert 0.0 == Tape.of(Tensor(1.0)).backward().norm()
    assert type(f.backward().norm()) is float


def test_a_factor_keeps_the_dtype_of_the_gradients() -> None:
    u = tracked(np.ones(2, "float32"))

    assert np.float32 == (2.0 * (u * u).sum().backward())[u].dtype


def test_gradients_of_a_differentiable_pass_have_the_same_algebra(x: Tensor) -> None:
    tape = Tape.of((x * x * x).sum())
    g = 2 * tape.backward(differentiable=True) + tape.backward(differentiable=True)

    assert [18.0, 36.0] == g[x].backward([1.0, 1.0])[x].tolist()
    assert pytest.approx(3 * tape.backward().norm()) == g.norm()


@pytest.mark.parametrize(
    "operation", [lambda g: g + 1, lambda g: 1 + g, lambda g: g * g, lambda g: g - {}, lambda g: g + np.ones(2)]
)
def test_other_arithmetic_is_refused(operation: Any, x: Tensor) -> None:
    with pytest.raises(TypeError):
        operation((x * x).sum().backward())


def test_gradients_are_compared_by_identity(x: Tensor) -> None:
    """Equality would have to say how near is equal; a mapping of tensors does not guess."""
    g, h = (x * x).sum().backward(), (x * 3).sum().backward()

    assert g == g  # noqa: PLR0124 - that is the law
    assert g != h
    assert 2 == len({g, h})


# --- why there is none ------------------------------------------------------------------------------------------------
def _line_of(t: Tensor) -> str:
    return re.escape(str(t.made_at))


def test_a_tensor_that_does_not_lead_to_the_outputs_is_not_on_the_tape(x: Tensor, y: Tensor) -> None:
    dead = x * y
    gradients = (x * 2).sum().backward()
    for t in (y, dead, tracked([1.0, 2.0])):
        with pytest.raises(
            NotOnTapeError, match=rf"float64\[2\] tensor made at {_line_of(t)} does not lead to the outputs"
        ):
            gradients[t]


def test_a_copy_of_the_data_is_not_the_tensor(x: Tensor) -> None:
    other = tracked(x.data)
    with pytest.raises(NotOnTapeError, match="not a copy of its data"):
        (other * 2).sum().backward()[x]


@pytest.mark.parametrize("key", [3, "x", None, np.float64(1.0)], ids=repr)
def test_what_is_no_tensor_is_no_key(key: Any, x: Tensor) -> None:
    gradients: Any = (x * 2).sum().backward()
    with pytest.raises(NotOnTapeError, match=type(key).__name__):
        gradients[key]


def test_a_constant_is_not_tracked_and_neither_is_what_was_made_of_constants(x: Tensor) -> None:
    constant = Tensor([5.0, 6.0])
    made = constant * 2
    gradients = (x * made).sum().backward()
    for t in (constant, made):
        with pytest.raises(NotTrackedError, match=rf"made at {_line_of(t)} is a constant.*autograd=True"):
            gradients[t]


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("floor", np.floor), ("stop_gradient", tape_ad.stop_gradient), ("stop_gradient", lambda h: h.detach()), ("greater", lambda h: h > 1),
        ("sign", np.sign), ("floor_divide", lambda h: h // 2), ("argmax", lambda h: h.argmax()), ("rint", np.rint),
    ],
)  # fmt: skip
def test_a_tensor_behind_a_piecewise_constant_operation_hears_which_and_where(
    name: str, step: Any, x: Tensor, y: Tensor
) -> None:
    h = x * x
    stopped = step(h)
    gradients = (y * stopped).sum().backward()
    for t in (x, h):
        with pytest.raises(
            PiecewiseConstantError, match=rf"{name}.* at {_line_of(stopped)}, which is piecewise constant"
        ):
            gradients[t]

    assert f"{__file__}:" in str(stopped.made_at) or step in {np.floor, np.sign, np.rint}


def test_the_whole_result_may_be_piecewise_constant(x: Tensor) -> None:
    tape = Tape.of(np.floor(x).sum())

    assert {} == dict(tape.backward())
    with pytest.raises(PiecewiseConstantError, match="floor"):
        tape.backward()[x]
    with pytest.raises(PiecewiseConstantError, match="floor"):
        tape.pushforward({x: [1.0, 1.0]})


def test_a_tensor_with_a_smooth_way_beside_the_constant_one_has_a_gradient(x: Tensor) -> None:
    assert [1.0, 2.0] == (x * np.floor(x)).sum().backward()[x].tolist()


def test_a_tensor_beyond_wrt_was_not_asked_for(x: Tensor, y: Tensor) -> None:
    h = x * y
    gradients = Tape.of(h.sum()).backward(wrt=[x])
    for t in (y, h):
        with pytest.raises(NotAskedForError, match=r"limited to other tensors.*wrt"):
            gradients[t]
        with pytest.raises(NotAskedForError):
            (gradients * 2)[t]

    assert [x] == list(gradients)


def test_wrt_may_name_what_has_no_gradient_and_the_reason_comes_when_it_is_asked(x: Tensor, y: Tensor) -> None:
    constant = Tensor([1.0, 1.0])
    gradients = Tape.of((x * constant).sum()).backward(wrt=[x, y, constant])

    assert [x] == list(gradients)
    with pytest.raises(NotOnTapeError):
        gradients[y]
    with pytest.raises(NotTrackedError):
        gradients[constant]


def test_a_tensor_whose_every_way_has_derivative_zero_has_the_gradient_zero(x: Tensor) -> None:
    assert [0.0, 0.0] == (x * 0).sum().backward()[x].tolist()
    assert [0.0, 0.0] == x[:0].sum().backward()[x].tolist()


def test_every_reason_is_a_key_error_that_prints_as_a_sentence(x: Tensor, y: Tensor) -> None:
    with pytest.raises(KeyError) as caught:
        x.sum().backward()[y]

    assert isinstance(caught.value, MissingGradientError)
    assert str(caught.value).startswith("The float64[2] tensor made at")
    assert {NotOnTapeError, NotTrackedError, PiecewiseConstantError, NotAskedForError} == set(
        MissingGradientError.__subclasses__()
    )
    assert str(caught.value) == str(pickle.loads(pickle.dumps(caught.value)))  # noqa: S301 - our own bytes


def test_every_deliberate_exception_derives_from_one_that_a_user_would_catch_and_has_a_docstring() -> None:
    for name, error in inspect.getmembers(tape_ad._errors, inspect.isclass):
        builtin = [base for base in error.__mro__ if base.__module__ == "builtins"]

        assert error.__doc__
        assert name == "TapeError" or builtin[0] in {TypeError, ValueError, KeyError, RuntimeError}
        assert issubclass(error, tape_ad.TapeError)
