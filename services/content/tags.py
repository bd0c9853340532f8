"""The account's catalog of tags. It works at once and in every environment.

Source: Knock Management API, "Tags".
"""

from __future__ import annotations

from domain.content.tags import MAX_TAGS, Tag, TagIn
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.stored import check_label
from models.queries.content import tags as queries
from services.engine import Engine


async def list_tags(engine: Engine) -> list[Tag]:
    """Return all tags by name."""
    async with engine.connection() as connection:
        return await queries.list_tags(connection)


async def put_tag(engine: Engine, name: str, wanted: TagIn) -> Tag:
    """Make a tag, or change it: what `wanted` leaves out is nothing then.

    Raises:
        InvalidParams: the name is none, or the catalog is full.
    """
    check_label(name)
    async with engine.unit() as unit:
        connection = unit.connection
        if (
            await queries.get_tag(connection, name) is None
            and await queries.count_tags(connection) >= MAX_TAGS
        ):
            raise InvalidParams.of("name", f"an account has at most {MAX_TAGS} tags")
        tag = Tag(name, wanted.description, wanted.color, unit.now, unit.now)
        return await queries.upsert_tag(connection, tag)


async def delete_tag(engine: Engine, name: str) -> None:
    """Take a tag out of the catalog; content that bears it keeps it. Raises NotFound."""
    async with engine.connection() as connection:
        if not await queries.delete_tag(connection, name):
            raise NotFound(f"The tag {name[:255]!r} does not exist.")
