"""Bearer credentials: who is calling, and whether this operation is open to that kind of key.

The kind is decided by the stored record. A public key comes with a user token, which says in whose
name (Knock docs: "API keys", "Security and authentication"): it has to where the environment has
enhanced security. Where an operator does without it, and nobody proves who they are, a public key
outside development reads what it may read, as at Knock, but changes nothing about a person.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, cast

from fastapi import Depends, Request

from api.kit.abilities import ability_for
from domain.kit.errors import BadRequest, Forbidden, Unauthenticated
from domain.kit.principals import KeyKind, Principal, ServicePrincipal
from domain.kit.user_tokens import Ability, TenantScope, UserToken
from domain.preferences.names import tenant_of_set
from services.account.authentication import authenticate
from services.content.branches import on_branch
from services.engine import Engine

# What paths without a user take, too: those of messages, which are the token's user's own.
_OF_OWN_MESSAGES = (Ability.FEED_READ, Ability.FEED_WRITE)
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
    """Return who presents the token, of whatever kind; the holder of a key with its branch."""
    user_token = request.headers.get("x-knock-user-token")
    caller = await authenticate(engine, bearer_token(request), user_token)
    branch = request.headers.get("x-knock-branch")
    if branch and isinstance(caller, Principal):
        # Without it the content of the environment would run where the caller asked for other.
        return replace(caller, environment=await on_branch(engine, caller.environment, branch))
    return caller


Caller = Annotated[Principal | ServicePrincipal, Depends(find_caller)]


async def require_secret_key(request: Request, caller: Caller) -> Principal:
    """Let secret keys through."""
    if isinstance(caller, Principal) and caller.kind is KeyKind.SECRET:
        return caller
    raise _wrong_kind("a secret key")


async def require_feed_key(request: Request, caller: Caller) -> Principal:
    """Let secret keys through, and public keys, whose user token has to allow the operation.

    Raises:
        Unauthenticated: another credential, or the token of another user than the path's.
        Forbidden: the token does not allow it.
    """
    if not isinstance(caller, Principal):
        raise _wrong_kind("a secret or public key")
    if caller.user_token is not None:
        ability = ability_of(request)
        if ability is not None:
            _check_path(request, caller.user_token, ability)
    return caller


def ability_of(request: Request) -> Ability | None:
    """Return what a user token has to allow for the operation that is called."""
    return ability_for(request.method, request.scope["route"].path_format)


def _check_path(request: Request, token: UserToken, ability: Ability) -> None:
    """Check that a token allows something for whom or what the path names, if it names any.

    Which messages it reaches beyond that, their tenants decide.
    """
    named = request.path_params
    if "user_id" in named or ability in _OF_OWN_MESSAGES:
        check_user(token, ability, named.get("user_id", token.user_id))
    if "set_id" in named:
        check_set(token, ability, named["set_id"])
    if "object_id" in named:
        check_object(token, ability, named["collection"], named["object_id"])


def check_user(token: UserToken, ability: Ability, user_id: str) -> None:
    """Check that a token allows something for a user.

    Raises:
        Unauthenticated: it is the token of another user.
        Forbidden: it does not grant it.
    """
    if user_id != token.user_id:
        raise token_of_another()
    if not token.may_for_user(ability, user_id):
        raise not_granted(ability)


def check_set(token: UserToken, ability: Ability, set_id: str) -> None:
    """Check that a token allows something with a preference set of its user. Raises Forbidden."""
    scope = token.tenants(ability)
    if scope is not None and not scope.covers(tenant_of_set(set_id)):
        raise not_granted(ability)


def check_object(token: UserToken, ability: Ability, collection: str, object_id: str) -> None:
    """Check that a token allows something for an object. Raises Forbidden."""
    if not token.may_for_object(ability, collection, object_id):
        raise not_granted(ability)


def token_of_another() -> Unauthenticated:
    """Return the error for a token of another user than the one who is asked about."""
    return Unauthenticated(
        "The user token is invalid. It is the token of another user.", code="invalid_user_token"
    )


def not_granted(ability: Ability) -> Forbidden:
    """Return the error for what a token does not allow."""
    return Forbidden(f"The user token does not grant `{ability}` here.")


def tenants_of(request: Request, principal: Principal) -> TenantScope | None:
    """Return the tenants that a caller is kept to in the operation that is called; None for all."""
    ability = ability_of(request)
    if principal.user_token is None or ability is None:
        return None
    return principal.user_token.tenants(ability)


def check_tenant(request: Request, principal: Principal, tenant_id: str | None) -> None:
    """Check that a caller may reach something of a tenant, or of none. Raises Forbidden."""
    scope, ability = tenants_of(request, principal), ability_of(request)
    if scope is not None and ability is not None and not scope.covers(tenant_id):
        raise not_granted(ability)


async def require_identity_key(
    principal: Annotated[Principal, Depends(require_feed_key)],
) -> Principal:
    """Let keys through that may change who a person is, how to reach them and what they prefer.

    They may also act with what a tenant or an object has stored to reach its workspaces.

    Raises:
        Forbidden: a public key outside development.
    """
    if principal.is_anonymous:
        raise Forbidden(
            "Outside development this needs a user token (`X-Knock-User-Token`) besides the "
            "public key, because anyone who opens a page of your application has the public key. "
            "Or call it from your server with a secret key."
        )
    return principal


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
