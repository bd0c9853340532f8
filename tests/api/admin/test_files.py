"""CSV files of users over HTTP, which Knock takes in its dashboard."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from api.kit.bodies import LARGE_BYTES
from api.main import create_app
from domain.bulk import csv_files
from tests.support.account import Account
from tests.support.bulk import finish, wire_counts
from tests.support.steps import feed_step

_HERE = "/v1/admin/environments/development"
MEMBERS = f"{_HERE}/audiences/beta/members"
RECIPIENTS = f"{_HERE}/broadcasts/sale/recipients"
CSV = {"content-type": "text/csv"}


async def _done(
    management: httpx.AsyncClient, account: Account, response: httpx.Response
) -> dict[str, Any]:
    """Let a file be worked on, and return what the API answers of it then."""
    assert response.status_code == 200, response.text
    body = response.json()
    world = await account.world()
    await finish(world.engine, world.environment, body["id"])
    found: dict[str, Any] = (await management.get(body["progress_path"])).json()
    return found


async def test_members_of_an_audience(management: httpx.AsyncClient, account: Account) -> None:
    """A mapping says what columns are; what is skipped is told with its line."""
    content = "Customer,Mail;x,Firm\n7,ada@example.com,acme\n,grace@example.com,\n"
    mapping = {"Customer": "id", "Mail;x": "user.email", "Firm": "tenant_id"}
    query = {"create_audience": "true", "mapping": json.dumps(mapping)}
    sent = await management.post(MEMBERS, content=content, params=query, headers=CSV)
    assert sent.json()["estimated_total_rows"] == 2
    done = await _done(management, account, sent)
    assert wire_counts(done) == ("completed", 2, 1, 1)
    assert done["name"] == "audiences.add_members"
    assert done["error_items"] == [
        {"id": "", "collection": None, "reason": "user.id: is required", "line": 3}
    ]
    world = await account.world()
    assert await world.members("beta") == [("7", "acme")]


async def test_a_mapping_in_the_query(management: httpx.AsyncClient, account: Account) -> None:
    """It may be written member by member."""
    query = {"create_audience": "true", "mapping[Who]": "id", "mapping[Note]": "ignore"}
    sent = await management.post(MEMBERS, content="Who,Note\na,x\n", params=query)
    assert wire_counts(await _done(management, account, sent))[2:] == (1, 0)


async def test_recipients_of_a_broadcast(management: httpx.AsyncClient, account: Account) -> None:
    """They can be set, looked at and taken away; sending takes those that were read."""
    document = {"broadcast": {"name": "Sale", "steps": [feed_step("{{ data.code }}")]}}
    put = await management.put(
        "/v1/broadcasts/sale", params={"environment": "development"}, json=document
    )
    assert put.status_code == 200, put.text
    assert (await management.get(RECIPIENTS)).status_code == 404
    await management.put(RECIPIENTS, content="id\nx\n", headers=CSV)
    assert (await management.delete(RECIPIENTS)).status_code == 204
    assert (await management.get(RECIPIENTS)).status_code == 404
    sent = await management.put(RECIPIENTS, content="id,data.code\na,C-1\nb,C-2\n", headers=CSV)
    early = await management.put(
        "/v1/broadcasts/sale/send", params={"environment": "development"}, json={}
    )
    assert early.json()["code"] == "broadcast_recipients_not_read"
    done = await _done(management, account, sent)
    assert wire_counts(done) == ("completed", 2, 2, 0)
    assert (await management.get(RECIPIENTS)).json() == done
    late = await management.put(
        "/v1/broadcasts/sale/send", params={"environment": "development"}, json={}
    )
    assert late.json()["broadcast"]["status"] == "sent"
    again = await management.put(RECIPIENTS, content="id\nx\n", headers=CSV)
    assert (again.status_code, again.json()["code"]) == (422, "broadcast_not_draft")


@pytest.mark.parametrize(
    ("content", "query", "fields"),
    [
        (b"", {}, ["body"]),
        (b"{}", {}, ["body"]),
        (b"name,name\na,b\n", {}, ["body"]),
        (b"id,\xff\n1,2\n", {}, ["body"]),
        (b"id,x\n1,2\n", {"mapping": '{"x": "email", "y": "id"}'}, ["mapping.x", "mapping.y"]),
        (b"id\n1\n", {"mapping": "7"}, ["mapping"]),
        (b"id\n1\n", {"create_audience": "maybe"}, ["create_audience"]),
    ],
)
async def test_what_is_refused(
    management: httpx.AsyncClient, content: bytes, query: dict[str, str], fields: list[str]
) -> None:
    """Every violation at its place, in Knock's shape."""
    query = {"create_audience": "true", **query}
    refused = await management.post(MEMBERS, content=content, params=query, headers=CSV)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == fields


async def test_a_file_in_a_form(management: httpx.AsyncClient) -> None:
    """The body is the file itself; who sends a form is told so."""
    form = {"file": ("members.csv", b"id\na\n", "text/csv")}
    refused = await management.post(MEMBERS, files=form)
    (error,) = refused.json()["errors"]
    assert error["message"] == "must be the file itself, not a form that contains it"


async def test_a_file_that_is_too_large(
    management: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten megabytes are the end, which is more than other bodies have."""
    assert csv_files.MAX_CSV_BYTES == 10 * 1024 * 1024
    content = b"id\n" + b"x" * csv_files.MAX_CSV_BYTES
    refused = await management.post(MEMBERS, content=content)
    assert (refused.status_code, refused.json()["code"]) == (413, "payload_too_large")


async def test_a_large_file_keeps_no_trigger_waiting(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of large files one is worked on at a time, in a place that no other body needs."""
    app = create_app(account.engine.settings, account.engine)
    app.state.large_bodies = asyncio.Semaphore(0)
    headers = {"authorization": f"Bearer {account.keys.service_token}"}
    content = b"id\na\n" + b"\n" * LARGE_BYTES
    query = {"create_audience": "true"}
    monkeypatch.setattr("api.kit.bodies._PLACE_SECONDS", 0.05)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://test", headers=headers
    ) as client:
        for _ in range(2):
            sent = await client.post(MEMBERS, content=content, params=query)
            assert sent.status_code == 200
        await app.state.large_files.acquire()
        assert (await client.post(MEMBERS, content=content, params=query)).status_code == 503
        assert (await client.post(MEMBERS, content=b"id\na\n")).status_code == 200


async def test_what_is_not_there(management: httpx.AsyncClient) -> None:
    """An unknown environment, audience, broadcast or operation is a 404."""
    nobody = "00000000-0000-0000-0000-000000000000"
    for method, path in (
        ("POST", MEMBERS),
        ("POST", MEMBERS.replace("development", "nowhere")),
        ("PUT", RECIPIENTS),
        ("DELETE", RECIPIENTS),
        ("GET", RECIPIENTS),
        ("GET", f"{_HERE}/bulk_operations/{nobody}"),
        ("GET", f"{_HERE}/bulk_operations/none"),
    ):
        answered = await management.request(method, path, content=b"id\na\n")
        assert answered.status_code == 404, (method, path, answered.text)


async def test_an_operation_of_another_environment(
    management: httpx.AsyncClient,
) -> None:
    """It is asked for where it is."""
    query = {"create_audience": "true"}
    made = await management.post(MEMBERS, content=b"id\na\n", params=query)
    path = f"{_HERE}/bulk_operations/{made.json()['id']}"
    assert made.json()["progress_path"].endswith(path)
    assert (await management.get(path)).status_code == 200
    elsewhere = path.replace("development", "production")
    assert (await management.get(elsewhere)).status_code == 404
