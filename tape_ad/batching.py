"""`vmap`: a function of one example becomes a function of many, computed together."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, ParamSpec, TypeVar

import numpy as np
from attrs import field, frozen
from numpy.lib.array_utils import normalize_axis_index

from tape_ad import _tree
from tape_ad._batched import Batched
from tape_ad._core import ARRAYS, TABLE, Tensor, apply, constant, own
from tape_ad._data import check_dtype
from tape_ad._errors import ArgumentError, StructureError
from tape_ad.transforms._call import Watched, caller, check_watched, guard, rarer_collection, serials
from tape_ad.transforms._functions import Transform, function, name_of, parameter, refuse_keywords
from tape_ad.transforms._results import plain, settle

P = ParamSpec("P")
R = TypeVar("R")


def _as_tuples(axes: Any) -> Any:
    """Return a nest of axes with its lists as tuples, so that it compares and hashes."""
    return tuple([_as_tuples(a) for a in axes]) if type(axes) in (list, tuple) else axes


def _comparable(axes: Any) -> Any:
    """Return what a nest of axes is compared and hashed by: its leaves and how it is built."""
    found, structure = _tree.flatten(axes)
    return tuple(found), structure


@frozen(repr=False)
class Vmap(Transform, Generic[P, R]):
    """A function of many examples; see `vmap`."""

    fun: Callable[..., Any] = field(converter=function)
    in_axes: Any = field(default=0, converter=_as_tuples, eq=_comparable)
    out_axes: Any = field(default=0, converter=_as_tuples, eq=_comparable)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the results for all examples."""
        with rarer_collection:
            return _map(self, args, kwargs)[0]  # type: ignore[no-any-return]  # R is what the function returns

    @property
    def __name__(self) -> str:
        return f"vmap({name_of(self.fun)})"


def _axes_for(axes: Any, tree: Any, path: str) -> list[int | None]:
    """Return the axis of each leaf of a nest: one for all, or a nest of axes that is built like the top of it."""
    if axes is None or (isinstance(axes, (int, np.integer)) and not isinstance(axes, bool)):
        return [None if axes is None else int(axes)] * _tree.flatten(tree)[1].size
    if isinstance(axes, Mapping) and isinstance(tree, Mapping) and axes.keys() == tree.keys():
        return [axis for key in tree for axis in _axes_for(axes[key], tree[key], f"{path}[{key!r}]")]
    if isinstance(axes, (tuple, list)) and isinstance(tree, (tuple, list)) and len(axes) == len(tree):
        return [
            axis
            for i, (a, part) in enumerate(zip(axes, tree, strict=True))
            for axis in _axes_for(a, part, f"{path}[{i}]")
        ]
    found, structure = _tree.flatten(axes)
    built = _tree.flatten(tree)[1]
    if structure == built and all(a is None or (isinstance(a, int) and not isinstance(a, bool)) for a in found):
        return list(found)
    msg = f"{path}: axes are an integer, None, or a nest of these built like the argument, but got {axes!r}."
    raise StructureError(msg)


def _map(transform: Vmap[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the results of all examples, and what the function itself returned."""
    fun, in_axes = transform.fun, transform.in_axes
    if isinstance(in_axes, (tuple, list)):
        if len(in_axes) != len(args):
            msg = (
                f"vmap({name_of(fun)}, in_axes={in_axes!r}) has {len(in_axes)} axes, but was called with {len(args)} positional "
                "arguments. Give one axis for each, None for those that are the same for all examples."
            )
            raise ArgumentError(msg)
        per_argument = list(in_axes)
    else:
        per_argument = [in_axes] * len(args)
    name, frame = next(serials), caller(2)
    watched: Watched = []
    lengths: dict[int, str] = {}

    def enter(value: Any, axis: int | None, path: str, remedy: str = "Pass in_axes=None for it, or an array.") -> Any:
        if axis is None:
            return guard(value, watched)
        data = value.data if type(value) is Tensor else value
        if type(data) is not Batched:
            what = f"vmap({name_of(fun)}): {path}"
            data = guard(data, watched) if type(data) is np.ndarray else np.asarray(own(data, what=what))
            check_dtype(data.dtype, what)
        if not data.ndim:
            msg = f"vmap({name_of(fun)}): {path} has no axis to map over. {remedy}"
            raise ArgumentError(msg)
        place = _axis(axis, data.ndim, f"vmap({name_of(fun)}): {path}")
        length = data.shape[place]
        lengths.setdefault(length, f"{path} has {length} along axis {axis}")
        if type(value) is Tensor and value.autograd:
            return apply(TABLE["batch"], (value,), {"axis": place, "name": name}, frame)
        return constant(TABLE["batch"].forward(ARRAYS, data, axis=place, name=name))

    passed = []
    for i, (arg, axes) in enumerate(zip(args, per_argument, strict=True)):
        passed.append(_entered(arg, axes, parameter(fun, i), enter))
    alone = functools.partial(
        enter, remedy="Bind what is the same for all examples beforehand, with functools.partial."
    )
    named = {key: _entered(arg, 0, key, alone) for key, arg in kwargs.items()}
    if len(lengths) != 1:
        if not lengths:
            msg = f"vmap({name_of(fun)}) maps over no argument. Give at least one an axis: in_axes=0."
        else:
            msg = f"vmap({name_of(fun)}): the arguments have different numbers of examples: {', '.join(lengths.values())}."
        raise ArgumentError(msg)
    (length,) = lengths
    result = fun(*passed, **named)
    values, structure = _tree.flatten(result)
    axes = _axes_for(transform.out_axes, result, f"vmap({name_of(fun)}): out_axes")
    left = []
    for value, axis in zip(values, axes, strict=True):
        if not isinstance(value, (Tensor, np.ndarray, np.generic, bool, int, float, complex)):
            msg = f"vmap({name_of(fun)}) needs a function that returns numbers and arrays, but it returned a {type(value).__name__}."
            raise ArgumentError(msg)
        value = value.copy() if isinstance(value, np.ndarray) else value  # noqa: PLW2901 - the same value
        left.append(_leave(value, axis, name, length, fun, frame))
    check_watched(watched)
    return _tree.unflatten(structure, left), values


def _entered(arg: Any, axes: Any, path: str, enter: Callable[..., Any]) -> Any:
    values, structure = _tree.flatten(arg)
    if axes is None:
        return enter(arg, None, path)
    given = _axes_for(axes, arg, f"in_axes of {path}")
    paths = _tree.paths(structure, path)
    return _tree.unflatten(structure, [enter(v, a, p) for v, a, p in zip(values, given, paths, strict=True)])


def _axis(axis: int, ndim: int, what: str) -> int:
    try:
        return int(normalize_axis_index(axis, ndim))
    except np.exceptions.AxisError:
        msg = f"{what} has {ndim} axes, so axis {axis} is none of them."
        raise ArgumentError(msg) from None


def _leave(value: Any, axis: int | None, name: int, length: int, fun: Callable[..., Any], frame: Any) -> Any:
    """Return a result with its batch axis an ordinary one; as a tensor where it depends on something outside."""
    data = value.data if type(value) is Tensor else value
    batched = type(data) is Batched and name in data.names
    if axis is None:
        if batched:
            msg = f"vmap({name_of(fun)}): out_axes is None for a result that differs from example to example. Give it an axis."
            raise ArgumentError(msg)
        return settle(value, name)
    place = _axis(axis, np.ndim(data) + 1, f"vmap({name_of(fun)}): a result, with its axis of examples,")
    params = {"axis": place, "name": name, "length": length}
    value = settle(value, name)
    if type(value) is Tensor and value.autograd:
        return apply(TABLE["unbatch"], (value,), params, frame)
    return plain(TABLE["unbatch"].forward(ARRAYS, value.data if type(value) is Tensor else value, **params))


class VmapFunction:
    """`vmap` itself: a function with another beside it."""

    __name__: str = "vmap"

    def __call__(self, fun: Callable[P, R], in_axes: Any = 0, out_axes: Any = 0, **foreign: Any) -> Vmap[..., R]:
        """Return a function that computes ``fun`` for many examples at once.

        Within it, ``fun`` sees one example: arrays without the axis that is mapped over. What it does is done for all
        examples together, and transforms nest with it in any order. Where a value decides a branch, choose by ``np.where``
        instead: a branch is taken once.

        Args:
            fun: A function of one example.
            in_axes: The axis of the examples in each positional argument: one for all, or a tuple with one per argument.
                None means that an argument is the same for all examples; a nest of axes is for an argument that is a nest.
                Keyword arguments are mapped over their first axis.
            out_axes: Where that axis goes in the results; a nest of axes for a nest of results.
            foreign: Keywords of other libraries; the error names ours.

        Raises:
            ArgumentError: when called, if the numbers of examples differ or there is no such axis.
            BatchedValueError: when called, if ``fun`` needs one value where there is one for each example.

        >>> vmap(lambda row: row / row.sum())(np.array([[1.0, 3.0], [2.0, 2.0]]))
        array([[0.25, 0.75],
               [0.5 , 0.5 ]])
        """
        refuse_keywords("vmap", foreign)
        return Vmap(fun, in_axes, out_axes)

    __doc__ = __call__.__doc__

    def report(self, fun: Callable[..., Any], *args: Any, in_axes: Any = 0, **kwargs: Any) -> tuple[str, ...]:
        """Return the operations that ``vmap(fun)`` would call for each example, each with the line that calls it.

        Only an op without a batched form needs that: of this library's none, of a user's those stated without ``batched``.

        >>> vmap.report(np.sin, np.ones(3))
        ()
        """
        _, values = _map(Vmap(fun, in_axes), args, kwargs)
        found: dict[str, None] = {}
        stack = [value for value in values if type(value) is Tensor]
        seen = set(stack)
        while stack:
            t = stack.pop()
            op = None if t.creation_op is None else t.creation_op.op
            loops = op is not None and op.batched is None and op.expression is None
            if loops and any(type(c.data) is Batched for c in t.creators):
                found[f"{t.creation_op} at {t.made_at}"] = None
            fresh = [c for c in t.creators if c not in seen]
            seen.update(fresh)
            stack.extend(fresh)
        return tuple(reversed(found))


vmap: Final[VmapFunction] = VmapFunction()
