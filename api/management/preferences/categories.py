"""Preference categories: list, upsert, delete."""

from __future__ import annotations

from typing import Self

from fastapi import APIRouter, Response
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.parameters import ERROR_RESPONSES
from api.kit.shapes import answer
from api.kit.strings import known_id, new_id_of
from domain.kit.answers import Moment, Out
from domain.preferences.rows import PreferenceCategory
from services.preferences import categories

router = APIRouter(
    prefix="/v1/preference_categories", tags=["Preferences"], responses=ERROR_RESPONSES
)


class PreferenceCategoryOut(Out):
    """A category of the account's catalog."""

    name: str
    created_at: Moment
    updated_at: Moment
    archived_at: Moment | None

    @classmethod
    def of(cls, category: PreferenceCategory) -> Self:
        """Write a category."""
        return cls(
            name=category.name,
            created_at=category.inserted_at,
            updated_at=category.updated_at,
            archived_at=category.archived_at,
        )


class PreferenceCategoryBodyOut(Out):
    """The category as it is now."""

    preference_category: PreferenceCategoryOut


class PreferenceCategoriesOut(Out):
    """All categories that are not archived."""

    entries: list[PreferenceCategoryOut]


@router.get("", response_model=PreferenceCategoriesOut)
async def list_preference_categories(_token: ServiceToken, engine: EngineDep) -> JSONResponse:
    """List preference categories by name."""
    found = await categories.list_categories(engine)
    return answer(PreferenceCategoriesOut(entries=[PreferenceCategoryOut.of(one) for one in found]))


@router.put("/{name}", response_model=PreferenceCategoryBodyOut)
async def upsert_preference_category(
    name: str, _token: ServiceToken, engine: EngineDep
) -> JSONResponse:
    """Create a preference category, or return the existing one."""
    category = await categories.put_category(engine, new_id_of(name, field="name"))
    return answer(PreferenceCategoryBodyOut(preference_category=PreferenceCategoryOut.of(category)))


@router.delete("/{name}", status_code=204)
async def delete_preference_category(
    name: str, _token: ServiceToken, engine: EngineDep
) -> Response:
    """Archive a preference category; workflows and preferences that name it keep it."""
    await categories.archive_category(engine, known_id(name))
    return Response(status_code=204)
