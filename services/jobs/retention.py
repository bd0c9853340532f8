"""Delete what is past its time."""

from __future__ import annotations

from models.queries.triggers.idempotency import delete_expired
from services.engine import Engine

# A sweep every 15 seconds keeps up with 600 keyed triggers a second.
_AT_ONCE = 10_000


async def forget_expired(engine: Engine) -> int:
    """Delete idempotency records past their replay window; returns how many."""
    async with engine.connection() as connection:
        return await delete_expired(connection, now=engine.clock(), limit=_AT_ONCE)
