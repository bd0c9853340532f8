"""Gives every environment the message types that it has from the start.

They are published without a commit, so nothing of them is ever promoted. Somebody's own under the
same key is left alone, be it archived or never committed.
"""

from __future__ import annotations

from datetime import datetime

from domain.content.message_type import MESSAGE_TYPE, PREBUILT, PREBUILT_SHAS
from domain.content.rows import Version
from domain.kit.ids import new_id
from models.queries.content import drafts as queries
from models.queries.content.prebuilt import hand_on_to_branches, list_lacking
from runtime.database import Connection


async def keep_prebuilt(connection: Connection, now: datetime) -> int:
    """Make what is missing, in a transaction of the caller, and return how much that was.

    Done again it makes nothing.
    """
    await queries.lock_publication(connection)
    kind, name = MESSAGE_TYPE, MESSAGE_TYPE.name
    lacking = await list_lacking(connection, name, list(PREBUILT))
    for environment_id, key in lacking:
        version = Version(new_id(), PREBUILT[key], PREBUILT_SHAS[key], now)
        place = (environment_id, name, key)
        await queries.insert_version(connection, *place, version)
        await queries.publish(connection, *place, version, starts_active=kind.starts_active)
    await hand_on_to_branches(connection, name, PREBUILT_SHAS)
    return len(lacking)
