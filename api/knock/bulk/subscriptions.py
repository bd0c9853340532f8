"""Bulk operations over the subscriptions to objects."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, SecretKey
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.rate_limits import secret_limit
from api.kit.shapes import read_large_body
from api.knock.bulk.answering import answer_bulk
from api.knock.bulk.schemas import BulkOperationOut
from api.knock.recipients.paths import known_collection
from domain.bulk.requests import BulkSubscribeIn, BulkUnsubscribeIn
from services.bulk import subscriptions

router = APIRouter(
    prefix="/v1/objects/{collection}/bulk/subscriptions",
    tags=["Objects"],
    responses=ERROR_RESPONSES,
)


@router.post(
    "/add",
    response_model=BulkOperationOut,
    dependencies=[secret_limit(1)],
    openapi_extra=takes(BulkSubscribeIn),
)
async def bulk_add_subscriptions(
    collection: str, request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Subscribe recipients to up to 1,000 objects, each as if by its own request.

    Invalid recipients, and recipients that were never identified, are reported as the failure of
    their object; the object's other recipients are subscribed.
    """
    given = await read_large_body(request, BulkSubscribeIn)
    view = await subscriptions.add_subscriptions(
        engine, principal.environment, known_collection(collection), given
    )
    return answer_bulk(request, view)


@router.post(
    "/delete",
    response_model=BulkOperationOut,
    dependencies=[secret_limit(1)],
    openapi_extra=takes(BulkUnsubscribeIn),
)
async def bulk_delete_subscriptions(
    collection: str, request: Request, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """End subscriptions to up to 1,000 objects; missing ones are ignored."""
    given = await read_large_body(request, BulkUnsubscribeIn)
    view = await subscriptions.end_subscriptions(
        engine, principal.environment, known_collection(collection), given
    )
    return answer_bulk(request, view)
