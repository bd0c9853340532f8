"""A provider that holds its answers back, so that a test can act while an attempt is under way."""

from __future__ import annotations

import asyncio
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel

from domain.channels.types import ChannelType
from domain.deliveries.delivery import Delivery, DeliveryFailure, Outcome
from domain.messages.statuses import DeliveryStatus
from providers.base import ProviderContext, ProviderSettings
from tests.support.world import World


class SlowMail:
    """Counts its calls, and answers each when told: by an outcome, or by a failure.

    Attributes:
        seen: the message of each call, which is also the idempotency key that vendors get.
        answer: lets every call through.
        failures: what the next calls raise; without any the message is sent.
        outcome: what it answers then.
        most: the most calls that were under way at once.
    """

    id: ClassVar[str] = "slow-mail"
    channel_type: ClassVar[ChannelType] = ChannelType.EMAIL
    service_name: ClassVar[str] = "Slow mail"
    Settings: ClassVar[type[BaseModel]] = ProviderSettings

    def __init__(self, context: ProviderContext | None = None) -> None:
        self.seen: list[UUID] = []
        self.answer = asyncio.Event()
        self.called = asyncio.Event()
        self.failures: list[Exception] = []
        self.outcome = Outcome(DeliveryStatus.SENT, None, external_id="x-1")
        self.inside = 0
        self.most = 0

    async def send(self, delivery: Delivery) -> Outcome:
        """Note the call and wait."""
        self.seen.append(UUID(delivery.message_id))
        failure = self.failures.pop(0) if self.failures else None
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.called.set()
        try:
            await self.answer.wait()
        finally:
            self.inside -= 1
        if failure is not None:
            raise failure
        return self.outcome

    async def is_called_twice(self) -> bool:
        """Tell whether there were two calls."""
        return len(self.seen) == 2

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""


def install_slow_mail(world: World, *failures: DeliveryFailure | Exception) -> SlowMail:
    """Put a slow provider in the place of the sandbox for e-mails."""
    provider = SlowMail()
    provider.failures = list(failures)
    world.engine.providers.install("sandbox_email", provider)
    return provider
