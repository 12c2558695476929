"""What is public, in which chapter it belongs, and what its signature is as its author wrote it."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from attrs import frozen

import tape_ad
from tape_ad import attribute_style, fft, implicit, linalg, numpy as tape_numpy, testing, tree
from tape_ad._core import Op
from tape_ad._rules import Expansion


@frozen
class Chapter:
    """A page of the reference.

    Attributes:
        title: Its title.
        about: What is to be known before the list.
        names: The names of `tape_ad` that belong here, wherever they are defined; in this order where there are no modules.
        modules: Modules of `tape_ad` whose other public names belong here.
        beside: Classes that have no public name, but whose methods a program calls.
        space: The module in which the names are public.
    """

    title: str
    about: str
    names: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    space: ModuleType = tape_ad

    @property
    def file(self) -> str:
        """The name of its page."""
        return self.title.lower().replace(" ", "_").replace("tape_ad.", "")


CHAPTERS = (
    Chapter(
        "Transforms",
        "Each takes a function and returns a function, or a derivative of it. What it returns is a frozen record.",
        names=(
            "grad", "value_and_grad", "elementwise_grad", "vjp", "jvp", "linearize", "linear_transpose", "jacobian", "jacfwd",
            "jacrev", "hessian", "hvp", "vhp", "ggnvp", "vmap", "checkpoint", "stop_gradient", "custom_vjp", "custom_jvp",
        ),
        beside=("tape_ad.transforms.CustomVjp", "tape_ad.transforms.CustomJvp"),
    ),
    Chapter(
        "Tensors and tapes",
        "The records that everything else reads: values, the tape built from them, and the gradients it returns.",
        names=("Tensor", "Tape", "Gradients", "Drawing", "Player", "Steps", "Step", "Glance", "at", "At"),
        beside=("tape_ad.ops.updates.AtIndex",),
    ),
    Chapter(
        "Pictures",
        "What `tape_ad.Tape.draw` and `tape_ad.Tape.play` return: text without other files, and the steps as plain data.",
        names=("Drawing", "Player", "Steps", "Step", "Glance"),
    ),
    Chapter(
        "Stating an op",
        "Decorators that turn a forward into an op, and the cases that it is tested on. See {doc}`/developers/adding_an_op`.",
        names=(
            "elementwise", "linear", "bilinear", "piecewise_constant", "composite", "primitive", "expansion", "Op", "Case", "Domain",
        ),
    ),
    Chapter(
        "Creation functions",
        "What they return is a tensor; of a plain array it is a constant.",
        names=("meshgrid", "tril", "triu", "diag", "diagflat", "copy", "linspace", "geomspace", "logspace"),
        modules=("_creation",),
    ),
    Chapter(
        "Data types",
        "The dtypes are NumPy's own.",
        names=(
            "bool", "complex64", "complex128", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16",
            "uint32", "uint64", "__array_api_version__", "__array_namespace_info__",
        ),
        modules=("_data_types",),
    ),
    Chapter("Constants", "Python floats, and the index that makes an axis.", names=("e", "inf", "nan", "newaxis", "pi")),
    Chapter(
        "Elementwise functions",
        "Operands broadcast as NumPy's do. The derivative is that of each element.",
        names=("clip", "maximum", "minimum", "fmax", "fmin", "absolute", "power", "mod"),
        modules=("ops.elementwise", "ops.piecewise", "ops.special"),
    ),
    Chapter(
        "Indexing functions",
        "``t[index]`` takes every index that NumPy takes. These are the functions beside it.",
        names=("take", "take_along_axis", "compress", "extract"),
    ),
    Chapter("Linear algebra functions", "Products. Factorizations and solutions are in {mod}`tape_ad.linalg`.", modules=("ops.linalg", "ops.products")),
    Chapter(
        "Manipulation functions",
        "The elements stay what they are; their places change.",
        names=(
            "concat", "concatenate", "expand_dims", "permute_dims", "repeat", "reshape", "squeeze", "stack", "tile",
            "rollaxis", "rot90", "sliding_window_view",
        ),
        modules=("ops.joining", "ops.manipulation", "ops.padding"),
    ),
    Chapter(
        "Searching functions",
        "Positions and counts are constants; what is chosen by them has a derivative.",
        names=("nonzero", "choose", "select", "where", "argmax", "argmin", "piecewise"),
        modules=("ops.searching",),
    ),
    Chapter(
        "Set functions",
        "Unique elements are elements of the operand, so they have a derivative; positions and counts have none.",
        names=("unique_all", "unique_counts", "unique_inverse", "unique_values"),
        modules=("ops.sets",),
    ),
    Chapter("Sorting functions", "At ties the derivative goes by position.", names=("argsort", "sort", "sort_complex", "partition")),
    Chapter(
        "Statistical functions",
        "Sums, products, extremes, moments and quantiles, with and without NaN.",
        names=("mean", "std", "var", "max", "min", "prod", "sum", "histogram2d", "histogramdd"),
        modules=("ops.cumulative", "ops.missing", "ops.quantiles", "ops.statistics"),
    ),
    Chapter(
        "Utility functions",
        "Tests of all elements, differences, and functions applied along axes.",
        names=("all", "any", "apply_along_axis", "apply_over_axes"),
        modules=("ops.differences",),
    ),
    Chapter("Polynomials and interpolation", "Beyond the standard.", modules=("ops.interpolation", "ops.polynomials", "ops.roots")),
    Chapter("tape_ad.linalg", "", space=linalg),
    Chapter("tape_ad.fft", "", space=fft),
    Chapter("tape_ad.numpy", "", space=tape_numpy),
    Chapter("tape_ad.tree", "", space=tree),
    Chapter("tape_ad.implicit", "", space=implicit),
    Chapter("tape_ad.testing", "", space=testing),
    Chapter("tape_ad.attribute_style", "", space=attribute_style),
)  # fmt: skip


# --- names ----------------------------------------------------------------------------------------------------------
def public_names(space: ModuleType) -> list[str]:
    """Return the public names of a module: its ``__all__``, or else its own functions and classes and those it hands on."""
    declared = getattr(space, "__all__", None)
    if declared is not None:
        return list(declared)
    handed_on = {
        alias.name
        for node in ast.parse(inspect.getsource(space)).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }
    return sorted(
        name
        for name, value in vars(space).items()
        if (inspect.isclass(value) or inspect.isfunction(value))
        and not name.startswith("_")
        and (name in handed_on or value.__module__ == space.__name__)
    )


def home(value: Any) -> str:
    """Return the module in which a function or a record that stands for one is written, less the package."""
    body = function_of(value)
    module = getattr(body if body is not None else value, "__module__", None) or ""
    return module.removeprefix("tape_ad.")


def contents() -> dict[Chapter, list[str]]:
    """Return the names on each page.

    Raises:
        LookupError: if a public name has no page, or a page claims a name that is not public.
    """
    found: dict[Chapter, list[str]] = {}
    errors = set(vars(tape_ad._errors)) - {"Any"}
    own = [n for n in public_names(tape_ad) if not inspect.ismodule(getattr(tape_ad, n)) and n not in errors]
    claimed = {name: chapter for chapter in CHAPTERS for name in chapter.names}
    places = {module: chapter for chapter in CHAPTERS for module in chapter.modules}
    for chapter in CHAPTERS:
        found[chapter] = public_names(chapter.space) if chapter.space is not tape_ad else []
    for name in own:
        place = claimed.get(name) or places.get(home(getattr(tape_ad, name)))
        if place is None:
            raise LookupError(f"tape_ad.{name} has no page in the reference. Name it in a chapter of {__file__}.")
        found[place].append(name)
    for chapter, names in found.items():
        given = chapter.names.index if chapter.names and not chapter.modules else str.lower
        names.sort(key=given)
    gone = sorted(set(claimed) - set(own))
    if gone:
        raise LookupError(f"{', '.join(gone)}: no public names. Take them out of the chapters of {__file__}.")
    return found


def pages_of_names() -> dict[str, Chapter]:
    """Return the page of each public name, by its full name."""
    return {f"{chapter.space.__name__}.{name}": chapter for chapter, names in contents().items() for name in names}


# --- signatures -----------------------------------------------------------------------------------------------------
def function_of(value: Any) -> Callable[..., Any] | None:
    """Return the Python function that holds the signature of a value: an op's forward, an expansion's body."""
    if isinstance(value, Op):
        return value.forward
    if isinstance(value, Expansion):
        return value.body
    if inspect.isfunction(value):
        return value
    if inspect.ismethod(value):
        return value.__func__
    if inspect.isclass(value) or not callable(value):
        return None
    called: Callable[..., Any] | None = getattr(type(value), "__call__", None)  # noqa: B004 - it is the function that is wanted
    return called if inspect.isfunction(called) else None


def definition(function: Callable[..., Any]) -> ast.FunctionDef | None:
    """Return the definition of a function in its source."""
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    return node if isinstance(node, ast.FunctionDef) else None


def signature(value: Any) -> str | None:
    """Return a function's signature with the annotations as they are written; None where there is nothing to read."""
    function = function_of(value)
    node = None if function is None else definition(function)
    if node is None:
        return None
    arguments = node.args
    if not inspect.isfunction(value):  # the namespace of a forward, or self
        (arguments.posonlyargs or arguments.args).pop(0)
    if arguments.kwarg is not None and arguments.kwarg.arg == "foreign":
        arguments.kwarg = None  # keywords of other libraries, taken only to be refused with ours
    known = function.__globals__ if function is not None else {}
    _Qualified(known).visit(node)
    returns = "tape_ad.Tensor" if isinstance(value, Op) else "" if node.returns is None else ast.unparse(node.returns)
    return f"({ast.unparse(arguments)})" + (f" -> {returns}" if returns else "")


class _Qualified(ast.NodeTransformer):
    """Call our public classes by their full names, since another module may have one of the same name."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Replace the name of a class."""
        value = self.known.get(node.id)
        is_ours = inspect.isclass(value) and getattr(tape_ad, node.id, None) is value
        return ast.parse(f"tape_ad.{node.id}", mode="eval").body if is_ours else node
