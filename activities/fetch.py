"""Send the requests of fetch steps."""

from __future__ import annotations

from temporalio import activity

from activities.beats import beating
from domain.contract.runs import HttpFetchInput
from services.engine import Engine
from services.runs.fetches import make_attempt


class FetchActivities:
    """Sends requests."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(name="http_fetch")
    async def http_fetch(self, order: HttpFetchInput) -> str:
        """Make one attempt at a request, and record what came of it."""
        # A dead worker is noticed after the heartbeat time-out instead of the whole attempt's.
        async with beating(at_once=False):
            return await make_attempt(self._engine, order)
