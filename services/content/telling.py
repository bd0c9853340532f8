"""Tells webhooks of changed and committed content, as the Management API shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain.content.kinds import KINDS
from domain.content.rows import Commit, Resource, Version
from domain.kit.clock import iso
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from services.engine import Unit
from services.webhooks.telling import tell_of_content


async def tell_saved(
    unit: Unit,
    environment: EnvironmentScope,
    resource: Resource,
    *,
    valid: bool,
) -> None:
    """Tell that a draft was saved; webhooks hear of no branch (Knock docs: "Branches")."""
    if environment.branch_id is not None:
        return
    document = _shown(
        resource,
        environment.slug,
        content=resource.draft,
        sha=resource.draft_sha,
        updated_at=resource.updated_at,
        valid=valid,
    )
    if document is not None:
        event_type = f"{resource.resource_type}.updated"
        await tell_of_content(unit, environment.id, event_type, document)


async def tell_committed(unit: Unit, commit: Commit, resource: Resource, version: Version) -> None:
    """Tell that a version was published; what refers to nothing that is missing is valid.

    Webhooks hear of no branch (Knock docs: "Branches").
    """
    if commit.branch is not None:
        return
    document = _shown(
        resource,
        commit.environment,
        content=version.content,
        sha=version.sha,
        updated_at=version.inserted_at,
        valid=True,
    )
    if document is not None:
        event_type = f"{commit.resource_type}.committed"
        await tell_of_content(
            unit, commit.environment_id, event_type, document, commit_id=commit.id
        )


def _shown(
    resource: Resource,
    environment: str,
    *,
    content: JsonObject,
    sha: str,
    updated_at: datetime,
    valid: bool,
) -> JsonObject | None:
    """Write a piece of content; None for a kind that only a newer process knows."""
    kind = KINDS.get(resource.resource_type)
    if kind is None:
        return None
    beside: dict[str, Any] = {"active": resource.active, "valid": valid}
    return {
        **content,
        **{name: beside[name] for name in kind.beside},
        "key": resource.key,
        "environment": environment,
        "sha": sha,
        "created_at": iso(resource.inserted_at),
        "updated_at": iso(updated_at),
    }
