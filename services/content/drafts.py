"""Author content of any kind: save, validate, read, switch on and off (Management API).

What is wrong inside a document refuses it. A reference to something that does not exist (yet)
is saved, and shown as `valid: false`; `Reference.may_follow` says what a commit lets pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, Generic, TypeVar

from domain.content.kind import KindOfContent
from domain.content.kinds import home_of
from domain.content.rows import CommitNote, Resource
from domain.content.translation import TranslationFilters
from domain.kit.authored import ResourceType
from domain.kit.errors import FieldError, InvalidParams, NotFound
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.kit.stored import content_sha
from domain.workflows import WorkflowDefinition
from models.queries.channels import channels as channel_queries
from models.queries.content import drafts as queries
from runtime.database import Connection
from services.account.environments import require_writable
from services.content.branches import hold_content
from services.content.collecting import collect_texts
from services.content.completing import completed
from services.content.judging import judge_document, refuse
from services.content.publishing import (
    publish_at_once,
    publish_draft,
    refuse_archived,
    save_draft,
)
from services.content.references import (
    get_saved,
    load_surroundings,
    publication_errors,
    references_of,
    required_first,
)
from services.content.telling import tell_saved
from services.engine import Engine, Unit
from services.off_loop import off_loop

T = TypeVar("T")
# `knock push --commit` forgets the commit of audiences, and commits what refers to them.
_NEVER_COMMITTED_BY_A_PUSH = (ResourceType.AUDIENCE,)


@dataclass(frozen=True, slots=True)
class ContentView(Generic[T]):
    """A piece of content as it is read back: its draft, or what was last committed.

    Attributes:
        content: the JSON that is stored.
        document: the same, read by its kind.
        valid: whether everything that it refers to exists.
    """

    key: str
    environment: str
    content: JsonObject
    document: T = field(compare=False)
    sha: str
    active: bool
    valid: bool
    created_at: datetime
    updated_at: datetime
    active_from: datetime | None = None
    active_until: datetime | None = None


async def upsert_content(
    engine: Engine,
    environment: EnvironmentScope,
    kind: KindOfContent[T],
    key: str,
    raw: JsonValue,
    *,
    commit: CommitNote | None = None,
    force: bool = False,
) -> ContentView[T]:
    """Save a piece of content, and commit it when asked to.

    Args:
        engine: the parts.
        environment: where.
        kind: of the content.
        key: names it.
        raw: the document, as it was sent.
        commit: publishes it at once.
        force: write in any environment.

    Raises:
        InvalidParams: the document is broken, or is to be committed and refers to what has to be
            there and is not, or the environment is not one that content is written in, or content
            of its kind is not written on a branch.
        NotFound: the key is archived, or environment or branch are gone by now.
    """
    async with engine.unit() as unit:
        return await save_content(unit, environment, kind, key, raw, commit=commit, force=force)


async def save_content(
    unit: Unit,
    environment: EnvironmentScope,
    kind: KindOfContent[T],
    key: str,
    raw: JsonValue,
    *,
    commit: CommitNote | None = None,
    force: bool = False,
) -> ContentView[T]:
    """Do what `upsert_content` does as a part of a larger unit."""
    connection = unit.connection
    await hold_content(connection, environment)
    _refuse_on_branch(environment, kind)
    channel_types = await channel_queries.channel_types(connection)
    raw = await completed(connection, environment, kind, raw)
    judged = await off_loop(partial(judge_document, kind, key, raw, channel_types))
    document = judged.document
    references = references_of(kind, document)
    at_once = kind.holds_at_once(document)
    before = await get_saved(connection, environment, kind.name, key)
    errors = [*judged.errors, *_succession_errors(kind, key, before, document)]
    if at_once or commit is not None:
        around = await load_surroundings(
            connection,
            environment,
            references,
            channel_types=channel_types,
            published=True,
            saved_is_enough=_NEVER_COMMITTED_BY_A_PUSH,
        )
        errors += await publication_errors(
            connection,
            around,
            kind,
            key,
            required_first(references),
            published=before.published_version_id if before else None,
        )
    refuse(errors)
    await require_writable(connection, environment, force=force or at_once)
    resource = await save_draft(unit, environment, kind.name, key, judged.content)
    if at_once:
        resource = await publish_at_once(unit, resource)
    wanted = None if at_once else commit
    is_committed = wanted is not None and await publish_draft(unit, environment, resource, wanted)
    if at_once or is_committed:
        if isinstance(document, WorkflowDefinition):
            await collect_texts(unit, environment, [document])
        saved = await get_saved(connection, environment, kind.name, key)
        resource = saved or resource
    around = await load_surroundings(
        connection, environment, references, channel_types=channel_types
    )
    view = _view(environment, resource, document, valid=not around.errors(references))
    await tell_saved(unit, environment, resource, valid=view.valid)
    return view


def _succession_errors(
    kind: KindOfContent[T], key: str, saved: Resource | None, document: T
) -> Sequence[FieldError]:
    """Let the kind say whether a document may follow what is saved."""
    try:
        if saved is not None:
            kind.succeed(kind.read(saved.draft, key), document)
    except InvalidParams as refusal:
        return refusal.errors
    return ()


async def validate_content(
    engine: Engine,
    environment: EnvironmentScope,
    kind: KindOfContent[T],
    key: str,
    raw: JsonValue,
) -> ContentView[T]:
    """Judge a document as saving it with a commit would, without saving it.

    Raises:
        InvalidParams: with everything that is wrong.
        NotFound: the key is archived.
    """
    async with engine.connection() as connection:
        channel_types = await channel_queries.channel_types(connection)
        raw = await completed(connection, environment, kind, raw)
        judged = await off_loop(partial(judge_document, kind, key, raw, channel_types))
        content, document = judged.content, judged.document
        references = references_of(kind, document)
        around = await load_surroundings(
            connection, environment, references, channel_types=channel_types
        )
        saved = await get_saved(connection, environment, kind.name, key)
        if saved is None:
            await refuse_archived(connection, environment, kind.name, key)
        wrong = await publication_errors(
            connection,
            around,
            kind,
            key,
            required_first(references),
            published=saved.published_version_id if saved else None,
        )
    refuse([*judged.errors, *_succession_errors(kind, key, saved, document), *wrong])
    now = engine.clock()
    return ContentView(
        key=key,
        environment=environment.slug,
        content=content,
        document=document,
        sha=content_sha(content),
        active=saved.active if saved else kind.starts_active,
        active_from=saved.active_from if saved else None,
        active_until=saved.active_until if saved else None,
        valid=not around.errors(references),
        created_at=saved.inserted_at if saved else now,
        updated_at=saved.updated_at if saved else now,
    )


async def get_content(
    engine: Engine,
    environment: EnvironmentScope,
    kind: KindOfContent[T],
    key: str,
    *,
    hide_uncommitted_changes: bool = False,
) -> ContentView[T]:
    """Return a draft, or what was last committed. Raises NotFound."""
    async with engine.connection() as connection:
        found = await get_saved(connection, environment, kind.name, key)
        views = await _views(
            connection,
            environment,
            kind,
            [found] if found else [],
            hide_uncommitted_changes=hide_uncommitted_changes,
        )
    if not views:
        raise _missing(kind, key)
    return views[0]


async def list_content(
    engine: Engine,
    environment: EnvironmentScope,
    kind: KindOfContent[T],
    request: PageRequest,
    *,
    hide_uncommitted_changes: bool = False,
    filters: TranslationFilters | None = None,
) -> Page[ContentView[T]]:
    """Return a page of the content of a kind, by key; `filters` are for translations only."""
    async with engine.connection() as connection:
        page = await queries.list_resources(
            connection,
            home_of(environment, kind.name),
            kind.name,
            request,
            published_only=hide_uncommitted_changes,
            filters=filters,
        )
        views = await _views(
            connection,
            environment,
            kind,
            page.rows,
            hide_uncommitted_changes=hide_uncommitted_changes,
        )
    return page.of(views)


async def switch_content(
    engine: Engine,
    environment: EnvironmentScope,
    kind: KindOfContent[T],
    key: str,
    *,
    active: bool,
    active_from: datetime | None = None,
    active_until: datetime | None = None,
) -> ContentView[T]:
    """Switch content on or off in one environment, at once and outside commits.

    Args:
        engine: the parts.
        environment: where.
        kind: of the content.
        key: names it.
        active: on or off.
        active_from: on from then only.
        active_until: on until then only.

    Raises:
        NotFound: there is no such content, or environment or branch are gone by now.
    """
    async with engine.unit() as unit:
        await hold_content(unit.connection, environment)
        _refuse_on_branch(environment, kind)
        resource = await queries.set_active(
            unit.connection,
            environment.content_id,
            kind.name,
            key,
            active=active,
            active_from=active_from,
            active_until=active_until,
        )
        if resource is None:
            raise _missing(kind, key)
        return (await _views(unit.connection, environment, kind, [resource]))[0]


async def archive_content(
    unit: Unit, environment: EnvironmentScope | None, kind: KindOfContent[Any], key: str
) -> None:
    """Take a piece of content out of every environment for good; its key is never free again.

    Raises:
        NotFound: this environment has no such content; without one, none has.
    """
    await queries.lock_publication(unit.connection)
    if environment is not None and not await get_saved(
        unit.connection, environment, kind.name, key
    ):
        raise _missing(kind, key)
    if not await queries.archive(unit.connection, kind.name, key, unit.now):
        raise NotFound(f"The {kind.noun} {key[:255]!r} does not exist in any environment.")


async def _views(
    connection: Connection,
    environment: EnvironmentScope,
    kind: KindOfContent[T],
    resources: Sequence[Resource],
    *,
    hide_uncommitted_changes: bool = False,
) -> list[ContentView[T]]:
    """Read resources; when their drafts are hidden, never committed ones fall out."""
    if hide_uncommitted_changes:
        ids = [one.published_version_id for one in resources if one.published_version_id]
        versions = await queries.get_versions(connection, ids)
        resources = [
            replace(
                one, draft=version.content, draft_sha=version.sha, updated_at=version.inserted_at
            )
            for one in resources
            if (version := versions.get(one.published_version_id))
        ]
    documents = [kind.read(one.draft, one.key) for one in resources]
    references = [references_of(kind, document) for document in documents]
    around = await load_surroundings(connection, environment, chain.from_iterable(references))
    return [
        _view(environment, resource, document, valid=not around.errors(listed))
        for resource, document, listed in zip(resources, documents, references, strict=True)
    ]


def _view(
    environment: EnvironmentScope, resource: Resource, document: T, *, valid: bool
) -> ContentView[T]:
    return ContentView(
        key=resource.key,
        environment=environment.slug,
        content=resource.draft,
        document=document,
        sha=resource.draft_sha,
        active=resource.active,
        active_from=resource.active_from,
        active_until=resource.active_until,
        valid=valid,
        created_at=resource.inserted_at,
        updated_at=resource.updated_at,
    )


def _refuse_on_branch(environment: EnvironmentScope, kind: KindOfContent[Any]) -> None:
    """Refuse to write on a branch what branches share. Raises InvalidParams."""
    if environment.branch_id is not None and not kind.is_branched:
        message = f"{kind.noun}s are the same on all branches: leave out branch"
        raise InvalidParams.of("branch", message)


def _missing(kind: KindOfContent[Any], key: str) -> NotFound:
    return NotFound(f"The {kind.noun} {key[:255]!r} does not exist in this environment.")
