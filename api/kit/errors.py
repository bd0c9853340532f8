"""Renders every error in Knock's shape: code, message, status, type, and errors of fields."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from api.kit.auth import find_caller, get_engine
from api.kit.routing import path_to_match
from domain.kit.errors import AppError, BadRequest, FieldError, InvalidParams, NotFound

_MAX_SHOWN_PATH = 255


class MethodNotAllowed(BadRequest):
    """The path exists, but not with this method."""

    status_code = 405
    code = "method_not_allowed"


def _response(error: AppError) -> JSONResponse:
    """Return the response for an error."""
    return JSONResponse(error.body(), status_code=error.status_code, headers=error.headers())


def internal_error() -> JSONResponse:
    """Return the response for a fault of ours; the log has the details under the request id."""
    return _response(
        AppError("Something went wrong on our side. The request id identifies this fault.")
    )


async def _app_error(_: Request, error: Exception) -> JSONResponse:
    return _response(error) if isinstance(error, AppError) else internal_error()


async def _validation_error(_: Request, error: Exception) -> JSONResponse:
    """Map the framework's own validation, although bodies and queries are read by us."""
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    fields = [
        FieldError(".".join(str(part) for part in item["loc"][1:]), item["msg"], item["type"])
        for item in errors
    ]
    return _response(InvalidParams(fields))


async def _http_exception(request: Request, error: Exception) -> Response:
    """Answer for an unknown path or method: to a stranger, only that a key is needed."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    try:
        await find_caller(request, await get_engine(request))
    except AppError as refusal:
        return _response(refusal)
    if status == 405:
        path = path_to_match(request.scope)
        routers = [request.app.router, *request.app.state.routers]
        methods = {"OPTIONS"}
        for route in (route for router in routers for route in router.routes):
            if isinstance(route, APIRoute) and route.path_regex.match(path):
                methods |= route.methods or set()
        allow = {"allow": ", ".join(sorted(methods))}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=allow)
        response = _response(MethodNotAllowed(f"{request.method} is not allowed for this path."))
        response.headers.update(allow)
        return response
    if status == 404:
        # Named, because Knock's CLI prints nothing else of a command that this version lacks.
        path = request.scope["path"][:_MAX_SHOWN_PATH]
        return _response(NotFound(f"This server has no operation {request.method} {path}"))
    detail = getattr(error, "detail", "The request cannot be served.")
    return _response(BadRequest(str(detail)))


def install(app: FastAPI) -> None:
    """Register the handlers; faults of ours are caught by the middleware, which logs them."""
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
