"""Delete what is past its time."""

from __future__ import annotations

from models.queries.triggers.idempotency import delete_expired
from services.engine import Engine
from services.events.outbox import tidy_outbox

# A sweep every 15 seconds keeps up with 600 keyed triggers a second.
_AT_ONCE = 10_000


async def forget_expired(engine: Engine) -> int:
    """Delete idempotency records past their replay window, and what the outbox need not hold.

    Returns:
        How many rows were deleted.
    """
    failures: list[Exception] = []
    deleted = 0
    for forget in (_forget_answers, tidy_outbox):
        try:
            deleted += await forget(engine)
        except Exception as error:  # one must not keep the other from its work
            failures.append(error)
    if failures:
        raise failures[0]
    return deleted


async def _forget_answers(engine: Engine) -> int:
    async with engine.connection() as connection:
        return await delete_expired(connection, now=engine.clock(), limit=_AT_ONCE)
