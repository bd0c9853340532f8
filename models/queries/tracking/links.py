"""Finds where short links lead; they are stored with their messages, by walks."""

from __future__ import annotations

from domain.tracking.rows import TrackedLink
from models.sql import columns_of, fetch_one
from runtime.database import Connection

_FIND = f"SELECT {columns_of(TrackedLink, 'l')} FROM short_links l WHERE l.key = %s"  # noqa: S608


async def find_short_link(connection: Connection, key: str) -> TrackedLink | None:
    """Return where a short link leads, or None when there is none of that key."""
    return await fetch_one(connection, TrackedLink, _FIND, (key,))
