"""Builds the OpenAPI documents of the two faces, and the parts of routes that only document.

Bodies and queries are read by us, not by the framework, so routes say here what they take.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.routing import BaseRoute

from domain.json_types import JsonObject, JsonValue

VERSION = "1"


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
    errors: list[FieldErrorOut] | None = Field(None, description="Only with `invalid_params`.")


# Given to every APIRouter of the faces; replaces the framework's own shape of a 422.
ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorOut, "description": "The request was refused."}
}


def takes(
    body: type[BaseModel] | None = None, *, query: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return `openapi_extra` of a route.

    Args:
        body: shape of the JSON body.
        query: what each query parameter means; a name that ends in `[]` is a list.
    """
    extra: dict[str, Any] = {}
    if body is not None:
        content = {"application/json": {"schema": _inlined(body.model_json_schema())}}
        extra["requestBody"] = {"content": content}
    if query:
        extra["parameters"] = [_parameter(name, text) for name, text in query.items()]
    return extra


def _parameter(name: str, description: str) -> JsonObject:
    schema: JsonObject = {"type": "string"}
    if name.endswith("[]"):
        schema = {"type": "array", "items": schema}
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
    }


def _inlined(schema: JsonObject) -> JsonObject:
    """Put definitions where they are referred to; our bodies are not recursive."""
    definitions = schema.pop("$defs", {})

    def resolve(node: JsonValue) -> JsonValue:
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).removeprefix("#/$defs/")
            if name in definitions:
                return resolve(definitions[name])
            return {key: resolve(value) for key, value in node.items()}
        return [resolve(value) for value in node] if isinstance(node, list) else node

    resolved: JsonObject = resolve(schema)
    return resolved


def build_document(
    title: str, description: str, routers: Sequence[APIRouter], *, credential: str
) -> JsonObject:
    """Return the OpenAPI document of one face."""
    routes = [route for router in routers for route in router.routes]
    document = get_openapi(title=title, version=VERSION, description=description, routes=routes)
    _summarise(document, routes)
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["bearer"] = {"type": "http", "scheme": "bearer", "description": credential}
    document["security"] = [{"bearer": []}]
    return document


def _summarise(document: JsonObject, routes: Sequence[BaseRoute]) -> None:
    """Summarise an operation by the first sentence about it, not by the name of its function."""
    for route in routes:
        if isinstance(route, APIRoute) and route.summary is None and route.include_in_schema:
            first, _, _ = route.description.partition(". ")
            for method in route.methods or ():
                operation = document["paths"][route.path_format][method.lower()]
                operation["summary"] = first.partition("\n\n")[0].strip().rstrip(".")
