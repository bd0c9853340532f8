"""Shapes that several resources share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.kit import shapes
from api.kit.pagination import MAX_PAGE_SIZE
from api.kit.parameters import Param, instant, whole
from domain.kit.ids import derived_id
from domain.kit.json_types import JsonValue
from domain.recipients.recipients import recipient_wire
from domain.recipients.refs import RecipientRef


class Out(BaseModel):
    """Base of answered shapes; members may be added at any time."""

    model_config = ConfigDict(populate_by_name=True)


class ObjectReference(BaseModel):
    """An object by collection and id."""

    id: str
    collection: str


class PageInfoOut(Out):
    """Where a page ends; a cursor that is null says that there is nothing beyond."""

    typename: str = Field(alias="__typename", examples=["PageInfo"])
    after: str | None
    before: str | None
    page_size: int


class RecipientOut(shapes.Out):
    """A user or an object with its custom properties."""

    model_config = ConfigDict(extra="allow")

    typename: str = Field(alias="__typename", examples=["User", "Object"])
    id: str
    updated_at: shapes.Moment

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Write a row of table `recipients`."""
        return cls(**recipient_wire(row))


PAGING: dict[str, str | Param] = {
    "after": "Cursor: the page after it.",
    "before": "Cursor: the page before it.",
    "page_size": whole("Entries of a page", 1, MAX_PAGE_SIZE, MAX_PAGE_SIZE),
}
INSERTED_AT: dict[str, str | Param] = {
    f"inserted_at.{bound}": instant(f"Limits when it was inserted ({bound}), ISO 8601.")
    for bound in ("gt", "gte", "lt", "lte")
}


def recipient_reference(row: dict[str, Any]) -> JsonValue:
    """Write the recipient of a row with `collection` and `recipient_id`."""
    return RecipientRef(row["collection"], row["recipient_id"]).wire()


def child_id(parent: UUID, *parts: str) -> str:
    """Return a stable id of something that has no row of its own."""
    return str(derived_id(parent, *parts))
