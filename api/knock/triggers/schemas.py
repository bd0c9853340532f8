"""Wire shapes of trigger and cancel."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from api.knock.common import Out
from domain.triggers.requests import MAX_CANCELLATION_KEY, MAX_RECIPIENTS

Reference = str | dict[str, Any]


class TriggerSettingsIn(BaseModel):
    """How the runs of a trigger behave."""

    sandbox_mode: bool = Field(False, description="Messages end as not_sent.")
    skip_delay: bool = Field(False, description="Delay steps are passed at once.")


class TriggerIn(BaseModel):
    """A request to run a workflow."""

    recipients: list[Reference] = Field(
        description="User ids, object references, or users and objects to identify inline.",
        min_length=1,
        max_length=MAX_RECIPIENTS,
    )
    actor: Reference | None = Field(None, description="Who did it: a recipient.")
    tenant: Reference | None = Field(None, description="An id, or a tenant to set inline.")
    data: dict[str, Any] | None = Field(None, description="At most 10 MB.")
    cancellation_key: str | None = Field(None, min_length=1, max_length=MAX_CANCELLATION_KEY)
    settings: TriggerSettingsIn | None = None


class TriggerOut(Out):
    """The accepted trigger."""

    workflow_run_id: str


class CancelIn(BaseModel):
    """A request to cancel runs that have not ended."""

    cancellation_key: str = Field(min_length=1, max_length=MAX_CANCELLATION_KEY)
    recipients: list[Reference] | None = Field(
        None, description="Only the runs of these.", max_length=MAX_RECIPIENTS
    )


class NotifyIn(TriggerIn):
    """The older form of a trigger."""

    name: str = Field(description="Key of the workflow.", min_length=1)
    actor: Reference = Field(description="Who did it: a recipient.")


class NotifyCancelIn(CancelIn):
    """The older form of a cancel."""

    name: str = Field(description="Key of the workflow.", min_length=1)


class NotifyOut(Out):
    """The accepted trigger, in its older form."""

    result_id: str
