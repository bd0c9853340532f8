"""The wait step: what it may wait for, how long, and which conditions it needs."""

from __future__ import annotations

from typing import Any

import pytest

from domain.kit.durations import Duration, DurationUnit
from domain.kit.errors import InvalidParams
from domain.workflows.steps import UnknownStep, WaitForEventStep, parse_steps, read_steps
from domain.workflows.steps.wait_for_event import DEFAULT_RECIPIENT_PATH, AwaitedSourceEvent
from tests.support.steps import channel_step, message_event, wait_step, when

READ = message_event("read", "flow")
PAID: dict[str, Any] = {
    "event_type": "integration_source",
    "event_key": "invoice.paid",
    "integration_source_key": "billing",
}
ANY = when("event.step_ref", "equal_to", "feed_1")


def read(step: dict[str, Any]) -> WaitForEventStep:
    """Read a step as a draft."""
    (found,) = parse_steps([step])
    assert isinstance(found, WaitForEventStep)
    return found


@pytest.mark.parametrize(
    ("event", "changes", "places"),
    [
        (READ, {"match_conditions": []}, ["settings.match_conditions"]),
        (READ, {"match_conditions": None}, ["settings.match_conditions"]),
        (READ, {"match_conditions": [{"operator": "and"}]}, ["settings.match_conditions"]),
        ({**READ, "event_key": "opened"}, {}, ["settings.event.event_key"]),
        ({**READ, "source_key": None}, {}, ["settings.event.source_key"]),
        ({**READ, "source_type": "feed"}, {}, ["settings.event.source_type"]),
        (
            {"event_type": "audience"},
            {},
            ["settings.event.event_key", "settings.event.audience_key"],
        ),
        (
            {"event_type": "audience", "event_key": "join", "audience_key": "vip"},
            {},
            ["settings.event.event_key"],
        ),
        (
            {"event_type": "recipient", "event_key": "deleted"},
            {},
            ["settings.event.event_key"],
        ),
        ({"event_type": "weather"}, {}, ["settings.event.event_type"]),
        (None, {}, ["settings.event"]),
        (PAID, {"expires_after": {"unit": "days", "value": 31}}, ["settings.expires_after"]),
        (PAID, {"expires_after": "soon"}, ["settings.expires_after"]),
        (PAID, {"on_match": "stop"}, ["settings.on_match"]),
        (PAID, {"on_timeout": "stop"}, ["settings.on_timeout"]),
        ({**PAID, "recipient_path": "data.user"}, {}, ["settings.event.recipient_path"]),
        (PAID, {"match_conditions": {}}, ["settings.match_conditions"]),
        (
            PAID,
            {"match_conditions": [{"operator": "or", "conditions": []}]},
            ["settings.match_conditions[0].operator"],
        ),
        (
            PAID,
            {"match_conditions": [{"conditions": [{"variable": "event.x", "operator": "is"}]}]},
            ["settings.match_conditions[0].conditions[0].operator"],
        ),
    ],
)
def test_what_is_refused(event: Any, changes: dict[str, Any], places: list[str]) -> None:
    """A violation names the setting that is wrong."""
    with pytest.raises(InvalidParams) as refused:
        read(wait_step(event, ANY, **changes))
    assert [error.field for error in refused.value.errors] == [f"steps[0].{at}" for at in places]


def test_what_is_left_out() -> None:
    """A wait lasts fifteen minutes, goes on with its event, and ends the run without one."""
    settings = read({"type": "wait_for_event", "ref": "w", "settings": {"event": PAID}}).settings
    assert settings.expires_after == Duration(DurationUnit.MINUTES, 15)
    assert (settings.on_match, settings.on_timeout) == ("continue", "halt")
    assert settings.match_conditions == ()


@pytest.mark.parametrize("path", [{}, {"recipient_path": None}, {"recipient_path": ""}])
def test_where_a_source_names_the_recipient(path: dict[str, Any]) -> None:
    """The user is named at `body.userId` unless another path is given."""
    event = read(wait_step({**PAID, **path})).settings.event
    assert isinstance(event, AwaitedSourceEvent)
    assert event.recipient_path == DEFAULT_RECIPIENT_PATH


def test_a_month_may_be_too_long() -> None:
    """Thirty days are the most, in whichever unit they are written."""
    assert read(wait_step(PAID, expires_after={"unit": "days", "value": 30}))
    with pytest.raises(InvalidParams):
        read(wait_step(PAID, expires_after={"unit": "months", "value": 1}))


def test_status_conditions_need_a_message_before() -> None:
    """A match condition on a message status needs a channel step that comes before the wait."""
    wait = wait_step(PAID, when("refs.feed_1.delivery_status", "equal_to", "$message.delivered"))
    assert parse_steps([channel_step("feed_1"), wait])
    with pytest.raises(InvalidParams) as refused:
        parse_steps([wait, channel_step("feed_1")])
    place = "steps[0].settings.match_conditions[0].conditions[0].variable"
    assert [error.field for error in refused.value.errors] == [place]


def test_what_is_stored_is_read() -> None:
    """A stored step keeps its work when checks have become stricter since."""
    steps = read_steps(
        [
            wait_step({**READ, "source_type": "guide"}, ref="a"),
            wait_step(PAID, match_conditions=[{"conditions": [{"operator": "odd"}]}], ref="b"),
            wait_step({"event_type": "weather"}, ref="c"),
        ]
    )
    assert [type(step) for step in steps] == [WaitForEventStep, WaitForEventStep, UnknownStep]
