"""The attempts that this process makes: tasks of the process, which no activity's end cuts off.

An activity may end while the provider still talks: it was only to wait a moment, Temporal gave it
up for lost, or its run was terminated. Cutting the call off would leave nobody who knows whether
the message was sent.
"""

from __future__ import annotations

import asyncio
import contextlib

from domain.runs import DeliverMessageInput
from runtime.platform import Platform
from services.deliveries import deliver_message

_OWNER = "deliveries_under_way"
_Attempts = dict[tuple[str, int], asyncio.Task[str]]


def attempt_at(platform: Platform, order: DeliverMessageInput) -> asyncio.Task[str]:
    """Return this process's attempt at a message, begun now unless it is under way."""
    attempts: _Attempts = platform.memory.setdefault(_OWNER, {})
    key = (order.message_id, order.retry)
    if key not in attempts:
        attempts[key] = asyncio.create_task(deliver_message(platform, order))
        attempts[key].add_done_callback(lambda task: _forget(attempts, key, task))
    return attempts[key]


def _forget(attempts: _Attempts, key: tuple[str, int], task: asyncio.Task[str]) -> None:
    del attempts[key]
    if not task.cancelled():
        task.exception()  # taken note of: whoever asked may be gone


async def end_deliveries(platform: Platform, *, grace: float) -> None:
    """Let the attempts of a process that stops come to their end, and interrupt what does not.

    Args:
        platform: the parts of this process.
        grace: seconds to wait.
    """
    attempts = list(platform.memory.get(_OWNER, {}).values())
    if not attempts:
        return
    _, late = await asyncio.wait(attempts, timeout=grace)
    for attempt in late:
        attempt.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*late, return_exceptions=True)
