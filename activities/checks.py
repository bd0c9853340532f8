"""Ask vendors what became of messages."""

from __future__ import annotations

from temporalio import activity

from activities.beats import beating
from activities.faults import again
from domain.contract.deliveries import StatusCheckInput
from services.attempts import TryAgain
from services.deliveries.checks import check_status
from services.engine import Engine


class CheckActivities:
    """Asks vendors."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(name="check_status")
    async def check_status(self, order: StatusCheckInput) -> str:
        """Make one check; returns what came of the message, once nobody has to ask any more."""
        # A dead worker is noticed after the heartbeat time-out instead of the whole check's.
        async with beating(at_once=False):
            try:
                return await check_status(self._engine, order)
            except TryAgain as error:
                # The answer is in the delivery log; histories carry no vendor's words.
                raise again("not known yet", "TryAgain", error.after) from None
