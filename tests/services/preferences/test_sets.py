"""Preference sets and deletions at once."""

from __future__ import annotations

import asyncio

from domain.kit.shapes import read_shape
from domain.preferences.rows import Persistence
from domain.recipients.refs import RecipientRef
from domain.recipients.shapes import UserIn
from models.queries.bulk.departures import delete_recipients
from services.preferences.sets import write_set
from services.recipients.recipients import load_recipient, store_recipient
from tests.support.waiting import until_blocked
from tests.support.world import World

_ELLIE = RecipientRef.user("ellie")
_SAID = {"workflows": {"w": False}}


async def _stored(world: World) -> int:
    rows = await world.make.rows(
        "SELECT 1 FROM preference_sets WHERE environment_id = %s", world.environment.id
    )
    return len(rows)


async def test_who_is_deleted_while_preferences_are_set_is_made_again(world: World) -> None:
    """The write waits for the deletion, and comes after it, as if it had been asked later."""
    scope = world.environment.scope
    await store_recipient(world.engine, scope, _ELLIE, read_shape(UserIn, {"name": "Ellie"}))
    async with world.engine.database.transaction() as connection:
        await delete_recipients(connection, scope.id, [_ELLIE], limit=100)
        writing = asyncio.create_task(
            write_set(world.engine, scope, _ELLIE, "default", _SAID, how=Persistence.REPLACE)
        )
        await until_blocked(world.make)
    assert (await writing).content == _SAID
    assert (await load_recipient(world.engine, scope, _ELLIE)).properties == {}


async def test_who_is_deleted_while_identified_is_made_again(world: World) -> None:
    """A description that changes nobody waits for the deletion too, and what it brings is kept."""
    scope = world.environment.scope
    given = read_shape(UserIn, {"name": "Ellie", "preferences": {"default": _SAID}})
    await store_recipient(world.engine, scope, _ELLIE, given)
    async with world.engine.database.transaction() as connection:
        await delete_recipients(connection, scope.id, [_ELLIE], limit=100)
        identifying = asyncio.create_task(store_recipient(world.engine, scope, _ELLIE, given))
        await until_blocked(world.make)
    assert (await identifying).properties == {"name": "Ellie"}
    assert (await load_recipient(world.engine, scope, _ELLIE)).properties == {"name": "Ellie"}
    assert await _stored(world) == 1
