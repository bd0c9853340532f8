"""Reads stored workflows, and refuses none: a run keeps its version for up to a year.

Another version of the product may have stored it, with looser checks or with more kinds of steps.
"""

from __future__ import annotations

from domain.conditions import read_condition_group
from domain.kit.json_types import JsonObject, JsonValue
from domain.workflows.content import normalise_workflow
from domain.workflows.definition import TriggerFrequency, WorkflowDefinition, WorkflowSettings
from domain.workflows.program import Program
from domain.workflows.steps import read_steps


def read_workflow(raw: JsonValue, key: str) -> WorkflowDefinition:
    """Read a stored workflow.

    What cannot be understood does as little as possible: a step fails its run with a reason,
    conditions are false, everything else takes its default.
    """
    content = normalise_workflow(raw if isinstance(raw, dict) else {})
    settings = content["settings"] if isinstance(content["settings"], dict) else {}
    schema = content["trigger_data_json_schema"]
    steps = read_steps(content["steps"])
    return WorkflowDefinition(
        key=key,
        name=_text(content, "name") or key,
        description=_text(content, "description"),
        categories=_labels(content["categories"]),
        tags=_labels(content["tags"]),
        conditions=read_condition_group(content["conditions"]),
        settings=WorkflowSettings(
            is_commercial=settings.get("is_commercial") is True,
            override_preferences=settings.get("override_preferences") is True,
        ),
        trigger_frequency=TriggerFrequency.EVERY_TRIGGER,
        trigger_data_json_schema=schema if isinstance(schema, dict) else None,
        steps=steps,
        program=Program(steps),
    )


def _text(content: JsonObject, name: str) -> str | None:
    value = content[name]
    return value if isinstance(value, str) else None


def _labels(raw: JsonValue) -> tuple[str, ...]:
    return tuple(label for label in raw if isinstance(label, str)) if isinstance(raw, list) else ()
