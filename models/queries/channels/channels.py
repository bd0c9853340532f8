"""SQL over channels and their settings per environment."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.channels.kind import INPUT_SCHEMA
from domain.channels.rows import (
    Channel,
    ChannelFilters,
    ChannelHere,
    ChannelSettings,
    SealedSettings,
)
from domain.kit.authored import ChannelTypes
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from models.sql import Listing, Where, columns_of, fetch_all, fetch_one
from runtime.database import Connection

_CHANNELS = Listing(Channel, "channels c", "c", ("key",), descending=False)
_COLUMNS = columns_of(Channel, "c")
_SETTINGS = columns_of(ChannelSettings, "s", {"environment": "e.slug"})


async def get_channel(connection: Connection, key: str, *, lock: bool = False) -> Channel | None:
    """Return the channel with this key unless it is archived."""
    return await fetch_one(
        connection,
        Channel,
        f"SELECT {_COLUMNS} FROM channels c WHERE key = %s AND archived_at IS NULL"  # noqa: S608 - constants
        f" {'FOR NO KEY UPDATE' if lock else ''}",
        [key],
    )


async def channels_by_key(connection: Connection, keys: Sequence[str]) -> dict[str, Channel]:
    """Return the channels with these keys by key, archived ones too."""
    found = await fetch_all(
        connection,
        Channel,
        f"SELECT {_COLUMNS} FROM channels c WHERE key = ANY(%s)",  # noqa: S608 - constants
        [list(keys)],
    )
    return {channel.key: channel for channel in found}


async def list_channels(
    connection: Connection, filters: ChannelFilters, request: PageRequest
) -> Page[Channel]:
    """Return a page of channels by key."""
    where = Where()
    where.add("c.archived_at IS NULL")
    where.add_by_name({"id": "c.id::text = %s"}, filters)
    return await _CHANNELS.page(connection, where, request)


async def channel_types(connection: Connection) -> ChannelTypes:
    """Return the type of every channel of the account and of every channel group."""
    cursor = await connection.execute(
        "SELECT key, channel_type, false AS is_group FROM channels WHERE archived_at IS NULL"
        " UNION ALL SELECT key, channel_type, true FROM channel_groups"
    )
    types: dict[bool, dict[str, str]] = {False: {}, True: {}}
    for row in await cursor.fetchall():
        types[row["is_group"]][row["key"]] = row["channel_type"]
    return ChannelTypes(types[False], types[True])


async def input_schemas(
    connection: Connection, environment_id: UUID, keys: Sequence[str]
) -> dict[str, JsonObject]:
    """Return by key the JSON Schemas of what steps give to channels in an environment.

    Channels that are not set up there, or have no schema, are left out.
    """
    cursor = await connection.execute(
        "SELECT c.key, s.channel_settings -> %(name)s AS schema"
        " FROM channels c JOIN channel_environments s ON s.channel_id = c.id"
        " WHERE s.environment_id = %(environment_id)s AND c.key = ANY(%(keys)s)"
        " AND c.archived_at IS NULL AND jsonb_typeof(s.channel_settings -> %(name)s) = 'object'",
        {"environment_id": environment_id, "keys": list(keys), "name": INPUT_SCHEMA},
    )
    return {row["key"]: row["schema"] for row in await cursor.fetchall()}


async def types_of_channels(connection: Connection, ids: Sequence[UUID]) -> dict[str, str]:
    """Return the type of each of these channels that is not archived, by id."""
    cursor = await connection.execute(
        "SELECT id, channel_type FROM channels WHERE id = ANY(%s) AND archived_at IS NULL",
        [list(ids)],
    )
    return {str(row["id"]): row["channel_type"] for row in await cursor.fetchall()}


async def is_channel(connection: Connection, channel_id: UUID) -> bool:
    """Tell whether there is a channel with this id that is not archived."""
    cursor = await connection.execute(
        "SELECT FROM channels WHERE id = %s AND archived_at IS NULL", (channel_id,)
    )
    return await cursor.fetchone() is not None


async def get_channel_here(
    connection: Connection, environment_id: UUID, channel_id: UUID
) -> ChannelHere | None:
    """Return a channel that is not archived, as it is in an environment."""
    found = await channels_here(connection, environment_id, [channel_id])
    return found.get(channel_id)


async def channels_here(
    connection: Connection, environment_id: UUID, ids: Collection[UUID]
) -> dict[UUID, ChannelHere]:
    """Return those of these channels that are not archived, as they are in an environment."""
    found = await fetch_all(
        connection,
        ChannelHere,
        "SELECT c.id, c.key, c.channel_type, c.provider, s.id IS NOT NULL AS is_configured"
        " FROM channels c LEFT JOIN channel_environments s"
        " ON s.channel_id = c.id AND s.environment_id = %s"
        " WHERE c.id = ANY(%s) AND c.archived_at IS NULL",
        [environment_id, list(ids)],
    )
    return {channel.id: channel for channel in found}


async def get_sealed_settings(
    connection: Connection, environment_id: UUID, channel_id: UUID
) -> bytes | None:
    """Return the provider settings of a channel in an environment, sealed."""
    cursor = await connection.execute(
        "SELECT provider_settings FROM channel_environments"
        " WHERE environment_id = %s AND channel_id = %s",
        [environment_id, channel_id],
    )
    row = await cursor.fetchone()
    return None if row is None else bytes(row["provider_settings"])


async def list_channel_settings(
    connection: Connection, channel_ids: Sequence[UUID]
) -> list[ChannelSettings]:
    """Return the settings of these channels in every environment, in the order of promotion."""
    return await fetch_all(
        connection,
        ChannelSettings,
        f"SELECT {_SETTINGS} FROM channel_environments s"  # noqa: S608 - constants
        " JOIN environments e ON e.id = s.environment_id"
        " WHERE s.channel_id = ANY(%s) ORDER BY e.position",
        [list(channel_ids)],
    )


async def list_sealed(connection: Connection) -> list[SealedSettings]:
    """Return what is sealed of every channel that is in use, by channel and environment."""
    columns = columns_of(SealedSettings, "s", {"key": "c.key", "slug": "e.slug"})
    return await fetch_all(
        connection,
        SealedSettings,
        f"SELECT {columns} FROM channel_environments s JOIN channels c ON c.id = s.channel_id"  # noqa: S608 - constants
        " JOIN environments e ON e.id = s.environment_id"
        " WHERE c.archived_at IS NULL ORDER BY c.key, e.position",
    )


async def upsert_channel(connection: Connection, channel: Channel) -> Channel | None:
    """Create a channel, or change its name, description and icon.

    None when the key belongs to an archived channel, or to one of another type or provider.
    """
    return await fetch_one(
        connection,
        Channel,
        f"""
        INSERT INTO channels AS c (id, key, name, description, channel_type, provider,
            custom_icon_url, inserted_at, updated_at, archived_at)
        VALUES (%(id)s, %(key)s, %(name)s, %(description)s, %(channel_type)s, %(provider)s,
            %(custom_icon_url)s, %(inserted_at)s, %(updated_at)s, NULL)
        ON CONFLICT (key) DO UPDATE SET name = excluded.name,
            description = excluded.description, custom_icon_url = excluded.custom_icon_url,
            updated_at = excluded.updated_at
        WHERE c.archived_at IS NULL AND c.channel_type = excluded.channel_type
            AND c.provider = excluded.provider
        RETURNING {_COLUMNS}
        """,  # noqa: S608 - constants
        asdict(channel),
    )


async def touch_channel(connection: Connection, channel_id: UUID, now: datetime) -> None:
    """Note that a channel's settings changed."""
    await connection.execute("UPDATE channels SET updated_at = %s WHERE id = %s", [now, channel_id])


async def upsert_channel_settings(
    connection: Connection, settings: ChannelSettings, *, now: datetime
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
            **asdict(settings),
            "channel_settings": Jsonb(settings.channel_settings),
            "conditions": None if settings.conditions is None else Jsonb(settings.conditions),
            "now": now,
        },
    )
