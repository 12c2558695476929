"""The generated laws, over the op table: a new op is tested by being declared."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, strategies as st

import tape_ad
from tape_ad import Tape, Tensor
from tape_ad._cases import Case
from tape_ad._core import DOORS, TABLE, Op
from tape_ad._rules import DISTINCT, Expansion
from tape_ad._stacked import pointwise
from tape_ad.testing import check_case, check_grads, check_op, check_record, doors_tried
from tests.mutate import Mutant, mutants
from tests.strategies import arrays, broadcastable, shapes
from tests.test_manipulation_ops import USES
from tests.test_rest_ops import USES as MORE_USES

# What is no function of arrays alone has no cases; tests of its own module try it.
OUTSIDE_ARRAYS = {"batch", "unpack", "call_with_vjp", "call_with_jvp", "recompute", "implicit_solution", "exact_once"}
OPS = [op for op in TABLE.values() if op.name not in OUTSIDE_ARRAYS and op.forward.__module__.startswith("tape_ad.")]
# What a function of another signature, or an index in brackets, stands in front of.
INTERNAL = {
    "argument",
    "concat",
    "expand_dims",
    "permute_dims",
    "repeat",
    "reshape",
    "squeeze",
    "stack",
    "tile",
    "mean",
    "std",
    "var",
    "astype",
    "bessel_ratio",
    "complex_sign",
    "gather",
    "place_add",
    "unbatch",
    "characteristic_polynomial",
    "choose_between",
    "clip_between",
    "correlation",
    "covariance",
    "distance_between",
    "einsum",
    "elements_at",
    "evenly_spaced",
    "fitted_polynomial",
    "getitem",
    "interp_between",
    "masked_nan_reduction",
    "euclidean_norm",
    "neighbour_difference",
    "padded",
    "masked_reduction",
    "moment_about_mean",
    "log_sum_exp",
    "round_to",
    "ranked_positions",
    "fold",
    "fold_at",
    "fold_without_slope",
    "running",
    "scatter_add",
    "eigh",
    "eigvalsh",
    "matching",
    "matrix_power",
    "matrix_rank",
    "pinv",
    "qr_r",
    "svd",
    "svdvals_hermitian",
    "vecdot",
    "add_at",
    "pad_with",
    "set_at",
    "set_positions",
    "select_between",
    "slopes_along",
    "spaced_by_factors",
    "weighted_average",
    "weighted_histogram",
    "weighted_quantile",
}

every_op = pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)


@pytest.mark.parametrize(("op", "case"), [(op, case) for op in OPS for case in op.cases], ids=str)
def test_every_case_obeys_the_laws_of_value_and_derivative(op: Op[Any], case: Case) -> None:
    check_case(op, case)


@every_op
def test_every_op_has_cases_and_a_record_that_reads_like_a_function(op: Op[Any]) -> None:
    check_record(op)

    assert op.cases


@every_op
def test_the_public_name_is_the_record(op: Op[Any]) -> None:
    if op.forward.__module__ == "tape_ad.ops.fft":
        assert getattr(tape_ad.fft, op.name) is op
    elif op.name in INTERNAL or op.name == "stop_gradient":  # whose public function takes nests
        assert getattr(tape_ad, op.name, None) is not op
    else:
        assert getattr(tape_ad, op.name, None) is op or getattr(tape_ad.linalg, op.name) is op


@every_op
def test_every_numpy_function_of_an_op_is_called_by_some_case(op: Op[Any]) -> None:
    tried = set().union(*[doors_tried(op, case) for case in op.cases])

    assert set(op.numpy) - tried == set()


@every_op
def test_a_differentiable_op_has_a_case_with_elements_to_differentiate(op: Op[Any]) -> None:
    sizes = [np.prod(shape) for case in op.cases for shape in case.shapes]

    assert not op.tracks or max(sizes) > 0


@pytest.mark.parametrize("mutant", mutants(OPS), ids=str)
def test_the_laws_notice_a_rule_that_is_wrong_by_a_thousandth(mutant: Mutant) -> None:
    assert mutant.is_caught()


ELEMENTWISE = [
    op
    for op in OPS
    if op.batched is pointwise and (op.kind == "elementwise" or (op.kind == "linear" and op.arity == 2))
]


@given(st.sampled_from(ELEMENTWISE), st.data(), st.integers(0, 2**32 - 1))
def test_elementwise_ops_obey_the_laws_whatever_the_shapes(op: Op[Any], data: st.DataObject, seed: int) -> None:
    case = Case(data.draw(broadcastable(op.arity)))

    check_case(op, case, seed=seed)


REDUCTIONS = [
    op
    for op in OPS
    if op.tracks
    and op.arity == 1
    and {"axis", "keepdims"} <= set(op.params)
    and "function" not in op.params
    and op.name != "norm"  # of one or two axes
]


@given(st.sampled_from(REDUCTIONS), st.data(), st.integers(0, 2**32 - 1))
def test_reductions_obey_the_laws_whatever_the_axes(op: Op[Any], data: st.DataObject, seed: int) -> None:
    shape = data.draw(shapes.filter(all))
    axes = list(range(-len(shape), len(shape)))
    some = st.lists(st.sampled_from(axes), unique_by=lambda i: i % len(shape)).map(tuple) if axes else st.just(())
    params = {"axis": data.draw(st.none() | some), "keepdims": data.draw(st.booleans())}

    # NumPy warns about a line of nothing but NaN, so what leaves them out gets none here.
    domains = (DISTINCT,) if op.name.startswith("nan") else ()
    check_case(op, Case((shape,), params, domains), seed=seed)


@given(arrays(shapes.filter(bool)), st.data())
def test_reading_by_index_obeys_the_laws_whatever_the_index(x: Any, data: st.DataObject) -> None:
    positions = [
        st.integers(-n, n - 1) | st.lists(st.integers(-n, n - 1), max_size=3) if n else st.just([]) for n in x.shape
    ]
    parts = [
        st.slices(n) | st.none() | st.just(Ellipsis) | position for n, position in zip(x.shape, positions, strict=True)
    ]
    index = tuple(data.draw(part) for part in parts)
    try:
        x[index]
    except IndexError:  # two ellipses, or lists that do not broadcast
        with pytest.raises(IndexError):
            Tensor(x, autograd=True)[index]
        return

    check_case(TABLE["getitem"], Case((x.shape,), {"index": index}))


# --- kinks ----------------------------------------------------------------------------------------------------------
KINKS: dict[str, list[tuple[Any, ...]]] = {
    "abs": [(0.0,)],
    "maximum": [(1.0, 1.0), (-0.5, -0.5)],
    "minimum": [(1.0, 1.0)],
    "max": [([1.0, 3.0, 3.0],), ([[2.0, 0.5], [2.0, 1.0]],)],
    "min": [([1.0, 1.0, 3.0],)],
    "hypot": [(0.0, 0.0)],
    "std": [([2.0, 2.0, 2.0],)],
    "clip_between": [(1.0, 1.0, 2.0), (2.0, 1.0, 2.0), (0.5, 1.0, 2.0)],
    "prod": [([0.0, 2.0, 3.0],), ([0.0, 2.0, 0.0],)],
}


@pytest.mark.parametrize(("name", "point"), [(name, p) for name in KINKS for p in KINKS[name]], ids=str)
def test_at_a_kink_the_derivative_is_the_symmetric_one_in_both_modes(name: str, point: tuple[Any, ...]) -> None:
    """Along each axis by itself, the derivative is what central differences give."""
    op, step = TABLE[name], 1e-4
    for i in range(len(point)):
        leaves = [Tensor(np.array(x), autograd=True) for x in point]
        out = op(*leaves)
        x = leaves[i].data
        backward = np.asarray(Tape.of(out).backward()[leaves[i]])
        for element in np.ndindex(x.shape):
            tangent = np.zeros(x.shape)
            tangent[element] = 1.0
            (forward,) = Tape.of(out).pushforward({leaves[i]: tangent})
            datas = [np.array(p, dtype=float) for p in point]
            up, down = (
                op(*[d + h * tangent if j == i else d for j, d in enumerate(datas)]).data for h in (step, -step)
            )
            expected = (up - down) / (2 * step)

            assert (expected, expected) == (
                pytest.approx(backward[element], abs=1e-7),
                pytest.approx(forward, abs=1e-7),
            )


def test_many_equal_extremes_share_the_derivative_evenly() -> None:
    x = Tensor([1.0, 3.0, 3.0, 3.0], autograd=True)

    assert [0.0, 1 / 3, 1 / 3, 1 / 3] == np.max(x).backward()[x].tolist()


# --- functions that are written out in ops --------------------------------------------------------------------------
WRITTEN_OUT: dict[str, tuple[Callable[..., Any], list[Callable[..., Any]]]] = {
    "average": (np.average, [lambda f, x, y: f(x, axis=1), lambda f, x, y: f(x, weights=y * y + 1)]),
    "bincount": (np.bincount, [lambda f, x, y: f([0, 2, 0], weights=x[0], minlength=4)]),
    "choose": (np.choose, [lambda f, x, y: f([0, 1, 0], [x, y]), lambda f, x, y: f([0, 3, -1], [x, y], mode="clip")]),
    "compress": (np.compress, [lambda f, x, y: f([True, False, True], x, axis=1), lambda f, x, y: f([False, True], x)]),
    "corrcoef": (np.corrcoef, [lambda f, x, y: f(x), lambda f, x, y: f(x, y, rowvar=False)]),
    "cov": (np.cov, [lambda f, x, y: f(x, y, ddof=0), lambda f, x, y: f(x, rowvar=False, fweights=[1, 2]), lambda f, x, y: f(x, aweights=y[0] ** 2)]),
    "diff": (np.diff, [lambda f, x, y: f(x), lambda f, x, y: f(x, n=2, axis=0, prepend=y, append=y[:1])]),
    "ediff1d": (np.ediff1d, [lambda f, x, y: f(x), lambda f, x, y: f(x, to_end=y, to_begin=y[0])]),
    "extract": (np.extract, [lambda f, x, y: f(np.eye(2, 3) > 0, x)]),
    "gradient": (np.gradient, [lambda f, x, y: f(x)[1], lambda f, x, y: f(x, [0.0, 0.5, 1.5], axis=1, edge_order=2)]),
    "histogram": (np.histogram, [lambda f, x, y: f([0.1, 0.4, 0.9], 2, (0, 1), weights=x[0])[0], lambda f, x, y: f([0.1, 0.4, 0.9], [0.0, 0.3, 1.0], density=True, weights=x[0] ** 2 + 1)[0], lambda f, x, y: f(x, 3)[1] * 2, lambda f, x, y: f(x, 2, density=True)[0], lambda f, x, y: f(0.1 * x, 2, (-1 - x[0, 0] ** 2, 1 + y[0, 0] ** 2), density=True)[0], lambda f, x, y: f(x, np.arange(3) + 0.1 * y[0], density=True)[0], lambda f, x, y: f(x[0, 0], 2)[1] * 2]),
    "histogram_bin_edges": (np.histogram_bin_edges, [lambda f, x, y: f(x), lambda f, x, y: f(x, "fd", weights=None), lambda f, x, y: f([0.1, 0.4], 2, range=(x[0, 0], x[0, 0] + y[0, 0] ** 2)), lambda f, x, y: f(x, np.arange(3) + 0.1 * y[0])]),
    "interp": (np.interp, [lambda f, x, y: f(x, [-1.0, 0.1, 2.0], y[0]), lambda f, x, y: f(x, [0.1, 0.4, 0.9], y[0], period=1.3)]),
    "polyadd": (np.polyadd, [lambda f, x, y: f(x[0], y[0, :2])]),
    "polyder": (np.polyder, [lambda f, x, y: f(x[0]), lambda f, x, y: f(x[0], 2)]),
    "polyfit": (np.polyfit, [lambda f, x, y: f(x[0], y[0], 1), lambda f, x, y: f([0.0, 1.0], x, 1, w=y[:, 0])]),
    "polyint": (np.polyint, [lambda f, x, y: f(x[0]), lambda f, x, y: f(x[0], 2, k=y[0, :2])]),
    "polymul": (np.polymul, [lambda f, x, y: f(x[0], y[0])]),
    "polysub": (np.polysub, [lambda f, x, y: f(x[0, :2], y[0])]),
    "polyval": (np.polyval, [lambda f, x, y: f(x[0], y)]),
    "select": (np.select, [lambda f, x, y: f([x > 0, y > 0], [x * y, y], 2.0), lambda f, x, y: f([x > 0], [y], x)]),
    "take": (np.take, [lambda f, x, y: f(x, [2, 0, 2], axis=1), lambda f, x, y: f(x, 4)]),
    "trapezoid": (np.trapezoid, [lambda f, x, y: f(x, dx=0.5), lambda f, x, y: f(x, y, axis=0)]),
    "vander": (np.vander, [lambda f, x, y: f(x[0]), lambda f, x, y: f(x[0], 2, increasing=True)]),
    "array_split": (np.array_split, [lambda f, x, y: f(x, 2)[1], lambda f, x, y: f(x, [1, 2], 1)[2], lambda f, x, y: f(x, 3, axis=-1)[0]]),
    "split": (np.split, [lambda f, x, y: f(x, 2)[1], lambda f, x, y: f(x, [1], axis=1)[0], lambda f, x, y: f(x, 3, 1)[2]]),
    "clip": (np.clip, [lambda f, x, y: f(x, -0.1, 0.2), lambda f, x, y: f(x, None, y), lambda f, x, y: f(x, 0.05, None), lambda f, x, y: f(x, min=y, max=1.0)]),
    "einsum": (np.einsum, [lambda f, x, y: f("ij,kj->ik", x, y), lambda f, x, y: f("ij,ij", x, y, optimize=True)]),
    "moveaxis": (np.moveaxis, [lambda f, x, y: f(x, 0, -1) @ y, lambda f, x, y: f(x, (0, 1), (1, 0))]),
    "real_if_close": (np.real_if_close, [lambda f, x, y: f(x), lambda f, x, y: f(x + 1j * y, tol=1e9), lambda f, x, y: np.real(f(x + 1j * y) * (2 + 1j)), lambda f, x, y: f(x + 1e-20j)]),
    "swapaxes": (np.swapaxes, [lambda f, x, y: f(x, 0, 1) @ y]),
    "transpose": (np.transpose, [lambda f, x, y: f(x) @ y, lambda f, x, y: f(x, (1, 0))]),
    "ravel": (np.ravel, [lambda f, x, y: f(x), lambda f, x, y: f(x, order="F")]),
}  # fmt: skip
TRIED_ELSEWHERE = {function.__name__ for function in (*USES, *MORE_USES)} | {
    "matrix_transpose",
    "vecdot",
}  # in test_linalg_ops
PUBLIC_FUNCTIONS = [
    name for name in tape_ad.__all__ if isinstance(getattr(tape_ad, name), Expansion) and name not in TRIED_ELSEWHERE
]


@pytest.mark.parametrize("name", PUBLIC_FUNCTIONS)
def test_a_function_written_out_in_ops_has_numpys_value_and_the_right_derivatives(name: str) -> None:
    ours, (numpys, calls) = getattr(tape_ad, name), WRITTEN_OUT[name]
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 2, 3))

    for use in calls:
        for f in (ours, numpys):
            actual = use(f, Tensor(x, autograd=True), Tensor(y, autograd=True)).data
            expected = use(numpys, x, y)

            assert (expected.tobytes(), expected.shape) == (actual.tobytes(), actual.shape)
            check_grads(lambda a, b, use=use, f=f: use(f, a, b), (x, y), order=2)


def test_every_function_written_out_in_ops_is_public_and_tried() -> None:
    behind_doors = {record.name for record, _ in DOORS.values() if isinstance(record, Expansion)}

    assert set(WRITTEN_OUT) == {getattr(tape_ad, name).name for name in PUBLIC_FUNCTIONS}
    assert behind_doors - set(WRITTEN_OUT) - TRIED_ELSEWHERE == set()
    assert [] == [name for name in TRIED_ELSEWHERE if not hasattr(tape_ad, name)]


# --- the laws notice ------------------------------------------------------------------------------------------------
def _plain(x: Any) -> Any:
    return x.data if isinstance(x, Tensor) else x


def _writes(xp: Any, x: Any, /) -> Any:
    """Return the sine, in place."""
    return np.sin(x, out=x)


def _wide(xp: Any, x: Any, /) -> Any:
    """Return the sine in double precision."""
    return np.sin(x, dtype=complex if np.iscomplexobj(x) else float)


sin, matmul, prod = TABLE["sin"], TABLE["matmul"], TABLE["prod"]
BROKEN = {
    "a slope that is wrong": (evolve(sin, partials=(lambda xp, out, x: -xp.cos(x),)), "forward mode"),
    "a slope that leaves the tensor namespace": (
        evolve(sin, partials=(lambda xp, out, x: np.cos(_plain(x)),)),
        "second order",
    ),
    "a slope of another shape": (evolve(sin, partials=(lambda xp, out, x: xp.sum(xp.cos(x)),)), "sin"),
    "a value that is off by one bit": (
        evolve(sin, compute=lambda x: np.nextafter(np.sin(x), 2).astype(x.dtype)),
        "bit for bit",
    ),
    "a value of another precision": (evolve(sin, compute=lambda x: _wide(np, x), numpy={}), "float64"),
    "modes that are not transposes": (
        evolve(prod, vjps=(lambda xp, ct, out, x, axis, keepdims=False: x * 0,)),
        "gradient",
    ),
    "a transpose that is swapped": (evolve(matmul, vjps=matmul.vjps[::-1]), "matmul"),
    "a derivative where there is none": (
        evolve(TABLE["floor"], tracks=True, partials=(lambda xp, out, x: 1.0,)),
        "forward mode",
    ),
    "a signature that lacks a parameter": (evolve(sin, params=("axis",)), "lacks"),
    "no cases": (evolve(sin, cases=()), "no cases"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_laws_notice_an_op_that_is_broken(what: str) -> None:
    op, text = BROKEN[what]

    with pytest.raises((AssertionError, tape_ad.RuleError), match=text):
        check_op(op)


def test_the_laws_notice_an_op_that_writes_what_it_is_given() -> None:
    with pytest.raises(ValueError, match="read-only") as caught:
        check_op(evolve(sin, forward=_writes, compute=lambda x: _writes(np, x), numpy={}))

    assert any("sin" in note for note in caught.value.__notes__)


def test_a_broken_law_names_op_case_operand_element_and_both_numbers() -> None:
    op = evolve(TABLE["multiply"], partials=(lambda xp, out, x, y: y, lambda xp, out, x, y: 2 * x))

    with pytest.raises(
        AssertionError,
        match=r"multiply\(\(3,\), \(3,\)\): forward mode, operand 1, element \(\d,\): the rule gives .+, central differences .+",
    ):
        check_op(op)


def test_check_grads_notices_a_wrong_derivative_in_either_mode_and_of_second_order() -> None:
    wrong = evolve(sin, partials=(lambda xp, out, x: 1.001 * xp.cos(x),))
    flat = evolve(sin, partials=(lambda xp, out, x: np.cos(_plain(x)),))
    x = np.array([0.3, -1.2])

    for modes in (("fwd",), ("rev",)):
        with pytest.raises(AssertionError, match="central differences"):
            check_grads(lambda x: wrong(x) * 2, (x,), modes=modes)
        check_grads(lambda x: flat(x) * 2, (x,), order=1, modes=modes)
    with pytest.raises(AssertionError, match="second order"):
        check_grads(lambda x: flat(x) * x, (x,), order=2)


def test_check_grads_tries_every_argument_of_floating_point() -> None:
    wrong = evolve(TABLE["multiply"], partials=(lambda xp, out, x, y: y, lambda xp, out, x, y: 1.001 * x))

    check_grads(lambda x, n: np.sum(x * n), (np.array([1.0, 2.0]), np.array([1, 2])), order=2)
    with pytest.raises(AssertionError, match="argument 1"):
        check_grads(wrong, (np.array([1.0, 2.0]), np.array([1.0, 2.0])))
