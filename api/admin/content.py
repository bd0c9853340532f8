"""Admin API, content: what would change, what has changed, taking it back, archiving, a preview."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse

from api.kit.answers import PlainEntriesOut, SuccessOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_TYPE_AND_KEY
from api.kit.parameters import ERROR_RESPONSES, Param, refusals, takes
from api.kit.query_strings import QueryDep
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id
from api.management.content.commits import CommitBodyOut, CommitOut, CommitResourceOut
from api.management.previews.schemas import RequestPreviewOut
from api.management.requests import (
    ANYWHERE_HELP,
    NOTE_HELP,
    PAGE_HELP,
    SCOPE_HELP,
    read_limit,
    read_named_environment,
    read_note,
    read_scope,
)
from domain.content.changes import Change, ChangedContent, ChangeKind, changes_between
from domain.content.rows import Selection
from domain.kit.answers import LeftOut, Out
from domain.kit.authored import ResourceType
from domain.kit.shapes import DocumentedAs
from domain.previews.requests import RequestPreviewIn
from services.account.environments import get_scope
from services.audiences.archiving import archive_audience
from services.content import archiving, changes
from services.content.branches import on_branch, refuse_elsewhere
from services.previews.steps import preview_request

router = APIRouter(prefix="/v1/admin", tags=["Admin: content"], responses=ERROR_RESPONSES)

_ANY = Annotated[Any, DocumentedAs(Any)]


class ChangeOut(Out):
    """A field that is different."""

    field: str = Field(description="For example `steps[0].template.subject`.")
    change: ChangeKind = Field(description="`moved`: the members of a list changed their order.")
    before: LeftOut[_ANY] = None
    after: LeftOut[_ANY] = None

    @classmethod
    def of(cls, change: Change) -> Self:
        """Write a change."""
        return cls(field=change.field, change=change.kind, before=change.before, after=change.after)


class ChangedContentOut(Out):
    """What is different of one piece of content."""

    resource: CommitResourceOut
    is_new: bool = Field(description="Whether it was never published before.")
    changes: list[ChangeOut]

    @classmethod
    def of(cls, row: ChangedContent) -> Self:
        """Compare both states."""
        found = changes_between(row.before or {}, row.after)
        return cls(
            resource=CommitResourceOut(type=row.resource_type, identifier=row.key),
            is_new=row.before is None,
            changes=[ChangeOut.of(change) for change in found],
        )


@router.get(
    "/content/changes",
    response_model=PlainEntriesOut[ChangedContentOut],
    openapi_extra=takes(
        query={
            **SCOPE_HELP,
            "to_environment": Param(
                "Show what a promotion to it, or merging the branch into it, would change. "
                "Default: what a commit would change.",
                {"type": "string"},
            ),
            **filter_parameters(Selection, paging=PAGE_HELP),
        }
    ),
)
async def list_changes(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JSONResponse:
    """List what a commit, a promotion or a merge would change, field by field, by type and key."""
    selection, page_request = read_list(query, Selection, BY_TYPE_AND_KEY, page=read_limit)
    target, branch = query.text("to_environment"), query.text("branch")
    if target is None:
        environment = await read_scope(engine, query)
        page = await changes.pending_changes(engine, environment, selection, page_request)
    elif branch is None:
        page = await changes.promotable_changes(engine, target, selection, page_request)
    else:
        environment = await get_scope(engine, target)
        refuse_elsewhere(environment, "to_environment")
        source = await on_branch(engine, environment, branch)
        page = await changes.mergeable_changes(engine, source, selection, page_request)
    shape = PlainEntriesOut[ChangedContentOut]
    return answer(shape.of(page, map(ChangedContentOut.of, page.rows)))


@router.get("/commits/{commit_id}/changes", response_model=ChangedContentOut)
async def get_changes(commit_id: str, _token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """Get what a commit has changed, field by field."""
    return answer(ChangedContentOut.of(await changes.commit_changes(engine, commit_id)))


@router.put(
    "/commits/{commit_id}/revert",
    response_model=CommitBodyOut,
    responses=refusals({422: "commit_not_revertible"}),
    openapi_extra=takes(query={"commit_message": NOTE_HELP["commit_message"]}),
)
async def revert_commit(
    commit_id: str, token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Revert a commit with a new commit in the same environment."""
    commit = await changes.revert_commit(engine, commit_id, read_note(query, token))
    return answer(CommitBodyOut(commit=CommitOut.of(commit)))


@router.delete(
    "/content/{resource_type}/{key}",
    response_model=SuccessOut,
    openapi_extra=takes(query=ANYWHERE_HELP),
)
async def archive_content(
    resource_type: str, key: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Archive content in every environment, permanently; its key cannot be reused."""
    environment = await read_named_environment(engine, query)
    if resource_type == ResourceType.AUDIENCE:  # its members go with it
        await archive_audience(engine, environment, known_id(key))
    else:
        await archiving.archive(engine, environment, known_id(resource_type), known_id(key))
    return answer(SuccessOut())


@router.post(
    "/reusable_requests/{key}/preview",
    response_model=RequestPreviewOut,
    openapi_extra=takes(RequestPreviewIn, query=SCOPE_HELP),
)
async def preview_reusable_request(
    key: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Render a reusable request as it is saved, committed or not; nothing is sent."""
    asked = await read_body(request, RequestPreviewIn)
    environment = await read_scope(engine, query)
    found = await preview_request(engine, environment, known_id(key), asked)
    return answer(RequestPreviewOut.of(found))
