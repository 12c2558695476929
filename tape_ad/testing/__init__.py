"""The laws that every op obeys, for anyone's op: `check_op`; and the same for a function: `check_grads`.

A law compares two ways to one number: a rule with a central difference, forward with reverse mode, arrays with tensors,
a tensor with NumPy. What is drawn is fixed by the op's name and the case, so a failure can be repeated.
"""

import inspect
from typing import Any

from tape_ad._cases import Case
from tape_ad._check_grads import check_grads as check_grads
from tape_ad._core import Op
from tape_ad._errors import ArgumentError
from tape_ad._law_tools import CLOSE as CLOSE, EXACT as EXACT, Arrays as Arrays, holds
from tape_ad._laws import STEP as STEP
from tape_ad._spellings import Spelling as Spelling
from tape_ad.testing._cases import (
    EXAMPLES as EXAMPLES,
    case_domains as case_domains,
    case_laws,
    doors_tried as doors_tried,
    label_of,
)


def check_op(op: Op[Any]) -> None:
    """Try all laws on every case of an op.

    The value is NumPy's bit for bit by every way to call it; both modes agree with central differences and with each
    other; arrays and tensors give the same bits; second derivatives are right; dtypes and shapes are kept; nothing
    given is written; complex numbers obey the same laws where the op takes them.

    Raises:
        AssertionError: naming op, case, operand, element and both numbers.

    >>> import tape_ad
    >>> check_op(tape_ad.tanh)
    """
    if not isinstance(op, Op):
        msg = f"check_op() takes an op, but got {op!r}. Of a NumPy function it is tape_ad's: tape_ad.sin for np.sin."  # type: ignore[unreachable]  # for callers who run no type checker
        raise ArgumentError(msg)
    check_record(op)
    if not op.cases:
        raise AssertionError(
            f"{op.name}: it has no cases, so nothing is known of it. Give it some: cases=(Case(((3,),)),)."
        )
    for case in op.cases:
        check_case(op, case)


def check_record(op: Op[Any]) -> None:
    """Try the laws about the record itself: a docstring of sentences, and a signature that takes what the op takes.

    Raises:
        AssertionError: naming the op and what is missing.
    """
    first = (op.__doc__ or "").strip().partition("\n")[0]
    holds(first.endswith((".", ":")), f"{op.name}: its docstring should begin with a sentence, not {first!r}")
    names = tuple(inspect.signature(op).parameters)
    holds("xp" not in names, f"{op.name}: its signature shows the namespace, {names}")
    missing = [name for name in op.params if name not in names]
    holds(not missing, f"{op.name}: its signature {names} lacks the parameters {missing}")


def check_case(op: Op[Any], case: Case, *, seed: int = 0) -> None:
    """Try the laws of value and derivative on one case of an op.

    Args:
        op: The op.
        case: Shapes, parameters and domains.
        seed: Chooses other points of the same domains.

    Raises:
        AssertionError: naming op, case, operand, element and both numbers.
    """
    try:
        for law in case_laws(op, case, seed=seed):
            law.check()
    except AssertionError:
        raise
    except Exception as error:
        error.add_note(f"while trying the laws on {label_of(op, case)}")
        raise
