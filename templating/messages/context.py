"""The variables that templates and conditions see (Knock docs: "Template variables").

This is one of the two places where Knock's word "activity" is used for a trigger activity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.batches.gathered import Gathered
from domain.kit.branding import usable_branding
from domain.kit.clock import iso
from domain.kit.json_types import JsonObject
from templating.liquid.printing import PrintedAsKey

_WORKFLOW_KEYS = (
    "id", "key", "name", "categories", "commercial", "override_preferences", "cancellation_key",
)  # fmt: skip


def build_scope(
    *,
    data: Mapping[str, Any],
    recipient: JsonObject,
    actor: JsonObject | None,
    tenant: JsonObject | None,
    workflow: Mapping[str, Any],
    variables: Mapping[str, Any],
    now_iso: str,
    gathered: Gathered | None = None,
    workflow_run_id: str | None = None,
) -> dict[str, Any]:
    """Build the scope of a run.

    Entities come in wire shape (custom properties beside `id`, `created_at`, …). The keys of
    `data` are also found at the root, but never hide a variable of the system. What belongs to one
    message (`current_message`, the id of the activity) or to conditions (`refs`) is laid over it.

    Args:
        data: the data of the trigger, merged with what fetch steps answered.
        recipient: whom the message is for.
        actor: who triggered, or None.
        tenant: on whose behalf, or None; its branding wins over that of `variables`.
        workflow: at least `key`; the other documented keys may be missing.
        variables: values of `vars`, branding included.
        now_iso: time of the trigger, ISO 8601.
        gathered: the items of the batch that the run has carried; None for its own trigger alone.
        workflow_run_id: of the trigger.
    """
    activities, actors = _contributed(data, recipient, actor, now_iso, gathered)
    total_activities = len(activities) if gathered is None else gathered.total_activities
    total_actors = len(actors) if gathered is None else gathered.total_actors
    return {
        **data,
        "data": data,
        "recipient": recipient,
        "actor": actor,
        "actors": actors,
        "total_actors": total_actors,
        "activities": activities,
        "total_activities": total_activities,
        "tenant": tenant,
        "timestamp": now_iso,
        "vars": with_branding(variables, tenant),
        # Bodies of real requests say `"workflow": "{{ workflow }}"`, and expect a string there.
        "workflow": PrintedAsKey((key, workflow.get(key)) for key in _WORKFLOW_KEYS),
        "workflow_run_id": workflow_run_id,
        "run": {"total_activities": total_activities, "total_actors": total_actors},
        "current_message": None,
        "refs": {},
    }


def _contributed(
    data: Mapping[str, Any],
    recipient: JsonObject,
    actor: JsonObject | None,
    now_iso: str,
    gathered: Gathered | None,
) -> tuple[list[JsonObject], list[JsonObject]]:
    """Return the activities that are rendered, and different actors; see `Gathered` of a batch."""
    if gathered is None:
        actors = [] if actor is None else [actor]
        return [_activity(data, recipient, actor, now_iso)], actors
    activities = [
        _activity(
            each.data,
            recipient,
            each.actor.variable() if each.actor else None,
            iso(each.inserted_at) or "",
        )
        for each in gathered.contributions
    ]
    return activities, [each.stored.variable() for each in gathered.actors if each.stored]


def _activity(
    data: Mapping[str, Any], recipient: JsonObject, actor: JsonObject | None, at: str
) -> JsonObject:
    """Write what one trigger contributed: its data, and the same keys beside its own facts."""
    return {
        **data,
        "id": None,
        "inserted_at": at,
        "updated_at": at,
        "timestamp": at,
        "actor": actor,
        "recipient": recipient,
        "data": data,
    }


def with_branding(variables: Mapping[str, Any], tenant: JsonObject | None) -> Mapping[str, Any]:
    """Lay the tenant's branding over the account's, property by property."""
    own = tenants_branding(tenant)
    return (
        {**variables, "branding": {**(variables.get("branding") or {}), **own}}
        if own
        else variables
    )


def tenants_branding(tenant: JsonObject | None) -> JsonObject:
    """Return what a tenant has of a branding of its own."""
    settings = tenant.get("settings") if tenant else None
    return usable_branding(settings.get("branding") if isinstance(settings, dict) else None)
