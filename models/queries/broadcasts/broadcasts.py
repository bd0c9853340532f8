"""Statements over broadcasts. Whoever changes one holds its row first."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.broadcasts.rows import BroadcastStatus, DueBroadcast, StoredBroadcast
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from models.sql import Listing, Where, columns_of, fetch_all, fetch_one
from runtime.database import Connection

_NEWEST_FIRST = Listing(StoredBroadcast, "broadcasts b", "b", ("inserted_at", "key"))
_COLUMNS = columns_of(StoredBroadcast, "b")

# One that does not change keeps its `updated_at`.
_SAVE = f"""
INSERT INTO broadcasts AS b
    (environment_id, key, content, sha, status, sends, inserted_at, updated_at)
VALUES (%(environment_id)s, %(key)s, %(content)s, %(sha)s, '{BroadcastStatus.DRAFT}', 0, %(now)s,
        %(now)s)
ON CONFLICT (environment_id, key) DO UPDATE
SET content = excluded.content, sha = excluded.sha,
    updated_at = CASE WHEN b.sha = excluded.sha THEN b.updated_at ELSE excluded.updated_at END
WHERE b.status = '{BroadcastStatus.DRAFT}'
RETURNING {_COLUMNS}
"""  # noqa: S608 - constants

_CHANGE = f"""
UPDATE broadcasts b SET {{change}}, updated_at = %(now)s
WHERE environment_id = %(environment_id)s AND key = %(key)s
RETURNING {_COLUMNS}
"""  # noqa: S608 - constants
_SCHEDULE = _CHANGE.format(
    change=f"status = '{BroadcastStatus.SCHEDULED}', scheduled_at = %(send_at)s, sends = sends + 1,"
    " version_id = %(version_id)s"
)
_DRAFT = _CHANGE.format(
    change=f"status = '{BroadcastStatus.DRAFT}', scheduled_at = NULL, version_id = NULL"
)
_SENT = _CHANGE.format(
    change=f"status = '{BroadcastStatus.SENT}', sent_at = %(now)s,"
    " workflow_run_id = %(workflow_run_id)s, upload_is_sent = upload_id IS NOT NULL"
)
_STOPPED = _CHANGE.format(change="stopped_at = %(now)s")
_UPLOADED = _CHANGE.format(change="upload_id = %(upload_id)s, upload_is_complete = false")

_DUE = f"""
SELECT {columns_of(DueBroadcast, "b", {"environment": "e.slug"})}
FROM broadcasts b JOIN environments e ON e.id = b.environment_id
WHERE b.status = '{BroadcastStatus.SCHEDULED}' AND b.scheduled_at <= %(before)s
  AND (%(after)s::timestamptz IS NULL OR (b.scheduled_at, b.environment_id, b.key)
       > (%(after)s, %(after_environment)s::uuid, %(after_key)s::text))
ORDER BY b.scheduled_at, b.environment_id, b.key LIMIT %(limit)s
"""  # noqa: S608 - constants


async def list_broadcasts(
    connection: Connection, environment_id: UUID, request: PageRequest
) -> Page[StoredBroadcast]:
    """Return a page of broadcasts, newest first."""
    where = Where()
    where.add("b.environment_id = %s", environment_id)
    return await _NEWEST_FIRST.page(connection, where, request)


async def get_broadcast(
    connection: Connection, environment_id: UUID, key: str, *, hold: bool = False
) -> StoredBroadcast | None:
    """Return a broadcast; with `hold` nobody else changes it before the transaction ends."""
    return await fetch_one(
        connection,
        StoredBroadcast,
        f"SELECT {_COLUMNS} FROM broadcasts b WHERE environment_id = %s AND key = %s"  # noqa: S608
        f"{' FOR UPDATE' if hold else ''}",
        (environment_id, key),
    )


async def save_broadcast(
    connection: Connection,
    environment_id: UUID,
    key: str,
    *,
    content: JsonObject,
    sha: str,
    now: datetime,
) -> StoredBroadcast | None:
    """Write a draft, new or over the old one; None when it is no draft any more."""
    return await fetch_one(
        connection,
        StoredBroadcast,
        _SAVE,
        {
            "environment_id": environment_id,
            "key": key,
            "content": Jsonb(content),
            "sha": sha,
            "now": now,
        },
    )


async def schedule_broadcast(
    connection: Connection,
    environment_id: UUID,
    key: str,
    *,
    send_at: datetime,
    version_id: UUID,
    now: datetime,
) -> StoredBroadcast | None:
    """Note when a broadcast that the caller holds is to be sent, and what its runs walk through."""
    values = {"send_at": send_at, "version_id": version_id}
    return await _change(connection, environment_id, key, _SCHEDULE, now, **values)


async def unschedule_broadcast(
    connection: Connection, environment_id: UUID, key: str, now: datetime
) -> StoredBroadcast | None:
    """Make a broadcast that the caller holds a draft again."""
    return await _change(connection, environment_id, key, _DRAFT, now)


async def note_sent(
    connection: Connection, environment_id: UUID, key: str, *, workflow_run_id: UUID, now: datetime
) -> StoredBroadcast | None:
    """Note the trigger that a broadcast has become that the caller holds."""
    values = {"workflow_run_id": workflow_run_id}
    return await _change(connection, environment_id, key, _SENT, now, **values)


async def note_upload(
    connection: Connection, environment_id: UUID, key: str, *, upload_id: UUID | None, now: datetime
) -> StoredBroadcast | None:
    """Note which file says who receives a broadcast that the caller holds; None for no file."""
    values = {"upload_id": upload_id}
    return await _change(connection, environment_id, key, _UPLOADED, now, **values)


async def note_stopped(
    connection: Connection, environment_id: UUID, key: str, now: datetime
) -> StoredBroadcast | None:
    """Note that a broadcast was stopped that the caller holds."""
    return await _change(connection, environment_id, key, _STOPPED, now)


async def _change(
    connection: Connection,
    environment_id: UUID,
    key: str,
    statement: str,
    now: datetime,
    **values: object,
) -> StoredBroadcast | None:
    given = {"environment_id": environment_id, "key": key, "now": now, **values}
    return await fetch_one(connection, StoredBroadcast, statement, given)


async def overdue_broadcasts(
    connection: Connection, before: datetime, *, limit: int, after: DueBroadcast | None = None
) -> list[DueBroadcast]:
    """Return scheduled broadcasts that should have been sent before an instant, oldest first."""
    values = {
        "before": before,
        "limit": limit,
        "after": after and after.scheduled_at,
        "after_environment": after and after.environment_id,
        "after_key": after and after.key,
    }
    return await fetch_all(connection, DueBroadcast, _DUE, values)
