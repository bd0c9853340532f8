"""Requests as older and mobile clients of Knock write them, sent byte by byte over real HTTP.

Each is written down from the sources of a client; the name says which. What a client of today sends
is in the other modules of this folder.
"""

from __future__ import annotations

import asyncio
import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from tests.support.builders import Builder, Environment
from tests.support.user_tokens import let_sign

JSON = "application/json"


@dataclass(frozen=True)
class Recorded:
    """A request, and what its client needs: a status, and members of the answer.

    `{feed}` and `{message}` in target and body stand for ids of this test.
    """

    client: str
    method: str
    target: str
    body: str | None = None
    content_type: str | None = JSON
    status: int = 200
    by_browser: bool = False
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Answer:
    """What came back, as it came."""

    status: int
    content_type: str | None
    raw: bytes

    @property
    def body(self) -> Any:
        """Return the JSON of it."""
        return json.loads(self.raw)


def _send(address: str, key: str, sent: Recorded, ids: dict[str, str]) -> Answer:
    target, body = sent.target, sent.body
    for name, value in ids.items():
        target = target.replace(f"{{{name}}}", value)
        body = body and body.replace(f"{{{name}}}", value)
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.putrequest(sent.method, target, skip_accept_encoding=True)
    if "authorization" not in dict(sent.headers):
        connection.putheader("authorization", f"Bearer {key}")
    for name, value in sent.headers:
        connection.putheader(name, value)
    if sent.content_type is not None:
        connection.putheader("content-type", sent.content_type)
    content = None if body is None else body.encode()
    if content is not None:
        connection.putheader("content-length", str(len(content)))
    connection.endheaders(content)
    response = connection.getresponse()
    answer = Answer(response.status, response.getheader("content-type"), response.read())
    connection.close()
    return answer


@pytest.fixture
async def replay(address: str, environment: Environment, make: Builder, channel: UUID) -> Any:
    """Return what sends a recorded request to an environment where things are."""
    await make.workflow(environment, "welcome")
    for user_id in ("u1", "u2", "auth0|abc", "a@b.c", "x y", "a+b:c"):
        await make.user(environment, user_id, name="Ada")
    await make.recipient(environment, "projects", "p1")
    await make.recipient(environment, "$tenants", "t1")
    message = await make.message(environment, channel, recipient_id="u1", data={"projectId": 42})
    ids = {"feed": str(channel), "message": message}

    async def send(sent: Recorded) -> Answer:
        key = environment.public_key if sent.by_browser else environment.secret_key
        return await asyncio.to_thread(_send, address, key, sent, ids)

    return send


_TRIGGER = '{"actor":null,"recipients":["u1"],"data":{},"cancellation_key":null,"tenant":null}'
_SWIFT_FEED = (
    "/v1/users/u1/feeds/{feed}?page_size&after&before&source&tenant&has_tenant&status=&archived="
    "&trigger_data=null&locale"
)
_SWIFT = "application/json; charset=utf-8"
_SWIFT_USER = '{"id":"u1","name":null,"email":null,"avatar":null,"phone_number":null}'
_MARK_ALL = "/v1/channels/{feed}/messages/bulk"

RECORDED = [
    Recorded(
        "node 0.1 notify",
        "POST",
        "/v1/notify",
        '{"name":"welcome","actor":"u1","recipients":["u2"],"data":{},"cancelation_key":null}',
    ),
    Recorded(
        "node 0.1 cancelNotify",
        "POST",
        "/v1/notify/cancel",
        '{"name":"welcome","cancelation_key":"k","recipients":null}',
        status=204,
    ),
    Recorded("python 0.5 trigger", "POST", "/v1/workflows/welcome/trigger", _TRIGGER),
    Recorded(
        "ruby 0.6 cancel",
        "POST",
        "/v1/workflows/welcome/cancel",
        '{"recipients":null,"cancellation_key":"k"}',
        status=204,
    ),
    Recorded(
        "python 0.5 schedules, a date without offset",
        "POST",
        "/v1/schedules",
        '{"workflow":"welcome","recipients":["u1"],"data":{},"repeats":null,"actor":null,'
        '"tenant":null,"scheduled_at":"2099-01-01T09:00:00","ending_at":null}',
    ),
    Recorded(
        "python 0.5 schedules, a date with offset",
        "POST",
        "/v1/schedules",
        '{"workflow":"welcome","recipients":["u1"],"scheduled_at":"2099-01-01T09:00:00+00:00"}',
    ),
    Recorded(
        "python 0.5 preferences",
        "PUT",
        "/v1/users/u1/preferences/default",
        '{"channel_types":null,"categories":null,"workflows":{"welcome":false}}',
    ),
    Recorded("node and ruby GET", "GET", "/v1/users/u1"),
    Recorded("python 0.3 GET with a body", "GET", "/v1/users/u1", '{"a": 1}'),
    Recorded("swift GET", "GET", "/v1/users/u1", content_type=_SWIFT, by_browser=True),
    Recorded("ruby GET", "GET", "/v1/users/u1?"),
    Recorded("go 0.1 list of users", "GET", "/v1/users/?page_size=5"),
    Recorded("go 0.1 list of tenants", "GET", "/v1/tenants/?"),
    Recorded("node 0.6 DELETE", "DELETE", "/v1/users/u2", "{}", status=204),
    Recorded("android DELETE", "DELETE", "/v1/users/u2", "null", status=204),
    Recorded("php DELETE", "DELETE", "/v1/users/u2", "", status=204),
    Recorded(
        "node 0.6 DELETE of an object's data",
        "DELETE",
        "/v1/objects/projects/p1/channel_data/{feed}",
        "{}",
        status=204,
    ),
    *(
        Recorded(
            f"android PUT {status}", "PUT", f"/v1/messages/{{message}}/{status}", "null",
            by_browser=True,
        )
        for status in ("seen", "read", "archived", "interacted")
    ),
    *(
        Recorded(
            f"android DELETE {status}", "DELETE", f"/v1/messages/{{message}}/{status}", "null",
            by_browser=True,
        )
        for status in ("seen", "read", "archived")
    ),
    Recorded("swift PUT", "PUT", "/v1/messages/{message}/seen", None, _SWIFT, by_browser=True),
    Recorded("node 0.6 PUT", "PUT", "/v1/messages/{message}/interacted", "{}"),
    Recorded("python 0.5 PUT", "PUT", "/v1/messages/{message}/read"),
    Recorded("node 0.6 list", "GET", "/v1/messages?status[]=sent&status[]=delivered"),
    Recorded("python, ruby, go list", "GET", "/v1/messages?status=sent&status=delivered"),
    Recorded("php list", "GET", "/v1/messages?status[0]=sent&status[1]=delivered"),
    Recorded(
        "node 0.6 list of references",
        "GET",
        "/v1/objects/projects/p1/subscriptions?recipients[0]=u1&recipients[1][id]=p"
        "&recipients[1][collection]=c",
    ),
    Recorded(
        "flutter feed",
        "GET",
        "/v1/users/u1/feeds/{feed}?workflow_categories=[a,%20b]&inserted_at_date_range={start:null}",
        by_browser=True,
    ),
    Recorded("node 0.6 trigger_data", "GET", "/v1/messages?trigger_data[projectId]=42"),
    Recorded(
        "ruby 0.6 trigger_data", "GET", "/v1/messages?trigger_data=%7B%22projectId%22%3A42%7D"
    ),
    Recorded("swift feed", "GET", _SWIFT_FEED, None, _SWIFT, by_browser=True),
    *(
        Recorded(
            f"swift mark all {action}", "POST", f"{_MARK_ALL}/{action}",
            '{"user_ids":["u1"],"engagement_status":"","archived":"","has_tenant":"","tenants":""}',
            by_browser=True,
        )
        for action in ("seen", "read", "archive")
    ),
    Recorded(
        "android mark all",
        "POST",
        f"{_MARK_ALL}/read",
        '{"user_ids":["u1"],"engagement_status":null,"archived":null,"has_tenant":null,'
        '"tenants":null}',
        by_browser=True,
    ),
    Recorded(
        "javascript 0.22 mark all",
        "POST",
        f"{_MARK_ALL}/seen",
        '{"user_ids":["u1"],"archived":"exclude","trigger_data":"{\\"projectId\\":42}"}',
        by_browser=True,
    ),
    Recorded("swift identify", "PUT", "/v1/users/u1", _SWIFT_USER, _SWIFT),
    Recorded("axios 0.27 without a token", "GET", "/v1/users/u1", by_browser=True,
             headers=(("X-Knock-User-Token", "null"),)),
    Recorded("android without a token", "GET", "/v1/users/u1", by_browser=True,
             headers=(("X-Knock-User-Token", ""),)),
    *(
        Recorded(f"an id that is not escaped: {user_id}", "GET", f"/v1/users/{user_id}")
        for user_id in ("auth0|abc", "auth0%7Cabc", "a@b.c", "a%40b.c", "x%20y", "a+b:c", "a%2Bb:c")
    ),
    Recorded("a forum's backend", "GET", "/v1/workflows", status=401),
    *(
        Recorded(
            f"bulk preferences by {method}", method, "/v1/users/bulk/preferences",
            '{"user_ids":["u1"],"preferences":{"id":"default","channel_types":{"email":true}}}',
        )
        for method in ("PUT", "POST")
    ),
    Recorded(
        "a tenant whose preferences are replaced",
        "PUT",
        "/v1/tenants/t1",
        '{"settings":{"preference_set":{"__persistence_strategy__":"replace","channel_types":'
        '{"email":true},"categories":{"actions":{"__strategy__":"replace","channel_types":'
        '{"email":true,"in_app_feed":true}}},"workflows":{}}}}',
    ),
    Recorded(
        "a script that looks for messages",
        "GET",
        "/v1/messages?trigger_data[objectId]=x&tenant=t1&source=welcome",
    ),
    *(
        Recorded(f"a data warehouse: {target}", "GET", f"/v1/{target}")
        for target in (
            "messages?page_size=50&inserted_at[gte]=2026-01-01T00:00:00Z",
            "users?page_size=50",
            "tenants?page_size=50",
            "workflow_recipient_runs?page_size=50&starting_at=2026-01-01T00:00:00Z",
            "objects/projects?page_size=50",
            "users/u1/schedules?page_size=50&workflow=welcome",
            "messages/{message}/events?page_size=50",
            "messages/{message}/delivery_logs?page_size=50",
        )
    ),
    *(
        Recorded(f"an actor as {actor}", "POST", "/v1/workflows/welcome/trigger",
                 f'{{"recipients":[{{"id":"u1","collection":"$users"}}],"actor":{actor}}}')
        for actor in ('"u2"', '{"id":"u2"}', '{"id":"u2","name":"Ada"}', "null")
    ),
    Recorded("a user without any property", "PUT", "/v1/users/0x71C7656EC7ab88b098defB751B7401B5",
             "{}"),
    Recorded("a token in the place of tokens", "PUT", "/v1/users/u1/channel_data/web-push",
             '{"data":{"tokens":[{"endpoint":"https://push.example"}]}}', status=422),
]  # fmt: skip


@pytest.mark.parametrize("sent", RECORDED, ids=lambda sent: sent.client)
async def test_it_is_answered_directly(replay: Any, sent: Recorded) -> None:
    """With the status that the client takes for success, in JSON, and without a redirect."""
    answer = await replay(sent)
    assert answer.status == sent.status, answer.raw
    if sent.status == 204:
        assert answer.raw == b""
    else:
        assert answer.content_type == JSON
        assert answer.body


async def test_what_is_filtered_for_is_found(replay: Any) -> None:
    """Text in brackets means the number that was stored, too."""
    by_name = {sent.client: sent for sent in RECORDED}
    for client in ("node 0.6 trigger_data", "ruby 0.6 trigger_data"):
        assert len((await replay(by_name[client])).body["items"]) == 1


@pytest.mark.parametrize("status", ["401", "404", "422"])
async def test_errors_are_json_of_one_content_type(replay: Any, status: str) -> None:
    """Go 0.1 compares it as a whole; ruby and node read message, code and errors of each."""
    sent = {
        "401": Recorded("x", "GET", "/v1/users/u1", headers=(("authorization", "Bearer x"),)),
        "404": Recorded("x", "GET", "/v1/users/nobody"),
        "422": Recorded("x", "POST", "/v1/workflows/welcome/trigger", "{}"),
    }[status]
    answer = await replay(sent)
    assert answer.content_type == JSON
    assert {"code", "message", "status", "type"} <= answer.body.keys()


async def test_times_have_fractions_and_feeds_what_decoders_need(replay: Any) -> None:
    """Swift reads no time without a fraction; Flutter and Android need their members."""
    feed = (await replay(Recorded("swift", "GET", _SWIFT_FEED, by_browser=True))).body
    item = feed["entries"][0]
    assert len(item["inserted_at"]) == len("2026-03-01T12:00:00.000000Z")
    assert item["inserted_at"].endswith("Z")
    needed = {"__cursor", "id", "blocks", "total_activities", "total_actors", "activities"}
    assert needed | {"actors", "updated_at", "source"} <= item.keys()
    assert isinstance(item["source"]["version_id"], str)
    assert isinstance(item["actors"], list)
    message = (await replay(Recorded("android", "GET", "/v1/messages/{message}"))).body
    assert {"channel_id", "workflow", "status", "engagement_statuses", "source"} <= message.keys()
    settings = await replay(Recorded("flutter", "GET", "/v1/users/u1/feeds/{feed}/settings"))
    assert settings.body["features"]["branding_required"] is False


@pytest.mark.parametrize("header", ["authorization", "x-knock-user-token", "idempotency-key"])
async def test_bytes_that_are_not_ascii_are_no_fault(
    replay: Any, environment: Environment, make: Builder, header: str
) -> None:
    """Whatever a header holds that lets people in."""
    await let_sign(make, environment, is_required=False)
    value = f"{'Bearer ' if header == 'authorization' else ''}\xe9"
    sent = Recorded("x", "GET", "/v1/users/u1", headers=((header, value),), by_browser=True)
    assert (await replay(sent)).status in (200, 401)
