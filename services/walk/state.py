"""A run as a walk finds it, and its data as the steps change it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.preferences.layers import Layers
from domain.recipients.recipients import Recipient
from domain.recipients.refs import TENANTS, RecipientRef
from domain.recipients.subscriptions import ReachedThrough
from domain.runs.rows import TakenRun
from domain.triggers.addressees import BROADCAST_SOURCE
from domain.triggers.requests import is_rehearsed, is_sandboxed, takes_saved
from domain.workflows.run_data import run_data
from services.triggers.audience_entries import Cause


@dataclass(slots=True)
class RunState:
    """A run's facts, which stay, and its data, which patches change.

    Recipient, actor and tenant are in the form that templates see, or None when they are unknown.
    `preferences` are the sets that may have a say, as they were when the walk began.
    """

    id: UUID
    environment_id: UUID
    environment: str
    branch_id: UUID | None
    config_version: int
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
    preferences: Layers = field(default_factory=Layers)
    data: JsonObject = field(default_factory=dict)

    @property
    def scope(self) -> EnvironmentScope:
        """Return where it runs, with the configuration that the walk has found."""
        return EnvironmentScope(
            self.environment_id, self.environment, self.config_version, self.branch_id
        )

    @property
    def is_broadcast(self) -> bool:
        """Tell whether a broadcast has made it, which nobody switches off."""
        return self.source.get("type") == BROADCAST_SOURCE

    @property
    def is_rehearsed(self) -> bool:
        """Tell whether a test run has made it, itself or by a step."""
        return is_rehearsed(self.source)

    @property
    def is_sandboxed(self) -> bool:
        """Tell whether its messages stay in the house, whatever their channels say."""
        return is_sandboxed(self.settings)

    @property
    def takes_saved(self) -> bool:
        """Tell whether it walks a workflow as it was saved, which may be published nowhere."""
        return takes_saved(self.source)

    @property
    def trial(self) -> str:
        """Say in which ways the run tries a workflow out; nothing for one that is meant.

        What is tried out must neither reach nor hold back what is meant, so whatever runs share
        is shared by runs of the same trial alone.
        """
        ways: JsonObject = {
            "sandbox": self.is_sandboxed,
            "rehearsal": self.is_rehearsed,
        }
        return " ".join(way for way, is_so in ways.items() if is_so)

    def patch(self, patch: JsonObject) -> None:
        """Change the data, for everything that is read from now on."""
        self.data = run_data(self.data, None, [patch])

    def cause(self) -> Cause:
        """Say where what this run does comes from, for whatever it triggers by that."""
        chain = self.source.get("chain", 0) + 1
        return Cause(
            chain,
            is_sandbox=self.is_sandboxed,
            is_rehearsal=self.is_rehearsed,
        )

    def stand_for(self, other: TakenRun, through: ReachedThrough | None) -> None:
        """Take what the trigger of another run of the recipient has said for that of its own.

        Args:
            other: the run, with its people as they are now.
            through: how it has reached the recipient, if not by name.
        """
        self.recipient = _recipient(other, through)
        self.actor_ref, self.actor = other.actor_ref, _variable(other.actor)
        self.tenant_id, self.tenant = other.tenant_id, _variable(other.tenant)
        self.preferences = _layers(other, self.preferences.environment)

    def renew(self, stored: Recipient, preferences: JsonObject | None) -> None:
        """Take over how somebody is stored now, in whatever part the run has for them.

        Args:
            stored: the recipient, the actor or the tenant.
            preferences: all their sets by id; None where those have not changed.
        """
        variable, ref = stored.variable(), stored.ref
        if ref == self.ref:
            # How the run has reached them stays as it is.
            known = self.recipient or {}
            kept: JsonObject = {
                name: known[name] for name in ("subscription", "schedule") if name in known
            }
            self.recipient = {**variable, **kept}
            if preferences is not None:
                self.preferences = replace(self.preferences, own=preferences)
        if ref == self.actor_ref:
            self.actor = variable
        if ref == RecipientRef(TENANTS, self.tenant_id or ""):
            self.tenant = variable
            default = _default_set({"settings": stored.settings})
            self.preferences = replace(self.preferences, tenant=default)


def run_state(
    taken: TakenRun,
    data: JsonObject,
    patches: list[JsonObject],
    default_preferences: JsonObject | None,
    through: ReachedThrough | None = None,
) -> RunState:
    """Make the state of a run that was taken.

    Args:
        taken: its row.
        data: of its trigger.
        patches: what its steps have changed in the data.
        default_preferences: of its environment.
        through: how its recipient was reached, if not by name.
    """
    return RunState(
        id=taken.id,
        environment_id=taken.environment_id,
        environment=taken.environment,
        branch_id=taken.branch_id,
        config_version=taken.config_version,
        workflow_run_id=taken.workflow_run_id,
        version_id=taken.version_id,
        ref=taken.recipient_ref,
        tenant_id=taken.tenant_id,
        cancellation_key=taken.cancellation_key,
        accepted_at=taken.accepted_at,
        settings=taken.settings,
        source=taken.source,
        recipient=_recipient(taken, through),
        actor_ref=taken.actor_ref,
        actor=_variable(taken.actor),
        tenant=_variable(taken.tenant),
        preferences=_layers(taken, default_preferences),
        data=run_data(data, taken.trigger_data, patches),
    )


def _recipient(taken: TakenRun, through: ReachedThrough | None) -> JsonObject | None:
    """Return the recipient, with how the run has reached it.

    A schedule that made the run is as it was when it occurred (Knock docs, "Schedules", on
    `recipient.schedule`).
    """
    recipient, source = _variable(taken.recipient), taken.source
    if recipient is not None and through is not None:
        recipient["subscription"] = through.variable()
    if recipient is None or source.get("type") != "schedule":
        return recipient
    schedule = {
        "id": source.get("schedule_id"),
        "last_occurrence_at": source.get("last_occurrence_at"),
        "next_occurrence_at": source.get("next_occurrence_at"),
    }
    return {**recipient, "schedule": schedule}


def _layers(taken: TakenRun, default_preferences: JsonObject | None) -> Layers:
    return Layers(
        environment=default_preferences,
        tenant_id=taken.tenant_id,
        tenant=_default_set(taken.tenant),
        own=taken.preferences or {},
    )


def _variable(stored: JsonObject | None) -> JsonObject | None:
    return None if stored is None else Recipient.of_json(stored).variable()


def _default_set(stored: JsonObject | None) -> JsonObject | None:
    """Return the default preferences of a tenant as it is stored."""
    found = ((stored or {}).get("settings") or {}).get("preference_set")
    return found if isinstance(found, dict) else None
