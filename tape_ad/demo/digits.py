"""A network that learns to read handwritten digits: its loss is plain NumPy, its gradient comes from `tape_ad`."""

import gzip
from collections.abc import Callable
from importlib.resources import files
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import astuple, frozen

from tape_ad import value_and_grad

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

SIDE = 8
BLACK = 16
CLASSES = 10
HIDDEN = 64
EPOCHS = 30
BATCH = 32
RATE = 0.2
MOMENTUM = 0.9
NOISE = 0.2


@frozen(eq=False)
class Digits:
    """Images with the digits that they show.

    Attributes:
        pixels: One image a row: 64 grey levels between 0 (white) and 1 (black).
        labels: The digit that each image shows.
    """

    pixels: Floats
    labels: Integers

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Integers) -> "Digits":
        """Return the images of those rows."""
        return Digits(self.pixels[rows], self.labels[rows])


@frozen(eq=False)
class Params:
    """What the network learns. The gradient of the loss is a record of the same class."""

    hidden_weights: Floats
    hidden_bias: Floats
    output_weights: Floats
    output_bias: Floats


def load() -> Digits:
    """Return the 1,797 images that come with the package.

    >>> digits = load()
    >>> len(digits), digits.pixels.max(), digits.labels[:4]
    (1797, np.float64(1.0), array([0, 1, 2, 3]))
    """
    with files("tape_ad.demo").joinpath("data", "digits.csv.gz").open("rb") as packed, gzip.open(packed) as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.int64)
    return Digits(table[:, :-1] / BLACK, table[:, -1])


def split(digits: Digits, rng: np.random.Generator) -> tuple[Digits, Digits]:
    """Return a random four fifths to learn from, and the fifth that is held out."""
    order = rng.permutation(len(digits))
    held_out = len(digits) // 5
    return digits.take(order[held_out:]), digits.take(order[:held_out])


def initial(rng: np.random.Generator) -> Params:
    """Return random weights, small enough that no unit starts saturated, and biases of zero."""
    pixels = SIDE * SIDE
    return Params(
        hidden_weights=rng.normal(size=(pixels, HIDDEN)) / np.sqrt(pixels),
        hidden_bias=np.zeros(HIDDEN),
        output_weights=rng.normal(size=(HIDDEN, CLASSES)) / np.sqrt(HIDDEN),
        output_bias=np.zeros(CLASSES),
    )


def scores(params: Params, pixels: Floats) -> Floats:
    """Return ten scores for each image; the highest names the digit."""
    hidden: Floats = np.tanh(pixels @ params.hidden_weights + params.hidden_bias)
    return hidden @ params.output_weights + params.output_bias


def loss(params: Params, pixels: Floats, labels: Integers) -> np.float64:
    """Return the cross entropy, averaged over the images: minus the logarithm of the right digit's probability."""
    s = scores(params, pixels)
    s = s - np.max(s, axis=1, keepdims=True)  # no exponential overflows, and the probabilities stay what they are
    log_probabilities = s - np.log(np.sum(np.exp(s), axis=1, keepdims=True))
    average: np.float64 = -np.mean(log_probabilities[np.arange(len(labels)), labels])
    return average


def read(params: Params, pixels: Floats) -> Integers:
    """Return the digit that the network sees in each image."""
    seen: Integers = np.argmax(scores(params, pixels), axis=1)
    return seen


def train(
    digits: Digits, rng: np.random.Generator, report: Callable[[int, float], None] = lambda epoch, value: None
) -> Params:
    """Return what stochastic gradient descent with momentum makes of random parameters.

    Each step sees a small batch, with noise on its pixels: with so few images it is what makes unseen ones readable.
    The rate falls linearly to zero. ``report`` hears of each epoch, with its average loss.
    """
    value_and_gradient = value_and_grad(loss)
    params = initial(rng)
    velocity = _each(np.zeros_like, params)
    starts = range(0, len(digits), BATCH)
    for epoch in range(EPOCHS):
        order = rng.permutation(len(digits))
        losses = []
        for step, start in enumerate(starts):
            batch = digits.take(order[start : start + BATCH])
            noisy = batch.pixels + NOISE * rng.normal(size=batch.pixels.shape)
            value, gradient = value_and_gradient(params, noisy, batch.labels)
            rate = RATE * (1 - (epoch + step / len(starts)) / EPOCHS)
            velocity = _each(lambda v, g: MOMENTUM * v + g, velocity, gradient)
            params = _each(lambda p, v, rate=rate: p - rate * v, params, velocity)
            losses.append(value)
        report(epoch + 1, float(np.mean(losses)))
    return params


def _each(function: Callable[..., Floats], *records: Params) -> Params:
    """Apply a function field by field."""
    return Params(*map(function, *(astuple(record, recurse=False) for record in records)))
