"""Translations: list, get, upsert, validate.

They are named by locale, namespace and tenant, so their paths are not those of other kinds.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse

from api.kit.answers import PlainEntriesOut
from api.kit.auth import EngineDep, ServiceToken
from api.kit.lists import filter_parameters, read_list
from api.kit.pagination import BY_ID
from api.kit.parameters import ERROR_RESPONSES, Param, choice, takes
from api.kit.query_strings import Query, QueryDep
from api.kit.shapes import answer, read_body
from api.kit.strings import known_id, new_id_of
from api.management.content.resource import READ_HELP, WRITE_HELP
from api.management.requests import (
    PAGE_HELP,
    SCOPE_HELP,
    read_commit,
    read_limit,
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
from domain.kit.answers import LeftOut, Moment, Out
from domain.kit.shapes import DocumentedAs, Shape
from domain.kit.violations import Violations
from services.content import drafts
from services.content.drafts import ContentView

router = APIRouter(prefix="/v1/translations", tags=["Translations"], responses=ERROR_RESPONSES)

_FORMATS = ("json", "po")
_NAMED: dict[str, str | Param] = {
    "namespace": "Empty or left out for texts without a namespace.",
    "tenant": "The tenant of the texts; left out for general texts.",
}
_FORMAT_HELP: dict[str, str | Param] = {
    "format": choice("Format of the returned texts. Default: json.", _FORMATS)
}


class TranslationOut(Out):
    """A translation."""

    locale_code: str
    namespace: str
    tenant: LeftOut[str] = None
    content: str
    format: Literal["json", "po"]
    inserted_at: Moment
    created_at: Moment = Field(description="The same as `inserted_at`, as Knock's CLI reads it.")
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
            created_at=view.created_at,
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

    translation: TranslationOut = Field(description="The same again.")


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
    violations = Violations()
    asked = violations.read(read_list, query, TranslationFilters, BY_ID, page=read_limit)
    hide = violations.read(query.boolean, "hide_uncommitted_changes") or False
    wanted = violations.read(query.choice, "format", _FORMATS) or "json"
    violations.raise_any()
    filters, page_request = asked
    page = await drafts.list_content(
        engine,
        await read_scope(engine, query),
        TRANSLATION,
        page_request,
        hide_uncommitted_changes=hide,
        filters=filters,
    )
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
    violations = Violations()
    key = violations.read(_key, known_id(locale_code), query)
    hide = violations.read(query.boolean, "hide_uncommitted_changes") or False
    wanted = violations.read(query.choice, "format", _FORMATS) or "json"
    violations.raise_any()
    view = await drafts.get_content(
        engine,
        await read_scope(engine, query),
        TRANSLATION,
        known_id(str(key)),
        hide_uncommitted_changes=hide,
    )
    shown = TranslationOut.of(view, wanted)
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
    violations = Violations()
    new_key = violations.read(_new_key, locale_code, query)
    note = violations.read(read_commit, query, token)
    force = violations.read(query.boolean, "force") or False
    wanted = violations.read(query.choice, "format", _FORMATS)
    body = await violations.wait_for(read_body(request, TranslationBody))
    violations.raise_any()
    view = await drafts.upsert_content(
        engine,
        await read_scope(engine, query),
        TRANSLATION,
        new_key,
        body.translation,
        commit=note,
        force=force,
    )
    shown = TranslationOut.of(view, wanted)
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
    violations = Violations()
    new_key = violations.read(_new_key, locale_code, query)
    body = await violations.wait_for(read_body(request, TranslationBody))
    violations.raise_any()
    view = await drafts.validate_content(
        engine, await read_scope(engine, query), TRANSLATION, new_key, body.translation
    )
    return answer(TranslationBodyOut(translation=TranslationOut.of(view, None)))


def _key(locale: str, query: Query) -> TranslationKey:
    violations = Violations()
    namespace = violations.read(query.text, "namespace") or ""
    tenant = violations.read(query.text, "tenant") or ""
    violations.raise_any()
    return TranslationKey(locale, namespace, tenant)


def _new_key(locale: str, query: Query) -> str:
    return new_id_of(str(_key(locale, query)), field="locale_code")
