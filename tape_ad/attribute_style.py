"""The mutable style of Trask's *Grokking Deep Learning*, chapter 13: ``z.backward()``, then ``x.grad``.

This is the one mutable module. Its programs are written against attributes that change (``p.grad`` fills up,
``p.data -= …`` is a training step, a tensor counts the children it has not yet heard from), so its two classes are
plain Python objects, and everything else stays frozen. No derivative is stated here: what a sum hands on is asked of
the core's op ``add``, and which uses lead to an output is asked of a `Tape`.

Beyond the book's form:

- Nothing recurses, so a chain of 100,000 sums works.
- A dead branch does not stall a live one. In ``z.backward()`` a tensor waits only for the children that lead to
  ``z``; if others are missing, it hands on *ahead* of them. Whoever hears something ahead adds it to ``grad`` but
  does not count it as heard, so the counts, and where they raise, stay the book's. When a missing child reports
  after all (a second loss, say), only what it adds is handed on.
- Where a sum has broadcast an operand, its gradient has the operand's shape.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from tape_ad._core import TABLE, Tensor as Record
from tape_ad._errors import ArgumentError, NotOnTapeError, UnsupportedDataError
from tape_ad._propagate import fit
from tape_ad._tape import Tape

T = TypeVar("T")


class Tensor:
    """An array that collects its gradient in ``grad``.

    Attributes:
        data: The value, a copy of what was given, in the dtype that NumPy chooses. It is the user's to change.
        grad: None, then a `Tensor`: the sum over all children and all calls of `backward`.
        autograd: Whether it is tracked. A sum is, if both operands are.
        creators: The operands of the sum that made it; None if the user did.
        creation_op: ``"add"``, or None.
        id: What its creators know it by; a draw from NumPy's global generator if none is given.
        children: For the id of each child, how many of its uses of this tensor have not been heard from.

    >>> a, b, c = (Tensor([1, 2, 3], autograd=True) for _ in range(3))
    >>> d, e = a + b, b + c
    >>> (d + e).backward()
    >>> b.grad
    array([2, 2, 2])
    """

    # NumPy would take a tensor for an object and make arrays of objects; so it leaves sums to us.
    __array_ufunc__: ClassVar[None] = None

    def __init__(
        self,
        data: npt.ArrayLike,
        autograd: bool = False,
        creators: "Sequence[Tensor] | None" = None,
        creation_op: str | None = None,
        id: int | None = None,
    ) -> None:
        self.data: npt.NDArray[Any] = _array(data)
        self.autograd = autograd
        self.creators: list[Tensor] | None = None if creators is None else list(creators)
        self.creation_op = creation_op
        self.grad: Tensor | None = None
        self.children: dict[int, int] = {}
        # The generator is the global one and the range is the book's, so that seeded programs draw what they always drew.
        self.id: int = int(np.random.randint(0, 100000)) if id is None else id  # noqa: NPY002 - see the line above
        self._handed = False  # whether something was handed on
        self._since: Tensor | None = None  # what was heard since then
        self._counted = False  # whether ``grad`` holds something that was not heard ahead
        for c in self.creators or ():
            c.children[self.id] = c.children.get(self.id, 0) + 1

    def __add__(self, other: "Tensor") -> "Tensor":
        _check_operand(other, Tensor)
        if self.autograd and other.autograd:
            return Tensor(self.data + other.data, autograd=True, creators=[self, other], creation_op="add")
        return Tensor(self.data + other.data)

    def __radd__(self, other: Any) -> None:
        _check_operand(other, Tensor)

    def __repr__(self) -> str:
        return repr(self.data)

    def __str__(self) -> str:
        return str(self.data)

    def all_children_grads_accounted_for(self) -> bool:
        """Return whether every use of this tensor has been heard from."""
        return not any(self.children.values())

    def backward(self, grad: "Tensor | npt.ArrayLike | None" = None, grad_origin: "Tensor | None" = None) -> None:
        """Add ``grad`` to this tensor's, and hand on to its creators what they are due.

        Called on an output, without an origin, it reaches everything that leads there. Called with the child that the
        gradient comes from, it hands on once all children have been heard from. On an untracked tensor it does nothing.

        Args:
            grad: The gradient, an untracked tensor (or an array, taken for ``Tensor(array)``); ones if left out.
            grad_origin: The child that it comes from.

        Raises:
            Exception: if that child has been heard from already, for every use that it makes of this tensor.
            AssertionError: if the gradient is tracked itself.
            NotOnTapeError: if the origin is no child of this tensor; it is a KeyError.
        """
        if not self.autograd:
            return
        if not isinstance(grad, Tensor):
            grad = Tensor(np.ones_like(self.data) if grad is None else grad)
        if grad_origin is not None and grad_origin._is_ahead():  # noqa: SLF001 - the same class
            _refuse_twice()  # this tensor has heard from it, though its counts do not say so
        uses = _uses_leading_to(self) if grad_origin is None else {}
        stack = [(self, grad, grad_origin, False)]
        while stack:
            t, heard, origin, ahead = stack.pop()
            if not t.autograd:
                continue
            due = t._hear(heard, origin, ahead=ahead)  # noqa: SLF001 - the same class
            if t in uses:
                uses[t] -= 1
            complete = origin is None or (not ahead and t.all_children_grads_accounted_for())
            if complete or uses.get(t, 1) <= 0:
                # The last one pushed is served first: the order, and so the draws of ids, are those of the recursion.
                stack += [(c, g, t, not complete) for c, g in reversed(t._hand_on(due, ahead=not complete))]  # noqa: SLF001 - the same class

    def _is_ahead(self) -> bool:
        """Return whether it has handed on while the book's form would still be waiting."""
        return self._handed and not self.all_children_grads_accounted_for()

    def _hear(self, grad: "Tensor", origin: "Tensor | None", *, ahead: bool) -> "Tensor":
        """Count and add up one gradient; return what the creators have not been handed yet."""
        if origin is not None and not ahead:
            if origin.id not in self.children:
                msg = (
                    f"The grad_origin, with id {origin.id}, is no child of this tensor: it was not made from it. Pass a sum "
                    "that this tensor is an operand of, or no origin."
                )
                raise NotOnTapeError(msg)
            if self.children[origin.id] == 0:
                _refuse_twice()
            self.children[origin.id] -= 1
        if self.grad is None:
            self.grad, self._counted = grad, not ahead
        else:
            self.grad = self.grad + grad if self._counted and not ahead else _plus(self.grad, grad)
            self._counted = self._counted or not ahead
        if grad.autograd:
            msg = "a gradient must not have autograd itself"
            raise AssertionError(msg)
        if not self._handed:
            return self.grad
        self._since = grad if self._since is None else _plus(self._since, grad)
        return self._since

    def _hand_on(self, due: "Tensor", *, ahead: bool) -> "list[tuple[Tensor, Tensor]]":
        """Return each creator with what it is handed; it is the very same gradient where the shapes agree."""
        creators = _operands(self.creators, self.creation_op)
        if not creators:
            return []
        if ahead and not self._handed:
            for c in creators:
                if c.autograd and c.children[self.id] < sum(c is operand for operand in creators):
                    _refuse_twice()  # it was told by hand
        self._since, self._handed = None, True
        pulled = _cotangents(self, due.data, creators)
        return [(c, due if g is due.data else Tensor(g, id=due.id)) for c, g in zip(creators, pulled, strict=True)]


class AlwaysTracked:
    """The book's first form: every sum is recorded, and each gradient that arrives replaces the one before.

    So a tensor that is used twice ends up with the gradient of one use. This is wrong on purpose: it is the mistake
    that `Tensor` mends.

    Attributes:
        data: The value, a copy of what was given. It is the user's to change.
        grad: None, then the gradient that arrived last.
        creators: The operands of the sum that made it; None if the user did.
        creation_op: ``"add"``, or None.

    >>> x, y = AlwaysTracked([1, 2, 3]), AlwaysTracked([2, 2, 2])
    >>> z = x + y
    >>> z.backward(AlwaysTracked([1, 1, 1]))
    >>> x.grad, z.creators, z.creation_op
    (array([1, 1, 1]), [array([1, 2, 3]), array([2, 2, 2])], 'add')
    """

    __array_ufunc__: ClassVar[None] = None  # as in Tensor

    def __init__(
        self,
        data: npt.ArrayLike,
        creators: "Sequence[AlwaysTracked] | None" = None,
        creation_op: str | None = None,
    ) -> None:
        self.data: npt.NDArray[Any] = _array(data)
        self.creators: list[AlwaysTracked] | None = None if creators is None else list(creators)
        self.creation_op = creation_op
        self.grad: AlwaysTracked | None = None

    def __add__(self, other: "AlwaysTracked") -> "AlwaysTracked":
        _check_operand(other, AlwaysTracked)
        return AlwaysTracked(self.data + other.data, creators=[self, other], creation_op="add")

    def __radd__(self, other: Any) -> None:
        _check_operand(other, AlwaysTracked)

    def __repr__(self) -> str:
        return repr(self.data)

    def __str__(self) -> str:
        return str(self.data)

    def backward(self, grad: "AlwaysTracked | npt.ArrayLike") -> None:
        """Set ``grad`` here and on everything that leads here. An array is taken for ``AlwaysTracked(array)``."""
        if not isinstance(grad, AlwaysTracked):
            grad = AlwaysTracked(grad)
        # The recursion goes down every path, first operand first, and the last arrival stays. Going the other way
        # round, last operand first, that arrival is the first, and each tensor needs to be visited only once.
        done: set[AlwaysTracked] = set()
        stack: list[tuple[AlwaysTracked, AlwaysTracked]] = [(self, grad)]
        while stack:
            t, arrived = stack.pop()
            if t in done:
                continue
            done.add(t)
            t.grad = arrived
            creators = _operands(t.creators, t.creation_op)
            pulled = _cotangents(t, arrived.data, creators)
            handed = [arrived if g is arrived.data else AlwaysTracked(g) for g in pulled]
            stack += zip(creators, handed, strict=True)


def _array(data: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return a copy of the data that is the user's to change."""
    array = np.array(data)
    if array.dtype == object:
        msg = f"A tensor holds numbers, but {type(data).__name__} makes an array of objects. Pass t.data of a tensor."
        raise UnsupportedDataError(msg)
    return array


def _check_operand(other: Any, form: type[Any]) -> None:
    """Raise the error for a sum with something else, in place of NumPy's, which speaks of ufuncs."""
    if not isinstance(other, form):
        name, kind = form.__name__, type(other).__name__
        msg = f"A mutable {name} adds to its own kind only, not to {kind}. Write {name}(array) + t, with the values as an array."
        raise ArgumentError(msg)


def _operands(creators: list[T] | None, creation_op: str | None) -> list[T]:
    """Return what a tensor hands on to: the two operands of a sum, else nothing."""
    return creators[:2] if creators is not None and creation_op == "add" else []


def _cotangents(t: Tensor | AlwaysTracked, ct: Any, creators: Sequence[Tensor | AlwaysTracked]) -> list[Any]:
    """Return what each operand of a sum is due of its cotangent, as the core's op states it."""
    datas = [c.data for c in creators]
    cotangents = []
    for rule, x in zip(TABLE["add"].vjps, datas, strict=False):
        g = rule(np, ct, t.data, *datas) if rule is not None else np.zeros_like(x)
        cotangents.append(fit(g, x) if g.shape == t.data.shape != x.shape else g)
    return cotangents


def _plus(grad: Tensor, other: Tensor) -> Tensor:
    """Return the sum of two gradients without a draw of an id, because the book's form makes no tensor here."""
    return Tensor(grad.data + other.data, id=grad.id)


def _uses_leading_to(out: Tensor) -> dict[Tensor, int]:
    """Return how many uses of each tensor lead to ``out``: the child counts of the core's tape.

    The graph is frozen as it is now, with a placeholder for each value, since only its edges are asked for.
    """
    add = TABLE["add"].bare
    records: dict[Tensor, Record] = {}
    stack = [out]
    while stack:
        t = stack[-1]
        creators = [c for c in _operands(t.creators, t.creation_op) if c.autograd]
        missing = [c for c in creators if c not in records]
        if t in records or not missing:
            stack.pop()
            if t not in records:
                made = tuple([records[c] for c in creators])
                records[t] = Record(0.0, made, add if made else None, autograd=True)
        else:
            stack += missing
    counts = Tape.of(records[out]).child_counts
    return {t: counts[r] for t, r in records.items()}


def _refuse_twice() -> NoReturn:
    msg = "cannot backprop more than once"
    raise Exception(msg)  # noqa: TRY002 - the book's class and text, which its programs show
