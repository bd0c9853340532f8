"""Whether this process lives, and whether it can serve."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import cast

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep
from services.engine import Engine

router = APIRouter(include_in_schema=False)
_PATIENCE = timedelta(seconds=1)
_GOOD_FOR_SECONDS = 1.0


class Readiness:
    """What a process sees of its servers: whoever asks within a second shares one look.

    Anybody may ask, and a look takes a connection, and has the database write.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._look: asyncio.Task[tuple[str | None, bool]] | None = None
        self._good_until = -math.inf

    async def look(self, engine: Engine) -> tuple[str | None, bool]:
        """Return what keeps the database from serving, and whether Temporal answers."""
        if self._look is None or (self._look.done() and self._now() >= self._good_until):
            self._look = asyncio.create_task(self._look_anew(engine))
        # Whoever does not wait for it leaves it to the others.
        return await asyncio.shield(self._look)

    async def _look_anew(self, engine: Engine) -> tuple[str | None, bool]:
        trouble, temporal = await asyncio.gather(
            engine.database.trouble(), _temporal_answers(engine)
        )
        self._good_until = self._now() + _GOOD_FOR_SECONDS
        return trouble, temporal


@router.get("/health")
async def health() -> JSONResponse:
    """Answer as long as the process lives."""
    return JSONResponse({"status": "ok"})


@router.get("/ready")
async def ready(request: Request, engine: EngineDep) -> JSONResponse:
    """Answer 200 when the database takes writes; Temporal is reported but not needed."""
    readiness = cast(Readiness, request.app.state.readiness)
    trouble, temporal = await readiness.look(engine)
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
