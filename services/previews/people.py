"""Whom a preview sees: as they are stored, with what the request says of them laid over.

Nobody is stored by that, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.preferences.layers import merged
from domain.preferences.names import DEFAULT_SET
from domain.recipients.inline import InlineRecipient, combined
from domain.recipients.recipients import Recipient
from domain.recipients.refs import RecipientRef
from models.queries.preferences.sets import preference_sets_of
from models.queries.recipients.recipients import recipients_by_ref
from runtime.database import Connection


async def see_people(
    connection: Connection,
    environment_id: UUID,
    mentioned: Iterable[InlineRecipient],
    now: datetime,
) -> dict[RecipientRef, Recipient]:
    """Return everybody who is mentioned; whoever is neither stored nor described is left out."""
    together: dict[RecipientRef, InlineRecipient] = {}
    for each in mentioned:
        together[each.ref] = combined(together.get(each.ref), each)
    stored = await recipients_by_ref(connection, environment_id, together)
    seen = dict(stored)
    for ref, said in together.items():
        if said.properties is not None:
            seen[ref] = _as_identified(stored.get(ref), said, now)
    return seen


async def see_preferences(
    connection: Connection,
    environment_id: UUID,
    recipient: InlineRecipient,
    tenant_id: str | None,
) -> JsonObject:
    """Return those preference sets of a recipient that may count, by id."""
    stored = await preference_sets_of(connection, environment_id, [recipient.ref])
    said, kept = recipient.preferences or {}, stored.get(recipient.ref, {})
    return {
        name: merged(kept.get(name), said.get(name))
        for name in (DEFAULT_SET, tenant_id)
        if name is not None and (name in kept or name in said)
    }


def _as_identified(stored: Recipient | None, said: InlineRecipient, now: datetime) -> Recipient:
    """Return somebody as they would be stored if this had been said to identify them."""
    known = None
    if stored is not None:
        settings = dict(stored.settings) if stored.settings is not None else None
        if settings is not None and said.replaces_preferences:
            settings.pop("preference_set", None)
        known = InlineRecipient(said.ref, stored.properties, settings, stored.created_at)
    whole = combined(known, said)
    return Recipient(
        collection=said.ref.collection,
        id=said.ref.id,
        properties=whole.properties or {},
        settings=whole.settings,
        created_at=whole.created_at,
        inserted_at=stored.inserted_at if stored else now,
        updated_at=now,
    )
