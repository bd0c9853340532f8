"""The schedules of a user or an object."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse

from api.kit.answers import EntriesOut
from api.kit.auth import EngineDep, SecretKey
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_UUID
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import secret_limit
from api.kit.shapes import answer
from api.knock.recipients.paths import RECIPIENT_PATHS, RecipientPath
from api.knock.schedules.schemas import ScheduleOut
from domain.recipients.refs import RecipientRef
from domain.schedules.filters import RecipientScheduleFilters
from services.triggers import schedules

router = APIRouter(responses=ERROR_RESPONSES)


def _add_list(of: RecipientPath) -> None:
    @router.get(
        f"{of.path}/schedules",
        name=f"list_{of.kind}_schedules",
        tags=[of.tag],
        response_model=EntriesOut[ScheduleOut],
        dependencies=[secret_limit(4)],
        openapi_extra=takes(query=filter_parameters(RecipientScheduleFilters)),
    )
    async def list_recipient_schedules(
        principal: SecretKey,
        engine: EngineDep,
        query: QueryDep,
        recipient: RecipientRef = Depends(of.known),
    ) -> JSONResponse:
        """List the schedules of a recipient, newest first."""
        wanted, request = read_list(query, RecipientScheduleFilters, BY_UUID)
        page = await schedules.list_schedules_of(
            engine, principal.environment, recipient, wanted, request
        )
        return answer(EntriesOut[ScheduleOut].of(page, map(ScheduleOut.of, page.rows)))


for _path in RECIPIENT_PATHS:
    _add_list(_path)
