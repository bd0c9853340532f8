"""Statements that list recipients, and that delete one with all that belongs to it."""

from __future__ import annotations

from uuid import UUID

from domain.pages import Page, PageRequest
from domain.refs import RecipientRef
from models.queries import paging
from models.queries.message_filters import Where
from runtime.database import Connection

_COLUMNS = ("inserted_at", "id")
# Runs first: a walk that holds one is waited for, so it cannot leave a message behind.
_DELETE = (
    "WITH gone AS (DELETE FROM recipient_runs WHERE {owner} RETURNING id) "
    "DELETE FROM recipient_run_events e USING gone WHERE e.recipient_run_id = gone.id",
    "WITH gone AS (DELETE FROM messages WHERE {owner} RETURNING id), "
    "events AS (DELETE FROM message_events e USING gone WHERE e.message_id = gone.id) "
    "DELETE FROM delivery_attempts a USING gone WHERE a.message_id = gone.id",
    "DELETE FROM channel_data WHERE {owner}",
    "DELETE FROM preference_sets WHERE {owner}",
)
_OWNER = "environment_id = %s AND recipient_id = %s AND collection = %s"


async def list_recipients(
    connection: Connection,
    environment_id: UUID,
    collection: str,
    request: PageRequest,
    *,
    recipient_id: str | None = None,
    name: str | None = None,
    newest_first: bool = True,
) -> Page:
    """Return a page of the recipients of a collection, in the order in which they were made.

    Args:
        connection: a connection.
        environment_id: where they are.
        collection: for example `$users`.
        request: which page.
        recipient_id: only the one with this id.
        name: only those with exactly this name.
        newest_first: whether the order is turned around.
    """
    keyset = paging.Keyset(_COLUMNS, descending=newest_first)
    where = Where()
    where.add("environment_id = %s AND collection = %s", environment_id, collection)
    where.add_given("id = %s", recipient_id)
    where.add_given("properties ->> 'name' = %s", name)
    found, values = paging.conditions(keyset, request)
    for condition in found:
        where.add(condition)
    cursor = await connection.execute(
        "SELECT collection, id, properties, settings, created_at, inserted_at, updated_at "  # noqa: S608
        f"FROM recipients WHERE {where.sql} {paging.order_and_limit(keyset, request)}",
        [*where.values, *values],
    )
    return paging.turn(keyset, request, await cursor.fetchall())


async def delete_recipient(connection: Connection, environment_id: UUID, ref: RecipientRef) -> bool:
    """Delete a recipient with its runs, messages, channel data and preferences.

    Runs inside a transaction. Returns whether there was such a recipient.
    """
    cursor = await connection.execute(
        "DELETE FROM recipients WHERE environment_id = %s AND id = %s AND collection = %s",
        [environment_id, ref.id, ref.collection],
    )
    if cursor.rowcount == 0:
        return False
    for statement in _DELETE:
        await connection.execute(
            statement.format(owner=_OWNER), [environment_id, ref.id, ref.collection]
        )
    return True
