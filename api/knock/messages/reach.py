"""Which messages a caller of an operation on messages may see and touch."""

from __future__ import annotations

from fastapi import Request

from api.kit.auth import tenants_of
from domain.kit.principals import KeyKind, Principal
from domain.messages.reach import Reach


def reach_of(request: Request, principal: Principal) -> Reach | None:
    """Return the messages within a caller's reach; None for all, as with a secret key."""
    if principal.kind is not KeyKind.PUBLIC:
        return None
    token = principal.user_token
    return Reach(
        principal.is_anonymous,
        None if token is None else token.user_id,
        tenants_of(request, principal),
    )
