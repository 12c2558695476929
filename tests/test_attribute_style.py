"""The adapter does what the textbook's programs show, takes its gradients from the core, and never stalls."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from attrs import define, evolve, field, frozen
from hypothesis import assume, given

import tape_ad
from tape_ad._core import TABLE
from tape_ad.attribute_style import AlwaysTracked, Tensor

SUMS = 20
TWICE = "cannot backprop more than once"


def leaves(count: int, data: Sequence[float] = (1, 2, 3, 4, 5)) -> list[Tensor]:
    return [Tensor(data, autograd=True) for _ in range(count)]


def gradient(t: Tensor) -> list[float]:
    assert t.grad is not None
    values: list[float] = t.grad.data.tolist()
    return values


# --- the textbook's programs ----------------------------------------------------------------------------------------
def test_the_first_form_prints_what_the_book_prints(capsys: pytest.CaptureFixture[str]) -> None:
    x = AlwaysTracked([1, 2, 3, 4, 5])
    y = AlwaysTracked([2, 2, 2, 2, 2])
    z = x + y
    z.backward(AlwaysTracked(np.array([1, 1, 1, 1, 1])))
    print(z)
    print(x.grad)
    print(y.grad)
    print(z.creators)
    print(z.creation_op)
    expected = "[3 4 5 6 7]\n[1 1 1 1 1]\n[1 1 1 1 1]\n[array([1, 2, 3, 4, 5]), array([2, 2, 2, 2, 2])]\nadd\n"

    assert expected == capsys.readouterr().out


def test_the_first_form_loses_a_use_as_in_the_book(capsys: pytest.CaptureFixture[str]) -> None:
    a, b, c = AlwaysTracked([1, 2, 3, 4, 5]), AlwaysTracked([2, 2, 2, 2, 2]), AlwaysTracked([5, 4, 3, 2, 1])
    d = a + b
    e = b + c
    f = d + e
    f.backward(AlwaysTracked(np.array([1, 1, 1, 1, 1])))
    assert b.grad is not None
    print(b.grad.data == np.array([2, 2, 2, 2, 2]))

    assert capsys.readouterr().out == "[False False False False False]\n"


def test_the_second_form_counts_both_uses_as_in_the_book(capsys: pytest.CaptureFixture[str]) -> None:
    a = Tensor([1, 2, 3, 4, 5], autograd=True)
    b = Tensor([2, 2, 2, 2, 2], autograd=True)
    c = Tensor([5, 4, 3, 2, 1], autograd=True)
    d = a + b
    e = b + c
    f = d + e
    f.backward(Tensor(np.array([1, 1, 1, 1, 1])))
    assert b.grad is not None
    print(b.grad.data == np.array([2, 2, 2, 2, 2]))
    print(f, repr(f), f.creators, f.creation_op)
    expected = (
        "[ True  True  True  True  True]\n"
        "[10 10 10 10 10] array([10, 10, 10, 10, 10]) [array([3, 4, 5, 6, 7]), array([7, 6, 5, 4, 3])] add\n"
    )

    assert expected == capsys.readouterr().out


# --- a model of the textbook's bookkeeping, in numbers --------------------------------------------------------------
class TwiceError(Exception):
    """The model's refusal."""


@define
class Model:
    """What the book's recursion does to counts, sums and draws, with one number for each gradient."""

    creators: list[tuple[int, int] | None]
    children: list[dict[int, int]] = field(init=False)
    grads: list[int | None] = field(init=False)
    draws: int = 0

    def __attrs_post_init__(self) -> None:
        self.children = [{} for _ in self.creators]
        self.grads = [None for _ in self.creators]
        for child, pair in enumerate(self.creators):
            for c in pair or ():
                self.children[c][child] = self.children[c].get(child, 0) + 1

    def backward(self, t: int, grad: int, origin: int | None = None) -> None:
        if origin is not None:
            if self.children[t][origin] == 0:
                raise TwiceError(TWICE)
            self.children[t][origin] -= 1
        before = self.grads[t]
        if before is None:
            self.grads[t] = grad
        else:
            self.grads[t] = before + grad
            self.draws += 1
        if origin is None or not any(self.children[t].values()):
            for c in self.creators[t] or ():
                due = self.grads[t]
                assert due is not None
                self.backward(c, due, t)


@frozen
class Graph:
    """A graph of sums: so many leaves, then one pair of operands for each sum."""

    leaves: int
    sums: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        return self.leaves + len(self.sums)

    def tensors(self) -> list[Tensor]:
        made = [Tensor([i, 2 * i], autograd=True, id=i) for i in range(self.leaves)]
        for i, j in self.sums:
            data = made[i].data + made[j].data
            made.append(Tensor(data, autograd=True, creators=[made[i], made[j]], creation_op="add", id=len(made)))
        return made

    def records(self) -> list[tape_ad.Tensor]:
        made = [tape_ad.Tensor([float(i), 2.0 * i], autograd=True) for i in range(self.leaves)]
        for i, j in self.sums:
            made.append(made[i] + made[j])
        return made

    def model(self) -> Model:
        return Model([None] * self.leaves + list(self.sums))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 4))
    sums = draw(st.integers(1, SUMS))
    nearby = [st.integers(max(0, n - 5), n - 1) for n in range(count, count + sums)]
    return Graph(count, tuple((draw(i), draw(i)) for i in nearby))


@st.composite
def graphs_and_roots(draw: st.DrawFn, most: int = 3) -> tuple[Graph, list[int]]:
    graph = draw(graphs())
    return graph, draw(st.lists(st.integers(0, graph.size - 1), min_size=1, max_size=most))


def core_gradients(graph: Graph, roots: Sequence[int]) -> list[list[float] | None]:
    """Return the core's gradients of the roots' sum, None for what leads to no root."""
    records = graph.records()
    total: list[list[float] | None] = [None] * graph.size
    for root in roots:
        gradients = tape_ad.Tape.of(records[root]).backward([1.0, 1.0])
        for i, t in enumerate(records):
            if t in gradients:
                before = total[i]
                heard = gradients[t].tolist()
                total[i] = heard if before is None else [x + y for x, y in zip(before, heard, strict=True)]
    return total


def shown(tensors: Sequence[Tensor]) -> list[list[float] | None]:
    return [None if t.grad is None else gradient(t) for t in tensors]


@given(graphs_and_roots(most=1))
def test_every_gradient_in_a_graph_of_sums_is_the_cores(case: tuple[Graph, list[int]]) -> None:
    graph, (root,) = case
    tensors = graph.tensors()
    tensors[root].backward()

    assert core_gradients(graph, [root]) == shown(tensors)


def refusal(backward: Callable[[], None]) -> str | None:
    """Return the text of what a backward pass raises; None if it does not."""
    try:
        backward()
    except Exception as error:  # noqa: BLE001 - callers compare the text
        return str(error)
    return None


@given(graphs_and_roots())
def test_backward_from_several_outputs_counts_and_raises_as_in_the_book(case: tuple[Graph, list[int]]) -> None:
    """Also where a branch is dead: what was heard ahead of it does not count."""
    graph, roots = case
    tensors, model = graph.tensors(), graph.model()
    for root in roots:
        expected = refusal(functools.partial(model.backward, root, 1))

        assert expected == refusal(tensors[root].backward)
        if expected is not None:
            break
        assert model.children == [t.children for t in tensors]
        assert [not any(c.values()) for c in model.children] == [t.all_children_grads_accounted_for() for t in tensors]


@given(graphs_and_roots())
def test_backward_from_several_outputs_adds_up(case: tuple[Graph, list[int]]) -> None:
    """As long as none is refused, gradients are the sums of the core's."""
    graph, roots = case
    tensors = graph.tensors()
    accepted: list[int] = []
    for root in roots:
        if refusal(tensors[root].backward) is not None:
            break
        accepted.append(root)

        assert core_gradients(graph, accepted) == shown(tensors)


@given(graphs_and_roots())
def test_a_backward_draws_as_many_ids_as_in_the_book(case: tuple[Graph, list[int]]) -> None:
    graph, roots = case
    tensors, model = graph.tensors(), graph.model()
    for root in roots:
        model.draws = 1  # for the ones
        if refusal(functools.partial(model.backward, root, 1)) is not None:
            break
        np.random.seed(7)
        np.random.randint(0, 100000, size=model.draws)
        expected = np.random.randint(0, 100000)
        np.random.seed(7)
        tensors[root].backward()

        assert expected == np.random.randint(0, 100000)


@given(graphs(), st.permutations(range(SUMS)))
def test_sums_told_by_hand_hear_as_in_the_book(graph: Graph, order: list[int]) -> None:
    """Each tensor that nothing was made from reports in any order, as a child of a sum that we make of them all."""
    tensors, model = graph.tensors(), graph.model()
    ends = [i for i in order if i < graph.size and not tensors[i].children]
    for end in ends:
        outside = 1000 + end
        for bookkeeping in (model.children[end], tensors[end].children):
            bookkeeping[outside] = 1
        model.backward(end, 1, outside)
        tensors[end].backward(Tensor([1, 1]), Tensor([0, 0], id=outside))

        assert model.children == [t.children for t in tensors]
        assert [None if g is None else [g, g] for g in model.grads] == shown(tensors)


# --- ids ------------------------------------------------------------------------------------------------------------
def test_ids_are_drawn_from_numpys_global_generator_in_the_books_order() -> None:
    np.random.seed(0)
    expected = [int(np.random.randint(0, 100000)) for _ in range(8)]
    np.random.seed(0)
    a, b, c = leaves(3)
    d, e = a + b, b + c
    f = d + e
    f.backward()
    assert f.grad is not None
    assert b.grad is not None

    assert expected == [t.id for t in (a, b, c, d, e, f, f.grad, b.grad)]


def test_a_given_id_draws_nothing_and_is_kept() -> None:
    np.random.seed(1)
    expected = np.random.randint(0, 100000)
    np.random.seed(1)
    t = Tensor([1], id=0)

    assert (expected, 0) == (np.random.randint(0, 100000), t.id)


# --- counts ---------------------------------------------------------------------------------------------------------
def test_children_map_a_childs_id_to_its_uses() -> None:
    a, b, c = leaves(3)
    d = a + b
    e = b + c
    f = b + b

    assert {d.id: 1, e.id: 1, f.id: 2} == b.children
    assert not b.all_children_grads_accounted_for()
    assert f.all_children_grads_accounted_for()


def test_a_tensor_added_to_itself_hears_twice() -> None:
    (x,) = leaves(1)
    z = x + x
    z.backward()

    assert [2] * 5 == gradient(x)
    assert {z.id: 0} == x.children


def test_a_second_backward_is_refused_at_the_first_creator_that_was_heard_from() -> None:
    """The output itself has added up the second call by then, as in the book's form."""
    a, b = leaves(2)
    z = a + b
    z.backward()
    with pytest.raises(Exception, match=f"^{TWICE}$") as caught:
        z.backward()

    assert Exception is caught.type
    assert [2] * 5 == gradient(z)
    assert [1] * 5 == gradient(a)


def test_a_second_backward_of_a_leaf_adds_up() -> None:
    (x,) = leaves(1)
    x.backward()
    x.backward(Tensor([1, 2, 3, 4, 5]))

    assert [2, 3, 4, 5, 6] == gradient(x)


def test_a_graph_whose_counts_and_gradients_were_set_back_can_be_used_again() -> None:
    a, b = leaves(2)
    d = a + b
    z = d + b
    for _ in range(2):
        z.backward()

        assert ([1] * 5, [2] * 5) == (gradient(a), gradient(b))
        for t in (a, b, d, z):
            t.grad = None
            t.children = dict.fromkeys(t.children, 1)


def test_children_told_by_hand_hand_on_after_the_last() -> None:
    a, b, c = leaves(3)
    d = a + b
    e, f = d + c, d + c
    d.backward(Tensor([1, 1, 1, 1, 1]), e)

    assert a.grad is None
    assert {e.id: 0, f.id: 1} == d.children

    d.backward(Tensor([1, 2, 3, 4, 5]), f)

    assert [2, 3, 4, 5, 6] == gradient(a) == gradient(b) == gradient(d)
    assert c.grad is None


def test_a_second_report_by_hand_of_the_same_child_is_refused() -> None:
    a, b = leaves(2)
    z = a + b
    a.backward(Tensor([1, 1, 1, 1, 1]), z)
    with pytest.raises(Exception, match=f"^{TWICE}$"):
        a.backward(Tensor([1, 1, 1, 1, 1]), z)

    assert [1] * 5 == gradient(a)


def test_a_report_of_a_stranger_is_a_key_error() -> None:
    (a,) = leaves(1)
    with pytest.raises(KeyError, match="with id 100000, is no child of this tensor") as caught:
        a.backward(Tensor([1, 1, 1, 1, 1]), Tensor([0], id=100_000))

    assert isinstance(caught.value, tape_ad.TapeError)
    assert a.grad is None


# --- dead branches --------------------------------------------------------------------------------------------------
def test_a_dead_branch_does_not_stall_a_live_one() -> None:
    a, b, c = leaves(3)
    d = a + b
    dead = d + c
    z = d + c
    z.backward()

    assert [1] * 5 == gradient(a) == gradient(b) == gradient(c)
    assert {dead.id: 1, z.id: 0} == d.children
    assert dead.grad is None


def test_a_dead_branch_below_a_dead_branch_stalls_nothing() -> None:
    a, b = leaves(2)
    d = a + b
    _ = (d + d) + d
    e = d + a
    _ = e + e
    z = e + d
    z.backward()

    assert [3] * 5 == gradient(a)
    assert [2] * 5 == gradient(b)


def test_a_second_output_hands_on_only_what_it_adds() -> None:
    a, b, c = leaves(3)
    d = a + b
    first, second = d + c, d + c
    first.backward()
    second.backward(Tensor([1, 2, 3, 4, 5]))

    assert [2, 3, 4, 5, 6] == gradient(a) == gradient(d) == gradient(c)
    assert {d.id: 0} == a.children


def test_what_was_told_by_hand_cannot_go_ahead() -> None:
    a, b, c = leaves(3)
    d = a + b
    _ = d + c
    z = d + c
    a.backward(Tensor([1, 1, 1, 1, 1]), d)
    with pytest.raises(Exception, match=f"^{TWICE}$"):
        z.backward()

    assert [1] * 5 == gradient(a)


def test_an_output_in_the_middle_may_go_first() -> None:
    """It waits for nobody, and what comes through it later is added."""
    a, b = leaves(2)
    middle = a + b
    z, _ = middle + b, middle + b
    middle.backward()
    z.backward()

    assert [2] * 5 == gradient(a)
    assert [3] * 5 == gradient(b)


def test_what_went_ahead_cannot_be_told_again_by_hand() -> None:
    a, b, c = leaves(3)
    d = a + b
    _ = d + c
    (d + c).backward()
    assert d.grad is not None
    with pytest.raises(Exception, match=f"^{TWICE}$"):
        a.backward(d.grad, d)

    assert [1] * 5 == gradient(a)


# --- what is tracked ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("left", "right"), [(True, False), (False, True), (False, False)])
def test_a_sum_with_an_untracked_operand_is_untracked_and_has_no_creators(left: bool, right: bool) -> None:
    x, y = Tensor([1], autograd=left), Tensor([2], autograd=right)
    z = x + y
    z.backward()

    assert (False, None, None, {}, {}) == (z.autograd, z.creators, z.creation_op, x.children, y.children)
    assert (None, None, None) == (x.grad, y.grad, z.grad)


def test_a_tensor_that_became_tracked_later_is_tracked() -> None:
    x, y = Tensor([1]), Tensor([2])
    x.autograd = y.autograd = True
    (x + y).backward()

    assert [1] == gradient(x) == gradient(y)


def test_a_creator_that_became_untracked_hears_nothing() -> None:
    x, y, w = leaves(3)
    frozen_sum = x + y
    z = (frozen_sum + w) + x
    frozen_sum.autograd = False
    z.backward()

    assert [1] * 5 == gradient(x)
    assert (None, None) == (frozen_sum.grad, y.grad)


def test_a_tracked_gradient_is_an_assertion_error() -> None:
    a, b = leaves(2)
    z = a + b
    with pytest.raises(AssertionError):
        z.backward(Tensor([1, 1, 1, 1, 1], autograd=True))

    assert (None, None) == (a.grad, b.grad)


def test_gradients_are_untracked_tensors() -> None:
    a, b = leaves(2)
    ((a + b) + b).backward()

    assert [False, False] == [t.grad.autograd for t in (a, b) if isinstance(t.grad, Tensor)]


def test_an_operation_of_another_name_hands_nothing_on() -> None:
    a, b = leaves(2)
    z = Tensor(a.data * b.data, autograd=True, creators=[a, b], creation_op="mul")
    z.backward()

    assert (None, None) == (a.grad, b.grad)
    assert [1] * 5 == gradient(z)


# --- data -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["int32", "int64", "float32", "float64", "complex128"])
def test_data_and_gradients_keep_their_dtype(dtype: str) -> None:
    x, y = (Tensor(np.array([1, 2], dtype=dtype), autograd=True) for _ in range(2))
    z = (x + y) + x
    z.backward()

    assert [dtype] * 4 == [str(t.data.dtype) for t in (x, z, x.grad, y.grad) if isinstance(t, Tensor)]


def test_a_gradient_of_integers_stays_one_on_float_data() -> None:
    x, y = leaves(2, [0.5, 1.5])
    (x + y).backward(Tensor([1, 1]))

    assert "[1 1]" == str(x.grad)


def test_data_is_the_users_to_change_in_place() -> None:
    given_data = np.array([1.0, 2.0])
    p, q = Tensor(given_data, autograd=True), Tensor([1.0, 1.0], autograd=True)
    for _ in range(3):
        (p + q).backward()
        assert p.grad is not None
        p.data -= 0.5 * p.grad.data
        p.grad = None

    assert [-0.5, 0.5] == p.data.tolist()
    assert [1.0, 2.0] == given_data.tolist()


def test_a_changed_operand_does_not_change_the_sum_or_its_gradient() -> None:
    a, b = leaves(2)
    z = a + b
    a.data[:] = 0
    z.backward()

    assert [2, 4, 6, 8, 10] == z.data.tolist()
    assert [1] * 5 == gradient(a)


def test_a_broadcast_operand_gets_a_gradient_of_its_own_shape() -> None:
    matrix, row, scalar = Tensor(np.ones((2, 3)), True), Tensor([1.0, 2.0, 3.0], True), Tensor(1.0, True)
    ((matrix + row) + scalar).backward()

    assert [[[1.0] * 3] * 2, [2.0] * 3, 6.0] == [gradient(t) for t in (matrix, row, scalar)]


@pytest.mark.parametrize("form", [Tensor, AlwaysTracked])
def test_a_list_of_tensors_is_refused(form: Callable[[Any], object]) -> None:
    with pytest.raises(tape_ad.UnsupportedDataError, match=r"Pass t\.data"):
        form(leaves(2))


@pytest.mark.parametrize("form", [Tensor, AlwaysTracked])
@pytest.mark.parametrize("other", [np.array([1]), 1, Tensor([1]), AlwaysTracked([1])])
def test_only_tensors_of_the_same_form_add(form: type[Any], other: Any) -> None:
    if isinstance(other, form):
        assert "[2]" == str(form([1]) + other) == str(other + form([1]))
        return
    way_out = rf"not to {type(other).__name__}\. Write {form.__name__}\(array\) \+ t"
    with pytest.raises(TypeError, match=way_out):
        form([1]) + other
    if not isinstance(other, (Tensor, AlwaysTracked)):  # else the other form's own refusal
        with pytest.raises(TypeError, match=way_out):
            other + form([1])


# --- the core's rule, and depth -------------------------------------------------------------------------------------
def test_the_rule_is_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the core's op says otherwise, both forms do."""
    otherwise = (lambda xp, ct, out, x, y: 3 * ct, lambda xp, ct, out, x, y: -ct)
    monkeypatch.setitem(TABLE, "add", evolve(TABLE["add"], vjps=otherwise))
    a, b = leaves(2)
    (a + b).backward()
    x, y = AlwaysTracked([1]), AlwaysTracked([1])
    (x + y).backward([1])

    assert ([3] * 5, [-1] * 5) == (gradient(a), gradient(b))
    assert ("[3]", "[-1]") == (str(x.grad), str(y.grad))


def test_a_chain_of_100_000_sums_is_walked_and_freed_without_recursion() -> None:
    x, y = leaves(2, [1])
    total = x
    for _ in range(100_000):
        total = total + y
    total.backward()

    assert ([1], [100_000], [100_001]) == (gradient(x), gradient(y), total.data.tolist())

    del total  # a recursion here would end the interpreter


def test_a_chain_of_100_000_sums_of_the_first_form_is_walked_and_freed_without_recursion() -> None:
    x, y = AlwaysTracked([1]), AlwaysTracked([1])
    total = x
    for _ in range(100_000):
        total = total + y
    total.backward(AlwaysTracked([1]))
    del total

    assert ("[1]", "[1]") == (str(x.grad), str(y.grad))


def test_a_ladder_of_doublings_takes_linear_time_in_both_forms() -> None:
    """The book's first form goes down every path: 2 to the power of 60 of them here."""
    x, first = Tensor([0], autograd=True), AlwaysTracked([0])
    t, u = x, first
    for _ in range(60):
        t, u = t + t, u + u
    t.backward()
    u.backward(AlwaysTracked([1]))

    assert ([2**60], "[1]") == (gradient(x), str(first.grad))


@given(graphs(), st.data())
def test_the_first_form_keeps_the_gradient_that_the_last_path_brings(graph: Graph, data: st.DataObject) -> None:
    """Operands of several shapes tell the paths apart, because broadcasting sums differ."""
    shapes = data.draw(
        st.lists(st.sampled_from([(), (1,), (3,), (2, 1), (2, 3)]), min_size=graph.leaves, max_size=graph.leaves)
    )
    made = [AlwaysTracked(np.ones(shape)) for shape in shapes]
    for i, j in graph.sums:
        made.append(made[i] + made[j])
    seed = np.arange(made[-1].data.size, dtype=float).reshape(made[-1].data.shape)
    expected: dict[int, np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = {}

    def down(i: int, ct: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
        expected[i] = ct
        if i >= graph.leaves:
            for c in graph.sums[i - graph.leaves]:
                down(c, sum_to(ct, made[c].data.shape))

    assume(path_count(graph) <= 2000)
    down(graph.size - 1, seed)
    made[-1].backward(seed)

    assert {i: g.tolist() for i, g in expected.items()} == {
        i: t.grad.data.tolist() for i, t in enumerate(made) if t.grad is not None
    }


def sum_to(
    ct: np.ndarray[tuple[int, ...], np.dtype[np.float64]], shape: tuple[int, ...]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Undo broadcasting: add up the axes that an operand of that shape lacks, or has with length one."""
    while ct.ndim > len(shape):
        ct = np.asarray(ct.sum(axis=0))
    axes = tuple(i for i, n in enumerate(shape) if n == 1)
    return np.asarray(ct.sum(axis=axes, keepdims=True))


def path_count(graph: Graph) -> int:
    paths = [1] * graph.leaves
    for i, j in graph.sums:
        paths.append(1 + paths[i] + paths[j])
    return paths[-1]
