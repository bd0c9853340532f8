"""What authored content is made of, whatever its kind: references, templates, files.

A piece of content tells these of itself, each with its place in the document, such as
`steps[0].template.html_body`; nobody else looks into it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue

# What references to channels, to groups of them and to sources lead to; others lead to a resource
# type.
CHANNEL = "channel"
CHANNEL_GROUP = "channel_group"
SOURCE = "source"
# What people call what a step sends on; it names one of them under the same word with `_key`.
NOUNS: Mapping[str, str] = {CHANNEL: "channel", CHANNEL_GROUP: "channel group"}


@dataclass(frozen=True, slots=True)
class ChannelTypes:
    """The type of every channel of the account, and of every channel group, by key."""

    channels: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)

    def of(self, target: str, key: str) -> str | None:
        """Return the type that a reference leads to; None when there is nothing."""
        return (self.groups if target == CHANNEL_GROUP else self.channels).get(key)

    def only(self, channel_type: str) -> str | None:
        """Return the key of the only channel of a type; None when there are none, or several."""
        known = [key for key, each in self.channels.items() if each == channel_type]
        return known[0] if len(known) == 1 else None


class ResourceType(StrEnum):
    """What is authored, committed and promoted (Knock Management API: "Commits").

    A goal is neither: it is published where it is saved.
    `domain/content/kinds.py` has those of them that this version knows.
    """

    AUDIENCE = "audience"
    EMAIL_LAYOUT = "email_layout"
    GOAL = "goal"
    GUIDE = "guide"
    MESSAGE_TYPE = "message_type"
    PARTIAL = "partial"
    REUSABLE_REQUEST = "reusable_request"
    TRANSLATION = "translation"
    WORKFLOW = "workflow"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What content gives to what it refers to, by name, and where; strings in it are Liquid."""

    place: str
    values: JsonObject


@dataclass(frozen=True, slots=True)
class Reference:
    """What content refers to outside itself.

    Attributes:
        place: of the key.
        target: `CHANNEL`, `CHANNEL_GROUP`, or a resource type.
        key: what is referred to.
        channel_type: of which type a channel or group has to be.
        is_required: whether it is wrong when there is nothing.
        may_follow: whether what is referred to may come later. Until then content is not valid,
            and yet it may be pushed: Knock's CLI validates and commits a folder kind by kind, and
            what is of the same kind, or of a later one, is not there yet.
        misfits: yields what does not fit to what is referred to, of which it is given the document.
        inputs: what it is given, if it takes anything; its own JSON Schema judges them.
    """

    place: str
    target: str
    key: str
    channel_type: str | None = None
    is_required: bool = True
    may_follow: bool = False
    misfits: Callable[[JsonObject], Iterator[FieldError]] | None = field(
        default=None, compare=False
    )
    inputs: Inputs | None = field(default=None, compare=False)


class Language(StrEnum):
    """What a template renders to, as far as it is judged."""

    TEXT = "text"
    JSON = "json"
    # A whole document; and what stands in the body of another one.
    MJML = "mjml"
    MJML_PART = "mjml_part"


@dataclass(frozen=True, slots=True)
class Template:
    """A Liquid source in content.

    Attributes:
        place: in the document.
        language: what it renders to.
        step: ref of the step that it belongs to, if it belongs to one.
    """

    place: str
    source: str
    language: Language = Language.TEXT
    step: str | None = None


def texts_within(value: JsonValue, place: str) -> Iterator[Template]:
    """Yield the strings in a value, at any depth, as the templates that they are."""
    if isinstance(value, str):
        yield Template(place, value)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from texts_within(member, f"{place}.{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from texts_within(member, f"{place}[{index}]")


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """How Knock's CLI keeps a member in a file of its own.

    Attributes:
        extension: of the file.
        by_default: whether the CLI makes the file unasked.
    """

    extension: str
    by_default: bool = True


# The members of an object in a document that become files.
FileFields: TypeAlias = Mapping[str, TemplateFile]


def write_defaults(raw: JsonObject, defaults: Mapping[str, JsonValue]) -> None:
    """Write into an authored object what Knock's documents require and authors leave out.

    Args:
        raw: changed in place; what it says stays.
        defaults: by name; of an object each member by itself.
    """
    for name, default in defaults.items():
        if raw.get(name) is None:
            raw[name] = copy.deepcopy(default)
        elif isinstance(default, dict) and isinstance(raw[name], dict):
            write_defaults(raw[name], default)
