"""Many examples at once: `Batched` data, and how every op is computed on it.

`Batched` is an array whose leading axes are batch axes, each with a name: the serial number of the call that made it.
To whoever computes with it, it has the shape of one example. An op says in its field ``batched`` how it acts on operands
with batch axes in front; a composite op without such a rule runs its expression; any other is called for each example.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.lib.mixins import NDArrayOperatorsMixin

from tape_ad import _numpy, _ufuncs
from tape_ad._core import ARRAYS, DOORS, HOOKS, TABLE, IndexDiffers, Instead, Op, Pack, Tensor
from tape_ad._data import FOREIGN
from tape_ad._errors import BatchedValueError
from tape_ad._methods import ArrayMethods
from tape_ad._stacked import itself, pointwise
from tape_ad._typing import DType, Shape

_ndarray = np.ndarray


@frozen(eq=False, repr=False)
class Batched(ArrayMethods, NDArrayOperatorsMixin):
    """An array with named batch axes, which looks like one example of it.

    Attributes:
        array: The examples: batch axes first, in the order of ``names``.
        names: The serial numbers of the batch axes, ascending.
    """

    array: Any
    names: tuple[int, ...]

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __repr__(self) -> str:
        return f"<{self.dtype}{list(self.shape)} for each of {' x '.join(map(str, self.lengths))} examples>"

    @property
    def shape(self) -> Shape:
        """The shape of one example."""
        return self.array.shape[len(self.names) :]  # type: ignore[no-any-return]  # a slice of a shape is a shape

    @property
    def lengths(self) -> Shape:
        """The number of examples along each batch axis."""
        return self.array.shape[: len(self.names)]  # type: ignore[no-any-return]  # a slice of a shape is a shape

    @property
    def ndim(self) -> int:
        """The number of axes of one example."""
        return self.array.ndim - len(self.names)  # type: ignore[no-any-return]  # array is any array

    @property
    def size(self) -> int:
        """The number of elements of one example."""
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype."""
        return self.array.dtype  # type: ignore[no-any-return]  # array is any array

    def __len__(self) -> int:
        return len(np.broadcast_to(0, self.shape))

    def __getitem__(self, index: Any) -> "Batched":
        try:
            return ENGINE.run("getitem", (self,), {"index": index})  # type: ignore[no-any-return]  # batched in, batched out
        except IndexDiffers:
            return ENGINE.run("gather", (self, HOOKS["positions_of"](self.shape, index)), {})  # type: ignore[no-any-return]  # likewise

    def _refuse(self, spelling: str) -> Any:
        msg = (
            f"{spelling} needs one value, but inside vmap there is one for each of {' x '.join(map(str, self.lengths))} examples. "
            "Choose by value with np.where(condition, x, y); a branch is taken once for all examples."
        )
        raise BatchedValueError(msg)

    def __bool__(self) -> bool:
        return self._refuse("bool(t)")  # type: ignore[no-any-return]  # it raises

    def __int__(self) -> int:
        return self._refuse("int(t)")  # type: ignore[no-any-return]  # it raises

    def __index__(self) -> int:
        return self._refuse("using t as an index of a plain array, or as a count,")  # type: ignore[no-any-return]  # it raises

    def __float__(self) -> float:
        return self._refuse("float(t)")  # type: ignore[no-any-return]  # it raises

    def __complex__(self) -> complex:
        return self._refuse("complex(t)")  # type: ignore[no-any-return]  # it raises

    def __array__(self, dtype: DType = None, copy: bool | None = None) -> Any:
        return self._refuse("np.asarray(t), or array[t] (for which there is Tensor(array)[t]),")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs and ufunc.signature is None:
            for x in inputs:
                if type(x) is not Batched and not isinstance(x, _PLAIN):
                    return NotImplemented
            return _pointwise(ufunc, inputs)
        return _ufuncs.call_ufunc(ufunc, method, inputs, kwargs, ENGINE)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if function in _OF_ONE_EXAMPLE:
            return _of_one_example(function, args, kwargs)
        if function in DOORS or function not in _numpy.QUERIES:
            return _numpy.call_function(function, args, kwargs, ENGINE)
        found: list[Any] = []
        nest = _marked((tuple(args), kwargs), found)

        def of_one(*xs: Any) -> Any:
            args, kwargs = _filled(nest, xs)
            return function(*args, **kwargs)

        return _each(of_one, found)

    def _call(self, function: Callable[..., Any], args: Sequence[Any], kwargs: Any, frame: Any) -> Any:  # noqa: ARG002 - tensors note the caller, data does not
        if isinstance(function, np.ufunc):
            return _ufuncs.call_ufunc(function, "__call__", args, kwargs, ENGINE)
        return _numpy.call_function(function, args, kwargs, ENGINE)

    def astype(self, dtype: DType, *, copy: bool = True) -> "Batched":  # noqa: ARG002 - NumPy's signature
        """Return the same with another dtype."""
        return Batched(self.array.astype(dtype), self.names)


_PLAIN = (np.ndarray, np.generic, bool, int, float, complex)
_OF_ONE_EXAMPLE = frozenset(
    {
        np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.min_scalar_type, np.common_type,
        np.diag_indices_from, np.tril_indices_from, np.triu_indices_from,
        np.iscomplexobj, np.isrealobj, np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.einsum_path,
    }
)  # fmt: skip
"""Functions that ask for shape and dtype only: one example answers for all."""


def _of_one_example(function: Callable[..., Any], args: Sequence[Any], kwargs: Any) -> Any:
    def example(x: Any) -> Any:
        return np.broadcast_to(np.zeros((), x.dtype), x.shape) if type(x) is Batched else x

    return function(*[example(x) for x in args], **{key: example(x) for key, x in kwargs.items()})


def names_of(values: Iterable[Any]) -> tuple[int, ...]:
    """Return the names of all batch axes among some values, ascending."""
    found = {value.names for value in values if type(value) is Batched}
    if len(found) <= 1:
        return found.pop() if found else ()
    return tuple(sorted(set(itertools.chain.from_iterable(found))))


def everywhere(condition: Any) -> bool:
    """Say whether a condition holds for all elements of all examples: for rules that have a shorter way then."""
    data = condition.data if type(condition) is Tensor else condition
    if data is True or data is False:
        return data
    return bool(np.all(data.array if type(data) is Batched else data))


def lead(value: Any, names: tuple[int, ...]) -> Any:
    """Return the array of a value with exactly these batch axes in front, of length one where it has none of its own."""
    if type(value) is not Batched:
        return value
    array, own = value.array, value.names
    if own == names:
        return array
    lengths = dict(zip(own, array.shape, strict=False))
    return array.reshape(*[lengths.get(name, 1) for name in names], *array.shape[len(own) :])


def _pointwise(compute: Callable[..., Any], values: Sequence[Any]) -> Any:
    """Compute element by element: names and trailing axes are aligned, the rest is broadcasting."""
    names = names_of(values)
    first = values[0]
    if all(type(x) is Batched and x.names is first.names and x.array.ndim == first.array.ndim for x in values):
        result = compute(*[x.array for x in values])
    else:
        leads = [len(names) if type(x) is Batched else 0 for x in values]
        result = pointwise(compute, [lead(x, names) for x in values], leads, {})
    return tuple([Batched(r, names) for r in result]) if type(result) is tuple else Batched(result, names)


def run(op: Op[Any], operands: Sequence[Any], params: Any, compute: Callable[..., Any] | None = None) -> Any:
    """Compute an op on operands of which some are batched; the parameters are in the op's one form."""
    values = list(operands[0]) if op.variadic else operands
    names = names_of(values)
    compute = compute or op.compute
    if op.batched is itself:
        return op.forward(ARRAYS, *operands, **params)
    if op.batched is not None:
        leads = [len(names) if type(x) is Batched else 0 for x in values]
        return _rewrapped(op.batched(compute, [lead(x, names) for x in values], leads, params), names)
    if op.expression is not None:
        return op.expression(ARRAYS, values, **params) if op.variadic else op.expression(ARRAYS, *values, **params)
    if op.variadic:
        return _each(lambda *xs: compute(list(xs), **params), values)
    return _each(lambda *xs: compute(*xs, **params), values)


def _rewrapped(result: Any, names: tuple[int, ...]) -> Any:
    """Return an array, or a tuple or named tuple of arrays, as batched."""
    if not isinstance(result, tuple):
        return Batched(result, names)
    parts: list[Any] = [Batched(part, names) for part in result]
    return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)


def _each(compute: Callable[..., Any], values: Sequence[Any]) -> Any:
    """Call a function for each example and stack what it returns."""
    names = names_of(values)
    k = len(names)
    arrays = [lead(x, names) for x in values]
    batched = [type(x) is Batched for x in values]
    lengths = np.broadcast_shapes(*[a.shape[:k] for a, b in zip(arrays, batched, strict=True) if b])
    full = [np.broadcast_to(a, (*lengths, *a.shape[k:])) if b else a for a, b in zip(arrays, batched, strict=True)]
    found = [
        compute(*[a[place] if b else a for a, b in zip(full, batched, strict=True)]) for place in np.ndindex(*lengths)
    ]
    if not found:
        msg = "vmap over no examples: a function that has no batched form cannot say what shape it would return."
        raise BatchedValueError(msg)

    def stacked(parts: Sequence[Any]) -> Batched:
        shapes = list(dict.fromkeys([np.shape(part) for part in parts]))
        if len(shapes) > 1:
            msg = (
                "Inside vmap a result must have one shape for all examples, but this function gives "
                f"{' and '.join(map(str, shapes[:2]))}. Choose with np.where(mask, x, 0), which keeps the shape."
            )
            raise BatchedValueError(msg)
        return Batched(np.stack(parts).reshape(*lengths, *np.shape(parts[0])), names)

    if isinstance(found[0], tuple):
        parts: list[Any] = [stacked(part) for part in zip(*found, strict=True)]
        return type(found[0])(*parts) if hasattr(found[0], "_fields") else Pack(parts)
    return stacked(found)


@frozen
class _Mark:
    """Where a batched array stood in a nest of arguments."""

    place: int


def _marked(nest: Any, found: list[Any]) -> Any:
    """Return a nest with a mark for each batched array, and enter these into a list."""
    if type(nest) is Batched:
        found.append(nest)
        return _Mark(len(found) - 1)
    if isinstance(nest, dict):
        return {key: _marked(part, found) for key, part in nest.items()}
    return type(nest)([_marked(part, found) for part in nest]) if type(nest) in (tuple, list) else nest


def _filled(nest: Any, values: Sequence[Any]) -> Any:
    """Return the nest with values for the marks."""
    if type(nest) is _Mark:
        return values[nest.place]
    if isinstance(nest, dict):
        return {key: _filled(part, values) for key, part in nest.items()}
    return type(nest)([_filled(part, values) for part in nest]) if type(nest) in (tuple, list) else nest


class _Engine:
    """What NumPy's doors need to answer a call on batched data."""

    doors = DOORS
    tensors = ARRAYS
    tensor_type = Batched

    @staticmethod
    def data(value: Any) -> Any:
        """Return what shape and dtype are read off."""
        return value

    @staticmethod
    def answer(value: Any) -> Any:
        """Return an answer as it is."""
        return value

    @staticmethod
    def expand(body: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], /) -> Any:
        """Run a function that is written in other ops."""
        return body(ARRAYS, *args, **kwargs)

    @staticmethod
    def run(
        name: str, operands: Sequence[Any], params: dict[str, Any], compute: Callable[..., Any] | None = None, /
    ) -> Any:
        """Compute the op of that name on batched operands."""
        op = TABLE[name]
        if op.canonical is not None:
            try:
                params = op.canonical(operands, params)
            except Instead as other:
                return ENGINE.run(other.name, operands, params, compute)
        return run(op, (operands,) if op.variadic else operands, params, compute)


ENGINE = _Engine()


def _run_as_called(op: Op[Any], operands: Sequence[Any], params: dict[str, Any]) -> Any:
    """Compute an op whose parameters may be in any form."""
    if op.canonical is not None:
        params = op.canonical(operands[0] if op.variadic else operands, params)
    return run(op, operands, params)


FOREIGN[Batched] = _run_as_called
