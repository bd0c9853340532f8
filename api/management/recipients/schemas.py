"""Schemas of users, tenants and objects: list, get, upsert, validate."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse

from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.bodies import read_object
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_ID
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import Query, QueryDep
from api.kit.shapes import answer
from api.kit.strings import known_id, new_id_of
from api.management.requests import PAGE_HELP, SCOPE_HELP, read_limit, read_scope
from domain.kit.answers import Out
from domain.kit.errors import FieldError, InvalidParams, NotFound
from domain.recipients.item_schemas import (
    ItemSchema,
    ItemType,
    SchemaBodyIn,
    SchemaFilters,
    SchemaIn,
    SchemaProperty,
    read_schema,
)
from domain.recipients.refs import TENANTS, USERS
from services.recipients import item_schemas

router = APIRouter(prefix="/v1/schemas", tags=["Schemas"], responses=ERROR_RESPONSES)

COLLECTION_HELP = {
    **SCOPE_HELP,
    "collection": "Collection of objects; required with `object`.",
    "item_id": "The same, under the name that Knock's CLI uses.",
}


class PropertyOut(Out):
    """A property of recipients."""

    key: str
    label: str | None
    description: str | None
    type: str | None
    item_type: str | None
    preview_text: str | None
    visible: bool

    @classmethod
    def of(cls, row: SchemaProperty) -> Self:
        """Write a property."""
        return cls(
            key=row.key,
            label=row.label,
            description=row.description,
            type=row.type,
            item_type=row.item_type,
            preview_text=row.preview_text,
            visible=row.visible,
        )


class SchemaOut(Out):
    """The properties of users, of tenants, or of a collection of objects, by key."""

    item_type: Literal["user", "tenant", "object"]
    item_id: str | None
    properties: list[PropertyOut]

    @classmethod
    def of(cls, schema: ItemSchema) -> Self:
        """Write a schema."""
        return cls(
            item_type=schema.item_type.value,
            item_id=schema.collection if schema.item_type is ItemType.OBJECT else None,
            properties=[PropertyOut.of(one) for one in schema.properties],
        )


class SchemaBodyOut(Out):
    """The schema under its name."""

    schema_: Annotated[SchemaOut, Field(alias="schema")]

    @classmethod
    def of(cls, schema: ItemSchema) -> Self:
        """Write a schema."""
        return cls(schema_=SchemaOut.of(schema))


@router.get(
    "",
    response_model=PlainEntriesOut[SchemaOut],
    openapi_extra=takes(query={**SCOPE_HELP, **filter_parameters(SchemaFilters, PAGE_HELP)}),
)
async def list_schemas(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List the schemas of tenants, users and each collection of objects."""
    environment = await read_scope(engine, query)
    filters, request = read_list(query, SchemaFilters, BY_ID, page=read_limit)
    page = await item_schemas.list_schemas(engine, environment, filters, request)
    return answer(PlainEntriesOut[SchemaOut].of(page, map(SchemaOut.of, page.rows)))


@router.get(
    "/{item_type}", response_model=SchemaBodyOut, openapi_extra=takes(query=COLLECTION_HELP)
)
async def get_schema(
    item_type: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Get the properties that recipients have, with their descriptions."""
    collection = read_collection(item_type, query)
    environment = await read_scope(engine, query)
    found = await item_schemas.get_schema(engine, environment, known_id(collection))
    return answer(SchemaBodyOut.of(found))


@router.put(
    "/{item_type}",
    response_model=SchemaBodyOut,
    openapi_extra=takes(SchemaBodyIn, query=COLLECTION_HELP),
)
async def upsert_schema(
    item_type: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Describe properties; takes effect at once. What is left out stays unchanged."""
    collection = read_collection(item_type, query)
    wanted, place = await _read(request, collection)
    environment = await read_scope(engine, query)
    stored = await item_schemas.put_schema(engine, environment, collection, wanted, place)
    return answer(SchemaBodyOut.of(stored))


@router.put(
    "/{item_type}/validate",
    response_model=SchemaBodyOut,
    openapi_extra=takes(SchemaBodyIn, query=COLLECTION_HELP),
)
async def validate_schema(
    item_type: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Validate a schema without saving it, and return the result."""
    collection = read_collection(item_type, query)
    wanted, place = await _read(request, collection)
    environment = await read_scope(engine, query)
    judged = await item_schemas.judge_schema(engine, environment, collection, wanted, place)
    return answer(SchemaBodyOut.of(judged))


def read_collection(item_type: str, query: Query) -> str:
    """Return the collection that a path and its query name.

    Raises:
        NotFound: there is no such type.
        InvalidParams: of objects no collection is named, or of others one.
    """
    if item_type not in list(ItemType):
        raise NotFound("There are schemas for user, tenant and object.")
    named = query.text("collection") or query.text("item_id")
    if item_type == ItemType.OBJECT:
        if named is None:
            raise InvalidParams.of("collection", "is required with object")
        return new_id_of(named, field="collection", forbidden="/$")
    if named is not None:
        raise InvalidParams.of("collection", f"{item_type} has none")
    return USERS if item_type == ItemType.USER else TENANTS


async def _read(request: Request, collection: str) -> tuple[SchemaIn, str]:
    """Read a schema of a body, which may repeat what it is of but not say something else."""
    wanted, place = read_schema(await read_object(request))
    item_type = ItemType.of(collection)
    wrong = []
    if wanted.item_type not in (None, item_type):
        wrong.append(FieldError(f"{place}item_type", f"must be {item_type}, as in the path"))
    own = collection if item_type is ItemType.OBJECT else None
    if wanted.item_id not in (None, own):
        wrong.append(FieldError(f"{place}item_id", "must be the collection, as in the query"))
    if wrong:
        raise InvalidParams(wrong)
    return wanted, place
