"""Queues of what was committed and not released to Temporal yet: triggers, and cancellations.

Taking from a queue pushes back: what fails, or dies with its process, stands in nobody's way. All
ages are the database's: processes may disagree about the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Generic, TypeVar
from uuid import UUID

from domain.triggers.rows import CancellationToRelease, ToRelease, TriggerToRelease
from models.sql import columns_of, fetch_all
from runtime.database import Connection

R = TypeVar("R", bound=ToRelease)

_TAKE = """
WITH due AS (
    SELECT {key} FROM {table}
    WHERE released_at IS NULL AND due_at <= now()
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE {table} q SET due_at = now() + %(lease)s
FROM due, environments e
WHERE q.{key} = due.{key} AND e.id = q.environment_id
RETURNING {columns}
"""

_PUT_BACK = """
UPDATE {table}
SET due_at = now() + CASE WHEN %(failed)s
        THEN least(%(first)s * power(2, least(attempts, 20)), %(longest)s) ELSE interval '0' END,
    attempts = attempts + %(failed)s::int
WHERE {key} = %(id)s AND released_at IS NULL
"""

# Whoever marks several locks them in one order.
_MARK = """
WITH locked AS (
    SELECT {key} FROM {table}
    WHERE {key} = ANY(%(ids)s) AND released_at IS NULL
    ORDER BY {key} FOR UPDATE
)
UPDATE {table} q
SET released_at = now(), attempts = 0,
    due_at = now() + CASE WHEN due_at > now() THEN %(look_after)s ELSE interval '0' END
FROM locked WHERE q.{key} = locked.{key}
"""


class ReleaseQueue(Generic[R]):
    """The rows of a table whose `released_at` is null, by their `due_at`.

    Args:
        row: the dataclass of what is taken.
        table: has columns `environment_id`, `due_at`, `attempts` and `released_at`.
        key: its primary key.
        expressions: SQL for fields that are not columns of it; its row is `q`.
    """

    def __init__(self, row: type[R], table: str, key: str, **expressions: str) -> None:
        given = {"id": f"q.{key}", "environment": "e.slug", **expressions}
        columns = columns_of(row, "q", given)
        names = {"table": table, "key": key, "columns": columns}
        self._row = row
        self._take, self._put_back, self._mark = (
            statement.format(**names) for statement in (_TAKE, _PUT_BACK, _MARK)
        )

    async def take(self, connection: Connection, *, limit: int, lease: timedelta) -> list[R]:
        """Take what nobody has released, the longest due first; nobody else gets it for now.

        Args:
            connection: outside a transaction.
            limit: how many at most.
            lease: when they are due again, should this process die.
        """
        return await fetch_all(connection, self._row, self._take, {"limit": limit, "lease": lease})

    async def put_back(
        self,
        connection: Connection,
        taken_id: UUID,
        *,
        failed: bool,
        first: timedelta,
        longest: timedelta,
    ) -> None:
        """Give back what was taken and could not be released.

        Args:
            connection: outside a transaction.
            taken_id: its id.
            failed: whether it waits: `first`, and twice as long each time, up to `longest`.
            first: the first wait.
            longest: the longest wait.
        """
        await connection.execute(
            self._put_back, {"id": taken_id, "failed": failed, "first": first, "longest": longest}
        )

    async def mark_released(
        self, connection: Connection, ids: Sequence[UUID], *, look_after: timedelta = timedelta(0)
    ) -> None:
        """Note that Temporal has been told all, or is certain to be.

        Args:
            connection: outside a transaction.
            ids: what was released.
            look_after: when to look whether it had its effect, where somebody looks; what was made
                due meanwhile stays due.
        """
        await connection.execute(self._mark, {"ids": list(ids), "look_after": look_after})


# Whether a trigger has runs that are not made yet.
EXPANDS = "EXISTS (SELECT FROM trigger_expansions x WHERE x.workflow_run_id = {of}.workflow_run_id)"
TRIGGERS = ReleaseQueue(
    TriggerToRelease, "trigger_releases", "workflow_run_id", expands=EXPANDS.format(of="q")
)
CANCELLATIONS = ReleaseQueue(CancellationToRelease, "cancellations", "id")
