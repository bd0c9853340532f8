"""A slow endpoint and a slow mail server that keep account of who called, and what overlapped."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from email.parser import BytesHeaderParser

from aiosmtpd.smtp import SMTP, Envelope, Session


class Calls:
    """The calls of each message.

    Attributes:
        sends: how often each message was sent.
        most: the most sends of each message that were under way at once.
    """

    def __init__(self) -> None:
        self.sends: Counter[str] = Counter()
        self.most: dict[str, int] = defaultdict(int)
        self._inside: Counter[str] = Counter()

    @contextmanager
    def under_way(self, key: str) -> Iterator[None]:
        """Count a send for as long as the block runs."""
        self.sends[key] += 1
        self._inside[key] += 1
        self.most[key] = max(self.most[key], self._inside[key])
        try:
            yield
        finally:
            self._inside[key] -= 1

    def problems(self, name: str) -> list[str]:
        """Return a line for each message that was sent twice, at once or one after the other."""
        return [
            f"{name}: message {key} was sent {count} times, {self.most[key]} at once"
            for key, count in self.sends.items()
            if count > 1
        ]


class _Endpoint:
    def __init__(self, calls: Calls, seconds: float) -> None:
        self._calls = calls
        self._seconds = seconds

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request, and answer it late; a caller that is gone is under way no more."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        await reader.readexactly(int(headers.get("content-length", "0")))
        with self._calls.under_way(headers["idempotency-key"]):
            gone = asyncio.create_task(reader.read())
            await asyncio.wait((gone,), timeout=self._seconds)
            gone.cancel()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()


class _Mailbox:
    def __init__(self, calls: Calls, seconds: float) -> None:
        self._calls = calls
        self._seconds = seconds

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take a message, and say so late (the name is the library's)."""
        content = envelope.original_content or b""
        headers = BytesHeaderParser().parsebytes(content)
        with self._calls.under_way(str(headers["Message-ID"])):
            await asyncio.sleep(self._seconds)
        return "250 OK"


@asynccontextmanager
async def slow_servers(seconds: float) -> AsyncIterator[tuple[str, int, dict[str, Calls]]]:
    """Run both on loopback; answers the URL of one, the port of the other, and the accounts."""
    accounts = {"webhook": Calls(), "e-mail": Calls()}
    endpoint = _Endpoint(accounts["webhook"], seconds)
    mailbox = _Mailbox(accounts["e-mail"], seconds)
    loop = asyncio.get_running_loop()
    web = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0)
    mail = await loop.create_server(lambda: SMTP(mailbox, loop=loop), "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{web.sockets[0].getsockname()[1]}/"
        yield url, mail.sockets[0].getsockname()[1], accounts
    finally:
        web.close()
        mail.close()
