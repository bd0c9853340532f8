"""The step that triggers another workflow: its settings, and what they are when left out."""

from __future__ import annotations

from typing import Any

import pytest

from domain.kit.errors import InvalidParams
from domain.workflows.steps import TriggerWorkflowStep, parse_steps
from tests.support.steps import trigger_step


def test_what_is_left_out_is_the_runs_own() -> None:
    """Only the workflow has to be named."""
    (step,) = parse_steps([trigger_step("child")])
    assert isinstance(step, TriggerWorkflowStep)
    assert step.settings.recipients == "{{ recipient.id }}"
    assert [one.place for one in step.templates("steps[0]")] == [
        f"steps[0].settings.{name}"
        for name in ("workflow_key", "recipients", "actor", "tenant", "data", "cancellation_key")
    ]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (None, "settings"),
        ({}, "settings.workflow_key"),
        ({"workflow_key": ""}, "settings.workflow_key"),
        ({"workflow_key": "x", "recipients": ["a"]}, "settings.recipients"),
        ({"workflow_key": "x", "recipients": None}, "settings.recipients"),
        ({"workflow_key": "x", "data": {}}, "settings.data"),
    ],
)
def test_wrong_settings(settings: Any, field: str) -> None:
    """Settings are texts, refused at their places."""
    with pytest.raises(InvalidParams) as refusal:
        parse_steps([{"type": "trigger_workflow", "ref": "t", "settings": settings}])
    assert [error.field for error in refusal.value.errors] == [f"steps[0].{field}"]
