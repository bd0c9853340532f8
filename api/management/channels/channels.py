"""Channels: list, get. They are written through the admin API."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_ID
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer
from api.kit.strings import known_id
from api.management.channels.schemas import ChannelOut
from api.management.requests import PAGE_HELP, read_limit
from domain.channels.rows import ChannelFilters
from services.channels import channels

router = APIRouter(prefix="/v1/channels", tags=["Channels"], responses=ERROR_RESPONSES)


@router.get(
    "",
    response_model=PlainEntriesOut[ChannelOut],
    openapi_extra=takes(query=filter_parameters(ChannelFilters, PAGE_HELP)),
)
async def list_channels(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List channels by key."""
    page = await channels.list_channels(
        engine, *read_list(query, ChannelFilters, BY_ID, page=read_limit)
    )
    return answer(PlainEntriesOut[ChannelOut].of(page, map(ChannelOut.of, page.rows)))


@router.get("/{key}", response_model=ChannelOut)
async def get_channel(key: str, _token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """Get one channel with its settings in every environment; secrets are masked."""
    return answer(ChannelOut.of(await channels.get_channel(engine, known_id(key))))
