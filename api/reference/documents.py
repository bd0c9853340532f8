"""Builds the OpenAPI documents of the two faces from their routes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.kit import auth, rate_limits
from api.kit.cors import calls_of
from api.kit.parameters import ErrorOut, codes_of
from api.reference.examples import REQUESTS
from api.reference.shared_shapes import share_body
from domain.kit.json_types import JsonObject, JsonValue

VERSION = "1"


def build_document(
    title: str,
    description: str,
    routers: Sequence[APIRouter],
    *,
    credential: str,
    tags: Mapping[str, str],
) -> JsonObject:
    """Return the OpenAPI document of one face.

    Args:
        title: name of the face.
        description: what it is for, in Markdown.
        routers: its routes, in the order of the document.
        credential: what its bearer token is.
        tags: what each tag is about, in the order in which readers see them.
    """
    routes = [
        route
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute) and route.include_in_schema
    ]
    document: JsonObject = get_openapi(
        title=title,
        version=VERSION,
        description=description,
        routes=routes,
        tags=[{"name": name, "description": about} for name, about in tags.items()],
        servers=[{"url": "/", "description": "This server."}],
    )
    names = Counter(route.name for route in routes)
    shared: JsonObject = {}
    for route in routes:
        for method in route.methods or ():
            operation = document["paths"][route.path_format][method.lower()]
            if names[route.name] == 1 and route.name.isidentifier():
                operation["operationId"] = route.name
            _summarise(operation, route)
            _describe_success(operation, document["components"]["schemas"])
            share_body(operation, document["components"]["schemas"])
            _tell_errors(operation, route, shared)
            examples = REQUESTS.get(f"{method} {route.path_format}")
            if examples:
                operation["requestBody"]["content"]["application/json"]["examples"] = examples
    components = document.setdefault("components", {})
    components["schemas"] = {
        "ErrorOut": _ERROR,
        "FieldErrorOut": _FIELD_ERROR,
        **components.get("schemas", {}),
    }
    components["responses"] = dict(sorted(shared.items()))
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": credential}
    }
    document["security"] = [{"bearer": []}]
    tidied: JsonObject = {**document, "paths": _tidied(document["paths"])}
    tidied["components"]["schemas"] = _tidied(components["schemas"])
    return tidied


def _summarise(operation: JsonObject, route: APIRoute) -> None:
    """Summarise an operation by the first sentence about it, not by the name of its function."""
    if route.summary is None:
        first, _, _ = route.description.partition(". ")
        operation["summary"] = first.partition("\n\n")[0].strip().rstrip(".")
    if str(operation.get("description", "")).rstrip(".") == operation["summary"]:
        del operation["description"]


def _describe_success(operation: JsonObject, schemas: JsonObject) -> None:
    """Describe what is answered by what its shape says of itself, where a name leads to it."""
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get("application/json", {})
        shape = schemas.get(str(content.get("schema", {}).get("$ref")).rpartition("/")[2], {})
        if answer["description"] == "Successful Response":
            answer["description"] = shape.get("description", HTTPStatus(int(status)).phrase)


def _tell_errors(operation: JsonObject, route: APIRoute, shared: JsonObject) -> None:
    """Name the error codes of an operation: those that its route declares, and those of all alike.

    What is alike stands once in `shared`, by which operations refer to it.
    """
    declared = {
        status: codes_of(answer["description"])
        for status, answer in operation["responses"].items()
        if not status.startswith("2")
    }
    derived: dict[str, list[str]] = {}
    for status, code in _derived(operation, route):
        derived.setdefault(str(status), []).append(code)
    operation["responses"] = {
        status: answer
        for status, answer in operation["responses"].items()
        if status.startswith("2")
    }
    for status in sorted({*declared, *derived} - {"4XX"}):
        codes = [*declared.get(status, ()), *derived.get(status, ())]
        listed = ", ".join(f"`{code}`" for code in codes)
        answer: JsonObject = {
            "description": f"{HTTPStatus(int(status)).phrase}: {listed}",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorOut"}}},
        }
        name = codes[0].title().replace("_", "")
        if status not in declared and shared.setdefault(name, answer) == answer:
            answer = {"$ref": f"#/components/responses/{name}"}
        operation["responses"][status] = answer


def _derived(operation: JsonObject, route: APIRoute) -> Iterator[tuple[int, str]]:
    """Yield status and code of the errors that come from how a route is declared."""
    calls = set(calls_of(route.dependant))
    has_body, has_id = "requestBody" in operation, "{" in route.path
    if auth.require_service_token in calls:
        yield 400, "bearer_token_invalid"
    yield 401, "authentication_required"
    yield 401, "api_key_missing"
    if auth.require_service_token not in calls:
        yield 401, "api_key_expired"
    yield 401, "incorrect_token_type"
    if auth.require_feed_key in calls:
        yield 401, "missing_user_token"
        yield 401, "invalid_user_token"
        yield 401, "missing_jwt_signing_key"
        yield 403, "authorization"
    if has_id or "environment" in str(operation.get("parameters")):
        yield 404, "resource_missing"
    if auth.require_service_token not in calls or "branch" in str(operation.get("parameters")):
        yield 404, "branch_not_found"
    if has_body:
        yield 408, "request_timeout"
        yield 413, "payload_too_large"
    if has_body or operation.get("parameters"):
        yield 422, "invalid_params"
    if any(getattr(call, "__module__", "") == rate_limits.__name__ for call in calls):
        yield 429, "rate_limit_exceeded"
    yield 503, "service_unavailable"
    yield 503, "query_too_slow"


def _tidied(node: JsonValue) -> JsonValue:
    """Take out what a generator says too much: titles made of names, and that shapes are closed.

    The latter is how we hold ourselves to the documents; clients have to take new members.
    """
    if isinstance(node, list):
        return [_tidied(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value if key in ("example", "examples", "default") else _tidied(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "additionalProperties" and value is False)
    }


_ERROR: JsonObject = ErrorOut.model_json_schema(ref_template="#/components/schemas/{model}")
_FIELD_ERROR: JsonObject = _ERROR.pop("$defs")["FieldErrorOut"]
