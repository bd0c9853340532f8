"""One socket, from the moment it is open: what its page says, and what it is told.

What the page says is answered in its order, each before the next is read. Beside that the page is
told of what it has joined. A page that takes nothing for ten seconds is given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from starlette.websockets import WebSocket, WebSocketDisconnect

from api.kit.bodies import parse_value
from api.kit.rate_limits import RateLimiter
from api.knock.realtime.joins import read_feed_join, read_guides_join
from api.knock.realtime.outgoing import Outgoing
from domain.kit.errors import AppError, InvalidParams, NotFound, Unauthenticated, Unprocessable
from domain.kit.principals import Principal
from domain.realtime.frames import (
    CLOSE,
    HEARTBEAT,
    JOIN,
    LEAVE,
    PHOENIX,
    BadFrame,
    Frame,
    read_frame,
)
from services.account.authentication import authenticate
from services.engine import Engine
from services.in_app.feeds import check_feed_channel
from services.realtime.feeds import FeedListener
from services.realtime.guides import GuideListener
from services.realtime.hub import Hub

# The client says something at least every thirty seconds.
IDLE_SECONDS = 75.0
SEND_SECONDS = 10.0
# Whoever has come with a key that was revoked since, or a token that has expired, is let go then.
TRUSTED_SECONDS = 45.0
_MOST_TOPICS = 50
# Joins are counted by this tier of requests, for each user.
_TIER = 3

_NORMAL, _NOT_TEXT, _MALFORMED, _IDLE, _SLOW = 1000, 1003, 1007, 1001, 1013


class _Ended(Exception):
    """The socket is to be closed, with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a socket was opened with."""

    api_key: str
    user_token: str | None


@dataclass(frozen=True, slots=True)
class _Joined:
    outgoing: Outgoing
    leave: Callable[[], None]


class Session:
    """An open socket.

    Args:
        websocket: accepted already.
        engine: the parts of this process.
        hub: what is listened to in it.
        limiter: counts joins.
        principal: whose socket it is.
        credentials: what proved it.
    """

    def __init__(
        self,
        websocket: WebSocket,
        *,
        engine: Engine,
        hub: Hub,
        limiter: RateLimiter,
        principal: Principal,
        credentials: Credentials,
    ) -> None:
        self._websocket = websocket
        self._engine = engine
        self._hub = hub
        self._limiter = limiter
        self._principal = principal
        self._credentials = credentials
        self._joined: dict[str, _Joined] = {}
        self._has_more = asyncio.Event()
        self._trusted_until = asyncio.get_running_loop().time() + TRUSTED_SECONDS

    async def serve(self) -> int | None:
        """Serve the socket until it is closed.

        Returns:
            The code with which it was closed by us; None when the page has gone.
        """
        works = {asyncio.create_task(self._read()), asyncio.create_task(self._write())}
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for work in done:
                work.result()
        except _Ended as ended:
            with suppress(Exception):
                async with asyncio.timeout(1.0):
                    await self._websocket.close(ended.code)
            return ended.code
        except WebSocketDisconnect:
            return None
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            for joined in self._joined.values():
                joined.leave()
        return None

    async def _read(self) -> None:
        while True:
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    message = await self._websocket.receive()
            except TimeoutError:
                raise _Ended(_IDLE) from None
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code") or _NORMAL)
            text = message.get("text")
            if text is None:
                raise _Ended(_NOT_TEXT)
            try:
                frame = read_frame(parse_value(text.encode()))
            except (BadFrame, InvalidParams, UnicodeEncodeError):
                raise _Ended(_MALFORMED) from None
            await self._answer(frame)

    async def _write(self) -> None:
        """Tell what there is to tell; of several topics each in its turn."""
        while True:
            await self._has_more.wait()
            self._has_more.clear()
            for joined in list(self._joined.values()):
                while (frame := joined.outgoing.take()) is not None:
                    await self._send(frame)

    async def _send(self, frame: Frame) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._websocket.send_text(frame.text())
        except TimeoutError:
            raise _Ended(_SLOW) from None
        except RuntimeError:  # the page closed it meanwhile
            raise WebSocketDisconnect from None

    async def _answer(self, frame: Frame) -> None:
        await self._prove_again()
        if frame.topic == PHOENIX and frame.event == HEARTBEAT:
            await self._send(frame.reply("ok", {}))
        elif frame.event == JOIN:
            await self._join(frame)
        elif frame.event == LEAVE:
            await self._leave(frame)
        else:
            word = "event" if frame.topic in self._joined else "topic"
            await self._send(frame.reply("error", {"reason": f"unmatched {word}"}))

    async def _prove_again(self) -> None:
        """Look from time to time whether what the socket was opened with still holds."""
        now = asyncio.get_running_loop().time()
        if now < self._trusted_until:
            return
        given = self._credentials
        try:
            await authenticate(self._engine, given.api_key, given.user_token)
        except Unauthenticated:
            raise _Ended(_NORMAL) from None  # with this code the client does not come again
        except AppError:
            return  # the database is away; the next time
        self._trusted_until = now + TRUSTED_SECONDS

    async def _join(self, frame: Frame) -> None:
        await self._end(frame.topic)
        try:
            self._joined[frame.topic] = await self._listen(frame)
        except AppError as error:
            response = {"reason": error.reasons, "code": error.code}
            await self._send(frame.reply("error", response))
        else:
            await self._send(frame.reply("ok", {}))

    async def _listen(self, frame: Frame) -> _Joined:
        """Begin to listen to a topic. Raises AppError."""
        kind, _, name = frame.topic.partition(":")
        token = self._principal.user_token
        self._limiter.check(
            (self._principal.environment.id, "join"), _TIER, token.user_id if token else None
        )
        if len(self._joined) >= _MOST_TOPICS:
            raise Unprocessable(f"A socket joins at most {_MOST_TOPICS} topics.")
        outgoing = Outgoing(frame.topic, frame.join_ref, self._has_more)
        if kind == "feeds":
            topic, filters = read_feed_join(self._principal, name, frame.payload)
            await check_feed_channel(self._engine, topic.channel_id)
            await self._hub.begin()
            feed = FeedListener(topic, filters, outgoing.tell_feed)
            self._hub.feeds.add(feed)
            return _Joined(outgoing, lambda: self._hub.feeds.remove(feed))
        if kind == "guides":
            members = read_guides_join(self._principal, name, frame.payload)
            guides = GuideListener(**members, tell=outgoing.tell_guides)
            await self._hub.begin()
            await self._hub.guides.add(guides)
            return _Joined(outgoing, lambda: self._hub.guides.remove(guides))
        raise NotFound("unmatched topic")

    async def _leave(self, frame: Frame) -> None:
        joined = self._joined.get(frame.topic)
        await self._send(frame.reply("ok", {}))
        if joined is not None and joined.outgoing.join_ref == frame.join_ref:
            await self._end(frame.topic)

    async def _end(self, topic: str) -> None:
        """End a join, and say which: the client takes it for the newest of its topic otherwise."""
        joined = self._joined.pop(topic, None)
        if joined is not None:
            joined.leave()
            join_ref = joined.outgoing.join_ref
            await self._send(Frame(join_ref, join_ref, topic, CLOSE, {}))
