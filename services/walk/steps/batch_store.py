"""Where the batch step keeps its batches: what it asks of them, and the ones in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.batches.gathered import Gathered
from domain.batches.rows import Batch, BatchItem
from domain.kit.json_types import JsonObject
from models.queries.batches import items, membership
from services.batches.gathering import load_gathered
from services.batches.joining import Joined, join
from services.batches.windows import seal
from services.walk.context import Walk


class Batches(Protocol):
    """Batches, as the steps of a walk join and carry them."""

    async def join(self, walk: Walk, new: Batch, item: BatchItem, end: datetime) -> Joined:
        """Put an item into the open batch of its identity, or into the new one."""
        ...

    async def take(self, walk: Walk, batch_id: UUID, now: datetime) -> Batch | None:
        """Return a batch for its carrier, closed if its time has come; None when it is gone."""
        ...

    async def note_resumed(self, walk: Walk, batch: Batch) -> None:
        """Note that the carrier of a closed batch goes on."""
        ...

    async def has_own(self, walk: Walk, batch: Batch) -> bool:
        """Tell whether the item of the carrier is among those of its batch, and was not removed."""
        ...

    async def combined(self, walk: Walk, batch: Batch) -> JsonObject:
        """Return what the data of all items makes together, to be laid over the carrier's."""
        ...

    async def gathered(self, walk: Walk, record: JsonObject) -> Gathered:
        """Return the items that are rendered; `record` is a `batched_record`."""
        ...


class StoredBatches:
    """The batches in the database: each is joined, closed and carried under its row's lock."""

    async def join(self, walk: Walk, new: Batch, item: BatchItem, end: datetime) -> Joined:
        """Put an item into the open batch of its identity, or into the new one."""
        return await join(walk.unit, walk.configuration, new, item, end)

    async def take(self, walk: Walk, batch_id: UUID, now: datetime) -> Batch | None:
        """Lock a batch for its carrier, and close it if its time has come."""
        connection, environment_id = walk.unit.connection, walk.run.environment_id
        batch = await membership.lock_batch(connection, environment_id, batch_id)
        if batch is not None and batch.closed_at is None and batch.window.is_over(now):
            # Nobody else has closed it, although its time has come.
            await seal(walk.unit, batch, walk.configuration)
            batch = await membership.lock_batch(connection, environment_id, batch_id)
        return batch

    async def note_resumed(self, walk: Walk, batch: Batch) -> None:
        """Note that the carrier of a closed batch goes on."""
        await membership.note_resumed(walk.unit.connection, batch.id, now=walk.unit.now)

    async def has_own(self, walk: Walk, batch: Batch) -> bool:
        """Tell whether the item of the carrier is among those of its batch, and was not removed."""
        connection, run = walk.unit.connection, walk.run
        return await items.is_in_batch(
            connection, run.environment_id, batch.id, run.workflow_run_id
        )

    async def combined(self, walk: Walk, batch: Batch) -> JsonObject:
        """Return what the data of all items makes together, to be laid over the carrier's."""
        environment_id = walk.run.environment_id
        return await items.combined_data(walk.unit.connection, environment_id, batch.id)

    async def gathered(self, walk: Walk, record: JsonObject) -> Gathered:
        """Load the items that are rendered."""
        return await load_gathered(walk.unit.connection, walk.run.environment_id, record)
