"""Finds in the folder of the SMTP sink what it received."""

from __future__ import annotations

import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path


def received(folder: Path) -> Iterator[EmailMessage]:
    """Yield every message of a mail folder, the newest first."""
    parser = BytesParser(policy=email.policy.default)
    for path in sorted(folder.glob("*.eml"), reverse=True):
        yield parser.parsebytes(path.read_bytes())


def find_mail(folder: Path, message_id: str) -> EmailMessage | None:
    """Return the message with this Message-ID, or None."""
    return next((mail for mail in received(folder) if mail["Message-ID"] == message_id), None)


def mails_to(folder: Path, address: str) -> int:
    """Count the messages whose envelope names an address."""
    return sum(address in str(mail["X-Envelope-To"]) for mail in received(folder))


def text_of(mail: EmailMessage) -> str:
    """Return the plain text of a message; empty when it has none."""
    part = mail.get_body(preferencelist=("plain",))
    return str(part.get_content()) if part is not None else ""
