"""Environments: list, get."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.kit.auth import EngineDep, ServiceToken
from api.kit.pagination import BY_POSITION, page_body
from api.kit.parameters import ERROR_RESPONSES, takes
from api.kit.query_strings import QueryDep
from api.kit.strings import known_id
from api.management.channels.schemas import EnvironmentOut, EnvironmentPageOut
from api.management.requests import PAGE_HELP, read_limit
from domain.kit.clock import iso
from domain.kit.json_types import JsonObject
from services.account.environments import find_environment, list_environments

router = APIRouter(prefix="/v1/environments", tags=["Environments"], responses=ERROR_RESPONSES)


@router.get(
    "", responses={200: {"model": EnvironmentPageOut}}, openapi_extra=takes(query=PAGE_HELP)
)
async def index(_token: ServiceToken, engine: EngineDep, query: QueryDep) -> JsonObject:
    """List environments in the order of promotion."""
    async with engine.database.transaction() as connection:
        page = await list_environments(connection, read_limit(query, BY_POSITION))
    return page_body(page, [_render(row) for row in page.rows], typename=False)


@router.get("/{slug}", responses={200: {"model": EnvironmentOut}})
async def show(slug: str, _token: ServiceToken, engine: EngineDep) -> JsonObject:
    """Get one environment."""
    async with engine.database.transaction() as connection:
        return _render(await find_environment(connection, known_id(slug)))


def _render(row: Any) -> JsonObject:
    return {
        "slug": row["slug"],
        "name": row["name"],
        "order": row["position"],
        "owner": "system",
        "hide_pii_data": False,
        "label_color": None,
        "last_commit_at": iso(row["last_commit_at"]),
        "created_at": iso(row["inserted_at"]),
        "updated_at": iso(row["updated_at"]),
        "deleted_at": None,
    }
