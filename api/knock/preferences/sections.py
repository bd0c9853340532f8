"""Parts of a preference set: the older operations, one for each map and one for an entry of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.shapes import answer, read_body, read_both
from api.kit.strings import new_id_of
from api.knock.preferences.schemas import PreferenceSetOut
from api.knock.preferences.sets import HOLDERS, Holder, new_set
from api.knock.recipients.paths import InPath, both
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from domain.kit.principals import Principal
from domain.kit.shapes import Shape
from domain.preferences.names import CHANNEL_TYPES, Section
from domain.preferences.requests import ChannelTypesIn, NodeEntryIn, NodesIn, SwitchEntryIn
from domain.preferences.rows import Persistence
from domain.recipients.refs import RecipientRef
from services.preferences import sets

router = APIRouter(responses=ERROR_RESPONSES)


@dataclass(frozen=True, slots=True)
class _Part:
    """What an operation replaces.

    Attributes:
        section: the map that it is in.
        path: behind that of the set.
        name: in the name of the operation.
        about: what its document says.
        shape: of its body.
        stored: returns the map that a body says, for a key.
        key: the dependency for the key of an entry in the path; it is empty where there is none.
        how: what becomes of the rest of the map.
    """

    section: Section
    path: str
    name: str
    about: str
    shape: type[Shape]
    stored: Callable[[Any, str], JsonObject]
    key: Callable[..., Any]
    how: Persistence


async def _no_key() -> InPath[str]:
    return str


async def _new_key(key: str) -> InPath[str]:
    return lambda: new_id_of(key, field="key")


async def _channel_type(channel_type: str) -> InPath[str]:
    def read() -> str:
        if channel_type not in CHANNEL_TYPES:
            raise InvalidParams.of("channel_type", f"must be one of: {', '.join(CHANNEL_TYPES)}")
        return channel_type

    return read


def _map(section: Section, shape: type[Shape]) -> _Part:
    return _Part(
        section,
        path=section.value,
        name=section.value,
        about="Replace one map of a preference set, and leave the others unchanged.",
        shape=shape,
        stored=lambda body, _: body.content(),
        key=_no_key,
        how=Persistence.SECTION,
    )


def _entry(section: Section, name: str) -> _Part:
    return _Part(
        section,
        path=f"{section}/{{key:path}}",  # a category may have slashes
        name=name,
        about=(
            "Replace the preferences for one workflow or category, and leave all others unchanged."
        ),
        shape=NodeEntryIn,
        stored=lambda body, key: {key: body.entry()},
        key=_new_key,
        how=Persistence.ENTRY,
    )


_PARTS = (
    _map(Section.CHANNEL_TYPES, ChannelTypesIn),
    _map(Section.CATEGORIES, NodesIn),
    _map(Section.WORKFLOWS, NodesIn),
    _entry(Section.CATEGORIES, "category"),
    _entry(Section.WORKFLOWS, "workflow"),
    _Part(
        Section.CHANNEL_TYPES,
        path="channel_types/{channel_type}",
        name="channel_type",
        about="Replace the preference for one type of channel, and leave all others unchanged.",
        shape=SwitchEntryIn,
        stored=lambda body, channel_type: {channel_type: body.entry()},
        key=_channel_type,
        how=Persistence.ENTRY,
    ),
)


def _add(holder: Holder, part: _Part) -> None:
    @router.put(
        f"{holder.path}/{{set_id}}/{part.path}",
        name=f"update_{holder.of.kind}_preference_{part.name}",
        description=part.about,
        tags=[holder.of.tag],
        deprecated=True,
        response_model=PreferenceSetOut,
        dependencies=[holder.limit(3)],
        openapi_extra=takes(part.shape),
    )
    async def update_part(
        request: Request,
        engine: EngineDep,
        principal: Principal = Depends(holder.writer),
        named: InPath[RecipientRef] = Depends(holder.of.new),
        named_set: InPath[str] = Depends(new_set),
        named_key: InPath[str] = Depends(part.key),
    ) -> JSONResponse:
        path = both(both(named, named_set), named_key)
        ((recipient, set_id), key), body = await read_both(path, read_body(request, part.shape))
        content = {part.section.value: part.stored(body, key)}
        written = await sets.write_set(
            engine, principal.environment, recipient, set_id, content, how=part.how
        )
        return answer(PreferenceSetOut.of(written))


for _holder in HOLDERS:
    for _part in _PARTS:
        _add(_holder, _part)
