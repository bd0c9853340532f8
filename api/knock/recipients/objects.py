"""Objects: set, get, list, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import JSONResponse

from api.kit.answers import EntriesOut
from api.kit.auth import EngineDep, SecretKey
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_TIME_AND_ID
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import secret_limit
from api.kit.shapes import answer, read_body, read_both
from api.knock.recipients.paths import InPath, known_collection, known_object, new_object
from api.knock.recipients.schemas import ObjectOut
from domain.recipients.recipients import ObjectFilters
from domain.recipients.refs import TENANTS, RecipientRef
from domain.recipients.shapes import ObjectIn, TenantIn
from services.bulk import departures
from services.recipients import recipients

router = APIRouter(prefix="/v1/objects", tags=["Objects"], responses=ERROR_RESPONSES)

KnownObject = Annotated[RecipientRef, Depends(known_object)]
NewObject = Annotated[InPath[RecipientRef], Depends(new_object)]


@router.get(
    "/{collection}",
    response_model=EntriesOut[ObjectOut],
    dependencies=[secret_limit(4)],
    openapi_extra=takes(query=filter_parameters(ObjectFilters)),
)
async def list_objects(
    collection: str, principal: SecretKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the objects of a collection, newest first."""
    wanted, request = read_list(query, ObjectFilters, BY_TIME_AND_ID)
    page = await recipients.list_objects(
        engine, principal.environment, known_collection(collection), wanted, request
    )
    objects = (ObjectOut.of(found.recipient, found.preferences) for found in page.rows)
    return answer(EntriesOut[ObjectOut].of(page, objects))


@router.get("/{collection}/{object_id}", response_model=ObjectOut, dependencies=[secret_limit(4)])
async def get_object(ref: KnownObject, principal: SecretKey, engine: EngineDep) -> JSONResponse:
    """Get an object."""
    found = await recipients.load_recipient(engine, principal.environment, ref)
    return answer(ObjectOut.of(found))


@router.put(
    "/{collection}/{object_id}",
    response_model=ObjectOut,
    dependencies=[secret_limit(3)],
    openapi_extra=takes(ObjectIn),
)
async def set_object(
    named: NewObject,
    collection: str,
    request: Request,
    principal: SecretKey,
    engine: EngineDep,
) -> JSONResponse:
    """Set an object: create it, or merge the properties deeply into what is stored.

    The collection `$tenants` holds the tenants, which have settings besides their properties.
    """
    shape = TenantIn if collection == TENANTS else ObjectIn
    ref, given = await read_both(named, read_body(request, shape))
    stored = await recipients.store_recipient(engine, principal.environment, ref, given)
    return answer(ObjectOut.of(stored))


@router.delete("/{collection}/{object_id}", status_code=204, dependencies=[secret_limit(3)])
async def delete_object(ref: KnownObject, principal: SecretKey, engine: EngineDep) -> Response:
    """Delete an object with messages, runs, channel data and preferences; open runs end."""
    await departures.delete_recipient(engine, principal.environment, ref)
    return Response(status_code=204)
