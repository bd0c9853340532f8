"""Recipients as they are stored, and as templates and conditions see them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Literal

from domain.kit.clock import iso, parse_instant
from domain.kit.filters import Filter
from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef

# What lists show of a recipient beside its properties, when it is asked for.
INCLUDED = ("preferences",)
_IN_SHORT = ("name", "avatar")


@dataclass(frozen=True, slots=True)
class Recipient:
    """A user, an object or a tenant.

    Attributes:
        properties: names, addresses and custom properties alike.
        settings: a tenant's branding and preference set.
        created_at: when the caller's own system made it.
        inserted_at: when it was stored here.
    """

    collection: str
    id: str
    properties: JsonObject
    settings: JsonObject | None
    created_at: datetime | None
    inserted_at: datetime
    updated_at: datetime

    @classmethod
    def of_json(cls, stored: JsonObject) -> Recipient:
        """Read a row that PostgreSQL wrote as JSON, where instants are strings."""
        return cls(
            collection=stored["collection"],
            id=stored["id"],
            properties=stored["properties"],
            settings=stored["settings"],
            created_at=parse_instant(stored["created_at"]),
            inserted_at=datetime.fromisoformat(stored["inserted_at"]),
            updated_at=datetime.fromisoformat(stored["updated_at"]),
        )

    @property
    def ref(self) -> RecipientRef:
        """Return the reference to it."""
        return RecipientRef(self.collection, self.id)

    def in_short(self) -> Recipient:
        """Reduce it to id, name and avatar."""
        shown = {name: self.properties.get(name) for name in _IN_SHORT}
        return replace(self, properties=shown, settings=None, created_at=None)

    def variable(self) -> JsonObject:
        """Return it as templates and conditions see it: properties at the top level."""
        is_user = self.ref.is_user
        variable = {
            **self.properties,
            "__typename": "User" if is_user else "Object",
            "id": self.id,
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
        }
        if not is_user:
            variable["collection"] = self.collection
        if self.settings is not None:
            # Knock calls a tenant's preference set otherwise in templates than in its API.
            preferences = self.settings.get("preference_set")
            variable["settings"] = {**self.settings, "preferences": preferences}
        return variable


Include = Annotated[
    list[str] | None, Filter("`preferences` shows them with each recipient.", choices=INCLUDED)
]


@dataclass(frozen=True, slots=True)
class UserFilters:
    """What a list of users is asked for."""

    order: Annotated[
        Literal["asc", "desc"] | None,
        Filter("asc (default): oldest first; desc: newest first.", choices=("asc", "desc")),
    ] = None
    include: Include = None


@dataclass(frozen=True, slots=True)
class ObjectFilters:
    """What a list of the objects of a collection is asked for."""

    include: Include = None


@dataclass(frozen=True, slots=True)
class TenantFilters:
    """Which tenants a list is asked for."""

    tenant_id: Annotated[str | None, Filter("Only this tenant.")] = None
    name: Annotated[str | None, Filter("Only tenants with exactly this name.")] = None
