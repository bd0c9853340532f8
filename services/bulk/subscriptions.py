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
from domain.kit.principals import EnvironmentScope
from domain.recipients.refs import RecipientRef
from domain.recipients.subscriptions import check_subscription
from models.queries.recipients.subscriptions import delete_subscriptions
from services.bulk.accept import BulkView, accept_items, items_of
from services.bulk.items import ItemKind
from services.engine import Engine, Unit
from services.recipients.subscriptions import subscribe_known, unknown_words

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
        recipients, reasons = readable_recipients(entry)
        target = RecipientRef(operation.settings["collection"], entry.id)
        check_subscription(target, recipients, entry.properties)
        _, unknown = await subscribe_known(
            unit, operation.scope, target, recipients, entry.properties
        )
        reasons += [f"recipients: {unknown_words(ref)}" for ref in unknown]
        if reasons:
            failed[item.number] = "; ".join(reasons)
    return failed


async def _delete(unit: Unit, operation: OpenBulk, items: Sequence[BulkItem]) -> Mapping[int, str]:
    failed = {}
    for item in items:
        entry = unsubscribed(item.content)
        recipients, reasons = readable_recipients(entry)
        await delete_subscriptions(
            unit.connection,
            operation.environment_id,
            RecipientRef(operation.settings["collection"], entry.id),
            [recipient.ref for recipient in recipients],
        )
        if reasons:
            failed[item.number] = "; ".join(reasons)
    return failed


KINDS = {
    ADD_SUBSCRIPTIONS: ItemKind(_add, chunk=1),
    DELETE_SUBSCRIPTIONS: ItemKind(_delete, chunk=1),
}
