"""What the sweep does for waits: tells what was not told, looks once more, and tidies up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from domain.kit.clock import iso, parse_instant
from domain.kit.ids import FIRST_ID
from domain.waits.rows import UnsettledWait
from domain.workflows.steps.wait_for_event import MAX_WAIT
from models.queries.events.outbox import lock_subscription
from models.queries.jobs import sweep_positions
from models.queries.waits import waits as statements
from models.queries.waits.changes import forget_changes
from services.engine import Engine
from services.events import outbox
from services.in_pages import in_pages
from services.waits.registering import look_once
from services.waits.telling import READER, tell_left_over

_DUTY = "waits"
_IDLE = "waits:idle"
# For how long events of an environment are still handed on after its last wait.
IDLE_FOR = timedelta(minutes=15)
# No transaction of ours lasts longer: what was under way when the wait began has been stored.
_SETTLED_AFTER = timedelta(seconds=75)
_PAGE_SIZE = 1_000


async def look_after_waits(engine: Engine) -> int:
    """Tell of events that nobody told of, look for those missed, and drop waits of ended runs.

    Returns:
        How many waits were settled or dropped.

    Raises:
        Unavailable: the database is away.
    """
    await tell_left_over(engine)
    settled = await _settle(engine)
    forgotten = await _forget_ended(engine)
    async with engine.connection() as connection:
        # What was stored for a wait that ended at the same moment belongs to nobody.
        await forget_changes(connection, engine.clock() - MAX_WAIT - _SETTLED_AFTER)
    await _end_subscriptions(engine)
    return settled + forgotten


async def _settle(engine: Engine) -> int:
    """Look once more for events whose transactions were under way when a wait began."""
    before = engine.clock() - _SETTLED_AFTER
    settled: list[UUID] = []

    async def settle_all(waits: Sequence[UnsettledWait]) -> bool:
        for wait in waits:
            if not await look_once(engine, wait, wait.environment):
                continue
            async with engine.connection() as connection:
                run_id, step_ref = wait.recipient_run_id, wait.step_ref
                await statements.settle_wait(connection, run_id, step_ref, now=engine.clock())
            settled.append(run_id)
        return True

    await in_pages(
        engine,
        lambda connection, after: statements.unsettled_waits(
            connection, before, limit=_PAGE_SIZE, after=after
        ),
        settle_all,
        size=_PAGE_SIZE,
    )
    return len(settled)


async def _forget_ended(engine: Engine) -> int:
    """Drop waits whose runs have ended: some with each sweep, from the first to the last."""
    async with engine.connection() as connection:
        place = await sweep_positions.position(connection, _DUTY)
        after = UUID(place.get("run_id", str(FIRST_ID))), str(place.get("step_ref", ""))
        forgotten, onward = await statements.forget_ended(connection, after=after, limit=_PAGE_SIZE)
        noted = {"run_id": str(onward[0]), "step_ref": onward[1]} if onward else {}
        if noted != place:
            await sweep_positions.note_position(connection, _DUTY, noted)
    return forgotten


async def _end_subscriptions(engine: Engine) -> None:
    """Have no events handed on where nothing has waited for them for a while.

    Where waits are few and short, the next one comes soon.
    """
    async with engine.connection() as connection:
        idle = await statements.idle_environments(connection, READER)
        noted = await sweep_positions.position(connection, _IDLE)
        since = {str(each): noted.get(str(each), iso(engine.clock())) for each in idle}
        if since != noted:
            await sweep_positions.note_position(connection, _IDLE, since)
    before = engine.clock() - IDLE_FOR
    for environment_id in idle:
        idle_since = parse_instant(since[str(environment_id)])
        if idle_since is None or idle_since > before:
            continue
        async with engine.unit() as unit:
            # Whoever registers a wait holds the subscription until its commit; then it is seen.
            await lock_subscription(unit.connection, environment_id, READER)
            if environment_id in await statements.idle_environments(unit.connection, READER):
                await outbox.unsubscribe(unit, environment_id, READER)
