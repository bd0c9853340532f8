"""What callers may do with messages, and the limits of such requests.

Source: Knock API reference ("Messages"), docs "Message statuses".
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

from domain.kit.errors import InvalidParams
from domain.kit.ids import read_id
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.violations import as_object

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


def parse_metadata(raw: JsonValue) -> JsonObject | None:
    """Read the metadata of an interaction.

    Raises:
        InvalidParams: it is not an object, has more than five pairs, or is not flat.
    """
    if raw is None:
        return None
    metadata = as_object(raw, "metadata")
    if len(metadata) > MAX_METADATA_PAIRS:
        raise InvalidParams.of("metadata", f"must have at most {MAX_METADATA_PAIRS} pairs")
    for key, value in metadata.items():
        if isinstance(value, (dict, list)):
            raise InvalidParams.of(f"metadata.{key}", "must not be nested")
    return metadata


def known_message_ids(texts: Iterable[str]) -> list[UUID]:
    """Return those of the ids that a message of ours can have, each once, in the order given."""
    found = (read_id(text) for text in texts)
    return list(dict.fromkeys(one for one in found if one is not None))


def parse_message_ids(raw: JsonValue) -> list[UUID]:
    """Read the ids of a batch, each once, in the order given.

    Ids that no message of ours can have are left out, as ids of messages that are gone are.

    Raises:
        InvalidParams: it is not a list of 1 to 50 strings.
    """
    if not isinstance(raw, list) or not raw:
        raise InvalidParams.of("message_ids", "must be a non-empty list of message ids")
    if len(raw) > MAX_MESSAGE_IDS:
        raise InvalidParams.of("message_ids", f"must have at most {MAX_MESSAGE_IDS} entries")
    for index, value in enumerate(raw):
        if not isinstance(value, str):
            raise InvalidParams.of(f"message_ids[{index}]", "must be a string")
    return known_message_ids(raw)
