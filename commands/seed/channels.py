"""The channels of a fresh stack: one per type, the same ids in every installation."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit
from uuid import UUID

from domain.channels.in_app_feed import FEED_PROVIDER
from domain.channels.in_app_guide import GUIDE_PROVIDER
from domain.channels.types import ChannelType
from domain.kit.json_types import JsonObject
from runtime.settings import Settings
from services.channels.seeding import WantedChannel

_SMTP_KEY = "smtp"

# The id of each is the same in every installation, so clients may name it.
_CHANNELS = (
    WantedChannel(
        UUID("0fb8c480-19c3-4b1c-b771-0f8917236f74"),
        "in-app",
        "In-app feed",
        ChannelType.IN_APP_FEED,
        FEED_PROVIDER,
    ),
    WantedChannel(
        UUID("5d0f2a5e-6f5c-4f0e-9c0b-2f8d3f1f7a16"),
        "in-app-guide",
        "Guides",
        ChannelType.IN_APP_GUIDE,
        GUIDE_PROVIDER,
    ),
    WantedChannel(
        UUID("a0c857a3-1995-441d-af5d-2944437e219b"),
        _SMTP_KEY,
        "E-mail (SMTP)",
        ChannelType.EMAIL,
        "smtp",
        {"from_address": "hello@carillon.example", "from_name": "Carillon"},
    ),
    WantedChannel(
        UUID("f55f97d2-1bc2-41c9-8538-b2e74d9af506"),
        "webhook",
        "Webhook",
        ChannelType.HTTP,
        "http_knock_webhook",
    ),
    WantedChannel(
        UUID("62e248d0-989f-44e4-b131-e0402244e07d"),
        "slack",
        "Chat (sandbox)",
        ChannelType.CHAT,
        "sandbox_chat",
    ),
    WantedChannel(
        UUID("3b43f910-14af-408d-9510-9997eb75f022"),
        "sandbox-sms",
        "SMS (sandbox)",
        ChannelType.SMS,
        "sandbox_sms",
    ),
    WantedChannel(
        UUID("d407b1c3-cce3-428a-b612-42506c1c7141"),
        "sandbox-push",
        "Push (sandbox)",
        ChannelType.PUSH,
        "sandbox_push",
    ),
)


def seeded_channels(settings: Settings) -> list[WantedChannel]:
    """Return the channels; the one for e-mail follows the mail server of the settings."""
    url = settings.smtp_url or f"smtp://127.0.0.1:{settings.smtp_port}"

    def follow(known: JsonObject) -> JsonObject | None:
        # Without CARILLON_SMTP_URL only the embedded sink is followed, whose port may change; a
        # server that a user chose is left alone.
        current = known.get("url")
        was_sink = isinstance(current, str) and urlsplit(current).hostname == "127.0.0.1"
        if current == url or not (settings.smtp_url or was_sink):
            return None
        return {**known, "url": url}

    return [
        replace(each, provider_settings={"url": url}, change=follow)
        if each.key == _SMTP_KEY
        else each
        for each in _CHANNELS
    ]
