"""Answers the bulk operation that a request has begun."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import JSONResponse

from api.kit.addresses import address_of_api
from api.kit.shapes import answer
from api.knock.bulk.schemas import BulkOperationOut
from services.bulk.accept import BulkView


def answer_bulk(
    request: Request, view: BulkView, *, environment: str | None = None
) -> JSONResponse:
    """Answer an operation, with the address at which the caller can ask for it."""
    address = address_of_api(request)
    return answer(BulkOperationOut.of(view, address=address, environment=environment))
