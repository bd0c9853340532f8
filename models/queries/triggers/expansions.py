"""Statements that make the runs of those who follow the objects of a trigger, page by page.

Whoever makes a page holds the trigger's row in `trigger_expansions` from first to last, and so does
a cancel. So pages of a trigger follow each other, and a cancel sees the runs of a page or is seen
by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from domain.kit.ids import FIRST_ID, FIRST_INSTANT
from domain.recipients.refs import USERS
from domain.runs.statuses import RunStatus
from domain.triggers.addressees import Addressee
from domain.triggers.expansions import Expansion, Followed, Follower, Reached
from models.queries.runs.first_runs import FIRST_RUN_TABLES
from models.queries.triggers.first_runs import FIRST_RUNS, IS_FIRST_RUN, NOTE_HELD_BACK
from models.sql import Compiled, columns_of, fetch_all, fetch_one
from runtime.database import Connection

# The place before everybody: `through_id`, `after_at`, `after_collection`, `after_id`.
FIRST_PLACE = f"'{FIRST_ID}', '{FIRST_INSTANT}', '', ''"

# Parts of the statement that accepts a trigger. An object that nobody follows is like a user.
FOLLOWED = f"""roots AS (
    SELECT * FROM known WHERE collection <> '{USERS}' AND (
        SELECT true FROM subscriptions s WHERE s.environment_id = %(environment_id)s
           AND s.object_collection = known.collection AND s.object_id = known.recipient_id LIMIT 1)
), objects_followed AS (
    INSERT INTO followed_objects
        (id, environment_id, workflow_run_id, depth, collection, object_id, root_id, trigger_data)
    SELECT id, %(environment_id)s, %(id)s, 1, collection, recipient_id, id, trigger_data
    FROM roots
), expanding AS (
    INSERT INTO trigger_expansions
        (workflow_run_id, environment_id, workflow_key, cancellation_key, cancellation_ids, depth,
         through_id, after_at, after_collection, after_id)
    SELECT %(id)s, %(environment_id)s, %(workflow_key)s, %(cancellation_key)s, '{{}}', 1,
           {FIRST_PLACE}
    FROM allowed WHERE EXISTS (SELECT FROM roots)
), """  # noqa: S608 - fixed text

_HOLD = f"""
SELECT {
    columns_of(
        Expansion,
        "x",
        {
            name: f"w.{name}"
            for name in (
                "branch_id",
                "version_id",
                "tenant_id",
                "actor_collection",
                "actor_id",
                "source",
                "settings",
            )
        },
    )
}
FROM trigger_expansions x JOIN workflow_runs w ON w.id = x.workflow_run_id
WHERE x.workflow_run_id = %s AND x.environment_id = %s
FOR UPDATE OF x
"""  # noqa: S608 - names of fields

_OBJECTS = f"""
SELECT {columns_of(Followed, "f")}
FROM trigger_expansions x
JOIN followed_objects f ON f.workflow_run_id = x.workflow_run_id AND f.depth = x.depth
    AND f.id >= x.through_id
WHERE x.workflow_run_id = %s AND x.environment_id = %s
ORDER BY f.id LIMIT %s
"""  # noqa: S608 - names of fields

# Object by object, and of each the oldest subscription first. The place is read where it is, in the
# index of subscriptions: behind it in the object that the page before has ended in, and from the
# beginning in the others.
_FOLLOWERS = f"""
SELECT f.id AS through_id, f.root_id, s.collection, s.recipient_id, s.subscribed_at
FROM trigger_expansions x
CROSS JOIN unnest(%(object_ids)s::uuid[], %(root_ids)s::uuid[], %(collections)s::text[],
    %(names)s::text[]) AS f (id, root_id, collection, object_id)
CROSS JOIN LATERAL (
    SELECT s.recipient_collection AS collection, s.recipient_id, s.inserted_at AS subscribed_at
    FROM subscriptions s
    WHERE s.environment_id = x.environment_id
      AND s.object_collection = f.collection AND s.object_id = f.object_id
      AND (s.inserted_at, s.recipient_collection, s.recipient_id) > (
          CASE WHEN f.id = x.through_id THEN x.after_at ELSE '{FIRST_INSTANT}' END,
          CASE WHEN f.id = x.through_id THEN x.after_collection ELSE '' END,
          CASE WHEN f.id = x.through_id THEN x.after_id ELSE '' END)
    ORDER BY s.inserted_at, s.recipient_collection, s.recipient_id LIMIT %(limit)s
) AS s
WHERE x.workflow_run_id = %(id)s AND x.environment_id = %(environment_id)s
ORDER BY f.id, s.subscribed_at, s.collection, s.recipient_id LIMIT %(limit)s
"""  # noqa: S608 - constants

_NAMED = """
SELECT jsonb_array_elements_text(recipients) AS gid FROM cancellations
WHERE environment_id = %s AND id = ANY(%s)
"""

# On which way a run has been reached; nothing for one whose subscription has gone.
_WAY = """(
    SELECT (o.depth, s.inserted_at, o.id) FROM followed_objects o
    JOIN subscriptions s ON s.environment_id = o.environment_id
        AND s.object_collection = o.collection AND s.object_id = o.object_id
        AND s.recipient_collection = {run}.collection AND s.recipient_id = {run}.recipient_id
    WHERE o.id = {run}.through_id)"""

# Runs are locked in the order of their ids, as everybody does. Which page comes first does not
# matter: of two ways to a recipient the better one stays, and a run that the trigger has named by
# itself has none.
_ADD = """
WITH given AS (
    SELECT * FROM unnest(%(run_ids)s::uuid[], %(through_ids)s::uuid[], %(root_ids)s::uuid[],
        %(collections)s::text[], %(recipient_ids)s::text[], %(subscribed)s::timestamptz[],
        %(have_runs)s::boolean[], %(lead_on)s::boolean[])
        AS given (id, through_id, root_id, collection, recipient_id, subscribed_at, has_run,
                  leads_on)
), leading_on AS (
    INSERT INTO followed_objects AS o
        (id, environment_id, workflow_run_id, depth, collection, object_id, root_id, subscribed_at)
    SELECT id, %(environment_id)s, %(id)s, %(depth)s + 1, collection, recipient_id, root_id,
           subscribed_at
    FROM given WHERE leads_on AND (
        SELECT true FROM subscriptions s WHERE s.environment_id = %(environment_id)s
           AND s.object_collection = given.collection AND s.object_id = given.recipient_id LIMIT 1)
    ORDER BY id
    ON CONFLICT (id) DO UPDATE
    SET root_id = excluded.root_id, subscribed_at = excluded.subscribed_at
    WHERE o.depth = excluded.depth
      AND (excluded.subscribed_at, excluded.root_id) < (o.subscribed_at, o.root_id)
), {chosen}made AS (
    INSERT INTO recipient_runs AS r
        (id, environment_id, workflow_run_id, workflow_key, version_id, collection, recipient_id,
         tenant_id, cancellation_key, through_id, status, error_count, event_count, step_outcomes,
         inserted_at, updated_at)
    SELECT given.id, %(environment_id)s, %(id)s, w.workflow_key, w.version_id, given.collection,
           given.recipient_id, w.tenant_id, w.cancellation_key, given.through_id, '{queued}', 0, 0,
           '{{}}', w.accepted_at, %(now)s
    FROM {given} AS given JOIN workflow_runs w ON w.id = %(id)s
    WHERE given.has_run ORDER BY given.id
    ON CONFLICT (id) DO UPDATE SET through_id = excluded.through_id
    WHERE r.status = '{queued}' AND {new_way} < {known_way}
    RETURNING id
)
SELECT count(*) AS changed FROM made
"""
_CHOSEN = """with_runs AS (
    SELECT * FROM given WHERE has_run
), {first_runs}, chosen AS (
    SELECT * FROM with_runs given
    WHERE id IN (SELECT recipient_run_id FROM first_runs_taken) OR {is_first_run}
), {note_held_back}, """

_MOVE = """
UPDATE trigger_expansions
SET through_id = %s, after_at = %s, after_collection = %s, after_id = %s
WHERE workflow_run_id = %s AND environment_id = %s
"""

_DEEPER = f"""
UPDATE trigger_expansions SET depth = depth + 1, through_id = '{FIRST_ID}'
WHERE workflow_run_id = %s AND environment_id = %s
"""  # noqa: S608 - constants


async def hold_expansion(
    connection: Connection, environment_id: UUID, workflow_run_id: UUID
) -> Expansion | None:
    """Hold what is left to make of a trigger for the rest of the transaction; None if nothing."""
    return await fetch_one(connection, Expansion, _HOLD, (workflow_run_id, environment_id))


async def next_objects(
    connection: Connection, expansion: Expansion, *, limit: int
) -> list[Followed]:
    """Return the objects at a trigger's depth whose followers come next."""
    values = (expansion.workflow_run_id, expansion.environment_id, limit)
    return await fetch_all(connection, Followed, _OBJECTS, values)


async def next_followers(
    connection: Connection, expansion: Expansion, objects: Sequence[Followed], *, limit: int
) -> list[Follower]:
    """Return those who follow the next objects and come next; fewer than `limit` are the last."""
    values = {
        "id": expansion.workflow_run_id,
        "environment_id": expansion.environment_id,
        "object_ids": [each.id for each in objects],
        "root_ids": [each.root_id for each in objects],
        "collections": [each.collection for each in objects],
        "names": [each.object_id for each in objects],
        "limit": limit,
    }
    return await fetch_all(connection, Follower, _FOLLOWERS, values)


async def cancelled_recipients(connection: Connection, expansion: Expansion) -> list[str]:
    """Return the global ids of those whose runs were cancelled before they were made."""
    if not expansion.cancellation_ids:
        return []
    values = (expansion.environment_id, expansion.cancellation_ids)
    cursor = await connection.execute(_NAMED, values)
    return [row["gid"] for row in await cursor.fetchall()]


@cache
def _add(*, once_in: str | None) -> Compiled:
    """Write the statement.

    Args:
        once_in: the table of first runs that lets each recipient in once; None lets all of them in.
    """
    chosen = ""
    if once_in is not None:
        chosen = _CHOSEN.format(
            first_runs=FIRST_RUNS.format(table=once_in, given="with_runs"),
            is_first_run=IS_FIRST_RUN.format(table=once_in, run="given"),
            note_held_back=NOTE_HELD_BACK.format(given="with_runs", chosen="chosen"),
        )
    return Compiled(
        _ADD.format(
            queued=RunStatus.QUEUED,
            chosen=chosen,
            given="chosen" if chosen else "given",
            new_way=_WAY.format(run="excluded"),
            known_way=_WAY.format(run="r"),
        )
    )


async def add_runs(
    connection: Connection,
    expansion: Expansion,
    page: Sequence[Reached],
    *,
    first_run_for: str | None,
    now: datetime,
) -> int:
    """Store the runs of a page in state `queued`, and the objects that lead on.

    Who has had the run of a workflow that is entered once is noted in the trigger instead.

    Args:
        connection: holds the expansion.
        expansion: whose runs.
        page: whom it reaches, each once.
        first_run_for: see `TriggerDraft`.
        now: the instant.

    Returns:
        How many runs were made, or turned out to have a better way.
    """
    followers = [each.follower for each in page]
    table = FIRST_RUN_TABLES[expansion.is_sandboxed]
    cursor = await _add(once_in=None if first_run_for is None else table).execute(
        connection,
        {
            "id": expansion.workflow_run_id,
            "environment_id": expansion.environment_id,
            "content_id": expansion.branch_id or expansion.environment_id,
            "workflow_key": expansion.workflow_key,
            "depth": expansion.depth,
            "first_run_for": first_run_for,
            "now": now,
            "run_ids": [each.run_id for each in page],
            "through_ids": [each.through_id for each in followers],
            "root_ids": [each.root_id for each in followers],
            "collections": [each.collection for each in followers],
            "recipient_ids": [each.recipient_id for each in followers],
            "subscribed": [each.subscribed_at for each in followers],
            "have_runs": [each.has_run for each in page],
            "lead_on": [each.leads_on for each in page],
        },
    )
    row = await cursor.fetchone()
    return int(row["changed"]) if row else 0


async def move_on(
    connection: Connection, expansion: Expansion, last: Follower | Followed | Addressee
) -> None:
    """Let the next page begin behind a follower or addressee, or all that follow an object."""
    place: tuple[object, ...]
    if isinstance(last, Follower):
        place = (last.through_id, last.subscribed_at, last.collection, last.recipient_id)
    elif isinstance(last, Addressee):
        place = (FIRST_ID, FIRST_INSTANT, last.tenant_id, last.user_id)
    else:
        place = (last.id, "infinity", "", "")
    owner = (expansion.workflow_run_id, expansion.environment_id)
    await connection.execute(_MOVE, (*place, *owner))


async def go_deeper(connection: Connection, expansion: Expansion) -> None:
    """Let the next page begin with those who follow the objects that this depth has reached."""
    owner = (expansion.workflow_run_id, expansion.environment_id)
    await connection.execute(_DEEPER, owner)


async def end_expansion(connection: Connection, expansion: Expansion) -> None:
    """Note that everybody has a run."""
    await connection.execute(
        "DELETE FROM trigger_expansions WHERE workflow_run_id = %s AND environment_id = %s",
        (expansion.workflow_run_id, expansion.environment_id),
    )
