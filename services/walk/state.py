"""A run as a walk finds it, and its data as the steps change it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.recipients.recipients import Recipient
from domain.recipients.refs import RecipientRef
from domain.workflows.run_data import run_data


@dataclass(slots=True)
class RunState:
    """A run's facts, which stay, and its data, which patches change.

    Recipient, actor and tenant are in the form that templates see, or None when they are unknown.
    """

    id: UUID
    environment_id: UUID
    environment: str
    workflow_run_id: UUID
    version_id: UUID
    ref: RecipientRef
    tenant_id: str | None
    cancellation_key: str | None
    accepted_at: datetime
    settings: JsonObject
    recipient: JsonObject | None
    actor_ref: RecipientRef | None
    actor: JsonObject | None
    tenant: JsonObject | None
    data: JsonObject = field(default_factory=dict)

    def patch(self, patch: JsonObject) -> None:
        """Change the data, for everything that is read from now on."""
        self.data = run_data(self.data, None, [patch])


def run_state(row: dict[str, Any], data: JsonObject, patches: list[JsonObject]) -> RunState:
    """Read the row of `walks.take_run`, with its trigger's data and its patches."""
    actor_ref = None
    if row["actor_id"] is not None:
        actor_ref = RecipientRef(row["actor_collection"], row["actor_id"])
    return RunState(
        id=row["id"],
        environment_id=row["environment_id"],
        environment=row["environment"],
        workflow_run_id=row["workflow_run_id"],
        version_id=row["version_id"],
        ref=RecipientRef(row["collection"], row["recipient_id"]),
        tenant_id=row["tenant_id"],
        cancellation_key=row["cancellation_key"],
        accepted_at=row["accepted_at"],
        settings=row["settings"],
        recipient=_variable(row["recipient"]),
        actor_ref=actor_ref,
        actor=_variable(row["actor"]),
        tenant=_variable(row["tenant"]),
        data=run_data(data, row["trigger_data"], patches),
    )


def _variable(stored: JsonObject | None) -> JsonObject | None:
    return None if stored is None else Recipient.of_json(stored).variable()
