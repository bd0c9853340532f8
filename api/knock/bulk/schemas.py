"""Shapes of bulk operations."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field

from domain.bulk.operations import BulkFailure, BulkStatus
from domain.kit.answers import LeftOut, Moment, Out
from services.bulk.accept import BulkView


class BulkErrorOut(Out):
    """An entry that failed."""

    id: str = Field(description="As named in the request; empty if it is not.")
    collection: str | None
    reason: str
    line: LeftOut[int] = Field(None, description="For a file: the line on which the row begins.")

    @classmethod
    def of(cls, failure: BulkFailure, *, is_of_file: bool) -> Self:
        """Write a failure."""
        return cls(
            id=failure.id,
            collection=failure.collection,
            reason=failure.reason,
            line=failure.number if is_of_file else None,
        )


class BulkOperationOut(Out):
    """A bulk operation: what it does, and how far it has come."""

    typename: Annotated[Literal["BulkOperation"], Field(alias="__typename")]
    id: str
    name: str = Field(description="What the operation does, such as `users.identify`.")
    status: BulkStatus
    estimated_total_rows: int
    processed_rows: int
    success_count: int
    error_count: int
    error_items: list[BulkErrorOut] = Field(description="The first thousand errors.")
    progress_path: str = Field(
        description="Where to ask for its progress.", json_schema_extra={"format": "uri"}
    )
    started_at: Moment | None
    completed_at: Moment | None
    failed_at: Moment | None
    inserted_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, view: BulkView, *, address: str, environment: str | None = None) -> Self:
        """Write an operation.

        Args:
            view: what is known of it.
            address: where this API is reached.
            environment: its slug, for who asks with a service token.
        """
        asked = "/v1" if environment is None else f"/v1/admin/environments/{environment}"
        operation = view.operation
        return cls(
            typename="BulkOperation",
            id=str(operation.id),
            name=operation.name,
            status=BulkStatus(operation.status),
            estimated_total_rows=operation.estimated_total_rows,
            processed_rows=operation.processed_rows,
            success_count=operation.success_count,
            error_count=operation.error_count,
            error_items=[
                BulkErrorOut.of(failure, is_of_file=operation.is_of_file)
                for failure in view.failures
            ],
            progress_path=f"{address}{asked}/bulk_operations/{operation.id}",
            started_at=operation.started_at,
            completed_at=operation.completed_at,
            failed_at=operation.failed_at,
            inserted_at=operation.inserted_at,
            updated_at=operation.updated_at,
        )
