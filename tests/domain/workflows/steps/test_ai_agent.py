"""The AI agent step: what it must say."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.workflow import WORKFLOW
from domain.kit.authored import ChannelTypes
from domain.kit.errors import InvalidParams
from domain.workflows.steps import parse_steps, read_steps
from domain.workflows.steps.ai_agent import AiAgentStep
from tests.support.steps import agent_step, workflow

SCHEMA = '{"type": "object", "required": ["mood"]}'


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"model": None}, "model"),
        ({"model": "claude"}, "model"),
        ({"model": "anthropic:"}, "model"),
        ({"model": "An Thropic:claude"}, "model"),
        ({"model": "a:" + "x" * 300}, "model"),
        ({"request_prompt": None}, "request_prompt"),
        ({"request_prompt": ""}, "request_prompt"),
        ({"response_type": None}, "response_type"),
        ({"response_type": "xml"}, "response_type"),
        ({"response_type": "json"}, "response_schema"),
        ({"response_type": "json", "response_schema": " "}, "response_schema"),
        ({"response_type": "json", "response_schema": "{"}, "response_schema"),
        ({"response_type": "json", "response_schema": "[1]"}, "response_schema"),
        ({"web_search_enabled": "yes"}, "web_search_enabled"),
        ({"halt_on_error": 1}, "halt_on_error"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(settings: dict[str, Any], field: str) -> None:
    """Every setting is judged."""
    with pytest.raises(InvalidParams) as refused:
        parse_steps([agent_step(**settings)])
    assert [error.field for error in refused.value.errors] == [f"steps[0].settings.{field}"]


def test_settings_are_required() -> None:
    """A step without settings says so."""
    with pytest.raises(InvalidParams) as refused:
        parse_steps([{"type": "ai_agent", "ref": "a"}])
    assert [error.field for error in refused.value.errors] == ["steps[0].settings"]


def test_the_schema_of_an_answer_is_a_schema_of_the_workflow() -> None:
    """So a draft is judged by it like by that of trigger data; text has none."""
    steps = (
        agent_step("a", response_type="json", response_schema=SCHEMA),
        agent_step("b", response_schema=SCHEMA),
    )
    content = WORKFLOW.normalise(workflow("x", *steps), ChannelTypes())
    found = list(WORKFLOW.schemas(WORKFLOW.check(content, "agents")))
    assert found == [
        ("steps[0].settings.response_schema", {"type": "object", "required": ["mood"]})
    ]


@pytest.mark.parametrize("schema", [None, "[1]"])
def test_a_stored_step_without_a_usable_schema(schema: str | None) -> None:
    """It is read, and takes any answer."""
    (step,) = read_steps([agent_step(response_type="json", response_schema=schema)])
    assert isinstance(step, AiAgentStep)
    assert step.settings.schema_of_answer == {}
