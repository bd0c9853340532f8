"""SQL over the account's catalog of tags."""

from __future__ import annotations

from dataclasses import asdict

from domain.content.tags import Tag
from models.sql import columns_of, fetch_all, fetch_one
from runtime.database import Connection, one

_COLUMNS = columns_of(Tag, "t")


async def list_tags(connection: Connection) -> list[Tag]:
    """Return all tags by name."""
    return await fetch_all(connection, Tag, f"SELECT {_COLUMNS} FROM tags t ORDER BY name")  # noqa: S608 - constants


async def get_tag(connection: Connection, name: str) -> Tag | None:
    """Return one tag."""
    return await fetch_one(
        connection,
        Tag,
        f"SELECT {_COLUMNS} FROM tags t WHERE name = %s",  # noqa: S608 - constants
        [name],
    )


async def count_tags(connection: Connection) -> int:
    """Return how many tags the catalog has."""
    cursor = await connection.execute("SELECT count(*) AS many FROM tags")
    return int(one(await cursor.fetchone())["many"])


async def upsert_tag(connection: Connection, tag: Tag) -> Tag:
    """Make a tag, or write all of it again but when it was made; return it as it is now."""
    stored = await fetch_one(
        connection,
        Tag,
        f"""
        INSERT INTO tags AS t (name, description, color, inserted_at, updated_at)
        VALUES (%(name)s, %(description)s, %(color)s, %(inserted_at)s, %(updated_at)s)
        ON CONFLICT (name) DO UPDATE SET description = excluded.description,
            color = excluded.color, updated_at = excluded.updated_at
        RETURNING {_COLUMNS}
        """,  # noqa: S608 - constants
        asdict(tag),
    )
    return one(stored)


async def delete_tag(connection: Connection, name: str) -> bool:
    """Delete a tag; tells whether there was one."""
    cursor = await connection.execute("DELETE FROM tags WHERE name = %s", [name])
    return cursor.rowcount > 0
