"""Broadcasts as tests write and send them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.audiences.members import MembersIn
from domain.kit.json_types import JsonObject
from domain.kit.shapes import read_shape
from services.audiences.members import add_members, remove_members
from services.broadcasts.broadcasts import BroadcastView, upsert_broadcast
from services.broadcasts.sending import send_broadcast
from services.triggers.expansions import expand
from tests.support.world import World

SALE = "sale"


async def draft(world: World, *steps: JsonObject, key: str = SALE, **more: Any) -> BroadcastView:
    """Save a broadcast."""
    document = {"name": key, "steps": list(steps), **more}
    return await upsert_broadcast(world.engine, world.environment.scope, key, document)


async def send(world: World, key: str = SALE, send_at: datetime | None = None) -> BroadcastView:
    """Send a broadcast."""
    return await send_broadcast(world.engine, world.environment.scope, key, send_at)


async def join(world: World, audience_key: str, *members: str | tuple[str, str]) -> None:
    """Add users to a static audience, which is made when there is none; some for a tenant."""
    scope = world.environment.scope
    await add_members(world.engine, scope, audience_key, _members(members), create=True)


async def leave(world: World, audience_key: str, *members: str | tuple[str, str]) -> None:
    """Take users out of a static audience."""
    await remove_members(world.engine, world.environment.scope, audience_key, _members(members))


def _members(members: Sequence[str | tuple[str, str]]) -> MembersIn:
    pairs = [(one, None) if isinstance(one, str) else one for one in members]
    body = {"members": [{"user": {"id": user}, "tenant": tenant} for user, tenant in pairs]}
    return read_shape(MembersIn, body)


async def trigger_of(world: World, key: str = SALE) -> UUID:
    """Return the trigger that a broadcast has become."""
    rows = await world.make.rows(
        "SELECT workflow_run_id FROM broadcasts WHERE environment_id = %s AND key = %s",
        *(world.environment.id, key),
    )
    return UUID(str(rows[0]["workflow_run_id"]))


async def make_runs(world: World, key: str = SALE) -> list[dict[str, Any]]:
    """Make the runs of a broadcast as its fan-out does, and return them."""
    trigger = await trigger_of(world, key)
    while not await expand(world.engine, world.environment.id, trigger):
        pass
    return await world.runs(trigger)
