"""Reads the filters of message lists from a query."""

from __future__ import annotations

from api.kit.parameters import Param, choices, identifier, texts
from api.kit.query_strings import Query
from api.knock.common import INSERTED_AT, PAGING
from domain.kit.ids import FIRST_ID, read_id
from domain.messages.engagement import MAX_MESSAGE_IDS, known_message_ids
from domain.messages.filters import ENGAGEMENT_FILTERS, MessageFilter
from domain.messages.statuses import DeliveryStatus
from domain.recipients.refs import RecipientRef

PARAMETERS: dict[str, str | Param] = {
    "tenant": "Only messages of this tenant.",
    "channel_id": identifier("Only messages on this channel."),
    "status[]": choices("Only messages with one of these delivery statuses.", DeliveryStatus),
    "engagement_status[]": choices("Only messages with one of these.", ENGAGEMENT_FILTERS),
    "message_ids[]": texts("Only messages with one of these ids.", MAX_MESSAGE_IDS),
    "workflow_categories[]": texts("Only messages of workflows with one of these categories.", 100),
    "source": "Only messages of the workflow with this key.",
    "workflow_run_id": identifier("Only messages of this trigger."),
    "workflow_recipient_run_id": "Only messages of this recipient run.",
    "trigger_data": "JSON object: values that the trigger's data must have, top level only.",
    **INSERTED_AT,
    **PAGING,
}


def read_message_filter(query: Query, recipient: RecipientRef | None = None) -> MessageFilter:
    """Return the filters of a message list. Raises InvalidParams."""
    ids = query.texts("message_ids", at_most=MAX_MESSAGE_IDS)
    run_id = query.text("workflow_recipient_run_id")
    return MessageFilter(
        recipient=recipient,
        tenant=query.text("tenant"),
        channel_id=query.uuid("channel_id"),
        statuses=query.texts("status", choices=tuple(DeliveryStatus)),
        engagement=query.texts("engagement_status", choices=ENGAGEMENT_FILTERS),
        message_ids=None if ids is None else known_message_ids(ids),
        categories=query.texts("workflow_categories"),
        source=query.text("source"),
        workflow_run_id=query.uuid("workflow_run_id"),
        recipient_run_id=None if run_id is None else read_id(run_id) or FIRST_ID,
        trigger_data=query.data_filter("trigger_data"),
        inserted_at=query.bounds("inserted_at"),
    )
