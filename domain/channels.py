"""The families of channels (Knock docs: "Channels")."""

from __future__ import annotations

from enum import StrEnum


class ChannelType(StrEnum):
    """What kind of thing a channel reaches; the wire names are Knock's."""

    IN_APP_FEED = "in_app_feed"
    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"
    CHAT = "chat"
    HTTP = "http"
