"""Accepts bulk requests, and tells how far they have come.

A request is answered once its rows are committed; a Temporal workflow works through them. What is
quickly done is done in the same transaction instead, and has no rows then but its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.bulk.operations import BulkFailure, BulkOperation, NewBulkItem
from domain.kit.errors import AppError, InvalidParams, NotFound, Unprocessable
from domain.kit.ids import MAX_ID_CHARACTERS, new_id
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.recipients.refs import USERS
from models.queries.bulk import operations as statements
from models.queries.bulk import recovery
from runtime.database import give_way
from runtime.logs import get_logger
from services import effect_kinds, effects
from services.engine import Engine, Unit

_log = get_logger(__name__)


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


async def list_open_operations(
    engine: Engine, environment: EnvironmentScope, request: PageRequest
) -> Page[BulkOperation]:
    """Return a page of the bulk operations that are not over, newest first."""
    async with engine.connection() as connection:
        return await statements.list_open(connection, environment.id, request)


async def stop_operation(
    engine: Engine, environment: EnvironmentScope, operation_id: UUID
) -> BulkView:
    """Let an operation fail that is not to go on; what it has done stays done.

    Whoever works on it finds that it is over after the chunk that is under way.

    Raises:
        NotFound: there is no such operation.
        Unprocessable: `bulk_operation_over`.
    """
    await get_operation(engine, environment, operation_id)
    async with engine.unit() as unit:
        if not await recovery.fail_operation(
            unit.connection, environment.id, operation_id, now=unit.now
        ):
            raise Unprocessable("The bulk operation is already over.", code="bulk_operation_over")
    return await get_operation(engine, environment, operation_id)


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


async def accept_and_do(
    engine: Engine,
    environment: EnvironmentScope,
    name: str,
    items: Sequence[NewBulkItem],
    do: Callable[[Unit], Awaitable[None]],
    **settings: JsonValue,
) -> BulkView:
    """Accept an operation as `accept_items` does, and do it in the same transaction if it can be.

    It can not where somebody else is in the way for long, an operation that was accepted before has
    something to do with the same recipients, or something is refused that could be read; then it is
    accepted to be done later, item by item if need be.

    Args:
        engine: the parts of this process.
        environment: where.
        name: what it does.
        items: in the order of the request; those that cannot be read count as failed.
        do: does the others, all or nothing.
        settings: what they have in common.
    """
    failures = [
        BulkFailure(number=number, id=item.id, collection=item.collection, reason=item.error)
        for number, item in enumerate(items, 1)
        if item.error is not None
    ]
    try:
        async with engine.unit() as unit:
            await give_way(unit.connection)
            ids = {item.id for item in items if item.error is None}
            if await statements.is_in_the_way(unit.connection, environment.id, ids):
                return await begin(
                    unit, environment, name, items, settings=settings, estimate=len(items)
                )
            await do(unit)
            operation = await statements.insert_operation(
                unit.connection,
                environment.id,
                operation_id=new_id(),
                name=name,
                settings=settings,
                items=items,
                estimate=len(items),
                now=unit.now,
                is_over=True,
            )
    except Exception as error:
        if not isinstance(error, AppError):  # who does it later tells whose fault it is
            _log.warning("bulk_operation_put_off", name=name, error=type(error).__name__)
        return await accept_items(engine, environment, name, items, **settings)
    return BulkView(operation, failures)


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
    payload = effect_kinds.bulk_operation(operation.id, name=name)
    await effects.owe(unit, environment.id, effect_kinds.WORK_ON_BULK, payload)
    return BulkView(operation, [])


def items_of(
    entries: Iterable[JsonValue],
    read: Callable[[JsonValue], object],
    *,
    collection: str | None = None,
    member: str | None = None,
) -> list[NewBulkItem]:
    """Make items of the entries of a request; one that cannot be read is told in its own place.

    Args:
        entries: objects, or plain ids.
        read: reads one; raises InvalidParams.
        collection: that all of them belong to, if they are objects.
        member: of an entry that names the recipient that it is about; None if it is that itself.
    """
    found = []
    for entry in entries:
        about = entry
        if member is not None:
            about = entry.get(member) if isinstance(entry, dict) else None
        item_id, given = _named(about)
        of = collection if member is None else given
        try:
            said = read(entry)
        except InvalidParams as refusal:
            found.append(NewBulkItem(item_id, of, error=refusal.reasons))
        else:
            content = entry if isinstance(entry, dict) else {"id": entry}
            found.append(NewBulkItem(item_id, of, content, said=said))
    return found


def _named(about: JsonValue) -> tuple[str, str | None]:
    """Return id and collection of a recipient as it is named, right or not; no user has one."""
    named, collection = about, None
    if isinstance(about, dict):
        named, collection = about.get("id"), about.get("collection")
    item_id = named[:MAX_ID_CHARACTERS] if isinstance(named, str) else ""
    if not isinstance(collection, str) or collection == USERS:
        return item_id, None
    return item_id, collection[:MAX_ID_CHARACTERS]
