"""Runs that wait: what for, and until when; and which of them an operator means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from domain.kit.clock import iso
from domain.kit.filters import Filter
from domain.kit.json_types import JsonObject
from domain.kit.shapes import Instant, Shape
from domain.recipients.refs import RecipientRef


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRun:
    """A run that waits, or that has not begun.

    Attributes:
        resumes_at: when its wait ends as it stands, of one that carries a batch when that closes;
            None while it has not begun.
        branch: slug of the branch whose content it uses; None for the environment's own.
    """

    id: UUID
    workflow_run_id: UUID
    workflow_key: str
    branch: str | None
    status: str
    collection: str
    recipient_id: str
    tenant_id: str | None
    cancellation_key: str | None
    resumes_at: datetime | None
    step_outcomes: JsonObject
    inserted_at: datetime

    @property
    def recipient(self) -> RecipientRef:
        """Return whose run it is."""
        return RecipientRef(self.collection, self.recipient_id)

    @property
    def wait(self) -> Wait | None:
        """Return what it waits for, or None when it does not wait for anything of a step."""
        newest = max(self.step_outcomes.items(), key=lambda each: each[1].get("n", 0), default=None)
        if newest is None or newest[1].get("outcome") not in ("waiting", "retrying"):
            return None
        ref, outcome = newest
        directive = outcome.get("directive") or {}
        kind = str(directive.get("kind", ""))
        if outcome["outcome"] == "retrying":
            kind = "retry"
        elif "fetch_attempt" in outcome:  # which sleeps until another attempt is due
            kind = "fetch"
        label = str(directive.get("label", ""))
        if kind == "await_batch" and self.resumes_at is not None:  # its window may have moved since
            label = f"{ref}: gathers until {iso(self.resumes_at)}"
        return Wait(ref, _KINDS.get(kind, kind), label)


@dataclass(frozen=True, slots=True)
class Wait:
    """What a run waits for: the step, the kind of wait, and what the Temporal UI shows of it."""

    step_ref: str
    kind: str
    label: str


# Directives, as operators call what they stand for.
_KINDS = {"sleep_until": "delay", "await_batch": "batch", "await_event": "event"}


@dataclass(frozen=True, slots=True)
class WaitingFilters:
    """Which of the waiting runs a list holds."""

    workflow_key: Annotated[
        str | None, Filter("Only runs of the workflow with this key.", name="workflow")
    ] = None
    tenant: Annotated[str | None, Filter("Only runs of this tenant.")] = None
    recipient: Annotated[
        RecipientRef | None,
        Filter("Only runs for this recipient: a user id, or recipient[id] and its [collection]."),
    ] = None


class CancelRunsRequest(Shape):
    """Which open runs are cancelled: those to which all that is given applies."""

    run_id: str | None = Field(
        None, description="This recipient run, or all runs of the trigger that returned this id."
    )
    workflow: str | None = Field(None, description="Runs of the workflow with this key.")
    tenant: str | None = Field(None, description="Runs of this tenant.")
    recipient: str | None = Field(None, description="Runs for the recipient with this id.")
    collection: str = Field("$users", description="Collection of the recipient.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What a cancel has done.

    Attributes:
        runs: how many it ended.
        items: how many it took out of open batches.
        addressees: to how many recipients of broadcasts no run will be made.
    """

    runs: int
    items: int
    addressees: int


class WaitRequest(Shape):
    """When a run goes on."""

    until: Instant | None = Field(
        None, description="When the run continues; at once if it is left out."
    )
