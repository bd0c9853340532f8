"""Admin API, schemas: take back what was said of a property; an upsert leaves out, and keeps."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.strings import known_id
from api.management.recipients.schemas import COLLECTION_HELP, read_collection
from api.management.requests import read_environment
from services.recipients import item_schemas

router = APIRouter(prefix="/v1/admin/schemas", tags=["Admin: schemas"], responses=ERROR_RESPONSES)


@router.delete(
    "/{item_type}/properties/{key}", status_code=204, openapi_extra=takes(query=COLLECTION_HELP)
)
async def forget_property(
    item_type: str, key: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> Response:
    """Delete the description of a property. A property that the data has stays in the schema."""
    collection = read_collection(item_type, query)
    environment = await read_environment(engine, query)
    await item_schemas.forget_property(engine, environment, known_id(collection), known_id(key))
    return Response(status_code=204)
