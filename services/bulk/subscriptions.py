"""Bulk operations that subscribe recipients to objects, and back.

An entry names an object and up to a hundred recipients, and is a chunk of its own. Recipients that
are not right are told as the failure of their entry; the others of it are done all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.bulk.operations import BulkItem, OpenBulk
from domain.bulk.requests import (
    BulkSubscribeIn,
    BulkUnsubscribeIn,
    readable_recipients,
    subscribed,
    unsubscribed,
)
from domain.kit.errors import InvalidParams
from domain.kit.principals import EnvironmentScope
from domain.recipients.refs import RecipientRef
from domain.recipients.subscriptions import others_than
from models.queries.recipients.subscriptions import delete_subscriptions
from services.bulk.accept import BulkView, accept_items, items_of
from services.bulk.items import ItemKind
from services.engine import Engine, Unit
from services.recipients.subscriptions import subscribe_known

ADD_SUBSCRIPTIONS = "subscriptions.add"
DELETE_SUBSCRIPTIONS = "subscriptions.delete"


async def add_subscriptions(
    engine: Engine, environment: EnvironmentScope, collection: str, given: BulkSubscribeIn
) -> BulkView:
    """Subscribe recipients to objects of a collection, each object as `subscribe` does."""
    items = items_of(given.subscriptions, subscribed, collection=collection)
    return await accept_items(engine, environment, ADD_SUBSCRIPTIONS, items, collection=collection)


async def end_subscriptions(
    engine: Engine, environment: EnvironmentScope, collection: str, given: BulkUnsubscribeIn
) -> BulkView:
    """End subscriptions to objects of a collection; what is not there is passed over."""
    items = items_of(given.subscriptions, unsubscribed, collection=collection)
    return await accept_items(
        engine, environment, DELETE_SUBSCRIPTIONS, items, collection=collection
    )


async def _add(unit: Unit, operation: OpenBulk, items: Sequence[BulkItem]) -> Mapping[int, str]:
    failed = {}
    for item in items:
        entry = subscribed(item.content)
        target = RecipientRef(operation.settings["collection"], entry.id)
        named, wrong = readable_recipients(entry)
        named, itself = others_than(target, named)
        wrong += itself
        _, unknown = await subscribe_known(unit, operation.scope, target, named, entry.properties)
        if wrong or unknown:
            failed[item.number] = InvalidParams([*wrong, *unknown]).reasons
    return failed


async def _delete(unit: Unit, operation: OpenBulk, items: Sequence[BulkItem]) -> Mapping[int, str]:
    failed = {}
    for item in items:
        entry = unsubscribed(item.content)
        named, wrong = readable_recipients(entry)
        await delete_subscriptions(
            unit.connection,
            operation.environment_id,
            RecipientRef(operation.settings["collection"], entry.id),
            named.refs,
        )
        if wrong:
            failed[item.number] = InvalidParams(wrong).reasons
    return failed


KINDS = {
    ADD_SUBSCRIPTIONS: ItemKind(_add, chunk=1),
    DELETE_SUBSCRIPTIONS: ItemKind(_delete, chunk=1),
}
