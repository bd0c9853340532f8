"""The vocabulary of a run's status.

Source: Knock API reference, WorkflowRecipientRun.
"""

from __future__ import annotations

from enum import StrEnum


class RunStatus(StrEnum):
    """Where a recipient run stands."""

    QUEUED = "queued"
    PROCESSING = "processing"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


OPEN_RUN = (RunStatus.QUEUED, RunStatus.PROCESSING, RunStatus.PAUSED)
# What a run passes through, or ends in, only now and then: lists find these by an index.
RARE_RUN = (RunStatus.PROCESSING, RunStatus.PAUSED, RunStatus.CANCELLED)
