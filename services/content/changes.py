"""What a commit or a promotion would change, what a commit has changed, and taking one back."""

from __future__ import annotations

from dataclasses import replace

from domain.content.changes import ChangedContent
from domain.content.kinds import KINDS
from domain.content.rows import MAX_COMMIT_MESSAGE, Commit, CommitNote, Selection
from domain.kit.errors import NotFound, Unprocessable
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from models.queries.content import changes as queries
from models.queries.content import commits as commit_queries
from models.queries.content import drafts as content_queries
from runtime.database import Connection
from services.account.environments import find_environment
from services.content.branches import hold_content
from services.content.commits import environment_before, find_commit, refuse_broken
from services.content.publishing import publish_content
from services.engine import Engine

_NOT_REVERTIBLE = "commit_not_revertible"


async def pending_changes(
    engine: Engine, environment: EnvironmentScope, selection: Selection, request: PageRequest
) -> Page[ChangedContent]:
    """Return a page of what a commit would publish, beside what is published, by type and key."""
    async with engine.connection() as connection:
        page = await queries.list_pending(connection, environment.content_id, selection, request)
    return _comparable(page)


async def promotable_changes(
    engine: Engine, to_environment: str, selection: Selection, request: PageRequest
) -> Page[ChangedContent]:
    """Return a page of what a promotion would publish, beside what is published in the target.

    Raises:
        NotFound: there is no such environment.
        InvalidParams: nothing is promoted to it.
    """
    async with engine.connection() as connection:
        target = await find_environment(connection, to_environment)
        source = await environment_before(connection, target)
        page = await queries.list_unpromoted(connection, source.id, target.id, selection, request)
    return _comparable(page)


async def mergeable_changes(
    engine: Engine, environment: EnvironmentScope, selection: Selection, request: PageRequest
) -> Page[ChangedContent]:
    """Return a page of what merging a branch would publish, beside what development has."""
    async with engine.connection() as connection:
        page = await queries.list_unpromoted(
            connection, environment.content_id, environment.id, selection, request
        )
    return _comparable(page)


async def commit_changes(engine: Engine, commit_id: str) -> ChangedContent:
    """Return what a commit published, beside what was there before it. Raises NotFound."""
    async with engine.connection() as connection:
        commit = await find_commit(connection, commit_id)
        return _shown(await _beside(connection, commit))


async def revert_commit(engine: Engine, commit_id: str, note: CommitNote) -> Commit:
    """Publish what was there before a commit, by a commit of its own, in the same environment.

    Uncommitted changes are dropped with it, or what was taken back would come again with the next
    commit. Other environments stay as they are (Knock docs: "Commits", "Reverting commits").

    Raises:
        NotFound: there is no such commit, or its resource is archived.
        Unprocessable: `commit_not_revertible`, a later commit has changed the resource, nothing was
            there before, or it was promoted from another environment, where it is to be reverted.
        InvalidParams: what was there before refers to what is not there any more.
    """
    async with engine.unit() as unit:
        commit = await find_commit(unit.connection, commit_id)
        environment = commit.scope
        await hold_content(unit.connection, environment)
        place = (commit.resource_type, commit.resource_key)
        home = commit.environment_id
        resource = await content_queries.get_resource(unit.connection, home, *place)
        if resource is None:
            raise NotFound(f"The {commit.resource_type} is archived.")
        if resource.published_version_id != commit.version_id:
            raise Unprocessable(
                "A later commit has changed the same resource: revert that one first.",
                code=_NOT_REVERTIBLE,
            )
        await _refuse_promoted(unit.connection, commit)
        beside = await _beside(unit.connection, commit)
        if beside.before is None:
            raise Unprocessable("There is no earlier version to revert to.", code=_NOT_REVERTIBLE)
        if note.message is None:
            note = replace(note, message=_told(commit))
        made = await publish_content(
            unit, environment, *place, beside.before, note=note, drops_draft=True
        )
        before = {place: commit.version_id}
        await refuse_broken(unit, environment, [(made, beside.before)], before, is_single=True)
    return made


async def _refuse_promoted(connection: Connection, commit: Commit) -> None:
    """Refuse a copy from another environment; one that came from a branch is at home."""
    if commit.source_commit_id is None:
        return
    source = await commit_queries.get_commit(connection, commit.source_commit_id)
    if source is not None and source.main_id != commit.main_id:
        raise Unprocessable(
            f"It was promoted from {source.environment}: revert it there, then promote the revert.",
            code=_NOT_REVERTIBLE,
        )


def _told(commit: Commit) -> str:
    return f"Revert {commit.commit_message or commit.id}"[:MAX_COMMIT_MESSAGE]


async def _beside(connection: Connection, commit: Commit) -> ChangedContent:
    found = await queries.get_commit_beside(connection, commit.id)
    if found is None:
        raise NotFound(f"The commit {commit.id} does not exist.")
    return found


def _comparable(page: Page[ChangedContent]) -> Page[ChangedContent]:
    return page.of(map(_shown, page.rows))


def _shown(row: ChangedContent) -> ChangedContent:
    """Return both states as their kind compares them."""
    kind = KINDS.get(row.resource_type)
    if kind is None:
        return row

    def compared(content: JsonObject) -> JsonObject:
        return kind.comparable(content, row.key)

    before = None if row.before is None else compared(row.before)
    return replace(row, before=before, after=compared(row.after))
