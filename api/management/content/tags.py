"""Tags: list, upsert, delete."""

from __future__ import annotations

from typing import Self

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id, new_id_of
from domain.content.tags import Tag, TagBodyIn
from domain.kit.answers import Moment, Out
from services.content import tags

router = APIRouter(prefix="/v1/tags", tags=["Tags"], responses=ERROR_RESPONSES)


class TagOut(Out):
    """A tag of the account's catalog."""

    name: str
    description: str | None
    color: str | None
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, tag: Tag) -> Self:
        """Write a tag."""
        return cls(
            name=tag.name,
            description=tag.description,
            color=tag.color,
            created_at=tag.inserted_at,
            updated_at=tag.updated_at,
        )


class TagBodyOut(Out):
    """The tag as it is now."""

    tag: TagOut


class TagsOut(Out):
    """All tags."""

    entries: list[TagOut]


@router.get("", response_model=TagsOut)
async def list_tags(_token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """List all tags by name."""
    return answer(TagsOut(entries=[TagOut.of(tag) for tag in await tags.list_tags(engine)]))


@router.put("/{name}", response_model=TagBodyOut, openapi_extra=takes(TagBodyIn))
async def upsert_tag(
    name: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Create a tag, or change it; what is left out becomes null."""
    wanted = (await read_body(request, TagBodyIn)).tag
    stored = await tags.put_tag(engine, new_id_of(name, field="name"), wanted)
    return answer(TagBodyOut(tag=TagOut.of(stored)))


@router.delete("/{name}", status_code=204)
async def delete_tag(name: str, _token: ServiceToken, engine: EngineDep) -> Response:
    """Remove a tag from the catalog; content that has it keeps it."""
    await tags.delete_tag(engine, known_id(name))
    return Response(status_code=204)
