"""What is stored of preferences, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.kit.json_types import JsonObject
from domain.preferences.layers import merged

MAX_SET_BYTES = 256 * 1024
MAX_CATEGORIES = 1_000
TOO_LARGE = "the preference set exceeds 256 kB"


class Persistence(StrEnum):
    """What becomes of what is stored when something is written.

    A section is a map of the set, such as `categories`; an entry is a member of it. Those that are
    not written stay.
    """

    REPLACE = "replace"
    MERGE = "merge"
    SECTION = "section"
    ENTRY = "entry"


@dataclass(frozen=True, slots=True)
class NewSet:
    """A preference set of a recipient on its way to be stored, or a part of one.

    Attributes:
        id: `default`, or the id of a tenant.
        content: in the form of a whole set.
    """

    collection: str
    recipient_id: str
    id: str
    content: JsonObject


@dataclass(frozen=True, slots=True)
class StoredSet:
    """A preference set of a recipient with the defaults that lie below it.

    Attributes:
        content: what the recipient has said, or None.
        tenant: the default of the tenant in question, or None.
        environment: the default of the environment, or None.
    """

    id: str
    content: JsonObject | None
    tenant: JsonObject | None
    environment: JsonObject | None

    def resolved(self) -> JsonObject:
        """Return it as it takes effect."""
        return merged(self.environment, self.tenant, self.content)


@dataclass(frozen=True, slots=True)
class PreferenceCategory:
    """A category of the account's catalog, which workflows may belong to by its name."""

    name: str
    inserted_at: datetime
    updated_at: datetime
    archived_at: datetime | None
