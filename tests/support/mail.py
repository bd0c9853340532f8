"""Reads the folder of the embedded SMTP sink as a mail program would."""

from __future__ import annotations

import email.policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path


def mails_to(folder: str, address: str) -> list[EmailMessage]:
    """Return the messages that were received for an address, in order of arrival."""
    parser = BytesParser(policy=email.policy.default)
    mails = [parser.parsebytes(path.read_bytes()) for path in sorted(Path(folder).glob("*.eml"))]
    return [mail for mail in mails if mail["X-Envelope-To"] == address]


def part_of(mail: EmailMessage, kind: str) -> str:
    """Return the decoded text of a part: `plain` or `html`."""
    part = mail.get_body(preferencelist=(kind,))
    assert part is not None, f"no {kind} part"
    return str(part.get_content()).replace("\r\n", "\n")
