"""The manual retry of one message, apart from the run that made it."""

from __future__ import annotations

from temporalio import workflow

from domain.contract.runs import MessageDeliveryInput
from temporal_workflows.delivery import deliver


@workflow.defn(name="MessageDelivery")
class MessageDeliveryWorkflow:
    """Deliver one message again, with the same eight attempts."""

    @workflow.run
    async def run(self, order: MessageDeliveryInput) -> None:
        """Return when the message has reached a final status."""
        await deliver(order.delivery, queue=order.queue, label=order.label)
