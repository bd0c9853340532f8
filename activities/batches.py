"""The windows of batches, closed when their time has come."""

from __future__ import annotations

from temporalio import activity

from domain.contract.timers import BatchWindowInput, WindowState
from services.batches import windows
from services.engine import Engine


class BatchActivities:
    """Closes windows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(name="close_window")
    async def close_window(self, order: BatchWindowInput) -> WindowState:
        """Close the window of a batch whose time has come, or answer when that will be."""
        return await windows.close_window(self._engine, order)
