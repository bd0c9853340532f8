"""SQL over the account's catalog of preference categories."""

from __future__ import annotations

from datetime import datetime

from domain.preferences.rows import PreferenceCategory
from models.sql import columns_of, fetch_all, fetch_one
from runtime.database import Connection, one

_COLUMNS = columns_of(PreferenceCategory, "c")


async def list_categories(connection: Connection) -> list[PreferenceCategory]:
    """Return the categories that are not archived, by name."""
    return await fetch_all(
        connection,
        PreferenceCategory,
        f"SELECT {_COLUMNS} FROM preference_categories c"  # noqa: S608 - constants
        " WHERE archived_at IS NULL ORDER BY name",
    )


async def get_category(connection: Connection, name: str) -> PreferenceCategory | None:
    """Return the category of this name that is not archived."""
    return await fetch_one(
        connection,
        PreferenceCategory,
        f"SELECT {_COLUMNS} FROM preference_categories c"  # noqa: S608 - constants
        " WHERE name = %s AND archived_at IS NULL",
        [name],
    )


async def count_categories(connection: Connection) -> int:
    """Return how many categories the catalog has that are not archived."""
    cursor = await connection.execute(
        "SELECT count(*) AS many FROM preference_categories WHERE archived_at IS NULL"
    )
    return int(one(await cursor.fetchone())["many"])


async def add_category(connection: Connection, name: str, now: datetime) -> PreferenceCategory:
    """Make a category, or return the one that is there; an archived one begins anew."""
    stored = await fetch_one(
        connection,
        PreferenceCategory,
        f"""
        INSERT INTO preference_categories AS c (name, inserted_at, updated_at)
        VALUES (%(name)s, %(now)s, %(now)s)
        ON CONFLICT (name) DO UPDATE SET archived_at = NULL,
            inserted_at = CASE WHEN c.archived_at IS NULL
                THEN c.inserted_at ELSE excluded.inserted_at END,
            updated_at = CASE WHEN c.archived_at IS NULL
                THEN c.updated_at ELSE excluded.updated_at END
        RETURNING {_COLUMNS}
        """,  # noqa: S608 - constants
        {"name": name, "now": now},
    )
    return one(stored)


async def archive_category(connection: Connection, name: str, now: datetime) -> bool:
    """Archive a category; tells whether there was one."""
    cursor = await connection.execute(
        "UPDATE preference_categories SET archived_at = %(now)s, updated_at = %(now)s"
        " WHERE name = %(name)s AND archived_at IS NULL",
        {"name": name, "now": now},
    )
    return cursor.rowcount > 0
