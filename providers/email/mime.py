"""Writes a rendered e-mail as the bytes and the envelope that a mail server takes.

Written here and not by `EmailMessage`: its folding (seen with Python 3.11) turns a long
`List-Unsubscribe` or `References` into encoded words, which no mail program reads as a link or an
id; each Python folds in its own way, some beyond the lengths that RFC 5322 and 2047 allow; and it
takes most of the CPU time that sending a mail costs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, formataddr

from domain.channels.email import EmailContent
from domain.messages.attachments import Attachment
from providers.email.addresses import Mailbox, clean, read_envelope
from providers.email.mime_files import attached_part

_HEADER_NAME = re.compile(r"[!-9;-~]{1,76}")
_ID_PART = re.compile(r"[A-Za-z0-9._-]+")
# Ours to write; an extra header of such a name is dropped.
_STRUCTURAL = frozenset(
    {"bcc", "cc", "date", "from", "message-id", "mime-version", "received", "reply-to"}
    | {"return-path", "subject", "to", "x-carillon-message-id"}
)
_STRUCTURAL_PREFIXES = ("content-", "resent-")
_PIECE = re.compile(r" *[^ ]+")
_FOLD = "\r\n "
_LONGEST_LINE = 998  # RFC 5322, 2.1.1: must
_GOOD_LINE = 78  # the same: should
_WORD_LINE = 76  # RFC 2047, 2: a line with encoded words; a word has 75 at most
_WORD_START, _WORD_END = "=?utf-8?b?", "?="
_WORD_BYTES = 45  # 60 characters of base64


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
        left_out: what stood in `cc`, `bcc` or `reply_to` and is not an address; the others get it.
    """

    sender: str
    to: tuple[str, ...]
    copies: tuple[str, ...]
    message_id: str
    headers: dict[str, str]
    data: bytes
    utf8: bool
    left_out: dict[str, list[str]]


def build_mail(
    content: EmailContent,
    message_id: str,
    now: datetime,
    attachments: Sequence[Attachment] = (),
) -> Mail:
    """Write `content` as a message, dated `now`; the same message id gives the same Message-ID.

    A broken address among the copies or in `reply_to` is left out: the others get the mail.

    Raises Bounced when the recipient's address cannot be one, and Misconfigured for the sender's.
    """
    envelope = read_envelope(content)
    sender, to = envelope.sender, (envelope.to,)
    lists = {"cc": envelope.cc, "bcc": envelope.bcc, "reply_to": envelope.reply_to}
    id_part = message_id if _ID_PART.fullmatch(message_id) else message_id.encode().hex()
    own_id = f"<{id_part}@{sender.address.rpartition('@')[2]}>"
    addressed = {"From": (sender,), "To": to, "Cc": lists["cc"], "Reply-To": lists["reply_to"]}
    texts = {
        "Subject": clean(content["subject_line"]),
        "Date": format_datetime(now),
        "Message-ID": own_id,
        "X-Carillon-Message-Id": clean(message_id),
        **{
            name: clean(str(value))
            for name, value in content["headers"].items()
            if _HEADER_NAME.fullmatch(name)
            and name.lower() not in _STRUCTURAL
            and not name.lower().startswith(_STRUCTURAL_PREFIXES)
        },
    }
    lines = [_address_line(name, boxes) for name, boxes in addressed.items() if boxes]
    lines += [_text_line(name, text) for name, text in texts.items()]
    shown = {name: ", ".join(map(_readable, boxes)) for name, boxes in addressed.items() if boxes}
    others = dict.fromkeys(box.address for box in (*lists["cc"], *lists["bcc"]))
    return Mail(
        sender=sender.address,
        to=(to[0].address,),
        copies=tuple(address for address in others if address != to[0].address),
        message_id=own_id,
        headers=shown | texts,
        data="".join(lines).encode() + _body(content, attachments),
        utf8=not all(box.address.isascii() for boxes in addressed.values() for box in boxes)
        or not all(address.isascii() for address in others),
        left_out=envelope.left_out,
    )


def _address_line(name: str, boxes: tuple[Mailbox, ...]) -> str:
    start = f"{name}: "
    shown = [_encoded(box, used=1 if index else len(start)) for index, box in enumerate(boxes)]
    return start + f",{_FOLD}".join(shown) + "\r\n"


def _encoded(box: Mailbox, *, used: int) -> str:
    """Write a mailbox on a line of which `used` characters are taken."""
    if not box.name:
        return box.address
    bracketed = f"<{box.address}>"
    if box.name.isascii():
        # The name as the standard library quotes it, where it has to be quoted.
        name = formataddr((box.name, "a@b.c")).removesuffix(" <a@b.c>")
        if used + len(name) + 1 + len(bracketed) <= _GOOD_LINE:
            return f"{name} {bracketed}"
        if used + len(name) <= _GOOD_LINE:
            return f"{name}{_FOLD}{bracketed}"
    return f"{_words(box.name, used=used)}{_FOLD}{bracketed}"


def _readable(box: Mailbox) -> str:
    if not box.name:
        return box.address
    escaped = box.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{box.address}>'


def _text_line(name: str, text: str) -> str:
    """Write a header of free text: folded at blanks, else as encoded words."""
    start = f"{name}:"
    pieces = _PIECE.findall(f" {text}")
    longest = max(
        (len(start) * (not index) + len(it) for index, it in enumerate(pieces)), default=0
    )
    if not text.isascii() or longest > _LONGEST_LINE:
        return f"{start} {_words(text, used=len(start) + 1)}\r\n"
    lines = [start]
    for piece in pieces:
        # The first stays beside the name: not every reader likes an empty start.
        if len(lines[-1]) + len(piece) > _GOOD_LINE and lines != [start]:
            lines.append("")
        lines[-1] += piece
    return "\r\n".join(lines) + "\r\n"


def _words(text: str, *, used: int) -> str:
    """Write text as encoded words (RFC 2047), folded, the first behind `used` characters."""
    room = _WORD_LINE - used - len(_WORD_START) - len(_WORD_END)
    words, chunk, limit = [], b"", min(room // 4 * 3, _WORD_BYTES)
    for character in text:
        raw = character.encode("utf-8", "replace")
        if len(chunk) + len(raw) > limit:
            words.append(chunk)
            chunk, limit = b"", _WORD_BYTES
        chunk += raw
    words.append(chunk)
    # An empty first one is a line too short for any: what follows begins with a fold.
    return _FOLD.join(
        f"{_WORD_START}{base64.b64encode(word).decode()}{_WORD_END}" if word else ""
        for word in words
    )


def _body(content: EmailContent, attachments: Sequence[Attachment]) -> bytes:
    """Write the body: the text, the HTML, or both as alternatives, the preferred one last.

    What the HTML names by its id is related to it; the other files stand beside both.
    """
    bodies = (("plain", content["text_body"]), ("html", content["html_body"]))
    parts = [_part(text, kind) for kind, text in bodies if text] or [_part("", "plain")]
    named = [each for each in attachments if each.is_inline and each.content_id is not None]
    others = [each for each in attachments if each not in named]
    body = _together("alternative", parts)
    body = _together("related", [body, *map(attached_part, named)])
    return b"MIME-Version: 1.0\r\n" + _together("mixed", [body, *map(attached_part, others)])


def _together(subtype: str, parts: Sequence[bytes]) -> bytes:
    """Write several parts as one; a single one stays as it is."""
    if len(parts) == 1:
        return parts[0]
    # Made of the parts themselves, so that none of them can contain it.
    boundary = b"=_" + hashlib.sha256(b"".join(parts)).hexdigest()[:32].encode()
    opening = b"--" + boundary + b"\r\n"
    kind = f"Content-Type: multipart/{subtype}; boundary=".encode()
    head = kind + b'"' + boundary + b'"\r\n\r\n'
    inner = b"".join(opening + part for part in parts)
    return head + inner + b"--" + boundary + b"--\r\n"


def _part(text: str, subtype: str) -> bytes:
    raw = b"\r\n".join(text.encode("utf-8", "replace").splitlines()) + b"\r\n"
    encoding = b"7bit"
    if not raw.isascii() or b"\x00" in raw or max(map(len, raw.split(b"\r\n"))) > _LONGEST_LINE:
        raw, encoding = binascii.b2a_qp(raw, istext=True), b"quoted-printable"
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: '
    return head.encode() + encoding + b"\r\n\r\n" + raw
