"""Whose token this is, and what the account can do."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.kit.auth import ServiceToken
from api.kit.parameters import ERROR_RESPONSES
from api.kit.shapes import answer
from api.management.account.schemas import WhoamiOut

router = APIRouter(prefix="/v1/whoami", tags=["Account"], responses=ERROR_RESPONSES)


@router.get("", response_model=WhoamiOut)
async def whoami(token: ServiceToken) -> JSONResponse:
    """Tell whose token this is."""
    return answer(WhoamiOut(service_token_name=token.name))
