"""The content that a fresh stack needs: made where it is missing, and never made again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from domain.content.kind import KindOfContent
from domain.content.rows import CommitNote, Selection
from domain.kit.authored import ResourceType
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from models.queries.content import commits as commit_queries
from models.queries.content import drafts as queries
from services.content.drafts import save_content
from services.content.publishing import publish_copy
from services.engine import Unit


async def ensure_content(
    unit: Unit,
    environment: EnvironmentScope,
    kind: KindOfContent[Any],
    key: str,
    document: JsonObject,
    *,
    note: CommitNote,
) -> None:
    """Save and commit a document, unless the environment has one of its kind and key."""
    if not await queries.get_published(unit.connection, environment.id, kind.name, key):
        await save_content(unit, environment, kind, key, document, commit=note)


async def ensure_promoted(
    unit: Unit,
    source: EnvironmentScope,
    target: EnvironmentScope,
    places: Iterable[tuple[ResourceType, str]],
    *,
    note: CommitNote,
) -> None:
    """Copy what was committed with a note and the target does not have; what users did waits.

    Args:
        unit: see `Unit`.
        source: where it was committed.
        target: where it is copied to.
        places: kinds and keys.
        note: whose commits are copied.
    """
    for resource_type, key in places:
        if await queries.get_published(unit.connection, target.id, resource_type, key):
            continue
        commits = await commit_queries.list_promotable(
            unit.connection, source.id, Selection([resource_type], key)
        )
        for commit in commits:
            if commit.author_email == note.author.email:
                await publish_copy(unit, target, commit, note.author)
