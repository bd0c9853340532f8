"""E-mail layouts as a kind of content (Knock docs: "Email layouts").

Source: Management API reference, EmailLayoutRequest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from domain.content.kind import KindOfContent
from domain.kit.authored import (
    ChannelTypes,
    FileFields,
    Language,
    ResourceType,
    Template,
    TemplateFile,
)
from domain.kit.branding import BrandingMembers
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Shape, Wrong, refusal
from domain.kit.stored import Name, read_document

# Where the body of an e-mail goes.
CONTENT = re.compile(r"\{\{-?\s*content\s*-?\}\}")
MAX_LINKS = 100
_MJML = re.compile(r"<mjml(?![\w-])")
_HEAD = re.compile(
    r"<(mj-)?head\b.*?(?:</(mj-)?head\s*>|<(mj-)?body\b|\Z)", re.IGNORECASE | re.DOTALL
)
_EMPTY = "{{ content }}"
_FILES: FileFields = {"html_layout": TemplateFile("html"), "text_layout": TemplateFile("txt")}


@dataclass(frozen=True, slots=True)
class EmailLayout:
    """What surrounds the body of an e-mail; both sources contain `{{ content }}`.

    Attributes:
        html_layout: a whole HTML document.
        text_layout: the surroundings of the text part.
        footer_links: objects with `text` and `url`, both Liquid.
        is_mjml: whether the HTML source is MJML.
        branding: what it changes of the account's branding.
    """

    html_layout: str
    text_layout: str
    footer_links: tuple[JsonObject, ...] = ()
    is_mjml: bool = False
    branding: JsonObject = field(default_factory=dict)


def _source(raw: JsonValue) -> str:
    if raw is None or raw == "":
        raise Wrong("is required")
    if not isinstance(raw, str):
        raise Wrong("must be a string")
    if not CONTENT.search(raw):
        raise Wrong("must contain {{ content }}, where the body of the e-mail goes")
    return raw


class BrandingOverrides(BrandingMembers):
    """What a layout changes of the account's branding; a tenant's own still wins."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"additionalProperties": False})


class FooterLink(Shape):
    """A link at the end of an e-mail; both members are Liquid."""

    text: str
    url: str


class EmailLayoutShape(Shape):
    """A layout as it is written; members that a client adds beside these are ignored."""

    name: Name
    html_layout: Annotated[str, BeforeValidator(_source)] = Field(
        description="A whole HTML or MJML document that contains `{{ content }}`."
    )
    text_layout: Annotated[str, BeforeValidator(_source)] = Field(
        description="Plain text that contains `{{ content }}`."
    )
    footer_links: Annotated[list[FooterLink], Field(max_length=MAX_LINKS)] = Field(
        [], description="What `{{ footer_links }}` renders."
    )
    is_mjml: bool | None = Field(False, description="Whether `html_layout` is MJML.")
    branding_overrides: BrandingOverrides | None = None

    @model_validator(mode="after")
    def _has_root(self) -> Self:
        if self.is_mjml and not _MJML.search(self.html_layout):
            raise refusal([FieldError("html_layout", "must have the root element <mjml>")])
        head = _HEAD.search(self.html_layout)
        if head is not None and CONTENT.search(head[0]):
            message = "must have {{ content }} in its body, not in its head"
            raise refusal([FieldError("html_layout", message)])
        return self


def _changes(content: JsonObject) -> JsonObject:
    """Return the overrides that say something."""
    overrides = content.get("branding_overrides")
    found = overrides.items() if isinstance(overrides, dict) else ()
    return {name: value for name, value in found if isinstance(value, str)}


class EmailLayoutKind(KindOfContent[EmailLayout]):
    """What layouts tell of themselves; they refer to nothing."""

    name: ClassVar[ResourceType] = ResourceType.EMAIL_LAYOUT
    noun: ClassVar[str] = "e-mail layout"
    shape: ClassVar[type[Shape]] = EmailLayoutShape
    defaults: ClassVar[Mapping[str, JsonValue]] = {"footer_links": [], "is_mjml": False}

    def normalise(self, raw: JsonObject, channel_types: ChannelTypes) -> JsonObject:
        """Return the members that are written, with the defaults of those left out."""
        sent = super().normalise(raw, channel_types)
        overrides = sent["branding_overrides"]
        if isinstance(overrides, dict) and all(value is None for value in overrides.values()):
            sent["branding_overrides"] = None  # the CLI pulls every key, the unset ones as null
        return sent

    def check(self, content: JsonObject, key: str) -> EmailLayout:
        """Read a draft. Raises InvalidParams."""
        shape = read_document(EmailLayoutShape, content, key)
        links = tuple(link.model_dump() for link in shape.footer_links)
        return EmailLayout(
            shape.html_layout, shape.text_layout, links, bool(shape.is_mjml), _changes(content)
        )

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
            is_mjml=stored.get("is_mjml") is True,
            branding=_changes(stored),
        )

    def templates(self, document: EmailLayout) -> Iterator[Template]:
        """Yield both sources, then the links."""
        language = Language.MJML if document.is_mjml else Language.TEXT
        yield Template("html_layout", document.html_layout, language)
        yield Template("text_layout", document.text_layout)
        for index, link in enumerate(document.footer_links):
            for name in ("text", "url"):
                if isinstance(link.get(name), str):
                    yield Template(f"footer_links[{index}].{name}", link[name])

    def files(self, document: EmailLayout) -> Iterator[tuple[str, FileFields]]:
        """Yield the document itself, whose sources are files."""
        yield "", _FILES


EMAIL_LAYOUT = EmailLayoutKind()
