"""Tags: the account's catalog of words that authors may put on content.

Source: Knock Management API, "Tags". A tag says nothing to the engine; content may bear tags that
the catalog does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from domain.kit.branding import HEX_COLOR
from domain.kit.shapes import Shape

MAX_TAGS = 1_000
_MAX_DESCRIPTION = 280


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of the catalog; `color` is in hexadecimal, such as `#3B82F6`."""

    name: str
    description: str | None
    color: str | None
    inserted_at: datetime
    updated_at: datetime


class TagIn(Shape):
    """A tag as it is written; what is left out is null."""

    description: Annotated[str | None, Field(max_length=_MAX_DESCRIPTION)] = None
    color: Annotated[str | None, Field(pattern=HEX_COLOR, examples=["#3B82F6"])] = None


class TagBodyIn(Shape):
    """The tag under its name."""

    tag: TagIn
