"""Filters of lists, as the API reference names them: all apply, any value of a list is enough."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.json_types import JsonObject, JsonValue
from domain.refs import RecipientRef

# Strings of trigger data are stored with a message up to this length.
KEPT_CHARACTERS = 256
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
ENGAGEMENT_FILTERS = (
    "seen",
    "unseen",
    "read",
    "unread",
    "archived",
    "unarchived",
    "link_clicked",
    "interacted",
)
FEED_STATUSES = ("unread", "read", "unseen", "seen", "all")


@dataclass(frozen=True, slots=True)
class DataFilter:
    """Top-level values that trigger data must have: for each key, any one of several.

    Source: Knock docs, "Filtering messages by trigger data"; exact values, no operators.
    """

    wanted: Mapping[str, tuple[JsonValue, ...]]

    @classmethod
    def of_json(cls, values: JsonObject) -> DataFilter:
        """Ask for values as they are."""
        return cls({key: (value,) for key, value in values.items()})

    @classmethod
    def of_texts(cls, texts: Mapping[str, str]) -> DataFilter:
        """Ask for values written as text, which `key[name]=42` cannot tell from the number."""
        return cls({key: _readings(text) for key, text in texts.items()})

    def kept(self) -> DataFilter:
        """Cut strings as those of stored data were cut."""
        return DataFilter(
            {
                key: tuple(one[:KEPT_CHARACTERS] if isinstance(one, str) else one for one in values)
                for key, values in self.wanted.items()
            }
        )

    def matches(self, data: JsonObject) -> bool:
        """Tell whether data has the values."""
        return all(
            key in data and any(_is_same(data[key], value) for value in values)
            for key, values in self.wanted.items()
        )


def _readings(text: str) -> tuple[JsonValue, ...]:
    if text in ("true", "false"):
        return text, text == "true"
    try:
        number = json.loads(text) if _NUMBER.fullmatch(text) else None
    except ValueError:  # more digits than an integer may have
        return (text,)
    return (text,) if number is None or number in (math.inf, -math.inf) else (text, number)


def _is_same(first: JsonValue, second: JsonValue) -> bool:
    """Compare as JSON does: true is not 1."""
    return bool(first == second) and isinstance(first, bool) is isinstance(second, bool)


class Archived(StrEnum):
    """Whether a feed shows archived items."""

    EXCLUDE = "exclude"
    INCLUDE = "include"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of an instant; each may be missing."""

    gt: datetime | None = None
    gte: datetime | None = None
    lt: datetime | None = None
    lte: datetime | None = None


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages a list holds.

    Attributes:
        source: key of the workflow.
        trigger_data: top-level values that the message's data must have.
    """

    recipient: RecipientRef | None = None
    tenant: str | None = None
    channel_id: UUID | None = None
    statuses: list[str] | None = None
    engagement: list[str] | None = None
    message_ids: list[UUID] | None = None
    categories: list[str] | None = None
    source: str | None = None
    workflow_run_id: UUID | None = None
    recipient_run_id: UUID | None = None
    trigger_data: DataFilter | None = None
    inserted_at: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """Which items a feed shows; `tenant` also shows items without any, unless `has_tenant`."""

    status: str = "all"
    archived: Archived = Archived.EXCLUDE
    tenant: str | None = None
    has_tenant: bool | None = None
    source: str | None = None
    categories: list[str] | None = None
    trigger_data: DataFilter | None = None
    inserted_at: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which recipient runs a list holds."""

    workflow_key: str | None = None
    statuses: list[str] | None = None
    tenant: str | None = None
    has_errors: bool | None = None
    recipient: RecipientRef | None = None
    starting_at: datetime | None = None
    ending_at: datetime | None = None
