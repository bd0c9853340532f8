"""A message as clients are told of it: by the API, and by webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from domain.channels.types import ChannelType
from domain.kit.answers import LeftOut, Moment, Out
from domain.kit.shapes import DocumentedAs, Shape
from domain.messages.messages import Engaged, Message, MessageSource
from domain.messages.statuses import ENGAGEMENT_COLUMNS, DeliveryStatus, EngagementStatus
from domain.recipients.answers import Reference, reference


class ChannelOut(Out):
    """The channel of a message."""

    id: UUID
    key: str | None
    name: str | None
    provider: str
    type: Annotated[str, DocumentedAs(ChannelType)]
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


class RecipientSnapshot(Shape):
    """What was remembered of the address that a message went to; which, says the channel."""

    name: str | None = None
    email: str | None = None
    phone_number: str | None = None
    token: str | None = Field(None, description="Token of a device.")
    channel_id: str | None = Field(None, description="Id of a Slack or Discord channel.")
    user_id: str | None = Field(None, description="Id of a person in Slack.")
    ms_teams_team_id: str | None = None
    ms_teams_channel_id: str | None = None
    ms_teams_user_id: str | None = None
    via_incoming_webhook: bool | None = None


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
    channel: LeftOut[ChannelOut] = Field(
        None, description="Missing if the channel no longer exists."
    )
    status: DeliveryStatus
    engagement_statuses: list[EngagementStatus]
    recipient: Reference
    actors: list[Reference]
    tenant: str | None
    workflow: str | None = Field(deprecated=True)
    source: SourceOut
    data: dict[str, Any] | None
    metadata: dict[str, Any] | None
    recipient_snapshot: Annotated[dict[str, Any] | None, DocumentedAs(RecipientSnapshot | None)]
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


def engagement_times(message: Engaged) -> dict[str, datetime | None]:
    """Return the members of `EngagementOut`."""
    times = {column: getattr(message, column) for column in ENGAGEMENT_COLUMNS.values()}
    return {**times, "clicked_at": message.link_clicked_at}
