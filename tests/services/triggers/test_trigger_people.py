"""Triggers that describe people: one statement where nobody would change, a transaction else."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest
from psycopg import AsyncCursor

from domain.kit.errors import BadRequest, Unprocessable
from domain.kit.json_types import JsonObject
from domain.triggers.idempotency import IdempotencyClaim
from domain.triggers.requests import TriggerAnswer, parse_trigger_request
from runtime.database import Database, one
from services.triggers.releases import close_releases
from services.triggers.triggering import trigger
from tests.support.world import World, channel_step

_PEOPLE: JsonObject = {
    "recipients": [{"id": "ellie", "name": "Ellie", "address": {"city": "Rome", "zip": "1"}}],
    "actor": {"id": "ann", "name": "Ann", "created_at": "2026-01-01T00:00:00Z"},
    "tenant": {"id": "acme", "settings": {"branding": {"primary_color": "#000000"}}},
}


@pytest.fixture(autouse=True)
async def workflow(world: World) -> None:
    """Publish the workflow that the tests trigger."""
    await world.publish("flow", channel_step("feed"))


async def _trigger(world: World, key: str | None = None, **body: Any) -> TriggerAnswer:
    claim = None
    if key is not None:
        digest = hashlib.sha256(repr(body).encode()).digest()
        claim = IdempotencyClaim(key, "POST /v1/workflows/flow/trigger", digest, f"request-{key}")
    request = parse_trigger_request("flow", {"recipients": ["ellie"], **body})
    return await trigger(world.engine, world.environment.scope, request, claim)


async def _rows(world: World) -> dict[str, dict[str, Any]]:
    """Return all recipients; `xmin` changes with every write and `xmax` with every lock."""
    rows = await world.make.rows(
        "SELECT id, properties, settings, created_at, updated_at, xmin::text, xmax::text"
        " FROM recipients WHERE environment_id = %s",
        world.environment.id,
    )
    return {row["id"]: row for row in rows}


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every statement of the process."""
    noted: list[str] = []
    execute = AsyncCursor.execute

    async def noting(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        noted.append(str(query))
        return await execute(self, query, *arguments, **options)

    monkeypatch.setattr(AsyncCursor, "execute", noting)
    return noted


@pytest.mark.parametrize(
    "again",
    [
        _PEOPLE,
        {**_PEOPLE, "tenant": "acme", "actor": "ann"},
        {"recipients": [{"id": "ellie", "address": {"zip": "1"}}], "actor": {"id": "ann"}},
    ],
    ids=["the same", "by id", "in part"],
)
async def test_people_as_they_were_take_one_statement(
    world: World, again: JsonObject, statements: list[str]
) -> None:
    """Nothing that is known already is written, or locked, or asked for beforehand."""
    await _trigger(world, **_PEOPLE)
    before = await _rows(world)
    statements.clear()
    await _trigger(world, **again)
    assert len([each for each in statements if "recipients" in each]) == 1
    assert await _rows(world) == before
    assert len(await world.runs()) == 2


async def test_unknown_bare_tenant_takes_one_statement(world: World, statements: list[str]) -> None:
    """A tenant that is only named is stored by the statement that accepts the trigger."""
    await world.make.user(world.environment, "ellie")
    statements.clear()
    answer = await _trigger(world, tenant="acme", recipients=["ellie", _tenant("acme")])
    assert len([each for each in statements if "recipients" in each]) == 1
    assert (await _rows(world))["acme"]["properties"] == {}
    runs = await world.runs(answer.workflow_run_id)
    assert [run["recipient_id"] for run in runs] == ["acme", "ellie"]


def _tenant(tenant_id: str) -> JsonObject:
    return {"collection": "$tenants", "id": tenant_id}


@pytest.mark.parametrize(
    ("changed", "field", "value"),
    [
        ({"actor": {"id": "ann", "name": "Anna"}}, "properties", {"name": "Anna"}),
        ({"actor": {"id": "ann", "tags": [1]}}, "properties", {"name": "Ann", "tags": [1]}),
        (
            {"tenant": {"id": "acme", "settings": {"branding": {"icon": "i"}}}},
            "settings",
            {"branding": {"primary_color": "#000000", "icon": "i"}},
        ),
    ],
)
async def test_whoever_changes_is_stored(
    world: World, changed: JsonObject, field: str, value: Any
) -> None:
    """One change of one person is kept, and the trigger runs once."""
    await _trigger(world, **_PEOPLE)
    answer = await _trigger(world, **{**_PEOPLE, **changed})
    (entry,) = changed.values()
    assert (await _rows(world))[entry["id"]][field] == value
    assert len(await world.runs(answer.workflow_run_id)) == 1


async def test_later_creation_date_is_stored(world: World) -> None:
    """A person's `created_at` is compared as the rest is."""
    await _trigger(world, **_PEOPLE)
    await _trigger(world, actor={"id": "ann", "created_at": "2026-02-02T00:00:00Z"})
    assert (await _rows(world))["ann"]["created_at"].month == 2


@pytest.mark.parametrize("field", ["channel_data", "preferences"])
async def test_reachability_is_stored(world: World, field: str) -> None:
    """Channel data and preferences of a person who is otherwise as before are kept."""
    given = {
        "channel_data": {"11111111-1111-4111-8111-111111111111": {"tokens": ["t"]}},
        "preferences": {"default": {"channel_types": {"email": False}}},
    }
    await _trigger(world, **_PEOPLE)
    await _trigger(world, actor={"id": "ann", field: given[field]})
    table = {"channel_data": "channel_data", "preferences": "preference_sets"}[field]
    rows = await world.make.rows(
        f"SELECT 1 FROM {table} WHERE environment_id = %s AND recipient_id = 'ann'",
        world.environment.id,
    )
    assert len(rows) == 1


@pytest.mark.parametrize("change", [{}, {"actor": {"id": "ann", "name": "Anna"}}])
async def test_key_is_replayed_whether_people_change_or_not(
    world: World, change: JsonObject
) -> None:
    """A replay runs nothing and stores nobody; another request under the key is refused."""
    await _trigger(world, **_PEOPLE)
    body = {**_PEOPLE, **change}
    first = await _trigger(world, "k", **body)
    await _trigger(world, actor={"id": "ann", "name": "Later"})
    second = await _trigger(world, "k", **body)
    assert second.workflow_run_id == first.workflow_run_id
    assert second.replayed_from == "request-k"
    assert (await _rows(world))["ann"]["properties"] == {"name": "Later"}
    with pytest.raises(BadRequest):
        await _trigger(world, "k", **body, data={"other": 1})
    assert len(await world.runs()) == 3


async def test_unknown_actor_leaves_key_and_tenant_alone(world: World) -> None:
    """A trigger that is refused stores neither the tenant that it names nor its key."""
    await world.make.user(world.environment, "ellie")
    with pytest.raises(Unprocessable):
        await _trigger(world, "k", actor="ghost", tenant="acme")
    assert "acme" not in await _rows(world)
    await world.make.user(world.environment, "ghost")
    answer = await _trigger(world, "k", actor="ghost", tenant="acme")
    assert answer.replayed_from is None


async def test_many_triggers_of_one_new_tenant(world: World) -> None:
    """Triggers that name a tenant for the first time at the same moment are all accepted."""
    await world.make.user(world.environment, "ellie")
    await asyncio.gather(*(_trigger(world, tenant="acme") for _ in range(8)))
    assert len(await world.runs()) == 8
    assert (await _rows(world))["acme"]["properties"] == {}


@pytest.mark.parametrize("body", [{}, {"tenant": "acme", "actor": {"id": "ann", "name": "Ann"}}])
async def test_accepting_is_not_planned_anew_each_time(world: World, body: JsonObject) -> None:
    """The server soon keeps a plan for each of the two accepting statements."""
    await _trigger(world, **_PEOPLE)
    database = Database(world.engine.settings.database_url, size=1)
    await database.open()
    alone = world.with_parts(database=database)
    for number in range(14):
        await _trigger(alone, recipients=["ellie", "ghost"][: 1 + number % 2], **body)
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT max(generic_plans) AS kept FROM pg_prepared_statements"
            " WHERE statement LIKE '%INSERT INTO trigger_releases%'"
        )
        kept = one(await cursor.fetchone())["kept"]
    await close_releases(alone.engine)
    await database.close()
    assert kept > 0
