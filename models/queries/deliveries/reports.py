"""Statement over what vendors tell of messages after they have taken them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.deliveries.copies import is_copy
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from models.queries.events.writing import message_facts, tell_messages
from models.sql import fetch_all
from runtime.database import Connection

# A status only moves forward: a message that was taken is delivered, bounces or is given up by its
# vendor; one that was given up may turn out to be delivered, and one that was delivered may still
# bounce. What was told of something earlier that was sent for a message is about another one.
_TAKE = f"""
WITH told AS (
    SELECT * FROM jsonb_to_recordset(%(reports)s)
        AS t (message_id uuid, status text, external_id text, event_id uuid, data jsonb)
), locked AS MATERIALIZED (
    SELECT m.id, m.delivery_status, m.provider_metadata ->> 'external_id' AS external_id
    FROM messages m
    WHERE m.id IN (SELECT message_id FROM told) AND m.environment_id = %(environment_id)s
      AND m.channel_id = %(channel_id)s
    ORDER BY m.id FOR NO KEY UPDATE
), changed AS (
    UPDATE messages m SET delivery_status = t.status, updated_at = %(now)s
    FROM told t JOIN locked l ON l.id = t.message_id
    WHERE m.id = t.message_id
      AND (t.external_id IS NULL OR m.provider_metadata ->> 'external_id' IS NULL
           OR m.provider_metadata ->> 'external_id' = t.external_id)
      AND (m.delivery_status = '{DeliveryStatus.SENT}'
           OR (m.delivery_status = '{DeliveryStatus.UNDELIVERED}'
               AND t.status <> '{DeliveryStatus.UNDELIVERED}')
           OR (m.delivery_status = '{DeliveryStatus.DELIVERED}'
               AND t.status = '{DeliveryStatus.BOUNCED}'))
    RETURNING {message_facts("m")}
), events AS (
    SELECT t.message_id, t.event_id AS id, 'message.' || t.status AS event_type,
           nullif(t.data, 'null') AS data, %(now)s::timestamptz AS inserted_at
    FROM told t JOIN changed c ON c.id = t.message_id
), {tell_messages("events", "changed")}
SELECT l.id, l.delivery_status, l.external_id, c.id IS NOT NULL AS has_changed
FROM locked l LEFT JOIN changed c ON c.id = l.id
"""  # noqa: S608 - fixed text


_ADDRESSED = """
SELECT m.id, m.content ->> 'to' AS "to", m.content ->> 'cc' AS cc, m.content ->> 'bcc' AS bcc
FROM messages m WHERE m.id = ANY(%s) AND m.environment_id = %s AND m.channel_id = %s
"""


_KNOWN_AS = """
SELECT m.id, m.known_as FROM messages m
WHERE m.channel_id = %s AND m.known_as = ANY(%s) AND m.environment_id = %s
"""


@dataclass(frozen=True, slots=True)
class NamedMessage:
    """A message that its vendor tells of by a name of its own."""

    id: UUID
    known_as: str


@dataclass(frozen=True, slots=True)
class AddressedMessage:
    """Whom a message was for, and who got a copy, as its templates wrote that."""

    id: UUID
    to: str | None
    cc: str | None
    bcc: str | None

    def was_copied_to(self, address: str) -> bool:
        """Tell whether an address got a copy, and not the message itself."""
        return is_copy(address, to=self.to, cc=self.cc, bcc=self.bcc)


@dataclass(frozen=True, slots=True)
class ReportedMessage:
    """A message as it was before a report, and whether that has changed it."""

    id: UUID
    delivery_status: str
    external_id: str | None
    has_changed: bool


async def take_reports(
    connection: Connection,
    environment_id: UUID,
    channel_id: UUID,
    reports: Sequence[JsonObject],
    now: datetime,
) -> list[ReportedMessage]:
    """Give messages of a channel the statuses that were reported, and tell of it.

    Args:
        connection: a connection.
        environment_id: of the messages.
        channel_id: of the messages.
        reports: `message_id`, `status`, `external_id`, `event_id` and `data`; one for each message.
        now: when.

    Returns:
        Those of the messages that there are.
    """
    values = {
        "environment_id": environment_id,
        "channel_id": channel_id,
        "reports": Jsonb(reports),
        "now": now,
    }
    return await fetch_all(connection, ReportedMessage, _TAKE, values)


async def messages_known_as(
    connection: Connection, environment_id: UUID, channel_id: UUID, names: Collection[str]
) -> dict[str, UUID]:
    """Return the messages that a vendor means by names of its own, as far as there are such."""
    values = (channel_id, list(names), environment_id)
    found = await fetch_all(connection, NamedMessage, _KNOWN_AS, values)
    return {message.known_as: message.id for message in found}


async def addressed_messages(
    connection: Connection, environment_id: UUID, channel_id: UUID, message_ids: Sequence[UUID]
) -> list[AddressedMessage]:
    """Return whom those of the messages are for that there are."""
    values = (list(message_ids), environment_id, channel_id)
    return await fetch_all(connection, AddressedMessage, _ADDRESSED, values)
