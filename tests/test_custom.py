"""`custom_vjp`, `custom_jvp` and users' own ops: a rule is ordinary code, and every transform follows it."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tape_ad
from tape_ad import (
    ArgumentError,
    Case,
    ConversionError,
    NoRuleError,
    NotLinearError,
    RuleError,
    Tape,
    Tensor,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    jacobian,
    jvp,
    linearize,
    vjp,
    vmap,
)
from tape_ad.testing import check_grads, check_op

X = np.array([0.3, -0.7, 1.2])
Y = np.array([1.5, 0.4, -0.9])
A = np.eye(3) + np.outer(X, Y) / 4


def two(x: Any, params: Any) -> Any:
    """Return two results of an array and a nest."""
    return {"a": np.sin(x) * params["k"], "b": np.sum(x * params["w"])}


def two_fwd(x: Any, params: Any) -> Any:
    return two(x, params), (x, params)


def two_bwd(residuals: Any, ct: Any) -> Any:
    x, params = residuals
    k, w = params["k"], params["w"]
    return (
        ct["a"] * np.cos(x) * k + ct["b"] * w,
        {"k": np.sum(ct["a"] * np.sin(x)), "w": ct["b"] * x},
    )


def two_rule(primals: Any, tangents: Any) -> Any:
    (x, params), (dx, d) = primals, tangents
    a = np.cos(x) * dx * params["k"] + np.sin(x) * d["k"]
    return two(x, params), {"a": a, "b": np.sum(dx * params["w"] + x * d["w"])}


BY_VJP = custom_vjp(two).defvjp(two_fwd, two_bwd)
BY_JVP = custom_jvp(two).defjvp(two_rule)


def energy(f: Callable[..., Any], x: Any, k: Any, w: Any) -> Any:
    out = f(x, {"k": k, "w": w})
    return np.sum(out["a"] ** 2) * out["b"]


@pytest.fixture(params=[BY_VJP, BY_JVP], ids=["custom_vjp", "custom_jvp"])
def own(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_either_rule_serves_both_modes_and_both_orders(own: Any) -> None:
    check_grads(lambda x, k, w: energy(own, x, k, w), (X, np.array(0.8), Y), order=2)


def test_every_transform_gives_what_it_gives_without_the_rule(own: Any) -> None:
    def over(transform: Callable[..., Any]) -> Any:
        return [transform(lambda x, f=f: energy(f, x, 0.8, Y * x)) for f in (own, two)]

    for transform in (
        grad,
        hessian,
        jacobian,
        lambda f: jacobian(grad(f), mode="rev"),
        lambda f: grad(lambda x: grad(f)(x)[0]),
    ):
        mine, plain = over(transform)
        np.testing.assert_allclose(mine(X), plain(X), rtol=1e-12)
        np.testing.assert_allclose(vmap(mine)(np.stack([X, Y])), np.stack([plain(X), plain(Y)]), rtol=1e-12)
    direction = np.array([1.0, 2.0, -1.0])
    mine, plain = over(lambda f: jvp(f, (X,), (direction,)))
    np.testing.assert_allclose(mine, plain, rtol=1e-12)
    mine, plain = over(lambda f: linearize(f, X)[1](direction))
    np.testing.assert_allclose(mine, plain, rtol=1e-12)


def test_the_rule_is_what_decides_the_derivative() -> None:
    def rule(primals: Any, tangents: Any) -> Any:
        return primals[0], 3.0 * tangents[0]

    tripled = custom_jvp(lambda x: x).defjvp(rule)
    clipped = custom_vjp(lambda x: x).defvjp(lambda x: (x, None), lambda _, ct: (np.clip(ct, -1, 1),))

    assert grad(tripled)(2.0) == 3.0
    assert jvp(tripled, (2.0,), (1.0,))[1] == 3.0
    assert grad(lambda x: clipped(x) * 5.0)(2.0) == 1.0


def test_without_a_tracked_argument_the_function_itself_runs(own: Any) -> None:
    out = own(X, {"k": 2.0, "w": Y})

    assert type(out["a"]) is np.ndarray
    np.testing.assert_array_equal(out["a"], two(X, {"k": 2.0, "w": Y})["a"])


def test_arguments_go_by_position_or_by_name_and_may_be_anything() -> None:
    def f(x: Any, how: str, power: int = 2) -> Any:
        assert how == "fast"
        return x**power

    powered = custom_vjp(f).defvjp(
        lambda x, how, power: (f(x, how, power), (x, power)), lambda r, ct: (ct * r[1] * r[0] ** (r[1] - 1), None, None)
    )

    assert grad(powered)(3.0, "fast") == 6.0
    assert grad(lambda x: powered(power=3, x=x, how="fast"))(2.0) == 12.0


def test_a_rule_may_read_arrays_that_it_closes_over_but_no_tracked_tensor() -> None:
    t = Tensor(2.0, autograd=True)
    reverse = custom_vjp(lambda x: x).defvjp(lambda x: (x * 1.0, None), lambda _, ct: (ct * t,))
    forward = custom_jvp(lambda x: x * 1.0).defjvp(lambda p, d: (p[0], d[0] * t))
    value = custom_vjp(lambda x: x * t).defvjp(lambda x: (x * t, None), lambda _, ct: (ct,))

    for f in (grad(reverse), grad(forward), lambda x: jvp(forward, (x,), (1.0,)), grad(value)):
        with pytest.raises(
            ConversionError, match=r"tracked tensor that is none of its arguments.*Pass it as an argument"
        ):
            f(1.0)


def wrong(bwd: Callable[..., Any]) -> Any:
    return grad(custom_vjp(lambda x: x).defvjp(lambda x: (x, None), bwd))


def wrong_forward(rule: Callable[..., Any]) -> Any:
    return grad(custom_jvp(lambda x: x).defjvp(rule))


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (grad(custom_vjp(np.sin)), NoRuleError, r"sin has no rule yet.*f = custom_vjp\(f\).defvjp\(fwd, bwd\)"),
        (grad(custom_jvp(np.sin)), NoRuleError, r"sin has no rule yet.*f = custom_jvp\(f\).defjvp\(rule\)"),
        (wrong(lambda _, ct: ct), RuleError, "must return a tuple with one gradient per argument, 1, but returned float64"),
        (wrong(lambda _, ct: (ct, ct)), RuleError, "one gradient per argument, 1, but returned 2 entries"),
        (wrong(lambda _, ct: ([ct],)), RuleError, "gradients built like the arguments, but they differ at gradient 0"),
        (wrong(lambda _, ct: (ct * np.ones(2),)), RuleError, r"gradient of shape \(2,\) for an argument of shape \(\)"),
        (grad(custom_vjp(np.sin).defvjp(np.sin, np.cos)), RuleError, r"must return \(value, residuals\), but it returned"),
        (wrong_forward(lambda p, d: p[0]), RuleError, r"must return \(value, tangent\), but it returned"),
        (wrong_forward(lambda p, d: (p[0], [d[0]])), RuleError, "a tangent built like the value, but it differs at tangent"),
        (wrong_forward(lambda p, d: (p[0], d[0] * np.ones(2))), RuleError, r"a tangent of shape \(2,\) for a value of shape \(\)"),
    ],
)  # fmt: skip
def test_a_rule_that_does_not_fit_is_refused_with_what_it_should_return(
    f: Callable[..., Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        f(1.0)


def test_arguments_that_can_only_be_named_are_refused() -> None:
    def f(x: Any, *, k: float) -> Any:
        return x * k

    own = custom_vjp(f).defvjp(lambda x: (x, None), lambda _, ct: (ct,))

    with pytest.raises(ArgumentError, match=r"k can only be passed by name.*functools\.partial"):
        own(Tensor(1.0, autograd=True), k=2.0)


def test_the_records_print_compare_and_pickle(own: Any) -> None:
    again = pickle.loads(pickle.dumps(own))  # noqa: S301 - our own bytes

    assert own == again
    assert repr(own) == repr(again)
    assert "fun=two" in repr(own)


def test_a_call_is_one_node_of_the_tape_however_many_results_it_has(own: Any) -> None:
    x = Tensor(X, autograd=True)
    out = own(x, {"k": 2.0, "w": Y})
    listing = str(Tape.of(out["a"].sum() + out["b"]))

    assert listing.count("call_with") == 1
    assert "(float64[3], float64[])" in listing


def test_several_results_may_be_used_or_not() -> None:
    for f in (BY_VJP, BY_JVP):
        np.testing.assert_allclose(grad(lambda x, f=f: f(x, {"k": 2.0, "w": Y})["b"])(X), Y)
        _, pullback = vjp(lambda x, f=f: f(x, {"k": 2.0, "w": Y}), X)
        (g,) = pullback({"a": np.ones(3), "b": 0.0})
        np.testing.assert_allclose(g, 2 * np.cos(X))


# --- whole ops ------------------------------------------------------------------------------------------------------
@tape_ad.elementwise(partials=(lambda xp, out, x: 1 / (1 + xp.exp(-x)),))
def softplus_of_a_user(xp: Any, x: Any, /) -> Any:
    """Return ``log(1 + exp(x))``."""
    return xp.logaddexp(x, 0.0)


@tape_ad.primitive(
    vjps=(lambda xp, ct, out, x: ct[..., ::-1],),
    jvp=lambda xp, tangents, out, x: tangents[0][..., ::-1],
    cases=(Case(((3,),)),),
)
def reversed_by_a_user(xp: Any, x: Any, /) -> Any:
    """Return the array backwards, by code that knows plain arrays only."""
    return np.ascontiguousarray(np.asarray(x)[..., ::-1])


@pytest.mark.parametrize("op", [softplus_of_a_user, reversed_by_a_user], ids=lambda op: op.name)
def test_a_users_op_obeys_the_laws_and_every_transform(op: Any) -> None:
    check_op(op)
    check_grads(lambda x: np.sum(op(x) ** 2), (X,), order=2)
    stacked = np.stack([X, Y])

    np.testing.assert_allclose(vmap(op)(stacked), np.stack([op(X).data, op(Y).data]))
    np.testing.assert_allclose(
        vmap(grad(lambda x: np.sum(op(x) ** 2)))(stacked),
        np.stack([grad(lambda x: np.sum(op(x) ** 2))(x) for x in stacked]),
    )


def test_the_report_names_a_users_op_without_a_batched_form() -> None:
    stacked = np.stack([X, Y])

    (line,) = vmap.report(lambda x: reversed_by_a_user(x) * 2, stacked)

    assert line.startswith("reversed_by_a_user at ")
    assert () == vmap.report(softplus_of_a_user, stacked)


def test_a_name_or_a_function_that_is_taken_is_refused_and_a_users_own_is_replaced() -> None:
    def sin(xp: Any, x: Any, /) -> Any:
        """Return something."""
        return x

    with pytest.raises(ArgumentError, match="sin: the name 'sin' belongs to an op of tape_ad"):
        tape_ad.linear(transposes=(None,))(sin)
    with pytest.raises(ArgumentError, match=r"np\.sin belongs to an op of tape_ad"):
        tape_ad.elementwise(np.sin, partials=(None,), name="another_sine")(sin)
    first = tape_ad.elementwise(partials=(None,), name="of_a_user")(sin)

    assert tape_ad.elementwise(partials=(None,), name="of_a_user")(sin) is not first


@pytest.mark.parametrize("bwd", [np.sign, np.square, lambda ct: np.clip(ct, -1, 1), lambda ct: ct + 1.0, np.ones_like])
def test_forward_mode_refuses_a_bwd_that_is_not_linear_in_the_cotangent(bwd: Callable[..., Any]) -> None:
    f = custom_vjp(lambda x: 2 * x).defvjp(lambda x: (2 * x, None), lambda _, ct: (bwd(ct),))

    assert grad(f)(1.0) == bwd(np.float64(1.0))
    with pytest.raises(NotLinearError, match=r"Forward mode of <lambda> transposes its bwd \(state it by custom_jvp"):
        jvp(f, (1.0,), (3.0,))


@pytest.mark.parametrize(
    "linear", [lambda ct: ct[::-1] * 2, lambda ct: np.linalg.solve(A, ct), np.cumsum, lambda ct: np.outer(ct, X)[0],
               lambda ct: np.convolve(ct, X, "same"), lambda ct: np.where(X > 0, ct, 0.0)],
)  # fmt: skip
def test_forward_mode_takes_every_linear_bwd(linear: Callable[..., Any]) -> None:
    f = custom_vjp(lambda x: x * 1.0).defvjp(lambda x: (x * 1.0, None), lambda _, ct: (linear(ct),))
    matrix = np.stack([linear(e) for e in np.eye(3)])

    np.testing.assert_allclose(jacobian(f, mode="fwd")(X), jacobian(f, mode="rev")(X))
    np.testing.assert_allclose(jacobian(f, mode="fwd")(X), matrix, atol=1e-15)
