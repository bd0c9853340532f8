"""Subscribes to events in a test's own environment, and gathers what is handed over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from domain.events.outbox import PATIENCE, OutboxRow, ReaderState, Subscription
from domain.messages.events import MessageEventType
from domain.runs.events import RunEventType
from services.engine import Engine, Unit
from services.events import outbox

EVERYTHING = frozenset([*MessageEventType, *RunEventType])


@dataclass
class Listener:
    """A reader that remembers what it was handed, in order, once the unit is committed."""

    engine: Engine
    name: str = field(default_factory=lambda: f"listener-{uuid4().hex[:8]}")
    heard: list[OutboxRow] = field(default_factory=list)

    async def subscribe(self, environment_id: UUID, *events: str) -> None:
        """Subscribe to some events, or to all."""
        wanted = Subscription(self.name, frozenset(events) or EVERYTHING, PATIENCE)
        async with self.engine.unit() as unit:
            await outbox.subscribe(unit, environment_id, wanted)

    async def unsubscribe(self, environment_id: UUID) -> None:
        """End a subscription."""
        async with self.engine.unit() as unit:
            await outbox.unsubscribe(unit, environment_id, self.name)

    async def listen(self, *, limit: int = 100) -> list[str]:
        """Take all there is; returns the types of what was handed over now."""
        before = len(self.heard)
        while await outbox.hand_over(self.engine, self.name, self.hear, limit=limit):
            pass
        return [row.event_type for row in self.heard[before:]]

    async def state(self) -> ReaderState | None:
        """Return how far it has come; None when it is not known."""
        states = {state.name: state for state in await outbox.reader_states(self.engine)}
        return states.get(self.name)

    async def hear(self, unit: Unit, rows: Sequence[OutboxRow]) -> None:
        """Remember what was handed over, once that is certain."""

        async def remember() -> None:
            self.heard.extend(rows)

        unit.after(remember)


@asynccontextmanager
async def listening(engine: Engine, environment_id: UUID, *events: str) -> AsyncIterator[Listener]:
    """Listen to some events of an environment, or to all, until the block ends."""
    listener = Listener(engine)
    await listener.subscribe(environment_id, *events)
    yield listener
    await listener.unsubscribe(environment_id)
