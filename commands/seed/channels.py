"""The channels of a fresh stack: one per type, the same ids in every installation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from domain.account.environments import Environment
from domain.channels.in_app_feed import FEED_PROVIDER
from domain.channels.in_app_guide import GUIDE_PROVIDER
from domain.channels.rows import Channel, ChannelSettings
from domain.channels.types import ChannelType
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from models.queries.channels import channels as queries
from runtime.database import Connection
from runtime.vault import CannotOpen
from services.channels.sealing import open_provider_settings, seal_provider_settings
from services.engine import Engine

_SMTP_KEY = "smtp"


@dataclass(frozen=True, slots=True)
class _Seeded:
    """A channel to seed; its id is the same in every installation, so clients may name it."""

    id: UUID
    key: str
    name: str
    channel_type: ChannelType
    provider: str
    channel_settings: JsonObject = field(default_factory=dict)


_CHANNELS = (
    _Seeded(
        UUID("0fb8c480-19c3-4b1c-b771-0f8917236f74"),
        "in-app",
        "In-app feed",
        ChannelType.IN_APP_FEED,
        FEED_PROVIDER,
    ),
    _Seeded(
        UUID("5d0f2a5e-6f5c-4f0e-9c0b-2f8d3f1f7a16"),
        "in-app-guide",
        "Guides",
        ChannelType.IN_APP_GUIDE,
        GUIDE_PROVIDER,
    ),
    _Seeded(
        UUID("a0c857a3-1995-441d-af5d-2944437e219b"),
        _SMTP_KEY,
        "E-mail (SMTP)",
        ChannelType.EMAIL,
        "smtp",
        {"from_address": "hello@carillon.example", "from_name": "Carillon"},
    ),
    _Seeded(
        UUID("f55f97d2-1bc2-41c9-8538-b2e74d9af506"),
        "webhook",
        "Webhook",
        ChannelType.HTTP,
        "http_knock_webhook",
    ),
    _Seeded(
        UUID("62e248d0-989f-44e4-b131-e0402244e07d"),
        "slack",
        "Chat (sandbox)",
        ChannelType.CHAT,
        "sandbox_chat",
    ),
    _Seeded(
        UUID("3b43f910-14af-408d-9510-9997eb75f022"),
        "sandbox-sms",
        "SMS (sandbox)",
        ChannelType.SMS,
        "sandbox_sms",
    ),
    _Seeded(
        UUID("d407b1c3-cce3-428a-b612-42506c1c7141"),
        "sandbox-push",
        "Push (sandbox)",
        ChannelType.PUSH,
        "sandbox_push",
    ),
)


async def seed_channels(
    connection: Connection,
    engine: Engine,
    environments: Sequence[Environment],
    now: datetime,
) -> list[Channel]:
    """Make the channels that are missing, and settings where a channel has none."""
    channels: list[Channel] = []
    for seeded in _CHANNELS:
        channel = await queries.get_channel(connection, seeded.key)
        channel = channel or await queries.upsert_channel(
            connection,
            Channel(
                id=seeded.id,
                key=seeded.key,
                name=seeded.name,
                description=None,
                channel_type=seeded.channel_type.value,
                provider=seeded.provider,
                custom_icon_url=None,
                inserted_at=now,
                updated_at=now,
                archived_at=None,
            ),
        )
        if channel is not None:  # else a user archived it
            channels.append(channel)
    found = await queries.list_channel_settings(connection, [channel.id for channel in channels])
    known = {(settings.channel_id, settings.environment_id): settings for settings in found}
    made = {channel.id for channel in channels}
    for seeded in _CHANNELS:
        for environment in environments if seeded.id in made else ():
            before = known.get((seeded.id, environment.id))
            wanted = _wanted_settings(engine, seeded, environment, before)
            if wanted is not None:
                await queries.upsert_channel_settings(connection, wanted, now=now)
    return channels


def _wanted_settings(
    engine: Engine,
    seeded: _Seeded,
    environment: Environment,
    before: ChannelSettings | None,
) -> ChannelSettings | None:
    """Return the settings to write, or None when those that are there may stay."""
    is_mail = seeded.key == _SMTP_KEY
    chosen_url = engine.settings.smtp_url
    url = chosen_url or f"smtp://127.0.0.1:{engine.settings.smtp_port}"
    owner = (seeded.id, environment.id)
    if before is None:
        settings = {"url": url} if is_mail else {}
        return ChannelSettings(
            channel_id=seeded.id,
            environment_id=environment.id,
            environment=environment.slug,
            id=new_id(),
            is_sandbox=False,
            channel_settings=seeded.channel_settings,
            sealed_channel_settings=None,
            provider_settings=seal_provider_settings(engine.vault, settings, *owner),
            conditions=None,
        )
    if not is_mail:
        return None
    try:
        known = open_provider_settings(engine.vault, before.provider_settings, *owner)
    except CannotOpen:  # sealed with a key that is gone; it may come back
        return None
    # Without CARILLON_SMTP_URL only the embedded sink is followed, whose port may change; a server
    # that a user chose is left alone.
    current = known.get("url")
    was_sink = isinstance(current, str) and urlsplit(current).hostname == "127.0.0.1"
    if current == url or not (chosen_url or was_sink):
        return None
    sealed = seal_provider_settings(engine.vault, {**known, "url": url}, *owner)
    return replace(before, provider_settings=sealed)
