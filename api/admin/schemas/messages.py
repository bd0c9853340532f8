"""Wire shapes of messages that wait."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from domain.deliveries.claims import MovedDelivery
from domain.kit.answers import Moment, Out


class MovedOut(Out):
    """When a message is sent, and when it would have been."""

    message_id: UUID
    due_at: Moment
    was_due_at: Moment

    @classmethod
    def of(cls, moved: MovedDelivery) -> Self:
        """Write what was moved."""
        return cls(message_id=moved.id, due_at=moved.due_at, was_due_at=moved.was_due_at)
