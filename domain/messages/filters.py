"""Filters of lists, as the API reference names them: all apply, any value of a list is enough."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from domain.kit.filters import Bounds, DataFilter, Filter
from domain.kit.ids import FIRST_ID, read_id
from domain.kit.user_tokens import TenantScope
from domain.messages.engagement import MAX_MESSAGE_IDS, known_message_ids
from domain.messages.statuses import REVERSIBLE, DeliveryStatus, EngagementStatus
from domain.recipients.refs import RecipientRef

ENGAGEMENT_FILTERS = (
    *(status.value for status in EngagementStatus),
    *(f"un{status}" for status in REVERSIBLE),
)
_DATA = "JSON object: top-level values that the trigger's data must have."
_CATEGORIES = "Only messages of workflows with one of these categories."
_INSERTED_AT = "Bounds for the time it was inserted, ISO 8601"


class Archived(StrEnum):
    """Whether a feed shows archived items."""

    EXCLUDE = "exclude"
    INCLUDE = "include"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class MessageFilters:
    """Which messages a list holds; whose they are, the path says."""

    recipient: RecipientRef | None = None
    tenant: Annotated[str | None, Filter("Only messages of this tenant.")] = None
    channel_id: Annotated[UUID | None, Filter("Only messages on this channel.")] = None
    status: Annotated[
        list[DeliveryStatus] | None, Filter("Only messages with one of these delivery statuses.")
    ] = None
    engagement_status: Annotated[
        list[str] | None,
        Filter("Only messages with one of these engagement statuses.", choices=ENGAGEMENT_FILTERS),
    ] = None
    message_ids: Annotated[
        list[str] | None,
        Filter("Only messages with one of these ids.", at_most=MAX_MESSAGE_IDS),
    ] = None
    workflow_categories: Annotated[list[str] | None, Filter(_CATEGORIES)] = None
    source: Annotated[str | None, Filter("Only messages of the workflow with this key.")] = None
    workflow_run_id: Annotated[UUID | None, Filter("Only messages of this trigger.")] = None
    workflow_recipient_run_id: Annotated[
        str | None, Filter("Only messages of this recipient run.")
    ] = None
    trigger_data: Annotated[DataFilter | None, Filter(_DATA)] = None
    inserted_at: Annotated[Bounds, Filter(_INSERTED_AT)] = field(default_factory=Bounds)

    @property
    def known_ids(self) -> list[UUID] | None:
        """Return those of the ids that a message of ours can have."""
        return None if self.message_ids is None else known_message_ids(self.message_ids)

    @property
    def recipient_run_id(self) -> UUID | None:
        """Return the id of the run; one that no run has, when no run of ours can have it."""
        run_id = self.workflow_recipient_run_id
        return None if run_id is None else read_id(run_id) or FIRST_ID


@dataclass(frozen=True, slots=True)
class FeedFilters:
    """Which items a feed shows; `tenant` also shows items without any, unless `has_tenant`.

    Attributes:
        within: the tenants that the caller is kept to; None for all.
    """

    within: TenantScope | None = None

    status: Annotated[
        str, Filter("Default: all.", choices=("unread", "read", "unseen", "seen", "all"))
    ] = "all"
    archived: Annotated[Archived, Filter("Default: exclude.")] = Archived.EXCLUDE
    source: Annotated[str | None, Filter("Only items of the workflow with this key.")] = None
    tenant: Annotated[str | None, Filter("Items of this tenant, and items without a tenant.")] = (
        None
    )
    has_tenant: Annotated[
        bool | None, Filter("true: only items of (that) tenant; false: only items without one.")
    ] = None
    workflow_categories: Annotated[list[str] | None, Filter(_CATEGORIES)] = None
    trigger_data: Annotated[DataFilter | None, Filter(_DATA)] = None
    inserted_at: Annotated[Bounds, Filter(_INSERTED_AT)] = field(default_factory=Bounds)
