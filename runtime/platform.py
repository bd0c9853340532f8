"""What every process is given: settings, database, Temporal client, vault.

Composed once at the top of a process and handed down; nothing below looks anything up.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import Client

from runtime.crypto import Vault
from runtime.database import Database
from runtime.logs import get_logger
from runtime.settings import DEVELOPMENT_SECRET_KEY, Settings
from runtime.temporal import connect

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Platform:
    """The parts that use cases need."""

    settings: Settings
    database: Database
    temporal: Client
    vault: Vault
    # What a process keeps between requests (see `services/catalog.py`); by owner.
    memory: dict[str, Any] = field(default_factory=dict)


@asynccontextmanager
async def open_platform(settings: Settings, *, process: str, lazy: bool) -> AsyncIterator[Platform]:
    """Open the parts for one process and close them after.

    Args:
        settings: see `runtime/settings.py`.
        process: names the process to Temporal, for example `api`.
        lazy: do not wait for Temporal.
    """
    if DEVELOPMENT_SECRET_KEY in settings.secret_keys:
        _log.warning("secret_key_is_public", detail="set CARILLON_SECRET_KEY to a key of your own")
    database = Database(settings.database_url, size=settings.database_pool_size)
    await database.open()
    try:
        identity = f"carillon-{process}@{socket.gethostname()}:{os.getpid()}"
        client = await connect(settings, lazy=lazy, identity=identity)
        yield Platform(settings, database, client, Vault(settings.secret_keys))
    finally:
        await database.close()
