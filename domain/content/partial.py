"""Partials as a kind of content: pieces of templates that others render (Knock docs: "Partials").

Source: Management API reference, PartialRequest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from domain.content.fields import InputField, InputFields, field_schemas, read_fields
from domain.content.kind import KindOfContent
from domain.kit.authored import FileFields, ResourceType, Template, TemplateFile
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import REFUSE_NULL, Shape, Text, refusal
from domain.kit.stored import Name, read_document

MAX_DESCRIPTION = 280
# How deep partials may render partials.
MAX_DEPTH = 5
_MJML = re.compile(r"<(?:mjml|mj-[a-z-]+)\b", re.IGNORECASE)


class PartialType(StrEnum):
    """What a partial renders to."""

    HTML = "html"
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


_ENDINGS = {
    PartialType.HTML: "html",
    PartialType.TEXT: "txt",
    PartialType.JSON: "json",
    PartialType.MARKDOWN: "md",
}


@dataclass(frozen=True, slots=True)
class Partial:
    """A piece of a template; it sees its inputs, and nothing else of who renders it."""

    type: PartialType
    content: str
    fields: tuple[InputField, ...] = ()


class PartialShape(Shape):
    """A partial as it is written; members that a client adds beside these are ignored."""

    name: Name
    type: Annotated[PartialType, REFUSE_NULL] = Field(
        strict=False, description="Cannot be changed."
    )
    content: Text = Field(description="Liquid.")
    description: Annotated[str | None, Field(max_length=MAX_DESCRIPTION)] = None
    icon_name: str | None = None
    visual_block_enabled: bool | None = Field(
        False, description="Whether the visual editor offers it; for HTML only."
    )
    input_schema: InputFields | None = Field(
        None, description="Its inputs; for HTML only. Other inputs are text."
    )

    @model_validator(mode="after")
    def _is_html(self) -> Self:
        violations = []
        if self.type is PartialType.HTML:
            if _MJML.search(self.content):
                violations.append(FieldError("content", "must not contain MJML"))
        else:
            message = "is only for partials of type html"
            if self.visual_block_enabled:
                violations.append(FieldError("visual_block_enabled", message))
            if self.input_schema:
                violations.append(FieldError("input_schema", message))
        if violations:
            raise refusal(violations)
        return self


class PartialKind(KindOfContent[Partial]):
    """What partials tell of themselves; what they render is found in their Liquid."""

    name: ClassVar[ResourceType] = ResourceType.PARTIAL
    noun: ClassVar[str] = "partial"
    shape: ClassVar[type[Shape]] = PartialShape
    defaults: ClassVar[Mapping[str, JsonValue]] = {
        "visual_block_enabled": False,
        "input_schema": [],
    }

    def check(self, content: JsonObject, key: str) -> Partial:
        """Read a draft. Raises InvalidParams."""
        shape = read_document(PartialShape, content, key)
        return Partial(shape.type, shape.content, tuple(shape.input_schema or ()))

    def read(self, content: JsonValue, key: str) -> Partial:
        """Read a stored partial; one without content renders nothing."""
        stored = content if isinstance(content, dict) else {}
        known, source = stored.get("type"), stored.get("content")
        return Partial(
            PartialType(known)
            if isinstance(known, str) and known in _ENDINGS
            else PartialType.TEXT,
            source if isinstance(source, str) else "",
            read_fields(stored.get("input_schema")),
        )

    def templates(self, document: Partial) -> Iterator[Template]:
        """Yield its content."""
        yield Template("content", document.content)

    def files(self, document: Partial) -> Iterator[tuple[str, FileFields]]:
        """Yield the document itself, whose content is a file."""
        yield "", {"content": TemplateFile(_ENDINGS[document.type])}

    def schemas(self, document: Partial) -> Iterator[tuple[str, JsonObject]]:
        """Yield the schemas of its fields."""
        yield from field_schemas(document.fields, "input_schema")

    def succeed(self, before: Partial, after: Partial) -> None:
        """Refuse to make another type of it. Raises InvalidParams."""
        if before.type is not after.type:
            raise InvalidParams.of("type", f"is {before.type}, and cannot be changed")


PARTIAL = PartialKind()
