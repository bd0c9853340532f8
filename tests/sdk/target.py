"""What the SDKs call: the product, filled with what their own tests name.

Users, objects, tenants and keys are made as they name them (content in `target_content.py`); ids
that the product chooses itself (of messages, channels, runs, schedules and bulk operations) are
told to the doorway, which puts them into the requests (`placeholders.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import psycopg

from domain.kit.json_types import JsonObject
from runtime.settings import Settings
from runtime.tokens import hash_token
from services.engine import Engine
from tests.sdk.doorway import doorway_to
from tests.sdk.target_content import fill_content
from tests.support.account import Account, Seeded, make_engine
from tests.support.application import application
from tests.support.builders import T0
from tests.support.guides import guide_step, publish_guide
from tests.support.server import done, serving
from tests.support.steps import feed_step
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.workspaces import running_vendor
from tests.support.world import World

# The credentials that the SDKs' tests send.
API_KEY = "My API Key"
_SERVICE_TOKEN = "My Service Token"
_USERS = (
    *("user_id", "user-123", "user_1", "user_2", "user_123"),
    *("string", "dr_sattler", "dr_grant", "dr_malcolm", "mr_dna", "jhammond"),
)
_OBJECTS = (
    *("collection/id", "collection/object_id", "collection/string"),
    *("projects/project-123", "projects/project-1", "projects/project_123", "projects/project_1"),
)
_TENANTS = ("id", "tenant", "acme_corp", "ingen_isla_nublar", "tenant_1", "tenant_123")
_WORKFLOWS = ("key", "comment-created", "workflow", "dinosaurs-loose")


class _Kept(set[str]):
    """Tokens of which none is given up: the vendors are not set back between tests."""

    def discard(self, element: str, /) -> None:
        """Keep it."""


@dataclass(frozen=True)
class Target:
    """The product, served.

    Attributes:
        address: where.
        doorway: where placeholders are exchanged, and nothing that is written stays.
        ids: what the product named itself, by what it is.
        restore: takes back what was written at the address.
    """

    address: str
    doorway: str
    ids: dict[str, str]
    restore: Callable[[], None]


class _Restoring:
    """Brings a database back to what it was when this was made."""

    def __init__(self, seeded: Seeded) -> None:
        self._seeded = seeded
        self._times = 0
        seeded.keep()

    def __call__(self) -> None:
        self._times += 1
        with psycopg.connect(self._seeded.url) as connection:
            for statement in self._seeded.restoring():
                connection.execute(statement)
            # The product remembers configuration by its version, so none may come a second time.
            connection.execute(
                "UPDATE environments SET config_version = config_version + %s",
                [1000 * self._times],
            )


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
            restore = _Restoring(seeded)
            async with doorway_to(address, ids, restore) as doorway:
                yield Target(address, doorway, ids, restore)
    finally:
        await engine.providers.close()
        await engine.database.close()


def open_egress(engine: Engine) -> None:
    """Let calls go to loopback, where Slack and Microsoft stand in."""
    settings: Settings = engine.settings.model_copy(update={"allow_private_egress": True})
    engine.providers._settings = settings


async def _fill(world: World, address: str, vendor: str) -> dict[str, str]:
    key = {"id": UUID(int=1), "name": "SDK", "hint": "SDK", "inserted_at": T0}
    await world.make.insert(
        "api_keys",
        environment_id=world.environment.id,
        kind="secret",
        token_hash=hash_token(API_KEY),
        **key,
    )
    await world.make.insert("service_tokens", token_hash=hash_token(_SERVICE_TOKEN), **key)
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
    async with _calling(address, API_KEY) as client:
        ids |= await _store(client, world, ids)
    async with _calling(address, _SERVICE_TOKEN) as client:
        return ids | await fill_content(client)


def _calling(address: str, credential: str) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {credential}"}
    return httpx.AsyncClient(base_url=f"{address}/v1", headers=headers, timeout=60)


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
