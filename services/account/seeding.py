"""What a fresh stack needs of the account: made where it is missing, and never made again.

What takes a `Unit` here is part of one that has called `take_turn`.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.account.environments import Environment
from domain.kit.ids import new_id
from domain.kit.principals import EnvironmentScope, KeyKind
from models.queries.account import environments as queries
from models.queries.account.credentials import find_credential
from models.queries.account.signing_keys import is_signing_key
from runtime.tokens import hash_token
from services.account.api_keys import keep_api_key, keep_service_token
from services.account.environments import find_environment
from services.account.security import keep_signing_key
from services.engine import Unit

_NAME = "Seed"


async def take_turn(unit: Unit) -> None:
    """Wait for whoever seeds the same database, until the unit ends."""
    await queries.lock_seeding(unit.connection)


async def ensure_environments(unit: Unit, slugs: Sequence[str]) -> list[Environment]:
    """Return environments in the order of promotion, made where they are missing."""
    for position, slug in enumerate(slugs):
        await queries.insert_environment(
            unit.connection,
            environment_id=new_id(),
            slug=slug,
            name=slug.capitalize(),
            position=position,
            now=unit.now,
        )
    return [await find_environment(unit.connection, slug) for slug in slugs]


async def ensure_service_token(unit: Unit, token: str) -> bool:
    """Store a service token; False when it was stored before and has ended since."""
    await keep_service_token(unit, name=_NAME, token=token)
    return await _works(unit, token)


async def ensure_api_key(
    unit: Unit, environment: EnvironmentScope, kind: KeyKind, token: str
) -> bool:
    """Store a key of an environment; False when it was stored before and has ended since."""
    await keep_api_key(unit, environment, kind=kind, name=_NAME, token=token)
    return await _works(unit, token)


async def ensure_signing_key(unit: Unit, environment: EnvironmentScope, public_key: str) -> bool:
    """Store the public half of a key; False when it was stored before and has ended since."""
    await keep_signing_key(unit, environment, name=_NAME, public_key=public_key)
    return await is_signing_key(unit.connection, environment.id, public_key)


async def _works(unit: Unit, token: str) -> bool:
    return await find_credential(unit.connection, hash_token(token)) is not None
