"""Broadcasts whose time has come."""

from __future__ import annotations

from temporalio import activity

from domain.contract.timers import BroadcastInput
from services.broadcasts import sending
from services.engine import Engine


class BroadcastActivities:
    """Sends broadcasts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(name="send_broadcast")
    async def send_broadcast(self, order: BroadcastInput) -> str:
        """Send a scheduled broadcast whose time has come; answers what has become of it."""
        return await sending.send_scheduled(self._engine, order)
