"""The batches of a world that nobody stores: joined and carried by the rules of real ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from domain.batches.gathered import Actor, Contribution, Gathered, some_actors
from domain.batches.rows import Batch, BatchItem
from domain.batches.windows import joined_window
from domain.kit.json_types import JsonObject
from domain.recipients.recipients import Recipient
from services.batches.joining import Joined
from services.walk.context import Walk
from services.what_if.walks import rehearsed


@dataclass(frozen=True, slots=True)
class _Held:
    """An item, with what is rendered of it: all its data, and its actor."""

    item: BatchItem
    data: JsonObject
    actor: Recipient | None


class RehearsedBatches:
    """Keeps batches in memory.

    Args:
        wake: called with a carrier's run and the instant at which its batch closes, as that stands.
        is_over: tells whether a run has ended.
    """

    def __init__(
        self, *, wake: Callable[[UUID, datetime], None], is_over: Callable[[UUID], bool]
    ) -> None:
        self._wake = wake
        self._is_over = is_over
        self._open: dict[bytes, UUID] = {}
        self._batches: dict[UUID, Batch] = {}
        self._items: dict[UUID, list[_Held]] = {}

    async def join(self, walk: Walk, new: Batch, item: BatchItem, end: datetime) -> Joined:
        """Put an item into the open batch of its identity, or into the new one."""
        now = walk.unit.now
        held = _Held(
            item,
            {name: each for name, each in walk.run.data.items() if name != "attachments"},
            rehearsed(walk).actor,
        )
        known = self._open.get(new.identity)
        batch = self._batches[known] if known is not None else None
        if batch is not None and not batch.window.takes(now):
            self._close(batch, now)
            batch = None
        if batch is None:
            self._batches[new.id], self._open[new.identity] = new, new.id
            is_member = new.carrier_run_id is not None
            self._items[new.id] = [held] if is_member else []
            return Joined(new, is_new=True, is_member=is_member)
        window, carrier = joined_window(batch.window, end), batch.carrier_run_id
        if carrier is None or self._is_over(carrier):
            carrier = walk.run.id
        joined = replace(
            batch,
            closes_at=window.closes_at,
            item_count=window.item_count,
            carrier_run_id=carrier,
        )
        self._batches[batch.id] = joined
        self._items[batch.id].append(held)
        if window.is_over(now):
            self._close(joined, now)
            self._wake(carrier, now)
        elif carrier != walk.run.id and window.closes_at != batch.closes_at:
            self._wake(carrier, window.closes_at)
        return Joined(joined, is_new=False)

    async def take(self, walk: Walk, batch_id: UUID, now: datetime) -> Batch | None:
        """Return a batch for its carrier, closed if its time has come."""
        batch = self._batches.get(batch_id)
        if batch is not None and batch.closed_at is None and batch.window.is_over(now):
            self._close(batch, now)
        return self._batches.get(batch_id)

    def _close(self, batch: Batch, now: datetime) -> None:
        items = self._items[batch.id]
        self._batches[batch.id] = replace(
            batch,
            closed_at=now,
            total_activities=len(items),
            total_actors=len({each.item.actor for each in items if each.item.actor is not None}),
        )
        self._open.pop(batch.identity, None)

    async def note_resumed(self, walk: Walk, batch: Batch) -> None:
        """Note nothing: nobody looks after this world."""

    async def has_own(self, walk: Walk, batch: Batch) -> bool:
        """Say yes: nothing is cancelled in this world."""
        return True

    async def combined(self, walk: Walk, batch: Batch) -> JsonObject:
        """Return what the kept data of all items makes together: of equal keys the last one's."""
        combined: JsonObject = {}
        for each in self._in_order(batch.id):
            combined.update(each.item.data)
        return combined

    async def gathered(self, walk: Walk, record: JsonObject) -> Gathered:
        """Return the items that are rendered, oldest first."""
        batch_id, limit = UUID(record["batch_id"]), record["rendered"]
        items = self._in_order(batch_id)
        contributions = [
            Contribution(
                id=each.item.workflow_run_id,
                data=each.data,
                actor_ref=each.item.actor,
                actor=each.actor,
                inserted_at=each.item.inserted_at,
            )
            for each in items
        ]
        people = {each.item.actor: each.actor for each in items}
        actors = some_actors([each.item.actor for each in items], limit=limit, last=record["last"])
        return Gathered(
            batch_id=batch_id,
            contributions=contributions[-limit:] if record["last"] else contributions[:limit],
            first=contributions[0] if contributions else None,
            actors=[Actor(ref, people[ref]) for ref in actors],
            is_last=record["last"],
            total_activities=record["total_activities"],
            total_actors=record["total_actors"],
        )

    def _in_order(self, batch_id: UUID) -> list[_Held]:
        return sorted(self._items[batch_id], key=lambda each: each.item.workflow_run_id)
