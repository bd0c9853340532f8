"""Accepts bulk requests, and tells how far they have come.

A request is answered once its rows are committed; a Temporal workflow works through them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.bulk.operations import BulkFailure, BulkOperation, NewBulkItem
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.principals import EnvironmentScope
from domain.recipients.identify import MAX_ID_CHARACTERS
from models.queries.bulk import operations as statements
from services import effects
from services.engine import Engine, Unit


@dataclass(frozen=True, slots=True)
class BulkView:
    """A bulk operation, and the items of it that have failed, as far as an answer lists them."""

    operation: BulkOperation
    failures: list[BulkFailure]


async def get_operation(
    engine: Engine, environment: EnvironmentScope, operation_id: UUID
) -> BulkView:
    """Return a bulk operation as it stands. Raises NotFound."""
    async with engine.connection() as connection:
        operation = await statements.get_operation(connection, environment.id, operation_id)
        if operation is None:
            raise NotFound("The bulk operation does not exist.")
        failures = []
        if operation.error_count:
            failures = await statements.failures_of(connection, environment.id, operation_id)
    return BulkView(operation, failures)


async def accept_items(
    engine: Engine,
    environment: EnvironmentScope,
    name: str,
    items: Sequence[NewBulkItem],
    **settings: JsonValue,
) -> BulkView:
    """Accept an operation over the items of a request.

    Args:
        engine: the parts of this process.
        environment: where.
        name: what it does, a key of `services.bulk.kinds.KINDS`.
        items: in the order of the request; those that cannot be read count as failed.
        settings: what they have in common.
    """
    async with engine.unit() as unit:
        return await begin(unit, environment, name, items, settings=settings, estimate=len(items))


async def begin(
    unit: Unit,
    environment: EnvironmentScope,
    name: str,
    items: Sequence[NewBulkItem],
    *,
    settings: JsonObject,
    estimate: int,
) -> BulkView:
    """Store an operation in a unit of work, and owe it its Temporal workflow."""
    operation = await statements.insert_operation(
        unit.connection,
        environment.id,
        operation_id=new_id(),
        name=name,
        settings=settings,
        items=items,
        estimate=estimate,
        now=unit.now,
    )
    payload = effects.bulk_operation(operation.id, name=name)
    await effects.owe(unit, environment.id, effects.WORK_ON_BULK, payload)
    return BulkView(operation, [])


def items_of(
    entries: Iterable[JsonValue],
    check: Callable[[JsonValue], object],
    *,
    collection: str | None = None,
) -> list[NewBulkItem]:
    """Make items of the entries of a request; one that cannot be read is told in its own place.

    Args:
        entries: objects, or plain ids.
        check: reads one; raises InvalidParams.
        collection: that all of them belong to, if they are objects.
    """
    found = []
    for entry in entries:
        named = entry.get("id") if isinstance(entry, dict) else entry
        item_id = named[:MAX_ID_CHARACTERS] if isinstance(named, str) else ""
        try:
            check(entry)
        except InvalidParams as refusal:
            found.append(NewBulkItem(item_id, collection, error=refusal.reasons))
        else:
            content = entry if isinstance(entry, dict) else {"id": entry}
            found.append(NewBulkItem(item_id, collection, content))
    return found
