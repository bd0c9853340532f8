"""Statements over members. Whoever writes several locks them in the order of their primary key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.audiences.members import NO_TENANT, Member, Membership
from domain.kit.authored import ResourceType
from domain.kit.pages import Page, PageRequest
from models.sql import Listing, Where, fetch_all
from runtime.database import Connection

_NEWEST_FIRST = Listing(Member, "audience_members a", "a", ("added_at", "user_id", "tenant_id"))

# Who was a member before is not returned: of two additions at once, one adds.
_ADD = """
INSERT INTO audience_members (environment_id, audience_key, user_id, tenant_id, added_at)
SELECT %(environment_id)s, %(audience_key)s, given.user_id, given.tenant_id, %(now)s
FROM unnest(%(user_ids)s::text[], %(tenant_ids)s::text[]) AS given (user_id, tenant_id)
ORDER BY given.user_id COLLATE "C", given.tenant_id COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING user_id, tenant_id
"""

_REMOVE = """
WITH locked AS MATERIALIZED (
    SELECT a.* FROM audience_members a
    JOIN unnest(%(user_ids)s::text[], %(tenant_ids)s::text[]) AS given (user_id, tenant_id)
        USING (user_id, tenant_id)
    WHERE a.environment_id = %(environment_id)s AND a.audience_key = %(audience_key)s
    ORDER BY a.user_id, a.tenant_id FOR UPDATE OF a
)
DELETE FROM audience_members a USING locked l
WHERE (a.environment_id, a.audience_key, a.user_id, a.tenant_id)
    = (l.environment_id, l.audience_key, l.user_id, l.tenant_id)
RETURNING a.user_id, a.tenant_id
"""

_REMOVE_EVERYBODY = """
WITH locked AS MATERIALIZED (
    SELECT * FROM audience_members
    WHERE environment_id IN (SELECT id FROM environments) AND audience_key = %s
    ORDER BY environment_id, audience_key, user_id, tenant_id FOR UPDATE
)
DELETE FROM audience_members a USING locked l
WHERE (a.environment_id, a.audience_key, a.user_id, a.tenant_id)
    = (l.environment_id, l.audience_key, l.user_id, l.tenant_id)
"""


async def hold_audience(connection: Connection, environment_id: UUID, audience_key: str) -> bool:
    """Keep an audience from being archived until the transaction ends; tells whether it is there.

    Whoever holds members and recipients too holds the audience first. A merge of users does not: it
    learns from the members whose audiences these are, and may leave one in an audience that is
    archived in the same moment, where nobody sees it.
    """
    cursor = await connection.execute(
        "SELECT FROM content_resources WHERE environment_id = %s AND resource_type = %s"
        " AND key = %s AND published_version_id IS NOT NULL AND archived_at IS NULL FOR SHARE",
        (environment_id, ResourceType.AUDIENCE, audience_key),
    )
    return cursor.rowcount > 0


async def add_members(
    connection: Connection,
    environment_id: UUID,
    audience_key: str,
    memberships: Sequence[Membership],
    now: datetime,
) -> list[Membership]:
    """Add members, in order; return those that were not there before."""
    values = {**_of(environment_id, audience_key, memberships), "now": now}
    return sorted(await fetch_all(connection, Membership, _ADD, values))


async def remove_members(
    connection: Connection,
    environment_id: UUID,
    audience_key: str,
    memberships: Sequence[Membership],
) -> list[Membership]:
    """Remove members; return those that were there."""
    values = _of(environment_id, audience_key, memberships)
    return sorted(await fetch_all(connection, Membership, _REMOVE, values))


def _of(
    environment_id: UUID, audience_key: str, memberships: Sequence[Membership]
) -> dict[str, object]:
    return {
        "environment_id": environment_id,
        "audience_key": audience_key,
        "user_ids": [one.user_id for one in memberships],
        "tenant_ids": [one.tenant_id for one in memberships],
    }


async def list_members(
    connection: Connection, environment_id: UUID, audience_key: str, request: PageRequest
) -> Page[Member]:
    """Return a page of the members of an audience, newest first."""
    where = Where()
    where.add("a.environment_id = %s AND a.audience_key = %s", environment_id, audience_key)
    return await _NEWEST_FIRST.page(connection, where, request)


async def audiences_of(
    connection: Connection, environment_id: UUID, membership: Membership
) -> frozenset[str]:
    """Return the keys of the audiences that a user is in for a tenant, or for none."""
    cursor = await connection.execute(
        "SELECT audience_key FROM audience_members"
        " WHERE environment_id = %s AND user_id = %s AND tenant_id = %s",
        (environment_id, membership.user_id, membership.tenant_id),
    )
    return frozenset([row["audience_key"] for row in await cursor.fetchall()])


async def members_among(
    connection: Connection,
    environment_id: UUID,
    audience_keys: Sequence[str],
    user_ids: Sequence[str],
) -> set[tuple[str, str]]:
    """Return which of some users are in which of some audiences for no tenant, by key and id."""
    cursor = await connection.execute(
        "SELECT audience_key, user_id FROM audience_members WHERE environment_id = %s"
        " AND user_id = ANY(%s) AND audience_key = ANY(%s) AND tenant_id = %s",
        (environment_id, list(user_ids), list(audience_keys), NO_TENANT),
    )
    return {(row["audience_key"], row["user_id"]) for row in await cursor.fetchall()}


async def remove_everybody(connection: Connection, audience_key: str) -> None:
    """Remove the members of an audience in all environments."""
    await connection.execute(_REMOVE_EVERYBODY, (audience_key,))


async def memberships_of(
    connection: Connection, environment_id: UUID, user_ids: Sequence[str]
) -> dict[str, frozenset[tuple[str, str]]]:
    """Return the keys of the audiences that users are in, each with the tenant or none, by user."""
    cursor = await connection.execute(
        "SELECT user_id, audience_key, tenant_id FROM audience_members"
        " WHERE environment_id = %s AND user_id = ANY(%s)",
        (environment_id, list(user_ids)),
    )
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in await cursor.fetchall():
        found[row["user_id"]].add((row["audience_key"], row["tenant_id"]))
    return {user_id: frozenset(keys) for user_id, keys in found.items()}
