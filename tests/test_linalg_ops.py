"""Linear algebra beyond the generated laws: what LAPACK chooses, repeated values, rank, complex matrices, NumPy's spellings."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tape_ad import (
    ArgumentError,
    MutationError,
    NotDifferentiableError,
    Tensor,
    grad,
    hessian,
    jacobian,
    jvp,
    linalg,
    vmap,
)
from tape_ad.testing import check_grads

rng = np.random.default_rng(20)


def _normal(*shape: int, complex_numbers: bool = False) -> Any:
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if complex_numbers else x


def _hermitian_part(a: Any) -> Any:
    return (a + np.conjugate(a.mT)) / 2


def _with_values(values: Any, *, complex_numbers: bool = False) -> Any:
    """Return a Hermitian matrix with these eigenvalues, and its eigenvectors."""
    n = len(values)
    q = np.linalg.qr(_normal(n, n, complex_numbers=complex_numbers))[0]
    return _hermitian_part((q * np.asarray(values)) @ np.conjugate(q.T)), q


real_and_complex = pytest.mark.parametrize("complex_numbers", [False, True], ids=["real", "complex"])
SHAPES = [(4, 2), (2, 4), (3, 3)]


# --- complex matrices, and all shapes -------------------------------------------------------------------------------
@real_and_complex
def test_a_matrix_function_by_eigh_has_the_derivatives_that_differences_give(complex_numbers: bool) -> None:
    a, b = (_hermitian_part(_normal(3, 3, complex_numbers=complex_numbers)) for _ in range(2))

    def f(x: Any) -> Any:
        w, v = np.linalg.eigh(_hermitian_part(x))
        return np.real(np.trace(b @ (v * np.sin(w)) @ np.conjugate(v.mT))) + np.sum(np.abs(v) ** 4)

    check_grads(f, (a,))


def test_eigh_of_a_stack_of_complex_matrices_has_the_derivatives_that_differences_give() -> None:
    a = _hermitian_part(_normal(2, 3, 3, complex_numbers=True))

    check_grads(lambda x: np.sum(np.abs(np.linalg.eigh(_hermitian_part(x)).eigenvectors) ** 2 * np.arange(3.0)), (a,))


@real_and_complex
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_svd_has_the_derivatives_that_differences_give(
    shape: tuple[int, int], full: bool, complex_numbers: bool
) -> None:
    """Through singular values, products of both kinds of vectors, and the spans of those that complete them."""
    k = min(shape)
    x, weight = _normal(*shape, complex_numbers=complex_numbers), _normal(*shape, complex_numbers=complex_numbers)
    left, right = (_hermitian_part(_normal(n, n, complex_numbers=complex_numbers)) for n in shape)

    def f(a: Any) -> Any:
        u, s, vh = np.linalg.svd(a, full_matrices=full)
        rest, below = u[:, k - 1 :], vh[k - 1 :]
        return (
            np.real(np.sum(weight * ((u[:, :k] * np.cos(s)) @ vh[:k])))
            + np.real(np.trace(left @ rest @ np.conjugate(rest.mT)))
            + np.real(np.trace(right @ np.conjugate(below.mT) @ below))
        )

    check_grads(f, (x,))


@real_and_complex
@pytest.mark.parametrize("shape", SHAPES)
def test_qr_has_the_derivatives_that_differences_give(shape: tuple[int, int], complex_numbers: bool) -> None:
    """The signs of R are constant and its diagonal is real, so that complex vectors have no phase to choose."""
    x = _normal(*shape, complex_numbers=complex_numbers)
    projected = _hermitian_part(_normal(shape[0], shape[0], complex_numbers=complex_numbers))

    def complete(a: Any) -> Any:
        q, r = np.linalg.qr(a, mode="complete")
        rest = q[:, min(shape) :]
        return np.sum(np.abs(r) ** 2 * r.shape[1]) + np.real(np.trace(projected @ rest @ np.conjugate(rest.mT)))

    check_grads(lambda a: tuple(np.linalg.qr(a)), (x,))
    check_grads(complete, (x,))


@pytest.mark.parametrize("of", ["real", "complex"])
def test_eig_has_the_derivatives_that_differences_give(of: str) -> None:
    """Also where a real matrix has complex pairs of eigenvalues, and for eigenvalues by themselves."""
    a = (
        _normal(4, 4, complex_numbers=of == "complex")
        if of == "complex"
        else np.diag([1.0, 2.0], 1)[:3, :3] - np.diag([3.0, 1.0], -1)
    )
    assert np.linalg.eigvals(a).dtype.kind == "c"

    def f(x: Any) -> Any:
        w, v = np.linalg.eig(x)
        return np.sum(np.abs(v) ** 4) + np.real(np.sum(w**3)), np.sum(np.abs(w - 1))

    check_grads(f, (a,))
    check_grads(lambda x: np.sum(np.abs(np.linalg.eigvals(x)) ** 3), (a,))


@real_and_complex
@pytest.mark.parametrize("function", [np.linalg.inv, np.linalg.slogdet, np.linalg.det, np.linalg.pinv, np.linalg.cond])
def test_functions_of_stacks_of_stacks_have_the_derivatives_that_differences_give(
    function: Callable[..., Any], complex_numbers: bool
) -> None:
    check_grads(function, (_normal(2, 1, 3, 3, complex_numbers=complex_numbers),))


# --- repeated values ------------------------------------------------------------------------------------------------
REPEATED = [1.0, 1.0, 1.0, 2.5, 2.5]


@real_and_complex
@pytest.mark.parametrize(
    "function", [np.linalg.eigvalsh, lambda a: np.linalg.eigh(a)[0], lambda a: np.linalg.eigh(a, "U")[0]]
)
def test_a_symmetric_function_of_repeated_eigenvalues_has_its_exact_gradient_in_both_modes(
    function: Callable[..., Any], complex_numbers: bool
) -> None:
    a, q = _with_values(REPEATED, complex_numbers=complex_numbers)
    expected = np.conjugate((q * np.exp(REPEATED)) @ np.conjugate(q.T))
    direction = _hermitian_part(_normal(5, 5, complex_numbers=complex_numbers))

    def f(x: Any) -> Any:
        return np.sum(np.exp(function(x)))

    np.testing.assert_allclose(grad(f)(a), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(jvp(f, (a,), (direction,))[1], np.real(np.sum(expected * direction)), rtol=1e-12)


@real_and_complex
def test_the_nuclear_norm_has_its_exact_gradient_at_repeated_and_zero_singular_values(complex_numbers: bool) -> None:
    u, v = (np.linalg.qr(_normal(n, 3, complex_numbers=complex_numbers))[0] for n in (5, 4))
    a = (u * np.array([2.0, 2.0, 0.5])) @ np.conjugate(v.T)  # and a fourth singular value of 0

    np.testing.assert_allclose(
        grad(lambda x: np.linalg.norm(x, "nuc"))(a), np.conjugate(u @ np.conjugate(v.T)), atol=1e-12
    )
    check_grads(lambda x: np.linalg.norm(x, "nuc"), (a,), order=1)


def test_the_largest_of_equal_values_splits_its_derivative_evenly() -> None:
    """For a pair this is the symmetric derivative."""
    a, q = _with_values([1.0, 3.0, 3.0])
    expected = q[:, 1:] @ q[:, 1:].T / 2

    np.testing.assert_allclose(grad(lambda x: np.linalg.eigvalsh(x)[-1])(a), expected, atol=1e-12)
    np.testing.assert_allclose(grad(lambda x: np.linalg.norm(x, 2))(a), expected, atol=1e-12)
    check_grads(lambda x: np.linalg.eigvalsh(_hermitian_part(x))[-1], (a,), order=1)
    check_grads(lambda x: np.linalg.norm(x, 2), (a,), order=1)


def test_simple_vectors_beside_repeated_values_keep_their_derivatives() -> None:
    a, _ = _with_values([0.0, 0.0, 0.0, 1.0, 2.0])
    b = _hermitian_part(_normal(5, 5))

    def f(x: Any) -> Any:
        v = np.linalg.eigh(_hermitian_part(x))[1][:, 3:]
        return np.trace(b @ v @ v.T) + v[2, 1]

    check_grads(f, (a,), order=1)


def test_the_best_approximation_of_low_rank_keeps_its_derivatives_where_the_other_singular_values_are_zero() -> None:
    a = _normal(5, 2) @ _normal(2, 4)

    def f(x: Any) -> Any:
        u, s, vh = np.linalg.svd(x)
        return np.sum(((u[:, :2] * s[:2]) @ vh[:2]) ** 3)

    check_grads(f, (a,), order=1)


def _power(v: Any, w: Any) -> Any:
    return (v * w**2) @ v.mT


def _rebuilt(u: Any, s: Any, vh: Any) -> Any:
    return (u * s) @ vh


DEPENDS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "eigenvectors": (lambda x: np.linalg.eigh(x)[1][0, 0], np.eye(3)),
    "a matrix function by hand": (lambda x: _power(*reversed(np.linalg.eigh(x)))[0, 1], np.eye(3)),
    "and its diagonal": (lambda x: _power(*reversed(np.linalg.eigh(x)))[0, 0], np.eye(3)),
    "singular vectors": (lambda x: np.linalg.svd(x)[0][0, 0], np.eye(3)),
    "the product of singular vectors and values": (
        lambda x: _rebuilt(*np.linalg.svd(x))[0, 1], 2 * np.eye(3)
    ),
    "vectors of singular value zero": (lambda x: np.linalg.svd(x)[2][2, 2], np.diag([1.0, 0.0, 0.0])),
    "the vectors that complete U": (lambda x: np.linalg.svd(x)[0][0, 2], np.arange(8.0).reshape(4, 2) ** 2),
    "the columns that complete Q": (lambda x: np.linalg.qr(x, "complete")[0][0, 3], np.arange(8.0).reshape(4, 2) ** 2),
    "the phase of eigenvectors": (
        lambda x: np.real(np.sum(np.linalg.eigh(x)[1] ** 2 * np.arange(9.0).reshape(3, 3))), np.array([[1.0, 1j, 0.3], [-1j, 2.0, 1 + 1j], [0.3, 1 - 1j, 4.0]])
    ),
    "the phase of eig's": (lambda x: np.real(np.sum(np.linalg.eig(x)[1] ** 2)), np.array([[1.0, 2j], [1.0, 3.0]])),
    "the phase of singular vectors": (lambda x: np.real(np.linalg.svd(x)[0][0, 0]), np.array([[1.0, 2j], [1.0, 3.0]])),
    "eigenvalues without vectors to tell them apart": (lambda x: np.real(np.sum(np.linalg.eigvals(x) ** 2)), np.eye(2)),
    "a matrix without a basis of eigenvectors": (lambda x: np.real(np.sum(np.linalg.eig(x)[0])), np.array([[1.0, 1.0], [0.0, 1.0]])),
    "dependent columns": (lambda x: np.sum(np.linalg.qr(x)[1]), np.ones((3, 2))),
    "a cutoff among the singular values": (lambda x: np.sum(linalg.pinv(x, rtol=0.5)), np.diag([1.0, 0.1])),
}  # fmt: skip


@pytest.mark.parametrize("name", DEPENDS)
def test_what_has_no_derivative_or_cannot_be_told_from_it_is_an_error_in_reverse_mode(name: str) -> None:
    function, a = DEPENDS[name]

    with pytest.raises(NotDifferentiableError):
        grad(function)(a)


def test_forward_mode_gives_nan_for_vectors_without_a_derivative_and_only_for_these() -> None:
    a = np.diag([1.0, 1.0, 3.0])
    direction = _hermitian_part(_normal(3, 3))
    _, (dw, dv) = jvp(lambda x: tuple(np.linalg.eigh(x)), (a,), (direction,))
    _, (du, ds, dvh) = jvp(lambda x: tuple(np.linalg.svd(x)), (a,), (direction,))

    assert np.isnan(dv).tolist() == [[True, True, False]] * 3
    assert np.isnan(du).tolist() == [[False, True, True]] * 3
    assert np.isnan(dvh).tolist() == [[False] * 3, [True] * 3, [True] * 3]
    np.testing.assert_allclose([dw[0], dw[1]], np.full(2, np.trace(direction[:2, :2]) / 2))
    np.testing.assert_allclose(ds, dw[::-1])


def test_forward_mode_follows_vectors_that_the_direction_does_not_mix() -> None:
    """Along the matrix itself no vector moves, whatever is repeated."""
    a, _ = _with_values(REPEATED)
    _, (dw, dv) = jvp(lambda x: tuple(np.linalg.eigh(x)), (a,), (a,))

    np.testing.assert_allclose(dw, REPEATED)
    np.testing.assert_allclose(dv, np.zeros((5, 5)), atol=1e-12)


@pytest.mark.parametrize("function", [np.linalg.eigvalsh, lambda a: np.linalg.svd(a)[1]])
def test_second_derivatives_at_repeated_values_are_an_error_in_all_modes(function: Callable[..., Any]) -> None:
    def f(a: Any) -> Any:
        return np.sum(function(a) ** 3)

    first, direction = grad(f), np.ones((2, 2))
    for second in (
        lambda: hessian(f)(np.eye(2)),
        lambda: grad(lambda a: first(a)[0, 1])(np.eye(2)),
        lambda: jvp(first, (np.eye(2),), (direction,)),
        lambda: jvp(lambda a: jvp(f, (a,), (direction,))[1], (np.eye(2),), (direction,)),
    ):
        with pytest.raises(NotDifferentiableError):
            second()


def test_other_variables_may_be_derived_through_a_gradient_at_repeated_values() -> None:
    """Only a second derivative in the matrix itself is refused."""

    def f(factor: Any) -> Any:
        return np.sum(grad(lambda a: factor**2 * np.sum(np.linalg.eigvalsh(a)))(np.eye(3)))

    assert grad(f)(2.0) == 12.0


def test_many_matrices_at_once_are_each_treated_by_their_own_ties() -> None:
    stack = np.stack([_with_values(REPEATED)[0], _with_values([1.0, 2.0, 3.0, 4.0, 5.0])[0], np.eye(5)])

    def f(a: Any) -> Any:
        return np.sum(np.exp(np.linalg.eigvalsh(a))) + np.linalg.eigvalsh(a)[-1] + np.linalg.norm(a, "nuc")

    np.testing.assert_allclose(vmap(grad(f))(stack), np.stack([grad(f)(a) for a in stack]), atol=1e-12)


# --- rank and zeros -------------------------------------------------------------------------------------------------
@real_and_complex
@pytest.mark.parametrize("shape", [(4, 3), (3, 4)])
def test_pinv_and_lstsq_have_their_derivatives_along_matrices_of_one_rank(
    shape: tuple[int, int], complex_numbers: bool
) -> None:
    u, v, b = (_normal(*s, complex_numbers=complex_numbers) for s in ((shape[0], 2), (2, shape[1]), (shape[0],)))

    check_grads(lambda x, y: np.linalg.pinv(x @ y), (u, v))
    check_grads(lambda x, y, z: np.linalg.lstsq(x @ y, z)[0], (u, v, b))


def test_pinv_of_a_hermitian_matrix_of_low_rank_has_its_derivatives() -> None:
    u = _normal(4, 2, complex_numbers=True)

    check_grads(lambda x: np.linalg.pinv(x @ np.conjugate(x.mT), rcond=1e-12, hermitian=True), (u,))


def test_lstsq_returns_what_numpy_does_whatever_the_rank() -> None:
    for a, b in ((_normal(4, 2), _normal(4)), (np.ones((4, 2)), _normal(4, 3)), (_normal(2, 4), _normal(2))):
        expected, actual = np.linalg.lstsq(a, b), np.linalg.lstsq(Tensor(a), b)

        assert [np.asarray(e).tobytes() for e in expected] == [np.asarray(r.data).tobytes() for r in actual]
        assert [np.shape(e) for e in expected] == [r.shape for r in actual]


def test_the_determinant_of_a_singular_matrix_has_exact_derivatives_to_second_order() -> None:
    check_grads(np.linalg.det, (np.ones((3, 3)),))
    check_grads(np.linalg.det, (np.zeros((2, 2)),))

    # All second derivatives of a 2 x 2 determinant are constant, wherever they are taken.
    np.testing.assert_array_equal(
        hessian(np.linalg.det)(np.zeros((2, 2))), hessian(np.linalg.det)(np.array([[2.0, 1], [1, 3]])).round(12)
    )


def test_the_gradient_of_the_determinant_is_exact_for_large_singular_matrices() -> None:
    u, v = _normal(20, 19), _normal(19, 20)
    a = u @ v / 19
    a[-1] = a[-2]

    check_grads(np.linalg.det, (a,), order=1)


@pytest.mark.parametrize("order", [None, 2, 1, np.inf, -np.inf, 3, 1.5, 0.5])
def test_the_derivative_of_a_norm_at_zero_is_zero_in_both_modes(order: Any) -> None:
    zero = np.zeros(3)

    def f(x: Any) -> Any:
        return np.linalg.norm(x, order)

    assert grad(f)(zero).tolist() == [0, 0, 0]
    assert jvp(f, (zero,), (np.ones(3),))[1] == 0


@pytest.mark.parametrize("order", ["fro", "nuc", 2, 1, np.inf])
def test_the_derivative_of_a_matrix_norm_at_zero_is_zero(order: Any) -> None:
    assert grad(lambda x: np.linalg.norm(x, order))(np.zeros((2, 3))).tolist() == [[0] * 3] * 2


@pytest.mark.parametrize("order", [2, 1, np.inf, 3, 1.5, 0.5])
def test_an_element_of_zero_has_the_symmetric_derivative_of_a_norm(order: Any) -> None:
    x = np.array([0.0, 1.0, -2.0, 2.0 if order == np.inf else 0.5])

    check_grads(lambda a: np.linalg.norm(a, order), (x,), order=1)


def test_one_zero_decides_a_norm_of_negative_order() -> None:
    x = np.array([0.0, 1.0, 2.0])

    with np.errstate(divide="ignore"):
        assert grad(lambda a: np.linalg.norm(a, -1))(x).tolist() == [0, 0, 0]


def test_counting_elements_is_a_norm_without_derivative() -> None:
    assert grad(lambda a: np.linalg.norm(a, 0) + a[0])(np.array([0.0, 2.0])).tolist() == [1, 0]


# --- one triangle ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("function", [np.linalg.cholesky, np.linalg.eigvalsh, lambda a: np.linalg.eigh(a)[1] ** 2])
def test_functions_of_hermitian_matrices_have_hermitian_gradients(function: Callable[..., Any]) -> None:
    """Though they read one triangle: the gradient is that of the Hermitian part."""
    a = _with_values([1.0, 2.0, 4.0], complex_numbers=False)[0]
    weight = _normal(3, 3)
    gradient = grad(lambda x: np.sum(weight * function(x)))(a)

    np.testing.assert_array_equal(gradient, gradient.T)


# --- NumPy's spellings ----------------------------------------------------------------------------------------------
A, B, V = _normal(3, 3), _normal(3, 3), _normal(3)
CUBE = _normal(3, 3, 3)
SPELLINGS: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = [
    (np.linalg.matmul, (A, B), {}), (np.linalg.tensordot, (A, B), {"axes": 1}), (np.linalg.matrix_transpose, (CUBE,), {}),
    (np.linalg.outer, (V, V), {}), (np.outer, (A, B), {}), (np.linalg.vecdot, (A, B), {"axis": 0}), (np.vecdot, (A, B), {"axis": 0, "keepdims": True}),
    (np.linalg.cross, (A, B), {"axis": 0}), (np.cross, (A, B), {"axis": 0}), (np.cross, (A, B), {"axisa": 0}), (np.cross, (CUBE, A), {"axisa": 1, "axisb": 0, "axisc": 0}),
    (np.cross, (A, CUBE), {"axisc": 1}), (np.cross, (A, B, 0, 1, 0), {}),
    (np.linalg.trace, (CUBE,), {"offset": 1}), (np.trace, (CUBE,), {}), (np.trace, (CUBE,), {"axis1": 2, "axis2": 0, "offset": -1}), (np.trace, (A, 1), {"dtype": complex}),
    (np.linalg.diagonal, (CUBE,), {"offset": -1}), (np.diagonal, (CUBE,), {}), (np.diagonal, (CUBE, 1, -1, 0), {}),
    (np.linalg.svd, (A,), {"compute_uv": False}), (np.linalg.svd, (A + A.T,), {"compute_uv": False, "hermitian": True}), (np.linalg.svd, (A, False), {}),
    (np.linalg.svd, (A + A.T,), {"hermitian": True}),
    (np.linalg.qr, (A, "r"), {}), (np.linalg.qr, (A[:, :2], "complete"), {}), (np.linalg.eigh, (A @ A.T,), {"UPLO": "U"}), (np.linalg.eigvalsh, (A @ A.T, "u"), {}),
    (np.linalg.pinv, (A, 1e-12), {}), (np.linalg.pinv, (CUBE,), {"rtol": np.array([1e-12] * 3)}), (np.linalg.pinv, (A,), {"rtol": None}), (np.linalg.pinv, (A @ A.T,), {"hermitian": True}),
    (np.linalg.matrix_rank, (CUBE,), {"tol": 0.1}), (np.linalg.matrix_rank, (V,), {}), (np.linalg.matrix_rank, (A @ A.T,), {"hermitian": True}),
    (np.linalg.tensorsolve, (_normal(2, 3, 6), _normal(2, 3)), {}), (np.linalg.tensorsolve, (_normal(6, 2, 3), V[[0, 1, 2, 0, 1, 2]]), {}),
    (np.linalg.norm, (A, "nuc", (1, 0)), {}), (np.linalg.norm, (CUBE,), {"axis": 1, "keepdims": True}), (np.linalg.norm, (A, 1), {"keepdims": True}), (np.linalg.norm, (np.array(-2.0),), {}),
    (np.linalg.cond, (A, "fro"), {}), (np.linalg.matrix_power, (A, 3), {}), (np.linalg.multi_dot, ([A, B, V],), {}), (np.linalg.slogdet, (CUBE,), {}),
    (np.linalg.eig, (CUBE,), {}), (np.linalg.cholesky, (A @ A.T,), {"upper": True}), (np.kron, (V, A), {}), (np.inner, (CUBE, A), {}), (np.vdot, (A, B), {}),
]  # fmt: skip


def _tracked(x: Any) -> Any:
    """Return arrays as tensors, also those of a list, and everything else as it is."""
    if isinstance(x, list):
        return [_tracked(part) for part in x]
    return Tensor(x, autograd=True) if isinstance(x, np.ndarray) else x


@pytest.mark.parametrize(("function", "args", "kwargs"), SPELLINGS)
def test_numpys_functions_give_their_own_bits_and_record_the_call(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Results of several parts come in NumPy's own named tuple."""
    expected = function(*args, **kwargs)
    tensors = [_tracked(x) for x in args]
    actual = function(*tensors, **kwargs)
    several = isinstance(expected, tuple)

    assert type(actual) is (type(expected) if several else Tensor)
    for e, r in zip(expected if several else [expected], actual if several else [actual], strict=True):
        assert np.asarray(e).tobytes() == np.asarray(r.data).tobytes()
        assert (np.shape(e), np.asarray(e).dtype) == (r.shape, r.dtype)
        assert r.autograd == (r.dtype.kind in "fc")


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        s
        for s in SPELLINGS
        if s[0] in (np.cross, np.trace, np.diagonal, np.outer, np.vecdot, np.linalg.svd, np.linalg.norm)
    ],
)
def test_spellings_with_arguments_of_their_own_have_the_derivatives_that_differences_give(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    first, *rest = args
    first = np.asarray(first, dtype=float)
    symmetric = _hermitian_part if kwargs.get("hermitian") else lambda x: x

    check_grads(lambda x: function(symmetric(x), *rest, **kwargs), (first,), order=1)


def test_what_a_tensor_cannot_honour_is_refused_by_name() -> None:
    t = Tensor(A, autograd=True)

    with pytest.raises(ArgumentError, match="mode='raw'"):
        np.linalg.qr(t, mode="raw")
    with pytest.raises(ArgumentError, match="casting"):
        np.vecdot(t, t, casting="unsafe")
    with pytest.raises(ArgumentError, match="rcond and rtol"):
        np.linalg.pinv(t, rcond=0.1, rtol=0.1)
    with pytest.raises(MutationError):
        np.trace(t, out=np.zeros(()))
    with pytest.raises(ValueError, match="one-dimensional"):
        np.linalg.outer(t, t)
    with pytest.raises(ValueError, match="3-dimensional"):
        np.linalg.cross(t[:, :2], t)


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) >= "2.5.0", reason="NumPy has no cross product in the plane")
@pytest.mark.parametrize(("first", "second"), list(itertools.product((2, 3), repeat=2)))
def test_cross_products_of_vectors_in_the_plane_are_numpys(first: int, second: int) -> None:
    """NumPy warns that these will go; until then they are what they were."""
    a, b = _normal(2, first), _normal(2, second)
    if (first, second) == (3, 3):
        check_grads(np.cross, (a, b))
        return

    with pytest.warns(DeprecationWarning, match="2-dimensional"):
        expected = np.cross(a, b)
    with pytest.warns(DeprecationWarning, match="2-dimensional"):
        actual = np.cross(Tensor(a), b)
    assert expected.tobytes() == actual.data.tobytes()
    with pytest.warns(DeprecationWarning, match="2-dimensional"):
        check_grads(np.cross, (a, b))


def test_a_singular_matrix_is_numpys_own_error() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        linalg.inv(Tensor(np.ones((2, 2)), autograd=True))
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        grad(lambda a: np.linalg.slogdet(a)[1])(np.zeros((2, 2)))


# --- many examples --------------------------------------------------------------------------------------------------
EACH: dict[str, Callable[[Any], Any]] = {
    "least squares": lambda a: np.sum(np.linalg.lstsq(a, V)[0] ** 2) + np.sum(np.linalg.lstsq(a[:, :2], V)[1]),
    "a vector solved by each matrix": lambda a: np.sum(np.linalg.solve(a, V) ** 2),
    "each vector solved by one matrix": lambda a: np.sum(np.linalg.solve(A, a[0]) ** 2),
    "eigenvalues": lambda a: np.sum(np.abs(np.linalg.eigvals(a)) ** 2) + np.sum(np.abs(np.linalg.eig(a)[1]) ** 4),
    "singular vectors": lambda a: np.linalg.svd(a)[0][0, 0] * np.linalg.svd(a)[2][0, 0],
    "chains": lambda a: np.sum(np.linalg.multi_dot([a, A, a, V])),
    "tensors": lambda a: np.sum(np.linalg.tensorinv(a.reshape(3, 3, 1), ind=1) ** 2),
    "norms": lambda a: np.linalg.norm(a, 2) + np.linalg.norm(a, 3, axis=0).sum() + np.linalg.cond(a, 1),
}


@pytest.mark.parametrize("name", EACH)
def test_gradients_of_many_examples_at_once_are_those_of_each(name: str) -> None:
    stack = CUBE + 2 * np.eye(3)
    expected = np.stack([grad(EACH[name])(a) for a in stack])

    np.testing.assert_allclose(vmap(grad(EACH[name]))(stack), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("function", [lambda x: np.linalg.eig(x)[0], lambda x: np.linalg.eig(x)[1], np.linalg.eigvals])
def test_examples_with_real_and_with_complex_eigenvalues_go_in_one_batch(function: Callable[[Any], Any]) -> None:
    turning = np.array([[0.1, 1.0, 0.0], [-1.0, 0.2, 0.3], [0.0, 0.1, 2.0]])
    stack = np.stack([np.diag([1.0, 2.0, 3.0]) + 0.1 * turning, turning])

    def size(x: Any) -> Any:
        return np.sum(np.abs(function(x)) ** 3)

    np.testing.assert_allclose(np.stack([np.linalg.eigvals(x) for x in stack]), vmap(np.linalg.eigvals)(stack))
    np.testing.assert_allclose(vmap(grad(size))(stack), np.stack([grad(size)(x) for x in stack]), atol=1e-13)
    assert np.iscomplexobj(vmap(function)(stack))


NAMED: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "cholesky": ((A @ A.T,), {"upper": True}), "cross": ((A, B), {"axis": 0}), "diagonal": ((CUBE,), {"offset": 1}), "eigh": ((A + A.T,), {}),
    "eigvalsh": ((A + A.T,), {}), "matrix_power": ((A, -2), {}), "matrix_rank": ((CUBE,), {"rtol": 0.1}), "matrix_transpose": ((CUBE,), {}),
    "pinv": ((CUBE,), {"rtol": 1e-12}), "qr": ((A,), {"mode": "complete"}), "svd": ((A[:2],), {"full_matrices": False}), "trace": ((CUBE,), {"offset": -1}),
    "vecdot": ((A, B), {"axis": 0}), "matrix_norm": ((CUBE,), {"ord": "nuc"}), "vector_norm": ((CUBE,), {"axis": (0, 2), "ord": 3}), "outer": ((V, V), {}),
    "matmul": ((A, B), {}), "tensordot": ((CUBE, A), {"axes": ((1,), (0,))}), "eig": ((A,), {}), "lstsq": ((A[:, :2], V), {"rcond": 1e-9}), "norm": ((A, 1), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_a_function_by_its_public_name_gives_numpys_bits_and_its_gradient(name: str) -> None:
    (first, *rest), kwargs = NAMED[name]
    public, numpys = getattr(linalg, name), getattr(np.linalg, name)

    def weighted(function: Callable[..., Any]) -> Callable[[Any], Any]:
        return lambda x: sum(
            np.sum(np.cos(part)) for part in _parts(function(x, *rest, **kwargs)) if part.dtype.kind == "f"
        )

    for e, r in zip(_parts(numpys(first, *rest, **kwargs)), _parts(public(first, *rest, **kwargs)), strict=True):
        assert np.asarray(e).tobytes() == np.asarray(r.data).tobytes()
    np.testing.assert_array_equal(grad(weighted(public))(first), grad(weighted(numpys))(first))


def _parts(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple) else (value,)


def test_pinv_by_the_standards_name_has_the_standards_tolerance() -> None:
    a = np.diag([1.0, 3e-16])
    numpys: Callable[..., Any] = np.linalg.pinv  # its stubs know no None here

    assert numpys(a, rtol=None).tobytes() == linalg.pinv(a).data.tobytes()
    assert np.linalg.matrix_rank(linalg.pinv(a).data) == 1


def test_the_standards_namespace_has_the_standards_functions() -> None:
    names = (
        "cholesky cross det diagonal eigh eigvalsh inv matmul matrix_norm matrix_power matrix_rank matrix_transpose outer pinv qr slogdet solve svd "
        "svdvals tensordot trace vecdot vector_norm"
    )

    assert set() == set(names.split()) - set(linalg.__all__)
    assert sorted(linalg.__all__) == [
        name for name in sorted(vars(linalg)) if name.isidentifier() and not name.startswith("_")
    ]


def test_a_jacobian_of_a_factor_is_its_columns_of_forward_mode() -> None:
    a = _with_values([1.0, 2.0, 4.0])[0]
    forward = np.stack([jvp(np.linalg.cholesky, (a,), (e.reshape(3, 3),))[1] for e in np.eye(9)], axis=-1).reshape(
        3, 3, 3, 3
    )

    np.testing.assert_allclose(jacobian(np.linalg.cholesky)(a), forward, atol=1e-12)
