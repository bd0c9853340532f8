"""Statements over the comparisons of all users with dynamic audiences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from domain.audiences.members import Build
from models.sql import columns_of, fetch_one
from runtime.database import Connection

# Whether what a row is of says of the same users who is in the audience as what takes its place.
_IS_ALIKE = """
(SELECT v.content -> 'segments' FROM content_versions v WHERE v.id = b.version_id)
  = (SELECT v.content -> 'segments' FROM content_versions v WHERE v.id = excluded.version_id)
"""
# A version that nobody has been compared with yet. Whatever publishes one needs not think of it.
# Who was compared with the same conditions needs not be compared again.
_BEGIN = f"""
INSERT INTO audience_builds AS b
    (environment_id, audience_key, version_id, position, passes, due_at)
SELECT r.environment_id, r.key, r.published_version_id, '', 0, %(now)s
FROM content_resources r JOIN content_versions v ON v.id = r.published_version_id
WHERE r.resource_type = 'audience' AND r.archived_at IS NULL AND v.content ->> 'type' = 'dynamic'
  AND (%(environment_id)s::uuid IS NULL
    OR r.environment_id = %(environment_id)s AND r.key = %(audience_key)s)
  AND NOT EXISTS (
    SELECT FROM audience_builds b
    WHERE b.environment_id = r.environment_id AND b.audience_key = r.key
      AND b.version_id = r.published_version_id)
ORDER BY 1, 2
ON CONFLICT (environment_id, audience_key) DO UPDATE
SET version_id = excluded.version_id,
    position = CASE WHEN {_IS_ALIKE} THEN b.position ELSE '' END,
    passes = CASE WHEN {_IS_ALIKE} THEN b.passes ELSE 0 END,
    due_at = CASE WHEN {_IS_ALIKE} THEN b.due_at ELSE excluded.due_at END
"""  # noqa: S608 - constants

_TAKE = f"""
SELECT {columns_of(Build, "b", {"environment": "e.slug"})}
FROM audience_builds b JOIN environments e ON e.id = b.environment_id
WHERE b.due_at <= %s ORDER BY b.due_at LIMIT 1 FOR UPDATE OF b SKIP LOCKED
"""  # noqa: S608 - names of fields
_HOLD_NEW = f"""
SELECT {columns_of(Build, "b", {"environment": "e.slug"})}
FROM audience_builds b JOIN environments e ON e.id = b.environment_id
WHERE b.environment_id = %s AND b.audience_key = %s AND b.passes = 0 AND b.due_at <= %s
FOR UPDATE OF b
"""  # noqa: S608 - names of fields

_ADVANCE = """
UPDATE audience_builds SET position = %(position)s, passes = %(passes)s,
    due_at = coalesce(%(due_at)s::timestamptz, 'infinity')
WHERE environment_id = %(environment_id)s AND audience_key = %(audience_key)s
"""
# Nobody holds it when it is put off, so others may have gone on with it, or begun another version.
_PUT_OFF = """
UPDATE audience_builds SET due_at = %(due_at)s
WHERE environment_id = %(environment_id)s AND audience_key = %(audience_key)s
  AND version_id = %(version_id)s AND position = %(position)s AND passes = %(passes)s
"""


async def begin_builds(connection: Connection, now: datetime) -> None:
    """Make every dynamic audience due whose published version is new.

    Whoever holds a build may not call it: it waits for those who hold others.
    """
    await connection.execute(_BEGIN, {"now": now, "environment_id": None, "audience_key": None})


async def begin_build(
    connection: Connection, environment_id: UUID, audience_key: str, now: datetime
) -> None:
    """Make a dynamic audience due if its published version is new."""
    values = {"now": now, "environment_id": environment_id, "audience_key": audience_key}
    await connection.execute(_BEGIN, values)


async def take_build(connection: Connection, now: datetime) -> Build | None:
    """Lock the build that has been due for longest, unless somebody is at it; None without any."""
    return await fetch_one(connection, Build, _TAKE, (now,))


async def hold_new_build(
    connection: Connection, environment_id: UUID, audience_key: str, now: datetime
) -> Build | None:
    """Lock the build of an audience with which not everybody was compared, waiting for whoever is.

    None when everybody was, or when it has failed and waits.
    """
    return await fetch_one(connection, Build, _HOLD_NEW, (environment_id, audience_key, now))


async def advance_build(
    connection: Connection, build: Build, *, position: str, passes: int, due_at: datetime | None
) -> None:
    """Note how far a build has come, which is held, and when it goes on.

    None means not by itself.
    """
    values = {
        "environment_id": build.environment_id,
        "audience_key": build.audience_key,
        "position": position,
        "passes": passes,
        "due_at": due_at,
    }
    await connection.execute(_ADVANCE, values)


async def put_off_build(connection: Connection, build: Build, due_at: datetime) -> None:
    """Let a build wait where it stood, unless somebody else has gone on with it."""
    await connection.execute(_PUT_OFF, {**asdict(build), "due_at": due_at})


async def built_versions(
    connection: Connection, environment_id: UUID, audience_keys: Sequence[str]
) -> dict[str, UUID]:
    """Return with which version of these audiences all users have been compared, by key."""
    cursor = await connection.execute(
        "SELECT audience_key, version_id FROM audience_builds"
        " WHERE environment_id = %s AND audience_key = ANY(%s) AND passes > 0",
        (environment_id, list(audience_keys)),
    )
    return {row["audience_key"]: row["version_id"] for row in await cursor.fetchall()}


async def drop_build(connection: Connection, environment_id: UUID, audience_key: str) -> None:
    """Forget the build of an audience that is gone."""
    await connection.execute(
        "DELETE FROM audience_builds WHERE environment_id = %s AND audience_key = %s",
        (environment_id, audience_key),
    )


async def drop_builds(connection: Connection, audience_key: str) -> None:
    """Forget the builds of an audience in all environments."""
    await connection.execute(
        "DELETE FROM audience_builds"
        " WHERE environment_id IN (SELECT id FROM environments) AND audience_key = %s",
        (audience_key,),
    )
