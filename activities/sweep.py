"""Release what a process that died, or an absent Temporal, left behind."""

from __future__ import annotations

from temporalio import activity

from domain.clock import utc_now
from models.queries.idempotency import delete_expired
from runtime.platform import Platform
from services import reconciliation, releases

# A sweep every 15 seconds keeps up with 600 keyed triggers a second.
_FORGOTTEN_AT_ONCE = 10_000


class SweepActivities:
    """Sweeps."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    @activity.defn(name="sweep")
    async def sweep(self) -> int:
        """Start and signal what stayed unreleased; answers how many triggers and cancellations.

        On the way it looks after runs that Temporal ended or lost, and forgets answers that are
        past their replay window.
        """
        released = await releases.release_left_over(self._platform, beat=activity.heartbeat)
        await reconciliation.reconcile_overdue_runs(self._platform)
        async with self._platform.database.connection() as connection:
            await delete_expired(connection, now=utc_now(), limit=_FORGOTTEN_AT_ONCE)
        return released
