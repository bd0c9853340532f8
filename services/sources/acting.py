"""Takes the actions that follow from an event of a source, in their fixed order, each once.

An action and the note of what came of it are one transaction where that can be: a trigger is
accepted once. What is merged, added, deleted or cancelled may be done again when a process
dies before the note, and comes to the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.audiences.members import MembersIn
from domain.conditions import ConditionScope, evaluate, read_condition_group
from domain.kit.errors import AppError, InvalidParams, NotFound, Unavailable
from domain.kit.ids import derived_id
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.kit.shapes import read_shape
from domain.kit.storable import storable_json
from domain.recipients.refs import TENANTS, USERS, RecipientRef
from domain.recipients.shapes import ObjectIn, TenantIn, UserIn
from domain.recipients.subscriptions import SubscribeIn, UnsubscribeIn
from domain.sources.actions import in_order, listed, mapped, named
from domain.sources.paths import Headers, found_at
from domain.sources.rows import ActionRow, SourceEvent
from domain.triggers.requests import (
    TriggerRequest,
    parse_cancel_request,
    parse_trigger_request,
)
from models.queries.sources import events as statements
from models.queries.sources import sources
from services.audiences import members
from services.bulk import departures
from services.engine import Engine, Unit
from services.recipients import recipients, subscriptions
from services.triggers.cancelling import cancel
from services.triggers.triggering import trigger_within
from services.waits.telling import tell_runs

_OK, _ERROR, _SKIPPED = "ok", "error", "skipped"
# What keeps an action that ends or removes something from reaching further than is meant.
_NARROWING: Mapping[str, str] = {
    "workflows_cancel": "recipients",
    "audiences_remove_member": "tenant",
}
# What names something in a trigger, beside its recipients.
_NAMES_OF_TRIGGERS = ("actor", "tenant", "cancellation_key")


async def take_event(
    engine: Engine, environment: EnvironmentScope, event_id: UUID
) -> list[ActionRow]:
    """Take the actions of an event that were not taken, then tell the runs that wait for it.

    An action that is refused is noted with its reason, and the others go on.

    Returns:
        All of its actions.

    Raises:
        Unavailable: the database is away; what was taken is known.
    """
    async with engine.connection() as connection:
        event = await statements.find_event(connection, environment.id, event_id)
        if event is None:
            return []
        source = await sources.find_environment(connection, environment.id, event.source_key)
        taken = {row.position for row in await statements.actions_of(connection, [event_id])}
    mappings = [] if source is None else in_order(source.mappings, event.event)
    # A mapping that was changed between two attempts is taken as it is now.
    for position, mapping in enumerate(mappings):
        if position not in taken and event.processed_at is None:
            await _take(engine, environment, event, position, mapping)
    async with engine.unit() as unit:
        held = await statements.find_event(unit.connection, environment.id, event_id, lock=True)
        if held is not None and held.processed_at is None:
            await _tell_waits(unit, event)
            await statements.note_processed(unit.connection, environment.id, event_id, now=unit.now)
        return await statements.actions_of(unit.connection, [event_id])


async def _take(
    engine: Engine,
    environment: EnvironmentScope,
    event: SourceEvent,
    position: int,
    mapping: JsonObject,
) -> None:
    """Take one action, and note what came of it."""
    content, parameters = event.content(), mapping.get("action_parameters") or {}
    action = ActionRow(
        event_id=event.id,
        position=position,
        id=derived_id(event.id, "action", str(position)),
        environment_id=environment.id,
        action_type=mapping["action_type"],
        parameters=parameters,
        payload=storable_json(mapped(parameters, content)),
        status=_OK,
        result=None,
        inserted_at=engine.clock(),
    )
    context = _Context(engine, environment, event, position)
    if not holds(mapping, content, action.inserted_at):
        action = replace(action, status=_SKIPPED, result={"reason": "conditions not met"})
    elif action.action_type == "workflows_trigger":
        await _trigger(context, action)
        return
    else:
        try:
            _check_reach(action)
            result = await ACTIONS[action.action_type](context, action.payload or {})
            action = replace(action, result=result)
        except Unavailable:
            raise
        except AppError as refusal:
            action = replace(action, status=_ERROR, result=_reason(refusal))
    async with engine.unit() as unit:
        await statements.add_action(unit.connection, action)


async def _trigger(context: _Context, action: ActionRow) -> None:
    """Accept a trigger together with the note of it: both, or neither, and never twice."""
    async with context.engine.unit() as unit:
        # Two attempts at once come one after the other; the later one finds the note.
        await statements.find_event(
            unit.connection, context.environment.id, action.event_id, lock=True
        )
        known = await statements.actions_of(unit.connection, [action.event_id])
        if any(row.position == action.position for row in known):
            return
        try:
            request = read_trigger(action.payload or {})
            # What is refused leaves nothing behind, also when it is refused late.
            async with unit.savepoint():
                run_id = context.run_id
                await trigger_within(unit, context.environment, request, run_id)
            action = replace(action, result={"workflow_run_id": str(run_id)})
        except Unavailable:
            raise
        except AppError as refusal:
            action = replace(action, status=_ERROR, result=_reason(refusal))
        await statements.add_action(unit.connection, action)


def holds(mapping: JsonObject, content: JsonObject, now: datetime) -> bool:
    """Judge the conditions of a mapping; the event is `event.body` and `event.headers` in them."""
    group = read_condition_group(mapping.get("conditions"))
    event = {**content, "headers": Headers(content.get("headers") or {})}
    scope = ConditionScope(values={"event": event}, now=now)
    return evaluate(group, scope).passed


def _reason(refusal: AppError) -> JsonObject:
    reason: JsonObject = {"code": refusal.code, "message": refusal.message}
    if isinstance(refusal, InvalidParams):
        reason["errors"] = [
            {"field": error.field, "message": error.message} for error in refusal.errors
        ]
    return reason


def _check_reach(action: ActionRow) -> None:
    """Refuse an action that its mapping confines to what the event does not name.

    Raises:
        InvalidParams: at the parameter; without it all recipients would be meant, say.
    """
    name = _NARROWING.get(action.action_type)
    mapped_to, found = action.parameters or {}, action.payload or {}
    if name is not None and name in mapped_to and name not in found:
        raise InvalidParams.of(name, "is part of the mapping, but was not found in the event")


class _Context:
    """What an action is taken with."""

    def __init__(
        self,
        engine: Engine,
        environment: EnvironmentScope,
        event: SourceEvent,
        position: int,
    ) -> None:
        self.engine = engine
        self.environment = environment
        self.run_id = derived_id(event.id, "triggered", str(position))


Action = Callable[[_Context, JsonObject], Awaitable[JsonObject | None]]


def _text(payload: JsonObject, *names: str) -> str:
    """Return the first of some members that is there, as text. Raises InvalidParams."""
    for name in names:
        value = named(payload.get(name))
        if isinstance(value, str) and value:
            return value
    raise InvalidParams.of(names[0], "is required, but was not found in the event")


def _properties(payload: JsonObject) -> JsonObject:
    """Return what is said of somebody: members, and those under `properties`."""
    own = {name: value for name, value in payload.items() if name not in ("id", "collection")}
    nested = own.pop("properties", None)
    return {**own, **nested} if isinstance(nested, dict) else own


def _object(payload: JsonObject) -> RecipientRef:
    collection = _text(payload, "collection")
    if collection.startswith("$"):
        raise InvalidParams.of("collection", "must not begin with $")
    return RecipientRef(collection, _text(payload, "id", "object_id"))


async def _identify(context: _Context, payload: JsonObject) -> None:
    ref = RecipientRef(USERS, _text(payload, "id", "user_id"))
    given = read_shape(UserIn, _properties(payload))
    await recipients.store_recipient(context.engine, context.environment, ref, given)


async def _set_object(context: _Context, payload: JsonObject) -> None:
    given = read_shape(ObjectIn, _properties(payload))
    await recipients.store_recipient(context.engine, context.environment, _object(payload), given)


async def _set_tenant(context: _Context, payload: JsonObject) -> None:
    ref = RecipientRef(TENANTS, _text(payload, "id", "tenant_id"))
    given = read_shape(TenantIn, _properties(payload))
    await recipients.store_recipient(context.engine, context.environment, ref, given)


async def _delete(context: _Context, ref: RecipientRef) -> JsonObject:
    """Who is not there needs no deleting: a repeated action comes to the same."""
    try:
        await departures.delete_recipient(context.engine, context.environment, ref)
    except NotFound:
        return {"deleted": False}
    return {"deleted": True}


async def _delete_user(context: _Context, payload: JsonObject) -> JsonObject:
    return await _delete(context, RecipientRef(USERS, _text(payload, "id", "user_id")))


async def _delete_object(context: _Context, payload: JsonObject) -> JsonObject:
    return await _delete(context, _object(payload))


async def _delete_tenant(context: _Context, payload: JsonObject) -> JsonObject:
    return await _delete(context, RecipientRef(TENANTS, _text(payload, "id", "tenant_id")))


async def _subscribe(context: _Context, payload: JsonObject) -> JsonObject:
    body = {"recipients": listed(payload.get("recipients"))}
    if "properties" in payload:
        body["properties"] = payload["properties"]
    given = read_shape(SubscribeIn, body)
    target = _object(payload)
    found = await subscriptions.subscribe(context.engine, context.environment, target, given)
    return {"subscriptions": len(found)}


async def _unsubscribe(context: _Context, payload: JsonObject) -> JsonObject:
    given = read_shape(UnsubscribeIn, {"recipients": listed(payload.get("recipients"))})
    target = _object(payload)
    found = await subscriptions.unsubscribe(context.engine, context.environment, target, given)
    return {"subscriptions": len(found)}


def read_membership(payload: JsonObject) -> tuple[str, MembersIn]:
    """Return the key of an audience, and its member with what is said of it. Raises InvalidParams.

    A user that is the part of an event that describes it comes with its properties.
    """
    given = payload.get("user")
    if isinstance(given, dict):
        user = {**given, "id": _text(given, "id")}
    else:
        user = {"id": _text(payload, "user", "user_id")}
    member: JsonObject = {"user": user, "tenant": named(payload.get("tenant"))}
    return _text(payload, "key", "audience_key"), read_shape(MembersIn, {"members": [member]})


async def _add_member(context: _Context, payload: JsonObject) -> None:
    key, given = read_membership(payload)
    await members.add_members(context.engine, context.environment, key, given)


async def _remove_member(context: _Context, payload: JsonObject) -> None:
    key, given = read_membership(payload)
    await members.remove_members(context.engine, context.environment, key, given)


def read_trigger(payload: JsonObject) -> TriggerRequest:
    """Read the parameters of a trigger. Raises InvalidParams."""
    key = _text(payload, "key", "workflow_key")
    body = {name: value for name, value in payload.items() if name not in ("key", "workflow_key")}
    body["recipients"] = listed(body.get("recipients"))
    body |= {name: named(body[name]) for name in _NAMES_OF_TRIGGERS if name in body}
    return parse_trigger_request(key, body, source_type="integration")


async def _cancel(context: _Context, payload: JsonObject) -> None:
    key = _text(payload, "key", "workflow_key")
    body: JsonObject = {"cancellation_key": _text(payload, "cancellation_key")}
    if "recipients" in payload:
        body["recipients"] = listed(payload["recipients"])
    await cancel(context.engine, context.environment, parse_cancel_request(key, body))


# All but the trigger, which is one transaction with its note.
ACTIONS: dict[str, Action] = {
    "users_identify": _identify,
    "users_delete": _delete_user,
    "objects_set": _set_object,
    "objects_delete": _delete_object,
    "tenants_set": _set_tenant,
    "tenants_delete": _delete_tenant,
    "objects_subscribe": _subscribe,
    "objects_unsubscribe": _unsubscribe,
    "audiences_add_member": _add_member,
    "audiences_remove_member": _remove_member,
    "workflows_cancel": _cancel,
}


async def _tell_waits(unit: Unit, event: SourceEvent) -> None:
    """Owe the runs that wait for an event the word of it; each says where its recipient stands."""
    paths = await statements.recipient_paths(
        unit.connection, event.environment_id, event.source_key, event.event
    )
    named = []
    for path in paths:
        found = found_at(event.content(), path)
        if isinstance(found, dict):
            named.append((path, str(found.get("collection")), str(found.get("id"))))
        elif found is not None:
            named.append((path, USERS, str(found)))
    waiting = await statements.waiting_runs(
        unit.connection, event.environment_id, event.source_key, event.event, named
    )
    await tell_runs(unit, waiting)
