"""Serves Census and Hightouch: says what can be synced, and adds and removes members of audiences.

Rows are worked on set-based, an audience at a time; each that is refused is told with its reason.
A batch may be sent again: who is in an audience stays in it, and triggers nothing once more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from domain.audiences.destinations import (
    AUDIENCE_KEY,
    MAX_AUDIENCES,
    TENANT,
    USER_ID,
    CensusAboutIn,
    CensusBatchIn,
    HightouchBatchIn,
    HightouchSetUpIn,
    RowIn,
    RpcError,
    RpcIn,
)
from domain.audiences.members import MAX_MEMBERS, AudienceMemberIn, MembersIn
from domain.kit.errors import InvalidParams, NotFound, Unprocessable
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.kit.shapes import Shape, read_shape
from services.audiences.members import add_members, remove_members
from services.engine import Engine

S = TypeVar("S", bound=Shape)
_Method = Callable[[Engine, EnvironmentScope, JsonObject], Awaitable[JsonObject]]
# How many requests Census may send at once; each is a few statements, and they meet at the same
# rows.
_PARALLEL_BATCHES = 4
_RECORDS_PER_SECOND = 10_000


async def call_census(engine: Engine, environment: EnvironmentScope, call: RpcIn) -> JsonObject:
    """Do what Census calls, and return the result.

    Raises:
        RpcError: there is no such method, or its parameters are not as they have to be.
        Unavailable: the database is away, or somebody is deleted meanwhile; Census calls again.
    """
    return await _called(_CENSUS, engine, environment, call)


async def call_hightouch(engine: Engine, environment: EnvironmentScope, call: RpcIn) -> JsonObject:
    """Do what Hightouch calls, and return the result. Raises as `call_census`."""
    return await _called(_HIGHTOUCH, engine, environment, call)


async def _called(
    methods: Mapping[str, _Method], engine: Engine, environment: EnvironmentScope, call: RpcIn
) -> JsonObject:
    method = methods.get(call.method)
    if method is None:
        known = ", ".join(methods)
        raise RpcError(RpcError.METHOD_NOT_FOUND, f"This destination has the methods {known}.")
    return await method(engine, environment, call.params or {})


def _read(shape: type[S], params: JsonObject) -> S:
    try:
        return read_shape(shape, params, field="params")
    except InvalidParams as refusal:
        raise RpcError(RpcError.INVALID_PARAMS, refusal.reasons) from None


async def _sync(
    engine: Engine,
    environment: EnvironmentScope,
    rows: Sequence[JsonObject],
    *,
    removes: bool,
    creates: bool,
) -> list[str | None]:
    """Add the members that rows name, or remove them; return for each row why it was refused.

    Args:
        engine: the parts of this process.
        environment: where.
        rows: as `RowIn` reads them.
        removes: whether they leave instead.
        creates: whether audiences that are not there are made.
    """
    refused: dict[int, str] = {}
    audiences: dict[str, dict[int, AudienceMemberIn]] = {}
    for index, row in enumerate(rows):
        try:
            read = read_shape(RowIn, row)
        except InvalidParams as refusal:
            refused[index] = refusal.reasons
        else:
            audiences.setdefault(read.audience_key, {})[index] = read.member
    for number, (key, members) in enumerate(audiences.items(), 1):
        if number > MAX_AUDIENCES:
            refused |= dict.fromkeys(
                members, f"A batch may contain at most {MAX_AUDIENCES} audiences."
            )
            continue
        given = MembersIn(members=list(members.values()))
        try:
            if removes:
                await remove_members(engine, environment, key, given)
            else:
                await add_members(engine, environment, key, given, create=creates)
        except (NotFound, Unprocessable, InvalidParams) as refusal:
            refused |= dict.fromkeys(members, refusal.reasons)
    return [refused.get(index) for index in range(len(rows))]


async def _test_connection(
    engine: Engine, environment: EnvironmentScope, params: JsonObject
) -> JsonObject:
    """Say yes: the key was good, and the database that knows it answers."""
    return {"success": True}


async def _census_objects(
    engine: Engine, environment: EnvironmentScope, params: JsonObject
) -> JsonObject:
    return {"objects": [{"object_api_name": "audience", "label": "Audiences"}]}


async def _census_fields(
    engine: Engine, environment: EnvironmentScope, params: JsonObject
) -> JsonObject:
    _read(CensusAboutIn, params)
    return {
        "fields": [
            {
                "field_api_name": name,
                "label": label,
                "identifier": name == USER_ID,
                "required": True,
                "createable": True,
                "updateable": False,
                "type": "string",
                "array": False,
            }
            for name, label in ((USER_ID, "User ID"), (AUDIENCE_KEY, "Audience key"))
        ]
    }


async def _census_operations(
    engine: Engine, environment: EnvironmentScope, params: JsonObject
) -> JsonObject:
    _read(CensusAboutIn, params)
    return {"operations": ["insert", "mirror"]}


async def _census_speed(
    engine: Engine, environment: EnvironmentScope, params: JsonObject
) -> JsonObject:
    return {
        "maximum_batch_size": MAX_MEMBERS,
        "maximum_parallel_batches": _PARALLEL_BATCHES,
        "maximum_records_per_second": _RECORDS_PER_SECOND,
    }


async def _census_batch(
    engine: Engine, environment: EnvironmentScope, params: JsonObject
) -> JsonObject:
    batch = _read(CensusBatchIn, params)
    removes = batch.sync_plan.operation == "delete"
    refusals = await _sync(engine, environment, batch.records, removes=removes, creates=False)
    identifier = batch.sync_plan.identifier
    return {
        "record_results": [
            {"identifier": record.get(identifier), "success": reason is None}
            | ({"error_message": reason} if reason else {})
            for record, reason in zip(batch.records, refusals, strict=True)
        ]
    }


async def _hightouch_objects(
    engine: Engine, environment: EnvironmentScope, params: JsonObject
) -> JsonObject:
    return {"objects": [{"id": "audiences", "label": "Audiences"}]}


async def _hightouch_modes(
    engine: Engine, environment: EnvironmentScope, params: JsonObject
) -> JsonObject:
    return {
        "modes": [
            {
                "id": "insert",
                "label": "Insert only",
                "description": "Adds new records of your model; removes nobody.",
            },
            {
                "id": "mirror",
                "label": "Mirror",
                "description": "Adds new records of your model, and removes those that left it.",
            },
        ]
    }


async def _hightouch_fields(
    engine: Engine, environment: EnvironmentScope, params: JsonObject
) -> JsonObject:
    return {
        "fields": [
            {"id": USER_ID, "label": "User ID", "type": "STRING", "identifier": True},
            {"id": TENANT, "label": "Tenant", "type": "STRING"},
        ]
    }


async def _hightouch_options(
    engine: Engine, environment: EnvironmentScope, params: JsonObject
) -> JsonObject:
    key = {
        "title": "Audience key",
        "description": "The audience to sync to; it is created if it does not exist.",
        "type": "string",
    }
    schema = {"type": "object", "required": [AUDIENCE_KEY], "properties": {AUDIENCE_KEY: key}}
    return {"options": {"schema": schema, "uiSchema": {}}}


async def _hightouch_validate(
    engine: Engine, environment: EnvironmentScope, params: JsonObject
) -> JsonObject:
    """Say what would keep a sync from running, before it is saved."""
    try:
        configuration = read_shape(HightouchSetUpIn, params).configuration
    except InvalidParams as refusal:
        return {"errors": [str(each) for each in refusal.errors]}
    if USER_ID not in configuration.read({}):
        return {"errors": ["Map one of your columns to User ID."]}
    return {"errors": []}


async def _hightouch_behavior(
    engine: Engine, environment: EnvironmentScope, params: JsonObject
) -> JsonObject:
    mirrors = _read(HightouchSetUpIn, params).configuration.mode == "mirror"
    return {
        "batchSize": MAX_MEMBERS,
        "operations": {"add": True, "change": False, "remove": mirrors},
        "skipInitialRun": False,
    }


def _hightouch_batch(*, removes: bool) -> _Method:
    async def work(engine: Engine, environment: EnvironmentScope, params: JsonObject) -> JsonObject:
        batch = _read(HightouchBatchIn, params)
        rows = [batch.configuration.read(row) for row in batch.rows]
        refusals = await _sync(engine, environment, rows, removes=removes, creates=True)
        return {
            "rejectedRows": [
                {"index": index, "row": row, "reason": reason}
                for index, (row, reason) in enumerate(zip(batch.rows, refusals, strict=True))
                if reason is not None
            ]
        }

    return work


_CENSUS: Mapping[str, _Method] = {
    "test_connection": _test_connection,
    "list_objects": _census_objects,
    "list_fields": _census_fields,
    "supported_operations": _census_operations,
    "get_sync_speed": _census_speed,
    "sync_batch": _census_batch,
}
_HIGHTOUCH: Mapping[str, _Method] = {
    "test_connection": _test_connection,
    "list_objects": _hightouch_objects,
    "list_modes": _hightouch_modes,
    "list_fields": _hightouch_fields,
    "list_options": _hightouch_options,
    "validate": _hightouch_validate,
    "behavior": _hightouch_behavior,
    "add": _hightouch_batch(removes=False),
    "remove": _hightouch_batch(removes=True),
}
