"""What an op is tested on: where points are drawn, and which calls are tried."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from tape_ad._typing import Shape


@frozen(eq=False)
class Domain:
    """Where test points are drawn: ``draw`` turns standard normal numbers into points of the domain."""

    name: str
    draw: Callable[[Any], Any] = field(repr=False)
    complex: bool = False


@frozen
class Case:
    """One call that tests an op: a shape and a domain per operand, and the parameters.

    ``domains`` may be shorter than ``shapes``: the op's own domains, then real numbers, fill it up.
    """

    shapes: tuple[Shape, ...]
    params: Mapping[str, Any] = field(factory=dict)
    domains: tuple[Domain, ...] = ()
