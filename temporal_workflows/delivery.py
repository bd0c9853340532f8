"""How workflow code hands one message to its provider: shared by runs and manual retries."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from domain.runs import DeliverMessageInput
from temporal_workflows import activity_stubs as stubs


async def deliver(order: DeliverMessageInput, *, queue: str, label: str) -> None:
    """Deliver on the channel's queue, up to eight times; record it when every attempt broke.

    An attempt that the provider refuses ends inside the activity, which stores the outcome. Only
    attempts that never came back (worker killed, timed out) arrive here as an error.
    """
    try:
        await workflow.execute_activity(
            stubs.deliver_message,
            order,
            task_queue=queue,
            start_to_close_timeout=stubs.DELIVERY_TIMEOUT,
            heartbeat_timeout=stubs.DELIVERY_HEARTBEAT,
            retry_policy=stubs.DELIVERY_RETRY,
            cancellation_type=workflow.ActivityCancellationType.ABANDON,
            summary=label,
        )
    except ActivityError as error:
        # Nobody cancels a delivery; should it happen, its outcome is still the activity's to tell.
        if is_cancelled_exception(error):
            raise
        await workflow.execute_activity(
            stubs.conclude_delivery,
            order,
            task_queue=queue,
            start_to_close_timeout=stubs.DURABLE_TIMEOUT,
            retry_policy=stubs.DURABLE_RETRY,
            summary=label,
        )


async def sleep_until(instant: float | None, *, label: str) -> None:
    """Sleep until an instant in epoch seconds; return at once when it is past or None."""
    wait = 0.0 if instant is None else instant - workflow.time()
    if wait > 0:
        await workflow.sleep(timedelta(seconds=wait), summary=label)
