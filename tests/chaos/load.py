"""A client that goes on triggering, and repeats what was not answered, while parts die."""

from __future__ import annotations

import asyncio
import random
import time

from tests.chaos import workflows
from tests.chaos.asking import Asker
from tests.chaos.promises import Promise

_PEOPLE = 40
_LARGE = 200
# More than the API cancels within the request: the rest is a fan-out's work.
_CANCELLED_TOGETHER = 30
_AT_ONCE = 24


class Load:
    """Triggers and cancels for as long as it is asked to.

    Args:
        asker: triggers, cancels, and has the book of promises.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._plan = asker.plan
        self._book = asker.book
        self._random = random.Random(f"load {asker.plan.seed}")
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._large_wanted = 0

    def want_large(self) -> None:
        """Let one of the next triggers have 200 recipients: work for everybody, for seconds."""
        self._large_wanted += 1

    async def run(self, stop: asyncio.Event) -> None:
        """Trigger until told to stop, then return when everything under way was answered."""
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set():
                await self._slots.acquire()
                tasks.create_task(self._keep(self._invent()))
                await asyncio.sleep(self._random.expovariate(1 / self._plan.pace))

    def _invent(self) -> Promise:
        number = len(self._book.promises)
        if self._large_wanted:
            self._large_wanted -= 1
            crowd = tuple(f"crowd-{n}" for n in range(_LARGE))
            promise = Promise(number=number, workflow_key=workflows.IN_APP, recipients=crowd)
        else:
            promise = self._invent_small(number)
        self._book.promises.append(promise)
        return promise

    def _invent_small(self, number: int) -> Promise:
        dice = self._random
        key = dice.choices(list(workflows.STEPS), weights=(3, 3, 2, 3))[0]
        size = dice.choices((1, 2, 4), weights=(8, 1, 1))[0]
        cancel_after = None
        if key == workflows.CANCELLABLE and dice.random() < 0.8:
            # Some of them come too late on purpose.
            cancel_after = dice.uniform(0.0, workflows.LONG_DELAY * 1.15)
            size = _CANCELLED_TOGETHER if dice.random() < 0.08 else size
        people = dice.sample(range(_PEOPLE), size)
        return Promise(
            number=number,
            workflow_key=key,
            recipients=tuple(f"person-{n}" for n in people),
            cancel_after=cancel_after,
        )

    async def _keep(self, promise: Promise) -> None:
        try:
            await self._trigger(promise)
        finally:
            self._slots.release()
        if promise.workflow_run_id is not None and promise.cancel_after is not None:
            await asyncio.sleep(promise.cancel_after)
            await self._cancel(promise)

    async def _trigger(self, promise: Promise) -> None:
        async def ask() -> str:
            promise.tries += 1
            answer = await self._asker.client.workflows.trigger(
                promise.workflow_key,
                recipients=[
                    {"id": user_id, "name": user_id.title(), "email": f"{user_id}@example.com"}
                    for user_id in promise.recipients
                ],
                data={"number": promise.number},
                cancellation_key=promise.cancellation_key,
                idempotency_key=promise.idempotency_key,
            )
            return answer.workflow_run_id

        promise.workflow_run_id = await self._asker.until_answered(ask, f"trigger {promise.number}")

    async def _cancel(self, promise: Promise) -> None:
        async def ask() -> bool:
            key = promise.cancellation_key
            assert key is not None
            await self._asker.client.workflows.cancel(promise.workflow_key, cancellation_key=key)
            return True

        if await self._asker.until_answered(ask, f"cancel {promise.number}"):
            promise.cancelled_at = time.time()
