"""Wire shapes of messages, their events, delivery logs and activities."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from api.kit.shapes import LeftOut, Moment, Out
from api.knock.common import Reference, reference
from api.knock.recipients.schemas import RecipientOut, recipient_out
from domain.batches.gathered import Contribution
from domain.kit.ids import activity_id
from domain.kit.json_types import JsonObject
from domain.messages.messages import (
    BaseMessage,
    DeliveryAttempt,
    Engaged,
    Message,
    MessageEvent,
    MessageSource,
)
from domain.messages.statuses import ENGAGEMENT_COLUMNS, DeliveryStatus, EngagementStatus
from services.messages.messages import TriggerActivity


class ChannelOut(Out):
    """The channel of a message."""

    id: UUID
    key: str | None
    name: str | None
    provider: str
    type: str
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, message: Message) -> Self | None:
        """Write the channel of a message; None when it is gone."""
        if message.channel_key is None:
            return None
        return cls(
            id=message.channel_id,
            key=message.channel_key,
            name=message.channel_name,
            provider=message.channel_provider,
            type=message.channel_type,
            created_at=message.channel_inserted_at,
            updated_at=message.channel_updated_at,
        )


class SourceOut(Out):
    """The workflow, broadcast or guide that made a message."""

    typename: Annotated[Literal["NotificationSource"], Field(alias="__typename")] = (
        "NotificationSource"
    )
    type: MessageSource
    key: str
    version_id: UUID
    categories: list[str]
    step_ref: str | None
    workflow_run_id: UUID | None
    workflow_recipient_run_id: UUID | None

    @classmethod
    def of(cls, message: Message) -> Self:
        """Write the source of a message."""
        return cls(
            type=MessageSource(message.source_type),
            key=message.workflow_key,
            version_id=message.version_id,
            categories=message.categories,
            step_ref=message.step_ref,
            workflow_run_id=message.workflow_run_id,
            workflow_recipient_run_id=message.recipient_run_id,
        )


class EngagementOut(Out):
    """When a recipient did what with a message; `clicked_at` is the older name of a click."""

    seen_at: Moment | None
    read_at: Moment | None
    interacted_at: Moment | None
    link_clicked_at: Moment | None
    clicked_at: Moment | None = Field(deprecated=True)
    archived_at: Moment | None


class MessageOut(EngagementOut):
    """A notification for one recipient on one channel."""

    typename: Annotated[Literal["Message"], Field(alias="__typename")] = "Message"
    id: UUID
    channel_id: UUID = Field(deprecated=True)
    channel: LeftOut[ChannelOut] = Field(None, description="Missing when the channel is gone.")
    status: DeliveryStatus
    engagement_statuses: list[EngagementStatus]
    recipient: Reference
    actors: list[Reference]
    tenant: str | None
    workflow: str | None = Field(deprecated=True)
    source: SourceOut
    data: dict[str, Any] | None
    metadata: dict[str, Any] | None
    recipient_snapshot: dict[str, Any] | None
    scheduled_at: Moment | None
    inserted_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, message: Message) -> Self:
        """Write a message."""
        return cls(
            id=message.id,
            channel_id=message.channel_id,
            channel=ChannelOut.of(message),
            status=DeliveryStatus(message.delivery_status),
            engagement_statuses=message.engagement_statuses,
            recipient=reference(message.recipient),
            actors=[reference(actor) for actor in message.actor_refs],
            tenant=message.tenant_id,
            workflow=message.workflow_key,
            source=SourceOut.of(message),
            data=message.data,
            metadata=message.provider_metadata,
            recipient_snapshot=message.recipient_snapshot,
            **engagement_times(message),
            scheduled_at=message.scheduled_at,
            inserted_at=message.inserted_at,
            updated_at=message.updated_at,
        )


class EventOut(Out):
    """One change of a message's status."""

    typename: Annotated[Literal["MessageEvent"], Field(alias="__typename")] = "MessageEvent"
    id: UUID
    type: str = Field(examples=["message.seen"])
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


class DeliveryLogOut(Out):
    """One call of a provider, with secrets redacted; the response is empty when none came."""

    typename: Annotated[Literal["MessageDeliveryLog"], Field(alias="__typename")] = (
        "MessageDeliveryLog"
    )
    id: UUID
    environment_id: UUID
    service_name: str
    request: dict[str, Any]
    response: dict[str, Any]
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
    recipient: LeftOut[RecipientOut] = Field(None, description="Missing when it was deleted.")
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


def engagement_times(message: Engaged) -> dict[str, datetime | None]:
    """Return the members of `EngagementOut`."""
    times = {column: getattr(message, column) for column in ENGAGEMENT_COLUMNS.values()}
    return {**times, "clicked_at": message.link_clicked_at}
