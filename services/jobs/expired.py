"""Delete what has expired: what nobody needs any more, however young it is."""

from __future__ import annotations

from datetime import timedelta

from models.queries.runs.fetches import forget_ended
from models.queries.runs.throttles import forget_passes
from models.queries.sources.events import forget_events, forget_keys
from models.queries.triggers.idempotency import delete_expired
from services.engine import Engine
from services.events.outbox import tidy_outbox
from services.webhooks.log import forget_old_deliveries

# A sweep every 15 seconds keeps up with 600 keyed triggers a second.
_PAGE_SIZE = 10_000


async def forget_expired(engine: Engine) -> int:
    """Delete what nobody needs any more.

    That is answers to repeat, passes of throttles, requests of runs that have ended, events of
    sources and those that every reader has passed, and what webhooks were told a month ago.

    Returns:
        How many rows were deleted.
    """
    failures: list[Exception] = []
    deleted = 0
    for forget in (
        _forget_answers,
        _forget_passes,
        _forget_fetches,
        _forget_source_events,
        tidy_outbox,
        forget_old_deliveries,
    ):
        try:
            deleted += await forget(engine)
        except Exception as error:  # one must not keep the others from their work
            failures.append(error)
    if failures:
        raise failures[0]
    return deleted


async def _forget_passes(engine: Engine) -> int:
    async with engine.connection() as connection:
        return await forget_passes(connection, now=engine.clock(), limit=_PAGE_SIZE)


async def _forget_fetches(engine: Engine) -> int:
    async with engine.connection() as connection:
        return await forget_ended(connection, limit=_PAGE_SIZE)


async def _forget_source_events(engine: Engine) -> int:
    """What sources have sent is kept for 30 days, their keys for one (Knock docs, "Sources")."""
    now = engine.clock()
    async with engine.connection() as connection:
        keys = await forget_keys(connection, now - timedelta(days=1), limit=_PAGE_SIZE)
        return keys + await forget_events(connection, now - timedelta(days=30), limit=_PAGE_SIZE)


async def _forget_answers(engine: Engine) -> int:
    async with engine.connection() as connection:
        return await delete_expired(connection, now=engine.clock(), limit=_PAGE_SIZE)
