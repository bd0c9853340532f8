"""SQL over channels and their settings per environment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from models.queries.paging import Keyset, conditions, order_and_limit, turn
from runtime.database import Connection


class ChannelRow(TypedDict):
    """One row of `channels`."""

    id: UUID
    key: str
    name: str
    description: str | None
    channel_type: str
    provider: str
    custom_icon_url: str | None
    inserted_at: datetime
    updated_at: datetime
    archived_at: datetime | None


class ChannelSettingsRow(TypedDict):
    """How a channel works in one environment; `provider_settings` are sealed.

    So is what is secret of `channel_settings`, which is None where nothing is.
    """

    channel_id: UUID
    environment_id: UUID
    environment: str
    id: UUID
    is_sandbox: bool
    channel_settings: JsonObject
    sealed_channel_settings: bytes | None
    provider_settings: bytes
    conditions: JsonObject | None


_BY_KEY = Keyset(("key",), descending=False)
_COLUMNS = """id, key, name, description, channel_type, provider, custom_icon_url, inserted_at,
    updated_at, archived_at"""


async def get_channel(connection: Connection, key: str, *, lock: bool = False) -> ChannelRow | None:
    """Return the channel with this key unless it is archived."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM channels WHERE key = %s AND archived_at IS NULL"  # noqa: S608
        f" {'FOR NO KEY UPDATE' if lock else ''}",
        [key],
    )
    row: Any = await cursor.fetchone()
    channel: ChannelRow | None = row
    return channel


async def list_channels(
    connection: Connection, request: PageRequest, *, channel_id: str | None = None
) -> Page:
    """Return a page of channels by key."""
    filters, values = conditions(_BY_KEY, request)
    if channel_id is not None:
        filters.append("id::text = %s")
        values.append(channel_id)
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM channels"  # noqa: S608 - constants
        f" WHERE {' AND '.join(['archived_at IS NULL', *filters])}"
        f" {order_and_limit(_BY_KEY, request)}",
        values,
    )
    return turn(_BY_KEY, request, await cursor.fetchall())


async def channel_types(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Return the type of each of these channels that exists, by key."""
    cursor = await connection.execute(
        "SELECT key, channel_type FROM channels"
        " WHERE key = ANY(%s::text[]) AND archived_at IS NULL",
        [list(keys)],
    )
    return {row["key"]: row["channel_type"] for row in await cursor.fetchall()}


async def list_channel_settings(
    connection: Connection, channel_ids: Sequence[UUID]
) -> list[ChannelSettingsRow]:
    """Return the settings of these channels in every environment, in the order of promotion."""
    cursor = await connection.execute(
        """
        SELECT s.channel_id, s.environment_id, e.slug AS environment, s.id, s.is_sandbox,
            s.channel_settings, s.sealed_channel_settings, s.provider_settings, s.conditions
        FROM channel_environments s JOIN environments e ON e.id = s.environment_id
        WHERE s.channel_id = ANY(%s) ORDER BY e.position
        """,
        [list(channel_ids)],
    )
    rows: Any = await cursor.fetchall()
    settings: list[ChannelSettingsRow] = rows
    return settings


async def list_sealed(connection: Connection) -> list[dict[str, Any]]:
    """Return what is sealed of every channel that is in use, by channel and environment."""
    cursor = await connection.execute(
        """
        SELECT c.key, e.slug, s.channel_id, s.environment_id, s.provider_settings,
            s.sealed_channel_settings
        FROM channel_environments s
        JOIN channels c ON c.id = s.channel_id JOIN environments e ON e.id = s.environment_id
        WHERE c.archived_at IS NULL ORDER BY c.key, e.position
        """
    )
    return await cursor.fetchall()


async def upsert_channel(connection: Connection, channel: ChannelRow) -> ChannelRow | None:
    """Create a channel, or change its name, description and icon.

    None when the key belongs to an archived channel, or to one of another type or provider.
    """
    cursor = await connection.execute(
        f"""
        INSERT INTO channels AS mine ({_COLUMNS})
        VALUES (%(id)s, %(key)s, %(name)s, %(description)s, %(channel_type)s, %(provider)s,
            %(custom_icon_url)s, %(inserted_at)s, %(updated_at)s, NULL)
        ON CONFLICT (key) DO UPDATE SET name = excluded.name,
            description = excluded.description, custom_icon_url = excluded.custom_icon_url,
            updated_at = excluded.updated_at
        WHERE mine.archived_at IS NULL AND mine.channel_type = excluded.channel_type
            AND mine.provider = excluded.provider
        RETURNING {_COLUMNS}
        """,  # noqa: S608 - constants
        channel,
    )
    row: Any = await cursor.fetchone()
    saved: ChannelRow | None = row
    return saved


async def touch_channel(connection: Connection, channel_id: UUID, now: datetime) -> None:
    """Note that a channel's settings changed."""
    await connection.execute("UPDATE channels SET updated_at = %s WHERE id = %s", [now, channel_id])


async def upsert_channel_settings(
    connection: Connection, settings: ChannelSettingsRow, *, now: datetime
) -> None:
    """Write how a channel works in one environment; takes effect at once."""
    await connection.execute(
        """
        INSERT INTO channel_environments (channel_id, environment_id, id, is_sandbox,
            channel_settings, sealed_channel_settings, provider_settings, conditions, inserted_at,
            updated_at)
        VALUES (%(channel_id)s, %(environment_id)s, %(id)s, %(is_sandbox)s,
            %(channel_settings)s, %(sealed_channel_settings)s, %(provider_settings)s,
            %(conditions)s, %(now)s, %(now)s)
        ON CONFLICT (channel_id, environment_id) DO UPDATE
        SET is_sandbox = excluded.is_sandbox, channel_settings = excluded.channel_settings,
            sealed_channel_settings = excluded.sealed_channel_settings,
            provider_settings = excluded.provider_settings, conditions = excluded.conditions,
            updated_at = excluded.updated_at
        """,
        {
            **settings,
            "channel_settings": Jsonb(settings["channel_settings"]),
            "conditions": None if settings["conditions"] is None else Jsonb(settings["conditions"]),
            "now": now,
        },
    )
