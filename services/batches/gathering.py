"""What a run sees of the batch that it has carried: its items, with their data and their actors."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.batches.gathered import Actor, Contribution, Gathered, some_actors
from domain.batches.rows import BatchItem
from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef
from models.queries.batches import items as statements
from models.queries.recipients.recipients import recipients_by_ref
from runtime.database import Connection

# A trigger may carry 10 MB, and a hundred items are rendered. Beyond these bounds an item shows
# what was kept of its data.
_MOST_OF_ONE = 256 * 1024
_MOST_TOGETHER = 4 * 1024 * 1024


def batched_record(
    batch_id: UUID,
    *,
    limit: int,
    last: bool,
    total_activities: int,
    total_actors: int,
    has_own: bool,
) -> JsonObject:
    """Write what is kept under the ref of a batch step: enough to find the same items again."""
    return {
        "batch_id": str(batch_id),
        "rendered": limit,
        "last": last,
        "total_activities": total_activities,
        "total_actors": total_actors,
        "has_own": has_own,
    }


def newest_record(outcomes: JsonObject) -> JsonObject | None:
    """Return what is kept of the batch that a run has carried last, if it has carried any."""
    records = [each for each in outcomes.values() if each.get("outcome") == "batched"]
    return max(records, key=lambda each: each["n"], default=None)


async def load_gathered(
    connection: Connection, environment_id: UUID, record: JsonObject
) -> Gathered:
    """Load what a record leads to."""
    batch_id, limit, is_last = UUID(record["batch_id"]), record["rendered"], record["last"]
    items = await statements.some_items(
        connection, environment_id, [batch_id], each=limit, last=is_last
    )
    first: list[BatchItem] = []
    if is_last and record["total_activities"] > len(items):
        first = await statements.some_items(connection, environment_id, [batch_id], each=1)
    loaded = await contributions_of(connection, environment_id, [*first, *items])
    contributions = loaded[len(first) :]
    actors = await _actors(connection, environment_id, record, contributions)
    return Gathered(
        batch_id=batch_id,
        contributions=contributions,
        first=loaded[0] if loaded else None,
        actors=actors,
        is_last=is_last,
        total_activities=record["total_activities"],
        total_actors=record["total_actors"],
        has_own=record.get("has_own", True),
    )


async def _actors(
    connection: Connection,
    environment_id: UUID,
    record: JsonObject,
    contributions: Sequence[Contribution],
) -> list[Actor]:
    """Return the first or last different actors of a batch, whichever items are rendered."""
    limit, is_last = record["rendered"], record["last"]
    refs: Sequence[RecipientRef | None] = [each.actor_ref for each in contributions]
    known = {each.actor_ref: each.actor for each in contributions if each.actor_ref is not None}
    # Mostly these are all there are, or as many as there may be.
    if len(known) < min(limit, record["total_actors"]):
        refs = await statements.actors_of(
            connection, environment_id, UUID(record["batch_id"]), limit=limit, last=is_last
        )
        known |= await recipients_by_ref(connection, environment_id, {*refs} - {*known})
    chosen = some_actors(refs, limit=limit, last=is_last)
    return [Actor(ref, known.get(ref)) for ref in chosen]


async def contributions_of(
    connection: Connection,
    environment_id: UUID,
    items: Sequence[BatchItem],
    *,
    each: int = _MOST_OF_ONE,
    together: int = _MOST_TOGETHER,
) -> list[Contribution]:
    """Load the data and the actors of some items, in their order; see `data_of_items`."""
    data = await statements.data_of_items(
        connection, environment_id, items, each=each, together=together
    )
    people = await recipients_by_ref(
        connection, environment_id, {item.actor for item in items if item.actor is not None}
    )
    return [
        Contribution(
            id=item.workflow_run_id,
            data=data.get(item.recipient_run_id, item.data),
            actor_ref=item.actor,
            actor=people.get(item.actor) if item.actor else None,
            inserted_at=item.inserted_at,
        )
        for item in items
    ]
