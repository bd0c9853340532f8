"""A workflow as its author defines it, parsed once and judged as a whole.

Source: Management API reference, WorkflowRequest; Knock docs, "Workflows".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from domain.conditions import ConditionGroup, parse_condition_group
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.violations import Violations
from domain.workflows.content import normalise_workflow
from domain.workflows.program import Program
from domain.workflows.steps import BaseStep, parse_steps

MAX_NAME_LENGTH = 255
MAX_DESCRIPTION_LENGTH = 280
MAX_LABELS = 100
_KEY = re.compile(r"[a-z0-9_-]{3,255}")


class TriggerFrequency(StrEnum):
    """How often one recipient may enter a workflow."""

    EVERY_TRIGGER = "every_trigger"
    ONCE_PER_RECIPIENT = "once_per_recipient"
    ONCE_PER_RECIPIENT_PER_TENANT = "once_per_recipient_per_tenant"


@dataclass(frozen=True, slots=True)
class WorkflowSettings:
    """Switches of a workflow (Knock docs: "Commercial unsubscribe", "Override preferences")."""

    is_commercial: bool = False
    override_preferences: bool = False


@dataclass(frozen=True, slots=True)
class WorkflowDefinition:
    """What a run walks through.

    Attributes:
        key: names the workflow in every environment.
        name: for people.
        description: for people, or None.
        categories: free words that preferences refer to; case matters.
        tags: free words for authors.
        conditions: whether a trigger makes a run at all, or None.
        settings: see `WorkflowSettings`.
        trigger_frequency: how often one recipient may enter.
        trigger_data_json_schema: what trigger data must look like, or None.
        steps: in order; branch steps hold steps of their own.
        program: the same steps, compiled to the order in which a run takes them.
    """

    key: str
    name: str
    description: str | None
    categories: tuple[str, ...]
    tags: tuple[str, ...]
    conditions: ConditionGroup | None
    settings: WorkflowSettings
    trigger_frequency: TriggerFrequency
    trigger_data_json_schema: JsonObject | None
    steps: tuple[BaseStep, ...]
    program: Program


def is_content_key(key: str) -> bool:
    """Tell whether a key may name a piece of content: 3 to 255 of a-z, 0-9, `_` and `-`."""
    return _KEY.fullmatch(key) is not None


def check_workflow(raw: JsonValue, key: str) -> WorkflowDefinition:
    """Read a draft, strictly; tolerates the extra keys that Knock's CLI sends.

    Raises:
        InvalidParams: with one error per violation. Whether the trigger data schema is itself a
            valid JSON Schema, and whether the templates are, is for `services` to say.
    """
    if not isinstance(raw, dict):
        raise InvalidParams.of("workflow", "must be an object")
    content = normalise_workflow(raw)
    violations = Violations()
    if not is_content_key(key):
        violations.add("key", "must be 3 to 255 characters of a-z, 0-9, _ and -")
    name = violations.check(_parse_name, content["name"], "name")
    description = violations.check(_parse_description, content["description"], "description")
    categories = violations.check(_parse_labels, content["categories"], "categories")
    tags = violations.check(_parse_labels, content["tags"], "tags")
    conditions = violations.check(parse_condition_group, content["conditions"], "conditions")
    settings = violations.check(_parse_settings, content["settings"], "settings")
    frequency = violations.check(
        _parse_frequency, content["trigger_frequency"], "trigger_frequency"
    )
    schema = violations.check(
        _parse_schema, content["trigger_data_json_schema"], "trigger_data_json_schema"
    )
    violations.check(_refuse_goal, content["goal_attachment"], "goal_attachment")
    steps = violations.check(parse_steps, content["steps"], "steps")
    violations.raise_any()
    return WorkflowDefinition(
        key=key,
        name=name or "",
        description=description,
        categories=categories or (),
        tags=tags or (),
        conditions=conditions,
        settings=settings or WorkflowSettings(),
        trigger_frequency=frequency or TriggerFrequency.EVERY_TRIGGER,
        trigger_data_json_schema=schema,
        steps=steps or (),
        program=Program(steps or ()),
    )


def _parse_name(raw: JsonValue, field: str) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise InvalidParams.of(field, "can't be blank")
    if len(raw) > MAX_NAME_LENGTH:
        raise InvalidParams.of(field, f"must be at most {MAX_NAME_LENGTH} characters")
    return raw


def _parse_description(raw: JsonValue, field: str) -> str | None:
    if raw is None:
        return None
    if not isinstance(raw, str):
        raise InvalidParams.of(field, "must be a string or null")
    if len(raw) > MAX_DESCRIPTION_LENGTH:
        raise InvalidParams.of(field, f"must be at most {MAX_DESCRIPTION_LENGTH} characters")
    return raw


def _parse_labels(raw: JsonValue, field: str) -> tuple[str, ...]:
    if not isinstance(raw, list):
        raise InvalidParams.of(field, "must be a list of strings")
    if len(raw) > MAX_LABELS:
        raise InvalidParams.of(field, f"must have at most {MAX_LABELS} entries")
    violations = Violations()
    for index, label in enumerate(raw):
        if not isinstance(label, str) or not 0 < len(label) <= MAX_NAME_LENGTH:
            violations.add(
                f"{field}[{index}]", f"must be a string of 1 to {MAX_NAME_LENGTH} characters"
            )
    violations.raise_any()
    return tuple(raw)


def _parse_settings(raw: JsonValue, field: str) -> WorkflowSettings:
    if not isinstance(raw, dict):
        raise InvalidParams.of(field, "must be an object")
    violations = Violations()
    for name in ("is_commercial", "override_preferences"):
        if not isinstance(raw[name], bool):
            violations.add(f"{field}.{name}", "must be true or false")
    violations.raise_any()
    return WorkflowSettings(raw["is_commercial"], raw["override_preferences"])


def _parse_frequency(raw: JsonValue, field: str) -> TriggerFrequency:
    if raw not in list(TriggerFrequency):
        raise InvalidParams.of(field, f"must be one of {', '.join(TriggerFrequency)}")
    if raw != TriggerFrequency.EVERY_TRIGGER:
        raise InvalidParams.of(field, f"{raw} is not supported by this version")
    return TriggerFrequency(raw)


def _parse_schema(raw: JsonValue, field: str) -> JsonObject | None:
    if raw is not None and not isinstance(raw, dict):
        raise InvalidParams.of(field, "must be a JSON Schema object or null")
    return raw


def _refuse_goal(raw: JsonValue, field: str) -> None:
    if raw is not None:
        raise InvalidParams.of(field, "goals are not supported by this version")
