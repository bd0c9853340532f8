"""What every process is given: settings, database, Temporal client, vault.

Composed once at the top of a process and handed down; nothing below looks anything up.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from temporalio.client import Client

from domain.errors import AppError
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

    Raises:
        AppError: the secret key is the public one, and this is no development machine.
    """
    _judge_secret_key(settings)
    database = Database(settings.database_url, size=settings.database_pool_size)
    await database.open()
    try:
        identity = f"carillon-{process}@{socket.gethostname()}:{os.getpid()}"
        client = await connect(settings, lazy=lazy, identity=identity)
        yield Platform(settings, database, client, Vault(settings.secret_keys))
    finally:
        await database.close()


def _judge_secret_key(settings: Settings) -> None:
    """Refuse to encrypt credentials with a key that everybody can read in the source.

    A machine is taken for a developer's when the API listens on loopback only, or private targets
    may be called. There, and where the public key is only kept to decrypt, a warning is enough.
    """
    if DEVELOPMENT_SECRET_KEY not in settings.secret_keys:
        return
    advice = "set CARILLON_SECRET_KEY to a key of your own"
    is_development = _is_loopback(settings.api_host) or settings.allow_private_egress
    if settings.secret_keys[0] == DEVELOPMENT_SECRET_KEY and not is_development:
        raise AppError(f"CARILLON_SECRET_KEY is the public key of development: {advice}")
    _log.warning("secret_key_is_public", detail=advice)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
