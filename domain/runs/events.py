"""What can happen in a recipient run, and how its story tells it.

Source: Knock API reference, WorkflowRecipientRunEvent; docs, "Debugging workflows".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.kit.json_types import JsonObject


class RunEventType(StrEnum):
    """Names of run events."""

    RUN_STARTED = "run_started"
    RUN_COMPLETED = "run_completed"
    RUN_HALTED = "run_halted"
    RUN_CANCELLED = "run_cancelled"
    RUN_STALLED = "run_stalled"
    TRIGGER_CONDITIONS_EVALUATED = "trigger_conditions_evaluated"
    STEP_CONDITIONS_EVALUATED = "step_conditions_evaluated"
    PREFERENCES_EVALUATED = "preferences_evaluated"
    STEP_SKIPPED = "step_skipped"
    STEP_RETRYING = "step_retrying"
    STEP_FAILED = "step_failed"
    CHANNEL_GROUP_EVALUATED = "channel_group_evaluated"
    CHANNEL_SKIPPED = "channel_skipped"
    MESSAGE_ENQUEUED = "message_enqueued"
    # Told by versions that could not send them.
    ATTACHMENTS_NOT_SENT = "attachments_not_sent"
    BATCH_OPENED = "batch_opened"
    BATCH_FLUSHED = "batch_flushed"
    BATCH_JOINED = "batch_joined"
    BATCH_CLOSED = "batch_closed"
    BATCH_TAKEN_OVER = "batch_taken_over"
    BATCH_ITEM_REMOVED = "batch_item_removed"
    DELAY_STARTED = "delay_started"
    DELAY_SKIPPED = "delay_skipped"
    DELAY_COMPLETED = "delay_completed"
    BRANCH_SELECTED = "branch_selected"
    COHORT_SELECTED = "cohort_selected"
    DATA_UPDATED = "data_updated"
    RECIPIENT_UPDATED = "recipient_updated"
    AUDIENCE_UPDATED = "audience_updated"
    GUIDE_ENABLED = "guide_enabled"
    WORKFLOW_TRIGGERED = "workflow_triggered"
    THROTTLE_ALLOWED = "throttle_allowed"
    THROTTLE_HIT = "throttle_hit"
    FETCH_REQUESTED = "fetch_requested"
    FETCH_RESPONDED = "fetch_responded"
    FETCH_UNANSWERED = "fetch_unanswered"
    FETCH_RETRY_SCHEDULED = "fetch_retry_scheduled"
    AGENT_ASKED = "agent_asked"
    AGENT_ANSWERED = "agent_answered"
    AGENT_UNANSWERED = "agent_unanswered"
    AGENT_RETRY_SCHEDULED = "agent_retry_scheduled"
    AGENT_FAILED = "agent_failed"
    WAIT_REGISTERED = "wait_registered"
    WAIT_CONDITIONS_EVALUATED = "wait_conditions_evaluated"
    WAIT_MATCHED = "wait_matched"
    WAIT_TIMED_OUT = "wait_timed_out"
    WAIT_MOVED = "wait_moved"


class RunEventStatus(StrEnum):
    """Whether an event tells of an error. Each error is counted in its run's `error_count`."""

    OK = "ok"
    ERROR = "error"


# What a run's row stands for, and is not stored: that it started, and that it completed.
DERIVED = frozenset({RunEventType.RUN_STARTED, RunEventType.RUN_COMPLETED})
# The last event of a run is one of these, and no other event is; but that its item was taken out of
# a batch is told of a run that ended when it had joined that.
ENDS = frozenset({RunEventType.RUN_COMPLETED, RunEventType.RUN_HALTED, RunEventType.RUN_CANCELLED})
# These tell of an error whenever they are told.
ERRORS = frozenset(
    {
        RunEventType.RUN_HALTED,
        RunEventType.RUN_STALLED,
        RunEventType.STEP_RETRYING,
        RunEventType.STEP_FAILED,
    }
)
# These tell of an error now and then.
MAY_FAIL = frozenset(
    {
        RunEventType.RUN_CANCELLED,
        RunEventType.TRIGGER_CONDITIONS_EVALUATED,
        RunEventType.STEP_SKIPPED,
        RunEventType.DELAY_SKIPPED,
        RunEventType.FETCH_RESPONDED,
        RunEventType.FETCH_UNANSWERED,
        RunEventType.AGENT_ANSWERED,
        RunEventType.AGENT_UNANSWERED,
        RunEventType.AGENT_FAILED,
    }
)


def status_of(event: RunEventType, *, failed: bool = False) -> RunEventStatus:
    """Return the status that an event is told with.

    Args:
        event: what happened.
        failed: whether it tells of an error this time; some types always do.
    """
    return RunEventStatus.ERROR if failed or event in ERRORS else RunEventStatus.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRunEvent:
    """One event on its way to be stored, handed on, or both.

    Attributes:
        position: its place in the run's story, from 0.
        at: when it happened.
        failed: whether it tells of an error; some types always do.
        attempt: 1 for the first time that the step is taken.
        step_ref: of the step that it belongs to, if it belongs to one.
        step_type: of that step.
    """

    run_id: UUID
    position: int
    type: RunEventType
    at: datetime
    failed: bool = False
    attempt: int = 1
    step_ref: str | None = None
    step_type: str | None = None
    data: JsonObject = field(default_factory=dict)

    @property
    def status(self) -> RunEventStatus:
        """Return whether it tells of an error."""
        return status_of(self.type, failed=self.failed)
