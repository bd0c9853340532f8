"""Triggers and their recipient runs.

Every id begins with the time of the trigger, so rows of one time lie together and the tables can
be range-partitioned by id.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from domain.runs.statuses import OPEN_RUN, RARE_RUN
from models.tables.base import column_while, instant_column, json_column, text_column


class WorkflowRun(SQLModel, table=True):
    """One accepted trigger request; written once, and changed only when its actor is merged.

    Whom it has named and made no run for is in `missing_recipients`, who is not stored, and in
    `held_back_recipients`, who has had a run of a workflow that is entered once. Followers are
    added to the latter as they are found. An entry into an audience that its workflow refuses is
    kept as well, with the reason in `source`.
    """

    __tablename__ = "workflow_runs"
    __table_args__ = (
        Index(
            "ix_workflow_runs_actor",
            "environment_id",
            "actor_id",
            "actor_collection",
            "id",
            postgresql_where=text("actor_id IS NOT NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    environment_id: UUID
    branch_id: UUID | None = None
    workflow_key: str = text_column()
    version_id: UUID
    actor_collection: str | None = text_column(nullable=True)
    actor_id: str | None = text_column(nullable=True)
    tenant_id: str | None = text_column(nullable=True)
    cancellation_key: str | None = text_column(nullable=True)
    data: dict[str, Any] = json_column()
    settings: dict[str, Any] = json_column()
    source: dict[str, Any] = json_column()
    recipient_count: int
    missing_recipients: list[Any] | None = json_column(nullable=True)
    held_back_recipients: list[Any] | None = json_column(nullable=True)
    accepted_at: datetime = instant_column()


class RecipientRun(SQLModel, table=True):
    """The run of one recipient. `step_outcomes` makes a repeated walk change nothing.

    `status` is in no index: each change of it would touch all of them. The two generated columns
    stand in for it where a list or a cancel needs one, and stay null, and so out of the indexes,
    for a run that is accepted and completed without a pause or a cancellation key.

    An open run that has begun always has `resumes_at`: it is how reconciliation finds it.
    `seen_alive_at` is when Temporal last said that it has the run, to the day. `through_id` is the
    followed object through which the trigger has reached the recipient; null for one that it named.
    """

    __tablename__ = "recipient_runs"
    __table_args__ = (
        Index(None, "environment_id", "id"),
        Index(None, "environment_id", "recipient_id", "collection", "id"),
        Index(None, "workflow_run_id", "id"),
        Index(
            "ix_recipient_runs_open_key",
            "environment_id",
            "workflow_key",
            "open_key",
            postgresql_where=text("open_key IS NOT NULL"),
        ),
        Index(
            "ix_recipient_runs_rare_status",
            "environment_id",
            "rare_status",
            "id",
            postgresql_where=text("rare_status IS NOT NULL"),
        ),
        Index(None, "environment_id", "workflow_key", "id"),
        Index(
            "ix_recipient_runs_tenant",
            "environment_id",
            "tenant_id",
            "id",
            postgresql_where=text("tenant_id IS NOT NULL"),
        ),
        Index(
            "ix_recipient_runs_errors",
            "environment_id",
            "id",
            postgresql_where=text("error_count > 0"),
        ),
        Index(
            "ix_recipient_runs_resumes_at",
            "resumes_at",
            "id",
            postgresql_where=text("resumes_at IS NOT NULL"),
        ),
        Index(
            "ix_recipient_runs_cancellation_id",
            "cancellation_id",
            "id",
            postgresql_where=text("cancellation_id IS NOT NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    environment_id: UUID
    workflow_run_id: UUID
    workflow_key: str = text_column()
    version_id: UUID
    collection: str = text_column()
    recipient_id: str = text_column()
    tenant_id: str | None = text_column(nullable=True)
    cancellation_key: str | None = text_column(nullable=True)
    cancellation_id: UUID | None = None
    trigger_data: dict[str, Any] | None = json_column(nullable=True)
    through_id: UUID | None = None
    status: str = text_column()
    rare_status: str | None = column_while("status", status="status", among=RARE_RUN)
    open_key: str | None = column_while("cancellation_key", status="status", among=OPEN_RUN)
    error_count: int = 0
    event_count: int = 0
    step_outcomes: dict[str, Any] = json_column()
    resumes_at: datetime | None = instant_column(nullable=True)
    seen_alive_at: datetime | None = instant_column(nullable=True)
    started_at: datetime | None = instant_column(nullable=True)
    ended_at: datetime | None = instant_column(nullable=True)
    end_reason: str | None = text_column(nullable=True)
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()


class FirstRun(SQLModel, table=True):
    """The one run that a recipient has of a workflow that may be entered once.

    The row is taken with the run and kept for as long as the recipient; `tenant_id` is empty where
    tenants do not matter. Whoever finds it taken makes no run. `environment_id` names a branch, as
    it does of content: what runs on a branch is counted by itself.
    """

    __tablename__ = "first_runs"

    environment_id: UUID = Field(primary_key=True)
    collection: str = text_column(primary_key=True)
    recipient_id: str = text_column(primary_key=True)
    workflow_key: str = text_column(primary_key=True)
    tenant_id: str = text_column(primary_key=True)
    recipient_run_id: UUID


class SandboxFirstRun(SQLModel, table=True):
    """The one run in sandbox mode that a recipient has of such a workflow.

    It is counted apart, so that a workflow can be tried out with those who shall enter it later.
    """

    __tablename__ = "sandbox_first_runs"

    environment_id: UUID = Field(primary_key=True)
    collection: str = text_column(primary_key=True)
    recipient_id: str = text_column(primary_key=True)
    workflow_key: str = text_column(primary_key=True)
    tenant_id: str = text_column(primary_key=True)
    recipient_run_id: UUID


class RecipientRunEvent(SQLModel, table=True):
    """A line in a run's story; `position` counts from 0 within the run.

    That a run started, and that it completed, its row says: those positions are kept free.
    """

    __tablename__ = "recipient_run_events"

    recipient_run_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True)
    event: str
    status: str
    attempt: int
    step_ref: str | None = text_column(nullable=True)
    step_type: str | None = text_column(nullable=True)
    data: dict[str, Any] = json_column()
    inserted_at: datetime = instant_column()


class RunPatch(SQLModel, table=True):
    """What one step changed in its run's data; most runs have none."""

    __tablename__ = "run_patches"

    recipient_run_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True)
    step_ref: str = text_column()
    patch: dict[str, Any] = json_column()
