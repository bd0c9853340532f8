"""What a test sees of an environment: its rows, in the order and the words of the story."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.messages.events import first_events
from services.engine import Engine
from services.runs.runs import load_run
from tests.support.builders import Builder, Environment


@dataclass
class Seen:
    """Looks at the rows of one environment.

    Attributes:
        engine: the parts of the process that works in it.
        make: reads and writes rows.
        environment: whose rows.
    """

    engine: Engine
    make: Builder
    environment: Environment

    async def runs(self, workflow_run_id: UUID | None = None) -> list[dict[str, Any]]:
        """Return the runs of a trigger, or of the environment, in the order of recipient ids."""
        return await self.make.rows(
            "SELECT * FROM recipient_runs WHERE environment_id = %s"
            " AND (%s::uuid IS NULL OR workflow_run_id = %s) ORDER BY recipient_id, id",
            *(self.environment.id, workflow_run_id, workflow_run_id),
        )

    async def runs_of(self, workflow_key: str) -> list[dict[str, Any]]:
        """Return the runs of a workflow, each with the source of its trigger, by recipient."""
        return await self.make.rows(
            "SELECT r.*, w.source, w.settings FROM recipient_runs r"
            " JOIN workflow_runs w ON w.id = r.workflow_run_id"
            " WHERE r.environment_id = %s AND r.workflow_key = %s ORDER BY r.recipient_id, r.id",
            *(self.environment.id, workflow_key),
        )

    async def members(self, audience_key: str) -> list[tuple[str, str]]:
        """Return who is in an audience, and for which tenant."""
        rows = await self.make.rows(
            "SELECT user_id, tenant_id FROM audience_members"
            " WHERE environment_id = %s AND audience_key = %s ORDER BY user_id, tenant_id",
            *(self.environment.id, audience_key),
        )
        return [(row["user_id"], row["tenant_id"]) for row in rows]

    async def run(self, run_id: str | UUID) -> dict[str, Any]:
        """Return one run."""
        return (await self.make.rows("SELECT * FROM recipient_runs WHERE id = %s", run_id))[0]

    async def events(self, run_id: str | UUID) -> list[dict[str, Any]]:
        """Return a run's story in order, what its row stands for included."""
        _, story = await load_run(self.engine, self.environment.scope, UUID(str(run_id)))
        return [asdict(event) for event in story]

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
            {"id": event.id, "event_type": event.type, "data": None}
            for event in first_events(
                message["id"],
                message["inserted_at"],
                at_once=message["channel_type"] == "in_app_feed"
                and message["scheduled_at"] is None,
            )
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

    async def delivery(self, message_id: str | UUID) -> dict[str, Any] | None:
        """Return the row of a message that is on its way."""
        rows = await self.make.rows("SELECT * FROM deliveries WHERE message_id = %s", message_id)
        return rows[0] if rows else None

    async def release(self, workflow_run_id: UUID) -> dict[str, Any] | None:
        """Return what Temporal is owed for a trigger; None when nothing, or all is confirmed."""
        await asyncio.gather(*self.engine.releases_under_way.noting)
        rows = await self.make.rows(
            "SELECT * FROM trigger_releases WHERE workflow_run_id = %s", workflow_run_id
        )
        return rows[0] if rows else None
