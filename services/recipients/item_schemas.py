"""Schemas of users, tenants and objects: what their data has, and what people say of it.

They belong to an environment, are not versioned, and refuse nothing.

Source: Knock docs, "Recipient schemas".
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.kit.errors import FieldError, InvalidParams, NotFound
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.recipients.item_schemas import (
    MAX_PROPERTIES,
    ItemSchema,
    ItemType,
    SchemaFilters,
    SchemaIn,
    SchemaProperty,
    complete_schema,
)
from models.queries.content.drafts import lock_publication
from models.queries.recipients import item_schemas as queries
from runtime.database import Connection
from services.engine import Engine


async def list_schemas(
    engine: Engine, environment: EnvironmentScope, filters: SchemaFilters, request: PageRequest
) -> Page[ItemSchema]:
    """Return a page of the schemas of an environment, by collection."""
    async with engine.connection() as connection:
        page = await queries.list_collections(connection, environment.id, filters, request)
        names = [row.collection for row in page.rows]
        schemas = await _load(connection, environment, names)
    return page.of(schemas)


async def get_schema(engine: Engine, environment: EnvironmentScope, collection: str) -> ItemSchema:
    """Return the schema of a collection.

    Raises:
        NotFound: nobody is in the collection, and nothing was said of it.
    """
    async with engine.connection() as connection:
        is_object = ItemType.of(collection) is ItemType.OBJECT
        if is_object and not await queries.has_schema(connection, environment.id, collection):
            raise NotFound(f"The collection {collection[:255]!r} has no schema.")
        (schema,) = await _load(connection, environment, [collection])
    return schema


async def put_schema(
    engine: Engine, environment: EnvironmentScope, collection: str, wanted: SchemaIn, place: str
) -> ItemSchema:
    """Say what is said of properties; others stay as they are.

    Args:
        engine: the parts of the process.
        environment: where.
        collection: whose properties.
        wanted: what is said.
        place: what the places of violations begin with.

    Raises:
        InvalidParams: more would be described than may be, or a branch is named, which has the
            schemas of its environment (Knock docs, "Recipient schemas").
    """
    if environment.branch is not None:
        message = f"is to be left out: branches have the schemas of {environment.slug}"
        raise InvalidParams.of("branch", message)
    async with engine.unit() as unit:
        connection = unit.connection
        await lock_publication(connection, [environment.id])
        described = await queries.described_properties(connection, environment.id, [collection])
        changed = _changed(described, collection, wanted, place)
        await queries.write_properties(connection, environment.id, changed, now=unit.now)
        (schema,) = await _load(connection, environment, [collection])
    return schema


async def forget_property(
    engine: Engine, environment: EnvironmentScope, collection: str, key: str
) -> None:
    """Forget what was said of a property. Raises NotFound: nothing was."""
    async with engine.connection() as connection:
        if not await queries.delete_property(connection, environment.id, collection, key):
            raise NotFound(f"There is no description of the property {key[:255]!r}.")


async def judge_schema(
    engine: Engine, environment: EnvironmentScope, collection: str, wanted: SchemaIn, place: str
) -> ItemSchema:
    """Return what `put_schema` would, and store nothing. Raises what it raises."""
    async with engine.connection() as connection:
        described = await queries.described_properties(connection, environment.id, [collection])
        seen = await queries.seen_properties(connection, environment.id, [collection])
    changed = _changed(described, collection, wanted, place)
    return complete_schema(collection, seen, [*described, *changed])


def _changed(
    described: Sequence[SchemaProperty], collection: str, wanted: SchemaIn, place: str
) -> list[SchemaProperty]:
    """Lay what is said over what is described. Raises InvalidParams for more than may be."""
    before = {one.key: one for one in described}
    if len({*before, *(one.key for one in wanted.properties)}) > MAX_PROPERTIES:
        message = f"a schema describes at most {MAX_PROPERTIES} properties"
        raise InvalidParams([FieldError(f"{place}properties", message)])
    return [
        one.laid_over(before.get(one.key, SchemaProperty(collection, one.key)))
        for one in wanted.properties
    ]


async def _load(
    connection: Connection, environment: EnvironmentScope, collections: Sequence[str]
) -> list[ItemSchema]:
    seen = await queries.seen_properties(connection, environment.id, collections)
    described = await queries.described_properties(connection, environment.id, collections)
    return [
        complete_schema(
            name,
            (one for one in seen if one.collection == name),
            (one for one in described if one.collection == name),
        )
        for name in collections
    ]
