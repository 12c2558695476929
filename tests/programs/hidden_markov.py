"""The log-probability of 100 symbols under a hidden Markov model, by the forward recursion in log space.

Rabiner, "A tutorial on hidden Markov models" (1989), equations 19 to 21.
"""

import numpy as np

from tests.programs._types import Arguments, Floats, Integers


def log_softmax(logits: Floats) -> Floats:
    log_probabilities: Floats = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    return log_probabilities


def value(initial: Floats, transition: Floats, emission: Floats, symbols: Integers) -> np.float64:
    log_initial, log_transition, log_emission = log_softmax(initial), log_softmax(transition), log_softmax(emission)
    log_alpha = log_initial + log_emission[:, symbols[0]]
    for symbol in symbols[1:]:
        log_alpha = np.logaddexp.reduce(log_alpha[:, None] + log_transition, axis=0) + log_emission[:, symbol]
    log_probability: np.float64 = np.logaddexp.reduce(log_alpha)
    return log_probability


def arguments(rng: np.random.Generator) -> Arguments:
    states, alphabet = 4, 6
    sizes = ((states,), (states, states), (states, alphabet))
    return tuple(rng.standard_normal(size) for size in sizes), (rng.integers(alphabet, size=100),)
