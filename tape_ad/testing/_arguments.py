"""Arguments for any function of NumPy's, from the names of its parameters: so that a new function is called as well.

A sample is a call with places for arrays. Many are proposed; those are kept that NumPy itself answers without a warning.
"""

import ast
import inspect
import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from attrs import evolve, field, frozen

from tape_ad._cases import Domain
from tape_ad._law_tools import Arrays
from tape_ad._rules import ABOVE_ONE, BOOLEAN, GROWING, INTEGER, POSITIVE, REAL, UNIT
from tape_ad._typing import Shape

MOST = 6
"""How many samples of one function are tried."""
DRAWS = 8
"""How many draws NumPy has to answer before a sample is kept: a domain that is too wide shows in one of them."""


POSITION = Domain("0 or 1", lambda z: np.asarray(z.real > 0, dtype=int))
FRACTION = Domain("inside (0, 1)", lambda z: 0.5 + 0.4 * np.tanh(z))
BYTES = Domain("bytes", lambda z: np.asarray(np.abs(9 * z), dtype=np.uint8))


# --- samples --------------------------------------------------------------------------------------------------------
@frozen(eq=False)
class Place:
    """Where an array goes, and how it is drawn."""

    shape: Shape
    domain: Domain = REAL

    def draw(self, rng: np.random.Generator, dtype: Any = None) -> Any:
        """Return numbers of the domain, floating-point ones of another dtype if one is given and the domain has such."""
        z = np.asarray(rng.standard_normal(self.shape))
        if np.dtype(dtype).kind == "c":
            if not self.domain.complex:
                return self.draw(rng)
            z = z + 1j * rng.standard_normal(self.shape)
        drawn = np.asarray(self.domain.draw(z))
        return drawn if dtype is None or drawn.dtype.kind not in "fc" else drawn.astype(dtype)

    def __repr__(self) -> str:
        return f"<{', '.join(map(str, self.shape))}>"


@frozen
class Sample:
    """The arguments of a call, of which those that are a `Place` are arrays."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(factory=dict)

    @property
    def places(self) -> list[Place]:
        return [part for part in _parts((self.args, dict(self.kwargs))) if isinstance(part, Place)]

    def fill(self, values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments with these values in the places."""
        filled = _filled((self.args, dict(self.kwargs)), iter(values))
        return filled[0], filled[1]

    def draw(self, rng: np.random.Generator, dtype: Any = None) -> Arrays:
        """Return read-only arrays for the places."""
        drawn = tuple([place.draw(rng, dtype) for place in self.places])
        for x in drawn:
            x.setflags(write=False)
        return drawn

    def __str__(self) -> str:
        named = [f"{key}={_shown(value)}" for key, value in self.kwargs.items()]
        return ", ".join([*map(_shown, self.args), *named])


def _shown(value: Any) -> str:
    return getattr(value, "__name__", None) or " ".join(repr(value).split())


def _parts(nest: Any) -> Iterator[Any]:
    if isinstance(nest, (tuple, list, dict)):
        for part in nest.values() if isinstance(nest, dict) else nest:
            yield from _parts(part)
    else:
        yield nest


def _filled(nest: Any, values: Iterator[Any]) -> Any:
    if isinstance(nest, dict):
        return {key: _filled(part, values) for key, part in nest.items()}
    if type(nest) in (tuple, list):
        return type(nest)([_filled(part, values) for part in nest])
    return next(values) if isinstance(nest, Place) else nest


# --- what parameters take, by their names ---------------------------------------------------------------------------
Choices: TypeAlias = Callable[[Shape], tuple[Any, ...]]
"""The arguments that may suit a parameter, for arrays of a shape."""


def _array(shape: Shape) -> tuple[Any, ...]:
    return (Place(shape),)


def _arrays(shape: Shape) -> tuple[Any, ...]:
    return ([Place(shape), Place(shape)],)


def _mask(shape: Shape) -> Any:
    return np.arange(np.prod(shape, dtype=int)).reshape(shape) % 2 == 0


def _positions(shape: Shape) -> Any:
    return Place(shape, POSITION)


def _always(*choices: Any) -> Choices:
    return lambda shape: choices


TAKES: Mapping[str, Choices] = {
    "arrays": _arrays, "tup": _arrays, "seq": _arrays, "choices": _arrays, "choicelist": lambda shape: ([Place(shape)],),
    "condition": lambda shape: (_mask(shape),), "mask": lambda shape: (_mask(shape),), "condlist": lambda shape: ([_mask(shape)],),
    "func": _always(np.sum), "func1d": _always(np.sum), "function": _always(np.add), "funclist": _always([np.sin]), "mask_func": _always(np.triu),
    "operands": lambda shape: (("...i->...", Place(shape)),),
    "axis": _always(0), "axes": _always((0, 1), 0), "axis1": _always(0), "axis2": _always(-1), "source": _always(0), "destination": _always(-1),
    "shape": lambda shape: (shape, 3), "newshape": lambda shape: (shape,), "new_shape": _always((2, 4)), "dims": _always((4, 4)), "dimensions": _always((2, 3)),
    "indices": lambda shape: ([1, 0], _positions(shape)), "ind": _always([0]), "obj": _always(1), "indices_or_sections": _always([1]), "multi_index": lambda shape: ((_positions(shape), _positions(shape)),),
    "n": _always(2), "N": _always(4), "M": _always(4), "k": _always(1), "deg": _always(1), "shift": _always(1), "repeats": _always(2), "reps": _always(2), "kth": _always(1),
    "q": lambda shape: (Place((), FRACTION), 30.0), "pad_width": _always(1), "dtype": _always(np.float32), "to": _always(np.float64), "type": _always(np.float64),
    "bins": lambda shape: (Place((3,), GROWING), 2), "xp": lambda shape: (Place(shape, GROWING),), "fill_value": lambda shape: (Place(()),), "val": _always(1.0), "v": lambda shape: (Place(shape), 1.0),
    "start": lambda shape: (Place(()), 0), "stop": lambda shape: (Place((), ABOVE_ONE), 3), "keys": lambda shape: ((Place(shape), Place(shape)),), "object": _arrays, "window_shape": _always(2), "UPLO": _always("U"), "beta": lambda shape: (Place((), POSITIVE),),
    "values": lambda shape: (Place(shape), 1.0, [1.0]), "vals": _always([1.0]), "test_elements": _array, "weights": lambda shape: (Place(shape, POSITIVE),),
}  # fmt: skip
"""What the parameters of these names take; one of any other name takes an array."""
OF_ONE: Mapping[tuple[str, str], Choices] = {
    ("choose", "a"): lambda shape: (_positions(shape),), ("bincount", "x"): lambda shape: (np.arange(np.prod(shape, dtype=int)).reshape(shape),),
    ("take_along_axis", "indices"): lambda shape: (_positions(shape),), ("unravel_index", "indices"): lambda shape: (_positions(shape),), ("unravel_index", "shape"): _always((2, 3)),
    ("put_along_axis", "indices"): lambda shape: (_positions(shape),), ("broadcast_to", "shape"): lambda shape: ((2, *shape),), ("reshape", "shape"): _always(-1, (-1, 1)),
    ("asarray_chkfinite", "a"): _array, ("array", "object"): lambda shape: ([Place(shape), 1.0], Place(shape), [Place(shape), Place(shape)]),
    ("broadcast_shapes", "args"): lambda shape: (shape,), ("arange", "start_or_stop"): _always(4), ("arange", "a"): _always(4),
    ("full_like", "fill_value"): _always(1.5), ("matrix_power", "n"): _always(3, -1), ("histogram_bin_edges", "bins"): _always(3), ("histogramdd", "bins"): _always(2),
    ("histogramdd", "sample"): lambda shape: (Place((4, 2)),), ("unpackbits", "a"): lambda shape: (Place(shape, BYTES),),
}  # fmt: skip
"""Where a parameter of one function takes something else."""
OPTIONS: Mapping[str, Choices] = {
    "axis": _always(-1), "keepdims": _always(True), "k": _always(1), "n": _always(2), "ddof": _always(1), "x": _array, "y": _array, "weights": TAKES["weights"],
    "initial": _array, "prepend": _array, "to_end": _array, "aweights": lambda shape: (Place(shape[-1:], POSITIVE),), "rowvar": _always(False), "indexing": _always("ij"), "mode": _always("clip", "same", "reflect"),
    "edge_order": _always(2), "increasing": _always(True), "return_index": _always(True), "return_counts": _always(True), "period": _always(1.5), "bins": _always(3), "density": _always(True), "order": _always("F"),
    "axes": _always((1, 0)), "full": _always(True), "w": _array, "sparse": _always(True), "ord": _always(1, 2), "default": _array, "bias": _always(True), "method": _always("lower"),
}  # fmt: skip
"""What optional parameters of these names are tried with, one at a time."""
SHAPES: tuple[Shape, ...] = ((3,), (2, 3), (3, 3), (2, 2, 2), (), (6,))
DOMAINS = (REAL, POSITIVE, UNIT, ABOVE_ONE, INTEGER, BOOLEAN)


# --- samples of a function ------------------------------------------------------------------------------------------
def samples(function: Callable[..., Any]) -> list[Sample]:
    """Return calls that NumPy answers: of few shapes, and of two of these with one optional parameter each."""
    for domain in DOMAINS:
        proposed = {str(sample): (shape, sample) for shape, sample in _proposed(function, domain)}
        plain = [(shape, sample) for shape, sample in proposed.values() if takes(function, sample)][:3]
        if plain:
            more = [s for shape, base in plain[1::-1] for s in _with_options(function, base, shape)]
            return [*[sample for _, sample in plain], *more][:MOST]
    return []


def takes(function: Callable[..., Any], sample: Sample, dtype: Any = None) -> bool:
    """Say whether NumPy answers the call, for whatever is drawn."""
    return all(answer(function, sample, np.random.default_rng(seed), dtype) is not None for seed in range(DRAWS))


def answer(function: Callable[..., Any], sample: Sample, rng: np.random.Generator, dtype: Any = None) -> Any:
    """Return the list of what NumPy answers on fresh arrays, or None where it refuses or warns."""
    args, kwargs = sample.fill([x.copy() for x in sample.draw(rng, dtype)])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "numpy.fix is deprecated")
            return [function(*args, **kwargs)]
    except (TypeError, ValueError, IndexError, np.linalg.LinAlgError, ArithmeticError, Warning, AttributeError):
        return None


def _proposed(function: Callable[..., Any], domain: Domain) -> Iterator[tuple[Shape, Sample]]:
    """Yield a sample for each shape and each combination of what the required parameters take."""
    for shape in SHAPES:
        for arguments in itertools.product(*_required(function, shape)):
            several = [list(a) if isinstance(a, _Several) else [a] for a in arguments]
            sample = Sample(tuple(itertools.chain.from_iterable(several)))
            places = [evolve(place, domain=domain) if place.domain is REAL else place for place in sample.places]
            yield shape, Sample(*sample.fill(places))


class _Several(tuple[Any, ...]):
    """The arguments for a parameter that takes any number."""

    __slots__ = ()


def _required(function: Callable[..., Any], shape: Shape) -> list[list[Any]]:
    """Return what each required parameter may be given."""
    if isinstance(function, np.ufunc):
        return [[Place(shape)]] * function.nin
    found: list[list[Any]] = []
    for parameter in _parameters(function):
        choices = OF_ONE.get((function.__name__, parameter.name), TAKES.get(parameter.name, _array))(shape)
        if parameter.kind is parameter.VAR_POSITIONAL and not found:
            found.append(
                [_Several(choice if type(choice) in (tuple, list) else (choice, choice)) for choice in choices]
            )
        elif parameter.default is parameter.empty and parameter.kind in (
            parameter.POSITIONAL_ONLY,
            parameter.POSITIONAL_OR_KEYWORD,
        ):
            found.append(list(choices))
    return found


def _with_options(function: Callable[..., Any], base: Sample, shape: Shape) -> Iterator[Sample]:
    """Yield the sample with one optional parameter more, where NumPy takes it."""
    if isinstance(function, np.ufunc):
        return
    for parameter in _parameters(function):
        if parameter.default is parameter.empty or parameter.name not in OPTIONS:
            continue
        for choice in OPTIONS[parameter.name](shape):
            sample = evolve(base, kwargs={**base.kwargs, parameter.name: choice})
            if takes(function, sample):
                yield sample
                break


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except ValueError:  # compiled, and tells it from NumPy 2.4 on; its documentation tells it always
        return _documented((function.__doc__ or "").strip().partition("\n")[0])


def _documented(line: str) -> list[inspect.Parameter]:
    """Return the parameters of a function as the first line of its documentation writes them, one array if it does not."""
    try:
        (definition,) = ast.parse(f"def {line}: ...").body
    except SyntaxError:
        return [inspect.Parameter("a", inspect.Parameter.POSITIONAL_ONLY)]
    written = definition.args  # type: ignore[attr-defined]  # a def has arguments
    names = [argument.arg for argument in (*written.posonlyargs, *written.args)]
    required = len(names) - len(written.defaults)
    several = [written.vararg.arg] if written.vararg is not None else []
    return [inspect.Parameter(name, inspect.Parameter.VAR_POSITIONAL) for name in several] + [
        inspect.Parameter(
            name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=inspect.Parameter.empty if i < required else None
        )
        for i, name in enumerate(names)
    ]
