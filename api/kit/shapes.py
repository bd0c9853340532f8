"""Shapes on the wire: reads bodies, writes answers.

A shape that is read is a `Shape` (`domain/kit/shapes.py`), one that is written an `Out` with a
constructor `of` from what a use case returns. The same model makes the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from fastapi import Request
from pydantic_core import to_json
from starlette.responses import JSONResponse

from api.kit.bodies import read_large_object, read_object
from domain.kit.answers import Out
from domain.kit.errors import InvalidParams
from domain.kit.shapes import Shape, read_shape
from domain.kit.violations import Violations

S = TypeVar("S", bound=Shape)
T = TypeVar("T")


async def read_body(request: Request, shape: type[S]) -> S:
    """Read a body of a shape; an empty body is an empty object.

    Raises:
        InvalidParams: it is not valid JSON, or with every violation of the shape at its place.
        PayloadTooLarge, RequestTimeout: see `read_object`.
    """
    return read_shape(shape, await read_object(request, shape))


async def read_both(path: Callable[[], T], body: Awaitable[S]) -> tuple[T, S]:
    """Read what a path names and a body, and tell in one answer what is wrong with either.

    Args:
        path: reads what the path names, as the dependencies `new_…` return it.
        body: reads the body.

    Raises:
        InvalidParams: with every violation of both.
        PayloadTooLarge, RequestTimeout: see `read_object`.
    """
    violations = Violations()
    named = violations.read(path)
    given = await violations.wait_for(body)
    violations.raise_any()
    return named, given


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
    body = await read_large_object(request, shape)
    return read_shape(shape, body.content, size=body.size)


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
