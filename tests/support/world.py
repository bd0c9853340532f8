"""Drives the world in one environment of a test: publish content, trigger, walk, look at rows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from domain.contract.runs import START, Advanced, AdvanceInput, DeliverMessageInput, SleepUntil
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.triggers.requests import parse_cancel_request, parse_trigger_request
from services.channels.sealing import seal_channel_settings, seal_provider_settings
from services.composition import compose_engine
from services.deliveries import deliver as deliveries
from services.engine import Engine
from services.messages.messages import first_events
from services.runs.runs import whole_story
from services.triggers import accept as triggers
from services.triggers.releases import close_releases
from services.walk import advance
from tests.support.builders import T0, Builder, Environment

PROVIDERS = {
    "in_app_feed": "in_app_feed_knock",
    "email": "sandbox_email",
    "sms": "sandbox_sms",
    "push": "sandbox_push",
    "chat": "sandbox_chat",
    "http": "http_knock_webhook",
}
TEMPLATES: dict[str, JsonObject] = {
    "in_app_feed": {"markdown_body": "Hello **{{ recipient.name }}** {{ data.x }}"},
    "email": {
        "subject": "Hi {{ recipient.name }}",
        "html_body": "<p>{{ data.x }}</p>",
        "settings": {"layout_key": None},
    },
    "sms": {"text_body": "Hi"},
    "push": {"title": "Hi", "text_body": "there"},
    "chat": {"markdown_body": "Hi"},
    "http": {"method": "post", "url": "https://example.com/{{ recipient.id }}", "body": "{}"},
}


def channel_step(ref: str, channel_type: str = "in_app_feed", **changes: Any) -> JsonObject:
    """Write a channel step whose channel's key is its type; `changes` wins."""
    return {
        "type": "channel",
        "ref": ref,
        "channel_type": channel_type,
        "channel_key": channel_type,
        "template": TEMPLATES[channel_type],
        **changes,
    }


def delay_step(ref: str = "wait", *, seconds: float = 3600, **changes: Any) -> JsonObject:
    """Write a delay step of a fixed length."""
    length = {"unit": "seconds", "value": seconds}
    return {"type": "delay", "ref": ref, "settings": {"delay_for": length}, **changes}


def when(variable: str, operator: str, argument: Any = None) -> JsonObject:
    """Write conditions of one comparison."""
    return {"all": [{"variable": variable, "operator": operator, "argument": argument}]}


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
class World:
    """One environment, with the parts of a process to work in it."""

    engine: Engine
    make: Builder
    environment: Environment

    def with_parts(self, **changes: Any) -> World:
        """Return the same environment seen by another process, which remembers nothing yet."""
        return replace(self, engine=another_process(self.engine, **changes))

    def with_engine(self, **changes: Any) -> World:
        """Return the same environment seen by the same process with some of its parts replaced."""
        return replace(self, engine=replace(self.engine, **changes))

    async def channel(
        self,
        channel_type: str,
        key: str | None = None,
        *,
        provider: str | None = None,
        secrets: JsonObject | None = None,
        **settings: Any,
    ) -> UUID:
        """Configure a channel here, named by its type; `settings` are columns of its settings."""
        channel_id = await self._channel_id(
            channel_type, key or channel_type, provider or PROVIDERS[channel_type]
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
        """Commit a workflow, active; its version's id is answered."""
        return await self._commit("workflow", key, {"name": key, "steps": list(steps), **content})

    async def publish_raw(self, key: str, content: Any) -> UUID:
        """Commit a document as another version of the product may have stored it."""
        return await self._commit("workflow", key, content)

    async def layout(self, key: str, html: str) -> UUID:
        """Commit an e-mail layout."""
        content = {"html_layout": html, "text_layout": "{{ content }}", "footer_links": []}
        return await self._commit("email_layout", key, content)

    async def _commit(self, resource_type: str, key: str, content: JsonObject) -> UUID:
        version = new_id()
        await self.make.insert(
            "content_versions",
            id=version,
            environment_id=self.environment.id,
            resource_type=resource_type,
            key=key,
            content=Jsonb(content),
            sha="x",
            inserted_at=T0,
        )
        await self.make.rows(
            "INSERT INTO content_resources (environment_id, resource_type, key, draft, draft_sha,"
            " published_version_id, active, inserted_at, updated_at)"
            " VALUES (%s, %s, %s, %s, 'x', %s, true, %s, %s)"
            " ON CONFLICT (environment_id, resource_type, key)"
            " DO UPDATE SET published_version_id = excluded.published_version_id RETURNING 1",
            *(self.environment.id, resource_type, key, Jsonb(content), version, T0, T0),
        )
        return version

    async def activate(self, key: str, *, active: bool) -> None:
        """Turn a workflow on or off."""
        await self.make.rows(
            "UPDATE content_resources SET active = %s WHERE environment_id = %s AND key = %s"
            " RETURNING 1",
            *(active, self.environment.id, key),
        )

    async def trigger(self, key: str, *recipients: Any, **body: Any) -> UUID:
        """Trigger a workflow for recipients (a user named Ellie without any)."""
        chosen = recipients or ({"id": "ellie", "name": "Ellie", "email": "ellie@example.com"},)
        request = parse_trigger_request(key, {"recipients": list(chosen), **body})
        answer = await triggers.trigger(self.engine, self.environment.scope, request)
        return answer.workflow_run_id

    async def cancel(self, key: str, cancellation_key: str, *recipients: Any) -> None:
        """Cancel the runs of a key, or of some recipients."""
        body: JsonObject = {"cancellation_key": cancellation_key}
        if recipients:
            body["recipients"] = list(recipients)
        request = parse_cancel_request(key, body)
        await triggers.cancel(self.engine, self.environment.scope, request)

    async def begin(self, key: str, *recipients: Any, **body: Any) -> str:
        """Trigger a workflow for one recipient; answers the id of its run."""
        return str((await self.runs(await self.trigger(key, *recipients, **body)))[0]["id"])

    async def walk(
        self, run_id: str | UUID, cursor: str = START, *, cancel: bool = False
    ) -> Advanced:
        """Advance a run once."""
        order = AdvanceInput(str(run_id), str(self.environment.id), cursor, cancel)
        return await advance(self.engine, order)

    async def send(self, *steps: JsonObject, **body: Any) -> tuple[str, Advanced]:
        """Publish steps, trigger them for one recipient, and take the first walk."""
        recipients = body.pop("recipients", ())
        key = f"flow-{uuid4().hex[:8]}"
        await self.publish(key, *steps)
        run_id = await self.begin(key, *recipients, **body)
        return run_id, await self.walk(run_id)

    async def deliver(self, message_id: str | UUID, *, retry: int = 0) -> str:
        """Make one attempt to deliver a message."""
        order = DeliverMessageInput(str(message_id), str(self.environment.id), retry)
        return await deliveries.deliver_message(self.engine, order)

    async def delivery(self, message_id: str | UUID) -> dict[str, Any] | None:
        """Return the row of a message that is on its way."""
        rows = await self.make.rows("SELECT * FROM deliveries WHERE message_id = %s", message_id)
        return rows[0] if rows else None

    async def change_delivery(self, message_id: str | UUID, change: str) -> None:
        """Change the row of a message that is on its way, for example `due_at = now()`."""
        await self.make.rows(
            f"UPDATE deliveries SET {change} WHERE message_id = %s RETURNING 1", message_id
        )

    async def grow_old(self) -> None:
        """Let this process die, and make this environment's work due for the sweep, no other's."""
        await close_releases(self.engine)
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

    async def release(self, workflow_run_id: UUID) -> dict[str, Any] | None:
        """Return what Temporal is owed for a trigger; None when nothing, or all is confirmed."""
        await asyncio.gather(*self.engine.releases_under_way.noting)
        rows = await self.make.rows(
            "SELECT * FROM trigger_releases WHERE workflow_run_id = %s", workflow_run_id
        )
        return rows[0] if rows else None

    async def runs(self, workflow_run_id: UUID | None = None) -> list[dict[str, Any]]:
        """Return the runs of a trigger, or of the environment, in the order of recipient ids."""
        return await self.make.rows(
            "SELECT * FROM recipient_runs WHERE environment_id = %s"
            " AND (%s::uuid IS NULL OR workflow_run_id = %s) ORDER BY recipient_id, id",
            *(self.environment.id, workflow_run_id, workflow_run_id),
        )

    async def run(self, run_id: str | UUID) -> dict[str, Any]:
        """Return one run."""
        return (await self.make.rows("SELECT * FROM recipient_runs WHERE id = %s", run_id))[0]

    async def events(self, run_id: str | UUID) -> list[dict[str, Any]]:
        """Return a run's story in order, what its row stands for included."""
        stored = await self.make.rows(
            "SELECT * FROM recipient_run_events WHERE recipient_run_id = %s ORDER BY position",
            run_id,
        )
        return whole_story(await self.run(run_id), stored)

    async def story(self, run_id: str) -> list[str]:
        """Return the names of a run's events in order."""
        return [event["event"] for event in await self.events(run_id)]

    async def reason(self, run_id: str, event: str = "step_skipped") -> str:
        """Return the reason that the last event of a name gives."""
        given = [row for row in await self.events(run_id) if row["event"] == event]
        return str(given[-1]["data"]["reason"])

    async def messages(self, run_id: str) -> list[dict[str, Any]]:
        """Return a run's messages in the order in which they were made."""
        return await self.make.rows(
            "SELECT * FROM messages WHERE recipient_run_id = %s ORDER BY inserted_at, step_ref",
            run_id,
        )

    async def message(self, message_id: str | UUID) -> dict[str, Any]:
        """Return one message."""
        return (await self.make.rows("SELECT * FROM messages WHERE id = %s", message_id))[0]

    async def message_events(self, message_id: str) -> list[dict[str, Any]]:
        """Return a message's story in order, without the prefix of its names."""
        message = await self.message(message_id)
        first: list[dict[str, Any]] = [
            {"id": each, "event_type": name, "data": None} for each, name in first_events(message)
        ]
        stored = await self.make.rows(
            "SELECT * FROM message_events WHERE message_id = %s ORDER BY id", message_id
        )
        rows = sorted([*first, *stored], key=lambda row: str(row["id"]))
        return [{**row, "event_type": row["event_type"].removeprefix("message.")} for row in rows]

    async def message_story(self, message_id: str) -> list[str]:
        """Return the names of a message's events in order."""
        return [row["event_type"] for row in await self.message_events(message_id)]

    async def snapshot(self, run_id: str) -> JsonObject:
        """Return everything that a walk may change about a run, instants of notes left out."""
        run = await self.run(run_id)
        messages = await self.messages(run_id)
        kept = ("status", "error_count", "event_count", "step_outcomes", "resumes_at")
        return {
            "run": {name: run[name] for name in kept},
            "events": await self.events(run_id),
            "messages": messages,
            "message_events": [await self.message_events(row["id"]) for row in messages],
        }
