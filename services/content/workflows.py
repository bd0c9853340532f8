"""Author workflows: save, validate, read, switch on and off (Management API: "Workflows").

What is wrong inside the document refuses it. A reference to something that does not exist (yet)
is saved, shown as `valid: false`, and refused at commit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from domain.channels.types import ChannelType
from domain.kit.errors import FieldError, InvalidParams, NotFound
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.pages import Page, PageRequest
from domain.workflows import (
    channel_steps,
    check_workflow,
    content_sha,
    normalise_workflow,
)
from models.queries.account.environments import EnvironmentRow
from models.queries.content import drafts as queries
from models.queries.content.drafts import Resource
from runtime.database import Connection
from services.account.environments import require_writable
from services.content.drafts import WORKFLOW, CommitNote, publish_draft, save_draft
from services.content.references import (
    fill_channel_types,
    load_surroundings,
    published_reference_errors,
    reference_errors,
)
from services.content.trigger_schemas import schema_errors
from templating.liquid.environment import check_source
from templating.messages.validation import check_template


@dataclass(frozen=True, slots=True)
class WorkflowView:
    """A workflow as it is read back: its draft, or what was last committed."""

    key: str
    environment: str
    content: JsonObject
    sha: str
    active: bool
    valid: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class SaveOptions:
    """How a workflow is saved: `commit` publishes at once; `force` writes in any environment."""

    commit: CommitNote | None = None
    force: bool = False


async def upsert_workflow(
    connection: Connection,
    environment: EnvironmentRow,
    key: str,
    raw: JsonValue,
    *,
    options: SaveOptions,
    now: datetime,
) -> WorkflowView:
    """Save a workflow, and commit it when asked to; all of it in the caller's transaction.

    Raises:
        InvalidParams: the document is broken, or is to be committed and refers to what is not
            there, or the environment is not one that content is written in.
    """
    await require_writable(connection, environment, force=options.force)
    await queries.lock_publication(connection, [environment["id"]])
    content = await check_document(connection, environment, key, raw)
    resource = await save_draft(
        connection, environment["id"], WORKFLOW, key, content=content, now=now
    )
    if options.commit is not None:
        resource = await _commit(connection, environment, resource, options.commit, now)
    return (await _views(connection, environment, [resource]))[0]


async def validate_workflow(
    connection: Connection, environment: EnvironmentRow, key: str, raw: JsonValue, *, now: datetime
) -> WorkflowView:
    """Judge a workflow as a commit would, without saving it. Raises InvalidParams."""
    content = await check_document(connection, environment, key, raw)
    around = await load_surroundings(connection, environment["id"], [content])
    _refuse(reference_errors(content, around))
    saved = await queries.get_resource(connection, environment["id"], WORKFLOW, key)
    return WorkflowView(
        key=key,
        environment=environment["slug"],
        content=content,
        sha=content_sha(content),
        active=saved is None or saved["active"],
        valid=True,
        created_at=saved["inserted_at"] if saved else now,
        updated_at=saved["updated_at"] if saved else now,
    )


async def get_workflow(
    connection: Connection,
    environment: EnvironmentRow,
    key: str,
    *,
    hide_uncommitted_changes: bool = False,
) -> WorkflowView:
    """Return the draft of a workflow, or what was last committed. Raises NotFound."""
    resource = await queries.get_resource(connection, environment["id"], WORKFLOW, key)
    views = await _views(
        connection,
        environment,
        [resource] if resource else [],
        hide_uncommitted_changes=hide_uncommitted_changes,
    )
    if not views:
        raise _missing(key)
    return views[0]


async def list_workflows(
    connection: Connection,
    environment: EnvironmentRow,
    request: PageRequest,
    *,
    hide_uncommitted_changes: bool = False,
) -> tuple[list[WorkflowView], Page]:
    """Return a page of workflows by key, and the page itself for its boundaries."""
    page = await queries.list_resources(
        connection,
        environment["id"],
        WORKFLOW,
        request,
        published_only=hide_uncommitted_changes,
    )
    rows: list[Resource] = list(page.rows)  # type: ignore[arg-type]
    views = await _views(
        connection, environment, rows, hide_uncommitted_changes=hide_uncommitted_changes
    )
    return views, page


async def activate_workflow(
    connection: Connection, environment: EnvironmentRow, key: str, *, active: bool
) -> WorkflowView:
    """Switch a workflow on or off in one environment, at once and outside commits.

    Raises NotFound.
    """
    await queries.lock_publication(connection, [environment["id"]])
    resource = await queries.set_active(connection, environment["id"], WORKFLOW, key, active=active)
    if resource is None:
        raise _missing(key)
    return (await _views(connection, environment, [resource]))[0]


async def check_document(
    connection: Connection, environment: EnvironmentRow, key: str, raw: JsonValue
) -> JsonObject:
    """Return what is stored for a document. Raises InvalidParams with everything wrong in it."""
    if not isinstance(raw, dict):
        raise InvalidParams.of("workflow", "must be an object")
    content = normalise_workflow(raw)
    fill_channel_types(content, await load_surroundings(connection, environment["id"], [content]))
    errors: list[FieldError] = []
    try:
        check_workflow(content, key)
    except InvalidParams as refusal:
        errors.extend(_naming_channels(refusal.errors, content))
    _refuse([*errors, *_schema_errors(content), *_template_errors(content)])
    return content


async def _commit(
    connection: Connection,
    environment: EnvironmentRow,
    resource: Resource,
    note: CommitNote,
    now: datetime,
) -> Resource:
    commit = await publish_draft(connection, environment, resource, note=note, now=now)
    if commit is None:
        return resource
    key = resource["key"]
    errors = await published_reference_errors(
        connection, environment["id"], {key: commit["version_id"]}
    )
    _refuse(errors[key])
    return await queries.get_resource(connection, environment["id"], WORKFLOW, key) or resource


def _naming_channels(errors: Iterable[FieldError], content: JsonObject) -> list[FieldError]:
    """Say of a step without `channel_type` which channel would have told it."""
    unknown = {
        f"{path}.channel_type": FieldError(
            f"{path}.channel_key",
            f"channel {step['channel_key']!r} does not exist: create it, or give channel_type",
        )
        for path, step in channel_steps(content)
        if step.get("channel_type") is None and isinstance(step.get("channel_key"), str)
    }
    return [unknown.get(error.field, error) for error in errors]


def _schema_errors(content: JsonObject) -> list[FieldError]:
    schema = content["trigger_data_json_schema"]
    return schema_errors(schema) if isinstance(schema, dict) else []


def _template_errors(content: JsonObject) -> list[FieldError]:
    return [
        error
        for path, step in channel_steps(content)
        for error in (*_template_faults(path, step), *_override_faults(path, step))
    ]


def _template_faults(path: str, step: JsonObject) -> list[FieldError]:
    """Judge the template of a step; what is no template at all the parser has refused."""
    kind, template = step.get("channel_type"), step.get("template")
    if kind not in list(ChannelType) or not isinstance(template, dict) or not template:
        return []
    return check_template(ChannelType(kind), template, f"{path}.template")


def _override_faults(path: str, step: JsonObject) -> list[FieldError]:
    """Judge the Liquid in the channel settings that a step overrides."""
    overrides = step.get("channel_overrides")
    return [
        FieldError(f"{path}.channel_overrides.{name}", str(fault), "invalid_liquid")
        for name, source in (overrides.items() if isinstance(overrides, dict) else ())
        if isinstance(source, str)
        for fault in check_source(source)
    ]


def _refuse(errors: Iterable[FieldError]) -> None:
    """Raise all errors at once; a place that two checks complain about is named once."""
    unique = list({error.field: error for error in reversed(list(errors))}.values())[::-1]
    if unique:
        raise InvalidParams(unique, f"{unique[0].field}: {unique[0].message}")


async def _views(
    connection: Connection,
    environment: EnvironmentRow,
    resources: list[Resource],
    *,
    hide_uncommitted_changes: bool = False,
) -> list[WorkflowView]:
    views = [_view(environment, resource) for resource in resources]
    if hide_uncommitted_changes:
        views = await _published_views(connection, views, resources)
    around = await load_surroundings(
        connection, environment["id"], [view.content for view in views]
    )
    return [replace(view, valid=not reference_errors(view.content, around)) for view in views]


def _view(environment: EnvironmentRow, resource: Resource) -> WorkflowView:
    return WorkflowView(
        key=resource["key"],
        environment=environment["slug"],
        content=resource["draft"],
        sha=resource["draft_sha"],
        active=resource["active"],
        valid=True,
        created_at=resource["inserted_at"],
        updated_at=resource["updated_at"],
    )


async def _published_views(
    connection: Connection, views: list[WorkflowView], resources: list[Resource]
) -> list[WorkflowView]:
    """Put the published content in the place of the draft; never committed ones fall out."""
    ids = [row["published_version_id"] for row in resources if row["published_version_id"]]
    versions = await queries.get_versions(connection, ids)
    return [
        replace(
            view,
            content=versions[version_id]["content"],
            sha=versions[version_id]["sha"],
            updated_at=versions[version_id]["inserted_at"],
        )
        for view, resource in zip(views, resources, strict=True)
        if (version_id := resource["published_version_id"]) is not None
    ]


def _missing(key: str) -> NotFound:
    return NotFound(f"The workflow {key[:255]!r} does not exist in this environment.")
