"""Broadcasts: list, get, upsert, validate, send, cancel."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_TIME_AND_ID
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import Query, QueryDep
from api.kit.shapes import LeftOut, Moment, Out, PlainEntriesOut, answer, read_body
from api.kit.strings import known_id, new_id_of
from api.management.content.annotations import ANNOTATION, annotated, wants_annotations
from api.management.content.resource import ANNOTATE_HELP
from api.management.requests import ENVIRONMENT_HELP, PAGE_HELP, read_environment, read_limit
from domain.broadcasts.broadcast import BROADCAST, BroadcastSettings, BroadcastShape, BroadcastStep
from domain.broadcasts.rows import BroadcastStatus, SendIn
from domain.kit.json_types import JsonObject
from domain.kit.shapes import DocumentedAs, Shape
from services.broadcasts import broadcasts
from services.broadcasts.broadcasts import BroadcastView
from services.broadcasts.sending import cancel_broadcast as cancel
from services.broadcasts.sending import send_broadcast as send

router = APIRouter(prefix="/v1/broadcasts", tags=["Broadcasts"], responses=ERROR_RESPONSES)


class BroadcastOut(Out):
    """A broadcast as it is read."""

    key: str
    environment: str
    name: Annotated[Any, DocumentedAs(str)]
    description: LeftOut[Annotated[Any, DocumentedAs(str)]] = None
    categories: Annotated[Any, DocumentedAs(list[str])]
    settings: Annotated[Any, DocumentedAs(BroadcastSettings)]
    target_audience_key: LeftOut[Annotated[Any, DocumentedAs(str)]] = None
    goal_attachment: Annotated[Any, DocumentedAs(dict[str, Any] | None)]
    steps: Annotated[Any, DocumentedAs(list[BroadcastStep])]
    status: BroadcastStatus
    valid: bool = Field(description="Whether everything that it refers to exists.")
    sha: str = Field(description="Hash of the content.")
    scheduled_at: Moment | None
    sent_at: Moment | None
    archived_at: Moment | None = None
    created_at: Moment
    updated_at: Moment
    annotation: LeftOut[Annotated[Any, DocumentedAs(dict[str, Any])]] = Field(
        None, alias=ANNOTATION, description="For Knock's CLI."
    )

    @classmethod
    def of(cls, view: BroadcastView, content: JsonObject) -> Self:
        """Write a view; `content` is its content, perhaps annotated."""
        return cls(
            key=view.key,
            environment=view.environment,
            name=content.get("name"),
            description=content.get("description"),
            categories=content.get("categories"),
            settings=content.get("settings"),
            target_audience_key=content.get("target_audience_key"),
            goal_attachment=content.get("goal_attachment"),
            steps=content.get("steps"),
            status=view.status,
            valid=view.valid,
            sha=view.sha,
            scheduled_at=view.scheduled_at,
            sent_at=view.sent_at,
            created_at=view.created_at,
            updated_at=view.updated_at,
            annotation=content.get(ANNOTATION),
        )


class BroadcastBody(Shape):
    """A broadcast under its name."""

    broadcast: Annotated[Any, DocumentedAs(BroadcastShape)]


class BroadcastBodyOut(Out):
    """A broadcast under its name."""

    broadcast: BroadcastOut


_READ_ONLY = [
    name
    for name in BroadcastOut.model_fields
    if name not in BroadcastShape.model_fields and name != "annotation"
]
_HELP = {**ENVIRONMENT_HELP, **ANNOTATE_HELP}


def _out(view: BroadcastView, request: Request, query: Query) -> BroadcastOut:
    content = view.content
    if wants_annotations(request, query):
        content = annotated(content, BROADCAST.files(view.document), _READ_ONLY)
    return BroadcastOut.of(view, content)


def _wrapped(view: BroadcastView, request: Request, query: Query) -> JSONResponse:
    return answer(BroadcastBodyOut(broadcast=_out(view, request, query)))


@router.get(
    "",
    response_model=PlainEntriesOut[BroadcastOut],
    openapi_extra=takes(query={**_HELP, **PAGE_HELP}),
)
async def list_broadcasts(
    request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the broadcasts of an environment, newest first."""
    page_request = read_limit(query, BY_TIME_AND_ID)
    environment = await read_environment(engine, query)
    page = await broadcasts.list_broadcasts(engine, environment, page_request)
    entries = [_out(view, request, query) for view in page.rows]
    return answer(PlainEntriesOut[BroadcastOut].of(page, entries))


@router.get("/{key}", response_model=BroadcastOut, openapi_extra=takes(query=_HELP))
async def get_broadcast(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Get one broadcast."""
    environment = await read_environment(engine, query)
    view = await broadcasts.get_broadcast(engine, environment, known_id(key))
    return answer(_out(view, request, query))


@router.put(
    "/{key}",
    response_model=BroadcastBodyOut,
    responses=refusals({422: "broadcast_not_draft"}),
    openapi_extra=takes(BroadcastBody, query=_HELP),
)
async def upsert_broadcast(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Create or replace a draft. One that is scheduled has to be cancelled first."""
    body = await read_body(request, BroadcastBody)
    environment = await read_environment(engine, query)
    view = await broadcasts.upsert_broadcast(
        engine, environment, new_id_of(key, field="key"), body.broadcast
    )
    return _wrapped(view, request, query)


@router.put(
    "/{key}/validate",
    response_model=BroadcastBodyOut,
    openapi_extra=takes(BroadcastBody, query=_HELP),
)
async def validate_broadcast(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Judge one broadcast without saving it."""
    body = await read_body(request, BroadcastBody)
    environment = await read_environment(engine, query)
    view = await broadcasts.validate_broadcast(
        engine, environment, new_id_of(key, field="key"), body.broadcast
    )
    return _wrapped(view, request, query)


@router.put(
    "/{key}/send",
    response_model=BroadcastBodyOut,
    responses=refusals({422: "broadcast_not_draft"}),
    openapi_extra=takes(SendIn, query=_HELP),
)
async def send_broadcast(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Send a draft to its audience, at once or at an instant."""
    body = await read_body(request, SendIn)
    environment = await read_environment(engine, query)
    view = await send(engine, environment, known_id(key), body.send_at)
    return _wrapped(view, request, query)


@router.put(
    "/{key}/cancel",
    response_model=BroadcastBodyOut,
    responses=refusals({422: "broadcast_not_scheduled"}),
    openapi_extra=takes(query=_HELP),
)
async def cancel_broadcast(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Make a scheduled broadcast a draft again; stop one that is being sent, which stays sent."""
    environment = await read_environment(engine, query)
    view = await cancel(engine, environment, known_id(key))
    return _wrapped(view, request, query)
