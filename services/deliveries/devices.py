"""Forgets devices that a push provider no longer knows (Knock docs: "Token deregistration")."""

from __future__ import annotations

import psycopg

from domain.channels.push import without_token
from domain.kit.errors import AppError
from domain.messages.claims import Claim
from domain.recipients.refs import RecipientRef
from models.queries.recipients import channel_data
from runtime.logs import get_logger
from services.engine import Engine
from services.waits.changes import tell_of_updates

_log = get_logger(__name__)


async def deregister(engine: Engine, claim: Claim, token: str) -> None:
    """Take a device from what the recipient of a message has stored, unless its channel says no.

    It comes before the bounce is recorded, and does no harm twice. When the database does not take
    it the device stays: the next message to it bounces as well.
    """
    try:
        async with engine.unit() as unit:
            stored = await channel_data.lock_for_message(
                unit.connection, claim.environment_id, claim.message_id
            )
            if stored is None or stored.channel_settings.get("token_deregistration") is False:
                return
            kept = without_token(stored.data, token)
            if kept != stored.data:
                await channel_data.replace_data(
                    unit.connection, claim.environment_id, stored, kept, now=unit.now
                )
                ref = RecipientRef(stored.collection, stored.recipient_id)
                await tell_of_updates(unit, claim.environment_id, [ref])
    except (AppError, psycopg.Error):
        _log.warning("device_not_forgotten", message_id=str(claim.message_id))
