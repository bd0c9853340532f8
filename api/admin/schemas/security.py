"""Wire shapes of user tokens: the keys that sign them, and whether they must be sent."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from domain.account.security import IssuedSigningKey, Security, SigningKey
from domain.kit.answers import LeftOut, Moment, Out


class SigningKeyOut(Out):
    """A signing key; `signing_key`, its private half, is there once, when it was made here."""

    id: str
    name: str
    public_key: str
    created_at: Moment
    signing_key: LeftOut[str] = None

    @classmethod
    def of(cls, row: SigningKey, private_key: str | None = None) -> Self:
        """Write a key."""
        return cls(
            id=str(row.id),
            name=row.name,
            public_key=row.public_key,
            created_at=row.inserted_at,
            signing_key=private_key,
        )


class SigningKeyBodyOut(Out):
    """The key just stored."""

    signing_key: SigningKeyOut

    @classmethod
    def of(cls, issued: IssuedSigningKey) -> Self:
        """Write a key with its private half."""
        return cls(signing_key=SigningKeyOut.of(issued.row, issued.private_key))


class SecurityOut(Out):
    """What public keys of an environment need."""

    enhanced_security: bool | None = Field(
        description="null: required in every environment except `development`."
    )
    requires_user_token: bool

    @classmethod
    def of(cls, security: Security) -> Self:
        """Write it."""
        return cls(
            enhanced_security=security.enhanced_security, requires_user_token=security.is_required
        )


class SecurityBodyOut(Out):
    """What public keys of the environment need now."""

    security: SecurityOut

    @classmethod
    def of(cls, security: Security) -> Self:
        """Write it."""
        return cls(security=SecurityOut.of(security))
