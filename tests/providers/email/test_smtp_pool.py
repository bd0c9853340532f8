"""How connections to a mail server are kept, and that nothing is sent twice because of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from aiosmtplib import SMTP, SMTPResponseException, SMTPServerDisconnected

from domain.channels.email import EmailContent
from outbound.egress import EgressPolicy, Guard
from providers.base import Timeouts
from providers.email.mime import Mail, build_mail
from providers.email.smtp_pool import SmtpPool
from providers.email.smtp_session import Endpoint, connect
from tests.providers.contract import NOW
from tests.providers.email.mails import delivery
from tests.providers.servers import Sink, smtp_sink, talking


def mail(name: str = "one", to: str = "ada@example.com") -> Mail:
    """Write a small message."""
    return build_mail(cast(EmailContent, delivery(0, to=to).content), name, NOW)


@asynccontextmanager
async def pool_to(port: int, **limits: float) -> AsyncIterator[SmtpPool]:
    """Open a pool to a server on loopback while the block runs."""

    async def dial() -> SMTP:
        endpoint, guard = Endpoint("127.0.0.1", port, "none"), Guard(EgressPolicy(True))
        return await connect(endpoint, Timeouts(2, 2, 2), _no_tls, guard)

    pool = SmtpPool(dial, **limits)  # type: ignore[arg-type]
    try:
        yield pool
    finally:
        await pool.aclose()


def _no_tls() -> None:  # pragma: no cover
    raise AssertionError("no TLS was asked for")


async def test_connection_is_used_again() -> None:
    """Messages one after the other share a connection."""
    sink = Sink()
    async with smtp_sink(sink) as port, pool_to(port) as pool:
        for name in "abc":
            await pool.send(mail(name))
    assert (len(sink.envelopes), len(sink.sessions)) == (3, 1)


async def test_pool_is_bounded() -> None:
    """No more connections than `size` are open, however many messages wait."""
    sink = Sink()
    async with smtp_sink(sink) as port, pool_to(port, size=3) as pool:
        await asyncio.gather(*(pool.send(mail(str(number))) for number in range(30)))
    assert len(sink.envelopes) == 30
    assert len(sink.sessions) <= 3


async def test_connection_retires_after_its_uses() -> None:
    """A connection is given up after `uses` messages."""
    sink = Sink()
    async with smtp_sink(sink) as port, pool_to(port, uses=2) as pool:
        for name in "abcde":
            await pool.send(mail(name))
    assert len(sink.sessions) == 3


async def test_idle_connection_is_closed() -> None:
    """An idle connection is closed after `idle` seconds and the pool is then unused."""
    async with smtp_sink(Sink()) as port, pool_to(port, idle=0.1) as pool:
        await pool.send(mail())
        assert not pool.is_unused
        async with asyncio.timeout(30):
            while not pool.is_unused:
                await asyncio.sleep(0.02)


async def test_refusal_leaves_the_connection_usable() -> None:
    """After a refused recipient the envelope is reset and the next message arrives alone."""
    sink = Sink(**{"no@example.com": "550 5.1.1 unknown"})
    async with smtp_sink(sink) as port, pool_to(port) as pool:
        await pool.send(mail("a"))
        with pytest.raises(SMTPResponseException):
            await pool.send(mail("b", to="no@example.com"))
        await pool.send(mail("c"))
    assert [envelope.rcpt_tos for envelope in sink.envelopes] == [["ada@example.com"]] * 2
    assert len(sink.sessions) == 1


class Forgetful:
    """A server that treats the messages of its first connection as `fate` says from the second on.

    It drops the connection (`drop`), says goodbye (`421`), or drops it after DATA (`data`).
    """

    def __init__(self, fate: str) -> None:
        self.fate = fate
        self.connections = 0
        self.taken: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        spoiled = self.connections == 1
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            again = spoiled and bool(self.taken)
            if line.startswith(b"MAIL") and again and self.fate != "data":
                writer.write(b"421 bye\r\n" if self.fate == "421" else b"")
                return
            if line.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                self.taken.append(await reader.readuntil(b"\r\n.\r\n"))
                if again:
                    return
            writer.write(b"250 ok\r\n")


@pytest.mark.parametrize("fate", ["drop", "421"])
async def test_dropped_connection_is_replaced_once(fate: str) -> None:
    """A connection that broke while idle is replaced, and the message is sent exactly once."""
    server = Forgetful(fate)
    async with talking(server) as port, pool_to(port) as pool:
        await pool.send(mail("a"))
        await pool.send(mail("b"))
    assert (len(server.taken), server.connections) == (2, 2)


async def test_connection_lost_after_data_is_not_replaced() -> None:
    """Once the data is out the pool does not repeat: the server may have taken the message."""
    server = Forgetful("data")
    async with talking(server) as port, pool_to(port) as pool:
        await pool.send(mail("a"))
        with pytest.raises(SMTPServerDisconnected):
            await pool.send(mail("b"))
    assert (len(server.taken), server.connections) == (2, 1)


async def test_fresh_connection_that_breaks_is_not_tried_again() -> None:
    """The second try is for connections that worked before; a fresh failure is the caller's."""
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(b"220 hello\r\n")
        await reader.readline()
        writer.write(b"250 ok\r\n")
        await reader.readline()

    async with talking(talk) as port, pool_to(port) as pool:
        with pytest.raises(SMTPServerDisconnected):
            await pool.send(mail())
    assert connections == 1


async def test_cancelled_message_takes_its_connection_along() -> None:
    """A cancelled send leaves no connection whose next reply belongs to another message."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            if line.startswith(b"RCPT"):
                asked.set()
                await go_on.wait()
            writer.write(b"250 ok\r\n")

    async with talking(talk) as port, pool_to(port) as pool:
        task = asyncio.create_task(pool.send(mail()))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pool.is_unused
        go_on.set()
