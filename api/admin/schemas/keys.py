"""Wire shapes of API keys and service tokens."""

from __future__ import annotations

from typing import Literal, Self

from domain.account.credentials import ApiKey, Issued, ServiceToken
from domain.kit.answers import LeftOut, Moment, Out


class ApiKeyOut(Out):
    """An API key; `token` is there once, in the answer that made it."""

    id: str
    environment: str
    kind: Literal["secret", "public"]
    name: str
    hint: str
    created_at: Moment
    expires_at: Moment | None
    token: LeftOut[str] = None

    @classmethod
    def of(cls, key: ApiKey, token: str | None = None) -> Self:
        """Write a key."""
        return cls(
            id=str(key.id),
            environment=key.environment,
            kind="public" if key.kind == "public" else "secret",
            name=key.name,
            hint=key.hint,
            created_at=key.inserted_at,
            expires_at=key.expires_at,
            token=token,
        )


class ApiKeyBodyOut(Out):
    """The key just made."""

    api_key: ApiKeyOut

    @classmethod
    def of(cls, issued: Issued[ApiKey]) -> Self:
        """Write a key with its token."""
        return cls(api_key=ApiKeyOut.of(issued.row, issued.token))


class ServiceTokenOut(Out):
    """A service token; `token` is there once, in the answer that made it."""

    id: str
    name: str
    hint: str
    created_at: Moment
    token: LeftOut[str] = None

    @classmethod
    def of(cls, row: ServiceToken, token: str | None = None) -> Self:
        """Write a service token."""
        return cls(
            id=str(row.id), name=row.name, hint=row.hint, created_at=row.inserted_at, token=token
        )


class ServiceTokenBodyOut(Out):
    """The token just made."""

    service_token: ServiceTokenOut

    @classmethod
    def of(cls, issued: Issued[ServiceToken]) -> Self:
        """Write a service token with the token itself."""
        return cls(service_token=ServiceTokenOut.of(issued.row, issued.token))
