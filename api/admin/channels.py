"""Admin API, channels: what Knock does in its dashboard only."""

from __future__ import annotations

from fastapi import APIRouter, Request

from api.admin.schemas import ChannelBodyOut, ChannelIn, ChannelSettingsIn
from api.kit.auth import EngineDep, ServiceToken
from api.kit.bodies import read_object
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.strings import known_id, new_id_of
from api.management.channels.channels import render_channel
from domain.kit.clock import utc_now
from domain.kit.json_types import JsonObject
from services.account.environments import find_environment
from services.channels.channels import put_channel, put_channel_settings

router = APIRouter(prefix="/v1/admin/channels", tags=["Admin: channels"], responses=ERROR_RESPONSES)


@router.put("/{key}", responses={200: {"model": ChannelBodyOut}}, openapi_extra=takes(ChannelIn))
async def put(key: str, request: Request, _token: ServiceToken, engine: EngineDep) -> JsonObject:
    """Create a channel, or change its name, description and icon."""
    body = await read_object(request)
    async with engine.database.transaction() as connection:
        view = await put_channel(
            connection, engine.vault, new_id_of(key, field="key"), body, now=utc_now()
        )
    return {"channel": render_channel(view)}


@router.put(
    "/{key}/environments/{slug}",
    responses={200: {"model": ChannelBodyOut}},
    openapi_extra=takes(ChannelSettingsIn),
)
async def put_environment(
    key: str, slug: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JsonObject:
    """Set how a channel works in one environment; takes effect at once."""
    body = await read_object(request)
    async with engine.database.transaction() as connection:
        view = await put_channel_settings(
            connection,
            engine.vault,
            known_id(key),
            environment=await find_environment(connection, known_id(slug)),
            raw=body,
            now=utc_now(),
        )
    return {"channel": render_channel(view)}
