"""Admin API, channels: what Knock does in its dashboard only."""

from __future__ import annotations

from fastapi import APIRouter, Request

from api.auth import PlatformDep, ServiceToken
from api.bodies import read_object
from api.documents import ERROR_RESPONSES, takes
from api.management.channels import render_channel
from api.management.schemas.admin import ChannelBodyOut, ChannelIn, ChannelSettingsIn
from api.strings import known_id, new_id_of
from domain.clock import utc_now
from domain.json_types import JsonObject
from services.channels import put_channel, put_channel_settings
from services.environments import find_environment

router = APIRouter(prefix="/v1/admin/channels", tags=["Admin: channels"], responses=ERROR_RESPONSES)


@router.put("/{key}", responses={200: {"model": ChannelBodyOut}}, openapi_extra=takes(ChannelIn))
async def put(
    key: str, request: Request, _token: ServiceToken, platform: PlatformDep
) -> JsonObject:
    """Create a channel, or change its name, description and icon."""
    body = await read_object(request)
    async with platform.database.transaction() as connection:
        view = await put_channel(
            connection, platform.vault, new_id_of(key, field="key"), body, now=utc_now()
        )
    return {"channel": render_channel(view)}


@router.put(
    "/{key}/environments/{slug}",
    responses={200: {"model": ChannelBodyOut}},
    openapi_extra=takes(ChannelSettingsIn),
)
async def put_environment(
    key: str, slug: str, request: Request, _token: ServiceToken, platform: PlatformDep
) -> JsonObject:
    """Set how a channel works in one environment; takes effect at once."""
    body = await read_object(request)
    async with platform.database.transaction() as connection:
        view = await put_channel_settings(
            connection,
            platform.vault,
            known_id(key),
            environment=await find_environment(connection, known_id(slug)),
            raw=body,
            now=utc_now(),
        )
    return {"channel": render_channel(view)}
