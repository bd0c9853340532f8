"""Where sources send their events to: an address for each environment, which nobody can guess."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep
from api.kit.bodies import read_signed
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.shapes import answer
from api.kit.strings import known_id
from domain.kit.answers import Out
from domain.kit.shapes import Shape
from services.sources import receiving

router = APIRouter(prefix="/v1/integrations/receive", tags=["Sources"], responses=ERROR_RESPONSES)


class AnyEventIn(Shape):
    """An event as the source writes it."""


class ReceivedOut(Out):
    """The event was taken; `duplicate` says that one with its key was taken before."""

    id: UUID
    status: Literal["accepted", "duplicate"]


@router.post(
    "/{endpoint_id}",
    response_model=ReceivedOut,
    responses=refusals({401: "signature_invalid", 404: "resource_missing"}),
    openapi_extra=takes(AnyEventIn),
)
async def receive_event(endpoint_id: str, request: Request, engine: EngineDep) -> JSONResponse:
    """Accept an event of a source: it is stored, then answered; its actions follow."""
    raw, body = await read_signed(request)
    received = await receiving.receive(
        engine, known_id(endpoint_id), raw=raw, body=body, headers=dict(request.headers)
    )
    status: Literal["accepted", "duplicate"] = "accepted" if received.is_new else "duplicate"
    return answer(ReceivedOut(id=received.event_id, status=status))
