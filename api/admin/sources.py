"""Admin API, sources: secrets and addresses, which Knock offers only in its dashboard."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.addresses import address_of_api
from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id
from api.management.sources.schemas import SourceBodyOut, SourceOut
from domain.sources.verification import VerificationIn
from services.account.environments import get_scope
from services.sources import sources

router = APIRouter(prefix="/v1/admin/sources", tags=["Admin: sources"], responses=ERROR_RESPONSES)


@router.put(
    "/{key}/environments/{slug}/verification",
    response_model=SourceBodyOut,
    responses=refusals({422: "sealed_with_other_key"}),
    openapi_extra=takes(VerificationIn),
)
async def put_source_verification(
    key: str, slug: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Set how a source signs its events; the secret is stored encrypted and never shown."""
    wanted = await read_body(request, VerificationIn)
    environment = await get_scope(engine, known_id(slug))
    view = await sources.put_verification(engine, environment, known_id(key), wanted)
    return answer(SourceBodyOut(source=SourceOut.of(view, address_of_api(request))))


@router.post("/{key}/environments/{slug}/rotate_endpoint", response_model=SourceBodyOut)
async def rotate_source_endpoint(
    key: str, slug: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Give a source a new address in an environment; the old one stops working at once."""
    environment = await get_scope(engine, known_id(slug))
    view = await sources.rotate_endpoint(engine, environment, known_id(key))
    return answer(SourceBodyOut(source=SourceOut.of(view, address_of_api(request))))
