"""The preference center of an environment: get, upsert, reset."""

from __future__ import annotations

from typing import Any, Self

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer, read_body
from api.management.requests import ENVIRONMENT_HELP, read_environment
from domain.kit.answers import Out
from domain.preferences.center import CenterIn, PreferenceCenter
from services.preferences import centers

router = APIRouter(prefix="/v1/preference_center", tags=["Preferences"], responses=ERROR_RESPONSES)


class PreferenceCenterOut(Out):
    """What the hosted page of an environment shows, and whether it shows all of it."""

    config: dict[str, Any]
    enabled: bool

    @classmethod
    def of(cls, center: PreferenceCenter) -> Self:
        """Write a preference center."""
        return cls(config=center.config, enabled=center.enabled)


@router.get("", response_model=PreferenceCenterOut, openapi_extra=takes(query=ENVIRONMENT_HELP))
async def get_preference_center(
    _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Get the preference center of an environment; by default the built-in one."""
    environment = await read_environment(engine, query)
    return answer(PreferenceCenterOut.of(await centers.get_center(engine, environment)))


@router.put(
    "", response_model=PreferenceCenterOut, openapi_extra=takes(CenterIn, query=ENVIRONMENT_HELP)
)
async def upsert_preference_center(
    request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Set what the hosted page of an environment shows; takes effect at once.

    The row about commercial messages is always shown: if left out, it is added with the built-in
    text.
    """
    wanted = await read_body(request, CenterIn)
    environment = await read_environment(engine, query)
    return answer(PreferenceCenterOut.of(await centers.put_center(engine, environment, wanted)))


@router.put(
    "/reset", response_model=PreferenceCenterOut, openapi_extra=takes(query=ENVIRONMENT_HELP)
)
async def reset_preference_center(
    _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Restore the built-in texts and rows; whether it is enabled does not change."""
    environment = await read_environment(engine, query)
    return answer(PreferenceCenterOut.of(await centers.reset_center(engine, environment)))
