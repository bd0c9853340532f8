"""Files that go with an e-mail (Knock docs: "Email attachments")."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Literal, Self

from domain.kit.json_types import JsonObject

Disposition = Literal["inline", "attachment"]


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file as it is sent.

    Attributes:
        name: of the file, one line.
        content_type: a MIME type, perhaps with parameters.
        content: its bytes.
        content_id: by which the HTML names it (`cid:…`), without brackets.
        disposition: whether it is shown within the mail; None leaves that to the content id.
    """

    name: str
    content_type: str
    content: bytes
    content_id: str | None = None
    disposition: Disposition | None = None

    @property
    def is_inline(self) -> bool:
        """Tell whether it belongs into the mail and not beside it."""
        if self.disposition is None:
            return self.content_id is not None
        return self.disposition == "inline"

    @property
    def raw(self) -> bytes:
        """Return its bytes as they are sent."""
        return self.content

    @property
    def base64(self) -> str:
        """Return its bytes as APIs take them."""
        return b64encode(self.content).decode()

    def omitted(self) -> Attachment:
        """Return it as a delivery log shows it: its size in the place of what is in it."""
        return _Omitted(**{each.name: getattr(self, each.name) for each in fields(self)})

    def reference(self) -> JsonObject:
        """Return what a message's content keeps of it; the bytes are kept by their digest."""
        kept: JsonObject = {
            "name": self.name,
            "content_type": self.content_type,
            "size": len(self.content),
            "digest": sha256(self.content).hexdigest(),
        }
        more = {"content_id": self.content_id, "disposition": self.disposition}
        return kept | {name: value for name, value in more.items() if value is not None}

    @classmethod
    def of(cls, reference: JsonObject, content: bytes) -> Self:
        """Put it together again from what a message keeps and its bytes."""
        return cls(
            name=reference["name"],
            content_type=reference["content_type"],
            content=content,
            content_id=reference.get("content_id"),
            disposition=reference.get("disposition"),
        )


class _Omitted(Attachment):
    """One whose bytes are not shown."""

    @property
    def raw(self) -> bytes:
        """Say how many bytes it has."""
        return self.base64.encode()

    @property
    def base64(self) -> str:
        """Say how many bytes it has."""
        return f"[{len(self.content)} bytes]"
