"""A client that goes on triggering, and repeats what was not answered, while parts die."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import knockapi
from knockapi import AsyncKnock

from tests.chaos import workflows
from tests.chaos.plan import Plan
from tests.chaos.promises import Book, Promise

Answer = TypeVar("Answer")

_PEOPLE = 40
_LARGE = 200
# More than the API cancels within the request: the rest is a fan-out's work.
_CANCELLED_TOGETHER = 30
_AT_ONCE = 24
_RETRIABLE = {408, 409, 429}


class Load:
    """Triggers and cancels for as long as it is asked to.

    Args:
        client: the official SDK, which repeats nothing by itself so that every answer is seen.
        plan: pace and patience.
        book: takes the promises.
    """

    def __init__(self, client: AsyncKnock, plan: Plan, book: Book) -> None:
        self._client = client
        self._plan = plan
        self._book = book
        self._random = random.Random(f"load {plan.seed}")
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
            answer = await self._client.workflows.trigger(
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

        promise.workflow_run_id = await self._until_answered(ask, f"trigger {promise.number}")

    async def _cancel(self, promise: Promise) -> None:
        async def ask() -> bool:
            key = promise.cancellation_key
            assert key is not None
            await self._client.workflows.cancel(promise.workflow_key, cancellation_key=key)
            return True

        if await self._until_answered(ask, f"cancel {promise.number}"):
            promise.cancelled_at = time.time()

    async def _until_answered(
        self, ask: Callable[[], Awaitable[Answer]], name: str
    ) -> Answer | None:
        """Repeat a request as a patient client does; note what a client should never see."""
        deadline = time.monotonic() + self._plan.patience
        while time.monotonic() < deadline:
            try:
                answer = await ask()
            except knockapi.APIStatusError as error:
                self._book.answers[str(error.status_code)] += 1
                if error.status_code != 503:
                    self._book.broken.append(f"{name}: answered {error.status_code}, {error}")
                if error.status_code < 500 and error.status_code not in _RETRIABLE:
                    return None
            except knockapi.APITimeoutError:
                self._book.answers["timed out"] += 1
            except knockapi.APIConnectionError:
                self._book.answers["no connection"] += 1
            else:
                self._book.answers["accepted"] += 1
                return answer
            await asyncio.sleep(self._random.uniform(0.1, 0.6))
        self._book.broken.append(f"{name}: no answer within {self._plan.patience:g} s")
        return None
