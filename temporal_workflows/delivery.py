"""How workflow code hands one message to its provider: in its run or apart from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from domain.contract.deliveries import DeliverMessageInput
from temporal_workflows import activity_stubs as stubs


async def deliver(order: DeliverMessageInput, *, queue: str, label: str) -> None:
    """Deliver a message: once here, if this worker can, then on its channel's queue until it ends.

    The first attempt is a local activity, which costs a run five events less. What it leaves open
    is for the regular one, which Temporal repeats for as long as it says so: attempts are counted
    in PostgreSQL, by answers of the provider.
    """
    try:
        first = await workflow.execute_local_activity(
            stubs.deliver_now,
            replace(order, queue=queue),
            start_to_close_timeout=stubs.AT_ONCE_TIMEOUT,
            schedule_to_close_timeout=stubs.AT_ONCE_TIMEOUT,
            retry_policy=stubs.AT_ONCE_RETRY,
        )
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
    else:
        if first.settled:
            return
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


async def sleep_until(instant: float | None, *, label: str) -> None:
    """Sleep until an instant in epoch seconds; return at once when it is past or None."""
    wait = 0.0 if instant is None else instant - workflow.time()
    if wait > 0:
        await workflow.sleep(timedelta(seconds=wait), summary=label)
