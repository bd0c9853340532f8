"""Links that stand for longer ones, and what was done with a message."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.kit.ids import new_id

# As long as Knock's ("Link and open tracking"). Nobody guesses one of 62 ** 10.
KEY_LENGTH = 10
_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortLink:
    """A link in a message whose place has no room for its target; the fields are columns.

    Attributes:
        key: what its address has of it.
        collection, recipient_id: whose message it is in, so that it goes with them; the message
            itself may go before.
        url: where it leads.
    """

    key: str
    environment_id: UUID
    message_id: UUID
    collection: str
    recipient_id: str
    url: str
    inserted_at: datetime


def new_key() -> str:
    """Make the key of a short link."""
    return "".join(secrets.choice(_LETTERS) for _ in range(KEY_LENGTH))


def is_key(text: str) -> bool:
    """Tell whether a short link of ours can have such a key."""
    return len(text) == KEY_LENGTH and set(text) <= set(_LETTERS)


@dataclass(frozen=True, slots=True)
class TrackedLink:
    """Where a link of a message leads."""

    message_id: UUID
    url: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """That somebody opened a message or followed a link in it.

    Attributes:
        message_id: which message; it may be gone.
        at: when.
        url: of the link; None when the message was opened.
        event_id: of the event that tells of it, so that it can be stored twice without harm.
        read_event_id: of the event that it was read by following the link.
    """

    message_id: UUID
    at: datetime
    url: str | None = None
    event_id: UUID = field(default_factory=new_id)
    read_event_id: UUID = field(default_factory=new_id)
