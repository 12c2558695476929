"""Programs as people write them in NumPy today (tests/programs/) differentiate unmodified, in every way there is."""

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tests.programs
from tape_ad import NoRuleError, grad, jvp, value_and_grad, vjp, vmap
from tests.programs import softmax_regression
from tests.programs._check import curvature_error, flat, inner, load, names, slope_error

REFUSED: dict[str, str] = {}
ALLOWED = {"itertools", "numpy", "numpy.lib.stride_tricks", "pathlib", "tests.programs._types"}
"""What a program imports: NumPy, where the digits lie, and the names of its arguments' types."""

every_program = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(strict=True, raises=NoRuleError, reason=REFUSED[name]))
        if name in REFUSED
        else name
        for name in names()
    ],
)
directions = pytest.mark.parametrize("seed", range(3))


def bits(value: Any) -> tuple[type, bytes]:
    return type(value), np.asarray(value).tobytes()


def is_close(actual: Any, expected: Any) -> bool:
    return bool(np.max(np.abs(actual - expected)) <= 1e-9 * np.max(np.abs(expected)))


@pytest.mark.parametrize("name", names())
def test_a_program_knows_numpy_only(name: str) -> None:
    nodes = list(ast.walk(ast.parse(Path(tests.programs.__path__[0], f"{name}.py").read_text(encoding="utf-8"))))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}

    assert imported <= ALLOWED


@every_program
def test_the_value_is_numpys_bit_for_bit_under_each_transform(name: str) -> None:
    program = load(name)
    parameters = program.parameters
    expected = bits(program(*parameters))
    actual = (
        program.value_and_gradient(*parameters)[0],
        vjp(program, *parameters)[0],
        jvp(program, parameters, program.direction(0))[0],
    )

    assert [expected] * 3 == [bits(value) for value in actual]


@every_program
def test_a_gradient_has_the_shapes_and_the_dtypes_of_the_parameters(name: str) -> None:
    program = load(name)
    expected = [(p.shape, p.dtype) for p in program.parameters]

    assert expected == [(g.shape, g.dtype) for g in program.gradient(*program.parameters)]


@every_program
@directions
def test_the_gradient_agrees_with_central_differences(name: str, seed: int) -> None:
    program = load(name)
    gradient, direction = program.gradient(*program.parameters), program.direction(seed)

    assert slope_error(program, direction, inner(gradient, direction), gradient) < 1e-8


@every_program
@directions
def test_forward_mode_agrees_with_central_differences(name: str, seed: int) -> None:
    program = load(name)
    gradient, direction = program.gradient(*program.parameters), program.direction(seed)
    _, slope = jvp(program, program.parameters, direction)

    assert slope_error(program, direction, float(slope), gradient) < 1e-8


@every_program
@directions
def test_the_pullback_is_the_transpose_of_the_pushforward(name: str, seed: int) -> None:
    program = load(name)
    direction = program.direction(seed)
    _, slope = jvp(program, program.parameters, direction)
    _, pullback = vjp(program, *program.parameters)
    pulled: Any = pullback(np.float64(1.0))
    pulled = pulled if isinstance(pulled, tuple) else (pulled,)  # one argument, one array
    size = float(np.sum(np.abs(flat(pulled) * flat(direction))))

    assert abs(inner(pulled, direction) - float(slope)) <= 1e-11 * size


@every_program
def test_a_hessian_vector_product_agrees_with_central_differences_of_the_gradient(name: str) -> None:
    program = load(name)

    assert curvature_error(program, program.direction(0)) < 1e-7


@every_program
def test_two_examples_at_once_give_what_one_after_the_other_gives(name: str) -> None:
    program = load(name)
    points = [program.along(program.direction(seed), 1e-2) for seed in range(2)]
    together = tuple(np.stack(pair) for pair in zip(*points, strict=True))
    values = vmap(program)(*together)
    gradients = vmap(grad(program, tuple(range(len(together)))))(*together)

    assert is_close(values, np.array([program(*point) for point in points]))
    for i, point in enumerate(points):
        assert is_close(flat([g[i] for g in gradients]), flat(program.gradient(*point)))


def test_scipy_minimizes_a_softmax_regression_to_its_one_minimum_from_any_start() -> None:
    optimize = pytest.importorskip("scipy.optimize", reason="SciPy fits this one, and is not installed")
    program = load("softmax_regression")
    pixels, labels = program.data
    starts = (np.zeros_like(program.parameters[0]), program.parameters[0])
    options = {"ftol": 1e-13, "gtol": 1e-7, "maxiter": 2000, "maxfun": 2000}
    fits = [
        optimize.minimize(
            value_and_grad(program.value), x0, args=program.data, jac=True, method="L-BFGS-B", options=options
        )
        for x0 in starts
    ]
    seen = np.argmax(softmax_regression.scores(fits[0].x, pixels), axis=1)

    assert np.max(np.abs(fits[0].x - fits[1].x)) < 1e-3
    assert np.mean(seen == labels) > 0.95
