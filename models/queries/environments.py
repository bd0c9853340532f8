"""SQL over environments and their order in the promotion chain."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from runtime.database import Connection


class EnvironmentRow(TypedDict):
    """One environment; `last_commit_at` is the instant of its newest commit."""

    id: UUID
    slug: str
    name: str
    position: int
    inserted_at: datetime
    updated_at: datetime
    last_commit_at: datetime | None


ENVIRONMENT_COLUMNS = """environments.id, environments.slug, environments.name,
    environments.position, environments.inserted_at, environments.updated_at,
    (SELECT inserted_at FROM commits WHERE commits.environment_id = environments.id
     ORDER BY commits.id DESC LIMIT 1) AS last_commit_at"""


async def get_environment(connection: Connection, slug: str) -> EnvironmentRow | None:
    """Return the environment with this slug."""
    return await _fetch_one(connection, "slug = %s", slug)


async def first_environment(connection: Connection) -> EnvironmentRow | None:
    """Return the environment that content is written in."""
    return await _fetch_one(connection, "true ORDER BY position LIMIT 1")


async def environment_before(connection: Connection, position: int) -> EnvironmentRow | None:
    """Return where a promotion to the environment at `position` comes from."""
    where = "position < %s ORDER BY position DESC LIMIT 1"
    return await _fetch_one(connection, where, position)


async def environment_after(connection: Connection, position: int) -> EnvironmentRow | None:
    """Return where a promotion from the environment at `position` goes to."""
    return await _fetch_one(connection, "position > %s ORDER BY position LIMIT 1", position)


async def get_environment_by_id(
    connection: Connection, environment_id: UUID
) -> EnvironmentRow | None:
    """Return the environment with this id."""
    return await _fetch_one(connection, "id = %s", environment_id)


async def list_slugs(connection: Connection) -> dict[UUID, str]:
    """Return the slug of every environment by its id, in the order of promotion."""
    cursor = await connection.execute("SELECT id, slug FROM environments ORDER BY position")
    return {row["id"]: row["slug"] for row in await cursor.fetchall()}


async def insert_environment(
    connection: Connection,
    *,
    environment_id: UUID,
    slug: str,
    name: str,
    position: int,
    now: datetime,
) -> None:
    """Add an environment unless its slug is taken."""
    await connection.execute(
        """
        INSERT INTO environments (id, slug, name, position, inserted_at, updated_at)
        VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (slug) DO NOTHING
        """,
        [environment_id, slug, name, position, now, now],
    )


async def _fetch_one(
    connection: Connection, where: str, *parameters: object
) -> EnvironmentRow | None:
    cursor = await connection.execute(
        f"SELECT {ENVIRONMENT_COLUMNS} FROM environments WHERE {where}",  # noqa: S608 - constants
        parameters,
    )
    row: Any = await cursor.fetchone()
    environment: EnvironmentRow | None = row
    return environment
