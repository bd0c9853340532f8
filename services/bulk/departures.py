"""Deletes recipients and merges users: begun within the request, and ended by it if they are small.

Source: Knock docs, "Deleting users", "Merging users": all that belongs to a user goes with it,
which may take minutes; its open runs stop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from domain.audiences.members import Membership
from domain.bulk.operations import DELETE_USERS, MERGE_USERS, NewBulkItem
from domain.bulk.requests import BulkDeleteObjectsIn, BulkDeleteUsersIn, named
from domain.contract.jobs import BulkOperationInput
from domain.kit.clock import iso
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.recipients.recipients import Recipient
from domain.recipients.refs import TENANTS, USERS, RecipientRef
from domain.recipients.shapes import TOO_LARGE
from models.queries.audiences.members import audiences_of
from models.queries.bulk import departures, merging
from models.queries.bulk import operations as statements
from models.queries.recipients.recipients import get_recipient, recipients_by_ref
from runtime.logs import get_logger
from services import effect_kinds, effects
from services.bulk.accept import BulkView, accept_items, begin, items_of
from services.bulk.departure_kind import DELETE_OBJECTS, DELETE_TENANTS
from services.bulk.work import work_on_bulk
from services.engine import Engine, Unit
from services.triggers.audience_entries import follow_changes
from services.waits.changes import ENTER, tell_of_transitions, tell_of_updates

_log = get_logger(__name__)

_DELETES = {USERS: DELETE_USERS, TENANTS: DELETE_TENANTS}
_MISSING = "The resource you requested does not exist."
# What a request does itself; whoever has more is Temporal's.
_AT_ONCE_SECONDS = 1.0
# Knock docs: messages and activities of this time move to the user that stays.
_MOVED = timedelta(days=30)


async def delete_users(
    engine: Engine, environment: EnvironmentScope, given: BulkDeleteUsersIn
) -> BulkView:
    """Delete users; one that is not there counts as deleted.

    One that is being merged goes with the merge.
    """
    items = items_of(given.user_ids, lambda entry: named(entry, USERS))
    refs = [RecipientRef.user(item.id) for item in items if item.error is None]
    settings = {"collection": USERS}
    async with engine.unit() as unit:
        await departures.hold_to_delete(unit.connection, environment.id, refs)
        return await begin(
            unit, environment, DELETE_USERS, items, settings=settings, estimate=len(items)
        )


async def delete_objects(
    engine: Engine, environment: EnvironmentScope, collection: str, given: BulkDeleteObjectsIn
) -> BulkView:
    """Delete objects of a collection; one that is not there counts as deleted."""
    items = items_of(
        given.object_ids, lambda entry: named(entry, collection), collection=collection
    )
    return await accept_items(engine, environment, DELETE_OBJECTS, items, collection=collection)


async def delete_tenants(
    engine: Engine, environment: EnvironmentScope, tenant_ids: Sequence[str]
) -> BulkView:
    """Delete tenants; one that is not there counts as deleted."""
    items = items_of(tenant_ids, lambda entry: named(entry, TENANTS), collection=TENANTS)
    return await accept_items(engine, environment, DELETE_TENANTS, items, collection=TENANTS)


async def delete_recipient(
    engine: Engine, environment: EnvironmentScope, ref: RecipientRef
) -> None:
    """Delete a recipient and all that belongs to it, at once unless that is much. Raises NotFound.

    Its open runs end, with the reason in their story, and are deleted too. A user that is being
    merged goes with the merge.
    """
    async with engine.unit() as unit:
        if not await departures.hold_to_delete(unit.connection, environment.id, [ref]):
            raise NotFound(_MISSING)
        name = _DELETES.get(ref.collection, DELETE_OBJECTS)
        settings = {"collection": ref.collection}
        departure = await _depart(unit, environment, name, ref, settings)
    await _begin(engine, departure)


async def merge_users(
    engine: Engine, environment: EnvironmentScope, target: str, source: str
) -> Recipient:
    """Merge a user into another one, and delete it; return the one that stays.

    Properties, channel data and preferences are merged when this returns; messages, runs and
    subscriptions move in the same moment unless they are many.

    Raises:
        NotFound: the user that is to stay does not exist, or not for long.
        InvalidParams: the other one does not, or is the same; or the properties of both together
            have more than 256 kB.
    """
    if target == source:
        raise InvalidParams.of("from_user_id", "must be another user")
    into = RecipientRef.user(target)
    async with engine.unit() as unit:
        held = await merging.hold_users(unit.connection, environment.id, source, target)
        if target not in held:
            raise NotFound(_MISSING)
        if source not in held:
            raise InvalidParams.of("from_user_id", "must be an identified user")
        await _refuse_going(unit, environment, source, target)
        before = await recipients_by_ref(unit.connection, environment.id, [into])
        became = await merging.merge_profiles(
            unit.connection, environment.id, source, target, unit.now
        )
        if became.has_too_much:
            raise InvalidParams.of("from_user_id", f"{TOO_LARGE} together")
        if became.is_changed:
            await tell_of_updates(unit, environment.id, [into])
        await follow_changes(unit, environment, [into], before=before)
        await _tell_of_audiences(unit, environment, target, became.entered)
        merged = await get_recipient(unit.connection, environment.id, into)
        if merged is None:
            raise NotFound(_MISSING)
        settings = {"collection": USERS, "into": target, "since": iso(unit.now - _MOVED)}
        gone = RecipientRef.user(source)
        departure = await _depart(unit, environment, MERGE_USERS, gone, settings)
    await _begin(engine, departure)
    return merged


async def _refuse_going(
    unit: Unit, environment: EnvironmentScope, source: str, target: str
) -> None:
    """Refuse users that are being deleted or merged: what is merged into them goes with them.

    The same merge may be asked for again until it is done.

    Raises:
        NotFound: the user that is to stay is one of them.
        InvalidParams: the other one is, and does not go to the same user.
    """
    going = await merging.find_going(unit.connection, environment.id, source, target)
    if target in going:
        raise NotFound(f"The user {target!r} is being deleted, or merged into another user.")
    if source in going and going[source] != target:
        raise InvalidParams.of("from_user_id", "is being deleted, or merged into another user")


async def _tell_of_audiences(
    unit: Unit, environment: EnvironmentScope, user_id: str, entered: Iterable[tuple[str, str]]
) -> None:
    """Tell runs of audiences that a merged user has come into, and stays in."""
    for key, tenant_id in entered:
        member = Membership(user_id, tenant_id)
        if key in await audiences_of(unit.connection, environment.id, member):
            await tell_of_transitions(unit, environment.id, key, ENTER, [member])


@dataclass(frozen=True, slots=True)
class _Departure:
    """An operation over one recipient, and the effect that is owed for it."""

    order: BulkOperationInput
    effect_id: UUID


async def _depart(
    unit: Unit, environment: EnvironmentScope, name: str, ref: RecipientRef, settings: JsonObject
) -> _Departure:
    """Store the operation over one recipient, and owe it its Temporal workflow.

    Whoever has committed works on it first (`_begin`): the sweep does what is owed if that died.
    """
    operation = await statements.insert_operation(
        unit.connection,
        environment.id,
        operation_id=new_id(),
        name=name,
        settings=settings,
        items=[NewBulkItem(ref.id, None if ref.is_user else ref.collection, {"id": ref.id})],
        estimate=1,
        now=unit.now,
    )
    payload = effect_kinds.bulk_operation(operation.id, name=name)
    kind = effect_kinds.WORK_ON_BULK
    effect_id = await effects.owe(unit, environment.id, kind, payload, at_once=False)
    return _Departure(BulkOperationInput(str(operation.id), str(environment.id)), effect_id)


async def _begin(engine: Engine, departure: _Departure) -> None:
    """Work on an operation for a moment, and leave the rest to Temporal.

    Never raises because a part is away: what was accepted is certain to be done.
    """
    order, owed = departure.order, [departure.effect_id]
    try:
        if (await work_on_bulk(engine, order, turn=1, seconds=_AT_ONCE_SECONDS)).is_over:
            await effects.forget(engine, owed)
        else:
            await effects.settle(engine, owed)
    except Exception as error:
        _log.warning(
            "departure_left_over", operation_id=order.operation_id, error=type(error).__name__
        )
