"""E-mail layouts as a kind of content (Knock docs: "Email layouts").

Source: Management API reference, EmailLayoutRequest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from domain.content.kind import KindOfContent
from domain.kit.authored import (
    ChannelTypes,
    FileFields,
    ResourceType,
    Template,
    TemplateFile,
)
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Shape, Wrong
from domain.kit.stored import Name, read_document, without_client_keys

# Where the body of an e-mail goes.
CONTENT = re.compile(r"\{\{-?\s*content\s*-?\}\}")
MAX_LINKS = 100
_EMPTY = "{{ content }}"
_FILES: FileFields = {"html_layout": TemplateFile("html"), "text_layout": TemplateFile("txt")}


@dataclass(frozen=True, slots=True)
class EmailLayout:
    """What surrounds the body of an e-mail; both sources contain `{{ content }}`.

    Attributes:
        html_layout: a whole HTML document.
        text_layout: the surroundings of the text part.
        footer_links: objects with `text` and `url`, both Liquid.
    """

    html_layout: str
    text_layout: str
    footer_links: tuple[JsonObject, ...] = ()


def _source(raw: JsonValue) -> str:
    if raw is None or raw == "":
        raise Wrong("is required")
    if not isinstance(raw, str):
        raise Wrong("must be a string")
    if not CONTENT.search(raw):
        raise Wrong("must contain {{ content }}, where the body of the e-mail goes")
    return raw


def _mjml(raw: JsonValue) -> JsonValue:
    if raw is True:
        raise Wrong("MJML is not supported by this version")
    return raw


def _branding(raw: JsonValue) -> None:
    if raw is not None:
        raise Wrong("branding overrides are not supported by this version")


class FooterLink(Shape):
    """A link at the end of an e-mail; both members are Liquid."""

    text: str
    url: str


class EmailLayoutShape(Shape):
    """A layout as it is written; members that a client adds beside these are ignored."""

    name: Name
    html_layout: Annotated[str, BeforeValidator(_source)] = Field(
        description="A whole HTML document with `{{ content }}` in it."
    )
    text_layout: Annotated[str, BeforeValidator(_source)] = Field(
        description="Plain text with `{{ content }}` in it."
    )
    footer_links: Annotated[list[FooterLink], Field(max_length=MAX_LINKS)] = Field(
        [], description="What `{{ footer_links }}` renders."
    )
    is_mjml: Annotated[bool | None, BeforeValidator(_mjml)] = Field(
        False, description="MJML is not supported yet."
    )
    branding_overrides: Annotated[
        None, BeforeValidator(_branding), WithJsonSchema({"type": "null"})
    ] = Field(None, description="Not supported yet.")


class EmailLayoutKind(KindOfContent[EmailLayout]):
    """What layouts tell of themselves; they refer to nothing."""

    name: ClassVar[ResourceType] = ResourceType.EMAIL_LAYOUT
    noun: ClassVar[str] = "e-mail layout"
    shape: ClassVar[type[Shape]] = EmailLayoutShape

    def normalise(self, raw: JsonObject, channel_types: ChannelTypes) -> JsonObject:
        """Return the members that are written, with the defaults of those left out."""
        sent = {name: without_client_keys(raw.get(name)) for name in self.shape.model_fields}
        overrides = sent["branding_overrides"]
        if isinstance(overrides, dict) and all(value is None for value in overrides.values()):
            sent["branding_overrides"] = None  # the CLI pulls every key, the unset ones as null
        if sent["footer_links"] is None:
            sent["footer_links"] = []
        if sent["is_mjml"] is None:
            sent["is_mjml"] = False
        return sent

    def check(self, content: JsonObject, key: str) -> EmailLayout:
        """Read a draft. Raises InvalidParams."""
        shape = read_document(EmailLayoutShape, content, key)
        links = tuple(link.model_dump() for link in shape.footer_links)
        return EmailLayout(shape.html_layout, shape.text_layout, links)

    def read(self, content: JsonValue, key: str) -> EmailLayout:
        """Read a stored layout; one without sources shows the body alone."""
        stored = content if isinstance(content, dict) else {}
        html, text = stored.get("html_layout"), stored.get("text_layout")
        links = stored.get("footer_links")
        return EmailLayout(
            html_layout=html if html and isinstance(html, str) else _EMPTY,
            text_layout=text if text and isinstance(text, str) else _EMPTY,
            footer_links=tuple(link for link in links if isinstance(link, dict))
            if isinstance(links, list)
            else (),
        )

    def templates(self, document: EmailLayout) -> Iterator[Template]:
        """Yield both sources, then the links."""
        yield Template("html_layout", document.html_layout)
        yield Template("text_layout", document.text_layout)
        for index, link in enumerate(document.footer_links):
            for name in ("text", "url"):
                if isinstance(link.get(name), str):
                    yield Template(f"footer_links[{index}].{name}", link[name])

    def files(self, document: EmailLayout) -> Iterator[tuple[str, FileFields]]:
        """Yield the document itself, whose sources are files."""
        yield "", _FILES


EMAIL_LAYOUT = EmailLayoutKind()
