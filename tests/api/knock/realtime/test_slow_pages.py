"""Pages that read slowly cost no more than others, and are given up in the end."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from starlette.websockets import WebSocket

from api.kit.rate_limits import RateLimiter
from api.knock.realtime import session
from api.knock.realtime.outgoing import Outgoing
from api.knock.realtime.session import Credentials, Session
from domain.kit.principals import KeyKind, Principal
from domain.messages.messages import FeedChange
from services.engine import Engine
from services.realtime.hub import Hub
from tests.support.builders import Environment


def change(total: int, *, has_news: bool) -> FeedChange:
    """Make counts."""
    return FeedChange(total_count=total, unread_count=total, unseen_count=total, has_news=has_news)


async def test_a_page_that_is_behind_is_told_what_is_so_now() -> None:
    """However much happened: the newest counts, and every instance that has news."""
    has_more = asyncio.Event()
    outgoing = Outgoing("feeds:a:b", "1", has_more)
    for number in range(1000):
        outgoing.tell_feed(
            {
                "a": change(number, has_news=number == 5),
                "b": change(number, has_news=False),
            }
        )
    assert has_more.is_set()
    frame = outgoing.take()
    assert frame is not None
    assert (frame.join_ref, frame.ref, frame.event) == ("1", None, "new-message")
    payload = cast(dict[str, Any], frame.payload)
    assert payload["attn"] == ["a"]
    assert payload["data"]["b"]["metadata"]["total_count"] == 999
    assert outgoing.take() is None


class _StuckSocket:
    """A page that says something and reads no answer."""

    def __init__(self) -> None:
        self.code: int | None = None
        self._said = ['[null,"1","phoenix","heartbeat",{}]']

    async def receive(self) -> dict[str, str]:
        if not self._said:
            await asyncio.Event().wait()
        return {"type": "websocket.receive", "text": self._said.pop()}

    async def send_text(self, text: str) -> None:
        await asyncio.Event().wait()

    async def close(self, code: int) -> None:
        self.code = code


async def test_a_page_that_takes_nothing_is_given_up(
    engine: Engine, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a code that says that it may come again."""
    monkeypatch.setattr(session, "SEND_SECONDS", 0.05)
    stuck = _StuckSocket()
    served = Session(
        cast(WebSocket, stuck),
        engine=engine,
        hub=Hub(engine),
        limiter=RateLimiter(engine.settings),
        principal=Principal(KeyKind.PUBLIC, environment.scope, environment.id),
        credentials=Credentials(environment.public_key, None),
    )
    assert await served.serve() == 1013
    assert stuck.code == 1013
