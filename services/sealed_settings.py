"""Whether the secret key of a process opens what was sealed before it was started."""

from __future__ import annotations

from models.queries import channels as queries
from runtime.crypto import Vault
from runtime.database import Connection


async def list_unreadable(connection: Connection, vault: Vault) -> list[str]:
    """Return the channels whose settings no key opens, for example `smtp in production`.

    Their messages cannot be sent before the process is given the key that sealed them, or the
    settings are written again.
    """
    return [
        f"{channel} in {environment}"
        for channel, environment, sealed in await queries.list_sealed(connection)
        if not _opens(vault, sealed)
    ]


def _opens(vault: Vault, sealed: bytes) -> bool:
    try:
        vault.open(sealed)
    except ValueError:
        return False
    return True
