"""What an op is tested on: where points are drawn, and which calls are tried."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from tape_ad._typing import Shape


@frozen(eq=False)
class Domain:
    """Where test points are drawn: ``draw`` turns standard normal numbers into points of the domain.

    With ``project`` the laws of differentiation are about the op after it: of a Hermitian matrix, say, of which the op
    reads one triangle only. It changes no point of the domain, and is written in functions that take arrays and tensors.
    """

    name: str
    draw: Callable[[Any], Any] = field(repr=False)
    complex: bool = False
    project: Callable[[Any], Any] | None = field(default=None, repr=False)


@frozen
class Case:
    """One call that tests an op: a shape and a domain per operand, and the parameters.

    ``domains`` may be shorter than ``shapes``: the op's own domains, then real numbers, fill it up. With ``reads``, of
    several results, the laws of differentiation are about ``reads(*results)``: of eigenvectors, say, what does not depend
    on their phase. It is written in functions that take arrays and tensors.
    """

    shapes: tuple[Shape, ...]
    params: Mapping[str, Any] = field(factory=dict)
    domains: tuple[Domain, ...] = ()
    reads: Callable[..., Any] | None = field(default=None, repr=lambda reads: getattr(reads, "__name__", "None"))
