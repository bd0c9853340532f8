"""Admin API, schedules: look at one, pause it, and resume it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.admin.schemas.schedules import ScheduleStateBodyOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer
from api.kit.strings import known_uuid
from api.management.requests import ENVIRONMENT_HELP, read_environment
from services.schedules import pauses

router = APIRouter(
    prefix="/v1/admin/schedules", tags=["Admin: schedules"], responses=ERROR_RESPONSES
)
_QUERY = takes(query=ENVIRONMENT_HELP)


@router.get("/{schedule_id}", response_model=ScheduleStateBodyOut, openapi_extra=_QUERY)
async def get_schedule(
    schedule_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Get when a schedule occurs, since when it is paused, and what it last dropped."""
    environment = await read_environment(engine, query)
    found = await pauses.get_schedule(engine, environment, known_uuid(schedule_id))
    return answer(ScheduleStateBodyOut.of(found))


@router.put("/{schedule_id}/pause", response_model=ScheduleStateBodyOut, openapi_extra=_QUERY)
async def pause_schedule(
    schedule_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Pause a schedule until it is resumed."""
    environment = await read_environment(engine, query)
    paused = await pauses.pause_schedule(engine, environment, known_uuid(schedule_id))
    return answer(ScheduleStateBodyOut.of(paused))


@router.put("/{schedule_id}/resume", response_model=ScheduleStateBodyOut, openapi_extra=_QUERY)
async def resume_schedule(
    schedule_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Resume a schedule from now on; occurrences during the pause are not made up for."""
    environment = await read_environment(engine, query)
    resumed = await pauses.resume_schedule(engine, environment, known_uuid(schedule_id))
    return answer(ScheduleStateBodyOut.of(resumed))
