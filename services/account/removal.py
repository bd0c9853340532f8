"""Deletes all that a removed environment had: a duty of the sweep, gone on with after a crash.

Its runs are ended and woken first, so that nothing of it sleeps on in Temporal. Then table after
table is passed once, some pages of it at a time. Whoever was at work for the environment when it
was removed may have written behind the pass, so another one follows when nobody can be any more;
the row of the environment, and with it the slug, goes when that has found nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from hashlib import sha256
from time import monotonic

import psycopg

from domain.kit.errors import Unavailable
from models.queries.account import removal as statements
from models.queries.account.removal import TABLES, RemovedEnvironment
from models.queries.jobs import sweep_positions
from models.queries.runs.deletion import delete_runs
from runtime.faults import fault_of
from runtime.logs import get_logger
from runtime.temporal import is_away
from services.at_once import each_at_once
from services.engine import Engine, Unit
from services.temporal_calls import signal_cancelled_run

_log = get_logger(__name__)

_SECONDS = 20.0
# Rows of a transaction: some tenths of a second.
_ROWS_AT_ONCE = 500
_PAGES_AT_ONCE = 64
# A pass that another release began over other tables may have left some out.
_TABLES_NOW = sha256(" ".join(TABLES).encode()).hexdigest()[:16]
# Longer than any request, and than an activity that knows the environment.
GRACE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class _Pass:
    """How far a pass over what an environment had has come.

    Attributes:
        table: which of `TABLES`.
        page: the next one of it.
        found: how many rows were deleted.
        is_last: whether it was begun when nobody could be at work any more.
        tables: over which tables it was begun.
    """

    table: int = 0
    page: int = 0
    found: int = 0
    is_last: bool = False
    tables: str = _TABLES_NOW

    @property
    def is_over(self) -> bool:
        """Tell whether every table was passed."""
        return self.table >= len(TABLES)


@dataclass(frozen=True, slots=True)
class _Removal:
    engine: Engine
    environment: RemovedEnvironment

    @property
    def duty(self) -> str:
        """Return under which name it notes how far it has come."""
        return f"removed_environment:{self.environment.id}"

    async def note(self, unit: Unit, current: _Pass, found: int = 0) -> None:
        """Note how far it has come, in the transaction of what was done for it."""
        counted = replace(current, found=current.found + found)
        await sweep_positions.note_position(unit.connection, self.duty, asdict(counted))

    async def go_on(self) -> int | None:
        """Take the next step; how many rows went, or None when nothing is to be done for now."""
        async with self.engine.connection() as connection:
            noted = await sweep_positions.position(connection, self.duty)
        current = _Pass(**noted) if noted.get("tables") == _TABLES_NOW else _Pass()
        if current.is_over:
            return await self._conclude(current)
        if TABLES[current.table] == "recipient_runs" and current.page == 0:
            ended = await self._end_runs(current)
            if ended != 0:
                return ended
        try:
            return await self._pass_some(current)
        except psycopg.errors.ForeignKeyViolation:
            # What was written behind the pass refers to what is to go: it goes with the next one.
            async with self.engine.unit() as unit:
                await self.note(unit, _Pass(is_last=current.is_last))
            return None

    async def _conclude(self, ended: _Pass) -> int | None:
        """Delete the environment if a pass has found nothing, or begin another one."""
        if self.engine.clock() < self.environment.removed_at + GRACE:
            return None
        try:
            async with self.engine.unit() as unit:
                if ended.is_last and ended.found == 0:
                    await statements.delete_environment(unit.connection, self.environment.id)
                    await sweep_positions.forget_position(unit.connection, self.duty)
                    return None
                await self.note(unit, _Pass(is_last=True))
        except psycopg.errors.ForeignKeyViolation:
            async with self.engine.unit() as unit:
                await self.note(unit, _Pass(is_last=True))
        return 0

    async def _end_runs(self, current: _Pass) -> int | None:
        """End, wake and delete some runs; how many, or None while Temporal is away.

        They are deleted after they were woken: a run whose row is there is woken again.
        """
        async with self.engine.unit() as unit:
            runs = await statements.end_some_runs(
                unit.connection, self.environment.id, limit=_ROWS_AT_ONCE, now=unit.now
            )
        try:
            await each_at_once(runs, lambda run: signal_cancelled_run(self.engine.temporal, run))
        except Exception as error:
            if not is_away(error):
                raise
            _log.warning("runs_not_woken", count=len(runs), error=type(error).__name__)
            return None
        if runs:
            async with self.engine.unit() as unit:
                ids = [run.id for run in runs]
                await delete_runs(unit.connection, self.environment.id, ids)
                await self.note(unit, current, len(runs))
        return len(runs)

    async def _pass_some(self, current: _Pass) -> int:
        """Delete what the environment has on the next pages of a table."""
        table = TABLES[current.table]
        async with self.engine.unit() as unit:
            if table == "messages" and current.page == 0:
                deleted = await statements.delete_some_messages(
                    unit.connection, self.environment.id, limit=_ROWS_AT_ONCE
                )
                if deleted:
                    await self.note(unit, current, deleted)
                    return deleted
            behind = current.page + _PAGES_AT_ONCE
            deleted = await statements.sweep_pages(
                unit.connection, self.environment.id, table, first=current.page, behind=behind
            )
            is_through = behind >= await statements.pages_of(unit.connection, table)
            following = (
                replace(current, table=current.table + 1, page=0)
                if is_through
                else replace(current, page=behind)
            )
            await self.note(unit, following, deleted)
        return deleted


async def delete_removed_environments(engine: Engine, *, seconds: float = _SECONDS) -> int:
    """Go on for a while with deleting what removed environments had.

    Args:
        engine: the parts of this process.
        seconds: for how long.

    Returns:
        How many rows were deleted.

    Raises:
        Unavailable: the database is away; what was deleted is gone.
    """
    deadline, deleted = monotonic() + seconds, 0
    async with engine.connection() as connection:
        removed = await statements.list_removed(connection)
    for environment in removed:
        removal = _Removal(engine, environment)
        try:
            while monotonic() <= deadline and (found := await removal.go_on()) is not None:
                deleted += found
        except Unavailable:
            raise
        except Exception as error:
            # It is tried again by the next sweep, and is not to keep the others from their end.
            fields = fault_of(error).fields()
            _log.error("environment_not_deleted", environment=environment.slug, **fields)
    return deleted
