"""Destinations of reverse ETL tools, Census and Hightouch, by JSON-RPC."""

from __future__ import annotations

from typing import Any, Literal, Self

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, SecretKey
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.rate_limits import secret_limit
from api.kit.shapes import answer, read_body
from domain.audiences.destinations import RpcError, RpcIn
from domain.kit.answers import LeftOut, Out
from domain.kit.json_types import JsonObject
from services.audiences import destinations

router = APIRouter(prefix="/v1/integrations", tags=["Audiences"], responses=ERROR_RESPONSES)


class RpcErrorOut(Out):
    """Why a call was not done, with a code of JSON-RPC."""

    code: int
    message: str


class RpcOut(Out):
    """The answer to a call: its result, or its error."""

    id: str | int
    jsonrpc: Literal["2.0"] = "2.0"
    result: LeftOut[dict[str, Any]] = None
    error: LeftOut[RpcErrorOut] = None

    @classmethod
    def done(cls, call: RpcIn, result: JsonObject) -> Self:
        """Write a result."""
        return cls(id=call.id, result=result)

    @classmethod
    def refused(cls, call: RpcIn, error: RpcError) -> Self:
        """Write an error."""
        return cls(id=call.id, error=RpcErrorOut(code=error.code, message=error.message))


@router.post(
    "/census/custom-destination",
    response_model=RpcOut,
    dependencies=[secret_limit(3)],
    openapi_extra=takes(RpcIn),
)
async def call_census(request: Request, principal: SecretKey, engine: EngineDep) -> JSONResponse:
    """Serve Census as a custom destination that maintains static audiences.

    Its methods are `test_connection`, `list_objects`, `list_fields`, `supported_operations`,
    `get_sync_speed` and `sync_batch`. A call that fails is answered with 200 and an `error`.
    """
    call = await read_body(request, RpcIn)
    try:
        result = await destinations.call_census(engine, principal.environment, call)
    except RpcError as error:
        return answer(RpcOut.refused(call, error))
    return answer(RpcOut.done(call, result))


@router.post(
    "/hightouch/embedded-destination",
    response_model=RpcOut,
    dependencies=[secret_limit(3)],
    openapi_extra=takes(RpcIn),
)
async def call_hightouch(request: Request, principal: SecretKey, engine: EngineDep) -> JSONResponse:
    """Serve Hightouch as an embedded destination that maintains static audiences.

    Its methods are `test_connection`, `list_objects`, `list_modes`, `list_fields`, `list_options`,
    `validate`, `behavior`, `add` and `remove`. A call that fails is answered with 200 and an
    `error`. A missing audience is created.
    """
    call = await read_body(request, RpcIn)
    try:
        result = await destinations.call_hightouch(engine, principal.environment, call)
    except RpcError as error:
        return answer(RpcOut.refused(call, error))
    return answer(RpcOut.done(call, result))
