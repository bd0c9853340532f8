"""Versioned content of every type: save a draft, publish it, copy it to another environment.

A version never changes. Publishing writes the version, the commit and the pointer to it in one
transaction, under a lock that makes other commits of the environment wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kit.errors import InvalidParams, NotFound
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.principals import ServicePrincipal
from domain.workflows import content_sha
from models.queries.account.environments import EnvironmentRow
from models.queries.content import commits as commit_queries
from models.queries.content import drafts as queries
from models.queries.content.commits import CommitRow, PromotableCommit
from models.queries.content.drafts import Resource
from runtime.database import Connection

WORKFLOW = "workflow"
EMAIL_LAYOUT = "email_layout"
MAX_COMMIT_MESSAGE = 4096


@dataclass(frozen=True, slots=True)
class Author:
    """Who commits; a service token has no mailbox, so its address is one that cannot exist."""

    name: str
    email: str

    @classmethod
    def of(cls, principal: ServicePrincipal) -> Author:
        """Name the holder of a service token."""
        return cls(principal.name, f"{principal.token_id}@service-token.invalid")


@dataclass(frozen=True, slots=True)
class CommitNote:
    """What a commit says about itself; `allow_empty` commits even when nothing changed."""

    author: Author
    message: str | None = None
    allow_empty: bool = False

    def __post_init__(self) -> None:
        """Refuse a message as long as a document."""
        if self.message is not None and len(self.message) > MAX_COMMIT_MESSAGE:
            raise InvalidParams.of(
                "commit_message", f"must be at most {MAX_COMMIT_MESSAGE} characters"
            )


async def save_draft(
    connection: Connection,
    environment_id: UUID,
    resource_type: str,
    key: str,
    *,
    content: JsonObject,
    now: datetime,
) -> Resource:
    """Write what is being edited; nothing runs on it before a commit. Raises NotFound."""
    resource = await queries.save_draft(
        connection,
        environment_id,
        resource_type,
        key,
        content=content,
        sha=content_sha(content),
        now=now,
    )
    return _existing(resource, resource_type, key)


async def publish_draft(
    connection: Connection,
    environment: EnvironmentRow,
    resource: Resource,
    *,
    note: CommitNote,
    now: datetime,
) -> CommitRow | None:
    """Make the draft the published version; None when it is already and no empty one is allowed.

    The caller holds the locks of `lock_publication` and of the resource.
    """
    is_empty = resource["draft_sha"] == resource["published_sha"]
    if is_empty and not note.allow_empty:
        return None
    commit = _new_commit(
        environment, resource["resource_type"], resource["key"], note=note, now=now
    )
    commit["is_empty"] = is_empty
    await _publish(connection, commit, content=resource["draft"], sha=resource["draft_sha"])
    return commit


async def publish_copy(
    connection: Connection,
    environment: EnvironmentRow,
    source: PromotableCommit,
    *,
    author: Author,
    now: datetime,
) -> CommitRow:
    """Publish in `environment` what a commit published in the one before it."""
    note = CommitNote(author, source["commit_message"])
    commit = _new_commit(
        environment, source["resource_type"], source["resource_key"], note=note, now=now
    )
    commit["is_empty"] = source["is_empty"]
    commit["source_commit_id"] = source["id"]
    await _publish(connection, commit, content=source["content"], sha=source["sha"])
    await commit_queries.mark_promoted(connection, source, now)
    return commit


def _new_commit(
    environment: EnvironmentRow,
    resource_type: str,
    key: str,
    *,
    note: CommitNote,
    now: datetime,
) -> CommitRow:
    return CommitRow(
        id=new_id(),
        environment_id=environment["id"],
        environment=environment["slug"],
        resource_type=resource_type,
        resource_key=key,
        version_id=new_id(),
        commit_message=note.message,
        author_name=note.author.name,
        author_email=note.author.email,
        is_empty=False,
        source_commit_id=None,
        inserted_at=now,
        promoted_at=None,
    )


async def _publish(
    connection: Connection, commit: CommitRow, *, content: JsonObject, sha: str
) -> None:
    place = (commit["environment_id"], commit["resource_type"], commit["resource_key"])
    await queries.insert_version(
        connection,
        *place,
        version_id=commit["version_id"],
        content=content,
        sha=sha,
        now=commit["inserted_at"],
    )
    resource = await queries.publish(
        connection,
        *place,
        version_id=commit["version_id"],
        content=content,
        sha=sha,
        now=commit["inserted_at"],
    )
    _existing(resource, commit["resource_type"], commit["resource_key"])
    await commit_queries.insert_commit(connection, commit)


def _existing(resource: Resource | None, resource_type: str, key: str) -> Resource:
    if resource is None:
        raise NotFound(f"The {resource_type} {key[:255]!r} is archived.")
    return resource
