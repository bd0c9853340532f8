"""Advance a run through its steps; write its story and status.

One transaction, with the run's row locked from first to last: a cancel comes before it or after
it, never in the middle. What the walk owes to Temporal is done after its commit.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg

from domain.clock import utc_now
from domain.errors import Unavailable
from domain.runs import START, Advanced, AdvanceInput, Finished
from domain.statuses import OPEN_RUN, RunStatus
from domain.workflows import Cursor
from models.queries import walks
from runtime.database import Connection
from runtime.platform import Platform
from services import effects
from services.catalog import catalog_of
from services.walk.context import Walk
from services.walk.deliveries import open_deliveries
from services.walk.faults import ContentError
from services.walk.journal import Journal
from services.walk.loop import Budget, Orders, take_steps
from services.walk.state import run_state
from services.walk.trigger_data import trigger_data_of
from templating.limits import Limits

_MISSING = "missing"
# What PostgreSQL raises for values that it cannot store, or that are too large for it.
_UNSTORABLE = (psycopg.DataError, psycopg.errors.ProgramLimitExceeded)


async def advance(platform: Platform, order: AdvanceInput) -> Advanced:
    """Walk a run on from a cursor.

    Returns:
        What the run's Temporal workflow has to do next, and which messages to deliver.

    Raises:
        Unavailable: the database is away; nothing was done.
    """
    cursor = Cursor.read(order.cursor)
    try:
        return await _advance(platform, order, Orders(cursor, order.speaks, Budget()))
    except _UNSTORABLE:
        # Something that was made cannot be stored, although the journal cleans what it is given.
        # Step by step it comes to light which one made it.
        pass
    try:
        return await _advance(platform, order, Orders(cursor, order.speaks, Budget(steps=1)))
    except _UNSTORABLE:
        refusal = ContentError("content", "what the step makes cannot be stored")
    orders = Orders(cursor, order.speaks, Budget(steps=1), refuses=refusal)
    return await _advance(platform, order, orders)


async def _advance(platform: Platform, order: AdvanceInput, orders: Orders) -> Advanced:
    """Walk in one transaction, and do after it what it owes."""
    environment_id, run_id = UUID(order.environment_id), UUID(order.run_id)
    owed: list[UUID] = []
    async with platform.database.transaction() as connection:
        row = await walks.take_run(connection, environment_id, run_id)
        if row is None:
            return Advanced(Finished(), status=_MISSING, story=["the run was deleted"])
        if row["status"] not in OPEN_RUN or order.cancel:
            # It was cancelled by the API, or walked to its end by a walk whose answer was lost, or
            # is cancelled now. What it had made by then still goes out.
            return await _end(connection, row)
        walk = await _open(platform, connection, row)
        begins = row["status"] == RunStatus.QUEUED and order.cursor == START
        advanced = await take_steps(walk, orders, begins=begins)
        journal = walk.journal
        await walks.record_walk(connection, run_id, journal.change, journal.rows, walk.now)
        for kind, payload in journal.owed:
            owed.append(await effects.owe(connection, environment_id, kind, payload, walk.now))
    await effects.settle(platform, owed)
    return advanced


async def _open(platform: Platform, connection: Connection, row: dict[str, Any]) -> Walk:
    catalog = catalog_of(platform)
    now = utc_now()
    data = row["data"]
    if data is None:
        data = await trigger_data_of(platform).get(connection, row["workflow_run_id"])
    patches = []
    journal = Journal(row, now)
    if any("patch" in outcome for outcome in journal.outcomes.values()):
        patches = [each["patch"] for each in await walks.patches_of_run(connection, row["id"])]
    return Walk(
        platform=platform,
        catalog=catalog,
        connection=connection,
        configuration=await catalog.configuration(
            connection, row["environment_id"], row["config_version"]
        ),
        definition=await catalog.definition(connection, row["version_id"]),
        run=run_state(row, data, patches),
        journal=journal,
        now=now,
        limits=Limits(seconds=platform.settings.liquid_seconds),
    )


async def _end(connection: Connection, row: dict[str, Any]) -> Advanced:
    """Answer the end of a run, and record a cancel that came through Temporal."""
    status = row["status"]
    if status in OPEN_RUN:
        journal = Journal(row, utc_now())
        journal.cancel("cancelled_in_temporal")
        await walks.record_walk(connection, row["id"], journal.change, journal.rows, journal.now)
        status = RunStatus.CANCELLED.value
    return Advanced(
        Finished(),
        deliveries=await open_deliveries(connection, row["workflow_run_id"], row["id"]),
        story=[str(status)],
        status=status,
    )


async def tell_stalled(
    platform: Platform, order: AdvanceInput, fault_id: str, fault_type: str
) -> bool:
    """Note in a run's story that a fault of ours holds it up.

    Returns:
        Whether it is news: False when the story ends with such a note, or cannot be written now.
    """
    try:
        async with platform.database.connection() as connection:
            return await walks.record_stall(
                connection,
                UUID(order.environment_id),
                UUID(order.run_id),
                data={"reason": "internal", "fault": fault_id, "error": fault_type},
                now=utc_now(),
            )
    except (Unavailable, psycopg.Error):
        return False
