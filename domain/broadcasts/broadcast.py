"""A broadcast as its author writes it: steps that run once for each member of an audience.

Source: Management API reference, BroadcastRequest; Knock docs, "Broadcasts".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, TypeAlias

from pydantic import Field

from domain.content.kind import KindOfContent
from domain.content.workflow import WORKFLOW
from domain.kit.authored import ChannelTypes, FileFields, Reference, ResourceType, Template
from domain.kit.clock import parse_instant
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Instant, Shape, parsed_by
from domain.kit.stored import Name, read_document, without_client_keys
from domain.workflows import WorkflowDefinition, normalise_workflow, read_workflow
from domain.workflows.definition import MAX_DESCRIPTION_LENGTH, Labels
from domain.workflows.goals import GoalAttachment
from domain.workflows.steps import (
    BaseStep,
    BranchStep,
    ChannelStep,
    DelayStep,
    RandomCohortStep,
    parse_steps,
    raw_steps,
)

# What may stand in a broadcast; the docs name the last one, the schema does not.
STEP_NAMES = ("channel", "branch", "delay", "random_cohort", "wait_for_event")
BroadcastStep: TypeAlias = ChannelStep | BranchStep | DelayStep | RandomCohortStep
_DEFAULT_SETTINGS = {"is_commercial": True, "override_preferences": False}
# What a broadcast has beside what a workflow has.
_OWN = ("target_audience_key", "scheduled_at")


class _Name(StrEnum):
    """What a broadcast is called on the wire; it is not committed, so it is no `ResourceType`."""

    BROADCAST = "broadcast"


def _steps(raw: JsonValue, field: str) -> tuple[BaseStep, ...]:
    """Read the steps, of which a broadcast may have some types only."""
    errors: list[FieldError] = []
    steps: tuple[BaseStep, ...] = ()
    try:
        steps = parse_steps(raw, field)
    except InvalidParams as refused:
        errors.extend(refused.errors)
    told = {error.field for error in errors}
    errors.extend(
        FieldError(f"{place}.type", f"a broadcast has no steps of type {step['type']}")
        for place, step in raw_steps(raw, field)
        if isinstance(step.get("type"), str)
        and step["type"] not in STEP_NAMES
        and f"{place}.type" not in told
    )
    if errors:
        raise InvalidParams(errors)
    return steps


class BroadcastSettings(Shape):
    """Switches of a broadcast (Knock docs: "Commercial unsubscribe", "Override preferences")."""

    is_commercial: bool = Field(
        True,
        description=("Whether recipients can unsubscribe from its e-mails, as the law requires."),
    )
    override_preferences: bool = False


class BroadcastShape(Shape):
    """A broadcast as it is written; members that a client adds beside these are ignored."""

    name: Name
    description: Annotated[str | None, Field(max_length=MAX_DESCRIPTION_LENGTH)] = None
    categories: Labels = Field([], description="Preferences refer to them; case-sensitive.")
    settings: BroadcastSettings = BroadcastSettings()
    target_audience_key: Annotated[str | None, Field(min_length=1, max_length=255)] = Field(
        None, description="The audience that receives it; without one, every user does."
    )
    scheduled_at: Instant | None = Field(
        None, description="Informative until it is sent: the send request decides the time."
    )
    goal_attachment: GoalAttachment | None = Field(
        None, description="The goal that it should help to reach."
    )
    steps: Annotated[
        tuple[BaseStep, ...],
        parsed_by(_steps, list[BroadcastStep]),
    ] = Field(description="In order; at least one is needed to send it.")


@dataclass(frozen=True, slots=True)
class Broadcast:
    """What a broadcast says.

    Attributes:
        definition: what its runs walk through, which is like a workflow's.
        target_audience_key: whose members receive it; None for every user.
        scheduled_at: when it is meant to be sent, if that was said.
    """

    definition: WorkflowDefinition
    target_audience_key: str | None
    scheduled_at: datetime | None


class BroadcastKind(KindOfContent[Broadcast]):
    """What broadcasts tell of themselves, most of it as workflows do."""

    name: ClassVar[StrEnum] = _Name.BROADCAST
    noun: ClassVar[str] = "broadcast"
    shape: ClassVar[type[Shape]] = BroadcastShape

    def normalise(self, raw: JsonObject, channel_types: ChannelTypes) -> JsonObject:
        """Return what is stored: what a workflow has, as far as it applies, and the target."""
        settings = raw.get("settings") or {}
        if isinstance(settings, dict):
            settings = {**_DEFAULT_SETTINGS, **settings}
        content = normalise_workflow({**raw, "settings": settings}, channel_types)
        kept = {name: content[name] for name in self.shape.model_fields if name in content}
        return {**kept, **{name: without_client_keys(raw.get(name)) for name in _OWN}}

    def check(self, content: JsonObject, key: str) -> Broadcast:
        """Read normalised JSON under a key. Raises InvalidParams with every violation."""
        read_document(BroadcastShape, content, key)
        return self.read(content, key)

    def read(self, content: JsonValue, key: str) -> Broadcast:
        """Read stored JSON under a key, and refuse none."""
        stored = content if isinstance(content, dict) else {}
        audience = stored.get("target_audience_key")
        return Broadcast(
            definition=read_workflow(stored, key),
            target_audience_key=audience if isinstance(audience, str) else None,
            scheduled_at=parse_instant(stored.get("scheduled_at")),
        )

    def salvage(self, content: JsonObject, key: str) -> tuple[Broadcast, list[Template]]:
        """Read it without the members of steps that are wrong."""
        definition, unread = WORKFLOW.salvage(content, key)
        return replace(self.read(content, key), definition=definition), unread

    def references(self, document: Broadcast) -> Iterator[Reference]:
        """Yield the audience, and what the steps refer to."""
        if document.target_audience_key is not None:
            yield Reference(
                "target_audience_key", ResourceType.AUDIENCE, document.target_audience_key
            )
        yield from WORKFLOW.references(document.definition)

    def templates(self, document: Broadcast) -> Iterator[Template]:
        """Yield the templates and overrides of all steps."""
        yield from WORKFLOW.templates(document.definition)

    def files(self, document: Broadcast) -> Iterator[tuple[str, FileFields]]:
        """Yield templates and overrides, where the steps have members for files."""
        yield from WORKFLOW.files(document.definition)

    def blame(
        self, errors: Iterable[FieldError], content: JsonObject, channel_types: ChannelTypes
    ) -> list[FieldError]:
        """Say of a step without `channel_type` which channel would have told it."""
        return WORKFLOW.blame(errors, content, channel_types)


BROADCAST = BroadcastKind()
