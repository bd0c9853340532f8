"""Admin API, webhooks: endpoints that are told what happens, and the log of what they were told."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.admin.schemas.webhooks import (
    WebhookBodyOut,
    WebhookDeliveryBodyOut,
    WebhookDeliveryDetailBodyOut,
    WebhookDeliveryDetailOut,
    WebhookDeliveryOut,
    WebhookOut,
)
from api.kit.answers import CountOut, PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_TIME_AND_UUID, BY_UUID
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer, read_body, read_named
from api.kit.strings import known_uuid
from api.management.requests import (
    ENVIRONMENT_HELP,
    PAGE_HELP,
    read_environment,
    read_limit,
)
from domain.webhooks.deliveries import DeliveryFilters, RedeliveryRequest
from domain.webhooks.endpoints import KeyRotation, WebhookChange, WebhookRequest
from services.webhooks import endpoints, log

_LOG_HELP = {**ENVIRONMENT_HELP, **filter_parameters(DeliveryFilters, PAGE_HELP)}

router = APIRouter(prefix="/v1/admin/webhooks", tags=["Admin: webhooks"], responses=ERROR_RESPONSES)


@router.get(
    "",
    response_model=PlainEntriesOut[WebhookOut],
    openapi_extra=takes(query={**ENVIRONMENT_HELP, **PAGE_HELP}),
)
async def list_webhooks(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List the webhooks of an environment, newest first."""
    environment = await read_environment(engine, query)
    page = await endpoints.list_endpoints(engine, environment, read_limit(query, BY_UUID))
    return answer(PlainEntriesOut[WebhookOut].of(page, map(WebhookOut.of, page.rows)))


@router.post(
    "",
    response_model=WebhookBodyOut,
    responses=refusals({422: "too_many_webhooks"}),
    openapi_extra=takes(WebhookRequest, name="webhook", query=ENVIRONMENT_HELP),
)
async def create_webhook(
    request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Create a webhook. Its signing key is shown only in this answer."""
    wanted = await read_named(request, WebhookRequest, "webhook")
    environment = await read_environment(engine, query)
    made = await endpoints.create_endpoint(engine, environment, wanted)
    return answer(WebhookBodyOut(webhook=WebhookOut.of(made.row, made.signing_key)))


@router.get(
    "/{webhook_id}", response_model=WebhookBodyOut, openapi_extra=takes(query=ENVIRONMENT_HELP)
)
async def get_webhook(
    webhook_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Get one webhook."""
    environment = await read_environment(engine, query)
    found = await endpoints.get_endpoint(engine, environment, known_uuid(webhook_id))
    return answer(WebhookBodyOut(webhook=WebhookOut.of(found)))


@router.put(
    "/{webhook_id}",
    response_model=WebhookBodyOut,
    openapi_extra=takes(WebhookChange, name="webhook", query=ENVIRONMENT_HELP),
)
async def change_webhook(
    webhook_id: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Change a webhook, enable or disable it; what is left out stays unchanged."""
    change = await read_named(request, WebhookChange, "webhook")
    environment = await read_environment(engine, query)
    changed = await endpoints.change_endpoint(engine, environment, known_uuid(webhook_id), change)
    return answer(WebhookBodyOut(webhook=WebhookOut.of(changed)))


@router.delete("/{webhook_id}", status_code=204, openapi_extra=takes(query=ENVIRONMENT_HELP))
async def delete_webhook(
    webhook_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> Response:
    """Delete a webhook at once, with its secrets and its log."""
    environment = await read_environment(engine, query)
    await endpoints.delete_endpoint(engine, environment, known_uuid(webhook_id))
    return Response(status_code=204)


@router.post(
    "/{webhook_id}/rotate",
    response_model=WebhookBodyOut,
    openapi_extra=takes(KeyRotation, query=ENVIRONMENT_HELP),
)
async def rotate_webhook_key(
    webhook_id: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Create a new signing key, which is used at once or after a grace period."""
    wanted = await read_body(request, KeyRotation)
    environment = await read_environment(engine, query)
    made = await endpoints.rotate_key(
        engine, environment, known_uuid(webhook_id), timedelta(seconds=wanted.grace_seconds)
    )
    return answer(WebhookBodyOut(webhook=WebhookOut.of(made.row, made.signing_key)))


@router.post(
    "/{webhook_id}/test",
    response_model=WebhookDeliveryBodyOut,
    responses=refusals({422: "webhook_disabled"}),
    openapi_extra=takes(query=ENVIRONMENT_HELP),
)
async def send_webhook_test(
    webhook_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Send an event of type `webhook.test`, like any other."""
    environment = await read_environment(engine, query)
    made = await log.send_test(engine, environment, known_uuid(webhook_id))
    return answer(WebhookDeliveryBodyOut(delivery=WebhookDeliveryOut.of(made)))


@router.get(
    "/{webhook_id}/deliveries",
    response_model=PlainEntriesOut[WebhookDeliveryOut],
    openapi_extra=takes(query=_LOG_HELP),
)
async def list_webhook_deliveries(
    webhook_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List the deliveries of a webhook in the last thirty days, newest first."""
    environment = await read_environment(engine, query)
    page = await log.list_deliveries(
        engine,
        environment,
        known_uuid(webhook_id),
        *read_list(query, DeliveryFilters, BY_TIME_AND_UUID, page=read_limit),
    )
    return answer(
        PlainEntriesOut[WebhookDeliveryOut].of(page, map(WebhookDeliveryOut.of, page.rows))
    )


@router.get(
    "/{webhook_id}/deliveries/{delivery_id}",
    response_model=WebhookDeliveryDetailBodyOut,
    openapi_extra=takes(query=ENVIRONMENT_HELP),
)
async def get_webhook_delivery(
    webhook_id: str, delivery_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Get a delivery with what is sent, and with its requests, newest first."""
    environment = await read_environment(engine, query)
    found = await log.get_delivery(
        engine, environment, known_uuid(webhook_id), known_uuid(delivery_id)
    )
    return answer(WebhookDeliveryDetailBodyOut(delivery=WebhookDeliveryDetailOut.of_logged(found)))


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    response_model=WebhookDeliveryBodyOut,
    responses=refusals({422: "webhook_delivery_under_way"}),
    openapi_extra=takes(query=ENVIRONMENT_HELP),
)
async def redeliver_webhook_event(
    webhook_id: str, delivery_id: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Redeliver an event, with eight new attempts."""
    environment = await read_environment(engine, query)
    again = await log.deliver_again(
        engine, environment, known_uuid(webhook_id), known_uuid(delivery_id)
    )
    return answer(WebhookDeliveryBodyOut(delivery=WebhookDeliveryOut.of(again)))


@router.post(
    "/{webhook_id}/redeliver",
    response_model=CountOut,
    openapi_extra=takes(RedeliveryRequest, query=ENVIRONMENT_HELP),
)
async def redeliver_webhook_events(
    webhook_id: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Redeliver all events of a period that have failed, or all that were delivered."""
    wanted = await read_body(request, RedeliveryRequest)
    environment = await read_environment(engine, query)
    count = await log.deliver_many_again(engine, environment, known_uuid(webhook_id), wanted)
    return answer(CountOut(count=count))
