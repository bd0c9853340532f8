"""In which order an environment shows its guides, and how long they wait for each other.

It is no content: it is neither committed nor promoted, and takes effect at once.
"""

from __future__ import annotations

from domain.guides.requests import GuideGroupIn
from domain.guides.rows import GuideGroup
from domain.kit.errors import Unavailable
from domain.kit.principals import EnvironmentScope
from models.queries.guides import guides as statements
from services.engine import Engine


async def get_order(engine: Engine, environment: EnvironmentScope) -> GuideGroup | None:
    """Return the order of an environment's guides; None when nobody has said anything."""
    async with engine.connection() as connection:
        return await statements.get_group(connection, environment.id)


async def put_order(
    engine: Engine, environment: EnvironmentScope, given: GuideGroupIn
) -> GuideGroup:
    """Say in which order an environment shows its guides; replaces what was said before.

    Raises:
        Unavailable: the environment was removed meanwhile.
    """
    async with engine.unit() as unit:
        saved = await statements.save_group(
            unit.connection,
            environment.id,
            display_interval=given.display_interval,
            display_sequence=given.display_sequence,
            unthrottled=given.display_sequence_unthrottled,
            now=unit.now,
        )
    if saved is None:
        raise Unavailable("The order was not stored; try again.")
    return saved
