"""Links by which a recipient takes no more commercial messages.

A link says whose it is, sealed: nobody can read it, change it, or make one for somebody else. It
needs no row, and works for as long as the secret key that sealed it is kept.

Source: Knock docs, "Commercial unsubscribe"; RFC 8058.
"""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

from domain.kit.errors import NotFound
from domain.preferences.names import COMMERCIAL, DEFAULT_SET
from domain.preferences.rows import NewSet, Persistence
from domain.recipients.refs import RecipientRef
from models.queries.preferences.sets import write_preference_sets
from models.queries.recipients.subscriptions import hold_recipients
from runtime.crypto import BrokenSeal
from services.engine import Engine

PATH = "/unsubscribe"
_PLACE = "commercial_unsubscribe"


def unsubscribe_url(engine: Engine, environment_id: UUID, ref: RecipientRef) -> str:
    """Make a link for a recipient; each time another one that does the same."""
    document = {"environment": str(environment_id), "collection": ref.collection, "id": ref.id}
    sealed = engine.vault.seal(document, _PLACE)
    token = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
    return f"{engine.settings.public_address}{PATH}/{token}"


def check_link(engine: Engine, token: str) -> None:
    """Tell whether a link is one of ours, and change nothing.

    Raises:
        NotFound: it is not, or not a whole one.
        UnknownKey: it was sealed with a key that this process does not have.
    """
    _opened(engine, token)


async def unsubscribe(engine: Engine, token: str) -> None:
    """Let the recipient of a link take no more commercial messages; its other wishes stay.

    Who was deleted since gets none anyway.

    Raises:
        NotFound: the link is not one of ours.
        UnknownKey: it was sealed with a key that this process does not have.
    """
    environment_id, ref = _opened(engine, token)
    wish = NewSet(ref.collection, ref.id, DEFAULT_SET, {COMMERCIAL: False})
    async with engine.unit() as unit:
        if await hold_recipients(unit.connection, environment_id, [ref]):
            await write_preference_sets(
                unit.connection, environment_id, [wish], how=Persistence.MERGE, now=unit.now
            )


def _opened(engine: Engine, token: str) -> tuple[UUID, RecipientRef]:
    try:
        padding = "=" * (-len(token) % 4)
        sealed = base64.b64decode(token + padding, altchars=b"-_", validate=True)
        document = engine.vault.open(sealed, _PLACE)
    except (BrokenSeal, binascii.Error, ValueError) as error:
        raise NotFound("This link is not valid.") from error
    return UUID(document["environment"]), RecipientRef(document["collection"], document["id"])
