"""Wire shapes of messages, their events, delivery logs and activities."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from api.knock.recipients.schemas import RecipientOut, recipient_out
from domain.batches.gathered import Contribution
from domain.kit.answers import LeftOut, Moment, Out
from domain.kit.ids import activity_id
from domain.kit.json_types import JsonObject
from domain.kit.shapes import DocumentedAs, Shape
from domain.messages.answers import EngagementOut, MessageOut, engagement_times
from domain.messages.events import MessageEventType
from domain.messages.messages import BaseMessage, DeliveryAttempt, Message, MessageEvent
from domain.recipients.answers import Reference, reference
from services.messages.messages import TriggerActivity

__all__ = [
    "ActivityOut",
    "DeliveryLogOut",
    "EngagementOut",
    "EventOut",
    "MessageOut",
    "engagement_times",
]


class EventOut(Out):
    """One change of a message's status."""

    typename: Annotated[Literal["MessageEvent"], Field(alias="__typename")] = "MessageEvent"
    id: UUID
    type: Annotated[str, DocumentedAs(MessageEventType)] = Field(examples=["message.seen"])
    recipient: Reference
    data: dict[str, Any] | None
    inserted_at: Moment

    @classmethod
    def of(cls, message: Message, event: MessageEvent) -> Self:
        """Write an event of a message."""
        return cls(
            id=event.id,
            type=event.event_type,
            recipient=reference(message.recipient),
            data=event.data,
            inserted_at=event.inserted_at,
        )


class ProviderRequest(Shape):
    """A request to a provider."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] | None = None
    host: str | None = None
    path: str | None = None
    query: str | None = None
    headers: dict[str, Any] | None = None
    body: Any = Field(None, description="An object if it was JSON, otherwise text.")


class ProviderResponse(Shape):
    """What a provider answered; empty when nothing came."""

    status: int | None = None
    headers: dict[str, Any] | None = None
    body: Any = Field(None, description="An object if it was JSON, otherwise text.")


class DeliveryLogOut(Out):
    """One call of a provider, with secrets redacted; the response is empty when none came."""

    typename: Annotated[Literal["MessageDeliveryLog"], Field(alias="__typename")] = (
        "MessageDeliveryLog"
    )
    id: UUID
    environment_id: UUID
    service_name: str
    request: Annotated[dict[str, Any], DocumentedAs(ProviderRequest)]
    response: Annotated[dict[str, Any], DocumentedAs(ProviderResponse)]
    inserted_at: Moment

    @classmethod
    def of(cls, attempt: DeliveryAttempt) -> Self:
        """Write a delivery attempt."""
        return cls(
            id=attempt.id,
            environment_id=attempt.environment_id,
            service_name=attempt.service_name,
            request=attempt.request,
            response=attempt.response or {},
            inserted_at=attempt.inserted_at,
        )


class ActivityOut(Out):
    """One trigger as the recipient sees it."""

    typename: Annotated[Literal["Activity"], Field(alias="__typename")] = "Activity"
    id: UUID
    actor: RecipientOut | None
    recipient: LeftOut[RecipientOut] = Field(None, description="Missing if it was deleted.")
    data: dict[str, Any]
    inserted_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, found: TriggerActivity) -> Self:
        """Write what one trigger contributed to a message."""
        return cls.made_by(
            found.message,
            found.data,
            actor=recipient_out(found.actor) if found.actor else None,
            recipient=recipient_out(found.recipient) if found.recipient else None,
            item=found.item,
        )

    @classmethod
    def made_by(
        cls,
        message: BaseMessage,
        data: JsonObject,
        *,
        actor: RecipientOut | None,
        recipient: RecipientOut | None,
        item: Contribution | None = None,
    ) -> Self:
        """Write an activity of people who are written already: a feed repeats them.

        Args:
            message: what the trigger made.
            data: what it carried for the recipient.
            actor: who caused it, if still stored.
            recipient: whom the message is for, if still stored.
            item: which one of a batch it is; None for the only one.
        """
        made_at = item.inserted_at if item else message.inserted_at
        return cls(
            id=activity_id(message.id, item.id if item else None),
            actor=actor,
            recipient=recipient,
            data=data,
            inserted_at=made_at,
            updated_at=made_at,
        )
