"""Where vendors tell what became of messages: an address for each channel and environment."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.addresses import address_of_api
from api.kit.auth import EngineDep
from api.kit.bodies import read_raw
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.shapes import answer
from domain.deliveries.reports import Callback
from domain.kit.answers import Out
from domain.kit.shapes import Shape
from services.deliveries import reports

router = APIRouter(prefix=reports.CALLBACKS_PATH, tags=["Messages"], responses=ERROR_RESPONSES)


class AnyCallbackIn(Shape):
    """An event as the vendor writes it, a list of them, or a form."""


class TakenOut(Out):
    """How many messages have another status now; a repetition changes none."""

    updated: int


@router.post(
    "/{callback_id}",
    response_model=TakenOut,
    responses=refusals({401: "signature_invalid", 404: "resource_missing"}),
    openapi_extra=takes(AnyCallbackIn),
)
async def take_callback(callback_id: str, request: Request, engine: EngineDep) -> JSONResponse:
    """Accept a vendor's report about messages: delivered, bounced or failed.

    The address is that of `GET /v1/admin/channels/{key}/environments/{slug}/callback`.
    """
    query = f"?{request.url.query}" if request.url.query else ""
    url = f"{address_of_api(request)}{request.url.path}{query}"
    callback = Callback(await read_raw(request), dict(request.headers), url)
    return answer(TakenOut(updated=await reports.take_callback(engine, callback_id, callback)))
