"""What is fuzzed: both faces over real HTTP, on a seeded database in which every kind of thing is.

`fill` makes new ones of what requests have destroyed, so that they go on finding something. Content
gets a new key each time, because what was archived or sent does not come back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import httpx

from api.reference.routes import knock_document, management_document
from domain.kit.json_types import JsonObject
from tests.support.account import Account, Seeded, make_engine
from tests.support.application import application
from tests.support.guides import guide
from tests.support.server import done, serving
from tests.support.steps import feed_step, workflow
from tests.support.temporal_recorder import TemporalRecorder

_DAILY = {"frequency": "daily", "hours": 9}
_WELCOME = workflow("Welcome", feed_step())
_VARIABLE = {"type": "public", "value": "v"}


def _content(key: str) -> JsonObject:
    """Return bodies that make one of each kind of content, by their paths."""
    return {
        f"workflows/{key}": {"workflow": _WELCOME},
        f"email_layouts/{key}": {
            "email_layout": {
                "name": "W",
                "html_layout": "<html><body>{{ content }}</body></html>",
                "text_layout": "{{ content }}",
            }
        },
        f"partials/{key}": {"partial": {"name": "P", "type": "text", "content": "Hi"}},
        f"reusable_requests/{key}": {
            "reusable_request": {
                "name": "R",
                "settings": {
                    "url": "https://api.example.com/{{ inputs.id }}",
                    "data_input_schema": {"properties": {"id": {"type": "string"}}},
                },
            }
        },
        f"message_types/{key}": {"message_type": {"name": "M", "preview": "<p></p>"}},
        f"audiences/{key}": {"audience": {"name": "A", "type": "static"}},
        "translations/en": {"translation": {"content": '{"hi": "Hi"}', "format": "json"}},
        f"guides/{key}": {"guide": guide(channel_key="in-app-guide")},
        f"channel_groups/{key}": {
            "channel_group": {
                "name": "G",
                "channel_type": "in_app_feed",
                "operator": "any",
                "channel_rules": [{"channel_key": "in-app", "rule_type": "always", "index": 0}],
            }
        },
        f"goals/{key}": {
            "goal": {
                "name": "Joined",
                "condition": {
                    "event": {"event_type": "audience", "event_key": "enter", "audience_key": key}
                },
            }
        },
        f"sources/{key}": {"source": {"name": "Shop"}},
        f"broadcasts/{key}": {"broadcast": {**_WELCOME, "target_audience_key": key}},
    }


@dataclass
class Face:
    """One of the two APIs, and what requests to it name so that they find something.

    Attributes:
        document: its OpenAPI document.
        credential: what opens it.
        ids: what fills parameters of paths, by their names.
        members: what fills members of bodies and queries, by their names.
        places: as `ids`, where a word stands in the path.
    """

    document: JsonObject
    credential: str
    ids: dict[str, str] = field(default_factory=dict)
    members: JsonObject = field(default_factory=dict)
    places: dict[str, dict[str, str]] = field(default_factory=dict)

    def known(self, path: str) -> dict[str, str]:
        """Return what fills the parameters of a path."""
        here = [ids for word, ids in self.places.items() if word in path]
        return {name: value for ids in (self.ids, *here) for name, value in ids.items()}


@dataclass(frozen=True)
class Target:
    """The product, served at an address."""

    address: str
    account: Account
    channels: dict[str, UUID]
    faces: tuple[Face, Face]

    async def fill(self) -> None:
        """Make one of everything, and have requests name it."""
        knock, management = self.faces
        key = f"welcome-{uuid4().hex[:6]}"
        async with self._client(management) as client:
            found = await _publish(client, key)
        management.ids |= {"key": key, "channel_group_key": key, **found}
        async with self._client(knock) as client:
            ids, members = await _store(client, self.account, self.channels, key)
        knock.ids |= {"key": key, **ids}
        knock.members |= members
        management.ids |= {name: ids[name] for name in ("run_id", "message_id", "schedule_id")}

    def _client(self, face: Face) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {face.credential}"}
        return httpx.AsyncClient(base_url=f"{self.address}/v1", headers=headers, timeout=30)


async def _publish(client: httpx.AsyncClient, key: str) -> dict[str, str]:
    """Publish one of each kind of content, and return the ids of what has no key."""
    where = {"environment": "development", "commit": "true", "force": "true"}
    for path, body in _content(key).items():
        done(await client.put(f"/{path}", params=where, json=body))
    done(await client.put(f"/guides/{key}/activate", params=where, json={"status": True}))
    done(await client.put(f"/admin/variables/{key}", json={"variable": _VARIABLE}))
    hook = {"url": "https://example.com/hook", "event_types": ["message.sent"]}
    made = done(await client.post("/admin/webhooks", params=where, json=hook))
    commits = done(await client.get("/commits", params=where))
    return {"commit_id": commits["entries"][0]["id"], "webhook_id": made["webhook"]["id"]}


async def _store(
    client: httpx.AsyncClient, account: Account, channels: dict[str, UUID], key: str
) -> tuple[dict[str, str], JsonObject]:
    """Store recipients and what they have, and return ids, and members that name them."""
    push = channels["sandbox-push"]
    for path, body in (
        ("users/ellie", {"name": "Ellie", "email": "ellie@example.com"}),
        ("users/alan", {"name": "Alan", "preferences": {"default": {"categories": {"a": True}}}}),
        ("objects/projects/one", {"name": "One"}),
        ("tenants/ingen", {"name": "InGen", "settings": {"branding": {"primary_color": "#000"}}}),
        (f"users/ellie/channel_data/{push}", {"data": {"tokens": ["t"]}}),
        (f"objects/projects/one/channel_data/{push}", {"data": {"tokens": ["t"]}}),
    ):
        done(await client.put(f"/{path}", json=body))
    followed = {"recipients": ["ellie"], "properties": {"role": "owner"}}
    done(await client.post("/objects/projects/one/subscriptions", json=followed))
    joined = {"members": [{"user": {"id": "ellie"}}]}
    done(await client.post(f"/audiences/{key}/members", json=joined))
    begun = {"recipients": ["ellie", "alan"], "tenant": "ingen", "data": {"x": 1}}
    done(await client.post(f"/workflows/{key}/trigger", json=begun))
    repeated = {"workflow": key, "recipients": ["ellie"], "repeats": [_DAILY]}
    (schedule,) = done(await client.post("/schedules", json=repeated))
    operation = done(await client.post("/users/bulk/identify", json={"users": [{"id": "ian"}]}))
    world = await account.world("development")
    feed = channels["in-app"]
    message = await world.make.message(world.environment, feed, data={"x": 1})
    ids = {
        "user_id": "ellie",
        "collection": "projects",
        "object_id": "one",
        "tenant_id": "ingen",
        "set_id": "default",
        "channel_type": "email",
        "message_id": message,
        "run_id": await world.make.run(world.environment, data={"x": 1}),
        "schedule_id": schedule["id"],
        "operation_id": operation["id"],
    }
    members = {
        "schedule_ids": [schedule["id"]],
        "message_ids": [message],
        "recipients": ["ellie", {"collection": "projects", "id": "one"}],
        "recipient": "ellie",
        "workflow": key,
        "user_ids": ["ellie"],
        "tenant": "ingen",
        "from_user_id": "alan",
        "channel_id": str(feed),
    }
    return ids, members


@asynccontextmanager
async def target_on(seeded: Seeded) -> AsyncIterator[Target]:
    """Serve the product on a seeded database, filled."""
    engine = make_engine(seeded.url, TemporalRecorder())
    await engine.database.open()
    account = Account(engine, seeded.keys)
    rows = await account.rows("SELECT key, id FROM channels")
    channels: dict[str, UUID] = {row["key"]: row["id"] for row in rows}
    knock = Face(
        knock_document(),
        seeded.keys.environments["development"].secret_key,
        ids={"action": "read", "channel_id": str(channels["in-app"])},
        places={
            "channel_data": {"channel_id": str(channels["sandbox-push"])},
            "guides": {"channel_id": str(channels["in-app-guide"])},
            "providers": {"channel_id": str(channels["slack"])},
        },
    )
    # Keys are not among these: a request that revokes its own would be the last one.
    management = Face(
        management_document(),
        seeded.keys.service_token,
        ids={"slug": "development", "locale_code": "en"},
        members={"environment": "development"},
        places={"channels": {"key": "in-app"}},
    )
    try:
        async with serving(application(engine)) as address:
            target = Target(address, account, channels, (knock, management))
            await target.fill()
            yield target
    finally:
        await engine.database.close()
