"""An SMTP server that keeps every message as a file: the mailbox of development and of tests."""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import signal
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from commands.files import write_atomically

_LARGEST_MESSAGE_BYTES = 64 * 1024 * 1024


class MailFolder:
    """Keeps messages as `.eml` files whose names sort by arrival.

    Args:
        folder: where they go; it must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Store a message whole, then accept it (the name is the library's)."""
        # The envelope alone tells who received a blind copy.
        recipients = ", ".join(str(address) for address in envelope.rcpt_tos)
        trace = f"X-Envelope-From: {envelope.mail_from or ''}\r\nX-Envelope-To: {recipients}\r\n"
        content = trace.encode("utf-8", "surrogateescape") + (envelope.original_content or b"")
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}.eml"
        write_atomically(self._folder / name, content)
        return "250 OK"


async def run_sink(host: str, port: int, mail: Path) -> None:
    """Serve until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    folder = MailFolder(mail)

    def connection() -> SMTP:
        return SMTP(
            folder,
            enable_SMTPUTF8=True,
            data_size_limit=_LARGEST_MESSAGE_BYTES,
            ident="Carillon mail folder",
            loop=loop,
        )

    server = await loop.create_server(connection, host, port)
    try:
        await stop.wait()
    finally:
        server.close()


def main() -> None:
    """Run the sink as a process: `python -m commands.embedded.smtp_sink --port N --mail FOLDER`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mail", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(run_sink(arguments.host, arguments.port, arguments.mail))


if __name__ == "__main__":
    main()
