"""Hands on what happened, to readers who have subscribed to it: each event once, in order.

Events are put into the outbox by the statements that store them (`models/queries/events/`), and
only where somebody has subscribed. A reader is a name with a position. It takes the next rows and
does what follows from them in one unit of work, with its new position: both happen, or neither.
Nothing wakes it; it asks as often as it wants to know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

from domain.events.outbox import OutboxRow, ReaderState, Subscription
from models.queries.events import outbox as statements
from runtime.logs import get_logger
from services.engine import Engine, Unit

_log = get_logger(__name__)

Handler: TypeAlias = Callable[[Unit, Sequence[OutboxRow]], Awaitable[None]]

# Seconds between looks at transactions that may still write below what is to be read.
_FIRST_LOOK, _LONGEST_LOOK = 0.005, 0.25
# How many ids one hand-over looks at: a reader that wants few of very many takes them in steps.
_LOOKED_AT = 50_000
# No transaction of ours lasts longer: the server ends what is idle for half a minute.
_WRITERS_SECONDS = 60.0
# From this on operators are told that a reader is behind.
_LATE = timedelta(minutes=15)
_TRIMMED_AT_ONCE = 10_000
_MOST_TRIMS = 20


class UnknownReader(LookupError):
    """The reader never subscribed, or was forgotten because it was too far behind."""


async def subscribe(unit: Unit, environment_id: UUID, wanted: Subscription) -> None:
    """Subscribe a reader to events of an environment, with the commit of the unit.

    It is handed what happens in transactions that begin after that commit. A reader that is known
    goes on where it is, and hears of what it asks for now instead of what it asked for before.

    Args:
        unit: the transaction that the subscription belongs to.
        environment_id: where.
        wanted: who, and which events.
    """
    await statements.subscribe(unit.connection, environment_id, wanted, unit.now)


async def subscribe_also(unit: Unit, environment_id: UUID, wanted: Subscription) -> None:
    """Subscribe a reader to more events than before, as `subscribe` does.

    Where it hears of them already nothing is written, so any number of transactions may ask at the
    same time; and the subscription stays until theirs has ended.
    """
    await statements.subscribe_also(unit.connection, environment_id, wanted, unit.now)


async def is_behind(engine: Engine, reader: str) -> bool:
    """Tell whether something was written that a reader has not come to.

    Raises:
        UnknownReader: it has to subscribe.
    """
    async with engine.connection() as connection:
        news = await statements.news(connection, reader)
    if news is None:
        raise UnknownReader(reader)
    position, newest = news
    return newest > position


async def unsubscribe(unit: Unit, environment_id: UUID, reader: str) -> None:
    """End a subscription; without one that is left the reader is not known any more."""
    await statements.unsubscribe(unit.connection, environment_id, reader)


async def hand_over(engine: Engine, reader: str, handle: Handler, *, limit: int = 100) -> bool:
    """Give a reader what happened since the last time, oldest first.

    Of the events of one message or one run, a later one comes later. Two processes may ask for the
    same reader at once: one of them gets the rows, the other nothing.

    Args:
        engine: the parts of this process.
        reader: who has subscribed.
        handle: does in the unit what follows. When it raises, or the process dies before the
            commit, the same rows are handed over again. What it does outside the database has to
            be harmless to repeat: see `services/effects.py`.
        limit: most rows.

    Returns:
        Whether there is more to take now.

    Raises:
        UnknownReader: it has to subscribe (again); what happened meanwhile is lost to it.
    """
    async with engine.connection() as connection:
        news = await statements.news(connection, reader)
    if news is None:
        raise UnknownReader(reader)
    position, newest = news
    if newest <= position or not await _is_settled(engine):
        return False
    async with engine.unit() as unit:
        held = await statements.hold_reader(unit.connection, reader)
        if held is None or held >= newest:
            return False
        up_to = min(newest, held + _LOOKED_AT)
        rows = await statements.next_rows(
            unit.connection, reader, after=held, up_to=up_to, limit=limit
        )
        if rows:
            await handle(unit, rows)
        last = rows[-1].id if len(rows) == limit else up_to
        await statements.move_reader(unit.connection, reader, last)
    return last < newest


async def _is_settled(engine: Engine) -> bool:
    """Wait until all have ended that write into the outbox now; False when that takes too long."""
    wait = _FIRST_LOOK
    open_writers: frozenset[str] | None = None
    try:
        async with asyncio.timeout(_WRITERS_SECONDS):
            while True:
                async with engine.connection() as connection:
                    now_open = await statements.writers(connection)
                open_writers = now_open if open_writers is None else open_writers & now_open
                if not open_writers:
                    return True
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_LOOK)
    except TimeoutError:
        _log.warning("outbox_held_up", transactions=len(open_writers or ()))
        return False


async def reader_states(engine: Engine) -> list[ReaderState]:
    """Return every reader, and how far it has come."""
    async with engine.connection() as connection:
        return await statements.readers(connection)


async def tidy_outbox(engine: Engine) -> int:
    """Delete what every reader has passed, and forget readers that are too far behind.

    So the outbox never holds more than what happened within the longest patience.

    Returns:
        How many rows were deleted.
    """
    now = engine.clock()
    async with engine.connection() as connection:
        for reader in await statements.readers(connection):
            behind = reader.behind(now)
            seconds = round(behind.total_seconds())
            if behind > reader.patience and await statements.forget_reader(connection, reader):
                _log.error("outbox_reader_forgotten", reader=reader.name, behind_seconds=seconds)
            elif behind > _LATE:
                _log.warning("outbox_reader_lags", reader=reader.name, behind_seconds=seconds)
        deleted = 0
        for _ in range(_MOST_TRIMS):
            trimmed = await statements.trim(connection, limit=_TRIMMED_AT_ONCE)
            deleted += trimmed
            if trimmed < _TRIMMED_AT_ONCE:
                break
    return deleted
