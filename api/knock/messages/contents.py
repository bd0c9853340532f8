"""The content of a message on the wire: one shape per channel type (`domain/channels/`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self, Union
from uuid import UUID

from pydantic import Field

from domain.channels.kind import MessageContent
from domain.channels.kinds import CHANNEL_KINDS
from domain.channels.types import ChannelType
from domain.kit.answers import Moment, Out
from domain.messages.messages import RenderedContent

if TYPE_CHECKING:
    _Content = MessageContent
else:
    _Content = Union[tuple(kind.content for kind in CHANNEL_KINDS.values())]  # noqa: UP007


class ContentOut(Out):
    """What was rendered for a message; `data` has one shape per channel type."""

    typename: Annotated[Literal["MessageContent"], Field(alias="__typename")] = "MessageContent"
    message_id: UUID
    inserted_at: Moment
    data: _Content

    @classmethod
    def of(cls, rendered: RenderedContent) -> Self:
        """Write the content of a message."""
        shape = CHANNEL_KINDS[ChannelType(rendered.channel_type)].content
        return cls(
            message_id=rendered.id,
            inserted_at=rendered.inserted_at,
            data=shape.of(rendered.content, rendered.recipient_snapshot or {}),
        )
