"""Preference sets of recipients."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef
from models.sql import fetch_all
from runtime.database import Connection

_SETS = """
SELECT collection, recipient_id, jsonb_object_agg(id, content) AS sets
FROM preference_sets
JOIN unnest(%s::text[], %s::text[]) AS given (collection, recipient_id)
    USING (collection, recipient_id)
WHERE environment_id = %s
GROUP BY collection, recipient_id
"""


@dataclass(frozen=True, slots=True)
class _Sets:
    collection: str
    recipient_id: str
    sets: JsonObject


async def preference_sets_of(
    connection: Connection, environment_id: UUID, refs: Collection[RecipientRef]
) -> dict[RecipientRef, JsonObject]:
    """Return the preference sets of those of the recipients that have any, by set id."""
    values = ([ref.collection for ref in refs], [ref.id for ref in refs], environment_id)
    rows = await fetch_all(connection, _Sets, _SETS, values)
    return {RecipientRef(row.collection, row.recipient_id): row.sets for row in rows}
