"""Whose token this is, and what the account can do."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES
from api.kit.shapes import answer
from api.management.account.schemas import FeaturesOut, WhoamiOut

router = APIRouter(prefix="/v1/whoami", tags=["Account"], responses=ERROR_RESPONSES)


@router.get("", response_model=WhoamiOut)
async def whoami(token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """Get the account and the scope of the token."""
    # For ever is 0 in the setting, and null in the answer.
    features = FeaturesOut(data_retention_days=engine.settings.retention_days or None)
    return answer(WhoamiOut(service_token_name=token.name, account_features=features))
