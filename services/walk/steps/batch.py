"""The batch step: an item joins a batch; one run carries it, waits, and goes on with all items."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.batches.rows import Batch, BatchItem
from domain.batches.windows import opened_window
from domain.content.workflow import WORKFLOW
from domain.contract.runs import AwaitBatch
from domain.kit.clock import iso
from domain.kit.ids import batch_id, batch_identity
from domain.kit.json_types import JsonObject
from domain.kit.liquid import has_liquid
from domain.kit.storable import storable_json, storable_text
from domain.messages.kept_data import kept_data
from domain.runs.events import RunEventType
from domain.workflows.steps.batch import (
    BatchStep,
    ExecutionMode,
    Order,
    VersionMode,
    decide_end,
    key_at_path,
)
from services.batches.gathering import batched_record
from services.batches.joining import Joined
from services.walk.context import Walk
from services.walk.faults import blaming
from services.walk.moves import NOT_MET, Done, Halted, Move, StepEvent, Waiting, Woken, skip
from services.walk.steps.batch_store import Batches
from services.walk.texts import render_settings

# How much of a key people see; the whole of it is in the batch's identity.
_SHOWN = 1_000


class BatchExecutor:
    """Puts a run's item into a batch (Knock docs: "Batch function").

    Args:
        batches: where they are kept.
    """

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    async def arrive(self, walk: Walk, step: BatchStep) -> Move:
        """Join the open batch, or open one.

        Raises:
            ContentError: conditions or key cannot be judged. The item is in no batch then.
        """
        if not await walk.allows(step):
            return skip(step, NOT_MET)
        with blaming("content"):
            target = decide_end(step.settings, walk.scope(), walk.unit.now, walk.zone)
        if target.at is None:
            # An unusable dynamic value is logged as an error although the run goes on (Knock docs).
            return skip(step, str(target.problem), failed=True)
        if target.at <= walk.unit.now:
            return skip(step, "there is nothing to wait for")
        key = await _key(walk, step)
        new = _new_batch(walk, step, key, target.at)
        item = _item(walk, step, new.id)
        # Nothing below may fail the step: the item is in its batch.
        joined = await self._batches.join(walk, new, item, target.at)
        return _taken(walk, step, joined)

    async def resume(self, walk: Walk, step: BatchStep, kept: JsonObject, woken: Woken) -> Move:
        """Go on with all items, if the batch has closed; else wait on."""
        batch = await self._batches.take(walk, UUID(kept["batch_id"]), woken.at)
        if batch is None:
            return Halted(story=f"`{step.ref}`: its batch is gone", reason="batch_missing")
        if batch.closed_at is None:
            return _waits(step, batch, None)
        await self._batches.note_resumed(walk, batch)
        closed = StepEvent(
            RunEventType.BATCH_CLOSED, {"total_activities": batch.total_activities or 0}
        )
        if not batch.total_activities:
            return Halted(
                story=f"`{step.ref}`: no items are left in the batch",
                event=closed,
                reason="batch_empty",
            )
        return await self._go_on(walk, step, batch, closed)

    async def _go_on(self, walk: Walk, step: BatchStep, batch: Batch, closed: StepEvent) -> Move:
        """Let the run go on with all items, on the version settled when the batch closed."""
        unit, run, settings = walk.unit, walk.run, step.settings
        has_own = await self._batches.has_own(walk, batch)
        record = batched_record(
            batch.id,
            limit=settings.batch_items_render_limit,
            last=settings.batch_order is Order.LAST,
            total_activities=batch.total_activities or 0,
            total_actors=batch.total_actors or 0,
            has_own=has_own,
        )
        combined = await self._batches.combined(walk, batch)
        if not has_own:
            # Its own item was cancelled: what it carried must not come through.
            combined = {**dict.fromkeys(run.data), **combined}
        await walk.carry(await self._batches.gathered(walk, record))
        if batch.version_id is not None and batch.version_id != run.version_id:
            newest = await unit.engine.catalog.compiled(unit.connection, WORKFLOW, batch.version_id)
            walk.go_on_with(newest, batch.version_id, step)
        return Done(
            outcome="batched",
            story=f"`{step.ref}` has gathered {batch.total_activities}",
            event=closed,
            record=record,
            patch=combined,
        )


async def _key(walk: Walk, step: BatchStep) -> str:
    """Return the text that tells what belongs together; empty when all does.

    Raises:
        ContentError: its Liquid is broken.
    """
    source = step.settings.batch_key
    if source is None:
        return ""
    if not has_liquid(source):
        with blaming("content"):
            return storable_text(key_at_path(source, walk.scope()))

    text = await render_settings(walk, [source], lambda out: out.text(source, "batch_key"))
    return text.strip()


def _new_batch(walk: Walk, step: BatchStep, key: str, end: datetime) -> Batch:
    """Return the batch that this run opens if there is none that takes its item."""
    run, settings, now = walk.run, step.settings, walk.unit.now
    # A test run goes on with what it tries, which may be published nowhere.
    is_latest = settings.workflow_version_mode is VersionMode.LATEST and not run.takes_saved
    flushes = settings.batch_execution_mode is ExecutionMode.FLUSH_LEADING
    window = opened_window(
        end,
        now,
        limit=settings.batch_window_extension_limit if settings.is_sliding else None,
        max_items=settings.batch_items_max_limit,
        item_count=0 if flushes else 1,
    )
    identity = batch_identity(
        str(run.scope.content_id),
        walk.definition.key,
        "" if is_latest else str(run.version_id),
        step.ref,
        run.ref.gid,
        run.trial,
        key,
    )
    return Batch(
        id=batch_id(run.id, step.ref, now),
        environment_id=run.environment_id,
        branch_id=run.branch_id,
        workflow_key=walk.definition.key,
        step_ref=step.ref,
        collection=run.ref.collection,
        recipient_id=run.ref.id,
        identity=identity,
        batch_key=key[:_SHOWN],
        is_latest=is_latest,
        leader_run_id=run.id,
        carrier_run_id=None if flushes else run.id,
        opened_at=now,
        closes_at=window.closes_at,
        extends_to=window.extends_to,
        max_items=window.max_items,
        item_count=window.item_count,
    )


def _item(walk: Walk, step: BatchStep, batch: UUID) -> BatchItem:
    run = walk.run
    return BatchItem(
        batch_id=batch,
        recipient_run_id=run.id,
        step_ref=step.ref,
        environment_id=run.environment_id,
        workflow_run_id=run.workflow_run_id,
        workflow_key=walk.definition.key,
        cancellation_key=run.cancellation_key,
        actor_collection=run.actor_ref.collection if run.actor_ref else None,
        actor_id=run.actor_ref.id if run.actor_ref else None,
        data=storable_json(kept_data(run.data)),
        inserted_at=run.accepted_at,
    )


def _taken(walk: Walk, step: BatchStep, joined: Joined) -> Move:
    """Say what becomes of a run whose item has found its batch."""
    batch = joined.batch
    told: JsonObject = {"batch_id": str(batch.id), "closing_at": iso(batch.closes_at)}
    if step.settings.batch_key is not None:
        # A key that came to nothing gathers everything of the recipient, which is seldom meant.
        told["batch_key"] = batch.batch_key or None
    if not joined.is_member:
        return Done(
            story=f"`{step.ref}` lets the first item through",
            event=StepEvent(RunEventType.BATCH_FLUSHED, told),
            record={"led": str(batch.id)},
        )
    told["carrier_run_id"] = str(batch.carrier_run_id)
    event = RunEventType.BATCH_OPENED if joined.is_new else RunEventType.BATCH_JOINED
    if batch.carrier_run_id == walk.run.id:
        return _waits(step, batch, StepEvent(event, told))
    return Halted(
        story=f"`{step.ref}`: its item joined an open batch",
        event=StepEvent(event, told),
        reason="batched",
        record={"joined": str(batch.id)},
    )


def _waits(step: BatchStep, batch: Batch, event: StepEvent | None) -> Move:
    until = iso(batch.closes_at)
    return Waiting(
        story=f"`{step.ref}` gathers until {until}",
        event=event,
        record={"batch_id": str(batch.id)},
        directive=AwaitBatch(
            str(batch.id), batch.closes_at.timestamp(), f"{step.ref}: gathers until {until}"
        ),
    )
