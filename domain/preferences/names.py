"""The words of preference sets."""

from __future__ import annotations

from enum import StrEnum

from domain.channels.kinds import STEP_KINDS

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


def tenant_of_set(set_id: str) -> str | None:
    """Return the tenant that a set is for; None for the one that counts without any."""
    return None if set_id == DEFAULT_SET else set_id


# A guide is not sent, so nobody has preferences for it.
CHANNEL_TYPES = tuple(name.value for name in STEP_KINDS)
