"""Shapes on the wire: reads bodies, writes answers.

A shape that is read is a `Shape` (`domain/kit/shapes.py`), one that is written an `Out` with a
constructor `of` from what a use case returns. The same model makes the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from fastapi import Request
from pydantic import Field
from pydantic_core import to_json
from starlette.responses import JSONResponse

from api.kit.bodies import read_large_object, read_object
from api.kit.pagination import encode_cursor
from domain.kit.answers import LeftOut, Moment, Out
from domain.kit.errors import InvalidParams
from domain.kit.pages import Page
from domain.kit.shapes import Shape, read_shape

__all__ = [
    "CountOut",
    "EntriesOut",
    "ItemsOut",
    "LeftOut",
    "Moment",
    "Out",
    "PageEndsOut",
    "PageInfoOut",
    "PlainEntriesOut",
    "SuccessOut",
    "answer",
    "read_body",
    "read_named",
]

S = TypeVar("S", bound=Shape)
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


async def read_body(request: Request, shape: type[S]) -> S:
    """Read a body of a shape; an empty body is an empty object.

    Raises:
        InvalidParams: it is not valid JSON, or with every violation of the shape at its place.
        PayloadTooLarge, RequestTimeout: see `read_object`.
    """
    return read_shape(shape, await read_object(request))


async def read_named(
    request: Request, shape: type[S], name: str, *, may_be_empty: bool = True
) -> S:
    """Read a body of a shape, given as it is or under its name, as answers have it.

    Args:
        request: the request.
        shape: the model.
        name: of the member that may hold it.
        may_be_empty: whether a body counts that has neither the name nor a member of the shape;
            otherwise the name is taken to be missing, or misspelt.

    Raises:
        InvalidParams, PayloadTooLarge, RequestTimeout: see `read_body`.
    """
    body = await read_object(request)
    if name not in body:
        if not may_be_empty and body.keys().isdisjoint(shape.model_fields):
            raise InvalidParams.of(name, "is required")
        return read_shape(shape, body)
    if not isinstance(body[name], dict):
        raise InvalidParams.of(name, "must be an object")
    return read_shape(shape, body[name], field=name)


async def read_large_body(request: Request, shape: type[S]) -> S:
    """Read a body of a shape that may be as large as that of a trigger.

    Raises:
        InvalidParams: see `read_body`.
        PayloadTooLarge, RequestTimeout, Unavailable: see `read_large_object`.
    """
    body = await read_large_object(request)
    return read_shape(shape, body.content)


class _Written(JSONResponse):
    """A response whose content is shapes, written as JSON without going through dictionaries."""

    def render(self, content: Out | list[Out]) -> bytes:
        """Write the body."""
        return to_json(content)


def answer(
    out: Out | Sequence[Out], status_code: int = 200, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return a shape, or a list of them, as a response."""
    return _Written(out if isinstance(out, Out) else list(out), status_code, headers)
