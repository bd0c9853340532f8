"""Take up deliveries whose Temporal workflow was ended or lost before it had made them.

A run whose walk is over is no longer open, so nothing else looks for it in Temporal; but its
message may wait for a send window for days, or be in its attempts. Its row in `deliveries` says
that it is due, and Temporal whether somebody still works on it.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from domain.deliveries.claims import OverdueDelivery
from domain.kit.clock import iso, parse_instant
from domain.kit.json_types import JsonObject
from domain.runs.rows import RunInTemporal
from models.queries.deliveries import deliveries
from models.queries.jobs import sweep_positions
from runtime.logs import get_logger
from runtime.temporal import is_unreachable
from services.at_once import each_that_can, kinds_of
from services.deliveries.retries import deliver_again
from services.engine import Engine
from services.temporal_looks import Presence, look_up_run

_log = get_logger(__name__)

_POSITION = "deliveries"
# Longer than a lease, and than a busy worker takes to begin.
GRACE = timedelta(minutes=3)
_PAGE_SIZE = 200
_CONCURRENCY = 16
_LOOK_SECONDS = 5.0


async def recover_deliveries(engine: Engine, *, grace: timedelta = GRACE) -> int:
    """Start deliveries again that were due long ago and that nobody works on.

    Each sweep looks at the next of them, so that those which only wait for a worker stand before
    no other. Starting one that is under way is harmless: the message is claimed by one of them.

    Args:
        engine: the parts of this process.
        grace: for how long a delivery may be due before it is looked at.

    Returns:
        How many were started.

    Raises:
        RPCError, RuntimeError, TimeoutError: Temporal is away.
    """
    async with engine.connection() as connection:
        noted = await sweep_positions.position(connection, _POSITION)
        due_at = parse_instant(noted.get("due_at"))
        overdue = await deliveries.overdue_deliveries(
            connection,
            grace_seconds=grace.total_seconds(),
            limit=_PAGE_SIZE,
            after=(due_at, UUID(noted["message_id"])) if due_at else None,
        )
    started: list[UUID] = []

    async def look(delivery: OverdueDelivery) -> None:
        async with asyncio.timeout(_LOOK_SECONDS):
            if await _is_worked_on(engine, delivery):
                return
            await deliver_again(engine, delivery)
        started.append(delivery.message_id)
        _log.warning("delivery_taken_up_again", message_id=str(delivery.message_id))

    failures = await each_that_can(overdue, look, at_once=_CONCURRENCY)
    if failures:
        if len(failures) == len(overdue) and is_unreachable(failures[0]):
            raise failures[0]
        _log.warning("deliveries_not_taken_up", count=len(failures), errors=kinds_of(failures))
    place: JsonObject = {}
    if len(overdue) == _PAGE_SIZE:
        last = overdue[-1]
        place = {"due_at": iso(last.due_at), "message_id": str(last.message_id)}
    if noted or place:
        async with engine.connection() as connection:
            await sweep_positions.note_position(connection, _POSITION, place)
    return len(started)


async def _is_worked_on(engine: Engine, delivery: OverdueDelivery) -> bool:
    """Tell whether the run that made a message is still there to deliver it."""
    if delivery.retry > 0 or delivery.recipient_run_id is None:
        return False  # its own Temporal workflow: started again, it is joined if it is there
    run = RunInTemporal(
        id=delivery.recipient_run_id,
        environment=delivery.environment,
        workflow_key=delivery.workflow_key,
    )
    presence, _ = await look_up_run(engine.temporal, run)
    return presence is Presence.OPEN
