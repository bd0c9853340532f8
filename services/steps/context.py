"""What a step executor works with, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.clock import parse_instant
from domain.conditions import ConditionGroup, ConditionScope, Verdict, evaluate
from domain.ids import new_id
from domain.json_types import JsonObject
from domain.recipients import recipient_variable
from domain.refs import RecipientRef
from domain.runs import DeliveryOrder
from domain.steps import BaseStep
from domain.workflows import WorkflowDefinition
from models.queries import walks
from runtime.database import Connection
from runtime.platform import Platform
from services.catalog import Catalog, Configuration
from services.message_facts import message_facts
from templating.context import build_scope
from templating.environment import render_text
from templating.limits import Limits


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run as it was taken: its row, with the trigger's data and the people it is about.

    Recipient, actor and tenant are in the form that templates see, or None when they are unknown.
    """

    id: str
    environment_id: UUID
    environment: str
    workflow_run_id: UUID
    version_id: UUID
    ref: RecipientRef
    tenant_id: str | None
    cancellation_key: str | None
    data: JsonObject
    settings: JsonObject
    recipient: JsonObject | None
    actor_ref: RecipientRef | None
    actor: JsonObject | None
    tenant: JsonObject | None


def run_facts(row: dict[str, Any]) -> RunFacts:
    """Read the row of `models.queries.walks.take_run`."""
    actor_ref = None
    if row["actor_id"] is not None:
        actor_ref = RecipientRef(row["actor_collection"], row["actor_id"])
    return RunFacts(
        id=str(row["id"]),
        environment_id=row["environment_id"],
        environment=row["environment"],
        workflow_run_id=row["workflow_run_id"],
        version_id=row["version_id"],
        ref=RecipientRef(row["collection"], row["recipient_id"]),
        tenant_id=row["tenant_id"],
        cancellation_key=row["cancellation_key"],
        # One level deep, as `$trigger_data` is documented: whole keys win.
        data={**row["data"], **(row["trigger_data"] or {})},
        settings=row["settings"],
        recipient=_variable(row["recipient"]),
        actor_ref=actor_ref,
        actor=_variable(row["actor"]),
        tenant=_variable(row["tenant"]),
    )


def _variable(stored: JsonObject | None) -> JsonObject | None:
    """Read a recipient's row as PostgreSQL wrote it in JSON: its instants are texts."""
    if stored is None:
        return None
    instants = {name: parse_instant(stored[name]) for name in ("created_at", "updated_at")}
    return recipient_variable({**stored, **instants})


@dataclass(slots=True)
class StepOutcome:
    """What a step did.

    Attributes:
        record: stored under the step's ref, so that a repeated walk answers the same; it holds
            `outcome` (sent, skipped, waiting, passed) and what belongs to it.
        story: one line for the Temporal UI; no personal data.
        until: the instant to wait for before the walk goes on, or None.
        label: what is waited for.
        deliveries: messages to hand to their providers.
    """

    record: JsonObject
    story: str
    until: datetime | None = None
    label: str = ""
    deliveries: list[DeliveryOrder] = field(default_factory=list)


@dataclass(slots=True)
class StepContext:
    """One walk's view of its run; executors add what they do to `record`."""

    platform: Platform
    catalog: Catalog
    connection: Connection
    configuration: Configuration
    definition: WorkflowDefinition
    run: RunFacts
    record: walks.WalkRecord
    now: datetime
    limits: Limits
    _scope: JsonObject | None = None
    _stored: list[dict[str, Any]] | None = None

    @property
    def zone(self) -> str | None:
        """Return the recipient's time zone as it was given, if it was."""
        zone = (self.run.recipient or {}).get("timezone")
        return zone if isinstance(zone, str) else None

    def scope(self) -> JsonObject:
        """Return what templates and conditions of this run see."""
        if self._scope is None:
            definition = self.definition
            self._scope = build_scope(
                data=self.run.data,
                recipient=self.run.recipient or {},
                actor=self.run.actor,
                tenant=self.run.tenant,
                workflow={
                    "id": str(self.run.version_id),
                    "key": definition.key,
                    "name": definition.name,
                    "categories": list(definition.categories),
                    "commercial": definition.settings.is_commercial,
                    "override_preferences": definition.settings.override_preferences,
                    "cancellation_key": self.run.cancellation_key,
                },
                variables={},
                now_iso=self.now.isoformat(),
            )
        return self._scope

    async def judge(self, *groups: ConditionGroup | None) -> Verdict | None:
        """Judge condition groups joined by AND; None when there is nothing to judge.

        Raises:
            ConditionError: the Liquid of an argument is broken.
        """
        given = [group for group in groups if group is not None]
        if not given:
            return None
        values = {**self.scope(), "refs": await self._message_refs()}
        scope = ConditionScope(
            values=values, now=self.now, render=lambda text: render_text(text, values, self.limits)
        )
        trace: list[JsonObject] = []
        for group in given:
            verdict = evaluate(group, scope)
            trace.extend(verdict.trace)
            if not verdict.passed:
                return Verdict(passed=False, trace=trace)
        return Verdict(passed=True, trace=trace)

    async def allows(self, step: BaseStep, step_type: str, *more: ConditionGroup | None) -> bool:
        """Judge a step's conditions, with more of its kind, and tell the verdict.

        Raises:
            ConditionError: the Liquid of an argument is broken.
        """
        verdict = await self.judge(step.conditions, *more)
        if verdict is None:
            return True
        self.tell(
            "step_conditions_evaluated",
            ref=step.ref,
            step_type=step_type,
            data={"passed": verdict.passed, "conditions": verdict.trace},
        )
        return verdict.passed

    async def _message_refs(self) -> JsonObject:
        """Return the messages of earlier steps as conditions see them.

        Those of earlier walks are loaded at first use; those of this walk grow with every step.
        """
        if not self.record.step_outcomes:
            return {}
        if self._stored is None:
            self._stored = await walks.messages_of_run(
                self.connection, self.run.workflow_run_id, UUID(self.run.id)
            )
        return message_facts(self._stored, self.record.messages)

    def tell(
        self,
        event: str,
        *,
        ref: str | None = None,
        step_type: str | None = None,
        failed: bool = False,
        attempt: int = 1,
        data: JsonObject | None = None,
    ) -> None:
        """Add a line to the run's story."""
        self.record.events.append(
            {
                "recipient_run_id": self.run.id,
                "position": self.record.event_count,
                "event": event,
                "status": "error" if failed else "ok",
                "attempt": attempt,
                "step_ref": ref,
                "step_type": step_type,
                "data": data or {},
                "inserted_at": self.now.isoformat(),
            }
        )
        self.record.event_count += 1
        if failed:
            self.record.error_count += 1

    def tell_message(
        self, message_id: str, event_type: str, data: JsonObject | None = None
    ) -> None:
        """Add a line to a message's story."""
        self.record.message_events.append(
            {
                "id": str(new_id()),
                "message_id": message_id,
                "event_type": event_type,
                "data": data,
                "inserted_at": self.now.isoformat(),
            }
        )
