"""Joining, cutting, padding, diagonals, windows, updates by ``.at``, and `tape_ad.numpy`: NumPy's value, and its derivative."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy  # noqa: ICN001 - `np` is the same without its stubs, below
import pytest
from hypothesis import given, strategies as st

import tape_ad
import tape_ad.numpy as tnp
import tape_ad.numpy.fft
import tape_ad.numpy.linalg
import tape_ad.numpy.random
from tape_ad import ArgumentError, BatchedValueError, ConversionError, MutationError, Tensor, grad, vmap
from tape_ad._core import DOORS
from tape_ad.testing import check_grads
from tests.strategies import arrays, shapes

np: Any = numpy  # its stubs know neither tensors nor the calls that are to be refused
sliding_window_view = np.lib.stride_tricks.sliding_window_view
RNG = np.random.default_rng(5)
X = RNG.standard_normal((2, 3))
Y = RNG.standard_normal((2, 3))
MASK = np.array([[True, False, True], [False, False, True]])


def line(z: Any, a: float, b: float = 0.0) -> Any:
    return a * z + b


# A use of a NumPy function: of two arrays of shape (2, 3), in NumPy's own spelling.
Use = Callable[[Any, Any], Any]
USES: dict[Callable[..., Any], list[Use]] = {
    np.append: [np.append, lambda x, y: np.append(x, y[:1], axis=0), lambda x, y: np.append(x, values=y, axis=-1), lambda x, y: np.append(x[0, 0], 2.0)],
    np.insert: [
        lambda x, y: np.insert(x, 1, y[0, 0]), lambda x, y: np.insert(x, 1, y[0], axis=0), lambda x, y: np.insert(x, [1], y[:, :1], axis=1),
        lambda x, y: np.insert(x, [0, 2, 2], y, axis=1), lambda x, y: np.insert(x, slice(0, 2), y[:, :2], axis=-1), lambda x, y: np.insert(x, -1, 4.0, axis=1),
        lambda x, y: np.insert(x[0], np.array([True, False, True]), y[1, :2]), lambda x, y: np.insert(x, 3, y[0, 0], axis=1),
        lambda x, y: np.insert(x, 1, y, axis=0), lambda x, y: np.insert(X, 1, y[0], axis=0), lambda x, y: np.insert(x, [], y[:0], axis=0),
    ],
    np.delete: [
        lambda x, y: np.delete(x, 1), lambda x, y: np.delete(x, -1, axis=1), lambda x, y: np.delete(x, [0, 2], 1), lambda x, y: np.delete(x, slice(None, None, 2), axis=1),
        lambda x, y: np.delete(x, np.array([True, False, False]), axis=1), lambda x, y: np.delete(x, [], axis=0), lambda x, y: np.delete(x, [1, 1], axis=-1),
    ],
    np.block: [
        lambda x, y: np.block([[x, y], [y, x]]), lambda x, y: np.block([x, y]), lambda x, y: np.block(x), lambda x, y: np.block([[x, np.ones((2, 1))], [1.0, y[0]]]),
        lambda x, y: np.block([[[x]], [[y]]]), lambda x, y: np.block([1, x[0, 0], y[0]]),
    ],
    np.column_stack: [lambda x, y: np.column_stack((x, y[:, 0])), lambda x, y: np.column_stack([x[0], y[0]]), lambda x, y: np.column_stack([x[0, 0], 1.0])],
    np.hstack: [lambda x, y: np.hstack([x, y]), lambda x, y: np.hstack((x[0], y[0, 0], 2.0)), lambda x, y: np.hstack([x, y], dtype=np.complex128), lambda x, y: np.hstack([x, y], dtype=np.float32), lambda x, y: np.hstack([x[0], [1, 2]]), lambda x, y: np.hstack(x)],
    np.vstack: [lambda x, y: np.vstack([x, y[0]]), lambda x, y: np.vstack((x[0, 0], 1.0)), lambda x, y: np.vstack([x, y], dtype=np.float32, casting="unsafe")],
    np.dstack: [lambda x, y: np.dstack([x, y]), lambda x, y: np.dstack([x[0], y[0]]), lambda x, y: np.dstack([x[0, 0], y[0, 1]])],
    np.hsplit: [lambda x, y: np.hsplit(x, 3), lambda x, y: np.hsplit(x[0], [1, 2]), lambda x, y: np.hsplit(x, np.array([1]))],
    np.vsplit: [lambda x, y: np.vsplit(x, 2), lambda x, y: np.vsplit(x, [0, 1])],
    np.dsplit: [lambda x, y: np.dsplit(np.stack([x, y], axis=-1), 2)],
    np.unstack: [lambda x, y: np.unstack(x), lambda x, y: np.unstack(x, axis=-1)],
    np.trim_zeros: [lambda x, y: np.trim_zeros(np.append(np.append([0.0, 0.0], x), 0.0)), lambda x, y: np.trim_zeros(np.append(np.append([0.0], x), 0.0), "b"), lambda x, y: np.trim_zeros(np.append(np.append([0.0], x), 0.0), trim="F")],
    np.resize: [lambda x, y: np.resize(x, (3, 4)), lambda x, y: np.resize(x, 4), lambda x, y: np.resize(x[:, :0], (2, 2)) + 0 * x[0, 0], lambda x, y: np.resize(x, (0, 2))],
    np.atleast_1d: [lambda x, y: np.atleast_1d(x[0, 0]), lambda x, y: np.atleast_1d(x, y[0, 0], 1.0), lambda x, y: np.atleast_1d(x)],
    np.atleast_2d: [lambda x, y: np.atleast_2d(x[0, 0]), lambda x, y: np.atleast_2d(x[0], y)],
    np.atleast_3d: [lambda x, y: np.atleast_3d(x), lambda x, y: np.atleast_3d(x[0], y[0, 0], np.stack([x, y]), np.stack([[x, y]]) if isinstance(x, np.ndarray) else np.stack([np.stack([x, y])]))],
    np.broadcast_arrays: [lambda x, y: np.broadcast_arrays(x, y[0], 1.0), lambda x, y: np.broadcast_arrays(x)],
    np.meshgrid: [
        lambda x, y: np.meshgrid(x[0], y[:, 0]), lambda x, y: np.meshgrid(x[0], y[:, 0], indexing="ij"), lambda x, y: np.meshgrid(x[0], y[:, 0], sparse=True),
        lambda x, y: np.meshgrid(x[0], 2.0, y[0, :2], copy=False), lambda x, y: np.meshgrid(x[0]), lambda x, y: np.meshgrid(x[0, 0], [1.0, 2.0]),
    ],
    np.ix_: [lambda x, y: np.ix_(x[0], y[:, 0]), lambda x, y: np.ix_(x[0], [True, False], []), lambda x, y: np.ix_(x[0, :0], y[0])],
    np.pad: [
        lambda x, y: np.pad(x, 1), lambda x, y: np.pad(x, (1, 2), constant_values=(3.0, -0.0)), lambda x, y: np.pad(x, ((1, 0), (2, 1)), "constant", constant_values=y[:, :2]),
        lambda x, y: np.pad(x, {-1: (1, 2)}, constant_values=y[0, 0]), lambda x, y: np.pad(x, {0: 1}), lambda x, y: np.pad(x, ((1, 2), (3, 4)), "edge"),
        lambda x, y: np.pad(x, 2, mode="reflect"), lambda x, y: np.pad(x, (0, 7), "symmetric"), lambda x, y: np.pad(x, 3, "wrap"), lambda x, y: np.pad(x, 4, "reflect", reflect_type="odd"),
        lambda x, y: np.pad(x, ((2, 9), (4, 7)), "symmetric", reflect_type="odd"), lambda x, y: np.pad(x[:, :1], 2, "reflect", reflect_type="odd"), lambda x, y: np.pad(x, 2, "linear_ramp"),
        lambda x, y: np.pad(x, ((1, 2), (3, 0)), "linear_ramp", end_values=y[:, 1:]), lambda x, y: np.pad(x, 2, "mean"), lambda x, y: np.pad(x, 1, "mean", stat_length=(2, 1)),
        lambda x, y: np.pad(x, 1, "median"), lambda x, y: np.pad(x, 2, "median", stat_length=2), lambda x, y: np.pad(x[0, 0], 1), lambda x, y: np.pad(x[:, :0], ((0, 0), (1, 1))),
        lambda x, y: np.pad(x, 0, "mean"), lambda x, y: np.pad(x, 1, "reflect", reflect_type="even"), lambda x, y: np.pad(x, ((1, 1), (0, 0)), "linear_ramp", end_values=y[0, 0]),
    ],
    np.tril: [lambda x, y: np.tril(x), lambda x, y: np.tril(m=x, k=-1), lambda x, y: np.tril(x[0])],
    np.triu: [lambda x, y: np.triu(x, 1), lambda x, y: np.triu(np.stack([x, y]))],
    np.diag: [lambda x, y: np.diag(x), lambda x, y: np.diag(x[0], k=-1), lambda x, y: np.diag(v=x, k=1)],
    np.diagflat: [lambda x, y: np.diagflat(x), lambda x, y: np.diagflat(x[0, 0], 1)],
    np.rot90: [lambda x, y: np.rot90(x), lambda x, y: np.rot90(x, 2), lambda x, y: np.rot90(x, k=3), lambda x, y: np.rot90(x, -4), lambda x, y: np.rot90(np.stack([x, y]), 1, (2, 0)), lambda x, y: np.rot90(x, axes=(-1, 0))],
    np.rollaxis: [lambda x, y: np.rollaxis(x, 1), lambda x, y: np.rollaxis(np.stack([x, y, x, y]), 2, 1), lambda x, y: np.rollaxis(np.stack([x, y]), 0, 3), lambda x, y: np.rollaxis(np.stack([x, y]), -3, -1), lambda x, y: np.rollaxis(x, 0, 1)],
    np.copy: [lambda x, y: np.copy(x), lambda x, y: np.copy(a=x, order="F")],
    sliding_window_view: [lambda x, y: sliding_window_view(x, (2, 2)), lambda x, y: sliding_window_view(x, 2, axis=1), lambda x, y: sliding_window_view(x[0], 2), lambda x, y: sliding_window_view(x, (1, 2), axis=(1, 1))],
    np.apply_along_axis: [
        lambda x, y: np.apply_along_axis(np.sum, 0, x), lambda x, y: np.apply_along_axis(lambda r: r * r, 1, x), lambda x, y: np.apply_along_axis(np.diag, -1, np.stack([x, y])),
        lambda x, y: np.apply_along_axis(lambda r, s, t=0.0: s * r[:2] + t, 0, np.stack([x, y]), 3.0, t=1.0), lambda x, y: np.apply_along_axis(lambda r: [r[0], 1.0], 1, x), lambda x, y: np.apply_along_axis(lambda r: r[0], 0, x),
    ],
    np.apply_over_axes: [lambda x, y: np.apply_over_axes(np.sum, x, 0), lambda x, y: np.apply_over_axes(np.mean, np.stack([x, y]), (0, -1)), lambda x, y: np.apply_over_axes(np.cumsum, x, [1])],
    np.piecewise: [
        lambda x, y: np.piecewise(x, [MASK], [lambda z: z * z, 2.0]), lambda x, y: np.piecewise(x, [MASK, ~MASK], [np.sin, np.exp]), lambda x, y: np.piecewise(x[0], MASK[0], [3.0, np.exp]),
        lambda x, y: np.piecewise(x, [MASK, MASK], [lambda z, a, b: z, line], 2.0, b=1.0), lambda x, y: np.piecewise(x, [np.array([True, False])], [np.cos, -0.0]), lambda x, y: np.piecewise(x[0, 0], [True], [np.cos]),
    ],
}  # fmt: skip
ALL_USES = [(function, use) for function, uses in USES.items() for use in uses]
every_use = pytest.mark.parametrize(
    ("function", "use"), ALL_USES, ids=[f"{f.__name__}-{i}" for f, uses in USES.items() for i in range(len(uses))]
)
REAL_ONLY = {np.piecewise, np.pad}


def data(x: Any) -> Any:
    return x.data if isinstance(x, Tensor) else x


def parts(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def bits(value: Any) -> list[Any]:
    """Return type of container, and dtype, shape and bytes of each part."""
    found = [np.asarray(data(part)) for part in parts(value)]
    return [
        type(value) if isinstance(value, (list, tuple)) else None,
        *[(a.dtype, a.shape, a.tobytes()) for a in found],
    ]


def total(value: Any) -> Any:
    """Return a sum of all parts, each element with a weight of its own."""
    terms = [
        np.sum(np.real(part) * np.cos(np.arange(np.size(part)) + 1.0).reshape(np.shape(part))) for part in parts(value)
    ]
    return sum(terms[1:], start=terms[0])


@every_use
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.int64])
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_the_value_is_numpys_bit_for_bit(function: Callable[..., Any], use: Use, dtype: Any) -> None:
    x, y = ((8 * a).astype(dtype) for a in (X, Y))
    x[0, 0] = y[1, 2] = -0.0
    if dtype is np.complex128 and function not in REAL_ONLY:
        x, y = x + 1j * y, y - 2j * x
    try:
        expected = use(x, y)
    except TypeError:
        with pytest.raises(TypeError):
            use(Tensor(x), Tensor(y))
        return

    assert bits(expected) == bits(use(Tensor(x), Tensor(y)))


@every_use
def test_both_modes_agree_with_central_differences_to_second_order(function: Callable[..., Any], use: Use) -> None:
    if any(np.asarray(part).dtype == np.float32 for part in parts(use(X, Y))):
        return  # too coarse for central differences; the value's test and the batch's see it

    check_grads(lambda x, y: total(use(x * x, y * x)), (X, Y), order=2)


@every_use
def test_a_batch_is_the_stack_of_its_examples(function: Callable[..., Any], use: Use) -> None:
    if function is np.trim_zeros:
        with pytest.raises(BatchedValueError, match="another shape for each example"):
            vmap(lambda x: use(x, Tensor(Y)))(np.stack([X, Y]))
        return
    xs, ys = np.stack([X, Y, X - 1]), np.stack([Y, X + 2, Y])

    def slope(x: Any, y: Any) -> Any:
        return grad(lambda x, y: total(use(x, y)) + np.sum(x * 0), argnums=(0, 1))(x, y)

    for axes, pairs in (((0, 0), list(zip(xs, ys, strict=True))), ((0, None), [(x, Y) for x in xs])):
        second = ys if axes[1] == 0 else Y
        expected = [slope(x, y) for x, y in pairs]
        actual = vmap(slope, in_axes=axes)(xs, second)
        values = [np.asarray(data(total(use(Tensor(x), Tensor(y))))) for x, y in pairs]

        np.testing.assert_allclose(
            np.stack(values), vmap(lambda x, y: total(use(x, y)), in_axes=axes)(xs, second), rtol=1e-12
        )
        for i in range(2):
            np.testing.assert_allclose(np.stack([e[i] for e in expected]), actual[i], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("function", USES, ids=lambda f: f.__name__)
def test_the_door_takes_numpys_parameters_by_numpys_names(function: Callable[..., Any]) -> None:
    record, _ = DOORS[function]
    expected = [p.name for p in inspect.signature(function).parameters.values() if p.name != "like"]
    body = getattr(record, "body", None)
    if body is not None:
        assert expected == [p.name for p in inspect.signature(body).parameters.values()][1:]


@pytest.mark.parametrize("mode", ["maximum", "minimum"])
def test_padding_with_extremes_takes_each_end_for_itself(mode: str) -> None:
    for options in ({}, {"stat_length": 2}):

        def use(x: Any, options: Any = options) -> Any:
            return np.pad(x, ((1, 0), (2, 1)), mode, **options)

        assert bits(use(X)) == bits(use(Tensor(X)))
        check_grads(lambda x, use=use: total(use(x)), (X,), order=2)


def test_constants_of_padding_carry_derivatives_where_they_are_nested_in_tuples() -> None:
    def f(x: Any, a: Any, b: Any) -> Any:
        return total(tape_ad.pad(x, 1, constant_values=((a, 2.0), (b, a * b))))

    check_grads(f, (X, np.float64(0.5), np.float64(-1.5)), order=2)


@given(arrays(shapes), st.data())
def test_padding_has_numpys_value_whatever_the_widths(x: Any, data: st.DataObject) -> None:
    widths = [data.draw(st.tuples(st.integers(0, 5), st.integers(0, 5))) for _ in x.shape]
    mode = data.draw(
        st.sampled_from(
            ["constant", "edge", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect", "symmetric", "wrap"]
        )
    )
    odd = mode in ("reflect", "symmetric") and data.draw(st.booleans())
    options: Any = {"reflect_type": "odd"} if odd else {}
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            expected = np.pad(x, widths or 0, mode, **options)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - NumPy's own words
            np.pad(Tensor(x), widths or 0, mode, **options)
        return
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        actual = np.pad(Tensor(x), widths or 0, mode, **options)

    assert bits(expected) == bits(actual)


def test_the_standards_functions_return_what_the_standard_says() -> None:
    t = Tensor(X[0], autograd=True)

    assert [list, list, tuple] == [
        type(v) for v in (tape_ad.broadcast_arrays(t, t), tape_ad.meshgrid(t, t), tape_ad.unstack(t))
    ]
    assert [tuple, tuple] == [type(v) for v in (np.broadcast_arrays(t, t), np.meshgrid(t, t))]


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.hsplit(x[0, 0], 1), lambda x: np.vsplit(x[0], 1), lambda x: np.dsplit(x, 1), lambda x: np.block([[x], x]), lambda x: np.block([[x], []]),
        lambda x: np.block([(x, x)]), lambda x: np.unstack(x[0, 0]), lambda x: np.insert(x, 9, 1.0), lambda x: np.insert(x, [[0]], 1.0), lambda x: np.delete(x, 9, axis=1),
        lambda x: np.trim_zeros(x[0], "x"), lambda x: np.resize(x, -1), lambda x: np.meshgrid(x, indexing="zz"), np.ix_, lambda x: np.pad(x, -1), lambda x: np.pad(x, 1.5),
        lambda x: np.pad(x, 1, "nothing"), lambda x: np.pad(x, 1, "edge", constant_values=1), lambda x: np.pad(x[:0], 1, "edge"), lambda x: np.pad(x, (1, 2, 3)), lambda x: np.rot90(x, axes=(0, 0)), lambda x: np.rot90(x, axes=(0, 5)),
        lambda x: np.rot90(x, axes=(0,)), lambda x: np.rollaxis(x, 0, 7), lambda x: np.diag(np.stack([x, x])), lambda x: np.tril(x[0, 0]), lambda x: np.apply_along_axis(np.sum, 1, x[:0]), lambda x: np.apply_over_axes(lambda x, axis: x[0, 0], x, 0),
        lambda x: np.piecewise(x, [MASK], [1, 2, 3]), lambda x: sliding_window_view(x, (5, 5)), lambda x: np.column_stack([x, x[:, 0], x[0]]), lambda x: np.broadcast_arrays(x, x[0, :2]), lambda x: np.append(x, x[0], axis=0),
    ],
)  # fmt: skip
def test_what_numpy_refuses_is_refused_with_the_same_kind_of_error(call: Callable[[Any], Any]) -> None:
    with pytest.raises(Exception) as expected:  # noqa: PT011 - whatever NumPy raises
        call(X)
    kind = next(k for k in type(expected.value).__mro__ if k in (TypeError, ValueError, IndexError))

    with pytest.raises(kind):
        call(Tensor(X, autograd=True))


@pytest.mark.parametrize("mode", ["empty", lambda *args: None])
def test_padding_by_writing_in_place_is_refused(mode: Any) -> None:
    with pytest.raises(ArgumentError, match=r"values do not change here\. Join the parts"):
        np.pad(Tensor(X), 1, mode)


def test_a_writable_window_is_refused() -> None:
    with pytest.raises(ArgumentError, match="writeable=True"):
        sliding_window_view(Tensor(X), 1, 0, writeable=True)


def test_zeros_at_the_ends_are_trimmed_along_the_axes_that_are_asked_for() -> None:
    x = np.pad(X, ((1, 2), (0, 1)))
    for options in ({}, {"axis": 0}, {"axis": -1}, {"axis": (0, 1), "trim": "b"}, {"axis": ()}, {"trim": "f"}):
        for array in (x, np.zeros((2, 2)), np.zeros(3)):
            if options.get("axis") == -1 or array.ndim == 2:
                assert bits(np.trim_zeros(array, **options)) == bits(np.trim_zeros(Tensor(array), **options))


# --- updates --------------------------------------------------------------------------------------------------------
INDICES: list[Any] = [
    0, -1, slice(None, None, -1), (slice(None), 1), (Ellipsis, None), (0, slice(1, 3)), [1, 0], [0, 0, 1], ([0, 1, 0], [2, 0, 2]), MASK, np.array([True, False]),
    (slice(None), [0, 2, 0]), ([0, 1], None, [1, 1]), [], (1, [2, 2]), np.array([[0, 0], [1, 0]]), (), Ellipsis,
]  # fmt: skip
UFUNCS: dict[str, Any] = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "power": np.power, "min": np.minimum, "max": np.maximum,
}  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize("method", ["set", *UFUNCS])
def test_an_update_does_what_numpy_does_in_place_and_carries_both_derivatives(method: str, index: Any) -> None:
    x, v = np.abs(X) + 0.5, np.abs(Y)[0, 0] + 1.0 + np.arange(np.size(X[index])).reshape(np.shape(X[index])) / 3
    for values in (v, v.ravel()[:1].sum()):
        expected = x.copy()
        if method == "set":
            expected[index] = values
        else:
            UFUNCS[method].at(expected, index, values)
        actual = getattr(Tensor(x).at[index], method)(Tensor(values))

        assert bits(expected) == bits(actual)
        assert bits(expected) == bits(getattr(tape_ad.at(x)[index], method)(values))
        check_grads(lambda x, v: total(getattr(tape_ad.at(x)[index], method)(v)), (x, np.asarray(values)), order=2)


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_a_function_is_applied_once_for_each_time_that_an_index_is_named(index: Any) -> None:
    expected = X.copy()
    np.square.at(expected, index)

    assert bits(expected) == bits(Tensor(X).at[index].apply(np.square))
    check_grads(lambda x: total(tape_ad.at(x)[index].apply(np.square)), (X,), order=2)


@pytest.mark.parametrize("method", ["set", *UFUNCS])
@pytest.mark.parametrize(
    ("index", "axes"),
    [(1, None), ([0, 2, 0], None), (np.array([1, 2, 1]), 0), (np.array([[0, 0], [1, 2], [2, 2]]), 0)],
    ids=str,
)
def test_a_batch_of_updates_is_the_stack_of_its_examples(method: str, index: Any, axes: Any) -> None:
    xs = np.abs(RNG.standard_normal((3, 3))) + 1.0
    example = index if axes is None else index[0]
    vs = np.abs(RNG.standard_normal((3, *np.shape(xs[0][example])))) + 0.5

    def f(x: Any, v: Any, i: Any) -> Any:
        return getattr(tape_ad.at(x)[i], method)(v)

    def slope(x: Any, v: Any, i: Any) -> Any:
        return grad(lambda x, v: np.sum(np.sin(f(x, v, i))), argnums=(0, 1))(x, v)

    each = [index if axes is None else i for i in (index if axes == 0 else range(3))]
    for x_axis, v_axis in ((0, 0), (0, None), (None, 0)):
        triples = [(xs[j if x_axis == 0 else 0], vs[j if v_axis == 0 else 0], each[j]) for j in range(3)]
        given = xs if x_axis == 0 else xs[0], vs if v_axis == 0 else vs[0]

        def run(g: Any, given: Any = given, x_axis: Any = x_axis, v_axis: Any = v_axis) -> Any:
            if axes == 0:
                return vmap(g, in_axes=(x_axis, v_axis, 0))(*given, index)
            return vmap(lambda x, v: g(x, v, index), in_axes=(x_axis, v_axis))(*given)

        np.testing.assert_allclose(run(f), np.stack([f(*t).data for t in triples]), rtol=1e-12)
        for i in range(2):
            np.testing.assert_allclose(run(slope)[i], np.stack([slope(*t)[i] for t in triples]), rtol=1e-10, atol=1e-14)


def test_an_update_by_an_index_of_an_example_in_a_shared_array_gives_a_gradient_for_all() -> None:
    x, places = np.array([1.0, 2.0, 3.0]), np.array([0, 2, 2])

    actual = grad(lambda x: np.sum(vmap(lambda i: x.at[i].set(0.0))(places)))(x)

    assert [2.0, 3.0, 1.0] == actual.tolist()


def test_an_update_leaves_the_tensor_as_it_is_and_keeps_its_dtype() -> None:
    t = Tensor(np.ones(3, dtype=np.float32), autograd=True)
    changed = t.at[0].set(np.float64(2.5)), t.at[0].multiply(2), t.at[:].add(np.ones(3))

    assert [np.float32] * 3 == [u.dtype for u in changed]
    assert [1.0, 1.0, 1.0] == t.data.tolist()
    assert [1.0, 1.0] == t.at[1:].get().data.tolist()


@pytest.mark.parametrize(
    ("x", "v"),
    [(np.arange(3), 1.5), (np.ones(3), 1j), (np.arange(3), Tensor(2.0, autograd=True)), (np.array([True]), 1)],
)
def test_values_that_the_dtype_cannot_hold_are_refused(x: Any, v: Any) -> None:
    for method in ("set", "add", "multiply"):
        with pytest.raises(ArgumentError, match="Convert first"):
            getattr(tape_ad.at(x)[0], method)(v)


def test_values_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        Tensor(X).at[0].set(np.ones(2))


def test_assigning_to_at_is_refused_with_the_spelling() -> None:
    with pytest.raises(MutationError, match=r"t = t\.at\[i\]\.set\(v\)"):
        Tensor(X).at[0] = 1.0


def test_a_loop_of_updates_has_the_derivative_of_the_recurrence() -> None:
    def f(x: Any) -> Any:
        for i in range(1, 4):
            x = tape_ad.at(x)[i].set(x[i - 1] * x[i])
        return x[3]

    check_grads(f, (np.array([1.5, 2.0, -0.5, 3.0]),), order=2)


def refusals() -> list[tuple[Callable[[Any], Any], str, Callable[[Any], Any]]]:
    """Calls that write in place, the remedy that each message names, and what NumPy's call does to a copy."""
    i, m, v = np.array([0, 0]), np.eye(3) > 0, 2.0
    return [
        (lambda t: t.__setitem__(0, v), "t = t.at[0].set(v)", lambda a: a.__setitem__(0, v)),
        (lambda t: np.put(t, i, v), "t = t.ravel().at[i].set(v).reshape(t.shape)", lambda a: np.put(a, i, v)),
        (lambda t: np.place(t, m, [v]), "t = t.at[m].set(v)", lambda a: np.place(a, m, [v])),
        (lambda t: np.fill_diagonal(t, v), "t = t.at[np.diag_indices(n)].set(v)", lambda a: np.fill_diagonal(a, v)),
        (lambda t: np.add.at(t, i, v), "t = t.at[i].add(v)", lambda a: np.add.at(a, i, v)),
        (lambda t: np.minimum.at(t, i, v), "t = t.at[i].min(v)", lambda a: np.minimum.at(a, i, v)),
        (lambda t: np.negative.at(t, i), "t = t.at[i].apply(np.negative)", lambda a: np.negative.at(a, i)),
        (lambda t: np.hypot.at(t, 0, v), "t = t.at[i].set(np.hypot(t[i], v))", lambda a: np.hypot.at(a, 0, v)),
    ]


@pytest.mark.parametrize(("call", "remedy", "inplace"), refusals())
def test_what_writes_in_place_is_refused_and_the_remedy_does_the_same(call: Any, remedy: str, inplace: Any) -> None:
    start = np.arange(9.0).reshape(3, 3)
    expected = start.copy()
    inplace(expected)
    with pytest.raises(MutationError) as caught:
        call(Tensor(start, autograd=True))
    names = {
        "t": Tensor(start, autograd=True),
        "v": 2.0,
        "i": 0 if "hypot" in remedy else np.array([0, 0]),
        "m": np.eye(3) > 0,
        "n": 3,
        "np": np,
    }
    exec(remedy, {}, names)  # noqa: S102 - the text is our own

    assert remedy.replace("[m]", "[mask]") in str(caught.value)
    np.testing.assert_array_equal(expected, names["t"].data)


def test_indices_of_diagonals_and_triangles_are_plain() -> None:
    t = Tensor(np.eye(3), autograd=True)
    for function in (np.diag_indices_from, np.tril_indices_from, np.triu_indices_from):
        np.testing.assert_array_equal(function(t.data), function(t))
        expected = function(t.data)
        actual = vmap(lambda x, function=function: x[function(x)])(np.ones((2, 3, 3)))

        assert (2, len(expected[0])) == actual.shape


# --- tape_ad.numpy --------------------------------------------------------------------------------------------------
def test_an_array_of_nested_lists_has_numpys_value_and_the_derivative_of_its_elements() -> None:
    a, b, row = np.float64(2.0), np.float32(0.5), np.array([3.0, 4.0])
    spellings: list[Callable[[Any, Any, Any, Any], Any]] = [
        lambda m, a, b, row: m.array([a, 1.0]), lambda m, a, b, row: m.array([[a, b], [1, 2]]), lambda m, a, b, row: m.array([row, [a, b]]),
        lambda m, a, b, row: m.array([[row, row], [[a, 1], [b, a]]]), lambda m, a, b, row: m.array((a, True), ndmin=3), lambda m, a, b, row: m.array([a, b], dtype=np.float32),
        lambda m, a, b, row: m.asarray(row), lambda m, a, b, row: m.asarray([a], dtype=complex), lambda m, a, b, row: m.ascontiguousarray(a), lambda m, a, b, row: m.asfortranarray([row]), lambda m, a, b, row: m.asanyarray([[a]]),
        lambda m, a, b, row: m.stack([row, [a, b]], axis=1), lambda m, a, b, row: m.concatenate([[a, b], row]), lambda m, a, b, row: m.hstack([a, [b, 1.0]]), lambda m, a, b, row: m.vstack([[a, b], row]), lambda m, a, b, row: m.column_stack([[a, b], row]), lambda m, a, b, row: m.dstack([[a, b], row]),
        lambda m, a, b, row: m.append(row, [a, b]), lambda m, a, b, row: m.insert(row, 1, [a, b]), lambda m, a, b, row: m.full((2, 2), a), lambda m, a, b, row: m.full(2, row, dtype=np.float32), lambda m, a, b, row: m.full_like(row, b), lambda m, a, b, row: m.full_like(row, a, shape=(1, 3)),
        lambda m, a, b, row: m.pad(np.ones(2), 1, constant_values=a), lambda m, a, b, row: m.pad(row, 1, "linear_ramp", end_values=(a, b)), lambda m, a, b, row: m.piecewise(np.array([1.0, -1.0]), [np.array([True, False])], [lambda z: z * 2.0, a]), lambda m, a, b, row: m.apply_along_axis(lambda z: z * 2.0, 0, row),
        lambda m, a, b, row: m.linalg.norm(row) if m is np else m.sqrt(m.sum(row * row)),
    ]  # fmt: skip
    for spelling in spellings:
        expected = spelling(np, a, b, row)
        plain = spelling(tnp, a, b, row)
        actual = spelling(tnp, Tensor(a, autograd=True), Tensor(b, autograd=True), Tensor(row, autograd=True))

        assert not isinstance(plain, Tensor)
        assert bits(expected) == bits(plain)
        assert bits(expected) == bits(actual)
        if expected.dtype == np.float64:
            check_grads(lambda a, b, row, s=spelling: total(s(tnp, a, b, row)), (a, np.float64(b), row), order=2)


def test_arrays_are_built_inside_vmap() -> None:
    xs = np.array([1.0, 2.0, 3.0])

    assert [[1.0, 1.0], [2.0, 4.0], [3.0, 9.0]] == vmap(lambda x: tnp.array([x, x * x]))(xs).tolist()


def test_functions_that_return_tensors_of_a_plain_array_keep_their_gradient() -> None:
    def f(t: Any) -> Any:
        x = np.array([1.0, -2.0])
        pieces = tnp.piecewise(x, [x > 0], [lambda z: z * t, lambda z: z * t * t])
        return np.sum(pieces) + np.sum(tnp.apply_along_axis(lambda row: row * t, 0, x))

    check_grads(f, (np.float64(1.5),), order=2)


def test_every_other_name_is_numpys_own() -> None:
    modules = ("linalg", "fft", "random")
    names = [n for n in dir(np) if not n.startswith("_") and n not in (*tnp.__all__, *modules)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that NumPy is about to remove

        assert [] == [name for name in names if getattr(tnp, name) is not getattr(np, name)]
    assert set(names) <= set(dir(tnp))
    for module in modules:
        ours, theirs = getattr(tape_ad.numpy, module), getattr(np, module)
        assert [] == [name for name in theirs.__all__ if getattr(ours, name) is not getattr(theirs, name)]
    with pytest.raises(AttributeError):
        _ = tnp.nothing_of_this_name


def test_filling_integers_with_a_tensor_is_refused() -> None:
    with pytest.raises(ArgumentError, match="cannot hold"):
        tnp.full_like(np.arange(3), Tensor(1.5, autograd=True))


def test_numpys_own_array_of_tensors_is_refused_with_the_way_out() -> None:
    with pytest.raises(ConversionError, match="stack"):
        np.array([Tensor(1.0, autograd=True), 1.0])


def test_lists_of_different_lengths_side_by_side_are_no_array() -> None:
    with pytest.raises(ValueError, match="lengths 1 and 2"):
        tnp.array([[Tensor(1.0)], [1.0, 2.0]])
