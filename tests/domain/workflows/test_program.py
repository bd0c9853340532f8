"""A definition is compiled once to the order in which a run takes its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from typing import Any, ClassVar

from hypothesis import given
from hypothesis import strategies as st

from domain.workflows import Program
from domain.workflows.steps import BaseStep, Branch


class _Fork(BaseStep):
    """A step with branches; without any it is a plain one."""

    holds: ClassVar[str] = "below"
    type: str = "fork"
    below: tuple[Branch, ...] = ()


def _plain(*refs: str) -> tuple[BaseStep, ...]:
    return tuple(_Fork(ref=ref) for ref in refs)


def _fork(ref: str, *branches: tuple[BaseStep, ...], ends: tuple[int, ...] = ()) -> BaseStep:
    """Make a fork; the branches that `ends` counts end their run."""
    below = [
        Branch(steps=steps, terminates=position in ends) for position, steps in enumerate(branches)
    ]
    return _Fork(ref=ref, below=tuple(below))


def _nested(levels: int) -> BaseStep:
    """Make forks within forks: `fork_n` holds `in_n`, the fork below, and `out_n`."""
    inner = _plain("core") if levels == 1 else (_nested(levels - 1),)
    body = (*_plain(f"in_{levels}"), *inner, *_plain(f"out_{levels}"))
    return _fork(f"fork_{levels}", body, ())


def test_a_list() -> None:
    """Steps of a list follow each other; the last one has none behind it."""
    program = Program(_plain("a", "b"))
    assert (program.first(), program.after("a"), program.after("b")) == ("a", "b", None)
    assert program.step("b") == _Fork(ref="b")


def test_no_steps() -> None:
    """A workflow without steps has no first one."""
    program = Program(())
    assert program.first() is None
    assert program.step("a") is None


def test_branches_lead_behind_their_step() -> None:
    """A branch is entered at its first step, and left for the step behind the fork."""
    fork = _fork("fork", _plain("left_1", "left_2"), _plain("right"), ())
    program = Program((*_plain("a"), fork, *_plain("z")))
    assert program.after("a") == "fork"
    assert [program.into("fork", branch) for branch in range(3)] == ["left_1", "right", "z"]
    assert program.after("left_1") == "left_2"
    assert program.after("left_2") == program.after("right") == program.after("fork") == "z"


def test_the_last_branch_ends_the_run() -> None:
    """A branch at the end of the workflow leads to the end, an empty one at once."""
    program = Program([_fork("fork", _plain("only"), ())])
    assert program.after("only") is None
    assert program.into("fork", 1) is None


def test_a_branch_that_terminates() -> None:
    """Behind the steps of a terminating branch a run ends, however deep it is; others go on."""
    inner = _fork("inner", _plain("last"), _plain("on"), (), ends=(0, 2))
    program = Program((_fork("outer", (inner, *_plain("rest")), ()), *_plain("end")))
    assert program.after("last") is None
    assert program.into("inner", 2) is None
    assert program.after("on") == "rest"
    assert program.after("rest") == program.into("outer", 1) == "end"


def test_five_levels() -> None:
    """Branches nest: from the core of five levels the run comes out level by level."""
    program = Program((_nested(5), *_plain("end")))
    way, ref = [], program.first()
    while ref is not None:
        way.append(ref)
        step = program.step(ref)
        assert step is not None
        ref = program.into(ref, 0) if step.held() else program.after(ref)
    down = [name for level in range(5, 0, -1) for name in (f"fork_{level}", f"in_{level}")]
    up = [f"out_{level}" for level in range(1, 6)]
    assert way == [*down, "core", *up, "end"]
    assert program.into("fork_1", 1) == "out_2"


# Trees as lists of branches below each step; `True` beside a branch makes it end the run.
trees = st.recursive(
    st.just([]),
    lambda inner: st.lists(st.lists(st.tuples(inner, st.booleans()), max_size=3), max_size=3),
    max_leaves=12,
)


def _grown(tree: list[Any], counter: Iterator[int]) -> tuple[BaseStep, ...]:
    steps = []
    for branches in tree:
        ref = f"s{next(counter)}"
        ends = tuple(position for position, (_, end) in enumerate(branches) if end)
        steps.append(_fork(ref, *(_grown(below, counter) for below, _ in branches), ends=ends))
    return tuple(steps)


def _way(steps: tuple[BaseStep, ...], choose: Callable[[int], int], way: list[str]) -> bool:
    """Take steps as they are written; tells whether the run goes on behind them."""
    for step in steps:
        way.append(step.ref)
        if branches := step.held():
            branch = branches[choose(len(branches))]
            if not _way(branch.steps, choose, way) or branch.terminates:
                return False
    return True


@given(trees, st.integers(0, 10_000))
def test_any_tree(tree: list[Any], seed: int) -> None:
    """Whatever branches are chosen, the program goes the way that the tree is written."""
    steps = _grown(tree, count())
    program = Program(steps)
    expected: list[str] = []
    _way(steps, Random(seed).randrange, expected)
    way, ref, choose = [], program.first(), Random(seed).randrange
    while ref is not None:
        way.append(ref)
        step = program.step(ref)
        assert step is not None
        branches = step.held()
        ref = program.into(ref, choose(len(branches))) if branches else program.after(ref)
    assert way == expected
    assert len(set(way)) == len(way)
