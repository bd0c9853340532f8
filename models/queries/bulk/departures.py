"""Statements that delete recipients with all that belongs to them, little by little.

Whoever has little goes in one transaction, whose first lock is that of the recipient: nobody adds
anything meanwhile. Of the others some is deleted at a time, until they have little.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from domain.kit.ids import FIRST_ID
from domain.recipients.refs import USERS, RecipientRef
from domain.runs.events import RunEventType
from domain.runs.rows import RunInTemporal
from domain.runs.statuses import OPEN_RUN, RunStatus
from models.queries.events.writing import count_event, run_facts, tell_runs
from models.queries.messages.deletion import delete_messages
from models.queries.runs.deletion import delete_runs
from models.queries.runs.first_runs import FIRST_RUN_TABLES
from models.sql import columns_of, fetch_all, listed
from runtime.database import Connection, one

_GIVEN = "SELECT * FROM unnest(%(ids)s::text[], %(collections)s::text[])"
_OWNER = f"environment_id = %(environment_id)s AND (recipient_id, collection) IN ({_GIVEN})"
_FOLLOWS = (
    f"environment_id = %(environment_id)s AND (recipient_id, recipient_collection) IN ({_GIVEN})"
)
_FOLLOWED = f"environment_id = %(environment_id)s AND (object_id, object_collection) IN ({_GIVEN})"
_SOME = {
    table: f"SELECT id FROM {table} WHERE {_OWNER} LIMIT %(limit)s"  # noqa: S608 - constants
    for table in ("recipient_runs", "messages")
}
_ENDS = "object_collection, object_id, recipient_collection, recipient_id"
# Both ways: what a recipient follows, and who follows it. In the order of the primary key, as
# everybody locks several of them.
_UNSUBSCRIBE = f"""
WITH found AS (
    SELECT {_ENDS} FROM subscriptions WHERE {_FOLLOWS}
    UNION SELECT {_ENDS} FROM subscriptions WHERE {_FOLLOWED} LIMIT %(limit)s
), locked AS MATERIALIZED (
    SELECT s.* FROM subscriptions s JOIN found USING ({_ENDS})
    WHERE s.environment_id = %(environment_id)s ORDER BY {_ENDS} FOR UPDATE OF s
)
DELETE FROM subscriptions s USING locked l
WHERE (s.environment_id, s.object_collection, s.object_id, s.recipient_collection, s.recipient_id)
    = (l.environment_id, l.object_collection, l.object_id, l.recipient_collection, l.recipient_id)
"""  # noqa: S608 - constants

# What endpoints were told of them, with its log.
_UNTELL = f"""
WITH found AS MATERIALIZED (
    SELECT id FROM webhook_events WHERE {_OWNER} LIMIT %(limit)s
), locked AS MATERIALIZED (
    SELECT e.id FROM webhook_events e JOIN found USING (id) ORDER BY e.id FOR UPDATE OF e
)
DELETE FROM webhook_events e USING locked WHERE e.id = locked.id
"""  # noqa: S608 - constants

# The links of messages that may be gone before.
_UNLINK = f"""
WITH found AS MATERIALIZED (
    SELECT key FROM short_links WHERE {_OWNER} LIMIT %(limit)s
), locked AS MATERIALIZED (
    SELECT l.key FROM short_links l JOIN found USING (key) ORDER BY l.key FOR UPDATE OF l
)
DELETE FROM short_links l USING locked WHERE l.key = locked.key
"""  # noqa: S608 - constants

_MORE = f"""
SELECT EXISTS (SELECT FROM messages WHERE {_OWNER} OFFSET %(limit)s)
    OR EXISTS (SELECT FROM recipient_runs WHERE {_OWNER} OFFSET %(limit)s)
    OR EXISTS (SELECT FROM webhook_events WHERE {_OWNER} OFFSET %(limit)s)
    OR EXISTS (SELECT FROM short_links WHERE {_OWNER} OFFSET %(limit)s)
    OR EXISTS (SELECT FROM subscriptions WHERE {_FOLLOWS} OFFSET %(limit)s)
    OR EXISTS (SELECT FROM subscriptions WHERE {_FOLLOWED} OFFSET %(limit)s) AS more
"""  # noqa: S608 - constants

# Nobody but merges and deletions is waited for.
_HOLD = f"""
SELECT FROM recipients WHERE environment_id = %(environment_id)s AND (id, collection) IN ({_GIVEN})
ORDER BY collection, id FOR KEY SHARE
"""

# Who waits for one of several recipients must not hold another: those who describe the same people
# lock them in any order, as what they find is not what they store.
_TAKE = f"""
SELECT collection, id FROM recipients
WHERE environment_id = %(environment_id)s AND (id, collection) IN ({_GIVEN})
ORDER BY collection, id FOR UPDATE {{waiting}}
"""  # noqa: S608 - constants
_MISSING = f"""
SELECT collection, id FROM ({_GIVEN}) AS given (id, collection)
WHERE NOT EXISTS (
    SELECT FROM recipients r WHERE r.environment_id = %(environment_id)s
      AND (r.collection, r.id) = (given.collection, given.id))
"""  # noqa: S608 - constants

_DELETE = f"""
WITH locked AS MATERIALIZED (
    SELECT collection, id FROM recipients
    WHERE environment_id = %(environment_id)s AND (id, collection) IN ({_GIVEN})
    ORDER BY collection, id FOR UPDATE SKIP LOCKED
)
DELETE FROM recipients r USING locked l
WHERE r.environment_id = %(environment_id)s AND (r.collection, r.id) = (l.collection, l.id)
"""  # noqa: S608 - constants


# What is counted on branches is there as well.
_ON_BRANCHES = f"""
environment_id IN (SELECT id FROM branches WHERE environment_id = %(environment_id)s)
    AND (recipient_id, collection) IN ({_GIVEN})"""  # noqa: S608 - constants


def _deletion(table: str, *key: str, owner: str = _OWNER) -> str:
    """Write what deletes a table's rows of recipients, locked in the order of everybody."""
    locked = ", ".join(f"l.{name}" for name in key)
    return f"""
WITH locked AS MATERIALIZED (
    SELECT environment_id, {", ".join(key)} FROM {table} WHERE {owner}
    ORDER BY environment_id, {", ".join(key)} FOR UPDATE
)
DELETE FROM {table} t USING locked l
WHERE t.environment_id = l.environment_id
  AND ({", ".join(f"t.{name}" for name in key)}) = ({locked})
"""  # noqa: S608 - constants


# Who writes channel data or preferences holds the recipient.
_REST = (
    *(
        _deletion(
            table, "collection", "recipient_id", "workflow_key", "tenant_id", owner=_ON_BRANCHES
        )
        for table in FIRST_RUN_TABLES.values()
    ),
    *(f"DELETE FROM {table} WHERE {_OWNER}" for table in ("channel_data", "preference_sets")),  # noqa: S608
    _deletion("batches", "id"),
)
# A user's only: the id of an object may be the same.
_LEAVE_AUDIENCES = f"""
WITH locked AS MATERIALIZED (
    SELECT * FROM audience_members
    WHERE environment_id = %(environment_id)s AND user_id IN (
        SELECT id FROM ({_GIVEN}) AS given (id, collection) WHERE collection = '{USERS}')
    ORDER BY audience_key, user_id, tenant_id FOR UPDATE
)
DELETE FROM audience_members a USING locked l
WHERE (a.environment_id, a.audience_key, a.user_id, a.tenant_id)
    = (l.environment_id, l.audience_key, l.user_id, l.tenant_id)
"""  # noqa: S608 - fixed text
# Files name users only.
_LEAVE_BROADCASTS = f"""
WITH locked AS MATERIALIZED (
    SELECT * FROM broadcast_recipients
    WHERE environment_id = %(environment_id)s AND user_id IN (
        SELECT id FROM ({_GIVEN}) AS given (id, collection) WHERE collection = '{USERS}')
    ORDER BY upload_id, user_id, tenant_id FOR UPDATE
)
DELETE FROM broadcast_recipients b USING locked l
WHERE (b.upload_id, b.user_id, b.tenant_id) = (l.upload_id, l.user_id, l.tenant_id)
"""  # noqa: S608 - fixed text
# A user's only, too.
_FORGET_GUIDES = tuple(
    f"DELETE FROM {table} WHERE environment_id = %(environment_id)s"  # noqa: S608 - constants
    f" AND user_id IN (SELECT id FROM ({_GIVEN}) AS given (id, collection)"
    f" WHERE collection = '{USERS}')"
    for table in ("guide_engagements", "guide_tenant_engagements", "guide_displays")
)
_UNSCHEDULE = _deletion("schedules", "id")

_TOLD = tell_runs(
    "ended",
    RunEventType.RUN_CANCELLED,
    failed=True,
    data="jsonb_build_object('reason', %(reason)s::text)",
    at="%(now)s::timestamptz",
)
# One that was ended before is returned again: who ended it may have died before it woke the run.
_END = f"""
WITH locked AS MATERIALIZED (
    SELECT id, status FROM recipient_runs
    WHERE {_OWNER} AND id > %(after)s
      AND (status IN ({listed(OPEN_RUN)}) OR end_reason = %(reason)s)
    ORDER BY id LIMIT %(limit)s FOR UPDATE
), ended AS (
    UPDATE recipient_runs r
    SET status = '{RunStatus.CANCELLED}', resumes_at = NULL, ended_at = %(now)s,
        {count_event("r", RunEventType.RUN_CANCELLED, failed=True)},
        end_reason = %(reason)s, updated_at = %(now)s
    FROM locked WHERE r.id = locked.id AND locked.status IN ({listed(OPEN_RUN)})
    RETURNING {run_facts("r")}
), {_TOLD}
SELECT {columns_of(RunInTemporal, "r", {"environment": "e.slug"})}
FROM locked JOIN recipient_runs r USING (id) JOIN environments e ON e.id = r.environment_id
ORDER BY r.id
"""  # noqa: S608 - fixed text


async def hold_to_delete(
    connection: Connection, environment_id: UUID, refs: Sequence[RecipientRef]
) -> int:
    """Let no merge of users that are to be deleted be accepted until the transaction has ended.

    One that is being accepted is waited for: it comes before the deletion, and any other is told of
    it (`merging.find_going`).

    Returns:
        How many of the recipients there are.
    """
    cursor = await connection.execute(_HOLD, _values(environment_id, refs, limit=0))
    return cursor.rowcount


async def end_runs_of(
    connection: Connection,
    environment_id: UUID,
    refs: Sequence[RecipientRef],
    *,
    reason: str,
    now: datetime,
    limit: int,
    after: UUID = FIRST_ID,
) -> list[RunInTemporal]:
    """End open runs of recipients, with an event that gives the reason.

    Args:
        connection: inside a transaction.
        environment_id: where.
        refs: whose runs.
        reason: why they end.
        now: when.
        limit: most runs.
        after: the id of the last run that was returned before.

    Returns:
        In the order of their ids, runs that perhaps still sleep in Temporal.
    """
    values = {
        **_values(environment_id, refs, limit=limit),
        "reason": reason,
        "now": now,
        "after": after,
    }
    return await fetch_all(connection, RunInTemporal, _END, values)


async def have_more_than(
    connection: Connection, environment_id: UUID, refs: Sequence[RecipientRef], *, limit: int
) -> bool:
    """Tell whether recipients have more than so many of anything together.

    That is messages, runs, subscriptions, short links, and events that endpoints were told of.
    """
    cursor = await connection.execute(_MORE, _values(environment_id, refs, limit=limit))
    return bool(one(await cursor.fetchone())["more"])


async def delete_some(
    connection: Connection, environment_id: UUID, refs: Sequence[RecipientRef], *, limit: int
) -> None:
    """Delete up to `limit` of each that `have_more_than` counts, in a transaction.

    Runs come first: a walk that holds one is waited for, and cannot leave a message behind.
    """
    values = _values(environment_id, refs, limit=limit)
    # Whoever is given the id anew is held back by nothing.
    forget_runs = partial(delete_runs, forgets_passes=True)
    for table, delete in (("recipient_runs", forget_runs), ("messages", delete_messages)):
        cursor = await connection.execute(_SOME[table], values)
        ids = [row["id"] for row in await cursor.fetchall()]
        if ids:
            await delete(connection, environment_id, ids)
    await connection.execute(_UNLINK, values)
    await connection.execute(_UNTELL, values)
    await connection.execute(_UNSUBSCRIBE, values)


async def take_recipients(
    connection: Connection, environment_id: UUID, refs: Sequence[RecipientRef]
) -> Sequence[RecipientRef]:
    """Lock some of the recipients, so that a transaction waits for one only, and holds none then.

    Returns:
        Those that nobody else holds; or, where there are none, those that are not there; or the
        first of all, which was waited for.
    """
    values = _values(environment_id, refs, limit=0)
    free = await fetch_all(connection, RecipientRef, _TAKE.format(waiting="SKIP LOCKED"), values)
    free = free or await fetch_all(connection, RecipientRef, _MISSING, values)
    if free:
        return free
    await connection.execute(_TAKE.format(waiting=""), _values(environment_id, refs[:1], limit=0))
    return refs[:1]


async def delete_recipients(
    connection: Connection, environment_id: UUID, refs: Sequence[RecipientRef], *, limit: int
) -> None:
    """Delete recipients with everything that belongs to them, in a transaction.

    Args:
        connection: inside a transaction.
        environment_id: where.
        refs: whom, as `take_recipients` returns them; one who is not there may have left something
            all the same.
        limit: more than they have of anything.
    """
    values = _values(environment_id, refs, limit=limit)
    await connection.execute(_DELETE, values)
    # Before the runs: a clock that fires one of them is waited for, and its run is deleted, too.
    await connection.execute(_UNSCHEDULE, values)
    await delete_some(connection, environment_id, refs, limit=limit)
    for statement in (*_REST, _LEAVE_AUDIENCES, _LEAVE_BROADCASTS, *_FORGET_GUIDES):
        await connection.execute(statement, values)


def _values(environment_id: UUID, refs: Sequence[RecipientRef], *, limit: int) -> dict[str, Any]:
    return {
        "environment_id": environment_id,
        "ids": [ref.id for ref in refs],
        "collections": [ref.collection for ref in refs],
        "limit": limit,
    }
