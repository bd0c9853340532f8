"""Statements over changes of recipients that runs wait for: who waits, what changed, what is over.

Whoever changes a recipient holds its row, and so does who registers a wait for that: one of them
comes first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.json_types import JsonObject, encoded
from domain.recipients.refs import USERS, RecipientRef
from domain.runs.statuses import OPEN_RUN
from domain.waits.rows import AwaitingRecipient, NewChange
from models.queries.recipients.by_key import BY_KEY, GIVEN, key_values
from models.sql import columns_of, fetch_all, listed, names_of
from runtime.database import Connection

_NAMES = names_of(NewChange)

_AWAITING = f"""
SELECT {columns_of(AwaitingRecipient, "w")}
FROM jsonb_to_recordset(%(recipients)s) AS given (collection text, recipient_id text)
JOIN event_waits w ON w.environment_id = %(environment_id)s AND w.event_type = %(event_type)s
 AND w.source_key = %(source_key)s AND w.event_key = %(event_key)s
 AND w.recipient_id = given.recipient_id AND w.collection = given.collection
 AND w.claimed_at IS NULL
JOIN recipient_runs r ON r.id = w.recipient_run_id AND r.status IN ({listed(OPEN_RUN)})
ORDER BY w.recipient_run_id, w.step_ref
"""  # noqa: S608 - names of fields

# Finds the members of an audience, in every environment, for whom runs wait.
_MEMBERS_AWAITED = f"""
SELECT DISTINCT a.environment_id, a.user_id, a.tenant_id
FROM event_waits w
JOIN recipient_runs r ON r.id = w.recipient_run_id AND r.status IN ({listed(OPEN_RUN)})
JOIN audience_members a ON a.environment_id = w.environment_id AND a.audience_key = w.source_key
 AND a.user_id = w.recipient_id AND w.collection = '{USERS}'
WHERE w.environment_id IN (SELECT id FROM environments) AND w.event_type = 'audience'
  AND w.source_key = %s AND w.event_key = %s AND w.claimed_at IS NULL
ORDER BY 1, 2, 3
"""  # noqa: S608 - constants

_ADD = f"""
INSERT INTO awaited_changes ({", ".join(_NAMES)})
VALUES ({", ".join(f"%({name})s" for name in _NAMES)})
"""  # noqa: S608 - names of fields

_STORED = f"""
SELECT r.collection, r.id, r.properties,
       coalesce((SELECT jsonb_object_agg(p.id, p.content) FROM preference_sets p
                 WHERE p.environment_id = r.environment_id AND p.collection = r.collection
                   AND p.recipient_id = r.id), '{{}}') AS preferences,
       coalesce((SELECT jsonb_object_agg(c.channel_id, c.data) FROM channel_data c
                 WHERE c.environment_id = r.environment_id AND c.collection = r.collection
                   AND c.recipient_id = r.id), '{{}}') AS channel_data
FROM {GIVEN} CROSS JOIN LATERAL ({BY_KEY}) AS r
"""  # noqa: S608 - constants

_HOLD = """
SELECT FROM recipients WHERE environment_id = %s AND collection = %s AND id = %s FOR SHARE
"""

_FORGET = "DELETE FROM awaited_changes WHERE happened_at < %s"


async def awaiting_recipients(
    connection: Connection,
    environment_id: UUID,
    refs: Collection[RecipientRef],
    *,
    event_type: str,
    event_key: str,
    source_key: str = "",
) -> list[AwaitingRecipient]:
    """Return the runs of some recipients that wait for such a change of theirs."""
    values = {
        **_of(environment_id, refs),
        "event_type": event_type,
        "event_key": event_key,
        "source_key": source_key,
    }
    return await fetch_all(connection, AwaitingRecipient, _AWAITING, values)


@dataclass(frozen=True, slots=True)
class AwaitedMember:
    """Somebody in an audience for whose leaving a run waits."""

    environment_id: UUID
    user_id: str
    tenant_id: str


async def members_awaited(
    connection: Connection, audience_key: str, event_key: str
) -> list[AwaitedMember]:
    """Return the members of an audience, in all environments, whom runs wait for."""
    return await fetch_all(connection, AwaitedMember, _MEMBERS_AWAITED, (audience_key, event_key))


async def hold_unchanged(connection: Connection, environment_id: UUID, ref: RecipientRef) -> None:
    """Keep a recipient from being changed until the transaction has ended."""
    await connection.execute(_HOLD, (environment_id, ref.collection, ref.id))


async def stored_of(
    connection: Connection, environment_id: UUID, refs: Collection[RecipientRef]
) -> dict[RecipientRef, JsonObject]:
    """Return properties, preferences and channel data of some recipients."""
    cursor = await connection.execute(_STORED, key_values(environment_id, refs))
    return {
        RecipientRef(row["collection"], row["id"]): {
            name: row[name] for name in ("properties", "preferences", "channel_data")
        }
        for row in await cursor.fetchall()
    }


async def add_changes(connection: Connection, changes: Sequence[NewChange]) -> None:
    """Store changes for the waits that they may end."""
    if not changes:
        return
    rows = [{**asdict(each), "variables": Jsonb(each.variables)} for each in changes]
    async with connection.cursor() as cursor:
        await cursor.executemany(_ADD, rows)


async def forget_changes(connection: Connection, before: datetime) -> int:
    """Delete changes for which nothing can wait any more; returns how many there were."""
    cursor = await connection.execute(_FORGET, (before,))
    return cursor.rowcount


def _of(environment_id: UUID, refs: Collection[RecipientRef]) -> dict[str, object]:
    recipients = [{"collection": ref.collection, "recipient_id": ref.id} for ref in refs]
    return {"environment_id": environment_id, "recipients": Jsonb(recipients, dumps=encoded)}
