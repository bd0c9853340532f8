"""How windows close: when their time has come, when they are full, or when somebody says so.

Closing is one transaction: it takes the batch's lock, settles the version that goes on, counts the
items, and owes its carrier a word. Whoever finds the batch closed does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from domain.batches.rows import Batch, ClosedBatch, OverdueBatch
from domain.content.workflow import WORKFLOW
from domain.contract.timers import BatchWindowInput, WindowState
from domain.runs.rows import RunInTemporal
from domain.workflows.steps.batch import BatchStep, VersionMode
from models.queries.batches import membership, windows
from models.queries.content.catalog import config_version
from runtime.logs import get_logger
from runtime.temporal import is_unreachable
from services import effect_kinds, effects
from services.batches.succession import carry_on
from services.content.catalog import Configuration
from services.engine import Engine, Unit
from services.in_pages import in_pages
from services.temporal_calls import signal_closed_batch

_log = get_logger(__name__)

# Temporal may be busy, or restart; it is given this long to close a window and to wake a carrier.
_GRACE = timedelta(seconds=30)
_PAGE_SIZE = 100


async def close_window(engine: Engine, order: BatchWindowInput) -> WindowState:
    """Close a window whose time has come.

    Returns:
        That it is closed, by whomever; or its end, which items may have moved.

    Raises:
        Unavailable: the database is away; nothing was done.
    """
    environment_id = UUID(order.environment_id)
    async with engine.unit() as unit:
        batch = await membership.lock_batch(unit.connection, environment_id, UUID(order.batch_id))
        if batch is None or batch.closed_at is not None:
            return WindowState(is_closed=True)
        if not batch.window.is_over(unit.now):
            return WindowState(is_closed=False, closes_at=batch.closes_at.timestamp())
        await seal(unit, batch, await _configuration(unit, batch))
    return WindowState(is_closed=True)


async def close_early(engine: Engine, environment_id: UUID, batch_id: UUID) -> bool:
    """Close a window before its time; tells whether it was open.

    Raises:
        Unavailable: the database is away; nothing was done.
    """
    async with engine.unit() as unit:
        batch = await membership.lock_batch(unit.connection, environment_id, batch_id)
        if batch is None or batch.closed_at is not None:
            return False
        await move_end(unit, batch, unit.now)
    return True


async def move_end(unit: Unit, batch: Batch, at: datetime) -> None:
    """Let the window of an open batch, which is locked, close at another instant, or now.

    Later items still extend a sliding window as its step says, up to that instant or its limit.
    """
    if at <= unit.now:
        await seal(unit, batch, await _configuration(unit, batch))
        await tell_window(unit, batch, unit.now.timestamp())
        return
    await membership.move_window(unit.connection, batch.id, at)
    if at < batch.closes_at:
        await tell_window(unit, batch, at.timestamp())


async def _configuration(unit: Unit, batch: Batch) -> Configuration:
    version = await config_version(unit.connection, batch.environment_id)
    return await unit.engine.catalog.configuration(
        unit.connection, batch.environment_id, version, branch_id=batch.branch_id
    )


async def seal(unit: Unit, batch: Batch, configuration: Configuration) -> None:
    """Close a batch that is locked, and owe its carrier the word.

    Args:
        unit: the transaction that holds the lock.
        batch: as it was when it was locked, or as the transaction has changed it.
        configuration: what is published now.
    """
    version_id = await _version_after(unit, batch, configuration)
    await membership.close_batch(unit.connection, batch.id, version_id=version_id, now=unit.now)
    if batch.carrier_run_id is not None:
        payload = effect_kinds.closed_batch(
            batch.carrier_run_id, batch.id, workflow_key=batch.workflow_key
        )
        await effects.owe(unit, batch.environment_id, effect_kinds.WAKE_CARRIER, payload)


async def tell_window(unit: Unit, batch: Batch, closes_at: float) -> None:
    """Owe the watch over a batch the word that its window closes at an instant."""
    payload = effect_kinds.window_of_batch(
        batch.id, workflow_key=batch.workflow_key, step_ref=batch.step_ref, closes_at=closes_at
    )
    await effects.owe(unit, batch.environment_id, effect_kinds.WATCH_WINDOW, payload)


async def _version_after(unit: Unit, batch: Batch, configuration: Configuration) -> UUID | None:
    """Return the newest version if it still gathers at this step; None means the carrier's own."""
    published = configuration.published(WORKFLOW, batch.workflow_key)
    if not batch.is_latest or published is None or published.version_id is None:
        return None
    newest = await unit.engine.catalog.compiled(unit.connection, WORKFLOW, published.version_id)
    step = newest.program.step(batch.step_ref)
    if not isinstance(step, BatchStep):
        return None
    is_latest = step.settings.workflow_version_mode is VersionMode.LATEST
    return published.version_id if is_latest else None


async def close_left_over_windows(engine: Engine, *, grace: timedelta = _GRACE) -> int:
    """Close windows that Temporal has not closed, and wake carriers that heard no word.

    One that fails keeps no other waiting.

    Args:
        engine: the parts of this process.
        grace: how long after its time a window, or a carrier, counts as left over.

    Returns:
        How many there were.

    Raises:
        Unavailable: the database is away.
    """
    before = engine.clock() - grace
    overdue = await in_pages(
        engine,
        lambda connection, after: windows.overdue_batches(
            connection, before, limit=_PAGE_SIZE, after=after
        ),
        partial(_close_late, engine),
        size=_PAGE_SIZE,
    )
    return overdue + await in_pages(
        engine,
        lambda connection, after: windows.closed_batches(
            connection, before, limit=_PAGE_SIZE, after=after
        ),
        partial(_wake_carriers, engine),
        size=_PAGE_SIZE,
    )


async def _close_late(engine: Engine, overdue: Sequence[OverdueBatch]) -> bool:
    """Close windows that are late; what fails is left to the next sweep."""
    for late in overdue:
        order = BatchWindowInput(str(late.id), str(late.environment_id), 0.0)
        try:
            await close_window(engine, order)
        except Exception as error:
            _log.warning("window_not_closed", batch_id=str(late.id), error=type(error).__name__)
    return True


async def _wake_carriers(engine: Engine, closed: Sequence[ClosedBatch]) -> bool:
    """Wake carriers that heard no word, while Temporal is there; give up who has none any more."""
    abandoned = [
        batch.id for batch in closed if not batch.is_carrier_open and not await _kept(engine, batch)
    ]
    if abandoned:
        async with engine.connection() as connection:
            await windows.note_abandoned(connection, abandoned, now=engine.clock())
    for batch in closed:
        if not batch.is_carrier_open:
            continue
        run = RunInTemporal(
            id=batch.carrier_run_id,
            environment=batch.environment,
            workflow_key=batch.workflow_key,
        )
        try:
            await signal_closed_batch(engine.temporal, run, str(batch.id))
        except Exception as error:
            _log.warning("carrier_not_woken", batch_id=str(batch.id), error=type(error).__name__)
            if is_unreachable(error):
                return False
    return True


async def _kept(engine: Engine, batch: ClosedBatch) -> bool:
    """Let another run carry a batch that lost its carrier; tells whether there is anything to do.

    Other ends, such as a cancel or a recipient who was deleted, are what somebody wanted.
    """
    if not batch.is_lost:
        return False
    if await carry_on(engine, batch.environment_id, batch.id):
        return True
    _log.warning(
        "batch_abandoned",
        batch_id=str(batch.id),
        items=batch.total_activities,
        reason=batch.end_reason,
    )
    return False
