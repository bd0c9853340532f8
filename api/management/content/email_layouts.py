"""E-mail layouts: list, get, upsert, validate."""

from __future__ import annotations

from typing import Annotated, Any

from api.management.content.resource import ContentOut, ContentResource
from domain.content.email_layout import EMAIL_LAYOUT, FooterLink
from domain.kit.answers import LeftOut
from domain.kit.shapes import DocumentedAs


class EmailLayoutOut(ContentOut):
    """A layout as it is read."""

    name: Annotated[Any, DocumentedAs(str)]
    html_layout: Annotated[Any, DocumentedAs(str)]
    text_layout: Annotated[Any, DocumentedAs(str)]
    footer_links: Annotated[Any, DocumentedAs(list[FooterLink])]
    is_mjml: LeftOut[Annotated[Any, DocumentedAs(bool)]] = None
    branding_overrides: Annotated[Any, DocumentedAs(dict[str, Any] | None)]


router = ContentResource(EMAIL_LAYOUT, EmailLayoutOut, tag="E-mail layouts").router
