"""Writes a rendered e-mail as the bytes and the envelope that a mail server takes.

Written here and not by `EmailMessage`, for two reasons: its folding (seen with Python 3.11) turns a
long `List-Unsubscribe` or `References` into encoded words, which no mail program reads as a link or
an id; and it takes most of the CPU time that sending a mail costs.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr, getaddresses

import httpx

from domain.delivery import Bounced, DeliveryFailure, EmailContent, Misconfigured, Refused

# The parts of an address that need no quoting; quoted local parts are not taken.
_ADDRESS = re.compile(r'[^\s@<>,;:"()\[\]\\]+@[^\s@<>,;:"()\[\]\\]+')
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
_HEADER_NAME = re.compile(r"[!-9;-~]{1,76}")
_ID_PART = re.compile(r"[A-Za-z0-9._-]+")
# Ours to write; an extra header of such a name is dropped.
_STRUCTURAL = frozenset(
    {"bcc", "cc", "date", "from", "message-id", "mime-version", "received", "reply-to"}
    | {"return-path", "subject", "to", "x-carillon-message-id"}
)
_STRUCTURAL_PREFIXES = ("content-", "resent-")
_FOLD = "\r\n"
_LONGEST_LINE = 998  # RFC 5322, 2.1.1


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name, perhaps empty, and an address whose domain is in ASCII."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Mail:
    """What goes over the wire, and what the delivery log says about it.

    Attributes:
        sender: the address of the envelope.
        to: the addresses that the message is for; it is not sent when one is refused.
        copies: cc and bcc.
        message_id: with angle brackets.
        headers: the header fields as text, before encoding.
        data: the whole message with CRLF line ends.
        utf8: an address needs the SMTPUTF8 extension.
    """

    sender: str
    to: tuple[str, ...]
    copies: tuple[str, ...]
    message_id: str
    headers: dict[str, str]
    data: bytes
    utf8: bool


def build_mail(content: EmailContent, message_id: str, now: datetime) -> Mail:
    """Write `content` as a message, dated `now`; the same message id gives the same Message-ID.

    Raises Bounced when the recipient's address cannot be one, Misconfigured for the sender's, and
    Refused for the others'.
    """
    sender = _sender(content["from"])
    to = _mailboxes(content["to"], Bounced, "to")
    copies = {kind: _mailboxes(content[kind], Refused, kind) for kind in ("cc", "bcc")}
    reply_to = _mailboxes(content["reply_to"], Refused, "reply_to")
    if not to:
        raise Bounced("The recipient's address is empty.")
    if len(to) > 1:
        # Knock docs, "E-mail settings": one address. A recipient's own e-mail adds no others.
        raise Bounced("The address in `to` is more than one.")
    own_id = f"<{_id_part(message_id)}@{sender.address.rpartition('@')[2]}>"
    addressed = {"From": (sender,), "To": to, "Cc": copies["cc"], "Reply-To": reply_to}
    texts = {
        "Subject": clean(content["subject_line"]),
        "Date": format_datetime(now),
        "Message-ID": own_id,
        "X-Carillon-Message-Id": clean(message_id),
        **_extra_headers(content["headers"]),
    }
    lines = [_address_line(name, boxes) for name, boxes in addressed.items() if boxes]
    lines += [_text_line(name, text) for name, text in texts.items()]
    shown = {name: ", ".join(map(_readable, boxes)) for name, boxes in addressed.items() if boxes}
    recipients = tuple(dict.fromkeys(box.address for box in to))
    others = dict.fromkeys(box.address for box in (*copies["cc"], *copies["bcc"]))
    return Mail(
        sender=sender.address,
        to=recipients,
        copies=tuple(address for address in others if address not in recipients),
        message_id=own_id,
        headers=shown | texts,
        data="".join(lines).encode() + _body(content),
        utf8=not all(box.address.isascii() for boxes in addressed.values() for box in boxes)
        or not all(address.isascii() for address in others),
    )


def clean(text: str) -> str:
    """Make one line of a text: line ends and control characters become a space."""
    return _CONTROL.sub(" ", text).strip()


def _sender(text: str) -> Mailbox:
    # One mailbox, so that an unquoted comma in "Acme, Inc <a@acme.example>" is part of the name.
    name, bracket, rest = clean(text).rpartition("<")
    address = rest.removesuffix(">") if bracket else rest
    name = name.strip().removeprefix('"').removesuffix('"').replace('\\"', '"')
    return Mailbox(name, _checked(address, Misconfigured, "from"))


def _mailboxes(text: str | None, failure: type[DeliveryFailure], kind: str) -> tuple[Mailbox, ...]:
    line = clean(text or "").strip(" ,;")
    if ":" in _QUOTED.sub("", line):
        # "Anything: eve@example.com" would be a group to the parser, and go to its members.
        raise failure(f"The address in `{kind}` is not an e-mail address.")
    pairs = getaddresses([line]) if line else []
    return tuple(Mailbox(name, _checked(address, failure, kind)) for name, address in pairs)


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


def _id_part(message_id: str) -> str:
    if _ID_PART.fullmatch(message_id):
        return message_id
    return message_id.encode().hex()


def _extra_headers(headers: dict[str, str]) -> dict[str, str]:
    return {
        name: clean(str(value))
        for name, value in headers.items()
        if _HEADER_NAME.fullmatch(name)
        and name.lower() not in _STRUCTURAL
        and not name.lower().startswith(_STRUCTURAL_PREFIXES)
    }


def _address_line(name: str, boxes: tuple[Mailbox, ...]) -> str:
    return f"{name}: " + ",\r\n ".join(map(_encoded, boxes)) + "\r\n"


def _encoded(box: Mailbox) -> str:
    if box.name.isascii():
        return formataddr((box.name, box.address)) if box.address.isascii() else _readable(box)
    return f"{Header(box.name, 'utf-8').encode(linesep=_FOLD)} <{box.address}>"


def _readable(box: Mailbox) -> str:
    if not box.name:
        return box.address
    escaped = box.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{box.address}>'


def _text_line(name: str, text: str) -> str:
    charset = None if text.isascii() else "utf-8"
    return f"{name}: {Header(text, charset, header_name=name).encode(linesep=_FOLD)}\r\n"


def _body(content: EmailContent) -> bytes:
    """Write the body: the text, the HTML, or both as alternatives, the preferred one last."""
    bodies = (("plain", content["text_body"]), ("html", content["html_body"]))
    parts = [_part(text, kind) for kind, text in bodies if text] or [_part("", "plain")]
    if len(parts) == 1:
        return b"MIME-Version: 1.0\r\n" + parts[0]
    # Made of the parts themselves, so that none of them can contain it.
    boundary = b"=_" + hashlib.sha256(b"".join(parts)).hexdigest()[:32].encode()
    opening = b"--" + boundary + b"\r\n"
    kind = b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n'
    inner = b"".join(opening + part for part in parts)
    return b"MIME-Version: 1.0\r\n" + kind + inner + b"--" + boundary + b"--\r\n"


def _part(text: str, subtype: str) -> bytes:
    raw = b"\r\n".join(text.encode("utf-8", "replace").splitlines()) + b"\r\n"
    encoding = b"7bit"
    if not raw.isascii() or b"\x00" in raw or max(map(len, raw.split(b"\r\n"))) > _LONGEST_LINE:
        raw, encoding = binascii.b2a_qp(raw, istext=True), b"quoted-printable"
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: '
    return head.encode() + encoding + b"\r\n\r\n" + raw
