"""Endpoints that are told what happens: what is stored of them, and what operators ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field

from domain.account.credentials import MAX_GRACE
from domain.kit.shapes import REFUSE_NULL, Shape, Wrong
from domain.webhooks.events import EVENT_TYPES

MAX_ENDPOINTS = 50
_LONGEST_URL = 2_048
_LONGEST_DESCRIPTION = 1_000

E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """An endpoint as it may be shown.

    Attributes:
        shown_url: its URL, secrets masked.
        next_key_at: when its next key begins to sign, if it has one.
    """

    id: UUID
    environment_id: UUID
    shown_url: str
    description: str | None
    event_types: list[str]
    is_enabled: bool
    next_key_at: datetime | None
    inserted_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class WithKey(Generic[E]):
    """Something with a signing key that is shown this once."""

    row: E
    signing_key: str


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is sealed of an endpoint.

    Attributes:
        url: as it is called.
        signing_key: signs until the next one does.
        next_key: signs from `next_key_at` on.
    """

    url: str
    signing_key: str
    next_key: str | None = None

    def key_at(self, now: datetime, next_key_at: datetime | None) -> str:
        """Return the key that signs at an instant."""
        is_next = next_key_at is not None and next_key_at <= now
        return self.next_key if is_next and self.next_key is not None else self.signing_key


def _is_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        has_login = bool(parts.username or parts.password)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and bool(url.strip())
        _ = parts.port
    except ValueError:
        raise Wrong("must be an absolute URL") from None
    if not is_whole or any(character.isspace() for character in url):
        raise Wrong("must be an absolute URL")
    if has_login:
        raise Wrong("must not contain a user name or a password")
    return url


def _are_known(event_types: list[str]) -> list[str]:
    unknown = [each for each in event_types if each not in EVENT_TYPES]
    if unknown:
        raise Wrong(f"has an unknown event type: {unknown[0][:100]!r}")
    return sorted(set(event_types))


Url = Annotated[
    str,
    Field(max_length=_LONGEST_URL, description="The URL to which events are sent by POST."),
    AfterValidator(_is_url),
]
EventTypes = Annotated[
    list[str],
    Field(
        min_length=1,
        max_length=len(EVENT_TYPES),
        description="The events that it receives.",
        json_schema_extra={"items": {"type": "string", "enum": list(EVENT_TYPES)}},
    ),
    AfterValidator(_are_known),
]
Description = Annotated[str | None, Field(max_length=_LONGEST_DESCRIPTION)]


class WebhookRequest(Shape):
    """A webhook to make."""

    url: Annotated[Url, REFUSE_NULL]
    description: Description = None
    event_types: Annotated[EventTypes, REFUSE_NULL]


def _kept() -> Any:
    """Return the default of what is kept when it is left out; see `model_fields_set`."""
    return None


class WebhookChange(Shape):
    """What changes of a webhook; what is left out stays as it is."""

    url: Url = Field(
        default_factory=_kept, description="Sending the URL back as it is shown changes nothing."
    )
    description: Description = Field(default_factory=_kept)
    event_types: EventTypes = Field(default_factory=_kept)
    enabled: bool = Field(
        default_factory=_kept,
        description=(
            "Whether events are sent. While it is disabled, new events are dropped; "
            "those that were waiting are sent once it is enabled again."
        ),
    )


class KeyRotation(Shape):
    """How a signing key is replaced."""

    grace_seconds: int = Field(
        0,
        ge=0,
        le=int(MAX_GRACE.total_seconds()),
        description=(
            "For how long the old key still signs, so that the receiver can learn the "
            "new one first."
        ),
    )
