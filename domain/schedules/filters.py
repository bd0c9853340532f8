"""Filters of lists of schedules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from domain.kit.filters import Filter
from domain.recipients.refs import RecipientRef


@dataclass(frozen=True, slots=True)
class RecipientScheduleFilters:
    """Which schedules of a recipient a list is asked for."""

    workflow_key: Annotated[
        str | None, Filter("Only schedules of the workflow with this key.", name="workflow")
    ] = None
    tenant: Annotated[str | None, Filter("Only schedules of this tenant.")] = None


@dataclass(frozen=True, slots=True)
class ScheduleFilters:
    """Which schedules of a workflow a list is asked for."""

    workflow_key: Annotated[
        str,
        Filter("The schedules of the workflow with this key.", name="workflow", is_required=True),
    ]
    recipients: Annotated[
        list[RecipientRef] | None,
        Filter("Only schedules of these recipients, by user id, or by `id` and `collection`."),
    ] = None
    tenant: Annotated[str | None, Filter("Only schedules of this tenant.")] = None
