"""Tells whose token was presented (Knock docs: "API keys", "Service tokens")."""

from __future__ import annotations

from domain.kit.errors import Unauthenticated
from domain.kit.principals import EnvironmentScope, KeyKind, Principal, ServicePrincipal
from models.queries.account.credentials import find_credential
from runtime.crypto import hash_token
from services.engine import Engine


async def authenticate(engine: Engine, token: str) -> Principal | ServicePrincipal:
    """Return the holder of a token. Nothing is cached, so a revocation holds at once.

    Raises:
        Unauthenticated: `api_key_missing` when it is unknown or revoked, or `api_key_expired`.
    """
    async with engine.connection() as connection:
        found = await find_credential(connection, hash_token(token))
    if found is None:
        raise Unauthenticated("The API key is unknown or revoked.", code="api_key_missing")
    if found.is_expired:
        raise Unauthenticated("The API key has expired.", code="api_key_expired")
    if found.environment_id is None or found.environment_slug is None:
        return ServicePrincipal(found.id, found.name)
    environment = EnvironmentScope(
        found.environment_id, found.environment_slug, found.config_version
    )
    return Principal(KeyKind(found.kind), environment, found.id)
