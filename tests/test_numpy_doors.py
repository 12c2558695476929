"""Through every door a tensor gives NumPy's value: bits, dtype, shape and type of result; and where NumPy refuses, so do we."""

import functools
import operator
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tape_ad import Tensor
from tape_ad._core import DOORS, TABLE, TENSORS, UFUNCS

Call: TypeAlias = Callable[..., Any]
drawn: Any = np
"""NumPy, where what it is called with is drawn and so beyond a type checker."""

DTYPES = tuple(np.dtype(code) for code in ("f8", "f4", "f2", "i8", "i4", "u1", "?", "c16", "c8"))
LAYOUTS = ("C", "F", "reversed", "strided", "broadcast")
NUMBERS = (0, 1, 2, -3, True, 2.0, 0.5, -1.25, 1 + 2j)


# --- what is drawn and how it is compared ---------------------------------------------------------------------------
def laid_out(array: Any, layout: str) -> Any:
    """Return a read-only array with the same elements in another place in memory; the broadcast one repeats its first row."""
    if layout == "F":
        array = np.asfortranarray(array)
    elif layout == "reversed" and array.ndim:
        array = np.flip(np.flip(array).copy())
    elif layout == "strided" and array.ndim:
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        wide[..., ::2] = array
        array = wide[..., ::2]
    elif layout == "broadcast" and array.ndim and len(array):
        array = np.broadcast_to(array[:1], array.shape)
    array = array.view()
    array.setflags(write=False)
    return array


@st.composite
def arrays(draw: st.DrawFn, shape: Any = None, dtypes: Any = DTYPES, min_dims: int = 0) -> Any:
    """Draw a read-only array of any dtype, shape and layout; some elements are exact small integers."""
    dtype = draw(st.sampled_from(dtypes))
    if shape is None:
        shape = hnp.array_shapes(min_dims=min_dims, max_dims=3, min_side=0, max_side=4)
    shape = draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    numbers = np.where(rng.random(shape) < 0.3, rng.integers(-2, 3, shape), 2 * rng.standard_normal(shape))
    if dtype.kind == "c":
        numbers = numbers + 1j * rng.standard_normal(shape)
    if dtype.kind in "ub":
        numbers = np.abs(numbers)
    return laid_out(np.asarray(numbers).astype(dtype), draw(st.sampled_from(LAYOUTS)))


def tensor(x: Any) -> Any:
    """Return a tensor that holds exactly this value, tracked where it can be."""
    inexact = np.asarray(x).dtype.kind in "fc"
    return Tensor(x, autograd=inexact)


def shown(x: Any) -> Any:
    """Return everything that can be seen of a value: type, dtype, shape, bits."""
    if isinstance(x, Tensor):
        x = x.data
    if isinstance(x, (list, tuple)):
        return [shown(part) for part in x]
    array = np.asarray(x)
    assert array.dtype != object

    return type(x), array.dtype, array.shape, array.tobytes()


def outcome(call: Call) -> Any:
    """Return what a call gives, or that it refuses."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return shown(call())
        except (TypeError, ValueError, IndexError, OverflowError, ZeroDivisionError):
            return "refused"


def axes(ndim: int, *, single: bool = False, none: bool = True) -> st.SearchStrategy[Any]:
    """Draw axes in any spelling, some of them out of bounds."""
    one: st.SearchStrategy[Any] = st.integers(-ndim, max(ndim - 1, 0))
    choices = [one, one.map(np.int64)] + ([st.none()] if none else [])
    if not single:
        choices.append(st.lists(one, max_size=ndim, unique_by=lambda a: a % max(ndim, 1)).map(tuple))
    return st.one_of(*choices, st.just(ndim)) if ndim else st.one_of(*choices)


# --- ufuncs ---------------------------------------------------------------------------------------------------------
ALL_UFUNCS = sorted({f for f in DOORS if isinstance(f, np.ufunc)}, key=lambda f: f.__name__)
ELEMENTWISE_UFUNCS = [f for f in ALL_UFUNCS if f.signature is None]


def broadcastable(draw: st.DrawFn, count: int) -> list[Any]:
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, min_side=0, max_side=3)).input_shapes
    return [draw(arrays(shape=shape)) for shape in shapes]


@pytest.mark.parametrize("ufunc", ELEMENTWISE_UFUNCS, ids=lambda f: f.__name__)
@settings(max_examples=25)
@given(st.data())
def test_a_ufunc_gives_numpys_bits_by_numpys_name_and_by_the_op(ufunc: np.ufunc, data: st.DataObject) -> None:
    operands = data.draw(st.composite(broadcastable)(ufunc.nin))
    scalars = data.draw(
        st.lists(st.one_of(st.none(), st.sampled_from(NUMBERS)), min_size=ufunc.nin, max_size=ufunc.nin)
    )
    if not all(s is not None for s in scalars):
        operands = [x if s is None else s for x, s in zip(operands, scalars, strict=True)]
    raw = data.draw(st.integers(0, ufunc.nin - 1)) if ufunc.nin > 1 else -1
    given_ = [x if i == raw else tensor(x) for i, x in enumerate(operands)]
    expected = outcome(lambda: ufunc(*operands))

    assert expected == outcome(lambda: ufunc(*given_))
    assert expected == outcome(lambda: ufunc(*[tensor(x) for x in operands]))
    assert expected == outcome(lambda: DOORS[ufunc][0](*given_))


@pytest.mark.parametrize("ufunc", ELEMENTWISE_UFUNCS, ids=lambda f: f.__name__)
@settings(max_examples=20)
@given(st.data())
def test_the_keywords_dtype_casting_and_order_of_a_ufunc_are_numpys(ufunc: np.ufunc, data: st.DataObject) -> None:
    operands = data.draw(st.composite(broadcastable)(ufunc.nin))
    keywords: dict[str, Any] = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "dtype": st.sampled_from(("f8", "f4", "c16", "i8", "?")),
                "casting": st.sampled_from(("same_kind", "safe", "no")),
                "order": st.sampled_from("CFK"),
                "subok": st.booleans(),
            },
        )
    )
    assert outcome(lambda: ufunc(*operands, **keywords)) == outcome(lambda: ufunc(*map(tensor, operands), **keywords))


@pytest.mark.parametrize("ufunc", ELEMENTWISE_UFUNCS, ids=lambda f: f.__name__)
@settings(max_examples=12)
@given(st.data())
def test_where_of_a_ufunc_gives_numpys_bits_under_the_mask(ufunc: np.ufunc, data: st.DataObject) -> None:
    operands = data.draw(st.composite(broadcastable)(ufunc.nin))
    shape = np.broadcast_shapes(*map(np.shape, operands))
    mask = data.draw(hnp.arrays(bool, data.draw(st.sampled_from([shape, shape[1:], ()]))))

    def under(result: Any, plain: Call) -> Any:
        if isinstance(result, tuple):
            return [under(part, plain) for part in result]
        return plain(result)[np.broadcast_to(mask, np.shape(plain(result)))]

    def numpys() -> Any:
        return under(ufunc(*operands, where=mask), np.asarray)

    def ours() -> Any:
        return under(ufunc(*map(tensor, operands), where=tensor(mask)), lambda t: np.asarray(t.data))

    assert outcome(numpys) == outcome(ours)


@pytest.mark.parametrize("ufunc", [f for f in ELEMENTWISE_UFUNCS if f.nin == 2], ids=lambda f: f.__name__)
@settings(max_examples=15)
@given(x=arrays(), y=arrays(), number=st.sampled_from(NUMBERS))
def test_outer_of_a_binary_ufunc_is_numpys(ufunc: np.ufunc, x: Any, y: Any, number: Any) -> None:
    for left, right in ((x, y), (x, number), (number, y)):
        expected = outcome(lambda left=left, right=right: ufunc.outer(left, right))

        assert expected == outcome(lambda left=left, right=right: ufunc.outer(tensor(left), tensor(right)))
        if isinstance(left, np.ndarray):
            assert expected == outcome(lambda left=left, right=right: ufunc.outer(tensor(left), right))
        if isinstance(right, np.ndarray):
            assert expected == outcome(lambda left=left, right=right: ufunc.outer(left, tensor(right)))


REDUCING = (np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or)


@pytest.mark.parametrize("ufunc", REDUCING, ids=lambda f: f.__name__)
@given(st.data())
def test_reduce_of_a_ufunc_is_numpys_with_every_keyword(ufunc: np.ufunc, data: st.DataObject) -> None:
    x = data.draw(arrays())
    keywords: dict[str, Any] = data.draw(
        st.fixed_dictionaries({}, optional={"axis": axes(x.ndim), "keepdims": st.booleans()})
    )
    if ufunc in REDUCING[:4]:
        keywords |= data.draw(
            st.fixed_dictionaries(
                {}, optional={"dtype": st.sampled_from(("f8", "f4", "c16")), "initial": st.sampled_from((0, 1.5, -2))}
            )
        )
    if ufunc in REDUCING[:2] and data.draw(st.booleans()):
        keywords["where"] = data.draw(hnp.arrays(bool, x.shape))

    assert outcome(lambda: ufunc.reduce(x, **keywords)) == outcome(lambda: ufunc.reduce(tensor(x), **keywords))


@given(st.data())
def test_accumulate_of_add_is_numpys(data: st.DataObject) -> None:
    x = data.draw(arrays())
    keywords: dict[str, Any] = data.draw(
        st.fixed_dictionaries(
            {}, optional={"axis": axes(x.ndim, single=True, none=False), "dtype": st.sampled_from(("f8", "f4", "c16"))}
        )
    )

    assert outcome(lambda: np.add.accumulate(x, **keywords)) == outcome(
        lambda: np.add.accumulate(tensor(x), **keywords)
    )


def test_every_ufunc_without_parameters_takes_the_short_way_in() -> None:
    expected = {f for f in ALL_UFUNCS if f not in (np.sign, np.vecdot) and f.nout == 1}

    assert expected == set(UFUNCS)


# --- operators ------------------------------------------------------------------------------------------------------
BINARY = (
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge,
    operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift,
)  # fmt: skip


@pytest.mark.parametrize("op", BINARY, ids=lambda f: f.__name__)
@settings(max_examples=40)
@given(st.data())
def test_an_operator_gives_numpys_bits_with_arrays_and_scalars_on_either_side(op: Call, data: st.DataObject) -> None:
    x, y = data.draw(st.composite(broadcastable)(2))
    if data.draw(st.booleans()):
        y = data.draw(st.one_of(st.sampled_from(NUMBERS), arrays(shape=()).map(lambda a: a[()])))

    assert outcome(lambda: op(x, y)) == outcome(lambda: op(tensor(x), tensor(y)))
    assert outcome(lambda: op(x, y)) == outcome(lambda: op(tensor(x), y))
    assert outcome(lambda: op(x, y)) == outcome(lambda: op(x, tensor(y)))
    assert outcome(lambda: op(y, x)) == outcome(lambda: op(y, tensor(x)))
    assert outcome(lambda: op(y, x)) == outcome(lambda: op(tensor(y), x))


@pytest.mark.parametrize("op", [operator.neg, operator.pos, operator.abs, operator.invert], ids=lambda f: f.__name__)
@given(x=arrays())
def test_an_operator_of_one_operand_gives_numpys_bits(op: Call, x: Any) -> None:
    assert outcome(lambda: op(x)) == outcome(lambda: op(tensor(x)))
    if x.size:
        assert outcome(lambda: op(x.flat[0])) == outcome(lambda: op(tensor(x.flat[0])))


@pytest.mark.parametrize("op", BINARY[:13], ids=lambda f: f.__name__)
@pytest.mark.parametrize("x", [3, 2.5, True, 1 + 1j], ids=repr)
@pytest.mark.parametrize("dtype", ["f4", "f2", "i4", "c8", "u1"])
def test_a_tensor_of_a_python_scalar_is_as_weak_as_the_scalar(op: Call, x: Any, dtype: str) -> None:
    array = np.array([1, 2, 3], dtype)

    assert outcome(lambda: op(array, x)) == outcome(lambda: op(tensor(array), Tensor(x)))
    assert outcome(lambda: op(x, array)) == outcome(lambda: op(Tensor(x), tensor(array)))
    assert outcome(lambda: op(x, array)) == outcome(lambda: op(Tensor(x), array))


def test_a_float32_tensor_times_a_python_float_stays_float32() -> None:
    x = Tensor(np.array([1, 2], np.float32), autograd=True)

    assert (
        np.dtype(np.float32)
        == (x * 2.0).dtype
        == (2.0 * x).dtype
        == np.multiply(x, 2.0).dtype
        == (x * Tensor(2.0)).dtype
    )
    assert np.dtype(np.float32) == (x * Tensor(3.0, autograd=True)).dtype == (x * 2.0).sum().backward()[x].dtype
    assert np.dtype(np.float64) == (x * np.float64(2)).dtype


# --- reductions, by function, by method and by op -------------------------------------------------------------------
REDUCTIONS = ("sum", "prod", "mean", "var", "std", "max", "min", "any", "all")


@pytest.mark.parametrize("name", REDUCTIONS)
@given(st.data())
def test_a_reduction_is_numpys_through_every_door(name: str, data: st.DataObject) -> None:
    x = data.draw(arrays())
    keywords: dict[str, Any] = data.draw(
        st.fixed_dictionaries({}, optional={"axis": axes(x.ndim), "keepdims": st.booleans()})
    )
    if name in REDUCTIONS[:5]:
        keywords |= data.draw(st.fixed_dictionaries({}, optional={"dtype": st.sampled_from(("f8", "f4", "c16"))}))
    if name in {"var", "std"}:
        keywords |= data.draw(st.sampled_from([{}, {"ddof": 1}, {"correction": 1}, {"ddof": 0.5}]))
    function = getattr(np, name)
    expected = outcome(lambda: function(x, **keywords))
    renamed = {"correction" if key == "ddof" else key: value for key, value in keywords.items()}

    assert expected == outcome(lambda: function(tensor(x), **keywords))
    assert expected == outcome(lambda: getattr(tensor(x), name)(**keywords))
    assert expected == outcome(lambda: TABLE[name](tensor(x), **renamed))
    assert expected == outcome(lambda: TABLE[name](x, **renamed))


@pytest.mark.parametrize("name", REDUCTIONS)
@given(st.data())
def test_where_and_initial_of_a_reduction_are_numpys(name: str, data: st.DataObject) -> None:
    x = data.draw(arrays())
    mask = data.draw(hnp.arrays(bool, data.draw(st.sampled_from([x.shape, x.shape[1:], ()]))))
    keywords: dict[str, Any] = {
        "where": mask,
        **data.draw(st.fixed_dictionaries({}, optional={"axis": axes(x.ndim), "keepdims": st.booleans()})),
    }
    if name in {"sum", "prod", "max", "min"}:
        keywords |= data.draw(st.fixed_dictionaries({}, optional={"initial": st.sampled_from((0, 1, 1.5, -2.0))}))
    if name in {"sum", "prod", "mean", "var", "std"}:
        keywords |= data.draw(st.fixed_dictionaries({}, optional={"dtype": st.sampled_from(("f8", "c16"))}))
    if name in {"var", "std"}:
        keywords |= data.draw(st.sampled_from([{}, {"ddof": 1}, {"correction": 1}]))
    function = getattr(np, name)
    expected = outcome(lambda: function(x, **keywords))

    assert expected == outcome(lambda: function(tensor(x), **keywords))
    assert expected == outcome(lambda: getattr(tensor(x), name)(**keywords))
    assert expected == outcome(lambda: function(tensor(x), **{**keywords, "where": tensor(mask)}))


@given(st.data())
def test_positional_arguments_of_a_reduction_are_numpys(data: st.DataObject) -> None:
    x = data.draw(arrays(dtypes=DTYPES[:3]))
    axis, keepdims = data.draw(axes(x.ndim)), data.draw(st.booleans())

    assert outcome(lambda: np.sum(x, axis, "f8", None, keepdims)) == outcome(
        lambda: np.sum(tensor(x), axis, "f8", None, keepdims)
    )
    assert outcome(lambda: np.max(x, axis, None, keepdims, 9)) == outcome(
        lambda: np.max(tensor(x), axis, None, keepdims, 9)
    )
    assert outcome(lambda: np.var(x, axis, None, None, 1, keepdims)) == outcome(
        lambda: np.var(tensor(x), axis, None, None, 1, keepdims)
    )
    assert outcome(lambda: x.sum(axis, "f8", None, keepdims)) == outcome(
        lambda: tensor(x).sum(axis, "f8", None, keepdims)
    )
    assert outcome(lambda: x.std(axis, "f8", None, 1, keepdims)) == outcome(
        lambda: tensor(x).std(axis, "f8", None, 1, keepdims)
    )


@pytest.mark.parametrize("name", ["cumsum", "argmax", "argmin"])
@given(st.data())
def test_a_search_or_running_sum_is_numpys_through_every_door(name: str, data: st.DataObject) -> None:
    x = data.draw(arrays())
    keywords: dict[str, Any] = data.draw(st.fixed_dictionaries({}, optional={"axis": axes(x.ndim, single=True)}))
    extra = {"dtype": st.sampled_from(("f8", "f4", "c16"))} if name == "cumsum" else {"keepdims": st.booleans()}
    keywords |= data.draw(st.fixed_dictionaries({}, optional=extra))
    expected = outcome(lambda: getattr(np, name)(x, **keywords))

    assert expected == outcome(lambda: getattr(np, name)(tensor(x), **keywords))
    assert expected == outcome(lambda: getattr(tensor(x), name)(**keywords))
    assert expected == outcome(lambda: TABLE[name](tensor(x), **keywords))


@given(st.data())
def test_clip_is_numpys_with_any_bounds(data: st.DataObject) -> None:
    x, low, high = data.draw(st.composite(broadcastable)(3))
    choices = (None, -1, 0.5, 1, low)
    low = data.draw(st.sampled_from(choices[:4])) if data.draw(st.booleans()) else low
    high = data.draw(st.sampled_from(choices[:4])) if data.draw(st.booleans()) else high
    expected = outcome(lambda: np.clip(x, low, high))

    assert expected == outcome(lambda: np.clip(tensor(x), low, high))
    assert expected == outcome(lambda: np.clip(tensor(x), a_min=low, a_max=high))
    assert expected == outcome(lambda: np.clip(tensor(x), min=low, max=high))
    assert expected == outcome(lambda: tensor(x).clip(low, high))
    assert expected == outcome(lambda: TENSORS.clip(tensor(x), low, high))
    assert expected == outcome(lambda: np.clip(x, *(None if b is None else tensor(b) for b in (low, high))))


# --- shapes ---------------------------------------------------------------------------------------------------------
def _shapes_of(draw: st.DrawFn, size: int) -> Any:
    """Draw a shape of that many elements, one length perhaps -1."""
    shape: list[int] = []
    rest = size
    while rest > 1 and draw(st.booleans()):
        factor = draw(st.sampled_from([n for n in range(1, rest + 1) if rest % n == 0]))
        shape.append(factor)
        rest //= factor
    shape.append(rest)
    if draw(st.booleans()):
        shape[draw(st.integers(0, len(shape) - 1))] = -1
    return tuple(shape)


@given(st.data())
def test_reshape_and_ravel_read_the_elements_in_numpys_order(data: st.DataObject) -> None:
    x = data.draw(arrays())
    shape = data.draw(st.one_of(st.composite(_shapes_of)(x.size), st.just(-1), st.just([-1]), st.just((5, 2))))
    order, flat = data.draw(st.sampled_from("CFA")), data.draw(st.sampled_from("CFAK"))

    expected = outcome(lambda: drawn.reshape(x, shape, order=order))
    assert expected == outcome(lambda: drawn.reshape(tensor(x), shape, order=order))
    assert expected == outcome(lambda: tensor(x).reshape(shape, order=order))
    if isinstance(shape, tuple):
        assert expected == outcome(lambda: tensor(x).reshape(*shape, order=order))
    assert outcome(lambda: drawn.reshape(x, shape)) == outcome(lambda: TABLE["reshape"](tensor(x), shape))
    expected = outcome(lambda: drawn.ravel(x, flat))
    assert expected == outcome(lambda: drawn.ravel(tensor(x), flat))
    assert expected == outcome(lambda: tensor(x).ravel(flat)) == outcome(lambda: tensor(x).flatten(order=flat))


def _axis_calls(ndim: int) -> dict[str, st.SearchStrategy[tuple[Any, ...]]]:
    """Return, for each function that moves axes or elements, how its further arguments are drawn."""
    one = axes(ndim, single=True, none=False)
    several = axes(ndim)
    order = st.permutations(range(ndim)).map(tuple)
    return {
        "transpose": st.one_of(st.just(()), st.just((None,)), order.map(lambda o: (o,)), st.just(((0, 0),))),
        "swapaxes": st.tuples(one, one),
        "moveaxis": st.one_of(st.tuples(one, one), st.tuples(order, order), st.just(((0, 1), (-1, 0)))),
        "matrix_transpose": st.just(()),
        "expand_dims": st.tuples(st.one_of(one, st.sampled_from([(0,), (0, -1), (1, 2), 7]))),
        "squeeze": st.one_of(st.just(()), several.map(lambda a: (a,))),
        "flip": st.one_of(st.just(()), several.map(lambda a: (a,))),
        "flipud": st.just(()),
        "fliplr": st.just(()),
        "roll": st.one_of(
            st.tuples(st.integers(-5, 5)),
            st.tuples(st.integers(-5, 5), several),
            st.tuples(st.lists(st.integers(-3, 3), min_size=1, max_size=2), several),
        ),
        "tile": st.tuples(st.one_of(st.integers(0, 3), st.lists(st.integers(0, 2), max_size=3), st.just((2, 1)))),
        "repeat": st.one_of(st.tuples(st.integers(0, 3)), st.tuples(st.integers(0, 3), one)),
        "broadcast_to": st.tuples(st.sampled_from([(), 3, (2, 3), (2, 1, 2, 3), (0,)])),
        "array_split": st.one_of(
            st.tuples(st.integers(0, 4)),
            st.tuples(st.integers(1, 4), one),
            st.tuples(st.lists(st.integers(-2, 5), max_size=3), one),
        ),
        "split": st.one_of(
            st.tuples(st.integers(0, 3)),
            st.tuples(st.integers(1, 3), one),
            st.tuples(st.lists(st.integers(-2, 5), max_size=3), one),
        ),
    }


@pytest.mark.parametrize("name", list(_axis_calls(2)))
@given(st.data())
def test_a_function_that_moves_elements_is_numpys_through_every_door(name: str, data: st.DataObject) -> None:
    x = data.draw(arrays(shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)))
    arguments = data.draw(_axis_calls(x.ndim)[name])
    expected = outcome(lambda: getattr(np, name)(x, *arguments))

    assert expected == outcome(lambda: getattr(np, name)(tensor(x), *arguments))
    if hasattr(Tensor, name):
        assert outcome(lambda: getattr(x, name)(*arguments)) == outcome(lambda: getattr(tensor(x), name)(*arguments))


@given(x=arrays())
def test_the_attributes_of_a_tensor_are_those_of_its_array(x: Any) -> None:
    t = tensor(x)

    assert (x.shape, x.ndim, x.size, x.dtype, x.nbytes, x.itemsize) == (
        t.shape,
        t.ndim,
        t.size,
        t.dtype,
        t.nbytes,
        t.itemsize,
    )
    assert outcome(lambda: x.T) == outcome(lambda: t.T)
    assert outcome(lambda: x.mT) == outcome(lambda: t.mT)
    assert outcome(lambda: x.real) == outcome(lambda: t.real) == outcome(lambda: np.real(t))
    assert outcome(lambda: x.imag) == outcome(lambda: t.imag) == outcome(lambda: np.imag(t))
    assert outcome(lambda: np.conj(x)) == outcome(t.conj) == outcome(t.conjugate)


@pytest.mark.parametrize("name", ["concatenate", "stack"])
@given(st.data())
def test_joining_tensors_arrays_and_lists_is_numpys(name: str, data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
    parts = data.draw(st.lists(arrays(shape=shape), min_size=1, max_size=3))
    joined = [
        data.draw(st.sampled_from([tensor, lambda p: p, lambda p: p.tolist() if p.size else p]))(p) for p in parts
    ]
    joined[0] = tensor(parts[0])
    plain = [parts[i] if isinstance(p, (Tensor, np.ndarray)) else p for i, p in enumerate(joined)]
    keywords: dict[str, Any] = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "axis": axes(len(shape) + (name == "stack"), single=True, none=name == "concatenate"),
                "dtype": st.sampled_from(("f8", "c16", "f4")),
                "casting": st.sampled_from(("same_kind", "unsafe", "safe")),
            },
        )
    )
    function = getattr(np, name)

    assert outcome(lambda: function(plain, **keywords)) == outcome(lambda: function(joined, **keywords))
    assert outcome(lambda: function(tuple(plain), **keywords)) == outcome(lambda: function(tuple(joined), **keywords))


@given(st.data())
def test_where_takes_tensors_arrays_and_scalars_in_each_place(data: st.DataObject) -> None:
    condition, x, y = data.draw(st.composite(broadcastable)(3))
    if data.draw(st.booleans()):
        y = data.draw(st.sampled_from(NUMBERS))
    expected = outcome(lambda: np.where(condition, x, y))

    assert expected == outcome(lambda: np.where(tensor(condition), x, y))
    assert expected == outcome(lambda: np.where(condition, tensor(x), y))
    assert expected == outcome(lambda: np.where(condition, x, tensor(y)))
    assert outcome(lambda: np.where(condition)) == outcome(lambda: np.where(tensor(condition)))


@given(x=arrays(), dtype=st.sampled_from(("f8", "f4", "f2", "i8", "?", "c16")))
def test_astype_is_numpys_through_every_door(x: Any, dtype: str) -> None:
    expected = outcome(lambda: x.astype(dtype))

    assert expected == outcome(lambda: np.astype(tensor(x), np.dtype(dtype)))
    assert (
        expected
        == outcome(lambda: tensor(x).astype(dtype))
        == outcome(lambda: TABLE["astype"](tensor(x), np.dtype(dtype)))
    )


# --- products -------------------------------------------------------------------------------------------------------
@st.composite
def matrices(draw: st.DrawFn) -> tuple[Any, Any]:
    """Draw two operands that mostly fit a matrix product."""
    n, m, k = (draw(st.integers(0, 3)) for _ in range(3))
    left = draw(st.sampled_from([(), (k,), (n, k), (2, n, k), (1, n, k)]))
    right = draw(st.sampled_from([(), (k,), (k, m), (2, k, m), (m,)]))
    return draw(arrays(shape=left)), draw(arrays(shape=right))


@pytest.mark.parametrize("function", [np.matmul, operator.matmul, np.dot], ids=["matmul", "@", "dot"])
@given(pair=matrices())
def test_a_matrix_product_is_numpys_in_all_its_shapes(function: Call, pair: tuple[Any, Any]) -> None:
    x, y = pair
    expected = outcome(lambda: function(x, y))

    assert expected == outcome(lambda: function(tensor(x), tensor(y)))
    assert expected == outcome(lambda: function(tensor(x), y)) == outcome(lambda: function(x, tensor(y)))
    if function is np.dot:
        assert expected == outcome(lambda: tensor(x).dot(y))


@given(data=st.data())
def test_tensordot_is_numpys_for_every_spelling_of_its_axes(data: st.DataObject) -> None:
    x, y = (data.draw(arrays(shape=shape)) for shape in ((2, 3, 2), (3, 2, 2)))
    spelled: Any = data.draw(
        st.sampled_from([0, 1, 2, (1, 0), ((1, 2), (0, 1)), ((-2,), (0,)), ([0], [-1]), ((0, 2), (2, 1)), (0, 0)])
    )

    assert outcome(lambda: np.tensordot(x, y, axes=spelled)) == outcome(
        lambda: np.tensordot(tensor(x), y, axes=spelled)
    )
    assert outcome(lambda: np.tensordot(x, y, spelled)) == outcome(lambda: np.tensordot(x, tensor(y), spelled))


@pytest.mark.parametrize("optimize", [False, True, "greedy"])
@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [("ij,jk", ((2, 3), (3, 2))), ("ij,jk->ki", ((2, 3), (3, 2))), ("ii", ((3, 3),)), ("ii->i", ((3, 3),)), ("...j,j", ((2, 2, 3), (3,))),
     ("i...->...", ((2, 3),)), ("i,j,k->kji", ((2,), (3,), (2,))), ("ij , ij -> ", ((2, 3), (2, 3)))],
)  # fmt: skip
@settings(max_examples=8)
@given(data=st.data())
def test_einsum_is_numpys_in_both_spellings(subscripts: str, shapes: Any, optimize: Any, data: st.DataObject) -> None:
    operands = [data.draw(arrays(shape=shape, dtypes=DTYPES[:2] + DTYPES[3:5])) for shape in shapes]
    terms, arrow, result = subscripts.replace(" ", "").partition("->")
    numbered = [
        [Ellipsis if c == "." else ord(c) - ord("i") for c in term.replace("...", ".")]
        for term in [*terms.split(","), result]
    ]
    listed = [part for pair in zip(operands, numbered, strict=False) for part in pair] + (
        [numbered[-1]] if arrow else []
    )
    tensors = [part for pair in zip(map(tensor, operands), numbered, strict=False) for part in pair] + (
        [numbered[-1]] if arrow else []
    )

    expected = outcome(lambda: drawn.einsum(subscripts, *operands, optimize=optimize))
    assert expected == outcome(lambda: drawn.einsum(subscripts, *map(tensor, operands), optimize=optimize))
    assert outcome(lambda: drawn.einsum(*listed)) == outcome(lambda: drawn.einsum(*tensors))


# --- queries --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "query",
    [np.shape, np.ndim, np.size, np.iscomplexobj, np.nonzero, np.zeros_like, np.ones_like, np.isreal, np.count_nonzero, np.argwhere, np.argsort,
     functools.partial(np.full_like, fill_value=2), functools.partial(np.allclose, b=1.0)],
    ids=lambda q: getattr(q, "__name__", None) or q.func.__name__,
)  # fmt: skip
@settings(max_examples=20)
@given(x=arrays(min_dims=1))
def test_a_query_answers_plainly_from_the_data(query: Call, x: Any) -> None:
    answer = query(tensor(x))

    assert not isinstance(answer, Tensor)
    assert outcome(lambda: query(x)) == shown(answer)


def test_results_are_read_only_and_inputs_are_not_written() -> None:
    x = np.arange(6.0).reshape(2, 3)
    before = x.copy()
    t = Tensor(x, autograd=True)
    results: tuple[Any, ...] = (
        np.sin(t),
        t.sum(axis=0),
        t.T,
        np.concatenate([t, x]),
        t[0],
        np.where(x > 1, t, x),
        np.broadcast_to(t, (2, 2, 3)),
    )
    for result in results:
        assert not result.data.flags.writeable

    assert x.flags.writeable
    np.testing.assert_array_equal(before, x)


# --- the doors keep the gradient ------------------------------------------------------------------------------------
X = np.array([[0.5, -1.5, 2.0], [3.0, 0.25, -0.75]])
W = np.array([[1.0, -2.0, 0.5], [4.0, 3.0, -1.0]])


@pytest.mark.parametrize(
    ("by_door", "by_hand"),
    [
        (lambda t: np.add.reduce(t, axis=1), lambda t: t.sum(axis=1)),
        (np.add.reduce, lambda t: t.sum(axis=0)),
        (lambda t: np.multiply.reduce(t, axis=(0, 1), initial=2.0), lambda t: 2.0 * t.prod()),
        (lambda t: np.maximum.reduce(t, axis=None, keepdims=True), lambda t: t.max(keepdims=True)),
        (lambda t: np.add.accumulate(t, axis=1), lambda t: t.cumsum(axis=1)),
        (lambda t: np.multiply.outer(t, W), lambda t: t[:, :, None, None] * W),
        (lambda t: np.divide.outer(W, t), lambda t: W[:, :, None, None] / t),
        (lambda t: np.exp(t, dtype=np.complex128), lambda t: np.exp(t.astype(complex))),
        (lambda t: np.multiply(t, W, where=W > 0), lambda t: np.where(W > 0, t * W, 0.0)),
        (lambda t: np.sum(t, where=W > 0, initial=3.0), lambda t: t[W > 0].sum()),
        (lambda t: np.mean(t, where=W > 0), lambda t: t[W > 0].mean()),
        (lambda t: np.var(t, where=W > 0, ddof=1), lambda t: t[W > 0].var(ddof=1)),
        (lambda t: np.max(t, where=W > 0, initial=-9.0), lambda t: t[W > 0].max()),
        (lambda t: drawn.ravel(t.T, order="K"), lambda t: t.reshape(-1)),
        (lambda t: np.concatenate([t, W], dtype=np.float32, casting="unsafe"), lambda t: t.astype("f4")),
    ],
)
def test_a_call_with_keywords_has_the_gradient_of_the_same_thing_written_out(by_door: Call, by_hand: Call) -> None:
    t = Tensor(X, autograd=True)
    first, second = by_door(t), by_hand(t)
    expected = second.backward(np.ones(second.shape, second.dtype))[t]
    actual = first.backward(np.ones(first.shape, first.dtype))[t]

    np.testing.assert_allclose(actual, expected, rtol=1e-13)


def test_where_of_a_ufunc_takes_no_value_and_no_derivative_outside_the_mask() -> None:
    x = Tensor([-1.0, 0.0, 4.0], autograd=True)
    out = np.sqrt(x, where=x > 0)

    np.testing.assert_array_equal(np.array([0.0, 0.0, 2.0]), out.data)
    np.testing.assert_array_equal(np.array([0.0, 0.0, 0.25]), out.sum().backward()[x])
    np.testing.assert_array_equal(np.zeros(3), np.sqrt(x, where=False).sum().backward()[x])


def test_an_arrays_own_clip_takes_tensor_bounds() -> None:
    array, bound = np.array([0.2, 0.7, 0.9]), Tensor(0.5, autograd=True)

    out = array.clip(bound, 2.0)

    assert out.data.tolist() == [0.5, 0.7, 0.9]
    assert out.sum().backward()[bound] == 1.0
