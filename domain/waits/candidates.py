"""Events that a wait may be for, and what conditions see of them (Knock docs: "Wait for event")."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kit.clock import iso
from domain.kit.json_types import JsonObject, JsonValue
from domain.messages.events import MessageEventType
from domain.recipients.refs import RecipientRef
from domain.runs.events import RunEventType
from domain.runs.statuses import RunStatus
from domain.waits.rows import Candidate

# What an event in the outbox is called in a wait: its kind, and its key.
OUTBOX_EVENTS: dict[str, tuple[str, str]] = {
    **{
        event.value: ("message", event.value.removeprefix("message.")) for event in MessageEventType
    },
    RunEventType.RUN_STARTED.value: ("workflow", "started"),
    # A run that failed has completed too: it has no other status.
    RunEventType.RUN_COMPLETED.value: ("workflow", "completed"),
    RunEventType.RUN_HALTED.value: ("workflow", "completed"),
}

# Kinds that are changes of the recipient: who makes one stores it for the waits that it may end.
CHANGES = frozenset({"audience", "recipient"})


def outbox_events(event_type: str, event_key: str) -> frozenset[str]:
    """Return the events of the outbox that a wait has to hear of; none for other kinds."""
    wanted = (event_type, event_key)
    return frozenset(name for name, named in OUTBOX_EVENTS.items() if named == wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHappening:
    """An event of a message, with the message."""

    candidate_id: str
    event_type: str
    data: JsonObject | None
    at: datetime
    message_id: UUID
    channel_id: UUID
    channel_type: str
    channel_provider: str | None
    tenant_id: str | None
    is_sandbox: bool
    step_ref: str
    collection: str
    recipient_id: str
    source_type: str
    workflow_key: str

    def candidate(self) -> Candidate:
        """Return it as conditions see it."""
        return Candidate(
            self.candidate_id,
            self.at,
            {
                "message_id": str(self.message_id),
                "event_type": self.event_type,
                "channel_id": str(self.channel_id),
                "channel_type": self.channel_type,
                "channel_provider": self.channel_provider,
                "tenant_id": self.tenant_id,
                "exec_mode": _mode(self.is_sandbox),
                "step_ref": self.step_ref,
                "recipient": _recipient(self.collection, self.recipient_id),
                "inserted_at": iso(self.at),
                "source": {"type": self.source_type, "key": self.workflow_key},
                "data": self.data or {},
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHappening:
    """That a run has started or completed; `data` is None where it is too much to be shown."""

    candidate_id: str
    at: datetime
    event_key: str
    workflow_key: str
    workflow_run_id: UUID
    collection: str
    recipient_id: str
    status: str
    tenant_id: str | None
    is_sandbox: bool
    data: JsonObject | None

    def candidate(self) -> Candidate:
        """Return it as conditions see it."""
        # A start that is looked at later has the status that the run had then.
        status = RunStatus.PROCESSING.value if self.event_key == "started" else self.status
        return Candidate(
            self.candidate_id,
            self.at,
            {
                "workflow_key": self.workflow_key,
                "workflow_run_id": str(self.workflow_run_id),
                "recipient": _recipient(self.collection, self.recipient_id),
                "status": status,
                "tenant_id": self.tenant_id,
                "notify_data": self.data,
                "exec_mode": _mode(self.is_sandbox),
                "inserted_at": iso(self.at),
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHappening:
    """An event that a source has sent."""

    event_id: UUID
    body: JsonObject
    recipient_id: str
    happened_at: datetime
    at: datetime

    def candidate(self) -> Candidate:
        """Return it as conditions see it."""
        return Candidate(
            str(self.event_id),
            self.at,
            {
                "data": self.body,
                "user_id": self.recipient_id,
                "inserted_at": iso(self.happened_at),
                "preprocess_output": None,
                "event_gid": str(self.event_id),
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeHappening:
    """A change of the recipient, or of an audience that they are in."""

    id: UUID
    variables: JsonObject
    happened_at: datetime

    def candidate(self) -> Candidate:
        """Return it as conditions see it."""
        return Candidate(str(self.id), self.happened_at, self.variables)


def _recipient(collection: str, recipient_id: str) -> JsonValue:
    return RecipientRef(collection, recipient_id).wire()


def _mode(is_sandbox: bool) -> str:
    return "sandbox" if is_sandbox else "live"
