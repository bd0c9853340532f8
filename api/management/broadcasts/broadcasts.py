"""Broadcasts: list, get, upsert, validate, send, cancel."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_TIME_AND_ID
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import Query, QueryDep
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id, new_id_of
from api.management.content.annotations import wants_annotations
from api.management.content.resource import ANNOTATE_HELP, ContentOut, ContentShapes
from api.management.requests import ENVIRONMENT_HELP, PAGE_HELP, read_environment, read_limit
from domain.broadcasts.broadcast import BROADCAST, BroadcastSettings, BroadcastStep
from domain.broadcasts.rows import BroadcastStatus, SendIn
from domain.kit.answers import LeftOut, Moment
from domain.kit.json_types import JsonValue
from domain.kit.shapes import DocumentedAs
from domain.kit.violations import Violations
from services.broadcasts import broadcasts
from services.broadcasts.broadcasts import BroadcastView
from services.broadcasts.sending import cancel_broadcast as cancel
from services.broadcasts.sending import send_broadcast as send

router = APIRouter(prefix="/v1/broadcasts", tags=["Broadcasts"], responses=ERROR_RESPONSES)


class BroadcastOut(ContentOut):
    """A broadcast as it is read."""

    name: Annotated[Any, DocumentedAs(str)]
    description: LeftOut[Annotated[Any, DocumentedAs(str)]] = None
    categories: Annotated[Any, DocumentedAs(list[str])]
    settings: Annotated[Any, DocumentedAs(BroadcastSettings)]
    target_audience_key: LeftOut[Annotated[Any, DocumentedAs(str)]] = None
    goal_attachment: Annotated[Any, DocumentedAs(dict[str, Any] | None)]
    steps: Annotated[Any, DocumentedAs(list[BroadcastStep])]
    status: BroadcastStatus
    valid: bool = Field(description="Whether everything that it refers to exists.")
    scheduled_at: Moment | None
    sent_at: Moment | None
    archived_at: Moment | None = None

    @classmethod
    def beside(cls, view: BroadcastView) -> dict[str, Any]:
        """Return how far it is, when it is or was sent, and whether it is valid."""
        return {
            "status": view.status,
            "valid": view.valid,
            "scheduled_at": view.scheduled_at,
            "sent_at": view.sent_at,
        }


_shapes = ContentShapes(BROADCAST, BroadcastOut)
_HELP = {**ENVIRONMENT_HELP, **ANNOTATE_HELP}


@router.get(
    "",
    response_model=_shapes.page,
    openapi_extra=takes(query={**_HELP, **PAGE_HELP}),
)
async def list_broadcasts(
    request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the broadcasts of an environment, newest first."""
    violations = Violations()
    page_request = violations.read(read_limit, query, BY_TIME_AND_ID)
    violations.read(wants_annotations, request, query)
    violations.raise_any()
    environment = await read_environment(engine, query)
    page = await broadcasts.list_broadcasts(engine, environment, page_request)
    return _shapes.listed(page, request, query)


@router.get("/{key}", response_model=BroadcastOut, openapi_extra=takes(query=_HELP))
async def get_broadcast(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Get one broadcast."""
    environment = await read_environment(engine, query)
    view = await broadcasts.get_broadcast(engine, environment, known_id(key))
    return answer(_shapes.out(view, request, query))


@router.put(
    "/{key}",
    response_model=_shapes.body_out,
    responses=refusals({422: "broadcast_not_draft"}),
    openapi_extra=takes(_shapes.body, query=_HELP),
)
async def upsert_broadcast(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Create or replace a draft. A scheduled one must be cancelled first."""
    new_key, document = await _read(key, request, query)
    environment = await read_environment(engine, query)
    view = await broadcasts.upsert_broadcast(engine, environment, new_key, document)
    return _shapes.wrapped(view, request, query)


@router.put(
    "/{key}/validate",
    response_model=_shapes.body_out,
    responses=refusals({422: "broadcast_has_audience"}),
    openapi_extra=takes(_shapes.body, query=_HELP),
)
async def validate_broadcast(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Judge one broadcast without saving it."""
    new_key, document = await _read(key, request, query)
    environment = await read_environment(engine, query)
    view = await broadcasts.validate_broadcast(engine, environment, new_key, document)
    return _shapes.wrapped(view, request, query)


@router.put(
    "/{key}/send",
    response_model=_shapes.body_out,
    responses=refusals(
        {422: "broadcast_not_draft, broadcast_has_audience, broadcast_recipients_not_read"}
    ),
    openapi_extra=takes(SendIn, query=_HELP),
)
async def send_broadcast(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Send a draft to its audience, or to the users in a file, at once or at a given time."""
    violations = Violations()
    body = await violations.wait_for(read_body(request, SendIn))
    violations.read(wants_annotations, request, query)
    violations.raise_any()
    environment = await read_environment(engine, query)
    view = await send(engine, environment, known_id(key), body.send_at)
    return _shapes.wrapped(view, request, query)


@router.put(
    "/{key}/cancel",
    response_model=_shapes.body_out,
    responses=refusals({422: "broadcast_not_scheduled"}),
    openapi_extra=takes(query=_HELP),
)
async def cancel_broadcast(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Make a scheduled broadcast a draft again; stop one that is being sent, which stays sent."""
    wants_annotations(request, query)  # before anything is done
    environment = await read_environment(engine, query)
    view = await cancel(engine, environment, known_id(key))
    return _shapes.wrapped(view, request, query)


async def _read(key: str, request: Request, query: Query) -> tuple[str, JsonValue]:
    """Read the key and the document of a broadcast that is written. Raises InvalidParams."""
    violations = Violations()
    new_key = violations.read(new_id_of, key, field="key")
    document = await violations.wait_for(_shapes.read(request, query))
    violations.raise_any()
    return new_key, document
