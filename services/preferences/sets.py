"""Reads and writes the preference sets of users and objects.

Source: Knock docs, "Preferences overview"; Knock API reference, "Preferences". Whoever sets
preferences of somebody unknown makes them known; whoever only asks learns the defaults.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.preferences.names import DEFAULT_SET
from domain.preferences.rows import NewSet, Persistence, StoredSet
from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import RecipientRef
from models.queries.preferences import sets as statements
from models.queries.recipients.recipients import hold_recipient
from services.engine import Engine, Unit
from services.triggers.audience_entries import identify
from services.waits.changes import tell_of_updates


async def list_sets(
    engine: Engine, environment: EnvironmentScope, ref: RecipientRef
) -> list[StoredSet]:
    """Return the sets that a recipient has, with the defaults below them."""
    async with engine.connection() as connection:
        return await statements.list_preference_sets(connection, environment.id, ref)


async def get_set(
    engine: Engine,
    environment: EnvironmentScope,
    ref: RecipientRef,
    set_id: str,
    tenant_id: str | None = None,
) -> StoredSet:
    """Return a set of a recipient, stored or not, with the defaults below it.

    Args:
        engine: the parts of the process.
        environment: where.
        ref: whose.
        set_id: `default`, or the id of a tenant, whose default lies below it then.
        tenant_id: whose default lies below the set `default`, if any tenant's.
    """
    tenant_id = tenant_id if set_id == DEFAULT_SET else set_id
    async with engine.connection() as connection:
        return await statements.get_preference_set(
            connection, environment.id, ref, set_id, tenant_id
        )


async def write_set(
    engine: Engine,
    environment: EnvironmentScope,
    ref: RecipientRef,
    set_id: str,
    content: JsonObject,
    *,
    how: Persistence,
) -> StoredSet:
    """Store a set of a recipient, or a part of one, and return it as it is read then.

    Raises:
        InvalidParams: the set has more than 256 kB then.
    """
    async with engine.unit() as unit:
        await write_sets(unit, environment, [ref], set_id, content, how=how)
    return await get_set(engine, environment, ref, set_id)


async def write_sets(
    unit: Unit,
    environment: EnvironmentScope,
    refs: Sequence[RecipientRef],
    set_id: str,
    content: JsonObject,
    *,
    how: Persistence,
) -> None:
    """Store the same set of several recipients, each named once, or the same part of it.

    Raises:
        InvalidParams: a set has more than 256 kB then.
    """
    # They stay until what is written about them is, and nobody begins to wait for it meanwhile.
    people = [InlineRecipient(ref, properties={}) for ref in refs]
    await identify(unit, environment, people, holds=True)
    written = [NewSet(ref.collection, ref.id, set_id, content) for ref in refs]
    changed = await statements.write_preference_sets(
        unit.connection, environment.id, written, how=how, now=unit.now
    )
    await tell_of_updates(unit, environment.id, changed)


async def delete_set(
    engine: Engine, environment: EnvironmentScope, ref: RecipientRef, set_id: str
) -> None:
    """Forget a set of a recipient; one that is not there is forgotten already."""
    async with engine.unit() as unit:
        await hold_recipient(unit.connection, environment.id, ref)
        if await statements.delete_preference_set(unit.connection, environment.id, ref, set_id):
            await tell_of_updates(unit, environment.id, [ref])
