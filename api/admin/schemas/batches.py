"""Wire shapes of batches and their items."""

from __future__ import annotations

from typing import Any, Self
from uuid import UUID

from pydantic import Field

from domain.batches.gathered import Contribution
from domain.batches.rows import OpenBatch
from domain.kit.answers import Moment, Out
from domain.recipients.answers import Reference, reference


class BatchOut(Out):
    """A batch; `closed_at` is null while it takes items."""

    id: UUID
    workflow: str
    branch: str | None = Field(description="The branch that its runs are on, if any.")
    step_ref: str
    recipient: Reference
    batch_key: str
    carrier_run_id: UUID | None
    item_count: int
    max_items: int | None
    opened_at: Moment
    closes_at: Moment
    closed_at: Moment | None

    @classmethod
    def of(cls, batch: OpenBatch) -> Self:
        """Write a batch."""
        return cls(
            id=batch.id,
            workflow=batch.workflow_key,
            branch=batch.branch,
            step_ref=batch.step_ref,
            recipient=reference(batch.recipient),
            batch_key=batch.batch_key,
            carrier_run_id=batch.carrier_run_id,
            item_count=batch.item_count,
            max_items=batch.max_items,
            opened_at=batch.opened_at,
            closes_at=batch.closes_at,
            closed_at=batch.closed_at,
        )


class BatchBodyOut(Out):
    """The batch as it is now."""

    batch: BatchOut

    @classmethod
    def of(cls, batch: OpenBatch) -> Self:
        """Write a batch."""
        return cls(batch=BatchOut.of(batch))


class BatchItemOut(Out):
    """What one run has brought."""

    run_id: UUID
    workflow_run_id: UUID
    actor: Reference | None
    data: dict[str, Any]
    created_at: Moment

    @classmethod
    def of(cls, run_id: UUID, item: Contribution) -> Self:
        """Write an item."""
        return cls(
            run_id=run_id,
            workflow_run_id=item.id,
            actor=reference(item.actor_ref) if item.actor_ref else None,
            data=item.data,
            created_at=item.inserted_at,
        )
