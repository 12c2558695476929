"""Solutions of equations, differentiated by the implicit function theorem and not through the solver's steps.

Where F(x, a) = 0 defines x, its derivative solves the linear equation F_x dx = -F_a da (Krantz and Parks, "The Implicit
Function Theorem", 2002; Blondel et al., "Efficient and Modular Implicit Differentiation", NeurIPS 2022). That is stated
once, for all four functions; the linear equation is one of the four, so that it can be differentiated again.

Tracked tensors may be passed as arguments or closed over. Inside `vmap` a solver of this module works on one vector per
example; a user's gets one vector of all, since the equations of different examples have nothing to do with each other.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import evolve, frozen

from tape_ad import _tree
from tape_ad._batched import lead, names_of
from tape_ad._core import TABLE, TENSORS, Call, Op, Pack, Tensor, constant, record
from tape_ad._errors import ArgumentError, NotLinearError, StructureError
from tape_ad._rules import primitive
from tape_ad._solvers import (
    Function,
    Leaves,
    LinearMethod,
    Vectors,
    newton,
    norm_of,
    not_found,
    number,
    start,
    vector,
)
from tape_ad._stacked import itself
from tape_ad._tape import Tape
from tape_ad.transforms import _call, _functions, _results, custom
from tape_ad.transforms.gradient import grad, value_and_grad


# --- the four functions ---------------------------------------------------------------------------------------------
def linear_solve(
    matvec: Function, b: Any, *args: Any, solver: Function | None = None, symmetric: bool = False,
    tol: float | None = None, max_steps: int | None = None,
) -> Any:  # fmt: skip
    """Return the x with ``matvec(x, *args) == b``, without being given the matrix.

    Up to 200 unknowns the matrix is formed by as many calls of ``matvec`` and factored; beyond, x is found by GMRES (Saad
    and Schultz, SIAM J. Sci. Stat. Comput. 7(3), 1986), if ``symmetric`` by conjugate gradients. A derivative costs one
    solution more: in forward mode of the same equation, in reverse mode of the transposed one.

    Args:
        matvec: A function of plain NumPy code, linear in its first argument; its result is built like that argument.
        b: An array, or a nest of arrays; x is built like it.
        args: What else ``matvec`` takes; nests of anything.
        solver: ``solver(matvec, b)`` returns x, all as vectors: the arrays of a nest one after the other. It must use the
            ``matvec`` that it is given, which for a derivative is another.
        symmetric: Whether the matrix is symmetric (Hermitian, if complex) and positive definite.
        tol: The largest residual, relative to b; about 2e-12 for float64, and 1e-4 for what your own solver returns.
        max_steps: The most products with the matrix; ten per unknown if left out.

    Raises:
        ConvergenceError: if the residual stays larger, as for a singular matrix.
        NotLinearError: if ``matvec`` does not map zero to zero.
        StructureError: if its result is not built like b.

    >>> from tape_ad import grad
    >>> linear_solve(lambda x: 2.0 * x + np.sum(x), np.array([5.0, 7.0]))
    array([1., 2.])
    >>> grad(lambda a: linear_solve(lambda x, a: a * x, 6.0, a))(2.0)
    np.float64(-1.5)
    """
    leaves, structure = _tree.flatten(b)
    zeros = [np.zeros_like(start(x)) for x in leaves]
    images = _tree.flatten(_functions.function(matvec)(_tree.unflatten(structure, zeros), *args))[0]
    if any(np.any(lead(number(y), names_of([number(y)])) != 0) for y in images):
        msg = f"linear_solve({_functions.name_of(matvec)}) needs a linear function, but it maps 0 to something else. Take what is constant into b."
        raise NotLinearError(msg)
    if len(images) == len(zeros):
        zeros = [np.zeros(x.shape, np.result_type(x, number(y))) for x, y in zip(zeros, images, strict=True)]

    def find(equation: Equation, like: Vectors, _: Any, args: Any) -> Any:
        method, rhs = equation.method, like.pack(_tree.flatten(args[0])[0])
        return method.solve(lambda v: equation.values(v, args), rhs, like, equation.what, each=True)

    method = LinearMethod(solver, symmetric, tol, max_steps)
    return _solution(
        "linear_solve", matvec, lambda x, b, *args: matvec(x, *args), _rhs, _tree.unflatten(structure, zeros),
        (b, *args), find, method,
    )  # fmt: skip


def root(
    fun: Function, x0: Any, *args: Any, solver: Function | None = None, tol: float | None = None, max_steps: int = 100,
    linear_solver: Function | None = None,
) -> Any:  # fmt: skip
    """Return an x with ``fun(x, *args) == 0``: the one to which the solver comes from ``x0``.

    The solver is Newton's method with a line search, its steps those of `linear_solve`. Complex x are found where ``fun``
    is holomorphic.

    Args:
        fun: A function whose result is built like its first argument: as many equations as unknowns.
        x0: Where to begin, an array or a nest of arrays; x is built like it. It has no derivative.
        args: What else ``fun`` takes; nests of anything.
        solver: ``solver(fun, x0)`` returns x, all as vectors: ``lambda f, x0: scipy.optimize.root(f, x0).x``.
        tol: How small the last step must be, relative to ``1 + norm(x)``; about 2e-12 for float64.
        max_steps: The most steps.
        linear_solver: How the linear equations of derivatives are solved; the ``solver`` of `linear_solve`.

    Raises:
        ConvergenceError: if the residual does not vanish, or the Jacobian is singular.
        StructureError: if the result of ``fun`` is not built like ``x0``.

    >>> from tape_ad import grad
    >>> cube_root = lambda a: root(lambda x, a: x**3 - a, 1.0, a)
    >>> print(f"{cube_root(8.0):.6f} {grad(cube_root)(8.0):.6f}")
    2.000000 0.083333
    """

    def find(equation: Equation, like: Vectors, x: Any, args: Any) -> Any:
        def residual(x: Any) -> tuple[Any, Any]:
            r = like.pack(equation.residual(like.unpack(x), args))
            return norm_of(r), r

        def direction(x: Any, r: Any) -> tuple[Any, Any]:
            push = Linearization.at(equation, like.unpack(x), args).push
            return LinearMethod().solve(push, -r, like, f"a step of {equation.what}"), -norm_of(r)

        if solver is not None:
            return equation.by(solver, like, x, lambda x: residual(x)[1])
        return newton(residual, direction, x, tol or like.eps**0.75, max_steps, equation.what)

    return _solution("root", fun, _functions.function(fun), None, x0, args, find, LinearMethod(linear_solver))


def fixed_point(
    fun: Function, x0: Any, *args: Any, solver: Function | None = None, tol: float | None = None, max_steps: int = 1000,
    linear_solver: Function | None = None,
) -> Any:  # fmt: skip
    """Return the x with ``fun(x, *args) == x`` to which ``fun``, applied again and again from ``x0``, leads.

    Where that takes long or leads away, ``root(lambda x, *args: fun(x, *args) - x, x0, *args)`` takes Newton's steps. The
    parameters and errors are those of `root`; ``solver(fun, x0)`` gets ``fun`` itself.

    >>> from tape_ad import grad
    >>> grad(lambda a: fixed_point(lambda x, a: (x + a / x) / 2, 1.0, a))(4.0)
    np.float64(0.25)
    """

    def find(equation: Equation, like: Vectors, x: Any, args: Any) -> Any:
        def image(x: Any) -> Any:
            return like.pack(equation.values(like.unpack(x), args))

        if solver is not None:
            return equation.by(solver, like, x, lambda x: image(x) - x, image)
        change, enough = norm_of(x), tol or like.eps**0.75
        for _ in range(max_steps):
            before, x = x, image(x)
            change = norm_of(x - before)
            if np.all(change < enough * (1 + norm_of(x))):
                return x
        raise not_found(equation.what, f"after {max_steps} steps x still changes by {np.max(change):.2g}")

    return _solution(
        "fixed_point", fun, _functions.function(fun), lambda x, _: x, x0, args, find, LinearMethod(linear_solver)
    )


def minimize(
    fun: Function, x0: Any, *args: Any, solver: Function | None = None, tol: float | None = None, max_steps: int = 200,
    linear_solver: Function | None = None,
) -> Any:  # fmt: skip
    """Return the x at which ``fun(x, *args)`` is smallest near ``x0``: a strict local minimum of a smooth function.

    The solver is Newton's method with a line search, which turns negative curvatures round; it forms the Hessian, so bring
    one of your own for thousands of unknowns. The derivative is that of the root of the gradient. The parameters and errors
    are those of `root`, but for ``fun``, which returns one real scalar of real arrays, and ``solver(fun, gradient, x0)``:
    ``lambda f, g, x0: scipy.optimize.minimize(f, x0, jac=g).x``.

    >>> from tape_ad import jacobian
    >>> jacobian(lambda a: minimize(lambda x, a: np.sum((x - a) ** 2) + x[0] ** 2, np.zeros(2), a))(np.ones(2))
    array([[0.5, 0. ],
           [0. , 1. ]])
    """

    def find(equation: Equation, like: Vectors, x: Any, args: Any) -> Any:
        def value(x: Any) -> tuple[Any, Any]:
            found, gradient = value_and_grad(fun)(equation.nest(like.unpack(x)), *args)
            scalars = np.broadcast_to(lead(number(found), like.names), like.lengths)
            return scalars.reshape(-1), like.pack(_tree.flatten(gradient)[0])

        def hessian(x: Any) -> Any:
            matrix = like.matrix(Linearization.at(equation, like.unpack(x), args).push)
            return np.linalg.eigh((matrix + matrix.swapaxes(1, 2)) / 2)

        def direction(x: Any, g: Any) -> tuple[Any, Any]:
            curvatures, axes = hessian(x)
            size = np.abs(curvatures)
            size = np.maximum(size, like.eps**0.5 * np.max(size, 1, keepdims=True) + np.finfo(like.dtype).tiny)
            step = -(axes @ ((axes.swapaxes(1, 2) @ g[:, :, None]) / size[:, :, None]))[:, :, 0]
            return step, np.sum(g * step, 1)

        if solver is not None:
            own = solver
            total = lambda v: float(np.sum(value(v.reshape(x.shape))[0]))  # noqa: E731 - what the solver calls fun
            return equation.by(lambda g, x0: own(total, g, x0), like, x, lambda x: value(x)[1])
        x = newton(value, direction, x, tol or like.eps**0.75, max_steps, equation.what)
        curvatures = hessian(x)[0]
        if np.any(curvatures[:, 0] < -(like.eps**0.5) * np.max(np.abs(curvatures), 1)):
            raise not_found(equation.what, "the gradient vanishes at a saddle point or maximum, not at a minimum")
        return x

    if any(np.iscomplexobj(number(x)) for x in _tree.flatten(x0)[0]):
        msg = f"minimize({_functions.name_of(fun)}) takes real arrays. Pass real and imaginary parts as a tuple of two."
        raise ArgumentError(msg)
    return _solution("minimize", fun, grad(fun), None, x0, args, find, LinearMethod(linear_solver, symmetric=True))


# --- equations ------------------------------------------------------------------------------------------------------
@frozen(eq=False)
class Equation:
    """``fun(x, *args) == less(x, args)``, with the solver of linear equations that its derivative takes."""

    what: str
    fun: Function
    less: Function | None
    structure: _tree.Structure
    shapes: tuple[tuple[int, ...], ...]
    real: bool
    args: tuple[Any, ...]
    watched: _call.Watched
    method: "LinearMethod"

    def nest(self, leaves: Leaves) -> Any:
        """Return x as the function gets it."""
        return _tree.unflatten(self.structure, [custom.shown(x) for x in leaves])

    def values(self, leaves: Leaves, args: Sequence[Any]) -> list[Any]:
        """Return the leaves of the left side; refuse them where they do not match those of x."""
        found, built = _tree.flatten(self.fun(self.nest(leaves), *args))
        if built != self.structure:
            difference = _tree.mismatch(self.structure, built, "result")
            msg = f"{self.what} needs a function whose result is built like x, but it differs at {difference}. Stack numbers with np.stack."
            raise StructureError(msg)
        for x, shape in zip(found, self.shapes, strict=True):
            if np.shape(x) != shape or (self.real and np.iscomplexobj(number(x))):
                kind = "real" if self.real else "any"
                msg = (
                    f"{self.what} needs a function whose result is like x, of shape {shape} and {kind} dtype, but it has shape "
                    f"{np.shape(x)} and dtype {number(x).dtype}. Start with an x0 of that kind."
                )
                raise StructureError(msg)
        return found

    def residual(self, leaves: Leaves, args: Sequence[Any]) -> list[Any]:
        """Return the leaves of what is to vanish."""
        values = self.values(leaves, args)
        return values if self.less is None else [v - y for v, y in zip(values, self.less(leaves, args), strict=True)]

    def by(self, solver: Function, like: Vectors, x: Any, residual: Function, given: Function | None = None) -> Any:
        """Return what a user's solver finds; refuse it where it is far from a solution."""
        own, scale = given or residual, 1 + np.nan_to_num(norm_of(residual(x)), posinf=0.0)
        found = vector(solver(lambda v: own(v.reshape(x.shape)).reshape(-1), x.reshape(-1).copy()), x, self.what)
        left = norm_of(residual(found))
        if not np.all(left <= like.eps**0.25 * scale):
            raise not_found(self.what, f"the solver stopped at a residual of {np.max(left):.2g}")
        return found


def _rhs(_: Leaves, args: Sequence[Any]) -> list[Any]:
    return _tree.flatten(args[0])[0]


def _solution(
    name: str, named: Any, fun: Function, less: Function | None, x0: Any, args: tuple[Any, ...], find: Function,
    method: "LinearMethod",
) -> Any:  # fmt: skip
    """Solve an equation on plain data, and record the solution as one node of what the equation depends on."""
    leaves, structure = _tree.flatten(x0)
    x = [start(leaf) for leaf in leaves]
    watched: _call.Watched = []
    frame, serial = _call.caller(2), next(_call.serials)
    given, built = _tree.flatten(args)
    call = Call(TABLE["argument"], {"serial": serial})
    tracked = [type(t) is Tensor and t.autograd for t in given]
    own = [
        record(t.data, (t,), call, True, frame) if is_tracked else _call.guard(t, watched)
        for t, is_tracked in zip(given, tracked, strict=True)
    ]
    detached = _tree.unflatten(
        built, [custom.shown(t.data) if is_tracked else t for t, is_tracked in zip(own, tracked, strict=True)]
    )
    real = not any(np.iscomplexobj(leaf) for leaf in x)
    what = f"{name}({_functions.name_of(named)})"
    equation = Equation(
        what, fun, less, structure, tuple(map(np.shape, x)), real, _tree.unflatten(built, own), watched, method
    )
    if any(map(np.size, x)):
        like = Vectors.of(x, [number(r) for r in equation.residual(x, detached)])
        with np.errstate(all="ignore"):  # a solver may try points where the function overflows
            x = like.unpack(find(equation, like, like.pack(x), detached))
    inputs = [t for t, is_tracked in zip(own, tracked, strict=True) if is_tracked]
    serial = next(_call.serials)  # drawn now: what an inner call wraps is no input
    results = [r for r in equation.residual(x, equation.args) if type(r) is Tensor and r.autograd]
    inputs += _results.closed_over(results, inputs, serial) if results else []
    if not inputs:
        return _tree.unflatten(structure, [_results.plain(d) for d in x])
    params = {"fun": named, "equation": equation, "inputs": tuple(inputs)}
    return custom.unpacked(structure, x, tuple(inputs), Call(_IMPLICIT, params), frame)


# --- derivatives ----------------------------------------------------------------------------------------------------
@frozen(eq=False)
class Linearization:
    """The derivative of an equation at an x, as products with it and with its transpose."""

    tape: Tape
    xs: list[Tensor]

    @classmethod
    def at(cls, equation: Equation, x: Leaves, args: Any, inputs: Sequence[Tensor] = ()) -> "Linearization":
        """Record the equation at x, which may be tensors that lead on to what x was made from."""
        call, frame = Call(TABLE["argument"], {"serial": next(_call.serials)}), _call.caller(1)
        xs = [record(t.data, (t,), call, True, frame) if type(t) is Tensor else Tensor(t, autograd=True) for t in x]
        outputs = [constant(r) for r in equation.residual(xs, args)]
        return cls(Tape.of(*outputs, boundary=(*xs, *inputs)), xs)

    def push(self, tangents: Leaves, wrt: Sequence[Tensor] | None = None, *, differentiable: bool = False) -> list[Any]:
        """Return the product of the derivative with tangents of x, or of ``wrt``."""
        known = {t: _as(d, t, differentiable) for t, d in zip(wrt or self.xs, tangents, strict=True) if d is not None}
        found = self.tape.tangents(known, differentiable=differentiable)
        return [
            np.zeros(t.shape, t.dtype)[()] if d is None else d for t, d in zip(self.tape.outputs, found, strict=True)
        ]

    def pull(self, cts: Leaves, wrt: Sequence[Tensor] | None = None, *, differentiable: bool = False) -> list[Any]:
        """Return the product of the transposed derivative with cotangents."""
        seeds = [_as(ct, t, differentiable) for t, ct in zip(self.tape.outputs, cts, strict=True)]
        found = self.tape.cotangents(wrt or self.xs, seeds, differentiable=differentiable)
        return [found.get(t) for t in wrt or self.xs]

    def solve(self, apply: Function, b: Leaves, at: Leaves, equation: Equation, *, differentiable: bool) -> Any:
        """Return the arrays y with ``apply(y) == b``, where ``apply`` is `push` or `pull`; as tensors where asked for."""
        what = f"the derivative of {equation.what}"
        like = Vectors.of([number(x) for x in at], [number(x) for x in b])
        if not differentiable:
            return like.unpack(equation.method.solve(apply, like.pack(b), like, what))
        zeros = [np.zeros_like(x) for x in evolve(like, names=(), lengths=()).unpack(np.zeros((1, like.size)))]

        def find(_: Equation, like: Vectors, __: Any, args: Any) -> Any:
            return equation.method.solve(apply, like.pack(args[0]), like, what)

        def linear(y: Leaves, _: Leaves) -> list[Any]:
            return apply(y, differentiable=True)  # type: ignore[no-any-return]  # push and pull return lists

        return _solution(what, linear, linear, _rhs, zeros, (list(b),), find, equation.method)


def _as(value: Any, like: Tensor, differentiable: bool) -> Any:
    """Return a cotangent or tangent as the tape takes it: of the tensor's dtype, zero for None."""
    if value is None:
        value = np.zeros(like.shape, like.dtype)[()]
    elif not differentiable:
        value = number(value)
    value = value if value.dtype == like.dtype else value.astype(like.dtype)
    return constant(value) if differentiable else value


def _at(xp: Any, out: Any, equation: Equation, inputs: Any) -> tuple[Linearization, list[Any], bool]:
    _call.check_watched(equation.watched)
    differentiable = xp is TENSORS
    datas = out.data if type(out) is Tensor else out
    x = [out] if equation.structure is _tree.LEAF else list(datas)
    if differentiable and equation.structure is not _tree.LEAF:
        x = [TENSORS.unpack(out, i=i) for i in range(len(datas))]
    return Linearization.at(equation, x, equation.args, inputs), x, differentiable


def _jvp(xp: Any, tangents: Any, out: Any, operands: Any, fun: Any, equation: Equation, inputs: Any) -> Any:
    at, x, differentiable = _at(xp, out, equation, inputs)
    rhs = [-d for d in at.push(tangents, inputs, differentiable=differentiable)]
    found = at.solve(at.push, rhs, x, equation, differentiable=differentiable)
    return found[0] if equation.structure is _tree.LEAF else Pack(found)


def _vjp(
    xp: Any, ct: Any, wanted: Any, out: Any, operands: Any, fun: Any, equation: Equation, inputs: Any
) -> list[Any]:
    at, x, differentiable = _at(xp, out, equation, inputs)
    cts = [_as(c, t, differentiable) for c, t in zip(ct if isinstance(ct, Pack) else [ct], at.xs, strict=True)]
    found = at.solve(at.pull, cts, x, equation, differentiable=differentiable)
    pulled = at.pull([-y for y in found], inputs, differentiable=differentiable)
    return [g if want else None for g, want in zip(pulled, wanted, strict=True)]


@primitive(vjps=(_vjp,), jvp=_jvp, variadic=True, joint=True, batched=itself, shows=("fun",))
def implicit_solution(xp: Any, operands: Any, /, *, fun: Any, equation: Any, inputs: Any) -> Any:
    """Return the solution of an equation."""
    raise NotImplementedError


_IMPLICIT: Op[Any] = TABLE["implicit_solution"]
