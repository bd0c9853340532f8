"""Stored workflows are read without refusal: what is not understood does as little as possible."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.conditions import ConditionScope, evaluate, read_condition_group
from domain.workflows import TriggerFrequency, read_workflow
from domain.workflows.steps import BaseStep, ChannelStep, DelayStep, UnknownStep
from tests.support.steps import delay_step, feed_step

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FEED = feed_step("Hi", "feed")
DELAY = delay_step()
VIP = {"variable": "data.vip", "operator": "equal_to", "argument": "yes"}
STRANGE = {"variable": "data.vip", "operator": "is_the_moon_full"}


def _read(*steps: Any) -> tuple[BaseStep, ...]:
    return read_workflow({"name": "x", "steps": list(steps)}, "x").steps


def _passes(conditions: Any, **data: Any) -> bool:
    group = read_condition_group(conditions)
    return evaluate(group, ConditionScope({"data": data}, NOW)).passed


def test_reads_what_was_checked() -> None:
    """A sound workflow is read as its draft was."""
    feed, wait = _read(FEED, DELAY)
    assert isinstance(feed, ChannelStep)
    assert isinstance(wait, DelayStep)


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"steps": None}, {"steps": "x"}])
def test_no_workflow_at_all(raw: Any) -> None:
    """Whatever is stored is a workflow; without steps its runs end at once."""
    definition = read_workflow(raw, "key")
    assert (definition.name, definition.program.first()) == ("key", None)


def test_odd_fields_take_their_defaults() -> None:
    """Fields of the workflow that are odd count as left out."""
    definition = read_workflow(
        {
            "name": 5,
            "description": [],
            "categories": ["a", 3],
            "tags": {"x": 1},
            "settings": {"is_commercial": "yes", "override_preferences": True},
            "trigger_frequency": "once_in_a_blue_moon",
            "trigger_data_json_schema": "x",
            "goal_attachment": {"a": 1},
        },
        "key",
    )
    assert (definition.name, definition.categories, definition.tags) == ("key", ("a",), ())
    assert not definition.settings.is_commercial
    assert definition.settings.override_preferences
    assert definition.trigger_data_json_schema is None
    assert definition.trigger_frequency is TriggerFrequency.EVERY_TRIGGER


def test_a_stored_frequency_is_kept() -> None:
    """What was saved about how often a recipient may enter holds for the runs of that version."""
    definition = read_workflow({"trigger_frequency": "once_per_recipient_per_tenant"}, "key")
    assert definition.trigger_frequency is TriggerFrequency.ONCE_PER_RECIPIENT_PER_TENANT


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ({"type": "teleport", "ref": "a"}, "does not know steps of type 'teleport'"),
        ({"type": 5, "ref": "a"}, "does not know steps of type '5'"),
        ({**FEED, "channel_type": "telepathy"}, "channel_type must be one of"),
        ({**FEED, "template": 5}, "template must be an object"),
        ({**FEED, "send_windows": "never"}, "send_windows"),
        ({**DELAY, "settings": {}}, "needs delay_for"),
        ({"type": "delay", "ref": "a.b"}, "no usable ref"),
        ({"type": "delay"}, "no usable ref"),
        ("step", "not an object"),
    ],
)
def test_unreadable_step(step: Any, reason: str) -> None:
    """A step that cannot be read stands in its place, with the reason why it will fail."""
    first, second = _read(step, {**DELAY, "ref": "next"})
    assert isinstance(first, UnknownStep)
    assert reason in first.reason
    assert isinstance(second, DelayStep)


def test_repeated_ref() -> None:
    """Of two steps with one ref the first keeps it, and the program has an end."""
    first, second = _read(FEED, {**DELAY, "ref": "feed"})
    assert isinstance(first, ChannelStep)
    assert isinstance(second, UnknownStep)
    assert first.ref != second.ref


def test_a_template_is_judged_when_it_is_rendered() -> None:
    """A stored template that today's check refuses is tried all the same."""
    (step,) = _read({**FEED, "template": {"markdown_body": 5}})
    assert isinstance(step, ChannelStep)


def test_broken_conditions_of_a_step() -> None:
    """A step under conditions that cannot be read is skipped, not lost."""
    (step,) = _read({**FEED, "conditions": {"all": [STRANGE]}})
    assert isinstance(step, ChannelStep)
    verdict = evaluate(step.conditions, ConditionScope({}, NOW))
    assert not verdict.passed
    (line,) = verdict.trace
    assert (line["operator"], line["result"]) == ("is_the_moon_full", "false")
    assert "cannot be read" in line["argument_value"]


@pytest.mark.parametrize("raw", [5, "x", [], {"all": 5}, {"all": [], "any": []}, {"none": []}])
def test_conditions_that_are_none(raw: Any) -> None:
    """A group that cannot be read is false."""
    assert not _passes(raw)


def test_one_unreadable_condition() -> None:
    """An unreadable condition is false by itself; under `any` the others still count."""
    assert _passes({"any": [STRANGE, VIP]}, vip="yes")
    assert not _passes({"all": [STRANGE, VIP]}, vip="yes")
    assert not _passes({"any": [STRANGE, VIP]}, vip="no")
