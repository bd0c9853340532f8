"""Drives the world in one environment of a test: publish content, trigger, walk, look at rows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from domain.audiences.members import MembersIn
from domain.content.audience import AUDIENCE
from domain.content.email_layout import EMAIL_LAYOUT
from domain.content.workflow import WORKFLOW
from domain.contract.deliveries import DeliverMessageInput
from domain.contract.runs import START, Advanced, AdvanceInput, SleepUntil, WalkOn
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.shapes import read_shape
from domain.recipients.refs import RecipientRef
from domain.recipients.shapes import UserIn
from domain.triggers.requests import parse_cancel_request, parse_trigger_request
from services.audiences.members import add_members
from services.channels.sealing import seal_channel_settings, seal_provider_settings
from services.composition import compose_engine
from services.content.branches import create_branch, on_branch
from services.content.drafts import upsert_content
from services.deliveries import deliver as deliveries
from services.engine import Engine
from services.recipients.recipients import store_recipient
from services.triggers import cancelling, triggering
from services.triggers.releases import close_releases
from services.waits.telling import close_telling
from services.walk.transaction import advance
from temporal_workflows.waits import SPEAKS
from tests.support.builders import T0
from tests.support.content import note, save_content
from tests.support.seen import Seen
from tests.support.steps import CHANNEL_KEYS, batch_step, channel_step, delay_step, when

__all__ = [
    "PROVIDERS",
    "World",
    "another_process",
    "batch_step",
    "channel_step",
    "delay_step",
    "sleep_of",
    "when",
]

PROVIDERS = {
    "in_app_feed": "in_app_feed_knock",
    "email": "sandbox_email",
    "sms": "sandbox_sms",
    "push": "sandbox_push",
    "chat": "sandbox_chat",
    "http": "http_knock_webhook",
    "in_app_guide": "in_app_guide_knock",
}


def sleep_of(advanced: Advanced) -> SleepUntil:
    """Return the sleep that a walk answered; fails when it answered something else."""
    assert isinstance(advanced.next, SleepUntil), advanced.next
    return advanced.next


def another_process(engine: Engine, **changes: Any) -> Engine:
    """Make an engine on the same parts, but for `changes`, that remembers nothing yet."""
    names = ("settings", "database", "temporal", "vault", "clock")
    parts = {name: getattr(engine, name) for name in names}
    return compose_engine(**{**parts, **changes})


@dataclass
class World(Seen):
    """One environment, with the parts of a process to work in it."""

    def with_parts(self, **changes: Any) -> World:
        """Return the same environment seen by another process, which remembers nothing yet."""
        return replace(self, engine=another_process(self.engine, **changes))

    def with_engine(self, **changes: Any) -> World:
        """Return the same environment seen by the same process with some of its parts replaced."""
        return replace(self, engine=replace(self.engine, **changes))

    async def branch(self, slug: str = "feature") -> World:
        """Make a branch of the environment, and return the environment on it."""
        await create_branch(self.engine, self.environment.scope.main, slug)
        scope = await on_branch(self.engine, self.environment.scope.main, slug)
        return replace(self, environment=replace(self.environment, scope=scope))

    def at(self, moment: datetime) -> World:
        """Return the same environment and process at another time: its clock stands still."""
        return self.with_engine(clock=lambda: moment)

    async def channel(
        self,
        channel_type: str,
        key: str | None = None,
        *,
        provider: str | None = None,
        secrets: JsonObject | None = None,
        **settings: Any,
    ) -> UUID:
        """Configure a channel here, the seeded one of its type unless a key is given.

        Args:
            channel_type: what it carries.
            key: channels are shared by all environments, so tests that need one of their own
                name it.
            provider: one that reaches nobody, unless given.
            secrets: the settings of the provider.
            settings: columns of the channel's settings here.
        """
        channel_id = await self._channel_id(
            channel_type, key or CHANNEL_KEYS[channel_type], provider or PROVIDERS[channel_type]
        )
        values = {"is_sandbox": False, "channel_settings": {}, "conditions": None, **settings}
        owner = (channel_id, self.environment.id)
        clear, sealed = seal_channel_settings(
            self.engine.vault, values["channel_settings"], channel_type, *owner
        )
        values |= {"channel_settings": clear, "sealed_channel_settings": sealed}
        for name in ("channel_settings", "conditions"):
            values[name] = None if values[name] is None else Jsonb(values[name])
        await self.make.insert(
            "channel_environments",
            channel_id=channel_id,
            environment_id=self.environment.id,
            id=uuid4(),
            provider_settings=seal_provider_settings(self.engine.vault, secrets or {}, *owner),
            inserted_at=T0,
            updated_at=T0,
            **values,
        )
        return channel_id

    async def group(
        self, key: str, channel_type: str, *rules: JsonObject, operator: str = "any"
    ) -> None:
        """Make a channel group; a rule is always so unless it says otherwise."""
        made = {"created_at": T0.isoformat(), "updated_at": T0.isoformat()}
        empty = dict.fromkeys(("variable", "operator", "argument"))
        stored = [
            {"index": index, "rule_type": "always", **empty, **made, **rule}
            for index, rule in enumerate(rules)
        ]
        await self.make.insert(
            "channel_groups",
            key=key,
            name=key,
            channel_type=channel_type,
            operator=operator,
            source="user",
            channel_rules=Jsonb(stored),
            inserted_at=T0,
            updated_at=T0,
        )

    async def _channel_id(self, channel_type: str, key: str, provider: str) -> UUID:
        """Return the channel of a key; channels are shared by all environments."""
        await self.make.rows(
            "INSERT INTO channels (id, key, name, channel_type, provider, inserted_at, updated_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (key) DO NOTHING RETURNING id",
            *(uuid4(), key, key, channel_type, provider, T0, T0),
        )
        rows = await self.make.rows("SELECT id FROM channels WHERE key = %s", key)
        return UUID(str(rows[0]["id"]))

    async def publish(self, key: str, *steps: JsonObject, **content: Any) -> UUID:
        """Commit a workflow as the product does, active; returns the id of its version."""
        scope = self.environment.scope
        document = {"name": key, "steps": list(steps), **content}
        await upsert_content(self.engine, scope, WORKFLOW, key, document, commit=note(), force=True)
        rows = await self.make.rows(
            "SELECT published_version_id FROM content_resources"
            " WHERE environment_id = %s AND resource_type = 'workflow' AND key = %s",
            *(scope.content_id, key),
        )
        return UUID(str(rows[0]["published_version_id"]))

    async def publish_raw(self, key: str, content: Any) -> UUID:
        """Put a document where the published one is, as another version may have stored it.

        It is neither checked nor normalised, so this is for documents that `publish` refuses.
        """
        version = new_id()
        of_resource = {
            "environment_id": self.environment.id,
            "resource_type": "workflow",
            "key": key,
        }
        stored = {"content": Jsonb(content), "sha": "stored otherwise", "inserted_at": T0}
        await self.make.insert("content_versions", id=version, **of_resource, **stored)
        await self.make.rows(
            "INSERT INTO content_resources (environment_id, resource_type, key, draft, draft_sha,"
            " published_version_id, active, inserted_at, updated_at)"
            " VALUES (%s, 'workflow', %s, %s, 'stored otherwise', %s, true, %s, %s)"
            " ON CONFLICT (environment_id, resource_type, key)"
            " DO UPDATE SET published_version_id = excluded.published_version_id",
            *(self.environment.id, key, Jsonb(content), version, T0, T0),
        )
        return version

    async def layout(self, key: str, html: str) -> None:
        """Commit an e-mail layout."""
        document = {"name": key, "html_layout": html, "text_layout": "{{ content }}"}
        scope = self.environment.scope
        await upsert_content(
            self.engine, scope, EMAIL_LAYOUT, key, document, commit=note(), force=True
        )

    async def audience(self, key: str, *segments: list[JsonObject]) -> None:
        """Commit an audience: a dynamic one of these segments, or without any a static one."""
        document: JsonObject = {"name": key, "type": "static"}
        if segments:
            conditions = [{"conditions": each} for each in segments]
            document = {"name": key, "type": "dynamic", "segments": conditions}
        slug = self.environment.scope.slug
        await save_content(self.engine, slug, AUDIENCE, key, document, commit=note(), force=True)

    async def enter(self, key: str, *user_ids: str, tenant: str | None = None) -> None:
        """Add users to a static audience, as the API does."""
        given = [{"user": {"id": user_id}, "tenant": tenant} for user_id in user_ids]
        shape = read_shape(MembersIn, {"members": given})
        await add_members(self.engine, self.environment.scope, key, shape)

    async def identify(self, user_id: str, **properties: Any) -> None:
        """Identify a user, as the API does."""
        given = read_shape(UserIn, properties)
        ref = RecipientRef.user(user_id)
        await store_recipient(self.engine, self.environment.scope, ref, given)

    async def activate(self, key: str, *, active: bool) -> None:
        """Turn a workflow on or off."""
        await self.make.rows(
            "UPDATE content_resources SET active = %s WHERE environment_id = %s AND key = %s"
            " RETURNING 1",
            *(active, self.environment.id, key),
        )

    async def trigger(self, key: str, *recipients: Any, source: str = "api", **body: Any) -> UUID:
        """Trigger a workflow for recipients (a user named Ellie without any)."""
        chosen = recipients or ({"id": "ellie", "name": "Ellie", "email": "ellie@example.com"},)
        body["recipients"] = list(chosen)
        request = parse_trigger_request(key, body, source_type=source)
        answer = await triggering.trigger(self.engine, self.environment.scope, request)
        return answer.workflow_run_id

    async def cancel(self, key: str, cancellation_key: str, *recipients: Any) -> None:
        """Cancel the runs of a key, or of some recipients."""
        body: JsonObject = {"cancellation_key": cancellation_key}
        if recipients:
            body["recipients"] = list(recipients)
        request = parse_cancel_request(key, body)
        await cancelling.cancel(self.engine, self.environment.scope, request)

    async def begin(self, key: str, *recipients: Any, **body: Any) -> str:
        """Trigger a workflow for one recipient; answers the id of its run."""
        return str((await self.runs(await self.trigger(key, *recipients, **body)))[0]["id"])

    async def walk(
        self, run_id: str | UUID, cursor: str = START, *, cancel: bool = False
    ) -> Advanced:
        """Advance a run until it waits or ends, as its workflow does.

        A walk commits when it has used its time, so that a single one depends on the machine.
        """
        advanced = await self.walk_once(run_id, cursor, cancel=cancel)
        while isinstance(advanced.next, WalkOn):
            before, advanced = advanced, await self.walk_once(run_id, advanced.cursor)
            story = [*before.story, *advanced.story]
            deliveries = [*before.deliveries, *advanced.deliveries]
            advanced = replace(advanced, story=story, deliveries=deliveries)
        return advanced

    async def walk_once(
        self, run_id: str | UUID, cursor: str = START, *, cancel: bool = False
    ) -> Advanced:
        """Take one walk; it ends where it waits, or where its budget does."""
        order = AdvanceInput(str(run_id), str(self.environment.id), cursor, cancel, list(SPEAKS))
        return await advance(self.engine, order)

    async def send(self, *steps: JsonObject, **body: Any) -> tuple[str, Advanced]:
        """Publish steps, trigger them for one recipient, and take the first walk."""
        key = f"flow-{uuid4().hex[:8]}"
        await self.publish(key, *steps)
        return await self._send(key, **body)

    async def send_raw(self, *steps: Any, **body: Any) -> tuple[str, Advanced]:
        """Do the same with steps that the product would refuse, see `publish_raw`."""
        key = f"flow-{uuid4().hex[:8]}"
        await self.publish_raw(key, {"name": key, "steps": list(steps)})
        return await self._send(key, **body)

    async def _send(self, key: str, *, recipients: Any = (), **body: Any) -> tuple[str, Advanced]:
        run_id = await self.begin(key, *recipients, **body)
        return run_id, await self.walk(run_id)

    async def deliver(self, message_id: str | UUID, *, retry: int = 0) -> str:
        """Make one attempt to deliver a message."""
        order = DeliverMessageInput(str(message_id), str(self.environment.id), retry)
        return await deliveries.deliver_message(self.engine, order)

    async def change_delivery(self, message_id: str | UUID, change: str) -> None:
        """Change the row of a message that is on its way, for example `due_at = now()`."""
        await self.make.rows(
            f"UPDATE deliveries SET {change} WHERE message_id = %s RETURNING 1", message_id
        )

    async def grow_old(self) -> None:
        """Let this process die, and make this environment's work due for the sweep, no other's."""
        await asyncio.gather(close_releases(self.engine), close_telling(self.engine))
        for table in ("trigger_releases", "cancellations"):
            await self.make.rows(
                f"UPDATE {table} SET due_at = CASE WHEN environment_id = %s"
                " THEN now() - interval '1 second' ELSE 'infinity' END RETURNING 1",
                self.environment.id,
            )
        await self.make.rows(
            "UPDATE recipient_runs SET resumes_at = NULL"
            " WHERE resumes_at IS NOT NULL AND environment_id <> %s RETURNING 1",
            self.environment.id,
        )
