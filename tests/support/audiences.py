"""Compares users with dynamic audiences where no sweep does."""

from __future__ import annotations

from datetime import timedelta

from services.audiences.refresh import refresh_audiences
from tests.support.world import World


async def refresh(world: World) -> None:
    """Do the sweep's duty as if this environment had all audiences."""
    await world.make.rows(
        "UPDATE audience_builds SET due_at = 'infinity' WHERE environment_id <> %s RETURNING 1",
        world.environment.id,
    )
    await refresh_audiences(world.engine)


async def build(world: World) -> None:
    """Let the first two passes over all users happen."""
    await refresh(world)
    await refresh(world.at(world.engine.clock() + timedelta(minutes=2)))
