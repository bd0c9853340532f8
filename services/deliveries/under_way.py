"""The attempts that this process makes: tasks of the process, which no activity's end cuts off.

An activity may end while the provider still talks: it was only to wait a moment, Temporal gave it
up for lost, or its run was terminated. Cutting the call off would leave nobody who knows whether
the message was sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from domain.contract.deliveries import DeliverMessageInput


class DeliveriesUnderWay:
    """The attempts of one process, by message and retry."""

    def __init__(self) -> None:
        self._attempts: dict[tuple[str, int], asyncio.Task[str]] = {}

    def attempt_at(
        self, order: DeliverMessageInput, begin: Callable[[], Coroutine[Any, Any, str]]
    ) -> asyncio.Task[str]:
        """Return this process's attempt at a message, begun now unless it is under way."""
        key = (order.message_id, order.retry)

        def forget(task: asyncio.Task[str]) -> None:
            del self._attempts[key]
            if not task.cancelled():
                task.exception()  # taken note of: whoever asked may be gone

        if key not in self._attempts:
            self._attempts[key] = asyncio.create_task(begin())
            self._attempts[key].add_done_callback(forget)
        return self._attempts[key]

    async def end(self, *, grace: float) -> None:
        """Let the attempts of a process that stops come to their end; interrupt what does not.

        Args:
            grace: seconds to wait.
        """
        attempts = list(self._attempts.values())
        if not attempts:
            return
        _, late = await asyncio.wait(attempts, timeout=grace)
        for attempt in late:
            attempt.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*late, return_exceptions=True)
