"""A page with a socket, which speaks as Knock's browser client does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect

# How long a test waits for what has to come.
_PATIENCE = 30.0
# As the client does, so that the server goes on.
_BEAT_SECONDS = 30.0


class Page:
    """An open socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._refs = count(1)
        self._events: list[list[Any]] = []

    async def say(self, topic: str, event: str, payload: Any, join_ref: str | None = None) -> Any:
        """Say something and return the payload of its answer; a join is named by its own ref."""
        ref = str(next(self._refs))
        named = ref if event == "phx_join" else join_ref
        await self.connection.send(json.dumps([named, ref, topic, event, payload]))
        async with asyncio.timeout(_PATIENCE):
            while True:
                frame = await self._receive()
                if frame[1] == ref and frame[3] == "phx_reply":
                    assert frame[0] == named
                    assert frame[2] == topic
                    return frame[4]
                self._events.append(frame)

    async def join(self, topic: str, payload: Any) -> str:
        """Join a topic and return the ref of the join."""
        reply = await self.say(topic, "phx_join", payload)
        assert reply == {"status": "ok", "response": {}}, reply
        return str(next(self._refs) - 1)

    async def event(self, *, patience: float = _PATIENCE) -> list[Any]:
        """Return the next frame that answers nothing: join_ref, ref, topic, event, payload."""
        if self._events:
            return self._events.pop(0)
        ends = asyncio.get_running_loop().time() + patience
        while True:
            try:
                async with asyncio.timeout(_BEAT_SECONDS):
                    return await self._receive()
            except TimeoutError:
                if asyncio.get_running_loop().time() > ends:
                    raise
                assert (await self.say("phoenix", "heartbeat", {}))["status"] == "ok"
                if self._events:
                    return self._events.pop(0)

    async def has_nothing(self) -> bool:
        """Tell whether nothing has come, after all that was under way has had its turn."""
        assert (await self.say("phoenix", "heartbeat", {}))["status"] == "ok"
        return not self._events

    async def _receive(self) -> list[Any]:
        frame = json.loads(await self.connection.recv())
        assert isinstance(frame, list)
        assert len(frame) == 5
        return frame


@asynccontextmanager
async def open_page(
    address: str, api_key: str | None, user_token: str | None = None, **query: str
) -> AsyncIterator[Page]:
    """Open a socket as Knock's client does; raises `InvalidStatus` where it is refused."""
    given = {"user_token": user_token, "api_key": api_key, "vsn": "2.0.0", **query}
    told = urlencode({name: value for name, value in given.items() if value is not None})
    url = f"{address.replace('http', 'ws', 1)}/ws/v1/websocket?{told}"
    async with connect(url, compression=None) as connection:
        yield Page(connection)
