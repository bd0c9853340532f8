"""The addresses of an e-mail: who sends it, whom it is for, who gets a copy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import getaddresses

import httpx

from domain.channels.email import EmailContent
from domain.deliveries.delivery import Bounced, DeliveryFailure, Misconfigured, Refused

# The parts of an address that need no quoting; quoted local parts are not taken.
_ADDRESS = re.compile(r'[^\s@<>,;:"()\[\]\\]+@[^\s@<>,;:"()\[\]\\]+')
_ESCAPED = re.compile(r"\\.")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name, perhaps empty, and an address whose domain is in ASCII."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends an e-mail, and who gets it.

    `left_out` has what stood in `cc`, `bcc` or `reply_to` and is not an address; the others get it.
    """

    sender: Mailbox
    to: Mailbox
    cc: tuple[Mailbox, ...]
    bcc: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    left_out: dict[str, list[str]]


def read_envelope(content: EmailContent) -> Envelope:
    """Read the addresses of a rendered e-mail.

    A broken address among the copies or in `reply_to` is left out: the others get the mail.

    Raises Bounced when the recipient's address cannot be one, and Misconfigured for the sender's.
    """
    sender = _sender(content["from"])
    recipients = list(_entries(content["to"]))
    if len(recipients) != 1:
        # Knock docs, "E-mail settings": one address. A recipient's own e-mail adds no others.
        count = "holds several" if recipients else "is empty"
        raise Bounced(f"`to` must hold one address; it {count}.")
    to = _mailbox(recipients[0], Bounced, "to")
    left_out: dict[str, list[str]] = {}
    return Envelope(
        sender=sender,
        to=to,
        cc=_mailboxes(content["cc"], "cc", left_out),
        bcc=_mailboxes(content["bcc"], "bcc", left_out),
        reply_to=_mailboxes(content["reply_to"], "reply_to", left_out),
        left_out=left_out,
    )


def clean(text: str) -> str:
    """Make a string one line: line ends and control characters become a space."""
    return _CONTROL.sub(" ", text).strip()


def _sender(text: str) -> Mailbox:
    # One mailbox, so that an unquoted comma in "Acme, Inc <a@acme.example>" is part of the name.
    name, bracket, rest = clean(text).rpartition("<")
    address = rest.removesuffix(">") if bracket else rest
    name = name.strip().removeprefix('"').removesuffix('"').replace('\\"', '"')
    return Mailbox(name, _checked(address, Misconfigured, "from"))


def _mailboxes(text: str | None, kind: str, left_out: dict[str, list[str]]) -> tuple[Mailbox, ...]:
    boxes = []
    for entry in _entries(text):
        try:
            boxes.append(_mailbox(entry, Refused, kind))
        except Refused:
            left_out.setdefault(kind, []).append(entry)
    return tuple(boxes)


def _entries(text: str | None) -> Iterator[str]:
    """Cut a list of addresses at commas and semicolons outside quotes; empty ones are dropped."""
    line = clean(text or "")
    # With one left open nobody can know what it encloses: then quotes are ordinary characters.
    quotes = "" if _ESCAPED.sub("", line).count('"') % 2 else '"'
    entry, is_quoted, is_escaped = "", False, False
    for character in (*line, ","):
        if character in ",;" and not is_quoted:
            if entry.strip():
                yield entry.strip()
            entry = ""
            continue
        if character == quotes and not is_escaped:
            is_quoted = not is_quoted
        is_escaped = is_quoted and character == "\\" and not is_escaped
        entry += character


def _mailbox(entry: str, failure: type[DeliveryFailure], kind: str) -> Mailbox:
    pairs = getaddresses([entry])
    # "Anything: eve@example.com" would be a group to the parser, and go to its members.
    if len(pairs) != 1 or ":" in _QUOTED.sub("", entry):
        raise failure(f"The address in `{kind}` is not an e-mail address.")
    name, address = pairs[0]
    return Mailbox(name, _checked(address, failure, kind))


def _checked(address: str, failure: type[DeliveryFailure], kind: str) -> str:
    address = address.strip()
    if not _ADDRESS.fullmatch(address) or len(address) > 320:
        raise failure(f"The address in `{kind}` is not an e-mail address.")
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        # httpx encodes by IDNA 2008; the codec of the standard library would make ß an ss.
        return f"{local}@{httpx.URL(scheme='https', host=domain).raw_host.decode('ascii')}"
    except httpx.InvalidURL:
        raise failure(f"The domain of the address in `{kind}` is not valid.") from None
