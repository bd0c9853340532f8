"""Previews: of a step's template, of a template, of an e-mail layout, of a partial.

Nothing is stored by them, nobody is identified, and nothing is sent.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id
from api.management.previews.schemas import (
    LayoutPreviewOut,
    PartialPreviewOut,
    StepPreviewOut,
    TemplatePreviewOut,
)
from api.management.requests import SCOPE_HELP, read_scope
from domain.previews.requests import (
    LayoutPreviewIn,
    PartialPreviewIn,
    TemplatePreviewIn,
    ViewpointIn,
)
from services.previews.content import preview_layout, preview_partial
from services.previews.steps import preview_step, preview_template

router = APIRouter(prefix="/v1", tags=["Previews"], responses=ERROR_RESPONSES)


@router.post(
    "/workflows/{workflow_key}/steps/{step_ref}/preview_template",
    name="preview_step",
    response_model=StepPreviewOut,
    openapi_extra=takes(ViewpointIn, query=SCOPE_HELP),
)
async def preview_of_step(
    workflow_key: str,
    step_ref: str,
    request: Request,
    _token: ServiceToken,
    engine: EngineDep,
    query: QueryDep,
) -> JSONResponse:
    """Render a channel or fetch step of a workflow as it is saved, committed or not."""
    asked = await read_body(request, ViewpointIn)
    preview = await preview_step(
        engine,
        await read_scope(engine, query),
        known_id(workflow_key),
        known_id(step_ref),
        asked.viewpoint(),
    )
    return answer(StepPreviewOut.of(preview))


@router.post(
    "/templates/preview",
    name="preview_template",
    response_model=TemplatePreviewOut,
    openapi_extra=takes(TemplatePreviewIn, query=SCOPE_HELP),
)
async def preview_of_template(
    request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Render a template that is not saved anywhere."""
    asked = await read_body(request, TemplatePreviewIn)
    environment = await read_scope(engine, query)
    return answer(TemplatePreviewOut.of(await preview_template(engine, environment, asked)))


@router.post(
    "/email_layouts/preview",
    name="preview_email_layout",
    response_model=LayoutPreviewOut,
    openapi_extra=takes(LayoutPreviewIn, query=SCOPE_HELP),
)
async def preview_of_layout(
    request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Render an e-mail layout, which need not be saved, around an example."""
    asked = await read_body(request, LayoutPreviewIn)
    environment = await read_scope(engine, query)
    return answer(LayoutPreviewOut.of(await preview_layout(engine, environment, asked)))


@router.post(
    "/partials/preview",
    name="preview_partial",
    response_model=PartialPreviewOut,
    openapi_extra=takes(PartialPreviewIn, query=SCOPE_HELP),
)
async def preview_of_partial(
    request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Render a partial, which need not be saved, with inputs."""
    asked = await read_body(request, PartialPreviewIn)
    environment = await read_scope(engine, query)
    return answer(PartialPreviewOut.of(await preview_partial(engine, environment, asked)))
