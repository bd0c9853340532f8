"""The channels of a fresh stack: one per type, the same ids in every installation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from domain.channels.in_app_feed import FEED_PROVIDER
from domain.channels.types import ChannelType
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from models.queries.account.environments import EnvironmentRow
from models.queries.channels import channels as queries
from models.queries.channels.channels import ChannelRow, ChannelSettingsRow
from runtime.crypto import CannotOpen
from runtime.database import Connection
from runtime.settings import Settings
from services.channels.documents import open_provider_settings_of
from services.channels.sealing import seal_provider_settings
from services.engine import Engine

_SMTP_KEY = "smtp"


@dataclass(frozen=True, slots=True)
class _Channel:
    """A channel to seed; its id is the same in every installation, so clients may name it."""

    id: UUID
    key: str
    name: str
    channel_type: ChannelType
    provider: str
    channel_settings: JsonObject = field(default_factory=dict)


_CHANNELS = (
    _Channel(
        UUID("0fb8c480-19c3-4b1c-b771-0f8917236f74"),
        "in-app",
        "In-app feed",
        ChannelType.IN_APP_FEED,
        FEED_PROVIDER,
    ),
    _Channel(
        UUID("a0c857a3-1995-441d-af5d-2944437e219b"),
        _SMTP_KEY,
        "E-mail (SMTP)",
        ChannelType.EMAIL,
        "smtp",
        {"from_address": "hello@carillon.example", "from_name": "Carillon"},
    ),
    _Channel(
        UUID("f55f97d2-1bc2-41c9-8538-b2e74d9af506"),
        "webhook",
        "Webhook",
        ChannelType.HTTP,
        "http_knock_webhook",
    ),
    _Channel(
        UUID("62e248d0-989f-44e4-b131-e0402244e07d"),
        "slack",
        "Chat (sandbox)",
        ChannelType.CHAT,
        "sandbox_chat",
    ),
    _Channel(
        UUID("3b43f910-14af-408d-9510-9997eb75f022"),
        "sandbox-sms",
        "SMS (sandbox)",
        ChannelType.SMS,
        "sandbox_sms",
    ),
    _Channel(
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
    environments: Sequence[EnvironmentRow],
    now: datetime,
) -> list[ChannelRow]:
    """Make the channels that are missing, and settings where a channel has none."""
    found = [await _ensure(connection, channel, now) for channel in _CHANNELS]
    rows = {row["id"]: row for row in found if row is not None}
    settings = await queries.list_channel_settings(connection, list(rows))
    known = {(row["channel_id"], row["environment_id"]): row for row in settings}
    for channel in _CHANNELS:
        for environment in environments if channel.id in rows else ():
            before = known.get((channel.id, environment["id"]))
            wanted = _wanted_settings(engine, channel, environment, before)
            if wanted is not None:
                await queries.upsert_channel_settings(connection, wanted, now=now)
    return list(rows.values())


async def _ensure(connection: Connection, channel: _Channel, now: datetime) -> ChannelRow | None:
    """Return the channel of this key, made if it is missing; None when a user archived it."""
    existing = await queries.get_channel(connection, channel.key)
    return existing or await queries.upsert_channel(
        connection,
        ChannelRow(
            id=channel.id,
            key=channel.key,
            name=channel.name,
            description=None,
            channel_type=channel.channel_type,
            provider=channel.provider,
            custom_icon_url=None,
            inserted_at=now,
            updated_at=now,
            archived_at=None,
        ),
    )


def _wanted_settings(
    engine: Engine,
    channel: _Channel,
    environment: EnvironmentRow,
    before: ChannelSettingsRow | None,
) -> ChannelSettingsRow | None:
    """Return the settings to write, or None when those that are there may stay."""
    is_mail = channel.key == _SMTP_KEY
    if before is None:
        return ChannelSettingsRow(
            channel_id=channel.id,
            environment_id=environment["id"],
            environment=environment["slug"],
            id=new_id(),
            is_sandbox=False,
            channel_settings=channel.channel_settings,
            sealed_channel_settings=None,
            provider_settings=seal_provider_settings(
                engine.vault,
                {"url": _sink_url(engine.settings)} if is_mail else {},
                channel.id,
                environment["id"],
            ),
            conditions=None,
        )
    if not is_mail:
        return None
    try:
        provider_settings = open_provider_settings_of(before, engine.vault)
    except CannotOpen:  # sealed with a key that is gone; it may come back
        return None
    url = _mail_url(engine.settings, provider_settings.get("url"))
    if url is None:
        return None
    new = {**provider_settings, "url": url}
    sealed = seal_provider_settings(engine.vault, new, channel.id, environment["id"])
    return {**before, "provider_settings": sealed}


def _sink_url(settings: Settings) -> str:
    return settings.smtp_url or f"smtp://127.0.0.1:{settings.smtp_port}"


def _mail_url(settings: Settings, current: object) -> str | None:
    """Return the new address of the mail server, or None when it stays.

    Without CARILLON_SMTP_URL only the embedded sink is followed, whose port may change; a server
    that a user chose is left alone.
    """
    wanted = _sink_url(settings)
    if current == wanted:
        return None
    was_sink = isinstance(current, str) and urlsplit(current).hostname == "127.0.0.1"
    return wanted if settings.smtp_url or was_sink else None
