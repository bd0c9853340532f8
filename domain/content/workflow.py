"""Workflows as a kind of content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from domain.content.kind import KindOfContent
from domain.kit.authored import ChannelTypes, FileFields, Reference, ResourceType, Template
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject
from domain.workflows import (
    WorkflowDefinition,
    WorkflowShape,
    check_normalised,
    normalise_workflow,
    raw_steps,
    read_workflow,
)
from domain.workflows.steps import all_steps


def _references(workflow: WorkflowDefinition) -> Iterator[Reference]:
    for place, step in all_steps(workflow.steps):
        yield from step.references(place)


def _templates(workflow: WorkflowDefinition) -> Iterator[Template]:
    for place, step in all_steps(workflow.steps):
        yield from step.templates(place)


def _files(workflow: WorkflowDefinition) -> Iterator[tuple[str, FileFields]]:
    for place, step in all_steps(workflow.steps):
        yield from step.files(place)


def _schemas(workflow: WorkflowDefinition) -> Iterator[tuple[str, JsonObject]]:
    if workflow.trigger_data_json_schema is not None:
        yield "trigger_data_json_schema", workflow.trigger_data_json_schema


def _blame(
    errors: Iterable[FieldError], content: JsonObject, channel_types: ChannelTypes
) -> list[FieldError]:
    """Say of a step without `channel_type` which channel would have told it."""
    unknown = {
        f"{place}.channel_type": FieldError(
            f"{place}.channel_key",
            f"channel {key!r} does not exist: create it, or give channel_type",
        )
        for place, step in raw_steps(content["steps"])
        if step.get("channel_type") is None
        and isinstance(key := step.get("channel_key"), str)
        and key not in channel_types
    }
    return [unknown.get(error.field, error) for error in errors]


WORKFLOW: KindOfContent[WorkflowDefinition] = KindOfContent(
    name=ResourceType.WORKFLOW,
    noun="workflow",
    shape=WorkflowShape,
    normalise=normalise_workflow,
    check=check_normalised,
    read=read_workflow,
    references=_references,
    templates=_templates,
    files=_files,
    schemas=_schemas,
    blame=_blame,
)
