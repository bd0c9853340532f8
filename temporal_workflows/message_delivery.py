"""The delivery of one message, apart from the run that made it.

Somebody had it retried, moved it to an earlier instant or released its channel; or its run was lost
before it had made the delivery.
"""

from __future__ import annotations

from temporalio import workflow

from domain.contract.deliveries import MessageDeliveryInput
from temporal_workflows.delivery import deliver


@workflow.defn(name="MessageDelivery")
class MessageDeliveryWorkflow:
    """Deliver one message, with the same eight attempts as a run."""

    @workflow.run
    async def run(self, order: MessageDeliveryInput) -> None:
        """Return when the message has reached a final status."""
        await deliver(order.delivery, queue=order.queue, label=order.label)
