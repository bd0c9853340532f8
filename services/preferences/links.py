"""Links by which a recipient sets its preferences without an account of its own.

A link says whose it is, sealed: nobody can read it, change it, use it for something else, or make
one for somebody else. It needs no row, and works for as long as the secret key that sealed it is
kept, unless it says until when. It is not for who was made after it under the same id.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.kit.clock import iso, parse_instant
from domain.kit.errors import NotFound
from domain.recipients.recipients import Recipient
from domain.recipients.refs import RecipientRef
from runtime.vault import BrokenSeal
from services.engine import Engine

# Whoever is made by a trigger may have a link a moment later, by the clock of another machine.
_APART = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Link:
    """Whose preferences a link is for.

    Attributes:
        environment_id: where.
        ref: whose.
        expires_at: None for one that holds for ever.
        made_at: when it was sealed; None for one of a release that did not say it.
    """

    environment_id: UUID
    ref: RecipientRef
    expires_at: datetime | None = None
    made_at: datetime | None = None

    def is_for(self, found: Recipient) -> bool:
        """Tell whether a recipient, found by `ref`, is the one that the link was made for."""
        return self.made_at is None or found.inserted_at <= self.made_at + _APART


def seal_link(engine: Engine, purpose: str, link: Link) -> str:
    """Write a link as the part of a path; each time another one that says the same."""
    document = {
        "environment": str(link.environment_id),
        "collection": link.ref.collection,
        "id": link.ref.id,
        "made_at": iso(link.made_at or engine.clock()) or "",
    }
    if link.expires_at is not None:
        document["expires_at"] = iso(link.expires_at) or ""
    sealed = engine.vault.seal(document, purpose)
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def open_link(engine: Engine, purpose: str, token: str) -> Link:
    """Read a link; whether its time is over is for the caller to judge.

    Raises:
        NotFound: it is none of ours, not a whole one, or one for another purpose.
        UnknownKey: it was sealed with a key that this process does not have.
    """
    try:
        padding = "=" * (-len(token) % 4)
        sealed = base64.b64decode(token + padding, altchars=b"-_", validate=True)
        document = engine.vault.open(sealed, purpose)
    except (BrokenSeal, binascii.Error, ValueError) as error:
        raise NotFound("This link is not valid.") from error
    ref = RecipientRef(document["collection"], document["id"])
    return Link(
        UUID(document["environment"]),
        ref,
        expires_at=parse_instant(document.get("expires_at")),
        made_at=parse_instant(document.get("made_at")),
    )
