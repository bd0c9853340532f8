"""In-app feeds of users."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, FeedKey, check_tenant, tenants_of
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_TIME_AND_UUID
from api.kit.parameters import ERROR_RESPONSES, choice, takes
from api.kit.query_strings import Query, read_query
from api.kit.rate_limits import feed_limit
from api.kit.shapes import answer
from api.kit.strings import known_id, known_uuid
from api.knock.in_app.schemas import FeatureFlagsOut, FeedOut, FeedSettingsOut, without
from domain.kit.errors import InvalidParams
from domain.kit.violations import Violations
from domain.messages.filters import FeedFilters
from services.in_app import feeds

router = APIRouter(prefix="/v1/users/{user_id}/feeds", tags=["Feeds"], responses=ERROR_RESPONSES)
_MAX_EXCLUDED_LEVELS = 3
_MODES = ("rich", "compact")


@router.get(
    "/{channel_id}",
    response_model=FeedOut,
    dependencies=[feed_limit(2, per_user=True)],
    openapi_extra=takes(
        query={
            **filter_parameters(FeedFilters),
            "locale": "Language tag.",
            "mode": choice("Default: rich.", _MODES),
            "exclude": "Comma-separated paths of at most three levels, for example"
            " meta.total_count.",
        }
    ),
)
async def list_feed_items(
    user_id: str, channel_id: str, request: Request, principal: FeedKey, engine: EngineDep
) -> JSONResponse:
    """List a user's feed, newest first, with counts for badges."""
    query = await read_query(request)
    violations, within = Violations(), tenants_of(request, principal)
    wanted = violations.read(read_list, query, FeedFilters, BY_TIME_AND_UUID, within=within)
    excluded = violations.read(_excluded, query)
    violations.read(query.text, "locale", max_length=35)
    mode = violations.read(query.choice, "mode", _MODES)
    violations.raise_any()
    filters, page = wanted
    check_tenant(request, principal, filters.tenant)
    view = await feeds.load_feed(
        engine,
        principal.environment,
        _channel_id(channel_id),
        known_id(user_id),
        filters=filters,
        request=page,
        is_rich=mode != "compact",
    )
    feed = FeedOut.of(view)
    if excluded:
        return JSONResponse(without(feed.model_dump(mode="json"), excluded))
    return answer(feed)


@router.get("/{channel_id}/settings", response_model=FeedSettingsOut, dependencies=[feed_limit(4)])
async def get_feed_settings(
    user_id: str, channel_id: str, _: FeedKey, engine: EngineDep
) -> JSONResponse:
    """Get the settings of a feed; a self-hosted feed never has to show a vendor's branding."""
    known_id(user_id)
    await feeds.check_feed_channel(engine, _channel_id(channel_id))
    return answer(FeedSettingsOut(features=FeatureFlagsOut(branding_required=False)))


def _excluded(query: Query) -> list[list[str]]:
    listed = (query.text("exclude") or "").split(",")
    excluded = [path.strip().split(".") for path in listed if path.strip()]
    if any(len(path) > _MAX_EXCLUDED_LEVELS for path in excluded):
        raise InvalidParams.of("exclude", f"takes paths of at most {_MAX_EXCLUDED_LEVELS} levels")
    return excluded


def _channel_id(text: str) -> UUID:
    return known_uuid(text, "There is no in-app feed channel with this id.")
