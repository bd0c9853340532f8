"""Bulk operations that nobody works on: begun again where Temporal lost them, else failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from domain.bulk.operations import StuckBulk
from domain.contract.jobs import BulkOperationInput
from domain.kit.ids import bulk_operation_workflow_id
from models.queries.bulk import recovery as statements
from runtime.logs import get_logger
from runtime.temporal import is_unreachable
from services.at_once import each_that_can, kinds_of
from services.engine import Engine
from services.in_pages import in_pages
from services.temporal_calls import start_bulk_operation
from services.temporal_looks import Presence, look_up

_log = get_logger(__name__)

# A chunk takes less than a second; a busy or restarting Temporal is given some minutes.
_GRACE = timedelta(minutes=2)
_PAGE_SIZE = 100
_CONCURRENCY = 16


async def recover_bulk_operations(engine: Engine, *, grace: timedelta = _GRACE) -> int:
    """Look after operations that have not moved for a while.

    One whose Temporal workflow was ended from outside has failed; one that Temporal does not know
    is begun again, and goes on where it stood.

    Args:
        engine: the parts of this process.
        grace: for how long an operation may stand still.

    Returns:
        How many were begun again or have failed.

    Raises:
        RPCError, RuntimeError, TimeoutError: Temporal is away.
    """
    changed: list[UUID] = []
    failures: list[Exception] = []

    async def look(operation: StuckBulk) -> None:
        if await _look_after(engine, operation):
            changed.append(operation.id)

    async def look_at_all(stuck: Sequence[StuckBulk]) -> bool:
        failures.extend(await each_that_can(stuck, look, at_once=_CONCURRENCY))
        return not any(map(is_unreachable, failures))

    await in_pages(
        engine,
        lambda connection, after: statements.stuck_operations(
            connection, grace=grace, limit=_PAGE_SIZE, after=after
        ),
        look_at_all,
        size=_PAGE_SIZE,
    )
    for failure in failures:
        if is_unreachable(failure):
            raise failure
    if failures:
        _log.warning(
            "bulk_operations_not_recovered", count=len(failures), errors=kinds_of(failures)
        )
    return len(changed)


async def _look_after(engine: Engine, operation: StuckBulk) -> bool:
    """Begin an operation again, or fail it; tells whether it is not worked on as it should be."""
    workflow_id = bulk_operation_workflow_id(operation.environment, str(operation.id))
    presence, status = await look_up(engine.temporal, workflow_id)
    if presence is Presence.OPEN:
        return False
    if presence is Presence.UNKNOWN:
        order = BulkOperationInput(str(operation.id), str(operation.environment_id))
        await start_bulk_operation(
            engine.temporal, order, environment=operation.environment, name=operation.name
        )
        return True
    async with engine.unit() as unit:
        await statements.fail_operation(
            unit.connection, operation.environment_id, operation.id, now=unit.now
        )
    _log.warning("bulk_operation_failed", operation_id=str(operation.id), status=status)
    return True
