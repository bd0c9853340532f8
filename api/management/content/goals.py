"""Goals: list, get, upsert, validate, archive, clone."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Request
from starlette.responses import JSONResponse

from api.kit.answers import SuccessOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id
from api.management.content.annotations import wants_annotations
from api.management.content.resource import ContentOut, ContentResource
from api.management.requests import ENVIRONMENT_HELP, read_environment
from domain.content.goal import GOAL, CloneBodyIn, GoalCondition
from domain.kit.shapes import DocumentedAs
from domain.kit.violations import Violations
from services.content import archiving
from services.content.goals import clone_goal


class GoalOut(ContentOut):
    """A goal as it is read."""

    name: Annotated[Any, DocumentedAs(str)]
    description: Annotated[Any, DocumentedAs(str | None)]
    condition: Annotated[Any, DocumentedAs(GoalCondition)]


goals = ContentResource(GOAL, GoalOut, tag="Goals")
router = goals.router


@router.delete("/{key}", response_model=SuccessOut, openapi_extra=takes(query=ENVIRONMENT_HELP))
async def archive(
    key: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Archive a goal in all environments, permanently."""
    environment = await read_environment(engine, query)
    await archiving.archive(engine, environment, GOAL.name, known_id(key))
    return answer(SuccessOut())


@router.post(
    "/{key}/clone",
    response_model=goals.body_out,
    openapi_extra=takes(CloneBodyIn, query=ENVIRONMENT_HELP),
)
async def clone(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Copy a goal, to another environment or under another key; takes effect at once."""
    violations = Violations()
    body = await violations.wait_for(read_body(request, CloneBodyIn))
    violations.read(wants_annotations, request, query)
    violations.raise_any()
    environment = await read_environment(engine, query)
    view = await clone_goal(engine, environment, known_id(key), body.clone)
    return goals.wrapped(view, request, query)
