"""What callers may do with messages, and the limits of such requests.

Source: Knock API reference ("Messages"), docs "Message statuses".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, WithJsonSchema

from domain.kit.ids import read_id
from domain.kit.json_types import JsonObject
from domain.kit.shapes import EMPTY_LIST_IS_OBJECT, Shape

MAX_MESSAGE_IDS = 50
MAX_METADATA_PAIRS = 5


class Engagement(StrEnum):
    """What a recipient, or an application in their name, does with a message."""

    SEEN = "seen"
    UNSEEN = "unseen"
    READ = "read"
    UNREAD = "unread"
    ARCHIVED = "archived"
    UNARCHIVED = "unarchived"
    INTERACTED = "interacted"


def known_message_ids(texts: Iterable[str]) -> list[UUID]:
    """Return those of the ids that a message of ours can have, each once, in the order given."""
    found = (read_id(text) for text in texts)
    return list(dict.fromkeys(one for one in found if one is not None))


def _flat(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        raise ValueError("must not be nested")  # noqa: TRY004 - pydantic takes it for a violation
    return value


_Flat = Annotated[
    Any, AfterValidator(_flat), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})
]


class InteractionIn(Shape):
    """What was interacted with: at most five flat pairs."""

    metadata: (
        Annotated[dict[str, _Flat], Field(max_length=MAX_METADATA_PAIRS), EMPTY_LIST_IS_OBJECT]
        | None
    ) = None


class BatchIn(Shape):
    """Up to 50 messages."""

    message_ids: list[str] = Field(min_length=1, max_length=MAX_MESSAGE_IDS)

    @property
    def known_ids(self) -> list[UUID]:
        """Return the ids that a message of ours can have; the others are as if it were gone."""
        return known_message_ids(self.message_ids)


class BatchInteractionIn(BatchIn, InteractionIn):
    """Up to 50 messages, and what was interacted with."""


@dataclass(frozen=True, slots=True)
class StatusChange:
    """What is to become of one or more messages.

    Attributes:
        metadata: told in the event of an interaction.
    """

    action: Engagement
    metadata: JsonObject | None = None
