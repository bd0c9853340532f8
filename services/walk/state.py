"""A run as a walk finds it, and its data as the steps change it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.recipients.recipients import Recipient
from domain.recipients.refs import TENANTS, RecipientRef
from domain.runs.rows import TakenRun
from domain.workflows.run_data import run_data
from services.triggers.audience_entries import Cause


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
    source: JsonObject
    recipient: JsonObject | None
    actor_ref: RecipientRef | None
    actor: JsonObject | None
    tenant: JsonObject | None
    data: JsonObject = field(default_factory=dict)

    def patch(self, patch: JsonObject) -> None:
        """Change the data, for everything that is read from now on."""
        self.data = run_data(self.data, None, [patch])

    def cause(self) -> Cause:
        """Say where what this run does comes from, for whatever it triggers by that."""
        chain = self.source.get("chain", 0) + 1
        return Cause(chain, is_sandbox=bool(self.settings.get("sandbox_mode")))

    def renew(self, stored: Recipient) -> None:
        """Take over how somebody is stored now, in whatever part the run has for them."""
        variable, ref = stored.variable(), stored.ref
        if ref == self.ref:
            self.recipient = variable
        if ref == self.actor_ref:
            self.actor = variable
        if ref == RecipientRef(TENANTS, self.tenant_id or ""):
            self.tenant = variable


def run_state(taken: TakenRun, data: JsonObject, patches: list[JsonObject]) -> RunState:
    """Make the state of a run that was taken, with its trigger's data and its patches."""
    return RunState(
        id=taken.id,
        environment_id=taken.environment_id,
        environment=taken.environment,
        workflow_run_id=taken.workflow_run_id,
        version_id=taken.version_id,
        ref=RecipientRef(taken.collection, taken.recipient_id),
        tenant_id=taken.tenant_id,
        cancellation_key=taken.cancellation_key,
        accepted_at=taken.accepted_at,
        settings=taken.settings,
        source=taken.source,
        recipient=_variable(taken.recipient),
        actor_ref=taken.actor_ref,
        actor=_variable(taken.actor),
        tenant=_variable(taken.tenant),
        data=run_data(data, taken.trigger_data, patches),
    )


def _variable(stored: JsonObject | None) -> JsonObject | None:
    return None if stored is None else Recipient.of_json(stored).variable()
