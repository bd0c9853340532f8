"""Workflows: list, get, upsert, validate, activate, run."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Request
from pydantic import Field
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.bodies import read_large_object
from api.kit.parameters import boolean, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id
from api.management.content.annotations import wants_annotations
from api.management.content.resource import ANNOTATE_HELP, ContentOut, ContentResource
from api.management.requests import SCOPE_HELP, read_scope
from domain.content.workflow import WORKFLOW
from domain.kit.answers import LeftOut, Out
from domain.kit.errors import InvalidParams
from domain.kit.shapes import DocumentedAs, Shape
from domain.kit.violations import Violations
from domain.triggers.requests import REHEARSAL, TriggerIn, parse_trigger_request
from domain.workflows import AudienceTrigger, TriggerFrequency, WorkflowSettings
from domain.workflows.steps import Step
from services.content.drafts import ContentView, switch_content
from services.triggers.resolving import workflow_comes_first
from services.triggers.triggering import trigger


class WorkflowOut(ContentOut):
    """A workflow as it is read."""

    name: Annotated[Any, DocumentedAs(str)]
    description: LeftOut[Annotated[Any, DocumentedAs(str)]] = None
    categories: Annotated[Any, DocumentedAs(list[str])]
    tags: Annotated[Any, DocumentedAs(list[str])]
    conditions: Annotated[Any, DocumentedAs(dict[str, Any] | None)]
    settings: Annotated[Any, DocumentedAs(WorkflowSettings)]
    trigger_frequency: Annotated[Any, DocumentedAs(TriggerFrequency)]
    audience_trigger: LeftOut[Annotated[Any, DocumentedAs(AudienceTrigger)]] = None
    trigger_data_json_schema: LeftOut[Annotated[Any, DocumentedAs(dict[str, Any])]] = None
    goal_attachment: Annotated[Any, DocumentedAs(dict[str, Any] | None)]
    steps: Annotated[Any, DocumentedAs(list[Step])]
    active: bool = Field(description="Whether triggers make runs in this environment.")
    valid: bool = Field(description="Whether everything that it refers to exists.")
    created_by: None = Field(
        None, description="Always null, because service tokens belong to nobody."
    )
    updated_by: None = Field(None, description="Always null, as `created_by`.")

    @classmethod
    def beside(cls, view: ContentView[Any]) -> dict[str, Any]:
        """Return whether it is switched on, and valid."""
        return {"active": view.active, "valid": view.valid}


class Activation(Shape):
    """Switch on or off; Knock's CLI sends `status` in the query instead."""

    status: bool | None = Field(None, description="Default: true.")
    active: Annotated[Any, DocumentedAs(bool)] = Field(
        None, description="The name that a workflow has for it when read; only `true` is accepted."
    )


class RunOut(Out):
    """The run that was started."""

    workflow_run_id: str


workflows = ContentResource(WORKFLOW, WorkflowOut, tag="Workflows")
router = workflows.router


@router.put(
    "/{key}/activate",
    response_model=workflows.body_out,
    openapi_extra=takes(
        Activation,
        query={
            **SCOPE_HELP,
            **ANNOTATE_HELP,
            "status": boolean("The same as in the body."),
        },
    ),
)
async def activate_workflow(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Switch a workflow on or off in one environment, at once."""
    violations = Violations()
    body = await violations.wait_for(read_body(request, Activation))
    status = violations.read(query.boolean, "status")
    violations.read(wants_annotations, request, query)
    violations.raise_any()
    status = status if body.status is None else body.status
    # Nothing means on. But `active` is what a workflow calls it when it is read, and to take
    # `{"active": false}` for nothing would switch on what the caller wants off.
    if status is None and body.active not in (None, True):
        raise InvalidParams.of("status", "is required to deactivate it; `active` is read-only")
    environment = await read_scope(engine, query)
    view = await switch_content(
        engine, environment, WORKFLOW, known_id(key), active=status is not False
    )
    return workflows.wrapped(view, request, query)


@router.put(
    "/{key}/run",
    response_model=RunOut,
    responses=refusals(
        {404: "workflow_missing", 422: "workflow_inactive, workflow_schema_invalid, actor_missing"}
    ),
    openapi_extra=takes(TriggerIn, query=SCOPE_HELP),
)
async def run_workflow(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Run a workflow as it is saved, committed or not, to see what it does."""
    body, key = await read_large_object(request), known_id(key)
    environment = await read_scope(engine, query)
    async with workflow_comes_first(engine, environment, key, takes_saved=True):
        rehearsal = parse_trigger_request(key, body.content, size=body.size, source_type=REHEARSAL)
    started = await trigger(engine, environment, rehearsal)
    return answer(RunOut(workflow_run_id=str(started.workflow_run_id)))
