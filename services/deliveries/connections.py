"""Keeps the connections that a vendor of chat has found for people.

Source: Knock docs, "Enabling email-based user ID resolution".
"""

from __future__ import annotations

from domain.deliveries.claims import Claim
from domain.kit.json_types import JsonObject
from models.queries.recipients import channel_data
from runtime.logs import get_logger
from services.engine import Engine
from services.waits.changes import tell_of_updates

_log = get_logger(__name__)


async def keep_connection(engine: Engine, claim: Claim, found: JsonObject) -> None:
    """Store a connection for the recipient of a message, who has stored none.

    Never raises: it comes after the outcome is recorded, and the message is sent whatever becomes
    of this. When it fails, or the process ends before it, the next message looks them up again.
    """
    try:
        async with engine.unit() as unit:
            ref = await channel_data.add_found_connection(
                unit.connection, claim.environment_id, claim.message_id, found, now=unit.now
            )
            if ref is not None:
                await tell_of_updates(unit, claim.environment_id, [ref])
    except Exception as error:
        _log.warning(
            "connection_not_kept", message_id=str(claim.message_id), error=type(error).__name__
        )
