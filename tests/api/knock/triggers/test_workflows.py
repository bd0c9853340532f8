"""Trigger and cancel over HTTP: what is accepted, what is refused, and idempotency."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from domain.kit.clock import utc_now
from tests.support.builders import Builder, Environment
from tests.support.temporal_recorder import TemporalRecorder

PATH = "/v1/workflows/welcome/trigger"


@pytest.fixture(autouse=True)
async def _workflow(make: Builder, environment: Environment) -> None:
    """Publish a workflow, and one that is inactive."""
    await make.workflow(environment, "welcome")
    await make.workflow(environment, "asleep", is_active=False)
    await make.workflow(
        environment,
        "strict",
        trigger_data_json_schema={"type": "object", "required": ["name"]},
    )
    await make.user(environment, "ellie")


async def _runs(make: Builder, environment: Environment) -> int:
    rows = await make.rows(
        "SELECT count(*) AS n FROM recipient_runs WHERE environment_id = %s", environment.id
    )
    return int(rows[0]["n"])


async def test_a_trigger_is_accepted_and_started(
    client: httpx.AsyncClient,
    make: Builder,
    environment: Environment,
    temporal: TemporalRecorder,
) -> None:
    """A trigger answers its run id, stores one run a recipient, and starts them."""
    body = {"recipients": ["ellie", {"id": "new", "name": "New"}], "tenant": "acme"}
    response = await client.post(PATH, json=body)
    assert response.status_code == 200
    assert response.json().keys() == {"workflow_run_id"}
    assert await _runs(make, environment) == 2
    assert len(temporal.starts) == 2
    assert (await client.get("/v1/users/new")).json()["name"] == "New"
    assert (await client.get("/v1/tenants/acme")).status_code == 200


def _nested(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(depth):
        document = {"a": document}
    return document


@pytest.mark.parametrize(
    ("key", "body", "status", "code"),
    [
        ("unknown", {"recipients": ["ellie"]}, 404, "workflow_missing"),
        ("x" * 300, {"recipients": ["ellie"]}, 404, "workflow_missing"),
        ("a%00b", {"recipients": ["ellie"]}, 404, "workflow_missing"),
        ("asleep", {"recipients": ["ellie"]}, 422, "workflow_inactive"),
        ("unknown", {}, 404, "workflow_missing"),
        ("x" * 300, {}, 404, "workflow_missing"),
        ("asleep", {"recipients": [1]}, 422, "workflow_inactive"),
        ("welcome", {}, 422, "invalid_params"),
        ("welcome", {"recipients": []}, 422, "invalid_params"),
        ("welcome", {"recipients": "ellie"}, 422, "invalid_params"),
        ("welcome", {"recipients": [f"u{n}" for n in range(1001)]}, 422, "invalid_params"),
        ("welcome", {"recipients": [1]}, 422, "invalid_params"),
        ("welcome", {"recipients": [{}]}, 422, "invalid_params"),
        ("welcome", {"recipients": [{"collection": "projects"}]}, 422, "invalid_params"),
        ("welcome", {"recipients": ["x" * 300]}, 422, "invalid_params"),
        ("welcome", {"recipients": ["a/b"]}, 422, "invalid_params"),
        ("welcome", {"recipients": ["a\x00"]}, 422, "invalid_params"),
        ("welcome", {"recipients": ["\ud800"]}, 422, "invalid_params"),
        ("welcome", {"recipients": ["ellie"], "actor": "stranger"}, 422, "actor_missing"),
        ("welcome", {"recipients": ["ellie"], "data": [1]}, 422, "invalid_params"),
        ("welcome", {"recipients": ["ellie"], "data": _nested(70)}, 422, "invalid_params"),
        ("welcome", {"recipients": ["ellie"], "cancellation_key": 1}, 422, "invalid_params"),
        ("welcome", {"recipients": ["ellie"], "tenant": 1}, 422, "invalid_params"),
        ("welcome", {"recipients": [{"id": "a", "collection": "b/c"}]}, 422, "invalid_params"),
        ("welcome", {"recipients": [{"id": "a", "email": 5}]}, 422, "invalid_params"),
        (
            "welcome",
            {"recipients": ["a"], "tenant": {"id": "t", "name": 1}},
            422,
            "invalid_params",
        ),
        ("strict", {"recipients": ["ellie"]}, 422, "invalid_params"),
    ],
)
async def test_bad_triggers_leave_nothing(
    client: httpx.AsyncClient,
    *,
    make: Builder,
    environment: Environment,
    temporal: TemporalRecorder,
    key: str,
    body: dict[str, Any],
    status: int,
    code: str,
) -> None:
    """A trigger that is refused answers the documented code, stores nothing, and starts nothing."""
    # Not `json=`: the client would refuse to send a lone surrogate.
    response = await client.post(f"/v1/workflows/{key}/trigger", content=json.dumps(body))
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert await _runs(make, environment) == 0
    assert temporal.starts == []


async def test_data_over_10_mb_is_refused(client: httpx.AsyncClient) -> None:
    """Trigger data may have 10 MB, which is more than other bodies may."""
    over = {"recipients": ["ellie"], "data": {"blob": "x" * (10 * 1024 * 1024)}}
    under = {"recipients": ["ellie"], "data": {"blob": "x" * (9 * 1024 * 1024)}}
    assert (await client.post(PATH, json=over)).status_code == 422
    assert (await client.post(PATH, json=under)).status_code == 200


async def test_a_repeated_key_replays_the_answer(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """The same request with the same key is answered as before, and runs only once."""
    headers = {"idempotency-key": "k1"}
    first = await client.post(PATH, json={"recipients": ["ellie"]}, headers=headers)
    again = await client.post(PATH, content=b'{ "recipients" : ["ellie"] }', headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-x-request-id"] == first.headers["x-request-id"]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert "idempotent-replayed" not in first.headers
    assert await _runs(make, environment) == 1


@pytest.mark.parametrize("change", ["body", "query"])
async def test_a_key_belongs_to_one_request(client: httpx.AsyncClient, change: str) -> None:
    """The same key with another request is a 400."""
    headers = {"idempotency-key": "k1"}
    await client.post(PATH, json={"recipients": ["ellie"]}, headers=headers)
    response = await client.post(
        f"{PATH}?x=1" if change == "query" else PATH,
        json={"recipients": ["ellie"] if change == "query" else ["ann"]},
        headers=headers,
    )
    refused = response.json()
    assert (response.status_code, refused["code"]) == (400, "idempotency_key_mismatch")
    assert refused["error"] == refused["message"]


async def test_keys_are_apart_by_operation_and_environment(
    client: httpx.AsyncClient, make: Builder
) -> None:
    """A key used for one workflow or in one environment is free for others."""
    headers = {"idempotency-key": "k1"}
    other = await make.environment()
    await make.workflow(other, "welcome")
    answers = [
        await client.post(PATH, json={"recipients": ["ellie"]}, headers=headers),
        await client.post(
            "/v1/workflows/strict/trigger",
            json={"recipients": ["ellie"], "data": {"name": "x"}},
            headers=headers,
        ),
        await client.post(
            PATH,
            json={"recipients": ["ellie"]},
            headers={**headers, "authorization": f"Bearer {other.secret_key}"},
        ),
    ]
    assert len({answer.json()["workflow_run_id"] for answer in answers}) == 3


async def test_a_refused_request_leaves_its_key_free(client: httpx.AsyncClient) -> None:
    """Only successes are remembered: after a 422 the key may be used for the repaired request."""
    headers = {"idempotency-key": "k1"}
    refused = await client.post(PATH, json={"recipients": []}, headers=headers)
    missing = await client.post(
        PATH, json={"recipients": ["ellie"], "actor": "stranger"}, headers=headers
    )
    accepted = await client.post(PATH, json={"recipients": ["ellie"]}, headers=headers)
    assert [r.status_code for r in (refused, missing, accepted)] == [422, 422, 200]


async def test_an_expired_key_is_free_again(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """After its window a key is taken over by the next request, whatever that is."""
    headers = {"idempotency-key": "k1"}
    first = await client.post(PATH, json={"recipients": ["ellie"]}, headers=headers)
    await make.rows(
        "UPDATE idempotency_records SET expires_at = %s WHERE environment_id = %s RETURNING 1",
        utc_now(),
        environment.id,
    )
    second = await client.post(PATH, json={"recipients": ["ann"]}, headers=headers)
    assert second.status_code == 200
    assert second.json() != first.json()
    assert "idempotent-replayed" not in second.headers


async def test_concurrent_twins_run_once(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """Of many equal requests at once one runs, and all get its answer."""
    answers = await asyncio.gather(
        *(
            client.post(PATH, json={"recipients": ["ellie"]}, headers={"idempotency-key": "twins"})
            for _ in range(8)
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["workflow_run_id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 7
    assert await _runs(make, environment) == 1


async def test_a_key_may_have_255_characters(client: httpx.AsyncClient) -> None:
    """A longer key is a 400 with its own code."""
    for length, status in ((255, 200), (256, 400)):
        response = await client.post(
            PATH, json={"recipients": ["ellie"]}, headers={"idempotency-key": "k" * length}
        )
        assert response.status_code == status
    refused = response.json()
    assert refused["code"] == refused["error"] == "idempotency_key_too_long"


async def test_cancel(client: httpx.AsyncClient, make: Builder, environment: Environment) -> None:
    """A cancel ends the open runs of its key, whole or for some recipients, and answers 204."""
    await make.user(environment, "ann")
    for recipients in (["ellie", "ann"], ["ellie"]):
        await client.post(PATH, json={"recipients": recipients, "cancellation_key": "c1"})
    path = "/v1/workflows/welcome/cancel"
    some = {"cancellation_key": "c1", "recipients": ["ann"]}
    response = await client.post(path, json=some)
    assert (response.status_code, response.content) == (204, b"")

    async def cancelled() -> int:
        rows = await make.rows(
            "SELECT 1 FROM recipient_runs "
            "WHERE environment_id = %s AND cancellation_id IS NOT NULL",
            environment.id,
        )
        return len(rows)

    assert await cancelled() == 1
    await client.post(path, json={"cancellation_key": "c1"})
    assert await cancelled() == 3
    assert (await client.post(path, json={"cancellation_key": "none"})).status_code == 204


@pytest.mark.parametrize(
    ("key", "body", "status"),
    [
        ("welcome", {}, 422),
        ("welcome", {"cancellation_key": ""}, 422),
        ("welcome", {"cancellation_key": "c", "recipients": [1]}, 422),
        ("unknown", {"cancellation_key": "c"}, 404),
    ],
)
async def test_bad_cancels(
    client: httpx.AsyncClient, key: str, body: dict[str, Any], status: int
) -> None:
    """A cancel needs a key of a workflow that exists, and recipients that can be understood."""
    assert (await client.post(f"/v1/workflows/{key}/cancel", json=body)).status_code == status


async def test_the_older_paths(client: httpx.AsyncClient) -> None:
    """`/v1/notify` triggers by name and needs an actor; `/v1/notify/cancel` cancels by name."""
    body = {"name": "welcome", "recipients": ["ellie"], "actor": "ellie"}
    assert (await client.post("/v1/notify", json=body)).json().keys() == {"result_id"}
    body.pop("actor")
    assert (await client.post("/v1/notify", json=body)).status_code == 422
    assert (await client.post("/v1/notify", json={"recipients": ["x"]})).status_code == 422
    cancel = {"name": "welcome", "cancellation_key": "c"}
    assert (await client.post("/v1/notify/cancel", json=cancel)).status_code == 204


@pytest.mark.parametrize("path", ["trigger", "cancel", "/v1/notify", "/v1/notify/cancel"])
@pytest.mark.parametrize("key", ["unknown", "k" * 256])
async def test_a_workflow_that_is_not_there_is_told_first(
    client: httpx.AsyncClient, path: str, key: str
) -> None:
    """Whatever is wrong with the rest of the request, on every path that triggers or cancels."""
    is_older = path.startswith("/")
    wrong: dict[str, Any] = {"recipients": [1], "cancellation_key": 7}
    body = {**wrong, "name": key} if is_older else wrong
    refused = await client.post(path if is_older else f"/v1/workflows/{key}/{path}", json=body)
    assert (refused.status_code, refused.json()["code"]) == (404, "workflow_missing")
    body = {**wrong, "name": "welcome"} if is_older else wrong
    refused = await client.post(path if is_older else f"/v1/workflows/welcome/{path}", json=body)
    assert refused.status_code == 422


@pytest.mark.parametrize("name", [None, "", 7])
@pytest.mark.parametrize("path", ["/v1/notify", "/v1/notify/cancel"])
async def test_the_older_paths_need_a_name(client: httpx.AsyncClient, path: str, name: Any) -> None:
    """It is told with everything else that is wrong."""
    refused = await client.post(path, json={"name": name, "recipients": [1]})
    assert refused.status_code == 422
    assert {"name", "recipients[0]"} <= {error["field"] for error in refused.json()["errors"]}


@pytest.mark.parametrize("spelling", ["cancellation_key", "cancelation_key"])
async def test_the_older_paths_take_both_spellings(
    client: httpx.AsyncClient, make: Builder, environment: Environment, spelling: str
) -> None:
    """SDKs of their time wrote the key with one l, in the trigger and in the cancel."""
    body = {"name": "welcome", "recipients": ["ellie"], "actor": "ellie", spelling: "k"}
    assert (await client.post("/v1/notify", json=body)).status_code == 200
    cancel = {"name": "welcome", spelling: "k"}
    assert (await client.post("/v1/notify/cancel", json=cancel)).status_code == 204
    rows = await make.rows(
        "SELECT status FROM recipient_runs WHERE environment_id = %s", environment.id
    )
    assert [row["status"] for row in rows] == ["cancelled"]


async def test_empty_lists_of_php_are_empty_objects(client: httpx.AsyncClient) -> None:
    """PHP writes both as `[]`."""
    body = {
        "recipients": [{"id": "ellie", "channel_data": [], "preferences": [], "$trigger_data": []}],
        "tenant": {"id": "acme", "settings": []},
        "data": [],
        "settings": [],
    }
    assert (await client.post(PATH, json=body)).status_code == 200


async def test_large_integers_keep_their_value(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """A number of wei does not fit into 64 bits."""
    body = {"recipients": ["ellie"], "data": {"wei": 10**21}}
    assert (await client.post(PATH, json=body)).status_code == 200
    rows = await make.rows(
        "SELECT data FROM workflow_runs WHERE environment_id = %s", environment.id
    )
    assert rows[0]["data"] == {"wei": 10**21}


async def test_a_recipient_cannot_grow_without_end(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """What would pass 256 kB after merging is a 422 at the trigger, and nothing is stored."""

    async def identify(name: str) -> httpx.Response:
        body = {"recipients": ["ann", {"id": "ellie", name: "x" * 150_000}]}
        return await client.post(PATH, json=body)

    assert (await identify("first")).status_code == 200
    refused = await identify("second")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "properties")
    assert "second" not in (await client.get("/v1/users/ellie")).json()
    assert await _runs(make, environment) == 1
