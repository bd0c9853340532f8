"""The words of preference sets."""

from __future__ import annotations

from enum import StrEnum

from domain.channels.types import ChannelType

# The set of a recipient that counts where no tenant has a say; the others bear ids of tenants.
DEFAULT_SET = "default"
# A member of a preference that says how it is merged with what is laid over it.
STRATEGY = "__strategy__"
REPLACE = "replace"
COMMERCIAL = "commercial_subscribed"


class Section(StrEnum):
    """A map of a preference set that may be written alone."""

    CHANNEL_TYPES = "channel_types"
    CATEGORIES = "categories"
    WORKFLOWS = "workflows"


CHANNEL_TYPES = tuple(kind.value for kind in ChannelType)
