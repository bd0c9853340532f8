"""Every event of a run is said in a sentence of its own."""

from __future__ import annotations

from typing import Any

import pytest

from domain.runs.events import RunEventType
from domain.runs.explanation import SENTENCES, sentence_of
from domain.runs.rows import RunEvent
from tests.support.builders import T0


def _event(event: str, **data: Any) -> RunEvent:
    return RunEvent(position=0, event=event, data=data, inserted_at=T0)


@pytest.mark.parametrize("event", RunEventType)
def test_every_event_has_a_sentence(event: RunEventType) -> None:
    """None is left out, and none needs data that a story of another release may lack."""
    assert event in SENTENCES
    text = sentence_of(_event(event))
    assert text[0].isupper()
    assert len(text) > 10


@pytest.mark.parametrize(
    ("event", "data", "text"),
    [
        (
            "run_cancelled",
            {"reason": "cancel_requested"},
            "The run was cancelled: a cancel was requested.",
        ),
        (
            "run_cancelled",
            {"reason": "recipient_merged"},
            "The run was cancelled: the recipient was merged into another user.",
        ),
        ("run_completed", {}, "The run completed."),
        (
            "batch_opened",
            {"closing_at": "noon"},
            "The run opened a batch and waits for more items until noon.",
        ),
        (
            "batch_opened",
            {"closing_at": "noon", "batch_key": "A"},
            "The run opened a batch (key 'A') and waits for more items until noon.",
        ),
        (
            "batch_opened",
            {"closing_at": "2026-03-01T10:00:00.000000Z"},
            "The run opened a batch and waits for more items until 2026-03-01 10:00:00 UTC.",
        ),
        ("batch_closed", {"total_activities": 1}, "The batch closed with 1 item."),
        (
            "delay_started",
            {"delay_until": "2026-03-01T12:00:00+02:00"},
            "The run waits until 2026-03-01 10:00:00 UTC.",
        ),
        (
            "wait_moved",
            {"from": "2026-03-01T10:00:00Z", "until": "2026-03-02T10:00:00Z"},
            "An operator moved the end of the wait from 2026-03-01 10:00:00 UTC to"
            " 2026-03-02 10:00:00 UTC.",
        ),
        (
            "throttle_hit",
            {"count": 3, "limit": 3, "ends_at": "2026-03-01T10:00:00Z"},
            "The throttle stopped the run: 3 of 3 until 2026-03-01 10:00:00 UTC.",
        ),
        (
            "wait_registered",
            {"event_type": "user.updated", "event_key": "", "source_key": None,
             "expires_at": "2026-03-01T10:00:00Z"},
            "The run waits for the event user.updated until 2026-03-01 10:00:00 UTC.",
        ),
        (
            "wait_registered",
            {"event_type": "message.seen", "event_key": "in_app", "source_key": "welcome",
             "expires_at": "2026-03-01T10:00:00Z"},
            "The run waits for the event message.seen 'in_app' of 'welcome' until"
            " 2026-03-01 10:00:00 UTC.",
        ),
        (
            "fetch_unanswered",
            {"error": "The server did not answer."},
            "No answer came: The server did not answer.",
        ),
        (
            "step_skipped",
            {"reason": "x", "error": "It broke."},
            "The step was skipped: x: It broke.",
        ),
        (
            "step_conditions_evaluated",
            {
                "passed": True,
                "conditions": [
                    {
                        "variable": "data.paid",
                        "operator": "equal_to",
                        "argument": True,
                        "variable_value": [True, None, "ä"],
                        "result": "true",
                    }
                ],
            },
            "The step's conditions are met: data.paid equal to true is true"
            ' (the value is [true, null, "ä"]).',
        ),
        (
            "batch_joined",
            {"carrier_run_id": "r", "batch_key": None},
            "The item joined an open batch (the key rendered to nothing); run r continues with it.",
        ),
        (
            "run_completed",
            {"reason": "throttled"},
            "The run ended: a throttle step stopped it.",
        ),
        ("step_skipped", {"reason": "ellie has no e-mail"},
         "The step was skipped: ellie has no e-mail."),
        (
            "step_failed",
            {"reason": "template", "error": "broken on line 1"},
            "The step failed for good: template: broken on line 1.",
        ),
        (
            "step_conditions_evaluated",
            {
                "passed": False,
                "conditions": [
                    {
                        "variable": "data.total",
                        "operator": "greater_than",
                        "argument": 10,
                        "variable_value": 3,
                        "result": "false",
                    }
                ],
            },
            "The step's conditions are not met: data.total greater than 10 is false"
            " (the value is 3).",
        ),
        (
            "branch_selected",
            {"branch": "Big", "left_out": ["mail"], "terminates": True},
            "The run went into branch 'Big'. This ends the run. Left out: mail.",
        ),
        (
            "preferences_evaluated",
            {
                "passed": False,
                "preferences": [
                    {"preference": "channel_types.email", "result": "true"},
                    {"preference": "categories.news", "result": "false"},
                    {"preference": "workflows.flow", "result": "not_evaluated"},
                ],
            },
            "The recipient's preferences do not allow the message: categories.news is off.",
        ),
        (
            "preferences_evaluated",
            {
                "passed": True,
                "preferences": [
                    {"preference": "channel_types.email", "result": "true"},
                    {
                        "preference": "categories.news",
                        "result": "true",
                        "conditions": [
                            {
                                "variable": "data.total",
                                "operator": "equal_to",
                                "argument": 3,
                                "variable_value": 3,
                                "result": "true",
                            }
                        ],
                    },
                ],
            },
            "The recipient's preferences allow the message: channel_types.email is on;"
            " categories.news is on (data.total equal to 3 is true (the value is 3)).",
        ),
        (
            "preferences_evaluated",
            {
                "passed": False,
                "preferences": [
                    {"preference": "commercial", "result": "not_evaluated", "error": "no date"}
                ],
            },
            "The recipient's preferences do not allow the message:"
            " commercial cannot be evaluated: no date.",
        ),
        (
            "recipient_updated",
            {"recipient": "ellie", "changes": {"plan": {"before": "a", "after": "b"}}},
            "The step changed ellie: plan.",
        ),
        (
            "recipient_updated",
            {
                "recipient": {"collection": "projects", "id": "p"},
                "changes": {},
                "left_out": ["channel_data"],
            },
            "The step changed nothing of projects/p, which already had these values."
            " Left out: channel_data.",
        ),
        (
            "audience_updated",
            {"audience": "vips", "action": "add", "changed": True},
            "The step added the recipient to the audience 'vips'.",
        ),
        (
            "audience_updated",
            {"audience": "vips", "action": "remove", "changed": True},
            "The step removed the recipient from the audience 'vips'.",
        ),
        (
            "audience_updated",
            {"audience": "vips", "action": "add", "changed": False},
            "The recipient was already in the audience 'vips'.",
        ),
        (
            "audience_updated",
            {"audience": "vips", "action": "remove", "changed": False},
            "The recipient was not in the audience 'vips'.",
        ),
        ("of_a_newer_release", {}, "of a newer release."),
    ],
)  # fmt: skip
def test_sentences(event: str, data: dict[str, Any], text: str) -> None:
    """What happened is said with its reason, in plain words."""
    assert sentence_of(_event(event, **data)) == text
