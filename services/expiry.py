"""Delete what is past its time."""

from __future__ import annotations

from domain.clock import utc_now
from models.queries.idempotency import delete_expired
from runtime.platform import Platform

# A sweep every 15 seconds keeps up with 600 keyed triggers a second.
_AT_ONCE = 10_000


async def forget_expired(platform: Platform) -> int:
    """Delete idempotency records past their replay window; returns how many."""
    async with platform.database.connection() as connection:
        return await delete_expired(connection, now=utc_now(), limit=_AT_ONCE)
