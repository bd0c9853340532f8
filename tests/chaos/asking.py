"""A patient client: repeats a request until it is answered, and notes what no client should see."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import knockapi
from knockapi import AsyncKnock

from tests.chaos.plan import Plan
from tests.chaos.promises import Book

Answer = TypeVar("Answer")

_RETRIABLE = {408, 409, 429}
# What a client has to be prepared for: the product is away, or asks it to slow down.
_EXPECTED = {429, 503}


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks as somebody does who has to be sure that it was done.

    Attributes:
        client: the official SDK, which repeats nothing by itself so that every answer is seen.
        plan: how long one request is repeated.
        book: takes what was answered, and what went wrong.
        dice: of the pauses between two tries.
    """

    client: AsyncKnock
    plan: Plan
    book: Book
    dice: random.Random

    async def until_answered(
        self, ask: Callable[[], Awaitable[Answer]], name: str
    ) -> Answer | None:
        """Repeat a request until it is answered; None when it never was, which is noted."""
        deadline = time.monotonic() + self.plan.patience
        while time.monotonic() < deadline:
            try:
                answer = await ask()
            except knockapi.APIStatusError as error:
                self.book.answers[str(error.status_code)] += 1
                if error.status_code not in _EXPECTED:
                    self.book.broken.append(f"{name}: answered {error.status_code}, {error}")
                if error.status_code < 500 and error.status_code not in _RETRIABLE:
                    return None
            except knockapi.APITimeoutError:
                self.book.answers["timed out"] += 1
            except knockapi.APIConnectionError:
                self.book.answers["no connection"] += 1
            else:
                self.book.answers["accepted"] += 1
                return answer
            await asyncio.sleep(self.dice.uniform(0.1, 0.6))
        self.book.broken.append(f"{name}: no answer within {self.plan.patience:g} s")
        return None
