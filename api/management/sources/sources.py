"""Sources: list, get, upsert, what they have sent, and trying an event out."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.addresses import address_of_api
from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_TIME_AND_ID
from api.kit.parameters import ERROR_RESPONSES, choices, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id, new_id_of
from api.management.requests import ENVIRONMENT_HELP, PAGE_HELP, read_environment, read_limit
from api.management.sources.schemas import (
    KnownEventsOut,
    RehearsalOut,
    SourceBodyOut,
    SourceLogOut,
    SourceOut,
    SourcesOut,
    SourceStatusOut,
)
from domain.sources.requests import RehearsalIn, SourceBodyIn
from domain.sources.rows import LogFilters
from services.sources import acting, receiving, sources

router = APIRouter(prefix="/v1/sources", tags=["Sources"], responses=ERROR_RESPONSES)

_SETTINGS = ("environment_settings",)


@router.get(
    "",
    response_model=SourcesOut,
    openapi_extra=takes(
        query={**ENVIRONMENT_HELP, "include[]": choices("What to add to each.", _SETTINGS)}
    ),
)
async def list_sources(
    request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List sources by key."""
    included = query.texts("include", choices=_SETTINGS)
    await read_environment(engine, query)
    origin = address_of_api(request) if included else None
    found = await sources.list_sources(engine)
    return answer(SourcesOut.of(found, origin))


@router.get("/{key}", response_model=SourceOut, openapi_extra=takes(query=ENVIRONMENT_HELP))
async def get_source(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Get a source with its address and settings in every environment."""
    await read_environment(engine, query)
    view = await sources.get_source(engine, known_id(key))
    return answer(SourceOut.of(view, address_of_api(request)))


@router.put(
    "/{key}",
    response_model=SourceBodyOut,
    openapi_extra=takes(SourceBodyIn, query=ENVIRONMENT_HELP),
)
async def upsert_source(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Create a source or change it; takes effect at once, in every environment named."""
    wanted = await read_body(request, SourceBodyIn)
    await read_environment(engine, query)
    view = await sources.put_source(engine, new_id_of(key, field="key"), wanted.source)
    return answer(SourceBodyOut(source=SourceOut.of(view, address_of_api(request))))


@router.get(
    "/{key}/events", response_model=KnownEventsOut, openapi_extra=takes(query=ENVIRONMENT_HELP)
)
async def list_source_events(
    key: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the names of the events that a source has sent."""
    environment = await read_environment(engine, query)
    found = await sources.list_known_events(engine, environment, known_id(key))
    return answer(KnownEventsOut.of(found))


@router.get(
    "/{key}/logs",
    response_model=PlainEntriesOut[SourceLogOut],
    openapi_extra=takes(query={**ENVIRONMENT_HELP, **filter_parameters(LogFilters, PAGE_HELP)}),
)
async def list_source_logs(
    key: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the events that a source has sent, newest first; kept for 30 days."""
    environment = await read_environment(engine, query)
    filters, page = read_list(query, LogFilters, BY_TIME_AND_ID, page=read_limit)
    found = await sources.list_logs(engine, environment, known_id(key), filters, page)
    return answer(PlainEntriesOut[SourceLogOut].of(found, map(SourceLogOut.of, found.rows)))


@router.get(
    "/{key}/status", response_model=SourceStatusOut, openapi_extra=takes(query=ENVIRONMENT_HELP)
)
async def get_source_status(
    key: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Count the events that a source has sent in the last 30 days."""
    environment = await read_environment(engine, query)
    figures, mappings = await sources.get_status(engine, environment, known_id(key))
    return answer(SourceStatusOut.of(figures, mappings))


@router.post(
    "/{key}/rehearse",
    response_model=RehearsalOut,
    openapi_extra=takes(RehearsalIn, query=ENVIRONMENT_HELP),
)
async def rehearse_source(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Process an event as if the source had sent it, and return the results of its actions."""
    wanted = await read_body(request, RehearsalIn)
    environment = await read_environment(engine, query)
    event = await receiving.rehearse(engine, environment, known_id(key), wanted.payload)
    taken = await acting.take_event(engine, environment, event.id)
    return answer(RehearsalOut.of(event.id, taken))
