"""The chain of environments: one joins it before the last, is called something else, or leaves it.

Source: Knock docs, "Environments": an account begins with development and production, each further
environment is inserted after any but production, and none changes its place, as commits that were
promoted would be in the wrong order then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from domain.account.credentials import ApiKey, Issued
from domain.account.environments import (
    MAX_ENVIRONMENTS,
    Environment,
    EnvironmentChangeIn,
    EnvironmentIn,
)
from domain.account.security import IssuedSigningKey
from domain.content.kinds import KINDS
from domain.kit.errors import InvalidParams, Unprocessable
from domain.kit.ids import new_id
from domain.kit.principals import KeyKind
from models.queries.account import environments as queries
from models.queries.content.chain import close_gap, copy_published
from models.queries.content.drafts import lock_publication
from models.queries.sources.sources import copy_environment, forget_environment, list_sources
from runtime.tokens import new_token
from runtime.user_token_keys import new_signing_key, public_half
from services.account.api_keys import PREFIXES, keep_api_key
from services.account.environments import find_environment
from services.account.security import keep_signing_key
from services.engine import Engine, Unit
from services.off_loop import off_loop

_KEY_NAME = "First key"


@dataclass(frozen=True, slots=True)
class NewEnvironment:
    """An environment that was just made, with its first keys, which are shown this once."""

    environment: Environment
    api_keys: list[Issued[ApiKey]]
    signing_key: IssuedSigningKey


async def add_environment(engine: Engine, wanted: EnvironmentIn) -> NewEnvironment:
    """Make an environment directly after the one that is wanted, or before the last one.

    It has what is published in the one before it, sources with addresses of its own, and keys.
    Channels are set up, and data sent, by whoever needs them there.

    Raises:
        InvalidParams: the slug is taken, be it by an environment whose data is still being deleted;
            or there is no such environment to come after, or it is the last.
        Unprocessable: `too_many_environments`; or `environments_missing` where nothing is seeded.
    """
    private_key = await off_loop(new_signing_key)
    async with engine.unit() as unit:
        # Whoever promotes waits, and finds the new chain.
        await lock_publication(unit.connection)
        chain = await queries.all_environments(unit.connection)
        if len(chain) >= MAX_ENVIRONMENTS:
            raise Unprocessable(
                f"An account has at most {MAX_ENVIRONMENTS} environments.",
                code="too_many_environments",
            )
        if len(chain) < 2:
            raise Unprocessable(
                "New environments go between the first and the last; seed those first.",
                code="environments_missing",
            )
        before, following = _neighbours(chain, wanted.after)
        await queries.make_place(unit.connection, following.position)
        is_free = await queries.insert_environment(
            unit.connection,
            environment_id=new_id(),
            slug=wanted.slug,
            name=wanted.name,
            position=following.position,
            enhanced_security=wanted.enhanced_security,
            now=unit.now,
        )
        if not is_free:
            raise InvalidParams.of("environment.slug", "is already used by an environment")
        made = await find_environment(unit.connection, wanted.slug)
        await copy_published(
            unit.connection,
            made.id,
            before_id=before.id,
            after_id=following.id,
            start_active=[name for name, kind in KINDS.items() if kind.starts_active],
            now=unit.now,
        )
        endpoints = {each.id: new_token("") for each in await list_sources(unit.connection)}
        await copy_environment(unit.connection, before.id, made.id, endpoints, unit.now)
        keys = [await _new_key(unit, made, kind) for kind in (KeyKind.SECRET, KeyKind.PUBLIC)]
        signing_key = await keep_signing_key(
            unit, made.scope, name=_KEY_NAME, public_key=public_half(private_key)
        )
        made = await find_environment(unit.connection, wanted.slug)
    if signing_key is None:
        raise AssertionError("a fresh key was known already")
    return NewEnvironment(made, keys, IssuedSigningKey(signing_key, private_key))


def _neighbours(chain: Sequence[Environment], after: str | None) -> tuple[Environment, Environment]:
    """Return what a new environment comes between. Raises InvalidParams."""
    if after is None:
        return chain[-2], chain[-1]
    for before, following in pairwise(chain):
        if before.slug == after:
            return before, following
    raise InvalidParams.of("environment.after", "must be an environment other than the last")


async def _new_key(unit: Unit, environment: Environment, kind: KeyKind) -> Issued[ApiKey]:
    token = new_token(PREFIXES[kind])
    key = await keep_api_key(unit, environment.scope, kind=kind, name=_KEY_NAME, token=token)
    if key is None:
        raise AssertionError("a fresh token was known already")
    return Issued(key, token)


async def change_environment(engine: Engine, slug: str, change: EnvironmentChangeIn) -> Environment:
    """Call an environment something else; its slug and its place stay. Raises NotFound."""
    async with engine.unit() as unit:
        found = await find_environment(unit.connection, slug)
        await queries.rename_environment(unit.connection, found.id, change.name, unit.now)
        return await find_environment(unit.connection, slug)


async def remove_environment(engine: Engine, slug: str) -> None:
    """Take an environment out of the chain; what it has is deleted by the sweep, for good.

    From now on its keys open nothing, its sources have no address, and what comes before it is
    promoted to what comes after it. `services/account/removal.py` ends its runs and deletes the
    rest.

    Raises:
        NotFound: there is no such environment.
        Unprocessable: `environment_not_removable`: it is the first one, in which content is
            written, or the last.
    """
    async with engine.unit() as unit:
        await lock_publication(unit.connection)
        found = await find_environment(unit.connection, slug)
        before = await queries.environment_before(unit.connection, found.position)
        after = await queries.environment_after(unit.connection, found.position)
        if before is None or after is None:
            place = "first" if before is None else "last"
            raise Unprocessable(
                f"{found.slug} is the {place} environment of the chain and cannot be removed.",
                code="environment_not_removable",
            )
        await close_gap(unit.connection, found.id, before_id=before.id, after_id=after.id)
        await forget_environment(unit.connection, found.id)
        await queries.mark_removed(unit.connection, found.id, unit.now)
