"""Delete what is past the retention: messages, runs, their stories, and what belongs to them.

Source: Knock docs, "Data retention": 30 days; users, objects, preferences and what a feed shows
are not subject to it. A pass over everything begins once a day and goes on with each sweep.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from domain.kit.clock import parse_instant
from domain.kit.ids import FIRST_ID
from models.queries.jobs import sweep_positions
from models.queries.jobs.retention import RETAINED, delete_old_events, pass_rows
from services.engine import Engine

_DUTY = "expiry"
_EVERY = timedelta(days=1)
# In each sweep; a hundred thousand rows a minute, where they are there.
_SECONDS = 5.0
_ROWS_AT_ONCE = 500
_TABLES = tuple(RETAINED)


@dataclass(frozen=True, slots=True)
class _Pass:
    """How far the pass of the day has come: through which table, and to which of its rows."""

    began_at: str
    table: int = 0
    after: str = str(FIRST_ID)

    @property
    def is_over(self) -> bool:
        """Tell whether every table was passed."""
        return self.table >= len(_TABLES)


async def delete_past_retention(engine: Engine, *, seconds: float = _SECONDS) -> int:
    """Go on with the pass of the day for a while.

    Args:
        engine: the parts of this process.
        seconds: for how long.

    Returns:
        How many messages, runs and other rows were deleted.

    Raises:
        Unavailable: the database is away.
    """
    if engine.settings.retention_days == 0:
        return 0
    cutoff = engine.keeps_since(engine.clock())
    deadline = monotonic() + seconds
    deleted = 0
    while True:
        found = await _pass_some(engine, cutoff)
        if found is None:
            return deleted
        deleted += found
        if monotonic() > deadline:
            return deleted


async def _pass_some(engine: Engine, cutoff: datetime) -> int | None:
    """Pass the next rows, in one transaction; None when the pass of the day is over."""
    async with engine.unit() as unit:
        noted = await sweep_positions.position(unit.connection, _DUTY)
        current = _Pass(**noted) if noted else _Pass(unit.now.isoformat())
        if current.is_over:
            began = parse_instant(current.began_at)
            if began is not None and timedelta(0) <= unit.now - began < _EVERY:
                return None
            current = _Pass(unit.now.isoformat())
        table = _TABLES[current.table]
        passed, deleted = await pass_rows(
            unit.connection,
            table,
            after=UUID(current.after),
            cutoff=cutoff,
            limit=_ROWS_AT_ONCE,
        )
        if table == "messages" and passed:
            deleted += await delete_old_events(unit.connection, passed, cutoff)
        if len(passed) < _ROWS_AT_ONCE:
            current = _Pass(current.began_at, current.table + 1)
        else:
            current = _Pass(current.began_at, current.table, str(passed[-1]))
        await sweep_positions.note_position(unit.connection, _DUTY, asdict(current))
    return deleted
