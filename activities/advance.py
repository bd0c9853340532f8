"""The walk of a run, as a local activity and, while the database is away, as a regular one."""

from __future__ import annotations

from temporalio import activity

from domain.runs import AdvanceInput, Directive
from runtime.platform import Platform
from services import walk


class AdvanceActivities:
    """Walks runs."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    @activity.defn(name="advance")
    async def advance(self, order: AdvanceInput) -> Directive:
        """Walk a run on from a cursor until a step has to wait."""
        return await walk.advance(self._platform, order)
