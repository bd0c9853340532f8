"""Tells whose token was presented.

Source: Knock docs, "API keys", "Service tokens", "Security and authentication".
"""

from __future__ import annotations

from domain.account.credentials import Credential
from domain.kit.errors import Unauthenticated
from domain.kit.principals import EnvironmentScope, KeyKind, Principal, ServicePrincipal
from domain.kit.user_tokens import UserToken, WrongClaims, read_claims
from models.queries.account.credentials import find_credential
from runtime.tokens import hash_token
from runtime.user_token_keys import signed_claims
from services.engine import Engine

# What clients send that have no user token: a header without a value, or the word for that.
_NO_USER_TOKEN = (None, "", "null", "undefined")


async def authenticate(
    engine: Engine, token: str, user_token: str | None = None
) -> Principal | ServicePrincipal:
    """Return the holder of a token. Nothing is cached, so a revocation holds at once.

    Args:
        engine: the parts of this process.
        token: an API key or a service token.
        user_token: what came beside it, to prove in whose name a public key is used; other tokens
            need no proof, and it is not looked at.

    Raises:
        Unauthenticated: `api_key_missing` when it is unknown or revoked, or `api_key_expired`; and
            of user tokens `missing_user_token`, `missing_jwt_signing_key`, `invalid_user_token`.
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
    kind = KeyKind(found.kind)
    user = _proven(engine, found, user_token) if kind is KeyKind.PUBLIC else None
    return Principal(kind, environment, found.id, user)


def _proven(engine: Engine, found: Credential, user_token: str | None) -> UserToken | None:
    """Read the user token that came with a public key; None without one, where none is needed."""
    if user_token is None or user_token.strip() in _NO_USER_TOKEN:
        if found.requires_user_token:
            raise Unauthenticated(
                "In this environment a public key needs a user token: `X-Knock-User-Token: <JWT>`.",
                code="missing_user_token",
            )
        return None
    if not found.signing_keys:
        raise Unauthenticated(
            "The environment has no signing key to check a user token with.",
            code="missing_jwt_signing_key",
        )
    claims = signed_claims(user_token.strip(), found.signing_keys)
    if claims is None:
        raise _refused("It is not signed with a signing key of this environment.")
    try:
        return read_claims(claims, engine.clock())
    except WrongClaims as error:
        raise _refused(str(error)) from error


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(f"The user token is invalid. {why}", code="invalid_user_token")
