"""SQL over channel groups, which like channels belong to the account."""

from __future__ import annotations

from dataclasses import asdict

from psycopg.types.json import Jsonb

from domain.kit.pages import Page, PageRequest
from domain.workflows.channel_groups import ChannelGroup, StoredGroup
from models.sql import Listing, Where, columns_of, fetch_all, fetch_one
from runtime.database import Connection

_GROUPS = Listing(ChannelGroup, "channel_groups g", "g", ("key",), descending=False)
_COLUMNS = columns_of(ChannelGroup, "g")


async def list_groups(connection: Connection, request: PageRequest) -> Page[ChannelGroup]:
    """Return a page of channel groups by key."""
    where = Where()
    where.add("true")
    return await _GROUPS.page(connection, where, request)


async def get_group(connection: Connection, key: str, *, lock: bool = False) -> ChannelGroup | None:
    """Return the channel group with this key."""
    return await fetch_one(
        connection,
        ChannelGroup,
        f"SELECT {_COLUMNS} FROM channel_groups g WHERE key = %s"  # noqa: S608 - constants
        f" {'FOR NO KEY UPDATE' if lock else ''}",
        [key],
    )


async def upsert_group(connection: Connection, group: ChannelGroup) -> None:
    """Create a channel group, or write all of it again but its type."""
    await connection.execute(
        """
        INSERT INTO channel_groups (key, name, channel_type, operator, source, visible_in,
            channel_rules, inserted_at, updated_at)
        VALUES (%(key)s, %(name)s, %(channel_type)s, %(operator)s, %(source)s, %(visible_in)s,
            %(channel_rules)s, %(inserted_at)s, %(updated_at)s)
        ON CONFLICT (key) DO UPDATE SET name = excluded.name, operator = excluded.operator,
            visible_in = excluded.visible_in, channel_rules = excluded.channel_rules,
            updated_at = excluded.updated_at
        """,
        {**asdict(group), "channel_rules": Jsonb(group.channel_rules)},
    )


async def delete_group(connection: Connection, key: str) -> bool:
    """Delete a channel group; tells whether there was one."""
    cursor = await connection.execute("DELETE FROM channel_groups WHERE key = %s", [key])
    return cursor.rowcount > 0


async def all_groups(connection: Connection) -> list[StoredGroup]:
    """Return all channel groups, as walks need them."""
    columns = columns_of(StoredGroup, "g")
    return await fetch_all(connection, StoredGroup, f"SELECT {columns} FROM channel_groups g")  # noqa: S608 - names of fields
