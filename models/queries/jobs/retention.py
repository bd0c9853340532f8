"""Statements that delete what is past the retention, table by table in the order of ids.

Ids begin with the time of their rows, so a pass goes from the oldest row to the youngest that is
old enough, some at a time; what is still needed is passed over, and looked at again by the next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from domain.bulk.operations import OPEN_BULK
from domain.channels.kinds import CHANNEL_KINDS
from domain.kit.ids import first_id_at
from domain.runs.statuses import OPEN_RUN
from models.queries.messages.deletion import delete_messages
from models.queries.runs.deletion import HAS_FILES_TO_SEND, delete_runs
from models.sql import fetch_all, listed
from runtime.database import Connection, take_long

Delete = Callable[[Connection, UUID, Collection[UUID]], Awaitable[None]]
# What a feed shows stays for as long as its recipient does (Knock docs, "Data retention").
_SENT = listed(kind for kind, channel in CHANNEL_KINDS.items() if channel.needs_provider)


def _rows_of(table: str, *dependents: tuple[str, str]) -> Delete:
    """Return what deletes rows of a table, and those of others that name them."""

    async def delete(connection: Connection, environment_id: UUID, ids: Collection[UUID]) -> None:
        for name, column in (*dependents, (table, "id")):
            await connection.execute(
                f"DELETE FROM {name} WHERE environment_id = %s AND {column} = ANY(%s)",  # noqa: S608
                (environment_id, list(ids)),
            )

    return delete


def _many(delete: Delete) -> Delete:
    """Return what deletes rows on which much more may hang than on any other."""

    async def delete_many(
        connection: Connection, environment_id: UUID, ids: Collection[UUID]
    ) -> None:
        await take_long(connection)
        await delete(connection, environment_id, ids)

    return delete_many


@dataclass(frozen=True, slots=True)
class Retained:
    """A table whose rows have their time.

    Attributes:
        is_due: SQL that tells whether a row `t` may go, with `%(cutoff)s`.
        delete: deletes rows with what hangs on them.
    """

    is_due: str
    delete: Delete


# Runs and messages before what they refer to.
RETAINED: Mapping[str, Retained] = {
    "recipient_runs": Retained(
        f"t.status NOT IN ({listed(OPEN_RUN)}) AND t.ended_at < %(cutoff)s",
        partial(delete_runs, spares_files=True),
    ),
    "messages": Retained(
        f"t.channel_type IN ({_SENT}) AND t.inserted_at < %(cutoff)s"
        " AND NOT EXISTS (SELECT FROM deliveries d WHERE d.message_id = t.id)",
        delete_messages,
    ),
    "workflow_runs": Retained(
        "NOT EXISTS (SELECT FROM recipient_runs r WHERE r.workflow_run_id = t.id)"  # noqa: S608
        " AND NOT EXISTS (SELECT FROM trigger_releases w WHERE w.workflow_run_id = t.id)"
        f" AND NOT {HAS_FILES_TO_SEND.format(trigger='t')}",
        _rows_of(
            "workflow_runs",
            ("followed_objects", "workflow_run_id"),
            ("attachments", "workflow_run_id"),
        ),
    ),
    # A feed shows how many items the batch of a message has.
    "batches": Retained(
        "t.closed_at < %(cutoff)s AND (t.resumed_at IS NOT NULL OR t.carrier_run_id IS NULL)"
        " AND NOT EXISTS (SELECT FROM messages m WHERE m.environment_id = t.environment_id"
        " AND m.recipient_id = t.recipient_id AND m.collection = t.collection"
        " AND m.batch_id = t.id)",
        _rows_of("batches"),
    ),
    "cancellations": Retained("t.released_at < %(cutoff)s", _rows_of("cancellations")),
    "bulk_operations": Retained(
        f"t.status NOT IN ({listed(OPEN_BULK)}) AND t.updated_at < %(cutoff)s",
        # Each row of a file may have failed, half a million of them.
        _many(_rows_of("bulk_operations", ("bulk_items", "operation_id"))),
    ),
}

# Deletes old events of messages that stay.
_OLD_EVENTS = """
DELETE FROM message_events e USING messages m
WHERE m.id = ANY(%s) AND e.message_id = m.id AND e.inserted_at < %s
"""


@dataclass(frozen=True, slots=True)
class _Passed:
    id: UUID
    environment_id: UUID
    is_due: bool


async def pass_rows(
    connection: Connection, table: str, *, after: UUID, cutoff: datetime, limit: int
) -> tuple[list[UUID], int]:
    """Pass the next rows of a table that are older than an instant, and delete those that may go.

    Args:
        connection: inside a transaction.
        table: a key of `RETAINED`.
        after: the id of the last row that was passed before.
        cutoff: what is older goes.
        limit: most rows.

    Returns:
        The ids that were passed, in order; and how many of them were deleted.
    """
    retained = RETAINED[table]
    values: dict[str, Any] = {
        "after": after,
        "before": first_id_at(cutoff),
        "cutoff": cutoff,
        "limit": limit,
    }
    passed = await fetch_all(
        connection,
        _Passed,
        f"SELECT t.id, t.environment_id, ({retained.is_due}) AS is_due FROM {table} t"  # noqa: S608
        " WHERE t.id > %(after)s AND t.id < %(before)s ORDER BY t.id LIMIT %(limit)s",
        values,
    )
    due: dict[UUID, list[UUID]] = {}
    for row in passed:
        if row.is_due:
            due.setdefault(row.environment_id, []).append(row.id)
    for environment_id, ids in due.items():
        await retained.delete(connection, environment_id, ids)
    return [row.id for row in passed], sum(map(len, due.values()))


async def delete_old_events(
    connection: Connection, message_ids: Collection[UUID], cutoff: datetime
) -> int:
    """Delete what happened to messages before an instant, of those that stay themselves."""
    return (await connection.execute(_OLD_EVENTS, (list(message_ids), cutoff))).rowcount
