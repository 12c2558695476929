"""Scale each rule of each op by 1.001 in turn and see whether the laws notice: ``python -m tests.mutate [op …]``.

A mutant that survives is a rule of which some part is never tried: a case is missing. The exit code is 1 then.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import evolve, frozen

import tape_ad  # noqa: F401 - fills the table
from tape_ad._core import TABLE, Op, Update
from tape_ad.testing import check_op

FACTOR = 1.001


@frozen
class Scaled:
    """A rule whose result is multiplied by `FACTOR`."""

    rule: Callable[..., Any]

    def __call__(self, *args: Any, **params: Any) -> Any:
        result = self.rule(*args, **params)
        if isinstance(result, Update):
            return evolve(result, value=result.value * FACTOR)
        if isinstance(result, tuple):
            return tuple([None if part is None else part * FACTOR for part in result])
        if isinstance(result, (tuple, list)):  # of an op with several results
            return [part * FACTOR for part in result]
        return None if result is None else result * FACTOR


@frozen
class Mutant:
    """One rule of one op: the field of the record, and the operand where the field holds a rule for each."""

    op: Op[Any]
    field: str
    operand: int | None = None

    def __str__(self) -> str:
        return f"{self.op.name}.{self.field}" + ("" if self.operand is None else f"[{self.operand}]")

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Put the scaled rule into the record, and take it out again."""
        before, rules_before = getattr(self.op, self.field), self.op.rules
        after: Any
        if self.operand is None:
            after = Scaled(before)
        else:
            after = tuple(Scaled(rule) if i == self.operand else rule for i, rule in enumerate(before))
        object.__setattr__(self.op, self.field, after)
        if self.field in ("partials", "vjps"):
            object.__setattr__(self.op, "rules", after)
        try:
            yield
        finally:
            object.__setattr__(self.op, self.field, before)
            object.__setattr__(self.op, "rules", rules_before)

    def is_caught(self) -> bool:
        """Say whether the laws notice it. Anything but a broken law is an error of the laws themselves."""
        with self.alive():
            try:
                check_op(self.op)
            except AssertionError:
                return True
        return False


def mutants(ops: Sequence[Op[Any]]) -> list[Mutant]:
    """Return a mutant for every rule that the ops state."""
    found = []
    for op in ops:
        found += [Mutant(op, name) for name in ("jvp", "expression") if getattr(op, name) is not None]
        for name in ("partials", "vjps"):
            found += [Mutant(op, name, i) for i, rule in enumerate(getattr(op, name)) if rule is not None]
        if op.quick:  # the backward loop serves these inline, from `rules`: a path of its own
            found += [Mutant(op, "rules", i) for i, rule in enumerate(op.rules) if rule is not None]
    return found


def main(names: Sequence[str]) -> int:
    """Try the mutants of the named ops, of all if none is named; print what survives and the totals."""
    start = time.perf_counter()
    ops = [TABLE[name] for name in names] if names else [op for op in TABLE.values() if op.cases]
    for op in ops:
        check_op(op)
    tried = mutants(ops)
    survivors = []
    for number, mutant in enumerate(tried, 1):
        if sys.stderr.isatty():
            print(f"\r{number}/{len(tried)} {mutant!s:40}", end="", file=sys.stderr)
        if not mutant.is_caught():
            survivors.append(mutant)
    kinds = Counter(mutant.field for mutant in tried)
    counted = ", ".join(f"{n} {name}" for name, n in sorted(kinds.items()))
    for mutant in survivors:
        print(f"survives: {mutant}")
    print(
        f"{len(tried)} rules of {len({mutant.op.name for mutant in tried})} ops scaled by {FACTOR} ({counted}): "
        f"{len(tried) - len(survivors)} caught, {len(survivors)} survive; {time.perf_counter() - start:.1f} s"
    )
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
