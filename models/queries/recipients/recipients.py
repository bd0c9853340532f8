"""Statements over recipients, their channel data and preference sets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.json_types import encoded
from domain.kit.violations import Violations
from domain.preferences.rows import NewSet, Persistence
from domain.recipients.inline import InlineRecipient, combined
from domain.recipients.recipients import Recipient
from domain.recipients.refs import TENANTS, USERS, RecipientRef
from domain.recipients.shapes import (
    MAX_PROPERTIES_BYTES,
    MAX_SETTINGS_BYTES,
    SETTINGS_TOO_LARGE,
    TOO_LARGE,
)
from models.queries.preferences.sets import write_preference_sets
from models.queries.recipients.by_key import BY_KEY, GIVEN, key_values
from models.sql import columns_of, exceeds, fetch_all, fetch_one
from runtime.database import Connection


@dataclass(frozen=True, slots=True)
class _Held(Recipient):
    """A recipient that is about to be written, as it is; or as it was made just now."""

    has_too_much: bool
    has_too_many_settings: bool | None
    is_new: bool


# Whether what is given changes what is stored. Most people are described as they were before, and
# then the shallow merge tells it at a small part of the price of the deep one.
CHANGES = """
((stored.properties || {new}.properties IS DISTINCT FROM stored.properties
  AND jsonb_deep_merge(stored.properties, {new}.properties) IS DISTINCT FROM stored.properties)
 OR ({new}.settings IS NOT NULL
     AND coalesce(jsonb_deep_merge({settings}, {new}.settings), {new}.settings)
         IS DISTINCT FROM stored.settings)
 OR ({new}.created_at IS NOT NULL AND {new}.created_at IS DISTINCT FROM stored.created_at))
"""
# The people of `people_values`, as one document: psycopg would escape every quote of an array.
PEOPLE = """
jsonb_to_recordset(%(people)s)
    AS given (collection text COLLATE "C", id text COLLATE "C", properties jsonb, settings jsonb,
              created_at timestamptz)
"""
# What the settings of a tenant are laid over: its preference set may be replaced as a whole.
_SETTINGS = f"""
(CASE WHEN stored.collection = '{TENANTS}' AND stored.id = ANY(%(replacing)s::text[])
      THEN stored.settings - 'preference_set' ELSE stored.settings END)
"""
# One statement for any number of rows, in key order so that two requests never deadlock: that of
# the columns, whatever the database compares by, which is what values have that come with a
# statement. Nothing
# is written for a recipient that would not change, nor is one locked that need not be held:
# triggers that name the same tenant would queue for it. Who is said to own something is held: a run
# that begins to wait for a change of theirs meanwhile comes before it, or after.
_WRITE = f"""
INSERT INTO recipients AS stored
    (environment_id, collection, id, properties, settings, created_at, inserted_at, updated_at)
SELECT %(environment_id)s, given.collection, given.id, given.properties, given.settings,
       given.created_at, %(now)s, %(now)s
FROM {PEOPLE}
WHERE %(holds)s
   OR (given.collection, given.id) IN (
        SELECT * FROM unnest(%(owner_collections)s::text[], %(owner_ids)s::text[]))
   OR NOT EXISTS (
    SELECT FROM recipients AS stored
    WHERE stored.environment_id = %(environment_id)s AND stored.collection = given.collection
      AND stored.id = given.id AND NOT {CHANGES.format(new="given", settings=_SETTINGS)})
ORDER BY 1, 2, 3
ON CONFLICT (environment_id, collection, id) DO UPDATE
"""  # noqa: S608 - fixed text
# Where there are no settings, their size is null.
_EXCESS = {
    "has_too_much": exceeds("properties", MAX_PROPERTIES_BYTES),
    "has_too_many_settings": exceeds("settings", MAX_SETTINGS_BYTES),
}
_UPSERT = f"""{_WRITE}
SET properties = jsonb_deep_merge(stored.properties, excluded.properties),
    settings = coalesce(jsonb_deep_merge({_SETTINGS}, excluded.settings), excluded.settings,
                        stored.settings),
    created_at = coalesce(excluded.created_at, stored.created_at),
    updated_at = excluded.updated_at
WHERE {CHANGES.format(new="excluded", settings=_SETTINGS)}
RETURNING collection, id, {", ".join(f"{found} AS {name}" for name, found in _EXCESS.items())}
"""

# What comes before it where somebody asks what people were: who is new is made, and who is there is
# held and told. One statement for both, in that order: who was held before others are made would be
# waited for by whoever makes those.
_MAKE_OR_HOLD = f"""{_WRITE}
SET updated_at = stored.updated_at
RETURNING {columns_of(_Held, "stored", {**_EXCESS, "is_new": "stored.xmax = 0"})}
"""

_SET_CHANNEL_DATA = """
INSERT INTO channel_data AS stored
    (environment_id, collection, recipient_id, channel_id, data, updated_at)
SELECT %s, given.collection, given.recipient_id, given.channel_id, given.data, %s
FROM unnest(%s::text[], %s::text[], %s::uuid[], %s::jsonb[])
    AS given (collection, recipient_id, channel_id, data)
ORDER BY given.collection COLLATE "C", given.recipient_id COLLATE "C", given.channel_id
ON CONFLICT (environment_id, collection, recipient_id, channel_id)
DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at
WHERE stored.data IS DISTINCT FROM excluded.data
RETURNING collection, recipient_id AS id
"""

_COLUMNS = columns_of(Recipient, "r")
_GET = f"""
SELECT {_COLUMNS} FROM recipients r WHERE environment_id = %s AND collection = %s AND id = %s
"""  # noqa: S608 - constants
# Whoever writes the row waits until the end of the transaction.
_HOLD = f"{_GET} FOR NO KEY UPDATE"

_HOLD_USERS = f"""
SELECT {_COLUMNS} FROM recipients r
WHERE environment_id = %s AND collection = '{USERS}' AND id > %s
ORDER BY collection, id LIMIT %s FOR NO KEY UPDATE
"""  # noqa: S608 - constants

_GET_MANY = f"""
SELECT {_COLUMNS} FROM {GIVEN} CROSS JOIN LATERAL ({BY_KEY}) AS r
"""  # noqa: S608 - constants
_EXISTING = f"""
SELECT r.collection, r.id FROM {GIVEN} CROSS JOIN LATERAL ({BY_KEY}) AS r
"""  # noqa: S608 - constants
# In key order, as they are written.
_HOLD_TO_CHANGE = f"""
SELECT FROM (SELECT * FROM {GIVEN} ORDER BY collection COLLATE "C", id COLLATE "C") AS given
CROSS JOIN LATERAL ({BY_KEY} FOR NO KEY UPDATE) AS r
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Written:
    """Who is not any more what they were before.

    Attributes:
        profiles: those whose properties, settings or time of making are new; they stay locked.
        belongings: those whose channel data or preference sets are.
        before: what they were, None for who is new; empty unless that was asked for.
    """

    profiles: Sequence[RecipientRef] = ()
    belongings: Set[RecipientRef] = frozenset()
    before: Mapping[RecipientRef, Recipient | None] = field(default_factory=dict)

    @property
    def all(self) -> Set[RecipientRef]:
        """Return each of them once."""
        return self.belongings | set(self.profiles)


def described(recipients: Iterable[InlineRecipient]) -> list[InlineRecipient]:
    """Return whom a request says something about, each once and in key order."""
    distinct: dict[tuple[str, str], InlineRecipient] = {}
    for entry in recipients:
        if entry.properties is not None:
            key = entry.ref.collection, entry.ref.id
            distinct[key] = combined(distinct.get(key), entry)
    return [distinct[key] for key in sorted(distinct)]


def people_values(people: Sequence[InlineRecipient]) -> dict[str, Any]:
    """Return the parameters of `PEOPLE`."""
    rows = [
        {
            "collection": entry.ref.collection,
            "id": entry.ref.id,
            "properties": entry.properties,
            "settings": entry.settings,
            "created_at": entry.created_at and entry.created_at.isoformat(),
        }
        for entry in people
    ]
    return {"people": Jsonb(rows, dumps=encoded)}


async def upsert_recipients(
    connection: Connection,
    environment_id: UUID,
    recipients: Sequence[InlineRecipient],
    now: datetime,
    *,
    holds: bool = False,
    tells_before: bool = False,
) -> Written:
    """Store what requests say about recipients, in a transaction; bare references are passed over.

    Properties are merged deeply into what is stored; channel data replaces what is stored for its
    channel; preference sets are merged (Knock docs, "Identifying recipients"). What changes users
    does it by `services.triggers.audience_entries.identify`, as audiences may follow from them.
    With `holds`, those who do not change are locked, too, and made again when deleted meanwhile; so
    are those with channel data or preference sets in any case.

    Returns:
        Whom it has changed, and not who was like that before; with `tells_before` also what they
        were, which costs a second write of each.

    Raises:
        InvalidParams: the properties of one of them, its settings, or a preference set of it,
            merged with what is stored, pass 256 kB.
    """
    if not (ordered := described(recipients)):
        return Written()
    owners = [entry for entry in ordered if entry.channel_data or entry.preferences]
    values = {
        "environment_id": environment_id,
        "now": now,
        "replacing": [entry.ref.id for entry in ordered if entry.replaces_preferences],
        "holds": holds,
        "owner_collections": [entry.ref.collection for entry in owners],
        "owner_ids": [entry.ref.id for entry in owners],
        **people_values(ordered),
    }
    held = await fetch_all(connection, _Held, _MAKE_OR_HOLD, values) if tells_before else []
    excess = {row.ref: (row.has_too_much, row.has_too_many_settings) for row in held if row.is_new}
    cursor = await connection.execute(_UPSERT, values)
    for row in await cursor.fetchall():
        ref = RecipientRef(row["collection"], row["id"])
        excess[ref] = (row["has_too_much"], row["has_too_many_settings"])
    _refuse_excess(excess)
    belongings = await _set_channel_data(connection, environment_id, owners, now)
    sets = [
        NewSet(entry.ref.collection, entry.ref.id, set_id, content)
        for entry in owners
        for set_id, content in (entry.preferences or {}).items()
    ]
    belongings |= await write_preference_sets(
        connection, environment_id, sets, how=Persistence.MERGE, now=now
    )
    before = {row.ref: None if row.is_new else row for row in held}
    return Written(list(excess), belongings, before)


def _refuse_excess(excess: Mapping[RecipientRef, tuple[bool, bool | None]]) -> None:
    """Refuse, all at once, those who have too many properties or settings now."""
    violations = Violations()
    for ref, (has_too_much, has_too_many_settings) in excess.items():
        place = f"{ref.collection}/{ref.id}"
        if has_too_much:
            violations.add("properties", f"{TOO_LARGE} in {place}")
        if has_too_many_settings:
            violations.add("settings", f"{SETTINGS_TOO_LARGE} in {place}")
    violations.raise_any()


async def _set_channel_data(
    connection: Connection, environment_id: UUID, owners: Sequence[InlineRecipient], now: datetime
) -> set[RecipientRef]:
    """Store the channel data that is said of recipients who are held; return whose is new."""
    given = {  # one id may be written in several ways; the last one counts
        (entry.ref, UUID(channel_id)): Jsonb(data)
        for entry in owners
        for channel_id, data in sorted((entry.channel_data or {}).items())
        if data is not None
    }
    if not given:
        return set()
    values = (
        *(environment_id, now),
        [ref.collection for ref, _channel_id in given],
        [ref.id for ref, _channel_id in given],
        [channel_id for _ref, channel_id in given],
        list(given.values()),
    )
    return set(await fetch_all(connection, RecipientRef, _SET_CHANNEL_DATA, values))


async def get_recipient(
    connection: Connection, environment_id: UUID, ref: RecipientRef
) -> Recipient | None:
    """Return a recipient, or None."""
    return await fetch_one(connection, Recipient, _GET, (environment_id, ref.collection, ref.id))


async def hold_recipient(
    connection: Connection, environment_id: UUID, ref: RecipientRef
) -> Recipient | None:
    """Lock a recipient for the rest of the transaction, and return it; None when it is new."""
    return await fetch_one(connection, Recipient, _HOLD, (environment_id, ref.collection, ref.id))


async def hold_to_change(
    connection: Connection, environment_id: UUID, refs: Collection[RecipientRef]
) -> None:
    """Keep recipients from being changed by others, and from being waited for, until the end."""
    await connection.execute(_HOLD_TO_CHANGE, key_values(environment_id, refs))


async def hold_users_after(
    connection: Connection, environment_id: UUID, user_id: str, *, limit: int
) -> list[Recipient]:
    """Lock the users whose ids come next after one, by id, and return them."""
    return await fetch_all(connection, Recipient, _HOLD_USERS, (environment_id, user_id, limit))


async def recipients_by_ref(
    connection: Connection, environment_id: UUID, refs: Iterable[RecipientRef]
) -> dict[RecipientRef, Recipient]:
    """Return those of the recipients that are stored."""
    wanted = sorted(set(refs))
    if not wanted:
        return {}
    found = await fetch_all(connection, Recipient, _GET_MANY, key_values(environment_id, wanted))
    return {row.ref: row for row in found}


async def existing_recipients(
    connection: Connection, environment_id: UUID, refs: Sequence[RecipientRef]
) -> set[RecipientRef]:
    """Return which of the given recipients are stored."""
    if not refs:
        return set()
    values = key_values(environment_id, refs)
    return set(await fetch_all(connection, RecipientRef, _EXISTING, values))
