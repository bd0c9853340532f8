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


def label_of(reference: Reference) -> str:
    """Return how sentences name whom a reference is to."""
    if isinstance(reference, str):
        return reference
    return RecipientRef(reference.collection, reference.id).label


def reference(ref: RecipientRef) -> Reference:
    """Write a reference to a user or an object."""
    return ref.id if ref.is_user else ObjectReference(id=ref.id, collection=ref.collection)
