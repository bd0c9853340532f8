"""Workflows: list, get, upsert, validate, activate, run."""

from __future__ import annotations

import copy

from fastapi import APIRouter, Request

from api.kit.auth import EngineDep, ServiceToken
from api.kit.bodies import read_object, read_trigger
from api.kit.pagination import BY_ID, page_body
from api.kit.parameters import ERROR_RESPONSES, Param, boolean, refusals, takes
from api.kit.query_strings import Query, QueryDep
from api.kit.strings import known_id, new_id_of
from api.management.content.annotations import annotate_workflow
from api.management.content.workflow_schemas import (
    ActivateIn,
    RunIn,
    RunOut,
    WorkflowBodyIn,
    WorkflowBodyOut,
    WorkflowOut,
    WorkflowPageOut,
)
from api.management.requests import (
    COMMIT_HELP,
    ENVIRONMENT_HELP,
    PAGE_HELP,
    read_environment,
    read_limit,
    read_note,
)
from domain.kit.clock import iso, utc_now
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.principals import EnvironmentScope
from domain.triggers.requests import parse_trigger_request
from services.content.workflows import (
    SaveOptions,
    WorkflowView,
    activate_workflow,
    get_workflow,
    list_workflows,
    upsert_workflow,
    validate_workflow,
)
from services.triggers.accept import trigger

router = APIRouter(prefix="/v1/workflows", tags=["Workflows"], responses=ERROR_RESPONSES)

_CLI = "@knocklabs/cli/"
_READ_HELP: dict[str, str | Param] = {
    **ENVIRONMENT_HELP,
    "annotate": boolean("Add `__annotation`, as Knock's CLI needs it."),
    "hide_uncommitted_changes": boolean("Return what was last committed instead of the draft."),
}
_WRITE_HELP: dict[str, str | Param] = {
    **ENVIRONMENT_HELP,
    "annotate": _READ_HELP["annotate"],
    "commit": boolean("Publish at once."),
    **COMMIT_HELP,
    "allow_empty": boolean("Commit even when nothing changed."),
    "force": boolean("Write in an environment that content is otherwise promoted to."),
}


@router.get(
    "",
    responses={200: {"model": WorkflowPageOut}},
    openapi_extra=takes(query={**_READ_HELP, **PAGE_HELP}),
)
async def index(
    request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JsonObject:
    """List workflows by key."""
    page_request = read_limit(query, BY_ID)
    hide = query.boolean("hide_uncommitted_changes") or False
    async with engine.database.transaction() as connection:
        environment = await read_environment(connection, query)
        views, page = await list_workflows(
            connection, environment, page_request, hide_uncommitted_changes=hide
        )
    entries = [_render(view, request, query) for view in views]
    return page_body(page, entries, typename=False)


@router.get(
    "/{key}",
    responses={200: {"model": WorkflowOut}},
    openapi_extra=takes(query=_READ_HELP),
)
async def show(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JsonObject:
    """Get one workflow."""
    hide = query.boolean("hide_uncommitted_changes") or False
    async with engine.database.transaction() as connection:
        environment = await read_environment(connection, query)
        view = await get_workflow(
            connection, environment, known_id(key), hide_uncommitted_changes=hide
        )
    return _render(view, request, query)


@router.put(
    "/{key}",
    responses={200: {"model": WorkflowBodyOut}},
    openapi_extra=takes(WorkflowBodyIn, query=_WRITE_HELP),
)
async def upsert(
    key: str, request: Request, token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JsonObject:
    """Create or replace a workflow; with `commit` publish it too."""
    document = _workflow_of(await read_object(request))
    options = SaveOptions(
        commit=read_note(query, token) if query.boolean("commit") else None,
        force=query.boolean("force") or False,
    )
    async with engine.database.transaction() as connection:
        environment = await read_environment(connection, query)
        view = await upsert_workflow(
            connection,
            environment,
            new_id_of(key, field="key"),
            document,
            options=options,
            now=utc_now(),
        )
    return {"workflow": _render(view, request, query)}


@router.put(
    "/{key}/validate",
    responses={200: {"model": WorkflowBodyOut}},
    openapi_extra=takes(WorkflowBodyIn, query=ENVIRONMENT_HELP),
)
async def validate(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JsonObject:
    """Judge a workflow without saving it."""
    document = _workflow_of(await read_object(request))
    async with engine.database.transaction() as connection:
        environment = await read_environment(connection, query)
        view = await validate_workflow(
            connection, environment, new_id_of(key, field="key"), document, now=utc_now()
        )
    return {"workflow": _render(view, request, query)}


@router.put(
    "/{key}/activate",
    responses={200: {"model": WorkflowBodyOut}},
    openapi_extra=takes(
        ActivateIn, query={**ENVIRONMENT_HELP, "status": boolean("The same as in the body.")}
    ),
)
async def activate(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JsonObject:
    """Switch a workflow on or off in one environment, at once."""
    active = _status(await read_object(request), query)
    async with engine.database.transaction() as connection:
        environment = await read_environment(connection, query)
        view = await activate_workflow(connection, environment, known_id(key), active=active)
    return {"workflow": _render(view, request, query)}


@router.put(
    "/{key}/run",
    responses={
        200: {"model": RunOut},
        **refusals(
            {
                404: "workflow_missing",
                422: "workflow_inactive, workflow_schema_invalid, actor_missing",
            }
        ),
    },
    openapi_extra=takes(RunIn, query=ENVIRONMENT_HELP),
)
async def run(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JsonObject:
    """Run the committed version of a workflow, to see what it does."""
    body = await read_trigger(request)
    rehearsal = parse_trigger_request(
        known_id(key), body.content, size=body.size, source_type="rehearsal"
    )
    async with engine.database.transaction() as connection:
        environment = await read_environment(connection, query)
    scope = EnvironmentScope(environment["id"], environment["slug"])
    answer = await trigger(engine, scope, rehearsal)
    return {"workflow_run_id": str(answer.workflow_run_id)}


def _workflow_of(body: JsonObject) -> JsonValue:
    if "workflow" not in body:
        raise InvalidParams.of("workflow", "is required")
    return body["workflow"]


def _status(body: JsonObject, query: Query) -> bool:
    """Read `status`; Knock's CLI sends it in the query, and nothing means on.

    `active` is what a workflow calls it when it is read. To take `{"active": false}` for "nothing"
    would switch on what the caller wants off.
    """
    status = body.get("status")
    if status is None:
        status = query.boolean("status")
    if status is None and body.get("active") not in (None, True):
        raise InvalidParams.of("status", "is required to switch off; `active` is read-only")
    if not isinstance(status, bool | None):
        raise InvalidParams.of("status", "must be true or false")
    return status is not False


def _render(view: WorkflowView, request: Request, query: Query) -> JsonObject:
    workflow: JsonObject = {
        **copy.deepcopy(view.content),
        "key": view.key,
        "active": view.active,
        "valid": view.valid,
        "environment": view.environment,
        "sha": view.sha,
        "created_at": iso(view.created_at),
        "updated_at": iso(view.updated_at),
    }
    if workflow.get("trigger_data_json_schema") is None:
        workflow.pop("trigger_data_json_schema", None)  # Knock's shape: an object, or nothing
    # Without annotations the CLI would send read-only fields with its next push.
    is_cli = request.headers.get("user-agent", "").startswith(_CLI)
    annotate = query.boolean("annotate")
    if annotate or (annotate is None and is_cli):
        annotate_workflow(workflow)
    return workflow
