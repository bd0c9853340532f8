"""Admin API, members and assets: things that Knock offers only in its dashboard."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.shapes import answer, read_named
from api.kit.strings import known_uuid
from api.management.account.schemas import AssetBodyOut, AssetOut, MemberBodyOut, MemberOut
from domain.account.assets import AssetBodyIn, AssetIn
from domain.account.members import MemberBodyIn, MemberChangeBodyIn, MemberChangeIn, MemberIn
from services.account import assets, members

router = APIRouter(prefix="/v1/admin", tags=["Admin: account"], responses=ERROR_RESPONSES)


@router.post(
    "/members", response_model=MemberBodyOut, openapi_extra=takes(MemberBodyIn, name="member")
)
async def add_member(request: Request, _token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """Add a member. The member is not notified, and cannot sign in."""
    wanted = await read_named(request, MemberIn, "member", may_be_empty=False)
    return answer(MemberBodyOut(member=MemberOut.of(await members.add_member(engine, wanted))))


@router.put(
    "/members/{member_id}",
    response_model=MemberBodyOut,
    responses=refusals({422: "last_owner"}),
    openapi_extra=takes(MemberChangeBodyIn, name="member"),
)
async def change_member(
    member_id: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Change the role, the name or the image of a member; what is left out stays unchanged."""
    wanted = await read_named(request, MemberChangeIn, "member", may_be_empty=False)
    changed = await members.change_member(engine, known_uuid(member_id), wanted)
    return answer(MemberBodyOut(member=MemberOut.of(changed)))


@router.post("/assets", response_model=AssetBodyOut, openapi_extra=takes(AssetBodyIn, name="asset"))
async def add_asset(request: Request, _token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """Upload an image; anyone who has its address can see it."""
    wanted = await read_named(request, AssetIn, "asset", may_be_empty=False)
    return answer(AssetBodyOut(asset=AssetOut.of(await assets.add_asset(engine, wanted))))


@router.delete("/assets/{asset_id}", status_code=204)
async def delete_asset(asset_id: str, _token: ServiceToken, engine: EngineDep) -> Response:
    """Delete an image; content that shows it will show nothing."""
    await assets.delete_asset(engine, known_uuid(asset_id))
    return Response(status_code=204)
