"""Tells whose token was presented (Knock docs: "API keys", "Service tokens")."""

from __future__ import annotations

from domain.kit.errors import Unauthenticated
from domain.kit.principals import EnvironmentScope, KeyKind, Principal, ServicePrincipal
from models.queries.account import credentials
from runtime.crypto import hash_token
from services.engine import Engine


async def authenticate(engine: Engine, token: str) -> Principal | ServicePrincipal:
    """Return the holder of a token. Nothing is cached, so a revocation holds at once.

    Raises:
        Unauthenticated: `api_key_missing` when it is unknown or revoked, or `api_key_expired`.
    """
    async with engine.database.connection() as connection:
        row = await credentials.find_credential(connection, hash_token(token))
    if row is None:
        raise Unauthenticated("The API key is unknown or revoked.", code="api_key_missing")
    if row["is_expired"]:
        raise Unauthenticated("The API key has expired.", code="api_key_expired")
    if row["kind"] == "service":
        return ServicePrincipal(row["id"], row["name"])
    environment = EnvironmentScope(
        row["environment_id"], row["environment_slug"], row["config_version"]
    )
    return Principal(KeyKind(row["kind"]), environment, row["id"])
