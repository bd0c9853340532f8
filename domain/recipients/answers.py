"""How recipients are referred to in what clients are told."""

from __future__ import annotations

from domain.kit.answers import Out
from domain.recipients.refs import RecipientRef


class ObjectReference(Out):
    """An object by collection and id."""

    id: str
    collection: str


# A user by id, or an object.
Reference = str | ObjectReference


def reference(ref: RecipientRef) -> Reference:
    """Write a reference to a user or an object."""
    return ref.id if ref.is_user else ObjectReference(id=ref.id, collection=ref.collection)
