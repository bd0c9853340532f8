"""What webhooks are told, and which events of ours it comes from.

Source: Knock docs, "Outbound webhooks" and "Webhook event types".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from domain.kit.answers import Moment, Out
from domain.kit.authored import ResourceType
from domain.kit.json_types import JsonObject
from domain.messages.events import MessageEventType
from domain.recipients.refs import RecipientRef
from domain.runs.events import ERRORS, MAY_FAIL, RunEventStatus, RunEventType

RUN_STARTED = "workflow_recipient_run.started"
RUN_COMPLETED = "workflow_recipient_run.completed"
RUN_ERROR = "workflow_recipient_run.error"
# Asked for by an operator, and told whatever the endpoint has subscribed to.
TEST = "webhook.test"

# Knock tells of every change of a message but these, with which each begins or which is its end in
# a sandbox.
_NOT_TOLD = {MessageEventType.CREATED, MessageEventType.QUEUED, MessageEventType.NOT_SENT}
_OF_MESSAGES = tuple(kind.value for kind in MessageEventType if kind not in _NOT_TOLD)
_OF_RUNS: dict[str, frozenset[RunEventType]] = {
    RUN_STARTED: frozenset({RunEventType.RUN_STARTED}),
    # A run that was halted is completed too, with errors.
    RUN_COMPLETED: frozenset({RunEventType.RUN_COMPLETED, RunEventType.RUN_HALTED}),
    RUN_ERROR: ERRORS | MAY_FAIL,
}
_CONTENT = (
    ResourceType.WORKFLOW,
    ResourceType.EMAIL_LAYOUT,
    ResourceType.TRANSLATION,
    ResourceType.PARTIAL,
)
_OF_CONTENT = tuple(f"{kind}.{change}" for kind in _CONTENT for change in ("updated", "committed"))

# What sources do for events takes effect where it is saved: nothing is committed.
SOURCE_ACTION_UPDATED = "source_event_action.updated"

EVENT_TYPES: tuple[str, ...] = (
    *_OF_MESSAGES,
    *_OF_RUNS,
    *_OF_CONTENT,
    SOURCE_ACTION_UPDATED,
)


def heard_of(event_types: Iterable[str]) -> frozenset[str]:
    """Return the events of messages and runs that some types of webhook events come from.

    Those of content come from no such event: whoever changes it tells them.
    """
    found: set[str] = set()
    for event_type in event_types:
        if event_type in _OF_MESSAGES:
            found.add(event_type)
        found.update(_OF_RUNS.get(event_type, ()))
    return frozenset(found)


def told_of(event: str, status: str = RunEventStatus.OK) -> Iterator[str]:
    """Yield the types that an event of a message or a run is told as.

    Args:
        event: a `MessageEventType` or a `RunEventType`.
        status: of a run event.
    """
    if event in _OF_MESSAGES:
        yield event
    for event_type, sources in _OF_RUNS.items():
        if event in sources and (event_type != RUN_ERROR or status == RunEventStatus.ERROR):
            yield event_type


class WebhookBodyOut(Out):
    """The body of every request to an endpoint."""

    typename: Annotated[Literal["Event"], Field(alias="__typename")] = "Event"
    type: str
    created_at: Moment
    data: Any = Field(description="The message, run or piece of content that the event is about.")
    event_data: dict[str, Any] | None

    @classmethod
    def of(cls, event_type: str, at: datetime, data: Any, more: JsonObject | None = None) -> Self:
        """Write a body.

        Args:
            event_type: what happened.
            at: when.
            data: a shape, or JSON.
            more: what else is told of the event itself.
        """
        told = {"__typename": "EventData", **more} if more else None
        return cls(type=event_type, created_at=at, data=data, event_data=told)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """Something that endpoints are told of; the fields are columns of `webhook_events`.

    Attributes:
        body: what is sent, the same bytes at every attempt, in UTF-8.
        collection, recipient_id: whom it is about, so that it goes with them.
        happened_at: as the event itself tells it.
    """

    id: UUID
    environment_id: UUID
    event_type: str
    body: str
    collection: str | None
    recipient_id: str | None
    happened_at: datetime

    @classmethod
    def written(
        cls, body: WebhookBodyOut, *, id: UUID, environment_id: UUID, about: RecipientRef | None
    ) -> Self:
        """Make an event of its body."""
        return cls(
            id=id,
            environment_id=environment_id,
            event_type=body.type,
            body=body.model_dump_json(),
            collection=about.collection if about else None,
            recipient_id=about.id if about else None,
            happened_at=body.created_at,
        )
