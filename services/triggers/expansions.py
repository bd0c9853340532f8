"""Make the runs of those who follow the objects of a trigger, or receive a broadcast, in pages.

The place is kept in PostgreSQL and moves with each page, so what dies in the middle goes on there;
and nobody's id gets into a history.
"""

from __future__ import annotations

import time
from uuid import UUID

from domain.content.workflow import WORKFLOW
from domain.triggers.addressees import ADDRESSED
from domain.triggers.expansions import MAX_DEPTH, Expansion, reached
from models.queries.triggers import addressees
from models.queries.triggers import expansions as statements
from services.engine import Engine, Unit

# A page is one transaction, for as long as which a cancel waits.
PAGE = 1_000
# A page looks at so many objects: of each it may read as many followers as it has room for in all.
OBJECTS = 64
# An activity ends by itself; the fan-out asks again.
SECONDS = 10.0


async def expand(engine: Engine, environment_id: UUID, workflow_run_id: UUID) -> bool:
    """Make runs for a while.

    Returns:
        Whether everybody has a run whom the trigger reaches.

    Raises:
        Unavailable: the database is away; what was made stays.
    """
    deadline = time.monotonic() + SECONDS
    while await _make_page(engine, environment_id, workflow_run_id):
        if time.monotonic() >= deadline:
            return False
    return True


async def _make_page(engine: Engine, environment_id: UUID, workflow_run_id: UUID) -> bool:
    """Make the runs of one page; tells whether there may be another one."""
    async with engine.unit() as unit:
        connection = unit.connection
        expansion = await statements.hold_expansion(connection, environment_id, workflow_run_id)
        if expansion is None:
            return False
        if expansion.depth == ADDRESSED:
            return await _make_addressed(unit, expansion)
        definition = await engine.catalog.compiled(connection, WORKFLOW, expansion.version_id)
        frequency, tenant_id = definition.trigger_frequency, expansion.tenant_id
        objects = await statements.next_objects(connection, expansion, limit=OBJECTS)
        followers = await statements.next_followers(connection, expansion, objects, limit=PAGE)
        cancelled = await statements.cancelled_recipients(connection, expansion)
        if page := reached(expansion, followers, cancelled):
            is_counted = not expansion.is_rehearsal
            await statements.add_runs(
                connection,
                expansion,
                page,
                first_run_for=frequency.first_run_for(tenant_id) if is_counted else None,
                now=unit.now,
            )
        if len(followers) == PAGE:
            await statements.move_on(connection, expansion, followers[-1])
        elif len(objects) == OBJECTS:
            await statements.move_on(connection, expansion, objects[-1])
        elif expansion.depth < MAX_DEPTH:
            await statements.go_deeper(connection, expansion)
        else:
            await statements.end_expansion(connection, expansion)
            return False
        return True


async def _make_addressed(unit: Unit, expansion: Expansion) -> bool:
    """Make the runs of those who come next among the addressees of a broadcast."""
    connection = unit.connection
    page = await addressees.next_addressees(connection, expansion, limit=PAGE)
    if page:
        await addressees.add_runs(connection, expansion, page, unit.now)
    if len(page) == PAGE:
        await statements.move_on(connection, expansion, page[-1])
        return True
    await statements.end_expansion(connection, expansion)
    return False
