"""Statements over the order of guides and what users did with them.

The row of an engagement is claimed first and names the message: of two tabs that do something at
once, one makes it.
"""

from __future__ import annotations

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
            "tenant_id": "g.tenant_id",
            "message_tenant_id": "coalesce(m.tenant_id, '')",
        },
    )
}
FROM (
    SELECT user_id, guide_key, step_ref, message_id, is_final, NULL::text AS tenant_id
    FROM guide_engagements
    WHERE environment_id = %(environment_id)s AND user_id = ANY(%(user_ids)s)
      AND (%(guide_key)s::text IS NULL OR guide_key = %(guide_key)s)
    UNION ALL
    SELECT user_id, guide_key, step_ref, message_id, is_final, tenant_id
    FROM guide_tenant_engagements
    WHERE environment_id = %(environment_id)s AND user_id = ANY(%(user_ids)s)
      AND (%(guide_key)s::text IS NULL OR guide_key = %(guide_key)s)
      AND (tenant_id = %(tenant_id)s OR guide_key = ANY(%(for_all)s))
) AS g JOIN messages m ON m.id = g.message_id
"""  # noqa: S608 - names of fields

_CLAIM = """
INSERT INTO guide_engagements AS g
    (environment_id, user_id, guide_key, step_ref, message_id, is_final)
VALUES (%(environment_id)s, %(user_id)s, %(guide_key)s, %(step_ref)s, %(message_id)s, %(is_final)s)
ON CONFLICT (environment_id, user_id, guide_key, step_ref)
DO UPDATE SET is_final = g.is_final OR excluded.is_final
RETURNING message_id
"""

# What was done for the tenant while it counted for all of them goes on.
_CLAIM_FOR_TENANT = """
INSERT INTO guide_tenant_engagements AS g
    (environment_id, user_id, guide_key, step_ref, tenant_id, message_id, is_final)
SELECT %(environment_id)s, %(user_id)s, %(guide_key)s, %(step_ref)s, %(tenant_id)s,
       coalesce(before.message_id, %(message_id)s), %(is_final)s OR coalesce(before.is_final, false)
FROM (SELECT) AS claim LEFT JOIN (
    SELECT e.message_id, e.is_final
    FROM guide_engagements e JOIN messages m ON m.id = e.message_id
    WHERE e.environment_id = %(environment_id)s AND e.user_id = %(user_id)s
      AND e.guide_key = %(guide_key)s AND e.step_ref = %(step_ref)s
      AND coalesce(m.tenant_id, '') = %(tenant_id)s
) AS before ON true
ON CONFLICT (environment_id, user_id, guide_key, step_ref, tenant_id)
DO UPDATE SET is_final = g.is_final OR excluded.is_final
RETURNING message_id
"""

# Finds all that a user did with one guide, or what was done with it for a tenant.
_ALL = """
WHERE g.environment_id = %(environment_id)s AND g.user_id = %(user_id)s
  AND g.guide_key = %(guide_key)s AND (%(tenant_id)s::text IS NULL OR EXISTS (
      SELECT FROM messages m
      WHERE m.id = g.message_id AND coalesce(m.tenant_id, '') = %(tenant_id)s))
"""
_OF_TENANT = """
WHERE g.environment_id = %(environment_id)s AND g.user_id = %(user_id)s
  AND g.guide_key = %(guide_key)s
  AND (%(tenant_id)s::text IS NULL OR g.tenant_id = %(tenant_id)s)
"""
_PLACES = (("guide_engagements", _ALL), ("guide_tenant_engagements", _OF_TENANT))
_NOT_FINAL = tuple(
    f"UPDATE {table} g SET is_final = false {where}"  # noqa: S608 - fixed text
    for table, where in _PLACES
)
_FORGET = tuple(f"DELETE FROM {table} g {where}" for table, where in _PLACES)  # noqa: S608

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
    *,
    tenant_id: str,
    for_all: Sequence[str],
    guide_key: str | None = None,
) -> list[EngagedStep]:
    """Return what users did with the steps of guides; one step may be there several times.

    Args:
        connection: reads.
        environment_id: where.
        user_ids: who.
        tenant_id: for which tenant, empty for none.
        for_all: keys of guides for which it does not matter what it was done for.
        guide_key: of one guide; None means of all.
    """
    values = {
        "environment_id": environment_id,
        "user_ids": list(user_ids),
        "tenant_id": tenant_id,
        "for_all": list(for_all),
        "guide_key": guide_key,
    }
    return await fetch_all(connection, EngagedStep, _ENGAGED, values)


async def claim_engagement(
    connection: Connection,
    environment_id: UUID,
    user_id: str,
    guide_key: str,
    step_ref: str,
    *,
    tenant_id: str | None,
    message_id: UUID,
    is_final: bool,
) -> UUID:
    """Hold what a user does with a step.

    Args:
        connection: inside a transaction.
        environment_id: where.
        user_id: who.
        guide_key: of the guide.
        step_ref: of the step.
        tenant_id: which tenant alone it counts for, empty for none; None means for all.
        message_id: of its message, if it has none.
        is_final: whether the user is done with the whole guide.

    Returns:
        The id of its message.
    """
    values = {
        "environment_id": environment_id,
        "user_id": user_id,
        "guide_key": guide_key,
        "step_ref": step_ref,
        "tenant_id": tenant_id,
        "message_id": message_id,
        "is_final": is_final,
    }
    statement = _CLAIM if tenant_id is None else _CLAIM_FOR_TENANT
    cursor = await connection.execute(statement, values)
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
    connection: Connection,
    environment_id: UUID,
    user_id: str,
    guide_key: str,
    *,
    tenant_id: str | None,
) -> None:
    """Note that a user is not done with a guide, for one tenant, or with None for all."""
    values = _of_guide(environment_id, user_id, guide_key, tenant_id)
    for statement in _NOT_FINAL:
        await connection.execute(statement, values)


async def forget_engagements(
    connection: Connection,
    environment_id: UUID,
    user_id: str,
    guide_key: str,
    *,
    tenant_id: str | None,
) -> None:
    """Let a guide be new to a user, for one tenant, or with None for all; its messages stay."""
    values = _of_guide(environment_id, user_id, guide_key, tenant_id)
    for statement in _FORGET:
        await connection.execute(statement, values)


def _of_guide(
    environment_id: UUID, user_id: str, guide_key: str, tenant_id: str | None
) -> dict[str, object]:
    return {
        "environment_id": environment_id,
        "user_id": user_id,
        "guide_key": guide_key,
        "tenant_id": tenant_id,
    }


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
