"""What becomes of a batch whose carrier was ended from outside, and which no further item joins.

Its items belong to runs that ended when they had joined. So a run is made that stands where the
oldest of them stood, and goes on with all of them.
"""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from domain.contract.runs import SleepUntil
from models.queries.batches import membership, succession
from runtime.logs import get_logger
from services.engine import Engine
from services.temporal_calls import start_run

_log = get_logger(__name__)


async def carry_on(engine: Engine, environment_id: UUID, batch_id: UUID) -> bool:
    """Let another run carry a closed batch; tells whether one does.

    A start that fails is made up for as that of any run that Temporal has lost.

    Raises:
        Unavailable: the database is away; nothing was done.
    """
    async with engine.unit() as unit:
        batch = await membership.lock_batch(unit.connection, environment_id, batch_id)
        if batch is None or batch.resumed_at is not None or batch.carrier_run_id is None:
            return False
        if await membership.is_run_open(unit.connection, batch.carrier_run_id):
            return True
        heir_id = await succession.heir_of(unit.connection, batch)
        if heir_id is None:
            return False
        directive = SleepUntil(unit.now.timestamp(), f"{batch.step_ref}: takes over its batch")
        waiting = {
            "outcome": "waiting",
            "batch_id": str(batch.id),
            "directive": asdict(directive),
        }
        run = await succession.succeed(
            unit.connection, batch, heir_id, waiting=waiting, now=unit.now
        )
    if run is None:
        return False
    _log.warning("batch_taken_over", batch_id=str(batch_id), run_id=str(run.id))
    try:
        await start_run(engine.temporal, run)
    except Exception as error:
        _log.warning("carrier_not_started", run_id=str(run.id), error=type(error).__name__)
    return True
