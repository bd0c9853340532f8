"""Audiences: list, get, upsert, validate, archive."""

from __future__ import annotations

from typing import Annotated, Any

from starlette.responses import JSONResponse

from api.kit.answers import SuccessOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer
from api.kit.strings import known_id
from api.management.content.resource import ContentOut, ContentResource
from api.management.requests import ENVIRONMENT_HELP, read_environment
from domain.content.audience import AUDIENCE, AudienceType, Segment
from domain.kit.answers import LeftOut
from domain.kit.shapes import DocumentedAs
from services.audiences.archiving import archive_audience


class AudienceOut(ContentOut):
    """An audience as it is read."""

    name: Annotated[Any, DocumentedAs(str)]
    type: Annotated[Any, DocumentedAs(AudienceType)]
    description: Annotated[Any, DocumentedAs(str | None)]
    segments: LeftOut[Annotated[Any, DocumentedAs(list[Segment])]] = None


router = ContentResource(AUDIENCE, AudienceOut, tag="Audiences").router


@router.delete("/{key}", response_model=SuccessOut, openapi_extra=takes(query=ENVIRONMENT_HELP))
async def archive(
    key: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Archive an audience in all environments, permanently, with all its members."""
    await archive_audience(engine, await read_environment(engine, query), known_id(key))
    return answer(SuccessOut())
