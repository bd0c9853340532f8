"""What a storm is, and what it works with."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, ClassVar

from commands.dev.client import DevStack
from domain.kit.json_types import JsonObject
from tests.chaos import rows
from tests.chaos.asking import Asker
from tests.chaos.plan import Plan

CLIENTS = 8


@dataclass(frozen=True, slots=True)
class Scene:
    """What storms work with.

    Attributes:
        exits: closes what a storm has opened when the test is over.
    """

    asker: Asker
    stack: DevStack
    exits: AsyncExitStack

    @property
    def plan(self) -> Plan:
        """Return how hard the storms blow."""
        return self.asker.plan

    async def fetch(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Read rows of the product's database."""
        return await rows.fetch(self.stack.database_url, query, *parameters)

    async def trigger(
        self, workflow_key: str, name: str, recipients: Sequence[Any], **fields: Any
    ) -> str | None:
        """Trigger until it is answered; returns the workflow run id.

        Args:
            workflow_key: what is triggered.
            name: tells this trigger from others, and every repetition of it from none.
            recipients: whom it is for.
            fields: data, tenant and the like.
        """
        key = f"{workflow_key}-{name}"

        async def ask() -> str:
            answer = await self.asker.client.workflows.trigger(
                workflow_key, recipients=list(recipients), idempotency_key=key, **fields
            )
            return answer.workflow_run_id

        return await self.asker.until_answered(ask, key)


class Storm(ABC):
    """Many requests of one kind, spread over the time in which parts die.

    Attributes:
        WORKFLOWS: the documents that it needs, by key.
        counts: what it asked for and what came of it, for the ledger.
    """

    WORKFLOWS: ClassVar[Mapping[str, JsonObject]] = {}

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.counts: dict[str, int] = {}

    async def prepare(self) -> None:  # noqa: B027 - some need nothing
        """Set up what has to be there before anything is killed."""

    async def rage(self) -> None:  # noqa: B027 - some ask before
        """Ask while parts die; return when everything was answered."""

    @abstractmethod
    async def broken(self) -> list[str]:
        """Return one line for each promise that was not kept, after everything is calm."""

    async def from_clients(self, each: int, ask: Callable[[int, int], Awaitable[Any]]) -> None:
        """Let eight clients ask at once, each one request after the other.

        Args:
            each: how many requests each client makes.
            ask: takes the number of the client and of its request.
        """
        pause = self.scene.plan.expected_seconds / max(1, each)

        async def client(number: int) -> None:
            dice = random.Random(f"{type(self).__name__} {self.scene.plan.seed} {number}")
            for n in range(each):
                await asyncio.sleep(min(dice.expovariate(1 / pause), 4 * pause))
                await ask(number, n)

        await asyncio.gather(*map(client, range(CLIENTS)))


def person(user_id: str) -> dict[str, object]:
    """Describe a user as a trigger does that also stores it."""
    return {"id": user_id, "name": user_id.title()}
