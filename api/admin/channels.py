"""Admin API, channels: things that Knock offers only in its dashboard."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.admin.schemas.channels import (
    CallbackOut,
    ChannelBodyOut,
    HeldChannelOut,
    HeldChannelsOut,
)
from api.kit.addresses import address_of_api
from api.kit.answers import CountOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.shapes import answer, read_body, read_named
from api.kit.strings import known_id, new_id_of
from api.management.channels.schemas import ChannelOut
from domain.channels.requests import ChannelRequest, ChannelSettingsRequest
from services.account.environments import get_scope
from services.channels import channels
from services.deliveries import holds, reports

router = APIRouter(prefix="/v1/admin/channels", tags=["Admin: channels"], responses=ERROR_RESPONSES)


@router.get("/holds", response_model=HeldChannelsOut)
async def list_holds(_token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """List the held channels of all environments, longest held first."""
    held = await holds.held_channels(engine)
    return answer(HeldChannelsOut(entries=[HeldChannelOut.of(each) for each in held]))


@router.put(
    "/{key}", response_model=ChannelBodyOut, openapi_extra=takes(ChannelRequest, name="channel")
)
async def put_channel(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Create a channel, or change its name, description and icon."""
    wanted = await read_named(request, ChannelRequest, "channel")
    view = await channels.put_channel(engine, new_id_of(key, field="key"), wanted)
    return answer(ChannelBodyOut(channel=ChannelOut.of(view)))


@router.put(
    "/{key}/environments/{slug}",
    response_model=ChannelBodyOut,
    responses=refusals({422: "sealed_with_other_key"}),
    openapi_extra=takes(ChannelSettingsRequest),
)
async def put_channel_settings(
    key: str, slug: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Configure a channel in one environment; takes effect at once."""
    wanted = await read_body(request, ChannelSettingsRequest)
    environment = await get_scope(engine, known_id(slug))
    view = await channels.put_channel_settings(engine, environment, known_id(key), wanted)
    return answer(ChannelBodyOut(channel=ChannelOut.of(view)))


@router.get(
    "/{key}/environments/{slug}/callback",
    response_model=CallbackOut,
    responses=refusals({422: "channel_invalid"}),
)
async def get_callback(
    key: str, slug: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Get the address at which a channel's vendor reports the fate of messages.

    Each request returns a different address with the same meaning; all of them work.
    """
    environment = await get_scope(engine, known_id(slug))
    made = await reports.callback_id(engine, environment, known_id(key))
    return answer(CallbackOut(url=f"{address_of_api(request)}{reports.CALLBACKS_PATH}/{made}"))


@router.post(
    "/{key}/environments/{slug}/hold",
    response_model=CountOut,
    responses=refusals({422: "channel_not_holdable"}),
)
async def hold_channel(
    key: str, slug: str, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Hold a channel: its messages are made, but wait. Returns how many are on their way."""
    environment = await get_scope(engine, known_id(slug))
    return answer(CountOut(count=await holds.hold_channel(engine, environment, known_id(key))))


@router.post("/{key}/environments/{slug}/release", response_model=CountOut)
async def release_channel(
    key: str, slug: str, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Release a channel: held messages go out now, or within five minutes.

    Returns how many of its messages are on their way, whatever they wait for.
    """
    environment = await get_scope(engine, known_id(slug))
    return answer(CountOut(count=await holds.release_channel(engine, environment, known_id(key))))
