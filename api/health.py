"""Whether this process lives, and whether it can serve."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep
from services.engine import Engine

router = APIRouter(include_in_schema=False)
_PATIENCE = timedelta(seconds=1)


@router.get("/health")
async def health() -> JSONResponse:
    """Answer as long as the process lives."""
    return JSONResponse({"status": "ok"})


@router.get("/ready")
async def ready(engine: EngineDep) -> JSONResponse:
    """Answer 200 when the database takes writes; Temporal is reported but not needed."""
    trouble, temporal = await asyncio.gather(engine.database.trouble(), _temporal_answers(engine))
    body = {
        "status": "unavailable" if trouble else "ok",
        "database": trouble or "reachable",
        "temporal": "reachable" if temporal else "away",
    }
    return JSONResponse(body, status_code=503 if trouble else 200)


async def _temporal_answers(engine: Engine) -> bool:
    try:
        return await engine.temporal.service_client.check_health(timeout=_PATIENCE)
    except Exception:
        return False
