"""What is one environment's, and one user's, is nobody else's: every operation is tried.

A new operation is covered without a line here, as long as the paths that it is for are filled by
`Theirs.known` and its body by `Theirs.body`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.reference.routes import knock_document
from models.tables import metadata
from tests.support.builders import Builder, Environment
from tests.support.guides import CHANNEL_KEY, guide_step, publish_guide
from tests.support.user_tokens import granted, let_sign, of_browser, signed
from tests.support.world import World

# A word that stands in everything that is theirs, and in no request.
MARK = "dilophosaurus"
_TABLES = [table.name for table in metadata.sorted_tables if "environment_id" in table.columns]


@dataclass(frozen=True)
class Theirs:
    """An environment full of things, all of them marked.

    Attributes:
        known: what fills the parameters of paths.
        body: what every operation finds its members in; shapes pass over those of others.
    """

    environment: Environment
    known: dict[str, str]
    body: dict[str, Any]

    def requests(self) -> Iterator[tuple[str, str, str]]:
        """Yield method, path as documented, and URL of every operation; deletions last."""
        operations = [
            (method.upper(), path)
            for path, item in knock_document()["paths"].items()
            for method in item
        ]
        for method, path in sorted(operations, key=lambda one: _harm(*one)):
            url = self._filled(path)
            yield method, path, f"{url}?{_QUERY}" if method == "GET" else url

    def _filled(self, path: str) -> str:
        here = dict(self.known)
        if "channel_data" in path:
            here["channel_id"] = here["push_id"]
        if "audiences" in path:
            here["key"] = here["audience_key"]
        if "guides" in path:
            here["channel_id"] = here["guides_id"]
            here["message_id"] = here["guide_message_id"]
        return re.sub(r"\{(\w+)\}", lambda found: here[found[1]], path)


_OWNER = "[object_id]=ingen&{0}[collection]=$tenants"
_QUERY = (
    "include[]=preferences&workflow=welcome&team_id=t"
    f"&access_token_object{_OWNER.format('access_token_object')}"
    f"&ms_teams_tenant_object{_OWNER.format('ms_teams_tenant_object')}"
)


def _harm(method: str, path: str) -> tuple[bool, bool]:
    return method == "DELETE" or "/delete" in path or "merge" in path, method != "GET"


@pytest.fixture
async def theirs(client: httpx.AsyncClient, world: World, make: Builder) -> Theirs:
    """Fill an environment by its own API, as far as that makes things at once."""
    environment = world.environment
    await let_sign(make, environment)
    feed = await make.channel()
    push = str(await world.channel("push", f"push-{uuid4().hex[:6]}", provider="push_fcm"))
    person = {"name": MARK, "email": f"{MARK}@example.com", "channel_data": _tokens(push)}
    preferences = {"categories": {MARK: True}}
    for path, body in (
        ("/v1/users/ellie", {**person, "preferences": {"default": preferences}}),
        ("/v1/users/alan", {"name": "Alan"}),
        ("/v1/objects/projects/one", {**person, "preferences": {"default": preferences}}),
        ("/v1/tenants/ingen", {"name": MARK, "settings": {"branding": {"primary_color": MARK}}}),
    ):
        assert (await client.put(path, json=body)).status_code == 200
    followed = {"recipients": ["ellie"], "properties": {"why": MARK}}
    await client.post("/v1/objects/projects/one/subscriptions", json=followed)
    version_id = await make.workflow(environment, "welcome")
    message = await make.message(environment, feed, data={"word": MARK}, version_id=version_id)
    run = await make.run(environment, data={"word": MARK})
    scheduled = await client.post(
        "/v1/schedules",
        json={
            "workflow": "welcome",
            "recipients": ["ellie"],
            "data": {"word": MARK},
            "repeats": [{"frequency": "daily", "hours": 9}],
        },
    )
    operation = await client.post("/v1/users/bulk/identify", json={"users": [{"id": "ellie"}]})
    operation_id = operation.json()["id"]
    # Its name is the only text that the answer about an operation has.
    await make.rows("UPDATE bulk_operations SET name = %s WHERE id = %s", MARK, operation_id)
    step, guide_message = await _guide(client, world)
    body = _body(scheduled.json()[0]["id"], message) | step
    known = {
        "user_id": "ellie",
        "collection": "projects",
        "object_id": "one",
        "tenant_id": "ingen",
        "set_id": "default",
        "channel_type": "email",
        "channel_id": str(feed),
        "push_id": push,
        "guides_id": step["channel_id"],
        "guide_message_id": guide_message,
        "key": "welcome",
        "audience_key": "beta",
        "message_id": message,
        "run_id": run,
        "operation_id": operation_id,
        # A source's address is its key: whoever knows it may send, so this one is nobody's.
        "endpoint_id": uuid4().hex,
        "callback_id": uuid4().hex,
        "action": "read",
    }
    return Theirs(environment, known, body)


async def _guide(client: httpx.AsyncClient, world: World) -> tuple[dict[str, Any], str]:
    """Show a guide to a user; return how its step is named in bodies, and its message."""
    channel = await world.channel("in_app_guide", CHANNEL_KEY)
    guide_id = await publish_guide(world, "tour", guide_step(title=MARK))
    step = {
        "channel_id": str(channel),
        "guide_id": str(guide_id),
        "guide_key": "tour",
        "guide_step_ref": "step_1",
        "content": {"title": MARK},
    }
    seen = await client.put("/v1/users/ellie/guides/messages/seen", json=step)
    assert seen.status_code == 200
    query = {"source": "tour"}
    shown = await client.get("/v1/users/ellie/messages", params=query)
    return {**step, "content": {}}, shown.json()["items"][0]["id"]


def _body(schedule_id: str, message_id: str) -> dict[str, Any]:
    """Return a body in which every operation finds what it takes."""
    return {
        "name": "welcome",
        "workflow": "welcome",
        "recipients": ["ellie"],
        "user_ids": ["ellie"],
        "object_ids": ["one"],
        "tenant_ids": ["ingen"],
        "schedule_ids": [schedule_id],
        "message_ids": [message_id],
        "from_user_id": "alan",
        "users": [{"id": "ellie", "role": "new"}],
        "objects": [{"id": "one", "role": "new"}],
        "tenants": ["ingen"],
        "subscriptions": [{"id": "one", "recipients": ["ellie"]}],
        "members": [{"user": {"id": "ellie"}}],
        "data": {"tokens": ["new"]},
        "role": "new",
        "cancellation_key": "k",
        "email": True,
        "subscribed": True,
        "repeats": [{"frequency": "daily", "hours": 10}],
        "id": "7",
        "jsonrpc": "2.0",
        "method": "add",
        "params": _synced(),
    }


def _synced() -> dict[str, Any]:
    """Return a batch of Hightouch's that adds a member to the audience."""
    mapping = {"from": "uid", "to": "user_id"}
    configuration = {"audience_key": "beta", "identifierMapping": mapping}
    return {"configuration": configuration, "rows": [{"uid": "ellie"}]}


def _tokens(channel_id: str) -> dict[str, Any]:
    return {channel_id: {"tokens": [MARK]}}


async def _rows(make: Builder, environment: Environment) -> dict[str, str]:
    """Return a digest of all rows of an environment, by table."""
    found = {}
    for table in _TABLES:
        rows = await make.rows(
            f"SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) AS digest"
            f" FROM {table} t WHERE environment_id = %s",
            environment.id,
        )
        found[table] = rows[0]["digest"]
    return found


async def _try_all(client: httpx.AsyncClient, theirs: Theirs) -> tuple[Counter[int], list[str]]:
    """Send every request; return how often each status came, and where the mark was seen."""
    statuses: Counter[int] = Counter()
    seen = []
    for method, path, url in theirs.requests():
        body = None if method == "GET" else theirs.body
        response = await client.request(method, url, json=body)
        statuses[response.status_code] += 1
        assert response.status_code < 500, (method, url, response.text)
        if MARK in response.text:
            seen.append(f"{method} {path}")
    return statuses, seen


async def test_another_environment_sees_and_changes_nothing(
    anonymous: httpx.AsyncClient, theirs: Theirs, make: Builder
) -> None:
    """Its key opens every operation, and none of them on what is not its own."""
    before = await _rows(make, theirs.environment)
    anonymous.headers["authorization"] = f"Bearer {(await make.environment()).secret_key}"
    statuses, seen = await _try_all(anonymous, theirs)
    assert seen == []
    assert await _rows(make, theirs.environment) == before
    assert statuses[401] == statuses[403] == 0


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"grants": granted("users/alan", "user/read", "user/feed_read")},
        {"grants": granted("users/ellie", "user/read", "user/feed_read", "preferences/write")},
        {"explicit_grants": True, "grants": granted("tenants/biosyn", "user/feed_write")},
    ],
)
async def test_another_user_sees_and_changes_nothing(
    anonymous: httpx.AsyncClient, theirs: Theirs, make: Builder, claims: dict[str, Any]
) -> None:
    """Whatever a token of theirs grants, which is signed by the same key."""
    before = await _rows(make, theirs.environment)
    anonymous.headers.update(of_browser(theirs.environment, signed("alan", **claims)))
    statuses, seen = await _try_all(anonymous, theirs)
    assert seen == []
    assert await _rows(make, theirs.environment) == before
    assert statuses[401] > 60


async def test_the_owner_sees_and_changes_all_of_it(
    client: httpx.AsyncClient, theirs: Theirs, make: Builder
) -> None:
    """The same requests with the environment's own key: so the others prove something."""
    before = await _rows(make, theirs.environment)
    statuses, seen = await _try_all(client, theirs)
    # The rest are for what is not there: workspaces, audiences.
    assert sum(statuses[status] for status in (200, 204)) >= 0.75 * statuses.total(), statuses
    assert len(seen) >= 25
    after = await _rows(make, theirs.environment)
    changed = {table for table in _TABLES if before[table] != after[table]}
    assert changed >= {
        "recipients",
        "messages",
        "channel_data",
        "preference_sets",
        "subscriptions",
        "schedules",
        "bulk_operations",
    }
