"""Bulk operations that store users, objects and tenants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from domain.bulk.operations import BulkItem, NewBulkItem, OpenBulk
from domain.bulk.requests import (
    BulkIdentifyIn,
    BulkSetObjectsIn,
    BulkSetTenantsIn,
    said_of_object,
    said_of_user,
)
from domain.kit.json_types import JsonValue
from domain.kit.principals import EnvironmentScope
from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import TENANTS, USERS
from services.bulk.accept import BulkView, accept_and_do, accept_items, items_of
from services.bulk.items import ItemKind, Work
from services.engine import Engine, Unit
from services.triggers.audience_entries import identify, triggered_by
from services.triggers.segments import dynamic_audiences

IDENTIFY_USERS = "users.identify"
SET_OBJECTS = "objects.set"
SET_TENANTS = "tenants.set"
# What a request may compare itself, of users with dynamic audiences, and trigger by that: mostly
# some hundredths of a second.
_COMPARISONS_AT_ONCE = 2_000


async def identify_users(
    engine: Engine, environment: EnvironmentScope, given: BulkIdentifyIn
) -> BulkView:
    """Identify users, each as `store_recipient` does; at once, unless that takes long."""
    items = items_of(given.users, said_of_user)
    if await _takes_long(engine, environment, users=len(items)):
        return await accept_items(engine, environment, IDENTIFY_USERS, items)
    return await _store_at_once(engine, environment, IDENTIFY_USERS, items)


async def set_objects(
    engine: Engine, environment: EnvironmentScope, collection: str, given: BulkSetObjectsIn
) -> BulkView:
    """Set objects of a collection, each as `store_recipient` does; at once if they are free."""
    items = items_of(
        given.objects, lambda entry: said_of_object(entry, collection), collection=collection
    )
    return await _store_at_once(engine, environment, SET_OBJECTS, items, collection=collection)


async def set_tenants(
    engine: Engine, environment: EnvironmentScope, given: BulkSetTenantsIn
) -> BulkView:
    """Set tenants, each as `store_recipient` does; at once if they are free."""
    items = items_of(
        given.tenants, lambda entry: said_of_object(entry, TENANTS), collection=TENANTS
    )
    return await _store_at_once(engine, environment, SET_TENANTS, items)


async def _takes_long(engine: Engine, environment: EnvironmentScope, *, users: int) -> bool:
    """Tell whether so many users could keep other requests waiting by the audiences they enter.

    What an entry triggers takes longer than the comparison, so an audience counts once more for
    each of its workflows.
    """
    weight = 0
    async with engine.connection() as connection:
        for one in await dynamic_audiences(engine, connection, environment):
            weight += 1 + len(await triggered_by(engine, connection, environment, one.key))
    return users * weight > _COMPARISONS_AT_ONCE


async def _store_at_once(
    engine: Engine,
    environment: EnvironmentScope,
    name: str,
    items: Sequence[NewBulkItem],
    **settings: JsonValue,
) -> BulkView:
    people = [item.said for item in items if item.error is None]

    async def store(unit: Unit) -> None:
        await identify(unit, environment, people)

    return await accept_and_do(engine, environment, name, items, store, **settings)


# A person costs little beside what a chunk costs as such: its statements and its commit.
_PEOPLE_AT_ONCE = 500


def _store(collection: str | None) -> Work:
    """Return what stores the items of an operation; its settings name the collection if None."""

    async def store(
        unit: Unit, operation: OpenBulk, items: Sequence[BulkItem]
    ) -> Mapping[int, str]:
        of = collection or operation.settings["collection"]
        read = _reader(of)
        said = [read(item.content) for item in items]
        await identify(unit, operation.scope, said)
        return {}

    return store


def _reader(collection: str) -> Callable[[JsonValue], InlineRecipient]:
    if collection == USERS:
        return said_of_user
    return lambda entry: said_of_object(entry, collection)


KINDS = {
    IDENTIFY_USERS: ItemKind(_store(USERS), _PEOPLE_AT_ONCE),
    SET_OBJECTS: ItemKind(_store(None), _PEOPLE_AT_ONCE),
    SET_TENANTS: ItemKind(_store(TENANTS), _PEOPLE_AT_ONCE),
}
