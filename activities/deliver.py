"""Hand one message to its provider: at once where its run walks, and for as long as it takes."""

from __future__ import annotations

import asyncio
from functools import partial

from temporalio import activity

from activities.beats import beating
from activities.faults import again
from domain.contract.deliveries import DeliverMessageInput, FirstAttempt
from domain.kit.errors import Unavailable
from runtime.faults import fault_of
from runtime.logs import get_logger
from services.attempts import TryAgain
from services.deliveries.deliver import deliver_message
from services.engine import Engine

_log = get_logger(__name__)

# How long a run waits for its first attempt; most providers answer in a fraction of it.
_AT_ONCE_SECONDS = 1.5
# How long an activity waits for a database that is away, and then leaves its slot to others.
_PATIENCE_SECONDS = 60.0
_AWAY_SECONDS = 0.5
_LATER_SECONDS = 15.0
_LONGEST_FAULT_SECONDS = 600.0


class DeliverActivities:
    """Delivers messages.

    Args:
        engine: the parts of this process.
        queues: all queues that this process works.
    """

    def __init__(self, engine: Engine, *, queues: tuple[str, ...]) -> None:
        self._engine = engine
        self._queues = queues
        # A walk must always find a slot, however slowly providers answer.
        self._most_at_once = max(1, engine.settings.worker_local_slots // 2)
        self._at_once = 0

    @activity.defn(name="deliver_now")
    async def deliver_now(self, order: DeliverMessageInput) -> FirstAttempt:
        """Make the first attempt here, if this process delivers this kind of message.

        Returns after a moment; an attempt that takes longer goes on, and `deliver_message` finds
        out what became of it.
        """
        if order.queue not in self._queues:
            return FirstAttempt(settled=False, state="elsewhere")
        if self._at_once >= self._most_at_once:
            return FirstAttempt(settled=False, state="busy")
        self._at_once += 1
        try:
            attempt = self._attempt_at(order)
            await asyncio.wait((attempt,), timeout=_AT_ONCE_SECONDS)
        finally:
            self._at_once -= 1
        if not attempt.done() or attempt.cancelled():
            return FirstAttempt(settled=False, state="under way")
        if attempt.exception() is not None:
            return FirstAttempt(settled=False, state="not accepted")
        return FirstAttempt(settled=True, state=attempt.result())

    @activity.defn(name="deliver_message")
    async def deliver_message(self, order: DeliverMessageInput) -> str:
        """Make one attempt; returns the message's final delivery status."""
        number = activity.info().attempt
        # A dead worker is noticed after the heartbeat time-out instead of the whole attempt's.
        async with beating(at_once=False):
            try:
                return await self._deliver(order)
            except TryAgain as error:
                # The reason is in the delivery log; histories carry no provider's words.
                raise again("not final yet", "TryAgain", error.after) from None
            except Unavailable:
                raise again("the database is unavailable", "Unavailable", _LATER_SECONDS) from None
            except Exception as error:
                fault = fault_of(error)
                _log.error("delivery_fault", message_id=order.message_id, **fault.fields())
                wait = min(2.0 ** min(number, 10), _LONGEST_FAULT_SECONDS)
                raise again(f"fault {fault.id}", fault.type, wait) from None

    def _attempt_at(self, order: DeliverMessageInput) -> asyncio.Task[str]:
        begin = partial(deliver_message, self._engine, order)
        return self._engine.deliveries_under_way.attempt_at(order, begin)

    async def _deliver(self, order: DeliverMessageInput) -> str:
        """Make the attempt, once the database is there.

        Raises:
            Unavailable: it stayed away.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_SECONDS
        while True:
            try:
                return await asyncio.shield(self._attempt_at(order))
            except Unavailable:
                if loop.time() > deadline:
                    raise
            await asyncio.sleep(_AWAY_SECONDS)
