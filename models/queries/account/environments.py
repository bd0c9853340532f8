"""SQL over environments and their order in the promotion chain."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from domain.account.environments import Environment
from domain.kit.pages import Page, PageRequest
from models.sql import Listing, Where, columns_of, fetch_one
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
_COLUMNS = """environments.id, environments.slug, environments.name,
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


async def load_environment(connection: Connection, slug: str) -> Environment | None:
    """Return the environment with this slug, typed."""
    return await fetch_one(
        connection,
        Environment,
        f"SELECT {columns_of(Environment, 'e', _IN_ORDER.expressions)} FROM environments e"  # noqa: S608 - constants
        " WHERE e.slug = %s",
        [slug],
    )


async def list_environments(connection: Connection, request: PageRequest) -> Page[Environment]:
    """Return a page of environments in the order of promotion."""
    where = Where()
    where.add("true")
    return await _IN_ORDER.page(connection, where, request)


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
        f"SELECT {_COLUMNS} FROM environments WHERE {where}",  # noqa: S608 - constants
        parameters,
    )
    row: Any = await cursor.fetchone()
    environment: EnvironmentRow | None = row
    return environment
