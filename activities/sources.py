"""The actions of events that sources have sent."""

from __future__ import annotations

from uuid import UUID

from temporalio import activity

from activities.beats import beating
from domain.contract.jobs import SourceEventInput
from domain.kit.principals import EnvironmentScope
from services.engine import Engine
from services.sources import acting


class SourceActivities:
    """Takes the actions of events."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(name="take_source_event")
    async def take_source_event(self, order: SourceEventInput) -> int:
        """Take the actions of an event; returns how many there were."""
        environment = EnvironmentScope(UUID(order.environment_id), order.environment)
        async with beating():
            taken = await acting.take_event(self._engine, environment, UUID(order.event_id))
        return len(taken)
