"""Content as the product stores it: checked, normalised and committed by its own use cases."""

from __future__ import annotations

from domain.content.email_layout import EMAIL_LAYOUT
from domain.content.rows import Author, CommitNote
from domain.content.workflow import WORKFLOW
from domain.kit.json_types import JsonObject, JsonValue
from domain.workflows import WorkflowDefinition
from services.account.environments import get_scope
from services.content.drafts import ContentView, upsert_content
from services.engine import Engine

AUTHOR = Author("Ellie", "ellie@example.com")


def note(message: str | None = None, *, allow_empty: bool = False) -> CommitNote:
    """Return what a commit of a test says."""
    return CommitNote(AUTHOR, message, allow_empty)


async def save_workflow(
    engine: Engine,
    slug: str,
    key: str,
    document: JsonValue,
    *,
    commit: CommitNote | None = None,
    force: bool = False,
) -> ContentView[WorkflowDefinition]:
    """Save a workflow as the Management API does, and commit it when there is a note.

    Raises:
        InvalidParams: the product would not store it.
    """
    scope = await get_scope(engine, slug)
    return await upsert_content(engine, scope, WORKFLOW, key, document, commit=commit, force=force)


async def commit_layout(engine: Engine, slug: str, key: str, document: JsonObject) -> None:
    """Save an e-mail layout and commit it, as the seed does."""
    scope = await get_scope(engine, slug)
    await upsert_content(engine, scope, EMAIL_LAYOUT, key, document, commit=note(), force=True)
