"""Statements over subscriptions.

Whoever writes several locks them in the order of their primary key, after the recipients that they
join; so do those who delete a recipient.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import args_row
from psycopg.types.json import Jsonb

from domain.kit.json_types import JsonObject, encoded
from domain.kit.pages import Page, PageRequest
from domain.recipients.recipients import Recipient
from domain.recipients.refs import USERS, RecipientRef
from domain.recipients.subscriptions import (
    ReachedThrough,
    Side,
    Subscription,
    SubscriptionView,
)
from models.queries.recipients.by_key import BY_KEY
from models.sql import Listing, Where, columns_of, fetch_all, fetch_one, names_of
from runtime.database import Connection

_COLUMNS = columns_of(Subscription, "s")
_WIDTH = len(names_of(Recipient))
_LISTINGS = {
    Side.OBJECT: Listing(
        Subscription,
        "subscriptions s",
        "s",
        ("inserted_at", "recipient_collection", "recipient_id"),
    ),
    Side.RECIPIENT: Listing(
        Subscription, "subscriptions s", "s", ("inserted_at", "object_collection", "object_id")
    ),
}
_OTHER_END = {Side.OBJECT: "recipient", Side.RECIPIENT: "object"}

# Given as one document: psycopg takes longer to write an array.
_GIVEN = """
jsonb_to_recordset(%(refs)s) AS given (collection text COLLATE "C", id text COLLATE "C")
"""
# Nobody may be deleted between being found here and being subscribed. This lock stands in the way
# of a deletion only: whoever identifies the same people, or triggers for them, is not held up.
_HELD = f"""
FROM (SELECT * FROM {_GIVEN} ORDER BY collection, id) AS given
CROSS JOIN LATERAL ({BY_KEY} FOR KEY SHARE) AS r
"""  # noqa: S608 - constants
_HOLD = f"SELECT r.collection, r.id {_HELD}"
_IS_OBJECT = "(o.collection = %(object_collection)s AND o.id = %(object_id)s)"

# Everybody is held before anybody is subscribed: an aggregate of them has to be known first.
_SUBSCRIBE = f"""
WITH held AS MATERIALIZED (SELECT {columns_of(Recipient, "r")} {_HELD}),
made AS (
    INSERT INTO subscriptions AS s
        (environment_id, object_collection, object_id, recipient_collection, recipient_id,
         properties, inserted_at, updated_at)
    SELECT %(environment_id)s, %(object_collection)s, %(object_id)s, h.collection, h.id,
           coalesce(%(properties)s::jsonb, '{{}}'), %(now)s, %(now)s
    FROM held h
    WHERE NOT {_IS_OBJECT.replace("o.", "h.")}
      AND (SELECT bool_or({_IS_OBJECT}) AND count(*) >= %(at_least)s FROM held o)
    ORDER BY h.collection, h.id
    ON CONFLICT (environment_id, object_collection, object_id, recipient_collection, recipient_id)
    DO UPDATE SET properties = coalesce(%(properties)s::jsonb, s.properties),
        updated_at = CASE WHEN coalesce(%(properties)s::jsonb, s.properties) = s.properties
                          THEN s.updated_at ELSE excluded.updated_at END
    RETURNING s.recipient_collection AS collection, s.recipient_id AS id, s.properties AS said,
              s.inserted_at AS since, s.updated_at AS changed_at
)
SELECT {columns_of(Recipient, "h")}, m.said, m.since, m.changed_at
FROM held h LEFT JOIN made m USING (collection, id)
"""  # noqa: S608 - constants

_DELETE = f"""
WITH locked AS MATERIALIZED (
    SELECT s.environment_id, {_COLUMNS} FROM subscriptions s
    JOIN {_GIVEN}
        ON s.recipient_collection = given.collection AND s.recipient_id = given.id
    WHERE s.environment_id = %(environment_id)s
      AND s.object_collection = %(object_collection)s AND s.object_id = %(object_id)s
    ORDER BY s.recipient_collection, s.recipient_id
    FOR UPDATE OF s
)
DELETE FROM subscriptions s USING locked l
WHERE (s.environment_id, s.object_collection, s.object_id, s.recipient_collection, s.recipient_id)
    = (l.environment_id, l.object_collection, l.object_id, l.recipient_collection, l.recipient_id)
RETURNING {_COLUMNS}
"""  # noqa: S608 - constants

# The newest of each user, as far as they have room together: an object may have 256 kB.
_OF_USERS = f"""
SELECT user_id, properties, to_jsonb(object) AS object
FROM unnest(%(user_ids)s::text[]) AS given (user_id)
CROSS JOIN LATERAL (
    SELECT s.properties, o AS object, s.inserted_at, s.object_collection, s.object_id,
           sum(octet_length(s.properties::text) + octet_length(o.properties::text)) OVER (
               ORDER BY s.inserted_at DESC, s.object_collection DESC, s.object_id DESC) AS size
    FROM (
        SELECT {_COLUMNS} FROM subscriptions s
        WHERE s.environment_id = %(environment_id)s AND s.recipient_collection = '{USERS}'
          AND s.recipient_id = given.user_id
        ORDER BY s.inserted_at DESC, s.object_collection DESC, s.object_id DESC
        LIMIT %(limit)s
    ) AS s
    JOIN recipients o ON o.environment_id = %(environment_id)s
        AND o.collection = s.object_collection AND o.id = s.object_id
) AS found
WHERE size <= %(room)s
ORDER BY user_id, inserted_at DESC, object_collection DESC, object_id DESC
"""  # noqa: S608 - constants

_REACHED_THROUGH = """
SELECT s.properties, to_jsonb(o) AS object
FROM followed_objects f
LEFT JOIN recipients o ON o.environment_id = f.environment_id
    AND o.collection = f.collection AND o.id = f.object_id
LEFT JOIN subscriptions s ON s.environment_id = f.environment_id
    AND s.object_collection = f.collection AND s.object_id = f.object_id
    AND s.recipient_collection = %s AND s.recipient_id = %s
WHERE f.id = %s AND f.environment_id = %s
"""


@dataclass(frozen=True, slots=True)
class _Found:
    user_id: str
    properties: JsonObject
    object: JsonObject


async def hold_recipients(
    connection: Connection, environment_id: UUID, refs: Collection[RecipientRef]
) -> set[RecipientRef]:
    """Return which of the recipients are stored, and keep them from being deleted meanwhile."""
    if not refs:
        return set()
    values = {"environment_id": environment_id, "refs": _given(refs)}
    return set(await fetch_all(connection, RecipientRef, _HOLD, values))


async def subscribe_stored(
    connection: Connection,
    environment_id: UUID,
    target: RecipientRef,
    refs: Sequence[RecipientRef],
    *,
    properties: JsonObject | None,
    now: datetime,
    is_whole: bool = False,
) -> tuple[set[RecipientRef], list[SubscriptionView]]:
    """Subscribe those who are stored to an object, if it is; they are held, and so is it.

    Args:
        connection: a connection; what the statement holds, it holds for its transaction.
        environment_id: where.
        target: the object.
        refs: who follows it, each once; not the object itself.
        properties: of each subscription; None leaves those of one that is there as they are.
        now: when.
        is_whole: subscribe nobody unless all of them are stored.

    Returns:
        Who of them and the object is stored; and the subscriptions, in any order.
    """
    values = {
        **_of(environment_id, target, [target, *refs]),
        "properties": None if properties is None else Jsonb(properties),
        "now": now,
        "at_least": len(refs) + 1 if is_whole else 1,
    }

    def read(*columns: Any) -> tuple[Recipient, Subscription | None]:
        one = Recipient(*columns[:_WIDTH])
        said, since, changed_at = columns[_WIDTH:]
        if since is None:
            return one, None
        ends = target.collection, target.id, one.collection, one.id
        return one, Subscription(*ends, said, since, changed_at)

    async with connection.cursor(row_factory=args_row(read)) as cursor:
        await cursor.execute(_SUBSCRIBE, values)
        found = await cursor.fetchall()
    held = {one.ref: one for one, _ in found}
    made = [
        SubscriptionView(subscription, held[target], one)
        for one, subscription in found
        if subscription is not None
    ]
    return set(held), made


async def delete_subscriptions(
    connection: Connection,
    environment_id: UUID,
    target: RecipientRef,
    refs: Sequence[RecipientRef],
) -> list[Subscription]:
    """End the subscriptions of recipients to an object; return those that were there."""
    values = _of(environment_id, target, refs)
    return await fetch_all(connection, Subscription, _DELETE, values)


def _of(
    environment_id: UUID, target: RecipientRef, refs: Sequence[RecipientRef]
) -> dict[str, object]:
    return {
        "environment_id": environment_id,
        "object_collection": target.collection,
        "object_id": target.id,
        "refs": _given(refs),
    }


def _given(refs: Iterable[RecipientRef]) -> Jsonb:
    """Return the parameter of `_GIVEN`."""
    return Jsonb([{"collection": ref.collection, "id": ref.id} for ref in refs], dumps=encoded)


async def list_subscriptions(
    connection: Connection,
    environment_id: UUID,
    side: Side,
    ref: RecipientRef,
    *,
    others: Collection[RecipientRef] | None,
    request: PageRequest,
) -> Page[Subscription]:
    """Return a page of subscriptions, newest first.

    Args:
        connection: a connection.
        environment_id: where.
        side: which end of them `ref` is.
        ref: whose.
        others: only those with one of these at the other end.
        request: which page.
    """
    end, other = side.value, _OTHER_END[side]
    where = Where()
    where.add(
        f"s.environment_id = %s AND s.{end}_collection = %s AND s.{end}_id = %s",
        *(environment_id, ref.collection, ref.id),
    )
    if others is not None:
        where.add(
            f"(s.{other}_collection, s.{other}_id) IN (SELECT * FROM "  # noqa: S608 - constants
            "unnest(%s::text[], %s::text[]))",
            *([one.collection for one in others], [one.id for one in others]),
        )
    return await _LISTINGS[side].page(connection, where, request)


async def reached_through(
    connection: Connection, environment_id: UUID, through_id: UUID, ref: RecipientRef
) -> ReachedThrough | None:
    """Return how a recipient follows the object through which a trigger has reached it."""
    values = (ref.collection, ref.id, through_id, environment_id)
    return await fetch_one(connection, ReachedThrough, _REACHED_THROUGH, values)


async def newest_subscriptions(
    connection: Connection,
    environment_id: UUID,
    user_ids: Collection[str],
    *,
    limit: int,
    room: int,
) -> dict[str, list[tuple[Recipient, JsonObject]]]:
    """Return by user the objects that the user follows, newest first, and the properties of that.

    Args:
        connection: a connection.
        environment_id: where.
        user_ids: whose; each of them is in the answer.
        limit: how many of each user.
        room: how many bytes those of one user may have together; what comes after is left out.
    """
    values = {
        "environment_id": environment_id,
        "user_ids": list(user_ids),
        "limit": limit,
        "room": room,
    }
    found: dict[str, list[tuple[Recipient, JsonObject]]] = {user_id: [] for user_id in user_ids}
    for row in await fetch_all(connection, _Found, _OF_USERS, values):
        found[row.user_id].append((Recipient.of_json(row.object), row.properties))
    return found
