"""Census and Hightouch, which keep audiences by JSON-RPC."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.world import World

CENSUS = "/v1/integrations/census/custom-destination"
HIGHTOUCH = "/v1/integrations/hightouch/embedded-destination"
MEMBERS = "/v1/audiences/beta/members"
AUDIENCE = {"object": {"object_api_name": "audience", "label": "Audiences"}}


async def call(client: httpx.AsyncClient, path: str, method: str, **params: Any) -> dict[str, Any]:
    """Call a method; returns the whole answer."""
    body = {"id": "7", "jsonrpc": "2.0", "method": method, "params": params}
    response = await client.post(path, json=body)
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    assert (answer["id"], answer["jsonrpc"]) == ("7", "2.0")
    return answer


async def sync(client: httpx.AsyncClient, operation: str, *records: Any) -> list[dict[str, Any]]:
    """Send a batch as Census does; returns what became of each record."""
    schema = {"user_id": {"active_identifier": True}, "audience_key": {"active_identifier": False}}
    plan = {**AUDIENCE, "operation": operation, "schema": schema, "sync_id": 1, "sync_run_id": 2}
    answer = await call(client, CENSUS, "sync_batch", sync_plan=plan, records=list(records))
    results: list[dict[str, Any]] = answer["result"]["record_results"]
    return results


def configured(mode: str = "mirror", **changes: Any) -> dict[str, Any]:
    """Write a sync of Hightouch."""
    return {
        "object": "audiences",
        "mode": mode,
        "identifierMapping": {"from": "uid", "to": "user_id"},
        "mappings": [{"from": "org", "to": "tenant"}],
        "audience_key": "beta",
        **changes,
    }


async def members(client: httpx.AsyncClient) -> set[tuple[str, str | None]]:
    """Return who is in the audience, for which tenant."""
    entries = (await client.get(MEMBERS)).json()["entries"]
    return {(one["user_id"], one["tenant"]) for one in entries}


async def test_census_plans_a_sync(client: httpx.AsyncClient) -> None:
    """It finds one object, whose fields and operations are enough to make a sync of."""
    assert (await call(client, CENSUS, "test_connection"))["result"] == {"success": True}
    (found,) = (await call(client, CENSUS, "list_objects"))["result"]["objects"]
    fields = (await call(client, CENSUS, "list_fields", object=found))["result"]["fields"]
    assert [each["field_api_name"] for each in fields if each["identifier"]] == ["user_id"]
    assert all(each["required"] and each["type"] == "string" for each in fields)
    operations = await call(client, CENSUS, "supported_operations", object=found)
    assert operations["result"] == {"operations": ["insert", "mirror"]}
    speed = (await call(client, CENSUS, "get_sync_speed"))["result"]
    assert speed["maximum_batch_size"] == 1000


async def test_census_mirrors_an_audience(client: httpx.AsyncClient, world: World) -> None:
    """Members come and go with records; the same batch twice changes nothing."""
    await world.audience("beta")
    ellie, alan = ({"user_id": who, "audience_key": "beta"} for who in ("ellie", "alan"))
    for _ in range(2):
        assert await sync(client, "upsert", ellie, alan) == [
            {"identifier": "ellie", "success": True},
            {"identifier": "alan", "success": True},
        ]
    assert await members(client) == {("ellie", None), ("alan", None)}
    for _ in range(2):
        assert await sync(client, "delete", alan) == [{"identifier": "alan", "success": True}]
    assert await members(client) == {("ellie", None)}


async def test_census_is_told_of_each_record(client: httpx.AsyncClient, world: World) -> None:
    """What is refused has its reason in its place, and the rest is done."""
    await world.audience("beta")
    results = await sync(
        client,
        "insert",
        {"user_id": "ellie", "audience_key": "beta"},
        {"user_id": "a/b", "audience_key": "beta"},
        {"audience_key": "beta"},
        {"user_id": "ian", "audience_key": "nowhere"},
        {"user_id": 7, "audience_key": "beta"},
    )
    assert [each["success"] for each in results] == [True, False, False, False, True]
    assert [each["identifier"] for each in results] == ["ellie", "a/b", None, "ian", 7]
    assert "user_id" in results[1]["error_message"]
    assert "nowhere" in results[3]["error_message"]
    assert await members(client) == {("ellie", None), ("7", None)}


async def test_who_enters_triggers_once(client: httpx.AsyncClient, world: World) -> None:
    """A member that a sync adds triggers the workflows of the audience, as any other."""
    await world.audience("beta")
    await world.publish("hello", audience_trigger={"audience_key": "beta"})
    record = {"user_id": "ellie", "audience_key": "beta"}
    await sync(client, "upsert", record)
    await sync(client, "upsert", record)
    assert len(await world.runs()) == 1


async def test_hightouch_sets_up_a_sync(client: httpx.AsyncClient) -> None:
    """It finds object, modes, fields and the form for the key, and says what is wrong with them."""
    (found,) = (await call(client, HIGHTOUCH, "list_objects"))["result"]["objects"]
    modes = (await call(client, HIGHTOUCH, "list_modes", object=found["id"]))["result"]["modes"]
    assert [each["id"] for each in modes] == ["insert", "mirror"]
    fields = await call(client, HIGHTOUCH, "list_fields", object=found["id"], mode="mirror")
    assert [each["id"] for each in fields["result"]["fields"]] == ["user_id", "tenant"]
    options = await call(client, HIGHTOUCH, "list_options", object=found["id"])
    assert options["result"]["options"]["schema"]["required"] == ["audience_key"]
    good = await call(client, HIGHTOUCH, "validate", configuration=configured())
    assert good["result"] == {"errors": []}
    for bad in (configured(audience_key=""), configured(identifierMapping=None)):
        answer = await call(client, HIGHTOUCH, "validate", configuration=bad)
        assert len(answer["result"]["errors"]) == 1
    for mode, removes in (("insert", False), ("mirror", True)):
        answer = await call(client, HIGHTOUCH, "behavior", configuration=configured(mode))
        operations = answer["result"]["operations"]
        assert operations == {"add": True, "change": False, "remove": removes}


async def test_hightouch_mirrors_an_audience(client: httpx.AsyncClient) -> None:
    """The audience is made by the first batch; rows are read by the mapping of their columns."""
    rows = [{"uid": "ellie", "org": "ingen"}, {"uid": "alan", "org": None}, {"uid": ""}]
    added = await call(client, HIGHTOUCH, "add", configuration=configured(), rows=rows, idColumn="")
    (rejected,) = added["result"]["rejectedRows"]
    assert (rejected["index"], rejected["row"]) == (2, {"uid": ""})
    assert await members(client) == {("ellie", "ingen"), ("alan", None)}
    gone = await call(client, HIGHTOUCH, "remove", configuration=configured(), rows=rows[:1])
    assert gone["result"] == {"rejectedRows": []}
    assert await members(client) == {("alan", None)}


@pytest.mark.parametrize(
    ("path", "method", "params", "code"),
    [
        (CENSUS, "sync_data", {}, -32601),
        (HIGHTOUCH, "change", {}, -32601),
        (CENSUS, "sync_batch", {}, -32602),
        (CENSUS, "list_fields", {"object": {"object_api_name": "user"}}, -32602),
        (HIGHTOUCH, "add", {"configuration": {"audience_key": "beta"}}, -32602),
        (HIGHTOUCH, "add", {"configuration": configured(), "rows": [{}] * 1001}, -32602),
    ],
)
async def test_what_is_not_done(
    client: httpx.AsyncClient, path: str, method: str, params: dict[str, Any], code: int
) -> None:
    """An unknown method or bad parameters are an error of JSON-RPC, which says what is wrong."""
    answer = await call(client, path, method, **params)
    assert answer["error"]["code"] == code
    assert answer["error"]["message"]
    assert "result" not in answer


async def test_a_dynamic_audience_keeps_itself(client: httpx.AsyncClient, world: World) -> None:
    """Its members follow from conditions, so each record is refused."""
    await world.audience(
        "beta", [{"property": "recipient.plan", "operator": "equal_to", "argument": "pro"}]
    )
    (result,) = await sync(client, "upsert", {"user_id": "ellie", "audience_key": "beta"})
    assert (result["success"], "conditions" in result["error_message"]) == (False, True)


async def test_a_body_that_is_no_call(client: httpx.AsyncClient) -> None:
    """What has no method is refused as any body is."""
    response = await client.post(CENSUS, json={"id": "1", "jsonrpc": "2.0"})
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["method"]
