"""Channel data of users and objects: get, set, unset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, require_feed_key, require_identity_key, require_secret_key
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.rate_limits import feed_limit, secret_limit
from api.kit.shapes import answer, read_body, read_both
from api.kit.strings import known_uuid
from api.knock.recipients.paths import OBJECT_PATH, USER_PATH, InPath, RecipientPath
from api.knock.recipients.schemas import ChannelDataOut
from domain.channels.channel_data import ChannelDataRequest
from domain.kit.ids import read_id
from domain.kit.principals import Principal
from domain.recipients.refs import RecipientRef
from services.recipients import channel_data

router = APIRouter(responses=ERROR_RESPONSES)


@dataclass(frozen=True, slots=True)
class Holder:
    """A kind of recipient whose channel data is read and written.

    Attributes:
        of: its path.
        reader: the dependency that lets keys through which may read data.
        remover: the dependency that lets keys through which may unset data.
        limit: makes the dependency that limits unsetting.
    """

    of: RecipientPath
    reader: Callable[..., Any]
    remover: Callable[..., Any]
    limit: Callable[[int], Any]

    @property
    def path(self) -> str:
        """Return what all operations stand under."""
        return f"{self.of.path}/channel_data/{{channel_id}}"


# Browsers connect objects to channels of Slack, and never disconnect them by this operation. What
# objects have there, tokens of workspaces among it, has to be granted by a user token in any case.
HOLDERS = (
    Holder(USER_PATH, require_feed_key, require_identity_key, feed_limit),
    Holder(OBJECT_PATH, require_identity_key, require_secret_key, secret_limit),
)


def _known_channel(text: str) -> UUID:
    return known_uuid(text, "The recipient has no data for this channel.")


def _add_reading(holder: Holder) -> None:
    of = holder.of

    @router.get(
        holder.path,
        name=f"get_{of.kind}_channel_data",
        tags=[of.tag],
        response_model=ChannelDataOut,
        dependencies=[feed_limit(4)],
    )
    async def get_channel_data(
        channel_id: str,
        engine: EngineDep,
        principal: Principal = Depends(holder.reader),
        recipient: RecipientRef = Depends(of.known),
    ) -> JSONResponse:
        """Get what a recipient has stored for a channel: devices, connections, tokens."""
        found = await channel_data.get_channel_data(
            engine, principal.environment, recipient, _known_channel(channel_id)
        )
        return answer(ChannelDataOut.of(found))


def _add_writing(holder: Holder) -> None:
    of = holder.of

    @router.put(
        holder.path,
        name=f"set_{of.kind}_channel_data",
        tags=[of.tag],
        response_model=ChannelDataOut,
        responses=refusals({422: "channel_invalid"}),
        dependencies=[feed_limit(3)],
        openapi_extra=takes(ChannelDataRequest),
    )
    async def set_channel_data(
        channel_id: str,
        request: Request,
        engine: EngineDep,
        principal: Principal = Depends(require_identity_key),
        named: InPath[RecipientRef] = Depends(of.new),
    ) -> JSONResponse:
        """Set what a recipient stores for a channel, replacing what is there.

        An unknown recipient is created.
        """
        recipient, given = await read_both(named, read_body(request, ChannelDataRequest))
        stored = await channel_data.set_channel_data(
            engine, principal.environment, recipient, read_id(channel_id), given.data
        )
        return answer(ChannelDataOut.of(stored))

    @router.delete(
        holder.path,
        name=f"unset_{of.kind}_channel_data",
        tags=[of.tag],
        status_code=204,
        dependencies=[holder.limit(3)],
    )
    async def unset_channel_data(
        channel_id: str,
        engine: EngineDep,
        principal: Principal = Depends(holder.remover),
        recipient: RecipientRef = Depends(of.known),
    ) -> Response:
        """Delete what a recipient has stored for a channel."""
        known = _known_channel(channel_id)
        await channel_data.unset_channel_data(engine, principal.environment, recipient, known)
        return Response(status_code=204)


for _holder in HOLDERS:
    _add_reading(_holder)
    _add_writing(_holder)
