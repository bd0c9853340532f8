"""Partials: list, get, upsert, validate."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.management.content.resource import ContentOut, ContentResource
from domain.content.fields import InputField
from domain.content.partial import PARTIAL, PartialType
from domain.kit.answers import LeftOut, Moment
from domain.kit.shapes import DocumentedAs
from services.content.drafts import ContentView


class PartialOut(ContentOut):
    """A partial as it is read."""

    name: Annotated[Any, DocumentedAs(str)]
    type: Annotated[Any, DocumentedAs(PartialType)]
    content: Annotated[Any, DocumentedAs(str)]
    description: LeftOut[Annotated[Any, DocumentedAs(str)]] = None
    icon_name: LeftOut[Annotated[Any, DocumentedAs(str)]] = None
    visual_block_enabled: Annotated[Any, DocumentedAs(bool)]
    input_schema: Annotated[Any, DocumentedAs(list[InputField])]
    inserted_at: Moment = Field(description="The same as `created_at`.")
    valid: bool = Field(description="Whether every partial that it renders exists.")

    @classmethod
    def beside(cls, view: ContentView[Any]) -> dict[str, Any]:
        """Return whether it is valid, and since when it is there."""
        return {"valid": view.valid, "inserted_at": view.created_at}


router = ContentResource(PARTIAL, PartialOut, tag="Partials").router
