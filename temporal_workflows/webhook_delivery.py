"""The delivery of one event to one endpoint, with its eight attempts."""

from __future__ import annotations

from temporalio import workflow

from domain.contract.deliveries import WebhookDeliveryInput
from domain.contract.queues import WEBHOOKS
from temporal_workflows import activity_stubs as stubs


@workflow.defn(name="WebhookDelivery")
class WebhookDeliveryWorkflow:
    """Have an event sent until that has succeeded, or was given up; PostgreSQL counts."""

    @workflow.run
    async def run(self, order: WebhookDeliveryInput) -> str:
        """Return where the delivery stands then."""
        return await workflow.execute_activity(
            stubs.deliver_webhook,
            order,
            task_queue=WEBHOOKS,
            start_to_close_timeout=stubs.FETCH_TIMEOUT,
            heartbeat_timeout=stubs.FETCH_HEARTBEAT,
            retry_policy=stubs.DELIVERY_RETRY,
            summary=order.label,
        )
