"""Bearer credentials: who is calling, and whether this operation is open to that kind of key.

The kind is decided by the stored record. `X-Knock-User-Token` is not evaluated yet; without
enhanced security Knock ignores it too (Knock docs: "API keys", "Security and authentication"). So
outside development a public key reads, but changes nothing about a person.
"""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from domain.kit.errors import BadRequest, Forbidden, Unauthenticated, UnknownBranch
from domain.kit.principals import KeyKind, Principal, ServicePrincipal
from services.account.authentication import authenticate
from services.engine import Engine

# Longer than any token of ours, short enough to hash without thought.
_MAX_TOKEN_LENGTH = 512


# Dependencies are coroutines throughout: FastAPI runs a plain function in a thread, and the hops
# there and back cost more than all of them together.
async def get_engine(request: Request) -> Engine:
    """Return the parts of this process."""
    return cast(Engine, request.app.state.engine)


EngineDep = Annotated[Engine, Depends(get_engine)]


def bearer_token(request: Request) -> str:
    """Read the token of the `Authorization` header.

    Raises:
        Unauthenticated: there is no header, or it does not contain a bearer token.
    """
    header = request.headers.get("authorization")
    if not header:
        raise Unauthenticated("Send an API key: `Authorization: Bearer <key>`.")
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN_LENGTH:
        raise Unauthenticated(
            "The Authorization header does not contain a bearer token.", code="api_key_missing"
        )
    return token


async def find_caller(request: Request, engine: EngineDep) -> Principal | ServicePrincipal:
    """Return who presents the token, of whatever kind."""
    return await authenticate(engine, bearer_token(request))


Caller = Annotated[Principal | ServicePrincipal, Depends(find_caller)]


async def require_secret_key(request: Request, caller: Caller) -> Principal:
    """Let secret keys through."""
    refuse_branch(request)
    if isinstance(caller, Principal) and caller.kind is KeyKind.SECRET:
        return caller
    raise _wrong_kind("a secret key")


async def require_feed_key(request: Request, caller: Caller) -> Principal:
    """Let secret keys and public keys through."""
    refuse_branch(request)
    if isinstance(caller, Principal):
        return caller
    raise _wrong_kind("a secret or public key")


async def require_identity_key(
    principal: Annotated[Principal, Depends(require_feed_key)],
) -> Principal:
    """Let keys through that may change who a person is and how to reach them.

    Raises:
        Forbidden: a public key outside development.
    """
    if principal.is_anonymous:
        raise Forbidden(
            "Outside development a public key cannot change users: anybody who opens a page of "
            "your application has it. Call this operation from your server, with a secret key."
        )
    return principal


def refuse_branch(request: Request) -> None:
    """Raise UnknownBranch when a branch is named: this version has none.

    To go on would run the content of the environment where the caller asked for other content.
    """
    branch = request.headers.get("x-knock-branch")
    if branch:
        raise UnknownBranch(f"The branch {branch[:255]!r} does not exist.")


async def require_service_token(request: Request, engine: EngineDep) -> ServicePrincipal:
    """Let service tokens through; an unknown one is answered as Knock's own CLI expects it."""
    token = bearer_token(request)
    try:
        caller = await authenticate(engine, token)
    except Unauthenticated as error:
        refusal = BadRequest("The service token is invalid.", code="bearer_token_invalid")
        refusal.error_type = "authentication_error"
        raise refusal from error
    if isinstance(caller, ServicePrincipal):
        return caller
    raise _wrong_kind("a service token")


def _wrong_kind(needed: str) -> Unauthenticated:
    return Unauthenticated(f"This operation needs {needed}.", code="incorrect_token_type")


SecretKey = Annotated[Principal, Depends(require_secret_key)]
FeedKey = Annotated[Principal, Depends(require_feed_key)]
IdentityKey = Annotated[Principal, Depends(require_identity_key)]
ServiceToken = Annotated[ServicePrincipal, Depends(require_service_token)]
