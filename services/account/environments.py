"""Environments: found by slug, in the order of promotion."""

from __future__ import annotations

from domain.account.environments import Environment
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from models.queries.account import environments as queries
from runtime.database import Connection
from services.reading import Reads


async def get_scope(reads: Reads, slug: str) -> EnvironmentScope:
    """Return the environment that a request of the account works in. Raises NotFound."""
    async with reads.connection() as connection:
        return (await find_environment(connection, slug)).scope


async def get_environment(reads: Reads, slug: str) -> Environment:
    """Return an environment. Raises NotFound."""
    async with reads.connection() as connection:
        return await find_environment(connection, slug)


async def find_environment(connection: Connection, slug: str) -> Environment:
    """Return an environment. Raises NotFound."""
    environment = await queries.get_environment(connection, slug)
    if environment is None:
        raise NotFound(f"The environment {slug[:255]!r} does not exist.")
    return environment


async def require_writable(
    connection: Connection, environment: EnvironmentScope, *, force: bool
) -> None:
    """Refuse writing content anywhere but in the first environment, unless forced.

    Raises:
        InvalidParams: content reaches the other environments by promotion (Knock docs:
            "Commits", "Environments").
    """
    first = await queries.first_environment(connection)
    if force or (first is not None and first.id == environment.id):
        return
    home = "the first environment" if first is None else first.slug
    raise InvalidParams.of(
        "environment",
        f"content is written in {home} and promoted to {environment.slug};"
        " force=true writes it here anyway",
    )


async def refuse_in_production(
    connection: Connection, environment: EnvironmentScope, message: str
) -> None:
    """Refuse what would be done to real people, in the last environment of several.

    Raises:
        InvalidParams: it is that one.
    """
    *before, last = await queries.all_environments(connection)
    if before and last.id == environment.id:
        raise InvalidParams.of("environment", message)


async def list_environments(reads: Reads, request: PageRequest) -> Page[Environment]:
    """Return a page of environments in the order of promotion."""
    async with reads.connection() as connection:
        return await queries.list_environments(connection, request)
