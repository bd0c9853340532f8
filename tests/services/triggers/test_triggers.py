"""Accepting a trigger: what is stored, what is refused, and that a key holds for one request."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest
from psycopg import Rollback

from domain.kit.clock import utc_now
from domain.kit.errors import BadRequest, InvalidParams, NotFound, Unprocessable
from domain.triggers.idempotency import IdempotencyClaim, StoredAnswer
from domain.triggers.requests import TriggerAnswer, parse_trigger_request
from models.queries.triggers.idempotency import claim
from services.triggers.triggering import trigger
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.waiting import until_blocked
from tests.support.world import World, channel_step

SCHEMA = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "items": {"items": {"type": "integer"}}},
}


@pytest.fixture(autouse=True)
async def workflow(world: World) -> None:
    """Publish the workflow that the tests trigger."""
    await world.publish("welcome", channel_step("feed"))


def _claim(key: str = "k", body: str = "body") -> IdempotencyClaim:
    digest = hashlib.sha256(body.encode()).digest()
    return IdempotencyClaim(key, "POST /v1/workflows/welcome/trigger", digest, f"request-{body}")


async def _with_key(world: World, claim: IdempotencyClaim, key: str = "welcome") -> TriggerAnswer:
    request = parse_trigger_request(key, {"recipients": [{"id": "ellie"}]})
    return await trigger(world.engine, world.environment.scope, request, claim)


async def _stored(world: World, recipient_id: str, collection: str = "$users") -> Any:
    rows = await world.make.rows(
        "SELECT properties FROM recipients WHERE environment_id = %s AND collection = %s"
        " AND id = %s",
        *(world.environment.id, collection, recipient_id),
    )
    return rows[0]["properties"] if rows else None


async def _trigger_row(world: World, workflow_run_id: Any) -> dict[str, Any]:
    return (await world.make.rows("SELECT * FROM workflow_runs WHERE id = %s", workflow_run_id))[0]


async def test_one_run_for_each_recipient(world: World, temporal: TemporalRecorder) -> None:
    """Users and objects get a run each, duplicates one together, and all are started."""
    board = {"collection": "boards", "id": "b1", "name": "Board"}
    trigger_id = await world.trigger(
        "welcome", {"id": "a"}, {"id": "b"}, {"id": "a", "name": "A"}, board
    )
    runs = await world.runs(trigger_id)
    assert [(run["collection"], run["recipient_id"]) for run in runs] == [
        ("$users", "a"),
        ("$users", "b"),
        ("boards", "b1"),
    ]
    assert {run["status"] for run in runs} == {"queued"}
    assert {start[1].run_id for start in temporal.starts} == {str(run["id"]) for run in runs}
    assert await _stored(world, "a") == {"name": "A"}
    assert await _stored(world, "b1", "boards") == {"name": "Board"}


async def test_start_says_who_it_is_for(world: World, temporal: TemporalRecorder) -> None:
    """Temporal gets ids only; what may be an address is hashed in the search attributes."""
    trigger_id = await world.trigger(
        "welcome", {"id": "ellie@example.com"}, tenant="acme", cancellation_key="ck"
    )
    ((workflow_id, _, options),) = temporal.starts
    run_id = (await world.runs(trigger_id))[0]["id"]
    assert workflow_id == f"run/{world.environment.scope.slug}/welcome/{run_id}"
    attributes = {pair.key.name: pair.value for pair in options["search_attributes"]}
    assert attributes.pop("RecipientId").startswith("sha256:")
    assert attributes == {
        "Environment": world.environment.scope.slug,
        "WorkflowKey": "welcome",
        "Tenant": "acme",
        "CancellationKey": "ck",
        "WorkflowRunId": str(trigger_id),
    }
    assert "example.com" not in repr(temporal.starts)


async def test_unknown_recipients_get_no_run(world: World, temporal: TemporalRecorder) -> None:
    """A bare id that nobody ever identified is noted on the trigger and passed over."""
    await world.make.user(world.environment, "known")
    trigger_id = await world.trigger("welcome", "known", "ghost", {"collection": "x", "id": "y"})
    assert [run["recipient_id"] for run in await world.runs(trigger_id)] == ["known"]
    row = await _trigger_row(world, trigger_id)
    assert row["missing_recipients"] == ["ghost", {"id": "y", "collection": "x"}]
    assert (row["recipient_count"], len(temporal.starts)) == (1, 1)


async def test_nobody_to_run_for(world: World, temporal: TemporalRecorder) -> None:
    """A trigger for unknown recipients only is accepted, and owes Temporal nothing."""
    trigger_id = await world.trigger("welcome", "ghost")
    assert (await _trigger_row(world, trigger_id))["recipient_count"] == 0
    assert await world.release(trigger_id) is None
    assert temporal.starts == []


async def test_unknown_actor_is_refused(world: World) -> None:
    """An actor given by an id that was never identified refuses the trigger as a whole."""
    with pytest.raises(Unprocessable, match="ghost") as refused:
        await world.trigger("welcome", {"id": "new"}, actor="ghost")
    assert refused.value.code == "actor_missing"
    assert await _stored(world, "new") is None
    assert await world.runs() == []


async def test_actor_identified_inline(world: World) -> None:
    """An actor given inline is stored, and may be named by id from then on."""
    await world.trigger("welcome", {"id": "a"}, actor={"id": "boss", "name": "Boss"})
    trigger_id = await world.trigger("welcome", {"id": "a"}, actor="boss")
    assert (await _trigger_row(world, trigger_id))["actor_id"] == "boss"
    assert await _stored(world, "boss") == {"name": "Boss"}


async def test_unknown_tenant_becomes_a_stub(world: World) -> None:
    """A tenant named by an unknown id is made; a known one keeps its properties."""
    await world.trigger("welcome", {"id": "a"}, tenant="acme")
    assert await _stored(world, "acme", "$tenants") == {}
    await world.trigger("welcome", {"id": "a"}, tenant={"id": "acme", "name": "ACME"})
    trigger_id = await world.trigger("welcome", {"id": "a"}, tenant="acme")
    assert await _stored(world, "acme", "$tenants") == {"name": "ACME"}
    assert (await world.runs(trigger_id))[0]["tenant_id"] == "acme"


async def test_one_person_in_two_roles(world: World) -> None:
    """What a request says about one recipient in two places is stored together."""
    await world.trigger("welcome", {"id": "a", "name": "A"}, actor={"id": "a", "title": "Dr"})
    assert await _stored(world, "a") == {"name": "A", "title": "Dr"}


async def test_unknown_workflow(world: World) -> None:
    """A key that was never committed here is not found."""
    with pytest.raises(NotFound) as missing:
        await world.trigger("nothing")
    assert missing.value.code == "workflow_missing"


async def test_inactive_workflow(world: World) -> None:
    """A workflow that is turned off refuses triggers, and takes them when it is on again."""
    await world.activate("welcome", active=False)
    with pytest.raises(Unprocessable) as refused:
        await world.trigger("welcome")
    assert refused.value.code == "workflow_inactive"
    await world.activate("welcome", active=True)
    await world.trigger("welcome")


async def test_data_that_breaks_the_schema(world: World) -> None:
    """Every violation of the workflow's JSON Schema is named at its place; nothing is stored."""
    await world.publish("checked", channel_step("feed"), trigger_data_json_schema=SCHEMA)
    with pytest.raises(InvalidParams) as refused:
        await world.trigger("checked", {"id": "new"}, data={"items": [1, "two", "three"]})
    assert [error.field for error in refused.value.errors] == [
        "data",
        "data.items[1]",
        "data.items[2]",
    ]
    assert await _stored(world, "new") is None
    await world.trigger("checked", {"id": "new"}, data={"name": "n", "items": [1]})


async def test_schema_is_judged_by_the_draft_that_it_names(world: World) -> None:
    """A list under `items` means positions in draft 7, which a newer draft would refuse."""
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {"pair": {"items": [{"type": "integer"}, {"type": "string"}]}},
    }
    await world.publish("draft", channel_step("feed"), trigger_data_json_schema=schema)
    await world.trigger("draft", data={"pair": [1, "a"]})
    with pytest.raises(InvalidParams) as refused:
        await world.trigger("draft", data={"pair": ["a", 1]})
    assert [error.field for error in refused.value.errors] == ["data.pair[0]", "data.pair[1]"]


async def test_key_replays_the_first_answer(world: World, temporal: TemporalRecorder) -> None:
    """The same request under the same key is answered as before, and runs nothing."""
    first = await _with_key(world, _claim())
    second = await _with_key(world, _claim())
    assert second.workflow_run_id == first.workflow_run_id
    assert (first.replayed_from, second.replayed_from) == (None, "request-body")
    assert (len(await world.runs()), len(temporal.starts)) == (1, 1)


async def test_1_ten_at_once_run_once(world: World) -> None:
    """Identical requests at the same moment wait for the first and get its answer."""
    answers = await asyncio.gather(*(_with_key(world, _claim()) for _ in range(10)))
    assert len({answer.workflow_run_id for answer in answers}) == 1
    assert [answer.replayed_from for answer in answers].count(None) == 1
    assert len(await world.runs()) == 1


async def test_key_of_another_request(world: World) -> None:
    """A key that was used for a different request is refused."""
    await _with_key(world, _claim())
    with pytest.raises(BadRequest) as refused:
        await _with_key(world, _claim(body="other"))
    assert refused.value.code == "idempotency_key_mismatch"
    assert len(await world.runs()) == 1


async def test_failed_request_leaves_its_key_free(world: World) -> None:
    """A request that was refused is no answer to replay: the next one runs."""
    await world.activate("welcome", active=False)
    with pytest.raises(Unprocessable):
        await _with_key(world, _claim())
    await world.activate("welcome", active=True)
    assert (await _with_key(world, _claim())).replayed_from is None


async def test_failing_first_of_twins_frees_the_key(world: World) -> None:
    """A twin waits for the first request; when that fails it takes the key and does the work."""
    database, environment_id = world.engine.database, world.environment.id
    async with database.transaction() as connection:
        mine = StoredAnswer(200, {"workflow_run_id": "never"}, "request-first")
        await claim(connection, environment_id, _claim(), answer=mine, now=utc_now())
        twin = asyncio.create_task(_with_key(world, _claim()))
        await until_blocked(world.make)
        raise Rollback
    assert (await twin).replayed_from is None
    assert len(await world.runs()) == 1


async def test_concurrent_triggers_for_the_same_people(world: World) -> None:
    """Triggers that identify the same recipients in opposite orders do not block each other."""
    people = [{"id": f"p{number}", "n": number} for number in range(30)]
    await asyncio.gather(
        *(
            world.trigger("welcome", *(people if turn % 2 else reversed(people)), data={"t": turn})
            for turn in range(8)
        )
    )
    assert len(await world.runs()) == 240


async def test_triggers_of_one_tenant_do_not_wait_for_each_other(world: World) -> None:
    """A tenant and an actor who would not change are not even locked."""
    await world.publish("plain", channel_step("feed"))
    people = {"tenant": "acme", "actor": {"id": "ann", "name": "Ann"}}
    await world.trigger("plain", {"id": "ellie"}, **people)
    async with world.engine.database.transaction() as connection:
        await connection.execute("SELECT FROM recipients FOR UPDATE")
        await asyncio.wait_for(world.trigger("plain", {"id": "ellie"}, **people), 5)
    assert len(await world.runs()) == 2
