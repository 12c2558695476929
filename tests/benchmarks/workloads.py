"""The computations that are timed, each by every contestant that is installed.

The hand-written gradients are what a competent user writes: the forward pass keeps what the backward pass reads.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tape_ad
from tape_ad import Tape, Tensor
from tests.benchmarks.timing import BASELINE, Contestant, Workload

LEAVES = "tape_ad leaves and Tape"
PLAIN = "tape_ad value_and_grad of np"
HIPS = "HIPS autograd"
TORCH = "torch"

LINKS = 40
INPUTS, HIDDEN, CLASSES = 64, 256, 10

Gradient = Callable[..., Sequence[Any]]


def optional(name: str) -> Any:
    """Return a module, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


autograd = optional("autograd")
anp = optional("autograd.numpy")
torch = optional("torch")
if torch is not None:
    torch.set_num_threads(1)


# --- the chain ------------------------------------------------------------------------------------------------------
def chain_by_hand(t: Any, a: Any, b: Any, *, links: int) -> tuple[Any, Any, Any]:
    """Return the gradients of the summed chain in t, a and b."""
    sin, cos, exp, tanh = np.sin, np.cos, np.exp, np.tanh
    kept = []
    for _ in range(links):
        u = t * a + b
        e = exp(sin(u))
        out = tanh(e)
        kept.append((t, u, e, out))
        t = out
    g = np.ones_like(t) if t.ndim else np.float64(1.0)
    ga, gb = g * 0.0, g * 0.0
    for before, u, e, out in reversed(kept):
        gu = g * (1.0 - out * out) * e * cos(u)
        ga += gu * before
        gb += gu
        g = gu * a
    return g, ga, gb


def chain(xp: Any, t: Any, a: Any, b: Any, links: int) -> Any:
    """Return the chain, in any namespace."""
    sin, exp, tanh = xp.sin, xp.exp, xp.tanh
    for _ in range(links):
        t = tanh(exp(sin(t * a + b)))
    return t


def chain_workload(
    name: str,
    values: Sequence[Any],
    target: float,
    *,
    links: int = LINKS,
    rounds: int = 25,
    batch_seconds: float = 0.004,
) -> Workload:
    """Return the chain on given values of t, a and b."""
    scalars = np.ndim(values[0]) == 0

    def total(xp: Any, t: Any, a: Any, b: Any) -> Any:
        out = chain(xp, t, a, b, links)
        return out if scalars else xp.sum(out)

    def with_leaves() -> Sequence[Any]:
        leaves = [Tensor(value, autograd=True) for value in values]
        gradients = Tape.of(total(tape_ad, *leaves)).backward(wrt=leaves)
        return [gradients[leaf] for leaf in leaves]

    plain = tape_ad.value_and_grad(lambda t, a, b: total(np, t, a, b), argnums=(0, 1, 2))
    contestants = [
        Contestant(BASELINE, lambda: chain_by_hand(*values, links=links)),
        Contestant(LEAVES, with_leaves, target=target),
        Contestant(PLAIN, lambda: plain(*values)[1], target=target),
    ]
    if autograd is not None:
        hips = autograd.value_and_grad(lambda t, a, b: total(anp, t, a, b), argnum=(0, 1, 2))
        contestants.append(Contestant(HIPS, lambda: hips(*values)[1]))
    if torch is not None:

        def with_torch() -> Sequence[Any]:
            leaves = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]
            return [g.numpy() for g in torch.autograd.grad(total(torch, *leaves), leaves)]

        contestants.append(Contestant(TORCH, with_torch))
    return Workload(name, tuple(contestants), rounds, batch_seconds)


def chain_values(n: int | None) -> list[Any]:
    """Return t, a and b: arrays of n elements, or float64 scalars for None."""
    rng = np.random.default_rng(0)
    if n is None:
        return [np.float64(0.3), np.float64(0.9), np.float64(0.2)]
    return [rng.uniform(0.1, 0.5, n), rng.uniform(0.5, 1.5, n), rng.uniform(-0.5, 0.5, n)]


# --- the network ----------------------------------------------------------------------------------------------------
def network_by_hand(x: Any, onehot: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> tuple[Any, ...]:
    """Return the value and gradients of the mean cross-entropy of a two-layer tanh network."""
    n = len(x)
    h = np.tanh(x @ w1 + b1)
    z = h @ w2 + b2
    z = z - np.max(z, axis=1, keepdims=True)
    e = np.exp(z)
    s = np.sum(e, axis=1, keepdims=True)
    value = (np.sum(np.log(s)) - np.sum(onehot * z)) / n
    gz = (e / s - onehot) / n
    gu = (gz @ w2.T) * (1.0 - h * h)
    return value, x.T @ gu, np.sum(gu, axis=0), h.T @ gz, np.sum(gz, axis=0)


def network(xp: Any, constant: Callable[[Any], Any], x: Any, onehot: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    """Return the same loss, in any namespace; the shift of the logits cancels, so it is taken for a constant."""
    h = xp.tanh(x @ w1 + b1)
    z = h @ w2 + b2
    z = z - xp.max(constant(z), axis=1, keepdims=True)
    s = xp.sum(xp.exp(z), axis=1, keepdims=True)
    return (xp.sum(xp.log(s)) - xp.sum(onehot * z)) / len(x)


def network_workload(batch: int, target: float | None) -> Workload:
    """Return one step's value and gradients in all four parameters."""
    rng = np.random.default_rng(1)
    params = [
        rng.normal(0, 0.1, (INPUTS, HIDDEN)), rng.normal(0, 0.1, HIDDEN),
        rng.normal(0, 0.1, (HIDDEN, CLASSES)), rng.normal(0, 0.1, CLASSES),
    ]  # fmt: skip
    x, onehot = rng.normal(size=(batch, INPUTS)), np.eye(CLASSES)[rng.integers(0, CLASSES, batch)]

    data = Tensor(x), Tensor(onehot)  # made once, as torch's inputs are

    def with_leaves() -> Sequence[Any]:
        leaves = [Tensor(value, autograd=True) for value in params]
        loss = network(tape_ad, tape_ad.stop_gradient, *data, *leaves)
        gradients = Tape.of(loss).backward(wrt=leaves)
        return [loss.data, *(gradients[leaf] for leaf in leaves)]

    def flat(answer: tuple[Any, Any]) -> Sequence[Any]:
        return [answer[0], *answer[1]]

    plain = tape_ad.value_and_grad(lambda *args: network(np, tape_ad.stop_gradient, *args), argnums=(2, 3, 4, 5))
    contestants = [
        Contestant(BASELINE, lambda: network_by_hand(x, onehot, *params)),
        Contestant(LEAVES, with_leaves, target=target),
        Contestant(PLAIN, lambda: flat(plain(x, onehot, *params)), target=target),
    ]
    if autograd is not None:
        constant = autograd.tracer.getval
        hips = autograd.value_and_grad(lambda *args: network(anp, constant, *args), argnum=(2, 3, 4, 5))
        contestants.append(Contestant(HIPS, lambda: flat(hips(x, onehot, *params))))
    if torch is not None:
        labels = torch.tensor(np.argmax(onehot, axis=1))
        inputs = torch.tensor(x)

        def with_torch() -> Sequence[Any]:
            w1, b1, w2, b2 = leaves = [torch.tensor(value, requires_grad=True) for value in params]
            z = torch.tanh(inputs @ w1 + b1) @ w2 + b2
            loss = torch.nn.functional.cross_entropy(z, labels)
            return [loss.item(), *(g.numpy() for g in torch.autograd.grad(loss, leaves))]

        contestants.append(Contestant(TORCH, with_torch))
    return Workload(f"network step, batch {batch}", tuple(contestants), 25, 0.01)


# --- depth ----------------------------------------------------------------------------------------------------------
def line_by_hand(t: Any, c: Any, d: Any, *, links: int) -> tuple[Any, Any, Any]:
    """Return the gradients of ``t = t * c + d``, repeated, in t, c and d."""
    kept = []
    for _ in range(links):
        kept.append(t)
        t = t * c + d
    g, gc, gd = np.float64(1.0), np.float64(0.0), np.float64(0.0)
    for before in reversed(kept):
        gd += g
        gc += g * before
        g = g * c
    return g, gc, gd


def line(t: Any, c: Any, d: Any, *, links: int) -> Any:
    """Return ``t = t * c + d``, repeated: two nodes a link."""
    for _ in range(links):
        t = t * c + d
    return t


LINE_VALUES = (np.float64(0.5), np.float64(0.999999), np.float64(1e-6))


def line_by_numpy(links: int) -> Sequence[Any]:
    """Return the line's gradients by hand."""
    return line_by_hand(*LINE_VALUES, links=links)


def line_with_tape(links: int) -> Sequence[Any]:
    """Return the line's gradients in t, c and d by tape_ad."""
    leaves = [Tensor(value, autograd=True) for value in LINE_VALUES]
    gradients = Tape.of(line(*leaves, links=links)).backward(wrt=leaves)
    return [gradients[leaf] for leaf in leaves]


def line_of_constants(links: int) -> Sequence[Any]:
    """Return the line's gradient in t alone, with c and d Python numbers, by tape_ad."""
    leaf = Tensor(LINE_VALUES[0], autograd=True)
    return [Tape.of(line(leaf, float(LINE_VALUES[1]), float(LINE_VALUES[2]), links=links)).backward(wrt=leaf)[leaf]]


def depth_workload(nodes: int, hips_nodes: int) -> Workload:
    """Return a chain of a million scalar nodes; times are per node, and HIPS runs a shorter one."""
    whole = tape_ad.grad(lambda t, c, d: line(t, c, d, links=nodes // 2), (0, 1, 2))
    contestants = [
        Contestant(BASELINE, lambda: line_by_numpy(nodes // 2), nodes),
        Contestant(LEAVES, lambda: line_with_tape(nodes // 2), nodes),
        Contestant(PLAIN, lambda: whole(*LINE_VALUES), nodes),
        Contestant(f"{LEAVES}, {hips_nodes:,}", lambda: line_with_tape(hips_nodes // 2), hips_nodes, checked=False),
    ]
    if autograd is not None:
        hips = autograd.grad(lambda t, c, d: line(t, c, d, links=hips_nodes // 2), argnum=(0, 1, 2))
        contestants.append(Contestant(f"{HIPS}, {hips_nodes:,}", lambda: hips(*LINE_VALUES), hips_nodes, checked=False))
    return Workload(f"{nodes:,} nodes deep, per node", tuple(contestants), 3, 0.0)


# --- reading element by element -------------------------------------------------------------------------------------
def read_by_hand(x: Any) -> tuple[Any]:
    """Return the gradient of the sum of all x[i], read one by one."""
    total = np.float64(0.0)
    for i in range(len(x)):
        total = total + x[i]
    g, gx = np.float64(1.0), np.zeros_like(x)
    for i in range(len(x)):
        gx[i] += g
    return (gx,)


def read(x: Any) -> Any:
    """Return the sum of all x[i], read one by one."""
    total = 0.0
    for i in range(len(x)):
        total = total + x[i]
    return total


def reading_workload(n: int) -> Workload:
    """Return the gradient of a loop over scalar x[i]."""
    x = np.random.default_rng(2).normal(size=n)

    def with_leaves() -> Sequence[Any]:
        leaf = Tensor(x, autograd=True)
        return [Tape.of(read(leaf)).backward(wrt=leaf)[leaf]]

    plain = tape_ad.grad(read)
    contestants = [
        Contestant(BASELINE, lambda: read_by_hand(x)),
        Contestant(LEAVES, with_leaves),
        Contestant(PLAIN, lambda: [plain(x)]),
    ]
    if autograd is not None:
        hips = autograd.grad(read)
        contestants.append(Contestant(HIPS, lambda: [hips(x)]))
    return Workload(f"{n:,} scalar x[i] in a loop", tuple(contestants), 7, 0.02)


def all_workloads() -> Sequence[Callable[[], Workload]]:
    """Return what makes each workload, so that only one holds its arrays at a time."""
    return (
        lambda: chain_workload("chain of 200 ops, float64 scalars", chain_values(None), 9.0, rounds=40),
        lambda: chain_workload("chain of 200 ops, n = 8", chain_values(8), 3.0, rounds=40),
        lambda: chain_workload("chain of 200 ops, n = 1,000", chain_values(1000), 1.45),
        lambda: network_workload(64, None),
        lambda: network_workload(512, 1.2),
        lambda: chain_workload(
            "chain of 20 ops, n = 1,000,000", chain_values(1_000_000), 1.4, links=4, rounds=8, batch_seconds=0.0
        ),
        lambda: depth_workload(1_000_000, 100_000),
        lambda: reading_workload(10_000),
    )
