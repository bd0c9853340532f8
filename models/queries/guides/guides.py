"""Statements over the order of guides and what users did with them.

The row of an engagement is claimed first and names the message: of two tabs that do something at
once, one makes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.channels.types import ChannelType
from domain.guides.rows import EngagedStep, GuideGroup
from domain.kit.json_types import JsonObject
from domain.messages.events import NewMessageEvent
from domain.messages.messages import MessageSource
from domain.messages.statuses import DeliveryStatus
from domain.recipients.refs import USERS
from models.queries.events.writing import hand_on_messages, message_facts
from models.sql import columns_of, fetch_all, fetch_one
from runtime.database import Connection, one

_ENGAGED = f"""
SELECT {
    columns_of(
        EngagedStep,
        "m",
        {
            "user_id": "g.user_id",
            "guide_key": "g.guide_key",
            "step_ref": "g.step_ref",
            "message_id": "g.message_id",
            "is_final": "g.is_final",
        },
    )
}
FROM guide_engagements g JOIN messages m ON m.id = g.message_id
WHERE g.environment_id = %(environment_id)s AND g.user_id = ANY(%(user_ids)s)
  AND (%(guide_key)s::text IS NULL OR g.guide_key = %(guide_key)s)
"""  # noqa: S608 - names of fields

_CLAIM = """
INSERT INTO guide_engagements AS g
    (environment_id, user_id, guide_key, step_ref, message_id, is_final)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (environment_id, user_id, guide_key, step_ref)
DO UPDATE SET is_final = g.is_final OR excluded.is_final
RETURNING message_id
"""

_MAKE = f"""
WITH made AS (
    INSERT INTO messages AS m
        (id, environment_id, channel_id, channel_type, source_type, workflow_key, version_id,
         step_ref, categories, collection, recipient_id, tenant_id, actors, data, content,
         delivery_status, provider_metadata, retry_count, inserted_at, updated_at)
    VALUES (%(id)s, %(environment_id)s, %(channel_id)s, '{ChannelType.IN_APP_GUIDE}',
            '{MessageSource.GUIDE}', %(guide_key)s, %(version_id)s, %(step_ref)s, '{{}}', '{USERS}',
            %(user_id)s, %(tenant_id)s, '[]', %(data)s, %(content)s, '{DeliveryStatus.DELIVERED}',
            '{{}}', 0, %(now)s, %(now)s)
    ON CONFLICT (id) DO NOTHING
    RETURNING {message_facts("m")}
), events AS (
    SELECT id, %(id)s::uuid AS message_id, event_type, %(now)s::timestamptz AS inserted_at
    FROM unnest(%(event_ids)s::uuid[], %(event_types)s::text[]) AS e (id, event_type)
), {hand_on_messages("events", "made")}
SELECT id FROM made
"""  # noqa: S608 - constants

_DISMISS = """
INSERT INTO guide_displays AS d (environment_id, user_id, dismissed_at) VALUES (%s, %s, %s)
ON CONFLICT (environment_id, user_id)
DO UPDATE SET dismissed_at = greatest(d.dismissed_at, excluded.dismissed_at)
"""

_SAVE_GROUP = f"""
INSERT INTO guide_groups AS g
    (environment_id, display_interval, display_sequence, unthrottled, inserted_at, updated_at)
VALUES (%(environment_id)s, %(display_interval)s, %(display_sequence)s, %(unthrottled)s, %(now)s,
        %(now)s)
ON CONFLICT (environment_id) DO UPDATE
SET display_interval = excluded.display_interval, display_sequence = excluded.display_sequence,
    unthrottled = excluded.unthrottled, updated_at = excluded.updated_at
RETURNING {columns_of(GuideGroup, "g")}
"""  # noqa: S608 - names of fields


async def engaged_steps(
    connection: Connection,
    environment_id: UUID,
    user_ids: Sequence[str],
    guide_key: str | None = None,
) -> list[EngagedStep]:
    """Return what some users did with the steps of all guides, or of one."""
    values = {"environment_id": environment_id, "user_ids": list(user_ids), "guide_key": guide_key}
    return await fetch_all(connection, EngagedStep, _ENGAGED, values)


async def claim_engagement(
    connection: Connection,
    environment_id: UUID,
    user_id: str,
    guide_key: str,
    step_ref: str,
    *,
    message_id: UUID,
    is_final: bool,
) -> UUID:
    """Hold what a user does with a step; returns the id of its message, `message_id` if new."""
    values = (environment_id, user_id, guide_key, step_ref, message_id, is_final)
    cursor = await connection.execute(_CLAIM, values)
    return UUID(str(one(await cursor.fetchone())["message_id"]))


async def make_message(
    connection: Connection,
    environment_id: UUID,
    *,
    message_id: UUID,
    channel_id: UUID,
    guide_key: str,
    version_id: UUID,
    step_ref: str,
    user_id: str,
    tenant_id: str | None,
    data: JsonObject,
    content: JsonObject,
    events: tuple[NewMessageEvent, ...],
    now: datetime,
) -> None:
    """Store the message of a step that a user does something with, unless it is there."""
    await connection.execute(
        _MAKE,
        {
            "id": message_id,
            "environment_id": environment_id,
            "channel_id": channel_id,
            "guide_key": guide_key,
            "version_id": version_id,
            "step_ref": step_ref,
            "user_id": user_id,
            "tenant_id": tenant_id,
            "data": Jsonb(data),
            "content": Jsonb(content),
            "event_ids": [event.id for event in events],
            "event_types": [event.type for event in events],
            "now": now,
        },
    )


async def is_archived(connection: Connection, environment_id: UUID, message_id: UUID) -> bool:
    """Tell whether a message is archived, and hold it for the rest of the transaction."""
    cursor = await connection.execute(
        "SELECT archived_at IS NOT NULL AS is_archived FROM messages"
        " WHERE environment_id = %s AND id = %s FOR UPDATE",
        (environment_id, message_id),
    )
    row = await cursor.fetchone()
    return row is not None and bool(row["is_archived"])


async def note_dismissed(
    connection: Connection, environment_id: UUID, user_id: str, now: datetime
) -> None:
    """Note that a user has dismissed a guide."""
    await connection.execute(_DISMISS, (environment_id, user_id, now))


async def dismissed_at(
    connection: Connection, environment_id: UUID, user_id: str
) -> datetime | None:
    """Return when a user has last dismissed a guide, if ever."""
    cursor = await connection.execute(
        "SELECT dismissed_at FROM guide_displays WHERE environment_id = %s AND user_id = %s",
        (environment_id, user_id),
    )
    row = await cursor.fetchone()
    return row["dismissed_at"] if row else None


async def take_back_final(
    connection: Connection, environment_id: UUID, user_id: str, guide_key: str
) -> None:
    """Note that a user is not done with a guide."""
    await connection.execute(
        "UPDATE guide_engagements SET is_final = false"
        " WHERE environment_id = %s AND user_id = %s AND guide_key = %s",
        (environment_id, user_id, guide_key),
    )


async def forget_engagements(
    connection: Connection, environment_id: UUID, user_id: str, guide_key: str
) -> None:
    """Let a guide be new to a user; its messages stay where they are listed."""
    await connection.execute(
        "DELETE FROM guide_engagements"
        " WHERE environment_id = %s AND user_id = %s AND guide_key = %s",
        (environment_id, user_id, guide_key),
    )


async def memberships_of(
    connection: Connection, environment_id: UUID, user_ids: Sequence[str]
) -> dict[str, frozenset[tuple[str, str]]]:
    """Return the keys of the audiences that users are in, each with the tenant or none, by user."""
    cursor = await connection.execute(
        "SELECT user_id, audience_key, tenant_id FROM audience_members"
        " WHERE environment_id = %s AND user_id = ANY(%s)",
        (environment_id, list(user_ids)),
    )
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in await cursor.fetchall():
        found[row["user_id"]].add((row["audience_key"], row["tenant_id"]))
    return {user_id: frozenset(keys) for user_id, keys in found.items()}


async def get_group(connection: Connection, environment_id: UUID) -> GuideGroup | None:
    """Return in which order an environment shows its guides, if somebody has said it."""
    return await fetch_one(
        connection,
        GuideGroup,
        f"SELECT {columns_of(GuideGroup, 'g')} FROM guide_groups g"  # noqa: S608 - names of fields
        " WHERE environment_id = %s",
        (environment_id,),
    )


async def save_group(
    connection: Connection,
    environment_id: UUID,
    *,
    display_interval: int | None,
    display_sequence: list[str],
    unthrottled: list[str],
    now: datetime,
) -> GuideGroup | None:
    """Say in which order an environment shows its guides."""
    values = {
        "environment_id": environment_id,
        "display_interval": display_interval,
        "display_sequence": display_sequence,
        "unthrottled": unthrottled,
        "now": now,
    }
    return await fetch_one(connection, GuideGroup, _SAVE_GROUP, values)
