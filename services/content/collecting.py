"""Collects the texts of `t` tags when workflows are committed, so that they can be translated.

They become a translation of the default locale in the namespace `system`, in which each text is its
own translation. Source: Knock docs, "Translations" ("Using the t tag").
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from domain.content.rows import MAX_COMMIT_MESSAGE, Author, CommitNote, Resource
from domain.content.translation import (
    COLLECTED,
    TRANSLATION,
    TranslationFormat,
    TranslationKey,
)
from domain.content.workflow import WORKFLOW
from domain.kit.errors import NotFound
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
    changed what stands here. Whoever has archived the translation is not troubled again. The
    caller holds the lock of `lock_publication`.
    """
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
    key = str(TranslationKey(locale, COLLECTED))
    connection = unit.connection
    saved = await queries.get_resource(connection, environment.id, TRANSLATION.name, key)
    published = await _published(unit, saved)
    new: JsonObject = {text: text for text in found if text not in published}
    if not new:
        return
    note = CommitNote(_AUTHOR, f"Texts of {', '.join(workflows)}"[:MAX_COMMIT_MESSAGE])
    content = _written({**published, **new})
    try:
        await publish_content(unit, environment, TRANSLATION.name, key, content, note=note)
        if saved is not None and saved.draft_sha != saved.published_sha:
            texts = {**new, **TRANSLATION.read(saved.draft, key).texts}
            await save_draft(unit, environment, TRANSLATION.name, key, _written(texts))
    except NotFound:  # it is archived
        return


async def _published(unit: Unit, saved: Resource | None) -> JsonObject:
    """Return the texts that are published; none before the first time."""
    if saved is None or saved.published_version_id is None:
        return {}
    versions = await queries.get_versions(unit.connection, [saved.published_version_id])
    return TRANSLATION.read(versions[saved.published_version_id].content, saved.key).texts


def _written(texts: JsonObject) -> JsonObject:
    text = json.dumps(texts, ensure_ascii=False, indent=2)
    return {"content": text, "format": TranslationFormat.JSON.value}
