"""Release what a process that died, or an absent Temporal, left behind."""

from __future__ import annotations

from temporalio import activity

from runtime.platform import Platform
from services import releases


class SweepActivities:
    """Sweeps."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    @activity.defn(name="sweep")
    async def sweep(self) -> int:
        """Start and signal what stayed unreleased; answers how many triggers and cancellations."""
        return await releases.release_left_over(self._platform, beat=activity.heartbeat)
