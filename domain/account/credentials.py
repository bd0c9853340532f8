"""API keys and service tokens: what is stored of them, and what is asked for.

Knock makes them in its dashboard (docs: "API keys", "Service tokens"). A token itself is never
stored, only its hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, Field

from domain.kit.principals import DEVELOPMENT
from domain.kit.shapes import Shape

MAX_GRACE = timedelta(days=30)
_MAX_NAME = 255

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of one environment; `environment` is its slug, `hint` tells keys apart."""

    id: UUID
    environment_id: UUID
    environment: str
    kind: str
    name: str
    hint: str
    inserted_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """A token of the whole account, every environment included."""

    id: UUID
    name: str
    hint: str
    inserted_at: datetime


@dataclass(frozen=True, slots=True)
class Credential:
    """What a presented token opens: `kind` is `secret`, `public`, or `service` for the account.

    Attributes:
        requires_user_token: whether whoever has a public key must prove in whose name they come.
        signing_keys: the public halves of the keys that user tokens are signed with, as PEM; of
            public keys only.
    """

    kind: str
    id: UUID
    name: str
    environment_id: UUID | None
    environment_slug: str | None
    config_version: int | None
    is_expired: bool
    requires_user_token: bool = False
    signing_keys: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Issued(Generic[R]):
    """A credential just made: its record, and the token that is shown this once."""

    row: R
    token: str


def _not_blank(name: str) -> str:
    if not name.strip():
        raise ValueError("must not be blank")
    return name


Name = Annotated[str, Field(min_length=1, max_length=_MAX_NAME), AfterValidator(_not_blank)]


class ApiKeyRequest(Shape):
    """A key to make."""

    environment: str = Field(DEVELOPMENT, description="Slug.")
    kind: Literal["secret", "public"]
    name: Name


class RotationRequest(Shape):
    """How a key is replaced."""

    grace_seconds: int = Field(
        0,
        ge=0,
        le=int(MAX_GRACE.total_seconds()),
        description="How long the old key still works.",
    )


class ServiceTokenRequest(Shape):
    """A service token to make; it is good for the whole account, every environment included."""

    name: Name
