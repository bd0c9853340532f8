"""What executors have in common whose steps are done as soon as a run arrives."""

from __future__ import annotations

from domain.kit.json_types import JsonObject
from domain.workflows.steps import BaseStep
from services.walk.context import Walk
from services.walk.faults import ContentError
from services.walk.moves import Move, Woken


class NeverWaits:
    """Has no other half: its step never waits."""

    async def resume(self, walk: Walk, step: BaseStep, kept: JsonObject, woken: Woken) -> Move:
        """Refuse a run that waits at the step all the same. Raises ContentError."""
        raise ContentError("unsupported", "another version let this step wait")
