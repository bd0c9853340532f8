"""Filters of the list of recipient runs, as the API reference names them: all apply."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from domain.kit.filters import Filter
from domain.recipients.refs import RecipientRef
from domain.runs.statuses import RunStatus


@dataclass(frozen=True, slots=True)
class RunFilters:
    """Which recipient runs a list holds."""

    workflow_key: Annotated[
        str | None, Filter("Only runs of the workflow with this key.", name="workflow")
    ] = None
    statuses: Annotated[
        list[RunStatus] | None, Filter("Only runs with one of these statuses.", name="status")
    ] = None
    tenant: Annotated[str | None, Filter("Only runs of this tenant.")] = None
    has_errors: Annotated[
        bool | None, Filter("true: only runs with errors; false: only runs without.")
    ] = None
    recipient: Annotated[
        RecipientRef | None,
        Filter("Only runs for this recipient: a user id, or recipient[id] and its [collection]."),
    ] = None
    starting_at: Annotated[
        datetime | None, Filter("Only runs at or after this time, ISO 8601.")
    ] = None
    ending_at: Annotated[datetime | None, Filter("Only runs up to this time, ISO 8601.")] = None
