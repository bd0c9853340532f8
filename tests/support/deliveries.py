"""E-mails on their way, as tests of deliveries make them and look at them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.support.steps import channel_step
from tests.support.world import World


async def make_mail(world: World, fail: str | None = None, **settings: Any) -> UUID:
    """Make a queued e-mail whose provider rehearses a failure."""
    key = f"mail-{fail}"
    secrets = {"fail": fail} if fail else {}
    await world.channel("email", key, secrets=secrets, **settings)
    run_id, _ = await world.send(channel_step("mail", "email", channel_key=key))
    return UUID(str((await world.messages(run_id))[0]["id"]))


async def log_of(world: World, message_id: UUID) -> list[dict[str, Any]]:
    """Return the delivery log of a message."""
    return await world.make.rows(
        "SELECT * FROM delivery_attempts WHERE message_id = %s ORDER BY id", message_id
    )
