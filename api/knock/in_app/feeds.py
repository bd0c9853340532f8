"""In-app feeds of users."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, FeedKey
from api.kit.pagination import BY_TIME_AND_UUID, read_page
from api.kit.parameters import ERROR_RESPONSES, Param, boolean, choice, takes, texts
from api.kit.query_strings import Query, QueryDep
from api.kit.rate_limits import feed_limit
from api.kit.strings import known_id
from api.knock.common import INSERTED_AT, PAGING
from api.knock.in_app.schemas import FeedOut, FeedSettingsOut, feed_wire, without
from domain.kit.errors import InvalidParams, NotFound
from domain.messages.filters import FEED_STATUSES, Archived, FeedFilter
from services.in_app.feeds import check_feed_channel, load_feed

router = APIRouter(prefix="/v1/users/{user_id}/feeds", tags=["Feeds"], responses=ERROR_RESPONSES)
_MAX_EXCLUDED_LEVELS = 3
_MODES = ("rich", "compact")
_PARAMETERS: dict[str, str | Param] = {
    "status": choice("By default all.", FEED_STATUSES),
    "archived": choice("By default exclude.", Archived),
    "source": "Only items of the workflow with this key.",
    "tenant": "Items of this tenant, and items without a tenant.",
    "has_tenant": boolean("true: only items of (that) tenant; false: only items without one."),
    "workflow_categories[]": texts("Only items of workflows with one of these categories.", 100),
    "trigger_data": "JSON object: values that the trigger's data must have, top level only.",
    "locale": "Language tag.",
    "mode": choice("By default rich.", _MODES),
    "exclude": "Comma-separated paths of at most three levels, for example meta.total_count.",
    **INSERTED_AT,
    **PAGING,
}


@router.get(
    "/{channel_id}",
    response_model=FeedOut,
    dependencies=[feed_limit(2, per_user=True)],
    openapi_extra=takes(query=_PARAMETERS),
)
async def list_feed_items(
    user_id: str, channel_id: str, principal: FeedKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List a user's feed, newest first, with counts for badges."""
    wanted = _read_filter(query)
    request = read_page(query, BY_TIME_AND_UUID)
    excluded = _read_excluded(query)
    is_rich = query.choice("mode", _MODES) != "compact"
    query.text("locale", max_length=35)
    view = await load_feed(
        engine,
        principal.environment,
        _channel_id(channel_id),
        known_id(user_id),
        wanted=wanted,
        request=request,
        is_rich=is_rich,
        is_anonymous=principal.is_anonymous,
    )
    return JSONResponse(without(feed_wire(view, is_rich=is_rich), excluded))


@router.get("/{channel_id}/settings", response_model=FeedSettingsOut, dependencies=[feed_limit(4)])
async def get_feed_settings(
    user_id: str, channel_id: str, _: FeedKey, engine: EngineDep
) -> JSONResponse:
    """Get the settings of a feed; a self-hosted feed never has to show a brand."""
    known_id(user_id)
    await check_feed_channel(engine, _channel_id(channel_id))
    return JSONResponse({"features": {"branding_required": False}})


def _channel_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no in-app feed channel with this id.") from None


def _read_filter(query: Query) -> FeedFilter:
    return FeedFilter(
        status=query.choice("status", FEED_STATUSES) or "all",
        archived=Archived(query.choice("archived", tuple(Archived)) or Archived.EXCLUDE),
        tenant=query.text("tenant"),
        has_tenant=query.boolean("has_tenant"),
        source=query.text("source"),
        categories=query.texts("workflow_categories"),
        trigger_data=query.data_filter("trigger_data"),
        inserted_at=query.bounds("inserted_at"),
    )


def _read_excluded(query: Query) -> list[list[str]]:
    text = query.text("exclude") or ""
    paths = [path.strip().split(".") for path in text.split(",") if path.strip()]
    if any(len(path) > _MAX_EXCLUDED_LEVELS for path in paths):
        raise InvalidParams.of("exclude", f"takes paths of at most {_MAX_EXCLUDED_LEVELS} levels")
    return paths
