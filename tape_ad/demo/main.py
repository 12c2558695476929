"""What ``python -m tape_ad`` prints: three parts, each with a check that can fail, and a verdict."""

import argparse
import sys
import textwrap
import time
from collections.abc import Sequence

import numpy as np
from attrs import field, frozen

from tape_ad import Tape
from tape_ad.demo import check, digits, textbook

RIGHT_AT_LEAST = 0.96
ERROR_AT_MOST = 1e-6
_DIGITS = 40  # of a seed: as many as NumPy's own seeds of 128 bits have, and one more
_INDENT = "   "
_SHADES = " .:-=+*#%"


@frozen
class Check:
    """Something that was claimed, and whether it turned out true."""

    claim: str
    passed: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration and return its exit code: 0 if all checks passed, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m tape_ad",
        description="Differentiate the textbook's graph, train a network on handwritten digits, check its gradient.",
    )
    parser.add_argument(
        "--seed", type=_seed, default=0, metavar="N", help="choose another split, start and noise (default: 0)"
    )
    rng = np.random.default_rng(parser.parse_args(arguments).seed)

    print("tape_ad: gradients of plain NumPy, with a tape that you can read")
    checks = [show_textbook()]
    learned_from, held_out = digits.split(digits.load(), rng)
    params, accurate = show_training(learned_from, held_out, rng)
    checks += [accurate, show_gradient(params, learned_from, rng)]

    failed = [c.claim for c in checks if not c.passed]
    print()
    if failed:
        print(f"{len(failed)} of {len(checks)} checks FAILED: {'; '.join(failed)}.")
        return 1
    print(f"All {len(checks)} checks passed.")
    return 0


def show_textbook() -> Check:
    """Print the textbook's graph: its tape, and its gradients."""
    _title("1. A graph from the textbook: d = a + b, e = b + c, f = d + e")
    values = textbook.build()
    tape = Tape.of(values["f"])
    _say(textbook.listing(tape))
    print()
    _say("Children: the uses that lead to f. b (%1) has two, so two gradients add up.")
    _say("Gradients are values: nothing above was changed to get them.")
    print()
    first, second = tape.backward(np.ones(5)), tape.backward(np.ones(5))
    for name, value in values.items():
        _say(f"gradient of f with respect to {name}:  {first[value]}")
    right = all(
        tape.child_counts[value] == textbook.CHILDREN[name]
        and np.array_equal(first[value], textbook.GRADIENTS[name])
        and np.array_equal(second[value], textbook.GRADIENTS[name])
        for name, value in values.items()
    )
    return _judge("counts and gradients are the textbook's, and the same when asked again", right)


def show_training(
    learned_from: digits.Digits, held_out: digits.Digits, rng: np.random.Generator
) -> tuple[digits.Params, Check]:
    """Print how well the network reads images that it has not seen; return what it learned."""
    _title("2. A network, written in plain NumPy, learns to read handwritten digits")
    _say(
        f"{len(learned_from):,} images to learn from, {len(held_out)} others held out; {digits.SIDE} x {digits.SIDE} pixels each."
    )
    _say(
        f"{digits.SIDE**2} pixels, {digits.HIDDEN} tanh units, {digits.CLASSES} scores; {digits.EPOCHS} epochs of gradient descent."
    )
    print(flush=True)  # before the progress, which may go another way
    progress = Progress()
    params = digits.train(learned_from, rng, progress.show)
    progress.end()
    answers = digits.read(params, held_out.pixels)
    right = answers == held_out.labels
    wrong_first = np.argsort(right, kind="stable")[:4]
    _say("Four held-out images, the misread ones first:")
    print()
    _say(_pictures(held_out.pixels[wrong_first]))
    _say(_captions(answers[wrong_first], held_out.labels[wrong_first]))
    print()
    _say(f"{np.sum(right)} of the {len(held_out)} held-out images are read right: {np.mean(right):.1%}.")
    return params, _judge(
        f"at least {RIGHT_AT_LEAST:.0%} of the held-out images are read right", np.mean(right) >= RIGHT_AT_LEAST
    )


def show_gradient(params: digits.Params, images: digits.Digits, rng: np.random.Generator) -> Check:
    """Print how far the network's gradient is from central differences of its loss."""
    _title("3. Is that gradient right? Compare it with central differences")
    _say(f"In each field p of the network, the slope of the loss along {check.DIRECTIONS} random")
    _say("directions v, by the tape and by central differences, which need no tape:")
    _say(f"(loss(p + h v) - loss(p - h v)) / 2h, with h = {check.STEP:.0e}.")
    print()
    _say(f"{'field':<16}{'shape':<12}relative error")
    errors = []
    for comparison in check.compare(params, images, rng):
        _say(f"{comparison.name:<16}{comparison.shape!s:<12}{comparison.error:.1e}")
        errors.append(comparison.error)
    return _judge(f"each relative error is at most {ERROR_AT_MOST:.0e}", all(e <= ERROR_AT_MOST for e in errors))


@frozen
class Progress:
    """One line that is written over as training goes on; nothing at all unless a person looks at a terminal."""

    visible: bool = field(factory=lambda: sys.stdout.isatty() and sys.stderr.isatty())
    start: float = field(factory=time.perf_counter)

    def show(self, epoch: int, loss: float) -> None:
        """Write the line anew."""
        if self.visible:
            done = round(20 * epoch / digits.EPOCHS)
            bar = "#" * done + "." * (20 - done)
            seconds = time.perf_counter() - self.start
            line = f"[{bar}] epoch {epoch:>2} of {digits.EPOCHS}, loss {loss:.3f}, {seconds:.1f} s"
            print(f"\r{_INDENT}{line:<70}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line as it stands."""
        if self.visible:
            print("\n", file=sys.stderr, flush=True)


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        shown = text if len(text) <= _DIGITS else text[:_DIGITS] + "..."
        msg = f"a seed is a whole number from 0 on, not {shown!r}"
        raise argparse.ArgumentTypeError(msg)
    if len(text) > _DIGITS:
        msg = f"a seed has at most {_DIGITS} digits, but this one has {len(text):,}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _title(text: str) -> None:
    print(f"\n{text}\n")


def _say(text: str) -> None:
    print(textwrap.indent(text, _INDENT))


def _judge(claim: str, passed: bool | np.bool_) -> Check:
    print()
    _say(f"{'ok' if passed else 'FAILED'}: {claim}")
    return Check(claim, bool(passed))


def _pictures(images: digits.Floats) -> str:
    """Draw images side by side, two characters a pixel."""
    rows = images.reshape(-1, digits.SIDE, digits.SIDE).transpose(1, 0, 2)
    shades = np.rint(rows * (len(_SHADES) - 1)).astype(int)
    return "\n".join(_INDENT.join("".join(_SHADES[s] * 2 for s in image) for image in row).rstrip() for row in shades)


def _captions(answers: digits.Integers, labels: digits.Integers) -> str:
    captions = [
        f"read as {answer}" if answer == label else f"a {label}, read as {answer}"
        for answer, label in zip(answers, labels, strict=True)
    ]
    return _INDENT.join(f"{caption:^{2 * digits.SIDE}}" for caption in captions).rstrip()
