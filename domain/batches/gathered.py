"""What a run sees of the batch that it carried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.recipients.recipients import Recipient
from domain.recipients.refs import RecipientRef


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one trigger contributed.

    Attributes:
        id: of the trigger.
        data: what it carried for the recipient.
        actor_ref: who caused it, if that was said.
        actor: the same as it is stored; None when it is not.
        inserted_at: when it was accepted.
    """

    id: UUID
    data: JsonObject
    actor_ref: RecipientRef | None
    actor: Recipient | None
    inserted_at: datetime


@dataclass(frozen=True, slots=True)
class Gathered:
    """The items of a closed batch.

    Attributes:
        batch_id: which batch.
        contributions: those that are rendered, oldest first.
        total_activities: how many there are in all.
        total_actors: how many people caused them.
    """

    batch_id: UUID
    contributions: Sequence[Contribution]
    total_activities: int
    total_actors: int

    def actors(self) -> list[Contribution]:
        """Return the first contribution of each actor among those that are rendered."""
        first: dict[RecipientRef, Contribution] = {}
        for each in self.contributions:
            if each.actor_ref is not None:
                first.setdefault(each.actor_ref, each)
        return list(first.values())
