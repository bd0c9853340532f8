"""Bulk setting of preferences."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, SecretKey
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.rate_limits import secret_limit
from api.kit.shapes import read_body
from api.knock.bulk.answering import answer_bulk
from api.knock.bulk.schemas import BulkOperationOut
from domain.bulk.requests import BulkSetPreferencesIn
from services.bulk import preferences

router = APIRouter(prefix="/v1/users/bulk/preferences", tags=["Users"], responses=ERROR_RESPONSES)


def _add(method: str, name: str) -> None:
    @router.api_route(
        "",
        methods=[method],
        name=name,
        response_model=BulkOperationOut,
        dependencies=[secret_limit(1)],
        openapi_extra=takes(BulkSetPreferencesIn),
    )
    async def bulk_set_preferences(
        request: Request, principal: SecretKey, engine: EngineDep
    ) -> JSONResponse:
        """Set the same preference set for up to 1,000 users; unknown users are created.

        It replaces what is stored unless it asks to be merged.
        """
        given = await read_body(request, BulkSetPreferencesIn)
        view = await preferences.set_preferences(engine, principal.environment, given)
        return answer_bulk(request, view)


# Knock's documents and most SDKs post; its Python SDK once put.
_add("POST", "bulk_set_user_preferences")
_add("PUT", "bulk_put_user_preferences")
