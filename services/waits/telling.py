"""Tells runs of events of messages and runs that they wait for: a reader of the outbox.

Word is a hint: the walk that it wakes looks for the event itself. So a run may be told twice, or
of nothing; and what is lost is made up for by the sweep, and by the look when the wait ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from time import monotonic

from domain.events.outbox import OutboxRow
from domain.waits.candidates import OUTBOX_EVENTS
from domain.waits.rows import AwaitedRun
from models.queries.waits import waits as statements
from runtime.logs import get_logger
from services import effect_kinds, effects
from services.engine import Engine, Unit
from services.events import outbox

_log = get_logger(__name__)

READER = "waits"
# Where nobody waits, a process asks once in so many seconds whether somebody does.
_QUIET_SECONDS = 1.0
# While another process reads, or writes what comes before.
_PAUSE_SECONDS, _MOST_PAUSES = 0.1, 50


def hurry(engine: Engine) -> None:
    """Have what was just written told soon: nobody waits for it, and it may fail."""
    state = engine.waits_under_way
    state.has_news = True
    if not state.is_busy and monotonic() >= state.quiet_until:
        state.is_busy = True
        task = asyncio.create_task(_tell_soon(engine))
        state.tasks.add(task)
        task.add_done_callback(state.tasks.discard)


async def close_telling(engine: Engine) -> None:
    """End what is under way, as a process that stops does: the sweep tells the rest."""
    telling = list(engine.waits_under_way.tasks)
    for task in telling:
        task.cancel()
    await asyncio.gather(*telling, return_exceptions=True)


async def _tell_soon(engine: Engine) -> None:
    state = engine.waits_under_way
    try:
        while state.has_news:
            state.has_news = False
            await _tell_all(engine)
    except outbox.UnknownReader:
        state.quiet_until = monotonic() + _QUIET_SECONDS
    except Exception as error:
        _log.warning("events_not_told", error=type(error).__name__)
    finally:
        state.is_busy = False


async def _tell_all(engine: Engine) -> None:
    """Hand over until the reader has come to the end, whoever reads for it."""
    for _ in range(_MOST_PAUSES):
        while await outbox.hand_over(engine, READER, tell_waits):
            pass
        if not await outbox.is_behind(engine, READER):
            return
        await asyncio.sleep(_PAUSE_SECONDS)


async def tell_left_over(engine: Engine) -> None:
    """Hand over what no process has told soon; nothing where nobody waits."""
    try:
        while await outbox.hand_over(engine, READER, tell_waits):
            pass
    except outbox.UnknownReader:
        return


async def tell_waits(unit: Unit, rows: Sequence[OutboxRow]) -> None:
    """Owe each run that waits for one of these events the word of it."""
    happened = [
        (*OUTBOX_EVENTS[row.event_type], row) for row in rows if row.event_type in OUTBOX_EVENTS
    ]
    await tell_runs(unit, await statements.awaiting(unit.connection, happened))


async def tell_runs(unit: Unit, runs: Iterable[AwaitedRun]) -> None:
    """Owe each run the word that it should look."""
    owed = [
        (
            run.environment_id,
            effect_kinds.awaited_event(
                run.recipient_run_id, run.step_ref, workflow_key=run.workflow_key
            ),
        )
        for run in runs
    ]
    await effects.owe_all(unit, effect_kinds.TELL_OF_EVENT, owed)
