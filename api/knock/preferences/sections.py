"""Parts of a preference set: the older operations, one for each map and one for an entry of it."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.shapes import answer, read_body
from api.kit.strings import new_id_of
from api.knock.preferences.schemas import PreferenceSetOut
from api.knock.preferences.sets import HOLDERS, Holder, new_set
from domain.kit.errors import InvalidParams
from domain.kit.principals import Principal
from domain.preferences.names import CHANNEL_TYPES, Section
from domain.preferences.requests import ChannelTypesIn, NodeEntryIn, NodesIn, SwitchEntryIn
from domain.preferences.rows import Persistence
from domain.recipients.refs import RecipientRef
from services.preferences import sets

router = APIRouter(responses=ERROR_RESPONSES)

_ENTRIES = {Section.CATEGORIES: "category", Section.WORKFLOWS: "workflow"}


async def _new_key(key: str) -> str:
    return new_id_of(key, field="key")


async def _channel_type(channel_type: str) -> str:
    if channel_type not in CHANNEL_TYPES:
        raise InvalidParams.of("channel_type", f"must be one of: {', '.join(CHANNEL_TYPES)}")
    return channel_type


def _add_section(holder: Holder, section: Section) -> None:
    shape = ChannelTypesIn if section is Section.CHANNEL_TYPES else NodesIn

    @router.put(
        f"{holder.path}/{{set_id}}/{section}",
        name=f"update_{holder.of.kind}_preference_{section}",
        tags=[holder.of.tag],
        deprecated=True,
        response_model=PreferenceSetOut,
        dependencies=[holder.limit(3)],
        openapi_extra=takes(shape),
    )
    async def update_section(
        request: Request,
        engine: EngineDep,
        principal: Principal = Depends(holder.writer),
        recipient: RecipientRef = Depends(holder.of.new),
        set_id: str = Depends(new_set),
    ) -> JSONResponse:
        """Replace one map of a preference set, and leave the others."""
        content = {section.value: (await read_body(request, shape)).content()}
        written = await sets.write_set(
            engine, principal.environment, recipient, set_id, content, how=Persistence.SECTION
        )
        return answer(PreferenceSetOut.of(written))


def _add_entry(holder: Holder, section: Section) -> None:
    @router.put(
        f"{holder.path}/{{set_id}}/{section}/{{key:path}}",  # a category may have slashes
        name=f"update_{holder.of.kind}_preference_{_ENTRIES[section]}",
        tags=[holder.of.tag],
        deprecated=True,
        response_model=PreferenceSetOut,
        dependencies=[holder.limit(3)],
        openapi_extra=takes(NodeEntryIn),
    )
    async def update_entry(
        request: Request,
        engine: EngineDep,
        principal: Principal = Depends(holder.writer),
        recipient: RecipientRef = Depends(holder.of.new),
        set_id: str = Depends(new_set),
        key: str = Depends(_new_key),
    ) -> JSONResponse:
        """Replace the preferences for one workflow or category, and leave all others."""
        content = {section.value: {key: (await read_body(request, NodeEntryIn)).entry()}}
        written = await sets.write_set(
            engine, principal.environment, recipient, set_id, content, how=Persistence.ENTRY
        )
        return answer(PreferenceSetOut.of(written))


def _add_channel_type(holder: Holder) -> None:
    @router.put(
        f"{holder.path}/{{set_id}}/channel_types/{{channel_type}}",
        name=f"update_{holder.of.kind}_preference_channel_type",
        tags=[holder.of.tag],
        deprecated=True,
        response_model=PreferenceSetOut,
        dependencies=[holder.limit(3)],
        openapi_extra=takes(SwitchEntryIn),
    )
    async def update_channel_type(
        request: Request,
        engine: EngineDep,
        principal: Principal = Depends(holder.writer),
        recipient: RecipientRef = Depends(holder.of.new),
        set_id: str = Depends(new_set),
        channel_type: str = Depends(_channel_type),
    ) -> JSONResponse:
        """Replace the preference for one type of channel, and leave all others."""
        content = {
            Section.CHANNEL_TYPES.value: {
                channel_type: (await read_body(request, SwitchEntryIn)).entry()
            }
        }
        written = await sets.write_set(
            engine, principal.environment, recipient, set_id, content, how=Persistence.ENTRY
        )
        return answer(PreferenceSetOut.of(written))


for each in HOLDERS:
    for one in Section:
        _add_section(each, one)
    for one in _ENTRIES:
        _add_entry(each, one)
    _add_channel_type(each)
