"""Builds the OpenAPI documents of the two faces."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from domain.kit.json_types import JsonObject

VERSION = "1"


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
