"""Writes the files of an e-mail as parts of its body."""

from __future__ import annotations

import base64
from urllib.parse import quote

from domain.messages.attachments import Attachment
from providers.email.addresses import clean

# Characters of an encoded name on one line, which has 78 with what stands around them.
_NAME_LINE = 54
_FOLD = "\r\n "
# A part in base64 may be none of these (RFC 2045, 6.4).
_UNENCODED = ("multipart/", "message/")


def attached_part(file: Attachment) -> bytes:
    """Write a file as a part of a mail, in base64."""
    kind = clean(file.content_type)
    if kind.lower().startswith(_UNENCODED):
        kind = "application/octet-stream"
    shown = "inline" if file.is_inline else "attachment"
    lines = [
        f"Content-Type: {kind}",
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: {shown};{_FOLD}{_parameters('filename', clean(file.name))}",
    ]
    if file.content_id is not None:
        lines.append(f"Content-ID: <{file.content_id}>")
    head = "".join(f"{line}\r\n" for line in lines)
    return head.encode() + b"\r\n" + base64.encodebytes(file.content).replace(b"\n", b"\r\n")


def _parameters(name: str, text: str) -> str:
    """Write a parameter of a header: quoted, or in pieces and percent-encoded (RFC 2231)."""
    if text.isascii() and len(text) <= _NAME_LINE:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'{name}="{escaped}"'
    # By characters, so that none is cut in two; each has twelve at most when it is encoded.
    pieces = [""]
    for character in text:
        encoded = quote(character, safe="", errors="replace")
        if len(pieces[-1]) + len(encoded) > _NAME_LINE:
            pieces.append("")
        pieces[-1] += encoded
    if len(pieces) == 1:
        return f"{name}*=utf-8''{pieces[0]}"
    start = ["utf-8''", *[""] * (len(pieces) - 1)]
    return f";{_FOLD}".join(
        f"{name}*{number}*={start[number]}{piece}" for number, piece in enumerate(pieces)
    )
