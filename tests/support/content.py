"""Content as the product stores it: checked, normalised and committed by its own use cases."""

from __future__ import annotations

from domain.kit.json_types import JsonObject, JsonValue
from services.account.environments import find_environment
from services.content.drafts import EMAIL_LAYOUT, Author, CommitNote, publish_draft, save_draft
from services.content.workflows import SaveOptions, WorkflowView, upsert_workflow
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
) -> WorkflowView:
    """Save a workflow as the Management API does, and commit it when there is a note.

    Raises:
        InvalidParams: the product would not store it.
    """
    async with engine.unit() as unit:
        environment = await find_environment(unit.connection, slug)
        options = SaveOptions(commit, force)
        return await upsert_workflow(
            unit.connection, environment, key, document, options=options, now=unit.now
        )


async def commit_layout(engine: Engine, slug: str, key: str, document: JsonObject) -> None:
    """Save an e-mail layout and commit it, as the seed does."""
    async with engine.unit() as unit:
        environment = await find_environment(unit.connection, slug)
        draft = await save_draft(
            unit.connection,
            environment["id"],
            EMAIL_LAYOUT,
            key,
            content=document,
            now=unit.now,
        )
        await publish_draft(unit.connection, environment, draft, note=note(), now=unit.now)
