"""Signs user tokens as an application's own server does."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import jwt

from domain.kit.clock import utc_now
from runtime.user_token_keys import new_signing_key, public_half
from tests.support.builders import T0, Builder, Environment

_API = "https://api.knock.app/v1"


@cache
def signing_key(name: str = "first") -> str:
    """Return a signing key; the same one for the same name, because to make one takes time."""
    assert name
    return new_signing_key()


def signed(user_id: Any, key: str | None = None, **claims: Any) -> str:
    """Return a token of a user that is good for an hour; `claims` are added; None: left out."""
    now = utc_now()
    given = {
        "sub": user_id,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(hours=1)).timestamp()),
        **claims,
    }
    kept = {name: value for name, value in given.items() if value is not None}
    return jwt.encode(kept, key or signing_key(), algorithm="RS256")


def granted(resource: str, *abilities: str, how: Any = ({},)) -> dict[str, Any]:
    """Return what a token grants for a resource, for example `objects/$tenants/ingen`."""
    return {f"{_API}/{resource}": {ability: list(how) for ability in abilities}}


async def let_sign(make: Builder, environment: Environment, *, is_required: bool = True) -> None:
    """Give an environment the key that `signed` signs with, and perhaps demand user tokens."""
    await make.insert(
        "signing_keys",
        id=uuid4(),
        environment_id=environment.id,
        name="Test",
        public_key=public_half(signing_key()),
        inserted_at=T0,
    )
    await make.rows(
        "UPDATE environments SET enhanced_security = %s WHERE id = %s", is_required, environment.id
    )


def of_browser(environment: Environment, user_token: str | None = None) -> dict[str, str]:
    """Return the headers of a request from a page: its public key, perhaps with a user token."""
    headers = {"authorization": f"Bearer {environment.public_key}"}
    return headers if user_token is None else {**headers, "x-knock-user-token": user_token}
