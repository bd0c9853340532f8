"""Admin API, variables and branding: things that Knock offers only in its dashboard."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.shapes import answer, read_named
from api.kit.strings import known_id, new_id_of
from api.management.content.variables import VariableOut
from domain.content.variables import BrandingBody, BrandingRequest, VariableBody, VariableRequest
from domain.kit.answers import Out
from services.account.environments import get_scope
from services.content import variables

router = APIRouter(prefix="/v1/admin", tags=["Admin: variables"], responses=ERROR_RESPONSES)


class VariableBodyOut(Out):
    """The variable as it is now."""

    variable: VariableOut


class BrandingBodyOut(Out):
    """The branding as templates see it, with what stands for the members that are not set."""

    branding: dict[str, Any]


@router.put(
    "/variables/{key}",
    response_model=VariableBodyOut,
    responses=refusals({422: "sealed_with_other_key"}),
    openapi_extra=takes(VariableBody, name="variable"),
)
async def put_variable(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Create a variable, or change the given members; takes effect at once."""
    wanted = await read_named(request, VariableRequest, "variable", may_be_empty=False)
    view = await variables.put_variable(engine, new_id_of(key, field="key"), wanted)
    return answer(VariableBodyOut(variable=VariableOut.of(view)))


@router.delete("/variables/{key}", status_code=204)
async def delete_variable(key: str, _token: ServiceToken, engine: EngineDep) -> Response:
    """Delete a variable; templates then see nil."""
    await variables.remove_variable(engine, known_id(key))
    return Response(status_code=204)


@router.get("/environments/{slug}/branding", response_model=BrandingBodyOut)
async def get_branding(slug: str, _token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """Get the branding of an environment as templates see it."""
    environment = await get_scope(engine, known_id(slug))
    return _branding(await variables.get_branding(engine, environment))


@router.put(
    "/environments/{slug}/branding",
    response_model=BrandingBodyOut,
    openapi_extra=takes(BrandingBody, name="branding"),
)
async def put_branding(
    slug: str, request: Request, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Set the branding of an environment as a whole; takes effect at once."""
    wanted = await read_named(request, BrandingRequest, "branding", may_be_empty=False)
    environment = await get_scope(engine, known_id(slug))
    given = wanted.model_dump(mode="json", exclude_unset=True)
    return _branding(await variables.put_branding(engine, environment, given))


def _branding(branding: dict[str, Any]) -> JSONResponse:
    return answer(BrandingBodyOut(branding=branding))
