"""An operator who terminates, in Temporal's UI so to speak, what starts the runs of many."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from temporalio.client import Client
from temporalio.service import RPCError

from tests.chaos.stack import Product

_LOOK_SECONDS = 0.05
_RUNNING = 'WorkflowType="TriggerFanout" AND ExecutionStatus="Running"'


class Operator:
    """Terminates fan-outs that are under way.

    Args:
        product: the victim.
        count: how many at most.
        say: takes one line for people.
    """

    def __init__(self, product: Product, *, count: int, say: Callable[[str], None]) -> None:
        self.terminated: set[str] = set()
        self._stack = product.described
        self._count = count
        self._say = say

    async def run(self, stop: asyncio.Event) -> None:
        """Terminate until told to stop; Temporal may be away now and then."""
        while not stop.is_set() and len(self.terminated) < self._count:
            with contextlib.suppress(RPCError, RuntimeError):
                await self._terminate_one()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _terminate_one(self) -> None:
        client = await Client.connect(
            self._stack.temporal_address, namespace=self._stack.temporal_namespace
        )
        async for execution in client.list_workflows(_RUNNING):
            if execution.id in self.terminated:
                continue
            await client.get_workflow_handle(execution.id).terminate("to see what becomes of it")
            self.terminated.add(execution.id)
            self._say(f"{'':>12}  terminated {execution.id.partition('/')[0]} in Temporal")
            return
