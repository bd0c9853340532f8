"""Reusable requests: list, get, upsert, validate."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.management.content.resource import ContentOut, ContentResource
from domain.content.reusable_request import REUSABLE_REQUEST, RequestSettings
from domain.kit.answers import LeftOut
from domain.kit.shapes import DocumentedAs
from services.content.drafts import ContentView


class ReusableRequestOut(ContentOut):
    """A reusable request as it is read."""

    name: Annotated[Any, DocumentedAs(str | None)]
    description: LeftOut[Annotated[Any, DocumentedAs(str)]] = None
    type: Annotated[Any, DocumentedAs(Literal["http_fetch"])]
    settings: Annotated[Any, DocumentedAs(RequestSettings)]
    conditions: LeftOut[Annotated[Any, DocumentedAs(dict[str, Any])]] = None
    valid: bool = Field(description="Whether every partial that it renders exists.")

    @classmethod
    def beside(cls, view: ContentView[Any]) -> dict[str, Any]:
        """Return whether it is valid."""
        return {"valid": view.valid}


router = ContentResource(REUSABLE_REQUEST, ReusableRequestOut, tag="Reusable requests").router
