"""The account's catalog of preference categories. It works at once and in every environment.

A workflow belongs to the categories that its document names, and preferences refer to them by
name; the catalog is for whoever writes either, and neither is checked against it.

Source: Knock Management API, "Preference categories"; Knock docs, "Workflow categories".
"""

from __future__ import annotations

from domain.kit.errors import InvalidParams, NotFound
from domain.kit.stored import check_label
from domain.preferences.rows import MAX_CATEGORIES, PreferenceCategory
from models.queries.preferences import categories as queries
from services.engine import Engine


async def list_categories(engine: Engine) -> list[PreferenceCategory]:
    """Return the categories that are not archived, by name."""
    async with engine.connection() as connection:
        return await queries.list_categories(connection)


async def put_category(engine: Engine, name: str) -> PreferenceCategory:
    """Return the category of this name; make it, if there is none that is not archived.

    Raises:
        InvalidParams: the name is none, or the catalog is full.
    """
    check_label(name)
    async with engine.unit() as unit:
        known = await queries.get_category(unit.connection, name)
        if known is None and await queries.count_categories(unit.connection) >= MAX_CATEGORIES:
            message = f"an account has at most {MAX_CATEGORIES} preference categories"
            raise InvalidParams.of("name", message)
        return known or await queries.add_category(unit.connection, name, unit.now)


async def archive_category(engine: Engine, name: str) -> None:
    """Take a category out of the catalog; workflows and preferences keep it. Raises NotFound."""
    async with engine.unit() as unit:
        if not await queries.archive_category(unit.connection, name, unit.now):
            raise NotFound(f"The preference category {name[:255]!r} does not exist.")
