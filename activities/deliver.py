"""Hand one message to its provider; a failed attempt becomes Temporal's next one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.errors import Unavailable
from domain.runs import DeliverMessageInput
from runtime.platform import Platform
from services import deliveries

# A delivery beats only when it is slow, so a quick one costs no extra call; a dead worker is
# noticed after the heartbeat time-out instead of the whole attempt's.
_BEAT_SECONDS = 3.0
# A database that is away for less than this costs a message no attempt.
_PATIENCE_SECONDS = 60.0
_AWAY_SECONDS = 0.5


class DeliverActivities:
    """Delivers messages."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    @activity.defn(name="deliver_message")
    async def deliver_message(self, order: DeliverMessageInput) -> str:
        """Make one attempt; answers the message's final delivery status."""
        attempt = activity.info().attempt
        async with _beating():
            try:
                return await self._deliver(order, attempt)
            except deliveries.TryAgain as error:
                # The reason is in the delivery log; histories carry no provider's words.
                raise _again("not accepted", "TryAgain", error.after) from None
            except Unavailable:
                wait = deliveries.wait_after(self._platform, attempt)
                raise _again("the database is away", "Unavailable", wait) from None

    async def _deliver(self, order: DeliverMessageInput, attempt: int) -> str:
        """Make the attempt, once the database is there.

        Raises:
            Unavailable: it stayed away.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_SECONDS
        while True:
            try:
                return await deliveries.deliver_message(self._platform, order, attempt=attempt)
            except Unavailable:
                if loop.time() > deadline:
                    raise
            await asyncio.sleep(_AWAY_SECONDS)

    @activity.defn(name="conclude_delivery")
    async def conclude_delivery(self, order: DeliverMessageInput) -> str:
        """Give a message up whose attempts were all interrupted."""
        return await deliveries.conclude_delivery(self._platform, order)


def _again(message: str, kind: str, seconds: float) -> ApplicationError:
    """Return the error that makes Temporal start the next attempt after some seconds."""
    return ApplicationError(
        message,
        type=kind,
        next_retry_delay=timedelta(seconds=seconds),
        category=ApplicationErrorCategory.BENIGN,
    )


@asynccontextmanager
async def _beating() -> AsyncIterator[None]:
    beats = asyncio.create_task(_beat())
    try:
        yield
    finally:
        beats.cancel()


async def _beat() -> None:
    while True:
        await asyncio.sleep(_BEAT_SECONDS)
        activity.heartbeat()
