"""E-mail layouts as a kind of content (Knock docs: "Email layouts").

Source: Management API reference, EmailLayoutRequest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema

from domain.content.kind import KindOfContent
from domain.kit.authored import (
    ChannelTypes,
    FileFields,
    Reference,
    ResourceType,
    Template,
    TemplateFile,
)
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Shape, Wrong, violations_of
from domain.kit.stored import KEY_WORDS, MAX_NAME_LENGTH, is_content_key, without_client_keys
from domain.kit.violations import Violations

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


def _name(raw: JsonValue) -> JsonValue:
    if not isinstance(raw, str) or not raw.strip():
        raise Wrong("can't be blank")
    return raw


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

    name: Annotated[str, BeforeValidator(_name), Field(min_length=1, max_length=MAX_NAME_LENGTH)]
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


def _normalise(raw: JsonObject, _channel_types: ChannelTypes) -> JsonObject:
    sent = {name: without_client_keys(raw.get(name)) for name in EmailLayoutShape.model_fields}
    overrides = sent["branding_overrides"]
    if isinstance(overrides, dict) and all(value is None for value in overrides.values()):
        sent["branding_overrides"] = None  # the CLI pulls every key, the unset ones as null
    if sent["footer_links"] is None:
        sent["footer_links"] = []
    if sent["is_mjml"] is None:
        sent["is_mjml"] = False
    return sent


def _check(content: JsonObject, key: str) -> EmailLayout:
    violations = Violations()
    if not is_content_key(key):
        violations.add("key", KEY_WORDS)
    try:
        shape = EmailLayoutShape.model_validate(content)
    except ValidationError as error:
        violations.extend(violations_of(error, content))
    violations.raise_any()
    links = tuple(link.model_dump() for link in shape.footer_links)
    return EmailLayout(shape.html_layout, shape.text_layout, links)


def _read(raw: JsonValue, _key: str) -> EmailLayout:
    """Read a stored layout; one without sources shows the body alone."""
    content = raw if isinstance(raw, dict) else {}
    html, text = content.get("html_layout"), content.get("text_layout")
    links = content.get("footer_links")
    return EmailLayout(
        html_layout=html if html and isinstance(html, str) else _EMPTY,
        text_layout=text if text and isinstance(text, str) else _EMPTY,
        footer_links=tuple(link for link in links if isinstance(link, dict))
        if isinstance(links, list)
        else (),
    )


def _references(_layout: EmailLayout) -> Iterator[Reference]:
    yield from ()


def _templates(layout: EmailLayout) -> Iterator[Template]:
    yield Template("html_layout", layout.html_layout)
    yield Template("text_layout", layout.text_layout)
    for index, link in enumerate(layout.footer_links):
        for name in ("text", "url"):
            if isinstance(link.get(name), str):
                yield Template(f"footer_links[{index}].{name}", link[name])


def _files(_layout: EmailLayout) -> Iterator[tuple[str, FileFields]]:
    yield "", _FILES


EMAIL_LAYOUT: KindOfContent[EmailLayout] = KindOfContent(
    name=ResourceType.EMAIL_LAYOUT,
    noun="e-mail layout",
    shape=EmailLayoutShape,
    normalise=_normalise,
    check=_check,
    read=_read,
    references=_references,
    templates=_templates,
    files=_files,
)
