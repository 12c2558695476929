"""Where the boxes and the lines of a drawn graph go: plain numbers in, plain numbers out.

Layers are taken by longest path, each box as low as what it leads to allows, so that an operand stands near its use.
Within a layer, boxes are ordered by the medians of their neighbours (Gansner, Koutsofios, North and Vo, "A technique for
drawing directed graphs", IEEE Transactions on Software Engineering 19(3), 1993) as long as that leaves fewer crossings.
Sideways, each box goes as near to its neighbours as the order allows: a least-squares fit, by pooling adjacent violators.
"""

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import TypeAlias

# Plain tuples, for a named tuple costs every import of the package a tenth of a millisecond.
Point: TypeAlias = tuple[float, float]
Line: TypeAlias = tuple[int, int, int, tuple[Point, ...]]
"""A line from a box down to one of its uses: source, target, which operand of the target, and where it passes.

From one point to the next it is straight where they stand above each other, else a curve that starts and ends downwards.
"""
_Item: TypeAlias = tuple[int, int]
"""What takes a place in a layer, as box and layer: the box itself, or below it a line of the box on its way down."""
_Link: TypeAlias = tuple[_Item, _Item, float]
"""A piece of a line between neighbouring layers: upper and lower item, and where it ends on the lower one, from -0.5 to 0.5."""

GAP_X = 18.0
"""The least space between two boxes of a layer."""
GAP_Y = 40.0
"""The space between two layers, where the lines run."""
MARGIN = 8.0
_NEAR = 8.0
"""How near a straight line may pass."""
_ORDERINGS = 12
_SHIFTS = 24
_STRAIGHT = 4.0
"""How much more, for each layer passed, a line wants to go straight down than a box wants to be near another."""
_LAZY = 0.02
"""How much a box without neighbours on that side wants to stay, and a leaf to be near a use that has other operands."""


def lay_out(
    sizes: Sequence[tuple[float, float]], inputs: Sequence[Sequence[int]]
) -> tuple[Point, list[Point], list[Line]]:
    """Lay out boxes of the given widths and heights; ``inputs[i]`` are the boxes that box ``i`` takes, all before ``i``.

    Returns the width and height of the whole, the left upper corner of each box, and the lines.
    """
    levels = _levels(inputs)
    links, layers = _links(inputs, levels)
    layers = _ordered(layers, links)
    widths = {(box, level): sizes[box][0] if levels[box] == level else 0.0 for layer in layers for box, level in layer}
    middles = _middles(layers, links, widths)
    heights = [max([sizes[box][1] for box, level in layer if levels[box] == level]) for layer in layers]
    tops = [MARGIN + sum(heights[:level]) + GAP_Y * level for level in range(len(layers))]
    corners = []
    for box, (width, height) in enumerate(sizes):
        level = levels[box]
        corners.append((middles[box, level] - width / 2, tops[level] + (heights[level] - height) / 2))
    lines = []
    for target, operands in enumerate(inputs):
        for operand, source in enumerate(operands):
            first, last = levels[source], levels[target]
            x = middles[source, first]
            points = [(x, corners[source][1] + sizes[source][1]), (x, tops[first] + heights[first])]
            for level in range(first + 1, last):
                x = middles[source, level]
                points += [(x, tops[level]), (x, tops[level] + heights[level])]
            x = middles[target, last] + sizes[target][0] * _end(operand, len(operands))
            points += [(x, tops[last]), (x, corners[target][1])]
            lines.append((source, target, operand, tuple(dict.fromkeys(points))))
    right = max([x + sizes[box][0] for box, (x, _) in enumerate(corners)], default=MARGIN)
    bottom = tops[-1] + heights[-1] if layers else MARGIN
    return (right + MARGIN, bottom + MARGIN), corners, lines


def _levels(inputs: Sequence[Sequence[int]]) -> list[int]:
    """Return the layer of each box, the uppermost is 0.

    The longest path from the top decides. Then each box, together with what leads to it alone, goes down towards its
    uses as far as that makes no line longer than it makes others shorter: a leaf stands right above its first use.
    """
    uses: list[list[int]] = [[] for _ in inputs]
    levels: list[int] = []
    for box, sources in enumerate(inputs):
        levels.append(max([levels[source] + 1 for source in sources], default=0))
        for source in sources:
            uses[source].append(box)
    for box in reversed(range(len(inputs))):
        room = min([levels[use] for use in uses[box]], default=0) - levels[box] - 1
        if room > 0:
            group = _alone(box, uses)
            down = _way_down(room, group, inputs, uses, levels)
            for member in group:
                levels[member] += down
    taken = {level: i for i, level in enumerate(sorted(set(levels)))}
    return [taken[level] for level in levels]


def _alone(box: int, uses: Sequence[Sequence[int]]) -> set[int]:
    """Return the box and all boxes that lead to nothing but it."""
    group = {box}
    for source in reversed(range(box)):
        if uses[source] and group.issuperset(uses[source]):
            group.add(source)
    return group


def _way_down(
    room: int, group: set[int], inputs: Sequence[Sequence[int]], uses: Sequence[Sequence[int]], levels: Sequence[int]
) -> int:
    """Return how many layers a group goes down, at most ``room``, for the lines to be shortest in sum.

    All lines of a source share their way down, so the deepest use decides how long it is.
    """
    spare = []
    for source in {source for member in group for source in inputs[member]} - group:
        within = max([levels[use] for use in uses[source] if use in group])
        spare.append(max([levels[use] for use in uses[source]]) - within)
    ways = sorted({0, room, *[way for way in spare if way < room]})
    return max(ways, key=lambda way: (way - sum([max(0, way - free) for free in spare]), way))


def _end(operand: int, count: int) -> float:
    """Return where an operand's line ends on a box, between its ends -0.5 and 0.5: operands stand from left to right."""
    return (operand + 1) / (count + 1) - 0.5


def _links(inputs: Sequence[Sequence[int]], levels: Sequence[int]) -> tuple[list[_Link], list[list[_Item]]]:
    """Return the pieces of all lines and the items of each layer. All lines of one box share their way down."""
    layers: list[dict[_Item, None]] = [{} for _ in range(max(levels, default=-1) + 1)]
    links: dict[_Link, None] = {}
    for target, operands in enumerate(inputs):
        for operand, source in enumerate(operands):
            for level in range(levels[source] + 1, levels[target]):
                links[(source, level - 1), (source, level), 0.0] = None
                layers[level][source, level] = None
            last = levels[target]
            links[(source, last - 1), (target, last), _end(operand, len(operands))] = None
        layers[levels[target]][target, levels[target]] = None
    return list(links), [list(layer) for layer in layers]


def _ordered(layers: list[list[_Item]], links: Sequence[_Link]) -> list[list[_Item]]:
    """Order each layer by the medians of its neighbours above and below, in turns, and keep the best order met."""
    above: dict[_Item, list[tuple[_Item, float]]] = {}
    below: dict[_Item, list[tuple[_Item, float]]] = {}
    for upper, lower, end in links:
        above.setdefault(lower, []).append((upper, 0.0))
        below.setdefault(upper, []).append((lower, end))
    best, fewest = layers, _crossings(layers, below)
    for turn in range(_ORDERINGS):
        if not fewest:
            break
        layers = list(layers)
        downwards = turn % 2 == 0
        found = above if downwards else below
        for level in range(1, len(layers)) if downwards else reversed(range(len(layers) - 1)):
            places = {item: place for place, item in enumerate(layers[level - 1 if downwards else level + 1])}
            near = [[places[other] + end for other, end in found.get(item, ())] for item in layers[level]]
            layers[level] = _by_medians(layers[level], near)
        crossings = _crossings(layers, below)
        if crossings < fewest:
            best, fewest = layers, crossings
    return best


def _by_medians(layer: list[_Item], neighbours: list[list[float]]) -> list[_Item]:
    """Sort a layer; items without neighbours keep their places, and items with the same median their order."""
    movable = [i for i, places in enumerate(neighbours) if places]
    order = iter(sorted(movable, key=lambda i: _median(neighbours[i])))
    moved = set(movable)
    return [layer[next(order)] if i in moved else item for i, item in enumerate(layer)]


def _median(places: list[float]) -> float:
    places = sorted(places)
    half = len(places) // 2
    return places[half] if len(places) % 2 else (places[half - 1] + places[half]) / 2


def _crossings(layers: Sequence[Sequence[_Item]], below: Mapping[_Item, list[tuple[_Item, float]]]) -> int:
    """Count the pairs of pieces that cross, layer by layer."""
    total = 0
    for upper, lower in pairwise(layers):
        places = {item: place for place, item in enumerate(lower)}
        passed: list[float] = []
        for item in upper:
            ends = [places[other] + end for other, end in below.get(item, ())]
            total += sum([len(passed) - bisect_right(passed, end) for end in ends])
            for end in ends:
                insort(passed, end)
    return total


def _middles(
    layers: Sequence[Sequence[_Item]], links: Sequence[_Link], widths: Mapping[_Item, float]
) -> dict[_Item, float]:
    """Return where the middle of each item goes, sideways, so that the leftmost box stands at the margin."""
    wishes: dict[_Item, list[tuple[_Item, float]]] = {item: [] for item in widths}
    lengths = Counter([box for box, _ in widths])
    fed = {lower[0] for upper, lower, _ in links if upper[0] != lower[0]}
    follows = {lower[0] for upper, lower, _ in links if upper[0] != lower[0] and upper[0] in fed}
    # Middle above middle. Where a box has other operands as well, it goes by them, and leaves give way: else a chain of
    # operations, each with a leaf, would become a staircase.
    for upper, lower, _ in links:
        weight = 1.0 if widths[upper] or widths[lower] else _STRAIGHT * lengths[upper[0]]
        aside = upper[0] != lower[0] and upper[0] not in fed and lower[0] in follows
        wishes[upper].append((lower, _LAZY * weight if aside else weight))
        if not aside:
            wishes[lower].append((upper, weight))
    middles: dict[_Item, float] = {}
    for layer in layers:
        offsets = _offsets(layer, widths)
        middles.update({item: x - offsets[-1] / 2 for item, x in zip(layer, offsets, strict=True)})
    for turn in range(_SHIFTS):
        downwards = turn % 2 == 0
        side = 0 if turn >= _SHIFTS - 4 else -1 if downwards else 1  # in the end both neighbours have a say
        for layer in layers if downwards else reversed(layers):
            wanted, weights = [], []
            for item in layer:
                near = [wish for wish in wishes[item] if not side or wish[0][1] - item[1] == side]
                weight = sum([w for _, w in near])
                wanted.append(sum([w * middles[other] for other, w in near]) / weight if near else middles[item])
                weights.append(weight or _LAZY)
            middles.update(zip(layer, _nearest(wanted, weights, _offsets(layer, widths)), strict=True))
    _straighten(layers, middles, widths)
    left = min([middles[item] - width / 2 for item, width in widths.items()], default=0.0)
    return {item: x - left + MARGIN for item, x in middles.items()}


def _straighten(layers: Sequence[Sequence[_Item]], middles: dict[_Item, float], widths: Mapping[_Item, float]) -> None:
    """Let each line that passes through layers do so at one place, where its neighbours leave room for that."""
    passing: dict[int, list[tuple[_Item, float, float]]] = {}
    for layer in layers:
        for i, item in enumerate(layer):
            if not widths[item]:
                left, right = layer[i - 1] if i else None, layer[i + 1] if i + 1 < len(layer) else None
                least = middles[left] + widths[left] / 2 + _NEAR if left else -inf
                most = middles[right] - widths[right] / 2 - _NEAR if right else inf
                passing.setdefault(item[0], []).append((item, least, most))
    for found in passing.values():
        least, most = max([low for _, low, _ in found]), min([high for _, _, high in found])
        x = sum([middles[item] for item, _, _ in found]) / len(found)
        if least <= most:
            middles.update(dict.fromkeys([item for item, _, _ in found], min(max(x, least), most)))


def _offsets(layer: Sequence[_Item], widths: Mapping[_Item, float]) -> list[float]:
    """Return where the middles would be if the layer were packed, seen from the first."""
    offsets = [0.0]
    for one, other in pairwise(layer):
        offsets.append(offsets[-1] + (widths[one] + widths[other]) / 2 + GAP_X)
    return offsets


def _nearest(wanted: Sequence[float], weights: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """Return the places closest to those wanted, by weighted least squares, that keep order and distances.

    Less the offsets that is a fit by an ascending sequence; neighbours out of order are pooled to their mean.
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for x, weight, offset in zip(wanted, weights, offsets, strict=True):
        pool = (x - offset, weight, 1)
        while pools and pools[-1][0] >= pool[0]:
            mean, other, count = pools.pop()
            total = other + pool[1]
            pool = ((mean * other + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    fitted = [mean for mean, _, count in pools for _ in range(count)]
    return [x + offset for x, offset in zip(fitted, offsets, strict=True)]
