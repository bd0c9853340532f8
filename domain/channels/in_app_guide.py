"""Steps of guides in applications (Knock docs: "Guides").

Nothing sends them: an application asks which guides a user should see, and says what the user did.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field

from domain.channels.kind import ChannelKind, MessageContent, Target
from domain.channels.types import ChannelType
from domain.kit.json_types import JsonObject
from domain.kit.shapes import Shape

# Channels have a provider on the wire, also those that nobody provides for.
GUIDE_PROVIDER = "in_app_guide_knock"


class NoTemplate(Shape):
    """Steps of workflows have no template for it: they name a guide."""


class MessageInAppGuideContent(MessageContent):
    """What a user has seen of a guide."""

    typename: Literal["MessageInAppGuideContent"] = Field(
        "MessageInAppGuideContent", alias="__typename"
    )
    content: Any

    @classmethod
    def of(cls, content: JsonObject, snapshot: JsonObject) -> Self:
        """Write the content as the application said that it was."""
        return cls(content=content)


class InAppGuide(ChannelKind):
    """The channel type `in_app_guide`."""

    channel_type: ClassVar[ChannelType] = ChannelType.IN_APP_GUIDE
    label: ClassVar[str] = "Guides"
    template: ClassVar[type[Shape]] = NoTemplate
    overrides: ClassVar[type[Shape] | None] = None
    template_files: ClassVar = {}
    content: ClassVar[type[MessageContent]] = MessageInAppGuideContent
    queue: ClassVar[str | None] = None
    own_provider: ClassVar[str | None] = GUIDE_PROVIDER
    has_steps: ClassVar[bool] = False
    names_guide: ClassVar[bool] = True
    has_sandbox: ClassVar[bool] = False
    may_lack_template: ClassVar[bool] = True

    def why_unreachable(self, target: Target) -> str | None:
        """Nobody is reached by a step."""
        return "guides are not sent"
