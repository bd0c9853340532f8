"""Admin API, trying content out: who would get what if it were published."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.admin.schemas.what_if import WhatIfOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer, read_body
from api.management.requests import ENVIRONMENT_HELP, read_environment
from domain.kit.errors import Unavailable
from domain.what_if.requests import WhatIfIn
from services.what_if.trying import try_out

# Each keeps a connection for up to a minute, and its runs, messages and differences in memory.
TRIES_AT_ONCE = 2

router = APIRouter(prefix="/v1/admin", tags=["Admin: what if"], responses=ERROR_RESPONSES)


@router.post(
    "/what_if",
    response_model=WhatIfOut,
    responses=refusals({404: "branch_not_found"}),
    openapi_extra=takes(WhatIfIn, query=ENVIRONMENT_HELP),
)
async def what_if(
    request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Show who would get what after a commit, a promotion or a merge; changes nothing."""
    wanted = await read_body(request, WhatIfIn)
    environment = await read_environment(engine, query)
    places: asyncio.Semaphore = request.app.state.tries
    if places.locked():
        raise Unavailable(f"{TRIES_AT_ONCE} trials are already in progress; try again later.")
    async with places:
        return answer(WhatIfOut.of(await try_out(engine, environment, wanted)))
