"""Statements that merge a user into another one.

Source: Knock docs, "Merging users": properties are merged, those of the primary user win; of
channel data and preference sets what is missing is added; messages of the last 30 days move, and
what the secondary user did.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.bulk.operations import DELETE_USERS, MERGE_USERS, OPEN_BULK
from domain.kit.json_types import JsonObject
from domain.recipients.refs import USERS
from domain.recipients.shapes import MAX_PROPERTIES_BYTES
from domain.runs.statuses import OPEN_RUN
from models.queries.bulk.actors import move_acts
from models.queries.runs.first_runs import FIRST_RUN_TABLES
from models.sql import exceeds, listed
from runtime.database import Connection

_PLACE = f"environment_id = %(environment_id)s AND collection = '{USERS}'"
# Both are held, in the order of their ids, until the transaction ends. Whoever merges one of them,
# or has one deleted (`hold_to_delete`), comes before or after.
_HOLD = f"""
SELECT id FROM recipients WHERE {_PLACE} AND id IN (%(source)s, %(target)s)
ORDER BY id FOR UPDATE
"""  # noqa: S608 - constants

_PROPERTIES = f"""
UPDATE recipients target
SET properties = jsonb_deep_merge(source.properties, target.properties),
    created_at = coalesce(target.created_at, source.created_at), updated_at = %(now)s
FROM recipients source, recipients before
WHERE target.{_PLACE.replace(" AND ", " AND target.")} AND target.id = %(target)s
  AND source.{_PLACE.replace(" AND ", " AND source.")} AND source.id = %(source)s
  AND before.{_PLACE.replace(" AND ", " AND before.")} AND before.id = %(target)s
RETURNING {exceeds("target.properties", MAX_PROPERTIES_BYTES)} AS has_too_much,
    (target.properties, target.created_at) IS DISTINCT FROM (before.properties, before.created_at)
        AS is_changed
"""  # noqa: S608 - constants

_CHANNEL_DATA = f"""
INSERT INTO channel_data (environment_id, collection, recipient_id, channel_id, data, updated_at)
SELECT environment_id, collection, %(target)s, channel_id, data, %(now)s FROM channel_data
WHERE {_PLACE} AND recipient_id = %(source)s ORDER BY channel_id
ON CONFLICT (environment_id, collection, recipient_id, channel_id) DO NOTHING
"""  # noqa: S608 - constants

_PREFERENCES = f"""
INSERT INTO preference_sets (environment_id, collection, recipient_id, id, content, updated_at)
SELECT environment_id, collection, %(target)s, id, content, %(now)s FROM preference_sets
WHERE {_PLACE} AND recipient_id = %(source)s ORDER BY id
ON CONFLICT (environment_id, collection, recipient_id, id) DO NOTHING
"""  # noqa: S608 - constants

# Dynamic audiences follow the properties; whoever the target is not, it leaves again.
_AUDIENCES = """
INSERT INTO audience_members (environment_id, audience_key, user_id, tenant_id, added_at)
SELECT environment_id, audience_key, %(target)s, tenant_id, added_at FROM audience_members
WHERE environment_id = %(environment_id)s AND user_id = %(source)s
ORDER BY audience_key, tenant_id
ON CONFLICT (environment_id, audience_key, user_id, tenant_id) DO NOTHING
RETURNING audience_key, tenant_id
"""

# What either of them has entered once, the target does not enter again; on branches as well.
_FIRST_RUNS = tuple(
    f"""
INSERT INTO {table}
    (environment_id, collection, recipient_id, workflow_key, tenant_id, recipient_run_id)
SELECT environment_id, collection, %(target)s, workflow_key, tenant_id, recipient_run_id
FROM {table}
WHERE environment_id IN (SELECT id FROM branches WHERE environment_id = %(environment_id)s)
  AND collection = '{USERS}' AND recipient_id = %(source)s
ORDER BY environment_id, workflow_key, tenant_id
ON CONFLICT (environment_id, collection, recipient_id, workflow_key, tenant_id) DO NOTHING
"""  # noqa: S608 - constants
    for table in FIRST_RUN_TABLES.values()
)
# What the target did with a guide counts, and where it did nothing, what the source did.
_GUIDES = """
INSERT INTO guide_engagements
    (environment_id, user_id, guide_key, step_ref, message_id, is_final)
SELECT environment_id, %(target)s, guide_key, step_ref, message_id, is_final
FROM guide_engagements WHERE environment_id = %(environment_id)s AND user_id = %(source)s
ORDER BY guide_key, step_ref
ON CONFLICT (environment_id, user_id, guide_key, step_ref) DO NOTHING
"""
_TENANT_GUIDES = """
INSERT INTO guide_tenant_engagements
    (environment_id, user_id, guide_key, step_ref, tenant_id, message_id, is_final)
SELECT environment_id, %(target)s, guide_key, step_ref, tenant_id, message_id, is_final
FROM guide_tenant_engagements WHERE environment_id = %(environment_id)s AND user_id = %(source)s
ORDER BY guide_key, step_ref, tenant_id
ON CONFLICT (environment_id, user_id, guide_key, step_ref, tenant_id) DO NOTHING
"""
_DISMISSALS = """
INSERT INTO guide_displays AS d (environment_id, user_id, dismissed_at)
SELECT environment_id, %(target)s, dismissed_at FROM guide_displays
WHERE environment_id = %(environment_id)s AND user_id = %(source)s
ON CONFLICT (environment_id, user_id)
DO UPDATE SET dismissed_at = greatest(d.dismissed_at, excluded.dismissed_at)
"""
# Whom a file names for a broadcast is named still, each for a tenant once.
_LISTED = """
INSERT INTO broadcast_recipients (upload_id, user_id, tenant_id, environment_id, data)
SELECT upload_id, %(target)s, tenant_id, environment_id, data FROM broadcast_recipients
WHERE environment_id = %(environment_id)s AND user_id = %(source)s
ORDER BY upload_id, tenant_id
ON CONFLICT (upload_id, user_id, tenant_id) DO NOTHING
"""

# Operations that take users away, or will; a merge says into whom. One that is merged may be to be
# deleted as well, which does nothing: the merge is told.
_GOING = f"""
SELECT i.item_id AS id, b.settings ->> 'into' AS into
FROM bulk_operations b JOIN bulk_items i ON i.operation_id = b.id
WHERE b.environment_id = %(environment_id)s AND b.status IN ({listed(OPEN_BULK)})
  AND b.name = ANY(%(names)s) AND NOT i.is_settled AND i.error IS NULL
  AND i.item_id = ANY(%(ids)s)
ORDER BY b.name
"""  # noqa: S608 - a vocabulary of ours
_REDIRECT = f"""
UPDATE bulk_operations b
SET settings = jsonb_set(b.settings, '{{into}}', to_jsonb(%(target)s::text))
WHERE b.environment_id = %(environment_id)s AND b.status IN ({listed(OPEN_BULK)})
  AND b.name = %(name)s AND b.settings ->> 'into' = %(source)s
"""  # noqa: S608 - a vocabulary of ours

# A deletion of the target waits, or has come before.
_HOLD_TARGET = f"""
SELECT FROM recipients WHERE {_PLACE} AND id = %(target)s FOR KEY SHARE
"""

# What the target follows already stays as it is; the rest of the source's goes with it.
_SUBSCRIBE = f"""
WITH found AS MATERIALIZED (
    SELECT * FROM subscriptions s
    WHERE environment_id = %(environment_id)s AND recipient_collection = '{USERS}'
      AND recipient_id = %(source)s AND NOT EXISTS (
          SELECT FROM subscriptions t
          WHERE t.environment_id = s.environment_id AND t.object_collection = s.object_collection
            AND t.object_id = s.object_id AND t.recipient_collection = '{USERS}'
            AND t.recipient_id = %(target)s)
    LIMIT %(limit)s
)
INSERT INTO subscriptions
    (environment_id, object_collection, object_id, recipient_collection, recipient_id, properties,
     inserted_at, updated_at)
SELECT environment_id, object_collection, object_id, recipient_collection, %(target)s, properties,
       inserted_at, updated_at
FROM found ORDER BY object_collection, object_id
ON CONFLICT (environment_id, object_collection, object_id, recipient_collection, recipient_id)
DO NOTHING
"""  # noqa: S608 - constants

_MOVE = """
WITH locked AS MATERIALIZED (
    SELECT id FROM {table} WHERE {owner} AND recipient_id = %(source)s AND {chosen}
    ORDER BY id LIMIT %(limit)s FOR UPDATE
)
UPDATE {table} moved SET recipient_id = %(target)s FROM locked WHERE moved.id = locked.id
"""
# Items that have moved and wait for their send window: the feed that is theirs leaves them out.
_MOVE_HELD = f"""
UPDATE deliveries d SET recipient_id = %(target)s FROM messages m
WHERE d.{_PLACE.replace(" AND ", " AND d.")} AND d.recipient_id = %(source)s
  AND m.id = d.message_id AND m.recipient_id = %(target)s
"""  # noqa: S608 - constants
# Takes some links in any order: a user may have very many, and to sort all of them for each chunk
# takes ever longer.
_MOVE_LINKS = f"""
WITH found AS MATERIALIZED (
    SELECT key FROM short_links
    WHERE {_PLACE} AND recipient_id = %(source)s AND inserted_at >= %(since)s::timestamptz
    LIMIT %(limit)s
), locked AS MATERIALIZED (
    SELECT l.key FROM short_links l JOIN found USING (key) ORDER BY l.key FOR UPDATE OF l
)
UPDATE short_links moved SET recipient_id = %(target)s FROM locked WHERE moved.key = locked.key
"""  # noqa: S608 - constants
_RECENT = "inserted_at >= %(since)s::timestamptz"
# What was done with a guide is told by its message, which is kept as long as its recipient.
_OF_GUIDES = """(
    id IN (SELECT message_id FROM guide_engagements
        WHERE environment_id = %(environment_id)s AND user_id = %(target)s)
    OR id IN (SELECT message_id FROM guide_tenant_engagements
        WHERE environment_id = %(environment_id)s AND user_id = %(target)s))"""
# Runs come first, as everywhere; one that is open was not ended yet, and stays behind.
_MOVES = tuple(
    _MOVE.format(table=table, owner=_PLACE, chosen=chosen)
    for table, chosen in (
        ("recipient_runs", f"{_RECENT} AND status NOT IN ({listed(OPEN_RUN)})"),
        ("messages", f"({_RECENT} OR {_OF_GUIDES})"),
        ("webhook_events", _RECENT),
        ("batches", "closed_at >= %(since)s::timestamptz"),
    )
)


async def hold_users(
    connection: Connection, environment_id: UUID, source: str, target: str
) -> set[str]:
    """Lock two users for the rest of the transaction; return which of them there are."""
    values = {"environment_id": environment_id, "source": source, "target": target}
    cursor = await connection.execute(_HOLD, values)
    return {row["id"] for row in await cursor.fetchall()}


async def find_going(
    connection: Connection, environment_id: UUID, source: str, target: str
) -> dict[str, str | None]:
    """Return which of two users an open operation takes away; by id, into whom it merges them.

    A deletion merges into nobody. Whoever holds both (`hold_users`) meets every operation that was
    accepted before.
    """
    names = [DELETE_USERS, MERGE_USERS]
    return await _going(connection, environment_id, [source, target], names)


async def find_merged(
    connection: Connection, environment_id: UUID, user_ids: Collection[str]
) -> set[str]:
    """Return which of the users an open operation merges into others."""
    return set(await _going(connection, environment_id, user_ids, [MERGE_USERS]))


async def _going(
    connection: Connection, environment_id: UUID, user_ids: Collection[str], names: Sequence[str]
) -> dict[str, str | None]:
    values = {"environment_id": environment_id, "ids": list(user_ids), "names": names}
    cursor = await connection.execute(_GOING, values)
    return {row["id"]: row["into"] for row in await cursor.fetchall()}


async def redirect_merges(
    connection: Connection, environment_id: UUID, source: str, target: str
) -> None:
    """Let merges into a user that is merged itself end with the one that stays.

    A stride of such a merge is waited for. No other is accepted after that: `find_going`.
    """
    values = {
        "environment_id": environment_id,
        "source": source,
        "target": target,
        "name": MERGE_USERS,
    }
    await connection.execute(_REDIRECT, values)


@dataclass(frozen=True, slots=True)
class Merged:
    """What has become of a user.

    Attributes:
        has_too_much: whether its properties have more than 256 kB.
        is_changed: whether its properties, channel data or preferences are not what they were.
        entered: keys of audiences, with the tenants for which the user was not in them before.
    """

    has_too_much: bool
    is_changed: bool
    entered: tuple[tuple[str, str], ...]


async def merge_profiles(
    connection: Connection, environment_id: UUID, source: str, target: str, now: datetime
) -> Merged:
    """Merge properties, channel data and more of a held user into another; its first runs count."""
    values = {"environment_id": environment_id, "source": source, "target": target, "now": now}
    cursor = await connection.execute(_PROPERTIES, values)
    row = await cursor.fetchone()
    added = (await connection.execute(_CHANNEL_DATA, values)).rowcount
    added += (await connection.execute(_PREFERENCES, values)).rowcount
    cursor = await connection.execute(_AUDIENCES, values)
    entered = tuple((one["audience_key"], one["tenant_id"]) for one in await cursor.fetchall())
    for statement in (*_FIRST_RUNS, _GUIDES, _TENANT_GUIDES, _DISMISSALS, _LISTED):
        await connection.execute(statement, values)
    if row is None:
        return Merged(False, added > 0, entered)
    return Merged(bool(row["has_too_much"]), bool(row["is_changed"]) or added > 0, entered)


async def move_some(
    connection: Connection,
    environment_id: UUID,
    source: str,
    target: str,
    *,
    since: str,
    now: datetime,
    limit: int,
    position: JsonObject,
) -> JsonObject | None:
    """Move subscriptions, and what is recent of runs, messages, told events, batches and acts.

    Args:
        connection: inside a transaction.
        environment_id: where.
        source: the user that is merged, and deleted after.
        target: the user that stays; when it was deleted meanwhile, nothing moves.
        since: what is older stays behind; ISO 8601.
        now: when.
        limit: most rows of each kind.
        position: what the call before has returned; empty at first.

    Returns:
        Where to go on; None when there was nothing left to move.
    """
    values: dict[str, Any] = {
        "environment_id": environment_id,
        "source": source,
        "target": target,
        "since": since,
        "now": now,
        "limit": limit,
    }
    cursor = await connection.execute(_HOLD_TARGET, values)
    if await cursor.fetchone() is None:
        return None
    moved = 0
    for statement in (*_MOVES, _MOVE_HELD, _MOVE_LINKS, _SUBSCRIBE):
        moved += (await connection.execute(statement, values)).rowcount
    if moved > 0:
        return position
    # By themselves at last: what they lock comes before what those above have locked.
    return await move_acts(
        connection, environment_id, source, target, since=since, limit=limit, position=position
    )
