"""What can happen to a message, and how it is told.

Source: Knock docs, "Message statuses"; API reference, `GET /v1/messages/{id}/events`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.kit.ids import first_event_id, new_id
from domain.kit.json_types import JsonObject


class MessageEventType(StrEnum):
    """Names of message events: one for each status, and for each end of an engagement."""

    CREATED = "message.created"
    QUEUED = "message.queued"
    SENT = "message.sent"
    NOT_SENT = "message.not_sent"
    DELIVERED = "message.delivered"
    DELIVERY_ATTEMPTED = "message.delivery_attempted"
    UNDELIVERED = "message.undelivered"
    BOUNCED = "message.bounced"
    SEEN = "message.seen"
    UNSEEN = "message.unseen"
    READ = "message.read"
    UNREAD = "message.unread"
    ARCHIVED = "message.archived"
    UNARCHIVED = "message.unarchived"
    INTERACTED = "message.interacted"
    LINK_CLICKED = "message.link_clicked"

    @classmethod
    def of(cls, status: str) -> MessageEventType:
        """Return the event of a delivery status or an engagement, which share their names."""
        return cls(f"message.{status}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessageEvent:
    """One event on its way to be stored, handed on, or both.

    Attributes:
        id: sorts events of one message in the order in which they happened.
        at: when it happened.
        data: what else is told of it, such as why a message was not delivered.
    """

    message_id: UUID
    type: MessageEventType
    at: datetime
    data: JsonObject | None = None
    id: UUID = field(default_factory=new_id)


def first_events(
    message_id: UUID, made_at: datetime, *, at_once: bool
) -> tuple[NewMessageEvent, ...]:
    """Return the events that a message's row stands for, oldest first; they are never stored.

    Every message was created and queued; an item of a feed was delivered with that, unless it had
    to wait for its send window.

    Args:
        message_id: which message.
        made_at: when it was made.
        at_once: whether it was delivered as it was made.
    """
    types = [MessageEventType.CREATED, MessageEventType.QUEUED]
    if at_once:
        types.append(MessageEventType.DELIVERED)
    return tuple(
        NewMessageEvent(
            message_id=message_id, type=kind, at=made_at, id=first_event_id(message_id, number)
        )
        for number, kind in enumerate(types)
    )
