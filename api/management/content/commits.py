"""Commits: commit all, list, get, promote all, promote one."""

from __future__ import annotations

from typing import Self

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse

from api.kit.answers import PlainEntriesOut, SuccessOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.lists import filter_parameters, read_filters, read_list
from api.kit.pagination import BY_UUID
from api.kit.parameters import ERROR_RESPONSES, Param, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer
from api.management.requests import (
    NOTE_HELP,
    PAGE_HELP,
    SCOPE_HELP,
    read_limit,
    read_note,
    read_scope,
)
from domain.content.rows import Author, Commit, CommitFilters, Selection
from domain.kit.answers import LeftOut, Moment, Out
from domain.kit.violations import Violations
from services.account.environments import get_scope
from services.content import commits
from services.content.branches import on_branch, refuse_elsewhere

router = APIRouter(prefix="/v1/commits", tags=["Commits"], responses=ERROR_RESPONSES)

_SELECTION_HELP = filter_parameters(Selection, paging={})


class CommitAuthorOut(Out):
    """Who committed."""

    name: str | None
    email: str


class CommitResourceOut(Out):
    """What was committed."""

    type: str
    identifier: str


class CommitOut(Out):
    """A commit; the author stands under both names that Knock has used."""

    id: str
    environment: str
    resource: CommitResourceOut
    author: CommitAuthorOut
    commit_author: CommitAuthorOut
    commit_message: LeftOut[str] = None
    empty: bool = Field(description="Whether nothing had changed. Not part of Knock's API.")
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, commit: Commit) -> Self:
        """Write a commit."""
        author = CommitAuthorOut(name=commit.author_name, email=commit.author_email)
        return cls(
            id=str(commit.id),
            environment=commit.environment,
            resource=CommitResourceOut(type=commit.resource_type, identifier=commit.resource_key),
            author=author,
            commit_author=author,
            commit_message=commit.commit_message,
            empty=commit.is_empty,
            created_at=commit.inserted_at,
            updated_at=commit.promoted_at or commit.inserted_at,
        )


class CommitBodyOut(Out):
    """The answer to a promotion of one commit."""

    commit: CommitOut


@router.get(
    "",
    response_model=PlainEntriesOut[CommitOut],
    openapi_extra=takes(query={**SCOPE_HELP, **filter_parameters(CommitFilters, paging=PAGE_HELP)}),
)
async def list_commits(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List the commits of an environment or a branch, newest first."""
    filters, page_request = read_list(query, CommitFilters, BY_UUID, page=read_limit)
    environment = await read_scope(engine, query)
    page = await commits.list_commits(engine, environment, filters, page_request)
    return answer(PlainEntriesOut[CommitOut].of(page, map(CommitOut.of, page.rows)))


@router.put(
    "",
    response_model=SuccessOut,
    openapi_extra=takes(query={**SCOPE_HELP, **_SELECTION_HELP, **NOTE_HELP}),
)
async def commit_all(token: ServiceToken, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """Publish every saved change that is not yet committed."""
    violations = Violations()
    selection = violations.read(read_filters, query, Selection)
    note = violations.read(read_note, query, token)
    violations.raise_any()
    await commits.commit_all(engine, await read_scope(engine, query), selection, note)
    return answer(SuccessOut())


# Before the route of one commit, whose id this word would be taken for.
@router.put(
    "/promote",
    response_model=SuccessOut,
    responses=refusals({422: "branch_merge_conflict"}),
    openapi_extra=takes(
        query={
            "to_environment": Param("Slug of the target.", {"type": "string"}, is_required=True),
            "branch": "Slug of a branch to merge into `development`, which must be the target.",
            **_SELECTION_HELP,
        }
    ),
)
async def promote_all(token: ServiceToken, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """Promote every commit of the environment before the target that was not promoted yet.

    With a branch, merge it: copy every commit of the branch that was not merged yet to
    `development`.
    """
    violations = Violations()
    target = violations.read(query.required, "to_environment")
    selection = violations.read(read_filters, query, Selection)
    branch = violations.read(query.text, "branch")
    violations.raise_any()
    if branch is None:
        await commits.promote_all(engine, target, selection, Author.of(token))
    else:
        environment = await get_scope(engine, target)
        refuse_elsewhere(environment, "to_environment")
        source = await on_branch(engine, environment, branch)
        await commits.merge_branch(engine, source, selection, Author.of(token))
    return answer(SuccessOut())


@router.get("/{commit_id}", response_model=CommitOut)
async def get_commit(commit_id: str, _token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """Get one commit."""
    return answer(CommitOut.of(await commits.get_commit(engine, commit_id)))


@router.put(
    "/{commit_id}/promote",
    response_model=CommitBodyOut,
    responses=refusals({422: "commit_not_promotable, branch_merge_conflict"}),
)
async def promote_commit(commit_id: str, token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """Copy one commit to the next environment, or from its branch to `development`."""
    commit = await commits.promote_one(engine, commit_id, Author.of(token))
    return answer(CommitBodyOut(commit=CommitOut.of(commit)))
