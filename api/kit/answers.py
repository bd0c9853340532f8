"""Shapes that many answers have, apart from the framework: commands print answers, too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import Field

from api.kit.cursors import encode_cursor
from domain.kit.answers import Out
from domain.kit.pages import Page

T = TypeVar("T")


class SuccessOut(Out):
    """Done."""

    result: Literal["success"] = "success"


class CountOut(Out):
    """How many there were."""

    count: int


class PageEndsOut(Out):
    """Where a page ends; a cursor that is null says that there is nothing beyond."""

    after: str | None
    before: str | None
    page_size: int

    @classmethod
    def of(cls, page: Page[Any]) -> Self:
        """Write the ends of a page."""
        return cls(
            after=encode_cursor(page.after) if page.after else None,
            before=encode_cursor(page.before) if page.before else None,
            page_size=page.size,
        )


class PageInfoOut(PageEndsOut):
    """Where a page ends, as the Knock API writes it."""

    typename: Annotated[Literal["PageInfo"], Field(alias="__typename")] = "PageInfo"


class EntriesOut(Out, Generic[T]):
    """A page of a list, under `entries`."""

    entries: list[T]
    page_info: PageInfoOut

    @classmethod
    def of(cls, page: Page[Any], entries: Iterable[T]) -> Self:
        """Write a page whose rows were written as `entries`."""
        return cls(entries=list(entries), page_info=PageInfoOut.of(page))


class PlainEntriesOut(Out, Generic[T]):
    """A page of a list of the Management API, whose `page_info` has no `__typename`."""

    entries: list[T]
    page_info: PageEndsOut

    @classmethod
    def of(cls, page: Page[Any], entries: Iterable[T]) -> Self:
        """Write a page whose rows were written as `entries`."""
        return cls(entries=list(entries), page_info=PageEndsOut.of(page))


class ItemsOut(Out, Generic[T]):
    """A page of a list, under `items`, as Knock wraps some of them."""

    items: list[T]
    page_info: PageInfoOut

    @classmethod
    def of(cls, page: Page[Any], items: Iterable[T]) -> Self:
        """Write a page whose rows were written as `items`."""
        return cls(items=list(items), page_info=PageInfoOut.of(page))
