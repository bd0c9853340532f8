"""Commit what changed, promote what was committed, look back (Knock docs: "Commits")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from uuid import UUID

from domain.account.environments import Environment
from domain.content.branches import refuse_conflicts
from domain.content.kinds import KINDS
from domain.content.rows import (
    Author,
    Commit,
    CommitFilters,
    CommitNote,
    PromotableCommit,
    Resource,
    Selection,
)
from domain.content.workflow import WORKFLOW
from domain.kit.authored import Reference
from domain.kit.errors import FieldError, InvalidParams, NotFound, Unprocessable
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from models.queries.account import environments as environment_queries
from models.queries.content import branches as branch_queries
from models.queries.content import commits as queries
from models.queries.content import drafts as content_queries
from runtime.database import Connection
from services.account.environments import find_environment
from services.content.branches import hold_content
from services.content.collecting import collect_texts
from services.content.publishing import publish_copy, publish_draft
from services.content.references import (
    load_surroundings,
    publication_errors,
    references_of,
    required_first,
)
from services.engine import Engine, Unit


async def commit_all(
    engine: Engine, environment: EnvironmentScope, selection: Selection, note: CommitNote
) -> list[Commit]:
    """Publish every draft of the selection that differs from what is published.

    Raises:
        InvalidParams: an empty commit of more than one resource, or content that refers to
            what does not exist; then nothing is committed.
        NotFound: the one resource that the selection names does not exist, or environment or
            branch are gone by now.
    """
    if note.allow_empty and not selection.is_single:
        raise InvalidParams.of("allow_empty", "needs a single resource_type and resource_id")
    async with engine.unit() as unit:
        await hold_content(unit.connection, environment)
        await _require_named(unit.connection, environment.content_id, selection)
        pending = await content_queries.list_pending(
            unit.connection, environment.content_id, selection, with_unchanged=note.allow_empty
        )
        made = [
            (commit, resource.draft)
            for resource in pending
            if not _holds_at_once(resource)
            and (commit := await publish_draft(unit, environment, resource, note))
        ]
        before = {(one.resource_type, one.key): one.published_version_id for one in pending}
        await refuse_broken(unit, environment, made, before)
        await _collect(unit, environment, made)
    return [commit for commit, _ in made]


async def _collect(
    unit: Unit,
    environment: EnvironmentScope,
    committed: Sequence[tuple[Commit | PromotableCommit, JsonObject]],
) -> None:
    """Collect the texts of the workflows among commits, of each as it is published last."""
    workflows = {
        commit.resource_key: content
        for commit, content in committed
        if commit.resource_type == WORKFLOW.name
    }
    documents = [WORKFLOW.read(content, key) for key, content in workflows.items()]
    await collect_texts(unit, environment, documents)


def _holds_at_once(resource: Resource) -> bool:
    """Tell whether a resource is published as it is saved, and therefore never committed."""
    kind = KINDS.get(resource.resource_type)
    return kind is not None and kind.holds_at_once(kind.read(resource.draft, resource.key))


async def promote_all(
    engine: Engine, to_environment: str, selection: Selection, author: Author
) -> list[Commit]:
    """Copy every commit that was not promoted yet to `to_environment` from the one before it.

    Raises:
        NotFound: no such environment, or not the resource that the selection names.
        InvalidParams: the environment is the first, or content would refer to what the target
            does not have; then nothing is promoted.
    """
    async with engine.unit() as unit:
        # All of them: the chain is not to change before this is done.
        await content_queries.lock_publication(unit.connection)
        target = await find_environment(unit.connection, to_environment)
        source = await environment_before(unit.connection, target)
        await _require_named(unit.connection, source.id, selection)
        promotable = await queries.list_promotable(unit.connection, source.id, selection)
        return await _promote(unit, target.scope, promotable, author)


async def merge_branch(
    engine: Engine, environment: EnvironmentScope, selection: Selection, author: Author
) -> list[Commit]:
    """Copy every commit of a branch that was not merged yet to its environment.

    Args:
        engine: the parts.
        environment: on the branch.
        selection: which commits.
        author: who merges.

    Raises:
        NotFound: the branch has not the resource that the selection names, or is gone by now.
        Unprocessable: `branch_merge_conflict`, the environment has changed the same content since
            the branch took notice of it; nothing was merged.
        InvalidParams: content would refer to what the environment does not have.
    """
    async with engine.unit() as unit:
        await hold_content(unit.connection, environment)
        source_id = environment.content_id
        await _require_named(unit.connection, source_id, selection)
        promotable = await queries.list_promotable(unit.connection, source_id, selection)
        return await _merge(unit, environment, promotable, author)


async def promote_one(engine: Engine, commit_id: str, author: Author) -> Commit:
    """Copy one commit to the next environment, or from its branch to the environment of that.

    Done twice it returns the same copy.

    Raises:
        NotFound: no such commit.
        Unprocessable: it is in the last environment, or a later commit of the same resource was
            promoted before it; or `branch_merge_conflict`, as `merge_branch` says.
    """
    async with engine.unit() as unit:
        await content_queries.lock_publication(unit.connection)
        source = await find_commit(unit.connection, commit_id)
        target = await _next_of(unit.connection, source)
        promotable = await queries.list_promotable(
            unit.connection, source.environment_id, Selection(), commit_id=source.id
        )
        if promotable and source.branch is not None:
            [commit] = await _merge(unit, source.scope, promotable, author, is_single=True)
            return commit
        if promotable:
            [commit] = await _promote(unit, target, promotable, author, is_single=True)
            return commit
        copy = await queries.get_copy(unit.connection, source.id, target.id)
    if copy is None:
        raise Unprocessable(
            "A later commit of the same resource has already been promoted, or the resource is "
            "archived.",
            code="commit_not_promotable",
        )
    return copy


async def list_commits(
    engine: Engine, environment: EnvironmentScope, filters: CommitFilters, request: PageRequest
) -> Page[Commit]:
    """Return a page of the commits of an environment, newest first."""
    async with engine.connection() as connection:
        return await queries.list_commits(connection, environment.content_id, filters, request)


async def get_commit(engine: Engine, commit_id: str) -> Commit:
    """Return one commit of any environment. Raises NotFound, also for what is not an id."""
    async with engine.connection() as connection:
        return await find_commit(connection, commit_id)


async def environment_before(connection: Connection, target: Environment) -> Environment:
    """Return the environment that is promoted to another. Raises InvalidParams without one."""
    source = await environment_queries.environment_before(connection, target.position)
    if source is None:
        message = f"no environment comes before {target.slug}"
        if target.scope.is_development:
            message += "; to merge a branch, name it by branch"
        raise InvalidParams.of("to_environment", message)
    return source


async def find_commit(connection: Connection, commit_id: str) -> Commit:
    """Return a commit of any environment. Raises NotFound, also for what is not an id."""
    try:
        commit = await queries.get_commit(connection, UUID(commit_id))
    except ValueError:
        commit = None
    if commit is None:
        raise NotFound(f"The commit {commit_id[:255]!r} does not exist.")
    return commit


async def _next_of(connection: Connection, commit: Commit) -> EnvironmentScope:
    """Return where a commit goes from where it is. Raises Unprocessable: nowhere."""
    if commit.branch is not None:
        return commit.scope.main
    home = await environment_queries.get_environment_by_id(connection, commit.main_id)
    after = home and await environment_queries.environment_after(connection, home.position)
    if after is None:
        raise Unprocessable(
            f"No environment comes after {commit.environment}.", code="commit_not_promotable"
        )
    return after.scope


async def _merge(
    unit: Unit,
    environment: EnvironmentScope,
    promotable: list[PromotableCommit],
    author: Author,
    *,
    is_single: bool = False,
) -> list[Commit]:
    """Copy commits of a branch to its environment. Raises as `merge_branch` does."""
    pair = (environment.id, environment.content_id)
    places = {(one.resource_type, one.resource_key) for one in promotable}
    parted = await branch_queries.list_parted(unit.connection, *pair)
    conflicts = [one for one in parted if (one.resource_type, one.key) in places]
    refuse_conflicts(environment.branch or "", conflicts)
    made = await _promote(unit, environment.main, promotable, author, is_single=is_single)
    await branch_queries.take_notice(unit.connection, *pair, merged=places)
    # Not noticed by the branch: it has none of these texts until it is rebased.
    await _collect(unit, environment.main, [(one, one.content) for one in promotable])
    return made


async def _promote(
    unit: Unit,
    target: EnvironmentScope,
    promotable: list[PromotableCommit],
    author: Author,
    *,
    is_single: bool = False,
) -> list[Commit]:
    places = [(source.resource_type, source.resource_key) for source in promotable]
    saved = await content_queries.get_resources(unit.connection, target.id, places)
    for place, source in zip(places, promotable, strict=True):
        _judge_succession(source, saved.get(place))
    made = [
        (await publish_copy(unit, target, source, author), source.content) for source in promotable
    ]
    before = {place: one.published_version_id for place, one in saved.items()}
    await refuse_broken(unit, target, made, before, is_single=is_single)
    return [commit for commit, _ in made]


def _judge_succession(source: PromotableCommit, saved: Resource | None) -> None:
    """Let its kind say whether a commit may follow what the target has. Raises InvalidParams."""
    kind = KINDS.get(source.resource_type)
    if kind is None or saved is None:
        return
    try:
        before = kind.read(saved.draft, source.resource_key)
        kind.succeed(before, kind.read(source.content, source.resource_key))
    except InvalidParams as refusal:
        errors = [
            error.under(f"{source.resource_type}.{source.resource_key}") for error in refusal.errors
        ]
        raise InvalidParams(errors) from refusal


async def refuse_broken(
    unit: Unit,
    environment: EnvironmentScope,
    made: Sequence[tuple[Commit, JsonObject]],
    before: Mapping[tuple[str, str], UUID | None],
    *,
    is_single: bool = False,
) -> None:
    """Raise InvalidParams when content just published refers to what is not there.

    Of a single commit what it refers to may follow, where `Reference.may_follow` says so: two
    workflows that trigger each other would otherwise wait for each other.

    Runs after all is published, so that a layout may be committed together with its workflow; the
    error ends the transaction, and with it the commits. Of several commits of one resource only
    the last is judged.

    Args:
        unit: in which it was published.
        environment: where.
        made: what was published.
        before: which versions were published there until then, by type and key.
        is_single: see above.
    """
    references: dict[tuple[str, str], list[Reference]] = {}
    for commit, content in made:
        kind = KINDS.get(commit.resource_type)
        if kind is not None:
            listed = references_of(kind, kind.read(content, commit.resource_key))
            place = (commit.resource_type, commit.resource_key)
            references[place] = required_first(listed) if is_single else listed
    around = await load_surroundings(
        unit.connection,
        environment,
        chain.from_iterable(references.values()),
        published=True,
    )
    errors = list[FieldError]()
    for (resource_type, key), listed in references.items():
        found = await publication_errors(
            unit.connection,
            around,
            KINDS[resource_type],
            key,
            listed,
            published=before.get((resource_type, key)),
        )
        errors += [error.under(f"{resource_type}.{key}") for error in found]
    if errors:
        raise InvalidParams(errors)


async def _require_named(
    connection: Connection, environment_id: UUID, selection: Selection
) -> None:
    if selection.key is None:
        return
    places = [(name, selection.key) for name in selection.resource_types or KINDS]
    if await content_queries.get_resources(connection, environment_id, places):
        return
    raise NotFound(f"The resource {selection.key[:255]!r} does not exist in this environment.")
