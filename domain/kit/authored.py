"""What authored content is made of, whatever its kind: references, templates, files.

A piece of content tells these of itself, each with its place in the document, such as
`steps[0].template.html_body`; nobody else looks into it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from domain.kit.json_types import JsonObject, JsonValue

# What a reference to a channel leads to; every other one leads to a resource type.
CHANNEL = "channel"
# The type of every channel of the account, by key.
ChannelTypes: TypeAlias = Mapping[str, str]


class ResourceType(StrEnum):
    """What is authored, committed and promoted (Knock Management API: "Commits").

    `domain/content/kinds.py` has those of them that this version knows.
    """

    AUDIENCE = "audience"
    EMAIL_LAYOUT = "email_layout"
    GUIDE = "guide"
    MESSAGE_TYPE = "message_type"
    PARTIAL = "partial"
    TRANSLATION = "translation"
    WORKFLOW = "workflow"


@dataclass(frozen=True, slots=True)
class Reference:
    """What content refers to outside itself.

    Attributes:
        place: of the key.
        target: `CHANNEL`, or a resource type.
        key: what is referred to.
        channel_type: of which type a channel has to be.
    """

    place: str
    target: str
    key: str
    channel_type: str | None = None


class Language(StrEnum):
    """What a template renders to, as far as it is judged."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Template:
    """A Liquid source in content."""

    place: str
    source: str
    language: Language = Language.TEXT


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """How Knock's CLI keeps a member in a file of its own.

    Attributes:
        extension: of the file.
        by_default: whether the CLI makes the file unasked.
    """

    extension: str
    by_default: bool = True


# Of an object in a document, those of its members that become files.
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
