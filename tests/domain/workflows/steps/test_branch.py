"""The branch step: what a definition must have, at any depth, and what is read of a stored one."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.workflow import WORKFLOW
from domain.kit.authored import ChannelTypes
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from domain.workflows import check_workflow, read_workflow
from domain.workflows.steps import (
    MAX_STEPS,
    BranchStep,
    ChannelStep,
    UnknownStep,
    all_steps,
    parse_steps,
    read_steps,
)
from tests.support.steps import branch, branch_step, channel_step, delay_step, when, workflow

PRO = when("recipient.plan", "equal_to", "pro")
SENT = when("refs.mail.delivery_status", "equal_to", "$message.sent")
TWO = (branch("Pro", conditions=PRO), branch("Default"))


def fields_of(*steps: Any) -> list[str]:
    """Return the fields of all violations."""
    with pytest.raises(InvalidParams) as refusal:
        parse_steps(list(steps))
    return [error.field for error in refusal.value.errors]


def nested(levels: int, inner: JsonObject) -> JsonObject:
    """Write a step within so many branch steps."""
    for level in range(levels):
        inner = branch_step(f"fork_{level}", branch("In", inner, conditions=PRO), branch("Out"))
    return inner


def test_a_branch_step() -> None:
    """Branches keep their names, conditions, steps and ends; `ref` and `default` are ignored."""
    pro = branch("Pro", channel_step("feed"), conditions=PRO, ends=True)
    (step,) = parse_steps(
        [branch_step("fork", {**pro, "ref": "b1"}, {"name": "Default", "default": True})]
    )
    assert isinstance(step, BranchStep)
    first, last = step.branches
    assert (first.name, first.terminates, first.is_default) == ("Pro", True, False)
    assert [type(one) for one in first.steps] == [ChannelStep]
    assert (last.steps, last.terminates, last.is_default) == ((), False, True)


@pytest.mark.parametrize("conditions", [None, {}, {"all": []}, {"any": []}])
def test_the_default_branch_asks_nothing(conditions: Any) -> None:
    """Conditions without a condition are none."""
    step = branch_step("fork", TWO[0], branch("Default", conditions=conditions))
    assert parse_steps([step])
    assert fields_of(branch_step("fork", branch("x", conditions=conditions), TWO[1])) == [
        "steps[0].branches[0].conditions"
    ]


@pytest.mark.parametrize(
    ("branches", "fields"),
    [
        (None, [""]),
        ("x", [""]),
        ([], [""]),
        ([TWO[1]], [""]),
        ([*[TWO[0]] * 10, TWO[1]], [""]),
        ([TWO[0], TWO[0]], ["[1].conditions"]),
        ([TWO[1], TWO[0], TWO[1]], ["[0].conditions"]),
        ([5, TWO[1]], ["[0]"]),
        ([{**TWO[0], "name": 5, "terminates": "no"}, TWO[1]], ["[0].name", "[0].terminates"]),
        ([{**TWO[0], "steps": None}, TWO[1]], ["[0].steps"]),
        ([{**TWO[0], "steps": {}}, TWO[1]], ["[0].steps"]),
        ([{**TWO[0], "conditions": {"all": [{}]}}, TWO[1]],
         ["[0].conditions.all[0].variable", "[0].conditions.all[0].operator"]),
    ],
)  # fmt: skip
def test_wrong_branches(branches: Any, fields: list[str]) -> None:
    """Two to ten branches, each but the last with conditions, are refused at their places."""
    raw = {"type": "branch", "ref": "fork", "branches": branches}
    assert fields_of(raw) == [f"steps[0].branches{field}" for field in fields]


def test_branches_are_required() -> None:
    """A branch step without branches is incomplete."""
    assert fields_of({"type": "branch", "ref": "fork"}) == ["steps[0].branches"]


def test_wrong_steps_in_branches() -> None:
    """A step within a branch is judged like any other, at its own place."""
    wrong = branch(
        "Pro",
        {"type": "teleport", "ref": "a"},
        "no step",
        channel_step("b", channel_key=None),
        conditions=PRO,
    )
    within = "steps[1].branches[0].steps"
    assert fields_of(delay_step(), branch_step("fork", wrong, TWO[1]), {}) == [
        f"{within}[0].type",
        f"{within}[1]",
        f"{within}[2].channel_key",
        "steps[2].type",
    ]


def test_branches_nest_five_deep() -> None:
    """A branch step within five others is refused, at its own place."""
    (step,) = parse_steps([nested(5, channel_step("core"))])
    assert [one.ref for _, one in all_steps((step,))] == [
        *(f"fork_{level}" for level in reversed(range(5))),
        "core",
    ]
    deepest = "steps[0]" + ".branches[0].steps[0]" * 5
    assert fields_of(nested(6, channel_step("core"))) == [f"{deepest}.type"]
    assert fields_of(nested(5, {"type": "delay", "ref": "core"})) == [f"{deepest}.settings"]


def test_refs_are_unique_in_the_tree() -> None:
    """A ref is one step's, in whichever branch it stands."""
    fork = branch_step(
        "fork",
        branch("Pro", delay_step("wait"), conditions=PRO),
        branch("Rest", delay_step("wait")),
    )
    assert fields_of(fork, delay_step("fork")) == [
        "steps[0].branches[1].steps[0].ref",
        "steps[1].ref",
    ]


def test_the_steps_of_all_branches_count() -> None:
    """The most steps of a workflow are counted with those of its branches."""
    many = [delay_step(f"wait_{number}") for number in range(MAX_STEPS - 1)]
    assert parse_steps([branch_step("fork", branch("In", *many, conditions=PRO), TWO[1])])
    with pytest.raises(InvalidParams, match="at most 500 steps"):
        parse_steps(
            [branch_step("fork", branch("In", *many, conditions=PRO), TWO[1]), delay_step()]
        )


def test_message_conditions_look_back_along_the_way() -> None:
    """A channel step comes before what follows it in its branch, and before what follows that."""
    mail = channel_step("mail", "email")
    later = delay_step("later", conditions=SENT)
    on_sent = branch_step("on_sent", branch("Sent", conditions=SENT), branch("Default"))
    fork = branch_step("fork", branch("A", mail, later, conditions=PRO), branch("B"))
    assert parse_steps([fork, on_sent])
    aside = branch_step(
        "fork", branch("A", mail, conditions=PRO), branch("B", delay_step(conditions=SENT))
    )
    assert fields_of(on_sent, aside) == [
        "steps[0].branches[0].conditions.all[0].variable",
        "steps[1].branches[1].steps[0].conditions.all[0].variable",
    ]


def test_what_content_tells_of_itself_at_any_depth() -> None:
    """References, templates and files of steps in branches are found at their places."""
    document = check_workflow(workflow("x", nested(2, channel_step("core", "email"))), "flow")
    place = "steps[0].branches[0].steps[0].branches[0].steps[0]"
    assert [one.place for one in WORKFLOW.references(document)] == [f"{place}.channel_key"]
    assert f"{place}.template.subject" in [one.place for one in WORKFLOW.templates(document)]
    assert f"{place}.template" in [at for at, _ in WORKFLOW.files(document)]


def test_a_channel_type_is_filled_in_within_branches() -> None:
    """The type of a step's channel is taken from the channel wherever the step stands."""
    step = channel_step("feed")
    del step["channel_type"]
    raw = workflow("x", branch_step("fork", branch("Pro", step, conditions=PRO), TWO[1]))
    stored = WORKFLOW.normalise(raw, ChannelTypes({"in-app": "in_app_feed"}))
    assert stored["steps"][0]["branches"][0]["steps"][0]["channel_type"] == "in_app_feed"
    errors = WORKFLOW.blame([], WORKFLOW.normalise(raw, {}), ChannelTypes())
    assert errors == []


def test_a_stored_step_in_a_branch_that_cannot_be_read() -> None:
    """It stands in its place, and its neighbours are read."""
    odd = branch(
        "Pro", {"type": "teleport", "ref": "a"}, 5, delay_step("wait"), conditions={"all": [{}]}
    )
    fork, after = read_steps([branch_step("fork", odd, {"steps": "x"}), delay_step("wait")])
    assert isinstance(fork, BranchStep)
    first, second = fork.branches
    assert [type(one).__name__ for one in first.steps] == [
        "UnknownStep",
        "UnknownStep",
        "DelayStep",
    ]
    assert (first.is_default, second.steps) == (False, ())
    assert isinstance(after, UnknownStep)
    refs = [one.ref for _, one in all_steps((fork, after))]
    assert len(set(refs)) == len(refs)


def test_stored_branches_that_today_would_be_refused() -> None:
    """A stored branch step may lack its default or have another in the way."""
    (step,) = read_steps([branch_step("fork", branch("A"), branch("B", conditions=PRO))])
    assert isinstance(step, BranchStep)
    (step,) = read_steps([branch_step("fork", "odd", branch("B"))])
    assert isinstance(step, UnknownStep)
    assert "branches[0] must be an object" in step.reason


def test_the_program_of_a_workflow_with_branches() -> None:
    """A run comes out behind the branch step, or ends with a terminating branch."""
    fork = branch_step(
        "fork",
        branch("End", delay_step("a"), conditions=PRO, ends=True),
        branch("Default", delay_step("b")),
    )
    program = read_workflow(workflow("x", fork, delay_step("z")), "flow").program
    assert (program.into("fork", 0), program.after("a")) == ("a", None)
    assert (program.into("fork", 1), program.after("b")) == ("b", "z")
