"""Laws that tie transforms to each other: over random programs, and over all transforms of one another to depth three."""

import itertools
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tape_ad
from tape_ad import (
    Tensor,
    elementwise_grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linear_transpose,
    linearize,
    vhp,
    vjp,
    vmap,
)  # fmt: skip
from tests.strategies import Program, point_of, programs

grad: Any = tape_ad.grad  # the types of transforms are tested in tests/typing
ggnvp: Any = tape_ad.ggnvp
Function = Callable[[Any], Any]


# --- shared by the modules that test transforms -----------------------------------------------------------------------
def normal(*shape: int, seed: int = 0) -> Any:
    """Return normal numbers."""
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


def leaves(nest: Any) -> list[Any]:
    """Return the leaves of a nest."""
    return tape_ad.tree.leaves(nest)


def assert_same(expected: Any, actual: Any, tolerance: float = 1e-9) -> None:
    """Assert that two nests hold the same numbers in the same shapes, and that the second holds no tensors."""
    wanted, found = leaves(expected), leaves(actual)

    assert len(wanted) == len(found)
    assert [np.shape(x) for x in wanted] == [np.shape(x) for x in found]
    assert not any(isinstance(x, Tensor) for x in found)
    for x, y in zip(wanted, found, strict=True):
        np.testing.assert_allclose(y, x, rtol=tolerance, atol=tolerance)


def assert_own(result: Any, *inputs: Any) -> None:
    """Assert that arrays are the caller's own: writable, and sharing memory with no input and not with each other."""
    arrays = [x for x in leaves(result) if isinstance(x, np.ndarray)]

    assert all(x.flags.writeable for x in arrays)
    assert not any(np.shares_memory(x, y) for x, y in itertools.combinations(arrays, 2))
    assert not any(np.shares_memory(x, y) for x in arrays for y in inputs)


def central(f: Callable[..., Any], points: Any, directions: Any, step: float = 1e-6) -> Any:
    """Return the directional derivative by central differences."""

    def at(s: float) -> Any:
        return np.asarray(f(*[p + s * d for p, d in zip(points, directions, strict=True)]))

    return (at(step) - at(-step)) / (2 * step)


def jacobian_of(f: Function, x: Any) -> Any:
    """Return all derivatives with respect to one array by central differences."""
    x = np.asarray(x, float)
    columns = []
    for place in np.ndindex(x.shape):
        unit = np.zeros(x.shape)
        unit[place] = 1.0
        columns.append(central(f, [x], [unit]))
    return np.stack(columns, axis=-1).reshape(columns[0].shape + x.shape)


def directions_of(program: Program, seed: int) -> list[Any]:
    """Return a direction in the arguments of a program."""
    return point_of(program, seed + 1000)


def inner(left: Any, right: Any) -> float:
    """Return the sum of products of all elements."""
    return float(sum(np.sum(x * y) for x, y in zip(leaves(left), leaves(right), strict=True)))


# --- random programs --------------------------------------------------------------------------------------------------
@given(programs(), st.integers(0, 99))
def test_jvp_is_the_central_difference(program: Program, seed: int) -> None:
    points, tangents = point_of(program, seed), directions_of(program, seed)
    value, tangent = jvp(program, points, tangents)

    assert float(program(*points)).hex() == float(value).hex()
    assert pytest.approx(float(central(program, points, tangents)), rel=1e-4, abs=1e-4) == float(tangent)


@given(programs(), st.integers(0, 99), st.floats(-2, 2))
def test_both_modes_are_transposes(program: Program, seed: int, ct: float) -> None:
    points, tangents = point_of(program, seed), directions_of(program, seed)
    _, tangent = jvp(program, points, tangents)
    value, pullback = vjp(program, *points)

    assert float(program(*points)).hex() == float(value).hex()
    assert pytest.approx(ct * float(tangent), rel=1e-9, abs=1e-9) == inner(pullback(ct), tangents)


@given(programs(), st.integers(0, 99))
def test_linearize_is_jvp_bit_for_bit_in_any_number_of_directions(program: Program, seed: int) -> None:
    points = point_of(program, seed)
    value, linearized = linearize(program, *points)
    for k in range(3):
        tangents = directions_of(program, seed + k)
        expected = jvp(program, points, tangents)

        assert [float(x).hex() for x in expected] == [float(value).hex(), float(linearized(*tangents)).hex()]


@settings(max_examples=25)
@given(programs(max_steps=4), st.integers(0, 99))
def test_the_hessian_by_grad_of_grad_is_symmetric_and_is_what_all_products_multiply_by(
    program: Program, seed: int
) -> None:
    points, u = point_of(program, seed), directions_of(program, seed)
    v = directions_of(program, seed + 1)
    everything = tuple(range(len(points)))

    def slope(*xs: Any) -> Any:
        return sum(np.sum(g * d) for g, d in zip(grad(program, everything)(*xs), u, strict=True))

    row = grad(slope, everything)(*points)
    table = hessian(program, everything)(*points)
    by_table = [sum(np.tensordot(block, d, np.ndim(d)) for block, d in zip(part, v, strict=True)) for part in table]
    products = [product(program, points, v) for product in (hvp, vhp)]
    size = max(1.0, *[float(np.max(np.abs(x))) for x in by_table])

    assert pytest.approx(inner(u, by_table), rel=1e-7, abs=1e-7 * size) == inner(row, v)
    for i, j in itertools.combinations_with_replacement(everything, 2):
        rank = np.ndim(points[i])
        other = np.moveaxis(table[j][i], range(np.ndim(points[j])), range(rank, rank + np.ndim(points[j])))
        np.testing.assert_allclose(table[i][j], other, rtol=1e-7, atol=1e-7 * size)
    for product in products:
        assert_same(by_table, [product] if len(points) == 1 else product, 1e-7 * size)


@settings(max_examples=40)
@given(programs(max_steps=5), st.integers(0, 99))
def test_jacfwd_is_jacrev(program: Program, seed: int) -> None:
    points = point_of(program, seed)
    everything = tuple(range(len(points)))

    def several(*xs: Any) -> Any:
        return {"gradient": grad(program, everything)(*xs)[0], "value": program(*xs)}

    assert_same(jacrev(program, everything)(*points), jacfwd(program, everything)(*points), 1e-8)
    assert_same(jacrev(several, everything)(*points), jacfwd(several, everything)(*points), 1e-6)


@settings(max_examples=40)
@given(programs(max_steps=5), st.integers(0, 99))
def test_vmap_is_loop_and_stack_of_values_gradients_and_products(program: Program, seed: int) -> None:
    many = [np.stack(column) for column in zip(*[point_of(program, seed + 7 * k) for k in range(3)], strict=True)]
    everything = tuple(range(len(many)))
    for f in (
        program,
        grad(program, everything),
        lambda *xs: jvp(program, xs, many_directions(program))[1],
        lambda *xs: vjp(program, *xs)[1](0.5),
    ):
        one_by_one = [f(*[x[k] for x in many]) for k in range(3)]
        expected = [np.stack(column) for column in zip(*map(leaves, one_by_one), strict=True)]

        assert_same(expected, leaves(vmap(f)(*many)), 1e-8)


def many_directions(program: Program) -> tuple[Any, ...]:
    """Return one direction, the same for all examples."""
    return tuple(directions_of(program, 5))


@settings(max_examples=40)
@given(programs(max_steps=5), st.integers(0, 99))
def test_the_gradient_of_vmap_is_the_gradient_of_the_loop(program: Program, seed: int) -> None:
    points = point_of(program, seed)
    factors = np.array([0.5, -1.0, 1.5])
    everything = tuple(range(len(points)))

    def mapped(*xs: Any) -> Any:
        return np.sum(vmap(lambda s: program(*[s * x for x in xs]))(factors))

    def looped(*xs: Any) -> Any:
        return sum(program(*[s * x for x in xs]) for s in factors)

    assert_same(grad(looped, everything)(*points), grad(mapped, everything)(*points), 1e-8)


@given(st.integers(0, 99), st.integers(1, 3), st.integers(1, 3))
def test_the_gauss_newton_product_is_the_product_of_its_matrices(seed: int, n: int, m: int) -> None:
    weights, x, v = normal(m, n, seed=seed), normal(n, seed=seed + 1), normal(n, seed=seed + 2)

    def f(x: Any) -> Any:
        return np.tanh(weights @ x)

    def loss(y: Any) -> Any:
        return np.sum(np.exp(y))

    table = jacrev(f)(x)

    assert_same(table.T @ (table @ v), ggnvp(f, (x,), (v,)))
    assert_same(table.T @ (np.diag(np.exp(f(x))) @ (table @ v)), ggnvp(f, (x,), (v,), loss))


# --- all transforms of one another ------------------------------------------------------------------------------------
def _thrice(f: Function) -> Function:
    """Return the derivative, taken out of a batch of three directions."""
    return lambda x: vmap(lambda t: jvp(f, (x,), (t,))[1])(np.array([0.0, 1.0, 2.0]))[1]


DERIVATIVES: Mapping[str, Callable[[Function], Function]] = {
    "grad": grad,
    "value_and_grad": lambda f: lambda x: tape_ad.value_and_grad(f)(x)[1],
    "jvp": lambda f: lambda x: jvp(f, (x,), (1.0,))[1],
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0)[0],
    "linearize": lambda f: lambda x: linearize(f, x)[1](1.0),
    "jacfwd": jacfwd,
    "jacrev": jacrev,
    "elementwise_grad": elementwise_grad,
    "vmap of grad": lambda f: lambda x: np.sum(vmap(grad(f))(np.stack([x, x]))) / 2,
    "grad of vmap": lambda f: grad(lambda y: np.sum(vmap(f)(np.stack([y, y]))) / 2),
    "grad in vmap": lambda f: lambda x: np.sum(vmap(lambda k: grad(f)(x) * k)(np.array([0.25, 0.75]))),
    "vmap in grad": lambda f: grad(lambda y: np.sum(vmap(lambda k: f(y) * k)(np.array([0.25, 0.75])))),
    "jvp in vmap": _thrice,
    "vjp in vmap": lambda f: lambda x: vmap(lambda t: vjp(f, x)[1](t)[0])(np.array([0.0, 1.0, 2.0]))[1],
    "vmap of linearized": lambda f: lambda x: vmap(linearize(f, x)[1])(np.array([0.0, 1.0, 2.0]))[1],
    "vmap of pullback": lambda f: lambda x: vmap(vjp(f, x)[1])(np.array([0.0, 1.0, 2.0]))[0][1],
    "vjp in grad": lambda f: lambda x: grad(lambda c: vjp(f, x)[1](c)[0])(1.0),
    "jvp in grad": lambda f: lambda x: grad(lambda t: jvp(f, (x,), (t,))[1])(1.0),
    "gauss-newton": lambda f: lambda x: ggnvp(f, (x,), (1.0,), lambda y: y * y / 2) / jvp(f, (x,), (1.0,))[1],
}
"""Ways to the derivative of a function of one number."""
AFTERWARDS: Mapping[str, Callable[[Function], Function]] = {
    "grad of pullback": lambda f: lambda x: grad(_first(vjp(f, x)[1]))(3.0),
    "grad of linearized": lambda f: lambda x: grad(linearize(f, x)[1])(3.0),
    "jacobian of linearized": lambda f: lambda x: jacobian(linearize(f, x)[1])(3.0),
    "transpose of linearized": lambda f: lambda x: linear_transpose(linearize(f, x)[1], 0.0)(1.0)[0],
}
"""Ways through a pullback or a linearized function that was made before the transform that it is called in."""


def _first(f: Function) -> Function:
    return lambda x: f(x)[0]


def wave(x: Any) -> Any:
    """Return sin(x) exp(x/2), the imaginary part of exp((1/2 + i) x)."""
    return np.sin(x) * np.exp(x / 2)


def check_ways(names: tuple[str, ...], ways: Mapping[str, Callable[[Function], Function]]) -> None:
    f: Function = wave
    for name in names:
        f = ways[name](f)
    rate = 0.5 + 1j
    result = f(0.7)

    assert not isinstance(result, Tensor)
    assert () == np.shape(result)
    assert pytest.approx((rate ** len(names) * np.exp(rate * 0.7)).imag, rel=1e-10) == float(result)


@pytest.mark.parametrize("outermost", DERIVATIVES)
def test_all_derivatives_of_one_another_to_depth_three_have_their_closed_form(outermost: str) -> None:
    core = ["grad", "jvp", "vjp", "linearize", "jacfwd", "jacrev", "vmap of grad", "grad of vmap", "vjp in vmap"]
    pairs = list(itertools.product(DERIVATIVES, repeat=2)) if outermost in {"grad", "jvp", "vmap of grad"} else []
    for inside in [(), *[(name,) for name in DERIVATIVES], *itertools.product(core, repeat=2), *pairs]:
        check_ways((*inside, outermost), DERIVATIVES)


@pytest.mark.parametrize("way", AFTERWARDS)
def test_a_derivative_kept_from_an_ended_call_is_a_constant_linear_function(way: str) -> None:
    ways = {**DERIVATIVES, **AFTERWARDS}
    for before, after in itertools.product([(), ("grad",), ("jvp",), ("vmap of grad",)], repeat=2):
        check_ways((*before, way, *after), ways)


@pytest.mark.parametrize(
    "second",
    [
        lambda f, x: hessian(f)(x), lambda f, x: jacfwd(grad(f))(x), lambda f, x: jacrev(grad(f))(x), lambda f, x: jacfwd(jacrev(f))(x),
        lambda f, x: jacrev(jacfwd(f))(x), lambda f, x: jacfwd(jacfwd(f))(x), lambda f, x: jacrev(jacrev(f))(x), lambda f, x: jacobian(jacobian(f))(x),
        lambda f, x: vmap(lambda v: hvp(f, (x,), (v,)))(np.eye(3)), lambda f, x: vmap(lambda v: vhp(f, (x,), (v,)))(np.eye(3)),
        lambda f, x: vmap(linearize(grad(f), x)[1])(np.eye(3)), lambda f, x: vmap(vjp(grad(f), x)[1])(np.eye(3))[0],
        lambda f, x: np.stack([jvp(grad(f), (x,), (v,))[1] for v in np.eye(3)]), lambda f, x: vmap(hessian(f))(np.stack([x, x]))[1],
        lambda f, x: grad(lambda v: np.sum(hvp(f, (x,), (v,)) * np.array([[1.0], [2.0], [4.0]])))(np.ones((3, 3))[0]) * 0 + hessian(f)(x),
    ],
)  # fmt: skip
def test_all_ways_to_the_second_derivatives_of_an_array_agree(second: Callable[[Function, Any], Any]) -> None:
    weights, x = normal(3, 3), normal(3)

    def f(x: Any) -> Any:
        return np.sum(np.tanh(weights @ x) ** 2) + np.prod(x) + np.std(x)

    assert_same(jacobian_of(grad(f), x), second(f, x), 1e-6)


# --- confusion --------------------------------------------------------------------------------------------------------
WAYS = [
    DERIVATIVES[name] for name in ("grad", "jvp", "vjp", "linearize", "jacfwd", "jacrev", "vmap of grad", "vjp in vmap")
]
CONFUSING: list[tuple[Callable[[Callable[[Function], Function]], Function], Callable[[float], float]]] = [
    (lambda D: lambda x: x * D(lambda y: x + y)(x), lambda x: 1.0),
    (lambda D: lambda x: x * D(lambda y: x + y)(2.0), lambda x: 1.0),
    (lambda D: lambda x: x * D(lambda y: x * y)(3.0), lambda x: 2 * x),
    (lambda D: lambda x: D(lambda y: x * y**3)(2.0), lambda x: 12.0),
    (lambda D: lambda x: D(lambda y: x * y**3)(x), lambda x: 9 * x**2),
    (lambda D: lambda x: D(lambda y: y * y * x)(x * x), lambda x: 6 * x**2),
    (lambda D: lambda x: D(lambda y: D(lambda z: x * y**2 * z**3)(x))(x), lambda x: 24 * x**3),
    (lambda D: lambda x: D(lambda y: D(lambda z: x * y**2 * z**3)(2.0))(x), lambda x: 48 * x),
    (lambda D: lambda x: D(lambda y: D(lambda z: x * y + y * z + z * x)(y) * x)(x), lambda x: 1.0),
    (lambda D: lambda x: D(lambda y: D(lambda z: z**3)(y) * x)(x), lambda x: 12 * x),
    (lambda D: lambda x: x * D(lambda y: x)(2.0), lambda x: 0.0),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(CONFUSING)))
def test_no_mode_confuses_an_inner_derivative_with_an_outer_one(number: int) -> None:
    program, expected = CONFUSING[number]
    for outer, within in itertools.product(WAYS, repeat=2):
        result = outer(program(within))(1.3)

        assert pytest.approx(expected(1.3), rel=1e-12) == float(result)
        assert not isinstance(result, Tensor)


# --- what is kept -----------------------------------------------------------------------------------------------------
def test_pullbacks_and_linearized_functions_give_the_same_bits_in_all_threads_at_any_time() -> None:
    weights, x = normal(4, 3), normal(3)

    def f(x: Any) -> Any:
        return np.tanh(weights @ x), np.sum(x**3)

    (_, pullback), (_, linearized) = vjp(f, x), linearize(f, x)
    cts = [(normal(4, seed=k), float(k)) for k in range(8)]
    expected = [(pullback(ct)[0].tobytes(), linearized(ct[0][:3])[0].tobytes()) for ct in cts]
    found: list[Any] = [None] * len(cts)

    def work(k: int) -> None:
        for _ in range(5):
            found[k] = pullback(cts[k])[0].tobytes(), linearized(cts[k][0][:3])[0].tobytes()
            grad(lambda y: np.sum(y * y))(x)  # other calls between

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(cts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert expected == found


def test_transforms_in_many_threads_do_not_see_each_other() -> None:
    f: Function = wave
    results: list[Any] = [None] * 8

    def work(k: int) -> None:
        results[k] = [grad(lambda x: x * jvp(lambda y: x * y, (x,), (1.0,))[1])(float(k)) for _ in range(10)] + [
            vmap(grad(grad(f)))(np.full(3, float(k)))[0]
        ]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for k, found in enumerate(results):
        assert [2.0 * k] * 10 == found[:-1]
        assert grad(grad(f))(float(k)) == found[-1]


def test_a_pullback_of_the_enclosing_call_carries_its_derivative() -> None:
    def outer(x: Any) -> Any:
        _, pullback = vjp(lambda y: x * np.sin(y), 0.3)
        _, linearized = linearize(lambda y: x * np.sin(y), 0.3)
        return pullback(2.0)[0] * linearized(x)

    x, c = 1.5, np.cos(0.3)

    assert pytest.approx(6 * x**2 * c * c, rel=1e-12) == grad(outer)(x)
    assert pytest.approx(12 * x * c * c, rel=1e-12) == grad(grad(outer))(x)


@pytest.mark.parametrize("way", [vjp, linearize])
def test_a_derivative_kept_from_an_ended_call_depends_on_its_direction_only(way: Any) -> None:
    x, w = normal(3), Tensor(normal(3, seed=1), autograd=True)
    kept = way(np.sin, x)[1]
    (result,) = leaves(kept(w))

    assert isinstance(result, Tensor)
    assert_same(np.cos(x) * 2, result.backward(np.full(3, 2.0))[w])
