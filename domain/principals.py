"""Who makes a request: an API key of one environment, or an account-wide service token."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class KeyKind(StrEnum):
    """What an API key may do; decided by the stored record, never by the key's prefix."""

    SECRET = "secret"  # noqa: S105 - a kind of key, not a key
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class EnvironmentScope:
    """The environment that a request works in.

    Attributes:
        config_version: the version of its configuration as read with the credential, or None when
            nobody has read it yet.
    """

    id: UUID
    slug: str
    config_version: int | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of an API key."""

    kind: KeyKind
    environment: EnvironmentScope
    key_id: UUID


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """The holder of a service token, who acts on the whole account."""

    token_id: UUID
    name: str
