"""Channels: list, get. They are written through the admin API."""

from __future__ import annotations

from fastapi import APIRouter

from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_ID, page_body
from api.kit.parameters import ERROR_RESPONSES, choices, takes
from api.kit.query_strings import QueryDep
from api.kit.strings import known_id
from api.management.channels.schemas import ChannelOut, ChannelPageOut
from api.management.requests import PAGE_HELP, read_limit
from domain.kit.clock import iso
from domain.kit.json_types import JsonObject
from services.channels.channels import ChannelView, get_channel, list_channels

router = APIRouter(prefix="/v1/channels", tags=["Channels"], responses=ERROR_RESPONSES)

_INCLUDES = ("environment_settings",)


@router.get(
    "",
    responses={200: {"model": ChannelPageOut}},
    openapi_extra=takes(
        query={
            **PAGE_HELP,
            "id": "Only the channel with this id.",
            "include[]": choices(
                "`environment_settings` adds how each works in every environment.", _INCLUDES
            ),
        }
    ),
)
async def index(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JsonObject:
    """List channels by key."""
    included = query.texts("include", choices=_INCLUDES) or []
    async with engine.database.transaction() as connection:
        views, page = await list_channels(
            connection,
            engine.vault,
            read_limit(query, BY_ID),
            channel_id=query.text("id"),
            with_settings=bool(included),
        )
    return page_body(page, [render_channel(view) for view in views], typename=False)


@router.get("/{key}", responses={200: {"model": ChannelOut}})
async def show(key: str, _token: ServiceToken, engine: EngineDep) -> JsonObject:
    """Get one channel with its settings in every environment; secrets are masked."""
    async with engine.database.transaction() as connection:
        return render_channel(await get_channel(connection, engine.vault, known_id(key)))


def render_channel(view: ChannelView) -> JsonObject:
    """Return a channel in Knock's wire shape."""
    row = view.row
    channel: JsonObject = {
        "id": str(row["id"]),
        "key": row["key"],
        "name": row["name"],
        "description": row["description"],
        "type": row["channel_type"],
        "provider": row["provider"],
        "custom_icon_url": row["custom_icon_url"],
        "visible_in": ["workflow"],
        "created_at": iso(row["inserted_at"]),
        "updated_at": iso(row["updated_at"]),
        "archived_at": iso(row["archived_at"]),
    }
    if view.settings is not None:
        channel["environment_settings"] = {
            settings.environment: {
                "id": str(settings.id),
                "is_sandbox": settings.is_sandbox,
                "is_valid": settings.is_valid,
                "channel_settings": settings.channel_settings,
                "provider_settings": settings.provider_settings,
                "conditions": settings.conditions,
            }
            for settings in view.settings
        }
    return channel
