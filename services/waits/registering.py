"""Begins a wait: in the transaction of the walk that arrives, with a look right after it."""

from __future__ import annotations

from functools import partial

from domain.events.outbox import Subscription
from domain.recipients.refs import RecipientRef
from domain.runs.rows import RunInTemporal
from domain.waits.candidates import CHANGES, outbox_events
from domain.waits.rows import NewWait
from models.queries.waits import waits as statements
from models.queries.waits.candidates import candidates
from models.queries.waits.changes import hold_unchanged
from runtime.database import give_way
from runtime.logs import get_logger
from services.engine import Engine, Unit
from services.events import outbox
from services.temporal_calls import signal_event
from services.waits.telling import READER

_log = get_logger(__name__)


async def register(unit: Unit, wait: NewWait, environment: str) -> None:
    """Store a wait, and have it told of events.

    Whoever stores an event sees the wait once this is committed. What was stored meanwhile is
    looked for after the commit; what was under way even then, by the sweep a minute later.

    Args:
        unit: the transaction of the walk.
        wait: what is waited for.
        environment: the slug of its environment.

    Raises:
        Unavailable: somebody else changes or deletes the recipient; the unit has failed.
    """
    if wait.event_type in CHANGES:
        ref = RecipientRef(wait.collection, wait.recipient_id)
        await give_way(unit.connection)
        await hold_unchanged(unit.connection, wait.environment_id, ref)
    events = outbox_events(wait.event_type, wait.event_key)
    if events:
        await outbox.subscribe_also(unit, wait.environment_id, Subscription(READER, events))
    await statements.register_wait(unit.connection, wait)
    unit.engine.waits_under_way.quiet_until = 0.0
    unit.after(partial(look_once, unit.engine, wait, environment))


async def look_once(engine: Engine, wait: NewWait, environment: str) -> bool:
    """Tell a run to look, if there is an event that its wait may be for.

    Returns:
        Whether the look was made, and the run told where it had to be. It never fails.
    """
    run = RunInTemporal(
        id=wait.recipient_run_id, environment=environment, workflow_key=wait.workflow_key
    )
    try:
        async with engine.connection() as connection:
            found = await candidates(connection, wait, limit=1)
        if found:
            await signal_event(engine.temporal, run, wait.step_ref)
    except Exception as error:
        _log.warning("wait_not_looked_after", run_id=str(run.id), error=type(error).__name__)
        return False
    return True
