"""Members of audiences: list, add, remove."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.kit.answers import EntriesOut
from api.kit.auth import EngineDep, SecretKey
from api.kit.lists import PAGING
from api.kit.pagination import BY_TIME_AND_REF, read_page
from api.kit.parameters import ERROR_RESPONSES, boolean, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import secret_limit
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id, new_id_of
from api.knock.audiences.schemas import AudienceMemberOut
from domain.audiences.members import MembersIn
from domain.kit.violations import Violations
from services.audiences import members

router = APIRouter(
    prefix="/v1/audiences/{key}/members", tags=["Audiences"], responses=ERROR_RESPONSES
)
_NOT_STATIC = refusals({422: "audience_not_static"})


@router.get(
    "",
    response_model=EntriesOut[AudienceMemberOut],
    dependencies=[secret_limit(4)],
    openapi_extra=takes(query=PAGING),
)
async def list_members(
    key: str, principal: SecretKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the members of an audience, newest first."""
    request = read_page(query, BY_TIME_AND_REF)
    page = await members.list_members(engine, principal.environment, known_id(key), request)
    entries = map(AudienceMemberOut.of, page.rows)
    return answer(EntriesOut[AudienceMemberOut].of(page, entries))


@router.post(
    "",
    status_code=204,
    dependencies=[secret_limit(3)],
    responses=_NOT_STATIC,
    openapi_extra=takes(
        MembersIn, query={"create_audience": boolean("Create a static audience if there is none.")}
    ),
)
async def add_members(
    key: str, request: Request, principal: SecretKey, engine: EngineDep, query: QueryDep
) -> Response:
    """Add up to 1,000 users to a static audience; they are identified first.

    Each user who was not yet a member, for this tenant, triggers the workflows of the audience.
    """
    violations = Violations()
    audience_key = violations.read(new_id_of, key, field="key")
    create = violations.read(query.boolean, "create_audience") or False
    given = await violations.wait_for(read_body(request, MembersIn))
    violations.raise_any()
    await members.add_members(engine, principal.environment, audience_key, given, create=create)
    return Response(status_code=204)


@router.delete(
    "",
    status_code=204,
    dependencies=[secret_limit(3)],
    responses=_NOT_STATIC,
    openapi_extra=takes(MembersIn),
)
async def remove_members(
    key: str, request: Request, principal: SecretKey, engine: EngineDep
) -> Response:
    """Remove up to 1,000 users from a static audience, each for the given tenant."""
    given = await read_body(request, MembersIn)
    await members.remove_members(engine, principal.environment, known_id(key), given)
    return Response(status_code=204)
