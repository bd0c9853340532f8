"""Wire shapes of bulk operations as an operator sees them."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from pydantic import Field

from domain.bulk.operations import BulkOperation, BulkStatus
from domain.kit.answers import Moment, Out


class OpenBulkOut(Out):
    """A bulk operation that is not over."""

    id: UUID
    name: str = Field(description="What the operation does, such as `users.identify`.")
    status: BulkStatus
    fault: str | None = Field(
        description="The internal fault that holds it up: its type, and its id in the logs."
    )
    estimated_total_rows: int
    processed_rows: int
    success_count: int
    error_count: int
    inserted_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, operation: BulkOperation) -> Self:
        """Write an operation."""
        return cls(
            id=operation.id,
            name=operation.name,
            status=BulkStatus(operation.status),
            fault=operation.fault,
            estimated_total_rows=operation.estimated_total_rows,
            processed_rows=operation.processed_rows,
            success_count=operation.success_count,
            error_count=operation.error_count,
            inserted_at=operation.inserted_at,
            updated_at=operation.updated_at,
        )
