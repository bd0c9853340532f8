"""The kind of bulk operation that deletes recipients: each with everything, however much it is.

Runs that wait are ended first, with the reason in their story, and woken, so that nothing sleeps on
for somebody who is gone. Whoever has much is worked on in many transactions, and gone with the
last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.bulk.operations import DELETE_USERS, MERGE_USERS, BulkItem, OpenBulk, Stride
from domain.bulk.requests import named
from domain.kit.ids import FIRST_ID
from domain.kit.json_types import JsonObject
from domain.recipients.refs import USERS, RecipientRef
from domain.runs.rows import RunInTemporal
from models.queries.bulk import departures, merging
from models.queries.bulk import operations as statements
from runtime.database import Connection
from runtime.logs import get_logger
from runtime.temporal import is_away
from services.at_once import each_at_once
from services.bulk.items import CHUNK_SIZE
from services.engine import Engine, Unit
from services.temporal_calls import signal_cancelled_run

_log = get_logger(__name__)

DELETE_OBJECTS = "objects.delete"
DELETE_TENANTS = "tenants.delete"
# Rows of each table that one transaction deletes: some tenths of a second.
_ROWS_AT_ONCE = 1_000
# More than anybody has who has little, with what was added meanwhile.
_ALL_ROWS = 10 * _ROWS_AT_ONCE


@dataclass(frozen=True, slots=True)
class DepartureKind:
    """How recipients go.

    Attributes:
        reason: why their runs end.
        merges: whether what they have goes to another user as far as it can.
        chunk: most of them at a time.
    """

    reason: str
    merges: bool = False
    chunk: int = CHUNK_SIZE

    async def prepare(self, engine: Engine, operation: OpenBulk, size: int) -> None:
        """End the runs of those who go next, and wake them."""
        async with engine.connection() as connection:
            items = await statements.next_items(
                connection, operation.environment_id, operation.id, limit=size
            )
            refs = await self._whom(connection, operation, items)
            if self.merges:
                for ref in refs:
                    await merging.redirect_merges(
                        connection, operation.environment_id, ref.id, operation.settings["into"]
                    )
        after, runs = FIRST_ID, await self._end_runs(engine, operation, refs, FIRST_ID)
        while runs:
            await _wake(engine, runs)
            after = runs[-1].id
            runs = await self._end_runs(engine, operation, refs, after)

    async def _whom(
        self, connection: Connection, operation: OpenBulk, items: Sequence[BulkItem]
    ) -> list[RecipientRef]:
        """Return who goes with this operation: not who is being merged, and goes with the merge.

        What has not moved yet would be lost.
        """
        refs = _refs(operation, items)
        users = [ref.id for ref in refs if ref.is_user]
        if self.merges or not users:
            return refs
        merged = await merging.find_merged(connection, operation.environment_id, users)
        return [ref for ref in refs if not (ref.is_user and ref.id in merged)]

    async def _end_runs(
        self, engine: Engine, operation: OpenBulk, refs: Sequence[RecipientRef], after: UUID
    ) -> list[RunInTemporal]:
        async with engine.unit() as unit:
            return await departures.end_runs_of(
                unit.connection,
                operation.environment_id,
                refs,
                reason=self.reason,
                now=unit.now,
                limit=_ROWS_AT_ONCE,
                after=after,
            )

    async def stride(
        self, unit: Unit, operation: OpenBulk, size: int, refusal: str | None
    ) -> Stride:
        """Delete those who go next, or some of what they have."""
        scope = operation.environment_id, operation.id
        items = await statements.next_items(unit.connection, *scope, limit=size)
        found = len(items)
        if not items:
            return Stride(0, 0, is_over=True)
        errors = {item.number: item.error or refusal for item in items}
        told = {number: error for number, error in errors.items() if error is not None}
        refs = []
        if refusal is None:
            refs = await self._whom(unit.connection, operation, items)
        if refs:
            position = await self._move(unit, operation, refs[0]) if self.merges else None
            if position is not None:
                return Stride(0, 0, is_over=False, position=position)
            if await self._delete_some(unit, operation.environment_id, refs):
                return Stride(0, 0, is_over=False)
            free = await self._delete_free(unit, operation.environment_id, refs)
            held = set(refs) - free
            items = [
                item for item in items if item.number in told or _ref(operation, item) not in held
            ]
        done = [item.number for item in items if item.number not in told]
        await statements.settle_items(unit.connection, *scope, done=done, errors=told)
        # Whoever was held is next again.
        return Stride(len(items), len(told), is_over=len(items) < size and len(items) == found)

    async def _delete_some(
        self, unit: Unit, environment_id: UUID, refs: Sequence[RecipientRef]
    ) -> bool:
        """Delete some of what recipients have; tells whether they had much."""
        connection = unit.connection
        if not await departures.have_more_than(
            connection, environment_id, refs, limit=_ROWS_AT_ONCE
        ):
            return False
        await departures.delete_some(connection, environment_id, refs, limit=_ROWS_AT_ONCE)
        return True

    async def _delete_free(
        self, unit: Unit, environment_id: UUID, refs: Sequence[RecipientRef]
    ) -> set[RecipientRef]:
        """Delete some of the recipients, first those whom nobody else holds; return them."""
        connection = unit.connection
        free = await departures.take_recipients(connection, environment_id, refs)
        await departures.delete_recipients(connection, environment_id, free, limit=_ALL_ROWS)
        return set(free)

    async def _move(self, unit: Unit, operation: OpenBulk, ref: RecipientRef) -> JsonObject | None:
        """Move some of what a user has to the one it is merged into; None when nothing was left."""
        return await merging.move_some(
            unit.connection,
            operation.environment_id,
            ref.id,
            operation.settings["into"],
            since=operation.settings["since"],
            now=unit.now,
            limit=_ROWS_AT_ONCE,
            position=operation.position or {},
        )


def _refs(operation: OpenBulk, items: Sequence[BulkItem]) -> list[RecipientRef]:
    return [_ref(operation, item) for item in items if item.error is None]


def _ref(operation: OpenBulk, item: BulkItem) -> RecipientRef:
    return named(item.content, operation.settings.get("collection", USERS))


async def _wake(engine: Engine, runs: Sequence[RunInTemporal]) -> None:
    """Wake runs that were ended; one that Temporal does not hear of ends when its wait does."""
    try:
        await each_at_once(runs, lambda run: signal_cancelled_run(engine.temporal, run))
    except Exception as error:
        if not is_away(error):
            raise
        _log.warning("runs_not_woken", count=len(runs), error=type(error).__name__)


KINDS = {
    DELETE_USERS: DepartureKind("recipient_deleted"),
    DELETE_OBJECTS: DepartureKind("recipient_deleted"),
    DELETE_TENANTS: DepartureKind("recipient_deleted"),
    MERGE_USERS: DepartureKind("recipient_merged", merges=True),
}
