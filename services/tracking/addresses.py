"""The addresses by which we hear of a message, made for it and read when somebody asks for one.

Whoever asks shows something that only we can have made: a signed token that says the message and
the link, or the key of a stored one. So nobody can be led to where no message of ours has led
(ADR 34).
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from uuid import UUID

from domain.kit.errors import NotFound
from domain.recipients.refs import RecipientRef
from domain.tracking.rows import ShortLink, TrackedLink, is_key, new_key
from models.queries.tracking.links import find_short_link
from runtime.vault import SIGNATURE_BYTES, Vault
from services.engine import Engine
from services.preferences import hosted, unsubscribing

LINK_PATH, SHORT_PATH, OPEN_PATH = "/c", "/l", "/o"
_LINK, _OPEN = "tracked_link", "tracked_open"
_FORMAT = b"\x01"
_ID_BYTES = 16
# A message with more has its first ones tracked.
MOST_LINKS = 1_000
# Servers and proxies take addresses of 8 kB; a longer link gets a short one.
_LONGEST_LINK = 4_000
_NOT_VALID = "This link is not valid."


class MessageTracker:
    """Makes the addresses of one message; what has to be stored is left in `short_links`.

    Args:
        engine: the parts of this process.
        environment_id: where the message is.
        message_id: which message.
        ref: whose it is.
        now: when it is made.
    """

    def __init__(
        self,
        engine: Engine,
        environment_id: UUID,
        message_id: UUID,
        ref: RecipientRef,
        now: datetime,
    ) -> None:
        self._vault = engine.vault
        self._address = engine.settings.public_address
        # They say who looks by themselves, and have to work for whoever tracks nothing.
        own = (hosted.PATH, unsubscribing.PATH, LINK_PATH, SHORT_PATH, OPEN_PATH)
        self._own = tuple(f"{self._address}{path}/" for path in own)
        self._environment_id = environment_id
        self._message_id = message_id
        self._ref = ref
        self._now = now
        self._known: dict[tuple[str, bool], str] = {}
        self._count = 0
        self.short_links: list[ShortLink] = []

    def long_link(self, url: str) -> str:
        """Return an address that says the link itself."""
        return self._tracked(url, is_short=len(url) > _LONGEST_LINK)

    def short_link(self, url: str) -> str:
        """Return an address whose link is stored."""
        return self._tracked(url, is_short=True)

    def pixel(self) -> str:
        """Return the address of the image that says that the message is open."""
        token = _signed(self._vault, self._message_id.bytes, _OPEN)
        return f"{self._address}{OPEN_PATH}/{token}.png"

    def _tracked(self, url: str, *, is_short: bool) -> str:
        if url.startswith(self._own) or self._count == MOST_LINKS:
            return url
        self._count += 1
        known = self._known.get((url, is_short))
        if known is None:
            known = self._short(url) if is_short else self._long(url)
            self._known[url, is_short] = known
        return known

    def _long(self, url: str) -> str:
        token = _signed(self._vault, self._message_id.bytes + url.encode(), _LINK)
        return f"{self._address}{LINK_PATH}/{token}"

    def _short(self, url: str) -> str:
        link = ShortLink(
            key=new_key(),
            environment_id=self._environment_id,
            message_id=self._message_id,
            collection=self._ref.collection,
            recipient_id=self._ref.id,
            url=url,
            inserted_at=self._now,
        )
        self.short_links.append(link)
        return f"{self._address}{SHORT_PATH}/{link.key}"


class StillTracker(MessageTracker):
    """Makes addresses for a message that nobody is sent: always the same, and they lead nowhere."""

    def pixel(self) -> str:
        """Return the address of an image that is none."""
        return f"{self._address}{OPEN_PATH}/what-if.png"

    def _long(self, url: str) -> str:
        return f"{self._address}{LINK_PATH}/what-if"

    def _short(self, url: str) -> str:
        return f"{self._address}{SHORT_PATH}/what-if"


def read_link(engine: Engine, token: str) -> TrackedLink:
    """Read the token of a link. Raises NotFound when it is none of ours, or not a whole one."""
    said = _read(engine, token, _LINK)
    try:
        return TrackedLink(UUID(bytes=said[:_ID_BYTES]), said[_ID_BYTES:].decode())
    except ValueError as error:  # signed, and by no release that this one knows
        raise NotFound(_NOT_VALID) from error


async def read_short_link(engine: Engine, key: str) -> TrackedLink:
    """Look a short link up.

    Raises:
        NotFound: there is none of that key.
        Unavailable: the database is away.
    """
    if not is_key(key):
        raise NotFound(_NOT_VALID)
    async with engine.connection() as connection:
        found = await find_short_link(connection, key)
    if found is None:
        raise NotFound(_NOT_VALID)
    return found


def read_opening(engine: Engine, token: str) -> UUID:
    """Read the token of a message's image. Raises NotFound when it is none of ours."""
    said = _read(engine, token, _OPEN)
    if len(said) != _ID_BYTES:
        raise NotFound(_NOT_VALID)
    return UUID(bytes=said)


def _signed(vault: Vault, said: bytes, purpose: str) -> str:
    """Write what a token says as the part of a path, with our signature in front."""
    data = _FORMAT + said
    return base64.urlsafe_b64encode(vault.sign(data, purpose) + data).rstrip(b"=").decode()


def _read(engine: Engine, token: str, purpose: str) -> bytes:
    """Return what a token says. Raises NotFound when we have not signed it for the purpose."""
    try:
        padding = "=" * (-len(token) % 4)
        read = base64.b64decode(token + padding, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotFound(_NOT_VALID) from error
    signature, data = read[:SIGNATURE_BYTES], read[SIGNATURE_BYTES:]
    if not data.startswith(_FORMAT) or not engine.vault.has_signed(data, signature, purpose):
        raise NotFound(_NOT_VALID)
    return data[len(_FORMAT) :]
