"""Members: list, get, remove. They are added by the admin API."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.responses import JSONResponse

from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_UUID
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer
from api.kit.strings import known_uuid
from api.management.account.schemas import MemberOut
from api.management.requests import PAGE_HELP, read_limit
from domain.account.members import MemberFilters
from services.account import members

router = APIRouter(prefix="/v1/members", tags=["Account"], responses=ERROR_RESPONSES)


@router.get(
    "",
    response_model=PlainEntriesOut[MemberOut],
    openapi_extra=takes(query=filter_parameters(MemberFilters, PAGE_HELP)),
)
async def list_members(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List the members of the account, in the order in which they joined."""
    filters, request = read_list(query, MemberFilters, BY_UUID, page=read_limit)
    page = await members.list_members(engine, filters, request)
    return answer(PlainEntriesOut[MemberOut].of(page, map(MemberOut.of, page.rows)))


@router.get("/{id}", response_model=MemberOut)
async def get_member(id: str, _token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """Get one member."""
    return answer(MemberOut.of(await members.get_member(engine, known_uuid(id))))


@router.delete("/{id}", status_code=204, responses=refusals({422: "last_owner"}))
async def remove_member(id: str, _token: ServiceToken, engine: EngineDep) -> Response:
    """Remove a member; the last owner cannot be removed."""
    await members.remove_member(engine, known_uuid(id))
    return Response(status_code=204)
