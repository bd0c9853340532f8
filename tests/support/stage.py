"""Starts Temporal workflows whose activities follow a script."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from temporalio.client import Client, WorkflowHandle

from domain.contract.queues import RUNS
from domain.contract.runs import Advanced, RecipientRunInput, SleepUntil
from temporal_workflows import RecipientRunWorkflow
from tests.support.scripted_activities import Script

_LONGEST = timedelta(seconds=60)


@dataclass
class Stage:
    """A client of workers whose activities follow this test's script."""

    client: Client
    script: Script
    environment_id: str = field(default_factory=lambda: str(uuid4()))

    async def start(self, **options: Any) -> WorkflowHandle[Any, str]:
        """Start a recipient run."""
        return await self.client.start_workflow(
            RecipientRunWorkflow.run,
            RecipientRunInput("run-1", self.environment_id),
            id=f"run/{self.environment_id}",
            task_queue=RUNS,
            execution_timeout=_LONGEST,
            **options,
        )

    async def execute(self, run: Any, order: Any = None) -> Any:
        """Run any other Temporal workflow to its end."""
        arguments = [] if order is None else [order]
        return await self.client.execute_workflow(
            run, args=arguments, id=str(uuid4()), task_queue=RUNS, execution_timeout=_LONGEST
        )


def sleep_until(instant: float, cursor: str = "1", **changes: Any) -> Advanced:
    """Return the answer of a walk that has to sleep."""
    return Advanced(SleepUntil(instant, "a wait"), cursor=cursor, **changes)
