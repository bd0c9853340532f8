"""Message events have one vocabulary, which statuses and engagements share."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.kit.ids import derived_id, new_id
from domain.messages.engagement import Engagement
from domain.messages.events import MessageEventType, NewMessageEvent, first_events
from domain.messages.statuses import DeliveryStatus, EngagementStatus

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("status", [*DeliveryStatus, *EngagementStatus, *Engagement])
def test_every_status_has_its_event(status: str) -> None:
    """Whatever a message can become, there is an event that tells it."""
    assert MessageEventType.of(status) == f"message.{status}"


@pytest.mark.parametrize("at_once", [False, True])
def test_first_events(*, at_once: bool) -> None:
    """Every message was created and queued; only one of a feed was delivered with that."""
    message_id = derived_id(new_id(), "message")
    told = first_events(message_id, NOW, at_once=at_once)
    types = [event.type for event in told]
    expected = [MessageEventType.CREATED, MessageEventType.QUEUED]
    if at_once:
        expected.append(MessageEventType.DELIVERED)
    assert types == expected
    assert told == first_events(message_id, NOW, at_once=at_once)


def test_first_events_come_first() -> None:
    """What a message's row stands for sorts before every event that is stored of it."""
    message_id = derived_id(new_id(), "message")
    first = first_events(message_id, NOW, at_once=True)
    stored = NewMessageEvent(message_id=message_id, type=MessageEventType.READ, at=NOW)
    ids = [event.id for event in (*first, stored)]
    assert ids == sorted(ids)
