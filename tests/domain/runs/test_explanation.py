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
            "The run was cancelled: somebody cancelled it.",
        ),
        ("run_completed", {}, "The run came to its end."),
        (
            "run_completed",
            {"reason": "throttled"},
            "The run ended: a throttle step let no more runs pass.",
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
            "The run went into branch 'Big'. It ends the run. Left out: mail.",
        ),
        ("of_a_newer_release", {}, "of a newer release."),
    ],
)  # fmt: skip
def test_sentences(event: str, data: dict[str, Any], text: str) -> None:
    """What happened is said with its reason, in plain words."""
    assert sentence_of(_event(event, **data)) == text
