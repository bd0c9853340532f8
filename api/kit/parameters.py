"""What a route says it takes, for its document: parameters, body, and the shape of errors.

Bodies and queries are read by us, not by the framework, so routes say here what they take.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from domain.kit.json_types import JsonObject


class FieldErrorOut(BaseModel):
    """One violation."""

    field: str
    message: str
    type: str | None = None


class ErrorOut(BaseModel):
    """The body of every error."""

    code: str
    message: str
    status: int
    type: str
    errors: list[FieldErrorOut] | None = Field(
        None,
        description="Every violation. With other codes than `invalid_params` only where more is"
        " wrong than the code tells; a `type` is the code that it would have alone.",
    )
    error: str | None = Field(None, description="Present only if an `Idempotency-Key` is refused.")


# Given to every APIRouter of the faces: it keeps the framework's own 422 out of the documents.
# Which errors an operation has is derived from its route (`api/reference/documents.py`).
ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorOut, "description": "The request was refused."}
}


def refusals(codes: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """Return `responses` of a route that has error codes of its own.

    Args:
        codes: by status, separated by commas. The codes that follow from how a route is declared
            (its key, path, body, rate limit) need not be named.
    """
    return {
        status: {
            "model": ErrorOut,
            "description": ", ".join(f"`{code.strip()}`" for code in listed.split(",")),
        }
        for status, listed in codes.items()
    }


def codes_of(description: str) -> list[str]:
    """Return the error codes that the description of an answer names."""
    return re.findall(r"`(\w+)`", description)


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter as it is documented: its schema, and whether it has to be there."""

    description: str
    schema: JsonObject
    is_required: bool = False


def whole(description: str, low: int, high: int, default: int) -> Param:
    """Document a whole number; one beyond its range is pulled into it, so no bounds are stated."""
    return Param(f"{description}, {low} to {high}.", {"type": "integer", "default": default})


def boolean(description: str) -> Param:
    """Document a parameter that is `true` or `false`."""
    return Param(description, {"type": "boolean"})


def choice(description: str, words: Iterable[str]) -> Param:
    """Document a parameter that is one of several words."""
    return Param(description, {"type": "string", "enum": list(words)})


def choices(description: str, words: Iterable[str]) -> Param:
    """Document a list of words."""
    return Param(description, {"type": "array", "items": {"type": "string", "enum": list(words)}})


def texts(description: str, at_most: int, *, is_required: bool = False) -> Param:
    """Document a list of strings."""
    schema: JsonObject = {"type": "array", "items": {"type": "string"}, "maxItems": at_most}
    if is_required:
        schema["minItems"] = 1
    return Param(description, schema, is_required)


def identifier(description: str) -> Param:
    """Document a UUID."""
    return Param(description, {"type": "string", "format": "uuid"})


def instant(description: str) -> Param:
    """Document a date-time."""
    return Param(description, {"type": "string", "format": "date-time"})


def takes(
    body: type[BaseModel] | None = None,
    *,
    name: str | None = None,
    query: Mapping[str, str | Param] | None = None,
    headers: Mapping[str, Param] | None = None,
    file: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return `openapi_extra` of a route.

    Args:
        body: shape of the JSON body; it has to be there when one of its members has to, or
            one of several.
        name: of the member under which the body may be given too, or without which it may be
            given if the shape has that member; see `read_named`.
        query: each query parameter, by its name on the wire; a bare description documents a
            string that may be left out.
        headers: each header of the operation's own, by its name.
        file: the media type of a body that is a file, with an example, instead of a shape.
    """
    extra: dict[str, Any] = {}
    if file is not None:
        extra["requestBody"] = {
            "content": {
                media_type: {"schema": {"type": "string"}, "example": example}
                for media_type, example in file.items()
            },
            "required": True,
        }
    if body is not None:
        schema = body.model_json_schema()
        extra["requestBody"] = {
            "content": {"application/json": {"schema": schema}},
            "required": bool(schema.get("required") or schema.get("anyOf")),
        }
        if name in schema.get("properties", {}):
            extra["requestBody"]["description"] = f"May also be given without `{name}` around it."
        elif name is not None:
            extra["requestBody"]["description"] = f"May also be given under `{name}`."
    parameters = [
        _parameter(name, place, given)
        for place, described in (("query", query), ("header", headers))
        for name, given in (described or {}).items()
    ]
    if parameters:
        extra["parameters"] = parameters
    return extra


def _parameter(name: str, place: str, given: str | Param) -> JsonObject:
    param = Param(given, {"type": "string"}) if isinstance(given, str) else given
    return {
        "name": name,
        "in": place,
        "required": param.is_required,
        "description": param.description,
        "schema": param.schema,
    }
