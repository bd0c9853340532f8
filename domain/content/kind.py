"""What a kind of content tells of itself, so that everything else works for any kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from domain.kit.authored import ChannelTypes, FileFields, Reference, ResourceType, Template
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Shape
from domain.kit.stored import without_client_keys

T = TypeVar("T")


class KindOfContent(ABC, Generic[T]):
    """One kind of content; `T` is what its documents are read as.

    Attributes:
        name: on the wire and in the database; of what is committed a `ResourceType`.
        noun: what messages to people call a piece of it.
        shape: of a document as it is written.
        beside: what clients are told of it that is not content, of `active` and `valid`.
        starts_active: whether it is switched on where it is made.
        is_branched: whether a branch has its own; else it has that of its environment.
        of_each_environment: what people are told where an environment lacks what another one has,
            of a kind that may hold at once and then is not promoted.
        defaults: what is stored of members that are left out or null, where that is not null.
        unsaid: members that are stored only where something is said by them.
    """

    name: ClassVar[StrEnum]
    noun: ClassVar[str]
    shape: ClassVar[type[Shape]]
    beside: ClassVar[tuple[str, ...]] = ()
    starts_active: ClassVar[bool] = True
    is_branched: ClassVar[bool] = True
    of_each_environment: ClassVar[str] = ""
    defaults: ClassVar[Mapping[str, JsonValue]] = {}
    unsaid: ClassVar[frozenset[str]] = frozenset()

    def completed_by(self, raw: JsonObject) -> Collection[tuple[ResourceType, str]]:
        """Return type and key of the content that says what a document that was sent leaves out."""
        return ()

    def complete(
        self, raw: JsonObject, documents: Mapping[tuple[str, str], JsonObject]
    ) -> JsonObject:
        """Return a document with what it leaves out, as far as that content is there."""
        return raw

    def normalise(self, raw: JsonObject, channel_types: ChannelTypes) -> JsonObject:
        """Return the JSON that is stored for what was sent; wrong values stay, for the check.

        Unless a kind does it in its own way: the members that are written, with their defaults.

        Args:
            raw: the document.
            channel_types: say what steps may leave out.
        """
        sent = {name: without_client_keys(raw.get(name)) for name in self.shape.model_fields}
        return sent | {
            name: deepcopy(default) for name, default in self.defaults.items() if sent[name] is None
        }

    @abstractmethod
    def check(self, content: JsonObject, key: str) -> T:
        """Read normalised JSON under a key. Raises InvalidParams with every violation."""

    @abstractmethod
    def read(self, content: JsonValue, key: str) -> T:
        """Read stored JSON under a key, and refuse none."""

    def salvage(self, content: JsonObject, key: str) -> tuple[T, list[Template]]:
        """Read what can be read of a refused document, for what else is wrong in it.

        Returns:
            the document, and the Liquid sources in what of it could not be read.
        """
        return self.read(content, key), []

    def references(self, document: T) -> Iterator[Reference]:
        """Yield what a document refers to."""
        yield from ()

    def templates(self, document: T) -> Iterator[Template]:
        """Yield the Liquid sources of a document."""
        yield from ()

    def files(self, document: T) -> Iterator[tuple[str, FileFields]]:
        """Yield its objects that have members for files of their own, by place."""
        yield from ()

    def schemas(self, document: T) -> Iterator[tuple[str, JsonObject]]:
        """Yield the JSON Schemas in a document, each with its place."""
        yield from ()

    def takes(self, content: JsonObject) -> JsonObject | None:
        """Return the JSON Schema of what other content gives to stored content, if it has one."""
        return None

    def comparable(self, content: JsonObject, key: str) -> JsonObject:
        """Return what is stored of a document as its changes are told."""
        return content

    def holds_at_once(self, document: T) -> bool:
        """Tell whether a document is published where it is saved, without a commit."""
        return False

    def succeed(self, before: T, after: T) -> None:
        """Judge a document that takes the place of another. Raises InvalidParams."""
        return

    def blame(
        self, errors: Iterable[FieldError], content: JsonObject, channel_types: ChannelTypes
    ) -> list[FieldError]:
        """Name causes that the check, which knows no channel, could not name."""
        return list(errors)
