"""`implicit`: solutions of equations have the derivatives that the implicit function theorem says."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from tape_ad import (
    ArgumentError,
    BufferChangedError,
    ConvergenceError,
    NotLinearError,
    NotScalarError,
    StructureError,
    Tape,
    Tensor,
    checkpoint,
    grad,
    hessian,
    jacobian,
    jvp,
    linearize,
    vjp,
    vmap,
)
from tape_ad._solvers import DENSE
from tape_ad.implicit import fixed_point, linear_solve, minimize, root
from tape_ad.testing import check_grads

RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
B = RNG.normal(size=3)
MANY = DENSE + 60


def cubic(x: Any, a: Any) -> Any:
    return x**3 + x + a[0] @ x - a[1]


def contraction(x: Any, a: Any) -> Any:
    return 0.3 * np.cos(a[0] @ x / 5) + a[1]


def valley(x: Any, a: Any) -> Any:
    return np.sum((x - a[1]) ** 2) + np.sum((a[0] @ x) ** 2) + 0.1 * np.sum(x**4)


def by_arguments(name: str) -> Callable[[Any], Any]:
    return {
        "linear_solve": lambda a: linear_solve(lambda x, m: m @ x, a[1], a[0]),
        "root": lambda a: root(cubic, np.zeros(3), a),
        "fixed_point": lambda a: fixed_point(contraction, np.zeros(3), a),
        "minimize": lambda a: minimize(valley, np.zeros(3), a),
    }[name]


def by_closure(name: str) -> Callable[[Any], Any]:
    def solution(a: Any) -> Any:
        own = (a[0] * 1.0, a[1])  # computed before the call, and closed over
        return {
            "linear_solve": lambda: linear_solve(lambda x: own[0] @ x, own[1] * 1.0),
            "root": lambda: root(lambda x: cubic(x, own), np.zeros(3)),
            "fixed_point": lambda: fixed_point(lambda x: contraction(x, own), np.zeros(3)),
            "minimize": lambda: minimize(lambda x: valley(x, own), np.zeros(3)),
        }[name]()

    return solution


NAMES = ("linear_solve", "root", "fixed_point", "minimize")
SOLUTIONS = [
    pytest.param(way(name), id=f"{name}-{way.__name__}") for name in NAMES for way in (by_arguments, by_closure)
]


@pytest.fixture(params=SOLUTIONS)
def solution(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_the_solutions_solve_their_equations() -> None:
    a = (A, B)

    np.testing.assert_allclose(by_arguments("linear_solve")(a), np.linalg.solve(A, B), rtol=1e-12)
    np.testing.assert_allclose(cubic(by_arguments("root")(a), a), 0, atol=1e-12)
    x = by_arguments("fixed_point")(a)
    np.testing.assert_allclose(contraction(x, a), x, rtol=1e-11)
    np.testing.assert_allclose(grad(valley)(by_arguments("minimize")(a), a), 0, atol=1e-11)


def test_both_modes_and_both_orders_are_what_central_differences_say(solution: Any) -> None:
    check_grads(lambda a, b: np.sum(np.sin(solution((a, b)))), (A, B), order=2)


def test_without_a_tracked_argument_the_result_is_a_plain_array(solution: Any) -> None:
    x = solution((A, B))

    assert type(x) is np.ndarray
    assert x.flags.writeable
    assert type(jacobian(solution)((A, B))[1]) is np.ndarray


def test_a_solution_is_one_node_of_the_tape(solution: Any) -> None:
    listing = str(Tape.of(solution((Tensor(A, autograd=True), Tensor(B, autograd=True)))))

    assert listing.count("implicit_solution(fun=") == 1


def test_batched_is_looped_and_stacked_in_value_and_every_derivative(solution: Any) -> None:
    stacked = (np.stack([A, 2 * A]), np.stack([B, -B]))
    examples = [(A, B), (2 * A, -B)]

    def loss(a: Any) -> Any:
        return np.sum(np.sin(solution(a)))

    for f in (
        solution,
        lambda a: grad(loss)(a)[0],
        lambda a: jvp(loss, (a,), (a,))[1],
        lambda a: jacobian(solution, mode="fwd")(a)[1],
        lambda a: jacobian(solution, mode="rev")(a)[0],
        lambda a: hessian(loss)(a)[0][1],
    ):
        np.testing.assert_allclose(vmap(f)(stacked), np.stack([f(a) for a in examples]), rtol=1e-9, atol=1e-12)


def test_an_argument_shared_by_all_examples_gets_the_sum_of_their_gradients(solution: Any) -> None:
    many = np.stack([B, -B, 2 * B])

    def total(a: Any) -> Any:
        return np.sum(vmap(lambda b: solution((a, b)))(many) ** 2)

    expected = sum(grad(lambda a, b=b: np.sum(solution((a, b)) ** 2))(A) for b in many)
    np.testing.assert_allclose(grad(total)(A), expected, rtol=1e-9)


def test_transforms_nest_with_it(solution: Any) -> None:
    def loss(b: Any) -> Any:
        return np.sum(solution((A, b)) ** 3)

    expected = hessian(loss)(B)

    np.testing.assert_allclose(jacobian(grad(loss), mode="rev")(B), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(jvp(grad(loss), (B,), (B,))[1], expected @ B, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(linearize(grad(loss), B)[1](B), expected @ B, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(vjp(grad(loss), B)[1](B)[0], expected @ B, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(grad(checkpoint(loss))(B), grad(loss)(B), rtol=1e-12)


def test_closed_forms_to_the_third_order() -> None:
    def square_root(a: Any) -> Any:
        return root(lambda x, a: x**2 - a, 1.0, a)

    np.testing.assert_allclose(square_root(4.0), 2.0)
    np.testing.assert_allclose(grad(square_root)(4.0), 1 / 4)
    np.testing.assert_allclose(grad(grad(square_root))(4.0), -1 / 32)
    np.testing.assert_allclose(grad(grad(grad(square_root)))(4.0), 3 / 256)
    np.testing.assert_allclose(jacobian(lambda b: linear_solve(lambda x: A @ x, b))(B), np.linalg.inv(A), rtol=1e-12)


def test_an_equation_within_an_equation() -> None:
    def inner(x: Any, a: Any) -> Any:
        return root(lambda y, x, a: y**3 + y - x * a, 0.5, x, a)

    check_grads(lambda a: root(lambda x, a: x - inner(x, a) - 1, 1.0, a), (np.array(0.5),), order=2)
    check_grads(lambda a: root(lambda x: x - root(lambda y: y**3 + y - x * a, 0.5) - 1, 1.0), (np.array(0.5),), order=2)
    check_grads(
        lambda a: minimize(lambda x, a: (minimize(lambda y: (y - x * a) ** 2 + y**4, 0.0) - 1) ** 2 + x**2, 1.0, a),
        (np.array(0.5),),
        order=1,
    )


def test_a_tensor_of_the_users_own_may_be_closed_over() -> None:
    a = Tensor(4.0, autograd=True)

    assert root(lambda x: x**2 - a, 1.0).backward()[a] == pytest.approx(0.25)


@attrs.frozen
class Pair:
    u: Any
    v: Any


@pytest.mark.parametrize(
    "make", [lambda u, v: {"u": u, "v": v}, lambda u, v: (u, [v]), Pair], ids=["dict", "tuple", "record"]
)
def test_unknowns_and_arguments_may_be_nests(make: Callable[..., Any]) -> None:
    def parts(nest: Any) -> Any:
        if isinstance(nest, dict):
            return nest["u"], nest["v"]
        return (nest.u, nest.v) if isinstance(nest, Pair) else (nest[0], nest[1][0])

    def fun(x: Any, a: Any) -> Any:
        (u, v), (p, q) = parts(x), parts(a)
        return make(u**3 + v - p, np.sum(u) - 2 * v + q)

    def loss(p: Any, q: Any) -> Any:
        u, v = parts(root(fun, make(np.ones((2, 1)), 1.0), make(p, q)))
        return np.sum(u) * v

    check_grads(loss, (np.array([[0.3], [0.5]]), np.array(0.2)), order=2)
    u, v = parts(linear_solve(lambda x: make(2 * parts(x)[0] + parts(x)[1], 4 * parts(x)[1]), make(np.ones(2), 2.0)))
    np.testing.assert_allclose((*u, v), [0.25, 0.25, 0.5])


def ring(x: Any, d: Any) -> Any:
    return d * x - 0.3 * np.roll(x, 1) - 0.2 * np.roll(x, -1)


def symmetric_ring(x: Any, d: Any) -> Any:
    return d * x - 0.3 * (np.roll(x, 1) + np.roll(x, -1))


@pytest.mark.parametrize(("matvec", "symmetric"), [(ring, False), (symmetric_ring, True)], ids=["gmres", "cg"])
def test_large_equations_are_solved_by_products_alone(matvec: Any, symmetric: bool) -> None:
    d, b = np.linspace(1, 4, MANY), RNG.normal(size=MANY)
    matrix = jacobian(matvec)(b, d)

    def f(d: Any, b: Any) -> Any:
        return linear_solve(matvec, b, d, symmetric=symmetric)

    x = np.linalg.solve(matrix, b)
    adjoint = np.linalg.solve(matrix.T, 2 * x)
    np.testing.assert_allclose(f(d, b), x, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(grad(lambda d: np.sum(f(d, b) ** 2))(d), -adjoint * x, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(
        jvp(lambda d: f(d, b), (d,), (d,))[1], -np.linalg.solve(matrix, d * x), rtol=1e-7, atol=1e-9
    )
    np.testing.assert_allclose(vmap(lambda b: f(d, b))(np.stack([b, d])), np.stack([x, f(d, d)]), rtol=1e-8, atol=1e-10)


def test_large_nonlinear_equations_take_their_steps_without_a_matrix() -> None:
    target = np.linspace(0, 2, MANY)

    def x_of(a: Any) -> Any:
        return root(lambda x, a: x + a * x**3 - target, np.zeros(MANY), a)

    x = x_of(0.5)

    np.testing.assert_allclose(x + 0.5 * x**3, target, atol=1e-10)
    np.testing.assert_allclose(jvp(x_of, (0.5,), (1.0,))[1], -(x**3) / (1 + 1.5 * x**2), rtol=1e-8, atol=1e-10)


def test_single_precision_is_kept() -> None:
    ones = np.ones(2, np.float32)
    solutions: list[Callable[[Any], Any]] = [
        lambda a: linear_solve(lambda x, a: a * x, ones, a),
        lambda a: root(lambda x, a: x**3 - a, ones, a),
        lambda a: fixed_point(lambda x, a: np.cos(x) * a, ones, a),
        lambda a: minimize(lambda x, a: np.sum((x - a) ** 2), ones, a),
    ]
    for f in solutions:
        assert np.float32 == f(ones).dtype
        assert np.float32 == grad(lambda a, f=f: np.sum(f(a)))(ones).dtype


def test_complex_unknowns_of_holomorphic_functions() -> None:
    C = A + 1j * RNG.normal(size=(3, 3))

    np.testing.assert_allclose(
        jvp(lambda a: root(lambda z, a: z**2 + a, 1j, a), (4.0,), (1.0,)), (2j, 0.25j), atol=1e-14
    )
    np.testing.assert_allclose(linear_solve(lambda x: C @ x, B), np.linalg.solve(C, B), rtol=1e-12)
    check_grads(lambda a, b: np.sum(np.abs(linear_solve(lambda x, a: (C + a) @ x, b, a)) ** 2), (A, B), order=2)
    H = C @ np.conj(C.T)
    np.testing.assert_allclose(
        linear_solve(lambda x: H @ x, B + 1j, symmetric=True), np.linalg.solve(H, B + 1j), rtol=1e-10
    )


def test_newtons_method_comes_from_far_and_minima_are_minima() -> None:
    def rosenbrock(x: Any, a: Any) -> Any:
        return a[0] * (x[1] - x[0] ** 2) ** 2 + (a[1] - x[0]) ** 2

    a = np.array([100.0, 2.0])

    np.testing.assert_allclose(root(np.arctan, 10.0), 0, atol=1e-12)
    np.testing.assert_allclose(minimize(rosenbrock, np.array([-1.2, 1.0]), a), [2, 4], rtol=1e-10)
    np.testing.assert_allclose(jacobian(lambda a: minimize(rosenbrock, np.zeros(2), a))(a), [[0, 1], [0, 4]], atol=1e-8)
    np.testing.assert_allclose(np.abs(minimize(lambda x: (x**2 - 1) ** 2, 0.1)), 1, rtol=1e-10)


def test_the_start_has_no_derivative_and_integers_count_as_floats() -> None:
    assert grad(lambda x0: root(lambda x: x**2 - 2.0, x0))(1.0) == 0
    assert root(lambda x: x**2 - 4, 1) == pytest.approx(2.0)
    assert linear_solve(lambda x: 2 * x, np.array([1, 2])).tolist() == [0.5, 1.0]
    assert root(lambda x: x, np.zeros(0)).shape == (0,)


def test_an_argument_that_was_changed_since_is_noticed_or_was_copied() -> None:
    small, large = np.full(2, 4.0), np.full(20_000, 4.0)
    t = Tensor(1.0, autograd=True)

    x = root(lambda x, t, a: x**2 - t * a, np.ones(2), t, small)
    small[:] = 0.0
    np.testing.assert_allclose(x.sum().backward()[t], 2.0)

    y = fixed_point(lambda x, t, a: t * a, np.ones(20_000), t, large)
    large[0] = 0.0
    with pytest.raises(BufferChangedError, match="changed in place"):
        y.sum().backward()


# --- solvers of users -----------------------------------------------------------------------------------------------
def test_a_solver_works_on_vectors_and_gets_the_equation_of_a_derivative_too() -> None:
    sizes = []

    def by_matrix(matvec: Any, b: Any) -> Any:
        sizes.append(b.shape)
        return np.linalg.solve(np.stack([matvec(e) for e in np.eye(len(b))], 1), b)

    def f(m: Any, b: Any) -> Any:
        return np.sum(linear_solve(lambda x, m: {"x": m @ x["x"]}, {"x": b}, m, solver=by_matrix)["x"] ** 2)

    b = B.reshape(3, 1)
    check_grads(f, (A, b), order=2)
    sizes.clear()
    np.testing.assert_allclose(vmap(lambda b: f(A, b))(np.stack([b, 2 * b])), [f(A, b), 4 * f(A, b)])

    assert [(6,), (3,), (3,)] == sizes


def test_solvers_of_the_user_find_what_the_own_ones_find() -> None:
    def newton(f: Any, x: Any) -> Any:
        for _ in range(30):
            step = 1e-6 * np.eye(len(x))
            x = x - np.linalg.solve(np.stack([(f(x + e) - f(x - e)) / 2e-6 for e in step], 1), f(x))
        return x

    def repeat(f: Any, x: Any) -> Any:
        for _ in range(100):
            x = f(x)
        return x

    def descend(f: Any, g: Any, x: Any) -> Any:
        assert isinstance(f(x), float)
        return newton(g, x)

    mine = {
        "root": lambda a: root(cubic, np.zeros(3), a, solver=newton),
        "fixed_point": lambda a: fixed_point(contraction, np.zeros(3), a, solver=repeat),
        "minimize": lambda a: minimize(valley, np.zeros(3), a, solver=descend),
    }
    for name, f in mine.items():
        own = by_arguments(name)
        for made, expected in zip(jacobian(f)((A, B)), jacobian(own)((A, B)), strict=True):
            np.testing.assert_allclose(made, expected, rtol=1e-6, atol=1e-9)
        stacked = (np.stack([A, A]), np.stack([B, -B]))
        np.testing.assert_allclose(vmap(f)(stacked), vmap(own)(stacked), rtol=1e-6, atol=1e-9)


# --- refusals -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linear_solve(lambda x: 0 * x, np.ones(2)), r"linear_solve\(<lambda>\): the matrix is singular"),
        (lambda: linear_solve(lambda x: np.array([[0.1, 0.3], [0.3, 0.9]]) @ x, np.array([1.0, 2.0])), "singular"),
        (lambda: linear_solve(lambda x: x * abs(x), 3 * np.ones(2)), r"left a residual of \d"),
        (lambda: linear_solve(lambda x: x - np.mean(x), np.arange(1.0, MANY)), r"GMRES .* left a residual of \d"),
        (lambda: linear_solve(lambda x: -x, np.ones(MANY), symmetric=True), "conjugate gradients .* left a residual"),
        (lambda: linear_solve(ring, np.ones(MANY), np.linspace(1, 4, MANY), max_steps=3), "GMRES with at most 3 products"),
        (lambda: linear_solve(lambda x: 2 * x, np.ones(2), solver=lambda f, b: b), r"left a residual of 1.4, of b 1.4"),
        (lambda: root(lambda x: x**2 + 1, 1.0), r"root\(<lambda>\).*singular|stopped at a residual"),
        (lambda: root(lambda x: x**2 - 2, 1.0, max_steps=2), "Newton's method stopped at a residual"),
        (lambda: root(lambda x: x * np.inf, 1.0), "the function is not finite at x"),
        (lambda: root(lambda x: x - 1, 0.0, solver=lambda f, x0: x0), "the solver stopped at a residual of 1"),
        (lambda: grad(lambda a: root(lambda x, a: x**2 * a, 0.0, a))(1.0), r"derivative of root.*the matrix is singular"),
        (lambda: fixed_point(lambda x: 2 * x, 1.0), r"after 1000 steps x still changes"),
        (lambda: minimize(lambda x: x, 0.0), r"minimize\(<lambda>\): "),
        (lambda: minimize(lambda x: x[0] ** 2 - x[1] ** 2, np.zeros(2)), "saddle point"),
        (
            lambda: grad(lambda b: linear_solve(lambda x: A @ x, b, solver=lambda f, b: np.linalg.solve(A, b))[0])(B),
            "must use the function it is given",
        ),
    ],
)  # fmt: skip
def test_what_has_no_solution_is_refused_with_what_is_left(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ConvergenceError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: linear_solve(lambda x: x + 1, np.ones(2)), NotLinearError, "maps 0 to something else"),
        (lambda: linear_solve(lambda x: x[:1], np.ones(2)), StructureError, r"of shape \(2,\).*but it has shape \(1,\)"),
        (lambda: root(np.sum, np.ones(2)), StructureError, r"root\(sum\) needs.*of shape \(2,\).*it has shape \(\)"),
        (lambda: root(lambda x: [x[0], x[1]], np.ones(2)), StructureError, "differs at result.*np.stack"),
        (lambda: root(lambda x: 1j * x, 1.0), StructureError, "real dtype.*complex128"),
        (lambda: root(lambda x: x, "a"), ArgumentError, "unknowns are numbers and arrays, but got str"),
        (lambda: root(3, 1.0), ArgumentError, "takes a function"),  # type: ignore[arg-type]  # for callers who run no type checker
        (lambda: root(lambda x: x, 1.0, solver=lambda f, x0: {"x": x0}), StructureError, "vector of 1 numbers.*dict.*field x"),
        (lambda: minimize(lambda x: abs(x) ** 2, 1j), ArgumentError, r"minimize\(<lambda>\) takes real arrays"),
        (lambda: minimize(lambda x: x, np.ones(2)), NotScalarError, r"shape \(2,\)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
