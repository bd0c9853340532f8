"""The calls that ask Temporal for something."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus as Status
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeWorkflowExecutionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.runs.rows import RunInTemporal

# Any other status is an open run's: also one that a newer server has and this code does not know.
# One that continued as new goes on under the same id.
_CLOSED = {
    Status.WORKFLOW_EXECUTION_STATUS_COMPLETED: "completed",
    Status.WORKFLOW_EXECUTION_STATUS_FAILED: "failed",
    Status.WORKFLOW_EXECUTION_STATUS_CANCELED: "canceled",
    Status.WORKFLOW_EXECUTION_STATUS_TERMINATED: "terminated",
    Status.WORKFLOW_EXECUTION_STATUS_TIMED_OUT: "timed_out",
}


class Presence(Enum):
    """What Temporal says of a Temporal workflow."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


def presence_of(status: int) -> tuple[Presence, str]:
    """Read the number that Temporal gives a status as; the second value names a closed one."""
    name = _CLOSED.get(Status.ValueType(status))
    return (Presence.OPEN, "") if name is None else (Presence.CLOSED, name)


async def look_up_run(client: Client, run: RunInTemporal) -> tuple[Presence, str]:
    """Ask Temporal for a run, and how it ended there.

    Raises:
        RPCError: Temporal did not say.
    """
    return await look_up(client, run.temporal_id)


async def look_up(client: Client, workflow_id: str) -> tuple[Presence, str]:
    """Ask Temporal for a Temporal workflow, and how it ended.

    Raises:
        RPCError: Temporal did not say.
    """
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
    )
    # The service's own call: the SDK's `describe` refuses a status that it does not know.
    try:
        answer = await client.workflow_service.describe_workflow_execution(request)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return Presence.UNKNOWN, ""
        raise
    return presence_of(answer.workflow_execution_info.status)


async def retention(client: Client) -> timedelta:
    """Ask how long Temporal remembers what has ended.

    Raises:
        RPCError: Temporal did not say.
    """
    answer = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace)
    )
    return answer.config.workflow_execution_retention_ttl.ToTimedelta()
