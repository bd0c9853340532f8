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
class Actor:
    """One of those who caused what a batch has gathered; `stored` is None when they are not."""

    ref: RecipientRef
    stored: Recipient | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The items of a closed batch.

    Source: Knock docs, "Batch function", on the variables of a batch.

    Attributes:
        batch_id: which batch.
        contributions: those that are rendered, oldest first.
        first: the oldest of all; None when there is none.
        actors: as many different ones as items may be rendered, see `some_actors`.
        is_last: whether both are the last ones, instead of the first.
        total_activities: how many there are in all.
        total_actors: how many people caused them.
        has_own: whether the item of the run that goes on is among them, and was not cancelled.
    """

    batch_id: UUID
    contributions: Sequence[Contribution]
    first: Contribution | None
    actors: Sequence[Actor]
    is_last: bool
    total_activities: int
    total_actors: int
    has_own: bool = True


def some_actors(
    refs: Sequence[RecipientRef | None], *, limit: int, last: bool
) -> list[RecipientRef]:
    """Return some of the different actors of items, whose order is that of the items.

    Args:
        refs: of each item, oldest first, who caused it.
        limit: how many at most.
        last: those who acted last, by the newest item of each, instead of those who acted first.
    """
    given = [ref for ref in refs if ref is not None]
    if last:
        return [*dict.fromkeys(reversed(given))][:limit][::-1]
    return [*dict.fromkeys(given)][:limit]
