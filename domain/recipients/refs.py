"""References to recipients: parse, format, compare.

A recipient is a user (a plain string on the wire) or an object (`{collection, id}`); a tenant is
an object of the reserved collection `$tenants` (Knock docs: "Recipients", "Tenants").
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.kit.json_types import JsonValue

USERS = "$users"
TENANTS = "$tenants"
_GID_PREFIX = "gid://Object/"


@dataclass(frozen=True, slots=True, order=True)
class RecipientRef:
    """A user or an object, by id. Users live in the collection `$users`."""

    collection: str
    id: str

    @classmethod
    def user(cls, user_id: str) -> RecipientRef:
        """Refer to a user."""
        return cls(USERS, user_id)

    @classmethod
    def of_wire(cls, wire: JsonValue) -> RecipientRef:
        """Refer to whom a reference names that `wire` wrote, such as an actor of a message."""
        return (
            cls(wire["collection"], wire["id"]) if isinstance(wire, dict) else cls.user(str(wire))
        )

    @classmethod
    def of_gid(cls, gid: str) -> RecipientRef | None:
        """Refer to whom a global id names; None when it is none. An id may have slashes in it."""
        collection, _, own = gid.removeprefix(_GID_PREFIX).partition("/")
        is_gid = gid.startswith(_GID_PREFIX) and collection and own
        return cls(collection, own) if is_gid else None

    @property
    def is_user(self) -> bool:
        """Tell whether this refers to a user."""
        return self.collection == USERS

    @property
    def gid(self) -> str:
        """Return the global id that Knock writes, for example `gid://Object/$users/jhammond`."""
        return f"{_GID_PREFIX}{self.collection}/{self.id}"

    @property
    def label(self) -> str:
        """Return how sentences name it: the id of a user, else its collection and its id."""
        return self.id if self.is_user else f"{self.collection}/{self.id}"

    def wire(self) -> JsonValue:
        """Return the form that the API answers: a string for a user, else `{id, collection}`."""
        return self.id if self.is_user else {"id": self.id, "collection": self.collection}
