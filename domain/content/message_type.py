"""Message types as a kind of content: which fields an in-app message of a type has.

Source: Knock docs, "Message types"; Management API reference, MessageTypeRequest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, ValidationError

from domain.content.fields import (
    InputField,
    InputFields,
    MarkdownField,
    field_schemas,
    read_fields,
)
from domain.content.kind import KindOfContent
from domain.content.prebuilt_types import PREBUILT_TYPES
from domain.kit.authored import ChannelTypes, FileFields, ResourceType, Template, TemplateFile
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Shape, Text, Wrong, refusal
from domain.kit.stored import Name, content_sha, is_content_key, read_document

MAX_DESCRIPTION = 280
MAX_VARIANTS = 50
DEFAULT_VARIANT = "default"
FIRST_VERSION = "0.0.1"
_SEMVER = r"^\d{1,9}\.\d{1,9}\.\d{1,9}$"


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the forms that a message type has."""

    key: str
    name: str
    fields: tuple[InputField, ...]


@dataclass(frozen=True, slots=True)
class MessageType:
    """What messages of a type hold.

    Attributes:
        preview: shows a message in the editor; Liquid.
    """

    variants: tuple[Variant, ...]
    preview: str = ""


class VariantShape(Shape):
    """A variant as it is written."""

    key: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,255}$")]
    name: Name
    fields: InputFields = []  # noqa: RUF012 - pydantic copies it


def _variants(variants: list[VariantShape]) -> list[VariantShape]:
    keys = [variant.key for variant in variants]
    # Judged here, where documents are saved: what is stored already may have shorter ones.
    short = [
        FieldError(f"[{index}].key", "must be 3 to 255 characters of a-z, 0-9, _ and -")
        for index, key in enumerate(keys)
        if not is_content_key(key)
    ]
    if short:
        raise refusal(short)
    if DEFAULT_VARIANT not in keys:
        raise Wrong(f"must have a variant with the key {DEFAULT_VARIANT}")
    for key in keys:
        if keys.count(key) > 1:
            raise Wrong(f"uses the key {key!r} twice")
    return variants


class MessageTypeShape(Shape):
    """A message type as it is written; members that a client adds beside these are ignored."""

    name: Name
    description: Annotated[str | None, Field(max_length=MAX_DESCRIPTION)] = None
    icon_name: str | None = None
    preview: Text = Field(description="HTML with Liquid; used by the editor.")
    semver: Annotated[str | None, Field(pattern=_SEMVER)] = Field(
        FIRST_VERSION, description="Chosen by the author."
    )
    variants: Annotated[
        list[VariantShape], Field(max_length=MAX_VARIANTS), AfterValidator(_variants)
    ] = Field(
        default_factory=list, validate_default=False, description="One of them must be `default`."
    )


class MessageTypeKind(KindOfContent[MessageType]):
    """What message types tell of themselves; they refer to nothing outside their Liquid."""

    name: ClassVar[ResourceType] = ResourceType.MESSAGE_TYPE
    noun: ClassVar[str] = "message type"
    shape: ClassVar[type[Shape]] = MessageTypeShape
    defaults: ClassVar[Mapping[str, JsonValue]] = {
        "variants": [{"key": DEFAULT_VARIANT, "name": "Default", "fields": []}],
        "semver": FIRST_VERSION,
    }

    def check(self, content: JsonObject, key: str) -> MessageType:
        """Read a draft. Raises InvalidParams."""
        shape = read_document(MessageTypeShape, content, key)
        return MessageType(
            tuple(Variant(each.key, each.name, tuple(each.fields)) for each in shape.variants),
            shape.preview,
        )

    def read(self, content: JsonValue, key: str) -> MessageType:
        """Read a stored message type; variants and fields that cannot be read are left out."""
        stored = content if isinstance(content, dict) else {}
        variants, preview = stored.get("variants"), stored.get("preview")
        return MessageType(
            tuple(_read_variants(variants if isinstance(variants, list) else [])),
            preview if isinstance(preview, str) else "",
        )

    def templates(self, document: MessageType) -> Iterator[Template]:
        """Yield the preview."""
        yield Template("preview", document.preview)

    def files(self, document: MessageType) -> Iterator[tuple[str, FileFields]]:
        """Yield the document itself, whose preview is a file."""
        yield "", {"preview": TemplateFile("html")}

    def schemas(self, document: MessageType) -> Iterator[tuple[str, JsonObject]]:
        """Yield the schemas of all fields."""
        for index, variant in enumerate(document.variants):
            yield from field_schemas(variant.fields, f"variants[{index}].fields")


def _read_variants(stored: list[JsonValue]) -> Iterator[Variant]:
    for one in stored:
        if not isinstance(one, dict):
            continue
        try:
            plain = VariantShape.model_validate({**one, "fields": []})
        except ValidationError:
            continue
        yield Variant(plain.key, plain.name, read_fields(one.get("fields")))


MESSAGE_TYPE = MessageTypeKind()
# What is stored of those that every environment has from the start, by key.
PREBUILT: Mapping[str, JsonObject] = {
    key: MESSAGE_TYPE.normalise(written, ChannelTypes()) for key, written in PREBUILT_TYPES.items()
}
PREBUILT_SHAS = {key: content_sha(content) for key, content in PREBUILT.items()}
_PREBUILT_READ = {key: MESSAGE_TYPE.read(content, key) for key, content in PREBUILT.items()}


def is_prebuilt(key: str, sha: str) -> bool:
    """Tell whether content under a key is a message type as it was from the start."""
    return PREBUILT_SHAS.get(key) == sha


def markdown_fields(types: Mapping[str, MessageType], key: str, variant_key: str) -> frozenset[str]:
    """Return the keys of the fields of a variant that are written in Markdown.

    Args:
        types: those that are published, by key.
        key: of the message type; one that nobody has published has none, unless it is prebuilt.
        variant_key: of its variant; one that it does not have has none.
    """
    known = types.get(key) or _PREBUILT_READ.get(key)
    return frozenset(
        field.key
        for variant in (() if known is None else known.variants)
        if variant.key == variant_key
        for field in variant.fields
        if isinstance(field, MarkdownField)
    )
