"""How an item finds its batch: it joins the open one, or opens the next.

All of it happens in the transaction of the walk that brings the item, under the lock of the batch's
row: an item is in one batch or, when that transaction ends otherwise, in none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from domain.batches.rows import Batch, BatchItem
from domain.batches.windows import joined_window
from models.queries.batches import membership
from services.batches.windows import seal, tell_window
from services.content.catalog import Configuration
from services.engine import Unit


@dataclass(frozen=True, slots=True)
class Joined:
    """Where an item has ended up.

    Attributes:
        batch: as it is with the item; of one that has closed at once, as it was until then.
        is_new: whether the item opened it.
        is_member: False for an item that goes through at once.
    """

    batch: Batch
    is_new: bool
    is_member: bool = True


async def join(
    unit: Unit, configuration: Configuration, new: Batch, item: BatchItem, end: datetime
) -> Joined:
    """Put an item into the open batch of its identity, or into a new one.

    Args:
        unit: the walk's transaction, which holds the lock of the item's run.
        configuration: what is published now.
        new: the batch to open if none takes the item; without a carrier if its first item goes
            through at once.
        item: names the new batch as its own; corrected if it joins another.
        end: when the item's own settings let a window end.
    """
    while True:
        batch = await membership.lock_open_batch(unit.connection, new.environment_id, new.identity)
        if batch is not None and batch.window.takes(unit.now):
            return await _join(unit, configuration, batch, item, end)
        if batch is not None:
            # Its time has come, and nobody has closed it yet: this item is the next one's.
            await seal(unit, batch, configuration)
        if await membership.open_batch(unit.connection, new):
            return await _opened(unit, new, item)


async def _opened(unit: Unit, batch: Batch, item: BatchItem) -> Joined:
    await tell_window(unit, batch, batch.closes_at.timestamp())
    if batch.carrier_run_id is None:
        return Joined(batch, is_new=True, is_member=False)
    await membership.join_batch(unit.connection, item, batch.window, batch.carrier_run_id)
    return Joined(batch, is_new=True)


async def _join(
    unit: Unit, configuration: Configuration, batch: Batch, item: BatchItem, end: datetime
) -> Joined:
    window = joined_window(batch.window, end)
    carrier = batch.carrier_run_id
    if carrier is None or not await membership.is_run_open(unit.connection, carrier):
        # Nobody waits for it: all others went through at once, or were ended from outside.
        carrier = item.recipient_run_id
    item = replace(item, batch_id=batch.id)
    await membership.join_batch(unit.connection, item, window, carrier)
    joined = replace(
        batch,
        closes_at=window.closes_at,
        item_count=window.item_count,
        carrier_run_id=carrier,
    )
    if window.is_over(unit.now):
        await seal(unit, joined, configuration)
        await tell_window(unit, joined, unit.now.timestamp())
    elif window.closes_at < batch.closes_at:
        await tell_window(unit, joined, window.closes_at.timestamp())
    return Joined(joined, is_new=False)
