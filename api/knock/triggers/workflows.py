"""Workflows: trigger and cancel, and the older paths of both."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, SecretKey
from api.kit.bodies import read_large_object, read_object
from api.kit.idempotency import IDEMPOTENCY_HEADERS, read_claim, replay_headers
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.rate_limits import secret_limit
from api.kit.shapes import answer
from api.kit.strings import problem_of
from api.knock.triggers.schemas import NotifyCancelIn, NotifyIn, NotifyOut, TriggerOut
from domain.kit.errors import NotFound
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.triggers.requests import (
    CancelIn,
    TriggerIn,
    parse_cancel_request,
    parse_trigger_request,
)
from services.engine import Engine
from services.triggers import cancelling, triggering
from services.triggers.resolving import workflow_comes_first

router = APIRouter(prefix="/v1", tags=["Workflows"], responses=ERROR_RESPONSES)
_REFUSALS = {
    404: "workflow_missing",
    422: "workflow_inactive, workflow_schema_invalid, actor_missing",
}


@router.post(
    "/workflows/{key}/trigger",
    response_model=TriggerOut,
    responses=refusals({**_REFUSALS, 400: "idempotency_key_mismatch, idempotency_key_too_long"}),
    dependencies=[secret_limit(5)],
    openapi_extra=takes(TriggerIn, headers=IDEMPOTENCY_HEADERS),
)
async def trigger_workflow(
    key: str, request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Run a workflow for recipients. Honours `Idempotency-Key` for 24 hours.

    A 200 means that the trigger is stored and that its runs are certain to start.
    """
    body, key = await read_large_object(request, TriggerIn), _known_key(key)
    claim = read_claim(request, body.content)
    data = body.content.get("data")
    async with workflow_comes_first(engine, principal.environment, key, data=data, size=body.size):
        wanted = parse_trigger_request(key, body.content, size=body.size)
    accepted = await triggering.trigger(engine, principal.environment, wanted, claim)
    headers = dict(accepted.headers)
    if accepted.replayed_from is not None:
        headers = replay_headers(headers, accepted.replayed_from)
    return answer(TriggerOut.of(accepted), headers=headers)


@router.post(
    "/workflows/{key}/cancel",
    status_code=204,
    responses=refusals({404: "workflow_missing"}),
    dependencies=[secret_limit(5)],
    openapi_extra=takes(CancelIn),
)
async def cancel_workflow(
    key: str, request: Request, principal: SecretKey, engine: EngineDep
) -> Response:
    """Cancel the open runs of a cancellation key, or those of some recipients.

    Applies to every trigger that was accepted before, even if its runs have not started.
    """
    body, key = await read_object(request, CancelIn), _known_key(key)
    async with workflow_comes_first(engine, principal.environment, key, is_to_run=False):
        wanted = parse_cancel_request(key, body)
    await cancelling.cancel(engine, principal.environment, wanted)
    return Response(status_code=204)


@router.post(
    "/notify",
    response_model=NotifyOut,
    responses=refusals(_REFUSALS),
    dependencies=[secret_limit(3)],
    openapi_extra=takes(NotifyIn),
    deprecated=True,
)
async def notify(request: Request, principal: SecretKey, engine: EngineDep) -> JSONResponse:
    """Run a workflow: the older path, without idempotency."""
    body = await read_large_object(request, NotifyIn)
    async with _named_comes_first(engine, principal.environment, body.content):
        notice = NotifyIn.read(body.content)
        wanted = notice.request(_known_key(notice.name), size=body.size)
    return answer(NotifyOut.of(await triggering.trigger(engine, principal.environment, wanted)))


@router.post(
    "/notify/cancel",
    status_code=204,
    responses=refusals({404: "workflow_missing"}),
    dependencies=[secret_limit(3)],
    openapi_extra=takes(NotifyCancelIn),
    deprecated=True,
)
async def cancel_notify(request: Request, principal: SecretKey, engine: EngineDep) -> Response:
    """Cancel runs: the older path."""
    body = await read_object(request, NotifyCancelIn)
    async with _named_comes_first(engine, principal.environment, body, is_to_run=False):
        notice = NotifyCancelIn.read(body)
        wanted = notice.request(_known_key(notice.name))
    await cancelling.cancel(engine, principal.environment, wanted)
    return Response(status_code=204)


def _named_comes_first(
    engine: Engine, environment: EnvironmentScope, body: JsonObject, *, is_to_run: bool = True
) -> AbstractAsyncContextManager[None]:
    """Do what `workflow_comes_first` does for the workflow that a body names, if it names one."""
    name = body.get("name")
    if not isinstance(name, str) or not name:
        return nullcontext()
    return workflow_comes_first(engine, environment, _known_key(name), is_to_run=is_to_run)


def _known_key(key: str) -> str:
    """Refuse what cannot be a key before it reaches the database."""
    if len(key) > 255 or problem_of(key):
        raise NotFound("The workflow does not exist.", code="workflow_missing")
    return key
