"""Works on a bulk operation: chunk after chunk, until it is over or the time of a turn is."""

from __future__ import annotations

from time import monotonic
from uuid import UUID

import psycopg

from domain.contract.jobs import BulkOperationInput, BulkState
from domain.kit.errors import AppError, QueryTooSlow, Unavailable
from models.queries.bulk import operations as statements
from runtime.faults import fault_of
from runtime.logs import get_logger
from runtime.temporal import is_away
from services.bulk.items import BulkKind, PreparedKind
from services.bulk.kinds import KINDS
from services.engine import Engine

_log = get_logger(__name__)

# An answer of one turn is one event of a history; a turn that is lost is repeated from where the
# last committed chunk ended.
_TURN_SECONDS = 60.0
# Temporal repeats a turn that met a fault of ours this often before the item is given up.
_FAULTY_TURNS = 4
_CANNOT_BE_STORED = "cannot be stored"
_UNSTORABLE = (psycopg.DataError, psycopg.errors.ProgramLimitExceeded)


class UnknownBulkError(Exception):
    """An operation of a kind that only a newer process knows, whose to do it is."""


async def work_on_bulk(
    engine: Engine, order: BulkOperationInput, *, turn: int, seconds: float = _TURN_SECONDS
) -> BulkState:
    """Work on an operation for a while.

    An item that is refused, or cannot be stored, counts as failed and holds up no other; so does
    one that meets a fault of ours in several turns.

    Args:
        engine: the parts of this process.
        order: which operation.
        turn: how often this turn was begun, counted from 1.
        seconds: for how long.

    Returns:
        Whether it is over.

    Raises:
        Unavailable: the database is away; what was counted is done.
        UnknownBulkError: only a newer process knows what is to be done.
        Exception: a fault of ours, which operators see in the operation until it moves on.
    """
    scope = UUID(order.environment_id), UUID(order.operation_id)
    try:
        return await _work(engine, order, scope, turn=turn, seconds=seconds)
    except UnknownBulkError:
        raise
    except Exception as error:
        if not _is_away(error):
            await _tell(engine, scope, error)
        raise


async def _work(
    engine: Engine,
    order: BulkOperationInput,
    scope: tuple[UUID, UUID],
    *,
    turn: int,
    seconds: float,
) -> BulkState:
    deadline = monotonic() + seconds
    kind = await _kind(engine, *scope)
    if kind is None:
        return BulkState(is_over=True)
    size, refusal = kind.chunk, None
    while True:
        try:
            if await _stride(engine, kind, scope, size, refusal):
                return BulkState(is_over=True)
            size, refusal = min(2 * size, kind.chunk), None
        except Exception as error:
            if refusal is not None or _is_away(error):
                raise
            if size > 1:
                size //= 2
            else:
                refusal = _words(error)
                if refusal is None:
                    refusal = _given_up(error, order, turn)
        if monotonic() > deadline:
            return BulkState(is_over=False)


async def _tell(engine: Engine, scope: tuple[UUID, UUID], error: Exception) -> None:
    """Tell operators what holds up an operation: it is tried again until that is mended."""
    fault = fault_of(error)
    _log.error("bulk_operation_stalled", operation_id=str(scope[1]), **fault.fields())
    try:
        async with engine.connection() as connection:
            await statements.note_fault(connection, *scope, f"{fault.type} {fault.id}")
    except Unavailable:
        pass  # the log has it


async def _kind(engine: Engine, environment_id: UUID, operation_id: UUID) -> BulkKind | None:
    """Return how an operation is worked on; None when it is gone."""
    async with engine.connection() as connection:
        operation = await statements.get_operation(connection, environment_id, operation_id)
    if operation is None:
        return None
    if operation.name not in KINDS:
        raise UnknownBulkError(operation.name)
    return KINDS[operation.name]


async def _stride(
    engine: Engine,
    kind: BulkKind,
    scope: tuple[UUID, UUID],
    size: int,
    refusal: str | None,
    *,
    is_prepared: bool = False,
) -> bool:
    """Work on the next rows, all or nothing; tells whether none is left."""
    async with engine.unit() as unit:
        operation = await statements.take_operation(unit.connection, *scope)
        if operation is None:
            return True
        if is_prepared or refusal is not None or not isinstance(kind, PreparedKind):
            stride = await kind.stride(unit, operation, size, refusal)
            await statements.count_stride(unit.connection, *scope, stride, unit.now)
            return stride.is_over
    await kind.prepare(engine, operation, size)
    return await _stride(engine, kind, scope, size, refusal, is_prepared=True)


def _is_away(error: Exception) -> bool:
    """Tell whether a smaller chunk would fail as well: it is not about what is in it."""
    if isinstance(error, Unavailable):
        return not isinstance(error, QueryTooSlow)
    return is_away(error)


def _words(error: Exception) -> str | None:
    """Return why an item is refused, in words for its caller; None when that is our fault."""
    if isinstance(error, _UNSTORABLE):
        return _CANNOT_BE_STORED
    if isinstance(error, AppError) and not isinstance(error, Unavailable):
        return error.reasons
    return None


def _given_up(error: Exception, order: BulkOperationInput, turn: int) -> str:
    """Return what is told of an item that a fault of ours keeps from being dealt with.

    Raises:
        Exception: the fault, while it may pass.
    """
    if turn < _FAULTY_TURNS:
        raise error
    fault = fault_of(error)
    _log.error("bulk_item_given_up", operation_id=order.operation_id, **fault.fields())
    return f"internal error {fault.id}"
