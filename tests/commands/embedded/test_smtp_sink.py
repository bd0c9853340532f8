"""The SMTP sink keeps what it accepts."""

from __future__ import annotations

import asyncio
import email
import email.policy
import signal
import sys
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from commands.dev.ports import free_port

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[int]:
    """Run the sink as the stack does, and lend its port."""
    port = free_port()
    command = (sys.executable, "-m", "commands.embedded.smtp_sink", "--port", str(port))
    process = await asyncio.create_subprocess_exec(*command, "--mail", str(tmp_path), cwd=ROOT)
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            await writer.wait_closed()
            break
    yield port
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


def message(subject: str) -> EmailMessage:
    """Write a message with letters beyond ASCII."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "us@example.com", "you@example.com", subject
    mail.set_content("Grüße\n.\nend")
    return mail


async def test_message_is_kept_as_sent(sink: int, tmp_path: Path) -> None:
    """A message is kept whole, with the envelope's recipients, blind copies included."""
    await aiosmtplib.send(
        message("Hällo"),
        hostname="127.0.0.1",
        port=sink,
        recipients=["you@example.com", "blind@example.com"],
    )
    [file] = tmp_path.glob("*.eml")
    kept = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert kept["Subject"] == "Hällo"
    assert kept["X-Envelope-To"] == "you@example.com, blind@example.com"
    assert kept.get_content().splitlines() == ["Grüße", ".", "end"]


async def test_files_sort_by_arrival(sink: int, tmp_path: Path) -> None:
    """Sorted by name, the files are in order of arrival, and only whole messages show."""
    for number in range(5):
        await aiosmtplib.send(message(f"mail {number}"), hostname="127.0.0.1", port=sink)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert all(name.endswith(".eml") for name in names)
    subjects = [
        email.message_from_bytes((tmp_path / name).read_bytes())["Subject"] for name in names
    ]
    assert subjects == [f"mail {number}" for number in range(5)]
