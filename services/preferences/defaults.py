"""The default preferences of an environment, which Knock keeps in its dashboard."""

from __future__ import annotations

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, encoded_size
from domain.kit.principals import EnvironmentScope
from domain.preferences.layers import merged
from domain.preferences.requests import PreferenceSetIn
from domain.preferences.rows import MAX_SET_BYTES, TOO_LARGE
from models.queries.preferences import defaults as statements
from services.engine import Engine


async def get_default_set(engine: Engine, environment: EnvironmentScope) -> JsonObject:
    """Return the default preferences of an environment; empty when there are none."""
    async with engine.connection() as connection:
        return merged(await statements.get_default_set(connection, environment.id))


async def put_default_set(
    engine: Engine, environment: EnvironmentScope, given: PreferenceSetIn
) -> JsonObject:
    """Store the default preferences of an environment, and return them.

    They are replaced unless `given` says that it is to be merged. Runs see them from their next
    walk on.

    Raises:
        InvalidParams: they have more than 256 kB then.
    """
    content, merges = given.content(), given.persistence == "merge"
    async with engine.unit() as unit:
        stored = await statements.put_default_set(
            unit.connection, environment.id, content, merges=merges, now=unit.now
        )
        if encoded_size(stored) > MAX_SET_BYTES:
            raise InvalidParams.of("preferences", TOO_LARGE)
    return merged(stored)


async def delete_default_set(engine: Engine, environment: EnvironmentScope) -> None:
    """Let an environment have no default preferences."""
    async with engine.connection() as connection:
        await statements.delete_default_set(connection, environment.id)
