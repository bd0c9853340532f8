"""Items of in-app feeds (Knock docs: "In-app feed"; Management API: InAppFeedTemplate).

A feed needs no provider: an item is delivered by being stored, and read through the API. Outside of
its send window it is stored, held back from the feed, and delivered when the window opens.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, TypedDict

from pydantic import Field

from domain.channels.kind import ChannelKind, MessageContent, Target
from domain.channels.response_filter import RESPONSE_FILTER, parse_response_filter
from domain.channels.types import ChannelType
from domain.contract.queues import RUNS
from domain.kit.authored import TemplateFile
from domain.kit.json_types import JsonObject
from domain.kit.shapes import DocumentedAs, Shape, Text
from domain.kit.violations import Violations

# Channels have a provider on the wire, also those that nobody provides for.
FEED_PROVIDER = "in_app_feed_knock"


class ActionButton(Shape):
    """A button of a feed item; both are Liquid."""

    label: Text
    action: Text


class InAppFeedTemplate(Shape):
    """The template of a feed item: a body, then one link or some buttons."""

    markdown_body: Text
    action_url: str | None = None
    action_buttons: list[ActionButton] | None = None


class InAppFeedOverrides(Shape):
    """Settings of the channel that a step replaces."""

    link_tracking: bool | None = None


class FeedContent(TypedDict):
    """The blocks of a feed item, in Knock's shape (`markdown`, `text`, `button_set`)."""

    blocks: list[JsonObject]


class FeedTextBlock(Shape):
    """A text or a link of a feed item."""

    name: str
    type: Literal["markdown", "text"]
    content: str = Field(description="The template.")
    rendered: str


class FeedButton(Shape):
    """A button of a feed item."""

    name: str
    label: str
    action: str


class FeedButtonSetBlock(Shape):
    """The buttons of a feed item."""

    name: str
    type: Literal["button_set"]
    buttons: list[FeedButton]


# What a feed item is made of, as it is answered.
FeedBlocks = Annotated[Any, DocumentedAs(list[FeedTextBlock | FeedButtonSetBlock])]


class MessageInAppFeedContent(MessageContent):
    """The content of a feed item."""

    typename: Literal["MessageInAppFeedContent"] = Field(
        "MessageInAppFeedContent", alias="__typename"
    )
    blocks: FeedBlocks

    @classmethod
    def of(cls, content: JsonObject, snapshot: JsonObject) -> Self:
        """Write the blocks."""
        return cls(blocks=content.get("blocks") or [])


class InAppFeed(ChannelKind):
    """The channel type `in_app_feed`."""

    channel_type: ClassVar[ChannelType] = ChannelType.IN_APP_FEED
    label: ClassVar[str] = "In the app"
    step_names: ClassVar[tuple[str, ...]] = ("in_app",)
    template: ClassVar[type[Shape]] = InAppFeedTemplate
    overrides: ClassVar[type[Shape] | None] = InAppFeedOverrides
    template_files: ClassVar = {"markdown_body": TemplateFile("md")}
    content: ClassVar[type[MessageContent]] = MessageInAppFeedContent
    # To show what was held back takes a moment and calls nobody.
    queue: ClassVar[str | None] = RUNS
    own_provider: ClassVar[str | None] = FEED_PROVIDER
    # Nothing leaves the house (Knock docs: "Sandbox mode").
    has_sandbox: ClassVar[bool] = False

    def read_settings(self, settings: JsonObject, field: str, violations: Violations) -> JsonObject:
        """Read a channel's settings; its response filter must not be misread, as it hides things.

        A step cannot replace it: a feed shows items of many steps.
        """
        settings = super().read_settings(settings, field, violations)
        wanted = settings.get(RESPONSE_FILTER)
        violations.check(parse_response_filter, wanted, f"{field}.{RESPONSE_FILTER}")
        return settings

    def filled(self, template: JsonObject, content: JsonObject) -> JsonObject:
        """Return the body as the HTML that a feed shows, and where its link or buttons lead."""
        blocks = {block["name"]: block for block in content["blocks"]}
        shown: JsonObject = {"markdown_body": blocks["body"]["rendered"]}
        if "action_url" in blocks:
            shown["action_url"] = blocks["action_url"]["rendered"]
        if "actions" in blocks:
            shown["action_buttons"] = [
                {"label": button["label"], "action": button["action"]}
                for button in blocks["actions"]["buttons"]
            ]
        return shown

    def why_unreachable(self, target: Target) -> str | None:
        """Everybody has a feed."""
        return None
