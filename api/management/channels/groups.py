"""Channel groups: list, get, upsert, delete."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_ID
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id, new_id_of
from api.management.channels.schemas import ChannelGroupBodyOut, ChannelGroupOut
from api.management.requests import PAGE_HELP, read_limit
from domain.workflows.channel_groups import ChannelGroupBody
from services.channels import groups

router = APIRouter(prefix="/v1/channel_groups", tags=["Channel groups"], responses=ERROR_RESPONSES)


@router.get(
    "", response_model=PlainEntriesOut[ChannelGroupOut], openapi_extra=takes(query=PAGE_HELP)
)
async def list_channel_groups(
    _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List channel groups by key."""
    page = await groups.list_groups(engine, read_limit(query, BY_ID))
    return answer(PlainEntriesOut[ChannelGroupOut].of(page, map(ChannelGroupOut.of, page.rows)))


@router.get("/{channel_group_key}", response_model=ChannelGroupOut)
async def get_channel_group(
    channel_group_key: str, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Get one channel group with its rules."""
    return answer(ChannelGroupOut.of(await groups.get_group(engine, known_id(channel_group_key))))


@router.put(
    "/{channel_group_key}",
    response_model=ChannelGroupBodyOut,
    openapi_extra=takes(ChannelGroupBody),
)
async def upsert_channel_group(
    channel_group_key: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Create a channel group, or change it; takes effect at once."""
    wanted = (await read_body(request, ChannelGroupBody)).channel_group
    key = new_id_of(channel_group_key, field="key")
    view = await groups.put_group(engine, key, wanted)
    return answer(ChannelGroupBodyOut(channel_group=ChannelGroupOut.of(view)))


@router.delete("/{channel_group_key}", status_code=204)
async def delete_channel_group(
    channel_group_key: str, _token: ServiceToken, engine: EngineDep
) -> Response:
    """Delete a channel group; steps that name it are skipped from then on."""
    await groups.delete_group(engine, known_id(channel_group_key))
    return Response(status_code=204)
