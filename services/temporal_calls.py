"""The calls to Temporal themselves: starts and signals, each harmless to repeat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from temporalio.client import Client
from temporalio.common import Priority, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import (
    cancel_fanout_workflow_id,
    recipient_run_workflow_id,
    trigger_fanout_workflow_id,
)
from domain.principals import EnvironmentScope
from domain.queues import RUNS
from domain.runs import CancelFanoutInput, RecipientRunInput, TriggerFanoutInput
from temporal_workflows import CancelFanoutWorkflow, RecipientRunWorkflow, TriggerFanoutWorkflow
from temporal_workflows.search_attributes import search_attributes
from temporal_workflows.signals import CANCEL_REQUESTED

_AT_ONCE = 32
_URGENT, _BULK = 2, 4


async def start_run(
    client: Client, row: dict[str, Any], *, eager: bool = False, bulk: bool = False
) -> None:
    """Start one run; one that was started before is left alone.

    Args:
        client: Temporal.
        row: of `models.queries.triggers.startable_runs`.
        eager: ask for the first task in the answer; needs a worker of `runs` on this client.
        bulk: let single triggers go first.
    """
    try:
        await client.start_workflow(
            RecipientRunWorkflow.run,
            RecipientRunInput(str(row["id"]), str(row["environment_id"])),
            id=recipient_run_workflow_id(row["environment"], row["workflow_key"], str(row["id"])),
            task_queue=RUNS,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=search_attributes(
                environment=row["environment"],
                workflow_key=row["workflow_key"],
                recipient_id=row["recipient_id"],
                tenant=row["tenant_id"],
                cancellation_key=row["cancellation_key"],
                workflow_run_id=str(row["workflow_run_id"]),
            ),
            static_summary=f"{row['workflow_key']} in {row['environment']}",
            request_eager_start=eager,
            priority=_priority(row["tenant_id"] or row["environment"], bulk=bulk),
        )
    except WorkflowAlreadyStartedError:
        return


async def signal_cancelled_run(client: Client, row: dict[str, Any]) -> None:
    """Wake one cancelled run; one that is not there (ended, or never started) needs no waking."""
    workflow_id = recipient_run_workflow_id(row["environment"], row["workflow_key"], str(row["id"]))
    try:
        await client.get_workflow_handle(workflow_id).signal(CANCEL_REQUESTED)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def start_trigger_fanout(
    client: Client, environment: EnvironmentScope, workflow_run_id: UUID
) -> None:
    """Start the fan-out of a large trigger."""
    await _start_fanout(
        client,
        TriggerFanoutWorkflow.run,
        TriggerFanoutInput(str(workflow_run_id), str(environment.id)),
        workflow_id=trigger_fanout_workflow_id(environment.slug, str(workflow_run_id)),
        environment=environment.slug,
        workflow_run_id=str(workflow_run_id),
    )


async def start_cancel_fanout(
    client: Client, environment: EnvironmentScope, cancellation_id: UUID
) -> None:
    """Start the fan-out of a large cancellation."""
    await _start_fanout(
        client,
        CancelFanoutWorkflow.run,
        CancelFanoutInput(str(cancellation_id), str(environment.id)),
        workflow_id=cancel_fanout_workflow_id(environment.slug, str(cancellation_id)),
        environment=environment.slug,
    )


async def _start_fanout(
    client: Client,
    run: Callable[..., Any],
    order: TriggerFanoutInput | CancelFanoutInput,
    *,
    workflow_id: str,
    environment: str,
    workflow_run_id: str = "",
) -> None:
    try:
        await client.start_workflow(
            run,
            order,
            id=workflow_id,
            task_queue=RUNS,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=search_attributes(
                environment=environment, workflow_run_id=workflow_run_id
            ),
            priority=_priority(environment, bulk=False),
        )
    except WorkflowAlreadyStartedError:
        return


def _priority(fairness_key: str, *, bulk: bool) -> Priority:
    """One customer's burst must not starve the others; Temporal takes 64 bytes of a key."""
    return Priority(
        priority_key=_BULK if bulk else _URGENT,
        fairness_key=fairness_key.encode()[:64].decode(errors="ignore"),
    )


async def each_at_once(
    rows: Sequence[dict[str, Any]],
    work: Callable[[dict[str, Any]], Awaitable[None]],
    *,
    done: Callable[[int], None] | None = None,
) -> None:
    """Do `work` for every row, a bounded number at a time; the first error ends it all.

    Args:
        rows: what to work on.
        work: what to do with one.
        done: told after each bounded group how many rows are done.
    """
    async for count in _groups(rows, work):
        if done is not None:
            done(count)


async def _groups(
    rows: Sequence[dict[str, Any]], work: Callable[[dict[str, Any]], Awaitable[None]]
) -> AsyncIterator[int]:
    for first in range(0, len(rows), _AT_ONCE):
        group = rows[first : first + _AT_ONCE]
        await asyncio.gather(*(work(row) for row in group))
        yield first + len(group)
