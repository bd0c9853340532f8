"""Everything that is wrong inside a document, found at once as a compiler would find it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from domain.content.kind import KindOfContent
from domain.kit.authored import ChannelTypes, Template
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from services.json_schemas import schema_errors
from templating.messages.validation import template_errors

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Judged(Generic[T]):
    """A document that was sent.

    Attributes:
        content: what is stored for it.
        document: how it is read; of one with errors, what can be read.
        errors: everything that is wrong inside it.
    """

    content: JsonObject
    document: T
    errors: Sequence[FieldError]


def judge_document(
    kind: KindOfContent[T], key: str, raw: JsonValue, channel_types: ChannelTypes
) -> Judged[T]:
    """Read a document, and say everything that is wrong in it.

    Raises:
        InvalidParams: it is no object.
    """
    if not isinstance(raw, dict):
        raise InvalidParams.of(kind.name, "must be an object")
    content = kind.normalise(raw, channel_types)
    errors: list[FieldError] = []
    unread: list[Template] = []
    try:
        document = kind.check(content, key)
    except InvalidParams as refusal:
        errors = kind.blame(refusal.errors, content, channel_types)
        document, unread = kind.salvage(content, key)
    for place, schema in kind.schemas(document):
        errors.extend(schema_errors(schema, place))
    errors.extend(template_errors([*kind.templates(document), *unread]))
    return Judged(content, document, errors)


def refuse(errors: Iterable[FieldError]) -> None:
    """Raise all errors at once; a place that two checks complain about is named once."""
    first: dict[str, FieldError] = {}
    for error in errors:
        first.setdefault(error.field, error)
    unique = list(first.values())
    if unique:
        raise InvalidParams(unique)
