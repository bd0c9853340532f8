"""Wire shapes of workflows."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.management.common import PageInfoOut


class WorkflowSettingsIn(BaseModel):
    """Switches of a workflow."""

    is_commercial: bool = False
    override_preferences: bool = False


class WorkflowIn(BaseModel):
    """A workflow as it is written; fields that a client adds beside these are ignored."""

    name: str = Field(min_length=1, max_length=255)
    steps: list[dict[str, Any]] = Field(description="In order: channel and delay steps.")
    description: str | None = Field(None, max_length=280)
    categories: list[str] = []
    tags: list[str] = []
    conditions: dict[str, Any] | None = None
    settings: WorkflowSettingsIn = WorkflowSettingsIn()
    trigger_frequency: Literal["every_trigger"] = "every_trigger"
    trigger_data_json_schema: dict[str, Any] | None = None


class WorkflowBodyIn(BaseModel):
    """The body of an upsert."""

    workflow: WorkflowIn


class WorkflowOut(WorkflowIn):
    """A workflow as it is read."""

    annotation: dict[str, Any] | None = Field(
        None, alias="__annotation", description="What Knock's CLI makes of it: with `annotate`."
    )
    goal_attachment: dict[str, Any] | None = None
    key: str
    active: bool
    valid: bool
    environment: str
    sha: str
    created_at: str
    updated_at: str


class WorkflowBodyOut(BaseModel):
    """The answer to a write."""

    workflow: WorkflowOut


class WorkflowPageOut(BaseModel):
    """A page of workflows."""

    entries: list[WorkflowOut]
    page_info: PageInfoOut


class ActivateIn(BaseModel):
    """Switch on or off; Knock's CLI sends `status` in the query instead."""

    status: bool = True


class RunIn(BaseModel):
    """A test run."""

    recipients: list[Any] = Field(min_length=1, max_length=1000)
    actor: Any = None
    tenant: Any = None
    data: dict[str, Any] = {}
    cancellation_key: str | None = None
    settings: dict[str, bool] = {}


class RunOut(BaseModel):
    """The run that was started."""

    workflow_run_id: str
