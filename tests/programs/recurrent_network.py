"""The cross entropy of an Elman network that guesses the next letter of a text, 25 letters at once.

Elman, "Finding structure in time" (Cognitive Science 14, 1990), with the loss as in Karpathy's min-char-rnn.
"""

from itertools import pairwise

import numpy as np

from tests.programs._types import Arguments, Floats, Integers

LETTERS = 8
HIDDEN = 12


def value(Wxh: Floats, Whh: Floats, Why: Floats, bh: Floats, by: Floats, text: Integers) -> np.float64:
    hidden = np.zeros(HIDDEN)
    loss = np.float64(0.0)
    for letter, following in pairwise(text):
        x = np.zeros(LETTERS)
        x[letter] = 1
        hidden = np.tanh(Wxh @ x + Whh @ hidden + bh)
        y = Why @ hidden + by
        p = np.exp(y) / np.sum(np.exp(y))
        loss += -np.log(p[following])
    return loss


def arguments(rng: np.random.Generator) -> Arguments:
    shapes = ((HIDDEN, LETTERS), (HIDDEN, HIDDEN), (LETTERS, HIDDEN), (HIDDEN,), (LETTERS,))
    return tuple(0.5 * rng.standard_normal(shape) for shape in shapes), (rng.integers(LETTERS, size=26),)
