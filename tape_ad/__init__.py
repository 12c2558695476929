"""Functional, immutable automatic differentiation for NumPy, with an explicit tape.

>>> import numpy as np
>>> from tape_ad import grad
>>> grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
array([2., 4.])
"""

from tape_ad._cases import Case as Case
from tape_ad._cases import Domain as Domain
from tape_ad._core import (
    Op as Op,
)
from tape_ad._core import (
    Tensor as Tensor,
)
from tape_ad._errors import (
    ArgumentError as ArgumentError,
)
from tape_ad._errors import (
    BufferChangedError as BufferChangedError,
)
from tape_ad._errors import (
    ConversionError as ConversionError,
)
from tape_ad._errors import (
    IntegerGradientError as IntegerGradientError,
)
from tape_ad._errors import (
    MissingGradientError as MissingGradientError,
)
from tape_ad._errors import (
    MutationError as MutationError,
)
from tape_ad._errors import (
    NoRuleError as NoRuleError,
)
from tape_ad._errors import (
    NotAskedForError as NotAskedForError,
)
from tape_ad._errors import (
    NotOnTapeError as NotOnTapeError,
)
from tape_ad._errors import (
    NotScalarError as NotScalarError,
)
from tape_ad._errors import (
    NotTrackedError as NotTrackedError,
)
from tape_ad._errors import (
    PiecewiseConstantError as PiecewiseConstantError,
)
from tape_ad._errors import (
    RuleError as RuleError,
)
from tape_ad._errors import (
    SeedError as SeedError,
)
from tape_ad._errors import (
    StructureError as StructureError,
)
from tape_ad._errors import (
    TapeError as TapeError,
)
from tape_ad._errors import (
    UnsupportedDataError as UnsupportedDataError,
)
from tape_ad._rules import (
    bilinear as bilinear,
)
from tape_ad._rules import (
    composite as composite,
)
from tape_ad._rules import (
    elementwise as elementwise,
)
from tape_ad._rules import (
    expansion as expansion,
)
from tape_ad._rules import (
    linear as linear,
)
from tape_ad._rules import (
    piecewise_constant as piecewise_constant,
)
from tape_ad._rules import (
    primitive as primitive,
)
from tape_ad._tape import (
    Gradients as Gradients,
)
from tape_ad._tape import (
    Tape as Tape,
)
from tape_ad.ops.creation import (
    stop_gradient as stop_gradient,
)
from tape_ad.ops.elementwise import (
    abs as abs,
)
from tape_ad.ops.elementwise import (
    acos as acos,
)
from tape_ad.ops.elementwise import (
    acosh as acosh,
)
from tape_ad.ops.elementwise import (
    add as add,
)
from tape_ad.ops.elementwise import (
    asin as asin,
)
from tape_ad.ops.elementwise import (
    asinh as asinh,
)
from tape_ad.ops.elementwise import (
    atan as atan,
)
from tape_ad.ops.elementwise import (
    atan2 as atan2,
)
from tape_ad.ops.elementwise import (
    atanh as atanh,
)
from tape_ad.ops.elementwise import (
    bitwise_and as bitwise_and,
)
from tape_ad.ops.elementwise import (
    bitwise_invert as bitwise_invert,
)
from tape_ad.ops.elementwise import (
    bitwise_left_shift as bitwise_left_shift,
)
from tape_ad.ops.elementwise import (
    bitwise_or as bitwise_or,
)
from tape_ad.ops.elementwise import (
    bitwise_right_shift as bitwise_right_shift,
)
from tape_ad.ops.elementwise import (
    bitwise_xor as bitwise_xor,
)
from tape_ad.ops.elementwise import (
    cbrt as cbrt,
)
from tape_ad.ops.elementwise import (
    ceil as ceil,
)
from tape_ad.ops.elementwise import (
    clip as clip,
)
from tape_ad.ops.elementwise import (
    conj as conj,
)
from tape_ad.ops.elementwise import (
    cos as cos,
)
from tape_ad.ops.elementwise import (
    cosh as cosh,
)
from tape_ad.ops.elementwise import (
    divide as divide,
)
from tape_ad.ops.elementwise import (
    equal as equal,
)
from tape_ad.ops.elementwise import (
    exp as exp,
)
from tape_ad.ops.elementwise import (
    exp2 as exp2,
)
from tape_ad.ops.elementwise import (
    expm1 as expm1,
)
from tape_ad.ops.elementwise import (
    floor as floor,
)
from tape_ad.ops.elementwise import (
    floor_divide as floor_divide,
)
from tape_ad.ops.elementwise import (
    greater as greater,
)
from tape_ad.ops.elementwise import (
    greater_equal as greater_equal,
)
from tape_ad.ops.elementwise import (
    hypot as hypot,
)
from tape_ad.ops.elementwise import (
    imag as imag,
)
from tape_ad.ops.elementwise import (
    isfinite as isfinite,
)
from tape_ad.ops.elementwise import (
    isinf as isinf,
)
from tape_ad.ops.elementwise import (
    isnan as isnan,
)
from tape_ad.ops.elementwise import (
    less as less,
)
from tape_ad.ops.elementwise import (
    less_equal as less_equal,
)
from tape_ad.ops.elementwise import (
    log as log,
)
from tape_ad.ops.elementwise import (
    log1p as log1p,
)
from tape_ad.ops.elementwise import (
    log2 as log2,
)
from tape_ad.ops.elementwise import (
    log10 as log10,
)
from tape_ad.ops.elementwise import (
    logaddexp as logaddexp,
)
from tape_ad.ops.elementwise import (
    logical_and as logical_and,
)
from tape_ad.ops.elementwise import (
    logical_not as logical_not,
)
from tape_ad.ops.elementwise import (
    logical_or as logical_or,
)
from tape_ad.ops.elementwise import (
    logical_xor as logical_xor,
)
from tape_ad.ops.elementwise import (
    maximum as maximum,
)
from tape_ad.ops.elementwise import (
    minimum as minimum,
)
from tape_ad.ops.elementwise import (
    multiply as multiply,
)
from tape_ad.ops.elementwise import (
    negative as negative,
)
from tape_ad.ops.elementwise import (
    not_equal as not_equal,
)
from tape_ad.ops.elementwise import (
    positive as positive,
)
from tape_ad.ops.elementwise import (
    pow as pow,
)
from tape_ad.ops.elementwise import (
    real as real,
)
from tape_ad.ops.elementwise import (
    reciprocal as reciprocal,
)
from tape_ad.ops.elementwise import (
    remainder as remainder,
)
from tape_ad.ops.elementwise import (
    rint as rint,
)
from tape_ad.ops.elementwise import (
    sign as sign,
)
from tape_ad.ops.elementwise import (
    signbit as signbit,
)
from tape_ad.ops.elementwise import (
    sin as sin,
)
from tape_ad.ops.elementwise import (
    sinh as sinh,
)
from tape_ad.ops.elementwise import (
    sqrt as sqrt,
)
from tape_ad.ops.elementwise import (
    square as square,
)
from tape_ad.ops.elementwise import (
    subtract as subtract,
)
from tape_ad.ops.elementwise import (
    tan as tan,
)
from tape_ad.ops.elementwise import (
    tanh as tanh,
)
from tape_ad.ops.elementwise import (
    trunc as trunc,
)
from tape_ad.ops.elementwise import (
    where as where,
)
from tape_ad.ops.linalg import (
    dot as dot,
)
from tape_ad.ops.linalg import (
    einsum as einsum,
)
from tape_ad.ops.linalg import (
    matmul as matmul,
)
from tape_ad.ops.linalg import (
    tensordot as tensordot,
)
from tape_ad.ops.manipulation import (
    array_split as array_split,
)
from tape_ad.ops.manipulation import (
    astype as astype,
)
from tape_ad.ops.manipulation import (
    broadcast_to as broadcast_to,
)
from tape_ad.ops.manipulation import (
    concat as concat,
)
from tape_ad.ops.manipulation import (
    expand_dims as expand_dims,
)
from tape_ad.ops.manipulation import (
    flip as flip,
)
from tape_ad.ops.manipulation import (
    moveaxis as moveaxis,
)
from tape_ad.ops.manipulation import (
    permute_dims as permute_dims,
)
from tape_ad.ops.manipulation import (
    ravel as ravel,
)
from tape_ad.ops.manipulation import (
    repeat as repeat,
)
from tape_ad.ops.manipulation import (
    reshape as reshape,
)
from tape_ad.ops.manipulation import (
    roll as roll,
)
from tape_ad.ops.manipulation import (
    split as split,
)
from tape_ad.ops.manipulation import (
    squeeze as squeeze,
)
from tape_ad.ops.manipulation import (
    stack as stack,
)
from tape_ad.ops.manipulation import (
    swapaxes as swapaxes,
)
from tape_ad.ops.manipulation import (
    tile as tile,
)
from tape_ad.ops.manipulation import (
    transpose as transpose,
)
from tape_ad.ops.reductions import (
    all as all,
)
from tape_ad.ops.reductions import (
    any as any,
)
from tape_ad.ops.reductions import (
    argmax as argmax,
)
from tape_ad.ops.reductions import (
    argmin as argmin,
)
from tape_ad.ops.reductions import (
    cumsum as cumsum,
)
from tape_ad.ops.reductions import (
    max as max,
)
from tape_ad.ops.reductions import (
    mean as mean,
)
from tape_ad.ops.reductions import (
    min as min,
)
from tape_ad.ops.reductions import (
    prod as prod,
)
from tape_ad.ops.reductions import (
    std as std,
)
from tape_ad.ops.reductions import (
    sum as sum,
)
from tape_ad.ops.reductions import (
    var as var,
)
from tape_ad.transforms import (
    grad as grad,
)
from tape_ad.transforms import (
    value_and_grad as value_and_grad,
)

# NumPy's names for what the Array API standard calls otherwise.
absolute = abs
arccos = acos
arccosh = acosh
arcsin = asin
arcsinh = asinh
arctan = atan
arctan2 = atan2
arctanh = atanh
concatenate = concat
conjugate = conj
mod = remainder
power = pow

__all__ = [
    "ArgumentError",
    "BufferChangedError",
    "Case",
    "ConversionError",
    "Domain",
    "Gradients",
    "IntegerGradientError",
    "MissingGradientError",
    "MutationError",
    "NoRuleError",
    "NotAskedForError",
    "NotOnTapeError",
    "NotScalarError",
    "NotTrackedError",
    "Op",
    "PiecewiseConstantError",
    "RuleError",
    "SeedError",
    "StructureError",
    "Tape",
    "TapeError",
    "Tensor",
    "UnsupportedDataError",
    "abs",
    "absolute",
    "acos",
    "acosh",
    "add",
    "all",
    "any",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "argmax",
    "argmin",
    "array_split",
    "asin",
    "asinh",
    "astype",
    "atan",
    "atan2",
    "atanh",
    "bilinear",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "broadcast_to",
    "cbrt",
    "ceil",
    "clip",
    "composite",
    "concat",
    "concatenate",
    "conj",
    "conjugate",
    "cos",
    "cosh",
    "cumsum",
    "divide",
    "dot",
    "einsum",
    "elementwise",
    "equal",
    "exp",
    "exp2",
    "expand_dims",
    "expansion",
    "expm1",
    "flip",
    "floor",
    "floor_divide",
    "grad",
    "greater",
    "greater_equal",
    "hypot",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "linear",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mod",
    "moveaxis",
    "multiply",
    "negative",
    "not_equal",
    "permute_dims",
    "piecewise_constant",
    "positive",
    "pow",
    "power",
    "primitive",
    "prod",
    "ravel",
    "real",
    "reciprocal",
    "remainder",
    "repeat",
    "reshape",
    "rint",
    "roll",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "stop_gradient",
    "subtract",
    "sum",
    "swapaxes",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "transpose",
    "trunc",
    "value_and_grad",
    "var",
    "where",
]
