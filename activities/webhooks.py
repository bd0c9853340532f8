"""Tell endpoints of events."""

from __future__ import annotations

from temporalio import activity

from activities.beats import beating
from activities.faults import again
from domain.contract.deliveries import WebhookDeliveryInput
from services.attempts import TryAgain
from services.engine import Engine
from services.webhooks.deliver import make_attempt


class WebhookActivities:
    """Sends events."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(name="deliver_webhook")
    async def deliver_webhook(self, order: WebhookDeliveryInput) -> str:
        """Make one attempt; returns where the delivery stands once it has ended."""
        # A dead worker is noticed after the heartbeat time-out instead of the whole attempt's.
        async with beating(at_once=False):
            try:
                return await make_attempt(self._engine, order)
            except TryAgain as error:
                # The reason is in the log; histories carry no endpoint's words.
                raise again("not delivered yet", "TryAgain", error.after) from None
