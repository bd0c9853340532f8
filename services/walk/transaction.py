"""Advance a run through its steps; write its story and status.

One transaction, with the run's row locked from first to last: a cancel comes before it or after
it, never in the middle. What the walk owes to Temporal is done after its commit.
"""

from __future__ import annotations

from uuid import UUID

import psycopg

from domain.content.workflow import WORKFLOW
from domain.contract.runs import START, Advanced, AdvanceInput, Finished
from domain.kit.errors import Unavailable
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from domain.runs.rows import TakenRun
from domain.runs.statuses import RunStatus
from domain.workflows import Cursor
from models.queries.messages.attachments import keep_attachments
from models.queries.recipients.subscriptions import reached_through
from models.queries.runs import walks
from models.queries.waits.waits import outputs_of_run
from runtime.vault import UnknownKey
from services import effects
from services.batches.gathering import load_gathered, newest_record
from services.engine import Engine, Unit
from services.news import news_of, tell_soon
from services.waits.telling import hurry
from services.walk.context import Walk
from services.walk.deliveries import open_deliveries
from services.walk.faults import ContentError
from services.walk.journal import Journal
from services.walk.loop import Budget, Orders, take_steps
from services.walk.state import run_state
from templating.limits import Limits

_MISSING = "missing"
# What PostgreSQL raises for values that it cannot store, or that are too large for it.
_UNSTORABLE = (psycopg.DataError, psycopg.errors.ProgramLimitExceeded)


async def advance(engine: Engine, order: AdvanceInput) -> Advanced:
    """Walk a run on from a cursor.

    Returns:
        What the run's Temporal workflow has to do next, and which messages to deliver.

    Raises:
        Unavailable: the database is away, or this process lacks the key of a secret variable;
            nothing was done.
    """
    cursor = Cursor.read(order.cursor)
    try:
        return await _advance(engine, order, Orders(cursor, order.speaks, Budget()))
    except _UNSTORABLE:
        # Something that was made cannot be stored, although the journal cleans what it is given.
        # Step by step it comes to light which one made it.
        pass
    try:
        return await _advance(engine, order, Orders(cursor, order.speaks, Budget(steps=1)))
    except _UNSTORABLE:
        refusal = ContentError("content", "the result of the step cannot be stored")
    orders = Orders(cursor, order.speaks, Budget(steps=1), refuses=refusal)
    return await _advance(engine, order, orders)


async def _advance(engine: Engine, order: AdvanceInput, orders: Orders) -> Advanced:
    """Walk in one transaction, and do after it what it owes."""
    environment_id, run_id = UUID(order.environment_id), UUID(order.run_id)
    async with engine.unit() as unit:
        taken = await walks.take_run(unit.connection, environment_id, run_id)
        if taken is None:
            return Advanced(Finished(), status=_MISSING, story=["the run was deleted"])
        if not taken.is_open or order.cancel:
            # It was cancelled by the API, or walked to its end by a walk whose answer was lost, or
            # is cancelled now. What it had made by then still goes out.
            return await _end(unit, taken)
        walk = await _open(unit, taken)
        begins = taken.status == RunStatus.QUEUED and order.cursor == START
        advanced = await take_steps(walk, orders, begins=begins)
        journal = walk.journal
        await walks.record_walk(
            unit.connection, run_id, journal.change, journal.all_rows(), unit.now
        )
        for kind, payload in journal.owed:
            await effects.owe(unit, environment_id, kind, payload)
        if journal.files:
            files = dict(journal.files)
            trigger = taken.workflow_run_id
            await keep_attachments(unit.connection, environment_id, trigger, files)
    if journal.has_handed_on():
        hurry(engine)
    is_delivered = DeliveryStatus.DELIVERED
    tell_soon(engine, news_of(m for m in journal.messages if m.delivery_status == is_delivered))
    return advanced


async def _open(unit: Unit, taken: TakenRun) -> Walk:
    engine, connection = unit.engine, unit.connection
    data = taken.data
    if data is None:
        data = await engine.trigger_data.get(connection, taken.workflow_run_id)
    patches: list[JsonObject] = []
    configuration = await engine.catalog.configuration(
        connection, taken.environment_id, taken.config_version, branch_id=taken.branch_id
    )
    variables = configuration.variables
    if variables.missing_key is not None:
        # A template would see nothing where a secret belongs; the key is put back, or is not.
        raise UnknownKey(variables.missing_key)
    journal = Journal(taken, unit.now, configuration.subscribed, variables.secrets)
    if any("patch" in outcome for outcome in journal.outcomes.values()):
        patches = await walks.patches_of_run(connection, taken.id)
    batched = newest_record(journal.outcomes)
    waited = {ref: each for ref, each in journal.outcomes.items() if each.get("waited")}
    events = await outputs_of_run(connection, taken.id) if waited else {}
    through = None
    if taken.through_id is not None:
        through = await reached_through(
            connection, taken.environment_id, taken.through_id, taken.recipient_ref
        )
    walk = Walk(
        unit=unit,
        configuration=configuration,
        definition=await engine.catalog.compiled(connection, WORKFLOW, taken.version_id),
        run=run_state(taken, data, patches, configuration.preferences, through),
        journal=journal,
        limits=Limits(seconds=engine.settings.liquid_seconds),
        outputs={
            ref: {"matched": bool(each.get("matched")), "signal_variables": events.get(ref, {})}
            for ref, each in waited.items()
        },
    )
    if batched is not None:
        await walk.carry(await load_gathered(connection, taken.environment_id, batched))
    return walk


async def _end(unit: Unit, taken: TakenRun) -> Advanced:
    """Return the end of a run, and record a cancel that came through Temporal."""
    status = taken.status
    if taken.is_open:
        configuration = await unit.engine.catalog.configuration(
            unit.connection,
            taken.environment_id,
            taken.config_version,
            branch_id=taken.branch_id,
        )
        journal = Journal(taken, unit.now, configuration.subscribed)
        journal.cancel("cancelled_in_temporal")
        await walks.record_walk(
            unit.connection, taken.id, journal.change, journal.all_rows(), unit.now
        )
        status = RunStatus.CANCELLED.value
    return Advanced(
        Finished(),
        deliveries=await open_deliveries(unit.connection, taken.workflow_run_id, taken.id),
        story=[status],
        status=status,
    )


async def tell_stalled(engine: Engine, order: AdvanceInput, fault_id: str, fault_type: str) -> bool:
    """Note in a run's story that a fault of ours holds it up.

    Returns:
        Whether it is news: False when the story ends with such a note, or cannot be written now.
    """
    try:
        async with engine.connection() as connection:
            return await walks.record_stall(
                connection,
                UUID(order.environment_id),
                UUID(order.run_id),
                data={"reason": "internal", "fault": fault_id, "error": fault_type},
                now=engine.clock(),
            )
    except (Unavailable, psycopg.Error):
        return False
