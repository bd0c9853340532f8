"""Commit what changed, promote what was committed, look back (Knock docs: "Commits")."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kit.errors import FieldError, InvalidParams, NotFound, Unprocessable
from domain.kit.pages import Page, PageRequest
from models.queries.account import environments as environment_queries
from models.queries.account.environments import EnvironmentRow
from models.queries.content import commits as queries
from models.queries.content import drafts as content_queries
from models.queries.content.commits import CommitRow, PromotableCommit
from runtime.database import Connection
from services.account.environments import find_environment
from services.content.drafts import WORKFLOW, Author, CommitNote, publish_copy, publish_draft
from services.content.references import published_reference_errors

RESOURCE_TYPES = (
    "audience",
    "email_layout",
    "guide",
    "message_type",
    "partial",
    "translation",
    "workflow",
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which content a commit or promotion is about; None means all of it."""

    resource_types: tuple[str, ...] | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        """Refuse types that do not exist."""
        unknown = [name for name in self.resource_types or () if name not in RESOURCE_TYPES]
        if unknown:
            raise InvalidParams.of("resource_type", f"must be one of {', '.join(RESOURCE_TYPES)}")

    @property
    def is_single(self) -> bool:
        """Tell whether it names one resource."""
        return self.key is not None and len(self.resource_types or ()) == 1


async def commit_all(
    connection: Connection,
    environment: EnvironmentRow,
    selection: Selection,
    *,
    note: CommitNote,
    now: datetime,
) -> list[CommitRow]:
    """Publish every draft of the selection that differs from what is published.

    Raises:
        InvalidParams: an empty commit of more than one resource, or a workflow that refers to
            what does not exist; then nothing is committed.
        NotFound: the one resource that the selection names does not exist.
    """
    if note.allow_empty and not selection.is_single:
        raise InvalidParams.of("allow_empty", "needs a single resource_type and resource_id")
    await content_queries.lock_publication(connection, [environment["id"]])
    await _require_named(connection, environment, selection)
    pending = await content_queries.list_pending(
        connection,
        environment["id"],
        resource_types=selection.resource_types,
        key=selection.key,
        with_unchanged=note.allow_empty,
    )
    found = [
        await publish_draft(connection, environment, resource, note=note, now=now)
        for resource in pending
    ]
    commits = [commit for commit in found if commit is not None]
    await refuse_broken(connection, environment, commits)
    return commits


async def promote_all(
    connection: Connection,
    to_environment: str,
    selection: Selection,
    *,
    author: Author,
    now: datetime,
) -> list[CommitRow]:
    """Copy every commit that was not promoted yet to `to_environment` from the one before it.

    Raises:
        NotFound: no such environment, or not the resource that the selection names.
        InvalidParams: the environment is the first, or a workflow would refer to what the target
            does not have; then nothing is promoted.
    """
    target = await find_environment(connection, to_environment)
    source = await environment_queries.environment_before(connection, target["position"])
    if source is None:
        raise InvalidParams.of("to_environment", f"no environment is promoted to {target['slug']}")
    await content_queries.lock_publication(connection, [source["id"], target["id"]])
    await _require_named(connection, source, selection)
    promotable = await queries.list_promotable(
        connection,
        source["id"],
        resource_types=selection.resource_types,
        key=selection.key,
    )
    return await _promote(connection, target, promotable, author=author, now=now)


async def promote_one(
    connection: Connection, commit_id: str, *, author: Author, now: datetime
) -> CommitRow:
    """Copy one commit to the next environment; done twice it answers with the same copy.

    Raises:
        NotFound: no such commit.
        Unprocessable: it is in the last environment, or a later commit of the same resource was
            promoted before it.
    """
    source = await get_commit(connection, commit_id)
    target = await _next_environment(connection, source)
    await content_queries.lock_publication(connection, [source["environment_id"], target["id"]])
    promotable = await queries.list_promotable(
        connection, source["environment_id"], commit_id=source["id"]
    )
    if promotable:
        commits = await _promote(connection, target, promotable, author=author, now=now)
        return commits[0]
    copy = await queries.get_copy(connection, source["id"], target["id"])
    if copy is None:
        raise Unprocessable(
            "A later commit of the same resource was promoted already, or the resource is"
            " archived.",
            code="commit_not_promotable",
        )
    return copy


async def list_commits(
    connection: Connection,
    environment: EnvironmentRow,
    request: PageRequest,
    *,
    selection: Selection,
    promoted: bool | None,
) -> Page:
    """Return a page of the commits of an environment, newest first."""
    return await queries.list_commits(
        connection,
        environment["id"],
        request,
        promoted=promoted,
        resource_types=selection.resource_types,
        key=selection.key,
    )


async def get_commit(connection: Connection, commit_id: str) -> CommitRow:
    """Return one commit. Raises NotFound, also for an id that is none."""
    try:
        commit = await queries.get_commit(connection, UUID(commit_id))
    except ValueError:
        commit = None
    if commit is None:
        raise NotFound(f"The commit {commit_id[:255]!r} does not exist.")
    return commit


async def refuse_broken(
    connection: Connection, environment: EnvironmentRow, commits: Iterable[CommitRow]
) -> None:
    """Raise InvalidParams when a workflow just published refers to what is not there.

    Runs after all is published, so that a layout may be committed together with its workflow; the
    error ends the transaction, and with it the commits.
    """
    workflows = {
        commit["resource_key"]: commit["version_id"]
        for commit in commits
        if commit["resource_type"] == WORKFLOW
    }
    found = await published_reference_errors(connection, environment["id"], workflows)
    errors = [
        FieldError(f"{WORKFLOW}.{key}.{error.field}", error.message, error.type)
        for key, of_workflow in found.items()
        for error in of_workflow
    ]
    if errors:
        raise InvalidParams(errors, f"{errors[0].field}: {errors[0].message}")


async def _promote(
    connection: Connection,
    target: EnvironmentRow,
    promotable: list[PromotableCommit],
    *,
    author: Author,
    now: datetime,
) -> list[CommitRow]:
    commits = [
        await publish_copy(connection, target, source, author=author, now=now)
        for source in promotable
    ]
    await refuse_broken(connection, target, commits)
    return commits


async def _next_environment(connection: Connection, commit: CommitRow) -> EnvironmentRow:
    home = await environment_queries.get_environment_by_id(connection, commit["environment_id"])
    target = (
        None
        if home is None
        else await environment_queries.environment_after(connection, home["position"])
    )
    if target is None:
        raise Unprocessable(
            f"No environment comes after {commit['environment']}.", code="commit_not_promotable"
        )
    return target


async def _require_named(
    connection: Connection, environment: EnvironmentRow, selection: Selection
) -> None:
    if selection.key is None or not selection.resource_types:
        return
    for resource_type in selection.resource_types:
        if await content_queries.get_resource(
            connection, environment["id"], resource_type, selection.key
        ):
            return
    raise NotFound(f"The resource {selection.key[:255]!r} does not exist in this environment.")
