"""The drawn tape and the player: where things stand, what the steps say, and that text is only text."""

import html.parser
import itertools
import pickle
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st

import tape_ad
from tape_ad import ArgumentError, Drawing, Glance, Player, SeedError, Step, Steps, Tape, Tensor, grad, vmap
from tape_ad._core import TABLE, Call, Op
from tape_ad._drawing import LABEL, cells
from tape_ad._layout import GAP_X, lay_out
from tests.strategies import Program, point_of, programs

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text></li></script><script>alert('x')</script>\"&\x00\x1b\ud800"


def tracked(data: Any) -> Any:  # to NumPy's stubs a tensor is no array
    return Tensor(data, autograd=True)


def textbook() -> tuple[Tape, dict[str, Tensor]]:
    a, b, c = (tracked([1.0 + k, 2.0]) for k in range(3))
    d = a + b
    e = b + c
    f = d + e
    return Tape.of(f), {"a": a, "b": b, "c": c, "d": d, "e": e, "f": f}


def tape_of(program: Program, seed: int) -> Tape:
    return Tape.of(program(*[tracked(point) for point in point_of(program, seed)]))


# --- the layout -------------------------------------------------------------------------------------------------------
Graph = tuple[list[tuple[float, float]], list[tuple[int, ...]]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Return the sizes of boxes and what each takes: any number of operands, the same one twice among them."""
    count = draw(st.integers(0, 25))
    sides = st.tuples(st.floats(20, 300), st.floats(20, 120))
    sizes = [draw(sides) for _ in range(count)]
    inputs: list[tuple[int, ...]] = [()] * count
    for i in range(1, count):
        inputs[i] = tuple(draw(st.lists(st.integers(0, i - 1), max_size=4)))
    return sizes, inputs


@st.composite
def trees(draw: st.DrawFn) -> Graph:
    """Return graphs in which each box but the last is taken once, in the order of a tape: depth first, left to right."""
    inputs: list[tuple[int, ...]] = []
    loose: list[int] = []
    for arity in [*draw(st.lists(st.integers(0, 3), max_size=25)), -1]:
        taken = len(loose) if arity < 0 else min(arity, len(loose))
        inputs.append(tuple(loose[len(loose) - taken :]))
        loose = [*loose[: len(loose) - taken], len(inputs) - 1]
    return [(100.0, 50.0)] * len(inputs), inputs


@given(graphs())
def test_no_two_boxes_overlap_and_all_stand_inside_the_picture(graph: Graph) -> None:
    sizes, inputs = graph
    (right, bottom), corners, _ = lay_out(sizes, inputs)
    boxes = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(corners, sizes, strict=True)]

    assert all(x0 >= 0 and y0 >= 0 and x1 <= right and y1 <= bottom for x0, y0, x1, y1 in boxes)
    for one, other in itertools.combinations(boxes, 2):
        beside = max(one[0], other[0]) - min(one[2], other[2]) >= GAP_X - 1e-6
        below = max(one[1], other[1]) >= min(one[3], other[3])
        assert beside or below


@given(graphs())
def test_every_line_goes_down_from_its_operand_to_its_place_on_the_use(graph: Graph) -> None:
    sizes, inputs = graph
    _, corners, lines = lay_out(sizes, inputs)
    expected = [(source, target, i) for target, sources in enumerate(inputs) for i, source in enumerate(sources)]

    assert expected == [line[:3] for line in lines]
    for source, target, operand, points in lines:
        (x0, y0), (x1, y1) = corners[source], corners[target]
        width, height = sizes[source]
        assert pytest.approx((x0 + width / 2, y0 + height)) == points[0]
        assert pytest.approx((x1 + sizes[target][0] * (operand + 1) / (len(inputs[target]) + 1), y1)) == points[-1]
        assert all(upper[1] < lower[1] for upper, lower in itertools.pairwise(points))


@given(graphs())
def test_no_line_passes_through_a_box(graph: Graph) -> None:
    """Where it is straight down, no box stands at its place; where it curves, none stands at its height."""
    sizes, inputs = graph
    _, corners, lines = lay_out(sizes, inputs)
    boxes = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(corners, sizes, strict=True)]
    for *_, points in lines:
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            at_its_height = [box for box in boxes if box[1] < y1 - 1e-6 and box[3] > y0 + 1e-6]
            assert not [box for box in at_its_height if box[0] < max(x0, x1) and box[2] > min(x0, x1)]


@given(trees())
def test_the_lines_of_a_tree_do_not_cross(graph: Graph) -> None:
    _, _, lines = lay_out(*graph)
    pieces = {(upper, lower) for *_, points in lines for upper, lower in itertools.pairwise(points)}
    for (a0, a1), (b0, b1) in itertools.combinations(pieces, 2):
        if a0[1] == b0[1] and a1[1] == b1[1] and a0 != b0:
            assert (a0[0] - b0[0]) * (a1[0] - b1[0]) > 0


@given(graphs())
def test_the_same_graph_is_laid_out_in_the_same_way(graph: Graph) -> None:
    assert lay_out(*graph) == lay_out(*graph)


def test_a_leaf_stands_right_above_its_first_use_and_a_chain_straight_down() -> None:
    chain: list[tuple[int, ...]] = [(), *[(i,) for i in range(6)], (), (6, 7)]
    _, corners, _ = lay_out([(100.0, 50.0)] * len(chain), chain)

    assert corners[7][1] == corners[6][1]
    assert max(x for x, _ in corners[:6]) - min(x for x, _ in corners[:6]) < 3


def test_a_value_that_every_step_takes_does_not_push_a_long_chain_aside() -> None:
    inputs: list[tuple[int, ...]] = [(), *[(i, 0) for i in range(300)]]
    (width, _), _, _ = lay_out([(100.0, 50.0)] * len(inputs), inputs)

    assert width < 400


def test_a_chain_in_which_each_step_takes_a_leaf_of_its_own_is_no_staircase() -> None:
    inputs: list[tuple[int, ...]] = [()]
    for _ in range(40):
        inputs += [(), (len(inputs) - 1, len(inputs))]
    (width, _), _, _ = lay_out([(100.0, 50.0)] * len(inputs), inputs)

    assert width < 400


# --- the drawing ------------------------------------------------------------------------------------------------------
def boxes_of(svg: str) -> list[tuple[str, list[str]]]:
    """Return the class of each box and its lines of text."""
    groups = [g for g in ET.fromstring(svg).iter(f"{SVG}g") if "node" in (g.get("class") or "").split()]  # noqa: S314 - our own text
    return [((g.get("class") or "").split()[1], [t.text or "" for t in g.iter(f"{SVG}text")]) for g in groups]


def test_the_textbooks_graph_says_what_each_tensor_is() -> None:
    tape, names = textbook()

    assert [
        ("leaf", ["%0 a", "leaf float64[2]", "1 child"]),
        ("leaf", ["%1 b", "leaf float64[2]", "2 children"]),
        ("result", ["%2 d = add", "float64[2]", "1 child"]),
        ("leaf", ["%3 c", "leaf float64[2]", "1 child"]),
        ("result", ["%4 e = add", "float64[2]", "1 child"]),
        ("output", ["%5 f = add", "output float64[2]", "0 children"]),
    ] == boxes_of(tape.draw(names).svg)


def test_constants_and_parameters_are_drawn_and_a_boundary_is_a_leaf() -> None:
    x = tracked(np.ones((2, 3), "float32"))
    h = x * 2.0
    out = (h.sum(axis=0) @ np.ones(3, "float32")) * np.floor(x)[0, 0]

    assert [
        ("leaf", ["%0 multiply", "leaf float32[2, 3]", "1 child"]),
        ("result", ["%1 sum(axis=0)", "float32[3]", "1 child"]),
        ("constant", ["constant", "float32[3]"]),
        ("result", ["%2 matmul", "float32[]", "1 child"]),
        ("constant", ["getitem(index=(0, 0))", "constant float32[]"]),
        ("output", ["%3 multiply", "output float32[]", "0 children"]),
    ] == boxes_of(Tape.of(out, boundary=[h]).draw().svg)
    assert ("constant", ["2", "constant float64[]"]) in boxes_of(Tape.of(h).draw().svg)


@given(programs(), st.integers(0, 99))
def test_every_label_has_room_in_its_box(program: Program, seed: int) -> None:
    tape = tape_of(program, seed)
    for svg in (tape.draw().svg, tape.play().fragment):
        for group in re.findall(r'<g class="node .*?</g>', svg, re.DOTALL):
            (width,) = (
                re.findall(r'<rect class="box" width="([\d.]+)"', group)[:1] or re.findall(r"L([\d.]+) 9", group)[:1]
            )
            for text in re.findall(r"<text[^>]*>([^<]*)</text>", group):
                assert cells(html.unescape(text)) * 7.5 + 20 <= float(width)


@given(programs(), st.integers(0, 99))
def test_a_drawing_is_one_document_without_other_files_and_the_same_each_time(program: Program, seed: int) -> None:
    tape = tape_of(program, seed)
    svg = tape.draw().svg
    numbers = {int(n) for n in re.findall(r'class="node \w+" data-node="(\d+)"', svg)}

    assert set(range(len(tape))) == numbers
    assert svg == tape.draw().svg
    assert ET.fromstring(svg).tag == f"{SVG}svg"  # noqa: S314 - our own text
    assert [] == re.findall(r'href|src=|url\(| id="', svg)


def test_a_title_has_the_line_of_code() -> None:
    tape, names = textbook()

    assert f"made at {__file__}:" in tape.draw(names).svg
    assert "\nd = a + b</title>" in tape.draw(names).svg


def test_a_long_label_ends_in_an_ellipsis_and_stands_whole_in_the_title() -> None:
    tape = Tape.of(tracked(1.0) * 1)
    svg = tape.draw({"x" * 100: tape.leaves[0]}).svg

    assert LABEL == len(f"%0 {'x' * (LABEL - 4)}…")
    assert f">%0 {'x' * (LABEL - 4)}…</text>" in svg
    assert "x" * 100 in svg


def test_a_tape_of_nothing_can_be_drawn_and_played() -> None:
    tape = Tape.of(Tensor(1.0))

    assert boxes_of(tape.draw().svg) == []
    assert tape.play().steps == ()


def test_a_notebook_shows_a_short_tape_as_a_picture_and_a_long_one_by_its_ends() -> None:
    t = tracked(1.0)
    short = Tape.of(t * 2)._repr_html_()
    for _ in range(3000):
        t = t * 0.5
    long = Tape.of(t)._repr_html_()

    assert "<svg" in short
    assert "<svg" not in long
    assert len(long) < 10_000
    assert "… 2,961 more …" in long
    assert re.findall(r"^%(\d+)", long, re.MULTILINE) == [str(n) for n in (*range(20), *range(2981, 3001))]


def test_a_notebook_shows_a_tape_with_very_many_constants() -> None:
    t: Any = np.concatenate([tracked([1.0]), *[np.ones(1) for _ in range(1000)]])

    assert "<svg" not in Tape.of(t)._repr_html_()
    assert len(Tape.of(t)._repr_html_()) < 10_000


@pytest.mark.parametrize("ask", [Tape.draw, Tape.play])
def test_a_tape_too_long_for_a_picture_is_refused_with_the_way_out(ask: Callable[[Tape], Any]) -> None:
    t = tracked(1.0)
    for _ in range(250):
        t = t * 0.5

    with pytest.raises(ArgumentError, match=r"shows up to 500 .* here are 501.*boundary"):
        ask(Tape.of(t))


# --- the steps --------------------------------------------------------------------------------------------------------
@given(programs(), st.integers(0, 99))
def test_the_steps_are_each_value_in_tape_order_then_as_many_messages_as_child_counts_say(
    program: Program, seed: int
) -> None:
    tape = tape_of(program, seed)
    steps = tape.play().steps
    values, messages = steps[: len(tape)], steps[len(tape) :]
    heard = dict.fromkeys(range(len(tape)), 0)
    for step in messages:
        heard[step.node] += step.kind == "message"

    assert [Glance.of(t.data) for t in tape.tensors] == [step.value for step in values]
    assert [("value", n) for n in range(len(tape))] == [(step.kind, step.node) for step in values]
    assert heard == {n: tape.child_counts[t] for n, t in enumerate(tape.tensors)}
    assert [len(tape) - 1] == [step.node for step in messages if step.kind == "seed"]


@given(programs(), st.integers(0, 99))
def test_what_a_complete_tensor_has_heard_is_its_gradient(program: Program, seed: int) -> None:
    tape = tape_of(program, seed)
    complete = {tape.tensors[step.node]: step.total for step in tape.play().steps if step.complete}
    gradients = tape.backward()

    assert set(tape.tensors) == set(complete)
    assert {t: Glance.of(g) for t, g in gradients.items()} == {t: complete[t] for t in gradients}
    for t in tape.tensors[:: max(1, len(tape) // 6)]:
        assert Glance.of(gradients[t]) == complete[t]


@given(programs(), st.integers(0, 99))
def test_a_tensor_sends_only_after_it_has_heard_from_all_its_children(program: Program, seed: int) -> None:
    complete: set[int] = set()
    heard: dict[int, int] = {}
    for step in tape_of(program, seed).play().steps:
        if step.kind == "value":
            continue
        heard[step.node] = heard.get(step.node, 0) + 1
        assert step.sender is None or step.sender in complete
        assert step.node not in complete
        assert heard[step.node] == step.heard <= step.due
        if step.complete:
            complete.add(step.node)


@given(programs(), st.integers(0, 99))
def test_the_order_of_messages_is_that_in_which_the_unobserved_pass_calls_the_rules(
    program: Program, seed: int
) -> None:
    """The rules of ops that the pass serves inline are watched; all others take the way that an observer sees."""
    tape = tape_of(program, seed)
    numbers = {t: n for n, t in enumerate(tape.tensors)}
    steps = tape.play().steps
    called: list[tuple[int, int]] = []
    watched = {t for t in tape.tensors if t.creators and t.creation_op is not None and t.creation_op.op.quick}
    expected = [
        (step.sender, step.operand)
        for step in steps
        if step.sender is not None and step.value is not None and tape.tensors[step.sender] in watched
    ]
    for t in watched:
        object.__setattr__(t, "creation_op", _watched(t, numbers[t], called))
    tape.backward()

    assert expected == called


def _watched(t: Tensor, number: int, called: list[tuple[int, int]]) -> Call:
    """Return the call that made a tensor, with rules that say when they are called."""
    op: Op[Any] = t.creation_op.op  # type: ignore[union-attr]  # the caller has tested for it

    def watch(i: int, rule: Callable[..., Any] | None) -> Callable[..., Any] | None:
        def run(*args: Any) -> Any:
            called.append((number, i))
            return rule(*args)  # type: ignore[misc]  # None is handed on as None

        return None if rule is None else run

    rules = tuple([watch(i, rule) for i, rule in enumerate(op.rules)])
    return Call(attrs.evolve(op, partials=rules) if op.partials else attrs.evolve(op, vjps=rules))


@given(programs(), st.integers(0, 99))
def test_the_gradient_so_far_is_the_sum_of_the_messages_so_far(program: Program, seed: int) -> None:
    sums: dict[int, Any] = {}
    for step in tape_of(program, seed).play().steps:
        if step.kind != "value" and step.value is not None and not step.at and step.value.values is not None:
            sums[step.node] = np.add(sums.get(step.node, 0.0), step.value.values)
        elif step.kind != "value":
            sums[step.node] = np.nan
        if step.total is not None and step.total.values is not None and not np.isnan(sums.get(step.node, np.nan)).any():
            np.testing.assert_allclose(step.total.values, sums[step.node], rtol=1e-9, atol=1e-12)


def test_the_textbooks_messages_are_those_of_the_textbook() -> None:
    tape, names = textbook()

    assert """\
7. %5 f = add hears the seed [1, 1]. Seed heard 1 of 1. Complete: it hands on.
8. %2 d = add hears [1, 1] from %5 f = add. Children heard 1 of 1. Complete: it hands on.
9. %4 e = add hears [1, 1] from %5 f = add. Children heard 1 of 1. Complete: it hands on.
10. %1 b hears [1, 1] from %4 e = add. Children heard 1 of 2, gradient so far [1, 1]. It waits.
11. %3 c hears [1, 1] from %4 e = add. Children heard 1 of 1. Complete: a leaf keeps it.
12. %0 a hears [1, 1] from %2 d = add. Children heard 1 of 1. Complete: a leaf keeps it.
13. %1 b hears [1, 1] from %2 d = add. Children heard 2 of 2, gradient [2, 2]. Complete: a leaf keeps it.""" == "\n".join(
        str(tape.play(np.ones(2), names=names).steps).splitlines()[6:]
    )


def test_a_message_that_holds_some_elements_says_which() -> None:
    x = tracked([1.0, 2.0, 3.0])
    steps = Tape.of(x[1:] @ x[:-1]).play().steps
    sparse = [step for step in steps if step.node == 0 and step.kind == "message"]

    assert {"[1:]", "[:-1]"} == {step.at for step in sparse}
    assert sparse[-1].total == Glance.of(np.array([2.0, 4.0, 2.0]))


def test_a_message_without_content_counts_as_heard() -> None:
    """The derivative of copysign along its second operand is zero: there is no rule for it."""
    x, y = tracked(2.0), tracked(-3.0)
    once = Tape.of(np.copysign(x, y)).play().steps[-1]
    twice = Tape.of(np.copysign(x, y) + y).play().steps
    heard = [step for step in twice if step.kind == "message" and step.label == once.label]

    assert (None, Glance.of(0.0), True) == (once.value, once.total, once.complete)
    assert "hears nothing from %2 copysign. Children heard 1 of 1, gradient 0." in str(once)
    assert [(Glance.of(1.0), 1), (None, 2)] == [(step.value, step.heard) for step in heard]
    assert [Glance.of(1.0), Glance.of(1.0)] == [step.total for step in heard]


def test_an_output_that_is_used_too_hears_its_seed_and_its_children() -> None:
    x = tracked(3.0)
    y = x * x
    steps = Tape.of(y, y * 2.0).play(10.0, 1.0).steps
    place = next(step.node for step in steps if step.value == Glance.of(9.0) and step.kind == "value")

    assert [("seed", 1, 2), ("message", 2, 2)] == [
        (step.kind, step.heard, step.due) for step in steps if step.node == place and step.kind != "value"
    ]
    assert [12.0] == [step.total.values[0] for step in steps if step.node == place and step.complete and step.total]  # type: ignore[index]  # a scalar is shown in full


def test_several_results_complex_numbers_and_examples_are_shown() -> None:
    matrix = tracked(np.array([[2.0, 1.0], [1.0, 3.0]]))
    values, _ = np.linalg.eigh(matrix)
    packed = Tape.of(np.sum(values)).play().steps
    z = tracked(np.arange(20) * 1j)
    inside: list[Steps] = []

    def watched(row: Any) -> Any:
        inside.append(Tape.of(np.sum(row * row)).play().steps)
        return row * 2

    vmap(grad(lambda row: np.sum(watched(row))))(np.ones((3, 2)))

    assert "%1 eigh hears [1, 1] at result 0" in str(packed)
    assert "gradient ([1, 1], nothing). Complete" in str(packed)
    assert "absolute values: min 0" in str(Tape.of(np.sum(z)).play(1.0 + 0j).steps)
    assert Glance("float64", (3, 2), (2.0,) * 6) == inside[0][-1].total


def test_seeds_are_asked_for_and_counted() -> None:
    tape, _ = textbook()
    two = Tape.of(tracked(1.0) * 1, tracked(2.0) * 1)

    with pytest.raises(tape_ad.NotScalarError):
        tape.play()
    with pytest.raises(SeedError, match="1 outputs takes as many seeds, but got 2"):
        tape.play(np.ones(2), np.ones(2))
    with pytest.raises(SeedError, match=r"shape \(3,\)"):
        tape.play(np.ones(3))
    assert [1.0, 5.0] == [s.value.values[0] for s in two.play(1.0, 5.0).steps if s.kind == "seed" and s.value]  # type: ignore[index]  # scalars are shown in full


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (2.0, "2"),
        (True, "True"),
        (np.array([[1, 2], [3, 4]]), "[[1, 2], [3, 4]]"),
        (np.array([1 / 3, -1e-20, np.nan, np.inf]), "[0.333333, -1e-20, nan, inf]"),
        (np.array([1 + 2j]), "[1+2j]"),
        (np.zeros((0, 3)), "[]"),
        (np.arange(17), "int64[17] with min 0, mean 8, max 16"),
        (np.full(20, 3 + 4j), "complex128[20] with absolute values: min 5, mean 5, max 5"),
        (np.ones(100, "float32"), "float32[100] with min 1, mean 1, max 1"),
    ],
)
def test_small_arrays_are_shown_in_full_and_larger_ones_by_their_range(data: Any, text: str) -> None:
    assert text == str(Glance.of(data))
    assert len(Glance.of(data).brief(14)) <= 14


# --- text is text, and records are values -----------------------------------------------------------------------------
class _Tags(html.parser.HTMLParser):
    """What a browser makes of a text: its tags, and the text between them."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, _: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_name_an_operation_or_a_file_called_like_a_tag_is_text() -> None:
    x = tracked(1.0)
    program: dict[str, Any] = {"x": x}
    exec(compile("y = x * x", HOSTILE[:-3] + ".py", "exec"), program)  # noqa: S102 - a file of that name
    y: Tensor = program["y"]
    named = attrs.evolve(TABLE["multiply"], name=HOSTILE)
    object.__setattr__(y, "creation_op", Call(named))
    tape = Tape.of(y)
    harmless = Tape.of(x * x)
    for hostile, tame in (
        (tape.draw({HOSTILE: x}).svg, harmless.draw({"x": x}).svg),
        (tape.play(names={HOSTILE: x}).html, harmless.play(names={"x": x}).html),
        (tape._repr_html_(), harmless._repr_html_()),
    ):
        assert _Tags(tame).tags == _Tags(hostile).tags
        assert "<script>alert('x')</script>\"&\ufffd\ufffd?" in _Tags(hostile).text
        assert hostile.encode()
    assert ET.fromstring(tape.draw({HOSTILE: x}).svg).tag == f"{SVG}svg"  # noqa: S314 - our own text


def test_the_listing_of_a_long_tape_is_text_too() -> None:
    t = tracked(1.0)
    for _ in range(200):
        t = t * 0.5
    object.__setattr__(t, "creation_op", Call(attrs.evolve(TABLE["multiply"], name="<b>&")))

    assert "&#60;b&#62;&#38;" in Tape.of(t)._repr_html_()
    assert ["p", "pre"] == _Tags(Tape.of(t)._repr_html_()).tags


def test_the_pictures_are_saved_as_they_are(tmp_path: Path) -> None:
    tape, names = textbook()
    drawing, player = tape.draw(names), tape.play(np.ones(2), names={**names, "ä": tape.leaves[0]})
    drawing.save(str(tmp_path / "tape.svg"))
    player.save(str(tmp_path / "tape.html"))

    assert drawing.svg == (tmp_path / "tape.svg").read_text(encoding="utf-8") == drawing._repr_svg_()
    assert player.html == (tmp_path / "tape.html").read_text(encoding="utf-8")
    assert player._repr_html_() in player.html
    assert drawing.svg in drawing._repr_html_()
    assert [] == re.findall(r'(?:src|href)="(?!data:)|url\(|@import| id="', player.html)


def test_the_records_are_frozen_print_pickle_and_compare() -> None:
    tape, names = textbook()
    drawing, player = tape.draw(names), tape.play(np.ones(2), names=names)
    for record in (drawing, player, player.steps, player.steps[-1]):
        assert record == pickle.loads(pickle.dumps(record))  # noqa: S301 - our own
        assert type(record) is type(pickle.loads(pickle.dumps(record)))  # noqa: S301 - our own
        with pytest.raises(AttributeError):
            record.steps = ()  # type: ignore[union-attr,misc]  # that is what is refused
    assert isinstance(drawing, Drawing)
    assert isinstance(player, Player)
    assert isinstance(player.steps, Steps)
    assert all(isinstance(step, Step) for step in player.steps)
    assert "<Player of 13 steps>" == repr(player)
    assert repr(drawing).startswith("<Drawing of ")
    assert len(str(player.steps).splitlines()) == len(player.steps)
