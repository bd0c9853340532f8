"""Workflows as a kind of content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import ClassVar

from domain.content.kind import KindOfContent
from domain.kit.authored import NOUNS, ChannelTypes, FileFields, Reference, ResourceType, Template
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Shape
from domain.workflows import (
    WorkflowDefinition,
    WorkflowShape,
    check_normalised,
    normalise_workflow,
    read_workflow,
)
from domain.workflows.goals import goal_reference
from domain.workflows.salvage import unread_templates, without_faults
from domain.workflows.steps import all_steps, raw_steps


class WorkflowKind(KindOfContent[WorkflowDefinition]):
    """What workflows tell of themselves, most of it by asking their steps."""

    name: ClassVar[ResourceType] = ResourceType.WORKFLOW
    noun: ClassVar[str] = "workflow"
    shape: ClassVar[type[Shape]] = WorkflowShape
    beside: ClassVar[tuple[str, ...]] = ("active", "valid")

    def normalise(self, raw: JsonObject, channel_types: ChannelTypes) -> JsonObject:
        """See `normalise_workflow`."""
        return normalise_workflow(raw, channel_types)

    def check(self, content: JsonObject, key: str) -> WorkflowDefinition:
        """See `check_normalised`."""
        return check_normalised(content, key)

    def read(self, content: JsonValue, key: str) -> WorkflowDefinition:
        """See `read_workflow`."""
        return read_workflow(content, key)

    def salvage(self, content: JsonObject, key: str) -> tuple[WorkflowDefinition, list[Template]]:
        """Read it without the members of steps that are wrong."""
        document = self.read(without_faults(content), key)
        return document, list(unread_templates(content, document))

    def references(self, document: WorkflowDefinition) -> Iterator[Reference]:
        """Yield the audience that triggers it, its goal, and what all steps refer to."""
        if document.audience_key is not None:
            place = "audience_trigger.audience_key"
            yield Reference(place, ResourceType.AUDIENCE, document.audience_key)
        yield from goal_reference(document.goal_key)
        for place, step in all_steps(document.steps):
            yield from step.references(place)

    def templates(self, document: WorkflowDefinition) -> Iterator[Template]:
        """Yield the templates and overrides of all steps."""
        for place, step in all_steps(document.steps):
            for template in step.templates(place):
                yield replace(template, step=step.ref)

    def files(self, document: WorkflowDefinition) -> Iterator[tuple[str, FileFields]]:
        """Yield templates and overrides, where the steps have members for files."""
        for place, step in all_steps(document.steps):
            yield from step.files(place)

    def schemas(self, document: WorkflowDefinition) -> Iterator[tuple[str, JsonObject]]:
        """Yield the schema of trigger data, and those of the steps."""
        if document.trigger_data_json_schema is not None:
            yield "trigger_data_json_schema", document.trigger_data_json_schema
        for place, step in all_steps(document.steps):
            yield from step.schemas(place)

    def blame(
        self, errors: Iterable[FieldError], content: JsonObject, channel_types: ChannelTypes
    ) -> list[FieldError]:
        """Say of a step without `channel_type` which channel would have told it."""
        unknown = {
            f"{place}.channel_type": FieldError(
                f"{place}.{target}_key",
                f"{noun} {key!r} does not exist: create it, or set channel_type",
            )
            for place, step in raw_steps(content["steps"])
            for target, noun in NOUNS.items()
            if step.get("channel_type") is None
            and isinstance(key := step.get(f"{target}_key"), str)
            and channel_types.of(target, key) is None
        }
        return [unknown.get(error.field, error) for error in errors]


WORKFLOW = WorkflowKind()
