"""Commits: commit all, list, get, promote all, promote one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_UUID, page_body
from api.kit.parameters import ERROR_RESPONSES, Param, boolean, refusals, takes
from api.kit.query_strings import QueryDep
from api.management.common import ResultOut
from api.management.content.commit_schemas import CommitBodyOut, CommitOut, CommitPageOut
from api.management.requests import (
    COMMIT_HELP,
    ENVIRONMENT_HELP,
    PAGE_HELP,
    SELECTION_HELP,
    read_environment,
    read_limit,
    read_note,
    read_selection,
    refuse_branch,
)
from domain.kit.clock import iso, utc_now
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from services.content import commits as service
from services.content.drafts import Author

router = APIRouter(prefix="/v1/commits", tags=["Commits"], responses=ERROR_RESPONSES)


@router.get(
    "",
    responses={200: {"model": CommitPageOut}},
    openapi_extra=takes(
        query={
            **ENVIRONMENT_HELP,
            **SELECTION_HELP,
            **PAGE_HELP,
            "promoted": boolean("Only commits that went, or did not go, to the next environment."),
        }
    ),
)
async def index(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JsonObject:
    """List the commits of an environment, newest first."""
    page_request = read_limit(query, BY_UUID)
    selection, promoted = read_selection(query), query.boolean("promoted")
    async with engine.database.transaction() as connection:
        environment = await read_environment(connection, query)
        page = await service.list_commits(
            connection, environment, page_request, selection=selection, promoted=promoted
        )
    return page_body(page, [_render(row) for row in page.rows], typename=False)


@router.put(
    "",
    responses={200: {"model": ResultOut}},
    openapi_extra=takes(
        query={
            **ENVIRONMENT_HELP,
            **SELECTION_HELP,
            **COMMIT_HELP,
            "allow_empty": boolean("Commit one named resource even when nothing changed."),
        }
    ),
)
async def commit_all(token: ServiceToken, engine: EngineDep, query: QueryDep) -> JsonObject:
    """Publish every change that was saved and not yet committed."""
    selection, note = read_selection(query), read_note(query, token)
    async with engine.database.transaction() as connection:
        environment = await read_environment(connection, query)
        await service.commit_all(connection, environment, selection, note=note, now=utc_now())
    return {"result": "success"}


# Before the route of one commit, whose id this word would be taken for.
@router.put(
    "/promote",
    responses={200: {"model": ResultOut}},
    openapi_extra=takes(
        query={
            "to_environment": Param("Slug of the target.", {"type": "string"}, is_required=True),
            **SELECTION_HELP,
        }
    ),
)
async def promote_all(token: ServiceToken, engine: EngineDep, query: QueryDep) -> JsonObject:
    """Copy every commit that was not promoted yet from the environment before the target."""
    refuse_branch(query)
    target = query.text("to_environment")
    if target is None:
        raise InvalidParams.of("to_environment", "is required")
    async with engine.database.transaction() as connection:
        await service.promote_all(
            connection, target, read_selection(query), author=Author.of(token), now=utc_now()
        )
    return {"result": "success"}


@router.get("/{commit_id}", responses={200: {"model": CommitOut}})
async def show(commit_id: str, _token: ServiceToken, engine: EngineDep) -> JsonObject:
    """Get one commit."""
    async with engine.database.transaction() as connection:
        return _render(await service.get_commit(connection, commit_id))


@router.put(
    "/{commit_id}/promote",
    responses={200: {"model": CommitBodyOut}, **refusals({422: "commit_not_promotable"})},
)
async def promote_one(commit_id: str, token: ServiceToken, engine: EngineDep) -> JsonObject:
    """Copy one commit to the next environment."""
    async with engine.database.transaction() as connection:
        commit = await service.promote_one(
            connection, commit_id, author=Author.of(token), now=utc_now()
        )
    return {"commit": _render(commit)}


def _render(row: Any) -> JsonObject:
    author = {"name": row["author_name"], "email": row["author_email"]}
    return {
        "id": str(row["id"]),
        "environment": row["environment"],
        "resource": {"type": row["resource_type"], "identifier": row["resource_key"]},
        "author": author,
        "commit_author": author,
        "commit_message": row["commit_message"],
        "created_at": iso(row["inserted_at"]),
        "updated_at": iso(row["promoted_at"] or row["inserted_at"]),
    }
