"""Branches: list, get, create, delete, rebase. They are merged as commits are promoted."""

from __future__ import annotations

from typing import Self

from fastapi import APIRouter, Response
from pydantic import Field
from starlette.responses import JSONResponse

from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_TIME_AND_UUID
from api.kit.parameters import ERROR_RESPONSES, refusals, takes
from api.kit.query_strings import Query, QueryDep
from api.kit.shapes import answer
from api.management.requests import ENVIRONMENT_HELP, PAGE_HELP, read_environment, read_limit
from domain.content.branches import Branch
from domain.kit.answers import Moment, Out
from domain.kit.principals import EnvironmentScope
from services.content import branches
from services.content.branches import refuse_elsewhere
from services.engine import Engine

router = APIRouter(prefix="/v1/branches", tags=["Branches"], responses=ERROR_RESPONSES)


class BranchOut(Out):
    """A branch of `development`."""

    slug: str
    created_at: Moment
    updated_at: Moment = Field(description="When it was last created, rebased or committed to.")
    deleted_at: Moment | None = Field(
        None, description="Always null, because deleted branches are gone."
    )
    last_commit_at: Moment | None = Field(description="Time of the last commit on it.")

    @classmethod
    def of(cls, branch: Branch) -> Self:
        """Write a branch."""
        return cls(
            slug=branch.slug,
            created_at=branch.inserted_at,
            updated_at=branch.updated_at,
            last_commit_at=branch.last_commit_at,
        )


@router.get(
    "",
    response_model=PlainEntriesOut[BranchOut],
    openapi_extra=takes(query={**ENVIRONMENT_HELP, **PAGE_HELP}),
)
async def list_branches(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List branches, the one with the newest commit first."""
    page_request = read_limit(query, BY_TIME_AND_UUID)
    environment = await _development(engine, query)
    page = await branches.list_branches(engine, environment, page_request)
    return answer(PlainEntriesOut[BranchOut].of(page, map(BranchOut.of, page.rows)))


@router.get("/{branch_slug}", response_model=BranchOut, openapi_extra=takes(query=ENVIRONMENT_HELP))
async def get_branch(
    branch_slug: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Get one branch."""
    environment = await _development(engine, query)
    return answer(BranchOut.of(await branches.get_branch(engine, environment, branch_slug)))


@router.post(
    "/{branch_slug}",
    response_model=BranchOut,
    status_code=201,
    openapi_extra=takes(query=ENVIRONMENT_HELP),
)
async def create_branch(
    branch_slug: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Create a branch from what `development` has committed."""
    environment = await _development(engine, query)
    branch = await branches.create_branch(engine, environment, branch_slug)
    return answer(BranchOut.of(branch), status_code=201)


@router.delete("/{branch_slug}", status_code=204, openapi_extra=takes(query=ENVIRONMENT_HELP))
async def delete_branch(
    branch_slug: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> Response:
    """Delete a branch with everything that was not merged, permanently."""
    environment = await _development(engine, query)
    await branches.delete_branch(engine, environment, branch_slug)
    return Response(status_code=204)


@router.put(
    "/{branch_slug}/rebase",
    response_model=BranchOut,
    responses=refusals({422: "branch_rebase_blocked"}),
    openapi_extra=takes(query=ENVIRONMENT_HELP),
)
async def rebase_branch(
    branch_slug: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Bring a branch up to date with `development`; what was committed on it stays."""
    environment = await _development(engine, query)
    return answer(BranchOut.of(await branches.rebase_branch(engine, environment, branch_slug)))


async def _development(engine: Engine, query: Query) -> EnvironmentScope:
    """Return the environment that has branches. Raises InvalidParams: another one is named."""
    environment = await read_environment(engine, query)
    refuse_elsewhere(environment, "environment")
    return environment
