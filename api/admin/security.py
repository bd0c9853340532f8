"""Admin API, user tokens: the keys that they are signed with, and whether they must be sent.

In Knock both are settings of the dashboard ("Security and authentication").
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.admin.schemas.security import SecurityBodyOut, SigningKeyBodyOut, SigningKeyOut
from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_UUID
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer, read_named
from api.kit.strings import known_id, known_uuid
from api.management.requests import PAGE_HELP, read_limit
from domain.account.security import SecurityRequest, SigningKeyRequest
from services.account import security
from services.account.environments import get_scope

router = APIRouter(
    prefix="/v1/admin/environments/{slug}",
    tags=["Admin: credentials"],
    responses=ERROR_RESPONSES,
)


@router.get(
    "/signing_keys",
    response_model=PlainEntriesOut[SigningKeyOut],
    openapi_extra=takes(query=PAGE_HELP),
)
async def list_signing_keys(
    slug: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the signing keys for user tokens of an environment, newest first."""
    environment = await get_scope(engine, known_id(slug))
    page = await security.list_signing_keys(engine, environment, read_limit(query, BY_UUID))
    return answer(PlainEntriesOut[SigningKeyOut].of(page, map(SigningKeyOut.of, page.rows)))


@router.post(
    "/signing_keys",
    response_model=SigningKeyBodyOut,
    responses=refusals({422: "too_many_signing_keys, signing_key_exists"}),
    openapi_extra=takes(SigningKeyRequest, name="signing_key"),
)
async def create_signing_key(
    slug: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Create a signing key, or add an existing one.

    The private half of a key created here is shown only in this answer.
    """
    wanted = await read_named(request, SigningKeyRequest, "signing_key")
    environment = await get_scope(engine, known_id(slug))
    issued = await security.create_signing_key(engine, environment, wanted.name, wanted.public_key)
    return answer(SigningKeyBodyOut.of(issued))


@router.delete("/signing_keys/{key_id}", status_code=204)
async def revoke_signing_key(
    slug: str, key_id: str, _token: ServiceToken, engine: EngineDep
) -> Response:
    """Revoke a signing key: tokens that it has signed are refused from now on."""
    environment = await get_scope(engine, known_id(slug))
    known = known_uuid(key_id, "The signing key does not exist.")
    await security.revoke_signing_key(engine, environment, known)
    return Response(status_code=204)


@router.get("/security", response_model=SecurityBodyOut)
async def get_security(slug: str, _token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """Get whether public keys of an environment need a user token."""
    environment = await get_scope(engine, known_id(slug))
    return answer(SecurityBodyOut.of(await security.get_security(engine, environment)))


@router.put(
    "/security",
    response_model=SecurityBodyOut,
    openapi_extra=takes(SecurityRequest, name="security"),
)
async def put_security(
    slug: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Set whether public keys of an environment need a user token; takes effect at once."""
    wanted = await read_named(request, SecurityRequest, "security")
    environment = await get_scope(engine, known_id(slug))
    stored = await security.put_security(engine, environment, wanted.enhanced_security)
    return answer(SecurityBodyOut.of(stored))
