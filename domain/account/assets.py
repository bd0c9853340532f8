"""Assets: pictures of the account that mails and pages show.

Knock takes them in its dashboard; its Management API lists them ("Assets").
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from domain.kit.errors import FieldError
from domain.kit.shapes import REFUSE_NULL, Shape, Wrong, refusal

LIBRARY_ASSET = "library_asset"
# With its base64 it fits into a request.
MAX_BYTES = 1024 * 1024
# How the bytes of each type begin: what a browser would read as something else is no picture. SVG
# is not among them, because it can hold scripts.
_BEGINNINGS: Mapping[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A stored picture, without its bytes."""

    id: UUID
    filename: str | None
    mime_type: str
    asset_type: str
    inserted_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class AssetContent:
    """The bytes of a picture."""

    mime_type: str
    content: bytes


def _base64(text: str) -> str:
    try:
        size = len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise Wrong("must be base64") from None
    if not 0 < size <= MAX_BYTES:
        raise Wrong(f"must have 1 to {MAX_BYTES} bytes")
    return text


def _filename(text: str) -> str:
    if "/" in text or "\\" in text or text in (".", ".."):
        raise Wrong("must be a file name without a folder")
    return text


class AssetIn(Shape):
    """A picture to be stored."""

    filename: Annotated[
        str, REFUSE_NULL, Field(min_length=1, max_length=255), AfterValidator(_filename)
    ]
    mime_type: Annotated[Literal["image/png", "image/jpeg", "image/gif", "image/webp"], REFUSE_NULL]
    content: Annotated[str, REFUSE_NULL, AfterValidator(_base64)] = Field(
        description="Base64; at most 1 MB when decoded."
    )

    @model_validator(mode="after")
    def _is_what_it_says(self) -> Self:
        if not self.bytes().startswith(_BEGINNINGS[self.mime_type]):
            raise refusal([FieldError("content", f"is not {self.mime_type}")])
        return self

    def bytes(self) -> bytes:
        """Return the picture."""
        return base64.b64decode(self.content)


class AssetBodyIn(Shape):
    """The picture under its name."""

    asset: AssetIn
