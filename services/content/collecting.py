"""Collects the texts of `t` tags when workflows are committed, so that they can be translated.

They become a translation of the default locale in the namespace `system`, in which each text is its
own translation. Texts of a branch are collected when it is merged: every branch would write the
same translation otherwise, and their merges would conflict in it. Source: Knock docs,
"Translations" ("Using the t tag").
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from domain.content.gettext import write_po
from domain.content.rows import MAX_COMMIT_MESSAGE, Author, CommitNote, Resource
from domain.content.translation import (
    COLLECTED,
    TRANSLATION,
    TranslationFormat,
    TranslationKey,
)
from domain.content.workflow import WORKFLOW
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.workflows import WorkflowDefinition
from models.queries.content import drafts as queries
from services.content.publishing import publish_content, save_draft
from services.engine import Unit
from templating.liquid.environment import texts_in

_AUTHOR = Author("Translations", "translations@carillon.invalid")


async def collect_texts(
    unit: Unit, environment: EnvironmentScope, committed: Iterable[WorkflowDefinition]
) -> None:
    """Add the texts of workflows that were just committed to those that can be translated.

    Texts are only ever added: another workflow may have the same, and who translates them may have
    changed what stands here. Whoever has archived the translation is not troubled again; on a
    branch nothing is collected. The caller holds the lock of `lock_publication`.
    """
    if environment.branch_id is not None:
        return
    found: dict[str, None] = {}
    workflows: dict[str, None] = {}
    for definition in committed:
        for template in WORKFLOW.templates(definition):
            for text in texts_in(template.source):
                found.setdefault(text)
                workflows.setdefault(definition.key)
    if not found:
        return
    locale = unit.engine.settings.default_locale
    key = TranslationKey(locale, COLLECTED)
    place = (TRANSLATION.name, str(key))
    saved = await queries.get_resource(unit.connection, environment.content_id, *place)
    before = await _published(unit, saved)
    published = TRANSLATION.read(before, str(key)).texts
    new: JsonObject = {text: text for text in found if text not in published}
    if not new:
        return
    home = environment.content_id
    if saved is None and await queries.get_published(unit.connection, home, *place):
        return  # it is archived
    note = CommitNote(_AUTHOR, f"Texts of {', '.join(workflows)}"[:MAX_COMMIT_MESSAGE])
    content = _written({**published, **new}, key, like=before)
    await publish_content(unit, environment, *place, content, note=note)
    if saved is not None and saved.draft_sha != saved.published_sha:
        texts = {**new, **TRANSLATION.read(saved.draft, str(key)).texts}
        await save_draft(unit, environment, *place, _written(texts, key, like=saved.draft))


async def _published(unit: Unit, saved: Resource | None) -> JsonObject:
    """Return what is published; nothing before the first time."""
    if saved is None or saved.published_version_id is None:
        return {}
    versions = await queries.get_versions(unit.connection, [saved.published_version_id])
    return versions[saved.published_version_id].content


def _written(texts: JsonObject, key: TranslationKey, *, like: JsonObject) -> JsonObject:
    """Return texts as they are stored, in the format of what was stored before."""
    if like.get("format") == TranslationFormat.PO:
        content = write_po(texts, key.locale)
        return {"content": content, "format": TranslationFormat.PO.value}
    text = json.dumps(texts, ensure_ascii=False, indent=2)
    return {"content": text, "format": TranslationFormat.JSON.value}
