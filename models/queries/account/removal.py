"""Statements that delete what a removed environment had, little by little."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.runs.rows import RunInTemporal
from domain.runs.statuses import OPEN_RUN, RunStatus
from models.queries.messages.deletion import delete_messages
from models.sql import columns_of, fetch_all, listed
from runtime.database import Connection, one

# What would begin something anew goes first.
_BEGINNINGS = (
    "source_environments",
    "webhook_endpoints",
    "outbox_subscriptions",
    "api_keys",
    "schedules",
    "moved_recipients",
    "broadcast_addressees",
    "broadcast_recipients",
    "broadcasts",
    "trigger_expansions",
    "trigger_releases",
    "owed_effects",
)
# Rows of these are named by others, whose statements delete those first; whatever is left is swept.
_REST = (
    "cancellations",
    "recipient_runs",
    "messages",
    "deliveries",
    "status_checks",
    "delivery_attempts",
    "attachments",
    "short_links",
    "batch_items",
    "batches",
    "fetches",
    "event_waits",
    "awaited_changes",
    "first_runs",
    "sandbox_first_runs",
    "followed_objects",
    "workflow_runs",
    "webhook_attempts",
    "webhook_deliveries",
    "webhook_events",
    "source_event_actions",
    "source_event_keys",
    "source_events",
    "outbox",
    "bulk_items",
    "bulk_operations",
    "idempotency_records",
    "guide_displays",
    "guide_engagements",
    "guide_tenant_engagements",
    "guide_groups",
    "audience_members",
    "audience_builds",
    "subscriptions",
    "preference_sets",
    "channel_data",
    "recipients",
    "default_preference_sets",
    "preference_centers",
    "schema_properties",
    "model_providers",
    "channel_holds",
    "channel_environments",
    "variable_values",
    "brandings",
    "commits",
    "content_resources",
    "content_versions",
    "signing_keys",
    "branches",
)
# Every table with rows of an environment, in the order in which they go.
TABLES = (*_BEGINNINGS, *_REST)

# Who ended them may have died before it woke them, so those are returned again. They are chosen in
# an order that the key of the table has not: by that it would be read from its beginning each time,
# whatever environment the rows are of. They are locked in the order of everybody.
_END_RUNS = f"""
WITH chosen AS MATERIALIZED (
    SELECT id FROM recipient_runs WHERE environment_id = %(environment_id)s
    ORDER BY workflow_key, id LIMIT %(limit)s
), locked AS MATERIALIZED (
    SELECT r.id, r.status FROM chosen JOIN recipient_runs r USING (id)
    ORDER BY r.id FOR UPDATE OF r
), ended AS (
    UPDATE recipient_runs r
    SET status = '{RunStatus.CANCELLED}', resumes_at = NULL, ended_at = %(now)s,
        updated_at = %(now)s
    FROM locked WHERE r.id = locked.id AND locked.status IN ({listed(OPEN_RUN)})
)
SELECT {columns_of(RunInTemporal, "r", {"environment": "e.slug"})}
FROM locked JOIN recipient_runs r USING (id) JOIN environments e ON e.id = r.environment_id
ORDER BY r.id
"""  # noqa: S608 - constants

# In the order of an index, so that nothing is read to find that there are no more.
_SOME_MESSAGES = """
SELECT id FROM messages WHERE environment_id = %s ORDER BY inserted_at DESC, id DESC LIMIT %s
"""
# A stretch of the table itself, so that one pass reads it once, whatever indexes it has.
_SWEEP = """
DELETE FROM {table} WHERE environment_id = %s AND ctid >= %s::tid AND ctid < %s::tid
"""


@dataclass(frozen=True, slots=True)
class RemovedEnvironment:
    """An environment that is none any more."""

    id: UUID
    slug: str
    removed_at: datetime


async def list_removed(connection: Connection) -> list[RemovedEnvironment]:
    """Return the environments that were removed and whose rows are still there, oldest first."""
    return await fetch_all(
        connection,
        RemovedEnvironment,
        "SELECT id, slug, removed_at FROM environments"
        " WHERE removed_at IS NOT NULL ORDER BY removed_at, id",
    )


async def end_some_runs(
    connection: Connection, environment_id: UUID, *, limit: int, now: datetime
) -> list[RunInTemporal]:
    """End the first runs of an environment that are open; return them, the others included."""
    values = {"environment_id": environment_id, "limit": limit, "now": now}
    return await fetch_all(connection, RunInTemporal, _END_RUNS, values)


async def delete_some_messages(connection: Connection, environment_id: UUID, *, limit: int) -> int:
    """Delete some messages with all that hangs on them, inside a transaction."""
    cursor = await connection.execute(_SOME_MESSAGES, (environment_id, limit))
    ids = [row["id"] for row in await cursor.fetchall()]
    if ids:
        await delete_messages(connection, environment_id, ids)
    return len(ids)


async def pages_of(connection: Connection, table: str) -> int:
    """Return how many pages a table has on disk."""
    cursor = await connection.execute(
        "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::int AS pages",
        (table,),
    )
    return int(one(await cursor.fetchone())["pages"])


async def sweep_pages(
    connection: Connection, environment_id: UUID, table: str, *, first: int, behind: int
) -> int:
    """Delete the rows of an environment on some pages of a table; return how many there were."""
    cursor = await connection.execute(
        _SWEEP.format(table=table), (environment_id, f"({first},0)", f"({behind},0)")
    )
    return cursor.rowcount


async def delete_environment(connection: Connection, environment_id: UUID) -> None:
    """Delete the row of a removed environment, which nothing refers to any more."""
    await connection.execute(
        "DELETE FROM environments WHERE id = %s AND removed_at IS NOT NULL", (environment_id,)
    )
