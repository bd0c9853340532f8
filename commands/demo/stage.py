"""What the scenes of the demo share: who plays, the clients, and waiting that ends."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from commands.demo.screen import Screen
from commands.dev.client import DevStack

if TYPE_CHECKING:
    from knockapi import AsyncKnock

T = TypeVar("T")
# Far more than a busy machine needs for anything of the demo beside the workflow's own delay.
PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.1


class DemoFailed(Exception):
    """Something that the product promises did not happen; the message is one sentence."""


def _fresh(name: str) -> str:
    return f"{name}-{secrets.token_hex(3)}"


@dataclass(frozen=True, slots=True)
class Stage:
    """One performance, with people of its own so that the figures are its own too.

    Attributes:
        server: the SDK with the secret key, as an application's back end uses it.
        browser: the SDK with the public key, which is all that a browser has.
    """

    stack: DevStack
    screen: Screen
    server: AsyncKnock
    browser: AsyncKnock
    ada: str = field(default_factory=lambda: _fresh("ada"))
    grace: str = field(default_factory=lambda: _fresh("grace"))


async def until(
    probe: Callable[[], Awaitable[T | None]], *, what: str, seconds: float = PATIENCE_SECONDS
) -> T:
    """Ask again and again, and return the first answer that is not None.

    Args:
        probe: what is asked.
        what: the sentence for when there is none.
        seconds: how long it is asked.

    Raises:
        DemoFailed: there was no answer in time.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        answer = await probe()
        if answer is not None:
            return answer
        if asyncio.get_running_loop().time() > deadline:
            raise DemoFailed(f"{what} within {seconds:g} s.")
        await asyncio.sleep(_POLL_SECONDS)
