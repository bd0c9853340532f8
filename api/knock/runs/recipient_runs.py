"""Workflow recipient runs: lists, and single ones with their stories."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, SecretKey
from api.kit.pagination import BY_UUID, page_body, read_page
from api.kit.parameters import ERROR_RESPONSES, Param, boolean, choices, instant, takes
from api.kit.query_strings import Query, QueryDep
from api.kit.rate_limits import secret_limit
from api.kit.strings import known_uuid
from api.knock.common import PAGING
from api.knock.runs.schemas import (
    RecipientRunDetailOut,
    RecipientRunPageOut,
    run_event_wire,
    run_wire,
)
from domain.kit.errors import InvalidParams
from domain.messages.filters import RunFilter
from domain.messages.statuses import RunStatus
from domain.recipients.refs import RecipientRef
from services.runs import runs

router = APIRouter(
    prefix="/v1/workflow_recipient_runs",
    tags=["Workflow recipient runs"],
    responses=ERROR_RESPONSES,
)
_PARAMETERS: dict[str, str | Param] = {
    "workflow": "Only runs of the workflow with this key.",
    "status[]": choices("Only runs with one of these statuses.", RunStatus),
    "tenant": "Only runs of this tenant.",
    "has_errors": boolean("true: only runs with errors; false: only runs without."),
    "recipient": "A user id, or recipient[id] and recipient[collection].",
    "starting_at": instant("Only runs from this instant on, ISO 8601."),
    "ending_at": instant("Only runs up to this instant, ISO 8601."),
    **PAGING,
}


@router.get(
    "",
    response_model=RecipientRunPageOut,
    dependencies=[secret_limit(2)],
    openapi_extra=takes(query=_PARAMETERS),
)
async def list_runs(principal: SecretKey, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List recipient runs, newest first."""
    wanted = RunFilter(
        workflow_key=query.text("workflow"),
        statuses=query.texts("status", choices=tuple(RunStatus)),
        tenant=query.text("tenant"),
        has_errors=query.boolean("has_errors"),
        recipient=_read_recipient(query),
        starting_at=query.instant("starting_at"),
        ending_at=query.instant("ending_at"),
    )
    page = await runs.list_runs(engine, principal.environment, wanted, read_page(query, BY_UUID))
    return JSONResponse(page_body(page, map(run_wire, page.rows), wrapper="items"))


@router.get("/{run_id}", response_model=RecipientRunDetailOut, dependencies=[secret_limit(2)])
async def get_run(run_id: str, principal: SecretKey, engine: EngineDep) -> JSONResponse:
    """Get a recipient run with its events, oldest first."""
    run, events = await runs.load_run(engine, principal.environment, known_uuid(run_id))
    story = [run_event_wire(run["id"], event) for event in events]
    return JSONResponse({**run_wire(run), "events": story})


def _read_recipient(query: Query) -> RecipientRef | None:
    node = query.node("recipient")
    if isinstance(node, str) and node.startswith("{"):
        node = query.json_object("recipient")
    if not node:
        return None
    if isinstance(node, str):
        return RecipientRef.user(node)
    if isinstance(node, dict):
        collection, identifier = node.get("collection"), node.get("id")
        if isinstance(collection, str) and isinstance(identifier, str):
            return RecipientRef(collection, identifier)
    raise InvalidParams.of("recipient", "must be a user id, or an id with a collection")
