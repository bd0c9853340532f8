"""Statements that delete a recipient with all that belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from domain.recipients.refs import USERS, RecipientRef
from runtime.database import Connection

_OWNER = (
    "environment_id = %(environment_id)s AND recipient_id = %(id)s AND collection = %(collection)s"
)
# Both ways: what the recipient follows, and who follows it.
_SUBSCRIPTIONS = """
WITH locked AS MATERIALIZED (
    SELECT * FROM subscriptions
    WHERE environment_id = %(environment_id)s
      AND ((object_collection = %(collection)s AND object_id = %(id)s)
           OR (recipient_collection = %(collection)s AND recipient_id = %(id)s))
    ORDER BY object_collection, object_id, recipient_collection, recipient_id
    FOR UPDATE
)
DELETE FROM subscriptions s USING locked l
WHERE (s.environment_id, s.object_collection, s.object_id, s.recipient_collection, s.recipient_id)
    = (l.environment_id, l.object_collection, l.object_id, l.recipient_collection, l.recipient_id)
"""
# A user's only: the id of an object may be the same.
_MEMBERSHIPS = f"""
WITH locked AS MATERIALIZED (
    SELECT * FROM audience_members
    WHERE environment_id = %(environment_id)s AND user_id = %(id)s AND %(collection)s = '{USERS}'
    ORDER BY audience_key, user_id, tenant_id
    FOR UPDATE
)
DELETE FROM audience_members a USING locked l
WHERE (a.environment_id, a.audience_key, a.user_id, a.tenant_id)
    = (l.environment_id, l.audience_key, l.user_id, l.tenant_id)
"""  # noqa: S608 - fixed text
# What hangs on a run and on a message, by the column that names it.
_OF_RUNS = (("recipient_run_events", "recipient_run_id"), ("run_patches", "recipient_run_id"))
_OF_MESSAGES = (
    ("deliveries", "message_id"),
    ("message_events", "message_id"),
    ("delivery_attempts", "message_id"),
)


def _deletion() -> Iterator[str]:
    """Yield the statements that delete what belongs to a recipient.

    Rows are locked in the order of their ids, as everybody does who changes several of them, and
    before what hangs on them is deleted: a statement sees only what was there when it began, so
    whoever is still writing an event has to be waited for by the statement before. Runs come first:
    a walk that holds one is waited for, and cannot leave a message behind.
    """
    # Before the runs: a clock that fires one of them is waited for, and its run is deleted, too.
    yield (
        f"WITH locked AS MATERIALIZED (SELECT id FROM schedules WHERE {_OWNER} "  # noqa: S608
        "ORDER BY id FOR UPDATE) DELETE FROM schedules s USING locked WHERE s.id = locked.id"
    )
    for table, dependents in (("recipient_runs", _OF_RUNS), ("messages", _OF_MESSAGES)):
        yield (
            f"WITH locked AS MATERIALIZED (SELECT FROM {table} WHERE {_OWNER} "  # noqa: S608
            "ORDER BY id FOR UPDATE) SELECT count(*) FROM locked"
        )
        for dependent, column in dependents:
            yield (
                f"DELETE FROM {dependent} WHERE {column} IN "  # noqa: S608 - constants
                f"(SELECT id FROM {table} WHERE {_OWNER})"
            )
        yield f"DELETE FROM {table} WHERE {_OWNER}"  # noqa: S608 - constants
    # Who is identified anew under the same id has entered no workflow.
    yield f"DELETE FROM first_runs WHERE {_OWNER}"  # noqa: S608 - constants
    yield f"DELETE FROM channel_data WHERE {_OWNER}"  # noqa: S608 - constants
    yield f"DELETE FROM preference_sets WHERE {_OWNER}"  # noqa: S608 - constants
    yield _MEMBERSHIPS
    for table in ("guide_engagements", "guide_displays"):
        yield (
            f"DELETE FROM {table} WHERE environment_id = %(environment_id)s "  # noqa: S608
            f"AND user_id = %(id)s AND %(collection)s = '{USERS}'"
        )
    # Nobody adds one meanwhile: whoever subscribes holds both ends before it writes.
    yield _SUBSCRIPTIONS


_DELETE = tuple(_deletion())


async def delete_recipient(connection: Connection, environment_id: UUID, ref: RecipientRef) -> bool:
    """Delete a recipient with its schedules, runs, messages and all else of it.

    Runs inside a transaction. Returns whether there was such a recipient.
    """
    values = {"environment_id": environment_id, "id": ref.id, "collection": ref.collection}
    cursor = await connection.execute(
        "DELETE FROM recipients WHERE environment_id = %(environment_id)s AND id = %(id)s"
        " AND collection = %(collection)s",
        values,
    )
    if cursor.rowcount == 0:
        return False
    for statement in _DELETE:
        await connection.execute(statement, values)
    return True
