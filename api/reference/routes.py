"""`/docs`: a landing page, and for each face its OpenAPI document and a page made from it.

The pages are our own plain HTML, so that they also work where nothing of the internet is reachable.
"""

from __future__ import annotations

from functools import lru_cache

from fastapi import APIRouter
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse

from api.reference.documents import build_document
from api.reference.pages import render_landing, render_reference
from domain.kit.json_types import JsonObject

router = APIRouter(include_in_schema=False)


@lru_cache(maxsize=1)
def knock_document() -> JsonObject:
    """Return the OpenAPI document of the Knock API."""
    from api.knock import ROUTERS  # late: the faces need the parts of this package first

    return build_document(
        "Knock API",
        "Trigger workflows, identify recipients, read messages and feeds. Speaks Knock's API. "
        "Rate limits apply to each API process.",
        ROUTERS,
        credential="A secret key (or, where a browser may call, a public key) of one environment.",
    )


@lru_cache(maxsize=1)
def management_document() -> JsonObject:
    """Return the OpenAPI document of the Management API and the admin API."""
    from api.admin import ROUTERS as ADMIN
    from api.management import ROUTERS

    return build_document(
        "Management API",
        "Define workflows and other content, commit and promote them, set up channels and keys.",
        (*ROUTERS, *ADMIN),
        credential="A service token of the account.",
    )


@router.get("/")
def root() -> RedirectResponse:
    """Lead a person who opens the address of the API to the documents."""
    return RedirectResponse("/docs")


@router.get("/docs")
def landing() -> HTMLResponse:
    """Show which documents there are."""
    return HTMLResponse(render_landing())


@router.get("/docs/knock")
def knock_reference() -> HTMLResponse:
    """Show the Knock API."""
    return HTMLResponse(render_reference(knock_document()))


@router.get("/docs/management")
def management_reference() -> HTMLResponse:
    """Show the Management API."""
    return HTMLResponse(render_reference(management_document()))


@router.get("/v1/openapi")
@router.get("/docs/knock/openapi.json")
def knock_openapi() -> JSONResponse:
    """Answer the OpenAPI document of the Knock API."""
    return JSONResponse(knock_document())


@router.get("/docs/management/openapi.json")
def management_openapi() -> JSONResponse:
    """Answer the OpenAPI document of the Management API."""
    return JSONResponse(management_document())
