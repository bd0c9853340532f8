"""Seen, read, archived, interacted and back: single and batch."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.main import create_app
from services.engine import Engine
from tests.support.builders import T0, Builder, Environment


@pytest.fixture
async def message_id(make: Builder, environment: Environment) -> str:
    """Make one in-app message."""
    return await make.message(environment, uuid4())


async def _events(make: Builder, message_id: str) -> list[str]:
    rows = await make.rows(
        "SELECT event_type FROM message_events WHERE message_id = %s ORDER BY id", message_id
    )
    return [row["event_type"].removeprefix("message.") for row in rows]


@pytest.mark.parametrize(
    ("done", "undone"), [("seen", "unseen"), ("read", "unread"), ("archived", "unarchived")]
)
async def test_a_status_is_set_and_taken_back(
    client: httpx.AsyncClient, make: Builder, message_id: str, done: str, undone: str
) -> None:
    """PUT sets the time, DELETE clears it under both of its names; each change is one event."""
    path = f"/v1/messages/{message_id}"
    for _ in range(2):
        body = (await client.put(f"{path}/{done}")).json()
    assert body[f"{done}_at"] is not None
    assert body["engagement_statuses"] == [done]
    body = (await client.delete(f"{path}/{done}")).json()
    assert (body[f"{done}_at"], body["engagement_statuses"]) == (None, [])
    await client.put(f"{path}/{done}")
    for _ in range(2):
        response = await client.delete(f"{path}/{undone}")
    assert response.json()[f"{done}_at"] is None
    assert await _events(make, message_id) == [done, undone, done, undone]


async def test_setting_again_moves_the_time(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """A second PUT sets the time to now."""
    identifier = await make.message(environment, uuid4(), read_at=T0)
    body = (await client.put(f"/v1/messages/{identifier}/read")).json()
    assert body["read_at"] > "2026-03-01T12:00:00.000000Z"
    assert body["seen_at"] is None


async def test_an_interaction_is_seen_and_read_too(
    client: httpx.AsyncClient, make: Builder, message_id: str
) -> None:
    """Interacting marks as seen and read, keeps earlier times, and tells its metadata."""
    path = f"/v1/messages/{message_id}/interacted"
    first = (await client.put(path, json={"metadata": {"type": "cell_click"}})).json()
    assert set(first["engagement_statuses"]) == {"seen", "read", "interacted"}
    second = (await client.put(path)).json()
    assert second["read_at"] == first["read_at"]
    assert await _events(make, message_id) == ["seen", "read", "interacted", "interacted"]
    rows = await make.rows(
        "SELECT data FROM message_events WHERE message_id = %s ORDER BY id", message_id
    )
    assert [row["data"] for row in rows] == [None, None, {"type": "cell_click"}, None]


@pytest.mark.parametrize(
    "metadata", ["text", ["x"], {"a": {"b": 1}}, {"a": [1]}, {str(n): n for n in range(6)}]
)
async def test_metadata_is_five_flat_pairs(
    client: httpx.AsyncClient, make: Builder, message_id: str, metadata: Any
) -> None:
    """Other metadata is refused, and then nothing is changed."""
    response = await client.put(
        f"/v1/messages/{message_id}/interacted", json={"metadata": metadata}
    )
    assert (response.status_code, response.json()["code"]) == (422, "invalid_params")
    assert await _events(make, message_id) == []


@pytest.mark.parametrize("body", ["", "not json"])
async def test_a_body_that_is_not_needed_is_not_read(
    client: httpx.AsyncClient, message_id: str, body: str
) -> None:
    """The SDKs send a JSON content type with an empty body; that is fine."""
    headers = {"content-type": "application/json"}
    response = await client.put(f"/v1/messages/{message_id}/seen", content=body, headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("action", "column", "is_set"),
    [
        ("seen", "seen_at", True),
        ("unseen", "seen_at", False),
        ("read", "read_at", True),
        ("unread", "read_at", False),
        ("archived", "archived_at", True),
        ("unarchived", "archived_at", False),
        ("interacted", "interacted_at", True),
    ],
)
async def test_batches(
    client: httpx.AsyncClient,
    *,
    make: Builder,
    environment: Environment,
    action: str,
    column: str,
    is_set: bool,
) -> None:
    """A batch changes all messages that exist and answers them in the order asked for."""
    start = {} if is_set else {column: T0}
    ids = [await make.message(environment, uuid4(), **start) for _ in range(3)]
    asked = [ids[2], "unknown", ids[0], ids[2]]
    response = await client.post(
        f"/v1/messages/batch/{action}", json={"message_ids": asked, "metadata": {"k": 1}}
    )
    assert [message["id"] for message in response.json()] == [ids[2], ids[0]]
    assert [message[column] is not None for message in response.json()] == [is_set, is_set]
    assert await _events(make, ids[1]) == []


@pytest.mark.parametrize("ids", [None, [], "x", [1], [["x"]], [str(n) for n in range(51)]])
async def test_a_batch_needs_1_to_50_ids(client: httpx.AsyncClient, ids: Any) -> None:
    """Anything else than a list of 1 to 50 strings is refused."""
    response = await client.post("/v1/messages/batch/read", json={"message_ids": ids})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_params")


async def test_a_message_is_updated_once_a_second_in_batches(
    engine: Engine, make: Builder, environment: Environment
) -> None:
    """With limits on, a message updated within the last second is left alone and named."""
    settings = engine.settings.model_copy(update={"rate_limits": True})
    one, two = [await make.message(environment, uuid4()) for _ in range(2)]
    transport = httpx.ASGITransport(create_app(settings, engine))
    async with httpx.AsyncClient(
        transport=transport,
        base_url="http://test",
        headers={"authorization": f"Bearer {environment.secret_key}"},
    ) as client:
        first = await client.post("/v1/messages/batch/read", json={"message_ids": [one]})
        second = await client.post("/v1/messages/batch/unread", json={"message_ids": [one, two]})
    assert "x-ratelimited-message_ids" not in first.headers
    assert second.headers["x-ratelimited-message_ids"] == one
    assert [message["read_at"] is None for message in second.json()] == [False, True]


async def test_concurrent_changes_all_count(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """Batches over the same messages in opposite orders neither deadlock nor get lost."""
    ids = [await make.message(environment, uuid4()) for _ in range(20)]
    answers = await asyncio.gather(
        *(
            client.post(f"/v1/messages/batch/{action}", json={"message_ids": ids[::direction]})
            for action in ("seen", "read", "archived")
            for direction in (1, -1)
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    for identifier in ids:
        assert sorted(await _events(make, identifier)) == ["archived", "read", "seen"]


@pytest.mark.parametrize(
    "content", [b"null", b"[]", b'{"metadata": []}', b'{"metadata": null}', b""]
)
async def test_an_interaction_without_metadata(
    client: httpx.AsyncClient, make: Builder, environment: Environment, content: bytes
) -> None:
    """Every form in which clients send nothing is taken."""
    message_id = await make.message(environment, await make.channel())
    response = await client.put(f"/v1/messages/{message_id}/interacted", content=content)
    assert (response.status_code, response.json()["interacted_at"] is None) == (200, False)
