"""Admin API, default preferences: things that Knock offers only in its dashboard."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.admin.schemas.preferences import PreferenceSetBodyOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.shapes import answer, read_named
from api.kit.strings import known_id
from domain.preferences.requests import PreferenceSetIn
from services.account.environments import get_scope
from services.preferences import defaults

router = APIRouter(
    prefix="/v1/admin/environments/{slug}/preference_set",
    tags=["Admin: preferences"],
    responses=ERROR_RESPONSES,
)


@router.get("", response_model=PreferenceSetBodyOut)
async def get_default_preference_set(
    slug: str, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Get the default preferences of an environment."""
    environment = await get_scope(engine, known_id(slug))
    return answer(PreferenceSetBodyOut.of(await defaults.get_default_set(engine, environment)))


@router.put(
    "",
    response_model=PreferenceSetBodyOut,
    openapi_extra=takes(PreferenceSetIn, name="preference_set"),
)
async def put_default_preference_set(
    slug: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Set the default preferences of an environment; takes effect at once.

    They replace the existing ones unless `__persistence_strategy__` asks to merge them.
    """
    given = await read_named(request, PreferenceSetIn, "preference_set")
    environment = await get_scope(engine, known_id(slug))
    stored = await defaults.put_default_set(engine, environment, given)
    return answer(PreferenceSetBodyOut.of(stored))


@router.delete("", status_code=204)
async def delete_default_preference_set(
    slug: str, _token: ServiceToken, engine: EngineDep
) -> Response:
    """Delete the default preferences of an environment."""
    environment = await get_scope(engine, known_id(slug))
    await defaults.delete_default_set(engine, environment)
    return Response(status_code=204)
