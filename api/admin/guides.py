"""Admin API, the order of guides: things that Knock offers only in its dashboard."""

from __future__ import annotations

from typing import Self

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.shapes import answer, read_named
from api.kit.strings import known_id
from domain.guides.requests import GuideGroupIn
from domain.guides.rows import GuideGroup
from domain.kit.answers import Moment, Out
from services.account.environments import get_scope
from services.guides import ordering

router = APIRouter(
    prefix="/v1/admin/environments/{slug}/guide_group",
    tags=["Admin: guides"],
    responses=ERROR_RESPONSES,
)


class GuideOrderOut(Out):
    """In which order guides are shown; the instant is null when nobody has said anything."""

    display_interval: int | None
    display_sequence: list[str]
    display_sequence_unthrottled: list[str]
    updated_at: Moment | None

    @classmethod
    def of(cls, group: GuideGroup | None) -> Self:
        """Write the order of an environment's guides."""
        return cls(
            display_interval=group.display_interval if group else None,
            display_sequence=group.display_sequence if group else [],
            display_sequence_unthrottled=group.unthrottled if group else [],
            updated_at=group.updated_at if group else None,
        )


class GuideOrderBodyOut(Out):
    """The order as it is now."""

    guide_group: GuideOrderOut

    @classmethod
    def of(cls, group: GuideGroup | None) -> Self:
        """Write the order of an environment's guides."""
        return cls(guide_group=GuideOrderOut.of(group))


@router.get("", response_model=GuideOrderBodyOut)
async def get_guide_order(slug: str, _token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """Get the order of an environment's guides, and how long they wait for each other."""
    environment = await get_scope(engine, known_id(slug))
    return answer(GuideOrderBodyOut.of(await ordering.get_order(engine, environment)))


@router.put(
    "", response_model=GuideOrderBodyOut, openapi_extra=takes(GuideGroupIn, name="guide_group")
)
async def put_guide_order(
    slug: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Set the order of an environment's guides; takes effect at once."""
    given = await read_named(request, GuideGroupIn, "guide_group")
    environment = await get_scope(engine, known_id(slug))
    return answer(GuideOrderBodyOut.of(await ordering.put_order(engine, environment, given)))
