"""The families of channels (Knock docs: "Channels")."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from domain.kit.json_types import JsonObject


class ChannelType(StrEnum):
    """What kind of thing a channel reaches; the wire names are Knock's."""

    IN_APP_FEED = "in_app_feed"
    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"
    CHAT = "chat"
    HTTP = "http"
    IN_APP_GUIDE = "in_app_guide"


def effective_settings(
    channel_settings: Mapping[str, object], overrides: Mapping[str, object] | None
) -> JsonObject:
    """Lay a step's `channel_overrides` over the settings of its channel.

    A null overrides nothing: Knock's CLI pulls workflows with every key of the
    channel type, the unset ones as null (Knock Management API, `channel_overrides`).
    """
    set_here = {name: value for name, value in (overrides or {}).items() if value is not None}
    return {**channel_settings, **set_here}
