"""Bulk operations that store users, objects and tenants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from domain.bulk.operations import BulkItem, OpenBulk
from domain.bulk.requests import (
    BulkIdentifyIn,
    BulkSetObjectsIn,
    BulkSetTenantsIn,
    said_of_object,
    said_of_user,
)
from domain.kit.json_types import JsonValue
from domain.kit.principals import EnvironmentScope
from domain.recipients.identify import InlineRecipient
from domain.recipients.refs import TENANTS, USERS
from services.bulk.accept import BulkView, accept_items, items_of
from services.bulk.items import ItemKind, Work
from services.engine import Engine, Unit
from services.triggers.audience_entries import identify

IDENTIFY_USERS = "users.identify"
SET_OBJECTS = "objects.set"
SET_TENANTS = "tenants.set"


async def identify_users(
    engine: Engine, environment: EnvironmentScope, given: BulkIdentifyIn
) -> BulkView:
    """Identify users, each as `store_recipient` does."""
    items = items_of(given.users, said_of_user)
    return await accept_items(engine, environment, IDENTIFY_USERS, items)


async def set_objects(
    engine: Engine, environment: EnvironmentScope, collection: str, given: BulkSetObjectsIn
) -> BulkView:
    """Set objects of a collection, each as `store_recipient` does."""
    items = items_of(
        given.objects, lambda entry: said_of_object(entry, collection), collection=collection
    )
    return await accept_items(engine, environment, SET_OBJECTS, items, collection=collection)


async def set_tenants(
    engine: Engine, environment: EnvironmentScope, given: BulkSetTenantsIn
) -> BulkView:
    """Set tenants, each as `store_recipient` does."""
    items = items_of(
        given.tenants, lambda entry: said_of_object(entry, TENANTS), collection=TENANTS
    )
    return await accept_items(engine, environment, SET_TENANTS, items)


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
