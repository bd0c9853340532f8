"""Forgets devices that a push provider no longer knows (Knock docs: "Token deregistration")."""

from __future__ import annotations

import psycopg

from domain.channels.push import DEREGISTRATION, without_token
from domain.deliveries.claims import ClaimedMessage
from domain.kit.errors import AppError
from domain.recipients.refs import RecipientRef
from models.queries.recipients import channel_data
from runtime.logs import get_logger
from services.engine import Engine
from services.waits.changes import tell_of_updates

_log = get_logger(__name__)


async def deregister(engine: Engine, message: ClaimedMessage, token: str) -> None:
    """Take a device from what the recipient of a message has stored.

    Not where the message's step is against it or, if the step says nothing, its channel is now.

    It comes before the bounce is recorded, and does no harm twice. When the database does not take
    it the device stays: the next message to it bounces as well.
    """
    try:
        async with engine.unit() as unit:
            stored = await channel_data.lock_for_message(
                unit.connection, message.environment_id, message.id
            )
            if stored is None:
                return
            wanted = message.content.get(DEREGISTRATION)
            if wanted is None:
                wanted = stored.channel_settings.get(DEREGISTRATION)
            if wanted is False:
                return
            kept = without_token(stored.data, token)
            if kept != stored.data:
                await channel_data.replace_data(
                    unit.connection, message.environment_id, stored, kept, now=unit.now
                )
                ref = RecipientRef(stored.collection, stored.recipient_id)
                await tell_of_updates(unit, message.environment_id, [ref])
    except (AppError, psycopg.Error):
        _log.warning("device_not_forgotten", message_id=str(message.id))
