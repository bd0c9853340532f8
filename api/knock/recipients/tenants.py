"""Tenants: set, get, list, delete."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from api.kit.answers import EntriesOut
from api.kit.auth import EngineDep, SecretKey
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_TIME_AND_ID
from api.kit.parameters import ERROR_RESPONSES, boolean, takes
from api.kit.query_strings import QueryDep
from api.kit.rate_limits import secret_limit
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id, new_id_of
from api.knock.recipients.schemas import TenantOut
from domain.kit.violations import Violations
from domain.recipients.recipients import TenantFilters
from domain.recipients.refs import TENANTS, RecipientRef
from domain.recipients.shapes import TenantIn
from services.bulk import departures
from services.recipients import recipients

router = APIRouter(prefix="/v1/tenants", tags=["Tenants"], responses=ERROR_RESPONSES)


@router.get(
    "",
    response_model=EntriesOut[TenantOut],
    dependencies=[secret_limit(4)],
    openapi_extra=takes(query=filter_parameters(TenantFilters)),
)
async def list_tenants(principal: SecretKey, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List tenants, newest first."""
    wanted, request = read_list(query, TenantFilters, BY_TIME_AND_ID)
    page = await recipients.list_tenants(engine, principal.environment, wanted, request)
    return answer(EntriesOut[TenantOut].of(page, map(TenantOut.of, page.rows)))


_RESOLVES = "resolve_full_preference_settings"
_HELP = {_RESOLVES: boolean("Merge the tenant's preference set over the environment's.")}


@router.get(
    "/{tenant_id}",
    response_model=TenantOut,
    dependencies=[secret_limit(4)],
    openapi_extra=takes(query=_HELP),
)
async def get_tenant(
    tenant_id: str, principal: SecretKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Get a tenant."""
    tenant = RecipientRef(TENANTS, known_id(tenant_id))
    load = recipients.load_full_tenant if query.boolean(_RESOLVES) else recipients.load_recipient
    found = await load(engine, principal.environment, tenant)
    return answer(TenantOut.of(found))


@router.put(
    "/{tenant_id}",
    response_model=TenantOut,
    dependencies=[secret_limit(3)],
    openapi_extra=takes(TenantIn, query=_HELP),
)
async def set_tenant(
    tenant_id: str, request: Request, principal: SecretKey, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Set a tenant: create it, or merge properties and settings into what is stored."""
    violations = Violations()
    new_id = violations.read(new_id_of, tenant_id)
    resolves = violations.read(query.boolean, _RESOLVES)
    given = await violations.wait_for(read_body(request, TenantIn))
    violations.raise_any()
    tenant = RecipientRef(TENANTS, new_id)
    stored = await recipients.store_recipient(engine, principal.environment, tenant, given)
    if resolves:
        stored = await recipients.load_full_tenant(engine, principal.environment, tenant)
    return answer(TenantOut.of(stored))


@router.delete("/{tenant_id}", status_code=204, dependencies=[secret_limit(2)])
async def delete_tenant(tenant_id: str, principal: SecretKey, engine: EngineDep) -> Response:
    """Delete a tenant; messages and runs that name it keep its id."""
    tenant = RecipientRef(TENANTS, known_id(tenant_id))
    await departures.delete_recipient(engine, principal.environment, tenant)
    return Response(status_code=204)
