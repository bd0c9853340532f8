"""Whether this process lives, and whether it can serve."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.auth import PlatformDep
from runtime.platform import Platform

router = APIRouter(include_in_schema=False)
_PATIENCE = timedelta(seconds=1)


@router.get("/health")
async def health() -> JSONResponse:
    """Answer as long as the process lives."""
    return JSONResponse({"status": "ok"})


@router.get("/ready")
async def ready(platform: PlatformDep) -> JSONResponse:
    """Answer 200 when the database can be reached; Temporal is reported but not needed."""
    database, temporal = await asyncio.gather(
        platform.database.is_ready(), _temporal_answers(platform)
    )
    body = {"status": "ok" if database else "unavailable"}
    parts = {"database": _word(database), "temporal": _word(temporal)}
    return JSONResponse({**body, **parts}, status_code=200 if database else 503)


async def _temporal_answers(platform: Platform) -> bool:
    try:
        return await platform.temporal.service_client.check_health(timeout=_PATIENCE)
    except Exception:
        return False


def _word(is_reachable: bool) -> str:
    return "reachable" if is_reachable else "away"
