"""What a kind of content tells of itself, so that everything else works for any kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from domain.kit.authored import ChannelTypes, FileFields, Reference, ResourceType, Template
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Shape

T = TypeVar("T")


def _nothing(_document: object) -> Iterator[tuple[str, JsonObject]]:
    yield from ()


@dataclass(frozen=True, slots=True)
class KindOfContent(Generic[T]):
    """One kind of content; `T` is what its documents are read as.

    Attributes:
        name: on the wire and in the database.
        noun: what messages to people call a piece of it.
        shape: of a document as it is written.
        normalise: returns the JSON that is stored for what was sent; what steps leave out is
            filled in from the types of the account's channels.
        check: reads normalised JSON under a key. Raises InvalidParams with every violation.
        read: reads stored JSON under a key, and refuses none.
        references: yields what a document refers to.
        templates: yields its Liquid sources.
        files: yields its objects that have members for files of their own.
        schemas: yields the JSON Schemas in it, each with its place.
        blame: names the cause of violations better than the check, which knows no channel, could.
    """

    name: ResourceType
    noun: str
    shape: type[Shape]
    normalise: Callable[[JsonObject, ChannelTypes], JsonObject]
    check: Callable[[JsonObject, str], T]
    read: Callable[[JsonValue, str], T]
    references: Callable[[T], Iterable[Reference]]
    templates: Callable[[T], Iterable[Template]]
    files: Callable[[T], Iterable[tuple[str, FileFields]]]
    schemas: Callable[[T], Iterable[tuple[str, JsonObject]]] = _nothing
    blame: Callable[[Iterable[FieldError], JsonObject, ChannelTypes], list[FieldError]] = (
        lambda errors, _content, _channels: list(errors)
    )
