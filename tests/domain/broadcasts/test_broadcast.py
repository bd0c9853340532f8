"""What a broadcast may say, and what is stored of it."""

from __future__ import annotations

from typing import Any

import pytest

from domain.broadcasts.broadcast import BROADCAST
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from tests.support.steps import batch_step, channel_step, delay_step, throttle_step

NAME = "Spring sale"


def document(*steps: JsonObject, **more: Any) -> JsonObject:
    """Write a broadcast."""
    return {"name": NAME, "steps": list(steps), **more}


def refused(raw: JsonObject, key: str = "sale") -> dict[str, str]:
    """Return what is wrong with a broadcast, by place."""
    with pytest.raises(InvalidParams) as refusal:
        BROADCAST.check(BROADCAST.normalise(raw, {}), key)
    return {error.field: error.message for error in refusal.value.errors}


def test_what_is_left_out() -> None:
    """A broadcast is commercial and obeys preferences unless it says otherwise."""
    content = BROADCAST.normalise(document(channel_step("feed")), {})
    assert content["settings"] == {"is_commercial": True, "override_preferences": False}
    read = BROADCAST.check(content, "sale")
    assert read.definition.settings.is_commercial
    assert (read.definition.key, read.definition.name) == ("sale", NAME)
    assert (read.target_audience_key, read.scheduled_at) == (None, None)


def test_what_only_workflows_have() -> None:
    """Triggers, their conditions and schema, and tags are nothing to a broadcast: all dropped."""
    given = {
        "tags": ["a"],
        "trigger_frequency": "once_per_recipient",
        "conditions": {"all": []},
        "audience_trigger": {"audience_key": "gone"},
        "trigger_data_json_schema": {"type": "object"},
    }
    content = BROADCAST.normalise(document(channel_step("feed"), **given), {})
    assert not set(given) & set(content)
    referred = [each.place for each in BROADCAST.references(BROADCAST.check(content, "sale"))]
    assert referred == ["steps[0].channel_key"]


def test_steps_are_drafted_later() -> None:
    """A draft may have no steps yet."""
    assert BROADCAST.check(BROADCAST.normalise(document(), {}), "sale").definition.steps == ()


@pytest.mark.parametrize("step", [batch_step("digest"), throttle_step("limit")])
def test_steps_of_workflows_alone(step: JsonObject) -> None:
    """What gathers or counts triggers has no place in what is sent once, nor in a branch."""
    branch = {"name": "b", "steps": [step]}
    branches = {"type": "branch", "ref": "ways", "branches": [branch, {"name": "else"}]}
    words = f"a broadcast has no steps of type {step['type']}"
    assert refused(document(step))["steps[0].type"] == words
    assert refused(document(branches))["steps[0].branches[0].steps[0].type"] == words


def test_all_that_is_wrong() -> None:
    """Everything is told at once, each at its place."""
    raw = document(
        delay_step(seconds=1),
        {"type": "nonsense", "ref": "x"},
        {**channel_step("feed"), "ref": ""},
        name="",
        target_audience_key=7,
        scheduled_at="tomorrow",
        settings={"is_commercial": "yes"},
        goal_attachment={"goal_key": 7},
    )
    assert set(refused(raw, "No")) == {
        "key",
        "name",
        "target_audience_key",
        "scheduled_at",
        "settings.is_commercial",
        "goal_attachment.goal_key",
        "steps[1].type",
        "steps[2].ref",
    }


def test_what_is_stored_is_read() -> None:
    """No stored broadcast is refused, whatever it holds."""
    for stored in (None, [], {"steps": 3, "target_audience_key": 4, "settings": "x"}):
        assert BROADCAST.read(stored, "sale").target_audience_key is None
