"""Wire shapes that several resources share."""

from __future__ import annotations

from pydantic import BaseModel


class PageInfoOut(BaseModel):
    """Where a page stands in its list."""

    after: str | None
    before: str | None
    page_size: int


class ResultOut(BaseModel):
    """Done."""

    result: str
