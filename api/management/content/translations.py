"""Translations: list, get, upsert, validate.

They are named by locale, namespace and tenant, so their paths are not those of other kinds.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, ServiceToken
from api.kit.lists import filter_parameters, read_filters
from api.kit.pagination import BY_ID
from api.kit.parameters import ERROR_RESPONSES, Param, choice, takes
from api.kit.query_strings import Query, QueryDep
from api.kit.shapes import LeftOut, Moment, Out, PlainEntriesOut, answer, read_body
from api.kit.strings import known_id, new_id_of
from api.management.content.resource import READ_HELP, WRITE_HELP
from api.management.requests import (
    PAGE_HELP,
    SCOPE_HELP,
    read_limit,
    read_note,
    read_scope,
)
from domain.content.gettext import write_po
from domain.content.translation import (
    TRANSLATION,
    Translation,
    TranslationFilters,
    TranslationKey,
    TranslationShape,
)
from domain.kit.shapes import DocumentedAs, Shape
from services.content import drafts
from services.content.drafts import ContentView

router = APIRouter(prefix="/v1/translations", tags=["Translations"], responses=ERROR_RESPONSES)

_FORMATS = ("json", "po")
_NAMED: dict[str, str | Param] = {
    "namespace": "Empty, or left out, for texts without one.",
    "tenant": "Whose texts they are; left out for everybody's.",
}
_FORMAT_HELP: dict[str, str | Param] = {
    "format": choice("How the texts are answered, by default json.", _FORMATS)
}


class TranslationOut(Out):
    """A translation."""

    locale_code: str
    namespace: str
    tenant: LeftOut[str] = None
    content: str
    format: Literal["json", "po"]
    inserted_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, view: ContentView[Translation], wanted: str | None) -> Self:
        """Write a translation, in the format that it has unless another one is wanted."""
        key, stored = TranslationKey.read(view.key), view.content
        shown = "po" if (wanted or stored.get("format")) == "po" else "json"
        content = stored.get("content")
        if shown != stored.get("format"):
            texts = view.document.texts
            content = (
                write_po(texts, key.locale)
                if shown == "po"
                else json.dumps(texts, ensure_ascii=False, indent=2)
            )
        return cls(
            locale_code=key.locale,
            namespace=key.namespace,
            tenant=key.tenant or None,
            content=str(content),
            format="po" if shown == "po" else "json",
            inserted_at=view.created_at,
            updated_at=view.updated_at,
        )


class TranslationBody(Shape):
    """A translation under its name."""

    translation: Annotated[Any, DocumentedAs(TranslationShape)]


class TranslationBodyOut(Out):
    """The translation under its name."""

    translation: TranslationOut


class TranslationTwiceOut(TranslationOut):
    """A translation as it is read: Knock's documents wrap it, and Knock's CLI reads it bare."""

    translation: TranslationOut = Field(description="The same once more.")


@router.get(
    "",
    response_model=PlainEntriesOut[TranslationOut],
    openapi_extra=takes(
        query={
            **READ_HELP,
            **_FORMAT_HELP,
            **filter_parameters(TranslationFilters, PAGE_HELP),
        }
    ),
)
async def list_translations(
    _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """List translations by locale."""
    page = await drafts.list_content(
        engine,
        await read_scope(engine, query),
        TRANSLATION,
        read_limit(query, BY_ID),
        hide_uncommitted_changes=query.boolean("hide_uncommitted_changes") or False,
        filters=read_filters(query, TranslationFilters),
    )
    wanted = query.choice("format", _FORMATS) or "json"
    entries = [TranslationOut.of(view, wanted) for view in page.rows]
    return answer(PlainEntriesOut[TranslationOut].of(page, entries))


@router.get(
    "/{locale_code}",
    response_model=TranslationTwiceOut,
    openapi_extra=takes(query={**READ_HELP, **_NAMED, **_FORMAT_HELP}),
)
async def get_translation(
    locale_code: str, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Get one translation."""
    view = await drafts.get_content(
        engine,
        await read_scope(engine, query),
        TRANSLATION,
        known_id(str(_key(known_id(locale_code), query))),
        hide_uncommitted_changes=query.boolean("hide_uncommitted_changes") or False,
    )
    shown = TranslationOut.of(view, query.choice("format", _FORMATS) or "json")
    return answer(TranslationTwiceOut(**shown.model_dump(), translation=shown))


@router.put(
    "/{locale_code}",
    response_model=TranslationBodyOut,
    openapi_extra=takes(TranslationBody, query={**WRITE_HELP, **_NAMED, **_FORMAT_HELP}),
)
async def upsert_translation(
    locale_code: str, request: Request, token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Create or replace one translation; with `commit` publish it too."""
    body = await read_body(request, TranslationBody)
    view = await drafts.upsert_content(
        engine,
        await read_scope(engine, query),
        TRANSLATION,
        new_id_of(str(_key(locale_code, query)), field="locale_code"),
        body.translation,
        commit=read_note(query, token) if query.boolean("commit") else None,
        force=query.boolean("force") or False,
    )
    shown = TranslationOut.of(view, query.choice("format", _FORMATS))
    return answer(TranslationBodyOut(translation=shown))


@router.put(
    "/{locale_code}/validate",
    response_model=TranslationBodyOut,
    openapi_extra=takes(TranslationBody, query={**SCOPE_HELP, **_NAMED}),
)
async def validate_translation(
    locale_code: str, request: Request, _token: ServiceToken, engine: EngineDep, query: QueryDep
) -> JSONResponse:
    """Judge one translation without saving it."""
    body = await read_body(request, TranslationBody)
    view = await drafts.validate_content(
        engine,
        await read_scope(engine, query),
        TRANSLATION,
        new_id_of(str(_key(locale_code, query)), field="locale_code"),
        body.translation,
    )
    return answer(TranslationBodyOut(translation=TranslationOut.of(view, None)))


def _key(locale: str, query: Query) -> TranslationKey:
    return TranslationKey(locale, query.text("namespace") or "", query.text("tenant") or "")
