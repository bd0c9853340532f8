"""What the SDK's own tests call: the product, filled with what they name.

They are written for a mock server, which takes any id. Users, objects, tenants and keys are made
as they name them; ids that the product chooses itself (of messages, channels, runs, schedules and
bulk operations) are told to `sdk_plugin.py`, which puts them into the requests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from domain.kit.json_types import JsonObject
from runtime.crypto import hash_token
from runtime.settings import Settings
from services.engine import Engine
from tests.support.account import Account, Seeded, make_engine
from tests.support.application import application
from tests.support.builders import T0
from tests.support.guides import guide_step, publish_guide
from tests.support.server import done, serving
from tests.support.steps import feed_step
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.workspaces import running_vendor
from tests.support.world import World

# The credential that the SDK's tests send.
API_KEY = "My API Key"
_USERS = (
    *("user_id", "user-123", "user_1", "user_2", "user_123"),
    *("string", "dr_sattler", "dr_grant", "dr_malcolm", "mr_dna", "jhammond"),
)
_OBJECTS = (
    *("collection/id", "collection/object_id", "collection/string"),
    *("projects/project-123", "projects/project-1", "projects/project_123"),
)
_TENANTS = ("id", "tenant", "acme_corp", "ingen_isla_nublar", "tenant_1", "tenant_123")
_WORKFLOWS = ("key", "comment-created", "workflow")


class _Kept(set[str]):
    """Tokens of which none is given up: the vendors are not set back between tests."""

    def discard(self, element: str, /) -> None:
        """Keep it."""


@dataclass(frozen=True)
class Target:
    """The product, served.

    Attributes:
        address: where.
        ids: what the product named itself, by what it is.
    """

    address: str
    ids: dict[str, str]


@asynccontextmanager
async def target_on(seeded: Seeded) -> AsyncIterator[Target]:
    """Serve the product on a seeded database, filled with what the tests name."""
    engine = make_engine(seeded.url, TemporalRecorder())
    await engine.database.open()
    account = Account(engine, seeded.keys)
    try:
        async with running_vendor() as vendor, serving(application(engine)) as address:
            vendor.tokens = _Kept({"xoxb-1", "graph-token"})
            world = await account.world("development")
            open_egress(engine)
            ids = await _fill(world, address, vendor.url)
            yield Target(address, ids)
    finally:
        await engine.providers.close()
        await engine.database.close()


def open_egress(engine: Engine) -> None:
    """Let calls go to loopback, where Slack and Microsoft stand in."""
    settings: Settings = engine.settings.model_copy(update={"allow_private_egress": True})
    engine.providers._settings = settings


async def _fill(world: World, address: str, vendor: str) -> dict[str, str]:
    await world.make.insert(
        "api_keys",
        id=UUID(int=1),
        environment_id=world.environment.id,
        kind="secret",
        name="SDK",
        token_hash=hash_token(API_KEY),
        hint="Key",
        inserted_at=T0,
    )
    await world.audience("key")
    for key in _WORKFLOWS:
        await world.publish(key, feed_step())
    rows = await world.make.rows("SELECT key, id FROM channels")
    ids = {row["key"]: str(row["id"]) for row in rows}
    ids["slack"] = str(
        await world.channel("chat", "sl", provider="chat_slack", secrets={"base_url": vendor})
    )
    teams = {
        "graph_client_id": "app",
        "graph_client_secret": "s3cret",
        "graph_base_url": vendor,
        "login_base_url": vendor,
    }
    ids["teams"] = str(await world.channel("chat", "ms", provider="chat_ms_teams", secrets=teams))
    step = guide_step("lab_tours", title="Tour")
    guide_id = await publish_guide(world, "tour_notification", step, channel_key="in-app-guide")
    ids["guide"] = str(guide_id)
    async with httpx.AsyncClient(
        base_url=f"{address}/v1", headers={"authorization": f"Bearer {API_KEY}"}, timeout=60
    ) as client:
        return ids | await _store(client, world, ids)


async def _store(client: httpx.AsyncClient, world: World, ids: dict[str, str]) -> dict[str, str]:
    async def put(path: str, body: JsonObject) -> Any:
        return done(await client.put(path, json=body))

    for user in _USERS:
        await put(f"/users/{user}", {"name": user, "email": f"{user}@example.com"})
    for path in _OBJECTS:
        await put(f"/objects/{path}", {"name": path})
    for tenant in _TENANTS:
        await put(f"/tenants/{tenant}", {"name": tenant})
    for owner in ("users/user_id", "objects/collection/object_id"):
        await put(f"/{owner}/channel_data/{ids['sandbox-push']}", {"data": {"tokens": ["t"]}})
        await put(f"/{owner}/preferences/default", {"channel_types": {"email": True}})
    token = {"token": {"access_token": "xoxb-1"}, "connections": [{"channel_id": "C1"}]}
    await put(f"/objects/$tenants/tenant/channel_data/{ids['slack']}", {"data": token})
    teams = {"ms_teams_tenant_id": "contoso"}
    await put(f"/objects/$tenants/tenant/channel_data/{ids['teams']}", {"data": teams})
    seen = {
        "channel_id": ids["in-app-guide"],
        "guide_id": ids["guide"],
        "guide_key": "tour_notification",
        "guide_step_ref": "lab_tours",
        "content": {"title": "Tour"},
    }
    await put("/users/user_id/guides/messages/seen", seen)
    shown = done(
        await client.get("/users/user_id/messages", params={"source": "tour_notification"})
    )
    repeats = [{"frequency": "daily", "hours": 9}]
    body = {"workflow": "workflow", "recipients": ["user_id"], "repeats": repeats}
    (schedule,) = done(await client.post("/schedules", json=body))
    bulk = {"users": [{"id": "user_id"}]}
    operation = done(await client.post("/users/bulk/identify", json=bulk))
    feed = UUID(ids["in-app"])
    version_id = (
        await world.make.rows(
            "SELECT published_version_id FROM content_resources WHERE key = 'key'"
        )
    )[0]
    messages = [
        await world.make.message(
            world.environment,
            feed,
            recipient_id="user_id",
            workflow_key="key",
            version_id=version_id["published_version_id"],
            minute=minute,
        )
        for minute in range(3)
    ]
    return {
        "message": messages[0],
        "message_2": messages[1],
        "message_3": messages[2],
        "guide_message": shown["items"][0]["id"],
        "schedule": schedule["id"],
        "operation": operation["id"],
        "run": await world.make.run(world.environment, recipient_id="user_id"),
    }
