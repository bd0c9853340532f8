"""Content as the product stores it: checked, normalised and committed by its own use cases."""

from __future__ import annotations

from typing import Any

from domain.content.kind import KindOfContent
from domain.content.rows import Author, CommitNote
from domain.kit.json_types import JsonValue
from services.account.environments import get_scope
from services.content.drafts import ContentView, upsert_content
from services.engine import Engine

AUTHOR = Author("Ellie", "ellie@example.com")


def note(message: str | None = None, *, allow_empty: bool = False) -> CommitNote:
    """Return what a commit of a test says."""
    return CommitNote(AUTHOR, message, allow_empty)


async def save_content(
    engine: Engine,
    slug: str,
    kind: KindOfContent[Any],
    key: str,
    document: JsonValue,
    *,
    commit: CommitNote | None = None,
    force: bool = False,
) -> ContentView[Any]:
    """Save content in an environment as the Management API does, and commit it with a note.

    Raises:
        InvalidParams: the product would not store it.
    """
    scope = await get_scope(engine, slug)
    return await upsert_content(engine, scope, kind, key, document, commit=commit, force=force)
