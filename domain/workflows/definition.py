"""A workflow as its author writes it, and as a run walks through it.

Source: Management API reference, WorkflowRequest; Knock docs, "Workflows".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, ValidationInfo

from domain.conditions import (
    ConditionGroup,
    message_refs,
    parse_condition_group,
    read_condition_group,
)
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import JudgedBy, Shape, Wrong, parsed_by
from domain.kit.stored import MAX_NAME_LENGTH, Name, read_document
from domain.kit.violations import Violations
from domain.workflows.content import normalise_workflow
from domain.workflows.frequency import TriggerFrequency
from domain.workflows.goals import GoalAttachment, goal_key_of
from domain.workflows.program import Program
from domain.workflows.steps import (
    BaseStep,
    Step,
    UpdateAudienceStep,
    all_steps,
    parse_steps,
    read_steps,
)
from domain.workflows.steps.base import CONDITIONS

MAX_DESCRIPTION_LENGTH = 280
MAX_LABELS = 100


def _frequency(raw: JsonValue, _info: ValidationInfo) -> TriggerFrequency:
    if raw not in list(TriggerFrequency):
        raise Wrong(f"must be one of: {', '.join(TriggerFrequency)}")
    return TriggerFrequency(raw)


def _trigger_conditions(raw: JsonValue, field: str) -> ConditionGroup | None:
    """Read a workflow's own conditions, which are judged before any step has made a message."""
    group = parse_condition_group(raw, field)
    violations = Violations()
    for place, ref in message_refs(group, field):
        message = f"step {ref[:255]!r} has made no message when a run starts"
        violations.add(f"{place}.variable", message)
    violations.raise_any()
    return group


_Label = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
Labels = Annotated[list[_Label], Field(max_length=MAX_LABELS)]


class WorkflowSettings(Shape):
    """Switches of a workflow (Knock docs: "Commercial unsubscribe", "Override preferences")."""

    is_commercial: bool = False
    override_preferences: bool = False


class AudienceTrigger(Shape):
    """That whoever enters an audience runs through the workflow."""

    audience_key: str = Field(min_length=1, description="Key of the audience.")


class WorkflowShape(Shape):
    """A workflow as it is written; members that a client adds beside these are ignored."""

    name: Name
    description: Annotated[str | None, Field(max_length=MAX_DESCRIPTION_LENGTH)] = None
    categories: Labels = Field([], description="Preferences refer to them; case-sensitive.")
    tags: Labels = Field([], description="For authors.")
    conditions: Annotated[ConditionGroup | None, parsed_by(_trigger_conditions, CONDITIONS)] = (
        Field(None, description="Whether a run continues at all.")
    )
    settings: WorkflowSettings = WorkflowSettings()
    trigger_frequency: Annotated[
        TriggerFrequency,
        JudgedBy(_frequency, {"type": "string", "enum": [each.value for each in TriggerFrequency]}),
    ] = Field(TriggerFrequency.EVERY_TRIGGER, description="How often a recipient may enter.")
    audience_trigger: AudienceTrigger | None = Field(
        None, description="An audience whose new members each trigger the workflow."
    )
    trigger_data_json_schema: JsonObject | None = Field(
        None, description="A JSON Schema for the data of a trigger."
    )
    goal_attachment: GoalAttachment | None = Field(
        None, description="The goal that it should help to reach."
    )
    steps: Annotated[tuple[BaseStep, ...], parsed_by(parse_steps, list[Step])] = Field(
        description="In order."
    )

    @property
    def audience_key(self) -> str | None:
        """Return the key of the audience that triggers it, if one does."""
        return self.audience_trigger.audience_key if self.audience_trigger else None


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
        audience_key: of the audience that triggers it, or None.
        trigger_data_json_schema: what trigger data must look like, or None.
        steps: in order; branch steps hold steps of their own.
        program: the same steps, compiled to the order in which a run takes them.
        goal_key: of the goal that it is meant to bring about, or None.
    """

    key: str
    name: str
    description: str | None
    categories: tuple[str, ...]
    tags: tuple[str, ...]
    conditions: ConditionGroup | None
    settings: WorkflowSettings
    trigger_frequency: TriggerFrequency
    audience_key: str | None
    trigger_data_json_schema: JsonObject | None
    steps: tuple[BaseStep, ...]
    program: Program
    goal_key: str | None = None


def check_workflow(raw: JsonValue, key: str) -> WorkflowDefinition:
    """Read a draft as it was sent, strictly; tolerates the extra keys that Knock's CLI sends.

    Raises:
        InvalidParams: with one error per violation. Whether the trigger data schema is itself a
            valid JSON Schema, and whether the templates are, is for `services` to say.
    """
    if not isinstance(raw, dict):
        raise InvalidParams.of("workflow", "must be an object")
    return check_normalised(normalise_workflow(raw), key)


def check_normalised(content: JsonObject, key: str) -> WorkflowDefinition:
    """Read what is to be stored, strictly; see `check_workflow`."""
    shape = read_document(WorkflowShape, content, key)
    _refuse_own_entries(shape)
    return WorkflowDefinition(
        key=key,
        name=shape.name,
        description=shape.description,
        categories=tuple(shape.categories),
        tags=tuple(shape.tags),
        conditions=shape.conditions,
        settings=shape.settings,
        trigger_frequency=shape.trigger_frequency,
        audience_key=shape.audience_key,
        trigger_data_json_schema=shape.trigger_data_json_schema,
        steps=shape.steps,
        program=Program(shape.steps),
        goal_key=goal_key_of(content),
    )


def _refuse_own_entries(shape: WorkflowShape) -> None:
    """A workflow may not add its recipient to the audience that triggers it."""
    own = shape.audience_key
    violations = Violations()
    for place, step in all_steps(shape.steps):
        if isinstance(step, UpdateAudienceStep) and step.settings.adds_to(own):
            message = f"{own!r} triggers this workflow, which may not add to it"
            violations.add(f"{place}.settings.audience_key", message)
    violations.raise_any()


def read_workflow(raw: JsonValue, key: str) -> WorkflowDefinition:
    """Read a stored workflow, and refuse none: a run keeps its version for up to a year.

    Another version of the product may have stored it, with looser checks or with more kinds of
    steps. What cannot be understood does as little as possible: a step fails its run with a reason,
    conditions are false, everything else takes its default.
    """
    content = normalise_workflow(raw if isinstance(raw, dict) else {})
    settings = content["settings"] if isinstance(content["settings"], dict) else {}
    schema = content["trigger_data_json_schema"]
    entry = content["audience_trigger"]
    audience_key = entry.get("audience_key") if isinstance(entry, dict) else None
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
        trigger_frequency=TriggerFrequency.of(content["trigger_frequency"]),
        audience_key=audience_key if isinstance(audience_key, str) else None,
        trigger_data_json_schema=schema if isinstance(schema, dict) else None,
        steps=steps,
        program=Program(steps),
        goal_key=goal_key_of(content),
    )


def _text(content: JsonObject, name: str) -> str | None:
    value = content[name]
    return value if isinstance(value, str) else None


def _labels(raw: JsonValue) -> tuple[str, ...]:
    return tuple(label for label in raw if isinstance(label, str)) if isinstance(raw, list) else ()
