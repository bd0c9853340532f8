"""Versioned content of every kind: save a draft, publish it, copy it to another environment.

A version never changes. Publishing writes the version, the commit and the pointer to it in one
transaction, under a lock that makes other commits of the environment wait.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from domain.content.audience import AUDIENCE
from domain.content.kinds import KINDS, home_of
from domain.content.rows import Author, Commit, CommitNote, PromotableCommit, Resource, Version
from domain.kit.errors import NotFound
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.kit.stored import content_sha
from models.queries.content import commits as commit_queries
from models.queries.content import drafts as queries
from models.queries.content.branches import note_updated
from runtime.database import Connection
from services.content.telling import tell_committed
from services.engine import Unit


async def save_draft(
    unit: Unit, environment: EnvironmentScope, resource_type: str, key: str, content: JsonObject
) -> Resource:
    """Write what is being edited; nothing runs on it before a commit.

    Raises NotFound: it is archived, be it in development only, where it could never be merged.
    """
    home = home_of(environment, resource_type)
    if home != environment.id:
        await refuse_archived(unit.connection, environment, resource_type, key)
    resource = await queries.save_draft(
        unit.connection,
        home,
        resource_type,
        key,
        content=content,
        sha=content_sha(content),
        starts_active=KINDS[resource_type].starts_active,
        now=unit.now,
    )
    return _existing(resource, resource_type, key)


async def refuse_archived(
    connection: Connection, environment: EnvironmentScope, resource_type: str, key: str
) -> None:
    """Raise NotFound where a key is taken for good, here or in what a branch is merged into."""
    for home in {home_of(environment, resource_type), environment.id}:
        if await queries.is_archived(connection, home, resource_type, key):
            raise _archived(resource_type, key)


async def publish_draft(
    unit: Unit, environment: EnvironmentScope, resource: Resource, note: CommitNote
) -> Commit | None:
    """Make the draft the published version; None when it is already and no empty one is allowed.

    The caller holds the locks of `lock_publication` and of the resource.
    """
    is_empty = resource.draft_sha == resource.published_sha
    if is_empty and not note.allow_empty:
        return None
    commit = _new_commit(unit, environment, resource.resource_type, resource.key, note)
    commit = replace(commit, is_empty=is_empty)
    await _publish(unit, commit, resource.draft, resource.draft_sha)
    return commit


async def publish_copy(
    unit: Unit, environment: EnvironmentScope, source: PromotableCommit, author: Author
) -> Commit:
    """Publish in `environment` what a commit published in the one before it."""
    note = CommitNote(author, source.commit_message)
    commit = _new_commit(unit, environment, source.resource_type, source.resource_key, note)
    commit = replace(commit, is_empty=source.is_empty, source_commit_id=source.id)
    await _publish(unit, commit, source.content, source.sha)
    await commit_queries.mark_promoted(unit.connection, source, unit.now)
    return commit


async def publish_content(
    unit: Unit,
    environment: EnvironmentScope,
    resource_type: str,
    key: str,
    content: JsonObject,
    *,
    note: CommitNote,
    drops_draft: bool = False,
) -> Commit:
    """Publish content that need not be the draft.

    The caller holds the lock of `lock_publication`. A draft that has changes of its own keeps them,
    unless it `drops_draft`. Raises NotFound: the resource is archived.
    """
    commit = _new_commit(unit, environment, resource_type, key, note)
    await _publish(unit, commit, content, content_sha(content), drops_draft=drops_draft)
    return commit


async def publish_at_once(unit: Unit, resource: Resource) -> Resource:
    """Make a draft the published version without a commit, so that nothing of it is promoted.

    The caller holds the locks of `lock_publication` and of the resource.
    """
    if resource.draft_sha == resource.published_sha:
        return resource
    version = Version(new_id(), resource.draft, resource.draft_sha, unit.now)
    place = (resource.environment_id, resource.resource_type, resource.key)
    await queries.insert_version(unit.connection, *place, version)
    starts_active = KINDS[resource.resource_type].starts_active
    published = await queries.publish(unit.connection, *place, version, starts_active=starts_active)
    return _existing(published, resource.resource_type, resource.key)


def _new_commit(
    unit: Unit, environment: EnvironmentScope, resource_type: str, key: str, note: CommitNote
) -> Commit:
    return Commit(
        id=new_id(),
        environment_id=home_of(environment, resource_type),
        environment=environment.slug,
        branch=environment.branch,
        main_id=environment.id,
        resource_type=resource_type,
        resource_key=key,
        version_id=new_id(),
        commit_message=note.message,
        author_name=note.author.name,
        author_email=note.author.email,
        is_empty=False,
        source_commit_id=None,
        inserted_at=unit.now,
        promoted_at=None,
    )


async def _publish(
    unit: Unit, commit: Commit, content: JsonObject, sha: str, *, drops_draft: bool = False
) -> None:
    place = (commit.environment_id, commit.resource_type, commit.resource_key)
    version = Version(commit.version_id, content, sha, commit.inserted_at)
    before = await queries.get_published(unit.connection, *place)
    await queries.insert_version(unit.connection, *place, version)
    starts_active = KINDS[commit.resource_type].starts_active
    resource = await queries.publish(
        unit.connection, *place, version, starts_active=starts_active, drops_draft=drops_draft
    )
    published = _existing(resource, commit.resource_type, commit.resource_key)
    replaced = None if before is None else before.version_id
    await commit_queries.insert_commit(unit.connection, commit, replaced)
    if commit.branch is not None:
        branch_id = commit.environment_id
        await note_updated(unit.connection, commit.main_id, branch_id, unit.now)
    await tell_committed(unit, commit, published, version)
    if commit.resource_type == AUDIENCE.name:
        if not unit.new_audiences:  # all of them are built in one go, which has an end
            unit.after(partial(unit.engine.build_audiences, unit.engine, unit.new_audiences))
        unit.new_audiences.append((commit.main_id, commit.resource_key))


def _existing(resource: Resource | None, resource_type: str, key: str) -> Resource:
    if resource is None:
        raise _archived(resource_type, key)
    return resource


def _archived(resource_type: str, key: str) -> NotFound:
    return NotFound(f"The {resource_type} {key[:255]!r} is archived.")
