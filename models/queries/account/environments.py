"""SQL over environments and their order in the promotion chain.

One that was removed is none any more: only what deletes the rest of it still finds it.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.account.environments import Environment
from domain.kit.pages import Page, PageRequest
from models.sql import Listing, Where, columns_of, fetch_all, fetch_one
from runtime.database import Connection

_IN_ORDER = Listing(
    Environment,
    "environments e",
    "e",
    ("position",),
    descending=False,
    expressions={
        "last_commit_at": "(SELECT inserted_at FROM commits WHERE commits.environment_id = e.id"
        " ORDER BY commits.id DESC LIMIT 1)"
    },
)


# Two processes that seed one database take turns.
_SEEDING = 0x5EED


async def lock_seeding(connection: Connection) -> None:
    """Hold the lock of whoever seeds this database for the rest of the transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_SEEDING])


async def get_environment(connection: Connection, slug: str) -> Environment | None:
    """Return the environment with this slug."""
    return await _fetch_one(connection, "e.slug = %s", slug)


async def first_environment(connection: Connection) -> Environment | None:
    """Return the environment that content is written in."""
    return await _fetch_one(connection, "true ORDER BY e.position LIMIT 1")


async def environment_before(connection: Connection, position: int) -> Environment | None:
    """Return where a promotion to the environment at `position` comes from."""
    where = "e.position < %s ORDER BY e.position DESC LIMIT 1"
    return await _fetch_one(connection, where, position)


async def environment_after(connection: Connection, position: int) -> Environment | None:
    """Return where a promotion from the environment at `position` goes to."""
    return await _fetch_one(connection, "e.position > %s ORDER BY e.position LIMIT 1", position)


async def get_environment_by_id(connection: Connection, environment_id: UUID) -> Environment | None:
    """Return the environment with this id."""
    return await _fetch_one(connection, "e.id = %s", environment_id)


async def list_environments(connection: Connection, request: PageRequest) -> Page[Environment]:
    """Return a page of environments in the order of promotion."""
    where = Where()
    where.add("e.removed_at IS NULL")
    return await _IN_ORDER.page(connection, where, request)


async def all_environments(connection: Connection) -> list[Environment]:
    """Return every environment in the order of promotion."""
    columns = columns_of(Environment, "e", _IN_ORDER.expressions)
    statement = (
        f"SELECT {columns} FROM environments e WHERE e.removed_at IS NULL"  # noqa: S608 - constants
        " ORDER BY e.position"
    )
    return await fetch_all(connection, Environment, statement, ())


async def list_slugs(connection: Connection) -> list[str]:
    """Return the slugs of all environments in the order of promotion."""
    cursor = await connection.execute(
        "SELECT slug FROM environments WHERE removed_at IS NULL ORDER BY position"
    )
    return [row["slug"] for row in await cursor.fetchall()]


async def insert_environment(
    connection: Connection,
    *,
    environment_id: UUID,
    slug: str,
    name: str,
    position: int,
    now: datetime,
    enhanced_security: bool | None = None,
) -> bool:
    """Add an environment; False when its slug is taken, be it by one that is being removed."""
    cursor = await connection.execute(
        """
        INSERT INTO environments
            (id, slug, name, position, enhanced_security, inserted_at, updated_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (slug) DO NOTHING
        """,
        [environment_id, slug, name, position, enhanced_security, now, now],
    )
    return cursor.rowcount == 1


async def make_place(connection: Connection, position: int) -> None:
    """Move all environments from a place on by one place.

    Args:
        connection: inside a transaction that holds the lock of `lock_publication`.
        position: the place that becomes free.
    """
    # Below all others first, so that no two ever have the same place.
    await connection.execute(
        "UPDATE environments SET position = -1 - position WHERE position >= %s", [position]
    )
    await connection.execute("UPDATE environments SET position = -position WHERE position < 0")


async def rename_environment(
    connection: Connection, environment_id: UUID, name: str, now: datetime
) -> None:
    """Call an environment something else."""
    await connection.execute(
        "UPDATE environments SET name = %s, updated_at = %s WHERE id = %s",
        [name, now, environment_id],
    )


async def mark_removed(connection: Connection, environment_id: UUID, now: datetime) -> None:
    """Let an environment be none any more."""
    await connection.execute(
        "UPDATE environments SET removed_at = %s, updated_at = %s WHERE id = %s",
        [now, now, environment_id],
    )


async def _fetch_one(connection: Connection, where: str, *parameters: object) -> Environment | None:
    columns = columns_of(Environment, "e", _IN_ORDER.expressions)
    statement = f"SELECT {columns} FROM environments e WHERE e.removed_at IS NULL AND {where}"  # noqa: S608 - constants
    return await fetch_one(connection, Environment, statement, parameters)
