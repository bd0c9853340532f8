"""Message types: list, get, upsert, validate."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.management.content.resource import ContentOut, ContentResource
from domain.content.message_type import MESSAGE_TYPE, VariantShape, is_prebuilt
from domain.kit.answers import LeftOut, Moment
from domain.kit.shapes import DocumentedAs
from services.content.drafts import ContentView


class MessageTypeOut(ContentOut):
    """A message type as it is read."""

    name: Annotated[Any, DocumentedAs(str)]
    description: Annotated[Any, DocumentedAs(str | None)]
    icon_name: LeftOut[Annotated[Any, DocumentedAs(str)]] = None
    preview: Annotated[Any, DocumentedAs(str)]
    semver: Annotated[Any, DocumentedAs(str)]
    variants: Annotated[Any, DocumentedAs(list[VariantShape])]
    owner: Literal["system", "user"] = Field(
        "user", description="`system`: it is as every environment has it from the start."
    )
    valid: bool = Field(description="Whether every partial that its preview renders exists.")
    archived_at: Moment | None = None
    deleted_at: Moment | None = None

    @classmethod
    def beside(cls, view: ContentView[Any]) -> dict[str, Any]:
        """Return whether it is valid, and whose it is."""
        owner = "system" if is_prebuilt(view.key, view.sha) else "user"
        return {"valid": view.valid, "owner": owner, "archived_at": None, "deleted_at": None}


router = ContentResource(MESSAGE_TYPE, MessageTypeOut, tag="Message types").router
