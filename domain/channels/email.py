"""E-mail (Knock docs: "Email channels"; Management API: EmailTemplate, EmailChannelSettings)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal, NotRequired, Self, TypedDict

from pydantic import Field

from domain.channels.email_blocks import EmailBlocks
from domain.channels.kind import ChannelKind, MessageContent, Target, WrittenText
from domain.channels.types import ChannelType
from domain.contract.queues import DELIVER_EMAIL
from domain.kit.authored import FileFields, TemplateFile
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject
from domain.kit.shapes import Shape, Text

# How the files of blocks end.
_ENDINGS = {"markdown": "md", "html": "html"}


class EmailTemplateSettings(Shape):
    """How an e-mail is put together."""

    layout_key: str | None = Field(None, description="Key of the layout around the body.")
    attachment_key: str | None = Field(None, description="Path of the attachments in the data.")
    preview_text: str | None = Field(None, description="Liquid; the preview that inboxes show.")
    pre_content: str | None = Field(None, description="Liquid that runs before body and layout.")


class EmailTemplate(Shape):
    """The template of an e-mail; subject and bodies are Liquid."""

    subject: Text
    html_body: str | None = None
    text_body: str | None = Field(None, description="Derived from the HTML body if it is left out.")
    is_mjml: bool | None = None
    visual_blocks: EmailBlocks | None = Field(None, description="The body, instead of HTML.")
    settings: EmailTemplateSettings | None = None


class EmailOverrides(Shape):
    """Settings of the channel that a step replaces; strings are Liquid."""

    to_address: str | None = None
    from_address: str | None = None
    from_name: str | None = None
    cc_address: str | None = None
    bcc_address: str | None = None
    reply_to_address: str | None = None
    json_overrides: str | None = None
    link_tracking: bool | None = None
    open_tracking: bool | None = None


# "from" is a Python keyword, hence the functional form.
EmailContent = TypedDict(
    "EmailContent",
    {
        "from": str,  # '"Name" <address>' or just the address
        "to": str,
        "cc": str | None,  # comma-separated
        "bcc": str | None,
        "reply_to": str | None,
        "subject_line": str,
        "html_body": str,
        "text_body": str,
        "headers": dict[str, str],  # from json_overrides, and those to unsubscribe
        "overrides": NotRequired[JsonObject],  # all of json_overrides, for APIs of vendors
        "attachments": NotRequired[list[JsonObject]],  # `Attachment.reference`: no bytes
    },
)


class MessageEmailContent(MessageContent):
    """The content of an e-mail."""

    typename: Literal["MessageEmailContent"] = Field("MessageEmailContent", alias="__typename")
    sender: WrittenText = Field(alias="from")
    to: WrittenText
    cc: WrittenText
    bcc: WrittenText
    reply_to: WrittenText
    subject_line: WrittenText
    html_body: WrittenText
    text_body: WrittenText

    @classmethod
    def of(cls, content: JsonObject, snapshot: JsonObject) -> Self:
        """Write what was rendered; the extra headers are for the provider only."""
        names = ("to", "cc", "bcc", "reply_to", "subject_line", "html_body", "text_body")
        return cls(sender=content.get("from"), **{name: content.get(name) for name in names})


class Email(ChannelKind):
    """The channel type `email`."""

    channel_type: ClassVar[ChannelType] = ChannelType.EMAIL
    label: ClassVar[str] = "E-mail"
    template: ClassVar[type[Shape]] = EmailTemplate
    overrides: ClassVar[type[Shape] | None] = EmailOverrides
    template_defaults: ClassVar = {"settings": {}}
    template_files: ClassVar = {
        "subject": TemplateFile("txt", by_default=False),
        "html_body": TemplateFile("html"),
        "text_body": TemplateFile("txt"),
        "json_body": TemplateFile("json"),
        "visual_blocks": TemplateFile("json"),
    }
    content: ClassVar[type[MessageContent]] = MessageEmailContent
    queue: ClassVar[str | None] = DELIVER_EMAIL
    has_layout: ClassVar[bool] = True

    def why_unreachable(self, target: Target) -> str | None:
        """An address is the recipient's, or the channel's or step's `to_address`."""
        has_address = target.recipient.get("email") or target.settings.get("to_address")
        return None if has_address else "recipient has no email"

    def unsupported(self, template: JsonObject, field: str) -> Iterator[FieldError]:
        """A body is there once, as HTML or as blocks."""
        blocks = template.get("visual_blocks")
        if blocks is None and template.get("html_body") is None:
            yield FieldError(f"{field}.html_body", "is required without visual_blocks", "required")
        elif blocks is not None and template.get("html_body") is not None:
            message = "cannot be combined with html_body"
            yield FieldError(f"{field}.visual_blocks", message)

    def more_files(self, template: JsonObject, place: str) -> Iterator[tuple[str, FileFields]]:
        """Yield the blocks that have a text of their own."""
        blocks = template.get("visual_blocks")
        for index, block in enumerate(blocks if isinstance(blocks, list) else []):
            ending = _ENDINGS.get(str(block.get("type"))) if isinstance(block, dict) else None
            if ending is not None:
                yield f"{place}.visual_blocks[{index}]", {"content": TemplateFile(ending)}

    def layout_key(self, template: JsonObject) -> str | None:
        """Return `layout_key` of the template's settings."""
        settings = template.get("settings")
        return (settings.get("layout_key") or None) if isinstance(settings, dict) else None

    def partials(self, template: JsonObject, place: str) -> Iterator[tuple[str, str]]:
        """Yield the partials that are blocks."""
        blocks = template.get("visual_blocks")
        for index, block in enumerate(blocks if isinstance(blocks, list) else []):
            if isinstance(block, dict) and block.get("type") == "partial":
                yield f"{place}.visual_blocks[{index}].key", str(block.get("key"))

    def filled(self, template: JsonObject, content: JsonObject) -> JsonObject:
        """Return subject and both bodies; blocks and MJML have become HTML."""
        own = template.get("settings") or {}
        named = {name: own[name] for name in ("layout_key", "attachment_key") if own.get(name)}
        return {
            "subject": content["subject_line"],
            "html_body": content["html_body"],
            "text_body": content["text_body"],
            "settings": named,
        }

    def remembered(self, content: JsonObject, recipient: JsonObject) -> dict[str, Any] | None:
        """Keep the address and the name of the recipient."""
        name = recipient.get("name")
        return {"email": content["to"], "name": name if isinstance(name, str) else None}
