"""Admin API, environments: made, named and removed, which Knock offers only in its dashboard."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.admin.schemas.environments import EnvironmentBodyOut, NewEnvironmentOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.shapes import answer, read_named
from api.kit.strings import known_id
from domain.account.environments import (
    EnvironmentBodyIn,
    EnvironmentChangeBodyIn,
    EnvironmentChangeIn,
    EnvironmentIn,
)
from services.account import chain

router = APIRouter(
    prefix="/v1/admin/environments", tags=["Admin: account"], responses=ERROR_RESPONSES
)


@router.post(
    "",
    response_model=NewEnvironmentOut,
    responses=refusals({422: "too_many_environments, environments_missing"}),
    openapi_extra=takes(EnvironmentBodyIn, name="environment"),
)
async def add_environment(
    request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Create an environment, by default directly before the last one of the chain.

    It starts with what is published in the one before it, and with keys whose tokens are shown only
    in this answer. Channels, values of variables, default preferences and data are
    for you to add.
    """
    wanted = await read_named(request, EnvironmentIn, "environment", may_be_empty=False)
    return answer(NewEnvironmentOut.of(await chain.add_environment(engine, wanted)))


@router.put(
    "/{slug}",
    response_model=EnvironmentBodyOut,
    openapi_extra=takes(EnvironmentChangeBodyIn, name="environment"),
)
async def change_environment(
    slug: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Rename an environment. Its slug and its place do not change, as with Knock."""
    wanted = await read_named(request, EnvironmentChangeIn, "environment", may_be_empty=False)
    changed = await chain.change_environment(engine, known_id(slug), wanted)
    return answer(EnvironmentBodyOut.of(changed))


@router.delete("/{slug}", status_code=204, responses=refusals({422: "environment_not_removable"}))
async def remove_environment(slug: str, _token: ServiceToken, engine: EngineDep) -> Response:
    """Remove an environment with all its data, permanently, unless it is the first or the last.

    Its keys stop working with this answer. Runs, schedules and broadcasts end, and data is deleted,
    within seconds or, if there is much, minutes; the slug is free about a quarter of an hour later.
    """
    await chain.remove_environment(engine, known_id(slug))
    return Response(status_code=204)
