"""What tells a hung server from one that is away."""

from __future__ import annotations

import asyncio

import pytest

from commands.dev import probes
from commands.dev.ports import free_port
from commands.embedded.errors import EmbeddedError
from runtime.settings import Settings


async def test_silent_server_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes a connection and does not answer hangs; who refuses it, or errs, does not."""
    monkeypatch.setattr(probes, "LOOK_SECONDS", 0.3)
    release = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    async def failing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 500 no\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    for handler, expected in ((silent, False), (failing, True)):
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        assert await probes.answers(f"http://127.0.0.1:{port}/health")() is expected
        release.set()
        server.close()
    assert await probes.answers(f"http://127.0.0.1:{free_port()}/health")() is True


async def test_a_temporal_that_is_away_is_told_plainly() -> None:
    """Whoever named a server that does not answer reads its address, and what to do."""
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(EmbeddedError) as refusal:
        await probes.adopt_temporal(Settings(temporal_address=address))
    assert str(refusal.value) == (
        f"Temporal at {address} does not answer. Check CARILLON_TEMPORAL_ADDRESS, or unset it to "
        "have one started."
    )
