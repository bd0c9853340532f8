"""Schedules: create, update, delete, and list those of a workflow."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.answers import EntriesOut
from api.kit.auth import EngineDep, SecretKey
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_UUID
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import secret_limit
from api.kit.shapes import answer, read_body, read_large_body
from api.knock.schedules.schemas import ScheduleOut
from domain.schedules.filters import ScheduleFilters
from domain.schedules.requests import (
    CreateSchedulesIn,
    DeleteSchedulesIn,
    UpdateSchedulesIn,
    new_schedules,
    schedule_changes,
)
from services.triggers import schedules

router = APIRouter(prefix="/v1/schedules", tags=["Schedules"], responses=ERROR_RESPONSES)


@router.get(
    "",
    response_model=EntriesOut[ScheduleOut],
    dependencies=[secret_limit(4)],
    openapi_extra=takes(query=filter_parameters(ScheduleFilters)),
)
async def list_schedules(principal: SecretKey, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List the schedules of a workflow, newest first."""
    wanted, request = read_list(query, ScheduleFilters, BY_UUID)
    page = await schedules.list_schedules(engine, principal.environment, wanted, request)
    return answer(EntriesOut[ScheduleOut].of(page, map(ScheduleOut.of, page.rows)))


@router.post(
    "",
    response_model=list[ScheduleOut],
    responses=refusals({404: "workflow_missing", 422: "actor_missing"}),
    dependencies=[secret_limit(3)],
    openapi_extra=takes(CreateSchedulesIn),
)
async def create_schedules(
    request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Create a schedule for each of up to 100 recipients; inline ones are identified first.

    A recipient that is only named must have been identified before.
    """
    given = await read_large_body(request, CreateSchedulesIn)
    wanted = new_schedules(given)
    made = await schedules.create_schedules(engine, principal.environment, wanted)
    return answer([ScheduleOut.of(one) for one in made])


@router.put(
    "",
    response_model=list[ScheduleOut],
    responses=refusals({422: "actor_missing"}),
    dependencies=[secret_limit(3)],
    openapi_extra=takes(UpdateSchedulesIn),
)
async def update_schedules(
    request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Change up to 100 schedules in the same way; returns those that exist.

    Members that are left out stay unchanged, null removes them: without repeats a schedule occurs
    once.
    """
    given = await read_large_body(request, UpdateSchedulesIn)
    changes = schedule_changes(given)
    changed = await schedules.update_schedules(engine, principal.environment, changes)
    return answer([ScheduleOut.of(one) for one in changed])


@router.delete(
    "",
    response_model=list[ScheduleOut],
    dependencies=[secret_limit(3)],
    openapi_extra=takes(DeleteSchedulesIn),
)
async def delete_schedules(
    request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Delete up to 100 schedules; returns those that existed. Runs that they made continue."""
    given = await read_body(request, DeleteSchedulesIn)
    deleted = await schedules.delete_schedules(engine, principal.environment, given.known_ids())
    return answer([ScheduleOut.of(one) for one in deleted])
