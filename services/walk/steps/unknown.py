"""Fails the steps that this version cannot read; a newer process may take the next attempt."""

from __future__ import annotations

from domain.kit.json_types import JsonObject
from domain.workflows.steps import UnknownStep
from services.walk.context import Walk
from services.walk.faults import ContentError
from services.walk.moves import Move, Woken


class UnknownExecutor:
    """Fails every step."""

    async def arrive(self, walk: Walk, step: UnknownStep) -> Move:
        """Say why the step cannot be taken. Raises ContentError."""
        raise ContentError("unsupported", step.reason)

    async def resume(self, walk: Walk, step: UnknownStep, kept: JsonObject, woken: Woken) -> Move:
        """Say the same: another version let the step wait."""
        return await self.arrive(walk, step)
