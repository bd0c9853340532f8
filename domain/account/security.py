"""How an environment knows whose browser is calling: signing keys, and whether tokens must be sent.

Source: Knock docs, "Security and authentication"; in Knock these are settings of the dashboard.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import Field

from domain.account.credentials import Name
from domain.kit.shapes import Shape

# Each token is tried with each of them.
MAX_SIGNING_KEYS = 10


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The public half of a key that user tokens are signed with; the private one is not kept."""

    id: UUID
    environment_id: UUID
    name: str
    public_key: str
    inserted_at: datetime


@dataclass(frozen=True, slots=True)
class IssuedSigningKey:
    """A key just stored; its private half is shown this once, when it was made here."""

    row: SigningKey
    private_key: str | None


class SigningKeyRequest(Shape):
    """A signing key to make, or one of your own to take."""

    name: Name = "Signing key"
    public_key: str | None = Field(
        None,
        max_length=10_000,
        description=(
            "PEM of an existing RSA key, its public or its private half, or base64 of "
            "that; only the public half is kept. If it is left out, a key is generated."
        ),
    )


@dataclass(frozen=True, slots=True)
class Security:
    """What an environment demands of whoever presents a public key.

    Attributes:
        enhanced_security: what an operator has said; None when nobody has.
        is_required: whether a user token has to be sent.
    """

    enhanced_security: bool | None
    is_required: bool


class SecurityRequest(Shape):
    """Whether public keys need a user token."""

    enhanced_security: bool | None = Field(
        description="null: required in every environment except `development`."
    )
