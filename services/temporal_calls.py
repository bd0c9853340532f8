"""The calls that change something in Temporal: starts and signals, each harmless to repeat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from temporalio.client import Client
from temporalio.common import (
    Priority,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.contract.deliveries import (
    MessageDeliveryInput,
    StatusCheckInput,
    WebhookDeliveryInput,
)
from domain.contract.fan_outs import CancelFanoutInput, TriggerFanoutInput
from domain.contract.jobs import BulkOperationInput, SourceEventInput
from domain.contract.queues import RUNS
from domain.contract.runs import RecipientRunInput
from domain.contract.timers import BatchWindowInput, BroadcastInput, ScheduleClockInput
from domain.kit.ids import (
    batch_window_workflow_id,
    broadcast_workflow_id,
    bulk_operation_workflow_id,
    cancel_fanout_workflow_id,
    message_delivery_workflow_id,
    schedule_clock_workflow_id,
    source_event_workflow_id,
    status_check_workflow_id,
    trigger_fanout_workflow_id,
    webhook_delivery_workflow_id,
)
from domain.kit.principals import EnvironmentScope
from domain.runs.rows import RunInTemporal, StartableRun
from domain.webhooks.deliveries import StartableDelivery
from temporal_workflows import (
    BatchWindowWorkflow,
    BroadcastWorkflow,
    BulkOperationWorkflow,
    CancelFanoutWorkflow,
    MessageDeliveryWorkflow,
    RecipientRunWorkflow,
    ScheduleClockWorkflow,
    SourceEventWorkflow,
    StatusCheckWorkflow,
    TriggerFanoutWorkflow,
    WebhookDeliveryWorkflow,
)
from temporal_workflows.search_attributes import search_attributes
from temporal_workflows.signals import (
    BATCH_CLOSED,
    CANCEL_REQUESTED,
    CLOSES_EARLIER,
    DUE_EARLIER,
    EVENT_ARRIVED,
    WAIT_MOVED,
)

_URGENT, _BULK = 2, 4
# The share of what is done for all customers together.
_EVERYBODY = "schedules"
# Far longer than ten checks take, those of a channel that is held for a night among them. The sweep
# begins one anew that is ended by it; one whose workers are too old to know it does not stay.
_LONGEST_CHECKS = timedelta(days=1)


async def start_run(
    client: Client, run: StartableRun, *, eager: bool = False, bulk: bool = False
) -> bool:
    """Start one run; one that was started before is left alone.

    Args:
        client: Temporal.
        run: the run.
        eager: ask for the first task in the answer; needs a worker of `runs` on this client.
        bulk: let single triggers go first.

    Returns:
        Whether it is open now; False means that Temporal remembers its end.
    """
    return await start_once(
        client,
        RecipientRunWorkflow.run,
        RecipientRunInput(str(run.id), str(run.environment_id)),
        workflow_id=run.temporal_id,
        attributes=search_attributes(
            environment=run.environment,
            workflow_key=run.workflow_key,
            recipient_id=run.recipient_id,
            tenant=run.tenant_id,
            cancellation_key=run.cancellation_key,
            workflow_run_id=str(run.workflow_run_id),
        ),
        summary=f"{run.workflow_key} in {run.environment}",
        eager=eager,
        priority=priority(run.tenant_id or run.environment, bulk=bulk),
    )


async def signal_cancelled_run(client: Client, run: RunInTemporal) -> None:
    """Wake one cancelled run; one that is not there (ended, or never started) needs no waking."""
    await signal_cancelled(client, run.temporal_id)


async def signal_cancelled(client: Client, workflow_id: str) -> None:
    """Tell what waits for nothing any more; when it is not there, it needs no telling."""
    await _signal(client, workflow_id, CANCEL_REQUESTED)


async def signal_closed_batch(client: Client, run: RunInTemporal, batch_id: str) -> None:
    """Tell a run that the batch it carries has closed; one that is not there needs no telling."""
    await _signal(client, run.temporal_id, BATCH_CLOSED, batch_id)


async def signal_event(client: Client, run: RunInTemporal, step_ref: str) -> None:
    """Tell a run to look for the event that a step of it waits for; one that is gone need not."""
    await _signal(client, run.temporal_id, EVENT_ARRIVED, step_ref)


async def signal_moved_wait(client: Client, run: RunInTemporal) -> None:
    """Have a run look when its wait ends; one that is not there needs no telling."""
    await _signal(client, run.temporal_id, WAIT_MOVED)


async def _signal(client: Client, workflow_id: str, name: str, *argument: str) -> None:
    """Signal a Temporal workflow, if it is there, with one argument or none."""
    try:
        await client.get_workflow_handle(workflow_id).signal(name, *argument)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def watch_window(
    client: Client, order: BatchWindowInput, *, environment: str, workflow_key: str, step_ref: str
) -> None:
    """Have somebody watch over a window, and tell whoever does when it closes.

    A watch that has ended is begun again and finds the batch closed: nothing has to be remembered.
    """
    await client.start_workflow(
        BatchWindowWorkflow.run,
        order,
        id=batch_window_workflow_id(environment, workflow_key, order.batch_id),
        task_queue=RUNS,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal=CLOSES_EARLIER,
        start_signal_args=[order.closes_at],
        search_attributes=search_attributes(environment=environment, workflow_key=workflow_key),
        static_summary=f"{step_ref} of {workflow_key} in {environment}",
        priority=priority(environment, bulk=False),
    )


async def start_source_event(client: Client, order: SourceEventInput) -> None:
    """Have the actions of an event taken; one that was started before is left alone."""
    await start_once(
        client,
        SourceEventWorkflow.run,
        order,
        workflow_id=source_event_workflow_id(order.environment, order.event_id),
        attributes=search_attributes(environment=order.environment),
        priority=priority(order.environment, bulk=False),
    )


async def await_broadcast(client: Client, order: BroadcastInput, *, environment: str) -> None:
    """Have somebody wait for the time of a broadcast; who waited or has waited is left alone."""
    await start_once(
        client,
        BroadcastWorkflow.run,
        order,
        workflow_id=broadcast_workflow_id(environment, order.key, order.sends),
        attributes=search_attributes(environment=environment, workflow_key=order.key),
        summary=f"broadcast {order.key} in {environment}",
        priority=priority(environment, bulk=False),
    )


async def wake_clock(client: Client, order: ScheduleClockInput) -> None:
    """Have a clock look at its schedules at an instant, if it would not look before.

    A clock that has nothing to look at ends, and is begun again by this.
    """
    await client.start_workflow(
        ScheduleClockWorkflow.run,
        order,
        id=schedule_clock_workflow_id(order.clock),
        task_queue=RUNS,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal=DUE_EARLIER,
        start_signal_args=[order.due_at],
        static_summary=f"schedules of clock {order.clock}",
        priority=priority(_EVERYBODY, bulk=False),
    )


async def start_bulk_operation(
    client: Client, order: BulkOperationInput, *, environment: str, name: str
) -> bool:
    """Have a bulk operation worked on.

    Returns:
        Whether it is open now; False means that Temporal remembers its end.
    """
    return await start_once(
        client,
        BulkOperationWorkflow.run,
        order,
        workflow_id=bulk_operation_workflow_id(environment, order.operation_id),
        attributes=search_attributes(environment=environment),
        summary=f"{name} in {environment}",
        priority=priority(environment, bulk=True),
    )


async def start_delivery(
    client: Client,
    order: MessageDeliveryInput,
    *,
    environment: str,
    workflow_key: str,
    apart: str | None = None,
    again: bool = False,
) -> None:
    """Have a message delivered apart from its run; whoever is at it is left alone.

    Args:
        client: Temporal.
        order: what is delivered.
        environment: slug of where.
        workflow_key: of the workflow that made the message.
        apart: tells this delivery from another one of the same retry, which may wait for longer.
        again: begin one anew that has ended.
    """
    message_id, retry = order.delivery.message_id, order.delivery.retry
    await start_once(
        client,
        MessageDeliveryWorkflow.run,
        order,
        workflow_id=message_delivery_workflow_id(environment, message_id, retry, apart=apart),
        attributes=search_attributes(environment=environment, workflow_key=workflow_key),
        again=again,
        priority=priority(environment, bulk=True),
    )


async def start_status_check(
    client: Client,
    order: StatusCheckInput,
    *,
    environment: str,
    workflow_key: str,
    wait: timedelta,
) -> None:
    """Have the vendor of a message asked from the end of a wait on; one that is open is left alone.

    It begins then only, which costs no timer. What sends goes before it.
    """
    await start_once(
        client,
        StatusCheckWorkflow.run,
        order,
        workflow_id=status_check_workflow_id(environment, order.message_id, order.retry),
        attributes=search_attributes(environment=environment, workflow_key=workflow_key),
        summary=f"{order.label} in {environment}",
        again=True,
        execution_timeout=_LONGEST_CHECKS,
        start_delay=wait if wait > timedelta() else None,
        priority=priority(environment, bulk=True),
    )


async def start_webhook_delivery(client: Client, delivery: StartableDelivery) -> None:
    """Have an endpoint told of an event; a delivery that is open is left alone."""
    delivery_id, environment_id = str(delivery.id), str(delivery.environment_id)
    endpoint_id, event_id = str(delivery.endpoint_id), str(delivery.event_id)
    await start_once(
        client,
        WebhookDeliveryWorkflow.run,
        WebhookDeliveryInput(delivery_id, environment_id, label=delivery.event_type),
        workflow_id=webhook_delivery_workflow_id(delivery.environment, endpoint_id, event_id),
        attributes=search_attributes(environment=delivery.environment),
        summary=f"{delivery.event_type} in {delivery.environment}",
        again=True,
        priority=priority(endpoint_id, bulk=True),
    )


async def start_trigger_fanout(
    client: Client, environment: EnvironmentScope, workflow_run_id: UUID, *, number: int = 1
) -> bool:
    """Start the fan-out of a large trigger, or its `number`-th when earlier ones were ended.

    Returns:
        Whether it is open now; False means that it has ended.
    """
    trigger = str(workflow_run_id)
    return await start_once(
        client,
        TriggerFanoutWorkflow.run,
        TriggerFanoutInput(trigger, str(environment.id)),
        workflow_id=trigger_fanout_workflow_id(environment.slug, trigger, number),
        attributes=search_attributes(environment=environment.slug, workflow_run_id=trigger),
        priority=priority(environment.slug, bulk=False),
    )


async def start_cancel_fanout(
    client: Client, environment: EnvironmentScope, cancellation_id: UUID
) -> None:
    """Start the fan-out of a large cancellation."""
    await start_once(
        client,
        CancelFanoutWorkflow.run,
        CancelFanoutInput(str(cancellation_id), str(environment.id)),
        workflow_id=cancel_fanout_workflow_id(environment.slug, str(cancellation_id)),
        attributes=search_attributes(environment=environment.slug),
        priority=priority(environment.slug, bulk=False),
    )


async def start_once(
    client: Client,
    run: Callable[..., Any],
    order: object,
    *,
    workflow_id: str,
    attributes: TypedSearchAttributes,
    priority: Priority,
    summary: str | None = None,
    eager: bool = False,
    again: bool = False,
    execution_timeout: timedelta | None = None,
    start_delay: timedelta | None = None,
) -> bool:
    """Start a Temporal workflow; one that was started before is left alone, if only while it runs.

    Args:
        client: Temporal.
        run: the workflow's.
        order: what it is given.
        workflow_id: derived, so that it is started once.
        attributes: by which operators find it.
        priority: see `priority`.
        summary: what the Temporal UI shows.
        eager: ask for the first task in the answer.
        again: begin one anew that has ended; else Temporal keeps from that for its retention.
        execution_timeout: after which Temporal ends it.
        start_delay: after which it begins.

    Returns:
        Whether it is open now; False means that Temporal remembers its end.
    """
    try:
        await client.start_workflow(
            run,
            order,
            id=workflow_id,
            task_queue=RUNS,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE
            if again
            else WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=attributes,
            static_summary=summary,
            request_eager_start=eager,
            execution_timeout=execution_timeout,
            start_delay=start_delay,
            priority=priority,
        )
    except WorkflowAlreadyStartedError:
        return False
    return True


def priority(fairness_key: str, *, bulk: bool) -> Priority:
    """One customer's burst must not starve the others; Temporal takes 64 bytes of a key."""
    return Priority(
        priority_key=_BULK if bulk else _URGENT,
        fairness_key=fairness_key.encode()[:64].decode(errors="ignore"),
    )
